"""The screen of a running engine shows what the commands and the simulator's ledger say."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.e2e.stack import ledger_positions, running

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = [pytest.mark.e2e, pytest.mark.browser]


def test_page_shows_the_book_the_fill_and_the_position_of_an_order_by_command(
    tmp_path: Path, browser: Browser
) -> None:
    with running(tmp_path) as stack:
        page = browser.new_page(viewport={"width": 1440, "height": 900}, locale="ko-KR")
        page.set_default_timeout(10_000)
        problems: list[str] = []
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.goto(stack.url)
        page.click("#log-in-form button")
        page.wait_for_selector("#connection[data-state=live]")
        page.wait_for_selector("#asks tr:nth-child(10) .price[data-price]")

        before = page.inner_text("#book-clock"), page.inner_text("#trades")
        placed = stack.command("order", "buy", "005930", "10", "--market")
        assert placed.returncode == 0, placed.stderr

        assert ledger_positions(stack.ledger()) == {"005930": 10}
        stack.until(lambda: "삼성전자" in page.inner_text("#positions"), 10, "the position")
        assert "10" in page.inner_text("#positions")
        assert "삼성전자" in page.inner_text("#fill-list")
        stack.until(
            lambda: (page.inner_text("#book-clock"), page.inner_text("#trades")) != before,
            15,
            "the page moves",
        )
        balance = stack.api("GET", "balance").data
        stack.until(lambda: f"{balance['cash_krw']:,}" in page.inner_text("#cash"), 10)
        assert problems == []
        page.close()

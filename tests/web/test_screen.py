"""The screen in a real browser, over an engine in memory."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

from aegis_fast.api.server import ApiServer
from aegis_fast.core.model import OrderState
from tests.unit.api.fake_service import ServedFake

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser


@pytest.fixture
def served() -> Iterator[ServedFake]:
    with ServedFake() as served:
        yield served


@pytest.fixture
def open_page(browser: Browser, served: ServedFake) -> Iterator[Callable[..., Page]]:
    contexts, problems = [], []

    def open_(**options: Any) -> Page:
        options = {"viewport": {"width": 1440, "height": 900}, "locale": "ko-KR", **options}
        context = browser.new_context(**options)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(8000)
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("request", lambda request: _check_own(request.url, served.url, problems))
        page.on("console", lambda message: _check_policy(message.text, problems))
        page.goto(served.url)
        return page

    yield open_
    for context in contexts:
        context.close()
    assert problems == []


def _check_own(url: str, own: str, problems: list[str]) -> None:
    if not url.startswith((own, own.replace("http", "ws", 1))):
        problems.append(f"a request left the engine: {url}")


def _check_policy(text: str, problems: list[str]) -> None:
    if "Content Security Policy" in text:
        problems.append(text)


@pytest.fixture
def page(open_page: Callable[..., Page]) -> Page:
    page = open_page()
    log_in(page)
    return page


def log_in(page: Page) -> None:
    page.click("#log-in-form button")
    page.wait_for_selector("#connection[data-state=live]")
    page.wait_for_selector("#asks .price[data-price='70100']")


def texts(page: Page, selector: str) -> list[str]:
    return [text.strip() for text in page.locator(selector).all_inner_texts()]


def test_demo_key_is_filled_in_and_logs_in(page: Page) -> None:
    assert page.inner_text("#env") == "SIM"
    assert page.inner_text("#connection") == "실시간"
    assert not page.is_visible("#log-in")


def test_without_a_demo_key_the_form_is_empty_and_a_wrong_secret_is_told(
    served: ServedFake, open_page: Callable[..., Page]
) -> None:
    served.service.env = "live"
    page = open_page()
    page.wait_for_selector("#log-in-form")
    assert page.input_value("#api-key") == ""
    page.fill("#api-key", "demo")
    page.fill("#api-secret", "guess")
    page.click("#log-in-form button")
    page.wait_for_selector("#log-in-error")

    assert "wrong secret" in page.inner_text("#log-in-error")
    assert page.inner_text("#env") == "LIVE"


def test_book_has_ten_levels_a_side_with_asks_on_top_and_moves(
    served: ServedFake, page: Page
) -> None:
    asks, bids = texts(page, "#asks .price"), texts(page, "#bids .price")
    widths = page.eval_on_selector_all("#asks .fill", "bars => bars.map(b => b.style.width)")
    served.call(served.service.move, "005930", 71_000)
    page.wait_for_selector("#bids .price[data-price='71000']")

    assert (asks[0], asks[9]) == ("71,000", "70,100")
    assert (bids[0], bids[9]) == ("70,000", "69,100")
    assert (widths[0], widths[9]) == ("100%", "10%")
    assert "up" in (page.get_attribute("#bids tr:first-child .price", "class") or "")
    assert texts(page, "#asks .price")[9] == "71,100"


def test_trades_appear_newest_first_and_move_the_last_price(served: ServedFake, page: Page) -> None:
    served.call(served.service.trade, "005930", 70_100, 5)
    served.call(served.service.trade, "005930", 70_700, 12)
    page.wait_for_selector("#trades tr:nth-child(2)")

    assert texts(page, "#trades tr:first-child td") == ["11:30:00", "70,700", "12"]
    assert page.inner_text("#last-price") == "70,700"
    assert "(1.00 %)" in page.inner_text("#last-change")
    assert "up" in (page.get_attribute("#last-price", "class") or "")
    assert "70,700" in page.inner_text(".symbol[data-symbol='005930']")


def test_order_is_placed_listed_and_canceled(served: ServedFake, page: Page) -> None:
    page.click("#bids tr:nth-child(3) .price")
    page.fill("#qty", "7")
    assert page.inner_text("#amount") == "488,600"
    page.click("#submit")
    page.wait_for_selector("#ticket-done")
    page.wait_for_selector("#open-orders button")
    row = texts(page, "#open-orders tr:first-child td")
    page.click("#open-orders button")
    page.wait_for_selector("#closed-orders td:has-text('취소됨')")

    assert row[1:7] == ["삼성전자", "매수", "지정가", "69,800", "0/7", "대기"]
    (order,) = served.service.kept.values()
    assert (order.state, order.price_krw, order.qty) == (OrderState.CANCELED, 69_800, 7)
    assert texts(page, "#open-orders td") == ["없음"]


def test_market_order_fills_and_moves_position_and_cash(served: ServedFake, page: Page) -> None:
    page.select_option("#type", "market")
    assert not page.is_visible("#price")
    page.fill("#qty", "10")
    page.click("#submit")
    page.wait_for_selector("#positions td:has-text('삼성전자')")
    page.wait_for_function("document.getElementById('orderable').textContent === '9,299,000'")
    served.call(served.service.trade, "005930", 70_500, 1)
    page.wait_for_selector("#positions td:has-text('+4,000')")

    assert texts(page, "#fill-list tr:first-child td")[1:] == ["삼성전자", "매수", "70,100", "10"]
    assert texts(page, "#positions tr:first-child td")[1:3] == ["10", "70,100"]


def test_sell_offset_and_conditional_orders_go_out_as_such(served: ServedFake, page: Page) -> None:
    page.select_option("#type", "offset")
    page.fill("#price", "70,000")
    page.click("#submit")
    page.wait_for_selector("#open-orders tr:nth-child(1) button")
    page.select_option("#type", "conditional")
    page.check("input[name=side][value=sell]", force=True)
    page.fill("#price", "75000")
    page.select_option("#venue", "NXT")
    page.click("#submit")
    page.wait_for_selector("#open-orders tr:nth-child(2) button")

    offset, conditional = served.service.requests.values()
    assert (offset.base_price_krw, offset.price_krw, offset.side.name) == (70_000, 0, "BUY")
    assert (conditional.order_type, conditional.side.name) == ("conditional", "SELL")
    assert (conditional.price_krw, conditional.venue) == (75_000, "NXT")


def test_wrong_input_is_told_by_field_with_what_would_be_right(
    served: ServedFake, page: Page
) -> None:
    for field, value, words in (
        ("price", "69050", "a multiple of 100, such as 69000"),
        ("price", "91100", "49000 to 91000"),
        ("price", "", "price_krw"),
        ("price", "abc", "a whole number of won"),
        ("qty", "0", "a whole number of shares"),
        ("qty", "-1", "a whole number of shares"),
        ("qty", "1.5", "a whole number of shares"),
        ("qty", "100000", "at most 10000000 won"),
    ):
        page.fill("#price", "69000")
        page.fill("#qty", "1")
        page.fill(f"#{field}", value)
        assert not page.is_visible("#ticket-error")
        page.click("#submit")
        page.wait_for_selector("#ticket-error")

        assert words in page.inner_text("#ticket-error"), (field, value)
        assert page.get_attribute(f"#{field}", "aria-invalid") == "true"
        assert page.evaluate("document.activeElement.id") == field
    assert served.service.kept == {}


def test_engine_that_restarts_is_found_again_and_logged_in_to(
    served: ServedFake, page: Page
) -> None:
    old = served.server
    port = old.port
    served.run(old.close())
    page.wait_for_selector("#connection[data-state=retrying]")
    served.service.books["005930"].apply(_frame(72_000), served.clock())
    served.server = _same_port(served, port)
    page.wait_for_selector("#connection[data-state=live]")
    page.wait_for_selector("#bids .price[data-price='72000']")
    page.fill("#price", "71900")
    page.click("#submit")
    page.wait_for_selector("#ticket-done")


def _frame(price_krw: int) -> bytes:
    from tests.unit.api.fake_service import depth_frame

    return depth_frame("005930", price_krw)


def _same_port(served: ServedFake, port: int) -> ApiServer:
    """Start a new engine's server where the old one was; it knows none of the old tokens."""
    from aegis_fast.api.access import Access
    from tests.unit.api.fake_service import counting_rng, keys

    rng = counting_rng()
    for _ in range(1000):
        rng(1 + 1)
    server = ApiServer(
        served.service,
        Access(keys(), served.clock, rng),
        host="127.0.0.1",
        port=port,
        clock_ns=served.clock,
    )
    served.run(server.start())
    return server


def test_order_without_an_answer_is_sent_again_under_the_same_id(
    served: ServedFake, page: Page
) -> None:
    page.fill("#price", "69000")
    page.route("**/orders", lambda route: _lose_answer(route))
    page.click("#submit")
    page.wait_for_selector("#ticket-error")
    said = page.inner_text("#ticket-error")
    page.unroute("**/orders")
    page.click("#submit")
    page.wait_for_selector("#ticket-done")

    assert "두 번 주문되지 않습니다" in said
    assert len(served.service.kept) == 1


def _lose_answer(route: Any) -> None:
    route.fetch()
    route.abort()


def test_symbol_is_added_and_chosen_and_an_unknown_one_is_told(
    served: ServedFake, page: Page
) -> None:
    page.fill("#new-symbol", "999999")
    page.click("#add-symbol button")
    page.wait_for_selector("#symbol-error")
    assert "no such issue" in page.inner_text("#symbol-error")

    page.click(".symbol[data-symbol='000660']")
    page.wait_for_selector("#bids .price[data-price='180000']")
    served.call(served.service.move, "005930", 75_000)
    served.call(served.service.move, "000660", 181_000)
    page.wait_for_selector("#bids .price[data-price='181000']")
    assert page.inner_text("#book-title").startswith("SK하이닉스")


def test_language_is_switched_and_remembered(page: Page) -> None:
    page.click("#language")
    assert page.inner_text("#submit") == "Buy order"
    assert page.get_attribute("html", "lang") == "en"
    page.reload()
    page.wait_for_selector("#connection[data-state=live]")
    assert page.inner_text("#orders-title").startswith("Working orders")


def test_kill_switch_is_shown(served: ServedFake, page: Page) -> None:
    served.run(served.service.set_kill_switch(True, "drill"))
    page.reload()
    page.wait_for_selector("#notice")
    assert "킬스위치" in page.inner_text("#notice")


def test_live_order_asks_first(served: ServedFake, open_page: Callable[..., Page]) -> None:
    served.service.env = "live"
    page = open_page()
    page.fill("#api-key", "demo")
    page.fill("#api-secret", "demo-secret")
    log_in(page)
    page.fill("#price", "69000")
    page.click("#submit")
    page.click("#confirm button[value=no]")
    page.wait_for_function("!document.getElementById('confirm').open")
    assert served.service.kept == {}
    page.click("#submit")
    page.click("#confirm button[value=yes]")
    page.wait_for_selector("#ticket-done")
    assert len(served.service.kept) == 1


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_phone_needs_no_sideways_scrolling_and_reaches_cancel(
    open_page: Callable[..., Page], scheme: str
) -> None:
    page = open_page(viewport={"width": 390, "height": 844}, color_scheme=scheme)
    log_in(page)
    page.fill("#price", "69000")
    page.click("#submit")
    page.wait_for_selector("#open-orders button")
    width = page.evaluate("document.documentElement.scrollWidth")
    # The row is drawn anew when the order's state changes: its place is asked for until it has one.
    right_edge = page.wait_for_function(
        """() => {
            const box = document.querySelector("#open-orders button")?.getBoundingClientRect();
            return box?.width ? box.right : 0;
        }"""
    ).json_value()
    background = page.evaluate("getComputedStyle(document.body.parentElement).backgroundColor")

    assert width <= 390
    assert 0 < right_edge <= 390
    red = int(re.findall(r"\d+", background)[0])
    assert (red < 60) == (scheme == "dark")


def test_log_out_forgets_the_session(page: Page) -> None:
    page.click("#log-out")
    page.wait_for_selector("#log-in-form")
    page.reload()
    page.wait_for_selector("#log-in-form")
    assert not page.is_visible("#desk")


@pytest.mark.parametrize("width", [761, 820, 821, 1024, 1240, 1241, 1280, 1920])
def test_no_width_needs_sideways_scrolling(open_page: Callable[..., Page], width: int) -> None:
    page = open_page(viewport={"width": width, "height": 820})
    log_in(page)

    assert page.evaluate("document.documentElement.scrollWidth") <= width

"""The engine consumes every captured frame over a real socket, and its books say what they said."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.e2e.stack import running

pytestmark = pytest.mark.e2e

FRAMES = Path(__file__).parents[1] / "data" / "frames"


def frames_of(tr_id: str) -> list[str]:
    return (FRAMES / f"{tr_id}.txt").read_text("utf-8").splitlines()


def last_depths() -> dict[str, list[str]]:
    """Return symbol -> the values of its last captured book, by plain splitting."""
    last: dict[str, list[str]] = {}
    for line in frames_of("H0STASP0"):
        values = line.split("|", 3)[3].split("^")
        last[values[0]] = values
    return last


def last_trades() -> dict[str, list[str]]:
    last: dict[str, list[str]] = {}
    for line in frames_of("H0STCNT0"):
        _enc, _tr, count, payload = line.split("|", 3)
        values = payload.split("^")
        width = len(values) // int(count)
        for i in range(int(count)):
            record = values[i * width : (i + 1) * width]
            last[record[0]] = record
    return last


def test_engine_consumes_every_captured_frame(tmp_path: Path) -> None:
    with running(
        tmp_path,
        sim_arguments=("--replay", str(FRAMES)),
        AEGIS__FEED__SYMBOLS='["005930","000660"]',
    ) as stack:
        stack.until(lambda: stack.sim_state()["replay"]["done"], 20, "the replay ends")
        replay = stack.sim_state()["replay"]
        assert replay["sent"] == replay["total"] > 20

        def counters() -> dict[str, int]:
            return dict(stack.api("GET", "status").data["counters"])

        def consumed() -> int:
            seen = counters()
            return seen["frames"] + seen["encrypted"] + seen["echoes"]

        stack.until(lambda: consumed() == replay["sent"], 10, "every frame is consumed")
        assert counters()["bad_frames"] == 0
        # Addressed to another account: decrypted, understood, and none of ours.
        assert counters()["foreign_notices"] == 1
        for symbol, values in last_depths().items():
            check_book(stack.api("GET", f"book/{symbol}").data, values)
        for symbol, record in last_trades().items():
            book = stack.api("GET", f"book/{symbol}").data
            assert book["last_price_krw"] == int(record[2])
            assert book["last_qty"] == int(record[12])
            assert book["cum_qty"] == int(record[13])


def check_book(book: dict[str, Any], values: list[str]) -> None:
    assert book["ask_price_krw"] == [int(v) for v in values[3:13]]
    assert book["bid_price_krw"] == [int(v) for v in values[13:23]]
    assert book["ask_qty"] == [int(v) for v in values[23:33]]
    assert book["bid_qty"] == [int(v) for v in values[33:43]]
    assert book["total_ask_qty"] == int(values[43])
    assert book["total_bid_qty"] == int(values[44])

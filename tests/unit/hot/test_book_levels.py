"""Book: snapshots, change bits, derived values and views."""

from __future__ import annotations

import json
from random import Random
from typing import Any

import numpy as np
import pytest

from aegis_fast.errors import FrameError
from aegis_fast.hot import (
    BEST_CHANGED,
    EXPECTED_CHANGED,
    TOTALS_CHANGED,
    Book,
    FrameParser,
    Trade,
)
from tests.oracle import frame_maker, frame_twin
from tests.oracle.book_twin import BookTwin

pytestmark = pytest.mark.native


def depth_frame(changes: dict[int, int | str], symbol: str = "005930") -> bytes:
    """An otherwise empty H0STASP0 frame: value index -> value."""
    values = [symbol, "090000", "0", *["0"] * 60]
    for place, value in changes.items():
        values[place] = str(value)
    return f"0|H0STASP0|001|{'^'.join(values)}".encode()


QUOTED = {3: 70_100, 13: 70_000, 23: 30, 33: 10, 43: 30, 44: 10}


def test_captured_books_equal_the_twin(depth_frames: list[bytes]) -> None:
    book, twin = Book("005930"), BookTwin()

    for frame in depth_frames[:4] + depth_frames[5:]:
        assert book.apply(frame) == twin.apply(frame_twin.parse(frame)[0])
        assert list(zip(book.ask_price_krw, book.ask_qty, strict=True)) == twin.ask
        assert list(zip(book.bid_price_krw, book.bid_qty, strict=True)) == twin.bid
        assert (book.spread_krw, book.mid_x2_krw) == (twin.spread_krw(), twin.mid_x2_krw())
        assert book.imbalance_ppm == twin.imbalance_ppm()

    assert book.seq == twin.seq == 5
    assert (book.best_ask_krw, book.best_bid_krw, book.spread_krw) == (278_000, 277_500, 500)
    assert book.time_hhmmss == 140610


def test_a_long_run_of_snapshots_equals_the_twin() -> None:
    book, twin, rng = Book("000660"), BookTwin(), Random(1)

    for _ in range(2_000):
        values = frame_maker.lifelike_depth(rng, "000660", 63)
        frame = f"0|H0STASP0|001|{'^'.join(values)}".encode()
        assert book.apply(frame) == twin.apply(frame_twin.parse(frame)[0])
        assert book.is_crossed == twin.is_crossed()

    assert book.seq == 2_000


def test_empty_book_answers_zero_and_none() -> None:
    book = Book("005930")

    assert (book.best_ask_krw, book.best_bid_krw, book.best_ask_qty, book.seq) == (0, 0, 0, 0)
    assert (book.spread_krw, book.mid_x2_krw, book.imbalance_ppm) == (None, None, None)
    assert (book.is_crossed, book.is_auction, book.hour_class) == (False, False, "")
    assert (book.venue, book.last_price_krw, book.cum_qty) == ("KRX", 0, 0)


@pytest.mark.parametrize(
    ("place", "bits"),
    [
        *((3 + level, 1 << level) for level in range(10)),
        *((23 + level, 1 << level) for level in range(10)),
        *((13 + level, 1 << (10 + level)) for level in range(10)),
        *((33 + level, 1 << (10 + level)) for level in range(10)),
        (43, TOTALS_CHANGED),
        (44, TOTALS_CHANGED),
        (47, EXPECTED_CHANGED),
        (48, EXPECTED_CHANGED),
        (1, 0),
        (53, 0),
    ],
)
def test_each_changed_value_sets_its_bit_and_no_other(place: int, bits: int) -> None:
    book = Book("005930")
    book.apply(depth_frame(QUOTED))

    assert book.apply(depth_frame({**QUOTED, place: 77})) == bits
    assert book.change_bits == bits
    assert book.apply(depth_frame({**QUOTED, place: 77})) == 0
    assert book.change_bits == 0


def test_best_changed_covers_both_best_levels() -> None:
    book = Book("005930")

    assert book.apply(depth_frame(QUOTED)) & BEST_CHANGED == BEST_CHANGED


def test_derived_values() -> None:
    book = Book("005930")
    book.apply(depth_frame(QUOTED))

    assert (book.spread_krw, book.mid_x2_krw) == (100, 140_100)
    assert book.imbalance_ppm == -500_000
    assert (book.total_ask_qty, book.total_bid_qty) == (30, 10)
    assert not book.is_crossed


def test_one_sided_book_has_no_spread() -> None:
    book = Book("005930")
    book.apply(depth_frame({13: 70_000, 33: 10}))

    assert (book.spread_krw, book.mid_x2_krw, book.imbalance_ppm) == (None, None, 1_000_000)


def test_imbalance_truncates_towards_zero() -> None:
    book = Book("005930")
    book.apply(depth_frame({23: 2, 33: 1}))
    assert book.imbalance_ppm == -333_333
    book.apply(depth_frame({23: 1, 33: 2}))
    assert book.imbalance_ppm == 333_333


def test_huge_quantities_do_not_overflow() -> None:
    book = Book("005930")
    book.apply(depth_frame({3: 2**63 - 1, 13: 2**63 - 2, 23: 2**63 - 1, 33: 1}))

    assert book.mid_x2_krw == 2**64 - 3
    assert book.imbalance_ppm == -999_999


def test_locked_and_crossed_books_are_told() -> None:
    book = Book("005930")
    book.apply(depth_frame({3: 70_000, 13: 70_000}))
    assert book.is_crossed
    book.apply(depth_frame({3: 70_000, 13: 69_900}))
    assert not book.is_crossed


@pytest.mark.parametrize(
    ("code", "is_auction"), [("0", False), ("A", True), ("D", True), ("", False)]
)
def test_auction_is_told_by_the_hour_class(code: str, is_auction: bool) -> None:
    book = Book("005930")
    book.apply(depth_frame({2: code}))

    assert (book.hour_class, book.is_auction) == (code, is_auction)


def test_views_show_the_newest_snapshot_without_a_copy_and_are_read_only() -> None:
    book = Book("005930")
    views = (book.ask_price_krw, book.bid_price_krw, book.ask_qty, book.bid_qty)
    book.apply(depth_frame(QUOTED))

    assert [view[0] for view in views] == [70_100, 70_000, 30, 10]
    assert views[0] is book.ask_price_krw
    assert all(view.dtype == np.int64 and view.shape == (10,) for view in views)
    for view in views:
        with pytest.raises(ValueError, match="read-only"):
            view[0] = 1
        with pytest.raises(ValueError):
            view.flags.writeable = True


def test_views_outlive_their_book() -> None:
    book = Book("005930")
    book.apply(depth_frame(QUOTED))
    view = book.ask_price_krw

    del book
    junk = [np.arange(40) for _ in range(100)]

    assert view[0] == 70_100
    assert junk


@pytest.mark.parametrize(
    "frame",
    [
        depth_frame(QUOTED, symbol="000660"),
        depth_frame(QUOTED).replace(b"H0STASP0", b"H0NXASP0"),
        depth_frame({**QUOTED, 12: "x"}),
        b"0|H0STCNT0|001|005930",
        b"",
    ],
    ids=["other symbol", "other venue", "not a number", "a trade", "empty"],
)
def test_a_frame_that_does_not_fit_changes_nothing(frame: bytes) -> None:
    book = Book("005930")
    book.apply(depth_frame(QUOTED))
    before = book.snapshot()

    with pytest.raises(FrameError) as caught:
        book.apply(frame)

    assert caught.value.raw == frame
    assert book.snapshot() == before


def test_a_bad_second_record_changes_nothing() -> None:
    book = Book("005930")
    first, second = depth_frame(QUOTED)[15:], depth_frame(QUOTED, symbol="000660")[15:]

    with pytest.raises(FrameError):
        book.apply(b"0|H0STASP0|002|" + first + b"^" + second)

    assert book.seq == 0


def test_two_snapshots_of_one_frame_are_both_applied() -> None:
    book = Book("005930")
    second = depth_frame({**QUOTED, 3: 70_200})[15:]

    bits = book.apply(b"0|H0STASP0|002|" + depth_frame(QUOTED)[15:] + b"^" + second, recv_ns=5)

    assert (book.seq, book.best_ask_krw, book.recv_ns) == (2, 70_200, 5)
    assert bits == BEST_CHANGED | TOTALS_CHANGED


def test_trades_are_remembered(trade_frames: list[bytes]) -> None:
    book = Book("005930")
    book.apply_trade(FrameParser().parse(trade_frames[-1])[0])

    assert (book.last_price_krw, book.last_qty, book.last_time_hhmmss) == (277_750, 5, 140610)
    assert book.cum_qty == 11_955_000
    book.apply_trade(Trade.make(symbol="005930", price_krw=278_000))
    assert (book.last_price_krw, book.last_qty) == (278_000, 5)
    assert book.seq == 0


@pytest.mark.parametrize("wrong", [{"symbol": "000660"}, {"symbol": "005930", "venue": "NXT"}])
def test_a_trade_of_another_book_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="is not for 005930"):
        Book("005930").apply_trade(Trade.make(**wrong))


def test_snapshot_is_plain_json() -> None:
    book = Book("005930")
    book.apply(depth_frame(QUOTED))

    snapshot = json.loads(json.dumps(book.snapshot()))

    assert snapshot["ask_price_krw"][0] == 70_100
    assert (snapshot["seq"], snapshot["spread_krw"], snapshot["venue"]) == (1, 100, "KRX")


@pytest.mark.parametrize("symbol", ["", "5930", "1234567890123", "00593한", None, 5930])
def test_nonsense_symbol_is_refused(symbol: Any) -> None:
    with pytest.raises(ValueError):
        Book(symbol)


def test_nonsense_venue_is_refused() -> None:
    with pytest.raises(ValueError, match="NXT"):
        Book("005930", "SOR")

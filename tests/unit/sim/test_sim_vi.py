"""Volatility interruption: matching stops before the trade that goes too far."""

from __future__ import annotations

import msgspec
import pytest

from aegis_fast.sim.market.exchange import KINDS, VI, Book, Guard, Order, Result, guard_for
from aegis_fast.sim.market.rules import Side, price_limits
from tests.unit.sim.sim_harness import issue

BUY, SELL = Side.BUY, Side.SELL


@pytest.fixture
def book() -> Book:
    book = Book(issue(), price_limits(70_000, "stock"))
    book.guard = Guard(static_krw=70_000, static_bp=1_000, dynamic_bp=600, closing_bp=400)
    return book


def send(book: Book, side: Side, qty: int, price: int = 0, kind: str = "") -> tuple[Order, Result]:
    order_kind = KINDS[kind or ("00" if price else "01")]
    order = Order(side, qty)
    return order, book.submit(order, order_kind, book.limit_of(order_kind, side, price))


def trades(result: Result) -> list[tuple[int, int]]:
    return [(fill.price_krw, fill.qty) for fill in result.fills]


def test_trade_too_far_from_the_last_one_stops_the_book_before_it(book: Book) -> None:
    send(book, SELL, 5, 70_100)
    far, _ = send(book, SELL, 5, 74_200)

    order, result = send(book, BUY, 8, 74_500)

    assert trades(result) == [(70_100, 5)]
    assert result.interrupted == VI("dynamic", 74_200, 70_000)
    assert (book.mode, order.price_krw, order.leaves_qty) == ("auction", 74_500, 3)
    assert (far.leaves_qty, book.last_krw) == (5, 70_100)


def test_trade_just_inside_the_width_goes_through(book: Book) -> None:
    send(book, SELL, 5, 74_100)

    _, result = send(book, BUY, 5, 74_100)

    assert (trades(result), result.interrupted, book.mode) == ([(74_100, 5)], None, "continuous")


@pytest.mark.parametrize(
    ("last", "price", "vi"),
    [
        (75_000, 77_000, VI("static", 77_000, 70_000)),
        (65_000, 63_000, VI("static", 63_000, 70_000)),
        (70_000, 77_000, VI("both", 77_000, 70_000)),
        (72_000, 67_600, VI("dynamic", 67_600, 72_000)),
    ],
)
def test_kind_and_reference_of_an_interruption(book: Book, last: int, price: int, vi: VI) -> None:
    book.last_krw = last
    send(book, SELL, 5, price)

    _, result = send(book, BUY, 5, price)

    assert (result.fills, result.interrupted) == ([], vi)


def test_width_is_measured_from_the_trade_before_the_order(book: Book) -> None:
    for price in range(70_100, 75_000, 100):
        send(book, SELL, 1, price)

    _, result = send(book, BUY, 100, 75_000)

    assert result.interrupted == VI("dynamic", 74_200, 70_000)
    assert book.last_krw == 74_100


@pytest.mark.parametrize("kind", ["11", "13"])
def test_ioc_keeps_what_it_got_and_drops_the_rest(book: Book, kind: str) -> None:
    send(book, SELL, 5, 70_100)
    send(book, SELL, 5, 74_200)

    order, result = send(book, BUY, 8, 74_200 if kind == "11" else 0, kind)

    assert (trades(result), result.dropped_qty, order.rests) == ([(70_100, 5)], 3, False)
    assert result.interrupted is not None


def test_fok_that_would_go_too_far_trades_nothing(book: Book) -> None:
    send(book, SELL, 5, 70_100)
    send(book, SELL, 5, 74_400)

    _, small = send(book, BUY, 5, 74_400, "12")
    send(book, SELL, 5, 70_100)
    _, result = send(book, BUY, 8, 74_400, "12")

    assert (trades(small), small.interrupted) == ([(70_100, 5)], None)
    assert (result.fills, result.dropped_qty, book.mode) == ([], 8, "auction")


def test_fok_that_never_could_trade_does_not_interrupt(book: Book) -> None:
    send(book, SELL, 5, 74_200)

    _, result = send(book, BUY, 8, 74_200, "12")

    assert (result, book.mode) == (Result([], 8), "continuous")


def test_rest_of_a_market_order_is_a_market_order_of_the_auction(book: Book) -> None:
    send(book, SELL, 5, 74_200)

    order, _ = send(book, BUY, 8)

    assert (order.is_market, order.price_krw) == (True, 91_000)


def test_auction_sets_the_new_reference_and_trading_goes_on(book: Book) -> None:
    send(book, SELL, 5, 77_000)
    send(book, BUY, 8, 77_000)

    assert book.uncross_vi() == VI("both", 77_000, 70_000)
    crosses = book.uncross()
    book.mode = "continuous"

    assert [(cross.price_krw, cross.qty) for cross in crosses] == [(77_000, 5)]
    assert book.guard is not None
    assert book.guard.static_krw == 77_000
    send(book, SELL, 1, 77_000)
    assert book.last_krw == 77_000


def test_closing_auction_is_guarded_more_narrowly(book: Book) -> None:
    book.mode = "auction"
    send(book, SELL, 5, 72_800)
    send(book, BUY, 5, 72_800)

    assert book.uncross_vi() is None
    assert book.uncross_vi(is_closing=True) == VI("dynamic", 72_800, 70_000)


def test_midpoint_too_far_away_interrupts_too(book: Book) -> None:
    send(book, BUY, 5, 70_000)
    send(book, SELL, 5, 79_000)
    buy, _ = send(book, BUY, 5, kind="21")

    sell, result = send(book, SELL, 5, kind="21")

    assert result == Result([], 0, VI("dynamic", 74_500, 70_000))
    assert (buy.rests, sell.rests, book.mode) == (True, True, "auction")


def test_stops_fired_by_the_trades_before_it_wait_in_the_auction(book: Book) -> None:
    stop = Order(BUY, 5, trigger_krw=70_100)
    book.submit(stop, KINDS["22"], 74_300)
    send(book, SELL, 5, 70_100)
    send(book, SELL, 5, 74_200)

    send(book, BUY, 8, 74_200)

    assert [(f.order, f.result) for f in book.take_followups()] == [(stop, Result([], 0))]
    assert book.best_bid_krw == 74_300


def test_fired_stop_can_itself_interrupt(book: Book) -> None:
    stop = Order(BUY, 5, trigger_krw=70_100)
    book.submit(stop, KINDS["22"], 74_400)
    send(book, SELL, 5, 70_100)
    send(book, SELL, 5, 74_400)

    send(book, BUY, 5, 70_100)

    [followup] = book.take_followups()
    assert followup.result.interrupted == VI("dynamic", 74_400, 70_100)
    assert (book.mode, stop.leaves_qty) == ("auction", 5)


def test_elw_has_no_guard_and_kospi200_stocks_a_narrow_one() -> None:
    large = msgspec.structs.replace(issue(), is_kospi200=True)

    assert guard_for(issue(kind="elw"), 1_000) is None
    wide, narrow = guard_for(issue(), 70_000), guard_for(large, 70_000)
    assert wide is not None
    assert narrow is not None
    assert (wide.static_bp, wide.dynamic_bp, wide.closing_bp) == (1_000, 600, 400)
    assert (narrow.static_bp, narrow.dynamic_bp, narrow.closing_bp) == (1_000, 300, 200)
    assert wide.static_krw == 70_000

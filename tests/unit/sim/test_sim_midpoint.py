"""Midpoint orders: hidden, by time, between the best prices, ahead of the touch."""

from __future__ import annotations

import pytest

from aegis_fast.sim.market.exchange import KINDS, Book, Fill, Followup, Order, Result
from aegis_fast.sim.market.rules import Side, price_limits
from tests.unit.sim.sim_harness import issue

BUY, SELL = Side.BUY, Side.SELL


def send(book: Book, side: Side, qty: int, price: int = 0, kind: str = "") -> tuple[Order, Result]:
    order_kind = KINDS[kind or ("00" if price else "21")]
    order = Order(side, qty)
    return order, book.submit(order, order_kind, book.limit_of(order_kind, side, price))


def trades(result: Result) -> list[tuple[int, int]]:
    return [(fill.price_krw, fill.qty) for fill in result.fills]


@pytest.fixture
def book() -> Book:
    """70,000 against 70,100: the midpoint 70,050 is off the grid."""
    book = Book(issue(), price_limits(70_000, "stock"))
    send(book, BUY, 100, 70_000)
    send(book, SELL, 100, 70_100)
    return book


def test_hidden_order_shows_in_no_level_and_no_total(book: Book) -> None:
    order, result = send(book, BUY, 30)

    assert (result, order.rests, order.price_krw) == (Result([], 0), True, 0)
    assert (book.bids.total_qty, book.best_bid_krw) == (100, 70_000)
    assert (book.mid_krw, book.mid_qty(BUY), book.mid_qty(SELL)) == (70_050, 30, 0)


def test_midpoint_orders_trade_with_each_other_by_time(book: Book) -> None:
    first, _ = send(book, BUY, 30)
    second, _ = send(book, BUY, 30)

    order, result = send(book, SELL, 40)

    assert result.fills == [Fill(first, 70_050, 30), Fill(second, 70_050, 10)]
    assert (order.rests, second.leaves_qty, book.last_krw) == (False, 20, 70_050)


def test_priced_order_takes_the_midpoint_before_the_touch(book: Book) -> None:
    hidden, _ = send(book, SELL, 30)

    _, result = send(book, BUY, 50, 70_100)

    assert result.fills[0].maker is hidden
    assert trades(result) == [(70_050, 30), (70_100, 20)]


def test_market_order_takes_the_midpoint_before_the_touch(book: Book) -> None:
    send(book, BUY, 30)

    _, result = send(book, SELL, 50, kind="01")

    assert trades(result) == [(70_050, 30), (70_000, 20)]


def test_order_that_stops_short_of_the_midpoint_moves_it(book: Book) -> None:
    book.reduce(next(iter(book.asks.levels[70_100].orders.values())), 100)
    send(book, SELL, 100, 70_400)
    hidden, _ = send(book, SELL, 30)

    _, result = send(book, BUY, 5, 70_100)

    assert (result.fills, hidden.rests, book.mid_krw) == ([], True, 70_250)


def test_order_that_reaches_only_the_midpoint_trades_there_and_rests(book: Book) -> None:
    book.expire(lambda order: order.side is SELL)
    send(book, SELL, 100, 70_400)
    send(book, SELL, 30)

    order, result = send(book, BUY, 50, 70_300)

    assert trades(result) == [(70_200, 30)]
    assert (order.price_krw, order.leaves_qty, book.best_ask_krw) == (70_300, 20, 70_400)


def test_midpoint_ioc_drops_the_rest_and_fok_wants_all(book: Book) -> None:
    send(book, BUY, 30)

    short, whole_or_none = send(book, SELL, 40, kind="24")
    ioc, partly = send(book, SELL, 40, kind="23")

    assert whole_or_none == Result([], 40)
    assert (trades(partly), partly.dropped_qty) == ([(70_050, 30)], 10)
    assert not short.rests
    assert not ioc.rests


def test_fok_counts_the_hidden_shares_it_reaches(book: Book) -> None:
    send(book, SELL, 30)

    _, result = send(book, BUY, 130, 70_100, "12")

    assert trades(result) == [(70_050, 30), (70_100, 100)]
    assert book.reachable_qty(BUY, 70_100, 500) == 0


def test_reachable_shares_include_the_hidden_ones(book: Book) -> None:
    send(book, SELL, 30)

    assert book.reachable_qty(BUY, 70_100, 500) == 130
    assert book.reachable_qty(BUY, 70_000, 500) == 0


def test_no_midpoint_trade_when_a_side_is_empty(book: Book) -> None:
    book.expire(lambda order: order.side is SELL)
    send(book, BUY, 30)

    order, result = send(book, SELL, 30)

    assert (result.fills, order.rests, book.mid_krw) == ([], True, 0)


def test_hidden_orders_meet_as_soon_as_there_is_a_midpoint(book: Book) -> None:
    book.expire(lambda order: order.side is SELL)
    buy, _ = send(book, BUY, 30)
    sell, _ = send(book, SELL, 20)

    send(book, SELL, 5, 70_300)

    assert book.take_followups() == [Followup(sell, Result([Fill(buy, 70_150, 20)], 0))]
    assert (buy.leaves_qty, sell.rests, book.mid_qty(BUY)) == (10, False, 10)
    assert book.take_followups() == []


def test_spread_of_one_won_has_no_midpoint_until_it_widens() -> None:
    book = Book(issue(base_krw=1_000), price_limits(1_000, "stock"))
    send(book, BUY, 10, 1_000)
    touch, _ = send(book, SELL, 10, 1_001)
    send(book, SELL, 10, 1_004)
    buy, _ = send(book, BUY, 30)
    sell, result = send(book, SELL, 20)
    assert (book.mid_krw, result.fills) == (0, [])

    book.reduce(touch, 10)

    assert book.take_followups() == [Followup(sell, Result([Fill(buy, 1_002, 20)], 0))]


def test_sweep_meets_the_midpoint_that_appears_on_its_way() -> None:
    book = Book(issue(base_krw=1_000), price_limits(1_000, "stock"))
    send(book, BUY, 10, 1_000)
    send(book, SELL, 10, 1_001)
    send(book, SELL, 10, 1_004)
    send(book, SELL, 20)

    _, result = send(book, BUY, 35, 1_004, "12")

    assert trades(result) == [(1_001, 10), (1_002, 20), (1_004, 5)]


def test_hidden_orders_wait_through_an_auction(book: Book) -> None:
    buy, _ = send(book, BUY, 30)

    book.mode = "auction"
    assert (book.mid_krw, book.uncross()) == (0, [])
    book.mode = "continuous"

    assert (book.mid_krw, buy.leaves_qty) == (70_050, 30)


def test_cut_hidden_order_keeps_its_place(book: Book) -> None:
    first, _ = send(book, BUY, 30)
    second, _ = send(book, BUY, 30)

    book.reduce(first, 20)
    _, result = send(book, SELL, 15)

    assert result.fills == [Fill(first, 70_050, 10), Fill(second, 70_050, 5)]
    book.reduce(second, 25)
    assert book.mid_qty(BUY) == 0

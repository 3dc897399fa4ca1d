"""Auctions: one price for all, most shares first, price and time on both sides."""

from __future__ import annotations

import pytest

from aegis_fast.sim.market.exchange import KINDS, Book, Cross, Expected, Order, Shown
from aegis_fast.sim.market.rules import Side, price_limits
from tests.unit.sim.sim_harness import issue

BUY, SELL = Side.BUY, Side.SELL


@pytest.fixture
def book() -> Book:
    book = Book(issue(), price_limits(70_000, "stock"))
    book.mode = "auction"
    return book


def send(book: Book, side: Side, qty: int, price: int = 0, kind: str = "") -> Order:
    order_kind = KINDS[kind or ("00" if price else "01")]
    order = Order(side, qty)
    result = book.submit(order, order_kind, book.limit_of(order_kind, side, price))
    assert (result.fills, result.dropped_qty) == ([], 0)
    return order


def test_crossing_orders_wait_for_the_end_of_the_auction(book: Book) -> None:
    buy = send(book, BUY, 10, 70_500)
    sell = send(book, SELL, 4, 69_500)

    assert book.expected() == Expected(70_000, 4, 10, 4)
    assert book.uncross() == [Cross(buy, sell, 70_000, 4)]
    assert (buy.leaves_qty, sell.rests, book.last_krw) == (6, False, 70_000)
    assert book.expected() == Expected(0, 0)
    book.mode = "continuous"
    assert book.best_bid_krw == 70_500


def test_price_with_most_shares_wins(book: Book) -> None:
    for side, qty, price in [
        (BUY, 10, 71_000),
        (BUY, 20, 70_500),
        (SELL, 5, 69_000),
        (SELL, 40, 70_500),
    ]:
        send(book, side, qty, price)

    assert book.expected() == Expected(70_500, 30, 30, 45)


def test_of_equal_volume_the_price_that_leaves_least_behind_wins(book: Book) -> None:
    send(book, BUY, 10, 70_800)
    send(book, BUY, 5, 70_200)
    send(book, SELL, 10, 70_000)

    # 10 shares trade anywhere from 70,000 to 70,800; above 70,200 nothing is left.
    assert book.expected() == Expected(70_300, 10, 10, 10)


@pytest.mark.parametrize(
    ("last", "price"), [(60_000, 69_500), (70_100, 70_100), (69_950, 70_000), (80_000, 70_500)]
)
def test_of_equal_prices_the_nearest_to_the_last_trade_wins(
    book: Book, last: int, price: int
) -> None:
    book.last_krw = last
    send(book, BUY, 10, 70_500)
    send(book, SELL, 10, 69_500)

    assert book.expected().price_krw == price


def test_price_lies_on_the_grid_of_its_band() -> None:
    book = Book(issue(base_krw=2_000), price_limits(2_000, "stock"))
    book.mode = "auction"
    book.last_krw = 2_003
    send(book, BUY, 10, 2_010)
    send(book, SELL, 10, 1_999)

    assert book.expected().price_krw == 2_005


def test_nothing_is_expected_when_no_orders_cross(book: Book) -> None:
    send(book, BUY, 10, 69_900)
    send(book, SELL, 10, 70_000)

    assert book.expected() == Expected(0, 0)
    assert book.uncross() == []
    assert book.last_krw == 70_000


def test_market_orders_come_before_limit_orders_at_the_limit_price(book: Book) -> None:
    limit = send(book, BUY, 10, 91_000)
    first = send(book, BUY, 4)
    second = send(book, BUY, 4)
    send(book, SELL, 10, 70_000)

    crosses = book.uncross()

    assert [(cross.buy, cross.qty) for cross in crosses] == [(first, 4), (second, 4), (limit, 2)]


def test_rest_of_a_market_order_becomes_a_limit_order_at_the_price_of_the_auction(
    book: Book,
) -> None:
    order = send(book, BUY, 10)
    send(book, SELL, 4, 69_500)

    book.uncross()

    assert (order.leaves_qty, order.price_krw, order.is_market) == (6, 70_000, False)
    book.mode = "continuous"
    assert (book.best_bid_krw, book.bids.total_qty) == (70_000, 6)


@pytest.mark.parametrize(("own", "price"), [(0, 70_000), (70_300, 70_300), (69_000, 70_000)])
def test_market_order_without_a_trade_rests_at_the_better_of_touch_and_last(
    book: Book, own: int, price: int
) -> None:
    if own:
        send(book, BUY, 1, own)
    order = send(book, BUY, 10)

    book.uncross()

    assert (order.price_krw, book.last_krw) == (price, 70_000)


def test_market_orders_alone_trade_at_the_last_price(book: Book) -> None:
    buy, sell = send(book, BUY, 10), send(book, SELL, 10)

    assert book.uncross() == [Cross(buy, sell, 70_000, 10)]


def test_best_price_orders_look_past_market_orders(book: Book) -> None:
    send(book, SELL, 5)
    send(book, SELL, 5, 70_400)

    assert book.limit_of(KINDS["03"], BUY, 0) == 70_400
    assert book.limit_of(KINDS["04"], SELL, 0) == 70_400
    assert book.limit_of(KINDS["04"], BUY, 0) == 0


@pytest.mark.parametrize("kind", ["11", "12", "13", "14", "15", "16", "21", "22", "23", "24"])
def test_auction_takes_only_orders_that_can_wait(book: Book, kind: str) -> None:
    with pytest.raises(ValueError, match="auction"):
        book.submit(Order(BUY, 1), KINDS[kind], 70_000)


def test_crossed_book_cannot_open_before_it_is_uncrossed(book: Book) -> None:
    send(book, BUY, 10, 70_500)
    send(book, SELL, 4, 69_500)

    with pytest.raises(ValueError, match="uncross"):
        book.mode = "continuous"


def test_uncross_needs_an_auction(book: Book) -> None:
    book.mode = "continuous"

    with pytest.raises(ValueError, match="no auction"):
        book.uncross()


def test_expected_price_follows_every_change(book: Book) -> None:
    buy = send(book, BUY, 10, 70_500)
    send(book, SELL, 4, 69_500)
    assert book.expected().qty == 4

    send(book, SELL, 4, 69_400)
    assert book.expected().qty == 8
    book.reduce(buy, 5)
    assert book.expected().qty == 5
    book.expire()
    assert book.expected() == Expected(0, 0)


def test_shown_book_never_looks_crossed(book: Book) -> None:
    for offset in range(6):
        send(book, BUY, 10, 70_300 - 100 * offset)
        send(book, SELL, 8, 70_000 + 100 * offset)
    send(book, BUY, 5)

    # 5 + 20 against 24 at 70,200: one share of the bids there stays.
    assert book.expected() == Expected(70_200, 24, 25, 24)
    assert book.shown_levels(BUY) == [Shown(70_200, 1), Shown(70_100, 10), Shown(70_000, 10)]
    assert book.shown_levels(SELL) == [Shown(70_300, 8), Shown(70_400, 8), Shown(70_500, 8)]


def test_what_is_left_above_the_expected_price_is_shown_at_it(book: Book) -> None:
    send(book, BUY, 100, 70_500)
    send(book, BUY, 100, 69_900)
    send(book, SELL, 10, 69_500)

    assert book.expected().price_krw == 70_000
    assert book.shown_levels(BUY) == [Shown(70_000, 90), Shown(69_900, 100)]
    assert book.shown_levels(SELL) == []


def test_market_orders_without_a_counterpart_are_shown_where_they_will_rest(book: Book) -> None:
    send(book, BUY, 7)
    send(book, BUY, 3, 70_000)

    assert book.shown_levels(BUY) == [Shown(70_000, 10)]


def test_continuous_book_shows_ten_levels(book: Book) -> None:
    for offset in range(12):
        send(book, BUY, 10 + offset, 70_000 - 100 * offset)

    book.mode = "continuous"

    shown = book.shown_levels(BUY)
    assert len(shown) == 10
    assert (shown[0], shown[9]) == (Shown(70_000, 10), Shown(69_100, 19))


def test_conditional_orders_turn_into_market_orders_in_order_of_arrival(book: Book) -> None:
    book.mode = "continuous"
    orders = [send(book, BUY, 5, price, "02") for price in (69_000, 69_500)]
    plain = send(book, BUY, 5, 69_900)

    with pytest.raises(ValueError, match="auction"):
        book.to_market(orders[0])
    book.mode = "auction"
    assert book.turn_market() == orders
    send(book, SELL, 12, 69_900)
    crosses = book.uncross()

    assert [(cross.buy, cross.qty) for cross in crosses] == [
        (orders[0], 5),
        (orders[1], 5),
        (plain, 2),
    ]

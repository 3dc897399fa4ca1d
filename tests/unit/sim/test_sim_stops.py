"""Stop-limit orders: outside the book until a trade fires them, then newcomers at their limit."""

from __future__ import annotations

import pytest

from aegis_fast.sim.market.exchange import KINDS, Book, Fill, Followup, Order, Result
from aegis_fast.sim.market.rules import Side, price_limits
from tests.unit.sim.sim_harness import issue

BUY, SELL = Side.BUY, Side.SELL


@pytest.fixture
def book() -> Book:
    return Book(issue(), price_limits(70_000, "stock"))


def send(book: Book, side: Side, qty: int, price: int, trigger: int = 0) -> tuple[Order, Result]:
    order = Order(side, qty, trigger_krw=trigger)
    return order, book.submit(order, KINDS["22" if trigger else "00"], price)


def trade_at(book: Book, price: int) -> None:
    send(book, SELL, 1, price)
    send(book, BUY, 1, price)


def test_waiting_stop_is_no_part_of_the_book(book: Book) -> None:
    order, result = send(book, BUY, 5, 70_600, 70_500)

    assert result == Result([], 0)
    assert (order.rests, order.price_krw, book.bids.total_qty) == (True, 70_600, 0)
    assert list(book.orders()) == [order]


@pytest.mark.parametrize(
    ("side", "trigger", "price"), [(BUY, 70_500, 70_600), (SELL, 69_500, 69_400)]
)
def test_trade_at_the_trigger_turns_a_stop_into_a_limit_order(
    book: Book, side: Side, trigger: int, price: int
) -> None:
    order, _ = send(book, side, 5, price, trigger)
    near = trigger - 100 if side is BUY else trigger + 100

    trade_at(book, near)
    assert not book.take_followups()
    trade_at(book, trigger)

    assert book.take_followups() == [Followup(order, Result([], 0))]
    assert (book.half(side).best_krw(), order.kind) == (price, KINDS["00"])


def test_fired_stop_trades_and_its_fills_are_handed_over(book: Book) -> None:
    order, _ = send(book, BUY, 5, 70_600, 70_500)
    maker, _ = send(book, SELL, 4, 70_600)

    trade_at(book, 70_500)

    assert book.take_followups() == [Followup(order, Result([Fill(maker, 70_600, 4)], 0))]
    assert (order.leaves_qty, book.best_bid_krw) == (1, 70_600)


def test_stop_fires_the_next_one(book: Book) -> None:
    first, _ = send(book, BUY, 5, 70_600, 70_500)
    second, _ = send(book, BUY, 5, 70_900, 70_600)
    send(book, SELL, 5, 70_600)

    trade_at(book, 70_500)

    assert [followup.order for followup in book.take_followups()] == [first, second]
    assert (first.rests, book.best_bid_krw) == (False, 70_900)


def test_stops_fired_together_enter_in_order_of_arrival(book: Book) -> None:
    late_trigger, _ = send(book, BUY, 5, 70_600, 70_500)
    early_trigger, _ = send(book, BUY, 5, 70_600, 70_300)

    trade_at(book, 70_500)

    assert [f.order for f in book.take_followups()] == [late_trigger, early_trigger]
    assert list(book.bids.levels[70_600].orders.values()) == [late_trigger, early_trigger]


def test_fired_stop_queues_behind_what_rests_at_its_price(book: Book) -> None:
    stop, _ = send(book, BUY, 5, 70_000, 70_500)
    earlier, _ = send(book, BUY, 5, 70_000)

    trade_at(book, 70_500)

    assert list(book.bids.levels[70_000].orders.values()) == [earlier, stop]


def test_every_price_of_a_sweep_counts(book: Book) -> None:
    stop, _ = send(book, SELL, 5, 69_500, 69_600)
    send(book, SELL, 1, 69_600)
    send(book, SELL, 1, 70_200)

    send(book, BUY, 2, 70_200)

    assert [followup.order for followup in book.take_followups()] == [stop]


def test_stop_that_the_last_trade_fires_enters_at_once(book: Book) -> None:
    maker, _ = send(book, SELL, 5, 70_200)

    order, result = send(book, BUY, 3, 70_200, 70_000)

    assert result.fills == [Fill(maker, 70_200, 3)]
    assert not order.rests


def test_price_of_an_auction_fires_stops_when_trading_goes_on(book: Book) -> None:
    stop, _ = send(book, BUY, 5, 70_600, 70_500)
    book.mode = "auction"
    send(book, BUY, 1, 70_500)
    send(book, SELL, 1, 70_500)

    book.uncross()
    assert not book.take_followups()
    book.mode = "continuous"

    assert book.take_followups() == [Followup(stop, Result([], 0))]


def test_waiting_stop_can_be_cut_and_canceled(book: Book) -> None:
    order, _ = send(book, SELL, 5, 69_400, 69_500)
    other, _ = send(book, SELL, 5, 69_400, 69_500)

    book.reduce(order, 2)
    assert (order.leaves_qty, order.rests) == (3, True)
    book.reduce(order, 3)

    trade_at(book, 69_500)
    assert [followup.order for followup in book.take_followups()] == [other]


@pytest.mark.parametrize("trigger", [0, 48_900, 91_100, 70_050])
def test_trigger_outside_limits_or_grid_never_enters(book: Book, trigger: int) -> None:
    with pytest.raises(ValueError, match="trigger"):
        book.submit(Order(BUY, 1, trigger_krw=trigger), KINDS["22"], 70_000)

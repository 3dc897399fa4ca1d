"""The crowd under everything at once: any issue, mood and mode, with orders of ours in the way."""

from __future__ import annotations

from datetime import date
from random import Random

import pytest

from aegis_fast.sim.crowd.flow import Flow
from aegis_fast.sim.crowd.listing import issues_of
from aegis_fast.sim.crowd.regimes import REGIMES
from aegis_fast.sim.kst import SECOND_NS, midnight_ns
from aegis_fast.sim.market.exchange import KINDS, Book, Order, guard_for
from aegis_fast.sim.market.rules import Side, order_unit, price_limits, round_down
from aegis_fast.sim.market.world import World

LISTED = issues_of(400, 3)


class Turmoil:
    """One book whose hours, moods and customers change at random."""

    def __init__(self, seed: int) -> None:
        self.rng = rng = Random(seed)
        self.issue = issue = rng.choice(LISTED)
        limits = price_limits(issue.base_krw, issue.kind, issue.grid, issue.market)
        self.book = Book(issue, limits)
        if rng.randrange(2):
            self.book.guard = guard_for(issue, issue.base_krw)
        regime = REGIMES[rng.choice(list(REGIMES))]
        self.flow = Flow(self.book, Random(seed), self.submit, issue.base_krw, regime=regime)
        self.flow.seed_book()
        self.ours: list[Order] = []

    def submit(self, book: Book, order: Order, kind, limit_krw: int) -> None:
        book.submit(order, kind, limit_krw)
        book.take_followups()

    def price(self) -> int:
        """Return any legal price."""
        limits = self.book.limits
        price = round_down(self.rng.randint(limits.lower_krw, limits.upper_krw), self.issue.grid)
        return max(price, limits.lower_krw)

    def order(self) -> None:
        if self.book.mode not in ("continuous", "auction"):
            return
        unit = order_unit(self.issue.kind)
        qty = self.rng.randint(1, max(self.issue.daily_qty // 50, 2)) * unit
        order = Order(self.rng.choice(list(Side)), qty, owner=7)
        result = self.book.submit(order, KINDS["00"], self.price())
        if result.fills:
            taken = sum(fill.qty for fill in result.fills)
            self.flow.react(order.side, taken, result.fills[-1].price_krw)
        self.ours.append(order)

    def cancel(self) -> None:
        if self.ours and (order := self.ours.pop()).rests:
            self.book.reduce(order, order.leaves_qty)

    def change_mode(self) -> None:
        if self.book.mode == "auction":
            self.book.uncross()
            self.book.mode = "continuous"
        elif self.book.mode == "continuous":
            self.book.mode = self.rng.choice(["auction", "halted", "closed"])
        else:
            self.book.mode = "auction"

    def second(self) -> None:
        rng = self.rng
        self.flow.drift(rng.randint(-300, 300), rng.randint(-300, 300))
        for _ in range(rng.randrange(6)):
            self.flow.act()
        assert self.flow.wait_ns(rng.choice([None, rng.randrange(86_400)]), 500) > 0
        draw = rng.randrange(100)
        if draw < 10:
            self.order()
        elif draw < 15:
            self.cancel()
        elif draw < 18:
            self.change_mode()
        elif draw < 20:
            self.flow.set_regime(rng.choice(list(REGIMES)))
        elif draw < 21:
            self.flow.shock(self.price())
        self.book.take_followups()

    def check(self) -> None:
        book, limits = self.book, self.book.limits
        if book.mode == "continuous" and book.best_ask_krw:
            assert book.best_bid_krw < book.best_ask_krw
        for half in (book.bids, book.asks):
            assert half.prices == sorted(half.levels)
            assert half.total_qty == sum(level.qty for level in half.levels.values())
            assert all(limits.lower_krw <= price <= limits.upper_krw for price in half.prices)
        crowd = [order for order in book.orders() if not order.owner]
        # The crowd's memory is bounded whatever happens.
        assert len(crowd) < 1_200
        unit = order_unit(self.issue.kind)
        assert all(order.leaves_qty % unit == 0 for order in crowd)


@pytest.mark.parametrize("first", range(0, 60, 10))
def test_crowd_keeps_every_book_legal_whatever_happens(first: int) -> None:
    for seed in range(first, first + 10):
        turmoil = Turmoil(seed)
        for _ in range(120):
            turmoil.second()
            turmoil.check()


def opening(step_ns: int) -> list[tuple]:
    """Return every trade from 08:58 to 09:02 of a real day, at some stepping."""
    trades: list[tuple] = []
    start_ns = midnight_ns(date(2026, 11, 23)) + (9 * 3_600 - 120) * SECOND_NS
    world = World(
        seed=5,
        start_ns=start_ns,
        on_trade=lambda book, record: trades.append((book.issue.symbol, book.board, record)),
        hours="day",
        listed=issues_of(40, 5)[20:],
        regimes={"028300": "limit_up", "*": "gap"},
    )
    now_ns = start_ns
    while now_ns < start_ns + 240 * SECOND_NS:
        now_ns += step_ns
        world.advance(now_ns)
    return trades


def test_opening_is_the_same_at_any_stepping() -> None:
    fine, coarse = opening(SECOND_NS // 20), opening(60 * SECOND_NS)

    assert fine == coarse
    assert {board for _, board, _ in fine} >= {"KRX", "NXT"}
    assert any(record.taker is None for _, _, record in fine)

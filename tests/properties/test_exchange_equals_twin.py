"""The exchange and its slow twin agree on random orders, and the rules of the market hold.

AEGIS_SIM_ORDERS sets how many orders are sent (default 200,000), over all boards, kinds, modes and
changes of mode. A failure names the seed of its day; a day can be run alone by that seed.
"""

from __future__ import annotations

import os
from bisect import bisect_left
from collections import Counter
from functools import cache
from random import Random

import pytest

from aegis_fast.sim.market.exchange import KINDS, Book, Guard, Order, Result
from aegis_fast.sim.market.rules import PriceLimits, Side, is_on_grid, price_limits
from tests.oracle.exchange_twin import CODES, MIDPOINT, ExchangeTwin, TwinOrder, TwinResult
from tests.unit.sim.sim_harness import issue

ORDERS = int(os.environ.get("AEGIS_SIM_ORDERS", "200000"))
A_DAY = 500
BASES = (2_000, 1_000, 70_000)  # Around a change of the tick, at a tick of one won, of a hundred.
BOARDS = ("KRX", "NXT", "KRX", "AFTER", "KRX", "FIXED")
COMMON = {"KRX": "00", "NXT": "00", "AFTER": "41", "FIXED": "05"}
EVERY_CODE = sorted(KINDS)


# How often the mode changes, so that most orders meet an open book.
CHANGES = {"continuous": 0.01, "fixed": 0.01, "auction": 0.08, "closed": 0.3, "halted": 0.3}
RARE = ("21", "21", "22", "22", "23")
Outcome = tuple[list[tuple[int, int, int]], int, tuple[str, int, int] | None]


@cache
def legal_prices(base: int) -> list[int]:
    limits = price_limits(base, "stock")
    every = range(limits.lower_krw, limits.upper_krw + 1)
    return [price for price in every if is_on_grid(price, "stock")]


def outcome(result: Result) -> Outcome:
    fills = [(fill.maker.owner, fill.price_krw, fill.qty) for fill in result.fills]
    return fills, result.dropped_qty, result.interrupted and tuple(result.interrupted)


def twin_outcome(result: TwinResult) -> Outcome:
    return result.fills, result.dropped, result.vi


class Day:
    """One book and its twin through a few hundred orders."""

    def __init__(self, seed: int) -> None:
        self.rng = Random(seed)
        base = BASES[seed % len(BASES)]
        self.board = BOARDS[seed // len(BASES) % len(BOARDS)]
        every = legal_prices(base)
        # Half of the days have their limits near, so that orders get there.
        middle, reach = every.index(base), self.rng.choice((12, len(every)))
        self.prices = every[max(middle - reach, 0) : middle + reach]
        limits = PriceLimits(self.prices[0], self.prices[-1], True)
        self.book = Book(issue(base_krw=base), limits, self.board)
        widths = self.rng.choice((None, [60, 40, 20], [1_000, 300, 200], [1_000, 0, 0]))
        guard = [base, *widths] if widths and self.board != "FIXED" else None
        self.book.guard = Guard(*guard) if guard else None
        self.twin = ExchangeTwin(self.board, self.prices, base, guard)
        self.orders: list[Order] = []
        self.twins: list[TwinOrder] = []
        self.limits: list[int] = []
        self.codes: list[str] = []
        self.filled = Counter[int]()
        self.gone = Counter[int]()
        self.alive: list[int] = []
        self.seen = Counter[str]()

    def run(self, orders: int) -> None:
        while orders:
            draw = self.rng.randrange(1_000)
            if self.rng.random() < CHANGES[self.book.mode]:
                self.change_mode()
            elif draw < 760:
                self.submit()
                orders -= 1
            elif draw < 997:
                self.reduce()
            else:
                self.expire()
            self.check()
            if draw % 8 == 0:
                self.compare()
        self.compare()
        for at, order in enumerate(self.orders):
            assert order.qty == order.leaves_qty + self.filled[at] + self.gone[at]
        by_side = Counter[Side]()
        for at, qty in self.filled.items():
            by_side[self.orders[at].side] += qty
        assert by_side[Side.BUY] == by_side[Side.SELL]

    def price(self) -> int:
        if self.rng.random() < 0.02:
            return self.rng.choice((self.prices[0], self.prices[-1]))
        near = bisect_left(self.prices, self.book.last_krw) + self.rng.randint(-6, 6)
        return self.prices[min(max(near, 0), len(self.prices) - 1)]

    def code(self) -> str:
        draw = self.rng.random()
        if draw < 0.05:
            return self.rng.choice(EVERY_CODE)
        if draw < 0.2 and self.board in ("KRX", "NXT"):
            return self.rng.choice(("01", "01", "02") if self.book.mode == "auction" else RARE)
        return COMMON[self.board] if draw < 0.5 else self.rng.choice(CODES[self.board])

    def submit(self) -> None:
        code, side, qty = self.code(), self.rng.choice((Side.BUY, Side.SELL)), self.qty()
        kind, is_buy, price = KINDS[code], side is Side.BUY, self.price()
        limit = self.book.limit_of(kind, side, price)
        assert limit == self.twin.limit_of(code, is_buy, price)
        order = Order(side, qty, owner=len(self.orders), trigger_krw=self.price())
        if not limit or not self.twin.is_allowed(code):
            with pytest.raises(ValueError):
                self.book.submit(order, kind, limit)
            self.seen["refused"] += 1
            return
        twin = TwinOrder(order.owner, is_buy, qty, code, limit, order.trigger_krw)
        self.remember(order, twin, limit)
        touch = self.book.best_bid_krw, self.book.best_ask_krw
        mode = self.book.mode
        result = self.book.submit(order, kind, limit)
        assert outcome(result) == twin_outcome(self.twin.submit(twin))
        self.seen[code] += 1
        assert mode != "auction" or not result.fills
        self.count(order, result)
        self.check_midpoints(order, result, *touch)
        self.follow()

    def qty(self) -> int:
        return self.rng.randint(1, 9) if self.rng.random() < 0.7 else self.rng.randint(1, 80)

    def remember(self, order: Order, twin: TwinOrder, limit: int) -> None:
        self.alive.append(order.owner)
        self.orders.append(order)
        self.twins.append(twin)
        self.codes.append(twin.code)
        self.limits.append(limit)

    def count(self, taker: Order, result: Result) -> None:
        self.gone[taker.owner] += result.dropped_qty
        self.seen["vi"] += result.interrupted is not None
        for fill in result.fills:
            self.seen["fill"] += 1
            self.count_trade(taker, fill.maker, fill.price_krw, fill.qty)

    def count_trade(self, one: Order, other: Order, price: int, qty: int) -> None:
        assert qty > 0
        assert one.side is not other.side
        assert self.prices[0] <= price <= self.prices[-1]
        for order in (one, other):
            limit = self.limits[order.owner]
            assert price <= limit if order.side is Side.BUY else price >= limit
            self.filled[order.owner] += qty

    def check_midpoints(self, taker: Order, result: Result, bid: int, ask: int) -> None:
        for fill in result.fills:
            if self.codes[fill.maker.owner] in MIDPOINT:
                self.seen["midpoint"] += 1
                # The taker eats the other side, so that one is known only at its end.
                if taker.side is Side.BUY:
                    assert 0 < bid < fill.price_krw
                    assert ask
                else:
                    assert 0 < fill.price_krw < ask
                    assert bid
        if result.fills and self.codes[result.fills[0].maker.owner] in MIDPOINT:
            assert bid < result.fills[0].price_krw < ask

    def follow(self) -> None:
        followups = self.book.take_followups()
        found = [(taker.owner, *outcome(result)) for taker, result in followups]
        assert found == [(taker, *twin_outcome(result)) for taker, result in self.twin.followups]
        self.twin.followups = []
        for taker, result in followups:
            self.seen["followup"] += 1
            self.count(taker, result)

    def reduce(self) -> None:
        self.alive = [at for at in self.alive if self.orders[at].rests]
        if not self.alive:
            return
        at = self.rng.choice(self.alive)
        order = self.orders[at]
        qty = self.rng.choice((order.leaves_qty, self.rng.randint(1, order.leaves_qty)))
        self.book.reduce(order, qty)
        self.twin.reduce(self.twins[at], qty)
        self.gone[at] += qty
        self.follow()

    def expire(self) -> None:
        draw = self.rng.randrange(3)
        ended = self.book.expire(lambda order: order.owner % 3 == draw)
        self.twin.expire([self.twins[order.owner] for order, _ in ended])
        assert all(qty > 0 and not order.rests for order, qty in ended)
        for order, qty in ended:
            self.gone[order.owner] += qty
        self.follow()

    def change_mode(self) -> None:
        if self.book.mode == "auction" and self.board == "FIXED":
            self.uncross()
            self.set_mode("fixed")
        elif self.board == "FIXED":
            self.set_mode(self.rng.choice(("auction", "fixed", "closed", "halted")))
        elif self.book.mode == "continuous":
            self.set_mode(self.rng.choice(("auction", "auction", "closed", "halted")))
        elif self.book.mode != "auction":
            self.set_mode("auction")
        elif self.rng.random() < 0.2:
            turned = self.book.turn_market()
            assert [order.owner for order in turned] == self.twin.turn_market()
            for order in turned:
                self.limits[order.owner] = order.price_krw
        else:
            self.uncross()
            self.set_mode(self.rng.choice(("continuous", "continuous", "closed")))

    def set_mode(self, mode: str) -> None:
        self.book.mode = mode
        self.twin.set_mode(mode)
        self.follow()

    def uncross(self) -> None:
        expected = self.book.expected()
        assert expected[:2] == self.twin.expected()
        is_closing = self.rng.random() < 0.5
        far = self.twin.too_far(expected.price_krw, self.twin.last, is_closing)
        assert self.book.uncross_vi(is_closing=is_closing) == (far if expected.qty else None)
        if self.twin.is_crossed():
            with pytest.raises(ValueError):
                self.book.mode = "fixed" if self.board == "FIXED" else "continuous"
        crosses = self.book.uncross()
        rows = [(c.buy.owner, c.sell.owner, c.price_krw, c.qty) for c in crosses]
        assert rows == self.twin.uncross()
        assert sum(cross.qty for cross in crosses) == expected.qty
        for cross in crosses:
            self.seen["cross"] += 1
            self.count_trade(cross.buy, cross.sell, cross.price_krw, cross.qty)
        assert self.book.expected().qty == 0

    def check(self) -> None:
        """Check what holds after everything, without the twin."""
        book = self.book
        for half in (book.bids, book.asks):
            assert half.prices == sorted(half.levels)
            total = 0
            for price, level in half.levels.items():
                orders = list(level.orders.values())
                qty = sum(order.leaves_qty for order in orders)
                assert level.price_krw == price
                assert level.qty == qty > 0
                assert self.prices[0] <= price <= self.prices[-1]
                places = [(not order.is_market, order.seq) for order in orders]
                assert places == sorted(places)
                total += qty
            assert half.total_qty == total
        if book.mode in ("continuous", "fixed"):
            bid, ask = book.best_bid_krw, book.best_ask_krw
            assert not bid or not ask or bid < ask
        elif book.mode == "auction" and self.rng.random() < 0.2:
            assert book.expected()[:2] == self.twin.expected()
            self.check_shown()
        assert (book.mode, book.last_krw) == (self.twin.mode, self.twin.last)

    def check_shown(self) -> None:
        bids, asks = self.book.shown_levels(Side.BUY), self.book.shown_levels(Side.SELL)
        assert len(bids) <= 3
        assert len(asks) <= 3
        assert not bids or not asks or bids[0].price_krw < asks[0].price_krw
        assert all(shown.qty > 0 for shown in (*bids, *asks))
        expected = self.book.expected()
        if expected.qty:
            assert all(shown.price_krw <= expected.price_krw for shown in bids)
            assert all(shown.price_krw >= expected.price_krw for shown in asks)
            assert min(expected.bid_qty, expected.ask_qty) == expected.qty
        if len(bids) < 3:
            assert sum(shown.qty for shown in bids) == self.book.bids.total_qty - expected.qty
        if len(asks) < 3:
            assert sum(shown.qty for shown in asks) == self.book.asks.total_qty - expected.qty

    def compare(self) -> None:
        """Compare every resting order with the twin's."""
        twin, book = self.twin, self.book
        for side in (Side.BUY, Side.SELL):
            is_buy = side is Side.BUY
            assert [
                (order.owner, order.leaves_qty, level.price_krw, order.is_market)
                for level in book.half(side).best_first()
                for order in level.orders.values()
            ] == [(o.id, o.leaves, o.limit, o.is_market) for o in twin.at("book", is_buy)]
            assert book.mid_qty(side) == sum(o.leaves for o in twin.at("hidden", is_buy))
        resting = {o.owner: (o.leaves_qty, o.kind and o.kind.code) for o in book.orders()}
        assert resting == {o.id: (o.leaves, o.code) for o in twin.orders if o.place}


def test_random_days_equal_the_twin_and_break_no_rule() -> None:
    seen = Counter[str]()
    for seed in range(-(-ORDERS // A_DAY)):
        day = Day(seed)
        try:
            day.run(min(A_DAY, ORDERS - seed * A_DAY))
        except AssertionError as error:
            raise AssertionError(f"day {seed}: after {len(day.orders)} orders") from error
        seen += day.seen

    if ORDERS >= 50_000:
        rare = dict.fromkeys([*EVERY_CODE, "refused", "fill", "midpoint", "followup", "vi"], 100)
        rare |= {"cross": 1_000, "fill": 10_000, "refused": 1_000}
        assert {what: seen[what] for what, least in rare.items() if seen[what] < least} == {}

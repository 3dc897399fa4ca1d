"""Match orders by price and time, in integers: one continuous book for each issue.

Pure: no clock, no I/O, no randomness. A trade happens at the price of the order that was there
first. Orders of one price queue in the order of arrival; a cut in quantity keeps the place.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from aegis_fast.sim.market import Issue, PriceLimits, Side, is_on_grid, price_limits

__all__ = ["KINDS", "Book", "Exchange", "Fill", "Level", "Order", "OrderKind", "Result"]


@dataclass(frozen=True, slots=True)
class OrderKind:
    """An order type of the regular session (ORD_DVSN).

    pricing: "limit" carries a price; "market" takes any; "counter" takes the best opposite price
    as its limit (최유리); "own" joins the best price of its own side (최우선).
    lifetime: "day", "ioc" or "fok".
    """

    code: str
    name: str
    pricing: str
    lifetime: str

    @property
    def needs_price(self) -> bool:
        """Tell whether ORD_UNPR counts."""
        return self.pricing == "limit"


# 02 turns into a market order in the closing auction; until then it is a limit order.
KINDS = {
    kind.code: kind
    for kind in (
        OrderKind("00", "지정가", "limit", "day"),
        OrderKind("01", "시장가", "market", "day"),
        OrderKind("02", "조건부지정가", "limit", "day"),
        OrderKind("03", "최유리지정가", "counter", "day"),
        OrderKind("04", "최우선지정가", "own", "day"),
        OrderKind("11", "IOC지정가", "limit", "ioc"),
        OrderKind("12", "FOK지정가", "limit", "fok"),
        OrderKind("13", "IOC시장가", "market", "ioc"),
        OrderKind("14", "FOK시장가", "market", "fok"),
        OrderKind("15", "IOC최유리", "counter", "ioc"),
        OrderKind("16", "FOK최유리", "counter", "fok"),
    )
}


class Order:
    """One order in a book. owner: 0 for the simulated crowd, else the broker's order number.

    price_krw: where it rests, 0 as long as it has no price. It is in the book as long as leaves_qty
    is positive and `rests`.
    """

    __slots__ = ("leaves_qty", "owner", "price_krw", "qty", "rests", "seq", "side")

    def __init__(self, side: Side, qty: int, price_krw: int = 0, owner: int = 0) -> None:
        self.side = side
        self.qty = qty
        self.leaves_qty = qty
        self.price_krw = price_krw
        self.owner = owner
        self.rests = False
        self.seq = 0


class Fill(NamedTuple):
    """One trade: the resting order, its price and how much of it was taken."""

    maker: Order
    price_krw: int
    qty: int


class Result(NamedTuple):
    """What became of a submitted order. dropped_qty: the rest of an IOC or FOK order."""

    fills: list[Fill]
    dropped_qty: int


class Level:
    """All orders of one price, oldest first."""

    __slots__ = ("orders", "price_krw", "qty")

    def __init__(self, price_krw: int) -> None:
        self.price_krw = price_krw
        self.qty = 0
        self.orders: dict[int, Order] = {}


class _Half:
    """One side of a book. prices is sorted upwards on both sides."""

    __slots__ = ("is_bid", "levels", "prices", "total_qty")

    def __init__(self, is_bid: bool) -> None:
        self.is_bid = is_bid
        self.levels: dict[int, Level] = {}
        self.prices: list[int] = []
        self.total_qty = 0

    def best_krw(self) -> int:
        if not self.prices:
            return 0
        return self.prices[-1] if self.is_bid else self.prices[0]

    def best_first(self) -> Iterator[Level]:
        for price in reversed(self.prices) if self.is_bid else self.prices:
            yield self.levels[price]

    def add(self, order: Order) -> None:
        level = self.levels.get(order.price_krw)
        if level is None:
            level = self.levels[order.price_krw] = Level(order.price_krw)
            insort(self.prices, order.price_krw)
        level.orders[order.seq] = order
        level.qty += order.leaves_qty
        self.total_qty += order.leaves_qty
        order.rests = True

    def take(self, order: Order, qty: int) -> None:
        """Take qty shares off a resting order; at zero it leaves the book."""
        level = self.levels[order.price_krw]
        order.leaves_qty -= qty
        level.qty -= qty
        self.total_qty -= qty
        if order.leaves_qty:
            return
        order.rests = False
        del level.orders[order.seq]
        if not level.orders:
            del self.levels[order.price_krw]
            del self.prices[bisect_left(self.prices, order.price_krw)]

    def reaches(self, limit_krw: int, price_krw: int) -> bool:
        """Tell whether an opposite order limited at limit_krw may trade at price_krw here."""
        return limit_krw <= price_krw if self.is_bid else limit_krw >= price_krw


class Book:
    """The continuous book of one issue."""

    def __init__(self, issue: Issue, limits: PriceLimits) -> None:
        self.issue = issue
        self.limits = limits
        self.bids = _Half(is_bid=True)
        self.asks = _Half(is_bid=False)
        self.last_krw = issue.base_krw
        self._seq = 0

    def half(self, side: Side) -> _Half:
        """Return the resting orders of a side."""
        return self.bids if side is Side.BUY else self.asks

    @property
    def best_bid_krw(self) -> int:
        """Return the highest bid; 0 without any."""
        return self.bids.best_krw()

    @property
    def best_ask_krw(self) -> int:
        """Return the lowest ask; 0 without any."""
        return self.asks.best_krw()

    def levels(self, side: Side, count: int) -> list[Level]:
        """Return up to count levels of a side, best first."""
        return [level for level, _ in zip(self.half(side).best_first(), range(count), strict=False)]

    def limit_of(self, kind: OrderKind, side: Side, price_krw: int) -> int:
        """Return how far an order may go; 0 when it can have no price and must be refused."""
        if kind.pricing == "limit":
            return price_krw
        if kind.pricing == "market":
            return self.limits.upper_krw if side is Side.BUY else self.limits.lower_krw
        return self.half(side.other if kind.pricing == "counter" else side).best_krw()

    def reachable_qty(self, side: Side, limit_krw: int, at_most: int) -> int:
        """Return how many shares an order of that side and limit could take now."""
        opposite = self.half(side.other)
        qty = 0
        for level in opposite.best_first():
            if qty >= at_most or not opposite.reaches(limit_krw, level.price_krw):
                break
            qty += level.qty
        return min(qty, at_most)

    def submit(self, order: Order, kind: OrderKind, limit_krw: int) -> Result:
        """Trade as far as the limit goes; rest, or drop, what remains.

        limit_krw comes from limit_of. What a day order cannot trade rests at its limit, except a
        market order: that one has no price, so it rests at the price of the last trade.
        """
        if not self.limits.lower_krw <= limit_krw <= self.limits.upper_krw:
            raise ValueError(f"{limit_krw} is outside the day's limits")
        if order.qty <= 0 or not is_on_grid(limit_krw, self.issue.kind):
            raise ValueError(f"no such order: {order.qty} at {limit_krw}")
        if kind.lifetime == "fok":
            reachable = self.reachable_qty(order.side, limit_krw, order.leaves_qty)
            if reachable < order.leaves_qty:
                return self._drop(order, [])
        fills = self._trade(order, limit_krw)
        if not order.leaves_qty:
            return Result(fills, 0)
        if kind.lifetime != "day":
            return self._drop(order, fills)
        order.price_krw = self._resting_price(order, kind, limit_krw)
        self._seq += 1
        order.seq = self._seq
        self.half(order.side).add(order)
        return Result(fills, 0)

    def reduce(self, order: Order, qty: int) -> None:
        """Take qty shares out of a resting order; the rest keeps its place in the queue."""
        if not order.rests or not 0 < qty <= order.leaves_qty:
            raise ValueError(f"cannot take {qty} of {order.leaves_qty}")
        self.half(order.side).take(order, qty)

    def _trade(self, order: Order, limit_krw: int) -> list[Fill]:
        opposite = self.half(order.side.other)
        fills: list[Fill] = []
        while order.leaves_qty and opposite.prices:
            price = opposite.best_krw()
            if not opposite.reaches(limit_krw, price):
                break
            maker = next(iter(opposite.levels[price].orders.values()))
            qty = min(maker.leaves_qty, order.leaves_qty)
            opposite.take(maker, qty)
            order.leaves_qty -= qty
            self.last_krw = price
            fills.append(Fill(maker, price, qty))
        return fills

    def _resting_price(self, order: Order, kind: OrderKind, limit_krw: int) -> int:
        if kind.pricing != "market":
            return limit_krw
        # The last trade may be a midpoint or lie beyond a better price that arrived since; the
        # opposite side is empty here, so no price can cross.
        best = self.half(order.side).best_krw()
        pick = max if order.side is Side.BUY else min
        return pick(best or self.last_krw, self.last_krw)

    @staticmethod
    def _drop(order: Order, fills: list[Fill]) -> Result:
        dropped = order.leaves_qty
        order.leaves_qty = 0
        return Result(fills, dropped)


class Exchange:
    """The books of all issues."""

    def __init__(self, issues: Iterable[Issue]) -> None:
        self.books = {
            issue.symbol: Book(issue, price_limits(issue.base_krw, issue.kind)) for issue in issues
        }

    def book(self, symbol: str) -> Book:
        """Return the book of an issue. Raises KeyError."""
        return self.books[symbol]

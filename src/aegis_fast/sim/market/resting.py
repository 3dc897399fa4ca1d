"""Keep resting orders by price and time: an order, a price level, one side of a book."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator
from typing import Protocol

from aegis_fast.sim.market.order_kinds import OrderKind
from aegis_fast.sim.market.rules import Side

__all__ = ["Half", "Home", "Level", "Order"]


class Home(Protocol):
    """Where an order rests: a side of the book, the hidden midpoint orders, the waiting stops."""

    def take(self, order: Order, qty: int) -> None:
        """Take qty shares off an order that rests here; at zero it leaves."""


class Order:
    """One order in a book. owner: 0 for the simulated crowd, else the ledger's serial of the
    order.

    price_krw: where it rests, or the limit a stop waits with; 0 as long as it has no price and for
    a hidden midpoint order. trigger_krw: the price that fires a stop, else 0. seq: its place in
    time, given by the book. kind: given by Book.submit; 00 once a stop has fired. is_market: rests
    in an auction as a market order, at the day's limit price and before the limit orders there.
    """

    __slots__ = (
        "home",
        "is_market",
        "kind",
        "leaves_qty",
        "owner",
        "price_krw",
        "qty",
        "seq",
        "side",
        "trigger_krw",
    )

    def __init__(
        self, side: Side, qty: int, price_krw: int = 0, owner: int = 0, trigger_krw: int = 0
    ) -> None:
        self.side = side
        self.qty = qty
        self.leaves_qty = qty
        self.price_krw = price_krw
        self.owner = owner
        self.trigger_krw = trigger_krw
        self.seq = 0
        self.is_market = False
        self.kind: OrderKind | None = None
        self.home: Home | None = None

    @property
    def rests(self) -> bool:
        """Tell whether it waits anywhere: in the book, hidden at the midpoint, or as a stop."""
        return self.home is not None


class Level:
    """All orders of one price: market orders of an auction first, then oldest first."""

    __slots__ = ("orders", "price_krw", "qty")

    def __init__(self, price_krw: int) -> None:
        self.price_krw = price_krw
        self.qty = 0
        self.orders: dict[int, Order] = {}

    def put_first(self, order: Order) -> None:
        """Queue a market order: behind the market orders, before the limit orders."""
        limits = [other for other in self.orders.values() if not other.is_market]
        for other in limits:
            del self.orders[other.seq]
        self.orders[order.seq] = order
        for other in limits:
            self.orders[other.seq] = other

    @property
    def has_limit_order(self) -> bool:
        """Tell whether anything but market orders rests here."""
        return not next(reversed(self.orders.values())).is_market


class Half:
    """One side of a book. prices is sorted upwards on both sides."""

    __slots__ = ("is_bid", "levels", "prices", "total_qty")

    def __init__(self, is_bid: bool) -> None:
        self.is_bid = is_bid
        self.levels: dict[int, Level] = {}
        self.prices: list[int] = []
        self.total_qty = 0

    def best_krw(self) -> int:
        """Return the best price; 0 without any."""
        if not self.prices:
            return 0
        return self.prices[-1] if self.is_bid else self.prices[0]

    def best_limit_krw(self) -> int:
        """Return the best price at which a limit order rests; 0 without any."""
        for level in self.best_first():
            if level.has_limit_order:
                return level.price_krw
        return 0

    def best_first(self) -> Iterator[Level]:
        """Yield the levels from the best price on."""
        for price in reversed(self.prices) if self.is_bid else self.prices:
            yield self.levels[price]

    def add(self, order: Order) -> None:
        """Queue an order at its price_krw; its seq must be the newest of the book."""
        level = self.levels.get(order.price_krw)
        if level is None:
            level = self.levels[order.price_krw] = Level(order.price_krw)
            insort(self.prices, order.price_krw)
        if order.is_market:
            level.put_first(order)
        else:
            level.orders[order.seq] = order
        level.qty += order.leaves_qty
        self.total_qty += order.leaves_qty
        order.home = self

    def take(self, order: Order, qty: int) -> None:
        """Take qty shares off a resting order; at zero it leaves the book."""
        level = self.levels[order.price_krw]
        order.leaves_qty -= qty
        level.qty -= qty
        self.total_qty -= qty
        if not order.leaves_qty:
            self._remove(order, level)

    def lift(self, order: Order) -> None:
        """Take an order out with all its shares, to be queued elsewhere."""
        level = self.levels[order.price_krw]
        level.qty -= order.leaves_qty
        self.total_qty -= order.leaves_qty
        self._remove(order, level)

    def _remove(self, order: Order, level: Level) -> None:
        order.home = None
        del level.orders[order.seq]
        if not level.orders:
            del self.levels[order.price_krw]
            del self.prices[bisect_left(self.prices, order.price_krw)]

    def reaches(self, limit_krw: int, price_krw: int) -> bool:
        """Tell whether an opposite order limited at limit_krw may trade at price_krw here."""
        return limit_krw <= price_krw if self.is_bid else limit_krw >= price_krw

"""Keep the hidden midpoint orders of a book (ORD_DVSN 21, 23, 24) and price them.

They show in no level and in no total. The price is the middle of the visible best prices, cut to
whole won, and may lie off the tick grid (277,750 at a tick of 500 was captured).
"""

from __future__ import annotations

from aegis_fast.sim.market.resting import Order
from aegis_fast.sim.market.rules import Side

__all__ = ["Midpoint", "Pool", "middle"]


def middle(bid_krw: int, ask_krw: int) -> int:
    """Return the price between two best prices; 0 when no whole won lies strictly between them.

    Either price may be 0: that side is empty. At a spread of one won there is no midpoint trade:
    how KIS rounds a half won is not known, and one side would gain nothing over the touch.
    """
    if not bid_krw or not ask_krw:
        return 0
    price = (bid_krw + ask_krw) // 2
    return price if price > bid_krw else 0


class Pool:
    """The hidden orders of one side, oldest first."""

    __slots__ = ("orders", "total_qty")

    def __init__(self) -> None:
        self.orders: dict[int, Order] = {}
        self.total_qty = 0

    def first(self) -> Order:
        """Return the oldest order; there must be one."""
        return next(iter(self.orders.values()))

    def add(self, order: Order) -> None:
        """Queue an order."""
        self.orders[order.seq] = order
        self.total_qty += order.leaves_qty
        order.home = self

    def take(self, order: Order, qty: int) -> None:
        """Take qty shares off an order; at zero it leaves."""
        order.leaves_qty -= qty
        self.total_qty -= qty
        if not order.leaves_qty:
            order.home = None
            del self.orders[order.seq]


class Midpoint:
    """The hidden orders of both sides."""

    __slots__ = ("asks", "bids")

    def __init__(self) -> None:
        self.bids = Pool()
        self.asks = Pool()

    def pool(self, side: Side) -> Pool:
        """Return the hidden orders of a side."""
        return self.bids if side is Side.BUY else self.asks

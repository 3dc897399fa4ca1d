"""Keep the stop-limit orders (ORD_DVSN 22) that wait outside a book for their trigger price."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator

from aegis_fast.sim.market.resting import Order
from aegis_fast.sim.market.rules import Side

__all__ = ["Stops", "is_triggered"]


def is_triggered(order: Order, low_krw: int, high_krw: int) -> bool:
    """Tell whether trades between two prices fire a stop: a buy from below, a sell from above."""
    if order.side is Side.BUY:
        return high_krw >= order.trigger_krw
    return low_krw <= order.trigger_krw


class Stops:
    """The waiting stops of both sides, the next one to fire first."""

    __slots__ = ("_buys", "_sells")

    def __init__(self) -> None:
        self._buys: list[tuple[int, int, Order]] = []
        self._sells: list[tuple[int, int, Order]] = []

    def __bool__(self) -> bool:
        return bool(self._buys or self._sells)

    def __iter__(self) -> Iterator[Order]:
        for _, _, order in (*self._buys, *self._sells):
            yield order

    def _row(self, order: Order) -> tuple[list[tuple[int, int, Order]], tuple[int, int, Order]]:
        if order.side is Side.BUY:
            return self._buys, (order.trigger_krw, order.seq, order)
        # Sells fire from the highest trigger down.
        return self._sells, (-order.trigger_krw, order.seq, order)

    def add(self, order: Order) -> None:
        """Let an order wait."""
        rows, row = self._row(order)
        insort(rows, row)
        order.home = self

    def take(self, order: Order, qty: int) -> None:
        """Take qty shares off a waiting order; at zero it leaves."""
        order.leaves_qty -= qty
        if not order.leaves_qty:
            rows, row = self._row(order)
            del rows[bisect_left(rows, row)]
            order.home = None

    def fire(self, low_krw: int, high_krw: int) -> list[Order]:
        """Take out what trades between two prices fire, in the order of arrival."""
        fired: list[Order] = []
        for rows in (self._buys, self._sells):
            while rows and is_triggered(rows[0][2], low_krw, high_krw):
                fired.append(rows.pop(0)[2])
        for order in fired:
            order.home = None
        fired.sort(key=lambda order: order.seq)
        return fired

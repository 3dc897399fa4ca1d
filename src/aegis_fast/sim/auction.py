"""Find the one price of an auction, pair the orders that trade at it, and show what is left.

The price is the one with the most shares traded; of several the one that leaves the fewest behind;
of several the one nearest to the reference price (the last trade), the higher of two as near.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from aegis_fast.sim.market import is_on_grid, round_down, round_up, step
from aegis_fast.sim.resting import Half, Order

__all__ = ["NOTHING", "Cross", "Expected", "Shown", "expect", "pair", "shown"]


class Expected(NamedTuple):
    """What an auction would trade now: its price and shares; 0 and 0 when nothing would.

    bid_qty and ask_qty: the shares that could trade at that price, on each side.
    """

    price_krw: int
    qty: int
    bid_qty: int = 0
    ask_qty: int = 0


class Cross(NamedTuple):
    """One trade of an auction."""

    buy: Order
    sell: Order
    price_krw: int
    qty: int


class Shown(NamedTuple):
    """One displayed level."""

    price_krw: int
    qty: int


NOTHING = Expected(0, 0)


class _Piece(NamedTuple):
    """Prices between two bounds (inclusive, on the grid) that trade the same."""

    low_krw: int
    high_krw: int
    bid_qty: int
    ask_qty: int

    @property
    def rank(self) -> tuple[int, int]:
        return min(self.bid_qty, self.ask_qty), -abs(self.bid_qty - self.ask_qty)


def _pieces(bids: Half, asks: Half, table: str) -> Iterator[_Piece]:
    """Yield every price that an order carries, and the gaps between, upwards."""
    low, high = asks.prices[0], bids.prices[-1]
    crossing_bids = [price for price in bids.prices if price >= low]
    crossing_asks = [price for price in asks.prices if price <= high]
    prices = sorted({*crossing_bids, *crossing_asks})
    bid_qty = sum(bids.levels[price].qty for price in crossing_bids)
    ask_qty = 0
    for index, price in enumerate(prices):
        ask_level, bid_level = asks.levels.get(price), bids.levels.get(price)
        ask_qty += ask_level.qty if ask_level is not None else 0
        yield _Piece(price, price, bid_qty, ask_qty)
        bid_qty -= bid_level.qty if bid_level is not None else 0
        if index + 1 < len(prices):
            first, last = step(price, 1, table), step(prices[index + 1], -1, table)
            if first <= last:
                yield _Piece(first, last, bid_qty, ask_qty)


def _nearest(low_krw: int, high_krw: int, reference_krw: int, table: str) -> int:
    if reference_krw <= low_krw:
        return low_krw
    if reference_krw >= high_krw:
        return high_krw
    if is_on_grid(reference_krw, table):
        return reference_krw
    # Only a midpoint trade leaves a reference off the grid; its neighbours lie within the bounds.
    below, above = round_down(reference_krw, table), round_up(reference_krw, table)
    return above if above - reference_krw <= reference_krw - below else below


def expect(bids: Half, asks: Half, reference_krw: int, table: str) -> Expected:
    """Return what the orders of both sides would trade at one price. table: Issue.grid."""
    if not bids.prices or not asks.prices or bids.prices[-1] < asks.prices[0]:
        return NOTHING
    best: _Piece | None = None
    top = 0
    for piece in _pieces(bids, asks, table):
        # Pieces as good as the best follow each other: demand falls and supply grows with price.
        if best is None or piece.rank > best.rank:
            best, top = piece, piece.high_krw
        elif piece.rank == best.rank:
            top = piece.high_krw
    assert best is not None
    price = _nearest(best.low_krw, top, reference_krw, table)
    bid_qty = sum(bids.levels[at].qty for at in bids.prices if at >= price)
    ask_qty = sum(asks.levels[at].qty for at in asks.prices if at <= price)
    return Expected(price, min(bid_qty, ask_qty), bid_qty, ask_qty)


def pair(bids: Half, asks: Half, expected: Expected) -> list[Cross]:
    """Trade what was expected, best price and oldest order first on both sides."""
    crosses: list[Cross] = []
    left = expected.qty
    while left:
        buy = next(iter(bids.levels[bids.prices[-1]].orders.values()))
        sell = next(iter(asks.levels[asks.prices[0]].orders.values()))
        qty = min(buy.leaves_qty, sell.leaves_qty, left)
        bids.take(buy, qty)
        asks.take(sell, qty)
        left -= qty
        crosses.append(Cross(buy, sell, expected.price_krw, qty))
    return crosses


def shown(half: Half, expected: Expected, market_krw: int, count: int) -> list[Shown]:
    """Return the levels displayed in an auction, best first: what would not trade.

    What remains of the orders that could trade stands at the expected price, so the displayed book
    never looks crossed. market_krw: where market orders stand when nothing would trade.
    """
    rows: dict[int, int] = {}
    trading = expected.qty
    for level in half.best_first():
        qty = level.qty
        cut = min(qty, trading)
        trading -= cut
        if cut == qty:
            continue
        price = level.price_krw
        if expected.qty:
            price = (
                min(price, expected.price_krw) if half.is_bid else max(price, expected.price_krw)
            )
        elif not level.has_limit_order:
            price = market_krw
        rows[price] = rows.get(price, 0) + qty - cut
        if len(rows) > count:
            break
    best_first = sorted(rows.items(), reverse=half.is_bid)
    return [Shown(price, qty) for price, qty in best_first[:count]]

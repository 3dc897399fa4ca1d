"""Find the one price of an auction, pair the orders that trade at it, and show what is left.

The price is the one with the most shares traded; of several the one that leaves the fewest behind;
of several the one nearest to the reference price (the last trade), the higher of two as near.
"""

from __future__ import annotations

from typing import NamedTuple

from aegis_fast.sim.market.resting import Half, Order
from aegis_fast.sim.market.rules import is_on_grid, round_down, round_up, step

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


class _Side(NamedTuple):
    """How far one side trades: its last price to do so, and what that leaves.

    rest_krw and rest_qty: the best price of which shares remain, 0 without any; next_krw: the level
    behind that one, 0 without any.
    """

    last_krw: int
    rest_krw: int
    rest_qty: int
    next_krw: int


def _most(bids: Half, asks: Half) -> tuple[int, _Side, _Side]:
    """Match level against level until they no longer cross; there must be a crossing."""
    bid_prices, ask_prices = bids.prices, asks.prices
    bid_at, ask_at = len(bid_prices) - 1, 0
    bid_qty, ask_qty = bids.levels[bid_prices[bid_at]].qty, asks.levels[ask_prices[0]].qty
    traded = 0
    last_bid = last_ask = 0
    while bid_at >= 0 and ask_at < len(ask_prices) and bid_prices[bid_at] >= ask_prices[ask_at]:
        last_bid, last_ask = bid_prices[bid_at], ask_prices[ask_at]
        qty = min(bid_qty, ask_qty)
        traded += qty
        bid_qty -= qty
        ask_qty -= qty
        if not bid_qty:
            bid_at -= 1
            bid_qty = bids.levels[bid_prices[bid_at]].qty if bid_at >= 0 else 0
        if not ask_qty:
            ask_at += 1
            ask_qty = asks.levels[ask_prices[ask_at]].qty if ask_at < len(ask_prices) else 0
    bid_rest = bid_prices[bid_at] if bid_at >= 0 else 0
    bid_next = bid_prices[bid_at - 1] if bid_at >= 1 else 0
    ask_rest, ask_next = (*ask_prices[ask_at : ask_at + 2], 0, 0)[:2]
    bid_side = _Side(last_bid, bid_rest, bid_qty, bid_next)
    return traded, bid_side, _Side(last_ask, ask_rest, ask_qty, ask_next)


def _best_prices(bid: _Side, ask: _Side, table: str) -> tuple[int, int]:
    """Return the bounds of the prices that trade the most and leave the fewest behind.

    The most is traded from the last ask to the last bid. What is left of the bids counts up to its
    best price, what is left of the asks from its best price on; between them nothing is left.
    """
    low, high = ask.last_krw, bid.last_krw
    if bid.rest_krw >= low:
        low = step(bid.rest_krw, 1, table)
    if ask.rest_krw and ask.rest_krw <= high:
        high = step(ask.rest_krw, -1, table)
    if low <= high:
        return low, high
    takes_bid = bid.rest_krw >= ask.last_krw
    takes_ask = 0 < ask.rest_krw <= bid.last_krw
    if takes_bid and takes_ask and bid.rest_qty != ask.rest_qty:
        takes_bid, takes_ask = bid.rest_qty < ask.rest_qty, bid.rest_qty > ask.rest_qty
    low, high = ask.rest_krw, bid.rest_krw
    if takes_bid:
        low = ask.last_krw
        if bid.next_krw >= low:
            low = step(bid.next_krw, 1, table)
    if takes_ask:
        high = bid.last_krw
        if ask.next_krw and ask.next_krw <= high:
            high = step(ask.next_krw, -1, table)
    return low, high


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
    qty, bid, ask = _most(bids, asks)
    price = _nearest(*_best_prices(bid, ask, table), reference_krw, table)
    bid_qty, ask_qty = qty, qty
    if bid.rest_krw >= price:
        bid_qty = sum(bids.levels[at].qty for at in bids.prices if at >= price)
    if 0 < ask.rest_krw <= price:
        ask_qty = sum(asks.levels[at].qty for at in asks.prices if at <= price)
    return Expected(price, qty, bid_qty, ask_qty)


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

"""Match orders on arrival: with the visible book, with hidden midpoint orders, under a guard.

What a trade or a new best price sets off besides (a stop that fires, hidden orders that meet) is
done at once and kept as a follow-up.
"""

from __future__ import annotations

from typing import NamedTuple

from aegis_fast.sim.market.auction import Expected
from aegis_fast.sim.market.midpoint import Midpoint, Pool, middle
from aegis_fast.sim.market.order_kinds import KINDS, OrderKind
from aegis_fast.sim.market.resting import Half, Order
from aegis_fast.sim.market.rules import Issue, PriceLimits, Side, round_down, round_up
from aegis_fast.sim.market.stops import Stops
from aegis_fast.sim.market.vi import VI, Guard

__all__ = ["NO_BOUNDS", "PLAIN", "Fill", "Followup", "Matching", "Result"]

# Prices between which any trade is allowed: there is no guard.
NO_BOUNDS = (0, 1 << 62)
# What a stop is once it has fired.
PLAIN = KINDS["00"]


class Fill(NamedTuple):
    """One trade: the resting order, its price and how much of it was taken."""

    maker: Order
    price_krw: int
    qty: int


class Result(NamedTuple):
    """What became of a submitted order. dropped_qty: the rest of an IOC or FOK order.

    interrupted: the volatility interruption it caused; the book is in auction mode since.
    """

    fills: list[Fill]
    dropped_qty: int
    interrupted: VI | None = None


class Followup(NamedTuple):
    """What another operation set off: an order that took, and its result as from submit.

    A stop that fired is here even when it traded nothing: from now on it is a limit order.
    """

    order: Order
    result: Result


class Matching:
    """The resting orders of a book and how an incoming one trades with them."""

    __slots__ = (
        "_expected",
        "_followups",
        "_mids",
        "_mode",
        "_seq",
        "_stops",
        "asks",
        "bids",
        "board",
        "fixed_krw",
        "guard",
        "issue",
        "last_krw",
        "limits",
    )

    def __init__(self, issue: Issue, limits: PriceLimits, board: str = "KRX") -> None:
        self.issue = issue
        self.limits = limits
        self.board = board
        self.bids = Half(is_bid=True)
        self.asks = Half(is_bid=False)
        self.last_krw = issue.base_krw
        self.fixed_krw = issue.base_krw
        self.guard: Guard | None = None
        self._mode = "fixed" if board == "FIXED" else "continuous"
        self._expected: Expected | None = None
        self._mids: Midpoint | None = None
        self._stops: Stops | None = None
        self._followups: list[Followup] = []
        self._seq = 0

    def half(self, side: Side) -> Half:
        """Return the visible resting orders of a side."""
        return self.bids if side is Side.BUY else self.asks

    @property
    def best_bid_krw(self) -> int:
        """Return the highest bid; 0 without any."""
        return self.bids.best_krw()

    @property
    def best_ask_krw(self) -> int:
        """Return the lowest ask; 0 without any."""
        return self.asks.best_krw()

    @property
    def mid_krw(self) -> int:
        """Return the price of a midpoint trade now; 0 when none can happen."""
        if self._mode != "continuous":
            return 0
        return middle(self.bids.best_krw(), self.asks.best_krw())

    def mid_qty(self, side: Side) -> int:
        """Return the hidden midpoint shares of a side."""
        return 0 if self._mids is None else self._mids.pool(side).total_qty

    def _enter(self, order: Order, kind: OrderKind, limit_krw: int) -> Result:
        """Trade a checked order in continuous or fixed mode; rest or drop what remains."""
        last = self.last_krw
        bounds = NO_BOUNDS if self.guard is None else self.guard.bounds(last)
        fills: list[Fill] = []
        if kind.lifetime == "fok":
            qty, broken = self._fillable(order.side, limit_krw, order.leaves_qty, bounds)
            if qty >= order.leaves_qty:
                broken = self._trade(order, limit_krw, fills, bounds)
            elif broken:
                # It interrupts only where it would have got all its shares.
                qty, _ = self._fillable(order.side, limit_krw, order.leaves_qty, NO_BOUNDS)
                broken = broken if qty >= order.leaves_qty else 0
        else:
            broken = self._trade(order, limit_krw, fills, bounds)
        interrupted = self._interrupt(broken, last) if broken else None
        dropped = 0
        if order.leaves_qty:
            if kind.lifetime == "day":
                self._rest(order, kind, limit_krw)
            else:
                dropped, order.leaves_qty = order.leaves_qty, 0
        return Result(fills, dropped, interrupted)

    def _trade(
        self, order: Order, limit_krw: int, fills: list[Fill], bounds: tuple[int, int]
    ) -> int:
        """Fill an order; return the price that the guard forbade, else 0."""
        opposite = self.asks if order.side is Side.BUY else self.bids
        pool = None if self._mids is None else self._mids.pool(order.side.other)
        low, high = bounds
        while order.leaves_qty:
            if pool is not None and pool.orders:
                price = middle(self.bids.best_krw(), self.asks.best_krw())
                if price and opposite.reaches(limit_krw, price):
                    if not low < price < high:
                        return price
                    self._fill_from(pool, order, price, fills)
                    continue
            price = opposite.best_krw()
            if not price or not opposite.reaches(limit_krw, price):
                break
            if not low < price < high:
                return price
            maker = next(iter(opposite.levels[price].orders.values()))
            qty = min(maker.leaves_qty, order.leaves_qty)
            opposite.take(maker, qty)
            order.leaves_qty -= qty
            self.last_krw = price
            fills.append(Fill(maker, price, qty))
        return 0

    def _fill_from(self, pool: Pool, order: Order, price_krw: int, fills: list[Fill]) -> None:
        maker = pool.first()
        qty = min(maker.leaves_qty, order.leaves_qty)
        pool.take(maker, qty)
        order.leaves_qty -= qty
        self.last_krw = price_krw
        fills.append(Fill(maker, price_krw, qty))

    def _fillable(
        self, side: Side, limit_krw: int, at_most: int, bounds: tuple[int, int]
    ) -> tuple[int, int]:
        """Return what an order could take now, and the price at which the guard would stop it."""
        opposite, own_krw = self.half(side.other), self.half(side).best_krw()
        hidden = self.mid_qty(side.other)
        low, high = bounds
        qty = 0
        for level in opposite.best_first():
            price = level.price_krw
            if hidden:
                mid = middle(min(own_krw, price), max(own_krw, price))
                if mid and opposite.reaches(limit_krw, mid):
                    if not low < mid < high:
                        return qty, mid
                    qty += hidden
                    hidden = 0
            if qty >= at_most or not opposite.reaches(limit_krw, price):
                break
            if not low < price < high:
                return qty, price
            qty += level.qty
        return qty, 0

    def _interrupt(self, price_krw: int, last_krw: int) -> VI:
        assert self.guard is not None
        vi = self.guard.judge(price_krw, last_krw)
        assert vi is not None
        self._mode = "auction"
        self._expected = None
        return vi

    def _rest(self, order: Order, kind: OrderKind, limit_krw: int) -> None:
        if kind.pricing != "market":
            order.price_krw = limit_krw
            (self.bids if order.side is Side.BUY else self.asks).add(order)
            return
        if self._mode == "auction":
            order.is_market = True
            order.price_krw = limit_krw
        else:
            order.price_krw = self._market_price(order.side)
        self.half(order.side).add(order)

    def _market_price(self, side: Side) -> int:
        """Return where a market order without an opposite side rests."""
        # The last trade may be a midpoint or lie beyond a better price that arrived since.
        best = self.half(side).best_limit_krw()
        if side is Side.BUY:
            return max(best, round_down(self.last_krw, self.issue.grid))
        last = round_up(self.last_krw, self.issue.grid)
        return min(best or last, last)

    def _submit_mid(self, order: Order, kind: OrderKind) -> Result:
        if self._mids is None:
            self._mids = Midpoint()
        pool, price = self._mids.pool(order.side.other), self.mid_krw
        fills: list[Fill] = []
        interrupted = None
        is_short = kind.lifetime == "fok" and pool.total_qty < order.leaves_qty
        if price and pool.orders and not is_short:
            interrupted = self._cross_hidden(order, pool, price, fills)
        dropped = 0
        if order.leaves_qty and kind.lifetime == "day":
            self._mids.pool(order.side).add(order)
        else:
            dropped, order.leaves_qty = order.leaves_qty, 0
        self._follow_fills(fills)
        return Result(fills, dropped, interrupted)

    def _cross_hidden(
        self, order: Order, pool: Pool, price_krw: int, fills: list[Fill]
    ) -> VI | None:
        """Trade a midpoint order with the hidden ones, unless the guard forbids the price."""
        last = self.last_krw
        if self.guard is not None and self.guard.judge(price_krw, last) is not None:
            return self._interrupt(price_krw, last)
        while order.leaves_qty and pool.orders:
            self._fill_from(pool, order, price_krw, fills)
        return None

    def _follow_fills(self, fills: list[Fill]) -> None:
        prices = [fill.price_krw for fill in fills]
        self._follow_up(min(prices, default=0), max(prices, default=0))

    def _follow_up(self, low_krw: int, high_krw: int) -> None:
        """Do what trades between two prices (0, 0: none) set off, and what that sets off."""
        fired = self._fired(low_krw, high_krw)
        while True:
            self._meet_hidden(fired)
            if not fired:
                return
            order = fired.pop(0)
            self._seq += 1
            order.seq, order.kind = self._seq, PLAIN
            if self._mode == "auction":
                self._rest(order, PLAIN, order.price_krw)
                result = Result([], 0)
            else:
                result = self._enter(order, PLAIN, order.price_krw)
            self._followups.append(Followup(order, result))
            prices = [fill.price_krw for fill in result.fills]
            fired += self._fired(min(prices, default=0), max(prices, default=0))

    def _fired(self, low_krw: int, high_krw: int) -> list[Order]:
        return self._stops.fire(low_krw, high_krw) if self._stops and high_krw else []

    def _meet_hidden(self, fired: list[Order]) -> None:
        """Trade hidden orders of both sides, which met no midpoint when they arrived."""
        mids = self._mids
        while mids is not None and mids.bids.orders and mids.asks.orders:
            price = self.mid_krw
            if not price:
                return
            taker = max(mids.bids.first(), mids.asks.first(), key=lambda order: order.seq)
            own = mids.pool(taker.side)
            qty = taker.leaves_qty
            fills: list[Fill] = []
            vi = self._cross_hidden(taker, mids.pool(taker.side.other), price, fills)
            traded, taker.leaves_qty = qty - taker.leaves_qty, qty
            if traded:
                own.take(taker, traded)
            self._followups.append(Followup(taker, Result(fills, 0, vi)))
            if vi is not None:
                return
            fired += self._fired(price, price)

"""Match the orders of one book: continuously, in an auction, or at one fixed price.

Pure: no clock, no I/O, no randomness. A trade happens at the price of the order that was there
first. Orders of one price queue in the order of arrival; a cut in quantity keeps the place.

What an operation sets off besides its own trades (a stop that fires, hidden orders that meet when
a midpoint appears) is done at once and kept for the caller: after every submit, reduce and change
of mode he books `take_followups()` in the order given.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from aegis_fast.sim.market.auction import NOTHING, Cross, Expected, Shown, expect, pair, shown
from aegis_fast.sim.market.matching import NO_BOUNDS, PLAIN, Fill, Followup, Matching, Result
from aegis_fast.sim.market.order_kinds import KINDS, OrderKind
from aegis_fast.sim.market.resting import Level, Order
from aegis_fast.sim.market.rules import Side, is_on_grid
from aegis_fast.sim.market.stops import Stops, is_triggered
from aegis_fast.sim.market.vi import VI

__all__ = ["MODES", "Book", "Fill", "Followup", "Result"]

MODES = ("continuous", "auction", "fixed", "closed", "halted")

_SHOWN = 10
_SHOWN_IN_AUCTION = 3


class Book(Matching):
    """The orders of one issue on one board.

    last_krw: the last trade. fixed_krw: the price of the fixed mode. guard: the volatility guard,
    None for none. mode: see MODES; "continuous" until set.
    """

    __slots__ = ()

    @property
    def mode(self) -> str:
        """Return how it matches now: one of MODES."""
        return self._mode

    @mode.setter
    def mode(self, mode: str) -> None:
        """Change the mode; to "continuous" or "fixed" only an uncrossed book (uncross first).

        "auction" on the board FIXED collects orders before its trading begins.

        On the way to "continuous", market orders left of an auction get a price, and stops and
        hidden orders that wait may trade: see take_followups. Raises ValueError.
        """
        is_possible = mode in MODES and (
            mode in ("closed", "halted")
            or (mode == "fixed") == (self.board == "FIXED")
            or (mode == "auction" and self.board == "FIXED")
        )
        if not is_possible:
            raise ValueError(f"{self.board} has no mode {mode}")
        if mode in ("continuous", "fixed"):
            if self.bids.prices and self.asks.prices and self.best_bid_krw >= self.best_ask_krw:
                raise ValueError("the book is crossed: uncross it first")
            self._price_market_orders(0)
        was = self._mode
        self._mode = mode
        self._expected = None
        if mode == "continuous" and was != mode:
            self._follow_up(self.last_krw, self.last_krw)

    def levels(self, side: Side, count: int) -> list[Level]:
        """Return up to count levels of a side, best first."""
        return [level for level, _ in zip(self.half(side).best_first(), range(count), strict=False)]

    def shown_levels(self, side: Side) -> list[Shown]:
        """Return what the book feed displays of a side, best first.

        Ten levels; in an auction three, of what would not trade at the expected price.
        """
        half = self.half(side)
        if self._mode != "auction":
            return [Shown(level.price_krw, level.qty) for level in self.levels(side, _SHOWN)]
        price = self._market_price(side)
        return shown(half, self.expected(), price, _SHOWN_IN_AUCTION)

    def orders(self) -> Iterator[Order]:
        """Yield everything that rests: visible orders, hidden ones, waiting stops."""
        for half in (self.bids, self.asks):
            for level in half.best_first():
                yield from level.orders.values()
        if self._mids is not None:
            yield from self._mids.bids.orders.values()
            yield from self._mids.asks.orders.values()
        if self._stops is not None:
            yield from self._stops

    def limit_of(self, kind: OrderKind, side: Side, price_krw: int) -> int:
        """Return how far an order may go; 0 when it can have no price and must be refused.

        A midpoint order goes as far as the day's limits; its price is the midpoint whatever it is.
        """
        if kind.pricing == "limit":
            return price_krw
        if kind.pricing in ("market", "mid"):
            return self.limits.upper_krw if side is Side.BUY else self.limits.lower_krw
        if kind.pricing == "fixed":
            return self.fixed_krw
        half = self.half(side.other if kind.pricing == "counter" else side)
        return half.best_krw() if self._mode == "continuous" else half.best_limit_krw()

    def reachable_qty(self, side: Side, limit_krw: int, at_most: int) -> int:
        """Return how many shares an order of that side and limit could take now, hidden ones too;
        0 when orders do not match on arrival.
        """
        if self._mode != "continuous":
            return 0
        return min(self._fillable(side, limit_krw, at_most, NO_BOUNDS)[0], at_most)

    def submit(self, order: Order, kind: OrderKind, limit_krw: int) -> Result:
        """Trade as far as the limit goes; rest, or drop, what remains.

        limit_krw comes from limit_of. What a day order cannot trade rests at its limit, except a
        market order: that one has no price, so it rests at the price of the last trade; in an
        auction it rests at the day's limit, before the limit orders there. A midpoint order rests
        hidden; a stop (order.trigger_krw) waits outside the book unless the last trade fires it;
        from then on it is a limit order (kind 00).
        Raises ValueError for a price, a kind or a mode that takes no such order.
        """
        self._check(order, kind, limit_krw)
        order.kind = kind
        self._seq += 1
        order.seq = self._seq
        if self._mode == "auction":
            self._expected = None
            self._rest(order, kind, limit_krw)
            return Result([], 0)
        if kind.pricing == "mid":
            return self._submit_mid(order, kind)
        if kind.is_stop and not is_triggered(order, self.last_krw, self.last_krw):
            order.price_krw = limit_krw
            if self._stops is None:
                self._stops = Stops()
            self._stops.add(order)
            return Result([], 0)
        if kind.is_stop:
            order.kind = PLAIN
        result = self._enter(order, kind, limit_krw)
        if self._stops or self._mids is not None:
            self._follow_fills(result.fills)
        return result

    def reduce(self, order: Order, qty: int) -> None:
        """Take qty shares out of a resting order of any sort; the rest keeps its place.

        Works in every mode. Raises ValueError when the order does not rest or has fewer left.
        """
        if order.home is None or not 0 < qty <= order.leaves_qty:
            raise ValueError(f"cannot take {qty} of {order.leaves_qty}")
        order.home.take(order, qty)
        self._expected = None
        if self._mids is not None:
            self._follow_up(0, 0)

    def expire(self, is_over: Callable[[Order], bool] | None = None) -> list[tuple[Order, int]]:
        """Take out every resting order that is_over names (all without it), with its shares."""
        ended = [order for order in self.orders() if is_over is None or is_over(order)]
        taken = [(order, order.leaves_qty) for order in ended]
        for order, qty in taken:
            if order.home is not None:
                order.home.take(order, qty)
        self._expected = None
        self._follow_up(0, 0)
        return taken

    def expected(self) -> Expected:
        """Return what an uncross now would trade; nothing outside auction mode. Cheap if cached."""
        if self._mode != "auction":
            return NOTHING
        if self._expected is None:
            self._expected = expect(self.bids, self.asks, self.last_krw, self.issue.grid)
        return self._expected

    def uncross_vi(self, *, is_closing: bool = False) -> VI | None:
        """Return the interruption that the expected price would cause: the auction goes on."""
        price = self.expected().price_krw
        if self.guard is None or not price:
            return None
        return self.guard.judge(price, self.last_krw, is_closing=is_closing)

    def uncross(self) -> list[Cross]:
        """Trade the auction at its one price; the mode stays "auction" until set.

        What remains of market orders is from then on a limit order at that price; when nothing
        traded, at the best price of its own side or the last trade, whichever is better. The price
        becomes the guard's static reference. Raises ValueError outside auction mode.
        """
        if self._mode != "auction":
            raise ValueError(f"no auction: {self._mode}")
        expected = self.expected()
        crosses = pair(self.bids, self.asks, expected)
        if expected.qty:
            self.last_krw = expected.price_krw
            if self.guard is not None:
                self.guard.static_krw = expected.price_krw
        self._price_market_orders(expected.price_krw)
        self._expected = None
        return crosses

    def to_market(self, order: Order) -> None:
        """Make a visible resting order (02) a market order of the auction, queued anew."""
        half = self.half(order.side)
        if self._mode != "auction" or order.home is not half:
            raise ValueError("only an order in an auction can turn into a market order")
        half.lift(order)
        self._seq += 1
        order.seq = self._seq
        self._rest(order, KINDS["01"], self.limit_of(KINDS["01"], order.side, 0))
        self._expected = None

    def turn_market(self) -> list[Order]:
        """Turn every conditional order (02) into a market order, in order of arrival."""
        turning = [
            order
            for order in self.orders()
            if order.kind is not None and order.kind.turns_market and not order.is_market
        ]
        turning.sort(key=lambda order: order.seq)
        for order in turning:
            self.to_market(order)
        return turning

    def take_followups(self) -> list[Followup]:
        """Return, once, what operations set off since the last call, in the order it happened."""
        if not self._followups:
            return []
        followups, self._followups = self._followups, []
        return followups

    def _check(self, order: Order, kind: OrderKind, limit_krw: int) -> None:
        if self.board not in kind.boards:
            raise ValueError(f"{self.board} takes no order of kind {kind.code}")
        if self._mode != "continuous":
            self._check_mode(kind, limit_krw)
        limits = self.limits
        if not limits.lower_krw <= limit_krw <= limits.upper_krw:
            raise ValueError(f"{limit_krw} is outside the day's limits")
        if order.qty <= 0 or not is_on_grid(limit_krw, self.issue.grid):
            raise ValueError(f"no such order: {order.qty} at {limit_krw}")
        if kind.is_stop:
            trigger = order.trigger_krw
            within = limits.lower_krw <= trigger <= limits.upper_krw
            if not within or not is_on_grid(trigger, self.issue.grid):
                raise ValueError(f"no such trigger: {trigger}")

    def _check_mode(self, kind: OrderKind, limit_krw: int) -> None:
        if self._mode == "closed" or self._mode == "halted":
            raise ValueError(f"the book is {self._mode}")
        # Before off-hours trading begins its orders are collected, all at their one price.
        if self.board == "FIXED":
            if limit_krw != self.fixed_krw:
                raise ValueError(f"only {self.fixed_krw} trades here")
        elif not kind.rests_in_auction:
            raise ValueError(f"an auction takes no order of kind {kind.code}")

    def _price_market_orders(self, price_krw: int) -> None:
        """Give what an auction left of market orders a price: this one, or by the touch if 0."""
        for side in (Side.BUY, Side.SELL):
            half = self.half(side)
            level = half.levels.get(half.best_krw())
            left = [] if level is None else [o for o in level.orders.values() if o.is_market]
            price = price_krw or (self._market_price(side) if left else 0)
            for order in left:
                half.lift(order)
                order.is_market = False
                order.price_krw = price
                self._seq += 1
                order.seq = self._seq
                half.add(order)

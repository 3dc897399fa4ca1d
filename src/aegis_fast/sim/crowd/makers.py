"""Keep a book filled: the crowd's resting orders around a fair value, added, merged and withdrawn.

A usual book has a level at every tick; a thin one has a few, with holes. After a user's large trade
the makers of the eaten side stand back for a while. A price that an issue sticks to (its limit) has
a long queue on one side and nothing on the other.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from aegis_fast.sim.crowd.regimes import Regime
from aegis_fast.sim.crowd.value import MICRO
from aegis_fast.sim.market.exchange import KINDS, Book, Level, Order, OrderKind, kind_on
from aegis_fast.sim.market.resting import Half
from aegis_fast.sim.market.rules import Side, order_unit, step, tick_size

__all__ = ["Makers", "Submit", "cached_step", "cached_tick"]

Submit = Callable[[Book, Order, OrderKind, int], None]

_BUY, _SELL = Side.BUY, Side.SELL
_DEEPEST = 20  # The crowd withdraws what lies further from the best price.
_DEEPEST_THIN = 8
_ORDERS_PER_LEVEL = 6  # More crowd orders at one price are merged into the last one.
_STUCK_MULTIPLE = 60  # What waits at the price an issue sticks to, in usual levels.
_SHY_ACTS = 12  # How many acts the makers stay away after a user's large trade.
_SHY_LEVELS = 3  # What a side that stands back still keeps.

# Books are tended some hundred times a second, at a few prices each. The sizes hold what thirty
# issues touch in half an hour: after that the memory stays where it is.
cached_tick = lru_cache(maxsize=8_192)(tick_size)
cached_step = lru_cache(maxsize=16_384)(step)


@lru_cache(maxsize=4_096)
def _ladder(price_krw: int, direction: int, count: int, table: str) -> tuple[int, ...]:
    """Return count prices from price_krw on, one tick apart, fewer at the smallest price."""
    prices = [price_krw]
    for _ in range(count - 1):
        following = step(prices[-1], direction, table)
        if following == prices[-1]:
            break
        prices.append(following)
    return tuple(prices)


class Makers:
    """The resting crowd of one book. bits: getrandbits of the flow's generator."""

    def __init__(self, book: Book, bits: Callable[[int], int], submit: Submit) -> None:
        self._book = book
        self._bids, self._asks = book.half(_BUY), book.half(_SELL)
        self._bits = bits
        self._submit = submit
        # The fixed-price board has no limit orders, and nothing to make a market in.
        self._limit_kind = KINDS["00"]
        if book.board != "FIXED":
            self._limit_kind = kind_on(self._limit_kind, book.board)
        self._table = book.issue.grid
        self._unit = order_unit(book.issue.kind)
        self._shy_bids = self._shy_asks = 0
        # The best prices and numbers of levels that were last found in order, and for what values.
        self._bid_shape = self._ask_shape = (0, 0)
        self._shape = (0, 0, 0, 0)
        self._fair_from = self._fair_to = 0

    def measure(self, regime: Regime, share_percent: int) -> None:
        """Take on a regime. share_percent: this board's part of the usual depth."""
        issue, unit = self._book.issue, self._unit
        if regime.is_thin:
            self._leave()
        self._regime = regime
        self._sticks = regime.sticks
        daily_qty = regime.daily_qty(issue)
        level_qty = max(daily_qty // 400, min(50, daily_qty // 40))
        # Where ticks are fine the same depth lies on more levels. 0.1 % is a usual tick.
        tick_ppm = tick_size(issue.base_krw, self._table) * 1_000_000 // issue.base_krw
        level_qty = level_qty * min(max(tick_ppm, 50), 1_000) // 1_000
        level_qty = level_qty * regime.depth_percent * share_percent // 10_000
        self.level_qty = max(level_qty // unit, 1) * unit
        self._bid_shape = self._ask_shape = (0, 0)
        self._shape = (0, 0, 0, 0)

    def _leave(self) -> None:
        """Take the whole crowd out of the book: what follows is another one."""
        for half in (self._bids, self._asks):
            self._clear(half, list(half.prices))

    def qty(self, mean: int) -> int:
        """Draw a quantity: many small ones, few large ones (the product of two even draws)."""
        draw = self._bits(14)
        qty = mean * ((draw >> 7) + 1) * ((draw & 127) + 1) // 4_160
        if self._unit != 1:
            qty -= qty % self._unit
        return qty or self._unit

    def _cut(self, qty: int) -> int:
        return qty - qty % self._unit

    def rest(self, side: Side, qty: int, price_krw: int) -> None:
        """Add crowd quantity at a price, in few orders."""
        level = (self._bids if side is _BUY else self._asks).levels.get(price_krw)
        if level is not None and len(level.orders) >= _ORDERS_PER_LEVEL:
            last = next(reversed(level.orders.values()))
            if not last.owner and not last.is_market:
                qty += last.leaves_qty
                self._book.reduce(last, last.leaves_qty)
        self._submit(self._book, Order(side, qty), self._limit_kind, price_krw)

    def add(self) -> None:
        """Add an order near the best price of a side."""
        draw = self._bits(9)
        # The smaller of two draws of 0 to 9: most join close to the touch.
        near, far = (draw & 15) * 5 >> 3, (draw >> 4 & 15) * 5 >> 3
        away = near if near < far else far
        if draw & 256:
            side, prices, away = _BUY, self._bids.prices, -away
            if not prices:
                return
            price = cached_step(prices[-1], away, self._table)
        else:
            side, prices = _SELL, self._asks.prices
            if not prices:
                return
            price = cached_step(prices[0], away, self._table)
        limits = self._book.limits
        if limits.lower_krw <= price <= limits.upper_krw:
            is_queue = self._sticks and not away
            mean = self.level_qty * 2 if is_queue else self.level_qty >> 3
            self.rest(side, self.qty(mean or 1), price)

    def withdraw(self) -> None:
        """Take out half of the newest order of a level: who came last loses least by leaving."""
        draw = self._bits(10)
        half = self._bids if draw & 1 else self._asks
        prices = half.prices
        if not prices:
            return
        index = min((draw >> 1) % 10, len(prices) - 1)
        level = half.levels[prices[-1 - index] if half.is_bid else prices[index]]
        order = next(reversed(level.orders.values()))
        if not order.owner:
            self._book.reduce(order, self._cut(order.leaves_qty // 2) or order.leaves_qty)

    def thin_out(self, level: Level) -> None:
        """Withdraw most of what the crowd has at a price that the value has passed."""
        for order in list(level.orders.values()):
            if not order.owner:
                keep = self._cut(order.leaves_qty * (self._bits(8) % 21) // 100)
                self._book.reduce(order, order.leaves_qty - keep)

    def stand_back(self, side: Side) -> None:
        """Leave a side alone for some acts."""
        if side is _BUY:
            self._shy_bids = _SHY_ACTS
        else:
            self._shy_asks = _SHY_ACTS

    def come_back(self) -> None:
        """Stop standing back."""
        self._shy_bids = self._shy_asks = 0

    def tend(self, micro: int) -> None:
        """Fill both sides around a value (in millionths of a won); drop what is too far away."""
        bids, asks = self._bids.prices, self._asks.prices
        bid, ask = bids[-1] if bids else 0, asks[0] if asks else 0
        shape = (bid, len(bids), ask, len(asks))
        if shape == self._shape and self._fair_from <= micro < self._fair_to:
            return
        self._tend(micro)
        if not self._shy_bids and not self._shy_asks and not self._regime.is_thin:
            self._shape = (
                bids[-1] if bids else 0,
                len(bids),
                asks[0] if asks else 0,
                len(asks),
            )

    def _tend(self, micro: int) -> None:
        bids, asks = self._bids.prices, self._asks.prices
        limits = self._book.limits
        fair = micro // MICRO
        # Stuck below the lowest price nobody bids; above the highest nobody offers.
        is_sunk = self._sticks < 0 and fair < limits.lower_krw
        fair = min(max(fair, limits.lower_krw), limits.upper_krw)
        tick = cached_tick(fair, self._table)
        fair -= fair % tick
        self._fair_from, self._fair_to = fair * MICRO, (fair + tick) * MICRO
        if self._regime.is_thin:
            self._tend_thin(fair)
            return
        table = self._table
        bid, ask = bids[-1] if bids else 0, asks[0] if asks else 0
        # The inner prices the crowd wants: around the fair value, never through the other side.
        top = cached_step(ask, -1, table) if ask and ask <= fair else fair
        if bid > top:
            top = bid
        low = limits.lower_krw if is_sunk else cached_step(top if top > fair else fair, 1, table)
        if ask and ask < low:
            low = ask
        if not is_sunk and self._bid_shape != (top, len(bids)) and not self._is_shy(bids, _BUY):
            self._fill(_BUY, self._bids, top)
            self._bid_shape = (top, len(bids))
        if self._ask_shape != (low, len(asks)) and not self._is_shy(asks, _SELL):
            self._fill(_SELL, self._asks, low)
            self._ask_shape = (low, len(asks))

    def _is_shy(self, prices: list[int], side: Side) -> bool:
        if side is _BUY:
            if not self._shy_bids:
                return False
            self._shy_bids -= 1
        else:
            if not self._shy_asks:
                return False
            self._shy_asks -= 1
        return len(prices) >= _SHY_LEVELS

    def _fill(self, side: Side, half: Half, price_krw: int) -> None:
        """Keep a level at every tick, thinner at the touch, as real books are."""
        limits, levels = self._book.limits, half.levels
        direction = -1 if side is _BUY else 1
        limit = limits.upper_krw if side is _BUY else limits.lower_krw
        is_stuck = self._sticks == -direction and price_krw == limit
        prices = _ladder(price_krw, direction, self._regime.levels, self._table)
        for depth, price in enumerate(prices):
            if price in levels:
                continue
            if not limits.lower_krw <= price <= limits.upper_krw:
                break
            mean = self.level_qty * (4 + min(depth, 4)) >> 3
            if is_stuck and not depth:
                mean = self.level_qty * _STUCK_MULTIPLE
            self.rest(side, self.qty(mean or 1), price)
        if len(half.prices) > _DEEPEST:
            self._trim(half, _DEEPEST)

    def _tend_thin(self, fair_krw: int) -> None:
        """Keep a few levels with holes between; an eaten one is missed for a while."""
        regime, table = self._regime, self._table
        for side, half, direction in ((_BUY, self._bids, -1), (_SELL, self._asks, 1)):
            prices, other = half.prices, (self._asks if side is _BUY else self._bids).best_krw()
            touch = cached_step(fair_krw, direction * regime.spread, table)
            best = (prices[-1] if half.is_bid else prices[0]) if prices else 0
            reach = regime.spacing * cached_tick(touch, table)
            is_wanted = not best or ((touch - best) * -direction > reach and not self._bits(2))
            is_free = not other or (other - touch) * -direction > 0
            if is_wanted and is_free and self._fits(touch):
                self.rest(side, self.qty(self.level_qty >> 1 or 1), touch)
            if not prices or (best and self._bits(1)):
                continue
            while len(prices) < regime.levels:
                worst = prices[0] if half.is_bid else prices[-1]
                away = 1 + self._bits(4) % regime.spacing
                price = cached_step(worst, direction * away, table)
                if price == worst or not self._fits(price):
                    break
                self.rest(side, self.qty(self.level_qty), price)
            if len(prices) > _DEEPEST_THIN:
                self._trim(half, _DEEPEST_THIN)

    def _fits(self, price_krw: int) -> bool:
        limits = self._book.limits
        return limits.lower_krw <= price_krw <= limits.upper_krw

    def _trim(self, half: Half, deepest: int) -> None:
        prices = half.prices
        self._clear(half, prices[:-deepest] if half.is_bid else prices[deepest:])

    def _clear(self, half: Half, prices: list[int]) -> None:
        for price in prices:
            for order in list(half.levels[price].orders.values()):
                if not order.owner:
                    self._book.reduce(order, order.leaves_qty)

"""Let a crowd trade: makers on ten and more levels, takers, and a fair value that wanders.

One Flow drives one issue. The fair value reverts to an anchor that itself walks slowly around the
previous close. Takers lean towards it, makers withdraw from a price it has passed, so quotes follow
it and resting orders get filled on the way. Everything is drawn from a seeded generator and happens
at event times counted from the start: the same seed gives the same market at any stepping.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from aegis_fast.sim.exchange import KINDS, Book, Level, Order, OrderKind
from aegis_fast.sim.market import Side, round_down, step, tick_size

__all__ = ["Flow"]

_LIMIT = KINDS["00"]
_IOC = KINDS["11"]
_DEPTH = 12  # Levels the crowd keeps filled on each side.
_DEEPEST = 20  # The crowd withdraws what lies further from the best price.
_ORDERS_PER_LEVEL = 6  # More crowd orders at one price are merged into the last one.
_MILLI = 1_000
_PPM = 1_000_000

Submit = Callable[[Book, Order, OrderKind, int], None]


class Flow:
    """The crowd in one issue.

    submit(book, order, kind, limit_krw) trades an order; the world counts the trades it makes.
    """

    def __init__(self, book: Book, rng: Random, submit: Submit, price_krw: int) -> None:
        issue = book.issue
        self._book = book
        self._rng = rng
        self._submit = submit
        self._kind = issue.kind
        self._fair_milli = self._anchor_milli = price_krw * _MILLI
        self._trade_qty = max(issue.daily_qty // (issue.trades_per_s * 23_400), 1)
        self._level_qty = max(issue.daily_qty // 400, 50)
        # A livelier market than the real one, so that minutes show what a day would.
        self._vol_ppm = 2_400 if issue.kind == "elw" else 170 if issue.kind == "etf" else 330
        if issue.kind == "elw":
            self._trade_qty = max(self._trade_qty // 10, 1) * 10
            self._level_qty = max(self._level_qty // 10, 1) * 10
        self._unit = 10 if issue.kind == "elw" else 1

    @property
    def fair_krw(self) -> int:
        """Return the fair value, cut to won."""
        return self._fair_milli // _MILLI

    def seed_book(self) -> None:
        """Fill an empty book around the fair value."""
        self._tend()

    def act(self) -> None:
        """Do one thing a crowd does: trade, add or withdraw; then keep the book in shape."""
        draw = self._rng.randrange(100)
        if draw < 44:
            self._take()
        elif draw < 78:
            self._add()
        else:
            self._withdraw()
        self._follow()
        self._tend()

    def drift(self) -> None:
        """Move the fair value by one second."""
        base = self._book.issue.base_krw * _MILLI
        self._anchor_milli += (base - self._anchor_milli) // 3_600
        self._anchor_milli += self._noise(self._anchor_milli, self._vol_ppm)
        self._fair_milli += (self._anchor_milli - self._fair_milli) // 300
        self._fair_milli += self._noise(self._fair_milli, self._vol_ppm)
        self._clamp()

    def shock(self, price_krw: int) -> None:
        """Put fair value and anchor at a price and trade the book through to it at once."""
        self._fair_milli = self._anchor_milli = price_krw * _MILLI
        book = self._book
        for side in (Side.BUY, Side.SELL):
            opposite = book.half(side.other)
            for level in list(opposite.best_first()):
                if not opposite.reaches(price_krw, level.price_krw):
                    break
                self._thin_out(level)
            qty = book.reachable_qty(side, price_krw, 1 << 60)
            if qty:
                self._send(side, qty, price_krw, _IOC)
        self._tend()
        # One more trade, so that the last price is the one that was asked for.
        if book.last_krw != price_krw:
            side = Side.SELL if book.best_bid_krw == price_krw else Side.BUY
            self._send(side, self._unit, price_krw, _IOC)

    def trade(self, side: Side, qty: int, price_krw: int) -> int:
        """Let a stranger send an IOC order; return how many shares could be traded."""
        reachable = self._book.reachable_qty(side, price_krw, qty)
        if reachable:
            self._send(side, qty, price_krw, _IOC)
        self._tend()
        return reachable

    def _noise(self, value: int, ppm: int) -> int:
        return sum(self._rng.randint(-ppm, ppm) for _ in range(3)) * value // _PPM

    def _clamp(self) -> None:
        limits = self._book.limits
        lowest, highest = limits.lower_krw * _MILLI, limits.upper_krw * _MILLI
        self._fair_milli = min(max(self._fair_milli, lowest), highest)
        self._anchor_milli = min(max(self._anchor_milli, lowest), highest)

    def _qty(self, mean: int) -> int:
        # Many small ones, few large ones.
        qty = mean * self._rng.randint(1, 100) * self._rng.randint(1, 100) // 2_500
        return max(qty // self._unit, 1) * self._unit

    def _send(self, side: Side, qty: int, price_krw: int, kind: OrderKind) -> None:
        self._submit(self._book, Order(side, qty), kind, price_krw)

    def _rest(self, side: Side, qty: int, price_krw: int) -> None:
        """Add crowd quantity at a price that does not cross."""
        level = self._book.half(side).levels.get(price_krw)
        if level is not None:
            crowd = [order for order in level.orders.values() if not order.owner]
            last = next(reversed(level.orders.values()))
            if len(crowd) >= _ORDERS_PER_LEVEL and not last.owner:
                qty += last.leaves_qty
                self._book.reduce(last, last.leaves_qty)
        self._send(side, qty, price_krw, _LIMIT)

    def _take(self) -> None:
        bid, ask = self._book.best_bid_krw, self._book.best_ask_krw
        if not bid or not ask:
            return
        tick = tick_size(ask, self._kind)
        lean = (2 * self._fair_milli - (bid + ask) * _MILLI) * 150 // (tick * _MILLI)
        side = self._pick(500 + min(max(lean, -350), 350))
        self._send(side, self._qty(self._trade_qty), ask if side is Side.BUY else bid, _IOC)

    def _add(self) -> None:
        side = self._pick(500)
        best = self._book.half(side).best_krw()
        if not best:
            return
        away = min(self._rng.randint(0, 9), self._rng.randint(0, 9))
        price = step(best, -away if side is Side.BUY else away, self._kind)
        if self._inside(price):
            self._rest(side, self._qty(self._level_qty // 8), price)

    def _withdraw(self) -> None:
        side = self._pick(500)
        levels = self._book.levels(side, 10)
        if not levels:
            return
        level = levels[min(self._rng.randint(0, 9), len(levels) - 1)]
        crowd = [order for order in level.orders.values() if not order.owner]
        if crowd:
            order = crowd[self._rng.randrange(len(crowd))]
            self._book.reduce(order, max(order.leaves_qty // 2, 1))

    def _follow(self) -> None:
        """Trade away a best price that the fair value has passed by half a tick."""
        for side in (Side.BUY, Side.SELL):
            price = self._book.half(side.other).best_krw()
            if not price:
                continue
            sign = 1 if side is Side.BUY else -1
            half_tick_milli = tick_size(price, self._kind) * _MILLI // 2
            if (self._fair_milli - price * _MILLI) * sign < half_tick_milli:
                continue
            level = self._book.half(side.other).levels[price]
            self._thin_out(level)
            # What remains goes to a taker; a stranger's large order is eaten in several bites.
            if level.qty:
                self._send(side, min(level.qty, self._level_qty), price, _IOC)

    def _thin_out(self, level: Level) -> None:
        for order in [order for order in level.orders.values() if not order.owner]:
            keep = order.leaves_qty * self._rng.randint(0, 20) // 100 // self._unit * self._unit
            self._book.reduce(order, order.leaves_qty - keep)

    def _pick(self, buy_per_mille: int) -> Side:
        return Side.BUY if self._rng.randrange(1_000) < buy_per_mille else Side.SELL

    def _inside(self, price_krw: int) -> bool:
        return self._book.limits.lower_krw <= price_krw <= self._book.limits.upper_krw

    def _tend(self) -> None:
        """Keep _DEPTH levels on each side, one tick apart, and drop what is too far away."""
        book, kind = self._book, self._kind
        fair = round_down(max(self.fair_krw, book.limits.lower_krw), kind)
        bid, ask = book.best_bid_krw, book.best_ask_krw
        # The inner prices the crowd wants: around the fair value, never through the other side.
        top_bid = min(fair, step(ask, -1, kind)) if ask else fair
        top_bid = max(top_bid, bid)
        low_ask = max(step(fair, 1, kind), step(top_bid, 1, kind))
        low_ask = min(low_ask, ask) if ask else low_ask
        self._fill(Side.BUY, top_bid, -1)
        self._fill(Side.SELL, low_ask, 1)

    def _fill(self, side: Side, price_krw: int, direction: int) -> None:
        half = self._book.half(side)
        price = price_krw
        for depth in range(_DEPTH):
            if not self._inside(price):
                break
            if price not in half.levels:
                # Thinner at the touch, as real books are.
                mean = self._level_qty * (4 + min(depth, 4)) // 8
                self._rest(side, self._qty(mean), price)
            following = step(price, direction, self._kind)
            if following == price:
                break
            price = following
        while len(half.prices) > _DEEPEST:
            worst = half.levels[half.prices[0] if half.is_bid else half.prices[-1]]
            crowd = [order for order in worst.orders.values() if not order.owner]
            for order in crowd:
                self._book.reduce(order, order.leaves_qty)
            if worst.qty:
                break

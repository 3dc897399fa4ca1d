"""Let a crowd trade: makers on the levels around a fair value, takers, and what an auction needs.

One Flow drives one book. Takers lean towards the fair value, makers withdraw from a price it has
passed, so quotes follow it and resting orders get filled on the way. Everything is drawn from a
seeded generator and happens at event times counted from the start: the same seed gives the same
market at any stepping.
"""

from __future__ import annotations

from random import Random

from aegis_fast.sim.crowd.intensity import intensity
from aegis_fast.sim.crowd.makers import Makers, Submit, cached_tick
from aegis_fast.sim.crowd.regimes import REGIMES, Regime
from aegis_fast.sim.crowd.value import MICRO, Basket, FairValue, FollowedValue, Value
from aegis_fast.sim.kst import SECOND_NS
from aegis_fast.sim.market.exchange import KINDS, Book, Level, Order, OrderKind, kind_on
from aegis_fast.sim.market.rules import Side, order_unit, round_down

__all__ = ["Flow"]

_BUY, _SELL = Side.BUY, Side.SELL
_MARKET = KINDS["01"]
_PRE_OPEN = KINDS["05"]
_POST_CLOSE = KINDS["06"]
_HIDDEN, _HIDDEN_IOC = KINDS["21"], KINDS["23"]
_AUCTION_MULTIPLE = 4  # Orders of an auction are larger than those of the day.
_FIXED_QUEUE = 40  # No more orders of the crowd wait at a fixed price.
_NOON_S = 12 * 3_600
_LONGEST_WAIT_NS = 600 * SECOND_NS
_IDLE_NS = 20 * SECOND_NS
_STUCK_URGE = 400_000  # In thousandths of a 512th of the crowd, like Flow._urge.
_URGE_S = 240  # How long the hurry at the start of an auction lasts.


class Flow:
    """The crowd in one book.

    submit(book, order, kind, limit_krw) trades an order; the world counts the trades it makes.
    leader: the flow of the issue's KRX book, when this one drives another board; share_percent is
    then its part of the usual volume. underlying: what an ELW stands for. hides: some of the crowd
    trades at the midpoint, off the tick grid, as since 2025-03-04.
    """

    def __init__(
        self,
        book: Book,
        rng: Random,
        submit: Submit,
        price_krw: int,
        *,
        leader: Flow | None = None,
        share_percent: int = 100,
        regime: Regime = REGIMES["normal"],
        underlying: Flow | None = None,
        hides: bool = False,
    ) -> None:
        self.book = book
        self._bids, self._asks = book.half(_BUY), book.half(_SELL)
        self._makers = Makers(book, rng.getrandbits, submit)
        self._bits = rng.getrandbits
        self._submit = submit
        self._ioc_kind = kind_on(KINDS["11"], book.board) if book.board != "FIXED" else _POST_CLOSE
        self._has_market_orders = book.board == "KRX"
        self._table = book.issue.grid
        self._unit = order_unit(book.issue.kind)
        self._share_percent = share_percent
        self._is_follower = leader is not None
        # Of 1,024 acts so many begin a midpoint order; only shares have them, on KRX and NXT.
        can_hide = hides and book.issue.kind == "stock" and book.board in ("KRX", "NXT")
        self._hides_from = 1_010 if can_hide else 1_024
        self.value: Value
        if leader is not None:
            self.value = FollowedValue(leader.value, rng)
        else:
            under = underlying.value if underlying is not None else None
            self.value = FairValue(book.issue, book.limits, rng, price_krw, regime, under)
        self._is_napping = self._is_morning = False
        self._mode = "continuous"
        self._urge = 0
        self._measure()

    @property
    def fair_krw(self) -> int:
        """Return the fair value, cut to won."""
        return self.value.micro // MICRO

    @property
    def regime(self) -> Regime:
        """Return the mood the crowd is in."""
        return self.value.regime

    def track(self, basket: Basket) -> None:
        """Follow an index from now on, as a fund does. Only for the leader of its issue."""
        assert isinstance(self.value, FairValue)
        self.value.track(basket)

    def set_regime(self, name: str) -> None:
        """Change the mood. Raises KeyError."""
        self.value.set_regime(REGIMES[name])
        self._measure()

    def _measure(self) -> None:
        """Work out the crowd's sizes and pace in its present mood."""
        issue, regime = self.book.issue, self.value.regime
        self._regime = regime
        share = self._share_percent
        unit = self._unit
        hourly_trades = regime.hourly_trades(issue)
        trade_qty = regime.daily_qty(issue) * 2 // (hourly_trades * 13)  # Six and a half hours.
        self._trade_qty = max(trade_qty // unit, 1) * unit
        self._makers.measure(regime, share)
        # 44 of 100 acts are trades.
        per_hour = max(hourly_trades * share * regime.pace_percent, 1)
        self._mean_ns = 3_600 * SECOND_NS * 10_000 * 44 // (100 * per_hour)

    def wait_ns(self, second_of_day: int | None, pace_milli: int = 1_000) -> int:
        """Return the time to the next act, at least 1.

        second_of_day: None when the hour does not count. pace_milli: more is faster; at least 1.
        """
        draw = self._bits(20)
        self._is_morning = second_of_day is not None and second_of_day < _NOON_S
        if self.book.mode in ("closed", "halted"):
            return _IDLE_NS // 2 + _IDLE_NS * draw // (1 << 20)
        mean = self._mean_ns * 1_000 // pace_milli
        if second_of_day is not None:
            mean = mean * 1_000 // intensity(second_of_day)
        # The product of two even draws: trades come in clusters, with longer pauses between.
        wait = mean * ((draw >> 10) + 1) * ((draw & 1_023) + 1) >> 18
        if wait > _LONGEST_WAIT_NS:
            # Wake up now and then, so that a burst is not slept through; but do nothing yet.
            self._is_napping = True
            return _LONGEST_WAIT_NS
        return wait or 1

    def seed_book(self) -> None:
        """Fill an empty book around the fair value, as far as its mode lets a crowd rest there."""
        if self.book.mode == "continuous":
            self._makers.tend(self.value.micro)
        elif self.book.mode == "auction":
            for _ in range(40):
                self._act_auction()

    def act(self) -> None:
        """Do one thing a crowd does: trade, add or withdraw; then keep the book in shape."""
        if self._is_napping:
            self._is_napping = False
            return
        if self._is_follower:
            self.value.sync()
        if self.value.regime is not self._regime:
            self._measure()
        mode = self.book.mode
        if mode != "continuous":
            self._act_in(mode)
            return
        self._mode = mode
        draw = self._bits(10)
        if draw < 451:
            self._take()
        elif draw < 799:
            self._makers.add()
        elif draw < self._hides_from:
            self._makers.withdraw()
        else:
            self._hide()
        micro = self.value.micro
        # A trade may have interrupted the book.
        if self.book.mode == mode:
            self._follow(micro)
            self._makers.tend(micro)

    def _act_in(self, mode: str) -> None:
        if mode == "auction":
            if self._mode != mode:
                # More buyers than sellers at first, or fewer; the price finds home as it evens out.
                self._urge = (self._bits(9) - 256) * 1_000
            self._act_auction()
        elif mode == "fixed":
            self._act_fixed()
        self._mode = mode

    def drift(self, market_ppm: int = 0, sector_ppm: int = 0) -> None:
        """Move the fair value by one second."""
        self._urge -= self._urge // _URGE_S
        is_calm = self.book.mode != "continuous"
        self.value.drift(market_ppm, sector_ppm, is_calm=is_calm)

    def react(self, side: Side, qty: int, price_krw: int) -> None:
        """Take notice of a user's trade: the value gives way, and makers on that side stand back.

        side: the user's, who took qty (> 0) at price_krw. Small trades go unnoticed.
        """
        before = self.value.micro
        self.value.press(side, qty)
        if self.value.micro != before:
            self._makers.stand_back(side.other)

    def shock(self, price_krw: int) -> None:
        """Put the value at a price and trade the book through to it at once."""
        self.value.put(price_krw)
        book = self.book
        if book.mode != "continuous":
            return
        # Nobody who asks for a price wants the interruption it would cause.
        guard, book.guard = book.guard, None
        self._trade_to(price_krw)
        if guard is not None:
            guard.static_krw = price_krw
            book.guard = guard

    def _trade_to(self, price_krw: int) -> None:
        book = self.book
        for side in (_BUY, _SELL):
            opposite = book.half(side.other)
            for level in list(opposite.best_first()):
                if not opposite.reaches(price_krw, level.price_krw):
                    break
                self._makers.thin_out(level)
            qty = book.reachable_qty(side, price_krw, 1 << 60)
            if qty:
                self._send(side, qty, price_krw, self._ioc_kind)
        self._makers.come_back()
        self._makers.tend(self.value.micro)
        # One more trade, so that the last price is the one that was asked for.
        if book.last_krw != price_krw:
            side = _SELL if book.best_bid_krw == price_krw else _BUY
            self._send(side, self._unit, price_krw, self._ioc_kind)

    def trade(self, side: Side, qty: int, price_krw: int) -> int:
        """Let a stranger send an IOC order; return how many shares could be traded."""
        if self.book.mode != "continuous":
            return 0
        reachable = self.book.reachable_qty(side, price_krw, qty)
        if reachable:
            self._send(side, qty, price_krw, self._ioc_kind)
        self._makers.tend(self.value.micro)
        return reachable

    def _send(self, side: Side, qty: int, price_krw: int, kind: OrderKind) -> None:
        self._submit(self.book, Order(side, qty), kind, price_krw)

    def _take(self) -> None:
        bids, asks = self._bids.prices, self._asks.prices
        if not bids or not asks:
            self._take_alone()
            return
        bid, ask = bids[-1], asks[0]
        spread = max(ask - bid, cached_tick(ask, self._table)) * MICRO
        lean = (2 * self.value.micro - (bid + ask) * MICRO) * 150 // spread
        lean = -350 if lean < -350 else 350 if lean > 350 else lean
        side, price = (_BUY, ask) if self._bits(10) < 512 + lean else (_SELL, bid)
        far = abs(self.value.micro - price * MICRO)
        # Nobody gives a share away because the book is empty: 1 % or four ticks are the most.
        if far * 100 > self.value.micro and far > 4 * cached_tick(price, self._table) * MICRO:
            return
        self._send(side, self._makers.qty(self._trade_qty), price, self._ioc_kind)

    def _hide(self) -> None:
        """Take what is hidden at the midpoint, or hide an order there for the next one."""
        book = self.book
        side = _BUY if self._bits(1) else _SELL
        qty = self._makers.qty(self._trade_qty)
        if book.mid_qty(side.other):
            self._send(side, qty, book.limit_of(_HIDDEN_IOC, side, 0), _HIDDEN_IOC)
        elif not book.mid_qty(side):
            self._send(side, qty, book.limit_of(_HIDDEN, side, 0), _HIDDEN)

    def _take_alone(self) -> None:
        """Trade with the only side there is, as sellers do at the upper limit; less often."""
        if self._bits(2):
            return
        for side, half in ((_SELL, self._bids), (_BUY, self._asks)):
            if half.prices:
                self._send(side, self._makers.qty(self._trade_qty), half.best_krw(), self._ioc_kind)

    def _follow(self, micro: int) -> None:
        """Trade away a best price that the fair value (in millionths) has passed by half a tick."""
        prices = self._asks.prices
        if prices:
            price = prices[0]
            passed = micro - price * MICRO
            if passed > 0 and passed >= cached_tick(price, self._table) * (MICRO // 2):
                self._sweep(_BUY, self._asks.levels[price])
                return
        prices = self._bids.prices
        if prices:
            price = prices[-1]
            passed = price * MICRO - micro
            if passed > 0 and passed >= cached_tick(price, self._table) * (MICRO // 2):
                self._sweep(_SELL, self._bids.levels[price])

    def _sweep(self, side: Side, level: Level) -> None:
        self._makers.thin_out(level)
        # What remains goes to a taker; a stranger's large order is eaten in several bites.
        if level.qty:
            self._send(
                side, min(level.qty, self._makers.level_qty), level.price_krw, self._ioc_kind
            )

    def _act_auction(self) -> None:
        """Rest an order around the fair value, cross or not; sometimes withdraw one."""
        draw = self._bits(10)
        if draw < 120:
            self._makers.withdraw()
            return
        book, micro = self.book, self.value.micro
        fair, limits = micro // MICRO, book.limits
        urge = self._urge
        if not limits.lower_krw < fair < limits.upper_krw:
            # Stuck at a limit there are buyers only, or sellers.
            urge = self._regime.sticks * _STUCK_URGE
        side = _BUY if self._bits(10) < 512 + urge // 1_000 else _SELL
        qty = self._makers.qty(self._trade_qty * _AUCTION_MULTIPLE)
        if draw < 160 and self._has_market_orders:
            self._submit(book, Order(side, qty), _MARKET, book.limit_of(_MARKET, side, 0))
            return
        fair = min(max(fair, limits.lower_krw), limits.upper_krw)
        tick = cached_tick(fair, self._table)
        width = min(max(fair // (400 * tick), 1), 4)
        # Bell-shaped around the value, moved by what the crowd is in a hurry for.
        away = (self._bits(16).bit_count() - 8) * width + urge * width // 24_000
        price = round_down(max(fair + away * tick, limits.lower_krw), self._table)
        self._makers.rest(side, qty, min(price, limits.upper_krw))

    def _act_fixed(self) -> None:
        """Ask for some shares at the board's fixed price, rather on the side that gains by it."""
        price = self.book.fixed_krw
        if not price:
            return
        lean = (self.value.micro - price * MICRO) * 50_000 // (price * MICRO)
        side = _BUY if self._bits(10) < 512 + min(max(lean, -400), 400) else _SELL
        level = self.book.half(side).levels.get(price)
        if level is None or len(level.orders) < _FIXED_QUEUE:
            qty = self._makers.qty(self._trade_qty)
            self._send(side, qty, price, _PRE_OPEN if self._is_morning else _POST_CLOSE)

"""Keep what the market of one issue has done today: the figures every quotation answer shows."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from aegis_fast.sim.kst import DAY_NS, hhmmss, second_of_day
from aegis_fast.sim.market import Issue, PriceLimits, Side

__all__ = ["MinuteBar", "Tape", "TradeRecord"]

_MINUTES_KEPT = 1_440  # One day; the oldest minute falls out.


@dataclass(slots=True)
class MinuteBar:
    """One minute of trading. minute: minutes since midnight KST. cum_value_krw: at its end."""

    minute: int
    open_krw: int
    high_krw: int
    low_krw: int
    close_krw: int
    qty: int
    cum_value_krw: int


@dataclass(frozen=True, slots=True)
class TradeRecord:
    """One trade with the running figures of the day right after it."""

    time_ns: int
    price_krw: int
    qty: int
    taker: Side
    cum_qty: int
    cum_value_krw: int
    sell_count: int
    buy_count: int
    sell_qty: int
    buy_qty: int
    high_krw: int
    low_krw: int
    high_time: str
    low_time: str


class Tape:
    """The day of one issue. Counts only grow; next.cum_qty - this.cum_qty = next.qty."""

    def __init__(self, issue: Issue, limits: PriceLimits, opened_ns: int) -> None:
        self.issue = issue
        self.limits = limits
        self.opened_ns = opened_ns
        self.open_krw = self.high_krw = self.low_krw = self.last_krw = issue.base_krw
        self.open_time = self.high_time = self.low_time = hhmmss(opened_ns)
        self.cum_qty = self.cum_value_krw = 0
        self.sell_count = self.buy_count = self.sell_qty = self.buy_qty = 0
        self.minutes: deque[MinuteBar] = deque(maxlen=_MINUTES_KEPT)

    @property
    def change_krw(self) -> int:
        """Return the change from the previous close, signed."""
        return self.last_krw - self.issue.base_krw

    def sign_of(self, price_krw: int) -> str:
        """Return the broker's sign code of a price against the previous close."""
        base = self.issue.base_krw
        if self.limits.has_limit and price_krw == self.limits.upper_krw:
            return "1"
        if self.limits.has_limit and price_krw == self.limits.lower_krw:
            return "4"
        return "2" if price_krw > base else "5" if price_krw < base else "3"

    def record(self, price_krw: int, qty: int, taker: Side, now_ns: int) -> TradeRecord:
        """Count a trade and return it with the figures after it."""
        self.last_krw = price_krw
        self.cum_qty += qty
        self.cum_value_krw += price_krw * qty
        if taker is Side.BUY:
            self.buy_count += 1
            self.buy_qty += qty
        else:
            self.sell_count += 1
            self.sell_qty += qty
        if price_krw > self.high_krw:
            self.high_krw, self.high_time = price_krw, hhmmss(now_ns)
        if price_krw < self.low_krw:
            self.low_krw, self.low_time = price_krw, hhmmss(now_ns)
        self._add_to_minute(price_krw, qty, now_ns)
        return TradeRecord(
            time_ns=now_ns,
            price_krw=price_krw,
            qty=qty,
            taker=taker,
            cum_qty=self.cum_qty,
            cum_value_krw=self.cum_value_krw,
            sell_count=self.sell_count,
            buy_count=self.buy_count,
            sell_qty=self.sell_qty,
            buy_qty=self.buy_qty,
            high_krw=self.high_krw,
            low_krw=self.low_krw,
            high_time=self.high_time,
            low_time=self.low_time,
        )

    def _add_to_minute(self, price_krw: int, qty: int, now_ns: int) -> None:
        minute = second_of_day(now_ns) // 60
        bar = self.minutes[-1] if self.minutes else None
        if bar is not None and minute < bar.minute:
            self.minutes.clear()  # Midnight: minutes are numbered within a day.
            bar = None
        if bar is None or bar.minute != minute:
            bar = MinuteBar(minute, price_krw, price_krw, price_krw, price_krw, 0, 0)
            self.minutes.append(bar)
        bar.high_krw = max(bar.high_krw, price_krw)
        bar.low_krw = min(bar.low_krw, price_krw)
        bar.close_krw = price_krw
        bar.qty += qty
        bar.cum_value_krw = self.cum_value_krw

    def elapsed_ns(self, now_ns: int) -> int:
        """Return the time since the open, at least one second and at most a day."""
        return min(max(now_ns - self.opened_ns, 1_000_000_000), DAY_NS)

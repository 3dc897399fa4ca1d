"""Keep what the market of one issue has done today: the figures every quotation answer shows.

Each issue has a tape for KRX (regular session, off-hours closing price and after-market together)
and one for NXT; a UnifiedTape shows both as one.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace

import msgspec

from aegis_fast.sim.kst import DAY_NS, hhmmss, second_of_day
from aegis_fast.sim.market.rules import Issue, PriceLimits, Side

__all__ = ["MinuteBar", "Tape", "TradeRecord", "UnifiedTape"]

_MINUTES_KEPT = 1_440  # One day; the oldest minute falls out.
_TRADES_KEPT = 30  # What inquire-ccnl shows.


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


class TradeRecord(msgspec.Struct, frozen=True, gc=False):
    """One trade with the running figures of the day right after it.

    taker: None for a trade of an auction, which nobody started. board: where it happened.
    """

    time_ns: int
    price_krw: int
    qty: int
    taker: Side | None
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
    board: str = "KRX"


class Tape:
    """The day of one issue. Counts only grow; next.cum_qty - this.cum_qty = next.qty.

    open_krw, high_krw and low_krw are 0 until the first trade of the day; last_krw is the previous
    close then. recent: the last trades, oldest first. auction_krw, auction_qty: what the last
    auction traded, 0 before.
    """

    def __init__(self, issue: Issue, limits: PriceLimits, opened_ns: int) -> None:
        self.issue = issue
        self.limits = limits
        self.opened_ns = opened_ns
        self.last_krw = issue.base_krw
        self.open_krw = self.high_krw = self.low_krw = 0
        self.open_time = self.high_time = self.low_time = hhmmss(opened_ns)
        self.last_ns = 0
        self.cum_qty = self.cum_value_krw = 0
        self.sell_count = self.buy_count = self.sell_qty = self.buy_qty = 0
        self.minutes: deque[MinuteBar] = deque(maxlen=_MINUTES_KEPT)
        self.recent: deque[TradeRecord] = deque(maxlen=_TRADES_KEPT)
        self.auction_krw = self.auction_qty = 0

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

    def record(
        self, price_krw: int, qty: int, taker: Side | None, now_ns: int, board: str = "KRX"
    ) -> TradeRecord:
        """Count a trade and return it with the figures after it."""
        # Off-hours trades at the closing price count as volume; they make no open, high or low.
        is_priced = board != "FIXED"
        if is_priced and not self.open_krw:
            self.open_krw = self.high_krw = self.low_krw = price_krw
            self.open_time = self.high_time = self.low_time = hhmmss(now_ns)
        self.last_krw, self.last_ns = price_krw, now_ns
        self.cum_qty += qty
        self.cum_value_krw += price_krw * qty
        if taker is Side.BUY:
            self.buy_count += 1
            self.buy_qty += qty
        elif taker is Side.SELL:
            self.sell_count += 1
            self.sell_qty += qty
        else:
            self.auction_krw, self.auction_qty = price_krw, qty
        if is_priced and price_krw > self.high_krw:
            self.high_krw, self.high_time = price_krw, hhmmss(now_ns)
        if is_priced and price_krw < self.low_krw:
            self.low_krw, self.low_time = price_krw, hhmmss(now_ns)
        if is_priced:
            self._add_to_minute(price_krw, qty, now_ns)
        record = TradeRecord(
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
            board=board,
        )
        self.recent.append(record)
        return record

    def _add_to_minute(self, price_krw: int, qty: int, now_ns: int) -> None:
        minute = second_of_day(now_ns) // 60
        bar = self.minutes[-1] if self.minutes else None
        if bar is not None and minute < bar.minute:
            self.minutes.clear()  # Midnight: minutes are numbered within a day.
            bar = None
        if bar is None or bar.minute != minute:
            bar = MinuteBar(minute, price_krw, price_krw, price_krw, price_krw, 0, 0)
            self.minutes.append(bar)
        if price_krw > bar.high_krw:
            bar.high_krw = price_krw
        elif price_krw < bar.low_krw:
            bar.low_krw = price_krw
        bar.close_krw = price_krw
        bar.qty += qty
        bar.cum_value_krw = self.cum_value_krw

    def elapsed_ns(self, now_ns: int) -> int:
        """Return the time since the open, at least one second and at most a day."""
        return min(max(now_ns - self.opened_ns, 1_000_000_000), DAY_NS)


class UnifiedTape:
    """KRX and NXT as one tape. Figures are sums, extremes or those of the later trade."""

    def __init__(self, krx: Tape, nxt: Tape) -> None:
        self.krx, self.nxt = krx, nxt
        self.issue, self.limits = krx.issue, krx.limits

    def _traded(self) -> list[Tape]:
        return [tape for tape in (self.krx, self.nxt) if tape.open_krw]

    @property
    def _later(self) -> Tape:
        return self.nxt if self.nxt.last_ns > self.krx.last_ns else self.krx

    @property
    def _first(self) -> Tape:
        return min(self._traded() or [self.krx], key=lambda tape: tape.open_time)

    @property
    def _highest(self) -> Tape:
        return max(self._traded() or [self.krx], key=lambda tape: tape.high_krw)

    @property
    def _lowest(self) -> Tape:
        return min(self._traded() or [self.krx], key=lambda tape: tape.low_krw)

    @property
    def opened_ns(self) -> int:
        """Return when the earlier venue opened."""
        return min(self.krx.opened_ns, self.nxt.opened_ns)

    @property
    def last_ns(self) -> int:
        """Return the time of the last trade."""
        return self._later.last_ns

    @property
    def last_krw(self) -> int:
        """Return the price of the last trade on either venue."""
        return self._later.last_krw

    @property
    def open_krw(self) -> int:
        """Return the first price of the day on either venue."""
        return self._first.open_krw

    @property
    def open_time(self) -> str:
        """Return its time."""
        return self._first.open_time

    @property
    def high_krw(self) -> int:
        """Return the highest price on either venue."""
        return self._highest.high_krw

    @property
    def high_time(self) -> str:
        """Return its time."""
        return self._highest.high_time

    @property
    def low_krw(self) -> int:
        """Return the lowest price on either venue."""
        return self._lowest.low_krw

    @property
    def low_time(self) -> str:
        """Return its time."""
        return self._lowest.low_time

    @property
    def cum_qty(self) -> int:
        """Return the shares traded on both."""
        return self.krx.cum_qty + self.nxt.cum_qty

    @property
    def cum_value_krw(self) -> int:
        """Return the value traded on both."""
        return self.krx.cum_value_krw + self.nxt.cum_value_krw

    @property
    def sell_count(self) -> int:
        """Return how many trades sellers started."""
        return self.krx.sell_count + self.nxt.sell_count

    @property
    def buy_count(self) -> int:
        """Return how many trades buyers started."""
        return self.krx.buy_count + self.nxt.buy_count

    @property
    def sell_qty(self) -> int:
        """Return the shares of the trades that sellers started."""
        return self.krx.sell_qty + self.nxt.sell_qty

    @property
    def buy_qty(self) -> int:
        """Return the shares of the trades that buyers started."""
        return self.krx.buy_qty + self.nxt.buy_qty

    @property
    def change_krw(self) -> int:
        """Return the change from the previous close, signed."""
        return self.last_krw - self.issue.base_krw

    def sign_of(self, price_krw: int) -> str:
        """Return the broker's sign code of a price against the previous close."""
        return self.krx.sign_of(price_krw)

    def elapsed_ns(self, now_ns: int) -> int:
        """Return the time since the open, at least one second and at most a day."""
        return min(max(now_ns - self.opened_ns, 1_000_000_000), DAY_NS)

    @property
    def minutes(self) -> list[MinuteBar]:
        """Return the minutes of both, oldest first; cum_value_krw is that of both."""
        merged: dict[int, MinuteBar] = {}
        for bar in sorted([*self.krx.minutes, *self.nxt.minutes], key=lambda bar: bar.minute):
            seen = merged.get(bar.minute)
            if seen is None:
                merged[bar.minute] = replace(bar)
                continue
            seen.high_krw = max(seen.high_krw, bar.high_krw)
            seen.low_krw = min(seen.low_krw, bar.low_krw)
            seen.qty += bar.qty
        by_minute = [{bar.minute: bar for bar in tape.minutes} for tape in (self.krx, self.nxt)]
        last = [0, 0]
        for minute, joined in sorted(merged.items()):
            for index, bars in enumerate(by_minute):
                if minute in bars:
                    last[index] = bars[minute].cum_value_krw
            joined.cum_value_krw = sum(last)
        return list(merged.values())

    def joined(self, record: TradeRecord) -> TradeRecord:
        """Return a trade of either venue, just recorded, with the figures of both after it."""
        return msgspec.structs.replace(
            record,
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

    @property
    def recent(self) -> list[TradeRecord]:
        """Return the last trades of both, oldest first, with the volume of both."""
        both = sorted([*self.krx.recent, *self.nxt.recent], key=lambda record: record.time_ns)
        cum_qty, cum_value_krw = self.cum_qty, self.cum_value_krw
        joined: list[TradeRecord] = []
        for record in reversed(both[-_TRADES_KEPT:]):
            joined.append(
                msgspec.structs.replace(record, cum_qty=cum_qty, cum_value_krw=cum_value_krw)
            )
            cum_qty -= record.qty
            cum_value_krw -= record.price_krw * record.qty
        return joined[::-1]

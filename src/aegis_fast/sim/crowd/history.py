"""Invent, from the seed, what happened before the simulator started: days and minutes.

Made when first asked for and kept, so that starting is quick and every answer agrees with the next.
Days on which KRX is closed are skipped.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from random import Random

from aegis_fast.sim.kst import date_of, second_of_day
from aegis_fast.sim.market.calendar import phases, previous_trading_day
from aegis_fast.sim.market.rules import Issue, price_limits, round_down, round_up, tick_size
from aegis_fast.sim.market.tape import MinuteBar, Tape

__all__ = ["DayBar", "History", "open_the_day", "opened_at"]

DAYS_KEPT = 750  # Three years of business days.
_OPEN_SECOND = 9 * 3600 + 5
_CLOSE_SECOND = 15 * 3600 + 30 * 60
_PPM = 1_000_000


@dataclass(frozen=True, slots=True)
class DayBar:
    """One business day, or a week, month or year of them (day: the last one)."""

    day: date
    open_krw: int
    high_krw: int
    low_krw: int
    close_krw: int
    qty: int
    value_krw: int


def _noise(rng: Random, spread: int) -> int:
    """Return a bell-shaped integer around 0, never beyond 3 * spread."""
    return sum(rng.randint(-spread, spread) for _ in range(3))


def opened_at(start_ns: int) -> int:
    """Return when today's market opened: 09:00:05, or up to six and a half hours before the start
    when the simulator runs at another time of day (its market never closes).
    """
    second = second_of_day(start_ns)
    midnight_ns = start_ns - second * 1_000_000_000 - start_ns % 1_000_000_000
    if _OPEN_SECOND + 60 <= second <= _CLOSE_SECOND:
        opened = _OPEN_SECOND
    else:
        opened = max(second - 390 * 60, 0)
    return midnight_ns + opened * 1_000_000_000


def open_the_day(tape: Tape, rng: Random, price_krw: int) -> None:
    """Fill a fresh tape with a plausible morning that ends at price_krw."""
    issue = tape.issue
    kind = issue.grid
    base = issue.base_krw
    tape.open_krw = _clamp(tape, base + base * _noise(rng, 2_500) // _PPM)
    top, bottom = max(tape.open_krw, price_krw), min(tape.open_krw, price_krw)
    tape.high_krw = _clamp(tape, top + tick_size(top, kind) * rng.randint(0, 4))
    tape.low_krw = _clamp(tape, bottom - tick_size(bottom, kind) * rng.randint(0, 4))
    tape.last_krw = price_krw
    tape.cum_qty = issue.daily_qty * rng.randint(25, 60) // 100
    average_x4 = tape.open_krw + tape.high_krw + tape.low_krw + price_krw
    tape.cum_value_krw = tape.cum_qty * average_x4 // 4
    tape.buy_qty = tape.cum_qty * rng.randint(42, 58) // 100
    tape.sell_qty = tape.cum_qty - tape.buy_qty
    tape.buy_count = tape.buy_qty // issue.usual_trade_qty
    tape.sell_count = tape.sell_qty // issue.usual_trade_qty


def _clamp(tape: Tape, price_krw: int) -> int:
    limits, kind = tape.limits, tape.issue.grid
    inside = min(max(price_krw, limits.lower_krw), limits.upper_krw)
    return max(round_down(inside, kind), limits.lower_krw)


@dataclass(frozen=True, slots=True)
class _Start:
    open_krw: int
    high_krw: int
    low_krw: int
    last_krw: int
    cum_qty: int
    cum_value_krw: int
    opened_ns: int


class History:
    """The past of every issue as of one start. has_sessions: today's minutes are those in which
    KRX trades, else all since the open.
    """

    def __init__(
        self, seed: int, start_ns: int, tapes: dict[str, Tape], *, has_sessions: bool = False
    ) -> None:
        self._has_sessions = has_sessions
        self._seed = seed
        self._start_ns = start_ns
        self._issues = {symbol: tape.issue for symbol, tape in tapes.items()}
        self._starts = {
            symbol: _Start(
                tape.open_krw,
                tape.high_krw,
                tape.low_krw,
                tape.last_krw,
                tape.cum_qty,
                tape.cum_value_krw,
                tape.opened_ns,
            )
            for symbol, tape in tapes.items()
        }
        self._days: dict[str, list[DayBar]] = {}
        self._lived: dict[str, list[DayBar]] = {}
        self._minutes: dict[str, list[MinuteBar]] = {}

    def end_day(self, day: date, tapes: Mapping[str, Tape], closes: Mapping[str, int]) -> None:
        """Put a trading day that the simulator lived through behind; closes: by symbol."""
        for symbol, tape in tapes.items():
            bars = [_lived(day, tape, closes[symbol])]
            self._lived[symbol] = (bars + self._lived.get(symbol, []))[:DAYS_KEPT]
            self._days.pop(symbol, None)
        self._starts.clear()
        self._minutes.clear()

    def days(self, symbol: str) -> list[DayBar]:
        """Return the business days before today, newest first."""
        bars = self._days.get(symbol)
        if bars is None:
            rng = Random(f"{self._seed}:{symbol}:days")
            made = _make_days(self._issues[symbol], rng, date_of(self._start_ns))
            bars = self._days[symbol] = (self._lived.get(symbol, []) + made)[:DAYS_KEPT]
        return bars

    def minutes(self, symbol: str) -> list[MinuteBar]:
        """Return today's minutes before the start, oldest first."""
        bars = self._minutes.get(symbol)
        if bars is None and symbol not in self._starts:
            return []  # A day that began here: the tape has all its minutes.
        if bars is None:
            rng = Random(f"{self._seed}:{symbol}:minutes")
            issue, start = self._issues[symbol], self._starts[symbol]
            # Without an opening price the day begins after the start.
            has_traded = start.open_krw > 0
            minutes = _minutes_between(start.opened_ns, self._start_ns) if has_traded else []
            if self._has_sessions:
                minutes = [m for m in minutes if is_krx_minute(date_of(self._start_ns), m)]
            bars = self._minutes[symbol] = _make_minutes(issue, rng, start, minutes)
        return bars


def _lived(day: date, tape: Tape, close_krw: int) -> DayBar:
    """Return the bar of a day by its tape; without a trade all prices are the close."""
    return DayBar(
        day,
        tape.open_krw or close_krw,
        tape.high_krw or close_krw,
        tape.low_krw or close_krw,
        close_krw,
        tape.cum_qty,
        tape.cum_value_krw,
    )


def _business_days_before(day: date) -> Iterator[date]:
    while True:
        day = previous_trading_day(day)
        yield day


def _make_days(issue: Issue, rng: Random, today: date) -> list[DayBar]:
    bars: list[DayBar] = []
    close = issue.base_krw
    floor = tick_size(1, issue.grid) * 20
    for day, _ in zip(_business_days_before(today), range(DAYS_KEPT), strict=False):
        # Pulled softly to the first price, so that three years stay in a believable range.
        pull = (close - issue.base_krw) * 4_000 // issue.base_krw
        change_ppm = _noise(rng, 12_000) + pull
        previous = max(round_down(close * _PPM // (_PPM + change_ppm), issue.grid), floor)
        limits = price_limits(previous, issue.kind, issue.grid, issue.market)
        open_krw = previous + previous * _noise(rng, 3_000) // _PPM
        high = max(open_krw, close) + close * rng.randint(0, 9_000) // _PPM
        low = min(open_krw, close) - close * rng.randint(0, 9_000) // _PPM
        low = max(round_down(max(low, 1), issue.grid), limits.lower_krw)
        high = min(round_up(high, issue.grid), max(limits.upper_krw, close))
        open_krw = min(max(round_down(open_krw, issue.grid), low), high)
        qty = max(issue.daily_qty * rng.randint(55, 160) // 100, 1)
        value = qty * (open_krw + high + low + close) // 4
        bars.append(DayBar(day, open_krw, high, min(low, close), close, qty, value))
        close = previous
    return bars


def is_krx_minute(day: date, minute: int) -> bool:
    """Tell whether KRX trades in a minute of a day: continuously, or at the close."""
    second = minute * 60
    return any(
        phase.start_s <= second < phase.end_s
        if phase.mode == "continuous"
        else phase.name == "closing_auction" and second == phase.end_s
        for phase in phases(day)
        if phase.board in ("KRX", "AFTER")
    )


def _minutes_between(opened_ns: int, start_ns: int) -> list[int]:
    first = second_of_day(opened_ns) // 60
    return list(range(first, first + max(start_ns - opened_ns, 0) // 60_000_000_000))


def _make_minutes(issue: Issue, rng: Random, start: _Start, minutes: list[int]) -> list[MinuteBar]:
    count = len(minutes)
    bars: list[MinuteBar] = []
    price = start.open_krw
    value = 0
    spread = max(issue.base_krw * 600 // _PPM, tick_size(issue.base_krw, issue.kind))
    for index, minute in enumerate(minutes):
        left = count - index
        target = price + (start.last_krw - price) // left + _noise(rng, spread) * (left > 1)
        close = round_down(min(max(target, start.low_krw), start.high_krw), issue.kind)
        close = start.last_krw if left == 1 else max(close, start.low_krw)
        qty = start.cum_qty * (index + 1) // count - start.cum_qty * index // count
        value = start.cum_value_krw * (index + 1) // count
        bars.append(
            MinuteBar(minute, price, max(price, close), min(price, close), close, qty, value)
        )
        price = close
    return bars

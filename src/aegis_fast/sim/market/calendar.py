"""Know the trading days and the sessions of KRX and NXT, in Korean time.

Pure: told the day. Holidays come from the `holidays` package (XKRX); the days that open late (the
CSAT day and the year's first) and the dates on which sessions began are data in market.json.
Sources: market.json "sessions" of 2026-11-22. A choice where no source speaks: on days that open
late NXT has no pre-market and the KRX after-market starts an hour after the later close.
"""

from __future__ import annotations

from datetime import date, timedelta
from functools import cache, lru_cache
from typing import NamedTuple

from aegis_fast.sim.market.rules import market_data

__all__ = [
    "BOARDS",
    "OPEN_HOURS",
    "Phase",
    "is_trading_day",
    "next_trading_day",
    "phases",
    "previous_trading_day",
]

BOARDS = ("KRX", "FIXED", "AFTER", "NXT")
_HOUR = 3_600
_AUCTION = frozenset({"00", "01", "02", "03", "04"})
_REGULAR = frozenset(
    {"00", "01", "02", "03", "04", "11", "12", "13", "14", "15", "16", "21", "22", "23", "24"}
)
_NXT_MAIN = _REGULAR - {"01", "02"}
_NXT_EDGE = frozenset({"00", "03", "04", "11", "12", "15", "16"})
_GTP = frozenset({"27", "28", "29"})
_AFTER = frozenset({"41", "42", "43", "44", "45", "46", "47"})


class Phase(NamedTuple):
    """A session of one board. mode: that of Book.mode. start_s, end_s: seconds since midnight KST,
    end excluded. kinds: the ORD_DVSN codes it takes.
    """

    board: str
    name: str
    mode: str
    start_s: int
    end_s: int
    kinds: frozenset[str]


# What is open when the simulator ignores the clock, so that a program can be tried at night.
OPEN_HOURS = (
    Phase("KRX", "regular", "continuous", 0, 24 * _HOUR, _REGULAR),
    Phase("NXT", "main", "continuous", 0, 24 * _HOUR, _NXT_MAIN),
)


@cache
def _closed_days(year: int) -> frozenset[date]:
    import holidays

    return frozenset(holidays.financial_holidays("XKRX", years=[year]))


@lru_cache(maxsize=4_096)
def is_trading_day(day: date) -> bool:
    """Tell whether KRX and NXT trade on that day."""
    return day.weekday() < 5 and day not in _closed_days(day.year)


def next_trading_day(day: date, count: int = 1) -> date:
    """Return the count-th trading day after day (count 0: day itself)."""
    while count > 0:
        day += timedelta(days=1)
        count -= is_trading_day(day)
    return day


def previous_trading_day(day: date, count: int = 1) -> date:
    """Return the count-th trading day before day."""
    while count > 0:
        day -= timedelta(days=1)
        count -= is_trading_day(day)
    return day


@cache
def _csat_days() -> frozenset[date]:
    return frozenset(date.fromisoformat(text) for text in market_data()["csat_days"])


def _since(name: str) -> date:
    return date.fromisoformat(market_data()[name])


@lru_cache(maxsize=64)
def phases(day: date) -> tuple[Phase, ...]:
    """Return the sessions of a day in the order of their start; none when it is no trading day."""
    if not is_trading_day(day):
        return ()
    is_first = is_trading_day(day) and previous_trading_day(day).year < day.year
    is_csat = day in _csat_days()
    late_open = _HOUR if is_first or is_csat else 0
    late_close = _HOUR if is_csat else 0
    found = [*_krx(day, late_open, late_close), *_nxt(day, late_open, late_close)]
    return tuple(sorted(found, key=lambda phase: (phase.start_s, BOARDS.index(phase.board))))


def _krx(day: date, late_open: int, late_close: int) -> list[Phase]:
    opens = 9 * _HOUR + late_open
    closes = 15 * _HOUR + 1_800 + late_close
    found = [
        Phase("FIXED", "pre_open", "fixed", opens - 1_800, opens - 1_200, frozenset({"05"})),
        Phase("KRX", "opening_auction", "auction", opens - 1_800, opens, _AUCTION),
        Phase("KRX", "regular", "continuous", opens, closes - 600, _REGULAR),
        Phase("KRX", "closing_auction", "auction", closes - 600, closes, frozenset({"00", "01"})),
        Phase("FIXED", "post_close_entry", "auction", closes, closes + 600, frozenset({"06"})),
        Phase("FIXED", "post_close", "fixed", closes + 600, closes + 1_800, frozenset({"06"})),
    ]
    if day >= _since("after_market_since"):
        found.append(
            Phase("AFTER", "after_market", "continuous", closes + 1_800, 20 * _HOUR, _AFTER)
        )
    return found


def _nxt(day: date, late_open: int, late_close: int) -> list[Phase]:
    if day < _since("nxt_since"):
        return []
    opens = 9 * _HOUR + late_open
    closes = 15 * _HOUR + 1_200 + late_close
    found = []
    if not late_open:
        kinds = _NXT_EDGE | _GTP if day >= _since("after_market_since") else _NXT_EDGE
        found.append(Phase("NXT", "pre_market", "continuous", 8 * _HOUR, 8 * _HOUR + 3_000, kinds))
    found += [
        Phase("NXT", "main", "continuous", opens + 30, closes, _NXT_MAIN),
        Phase("NXT", "after_auction", "auction", closes + 600, closes + 1_200, frozenset({"00"})),
        Phase("NXT", "after_market", "continuous", closes + 1_200, 20 * _HOUR, _NXT_EDGE),
    ]
    return found

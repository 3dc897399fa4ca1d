"""Turn nanoseconds since the epoch into Korean wall-clock texts (KST, UTC+9, no summer time)."""

from __future__ import annotations

from datetime import date
from functools import lru_cache

__all__ = [
    "DAY_NS",
    "SECOND_NS",
    "date_of",
    "date_text",
    "hhmmss",
    "midnight_ns",
    "parse_hhmmss",
    "second_of_day",
]

SECOND_NS = 1_000_000_000
DAY_NS = 86_400 * SECOND_NS
_KST_NS = 9 * 3_600 * SECOND_NS
_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()


def second_of_day(now_ns: int) -> int:
    """Return the seconds since midnight KST, 0 to 86,399."""
    return (now_ns + _KST_NS) % DAY_NS // SECOND_NS


def hhmmss(now_ns: int) -> str:
    """Return the time of day as KIS writes it: HHMMSS."""
    seconds = second_of_day(now_ns)
    return f"{seconds // 3600:02d}{seconds // 60 % 60:02d}{seconds % 60:02d}"


def date_of(now_ns: int) -> date:
    """Return the KST calendar day."""
    return date.fromordinal(_EPOCH_ORDINAL + (now_ns + _KST_NS) // DAY_NS)


def midnight_ns(day: date) -> int:
    """Return the ns since the epoch at which a KST day begins."""
    return (day.toordinal() - _EPOCH_ORDINAL) * DAY_NS - _KST_NS


@lru_cache(maxsize=8)
def _day_text(day: int) -> str:
    return date.fromordinal(_EPOCH_ORDINAL + day).strftime("%Y%m%d")


def date_text(now_ns: int) -> str:
    """Return the KST day as YYYYMMDD."""
    return _day_text((now_ns + _KST_NS) // DAY_NS)


def parse_hhmmss(text: str) -> int:
    """Return the second of the day that HHMMSS names. Raises ValueError on anything else."""
    if len(text) != 6 or not text.isascii() or not text.isdigit():
        raise ValueError(f"not HHMMSS: {text!r}")
    hours, minutes, seconds = int(text[:2]), int(text[2:4]), int(text[4:])
    if hours > 23 or minutes > 59 or seconds > 59:
        raise ValueError(f"no such time: {text!r}")
    return hours * 3600 + minutes * 60 + seconds

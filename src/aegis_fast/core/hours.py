"""Know Korean time. Korea has no daylight saving: KST is UTC + 9 h, always."""

from __future__ import annotations

from functools import lru_cache

__all__ = [
    "is_market_hours",
    "kst_date",
    "kst_day_ns",
    "kst_hhmmss",
    "kst_iso",
    "seconds_of_hhmmss",
]

_S = 1_000_000_000
_KST_S = 9 * 3600
_DAY_S = 86_400
# The epoch was a Thursday; Monday is 0.
_EPOCH_WEEKDAY = 3
# From the pre-market of NXT to the end of the after-markets of NXT and KRX.
_OPEN_S = 8 * 3600
_CLOSE_S = 20 * 3600


def kst_day_ns(now_ns: int) -> int:
    """Return the start of the Korean day of `now_ns`, in ns since the epoch."""
    seconds = now_ns // _S + _KST_S
    return (seconds - seconds % _DAY_S - _KST_S) * _S


def kst_date(now_ns: int) -> int:
    """Return the Korean calendar date as YYYYMMDD."""
    return _civil_date((now_ns // _S + _KST_S) // _DAY_S)


@lru_cache(maxsize=64)
def _civil_date(days: int) -> int:
    """Return the date of a day since the epoch. Source: the civil-from-days algorithm."""
    days += 719_468
    era = days // 146_097
    day_of_era = days - era * 146_097
    year_of_era = (
        day_of_era - day_of_era // 1_460 + day_of_era // 36_524 - day_of_era // 146_096
    ) // 365
    day_of_year = day_of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    shifted_month = (5 * day_of_year + 2) // 153
    day = day_of_year - (153 * shifted_month + 2) // 5 + 1
    month = shifted_month + 3 if shifted_month < 10 else shifted_month - 9
    year = year_of_era + era * 400 + (1 if month <= 2 else 0)
    return year * 10_000 + month * 100 + day


def kst_hhmmss(now_ns: int) -> int:
    """Return the Korean time of day as HHMMSS."""
    seconds = (now_ns // _S + _KST_S) % _DAY_S
    return seconds // 3600 * 10_000 + seconds // 60 % 60 * 100 + seconds % 60


def kst_iso(now_ns: int) -> str:
    """Return e.g. 2026-11-22T09:00:00.000123+09:00, for JSON and logs."""
    date = kst_date(now_ns)
    hms = kst_hhmmss(now_ns)
    micros = now_ns % _S // 1000
    return (
        f"{date // 10_000:04d}-{date // 100 % 100:02d}-{date % 100:02d}"
        f"T{hms // 10_000:02d}:{hms // 100 % 100:02d}:{hms % 100:02d}.{micros:06d}+09:00"
    )


def seconds_of_hhmmss(hhmmss: int) -> int:
    """Return the second of the day of HHMMSS, 0 to 86,399."""
    return hhmmss // 10_000 * 3600 + hhmmss // 100 % 100 * 60 + hhmmss % 100


def is_market_hours(now_ns: int) -> bool:
    """Tell whether any session of KRX or NXT may be open: weekdays from 08:00 to 20:00 KST.

    Holidays count as weekdays: this decides how the process behaves, not whether it may trade.
    Source: sessions of KIS.md (NXT from 08:00, after-markets to 20:00 since 2026-09-14).
    """
    days, second = divmod(now_ns // _S + _KST_S, _DAY_S)
    return (days + _EPOCH_WEEKDAY) % 7 < 5 and _OPEN_S <= second < _CLOSE_S

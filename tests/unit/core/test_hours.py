"""Korean time without a time zone database, held to the one in the standard library."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo

import pytest

from aegis_fast.core.hours import (
    is_market_hours,
    kst_date,
    kst_day_ns,
    kst_hhmmss,
    kst_iso,
    seconds_of_hhmmss,
)

SEOUL = ZoneInfo("Asia/Seoul")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def ns_of(moment: datetime) -> int:
    delta = moment - EPOCH
    return (delta.days * 86_400 + delta.seconds) * 10**9 + delta.microseconds * 1_000


def moments() -> list[int]:
    rng = Random(20261122)
    first, last = ns_of(datetime(1990, 1, 1, tzinfo=UTC)), ns_of(datetime(2100, 12, 31, tzinfo=UTC))
    random = [rng.randrange(first, last) for _ in range(4_000)]
    edges = []
    for year in range(1990, 2101):
        for month, day in ((1, 1), (2, 28), (3, 1), (12, 31)):
            midnight = ns_of(datetime(year, month, day, tzinfo=SEOUL).astimezone(UTC))
            edges += [midnight - 1, midnight, midnight + 1]
    return random + edges


def test_every_moment_is_the_one_of_seoul() -> None:
    for now_ns in moments():
        local = (EPOCH + timedelta(microseconds=now_ns // 1_000)).astimezone(SEOUL)
        assert kst_date(now_ns) == local.year * 10_000 + local.month * 100 + local.day
        assert kst_hhmmss(now_ns) == local.hour * 10_000 + local.minute * 100 + local.second
        assert kst_iso(now_ns) == local.isoformat(timespec="microseconds")
        midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
        assert kst_day_ns(now_ns) == ns_of(midnight.astimezone(UTC))


def test_leap_days_are_there() -> None:
    assert kst_date(ns_of(datetime(2096, 2, 29, 3, tzinfo=UTC))) == 20960229
    assert kst_date(ns_of(datetime(2000, 2, 29, 3, tzinfo=UTC))) == 20000229
    assert kst_date(ns_of(datetime(2100, 2, 28, 15, tzinfo=UTC))) == 21000301


@pytest.mark.parametrize(
    ("hhmmss", "seconds"), [(0, 0), (1, 1), (100, 60), (90_000, 32_400), (235_959, 86_399)]
)
def test_second_of_the_day(hhmmss: int, seconds: int) -> None:
    assert seconds_of_hhmmss(hhmmss) == seconds


def test_market_hours_are_weekdays_from_eight_to_twenty() -> None:
    for now_ns in moments():
        seoul = datetime.fromtimestamp(now_ns // 10**9, SEOUL)
        assert is_market_hours(now_ns) == (seoul.weekday() < 5 and 8 <= seoul.hour < 20)


@pytest.mark.parametrize(
    ("moment", "is_open"),
    [
        ("2026-11-23T07:59:59", False),
        ("2026-11-23T08:00:00", True),
        ("2026-11-23T19:59:59", True),
        ("2026-11-23T20:00:00", False),
        ("2026-11-27T12:00:00", True),
        ("2026-11-28T12:00:00", False),
        ("2026-11-29T12:00:00", False),
    ],
)
def test_market_hours_begin_and_end_to_the_second(moment: str, is_open: bool) -> None:
    assert is_market_hours(ns_of(datetime.fromisoformat(moment + "+09:00"))) == is_open

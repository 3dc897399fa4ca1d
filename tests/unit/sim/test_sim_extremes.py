"""Highs and lows of the days gone by."""

from __future__ import annotations

from datetime import date, timedelta
from random import Random

import pytest

from aegis_fast.sim.crowd.extremes import Extremes
from aegis_fast.sim.crowd.history import DayBar


def bars(seed: int, newest: date, count: int = 300) -> list[DayBar]:
    rng = Random(seed)
    return [
        DayBar(
            newest - timedelta(days=n), 100, 100 + rng.randrange(9), 90 - rng.randrange(9), 95, 1, 1
        )
        for n in range(count)
    ]


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("count", [245, 250])
@pytest.mark.parametrize("of_year", [False, True])
@pytest.mark.parametrize("newest", [date(2026, 11, 20), date(2025, 12, 31)])
def test_memory_agrees_with_going_through_all_days(
    seed: int, count: int, of_year: bool, newest: date
) -> None:
    extremes = Extremes()
    days = bars(seed, newest)
    rng = Random(seed + 100)

    for _ in range(20):
        high, low = 100 + rng.randrange(12), 90 - rng.randrange(12)
        today = DayBar(date(2026, 1, 2 + seed), 100, high, low, 95, 1, 1)
        if newest.year == 2026:
            today = DayBar(newest + timedelta(days=1), 100, high, low, 95, 1, 1)
        for first in (today, None):
            every = ([first] if first else []) + days
            year = every[0].day.year if of_year else 0
            chosen = [bar for bar in every[:count] if not year or bar.day.year == year]

            found = extremes.of("005930", days, first, count, year)

            assert found == (
                max(chosen, key=lambda bar: bar.high_krw),
                min(chosen, key=lambda bar: bar.low_krw),
            )


def test_day_that_ended_is_taken_up() -> None:
    extremes = Extremes()
    days = bars(1, date(2026, 11, 20))
    before = extremes.of("005930", days, None, 250)
    top = DayBar(date(2026, 11, 23), 100, 1_000, 95, 95, 1, 1)

    assert extremes.of("005930", [top, *days], None, 250) == (top, before[1])
    assert extremes.of("000660", days, None, 250) == before

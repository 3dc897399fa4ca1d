"""Remember the highest and lowest of the days gone by, so that a quote need not go through a year.

A list of days is never changed once it has been asked about: a day that ends makes a new one. That
is what the memory goes by; it holds one answer for each issue and span.
"""

from __future__ import annotations

from aegis_fast.sim.crowd.history import DayBar

__all__ = ["Extremes"]


class Extremes:
    """The highest and lowest days of every issue."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, int, int], tuple[list[DayBar], DayBar, DayBar]] = {}

    def of(
        self, symbol: str, days: list[DayBar], today: DayBar | None, count: int, year: int = 0
    ) -> tuple[DayBar, DayBar]:
        """Return the highest and the lowest of the last `count` days, the later one when equal.

        days: newest first, without today. today None: it does not count. year: its days only, 0
        for any. There must be a day to choose from.
        """
        past = count if today is None else count - 1
        if today is not None and today.day.year == year != days[0].day.year:
            return today, today
        key = (symbol, past, year)
        known = self._known.get(key)
        if known is None or known[0] is not days:
            chosen = [bar for bar in days[:past] if not year or bar.day.year == year]
            top = max(chosen, key=lambda bar: bar.high_krw)
            bottom = min(chosen, key=lambda bar: bar.low_krw)
            known = self._known[key] = (days, top, bottom)
        _, top, bottom = known
        if today is None:
            return top, bottom
        return (
            today if today.high_krw >= top.high_krw else top,
            today if today.low_krw <= bottom.low_krw else bottom,
        )

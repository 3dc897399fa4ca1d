"""Tell how busy a time of day is: bursts at open and close, a quiet noon, a thin evening."""

from __future__ import annotations

from functools import cache
from itertools import pairwise

__all__ = ["intensity"]

# Per mille of the day's mean pace at that time (KST), straight lines between. The shape is the
# well-known U of an order-driven market; its mean over the regular session is close to 1,000.
_KNOTS = (
    ("00:00", 100),
    ("07:59", 100),
    ("08:00", 900),
    ("08:10", 500),
    ("08:30", 350),
    ("08:50", 700),
    ("08:59", 2_500),
    ("09:00", 4_000),
    ("09:10", 2_400),
    ("09:30", 1_500),
    ("10:30", 900),
    ("12:00", 450),
    ("13:00", 500),
    ("14:30", 850),
    ("15:10", 1_500),
    ("15:20", 2_200),
    ("15:21", 900),
    ("15:29", 1_800),
    ("15:40", 700),
    ("16:00", 500),
    ("18:00", 250),
    ("20:00", 150),
    ("20:01", 100),
    ("24:00", 100),
)


@cache
def _by_minute() -> tuple[int, ...]:
    knots = [(int(text[:2]) * 60 + int(text[3:]), value) for text, value in _KNOTS]
    table: list[int] = []
    for (start, low), (end, high) in pairwise(knots):
        table += [low + (high - low) * (at - start) // (end - start) for at in range(start, end)]
    return tuple(table)


def intensity(second_of_day: int) -> int:
    """Return the pace at a second of the day (0 to 86,399, KST) in per mille of the mean."""
    return _by_minute()[second_of_day // 60]

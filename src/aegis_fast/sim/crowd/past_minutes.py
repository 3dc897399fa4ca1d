"""Invent the minutes of a past day so that they agree with the bar of that day."""

from __future__ import annotations

from itertools import pairwise
from random import Random

from aegis_fast.sim.crowd.history import DayBar
from aegis_fast.sim.market.rules import Issue, round_down
from aegis_fast.sim.market.tape import MinuteBar

__all__ = ["minutes_of"]

_OPEN = 9 * 60
_LAST_CONTINUOUS = 15 * 60 + 19
_CLOSE = 15 * 60 + 30
_COUNT = _LAST_CONTINUOUS - _OPEN + 2  # Every minute of the session, and the closing auction.


def minutes_of(issue: Issue, bar: DayBar, seed: int) -> list[MinuteBar]:
    """Return the minutes of a day, oldest first: 09:00 to 15:19, and the close at 15:30.

    First open, last close, highest high, lowest low, volume and value are those of the day. The
    same seed, issue and day give the same minutes.
    """
    rng = Random(f"{seed}:{issue.symbol}:{bar.day:%Y%m%d}:minutes")
    top, bottom = rng.sample(range(1, _COUNT - 1), 2)
    anchors = sorted(
        [(0, bar.open_krw), (top, bar.high_krw), (bottom, bar.low_krw), (_COUNT - 1, bar.close_krw)]
    )
    closes: list[int] = []
    for (start, first), (end, last) in pairwise(anchors):
        spread = max(issue.base_krw * 600 // 1_000_000, 1)
        for index in range(start, end):
            between = first + (last - first) * (index - start) // (end - start)
            noise = rng.randint(-spread, spread) * (index > start)
            inside = min(max(between + noise, bar.low_krw), bar.high_krw)
            closes.append(max(round_down(inside, issue.grid), bar.low_krw))
    closes.append(bar.close_krw)
    closes[0] = bar.open_krw
    bars: list[MinuteBar] = []
    price = bar.open_krw
    for index, close in enumerate(closes):
        minute = _OPEN + index if index < _COUNT - 1 else _CLOSE
        first = close if minute == _CLOSE else price
        qty = bar.qty * (index + 1) // _COUNT - bar.qty * index // _COUNT
        value = bar.value_krw * (index + 1) // _COUNT
        bars.append(
            MinuteBar(minute, first, max(first, close), min(first, close), close, qty, value)
        )
        price = close
    return bars

"""Snap a price to the tick grid."""

from __future__ import annotations

import time
from bisect import bisect_right
from itertools import repeat

import numpy as np

from aegis_fast.hot import Side, offset_price, round_to_tick, tick_size
from benchmarks import corpus, floor
from benchmarks.timing import Question, Row, each
from tests.oracle import price_twin

EDGES = (2_000, 5_000, 20_000, 50_000, 200_000, 500_000)
STEPS = (1, 5, 10, 50, 100, 500, 1_000)
OURS, BISECT = "round_to_tick(price, Side.BUY)", "Python bisect"


def bisect_round(price_krw: int, side: Side) -> int:
    """The usual Python way: a table and a binary search."""
    step = STEPS[bisect_right(EDGES, price_krw)]
    over = price_krw % step
    if over == 0:
        return price_krw
    return price_krw - over if side is Side.BUY else price_krw - over + step


def numpy_round(prices: np.ndarray) -> np.ndarray:
    """The usual NumPy way: a searched table."""
    steps = np.array(STEPS)[np.searchsorted(EDGES, prices, side="right")]
    return prices - prices % steps


def array_row(name: str, kind: str, prices: np.ndarray, *, is_ours: bool) -> Row:
    def run() -> int:
        start = time.perf_counter_ns()
        round_to_tick(prices, Side.BUY) if is_ours else numpy_round(prices)
        return time.perf_counter_ns() - start

    return Row(name, kind, run, prices.size, f"per element of {prices.size:,}")


def question() -> Question:
    prices = corpus.prices()
    array = np.array(prices * 100, dtype=np.int64)
    buy, sell = [Side.BUY] * corpus.SIZE, ["sell"] * corpus.SIZE
    return Question(
        "A price (1,024, all tick bands): snapped to the tick grid",
        "price",
        [
            each(OURS, "ours", round_to_tick, prices, buy),
            each('round_to_tick(price, "sell")', "ours", round_to_tick, prices, sell),
            each("tick_size(price)", "ours", tick_size, prices),
            each("offset_price(price, -200, ...)", "ours", offset_price, prices,
                 repeat(-200), buy),
            array_row("round_to_tick(array)", "ours", array, is_ours=True),
            floor.rounding_row(prices * 100),
            each(BISECT, "rival", bisect_round, prices, buy),
            array_row("NumPy searchsorted", "rival", array, is_ours=False),
            each("the test suite's twin", "rival", price_twin.round_to_tick, prices[:64],
                 repeat("buy"), repeat("stock"), note="walks won by won"),
        ],
    )  # fmt: skip


def measured(asked: Question) -> dict[str, float]:
    """Return the goals' values of this question."""
    ratio = asked.ratio(BISECT, OURS)
    return {} if ratio is None else {"rounding_vs_bisect": ratio}

"""The single calls under pytest-benchmark, for comparing two commits:

python -m pytest --benchmark-enable --benchmark-only --benchmark-autosave benchmarks/test_micro.py
python -m pytest --benchmark-enable --benchmark-only --benchmark-compare benchmarks/test_micro.py
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import pytest

from aegis_fast.hot import (
    TRADE_DTYPE,
    Book,
    FeedListener,
    FrameParser,
    Side,
    SlidingWindow,
    round_to_tick,
)
from aegis_fast.hot.order_body import place_body
from benchmarks import corpus, order_body

pytest.importorskip("pytest_benchmark")


def over(benchmark: Any, call: Callable[[Any], Any], items: Iterable[Any]) -> None:
    """Benchmark the call over all items; the loop is C."""
    listed = list(items)
    benchmark.extra_info["items"] = len(listed)
    benchmark.pedantic(
        lambda: deque(map(call, listed), maxlen=0), rounds=30, iterations=1, warmup_rounds=3
    )


def test_trade_is_parsed(benchmark):
    over(benchmark, FrameParser().parse_one, corpus.trades(corpus.TRADE))


def test_trades_become_rows(benchmark):
    rows, parser = np.zeros(corpus.SIZE, TRADE_DTYPE), FrameParser()
    frames = corpus.trades(corpus.TRADE)

    parsed = benchmark(parser.parse_many_into, frames, rows)

    assert parsed == corpus.SIZE


def test_book_is_applied(benchmark):
    over(benchmark, Book("005930").apply, corpus.depths(corpus.DEPTH))


def test_feed_calls_python(benchmark):
    feed = FeedListener(on_trade=lambda trade: None, on_depth=lambda book: None)

    benchmark(feed.feed_many, corpus.feed())

    assert feed.bad_frames == 0


def test_price_is_rounded(benchmark):
    over(benchmark, lambda price: round_to_tick(price, Side.BUY), corpus.prices())


def test_limiter_is_asked(benchmark):
    window = SlidingWindow(1_000_000, 1)

    over(benchmark, window.try_acquire, range(1, corpus.SIZE))


def test_order_body_is_written(benchmark):
    over(benchmark, lambda order: place_body(*order), order_body.orders())

"""The same calls with cold caches: a market that was quiet for a while."""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import cycle
from typing import Any

import numpy as np

from aegis_fast.hot import Book, FrameParser
from benchmarks import corpus, peers
from benchmarks.timing import Question, Row

# Larger than any last-level cache share a virtual machine is likely to have.
EVICTED = 96 * 1024 * 1024


def cold_row(name: str, kind: str, call: Callable[[bytes], Any], frames: list[bytes]) -> Row:
    """One call after a walk over 96 MiB; the walk is not timed, the clock reads (2) are."""
    junk = np.zeros(EVICTED // 8, dtype=np.int64)
    inputs = cycle(frames)

    def run() -> int:
        frame = next(inputs)
        junk.__iadd__(1)
        start = time.perf_counter_ns()
        call(frame)
        return time.perf_counter_ns() - start

    return Row(name, kind, run, 1, "one call after walking 96 MiB", is_warm=False)


def question() -> Question:
    trades, depths = corpus.trades(), corpus.depths()
    parser, book = FrameParser(), Book("005930")
    return Question(
        "Cold caches: one call, everything evicted (read the medians)",
        "call",
        [
            cold_row("parse: bytes to [Trade]", "ours", parser.parse, trades),
            cold_row("Book.apply", "ours", book.apply, depths),
            cold_row("an empty call", "floor", len, trades),
            cold_row("split + int + msgspec.Struct", "rival", peers.split_trade, trades),
            cold_row("split + int into a list", "rival", peers.split_depth, depths),
        ],
    )

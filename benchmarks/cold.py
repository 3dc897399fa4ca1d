"""The same calls with cold caches: a market that was quiet for a while."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from itertools import cycle
from typing import Any

import numpy as np

from aegis_fast.hot import Book, FeedListener, FrameParser, Side, SlidingWindow, round_to_tick
from aegis_fast.hot.bus import Bus
from aegis_fast.hot.order_body import place_body
from benchmarks import corpus, floor, native, order_body, peers
from benchmarks.timing import Question, Row

# Larger than any last-level cache share a virtual machine is likely to have.
EVICTED = 96 * 1024 * 1024
ONE, ONE_IN_C = "parse_one: bytes to Trade", "C, a trade"
APPLY, APPLY_IN_C = "Book.apply", "C, a book"
FEED, FEED_IN_C = "feed_many of one: cimported", "C with book and subscriber"


class Evictor:
    """Walks a block of memory so that nothing else stays in the caches."""

    def __init__(self) -> None:
        self._junk = np.zeros(EVICTED // 8, dtype=np.int64)

    def __call__(self) -> None:
        self._junk += 1


def cold_row(
    name: str, kind: str, call: Callable[[Any], Any], inputs: list[Any], evict: Evictor
) -> Row:
    """One call after a walk over 96 MiB; the walk is not timed, the clock reads (2) are."""
    turn = cycle(inputs)

    def run() -> int:
        one = next(turn)
        evict()
        start = time.perf_counter_ns()
        call(one)
        return time.perf_counter_ns() - start

    return Row(name, kind, run, 1, "one call after walking 96 MiB", is_warm=False)


def question() -> Question:
    trades, depths, feed, evict = corpus.trades(), corpus.depths(), corpus.feed(), Evictor()
    parser, book, window = FrameParser(), Book("005930"), SlidingWindow(1_000_000, 1)
    called = FeedListener(on_trade=lambda trade: None)
    bus = Bus()
    bus.add(native.probe().Summer())
    cimported = FeedListener(bus=bus)
    row = partial(cold_row, evict=evict)
    orders = order_body.orders()
    levels = [peers.split_depth(frame) for frame in depths]
    asked = Question(
        "Cold caches: one call, everything evicted (compared by medians)",
        "call",
        [
            row(ONE, "ours", parser.parse_one, trades),
            row(APPLY, "ours", book.apply, depths),
            row(FEED, "ours", cimported.feed_many, [[frame] for frame in feed]),
            row(
                "feed_many of one: Python callback",
                "ours",
                called.feed_many,
                [[f] for f in trades],
            ),
            row(
                "round_to_tick",
                "ours",
                lambda price: round_to_tick(price, Side.BUY),
                corpus.prices(),
            ),
            row("SlidingWindow, time given", "ours", window.try_acquire, list(range(1, 2_000))),
            floor.cold_row("floor_trades", trades, evict, ONE_IN_C),
            floor.cold_row("floor_depths", depths, evict, APPLY_IN_C),
            floor.cold_row("floor_feed_many", feed, evict, FEED_IN_C),
            row("an empty call", "floor", len, trades),
            row("split + int + msgspec.Struct", "rival", peers.split_trade, trades),
            row("split + int into a list", "rival", peers.split_depth, depths),
            row("order body", "ours", lambda order: place_body(*order), orders),
            row("order body, msgspec", "peer", lambda o: order_body.by_msgspec(*o), orders),
        ],
    )
    asked.is_by_median = True
    numbers = list(range(len(depths)))

    def add(name: str, make: Callable[[], Callable[[Any], Any]], inputs: list[Any]) -> None:
        asked.add(lambda: row(name, "peer", make(), inputs))

    add("mojito2 0.1.6, a trade", lambda: peers.mojito("H0STCNT0"), trades)
    add("python-kis 2.1.6, a trade", lambda: peers.python_kis("H0STCNT0"), trades)
    add("order-book, ints given", lambda: peers.order_book(levels, is_ready=False), numbers)
    add("nautilus_trader, ready object", lambda: peers.nautilus(levels, is_ready=True), numbers)
    return asked


def remarks(asked: Question) -> list[str]:
    """Return the cold ratios: medians, the clock reads and the empty call taken off ours."""
    found = []
    for name, in_c in ((ONE, ONE_IN_C), (APPLY, APPLY_IN_C), (FEED, FEED_IN_C)):
        ours, floor_row, empty = asked.row(name), asked.row(in_c), asked.row("an empty call")
        if ours is not None and floor_row is not None and empty is not None:
            raw = ours.median_ns / floor_row.median_ns
            less = (ours.median_ns - empty.median_ns) / floor_row.median_ns
            found.append(f"cold, {name}: {raw:.2f}x C; less an empty call {less:.2f}x")
    return found

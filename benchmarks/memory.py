"""What a million ticks leave behind, and what one more symbol takes."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable
from itertools import repeat

from aegis_fast.hot import FeedListener
from aegis_fast.hot.bus import Bus
from benchmarks import corpus, native
from benchmarks.goals import Section

TICKS = 1_000_000
QUICK_TICKS = 100_000
SYMBOLS = 1_000


def left_behind(run: Callable[[], object], times: int) -> tuple[int, int]:
    """Return (allocated blocks, tracked objects) that `times` runs add; the collector is off.

    What looking itself leaves, a few blocks, is found by looking at no run and taken off.
    """
    nothing, all_of_it = _look(run, 0), _look(run, times)
    return all_of_it[0] - nothing[0], all_of_it[1] - nothing[1]


def _look(run: Callable[[], object], times: int) -> tuple[int, int]:
    run()
    gc.collect()
    gc.disable()
    try:
        run()
        blocks, tracked = sys.getallocatedblocks(), gc.get_count()[0]
        # A number as the loop's variable would be one block more.
        for _ in repeat(None, times):
            run()
        return sys.getallocatedblocks() - blocks, gc.get_count()[0] - tracked
    finally:
        gc.enable()


def symbol_bytes() -> float:
    """Return what the resident set grows by for each of SYMBOLS new books."""
    from benchmarks.simulator import resident_mb

    feed = FeedListener(max_symbols=2 * SYMBOLS)
    names = [f"{number:06d}" for number in range(1, SYMBOLS + 1)]
    feed.book("000000")
    gc.collect()
    before_mb = resident_mb()
    for name in names:
        feed.book(name)
    return (resident_mb() - before_mb) * 1e6 / SYMBOLS


def measure(*, is_quick: bool) -> Section:
    """Run the ticks with a Python and with a cimported subscriber; the larger figure counts."""
    ticks, frames = QUICK_TICKS if is_quick else TICKS, corpus.feed()
    times = -(-ticks // len(frames))
    called = FeedListener(on_trade=lambda trade: trade.price_krw, on_depth=lambda book: None)
    bus = Bus()
    bus.add(native.probe().Summer())
    cimported = FeedListener(bus=bus)
    found = [left_behind(lambda feed=f: feed.feed_many(frames), times) for f in (called, cimported)]
    blocks, tracked = (max(0, *(one[i] for one in found)) for i in (0, 1))
    size = symbol_bytes()
    text = (
        f"  {times * len(frames):,} messages to a Python callback and to a cimported subscriber: "
        f"{blocks} blocks, {tracked} tracked objects more\n"
        f"  one more symbol: {size:,.0f} bytes"
    )
    measured = {
        "allocated_blocks": blocks,
        "tracked_objects": tracked,
        "symbol_bytes": size,
    }
    return Section("Memory of the hot path", text, dict(measured), measured)

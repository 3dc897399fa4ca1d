"""What a million ticks leave behind, and what one more symbol takes."""

from __future__ import annotations

import gc
import sys
import tracemalloc
from collections.abc import Callable
from itertools import repeat

from aegis_fast.hot import FeedListener
from aegis_fast.hot.bus import Bus
from benchmarks import corpus, native
from benchmarks.goals import Section

TICKS = 1_000_000
QUICK_TICKS = 100_000
SYMBOLS = 1_000
DEPTH_LEVELS = 10


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
    """Return what each of SYMBOLS costs: a book at KRX, NXT and both together, all arrays of the
    first one looked at, with keys, arrays and slots of the look-up table.

    Counted by the allocator. The resident set would not do: it hides what fits into memory that
    something before has freed.
    """
    feed = FeedListener(max_symbols=3 * SYMBOLS)
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        for number in range(SYMBOLS):
            krx, _, _ = [feed.book(f"{number:06d}", venue) for venue in ("KRX", "NXT", "UN")]
            for view in (krx.ask_price_krw, krx.bid_price_krw, krx.ask_qty, krx.bid_qty):
                assert view.size == DEPTH_LEVELS
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # The table is C memory: 4 bytes a slot, less than four slots a book.
    return (after - before) / SYMBOLS + 3 * 4 * 4


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
        f"  one more symbol, three books: {size:,.0f} bytes"
    )
    measured = {
        "allocated_blocks": blocks,
        "tracked_objects": tracked,
        "symbol_bytes": size,
    }
    return Section("Memory of the hot path", text, dict(measured), measured)

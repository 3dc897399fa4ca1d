"""What a symbol costs: its books on all venues, their arrays, keys and table slots."""

from __future__ import annotations

import subprocess
import sys
import tracemalloc

import pytest

from aegis_fast.hot import FeedListener, build_flavor

pytestmark = pytest.mark.native

SYMBOLS = 10_000
LIMIT_BYTES = 4_096
TR_IDS = (b"H0STASP0", b"H0NXASP0", b"H0UNASP0")

RESIDENT = """
import os, sys
from aegis_fast.hot import FeedListener

def resident():
    with open("/proc/self/statm") as told:
        return int(told.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

symbols = int(sys.argv[1])
frame = sys.stdin.buffer.read()
feed = FeedListener(max_symbols=symbols)
before = resident()
for i in range(symbols):
    feed.feed_bytes(frame.replace(b"005930", b"%06d" % i))
    feed.book("%06d" % i).ask_price_krw
assert len(feed.books) == symbols
print(resident() - before)
"""


def test_three_books_of_a_symbol_with_views_of_one_take_less_than_4_kib(
    depth_frames: list[bytes],
) -> None:
    # As wide as the unified book's record; the narrower ones may be wider than the table knows.
    frame = depth_frames[0] + b"^0" * 8
    frames = [frame.replace(b"H0STASP0", tr_id) for tr_id in TR_IDS]
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        feed = FeedListener(max_symbols=3 * SYMBOLS)
        for i in range(SYMBOLS):
            for one in frames:
                feed.feed_bytes(one.replace(b"005930", b"%06d" % i))
        views = [book.ask_price_krw for book in feed.books.values() if book.venue == "KRX"]
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    # The slots of the look-up table are C memory: 4 bytes each, less than four a book.
    per_symbol = (after - before) / SYMBOLS + 3 * 4 * 4
    assert (len(feed.books), len(views)) == (3 * SYMBOLS, SYMBOLS)
    assert per_symbol < LIMIT_BYTES, f"{per_symbol:.0f} bytes a symbol with three books"


@pytest.mark.skipif(build_flavor()["build"] == "sanitized", reason="the sanitizer pads every block")
def test_resident_memory_of_a_book_is_below_4_kib(depth_frames: list[bytes]) -> None:
    grown = subprocess.run(
        [sys.executable, "-c", RESIDENT, str(SYMBOLS)],
        input=depth_frames[0],
        capture_output=True,
        check=True,
    )

    per_book = int(grown.stdout) / SYMBOLS
    # The levels alone are 320 bytes: less would mean that nothing was measured.
    assert 320 < per_book < LIMIT_BYTES, f"{per_book:.0f} resident bytes a book"

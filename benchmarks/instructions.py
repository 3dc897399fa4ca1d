"""Count instructions with callgrind: what a quiet and a busy machine agree on.

    python -m benchmarks.instructions

One process runs every piece of work N times, then 2 N times, and calls a marker in between;
valgrind writes its count at every marker. The difference over N is what one item costs: start-up,
set-up of loops and markers cancel out. valgrind knows no AVX-512, so the best reader below it is
used.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks import native
from benchmarks.goals import Section

TITLE = "Instructions for one message (callgrind)"
TIMEOUT_S = 90
COUNT = 4  # Passes over the 1,024 messages.
MARKER = "floor_marker"
_DUMP = re.compile(r"^totals: (\d+)", re.MULTILINE)


def works() -> dict[str, tuple[Callable[[], Any], int]]:
    """Return what is counted: name to (one pass, items of a pass). Runs inside valgrind."""
    from aegis_fast.hot import Book, FeedListener, FrameParser
    from aegis_fast.hot.bus import Bus
    from aegis_fast.hot.frame import available_isas, choose_isa
    from benchmarks import corpus, floor
    from benchmarks.timing import each

    isa = [name for name in available_isas() if name != "avx512"][-1]
    choose_isa(isa)
    trades, depths, feed = corpus.trades(), corpus.depths(), corpus.feed()
    parser, book = FrameParser(), Book("005930")
    called = FeedListener(on_trade=lambda trade: None, on_depth=lambda book: None)
    bus = Bus()
    bus.add(native.probe().Summer())
    cimported = FeedListener(bus=bus)
    passes: dict[str, Callable[[], Any]] = {
        f"C loop, a trade ({isa})": floor.walk("floor_trades", trades, isa),
        "parse_one": each("", "", parser.parse_one, trades).run,
        f"C loop, a book ({isa})": floor.walk("floor_depths", depths, isa),
        "Book.apply": each("", "", book.apply, depths).run,
        f"C loop with book and subscriber ({isa})": floor.walk("floor_feed_many", feed, isa),
        "feed_many, cimported subscriber": lambda: cimported.feed_many(feed),
        "feed_many, Python callbacks": lambda: called.feed_many(feed),
        "an empty call": each("", "", len, trades).run,
    }
    return {name: (run, corpus.SIZE) for name, run in passes.items()}


def run_marked() -> None:
    """Run everything between markers: this is what valgrind watches."""
    from benchmarks import floor

    mark = floor.library().floor_mark
    names = []
    for name, (run, items) in works().items():
        names.append(f"{name}|{items}")
        run()
        for passes in (COUNT, 2 * COUNT):
            mark()
            for _ in range(passes):
                run()
        mark()
    print("\n".join(names), flush=True)
    os._exit(0)


def total_of(dump: str) -> int:
    """Return the instructions that a callgrind dump counted. Raises ValueError without a total."""
    found = _DUMP.search(dump)
    if found is None:
        raise ValueError("no totals in a callgrind dump")
    return int(found[1])


def per_item(totals: list[int], items: list[int], passes: int = COUNT) -> list[float]:
    """Return instructions per item from the totals between markers.

    totals: before the first marker, then for each work N passes, 2 N passes, and the way to the
    next one. Raises ValueError when their number does not fit.
    """
    if len(totals) < 3 * len(items):
        raise ValueError(f"{len(totals)} dumps for {len(items)} pieces of work")
    return [
        (totals[3 * i + 2] - totals[3 * i + 1]) / (passes * count) for i, count in enumerate(items)
    ]


def count_all(folder: Path) -> dict[str, float]:
    """Run valgrind and return instructions per item by name."""
    done = subprocess.run(
        [
            *("valgrind", "--tool=callgrind", f"--dump-before={MARKER}"),
            *(f"--callgrind-out-file={folder}/out", "--", sys.executable),
            *("-m", "benchmarks.instructions", "--marked"),
        ],
        cwd=native.ROOT,
        env={**os.environ, "PYTHONHASHSEED": "0"},
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    if done.returncode != 0:
        raise RuntimeError(f"valgrind ended with {done.returncode}: {done.stderr[-2_000:]}")
    rows = [line.rsplit("|", 1) for line in done.stdout.splitlines()]
    dumps = sorted(folder.glob("out.*"), key=lambda path: int(path.name.split(".")[1]))
    totals = [total_of(path.read_text(errors="replace")) for path in dumps]
    counts = per_item(totals, [int(items) for _, items in rows])
    return {name: count for (name, _), count in zip(rows, counts, strict=True)}


def measure(*, is_quick: bool) -> Section:
    """Count; the same either way, about half a minute. Left out by name without valgrind."""
    if shutil.which("valgrind") is None:
        return Section(TITLE, "  left out: valgrind is not installed")
    native.probe(), native.library("floor")
    with tempfile.TemporaryDirectory() as folder:
        found = count_all(Path(folder))
    width = max(map(len, found))
    lines = [f"  {name:{width}}  {count:9,.1f}" for name, count in found.items()]
    return Section(TITLE, "\n".join(lines), {name: round(n, 2) for name, n in found.items()})


if __name__ == "__main__":
    if "--marked" in sys.argv:
        run_marked()
    print(measure(is_quick=False).text)

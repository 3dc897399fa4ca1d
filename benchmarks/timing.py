"""Time many ways to do one thing, interleaved, and compare them.

Every round runs every row once, so a slow spell of the machine hits all rows alike; the minimum
and the median of the rounds are kept. Absolute figures drift with the machine: read the ratios.
"""

from __future__ import annotations

import gc
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import islice
from statistics import median, quantiles
from typing import Any

# A row that takes less than this is warmed up before every sample.
SHORT_NS = 2_000_000


@dataclass(slots=True)
class Row:
    """One contender. run() does the work once for every item and returns the nanoseconds spent.

    kind: "ours", "peer" (somebody else's published code), "rival" (a good hand-written one) or
    "floor" (the same work in a bare C loop).
    """

    name: str
    kind: str
    run: Callable[[], int]
    items: int
    note: str = ""
    is_warm: bool = True
    samples: list[float] = field(default_factory=list)

    @property
    def min_ns(self) -> float:
        return min(self.samples)

    @property
    def median_ns(self) -> float:
        return median(self.samples)

    def summary(self) -> dict[str, Any]:
        """Return nanoseconds per item: minimum, median, 90th and 99th percentile of the rounds."""
        cuts = quantiles(self.samples, n=100, method="inclusive")
        return {
            "name": self.name,
            "kind": self.kind,
            "note": self.note,
            "min_ns": round(self.min_ns, 2),
            "p50_ns": round(self.median_ns, 2),
            "p90_ns": round(cuts[89], 2),
            "p99_ns": round(cuts[98], 2),
            "rounds": len(self.samples),
        }


@dataclass(slots=True)
class Question:
    """What is asked, the rows that answer it, and the row the others are compared with."""

    title: str
    unit: str
    rows: list[Row]
    missing: list[str] = field(default_factory=list)
    # Where every sample is one call, a minimum is luck: the rows are compared by their medians.
    is_by_median: bool = False

    def figure_ns(self, row: Row) -> float:
        """Return what a row is compared by."""
        return row.median_ns if self.is_by_median else row.min_ns

    def row(self, name: str) -> Row | None:
        """Return a row by its name, None when it was left out."""
        return next((row for row in self.rows if row.name == name), None)

    def ratio(self, name: str, other: str, *, less: str = "") -> float | None:
        """Return name's minimum as a multiple of other's; None when one of them was left out.

        less: a row whose minimum is taken off name's first, and is shown beside the raw ratio.
        """
        row, base = self.row(name), self.row(other)
        if row is None or base is None:
            return None
        taken = self.row(less)
        return (row.min_ns - (taken.min_ns if taken is not None else 0.0)) / base.min_ns

    def add(self, make: Callable[[], Row]) -> None:
        """Add a peer's row, or note that the peer is not installed."""
        try:
            self.rows.append(make())
        except ImportError as error:
            self.missing.append(f"{error.name} is not installed")


def each(
    name: str,
    kind: str,
    call: Callable[..., object],
    *columns: Iterable[Any],
    note: str = "",
    per_call: int = 1,
) -> Row:
    """A row that calls `call` once for every item; per_call counts several results a call.

    The loop is C (map into an empty deque): about the cost of an empty call is in every figure.
    """
    lists = [list(column) for column in columns[:1]]
    # Later columns may be endless.
    lists += [list(islice(column, len(lists[0]))) for column in columns[1:]]

    def run() -> int:
        start = time.perf_counter_ns()
        deque(map(call, *lists), maxlen=0)
        return time.perf_counter_ns() - start

    return Row(name, kind, run, len(lists[0]) * per_call, note)


def batch(name: str, kind: str, call: Callable[[], object], items: int, note: str = "") -> Row:
    """A row whose one call does the work for all items."""

    def run() -> int:
        start = time.perf_counter_ns()
        call()
        return time.perf_counter_ns() - start

    return Row(name, kind, run, items, note or "one call for all")


def measure(question: Question, rounds: int) -> None:
    """Fill the samples of every row: `rounds` interleaved passes, short ones warmed up."""
    for row in question.rows:
        row.run()
    gc.collect()
    gc.disable()
    try:
        for _ in range(rounds):
            for row in question.rows:
                # The rows before have cooled the caches: a short row is run once more untimed.
                if row.is_warm and row.run() > SHORT_NS:
                    row.is_warm = False
                row.samples.append(row.run() / row.items)
    finally:
        gc.enable()


def table(question: Question) -> str:
    """Return the rows as text, with each row as a multiple of ours (the first row)."""
    base = question.figure_ns(question.rows[0])
    width = max(len(row.name) for row in question.rows)
    lines = [question.title, f"  {'':{width}}  {'min':>11}  {'median':>11}  x ours"]
    for row in question.rows:
        lines.append(
            f"  {row.name:{width}}  {row.min_ns:8,.1f} ns  {row.median_ns:8,.1f} ns  "
            f"{question.figure_ns(row) / base:6,.2f}  {row.note}".rstrip()
        )
    return "\n".join([*lines, *(f"  left out: {reason}" for reason in question.missing)])

"""The goals of the hot path, one line each, and the verdict on what was measured.

A benchmark module reports by key: its measure(is_quick=...) returns a Section whose `measured` is
{key: value}. Whatever no module reported is shown as not measured, never left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Goal:
    """One promise. value <= limit (is_ceiling) or value >= limit; unit "x" is a ratio."""

    key: str
    about: str
    limit: float
    unit: str = "x"
    is_ceiling: bool = False

    def text(self) -> str:
        """Return the promise, as in the table."""
        return f"{'<=' if self.is_ceiling else '>='} {shown(self.limit)}{_unit(self.unit)}"


@dataclass(slots=True)
class Section:
    """What one benchmark module found: its text, its figures for the JSON, values for the goals."""

    title: str
    text: str
    figures: dict[str, Any] = field(default_factory=dict)
    measured: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Verdict:
    """A goal and what was measured; None: nothing was."""

    goal: Goal
    value: float | None

    @property
    def is_met(self) -> bool:
        if self.value is None:
            return False
        if self.goal.is_ceiling:
            return self.value <= self.goal.limit
        return self.value >= self.goal.limit

    def text(self) -> str:
        """Return "met", "not measured", or by how much it was missed."""
        if self.value is None:
            return "not measured"
        if self.is_met:
            return "met"
        limit, value = self.goal.limit, self.value
        if limit == 0:
            return f"missed by {shown(abs(value))}{_unit(self.goal.unit)}"
        share = value / limit - 1 if self.goal.is_ceiling else 1 - value / limit
        return f"missed by {share * 100:.0f} %"


def ceiling(key: str, about: str, limit: float, unit: str = "x") -> Goal:
    """A goal that is met by this much or less."""
    return Goal(key, about, limit, unit, is_ceiling=True)


GOALS = (
    # A trade.
    Goal("trade_vs_split", "bytes to a Python Trade, against split + msgspec.Struct", 47),
    Goal("trade_vs_python_kis", "... against python-kis", 700),
    Goal("trade_vs_pandas", "... against the official sample's way (pandas)", 28_000),
    ceiling("trade_vs_avx512", "... of the AVX-512 C loop", 1.8),
    ceiling("trade_vs_c", "... of the C loop of the path in use", 1.3),
    ceiling("rows_vs_c", "rows of an array in one call, of the C loop", 1.05),
    ceiling("rows_of_4_vs_c", "... in frames of 4 records", 1.25),
    # A book.
    Goal("book_vs_order_book", "Book.apply(bytes), against order-book with ints given", 45),
    Goal("book_vs_nautilus", "... against nautilus_trader apply_depth, ready object", 45),
    ceiling("book_vs_c", "... of the C loop of the path in use", 1.25),
    # Subscribers.
    ceiling("callback_vs_c", "a Python callback for each trade, of the C loop", 2.7),
    ceiling("native_vs_c", "a cimported subscriber, of the same work in C", 1.1),
    # The small ones.
    Goal("rounding_vs_bisect", "rounding to the tick, against Python bisect", 4),
    Goal("limiter_vs_aiolimiter", "try_acquire with its clock, against aiolimiter", 20),
    Goal("order_body_vs_msgspec", "order body to bytes, against msgspec", 4.5),
    # Memory.
    ceiling("allocated_blocks", "net allocations over 10^6 ticks", 0, "blocks"),
    ceiling("tracked_objects", "objects tracked by the collector, over 10^6 ticks", 0, "objects"),
    ceiling("symbol_bytes", "memory of one more symbol, three books", 4_096, "bytes"),
    # Socket to strategy, parse and book included.
    ceiling("spin_p50_vs_c", "feed, spinning: p50, of a C epoll spin", 1.25),
    ceiling("spin_p99_vs_c", "... p99", 1.5),
    ceiling("spin_p999_vs_c", "... p99.9", 2),
    Goal("messages_per_s_a_core", "... at most, on one core", 2.0, "M msg/s"),
    ceiling("blocking_p50_vs_c", "feed, blocking: p50, of a blocking C epoll loop", 1.1),
    Goal("burst_vs_aiohttp", "a burst of 50 frames to its last callback, against aiohttp", 3),
    # The order path: reported by order_path.py.
    ceiling("order_kernel_p50_us", "tick to order bytes sent, intent to the kernel: p50", 50, "µs"),
    ceiling("order_kernel_p99_us", "... p99", 120, "µs"),
    ceiling("order_disk_in_fdatasyncs", "... what the intent on disk adds, in fdatasyncs", 1.4),
    ceiling("api_order_vs_bare", "API call to order bytes: p50, of fdatasync + bare POST", 1.5),
    ceiling("feed_p99_under_orders", "feed p99 under 1,000 orders/s, of the quiet feed's", 2),
    # The specification's own gates, with a margin of 1,000.
    ceiling("delay_p99_us", "100 ms at 50 connections, held 1,000 times over: feed p99", 100, "µs"),
    ceiling("delay_p99_under_orders_us", "... while 100 users send 10 orders/s each", 100, "µs"),
)


def judge(measured: Mapping[str, float], goals: Iterable[Goal] = GOALS) -> list[Verdict]:
    """Return a verdict for every goal. Raises KeyError for a value that belongs to no goal."""
    goals = tuple(goals)
    strangers = set(measured) - {goal.key for goal in goals}
    if strangers:
        raise KeyError(f"no such goal: {sorted(strangers)}")
    return [Verdict(goal, measured.get(goal.key)) for goal in goals]


def table(verdicts: Iterable[Verdict]) -> str:
    """Return goal | measured | met, as text."""
    rows = [("goal", "", "measured", "")]
    rows += [(v.goal.about, v.goal.text(), _measured(v), v.text()) for v in verdicts]
    widths = [max(len(row[i]) for row in rows) for i in range(4)]
    return "\n".join(
        f"  {about:{widths[0]}}  {text:>{widths[1]}}  {value:>{widths[2]}}  {verdict}".rstrip()
        for about, text, value, verdict in rows
    )


def markdown(verdicts: Iterable[Verdict]) -> str:
    """Return the same as a Markdown table."""
    lines = ["| | goal | measured | |", "|---|---:|---:|---|"]
    lines += [
        f"| {v.goal.about} | {v.goal.text()} | {_measured(v)} | {v.text()} |" for v in verdicts
    ]
    return "\n".join(lines)


def as_json(verdicts: Iterable[Verdict]) -> list[dict[str, Any]]:
    """Return the same for the JSON."""
    return [
        {
            "key": v.goal.key,
            "about": v.goal.about,
            "goal": v.goal.text(),
            "value": None if v.value is None else round(v.value, 4),
            "verdict": v.text(),
        }
        for v in verdicts
    ]


def shown(value: float) -> str:
    """Return a number with as many digits as it deserves."""
    if value == int(value) or value >= 100:
        return f"{value:,.0f}"
    return f"{value:.2f}" if value < 10 else f"{value:.1f}"


def _measured(verdict: Verdict) -> str:
    if verdict.value is None:
        return "-"
    return f"{shown(verdict.value)}{_unit(verdict.goal.unit)}"


def _unit(unit: str) -> str:
    return unit if unit == "x" else f" {unit}"

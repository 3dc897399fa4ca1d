"""Read the clock: the only place that does. Everything else is told the time."""

from __future__ import annotations

import time

__all__ = ["mono_ns", "now_ns"]


def now_ns() -> int:
    """Return ns since the epoch, UTC: for records, and for times that others also write down."""
    return time.time_ns()


def mono_ns() -> int:
    """Return ns of a clock that is never set: for the call limit and for waiting (T4)."""
    return time.monotonic_ns()

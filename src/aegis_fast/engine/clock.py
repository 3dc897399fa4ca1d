"""Read the clock: the only place that does. Everything else is told the time."""

from __future__ import annotations

import os
import time
from pathlib import Path

__all__ = ["mono_ns", "now_ns", "process_age_s"]


def now_ns() -> int:
    """Return ns since the epoch, UTC: for records, and for times that others also write down."""
    return time.time_ns()


def mono_ns() -> int:
    """Return ns of a clock that is never set: for the call limit and for waiting (T4)."""
    return time.monotonic_ns()


def process_age_s() -> float:
    """Return the age of this process, to 10 ms. Source: field 22 of /proc/self/stat."""
    after_name = Path("/proc/self/stat").read_text("ascii", "replace").rpartition(")")[2].split()
    started_s = int(after_name[19]) / os.sysconf("SC_CLK_TCK")
    return time.clock_gettime(time.CLOCK_BOOTTIME) - started_s

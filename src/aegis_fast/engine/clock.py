"""Read the clock: the only place that does. Everything else is told the time.

At a real broker there is one time, the wall clock's. A simulator has two, which may run ahead of
the wall, stand still or jump: the market's (dates, sessions, all that orders are written down with)
and the door's (what tokens live by). FollowedClock gives the engine both.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

from aegis_fast.core.model import BrokerTime

__all__ = ["FollowedClock", "mono_ns", "now_ns", "process_age_s"]

# How far a market that does not run with the wall clock is trusted to have gone on unseen.
_REACH_NS = 1_000_000_000
_MILLI = 1_000


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


class FollowedClock:
    """Give the time of the broker that the engine talks to, and the wall's until it was told.

    Between two readings it goes on at real speed at most, however fast the market runs: to be a
    little late does no harm, but an engine ahead of its broker would take its own orders for
    another's (their times would lie before they were sent). It stands still when a stepped market
    does, and from the first reading on it never steps back.
    """

    def __init__(
        self, wall_ns: Callable[[], int] = now_ns, mono_ns: Callable[[], int] = mono_ns
    ) -> None:
        self._wall_ns = wall_ns
        self._mono_ns = mono_ns
        self._told: BrokerTime | None = None
        self._told_at_ns = 0
        self._last_ns = 0
        self._last_door_ns = 0

    def follow(self, told: BrokerTime) -> None:
        """Take a reading that has just arrived."""
        if self._told is not None:
            # What was given out since the last reading stands.
            self.now_ns()
            self.door_ns()
        self._told, self._told_at_ns = told, self._mono_ns()

    def now_ns(self) -> int:
        """Return the market's time, ns since the epoch."""
        told = self._told
        if told is None:
            return self._wall_ns()
        passed_ns = self._mono_ns() - self._told_at_ns
        if told.speed_milli != _MILLI:
            passed_ns = min(passed_ns, _REACH_NS) * min(told.speed_milli, _MILLI) // _MILLI
        self._last_ns = max(self._last_ns, told.market_ns + passed_ns)
        return self._last_ns

    def door_ns(self) -> int:
        """Return the time by which the broker's tokens age: always at real speed, jumps apart."""
        told = self._told
        if told is None:
            return self._wall_ns()
        passed_ns = self._mono_ns() - self._told_at_ns
        self._last_door_ns = max(self._last_door_ns, told.door_ns + passed_ns)
        return self._last_door_ns

"""Keep what will happen in the market, each thing with its time, in the order it is due."""

from __future__ import annotations

import heapq
from collections.abc import Callable

__all__ = ["Agenda"]


class Agenda:
    """Events by time; what is due at the same time happens in the order of asking.

    A dated event belongs to a time of day (a session begins) and happens at it, or as soon as
    possible; any other one (the crowd's next act) can be put off with everything like it.
    """

    def __init__(self) -> None:
        self._events: list[tuple[int, int, bool, Callable[[], None]]] = []
        self._seq = 0

    @property
    def next_due_ns(self) -> int:
        """Return when the next event happens; there must be one."""
        return self._events[0][0]

    def put(self, due_ns: int, happen: Callable[[], None], *, is_dated: bool = False) -> None:
        """Let something happen at a time."""
        self._seq += 1
        heapq.heappush(self._events, (due_ns, self._seq, is_dated, happen))

    def pop(self) -> tuple[int, Callable[[], None]]:
        """Take the next event out: when it was due, and what happens."""
        due_ns, _, _, happen = heapq.heappop(self._events)
        return due_ns, happen

    def put_off(self, gap_ns: int) -> None:
        """Let everything that is not dated wait that much longer."""
        self._events = [
            (due_ns if is_dated else due_ns + gap_ns, seq, is_dated, happen)
            for due_ns, seq, is_dated, happen in self._events
        ]
        heapq.heapify(self._events)

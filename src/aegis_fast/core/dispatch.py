"""Decide which outgoing call may leave next: cancel > market > limit > query (A40). Pure.

Strict priority among orders, first come first served inside a class; queries come last but get one
slot a second, so that reconciliation can't starve. Where there is hardly more than one slot a
second (paper trading), orders and queries take turns. The window is exact and one for the whole
appkey; the queue is bounded, and full means Busy: nothing waits for ever.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from aegis_fast.core.model import Priority
from aegis_fast.errors import Busy
from aegis_fast.hot import SlidingWindow

__all__ = ["CallQueue", "Ticket"]

_QUERY_EVERY_NS = 1_000_000_000


@dataclass(eq=False, slots=True)
class Ticket:
    """A place in the queue. is_dropped: its owner no longer waits."""

    priority: Priority
    queued_ns: int
    is_dropped: bool = False


class CallQueue:
    """Waiting calls of one appkey."""

    def __init__(self, window: SlidingWindow, max_waiting: int) -> None:
        self._window = window
        self._max_waiting = max_waiting
        self._waiting: tuple[deque[Ticket], ...] = tuple(deque() for _ in Priority)
        self._last_query_ns = 0
        self._is_order_next = False

    def __len__(self) -> int:
        return sum(1 for lane in self._waiting for ticket in lane if not ticket.is_dropped)

    def try_now(self, priority: Priority, now_ns: int) -> bool:
        """Take a slot at once if nobody waits; False means: push."""
        if any(self._waiting) or not self._window.try_acquire(now_ns):
            return False
        if priority is Priority.QUERY:
            self._last_query_ns = now_ns
        return True

    def assume_full(self, now_ns: int) -> None:
        """Take every slot: what left before this process started is not known, and still counts."""
        while self._window.try_acquire(now_ns):
            pass

    def push(self, priority: Priority, now_ns: int) -> Ticket:
        """Queue a call. Raises Busy at the limit; a cancel is always let in: it reduces risk.

        What waits behind a call does not count: a flood of queries keeps no order out.
        """
        ahead = sum(
            1 for lane in self._waiting[: priority + 1] for ticket in lane if not ticket.is_dropped
        )
        if priority is not Priority.CANCEL and ahead >= self._max_waiting:
            raise Busy(
                f"{self._max_waiting} calls already wait for the call limit (호출 대기열 초과)",
                expected="fewer orders a second",
            )
        ticket = Ticket(priority, now_ns)
        self._waiting[priority].append(ticket)
        return ticket

    def pop(self, now_ns: int) -> Ticket | None:
        """Return the next call that may leave now, or None: see wait_ns."""
        lane = self._next_lane(now_ns)
        if lane is None or not self._window.try_acquire(now_ns):
            return None
        ticket = lane.popleft()
        self._is_order_next = ticket.priority is Priority.QUERY
        if ticket.priority is Priority.QUERY:
            self._last_query_ns = now_ns
        return ticket

    def wait_ns(self, now_ns: int) -> int:
        """Return how long until a slot is free; 0 is now."""
        return self._window.wait_ns(now_ns)

    def in_use(self, now_ns: int) -> int:
        """Return how many calls of the window are spent."""
        return self._window.in_use(now_ns)

    def _next_lane(self, now_ns: int) -> deque[Ticket] | None:
        for lane in self._waiting:
            while lane and lane[0].is_dropped:
                lane.popleft()
        first = next((lane for lane in self._waiting if lane), None)
        queries = self._waiting[Priority.QUERY]
        if not queries or (self._is_order_next and first is not queries):
            return first
        is_due = now_ns - max(self._last_query_ns, queries[0].queued_ns) >= _QUERY_EVERY_NS
        return queries if is_due else first

"""Hold back outgoing calls until the call limit lets them leave, the most urgent first."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextvars import ContextVar

from aegis_fast.core.dispatch import CallQueue, Ticket
from aegis_fast.core.model import Priority

__all__ = ["Gate", "on_leaving"]

_NS = 1_000_000_000

# Called in the task of the call whenever the gate lets one of its requests leave: a deadline for
# the answer counts from here, not from the time spent in our own queue. It may raise Busy to keep
# the request back after all.
on_leaving: ContextVar[Callable[[], None] | None] = ContextVar("on_leaving", default=None)


class Gate:
    """The CallGate of one appkey: `await gate(priority)` returns when the call may be sent.

    One timer at most is set, for the moment the window frees a slot. A caller that is cancelled
    while it waits gives its place up. Raises Busy when the queue is full.
    """

    def __init__(self, calls: CallQueue, mono_ns: Callable[[], int]) -> None:
        self._calls = calls
        self._mono_ns = mono_ns
        self._waiters: dict[Ticket, asyncio.Future[None]] = {}
        self._timer: asyncio.TimerHandle | None = None

    async def __call__(self, priority: Priority) -> None:
        await self._pass(priority)
        leaving = on_leaving.get()
        if leaving is not None:
            leaving()

    async def _pass(self, priority: Priority) -> None:
        now_ns = self._mono_ns()
        if self._calls.try_now(priority, now_ns):
            return
        ticket = self._calls.push(priority, now_ns)
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[None] = loop.create_future()
        self._waiters[ticket] = waiter
        self._release()
        try:
            await waiter
        finally:
            ticket.is_dropped = True
            self._waiters.pop(ticket, None)

    def try_now(self, priority: Priority) -> bool:
        """Spend a call now if one is free and nobody waits; on_leaving is the caller's matter."""
        return self._calls.try_now(priority, self._mono_ns())

    def assume_full(self) -> None:
        """Let nothing leave for one window: a process that ended just now may have used it up."""
        self._calls.assume_full(self._mono_ns())

    @property
    def waiting(self) -> int:
        """Calls that wait."""
        return len(self._calls)

    def in_use(self) -> int:
        """Calls spent in the current window."""
        return self._calls.in_use(self._mono_ns())

    def _release(self) -> None:
        """Let go whoever may leave, then set the timer for the next."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        now_ns = self._mono_ns()
        while (ticket := self._calls.pop(now_ns)) is not None:
            waiter = self._waiters.get(ticket)
            if waiter is not None and not waiter.done():
                waiter.set_result(None)
        if len(self._calls):
            # uvloop's timers may fire up to a millisecond early; then this just runs once more.
            delay_s = max(self._calls.wait_ns(now_ns), 100_000) / _NS
            self._timer = asyncio.get_running_loop().call_later(delay_s, self._release)

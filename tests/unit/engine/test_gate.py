"""The call gate: never more than the limit, the most urgent first, nothing waits for ever."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Coroutine
from itertools import pairwise
from typing import Any

import pytest

from aegis_fast.core.dispatch import CallQueue
from aegis_fast.core.model import Priority
from aegis_fast.engine.gate import Gate, on_leaving
from aegis_fast.errors import Busy
from aegis_fast.hot import SlidingWindow

MS = 1_000_000
CANCEL, MARKET, LIMIT, QUERY = Priority


class NotedWindow:
    """The real window, which notes when it gave each slot: free of how late a task then runs."""

    def __init__(self, limit: int, window_ns: int) -> None:
        self._window = SlidingWindow(limit, window_ns)
        self.given_ns: list[int] = []

    def try_acquire(self, now_ns: int) -> bool:
        is_given = self._window.try_acquire(now_ns)
        if is_given:
            self.given_ns.append(now_ns)
        return is_given

    def wait_ns(self, now_ns: int) -> int:
        return self._window.wait_ns(now_ns)

    def in_use(self, now_ns: int) -> int:
        return self._window.in_use(now_ns)


def gate_of(limit: int, *, window_ms: int = 40, max_waiting: int = 1_000) -> Gate:
    """A gate on the real clock, with a window short enough for a test."""
    window: Any = NotedWindow(limit, window_ms * MS)
    return Gate(CallQueue(window, max_waiting), time.monotonic_ns)


def given_ns(gate: Gate) -> list[int]:
    """When the slots of this gate were given, in order."""
    window: Any = gate._calls._window
    return list(window.given_ns)


class Leaving:
    """Calls through one gate, and who left."""

    def __init__(self, gate: Gate) -> None:
        self.gate = gate
        self.names: list[str] = []

    async def call(self, priority: Priority, name: str) -> None:
        await self.gate(priority)
        self.names.append(name)

    async def queue(self, *calls: tuple[Priority, str]) -> list[asyncio.Task[None]]:
        """Start the calls in this order; each has reached the gate when this returns."""
        tasks = []
        for priority, name in calls:
            tasks.append(asyncio.create_task(self.call(priority, name)))
            await asyncio.sleep(0)
        return tasks


def run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(work, 20))


# -- the limit -------------------------------------------------------------------------------------


def test_t1_no_window_ever_holds_more_calls_than_the_limit() -> None:
    rng = random.Random(7)
    limit, window_ns = 5, 40 * MS

    async def work() -> None:
        calls = Leaving(gate_of(limit))
        tasks = await calls.queue(*((rng.choice(list(Priority)), str(n)) for n in range(60)))
        await asyncio.gather(*tasks)

        assert sorted(calls.names, key=int) == [str(n) for n in range(60)]
        times = given_ns(calls.gate)
        assert len(times) == 60
        for first, sixth in zip(times, times[limit:], strict=False):
            assert sixth - first >= window_ns

    run(work())


def test_free_slots_are_taken_at_once_and_no_timer_is_set() -> None:
    async def work() -> None:
        gate = gate_of(3, window_ms=60_000)
        for used in range(1, 4):
            await gate(QUERY)
            assert gate.in_use() == used
        assert gate.waiting == 0
        assert gate._timer is None

    run(work())


def test_whole_capacity_is_used_under_load() -> None:
    async def work() -> None:
        calls = Leaving(gate_of(10, window_ms=30))
        await asyncio.gather(*await calls.queue(*((LIMIT, str(n)) for n in range(40))))
        times = given_ns(calls.gate)
        # Ten at once, then ten more as soon as the window is over: no slot is given away.
        assert times[9] - times[0] < 30 * MS
        assert 3 * 30 * MS <= times[39] - times[0] < 1_000 * MS

    run(work())


def test_one_call_a_second_profile_goes_through_too() -> None:
    async def work() -> None:
        calls = Leaving(gate_of(1, window_ms=20))
        await asyncio.gather(*await calls.queue((QUERY, "a"), (LIMIT, "b"), (QUERY, "c")))
        assert len(given_ns(calls.gate)) == 3
        assert all(b - a >= 20 * MS for a, b in pairwise(given_ns(calls.gate)))

    run(work())


# -- who goes first --------------------------------------------------------------------------------


def test_o10_market_passes_queued_limits_and_a_cancel_passes_it() -> None:
    async def work() -> None:
        # A window that a busy machine does not outlast while the calls queue up.
        calls = Leaving(gate_of(1, window_ms=200))
        await calls.gate(QUERY)
        tasks = await calls.queue(
            *((LIMIT, f"limit {n}") for n in range(6)), (MARKET, "market"), (CANCEL, "cancel")
        )
        await asyncio.gather(*tasks)
        assert calls.names == ["cancel", "market", *(f"limit {n}" for n in range(6))]

    run(work())


def test_o10_market_that_comes_while_limits_wait_takes_the_next_slot() -> None:
    async def work() -> None:
        calls = Leaving(gate_of(1, window_ms=60))
        await calls.gate(QUERY)
        tasks = await calls.queue(*((LIMIT, f"limit {n}") for n in range(4)))
        await tasks[0]
        await tasks[1]
        tasks += await calls.queue((MARKET, "market"))
        await asyncio.gather(*tasks)
        assert calls.names[:3] == ["limit 0", "limit 1", "market"]

    run(work())


def test_same_class_leaves_first_come_first_served() -> None:
    async def work() -> None:
        calls = Leaving(gate_of(2, window_ms=5))
        names = [f"{n}" for n in range(20)]
        await asyncio.gather(*await calls.queue(*((MARKET, name) for name in names)))
        assert calls.names == names

    run(work())


def test_newcomer_never_overtakes_its_own_class_when_a_slot_is_free() -> None:
    async def work() -> None:
        clock = [10_000 * MS]
        gate = Gate(CallQueue(SlidingWindow(1, 50 * MS), 10), lambda: clock[0])
        calls = Leaving(gate)
        await gate(LIMIT)
        tasks = await calls.queue((LIMIT, "first"))
        clock[0] += 51 * MS
        # The slot is free now, but the timer has not fired yet.
        tasks += await calls.queue((LIMIT, "second"))
        assert calls.names == [] or calls.names == ["first"]
        await tasks[0]
        clock[0] += 51 * MS
        await tasks[1]
        assert calls.names == ["first", "second"]

    run(work())


# -- giving up and being full ----------------------------------------------------------------------


def test_cancelled_waiter_gives_its_place_up() -> None:
    async def work() -> None:
        calls = Leaving(gate_of(1, window_ms=20))
        await calls.gate(QUERY)
        first, second, third = await calls.queue((LIMIT, "a"), (LIMIT, "b"), (LIMIT, "c"))
        first.cancel()
        second.cancel()
        await third
        # It took the slot of the first: nobody's slot was spent on those who had gone.
        assert len(given_ns(calls.gate)) == 2
        assert calls.names == ["c"]
        assert calls.gate.waiting == 0
        assert calls.gate.in_use() == 1
        assert not calls.gate._waiters

    run(work())


def test_full_queue_is_busy_and_still_lets_a_cancel_in() -> None:
    async def work() -> None:
        calls = Leaving(gate_of(1, window_ms=10, max_waiting=3))
        await calls.gate(QUERY)
        tasks = await calls.queue(*((LIMIT, f"limit {n}") for n in range(3)))
        with pytest.raises(Busy, match="3 calls already wait"):
            await calls.gate(LIMIT)
        with pytest.raises(Busy):
            await calls.gate(QUERY)
        tasks += await calls.queue((CANCEL, "cancel"))
        assert calls.gate.waiting == 4
        await asyncio.gather(*tasks)
        assert calls.names == ["cancel", "limit 0", "limit 1", "limit 2"]

    run(work())


def test_flood_of_queries_keeps_no_order_out() -> None:
    async def work() -> None:
        calls = Leaving(gate_of(1, window_ms=5, max_waiting=3))
        await calls.gate(QUERY)
        tasks = await calls.queue(*((QUERY, f"query {n}") for n in range(3)))
        tasks += await calls.queue((LIMIT, "limit"), (MARKET, "market"))
        await asyncio.gather(*tasks)
        assert calls.names[:2] == ["market", "limit"]

    run(work())


def test_cancelled_waiters_make_room_at_the_limit() -> None:
    async def work() -> None:
        calls = Leaving(gate_of(1, window_ms=10, max_waiting=1))
        await calls.gate(QUERY)
        (first,) = await calls.queue((LIMIT, "a"))
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
        await asyncio.gather(*await calls.queue((LIMIT, "b")))
        assert calls.names == ["b"]

    run(work())


# -- start, and the moment of leaving --------------------------------------------------------------


def test_assume_full_lets_nothing_leave_for_one_window() -> None:
    async def work() -> None:
        gate = gate_of(5, window_ms=40)
        started_ns = time.monotonic_ns()
        gate.assume_full()
        assert gate.in_use() == 5
        await gate(CANCEL)
        assert time.monotonic_ns() - started_ns >= 40 * MS

    run(work())


def test_hook_is_called_when_the_call_leaves_not_when_it_queues() -> None:
    async def work() -> None:
        gate = gate_of(1, window_ms=30)
        await gate(QUERY)
        left_ns: list[int] = []
        started_ns = time.monotonic_ns()
        token = on_leaving.set(lambda: left_ns.append(time.monotonic_ns()))
        try:
            waiting = asyncio.create_task(gate(LIMIT))
            await asyncio.sleep(0)
            assert left_ns == []
            await waiting
            assert len(left_ns) == 1
            assert left_ns[0] - started_ns >= 25 * MS
            # Once a request: a repeated one passes the gate, and the hook, again.
            await gate(LIMIT)
            assert len(left_ns) == 2
        finally:
            on_leaving.reset(token)

    run(work())


def test_hook_belongs_to_its_own_task_only() -> None:
    async def work() -> None:
        gate = gate_of(10)
        called: list[str] = []

        async def hooked(name: str) -> None:
            on_leaving.set(lambda: called.append(name))
            await gate(LIMIT)

        await asyncio.gather(hooked("a"), gate(LIMIT), hooked("b"), gate(QUERY))
        assert sorted(called) == ["a", "b"]

    run(work())


def test_hook_may_keep_the_call_back() -> None:
    async def work() -> None:
        gate = gate_of(10)

        def veto() -> None:
            raise Busy("not now")

        token = on_leaving.set(veto)
        try:
            with pytest.raises(Busy, match="not now"):
                await gate(MARKET)
        finally:
            on_leaving.reset(token)
        await gate(MARKET)

    run(work())

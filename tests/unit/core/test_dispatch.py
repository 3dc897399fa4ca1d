"""Which call leaves next (A40, O10, S17-S19): cancel > market > limit > query, and none starves."""

from __future__ import annotations

import itertools
from collections import deque
from random import Random

import pytest

from aegis_fast.core.dispatch import CallQueue, Ticket
from aegis_fast.core.model import Priority
from aegis_fast.errors import Busy
from aegis_fast.hot import SlidingWindow

SECOND = 1_000_000_000
C, M, L, Q = Priority.CANCEL, Priority.MARKET, Priority.LIMIT, Priority.QUERY


def queue(limit: int = 1, window_ns: int = SECOND, waiting: int = 100) -> CallQueue:
    return CallQueue(SlidingWindow(limit, window_ns), waiting)


def full(limit: int = 1, waiting: int = 100) -> CallQueue:
    """A queue whose window is spent at 0."""
    calls = queue(limit, waiting=waiting)
    for _ in range(limit):
        assert calls.try_now(L, 0)
    return calls


def leave_one_by_one(calls: CallQueue, count: int, from_ns: int = SECOND) -> list[Priority]:
    left = []
    for n in range(count):
        ticket = calls.pop(from_ns + n * SECOND)
        assert ticket is not None
        left.append(ticket.priority)
    return left


def test_call_leaves_at_once_while_the_window_has_room() -> None:
    calls = queue(limit=3)
    assert [calls.try_now(L, 0) for _ in range(4)] == [True, True, True, False]
    assert calls.wait_ns(0) == SECOND
    assert calls.in_use(0) == 3


def test_nobody_jumps_the_queue() -> None:
    calls = full()
    calls.push(Q, 0)
    assert not calls.try_now(C, 5 * SECOND)


def test_s19_classes_leave_in_order_and_first_come_first_served() -> None:
    calls = full()
    tickets = [calls.push(p, 0) for p in (L, M, L, C, M)]
    left = [calls.pop(n * SECOND) for n in range(1, 6)]
    assert left == [tickets[i] for i in (3, 1, 4, 0, 2)]


def test_o10_market_order_takes_the_next_slot_and_a_later_cancel_passes_it() -> None:
    calls = full()
    for _ in range(30):
        calls.push(L, 0)
    market = calls.push(M, 1)
    assert calls.pop(SECOND) is market

    second_market = calls.push(M, SECOND)
    cancel = calls.push(C, SECOND + 1)
    assert calls.pop(2 * SECOND) is cancel
    assert calls.pop(3 * SECOND) is second_market


def test_query_waits_behind_orders_for_a_second_at_most() -> None:
    calls = full(limit=10)
    query = calls.push(Q, 0)
    for _ in range(100):
        calls.push(L, 0)

    left = [calls.pop(SECOND + n * SECOND // 10) for n in range(10)]

    assert left[0] is query
    assert all(ticket is not None and ticket.priority is L for ticket in left[1:])


def test_queries_get_one_slot_a_second_under_a_flood_of_orders() -> None:
    calls = queue(limit=18)
    slots: list[tuple[int, Priority]] = []
    for ms in range(0, 10_000, 10):
        now_ns = ms * 1_000_000
        for priority in (M, L, Q):
            if not calls.try_now(priority, now_ns) and len(calls) < 90:
                calls.push(priority, now_ns)
        while (ticket := calls.pop(now_ns)) is not None:
            slots.append((now_ns, ticket.priority))
    queries = [at for at, priority in slots if priority is Q]
    gaps = [b - a for a, b in itertools.pairwise(queries)]
    assert len(queries) >= 8
    assert max(gaps) <= 1_100_000_000


def test_orders_and_queries_take_turns_when_there_is_one_slot_a_second() -> None:
    calls = full()
    for _ in range(5):
        calls.push(Q, 0)
    for _ in range(3):
        calls.push(L, 0)
    calls.push(C, 0)

    left = leave_one_by_one(calls, 9)

    assert left == [Q, C, Q, L, Q, L, Q, L, Q]


def test_full_queue_is_busy_but_never_for_a_cancel() -> None:
    calls = full(waiting=3)
    for _ in range(3):
        calls.push(L, 0)
    for priority in (L, Q):
        with pytest.raises(Busy):
            calls.push(priority, 0)
    calls.push(C, 0)
    assert len(calls) == 4


def test_flood_of_queries_keeps_no_order_out() -> None:
    calls = full(waiting=3)
    for _ in range(3):
        calls.push(Q, 0)
    calls.push(L, 0)
    calls.push(M, 0)
    with pytest.raises(Busy):
        calls.push(Q, 0)


def test_who_no_longer_waits_takes_no_slot_and_no_place() -> None:
    calls = full(waiting=3)
    gone = [calls.push(L, 0) for _ in range(3)]
    for ticket in gone:
        ticket.is_dropped = True
    assert len(calls) == 0

    kept = calls.push(L, 0)

    assert calls.pop(SECOND) is kept
    assert calls.in_use(SECOND) == 1


def test_empty_queue_spends_nothing() -> None:
    calls = queue()
    assert calls.pop(0) is None
    assert calls.in_use(0) == 0


def test_calls_of_the_process_before_count_for_one_window() -> None:
    calls = queue(limit=5)
    calls.assume_full(0)
    assert not calls.try_now(C, SECOND - 1)
    assert calls.try_now(C, SECOND)


def test_s17_s18_no_window_ever_holds_more_than_the_limit() -> None:
    rng = Random(7)
    for _ in range(20):
        limit, window_ns = rng.randint(1, 30), rng.choice((SECOND, 1_050_000_000))
        calls = queue(limit, window_ns, waiting=1_000)
        left: list[int] = []
        live: deque[Ticket] = deque()
        now_ns = 0
        for _step in range(400):
            now_ns += rng.randrange(0, 60_000_000)
            for _ in range(rng.randrange(4)):
                priority = rng.choice(list(Priority))
                if calls.try_now(priority, now_ns):
                    left.append(now_ns)
                else:
                    live.append(calls.push(priority, now_ns))
            if live and rng.random() < 0.2:
                live.popleft().is_dropped = True
            while calls.pop(now_ns) is not None:
                left.append(now_ns)
        for index, at_ns in enumerate(left):
            inside = sum(1 for other in left[: index + 1] if at_ns - other < window_ns)
            assert inside <= limit

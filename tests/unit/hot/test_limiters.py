"""SlidingWindow and TokenBucket against twins that remember everything."""

from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aegis_fast.hot import SlidingWindow, TokenBucket
from tests.oracle.bucket_twin import BucketTwin, WindowTwin

pytestmark = pytest.mark.native

SECOND = 1_000_000_000


def test_t1_window_grants_its_limit_and_frees_a_grant_exactly_one_window_later() -> None:
    window = SlidingWindow(2, 100)

    assert window.try_acquire(10)
    assert window.try_acquire(15)
    assert not window.try_acquire(109)
    assert window.wait_ns(109) == 1
    assert window.try_acquire(110)
    assert not window.try_acquire(114)
    assert window.try_acquire(115)


def test_t1_a_burst_at_the_edge_of_two_fixed_windows_is_not_admitted() -> None:
    window = SlidingWindow(30, SECOND)
    granted = [t for t in range(0, 3 * SECOND, 1_000_000) if window.try_acquire(t)]

    for t in granted:
        assert sum(1 for other in granted if t <= other < t + SECOND) <= 30


def test_t2_window_reaches_its_limit_at_saturation() -> None:
    window = SlidingWindow(30, SECOND)

    granted = sum(window.try_acquire(t) for t in range(0, 60 * SECOND, 1_000_000))

    assert granted == 30 * 60


def test_t4_clock_that_jumps_back_admits_nothing_more() -> None:
    window = SlidingWindow(3, SECOND)
    assert [window.try_acquire(3_600 * SECOND) for _ in range(3)] == [True] * 3

    assert not any(window.try_acquire(t * SECOND) for t in range(3_600))
    assert window.in_use(0) == 3
    assert window.wait_ns(0) == 3_601 * SECOND
    assert window.try_acquire(3_601 * SECOND)


def test_window_asked_about_the_future_forgets_nothing() -> None:
    window = SlidingWindow(1, 100)
    assert window.try_acquire(0)

    assert window.in_use(1_000) == 0
    assert window.wait_ns(1_000) == 0
    assert window.in_use(50) == 1
    assert not window.try_acquire(50)


@settings(max_examples=400)
@given(
    limit=st.integers(1, 5),
    window_ns=st.integers(1, 40),
    moves=st.lists(st.tuples(st.integers(-15, 30), st.sampled_from("aawu")), max_size=60),
)
def test_window_equals_the_twin(limit: int, window_ns: int, moves: list[tuple[int, str]]) -> None:
    window, twin, now_ns = SlidingWindow(limit, window_ns), WindowTwin(limit, window_ns), 100

    for step, question in moves:
        now_ns = max(0, now_ns + step)
        if question == "a":
            assert window.try_acquire(now_ns) == twin.try_acquire(now_ns)
        elif question == "w":
            assert window.wait_ns(now_ns) == twin.wait_ns(now_ns)
        else:
            assert window.in_use(now_ns) == twin.in_use(now_ns)


@settings(max_examples=400)
@given(
    rate_per_s=st.integers(1, 10**9),
    burst=st.integers(1, 40),
    moves=st.lists(
        st.tuples(st.integers(-(10**8), 3 * 10**8), st.integers(1, 40), st.booleans()), max_size=40
    ),
)
def test_bucket_equals_exact_fractions(
    rate_per_s: int, burst: int, moves: list[tuple[int, int, bool]]
) -> None:
    bucket, twin, now_ns = TokenBucket(rate_per_s, burst), BucketTwin(rate_per_s, burst), 0

    for step, n, is_question in moves:
        now_ns, n = max(0, now_ns + step), min(n, burst)
        if is_question:
            assert bucket.wait_ns(now_ns, n) == twin.wait_ns(now_ns, n)
        else:
            assert bucket.try_acquire(now_ns, n) == twin.try_acquire(now_ns, n)


# The ends of the range, standing still, one step around the edges of every window and rate below,
# and jumps there and back.
PATHOLOGICAL_NS = (
    *(0, 0, 0, 1, 1, 2, 2**62, 0, 2**62, 2**62 - 1, 2**62, 1),
    *(SECOND - 1, SECOND, SECOND + 1, 10**18 - 1, 10**18, 10**18 + 1, 2 * 10**18, 10**18),
    *(2**31 - 1, 2**31, 2**32, 2**53 + 1, 2**61, 2**62 - 10**18, 2**62 - 1, 2**62, 2**62),
)


@pytest.mark.parametrize("order", ["as they are", "backwards", "sorted", "each three times"])
@pytest.mark.parametrize("window_ns", [1, 2, SECOND, 10**18])
@pytest.mark.parametrize("limit", [1, 2, 7])
def test_window_equals_the_twin_at_pathological_times(
    limit: int, window_ns: int, order: str
) -> None:
    window, twin = SlidingWindow(limit, window_ns), WindowTwin(limit, window_ns)

    for now_ns in ordered(order):
        assert window.wait_ns(now_ns) == twin.wait_ns(now_ns)
        assert window.try_acquire(now_ns) == twin.try_acquire(now_ns)
        assert window.in_use(now_ns) == twin.in_use(now_ns)


@pytest.mark.parametrize("order", ["as they are", "backwards", "sorted", "each three times"])
@pytest.mark.parametrize("rate_per_s", [1, 3, 10**9])
@pytest.mark.parametrize("burst", [1, 7, 10**9])
def test_bucket_equals_exact_fractions_at_pathological_times(
    rate_per_s: int, burst: int, order: str
) -> None:
    bucket, twin = TokenBucket(rate_per_s, burst), BucketTwin(rate_per_s, burst)

    for now_ns in ordered(order):
        for n in (1, burst):
            assert bucket.wait_ns(now_ns, n) == twin.wait_ns(now_ns, n)
            assert bucket.try_acquire(now_ns, n) == twin.try_acquire(now_ns, n)


def ordered(order: str) -> list[int]:
    times = list(PATHOLOGICAL_NS)
    if order == "backwards":
        times.reverse()
    elif order == "sorted":
        times.sort()
    elif order == "each three times":
        times = [now_ns for now_ns in times for _ in range(3)]
    return times


def test_bucket_gathers_fractions_without_drift() -> None:
    bucket = TokenBucket(3, 2)
    assert bucket.try_acquire(0, 2)

    # A third of a second is no whole number of nanoseconds; what is left over is kept.
    asked = (333_333_333, 333_333_334, 666_666_666, 666_666_667, SECOND - 1, SECOND)

    assert [bucket.try_acquire(t) for t in asked] == [False, True, False, True, False, True]


def test_bucket_after_a_long_silence_is_full_and_no_fuller() -> None:
    bucket = TokenBucket(10**9, 5)
    assert bucket.try_acquire(0, 5)

    assert bucket.try_acquire(2**62, 5)
    assert not bucket.try_acquire(2**62)


def test_wait_is_the_first_moment_that_succeeds() -> None:
    bucket = TokenBucket(7, 2)
    assert bucket.try_acquire(0, 2)
    wait_ns = bucket.wait_ns(0, 2)

    assert not bucket.try_acquire(wait_ns - 1, 2)
    assert bucket.try_acquire(wait_ns, 2)


@pytest.mark.parametrize(
    ("limit", "window_ns"),
    [
        (0, 1),
        (-1, 1),
        (1_000_001, 1),
        (1, 0),
        (1, -5),
        (1, 10**18 + 1),
        (1.5, 1),
        ("3", 1),
        (True, 1),
    ],
)
def test_nonsense_window_is_refused(limit: Any, window_ns: Any) -> None:
    with pytest.raises(ValueError):
        SlidingWindow(limit, window_ns)


@pytest.mark.parametrize(("rate", "burst"), [(0, 1), (1, 0), (-1, 1), (1.5, 1), (10**9 + 1, 1)])
def test_nonsense_bucket_is_refused(rate: Any, burst: Any) -> None:
    with pytest.raises(ValueError):
        TokenBucket(rate, burst)


@pytest.mark.parametrize("now_ns", [-1, 2**62 + 1])
def test_nonsense_time_is_refused(now_ns: int) -> None:
    for ask in (SlidingWindow(1, 1).try_acquire, SlidingWindow(1, 1).wait_ns,
                SlidingWindow(1, 1).in_use, TokenBucket(1, 1).try_acquire,
                TokenBucket(1, 1).wait_ns):  # fmt: skip
        with pytest.raises(ValueError):
            ask(now_ns)


@pytest.mark.parametrize("n", [0, -1, 6])
def test_more_than_the_burst_is_refused(n: int) -> None:
    with pytest.raises(ValueError, match="n must be"):
        TokenBucket(1, 5).try_acquire(0, n)


@pytest.mark.parametrize("limiter", [SlidingWindow(3, 10**15), TokenBucket(1, 3)])
def test_now_is_the_monotonic_clock(limiter: SlidingWindow | TokenBucket) -> None:
    before_ns = time.monotonic_ns()

    granted = [limiter.try_acquire_now() for _ in range(4)]

    assert granted == [True, True, True, False]
    if isinstance(limiter, SlidingWindow):
        # A grant leaves the window when it is a window old, not earlier.
        assert limiter.wait_ns(before_ns) >= 10**15
        assert limiter.wait_ns(time.monotonic_ns()) <= 10**15

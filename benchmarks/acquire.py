"""Ask a limiter for one call."""

from __future__ import annotations

import time
from collections import deque
from itertools import islice

from aegis_fast.hot import SlidingWindow, TokenBucket
from benchmarks import floor, peers
from benchmarks.timing import Question, Row, each

COUNT = 2_048
SECOND = 1_000_000_000
TIMED = "SlidingWindow, with its clock"


class DequeWindow:
    """The usual Python way to an exact window: a deque of send times."""

    def __init__(self, limit: int, window_ns: int) -> None:
        self.limit, self.window_ns, self.sent = limit, window_ns, deque[int]()

    def try_acquire(self) -> bool:
        now_ns = time.monotonic_ns()
        while self.sent and now_ns - self.sent[0] >= self.window_ns:
            self.sent.popleft()
        if len(self.sent) >= self.limit:
            return False
        self.sent.append(now_ns)
        return True


def _run_timed(window: SlidingWindow) -> int:
    # An iterator of calls without an argument: its loop is in C, as the others' is.
    calls = islice(iter(window.try_acquire_now, None), COUNT)
    start = time.perf_counter_ns()
    deque(calls, maxlen=0)
    return time.perf_counter_ns() - start


def question() -> Question:
    moments = [time.monotonic_ns() + i for i in range(COUNT)]
    window, refusing = SlidingWindow(1_000_000, 1), SlidingWindow(1, SECOND * 10**6)
    timed, clocked = SlidingWindow(1_000_000, 1), SlidingWindow(1_000_000, 1)
    bucket = TokenBucket(10**9, 10**6)
    python = DequeWindow(10**6, 1)
    refusing.try_acquire(moments[0])

    def acquire_timed(_: int) -> bool:
        return timed.try_acquire(time.monotonic_ns())

    def acquire_python(_: int) -> bool:
        return python.try_acquire()

    asked = Question(
        "A limiter: one try_acquire",
        "call",
        [
            each("SlidingWindow, time given, granted", "ours", window.try_acquire, moments),
            each("SlidingWindow, time given, refused", "ours", refusing.try_acquire, moments),
            each("TokenBucket, time given", "ours", bucket.try_acquire, moments),
            Row(TIMED, "ours", lambda: _run_timed(clocked), COUNT),
            each("... with monotonic_ns, in a Python function", "ours", acquire_timed, moments),
            floor.clock_row(COUNT),
            each("Python deque, with monotonic_ns", "rival", acquire_python, moments),
        ],
    )
    asked.add(lambda: peers.aiolimiter(COUNT))
    asked.add(lambda: peers.limits(64))
    asked.add(lambda: peers.pyrate(64))
    return asked


def measured(asked: Question) -> dict[str, float]:
    """Return the goals' values of this question."""
    ratio = asked.ratio("aiolimiter, acquire", TIMED)
    return {} if ratio is None else {"limiter_vs_aiolimiter": ratio}

"""Rate limiters that remember every grant (window) or use exact fractions (bucket)."""

from __future__ import annotations

from fractions import Fraction


class WindowTwin:
    def __init__(self, limit: int, window_ns: int) -> None:
        self.limit = limit
        self.window_ns = window_ns
        self.granted: list[int] = []

    def _now(self, now_ns: int) -> int:
        return max([now_ns, *self.granted[-1:]])

    def in_use(self, now_ns: int) -> int:
        now_ns = self._now(now_ns)
        return sum(1 for t in self.granted if t <= now_ns < t + self.window_ns)

    def try_acquire(self, now_ns: int) -> bool:
        if self.in_use(now_ns) >= self.limit:
            return False
        self.granted.append(self._now(now_ns))
        return True

    def wait_ns(self, now_ns: int) -> int:
        """Try every moment at which a grant leaves the window."""
        moments = [now_ns, *(t + self.window_ns for t in self.granted)]
        return min(t - now_ns for t in moments if t >= now_ns and self.in_use(t) < self.limit)


class BucketTwin:
    def __init__(self, rate_per_s: int, burst: int) -> None:
        self.rate = Fraction(rate_per_s, 1_000_000_000)
        self.burst = burst
        self.level = Fraction(burst)
        self.last_ns = 0

    def _refill(self, now_ns: int) -> None:
        if now_ns > self.last_ns:
            self.level = min(Fraction(self.burst), self.level + (now_ns - self.last_ns) * self.rate)
            self.last_ns = now_ns

    def try_acquire(self, now_ns: int, n: int) -> bool:
        self._refill(now_ns)
        if self.level < n:
            return False
        self.level -= n
        return True

    def wait_ns(self, now_ns: int, n: int) -> int:
        self._refill(now_ns)
        missing = n - self.level
        if missing <= 0:
            return 0
        return (missing / self.rate).__ceil__() + self.last_ns - now_ns

"""Token bucket and exact sliding window, on caller-supplied nanoseconds; no float.

Only try_acquire_now reads a clock, for callers that have no time at hand and need no virtual one.

Neither is thread-safe beyond the GIL: one owner per limiter. A now_ns that goes backwards counts as
the latest one seen, so a clock step never admits more than the limit.
"""

cimport cython
from libc.stdint cimport int64_t
from libc.stdlib cimport free, malloc
from posix.time cimport CLOCK_MONOTONIC, clock_gettime, timespec

cdef int64_t NS_PER_S = 1_000_000_000
cdef int64_t MAX_RATE_PER_S = 1_000_000_000
cdef int64_t MAX_BURST = 1_000_000_000
cdef int64_t MAX_LIMIT = 1_000_000
cdef int64_t MAX_WINDOW_NS = 1_000_000_000_000_000_000
# The year 2116 as nanoseconds since 1970; sums with a window still fit 64 bits.
cdef int64_t MAX_NOW_NS = 1 << 62


cdef inline int64_t _whole(object value, str name, int64_t lowest, int64_t highest) except -1:
    if type(value) is not int:
        raise ValueError(f"{name} must be an int, not {value!r}")
    if not lowest <= value <= highest:
        raise ValueError(f"{name} must be in {lowest}..{highest}, not {value}")
    return value


cdef inline int64_t _monotonic_ns() noexcept nogil:
    cdef timespec now
    clock_gettime(CLOCK_MONOTONIC, &now)
    return <int64_t>now.tv_sec * 1_000_000_000 + now.tv_nsec


cdef inline int64_t _checked_now(int64_t now_ns) except -1:
    if not 0 <= now_ns <= MAX_NOW_NS:
        raise ValueError(f"now_ns must be in 0..{MAX_NOW_NS}, not {now_ns}")
    return now_ns


@cython.final
cdef class TokenBucket:
    """Grant up to `burst` tokens at once and `rate_per_s` a second after that.

    rate_per_s: 1 to 10**9. burst: 1 to 10**9 tokens; the bucket starts full. Fractions of a token
    are kept exactly. Raises ValueError on anything else.
    """

    def __init__(self, rate_per_s, burst):
        self.rate_per_s = _whole(rate_per_s, "rate_per_s", 1, MAX_RATE_PER_S)
        self.burst = _whole(burst, "burst", 1, MAX_BURST)
        self._capacity = self.burst * NS_PER_S
        self._level = self._capacity
        self._last_ns = 0

    cdef void _refill(self, int64_t now_ns) noexcept nogil:
        cdef int64_t elapsed_ns = now_ns - self._last_ns
        cdef int64_t missing = self._capacity - self._level
        if elapsed_ns <= 0:
            return
        self._last_ns = now_ns
        # Compared by division, since elapsed * rate could overflow after a long silence.
        if elapsed_ns > missing // self.rate_per_s:
            self._level = self._capacity
        else:
            self._level += elapsed_ns * self.rate_per_s

    cdef bint acquire(self, int64_t now_ns, int64_t n) noexcept nogil:
        self._refill(now_ns)
        if self._level < n * NS_PER_S:
            return False
        self._level -= n * NS_PER_S
        return True

    def try_acquire(self, int64_t now_ns, int64_t n=1):
        """Take n tokens if they are there; take none otherwise.

        now_ns: any non-decreasing clock, >= 0. n: 1 to burst; ValueError outside, since more than
        the burst could never be granted.
        """
        if not 1 <= n <= self.burst:
            raise ValueError(f"n must be in 1..{self.burst}, not {n}")
        return self.acquire(_checked_now(now_ns), n)

    def try_acquire_now(self):
        """try_acquire of one token at time.monotonic_ns(), read inside the call."""
        return self.acquire(_monotonic_ns(), 1)

    def wait_ns(self, int64_t now_ns, int64_t n=1):
        """Return how long after now_ns n tokens are there, rounded up to a nanosecond; 0 = now."""
        if not 1 <= n <= self.burst:
            raise ValueError(f"n must be in 1..{self.burst}, not {n}")
        self._refill(_checked_now(now_ns))
        cdef int64_t missing = n * NS_PER_S - self._level
        if missing <= 0:
            return 0
        return (missing + self.rate_per_s - 1) // self.rate_per_s + (self._last_ns - now_ns)

    def __repr__(self):
        return f"TokenBucket(rate_per_s={self.rate_per_s}, burst={self.burst})"


@cython.final
cdef class SlidingWindow:
    """Grant at most `limit` times in any half-open window of `window_ns`, exactly.

    A grant at t leaves the window at t + window_ns. limit: 1 to 10**6 (8 bytes each are kept).
    window_ns: 1 to 10**18. Raises ValueError on anything else.
    """

    def __cinit__(self, limit, window_ns):
        self.limit = _whole(limit, "limit", 1, MAX_LIMIT)
        self.window_ns = _whole(window_ns, "window_ns", 1, MAX_WINDOW_NS)
        self._granted_ns = <int64_t*>malloc(<size_t>self.limit * sizeof(int64_t))
        if self._granted_ns == NULL:
            raise MemoryError
        self._next = 0
        self._size = 0
        self._last_ns = 0

    def __dealloc__(self):
        free(self._granted_ns)

    cdef bint acquire(self, int64_t now_ns) noexcept nogil:
        # The slot to be overwritten holds the grant made `limit` grants ago.
        if now_ns < self._last_ns:
            now_ns = self._last_ns
        if self._size == self.limit:
            if now_ns - self._granted_ns[self._next] < self.window_ns:
                return False
        else:
            self._size += 1
        self._last_ns = now_ns
        self._granted_ns[self._next] = now_ns
        self._next += 1
        if self._next == self.limit:
            self._next = 0
        return True

    cdef int64_t wait(self, int64_t now_ns) noexcept nogil:
        cdef int64_t free_at_ns
        if self._size < self.limit:
            return 0
        free_at_ns = self._granted_ns[self._next] + self.window_ns
        if now_ns >= free_at_ns or self._last_ns >= free_at_ns:
            return 0
        return free_at_ns - now_ns

    cdef int64_t count(self, int64_t now_ns) noexcept nogil:
        # Grants are in time order from the oldest slot on, so a binary search finds the first
        # that is still inside.
        cdef int64_t oldest = self._next if self._size == self.limit else 0
        cdef int64_t low = 0
        cdef int64_t high = self._size
        cdef int64_t middle
        if now_ns < self._last_ns:
            now_ns = self._last_ns
        while low < high:
            middle = (low + high) // 2
            if now_ns - self._granted_ns[(oldest + middle) % self.limit] >= self.window_ns:
                low = middle + 1
            else:
                high = middle
        return self._size - low

    def try_acquire(self, int64_t now_ns):
        """Grant one call at now_ns (>= 0) and remember it, or answer False and remember nothing."""
        return self.acquire(_checked_now(now_ns))

    def try_acquire_now(self):
        """try_acquire at time.monotonic_ns(), read inside the call."""
        return self.acquire(_monotonic_ns())

    def wait_ns(self, int64_t now_ns):
        """Return how long after now_ns try_acquire can succeed; 0 = it would now."""
        return self.wait(_checked_now(now_ns))

    def in_use(self, int64_t now_ns):
        """Return how many grants lie inside the window that ends at now_ns; 0 to limit."""
        return self.count(_checked_now(now_ns))

    def __repr__(self):
        return f"SlidingWindow(limit={self.limit}, window_ns={self.window_ns})"

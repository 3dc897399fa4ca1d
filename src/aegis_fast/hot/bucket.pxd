"""Rate limiters on caller-supplied nanoseconds: a token bucket and an exact sliding window.

`acquire` and `wait` are the C doors; they trust now_ns >= 0 and 1 <= n <= burst.
"""

from libc.stdint cimport int64_t


cdef class TokenBucket:
    cdef readonly int64_t rate_per_s
    cdef readonly int64_t burst
    # Tokens are counted in billionths: elapsed nanoseconds * rate_per_s adds up exactly.
    cdef int64_t _level
    cdef int64_t _capacity
    cdef int64_t _last_ns

    cdef void _refill(self, int64_t now_ns) noexcept nogil
    cdef bint acquire(self, int64_t now_ns, int64_t n) noexcept nogil


cdef class SlidingWindow:
    cdef readonly int64_t limit
    cdef readonly int64_t window_ns
    cdef int64_t* _granted_ns
    cdef int64_t _next
    cdef int64_t _size
    cdef int64_t _last_ns

    cdef bint acquire(self, int64_t now_ns) noexcept nogil
    cdef int64_t wait(self, int64_t now_ns) noexcept nogil
    cdef int64_t count(self, int64_t now_ns) noexcept nogil

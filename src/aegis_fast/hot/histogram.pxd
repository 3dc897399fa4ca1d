"""A histogram of durations with fixed memory, for C."""

from libc.stdint cimport int64_t, uint64_t


cdef enum:
    # 64 buckets of one nanosecond, then 32 to each doubling up to 2**32 ns.
    HISTOGRAM_BUCKETS = 896


cdef class LatencyHistogram:
    cdef readonly int64_t count
    cdef readonly int64_t max_ns
    cdef uint64_t[HISTOGRAM_BUCKETS] _buckets

    # Below 0 counts as 0, above the last bucket as the last one.
    cpdef void record_ns(self, int64_t value_ns) noexcept nogil

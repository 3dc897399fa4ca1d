"""LatencyHistogram: count durations in log-linear buckets, in fixed memory and constant time."""

cimport cython
cimport numpy as cnp
from libc.stdint cimport int64_t, uint64_t
from libc.string cimport memcpy, memset

import numpy as np

cnp.import_array()

cdef extern from *:
    int _high_bit "63 - __builtin_clzll" (unsigned long long value) noexcept nogil


cdef inline int _bucket_of(uint64_t value) noexcept nogil:
    # Five bits after the highest one choose among the 32 buckets of a doubling.
    cdef int shift = _high_bit(value | 1) - 5
    if shift < 0:
        shift = 0
    return shift * 32 + <int>(value >> shift)


cdef inline int64_t _lower_bound_ns(int bucket) noexcept nogil:
    if bucket < 64:
        return bucket
    return <int64_t>(bucket % 32 + 32) << (bucket // 32 - 1)


cdef object _lower_bounds():
    bounds = np.array([_lower_bound_ns(i) for i in range(HISTOGRAM_BUCKETS)], dtype=np.int64)
    bounds.flags.writeable = False
    return bounds


cdef object _LOWER_BOUNDS_NS = _lower_bounds()


@cython.final
@cython.auto_pickle(False)
cdef class LatencyHistogram:
    """How often each duration was seen, in ns, to 1/32 of its value (3.1 %) or one nanosecond.

    7 KiB, whatever is recorded. A duration below 0 counts as 0, one from 2**32 ns (4.3 s) up falls
    into the last bucket; max_ns is exact. Not thread-safe.
    """

    cpdef void record_ns(self, int64_t value_ns) noexcept nogil:
        """Count one duration."""
        cdef int bucket
        if value_ns < 0:
            value_ns = 0
        if value_ns > self.max_ns:
            self.max_ns = value_ns
        bucket = _bucket_of(<uint64_t>value_ns)
        if bucket >= HISTOGRAM_BUCKETS:
            bucket = HISTOGRAM_BUCKETS - 1
        self._buckets[bucket] += 1
        self.count += 1

    @property
    def counts(self):
        """How many durations each bucket holds: a read-only int64 array, a copy."""
        counts = np.empty(HISTOGRAM_BUCKETS, dtype=np.int64)
        memcpy(cnp.PyArray_DATA(counts), self._buckets, sizeof(self._buckets))
        counts.flags.writeable = False
        return counts

    @property
    def lower_bounds_ns(self):
        """The smallest duration of each bucket: a read-only int64 array, the same for all."""
        return _LOWER_BOUNDS_NS

    def percentile_ns(self, int64_t ppm):
        """Return the duration that `ppm` millionths of all did not exceed; 0 without any.

        It is the upper end of its bucket, so it is at most 3.1 % too high and never too low.
        Raises ValueError unless 0 < ppm <= 1_000_000.
        """
        cdef int64_t rank
        cdef int64_t seen = 0
        cdef int bucket
        if not 0 < ppm <= 1_000_000:
            raise ValueError(f"ppm must be in 1..1000000, not {ppm}")
        # In two parts: count * ppm need not fit 64 bits. Rounded up.
        rank = (
            self.count // 1_000_000 * ppm + (self.count % 1_000_000 * ppm + 999_999) // 1_000_000
        )
        if rank == 0:
            return 0
        for bucket in range(HISTOGRAM_BUCKETS - 1):
            seen += <int64_t>self._buckets[bucket]
            if seen >= rank:
                return min(_lower_bound_ns(bucket + 1) - 1, self.max_ns)
        return self.max_ns

    def summary(self):
        """Return count, p50_ns, p99_ns, p999_ns and max_ns."""
        return {
            "count": self.count,
            "p50_ns": self.percentile_ns(500_000),
            "p99_ns": self.percentile_ns(990_000),
            "p999_ns": self.percentile_ns(999_000),
            "max_ns": self.max_ns,
        }

    def clear(self):
        """Forget everything."""
        memset(self._buckets, 0, sizeof(self._buckets))
        self.count = self.max_ns = 0

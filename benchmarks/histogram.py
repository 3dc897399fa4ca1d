"""Percentiles of histograms that keep every sample: the buckets of native/ages.h."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

FINE = 128  # Buckets for each power of two: under 0.8 % wide.
Histogram = Mapping[int, int]


def bucket_of(age_ns: int) -> int:
    """Return the bucket that an age falls into."""
    if age_ns < 2 * FINE:
        return max(0, age_ns)
    shift = age_ns.bit_length() - 8
    return shift * FINE + (age_ns >> shift)


def floor_ns(bucket: int) -> int:
    """Return the smallest age of a bucket."""
    if bucket < 2 * FINE:
        return bucket
    shift = bucket // FINE - 1
    return (bucket - shift * FINE) << shift


def middle_ns(bucket: int) -> float:
    """Return the middle of a bucket."""
    return (floor_ns(bucket) + floor_ns(bucket + 1) - 1) / 2


def of_samples(ages_ns: Iterable[int]) -> dict[int, int]:
    """Return the histogram of some ages."""
    counts: dict[int, int] = {}
    for age_ns in ages_ns:
        bucket = bucket_of(age_ns)
        counts[bucket] = counts.get(bucket, 0) + 1
    return counts


def merged(histograms: Iterable[Histogram]) -> dict[int, int]:
    """Return the sum of histograms."""
    total: dict[int, int] = {}
    for histogram in histograms:
        for bucket, count in histogram.items():
            total[bucket] = total.get(bucket, 0) + count
    return total


def percentile_ns(histogram: Histogram, percent: float) -> float:
    """Return the age that `percent` of the samples do not exceed (nearest rank, bucket's middle).

    Raises ValueError when there is no sample.
    """
    count = sum(histogram.values())
    if not count:
        raise ValueError("no samples")
    left = max(1, -(-count * percent // 100))
    for bucket in sorted(histogram):
        left -= histogram[bucket]
        if left <= 0:
            return middle_ns(bucket)
    return middle_ns(max(histogram))


def curve_us(histogram: Histogram) -> tuple[list[float], list[float]]:
    """Return (percentiles, ages in µs) of every bucket, for a percentile plot."""
    count, passed = sum(histogram.values()), 0
    percents, ages_us = [], []
    for bucket in sorted(histogram):
        passed += histogram[bucket]
        percents.append(100 * passed / count)
        ages_us.append(middle_ns(bucket) / 1_000)
    return percents, ages_us

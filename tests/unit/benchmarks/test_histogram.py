"""Percentiles come from buckets that keep every sample, the same in C and in Python."""

from __future__ import annotations

import time
from random import Random

import pytest

from benchmarks import histogram, native

EDGES = (0, 1, 127, 128, 255, 256, 257, 511, 512, 999, 12_345, 10**6, 10**9 + 7)


@pytest.mark.parametrize("age_ns", EDGES)
def test_bucket_holds_its_age_within_a_hundredth(age_ns):
    bucket = histogram.bucket_of(age_ns)

    low, high = histogram.floor_ns(bucket), histogram.floor_ns(bucket + 1)
    assert low <= age_ns < high
    assert high - low <= max(1, age_ns / 100)


def test_negative_age_counts_as_none():
    assert histogram.bucket_of(-5) == 0


def test_percentile_is_the_nearest_rank():
    rng = Random(7)
    ages = [int(10 ** rng.uniform(2, 8)) for _ in range(5_000)]
    counts = histogram.of_samples(ages)
    ages.sort()

    for percent in (0.1, 50, 99, 99.9, 100):
        exact = ages[max(1, -(-len(ages) * percent // 100).__int__()) - 1]
        assert histogram.percentile_ns(counts, percent) == pytest.approx(exact, rel=0.01)


def test_merged_histograms_have_all_samples():
    one, other = histogram.of_samples([10, 10, 500]), histogram.of_samples([10, 90])

    assert histogram.merged([one, other]) == histogram.of_samples([10, 10, 500, 10, 90])


def test_no_sample_has_no_percentile():
    with pytest.raises(ValueError, match="no samples"):
        histogram.percentile_ns({}, 50)


def test_curve_ends_at_all_samples():
    percents, ages_us = histogram.curve_us(histogram.of_samples([1_000, 2_000, 2_000, 9_000]))

    assert percents == [25, 75, 100]
    assert ages_us == pytest.approx([1, 2, 9], rel=0.01)


@pytest.mark.native
def test_c_and_python_agree_on_the_buckets():
    probe = native.probe()

    for age_ns in (*EDGES, -5):
        assert probe.bucket_of(age_ns) == histogram.bucket_of(age_ns)
        assert probe.floor_of(probe.bucket_of(age_ns)) == histogram.floor_ns(
            histogram.bucket_of(age_ns)
        )


@pytest.mark.native
def test_message_counts_in_its_phase_and_zeros_have_no_age():
    probe, now_ns = native.probe().Probe(), time.time_ns()
    probe.plan([(now_ns, now_ns + 60 * 10**9)])

    probe.note(b"0|H0STCNT0|001|%019d" % (now_ns - 5_000_000))
    probe.note("0|H0STCNT0|001|" + "0" * 19)
    probe.note(b'{"header": {"tr_id": "PINGPONG", "more": 1}}')

    assert probe.messages() == [2, 0, 0]
    assert sum(probe.ages(0).values()) == 1
    assert histogram.percentile_ns(probe.ages(0), 50) >= 5_000_000 * 0.99

"""LatencyHistogram against plain NumPy: every value in its bucket, every percentile in bounds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aegis_fast.hot import LatencyHistogram

pytestmark = pytest.mark.native

LIMIT_NS = 1 << 32
DURATIONS = st.one_of(
    st.integers(0, 200), st.integers(0, 100_000), st.integers(0, 2**40), st.integers(-5, 2**63 - 1)
)


def filled(values: list[int]) -> LatencyHistogram:
    histogram = LatencyHistogram()
    for value in values:
        histogram.record_ns(value)
    return histogram


@given(st.lists(DURATIONS, max_size=200))
def test_counts_equal_numpys(values: list[int]) -> None:
    histogram = filled(values)

    clipped = np.clip(np.array(values, dtype=np.int64), 0, LIMIT_NS - 1)
    edges = [*histogram.lower_bounds_ns, LIMIT_NS]
    expected, _ = np.histogram(clipped, bins=edges)
    assert histogram.counts.tolist() == expected.tolist()
    assert histogram.count == len(values)
    assert histogram.max_ns == max([0, *values])


@given(st.lists(st.integers(0, LIMIT_NS - 1), min_size=1, max_size=200), st.integers(1, 1_000_000))
def test_percentile_is_never_too_low_and_at_most_a_32nd_too_high(
    values: list[int], ppm: int
) -> None:
    found = filled(values).percentile_ns(ppm)

    exact = sorted(values)[-(-len(values) * ppm // 1_000_000) - 1]
    assert exact <= found <= exact + exact // 32


def test_buckets_are_at_most_a_32nd_wide_and_leave_no_gap() -> None:
    bounds = LatencyHistogram().lower_bounds_ns

    widths = np.diff(bounds)
    assert bounds[0] == 0
    assert (widths[:64] == 1).all()
    assert (widths[63:] * 32 <= bounds[63:-1] + 32).all()
    for bucket in (0, 1, 63, 64, 65, 500, len(bounds) - 1):
        assert filled([int(bounds[bucket])]).counts[bucket] == 1


def test_summary_of_a_thousand_values() -> None:
    summary = filled(list(range(1, 1_001))).summary()

    assert summary["count"] == 1_000
    assert summary["max_ns"] == 1_000
    assert 500 <= summary["p50_ns"] < 516
    assert 990 <= summary["p99_ns"] <= 1_000
    assert summary["p999_ns"] == 1_000


def test_empty_histogram_answers_zero_and_a_cleared_one_too() -> None:
    cleared = filled([5, 10**12])
    cleared.clear()

    for histogram in (LatencyHistogram(), cleared):
        assert set(histogram.summary().values()) == {0}
        assert histogram.counts.sum() == 0


def test_arrays_are_read_only() -> None:
    histogram = LatencyHistogram()

    for array in (histogram.counts, histogram.lower_bounds_ns):
        with pytest.raises(ValueError):
            array[0] = 1


@pytest.mark.parametrize("ppm", [0, -1, 1_000_001])
def test_percentile_out_of_range_is_refused(ppm: int) -> None:
    with pytest.raises(ValueError):
        LatencyHistogram().percentile_ns(ppm)

"""Tick sizes, order prices and limits: the specification's examples and the whole price range."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aegis_fast.hot import (
    Side,
    calculate_order_price,
    offset_price,
    price_limits,
    round_to_tick,
    tick_size,
)
from tests.oracle import price_twin

pytestmark = pytest.mark.native

INSTRUMENTS = ("stock", "etf", "etn", "elw")
BOUNDARIES = (2_000, 5_000, 20_000, 50_000, 200_000, 500_000)


def test_s80_kospi_offset_is_two_percent() -> None:
    assert calculate_order_price("KOSPI", "buy", 100_000) == 98_000
    assert calculate_order_price("KOSPI", "sell", 100_000) == 102_000


def test_s81_kosdaq_offset_is_three_percent() -> None:
    assert calculate_order_price("KOSDAQ", "buy", 100_000) == 97_000
    assert calculate_order_price("KOSDAQ", "sell", 100_000) == 103_000


def test_s82_elw_offset_is_one_percent() -> None:
    assert calculate_order_price("ELW", "buy", 100_000) == 99_000
    assert calculate_order_price("ELW", "sell", 100_000) == 101_000


@pytest.mark.parametrize(
    ("market", "side", "named"),
    [("NASDAQ", "buy", "KOSDAQ"), ("kospi", "buy", "KOSPI"), ("KOSPI", "short", "sell")],
)
def test_s83_unknown_market_or_side_is_a_key_error_that_names_what_exists(
    market: str, side: str, named: str
) -> None:
    with pytest.raises(KeyError, match=named):
        calculate_order_price(market, side, 100_000)


def test_s83_sides_may_be_given_as_members() -> None:
    assert calculate_order_price("KOSPI", Side.BUY, 100_000) == 98_000
    assert calculate_order_price("KOSPI", Side.SELL, 100_000) == 102_000
    with pytest.raises(KeyError):
        calculate_order_price("KOSPI", Side.NONE, 100_000)


def test_s83_product_that_is_no_whole_won_rounds_to_the_less_aggressive_side() -> None:
    # 23,205 * 0.98 = 22,740.9 and * 1.02 = 23,669.1
    assert calculate_order_price("KOSPI", "buy", 23_205) == 22_740
    assert calculate_order_price("KOSPI", "sell", 23_205) == 23_670


@pytest.mark.parametrize(("market", "percent"), [("KOSPI", 2), ("KOSDAQ", 3), ("ELW", 1)])
def test_s83_equals_exact_fractions(market: str, percent: int) -> None:
    for base in (*range(1, 3_000), 23_205, 999_999, 10**12):
        for side in ("buy", "sell"):
            assert calculate_order_price(market, side, base) == price_twin.order_price(
                percent, side, base
            )


def test_o2_offset_price_snaps_down_for_a_buy_and_up_for_a_sell() -> None:
    assert offset_price(23_205, -200, "buy") == 22_700
    assert offset_price(23_205, 200, "sell") == 23_700


@pytest.mark.parametrize("instrument", INSTRUMENTS)
def test_o2_every_price_to_two_million_equals_the_twin(instrument: str) -> None:
    prices = np.arange(1, 2_000_001, dtype=np.int64)
    # The table itself as one vector expression; the twin's functions check it at the boundaries.
    bands, top = {"stock": (price_twin.STOCK, 1_000), "elw": ((), 5)}.get(
        instrument, (price_twin.ETF, 5)
    )
    steps = np.full_like(prices, top)
    for below, size in reversed(bands):
        steps[prices < below] = size

    assert np.array_equal(tick_size(prices, instrument), steps)
    assert np.array_equal(round_to_tick(prices, "buy", instrument), prices - prices % steps)
    assert np.array_equal(round_to_tick(prices, "sell", instrument), prices + (-prices) % steps)
    # Rounding up must land on the grid of the band it lands in.
    risen = round_to_tick(prices, "sell", instrument)
    assert not (risen % tick_size(risen, instrument)).any()


@pytest.mark.parametrize("instrument", INSTRUMENTS)
def test_o2_one_price_at_a_time_equals_the_twin_at_every_boundary(instrument: str) -> None:
    near = [edge + step for edge in BOUNDARIES for step in (-1_001, -501, -1, 0, 1, 501)]
    for price in (*range(1, 2_200), *near, *range(1, 2_000_000, 997), 2_000_000):
        assert tick_size(price, instrument) == price_twin.tick_size(price, instrument)
        for side in ("buy", "sell"):
            assert round_to_tick(price, side, instrument) == price_twin.round_to_tick(
                price, side, instrument
            )


@given(
    base=st.integers(1, 2_000_000),
    offset_bp=st.integers(-3_000, 3_000),
    side=st.sampled_from(["buy", "sell"]),
    instrument=st.sampled_from(INSTRUMENTS),
)
def test_o2_offset_price_is_on_the_grid_and_never_more_aggressive(
    base: int, offset_bp: int, side: str, instrument: str
) -> None:
    expected = price_twin.offset_price(base, offset_bp, side, instrument)
    if expected == 0:
        with pytest.raises(ValueError, match="above zero"):
            offset_price(base, offset_bp, side, instrument)
        return

    price = offset_price(base, offset_bp, side, instrument)

    assert price == expected
    assert price_twin.is_on_grid(price, instrument)
    exact_x10k = base * (10_000 + offset_bp)
    assert price * 10_000 <= exact_x10k if side == "buy" else price * 10_000 >= exact_x10k


@given(
    base=st.integers(1_000, 1_000_000),
    offset_bp=st.integers(-9_000, 9_000),
    side=st.sampled_from(["buy", "sell"]),
    instrument=st.sampled_from(["stock", "etf"]),
)
def test_o2_clamped_price_stays_within_the_limits_and_on_the_grid(
    base: int, offset_bp: int, side: str, instrument: str
) -> None:
    lower, upper = price_limits(base, instrument)

    price = offset_price(base, offset_bp, side, instrument, lower, upper)

    assert lower <= price <= upper
    assert price_twin.is_on_grid(price, instrument)


def test_limits_off_the_grid_are_moved_inwards() -> None:
    assert offset_price(30_000, -3_000, "buy", lower_krw=25_001) == 25_050
    assert offset_price(30_000, 3_000, "sell", upper_krw=34_999) == 34_950
    with pytest.raises(ValueError, match="between the limits"):
        offset_price(30_000, 0, "buy", lower_krw=25_001, upper_krw=25_049)


@pytest.mark.parametrize(
    ("base", "lower", "upper", "instrument"),
    [
        (272_000, 190_500, 353_500, "stock"),
        (66_000, 46_200, 85_800, "stock"),
        (71_000, 49_700, 92_300, "stock"),
        (35_980, 25_190, 46_770, "etf"),
        (6_170, 4_320, 8_020, "stock"),
    ],
)
def test_price_limits_equal_the_brokers_answers(
    base: int, lower: int, upper: int, instrument: str
) -> None:
    assert price_limits(base, instrument) == (lower, upper)


@given(base=st.integers(1, 2_000_000), percent=st.sampled_from([15, 30, 60]))
def test_price_limits_equal_the_twin_and_are_on_the_grid(base: int, percent: int) -> None:
    limits = price_limits(base, "stock", percent)

    assert limits == price_twin.price_limits(base, percent, "stock")
    assert all(price_twin.is_on_grid(price, "stock") for price in limits)


def test_elw_has_no_limits() -> None:
    assert price_limits(500, "elw") == (0, 0)
    assert offset_price(500, 20_000, "sell", "elw", *price_limits(500, "elw")) == 1_500


@pytest.mark.parametrize("base", [0, -1, 10**12 + 1])
def test_base_out_of_range_is_refused(base: int) -> None:
    with pytest.raises(ValueError):
        calculate_order_price("KOSPI", "buy", base)
    with pytest.raises(ValueError):
        offset_price(base, 0, "buy")
    with pytest.raises(ValueError):
        price_limits(base)


@pytest.mark.parametrize("price", [1.0, 70_000.5, "70000", None, True, 10**30])
def test_a_price_that_is_no_whole_won_is_refused(price: Any) -> None:
    with pytest.raises((TypeError, ValueError)):
        tick_size(price)
    with pytest.raises((TypeError, ValueError)):
        round_to_tick(price, "buy")
    with pytest.raises((TypeError, ValueError)):
        calculate_order_price("KOSPI", "buy", price)


@pytest.mark.parametrize("offset_bp", [-10_000, 1_000_001, 1.5, True])
def test_offset_out_of_range_is_refused(offset_bp: Any) -> None:
    with pytest.raises(ValueError, match="offset_bp"):
        offset_price(70_000, offset_bp, "buy")


def test_unknown_names_are_refused() -> None:
    with pytest.raises(KeyError, match="etn"):
        tick_size(1_000, "bond")
    with pytest.raises(KeyError, match="'buy'"):
        round_to_tick(1_000, "hold")
    with pytest.raises(KeyError):
        round_to_tick(1_000, Side.NONE)


def test_arrays_keep_their_shape_and_refuse_floats_and_negatives() -> None:
    grid = np.array([[1_999, 2_001], [20_049, 500_001]], dtype=np.int32)

    assert round_to_tick(grid, Side.SELL).tolist() == [[1_999, 2_005], [20_050, 501_000]]
    assert round_to_tick(grid, Side.SELL).dtype == np.int64
    assert tick_size(np.array([], dtype=np.int64)).size == 0
    with pytest.raises(TypeError):
        round_to_tick(grid.astype(float), "buy")
    with pytest.raises(ValueError):
        round_to_tick(-grid, "buy")
    with pytest.raises(ValueError):
        tick_size(np.array([2**63], dtype=np.uint64))


def test_numpy_scalars_are_whole_won() -> None:
    assert tick_size(np.int64(70_000)) == 100
    assert type(tick_size(np.int64(70_000))) is int

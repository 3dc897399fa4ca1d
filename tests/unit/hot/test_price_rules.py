"""Tick sizes, order prices and limits: the specification's examples and the whole price range."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import date
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
from aegis_fast.hot.price import available_isas, choose_isa
from aegis_fast.sim.market.rules import issues, listed_on
from aegis_fast.sim.market.rules import tick_size as simulated_tick_size
from tests.oracle import price_twin

pytestmark = pytest.mark.native

INSTRUMENTS = ("stock", "etf", "etn", "elw")
BOUNDARIES = (2_000, 5_000, 20_000, 50_000, 200_000, 500_000)
# Every table once: instrument, business date (0 = the newest), market.
TABLES = (
    ("stock", 0, ""),
    ("stock", 2023_01_24, "KOSPI"),
    ("stock", 2023_01_24, "KOSDAQ"),
    ("stock", 2023_01_24, "KONEX"),
    ("etf", 0, ""),
    ("etn", 2023_12_15, ""),
    ("elw", 0, ""),
)


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


@pytest.fixture(params=available_isas())
def isa(request: pytest.FixtureRequest) -> Iterator[str]:
    choose_isa(request.param)
    yield request.param
    choose_isa(available_isas()[-1])


def check_array(prices: np.ndarray, instrument: str, on: int, market: str) -> None:
    # The table itself as one vector expression; the twin's functions check it at the edges.
    bands, top = price_twin.table(instrument, on, market)
    steps = np.full_like(prices, top)
    for below, size in reversed(bands):
        steps[prices < below] = size
    of_day = {"instrument": instrument, "on": on, "market": market}

    assert np.array_equal(tick_size(prices, **of_day), steps)
    assert np.array_equal(round_to_tick(prices, "buy", **of_day), prices - prices % steps)
    risen = round_to_tick(prices, "sell", **of_day)
    assert np.array_equal(risen, prices + (-prices) % steps)
    # Rounding up must land on the grid of the band it lands in.
    assert not (risen % tick_size(risen, **of_day)).any()


@pytest.mark.parametrize(("instrument", "on", "market"), TABLES)
def test_o2_every_price_to_two_million_equals_the_twin(
    isa: str, instrument: str, on: int, market: str
) -> None:
    check_array(np.arange(2_000_001, dtype=np.int64), instrument, on, market)


@pytest.mark.parametrize(("instrument", "on", "market"), TABLES)
def test_arrays_of_every_length_and_of_huge_prices_equal_the_twin(
    isa: str, instrument: str, on: int, market: str
) -> None:
    rng = np.random.default_rng(7)
    ranges = ((1, 2_000_000), (2**31 - 3_000, 2**31), (2**31 - 9, 2**31 + 9), (1, 10**12))
    for size, (low, high) in itertools.product(range(1, 20), ranges):
        check_array(rng.integers(low, high, size), instrument, on, market)


@pytest.mark.parametrize(("instrument", "on", "market"), TABLES)
def test_o2_one_price_at_a_time_equals_the_twin_at_every_edge(
    instrument: str, on: int, market: str
) -> None:
    edges = [below for below, _ in price_twin.table(instrument, on, market)[0]]
    near = [price for edge in edges for price in range(max(1, edge - 1_100), edge + 1_100)]
    of_day = {"instrument": instrument, "on": on, "market": market}
    far = (*range(1, 2_000_000, 9_973), 2_000_000, 2**31, 2**32 + 1, 10**12 - 1, 10**12)
    for price in (*near, *range(1, 60), *far):
        step = price_twin.tick_size(price, **of_day)
        assert tick_size(price, **of_day) == step
        # What the twin finds by walking, in one step; it walks at the edges.
        assert round_to_tick(price, "buy", **of_day) == price - price % step
        assert round_to_tick(price, "sell", **of_day) == price + -price % step
    for edge in edges:
        for price in range(edge - 20, edge + 20):
            for side in ("buy", "sell"):
                expected = price_twin.round_to_tick(price, side, **of_day)
                assert round_to_tick(price, side, **of_day) == expected


@given(
    price=st.integers(1, 10**12),
    table=st.sampled_from(TABLES),
    side=st.sampled_from(["buy", "sell"]),
)
def test_any_price_of_any_table_equals_the_twin(
    price: int, table: tuple[str, int, str], side: str
) -> None:
    instrument, on, market = table
    expected = price_twin.round_to_tick(price, side, instrument, on, market)

    assert round_to_tick(price, side, instrument, on=on, market=market) == expected
    alone = round_to_tick(np.array([price]), side, instrument, on=on, market=market)
    assert alone.tolist() == [expected]


@pytest.mark.parametrize(
    ("instrument", "market", "before", "after", "price", "tick_before", "tick_after"),
    [
        ("stock", "KOSPI", 2023_01_24, 2023_01_25, 1_500, 5, 1),
        ("stock", "KOSPI", 2023_01_24, 2023_01_25, 100_000, 500, 100),
        ("stock", "KOSDAQ", 2023_01_24, 2023_01_25, 15_000, 50, 10),
        ("stock", "KOSDAQ", 2023_01_24, 2023_01_25, 300_000, 100, 500),
        ("stock", "KONEX", 2023_01_24, 2023_01_25, 300_000, 100, 500),
        ("etf", "", 2023_12_15, 2023_12_18, 1_500, 5, 1),
        ("etn", "KOSPI", 2023_12_15, 2023_12_18, 1_500, 5, 1),
        ("elw", "ELW", 2015_01_02, 2026_11_27, 1_500, 5, 5),
    ],
)
def test_the_table_is_that_of_the_day(
    instrument: str,
    market: str,
    before: int,
    after: int,
    price: int,
    tick_before: int,
    tick_after: int,
) -> None:
    assert tick_size(price, instrument, on=before, market=market) == tick_before
    assert tick_size(price, instrument, on=after, market=market) == tick_after
    assert tick_size(price, instrument, market=market) == tick_after
    assert offset_price(price + 1, 0, "buy", instrument, on=before, market=market) == price


def test_a_date_when_the_markets_differed_needs_the_market() -> None:
    assert tick_size(1_500, on=2023_01_25) == 1
    with pytest.raises(ValueError, match="give market='KONEX' or 'KOSDAQ' or 'KOSPI'"):
        tick_size(1_500, on=2023_01_24)
    with pytest.raises(ValueError, match="give market="):
        round_to_tick(1_500, "buy", on=2023_01_24, market="ELW")
    with pytest.raises(KeyError, match="KONEX"):
        tick_size(1_500, market="NASDAQ")


@pytest.mark.parametrize("on", [-1, 1, 20231301, 20231200, 20230132, 2023_01_25 * 100])
def test_a_false_date_is_refused(on: int) -> None:
    with pytest.raises(ValueError, match="YYYYMMDD"):
        tick_size(1_500, on=on)


def test_the_engines_tables_and_the_simulators_agree() -> None:
    """They are written apart on purpose; in December 2023 the engine waits for the last source."""
    days = (date(2022, 6, 1), date(2023, 1, 24), date(2023, 1, 25), date(2023, 12, 18))
    asked = itertools.product(issues(), days, (*range(1, 999_999, 4_999), *BOUNDARIES))
    for issue, day, price in asked:
        ours = tick_size(price, issue.kind, on=int(day.strftime("%Y%m%d")), market=issue.market)
        assert ours == simulated_tick_size(price, listed_on(issue, day).grid), (issue, day)


@given(
    base=st.integers(1, 2_000_000),
    offset_bp=st.integers(-3_000, 3_000),
    side=st.sampled_from(["buy", "sell"]),
    table=st.sampled_from(TABLES),
)
def test_o2_offset_price_is_on_the_grid_and_never_more_aggressive(
    base: int, offset_bp: int, side: str, table: tuple[str, int, str]
) -> None:
    instrument, on, market = table
    expected = price_twin.offset_price(base, offset_bp, side, instrument, on, market)
    if expected == 0:
        with pytest.raises(ValueError, match="above zero"):
            offset_price(base, offset_bp, side, instrument, on=on, market=market)
        return

    price = offset_price(base, offset_bp, side, instrument, on=on, market=market)

    assert price == expected
    assert price_twin.is_on_grid(price, instrument, on, market)
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


@given(
    base=st.integers(1, 2_000_000),
    percent=st.sampled_from([15, 30, 60]),
    table=st.sampled_from(TABLES[:-1]),
)
def test_price_limits_equal_the_twin_and_are_on_the_grid(
    base: int, percent: int, table: tuple[str, int, str]
) -> None:
    instrument, on, market = table

    limits = price_limits(base, instrument, percent, on=on, market=market)

    assert limits == price_twin.price_limits(base, percent, instrument, on, market)
    assert all(price_twin.is_on_grid(price, instrument, on, market) for price in limits)


def test_price_limits_are_those_of_market_and_day() -> None:
    assert price_limits(10_000) == (7_000, 13_000)
    assert price_limits(10_000, market="KONEX") == (8_500, 11_500)
    assert price_limits(10_000, "etf", 60) == (4_000, 16_000)
    # A portal sample of the time of the old table.
    assert price_limits(128_500, on=2022_06_01, market="KOSPI") == (90_000, 167_000)
    with pytest.raises(ValueError, match="percent"):
        price_limits(10_000, on=2015_06_12, market="KOSPI")
    assert price_limits(10_000, percent=15, on=2015_06_12, market="KOSPI") == (8_500, 11_500)


def test_arrays_of_bases_give_what_each_base_gives() -> None:
    bases = np.array([[1_999, 23_205, 71_900], [128_500, 499_999, 10**11]], dtype=np.int64)
    lower, upper = price_limits(bases)
    below = offset_price(bases, -200, "buy")
    far = offset_price(bases, 5_000, Side.SELL, "stock", lower, upper)

    for place, base in np.ndenumerate(bases):
        assert (lower[place], upper[place]) == price_limits(int(base))
        assert below[place] == offset_price(int(base), -200, "buy")
        assert far[place] == upper[place]
        assert calculate_order_price("KOSDAQ", "sell", bases)[place] == calculate_order_price(
            "KOSDAQ", "sell", int(base)
        )
    assert below.shape == lower.shape == bases.shape
    assert price_limits(bases, "elw")[1].tolist() == [[0, 0, 0], [0, 0, 0]]
    assert offset_price(bases, 0, "buy", upper_krw=70_000).max() == 70_000


def test_an_array_with_one_base_that_has_no_price_is_refused() -> None:
    with pytest.raises(ValueError, match="above zero at -9000 bp from 3 won"):
        offset_price(np.array([70_000, 3]), -9_000, "buy")
    with pytest.raises(ValueError, match="between the limits 25001 and 25049"):
        offset_price(np.array([30_000]), 0, "buy", "stock", 25_001, np.array([25_049]))
    with pytest.raises(ValueError, match="shape"):
        offset_price(np.array([30_000]), 0, "buy", lower_krw=np.array([1, 2]))
    for wrong in (np.array([0]), np.array([10**12 + 1]), np.array([2**64 - 1], dtype=np.uint64)):
        with pytest.raises(ValueError):
            offset_price(wrong, 0, "buy")
        with pytest.raises(ValueError):
            price_limits(wrong)
        with pytest.raises(ValueError):
            calculate_order_price("KOSPI", "buy", wrong)
    with pytest.raises(TypeError):
        offset_price(np.array([70_000.0]), 0, "buy")
    with pytest.raises(TypeError):
        price_limits(np.array([True]))


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

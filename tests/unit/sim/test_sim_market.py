"""Tick sizes, price limits, fees: against the worked examples of the KRX rules."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from aegis_fast.sim.market.rules import (
    commission_krw,
    is_on_grid,
    issues,
    listed_on,
    order_unit,
    price_limits,
    round_down,
    round_up,
    sell_tax_krw,
    step,
    tick_size,
)

KINDS = st.sampled_from(["stock", "etf", "elw"])


@pytest.mark.parametrize(
    ("price", "kind", "tick"),
    [
        (1_999, "stock", 1),
        (2_000, "stock", 5),
        (4_995, "stock", 5),
        (5_000, "stock", 10),
        (20_000, "stock", 50),
        (50_000, "stock", 100),
        (199_900, "stock", 100),
        (200_000, "stock", 500),
        (500_000, "stock", 1_000),
        (1_999, "etf", 1),
        (118_450, "etf", 5),
        (265, "elw", 5),
    ],
)
def test_tick_size_follows_the_bands(price: int, kind: str, tick: int) -> None:
    assert tick_size(price, kind) == tick


@pytest.mark.parametrize(
    ("base", "kind", "lower", "upper"),
    [
        (272_000, "stock", 190_500, 353_500),
        (66_000, "stock", 46_200, 85_800),
        (71_000, "stock", 49_700, 92_300),
        (6_170, "stock", 4_320, 8_020),
        (35_980, "etf", 25_190, 46_770),
    ],
)
def test_price_limits_equal_the_published_ones(
    base: int, kind: str, lower: int, upper: int
) -> None:
    limits = price_limits(base, kind)

    assert (limits.lower_krw, limits.upper_krw, limits.has_limit) == (lower, upper, True)


def test_elw_has_no_limit_and_trades_in_tens() -> None:
    assert not price_limits(265, "elw").has_limit
    assert (order_unit("elw"), order_unit("stock")) == (10, 1)


def test_stepping_over_a_band_uses_the_right_tick() -> None:
    assert step(1_999, 2, "stock") == 2_005
    assert step(2_005, -2, "stock") == 1_999
    assert step(5, -3, "elw") == 5


@given(KINDS, st.integers(1, 3_000_000))
def test_rounding_lands_on_the_grid_next_to_the_price(kind: str, price: int) -> None:
    up = round_up(price, kind)

    assert up >= price
    assert is_on_grid(up, kind)
    down = round_down(price, kind)
    if down:
        assert down <= price
        assert is_on_grid(down, kind)
        assert up in (down, step(down, 1, kind))


@given(KINDS, st.integers(20, 2_000_000))
def test_limits_are_legal_prices_around_the_base(kind: str, price: int) -> None:
    base = round_up(price, kind)

    limits = price_limits(base, kind)

    assert is_on_grid(limits.lower_krw, kind)
    assert is_on_grid(limits.upper_krw, kind)
    assert limits.lower_krw <= base <= limits.upper_krw
    if limits.has_limit:
        assert limits.upper_krw * 10 <= base * 13
        assert limits.lower_krw * 10 >= base * 7


def test_fees_are_cut_to_won() -> None:
    assert commission_krw(2_740_000) == 383
    assert commission_krw(7_142) == 0
    share = issues()[0]
    in_2026 = date(2026, 11, 23)

    assert sell_tax_krw(820_500, share, in_2026) == 1_641
    assert sell_tax_krw(820_500, share, date(2025, 12, 30)) == 1_230
    for kind in ("etf", "etn", "elw"):
        assert sell_tax_krw(820_500, replace(share, kind=kind), in_2026) == 0
    assert sell_tax_krw(820_500, replace(share, market="KONEX"), in_2026) == 820


@pytest.mark.parametrize(
    ("market", "kind", "day", "price", "tick"),
    [
        ("KOSPI", "stock", date(2023, 1, 24), 150_000, 500),
        ("KOSDAQ", "stock", date(2023, 1, 24), 600_000, 100),
        ("KOSPI", "stock", date(2023, 1, 25), 150_000, 100),
        ("KOSDAQ", "stock", date(2023, 1, 25), 600_000, 1_000),
        ("KOSPI", "etf", date(2023, 12, 1), 1_500, 5),
        ("KOSPI", "etf", date(2023, 12, 18), 1_500, 1),
        ("KOSPI", "etn", date(2026, 11, 23), 12_345, 5),
    ],
)
def test_tick_size_is_that_of_the_day(
    market: str, kind: str, day: date, price: int, tick: int
) -> None:
    listed = listed_on(replace(issues()[0], market=market, kind=kind), day)

    assert tick_size(price, listed.grid) == tick


def test_konex_may_move_fifteen_percent() -> None:
    limits = price_limits(10_000, "stock", market="KONEX")

    assert (limits.lower_krw, limits.upper_krw) == (8_500, 11_500)


def test_thirty_issues_are_listed_at_legal_prices() -> None:
    listed = issues()

    assert len({issue.symbol for issue in listed}) == 30
    assert all(is_on_grid(issue.base_krw, issue.kind) for issue in listed)
    assert {issue.kind for issue in listed} == {"stock", "etf", "elw"}
    assert {issue.market for issue in listed} == {"KOSPI", "KOSDAQ"}
    assert {"005930", "000660", "069500", "57JN53"} <= {issue.symbol for issue in listed}

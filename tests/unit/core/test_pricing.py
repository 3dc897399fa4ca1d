"""Prices in whole won: the specification's offset, the tick grid, the day's limits (O1, O2)."""

from __future__ import annotations

from fractions import Fraction

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aegis_fast.core.model import Instrument, OrderRequest, OrderType, Side
from aegis_fast.core.pricing import check_price, final_price_krw, reserve_price_krw
from aegis_fast.errors import AegisError, InvalidRequest, RiskRejected
from aegis_fast.hot import calculate_order_price, price_limits, tick_size
from tests.unit.core.core_maker import INSTRUMENT, SYMBOL

OFFSETS = {"KOSPI": (-200, 200), "KOSDAQ": (-300, 300), "ELW": (-100, 100)}
ELW = Instrument(
    symbol="52ABCD",
    name="ELW",
    market="ELW",
    kind="elw",
    base_price_krw=1_000,
    lower_krw=0,
    upper_krw=0,
    order_unit=10,
)


def request(**changes: object) -> OrderRequest:
    wanted: dict[str, object] = {
        "client_order_id": "c",
        "symbol": SYMBOL,
        "side": Side.BUY,
        "order_type": OrderType.LIMIT,
        "qty": 1,
    }
    return OrderRequest(**(wanted | changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("market", "side", "expected"),
    [
        ("KOSPI", "buy", 98_000),
        ("KOSPI", "sell", 102_000),
        ("KOSDAQ", "buy", 97_000),
        ("KOSDAQ", "sell", 103_000),
        ("ELW", "buy", 99_000),
        ("ELW", "sell", 101_000),
    ],
)
def test_o1_offset_of_each_market_is_the_specifications(
    market: str, side: str, expected: int
) -> None:
    assert calculate_order_price(market, side, 100_000) == expected


@pytest.mark.parametrize(("market", "side"), [("NYSE", "buy"), ("KOSPI", "hold"), ("", "")])
def test_o1_unknown_market_or_side_is_a_key_error(market: str, side: str) -> None:
    with pytest.raises(KeyError):
        calculate_order_price(market, side, 100_000)


@pytest.mark.parametrize(("side", "expected"), [(Side.BUY, 22_700), (Side.SELL, 23_700)])
def test_o2_offset_price_snaps_away_from_the_market(side: Side, expected: int) -> None:
    instrument = msgspec.structs.replace(INSTRUMENT, lower_krw=16_250, upper_krw=30_150)
    wanted = request(side=side, base_price_krw=23_205)
    assert final_price_krw(wanted, instrument, OFFSETS) == expected


@pytest.mark.parametrize(
    ("kind", "price_krw", "tick"),
    [
        *[("stock", price, tick) for price, tick in [(1_999, 1), (2_000, 5), (4_995, 5)]],
        *[("stock", price, tick) for price, tick in [(5_000, 10), (19_990, 10), (20_000, 50)]],
        *[("stock", price, tick) for price, tick in [(49_950, 50), (50_000, 100)]],
        *[("stock", price, tick) for price, tick in [(199_900, 100), (200_000, 500)]],
        *[("stock", price, tick) for price, tick in [(499_500, 500), (500_000, 1_000)]],
        ("etf", 1_999, 1),
        ("etf", 2_000, 5),
        ("elw", 1_000, 5),
    ],
)
def test_o2_tick_table_is_that_of_2023(kind: str, price_krw: int, tick: int) -> None:
    assert tick_size(price_krw, kind) == tick


@given(
    base_krw=st.integers(100, 1_000_000),
    side=st.sampled_from([Side.BUY, Side.SELL]),
    market=st.sampled_from(["KOSPI", "KOSDAQ"]),
    reference_krw=st.integers(100, 1_000_000),
)
def test_o2_price_is_on_the_grid_within_limits_and_never_more_aggressive(
    base_krw: int, side: Side, market: str, reference_krw: int
) -> None:
    lower_krw, upper_krw = price_limits(reference_krw)
    instrument = msgspec.structs.replace(
        INSTRUMENT, market=market, lower_krw=lower_krw, upper_krw=upper_krw
    )

    price_krw = final_price_krw(request(side=side, base_price_krw=base_krw), instrument, OFFSETS)

    assert price_krw % tick_size(price_krw) == 0
    assert lower_krw <= price_krw <= upper_krw
    buy_bp, sell_bp = OFFSETS[market]
    bp = buy_bp if side is Side.BUY else sell_bp
    raw = base_krw * Fraction(10_000 + bp, 10_000)
    if lower_krw < price_krw < upper_krw:
        assert price_krw <= raw if side is Side.BUY else price_krw >= raw
        assert abs(price_krw - raw) < tick_size(price_krw) + 1_000


def test_o3_market_order_has_no_price_and_no_offset() -> None:
    wanted = request(order_type=OrderType.MARKET)
    assert final_price_krw(wanted, INSTRUMENT, OFFSETS) == 0


def test_price_that_was_given_is_sent_as_it_is() -> None:
    assert final_price_krw(request(price_krw=70_100), INSTRUMENT, OFFSETS) == 70_100


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({}, "price_krw"),
        ({"price_krw": 70_000, "base_price_krw": 70_000}, "price_krw"),
        ({"price_krw": -70_000}, "price_krw"),
        ({"base_price_krw": -1}, "price_krw"),
        ({"price_krw": 10**15}, "price_krw"),
        ({"base_price_krw": 10**15}, "base_price_krw"),
        ({"order_type": OrderType.MARKET, "price_krw": 70_000}, "price_krw"),
        ({"order_type": OrderType.MARKET, "base_price_krw": 70_000}, "price_krw"),
        ({"order_type": OrderType.CONDITIONAL, "base_price_krw": 70_000}, "base_price_krw"),
        ({"order_type": OrderType.CONDITIONAL}, "price_krw"),
    ],
)
def test_prices_that_do_not_fit_the_type_are_invalid(
    changes: dict[str, object], field: str
) -> None:
    with pytest.raises(InvalidRequest) as caught:
        final_price_krw(request(**changes), INSTRUMENT, OFFSETS)
    assert caught.value.field == field


def test_s86_conditional_order_keeps_its_price() -> None:
    wanted = request(order_type=OrderType.CONDITIONAL, price_krw=69_900)
    assert final_price_krw(wanted, INSTRUMENT, OFFSETS) == 69_900


def test_base_price_whose_offset_leaves_nothing_is_invalid() -> None:
    with pytest.raises(InvalidRequest):
        final_price_krw(request(base_price_krw=1), ELW, OFFSETS)


def test_price_off_the_grid_is_refused_with_its_neighbours() -> None:
    with pytest.raises(RiskRejected) as caught:
        check_price(70_050, INSTRUMENT)
    assert caught.value.expected == "70,000 or 70,100"


@pytest.mark.parametrize("price_krw", [48_950, 91_100])
def test_price_beyond_the_limits_is_refused_with_the_limits(price_krw: int) -> None:
    with pytest.raises(RiskRejected) as caught:
        check_price(price_krw, INSTRUMENT)
    assert caught.value.expected == "49,000 to 91,000"


@pytest.mark.parametrize("price_krw", [49_000, 91_000])
def test_limits_themselves_are_allowed(price_krw: int) -> None:
    check_price(price_krw, INSTRUMENT)


def test_issue_without_limits_takes_any_price_on_its_grid() -> None:
    check_price(5, ELW)
    check_price(100_000, ELW)


@given(price_krw=st.integers(-(10**20), 10**20))
def test_no_price_whatever_escapes_as_another_error(price_krw: int) -> None:
    try:
        final_price_krw(request(price_krw=price_krw), INSTRUMENT, OFFSETS)
        final_price_krw(request(base_price_krw=price_krw), INSTRUMENT, OFFSETS)
    except AegisError:
        return
    assert INSTRUMENT.lower_krw <= price_krw <= INSTRUMENT.upper_krw


@pytest.mark.parametrize(
    ("order_type", "price_krw", "instrument", "expected"),
    [
        (OrderType.LIMIT, 70_000, INSTRUMENT, 70_000),
        (OrderType.MARKET, 0, INSTRUMENT, 91_000),
        # In the closing auction it becomes a market order and may cost more than its price.
        (OrderType.CONDITIONAL, 70_000, INSTRUMENT, 91_000),
        (OrderType.MARKET, 0, ELW, 1_300),
        (OrderType.CONDITIONAL, 1_000, ELW, 1_300),
        (OrderType.CONDITIONAL, 2_000, ELW, 2_000),
    ],
)
def test_reserve_price_is_the_dearest_a_share_can_cost(
    order_type: OrderType, price_krw: int, instrument: Instrument, expected: int
) -> None:
    assert reserve_price_krw(order_type, price_krw, instrument) == expected

"""Cash, holdings and reservations, to the won."""

from __future__ import annotations

from fractions import Fraction
from math import ceil, floor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aegis_fast.core.model import Position, Side
from aegis_fast.core.portfolio import Fees, Portfolio

AMOUNTS = st.integers(0, 10**13)


@given(value_krw=AMOUNTS, ppm=st.integers(0, 100_000))
def test_fees_truncate_and_reservations_round_up(value_krw: int, ppm: int) -> None:
    exact = Fraction(value_krw * ppm, 10**6)
    fees = Fees(ppm)
    assert fees.commission_krw(value_krw) == floor(exact)
    assert fees.tax_krw(value_krw, ppm) == floor(exact)
    assert fees.reserve_krw(1, value_krw) == value_krw + ceil(exact)


def test_buy_moves_cash_to_shares() -> None:
    portfolio = Portfolio(Fees(140))
    portfolio.load(1_000_000, ())

    portfolio.fill("005930", Side.BUY, 10, 700_000, 2_000)

    assert portfolio.cash_krw == 1_000_000 - 700_000 - 98
    assert portfolio.positions() == (Position(symbol="005930", qty=10, cost_krw=700_000),)


def test_sell_pays_commission_and_tax_and_takes_its_share_of_the_cost() -> None:
    portfolio = Portfolio(Fees(140))
    portfolio.load(0, (Position(symbol="005930", qty=3, cost_krw=200_000),))

    portfolio.fill("005930", Side.SELL, 1, 70_000, 2_000)

    assert portfolio.cash_krw == 70_000 - 9 - 140
    assert portfolio.positions() == (Position(symbol="005930", qty=2, cost_krw=133_334),)
    portfolio.fill("005930", Side.SELL, 2, 140_000, 0)
    assert portfolio.positions() == ()


def test_value_can_be_corrected_without_shares() -> None:
    portfolio = Portfolio(Fees(0))
    portfolio.load(1_000, ())
    portfolio.fill("005930", Side.BUY, 1, 500, 0)
    portfolio.fill("005930", Side.BUY, 0, -100, 0)
    assert portfolio.cash_krw == 600
    assert portfolio.positions()[0].cost_krw == 400


def test_more_sold_than_held_shows_as_what_it_is() -> None:
    portfolio = Portfolio(Fees(0))
    portfolio.fill("005930", Side.SELL, 5, 500, 0)
    assert portfolio.qty("005930") == -5
    assert portfolio.sellable("005930") == -5


def test_broker_figures_replace_ours_and_leave_reservations() -> None:
    portfolio = Portfolio(Fees(0))
    portfolio.reserve("a", "005930", Side.BUY, 2, 100)
    portfolio.reserve("b", "005930", Side.SELL, 3, 100)

    portfolio.load(1_000, (Position(symbol="005930", qty=9, cost_krw=1),))

    assert portfolio.orderable_krw == 800
    assert portfolio.sellable("005930") == 6


@given(
    st.lists(
        st.tuples(
            st.sampled_from("abc"),
            st.sampled_from(["005930", "000660"]),
            st.sampled_from([Side.BUY, Side.SELL]),
            st.integers(-1, 50),
            st.integers(1, 100_000),
        ),
        max_size=40,
    ),
    st.integers(0, 1_000),
)
def test_reservations_are_the_sum_of_what_each_order_needs_now(
    steps: list[tuple[str, str, Side, int, int]], ppm: int
) -> None:
    portfolio = Portfolio(Fees(ppm))
    now: dict[str, tuple[str, Side, int, int]] = {}
    for order_id, symbol, side, qty, price in steps:
        portfolio.reserve(order_id, symbol, side, qty, price)
        now[order_id] = (symbol, side, max(0, qty), price)

    buys = [v for v in now.values() if v[1] is Side.BUY and v[2]]
    assert portfolio.reserved_krw == sum(portfolio.fees.reserve_krw(q, p) for _, _, q, p in buys)
    for symbol in ("005930", "000660"):
        sells = sum(q for s, side, q, _ in now.values() if side is Side.SELL and s == symbol)
        assert portfolio.sellable(symbol) == -sells


@pytest.mark.parametrize("symbol", ["005930", "nothing"])
def test_empty_portfolio_holds_nothing(symbol: str) -> None:
    portfolio = Portfolio(Fees())
    assert (portfolio.qty(symbol), portfolio.sellable(symbol), portfolio.orderable_krw) == (0, 0, 0)

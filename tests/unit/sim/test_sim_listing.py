"""The list of issues: as many as asked for, of every kind, legal, the same for the same seed."""

from __future__ import annotations

import re
from collections import Counter
from datetime import date
from itertools import pairwise

import pytest

from aegis_fast.errors import ConfigError
from aegis_fast.sim.crowd.elw import days_left, figures, theory_micro
from aegis_fast.sim.crowd.listing import MOST_ISSUES, chosen_issues, issues_of
from aegis_fast.sim.crowd.regimes import draw
from aegis_fast.sim.market.rules import Elw, Issue, is_on_grid, issues, price_limits
from aegis_fast.sim.market.world import World
from tests.unit.sim.sim_harness import MS, START_NS

SYMBOL = {
    "stock": r"\d{6}",
    "etf": r"\d{6}|0\d{3}[A-Z]0",
    "etn": r"Q5\d{5}",
    "elw": r"5\d[A-Z]{2}\d{2}",
}
CALL = Elw(
    underlying="005930",
    underlying_name="삼성전자",
    is_call=True,
    strike_krw=280_000,
    last_day="20270210",
    expiry="20270215",
    conversion_ppm=20_000,
    lp="한국투자증권",
)


@pytest.fixture(scope="module")
def listed() -> tuple[Issue, ...]:
    return issues_of(MOST_ISSUES, 1)


def test_short_list_begins_the_long_one(listed) -> None:
    assert issues_of(30, 1) == issues()
    assert issues_of(5, 1) == issues()[:5]
    assert issues_of(200, 1) == listed[:200]
    assert issues_of(200, 2) != listed[:200]


@pytest.mark.parametrize("count", [0, MOST_ISSUES + 1])
def test_list_longer_than_the_exchange_is_refused(count: int) -> None:
    with pytest.raises(ValueError, match="not in"):
        issues_of(count, 1)


def test_user_gets_the_known_issues_or_as_many_as_he_asks_for() -> None:
    assert chosen_issues(None, {}, 1) == issues()
    assert chosen_issues(40, {"*": "quiet", "005930": "limit_up"}, 1) == issues_of(40, 1)


@pytest.mark.parametrize(
    ("count", "regimes", "field"),
    [
        (0, {}, "issues"),
        (2_701, {}, "issues"),
        (None, {"005930": "wild"}, "regime"),
        (None, {"999999": "quiet"}, "regime"),
    ],
)
def test_wrong_wish_is_named(count: int | None, regimes: dict[str, str], field: str) -> None:
    with pytest.raises(ConfigError) as raised:
        chosen_issues(count, regimes, 1)

    assert raised.value.field == field


def test_symbols_are_of_their_kind_and_unique(listed) -> None:
    assert len({one.symbol for one in listed}) == len(listed) == MOST_ISSUES
    assert len({one.name for one in listed}) > MOST_ISSUES - 60
    for one in listed:
        assert re.fullmatch(SYMBOL[one.kind], one.symbol), one
    assert any(one.symbol[4].isalpha() for one in listed if one.kind == "etf")


def test_mix_is_that_of_the_exchange(listed) -> None:
    kinds = Counter((one.market, one.kind) for one in listed)

    assert 700 <= kinds["KOSPI", "stock"] <= 900
    assert 950 <= kinds["KOSDAQ", "stock"] <= 1_200
    assert kinds["KOSPI", "etf"] > 400
    assert kinds["KOSPI", "etn"] > 100
    assert kinds["KOSPI", "elw"] > 100
    assert 600 <= sum(one.is_nxt for one in listed) <= 800
    assert 150 <= sum(one.is_kospi200 for one in listed) <= 250
    assert all(one.kind == "stock" for one in listed if one.is_nxt or one.is_kospi200)


def test_prices_fill_every_band_and_volumes_six_powers_of_ten(listed) -> None:
    stocks = [one for one in listed if one.kind == "stock"]
    bands = [0, 2_000, 5_000, 20_000, 50_000, 200_000, 500_000, 10**9]

    for low, high in pairwise(bands):
        assert any(low <= one.base_krw < high for one in stocks), low
    assert min(one.daily_qty for one in stocks) < 100
    assert max(one.daily_qty for one in stocks) > 5_000_000
    assert any(one.hourly_trades < 10 for one in stocks)
    for one in listed:
        assert is_on_grid(one.base_krw, one.kind)
        limits = price_limits(one.base_krw, one.kind)
        assert limits.lower_krw < one.base_krw < limits.upper_krw
        assert one.daily_qty > 0
        assert one.listed_shares > 0


def test_most_issues_are_usual_some_are_thin_none_is_stuck(listed) -> None:
    moods = Counter(draw(one, 1).name for one in listed)

    assert moods["normal"] > MOST_ISSUES // 2
    assert moods["thin"] > 50
    assert {"quiet", "trend_up", "trend_down", "gap"} <= set(moods)
    assert not {"limit_up", "limit_down"} & set(moods)
    default = {one.symbol: draw(one, seed).name for seed in range(20) for one in issues()}
    assert (default["005930"], default["004565"]) == ("normal", "thin")


def test_warrants_name_what_they_stand_for(listed) -> None:
    by_symbol = {one.symbol: one for one in listed}
    terms = [one.elw for one in listed if one.kind == "elw"]

    assert all(one.elw is None for one in listed if one.kind != "elw")
    assert {term.is_call for term in terms} == {True, False}
    for term in terms:
        under = by_symbol[term.underlying]
        assert under.kind == "stock"
        assert term.underlying_name == under.name
        assert under.base_krw * 3 // 4 < term.strike_krw < under.base_krw * 5 // 4
        assert term.last_day < term.expiry


def test_theory_is_close_to_the_shown_one_and_moves_with_the_underlying() -> None:
    day = date(2026, 11, 23)
    days = days_left(CALL, day)
    for spot in range(230_000, 330_001, 10_000):
        mine = theory_micro(CALL, spot * 1_000_000, days)
        shown = figures(CALL, spot, max(mine // 1_000_000, 1), day).theory
        assert abs(mine / 1_000_000 - shown) < 110
        assert theory_micro(CALL, (spot + 1_000) * 1_000_000, days) > mine


def test_figures_agree_with_each_other() -> None:
    day = date(2026, 11, 23)
    price = 300

    call = figures(CALL, 274_000, price, day)
    put = figures(
        Elw(**{name: getattr(CALL, name) for name in CALL.__struct_fields__} | {"is_call": False}),
        274_000,
        price,
        day,
    )

    assert 0 < call.delta < 1
    assert -1 < put.delta < 0
    assert round(call.parity, 2) == 97.86
    assert round(call.gearing, 2) == 18.27
    assert round(call.leverage, 4) == round(call.gearing * call.delta, 4)
    assert call.intrinsic == 0
    assert put.intrinsic + put.time_value == price
    assert put.intrinsic == 120
    assert call.vega > 0 < call.gamma
    # The price of a volatility implies that volatility.
    again = figures(CALL, 274_000, round(call.theory), day)
    assert abs(again.implied_volatility - 35) < 0.5


def test_whole_exchange_starts_and_moves() -> None:
    trades: list[str] = []
    market = World(
        seed=1,
        start_ns=START_NS,
        on_trade=lambda book, record: trades.append(book.issue.symbol),
        on_own_fill=lambda *_: None,
        on_depth=lambda book: None,
        listed=issues_of(MOST_ISSUES, 1),
    )
    for step in range(1, 101):
        market.advance(START_NS + step * 10 * MS)

    assert len(set(trades)) > 200
    for book in market.exchange.books.values():
        assert not book.best_ask_krw or book.best_bid_krw < book.best_ask_krw

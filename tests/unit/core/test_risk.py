"""Pre-trade checks: each refusal names the field and the rule, and nothing slips through."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aegis_fast.core.events import KillSwitchSet, SymbolHalted
from aegis_fast.core.model import Instrument, OrderRequest, OrderType, Side, Venue
from aegis_fast.core.portfolio import Fees
from aegis_fast.core.risk import RiskLimits, check_amend, check_order
from aegis_fast.errors import InvalidRequest, RejectedError, RiskRejected
from tests.unit.core.core_maker import ACCOUNT, CASH, INSTRUMENT, SYMBOL, Core, lost


def check(core: Core, limits: RiskLimits | None = None, **changes: object) -> None:
    instrument = changes.pop("instrument", INSTRUMENT)
    price_krw = changes.pop("price_krw", 70_000)
    reserve_krw = changes.pop("reserve_price_krw", price_krw or 91_000)
    wanted: dict[str, object] = {
        "client_order_id": "c",
        "symbol": SYMBOL,
        "side": Side.BUY,
        "order_type": OrderType.LIMIT if price_krw else OrderType.MARKET,
        "qty": 10,
        "price_krw": price_krw,
        "account": ACCOUNT,
    }
    check_order(
        OrderRequest(**(wanted | changes)),  # type: ignore[arg-type]
        instrument,  # type: ignore[arg-type]
        core.manager,
        limits or RiskLimits(),
        price_krw=price_krw,  # type: ignore[arg-type]
        reserve_price_krw=reserve_krw,  # type: ignore[arg-type]
        venues=("KRX", "NXT"),
    )


def field_of(core: Core, limits: RiskLimits | None = None, **changes: object) -> str:
    with pytest.raises(RejectedError) as caught:
        check(core, limits, **changes)
    return caught.value.field


def changed(**changes: object) -> Instrument:
    return msgspec.structs.replace(INSTRUMENT, **changes)


def test_ordinary_order_passes() -> None:
    check(Core())
    check(Core(), side=Side.SELL)


def test_kill_switch_refuses_everything() -> None:
    core = Core()
    core.do(KillSwitchSet(is_on=True, reason="panic"))
    assert field_of(core) == "kill_switch"


def test_stopped_symbol_is_refused_others_are_not() -> None:
    core = Core()
    core.do(SymbolHalted(symbol=SYMBOL, reason="ambiguous"))
    assert field_of(core) == "symbol"
    check(core, symbol="000660", instrument=changed(symbol="000660"))


def test_issue_halted_at_the_exchange_is_refused() -> None:
    assert field_of(Core(), instrument=changed(is_halted=True)) == "symbol"


@pytest.mark.parametrize("venue", [Venue.SOR, Venue.NXT])
def test_venue_must_be_offered_and_fit_the_issue(venue: Venue) -> None:
    assert field_of(Core(), venue=venue) == "venue"


def test_nxt_takes_an_eligible_issue() -> None:
    check(Core(), venue=Venue.NXT, instrument=changed(is_nxt_eligible=True))


@pytest.mark.parametrize("qty", [0, -1, -(10**12)])
def test_quantity_must_be_positive(qty: int) -> None:
    with pytest.raises(InvalidRequest) as caught:
        check(Core(), qty=qty)
    assert caught.value.field == "qty"


def test_quantity_must_be_a_multiple_of_the_order_unit() -> None:
    assert field_of(Core(), qty=15, instrument=changed(order_unit=10)) == "qty"
    check(Core(), qty=20, instrument=changed(order_unit=10))


def test_limits_of_size_hold_to_the_won() -> None:
    limits = RiskLimits(max_order_krw=700_000, max_order_qty=10, max_open_orders=1)
    core = Core()
    check(core, limits)
    assert field_of(core, limits, qty=11) == "qty"
    assert field_of(core, RiskLimits(max_order_krw=699_999)) == "qty"
    core.submit(symbol="000660")
    assert field_of(core, limits) == "qty"


def test_market_order_is_measured_by_what_it_may_cost() -> None:
    assert field_of(Core(), RiskLimits(max_order_krw=909_999), price_krw=0) == "qty"
    check(Core(), RiskLimits(max_order_krw=910_000), price_krw=0)


def test_o9_order_identical_to_an_unknown_one_is_refused() -> None:
    core = Core()
    core.do(lost(core.submit()))

    with pytest.raises(RiskRejected, match="unknown"):
        check(core)
    check(core, qty=11)
    check(core, price_krw=69_900)
    check(core, side=Side.SELL)


def test_order_identical_to_an_unanswered_one_is_let_through_to_be_held() -> None:
    core = Core()
    core.submit()
    check(core)


def test_s75_buy_beyond_the_cash_is_refused_with_what_is_affordable() -> None:
    core = Core(cash_krw=700_097)
    with pytest.raises(RiskRejected) as caught:
        check(core)
    assert caught.value.expected == "at most 9 shares"
    check(Core(cash_krw=700_098))


def test_s75_sell_beyond_the_holding_is_refused_with_what_is_there() -> None:
    core = Core(held={SYMBOL: 12})
    core.submit(side=Side.SELL, qty=5)
    with pytest.raises(RiskRejected) as caught:
        check(core, side=Side.SELL)
    assert caught.value.expected == "at most 7 shares"


def test_open_buys_use_up_the_cash() -> None:
    core = Core(cash_krw=1_000_000)
    core.submit(qty=10)
    assert field_of(core, qty=11, price_krw=69_900) == "qty"


def test_market_buy_of_an_issue_without_any_price_is_refused() -> None:
    elw = changed(kind="elw", upper_krw=0, lower_krw=0, base_price_krw=0)
    assert field_of(Core(), instrument=elw, price_krw=0, reserve_price_krw=0) == "type"


@given(
    cash_krw=st.integers(-(10**9), 10**12),
    price_krw=st.integers(1, 2_000_000),
    commission_ppm=st.integers(0, 100_000),
)
def test_affordable_quantity_is_exact(cash_krw: int, price_krw: int, commission_ppm: int) -> None:
    fees = Fees(commission_ppm)
    qty = fees.affordable_qty(cash_krw, price_krw)
    assert qty == 0 or fees.reserve_krw(qty, price_krw) <= cash_krw
    assert fees.reserve_krw(qty + 1, price_krw) > cash_krw


# -- amends -------------------------------------------------------------------------------------


def amend(core: Core, price_krw: int, limits: RiskLimits | None = None, **order: object) -> None:
    order_id = core.live(1, **order)
    check_amend(
        core.record(order_id), INSTRUMENT, core.manager, limits or RiskLimits(), price_krw=price_krw
    )


def test_amend_within_the_rules_passes() -> None:
    amend(Core(), 71_000)
    amend(Core(), 60_000)
    amend(Core(), 71_000, side=Side.SELL)


@pytest.mark.parametrize("price_krw", [71_050, 91_100, 0, -1, 10**15])
def test_amend_to_no_price_is_refused(price_krw: int) -> None:
    with pytest.raises(RejectedError):
        amend(Core(), price_krw)


def test_amend_of_a_market_order_is_refused() -> None:
    with pytest.raises(RiskRejected, match="no price"):
        amend(Core(), 71_000, order_type=OrderType.MARKET)


def test_amend_may_not_pass_the_size_limit() -> None:
    limits = RiskLimits(max_order_krw=700_000)
    amend(Core(), 70_000, limits)
    with pytest.raises(RiskRejected) as caught:
        amend(Core(), 70_100, limits)
    assert caught.value.expected == "<= 70,000"


def test_amend_may_not_use_more_cash_than_there_is() -> None:
    amend(Core(cash_krw=710_100), 71_000)
    with pytest.raises(RiskRejected, match="won more"):
        amend(Core(cash_krw=710_098), 71_000)


def test_amend_is_refused_while_the_kill_switch_is_on_or_the_symbol_stopped() -> None:
    for event in (
        KillSwitchSet(is_on=True, reason="x"),
        SymbolHalted(symbol=SYMBOL, reason="x"),
    ):
        core = Core()
        core.do(event)
        with pytest.raises(RiskRejected):
            amend(core, 71_000)


def test_reservations_of_a_sequence_of_orders_never_exceed_the_cash() -> None:
    core = Core(cash_krw=CASH)
    for _ in range(300):
        try:
            check(core, qty=7)
        except RiskRejected:
            break
        core.submit(qty=7)
    else:
        raise AssertionError("money without end")
    assert 0 <= core.portfolio.orderable_krw < core.portfolio.fees.reserve_krw(7, 70_000)

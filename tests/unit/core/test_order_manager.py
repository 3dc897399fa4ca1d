"""New orders: sent once, answered or lost, held behind their twin, stopped, restarted."""

from __future__ import annotations

import pytest

from aegis_fast.core.effects import Alert, AskLedger, Journal, Publish, Send
from aegis_fast.core.events import (
    AbsenceProven,
    BalanceLoaded,
    ExternalSeen,
    KillSwitchSet,
    Restarted,
    SymbolHalted,
    WorldSeen,
)
from aegis_fast.core.model import OrderState, OrderType, PlaceOrder, Position, Side, Venue
from tests.unit.core.core_maker import (
    ACCOUNT,
    CASH,
    NOON_DATE,
    SYMBOL,
    Core,
    accepted,
    amend,
    cancel,
    cancel_confirmed,
    fill,
    ledger,
    lost,
    notice,
    of_kind,
    refused,
    replaced,
    submitted,
)

S = OrderState


def external(
    number: int = 900, order_id: str = "20261123-000001", **changes: object
) -> ExternalSeen:
    wanted: dict[str, object] = {
        "account": ACCOUNT,
        "symbol": SYMBOL,
        "side": Side.BUY,
        "order_type": OrderType.LIMIT,
        "qty": 10,
        "price_krw": 70_000,
        "reserve_price_krw": 70_000,
        "sell_tax_ppm": 0,
        "venue": Venue.KRX,
        "org_no": "1",
        "cum_qty": 0,
        "cum_value_krw": 0,
        "canceled_qty": 0,
        "leaves_qty": 10,
    }
    return ExternalSeen(order_id=order_id, broker_order_id=number, **(wanted | changes))  # type: ignore[arg-type]


# -- sent, answered, lost -----------------------------------------------------------------------


def test_submitted_order_is_journalled_then_published_then_sent_once() -> None:
    core = Core()

    order_id = core.manager.next_order_id(core.now_ns)
    effects = core.do(submitted(order_id))

    assert [type(effect) for effect in effects] == [Journal, Publish, Send]
    command = effects[2].command  # type: ignore[union-attr]
    assert command == PlaceOrder(
        order_id=order_id,
        account=ACCOUNT,
        symbol=SYMBOL,
        side=Side.BUY,
        order_type=OrderType.LIMIT,
        qty=10,
        price_krw=70_000,
        venue=Venue.KRX,
        trace_id="t",
    )
    assert core.state(order_id) is S.PENDING


def test_order_ids_carry_the_korean_date_and_count_up() -> None:
    core = Core()
    ids = [core.submit(qty=n) for n in (1, 2, 3)]
    assert ids == ["20261123-000001", "20261123-000002", "20261123-000003"]


def test_ack_makes_the_order_live_under_the_number() -> None:
    core = Core()
    order_id = core.submit()

    core.do(accepted(order_id, 11774))

    order = core.record(order_id).snapshot()
    assert (order.state, order.broker_order_id, order.org_no, order.code) == (
        S.LIVE,
        11774,
        "06010",
        1,
    )
    assert core.manager.by_broker_id(11774) is core.record(order_id)


def test_same_ack_twice_is_a_confirmation_not_a_discrepancy() -> None:
    core = Core()
    order_id = core.submit()
    core.do(lost(order_id), accepted(order_id, 7, "ledger"))

    effects = core.do(accepted(order_id, 7))

    assert effects == []
    assert core.manager.discrepancies == 0
    assert len(core.record(order_id).legs) == 1


def test_ack_with_the_number_of_another_order_makes_the_order_unknown() -> None:
    core = Core()
    first, second = core.live(7), core.submit(qty=3)

    core.do(accepted(second, 7))

    assert core.state(second) is S.UNKNOWN
    assert core.record(first).leg_number == 7
    assert core.manager.discrepancies == 1


def test_refusal_releases_the_money_and_alerts() -> None:
    core = Core()
    order_id = core.submit()

    effects = core.do(refused(order_id))

    order = core.record(order_id).snapshot()
    assert (order.state, order.code, order.venue_code) == (S.REJECTED, 2, "APBK0952")
    assert order.leaves_qty == 0
    assert core.portfolio.orderable_krw == CASH
    assert [alert.kind for alert in of_kind(effects, Alert)] == ["order_refused"]


def test_lost_reply_makes_the_order_unknown_and_keeps_its_money() -> None:
    core = Core()
    order_id = core.submit()
    reserved = core.portfolio.reserved_krw

    effects = core.do(lost(order_id))

    assert core.state(order_id) is S.UNKNOWN
    assert core.portfolio.reserved_krw == reserved == 10 * 70_000 + 98
    assert core.record(order_id).code == 9
    assert of_kind(effects, AskLedger) == [AskLedger(0)]
    assert not of_kind(effects, Send)


def test_late_ack_after_the_reply_was_lost_is_the_same_order() -> None:
    core = Core()
    order_id = core.submit()

    core.do(lost(order_id), accepted(order_id, 5))

    assert core.state(order_id) is S.LIVE
    assert len([c for c in core.sent if isinstance(c, PlaceOrder)]) == 1


def test_late_refusal_after_the_reply_was_lost_is_proof() -> None:
    core = Core()
    order_id = core.submit()
    core.do(lost(order_id), refused(order_id))
    assert core.state(order_id) is S.REJECTED
    assert core.portfolio.reserved_krw == 0


def test_losing_the_reply_to_an_order_that_is_already_known_changes_nothing() -> None:
    core = Core()
    order_id = core.live(1)
    assert core.do(lost(order_id)) == []
    assert core.state(order_id) is S.LIVE


def test_absence_rejects_only_an_unknown_order() -> None:
    core = Core()
    live, unknown = core.live(1), core.submit(qty=3)
    core.do(lost(unknown))
    proof = {"scans": 3, "quiet_ns": 61_000_000_000}

    assert core.do(AbsenceProven(order_id=live, **proof)) == []
    core.do(AbsenceProven(order_id=unknown, **proof))

    assert core.state(live) is S.LIVE
    assert core.state(unknown) is S.REJECTED
    assert "3 complete scans in 61 s" in core.record(unknown).message


@pytest.mark.parametrize("event", [accepted("nobody", 1), refused("nobody")])
def test_answer_to_an_order_nobody_sent_is_a_discrepancy(event: object) -> None:
    core = Core()
    effects = core.do(event)  # type: ignore[arg-type]
    assert not of_kind(effects, Journal)
    assert core.manager.discrepancies == 1


# -- fills before the ack -----------------------------------------------------------------------


def test_fill_before_ack_is_applied_after_ack() -> None:
    core = Core()
    order_id = core.submit()

    parked = core.do(fill(42, 4))
    assert core.record(order_id).cum_qty == 0
    core.do(accepted(order_id, 42))

    assert not of_kind(parked, Journal)
    assert of_kind(parked, AskLedger)
    order = core.record(order_id).snapshot()
    assert (order.state, order.cum_qty, order.leaves_qty) == (S.PARTIAL, 4, 6)
    assert core.portfolio.qty(SYMBOL) == 1_004


def test_whole_fill_and_reject_notice_before_ack_are_applied_in_order() -> None:
    core = Core()
    filled, rejected = core.submit(qty=4), core.submit(qty=5)
    core.do(notice(1), fill(1, 4), notice(2, rejected=True))

    core.do(accepted(filled, 1), accepted(rejected, 2))

    assert core.state(filled) is S.FILLED
    assert core.state(rejected) is S.REJECTED


def test_notices_of_strange_numbers_are_bounded() -> None:
    core = Core()
    for number in range(1, 10_102):
        core.do(fill(number, 1))
    for _ in range(1_005):
        core.do(fill(1_000_000, 1))

    parked = core.manager._blotter._parked
    assert len(parked) == 10_000
    assert len(parked[1_000_000]) == 1_000


# -- identical orders ---------------------------------------------------------------------------


def test_o9_identical_order_is_held_while_the_first_is_unanswered() -> None:
    core = Core()
    first = core.submit()

    second = core.submit()
    assert [c.order_id for c in core.sent] == [first]
    core.do(accepted(first, 1))

    assert [c.order_id for c in core.sent] == [first, second]
    assert core.state(second) is S.PENDING


def test_o9_held_orders_go_one_by_one() -> None:
    core = Core()
    ids = [core.submit() for _ in range(4)]

    for number, order_id in enumerate(ids, 1):
        assert [c.order_id for c in core.sent] == ids[:number]
        core.do(accepted(order_id, number))

    assert all(core.state(order_id) is S.LIVE for order_id in ids)


def test_o9_held_orders_are_refused_when_the_first_becomes_unknown() -> None:
    core = Core()
    first, second, third = core.submit(), core.submit(), core.submit()

    core.do(lost(first))

    assert core.state(second) is core.state(third) is S.REJECTED
    assert "unknown" in core.record(second).message
    assert core.portfolio.reserved_krw == 10 * 70_000 + 98
    assert [c.order_id for c in core.sent] == [first]


def test_held_order_goes_when_the_first_is_refused() -> None:
    core = Core()
    first, second = core.submit(), core.submit()
    core.do(refused(first))
    assert [c.order_id for c in core.sent] == [first, second]


@pytest.mark.parametrize(
    "change",
    [
        {"symbol": "000660"},
        {"side": Side.SELL},
        {"qty": 11},
        {"price_krw": 69_900},
        {"order_type": OrderType.CONDITIONAL},
        {"account": "5000000002"},
    ],
)
def test_orders_that_differ_at_the_broker_are_not_held(change: dict[str, object]) -> None:
    core = Core()
    core.submit()
    core.submit(**change)
    assert len(core.sent) == 2


def test_venue_does_not_tell_two_orders_apart() -> None:
    core = Core()
    core.submit(venue=Venue.KRX)
    core.submit(venue=Venue.SOR)
    assert len(core.sent) == 1


def test_kill_switch_refuses_held_orders_at_once() -> None:
    core = Core()
    first, second = core.submit(), core.submit()

    core.do(KillSwitchSet(is_on=True, reason="panic"))
    core.do(accepted(first, 1))

    assert core.state(second) is S.REJECTED
    assert [c.order_id for c in core.sent] == [first]


def test_halt_of_the_symbol_refuses_held_orders_of_it_only() -> None:
    core = Core()
    core.submit()
    held = core.submit()
    other_first = core.submit(symbol="000660")
    other_held = core.submit(symbol="000660")

    core.do(SymbolHalted(symbol=SYMBOL, reason="ambiguous"))
    core.do(accepted(other_first, 9))

    assert core.state(held) is S.REJECTED
    assert other_held in [c.order_id for c in core.sent]


# -- switches -----------------------------------------------------------------------------------


def test_kill_switch_is_journalled_once_for_each_change() -> None:
    core = Core()
    on = KillSwitchSet(is_on=True, reason="x")

    assert of_kind(core.do(on), Journal)
    assert core.do(on) == []
    assert core.manager.kill_switch
    assert of_kind(core.do(KillSwitchSet(is_on=False, reason="")), Journal)
    assert not core.manager.kill_switch


def test_halt_can_be_lifted() -> None:
    core = Core()
    core.do(SymbolHalted(symbol=SYMBOL, reason="x"))
    assert core.manager.halted == {SYMBOL: "x"}

    core.do(SymbolHalted(symbol=SYMBOL, reason=""))
    assert core.manager.halted == {}
    assert core.do(SymbolHalted(symbol=SYMBOL, reason="")) == []


def test_world_and_balance_are_facts_of_the_journal() -> None:
    core = Core()
    assert of_kind(core.do(WorldSeen(world="w1")), Journal)
    assert core.do(WorldSeen(world="w1")) == []
    positions = (Position(symbol=SYMBOL, qty=7, cost_krw=1),)
    core.do(BalanceLoaded(account=ACCOUNT, cash_krw=5, positions=positions, reason="discrepancy"))
    assert core.manager.world == "w1"
    assert (core.portfolio.cash_krw, core.portfolio.qty(SYMBOL)) == (5, 7)


# -- orders of others ---------------------------------------------------------------------------


def test_external_order_is_adopted_with_its_fills_and_exposure() -> None:
    core = Core()

    core.do(external(cum_qty=4, cum_value_krw=280_000, leaves_qty=6))

    record = core.record("20261123-000001")
    assert (record.state, record.origin, record.cum_qty) == (S.PARTIAL, "external", 4)
    assert core.portfolio.qty(SYMBOL) == 1_004
    assert core.portfolio.reserved_krw == 6 * 70_000 + 59
    assert not core.sent


def test_external_order_is_adopted_once() -> None:
    core = Core()
    core.do(external())
    assert core.do(external(order_id="20261123-000009")) == []


def test_own_ids_stay_ahead_of_adopted_ones() -> None:
    core = Core()
    core.do(external(order_id="20261123-000041"))
    assert core.manager.next_order_id(core.now_ns) == "20261123-000042"


def test_parked_fills_and_the_row_of_an_external_order_count_once() -> None:
    core = Core()
    core.do(fill(900, 2), fill(900, 3))

    core.do(external(cum_qty=5, cum_value_krw=350_000, leaves_qty=5))

    assert core.record("20261123-000001").cum_qty == 5
    assert core.portfolio.qty(SYMBOL) == 1_005


# -- restart ------------------------------------------------------------------------------------


def restart(core: Core, date: int = NOON_DATE) -> None:
    core.do(Restarted(business_date=date))


def test_restart_makes_what_was_under_way_unknown() -> None:
    core = Core()
    order_id = core.submit()

    restart(core)

    assert core.state(order_id) is S.UNKNOWN
    assert core.record(order_id).unknown_since_ns == core.now_ns
    assert core.manager.unanswered(core.record(order_id).fingerprint) is core.record(order_id)


def test_restart_rejects_what_was_held_since_it_never_left() -> None:
    core = Core()
    first, held = core.submit(), core.submit()

    restart(core)

    assert core.state(first) is S.UNKNOWN
    assert core.state(held) is S.REJECTED
    assert "not sent" in core.record(held).message


def test_restart_on_the_same_day_keeps_live_orders_and_their_numbers() -> None:
    core = Core()
    order_id = core.live(1)
    core.do(cancel(order_id, 3), replaced(order_id, "cancel", 2), cancel_confirmed(2, 1, 3))

    restart(core)
    core.do(fill(1, 4, session=9))

    assert core.state(order_id) is S.PARTIAL
    assert core.manager.knows(2)
    assert core.record(order_id).snapshot().leaves_qty == 3


def test_restart_on_a_later_date_ends_day_orders_and_frees_their_money() -> None:
    core = Core()
    live, unknown = core.live(1), core.submit(qty=3)
    core.do(fill(1, 4), lost(unknown))

    restart(core, NOON_DATE + 1)

    assert core.state(live) is core.state(unknown) is S.CANCELED
    order = core.record(live).snapshot()
    assert (order.cum_qty, order.canceled_qty, order.leaves_qty) == (4, 6, 0)
    assert core.portfolio.reserved_krw == 0
    assert not core.manager.knows(1)


def test_number_of_yesterday_belongs_to_the_order_of_today() -> None:
    core = Core()
    old = core.live(1)
    restart(core, NOON_DATE + 1)
    core.now_ns += 86_400_000_000_000
    new = core.live(1, qty=3)

    restart(core, NOON_DATE + 1)
    core.do(fill(1, 3))

    assert core.state(new) is S.FILLED
    assert core.record(old).cum_qty == 0


def test_restart_frees_an_order_from_a_cancel_nobody_will_answer() -> None:
    core = Core()
    whole, part, moved = core.live(1), core.live(2, qty=20), core.live(3, qty=30)
    core.do(cancel(whole), cancel(part, 5), amend(moved, 71_000))

    restart(core)

    assert core.record(whole).request == ""
    assert core.record(part).request_lost_ns == core.now_ns
    assert core.record(moved).request_lost_ns == core.now_ns
    assert core.record(moved).dearest_price_krw == 71_000


def test_restart_forgets_notices_that_nobody_claimed() -> None:
    core = Core()
    core.do(fill(5, 10))
    restart(core)
    order_id = core.live(5)
    assert core.record(order_id).cum_qty == 0


def test_ledger_row_of_a_number_nobody_knows_is_nothing() -> None:
    core = Core()
    assert core.do(ledger(77, 5)) == []

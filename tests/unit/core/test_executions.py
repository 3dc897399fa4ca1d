"""Fills, cancels and amends as two witnesses tell them: the notices and the ledger."""

from __future__ import annotations

import itertools

import pytest

from aegis_fast.core.effects import Alert, AskLedger, Discrepancy, Journal, Send
from aegis_fast.core.events import Event, FillSeen, LedgerSeen
from aegis_fast.core.model import AmendOrder, CancelOrder, OrderState, OrderType, Side
from tests.unit.core.core_maker import (
    CASH,
    SECOND,
    SYMBOL,
    Core,
    accepted,
    amend,
    cancel,
    cancel_confirmed,
    fill,
    fill_qty,
    ledger,
    notice,
    of_kind,
    replace_lost,
    replaced,
    unreplaced,
)

S = OrderState


# -- fills --------------------------------------------------------------------------------------


def test_fills_add_up_to_filled() -> None:
    core = Core()
    order_id = core.live(1)

    core.do(fill(1, 3, 69_900), fill(1, 7, 70_000))

    order = core.record(order_id).snapshot()
    assert (order.state, order.cum_qty, order.leaves_qty) == (S.FILLED, 10, 0)
    assert order.cum_value_krw == 3 * 69_900 + 7 * 70_000
    assert order.average_price_krw == 69_970
    assert core.portfolio.qty(SYMBOL) == 1_010
    assert core.portfolio.reserved_krw == 0


def test_equal_fills_of_one_connection_are_two_fills() -> None:
    core = Core()
    order_id = core.live(1)
    core.do(fill(1, 5), fill(1, 5))
    assert core.state(order_id) is S.FILLED


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_n8_same_fill_from_notice_and_ledger_moves_the_position_once(order: tuple[int]) -> None:
    core = Core()
    order_id = core.live(1)
    stories: list[Event] = [fill(1, 4), ledger(1, 4), ledger(1, 4)]

    moved = [fill_qty(core.do(stories[index])) for index in order]

    assert sorted(moved) == [0, 0, 4]
    assert moved[0] == 4, "the first report moves, the others confirm"
    assert core.record(order_id).cum_qty == 4
    assert core.portfolio.qty(SYMBOL) == 1_004
    assert core.manager.discrepancies == 0


def test_ledger_ahead_then_late_notices_confirm_and_later_ones_add() -> None:
    core = Core()
    order_id = core.live(1)

    core.do(ledger(1, 5))
    core.do(fill(1, 3), fill(1, 2, hhmmss=100_002))
    assert core.record(order_id).cum_qty == 5
    core.do(fill(1, 5, hhmmss=100_003))

    assert core.state(order_id) is S.FILLED
    assert core.portfolio.qty(SYMBOL) == 1_010


def test_fill_while_notices_are_missing_asks_the_ledger() -> None:
    core = Core()
    core.live(1)
    core.do(ledger(1, 5))
    assert AskLedger(0) in core.do(fill(1, 3))


def test_fill_repeated_on_a_new_connection_counts_once_and_is_reported() -> None:
    core = Core()
    order_id = core.live(1)
    core.do(fill(1, 4, session=1))

    effects = core.do(fill(1, 4, session=2))

    assert core.record(order_id).cum_qty == 4
    assert of_kind(effects, Discrepancy)
    assert of_kind(effects, AskLedger)
    assert not of_kind(effects, Journal)


def test_fill_missed_on_the_old_connection_counts_when_the_new_one_tells_it() -> None:
    core = Core()
    order_id = core.live(1)
    core.do(fill(1, 4, session=1), fill(1, 4, session=2, hhmmss=100_009))
    assert core.record(order_id).cum_qty == 8


def test_new_fill_that_looks_like_an_old_one_is_found_by_the_ledger() -> None:
    core = Core()
    order_id = core.live(1)
    core.do(fill(1, 4, session=1), fill(1, 4, session=2), ledger(1, 8))
    assert core.record(order_id).cum_qty == 8


def test_filled_quantity_never_goes_down() -> None:
    core = Core()
    order_id = core.live(1)
    core.do(ledger(1, 6), ledger(1, 2), ledger(1, 0))
    assert core.record(order_id).cum_qty == 6


def test_ledger_that_stays_behind_the_notices_is_asked_again_then_reported_once() -> None:
    core = Core()
    core.live(1)
    core.do(fill(1, 5))

    first = core.do(ledger(1, 3))
    soon = core.do(ledger(1, 3))
    late = core.do(ledger(1, 3), after_ns=61 * SECOND)
    again = core.do(ledger(1, 3))

    assert AskLedger(1_000) in first
    assert soon == []
    assert [type(effect) for effect in late] == [Discrepancy, AskLedger]
    assert again == []
    assert core.manager.discrepancies == 1


def test_finished_row_that_shows_less_than_the_notices_is_a_discrepancy() -> None:
    core = Core()
    order_id = core.live(1)
    core.do(fill(1, 10))

    core.do(ledger(1, 7, canceled=3), ledger(1, 7, canceled=3))

    assert core.manager.discrepancies == 1
    assert core.record(order_id).cum_qty == 10


def test_overfill_is_cut_at_the_order_and_reported() -> None:
    core = Core()
    order_id = core.live(1)
    core.do(fill(1, 8))

    core.do(fill(1, 8, hhmmss=100_002), fill(1, 8, hhmmss=100_003))

    order = core.record(order_id).snapshot()
    assert (order.state, order.cum_qty, order.cum_value_krw) == (S.FILLED, 10, 700_000)
    assert core.portfolio.qty(SYMBOL) == 1_010
    assert core.portfolio.cash_krw == CASH - 700_000 - 560_000 * 140 // 10**6 - 19
    assert core.manager.discrepancies == 2


def test_value_of_the_ledger_corrects_the_value_of_the_notices() -> None:
    core = Core()
    order_id = core.live(1)
    core.do(fill(1, 10, 70_000), ledger(1, 10, value_krw=699_000))
    assert core.record(order_id).cum_value_krw == 699_000
    assert core.portfolio.qty(SYMBOL) == 1_010


def test_fill_of_a_rejected_order_still_moves_the_money() -> None:
    core = Core()
    order_id = core.live(1)
    core.do(notice(1, rejected=True))

    core.do(fill(1, 4))

    assert core.state(order_id) is S.REJECTED
    assert core.portfolio.qty(SYMBOL) == 1_004
    assert core.manager.discrepancies == 1


def test_sell_pays_tax_and_frees_the_shares_as_it_fills() -> None:
    core = Core(held={SYMBOL: 30})
    core.live(1, side=Side.SELL)
    assert core.portfolio.sellable(SYMBOL) == 20

    core.do(fill(1, 4))

    value = 280_000
    fees = value * 140 // 10**6 + value * 2_000 // 10**6
    assert core.portfolio.cash_krw == CASH + value - fees
    assert (core.portfolio.qty(SYMBOL), core.portfolio.sellable(SYMBOL)) == (26, 20)


# -- exchange rejects ---------------------------------------------------------------------------


@pytest.mark.parametrize("event", [notice(1, rejected=True), ledger(1, 0, rejected=10)])
def test_exchange_reject_after_ack_is_rejected_with_alert(event: Event) -> None:
    core = Core()
    order_id = core.live(1)

    effects = core.do(event)

    assert core.state(order_id) is S.REJECTED
    assert core.record(order_id).code == 2
    assert core.portfolio.orderable_krw == CASH
    assert [alert.kind for alert in of_kind(effects, Alert)] == ["order_refused"]


def test_acceptance_notices_change_nothing() -> None:
    core = Core()
    core.live(1)
    assert core.do(notice(1, accept_code=1)) == []
    assert core.do(notice(1, accept_code=2)) == []


def test_rest_of_an_ioc_order_is_canceled() -> None:
    core = Core()
    order_id = core.live(1)
    core.do(fill(1, 4), notice(1, accept_code=3, qty=6))
    assert core.state(order_id) is S.CANCELED
    assert core.record(order_id).snapshot().canceled_qty == 6


# -- cancel -------------------------------------------------------------------------------------


def test_cancel_goes_to_the_leg_in_the_market_and_waits_for_its_confirmation() -> None:
    core = Core()
    order_id = core.live(1)

    effects = core.do(cancel(order_id))
    core.do(replaced(order_id, "cancel", 2))

    command = of_kind(effects, Send)[0].command
    assert isinstance(command, CancelOrder)
    assert (command.broker_order_id, command.org_no, command.qty) == (1, "06010", 0)
    assert core.state(order_id) is S.LIVE
    assert core.record(order_id).request == "cancel"
    assert core.portfolio.reserved_krw > 0
    core.do(cancel_confirmed(2, 1, 10))
    assert core.state(order_id) is S.CANCELED
    assert core.record(order_id).request == ""
    assert core.portfolio.reserved_krw == 0


@pytest.mark.parametrize("first", ["notice", "ledger"])
def test_cancel_confirmed_by_notice_and_ledger_counts_once(first: str) -> None:
    core = Core()
    order_id = core.live(1)
    core.do(cancel(order_id, 3), replaced(order_id, "cancel", 2))
    witnesses: list[Event] = [cancel_confirmed(2, 1, 3), ledger(1, 0, canceled=3)]
    if first == "ledger":
        witnesses.reverse()

    core.do(*witnesses)

    order = core.record(order_id).snapshot()
    assert (order.state, order.canceled_qty, order.leaves_qty) == (S.LIVE, 3, 7)
    assert core.portfolio.reserved_krw == 7 * 70_000 + 69
    assert order.request == ""


def test_second_partial_cancel_adds_to_the_first() -> None:
    core = Core()
    order_id = core.live(1)
    core.do(cancel(order_id, 3), replaced(order_id, "cancel", 2), ledger(1, 0, canceled=3))
    core.do(cancel_confirmed(2, 1, 3))

    core.do(cancel(order_id, 2), replaced(order_id, "cancel", 3), cancel_confirmed(3, 1, 2))

    assert core.record(order_id).snapshot().leaves_qty == 5


def test_partial_cancel_takes_no_more_than_was_asked() -> None:
    core = Core()
    order_id = core.live(1)
    core.do(cancel(order_id, 3), replaced(order_id, "cancel", 2))

    core.do(cancel_confirmed(2, 1, 10))

    assert core.record(order_id).snapshot().leaves_qty == 7


def test_cancel_confirmed_before_its_reply_is_applied_after_it() -> None:
    core = Core()
    order_id = core.live(1)
    core.do(cancel(order_id), cancel_confirmed(2, 1, 10))
    assert core.state(order_id) is S.LIVE
    core.do(replaced(order_id, "cancel", 2))
    assert core.state(order_id) is S.CANCELED


def test_fill_that_races_the_cancel_leaves_what_was_filled() -> None:
    core = Core()
    order_id = core.live(1)
    core.do(cancel(order_id), fill(1, 4), replaced(order_id, "cancel", 2))

    core.do(cancel_confirmed(2, 1, 6))

    order = core.record(order_id).snapshot()
    assert (order.state, order.cum_qty, order.canceled_qty) == (S.CANCELED, 4, 6)


def test_cancel_of_all_that_was_left_ends_the_order_with_its_late_fill() -> None:
    core = Core()
    order_id = core.live(1)
    core.do(cancel(order_id), replaced(order_id, "cancel", 2), cancel_confirmed(2, 1, 6))
    assert core.state(order_id) is S.LIVE, "four shares are still unaccounted for"

    core.do(fill(1, 4))

    order = core.record(order_id).snapshot()
    assert (order.state, order.cum_qty, order.canceled_qty) == (S.CANCELED, 4, 6)
    assert core.portfolio.reserved_krw == 0


def test_late_fill_after_the_cancel_is_counted() -> None:
    core = Core()
    order_id = core.live(1)
    core.do(cancel(order_id), replaced(order_id, "cancel", 2), cancel_confirmed(2, 1, 0))
    assert core.state(order_id) is S.CANCELED

    core.do(fill(1, 3))
    order = core.record(order_id).snapshot()
    assert (order.state, order.cum_qty, order.canceled_qty) == (S.CANCELED, 3, 7)
    core.do(fill(1, 7, hhmmss=100_002))
    assert core.state(order_id) is S.FILLED


def test_cancel_that_came_too_late_ends_filled() -> None:
    core = Core()
    order_id = core.live(1)
    core.do(cancel(order_id), fill(1, 10), unreplaced(order_id, "cancel"))
    assert core.state(order_id) is S.FILLED
    assert core.record(order_id).request == ""


def test_refused_cancel_leaves_the_order_as_it_was_and_looks() -> None:
    core = Core()
    order_id = core.live(1)
    core.do(cancel(order_id))

    effects = core.do(unreplaced(order_id, "cancel"))

    order = core.record(order_id).snapshot()
    assert (order.state, order.request, order.venue_code) == (S.LIVE, "", "APBK1359")
    assert AskLedger(0) in effects


@pytest.mark.parametrize("number_known", [True, False])
def test_cancel_that_the_exchange_rejects_may_be_asked_again(number_known: bool) -> None:
    core = Core()
    order_id = core.live(1)
    rejection = notice(2, original=1, action=2, rejected=True)
    core.do(cancel(order_id))
    core.do(*([replaced(order_id, "cancel", 2), rejection][:: 1 if number_known else -1]))

    assert core.record(order_id).request == ""
    assert core.state(order_id) is S.LIVE
    assert core.do(rejection) == []
    assert of_kind(core.do(cancel(order_id)), Send)


def test_rejection_of_an_old_cancel_does_not_touch_a_new_one() -> None:
    core = Core()
    order_id = core.live(1)
    rejection = notice(2, original=1, action=2, rejected=True)
    core.do(cancel(order_id), replaced(order_id, "cancel", 2), rejection, cancel(order_id))

    core.do(rejection)

    assert core.record(order_id).request == "cancel"


def test_lost_cancel_of_all_may_be_asked_again_at_once() -> None:
    core = Core()
    order_id = core.live(1)
    core.do(cancel(order_id), replace_lost(order_id, "cancel"))
    assert core.state(order_id) is S.LIVE
    assert of_kind(core.do(cancel(order_id)), Send)


def test_lost_partial_cancel_waits_for_the_ledger() -> None:
    core = Core()
    order_id = core.live(1)
    core.do(cancel(order_id, 3), replace_lost(order_id, "cancel"))

    assert core.do(cancel(order_id, 3)) == []
    core.do(replaced(order_id, "cancel", 2), ledger(1, 0, canceled=3))

    assert core.record(order_id).snapshot().leaves_qty == 7
    assert of_kind(core.do(cancel(order_id, 3)), Send)


def test_cancel_by_someone_else_is_seen_in_the_ledger() -> None:
    core = Core()
    order_id = core.live(1)
    core.do(ledger(1, 0, canceled=10))
    assert core.state(order_id) is S.CANCELED


@pytest.mark.parametrize(
    "prepare",
    [
        lambda core: core.submit(),
        lambda core: (core.live(1), core.do(fill(1, 10)))[0],
    ],
    ids=["pending", "filled"],
)
def test_cancel_of_an_order_that_cannot_be_canceled_does_nothing(prepare) -> None:  # type: ignore[no-untyped-def]
    core = Core()
    order_id = prepare(core)
    assert core.do(cancel(order_id)) == []
    assert core.do(amend(order_id, 69_000)) == []


def test_second_request_while_one_is_under_way_does_nothing() -> None:
    core = Core()
    order_id = core.live(1)
    core.do(cancel(order_id))
    assert core.do(cancel(order_id)) == core.do(amend(order_id, 1)) == []


# -- amend --------------------------------------------------------------------------------------


def test_amend_moves_the_rest_to_a_new_number() -> None:
    core = Core()
    order_id = core.live(1)
    core.do(fill(1, 3))

    effects = core.do(amend(order_id, 69_500))
    core.do(replaced(order_id, "amend", 2))

    command = of_kind(effects, Send)[0].command
    assert isinstance(command, AmendOrder)
    assert (command.broker_order_id, command.leaves_qty, command.price_krw) == (1, 7, 69_500)
    record = core.record(order_id)
    assert (record.leg_number, record.price_krw, record.request) == (2, 69_500, "")
    assert core.manager.by_broker_id(1) is core.manager.by_broker_id(2) is record


def test_chain_of_amends_counts_fills_of_every_leg() -> None:
    core = Core()
    order_id = core.live(1)
    core.do(fill(1, 2), amend(order_id, 69_500), replaced(order_id, "amend", 2))
    core.do(fill(2, 3, 69_500), amend(order_id, 69_000), replaced(order_id, "amend", 3))

    core.do(fill(3, 4, 69_000), fill(1, 1, hhmmss=100_002))

    order = core.record(order_id).snapshot()
    assert (order.state, order.cum_qty) == (S.FILLED, 10)
    assert order.cum_value_krw == 3 * 70_000 + 3 * 69_500 + 4 * 69_000


def test_old_leg_in_the_ledger_does_not_end_the_order() -> None:
    core = Core()
    order_id = core.live(1)
    core.do(amend(order_id, 69_500), replaced(order_id, "amend", 2))
    core.do(ledger(1, 0, leaves=0), ledger(2, 0))
    assert core.state(order_id) is S.LIVE


def test_amend_through_but_not_listed_yet_is_no_cancel() -> None:
    core = Core()
    order_id = core.live(1)
    core.do(amend(order_id, 71_000))

    core.do(ledger(1, 0, leaves=0))
    assert core.state(order_id) is S.LIVE
    core.do(replaced(order_id, "amend", 2))

    assert core.state(order_id) is S.LIVE
    assert core.record(order_id).snapshot().leaves_qty == 10


def test_partly_canceled_order_that_looked_over_goes_on_with_its_amend() -> None:
    core = Core()
    order_id = core.live(1)
    core.do(cancel(order_id, 2), replaced(order_id, "cancel", 2), cancel_confirmed(2, 1, 2))
    core.do(fill(1, 3), ledger(1, 3, canceled=2, leaves=0))
    assert core.state(order_id) is S.CANCELED

    core.do(replaced(order_id, "amend", 3, 69_500))

    order = core.record(order_id).snapshot()
    assert (order.state, order.canceled_qty, order.leaves_qty) == (S.PARTIAL, 2, 5)
    assert core.portfolio.reserved_krw == core.portfolio.fees.reserve_krw(5, 70_000)


def test_order_whose_cancel_was_confirmed_does_not_come_back() -> None:
    core = Core()
    order_id = core.live(1)
    core.do(cancel(order_id), replaced(order_id, "cancel", 2), cancel_confirmed(2, 1, 10))
    core.do(replaced(order_id, "amend", 3, 69_500))
    assert core.state(order_id) is S.CANCELED


def test_amend_that_the_exchange_rejects_leaves_the_order_under_its_old_number() -> None:
    core = Core()
    order_id = core.live(1)
    core.do(fill(1, 2), amend(order_id, 71_000), replaced(order_id, "amend", 2))

    core.do(notice(2, original=1, action=1, rejected=True))

    record = core.record(order_id)
    assert (record.state, record.leg_number, record.price_krw) == (S.PARTIAL, 1, 70_000)
    assert core.portfolio.reserved_krw == core.portfolio.fees.reserve_krw(8, 70_000)
    assert core.manager.knows(2), "or the next scan would take it for a new amend"
    core.do(ledger(2, 0, rejected=8, qty=8), fill(1, 8, hhmmss=100_002))
    assert core.state(order_id) is S.FILLED


def test_row_of_a_rejected_amend_does_not_end_the_order() -> None:
    core = Core()
    order_id = core.live(1)
    core.do(amend(order_id, 71_000), replaced(order_id, "amend", 2))
    core.do(ledger(2, 0, rejected=10))
    assert core.state(order_id) is S.LIVE


def test_rejected_amend_that_has_filled_is_a_contradiction() -> None:
    core = Core()
    order_id = core.live(1)
    core.do(amend(order_id, 71_000), replaced(order_id, "amend", 2), fill(2, 1))
    core.do(notice(2, original=1, action=1, rejected=True))
    assert core.manager.discrepancies == 1
    assert core.record(order_id).leg_number == 2


def test_refused_amend_keeps_price_and_number() -> None:
    core = Core()
    order_id = core.live(1)
    core.do(amend(order_id, 75_000))
    assert core.portfolio.reserved_krw == core.portfolio.fees.reserve_krw(10, 75_000)

    core.do(unreplaced(order_id, "amend"))

    assert (core.record(order_id).price_krw, core.record(order_id).leg_number) == (70_000, 1)
    assert core.portfolio.reserved_krw == core.portfolio.fees.reserve_krw(10, 70_000)


def test_answer_to_another_request_is_ignored() -> None:
    core = Core()
    order_id = core.live(1)
    core.do(amend(order_id, 75_000))
    assert core.do(unreplaced(order_id, "cancel")) == []
    assert core.do(replace_lost(order_id, "cancel")) == []
    assert core.record(order_id).request == "amend"


def test_amend_found_twice_adds_one_leg() -> None:
    core = Core()
    order_id = core.live(1)
    core.do(amend(order_id, 69_000), replaced(order_id, "amend", 2, 69_000))
    assert core.do(replaced(order_id, "amend", 2)) == []
    assert len(core.record(order_id).legs) == 2


# -- what is set aside --------------------------------------------------------------------------


def test_dearer_price_stays_reserved_until_the_ledger_has_closed_the_old_leg() -> None:
    core = Core()
    order_id = core.live(1)
    reserve = core.portfolio.fees.reserve_krw
    core.do(amend(order_id, 60_000), replaced(order_id, "amend", 2))
    assert core.portfolio.reserved_krw == reserve(10, 70_000)

    core.do(ledger(1, 4, leaves=0))

    assert core.portfolio.reserved_krw == reserve(6, 60_000)
    assert core.record(order_id).cum_qty == 4


def test_lost_amend_keeps_the_dearer_price_reserved() -> None:
    core = Core()
    order_id = core.live(1)
    core.do(amend(order_id, 75_000), replace_lost(order_id, "amend"))
    assert core.portfolio.reserved_krw == core.portfolio.fees.reserve_krw(10, 75_000)
    assert core.do(cancel(order_id)) == [], "what is in the market must be known first"


def test_amend_to_the_market_by_someone_else_keeps_what_was_reserved() -> None:
    core = Core()
    order_id = core.live(1)
    core.do(replaced(order_id, "amend", 2, 0))
    assert core.portfolio.reserved_krw == core.portfolio.fees.reserve_krw(10, 70_000)


def test_market_buy_reserves_the_upper_limit() -> None:
    core = Core()
    core.submit(order_type=OrderType.MARKET)
    assert core.portfolio.reserved_krw == core.portfolio.fees.reserve_krw(10, 91_000)


def test_notices_without_journal_leave_no_trace() -> None:
    core = Core()
    core.live(1)
    for event in (
        notice(1, accept_code=1),
        ledger(1, 0),
        LedgerSeen(
            broker_order_id=5,
            cum_qty=1,
            cum_value_krw=1,
            canceled_qty=0,
            rejected_qty=0,
            leaves_qty=0,
        ),
        FillSeen(broker_order_id=99, qty=1, price_krw=1, time_hhmmss=0, session=1),
    ):
        assert not of_kind(core.do(event), Journal)


def test_order_is_accepted_then_filled_by_the_scan_that_found_it() -> None:
    core = Core()
    order_id = core.submit()
    core.do(accepted(order_id, 1, "ledger"), ledger(1, 10))
    assert core.state(order_id) is S.FILLED

"""The reconciler: what a list of the day's orders proves, and what it does not."""

from __future__ import annotations

import pytest

from aegis_fast.core.events import (
    AbsenceProven,
    Event,
    ExternalSeen,
    LedgerSeen,
    NoticeAcked,
    OrderAccepted,
    ReplaceAccepted,
    ReplaceRefused,
    Restarted,
)
from aegis_fast.core.model import DayOrder, OrderState, OrderType, Side
from aegis_fast.core.reconcile import Reconciler, ReconcileRules
from tests.unit.core.core_maker import (
    NOON_DATE,
    SECOND,
    SYMBOL,
    T0,
    Core,
    accepted,
    amend,
    cancel,
    fill,
    lost,
    notice,
    of_kind,
    replace_lost,
    replaced,
    row,
    scan,
)

S = OrderState
RULES = ReconcileRules(absence_scans=3, quiet_horizon_ns=60 * SECOND, clock_slack_s=2)
HOUR = 3_600 * SECOND


class Desk(Core):
    """A core with a reconciler; `see` is one scan, applied."""

    def __init__(self, rules: ReconcileRules = RULES) -> None:
        super().__init__()
        self.reconciler = Reconciler(self.manager, rules)

    def see(self, *rows: DayOrder, after_s: int = 1, complete: bool = True) -> list[Event]:
        self.now_ns += after_s * SECOND
        asked = scan(*rows, asked_ns=self.now_ns, complete=complete)
        events = self.reconciler.events(asked, self.now_ns)
        self.do(*events, after_ns=0)
        return events

    def unknown(self, **changes: object) -> str:
        order_id = self.submit(**changes)
        self.do(lost(order_id))
        return order_id


# -- unknown orders -----------------------------------------------------------------------------


def test_one_match_is_the_unknown_order() -> None:
    desk = Desk()
    order_id = desk.unknown()

    desk.see(row(11, cum_qty=4))

    order = desk.record(order_id).snapshot()
    assert (order.state, order.broker_order_id, order.cum_qty) == (S.PARTIAL, 11, 4)


@pytest.mark.parametrize(
    "changes",
    [
        {"symbol": "000660"},
        {"side": Side.SELL},
        {"qty": 9},
        {"price_krw": 70_100},
        {"order_type": OrderType.MARKET},
        {"order_type": None},
        {"time_hhmmss": 95_957},
        {"original_broker_order_id": 3},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_row_that_differs_is_not_the_unknown_order(changes: dict[str, object]) -> None:
    desk = Desk()
    order_id = desk.unknown()
    desk.see(row(11, **changes))
    assert desk.state(order_id) is S.UNKNOWN


@pytest.mark.parametrize("hhmmss", [95_958, 100_000, 153_000, 0])
def test_row_at_or_after_the_send_less_the_slack_matches(hhmmss: int) -> None:
    desk = Desk()
    order_id = desk.unknown()
    desk.see(row(11, time_hhmmss=hhmmss))
    assert desk.state(order_id) is S.LIVE


def test_price_of_a_market_row_does_not_matter() -> None:
    desk = Desk()
    order_id = desk.unknown(order_type=OrderType.MARKET)
    desk.see(row(11, order_type=OrderType.MARKET, price_krw=71_000))
    assert desk.state(order_id) is S.LIVE


def test_order_sent_before_midnight_matches_a_row_after_it() -> None:
    desk = Desk()
    desk.now_ns = T0 + 14 * HOUR - 2 * SECOND  # 23:59:58
    order_id = desk.unknown()
    desk.see(row(11, time_hhmmss=1))
    assert desk.state(order_id) is S.LIVE


def test_known_number_is_never_the_unknown_order() -> None:
    desk = Desk()
    desk.live(11)
    order_id = desk.unknown()
    desk.see(row(11))
    assert desk.state(order_id) is S.UNKNOWN


def test_two_matches_stop_the_symbol_and_claim_neither() -> None:
    desk = Desk()
    order_id = desk.unknown()

    events = desk.see(row(11), row(12))

    assert desk.state(order_id) is S.UNKNOWN
    assert "11, 12" in desk.manager.halted[SYMBOL]
    assert not of_kind(events, ExternalSeen)  # type: ignore[arg-type]
    assert len(list(desk.manager.records())) == 1


def test_ambiguity_is_reported_once_while_it_lasts() -> None:
    desk = Desk()
    desk.unknown()
    desk.see(row(11), row(12))
    journal = len(desk.journal)
    desk.see(row(11), row(12))
    assert len(desk.journal) == journal


def test_match_in_an_incomplete_list_is_not_known_to_be_the_only_one() -> None:
    desk = Desk()
    order_id = desk.unknown()

    events = desk.see(row(11), complete=False)

    assert desk.state(order_id) is S.UNKNOWN
    assert not [e for e in events if isinstance(e, ExternalSeen | OrderAccepted)]


def test_two_unknown_orders_find_their_rows() -> None:
    desk = Desk()
    first, second = desk.unknown(), desk.unknown(qty=20)
    desk.see(row(12, qty=20), row(11))
    assert desk.record(first).leg_number == 11
    assert desk.record(second).leg_number == 12


def test_unknown_order_that_the_exchange_rejected_is_rejected() -> None:
    desk = Desk()
    order_id = desk.unknown()
    desk.see(row(11, rejected_qty=10))
    assert desk.state(order_id) is S.REJECTED


# -- absence ------------------------------------------------------------------------------------


def test_absence_needs_enough_complete_scans_after_the_quiet_horizon() -> None:
    desk = Desk()
    order_id = desk.unknown()

    for _ in range(10):
        desk.see(after_s=5)
    assert desk.state(order_id) is S.UNKNOWN, "the horizon is not over"
    desk.see(after_s=11)
    desk.see()
    assert desk.state(order_id) is S.UNKNOWN, "two scans are not three"
    events = desk.see()

    proof = next(e for e in events if isinstance(e, AbsenceProven))
    assert proof.scans == 3
    assert proof.quiet_ns >= 60 * SECOND
    assert desk.state(order_id) is S.REJECTED


def test_incomplete_scans_prove_nothing_and_take_nothing_away() -> None:
    desk = Desk()
    order_id = desk.unknown()
    desk.see(after_s=61)
    for _ in range(10):
        desk.see(complete=False)
    assert desk.state(order_id) is S.UNKNOWN
    desk.see()
    desk.see()
    assert desk.state(order_id) is S.REJECTED


def test_one_scan_may_be_enough_but_never_an_incomplete_one() -> None:
    desk = Desk(ReconcileRules(absence_scans=1, quiet_horizon_ns=60 * SECOND))
    order_id = desk.unknown()
    desk.see(after_s=61, complete=False)
    assert desk.state(order_id) is S.UNKNOWN
    desk.see()
    assert desk.state(order_id) is S.REJECTED


def test_scan_asked_for_before_the_horizon_does_not_count_however_late_it_arrives() -> None:
    desk = Desk()
    order_id = desk.unknown()
    asked = scan(asked_ns=desk.now_ns + 59 * SECOND)
    for _ in range(5):
        desk.do(*desk.reconciler.events(asked, desk.now_ns + HOUR))
    assert desk.state(order_id) is S.UNKNOWN


def test_order_that_shows_up_late_is_found_and_its_misses_are_forgotten() -> None:
    desk = Desk()
    order_id = desk.unknown()
    desk.see(after_s=61)
    desk.see()
    desk.see(row(11))
    assert desk.state(order_id) is S.LIVE


def test_misses_of_one_lost_request_do_not_count_for_the_next() -> None:
    desk = Desk()
    order_id = desk.live(1)
    live = row(1)
    desk.do(amend(order_id, 71_000), replace_lost(order_id, "amend"))
    for _ in range(4):
        desk.see(live, after_s=61)
    assert desk.record(order_id).request == ""

    desk.do(amend(order_id, 72_000), replace_lost(order_id, "amend"))
    desk.see(live, after_s=61)
    desk.see(live)

    assert desk.record(order_id).request == "amend"
    desk.see(live)
    assert desk.record(order_id).request == ""


def test_absence_of_an_order_that_was_never_lost_means_nothing() -> None:
    desk = Desk()
    pending, live = desk.submit(), desk.live(1, qty=7)
    for _ in range(10):
        desk.see(after_s=61)
    assert desk.state(pending) is S.PENDING
    assert desk.state(live) is S.LIVE


# -- cancels and amends -------------------------------------------------------------------------


def test_lost_amend_is_found_by_its_original_number() -> None:
    desk = Desk()
    order_id = desk.live(1)
    desk.do(amend(order_id, 71_000), replace_lost(order_id, "amend"))

    desk.see(row(1, leaves_qty=0), row(2, original_broker_order_id=1, price_krw=71_000))

    record = desk.record(order_id)
    assert (record.leg_number, record.price_krw, record.request) == (2, 71_000, "")
    assert record.state is S.LIVE


def test_lost_cancel_is_found_by_its_original_number() -> None:
    desk = Desk()
    order_id = desk.live(1)
    desk.do(cancel(order_id, 4), replace_lost(order_id, "cancel"))

    events = desk.see(
        row(1, canceled_qty=4), row(2, qty=4, original_broker_order_id=1, is_cancel=True)
    )

    assert [type(e) for e in events] == [ReplaceAccepted, LedgerSeen]
    assert desk.record(order_id).snapshot().leaves_qty == 6
    assert desk.manager.knows(2)


def test_lost_amend_that_never_shows_is_given_up_after_the_horizon() -> None:
    desk = Desk()
    order_id = desk.live(1)
    desk.do(amend(order_id, 71_000), replace_lost(order_id, "amend"))

    desk.see(row(1), after_s=30)
    assert desk.record(order_id).request == "amend"
    desk.see(row(1), after_s=31)
    desk.see(row(1))
    events = desk.see(row(1))

    assert [type(e) for e in events] == [ReplaceRefused, LedgerSeen]
    record = desk.record(order_id)
    assert (record.request, record.price_krw, record.state) == ("", 70_000, S.LIVE)


def test_accepted_cancel_that_is_never_confirmed_may_be_asked_again() -> None:
    desk = Desk()
    order_id = desk.live(1)
    shown = (row(1), row(2, original_broker_order_id=1, is_cancel=True))
    desk.do(cancel(order_id), replaced(order_id, "cancel", 2))
    for _ in range(3):
        desk.see(*shown, after_s=61)
    assert desk.record(order_id).request == ""
    assert desk.do(cancel(order_id))


def test_cancel_that_the_exchange_rejected_is_seen_without_its_notice() -> None:
    desk = Desk()
    order_id = desk.live(1)
    desk.do(cancel(order_id), replaced(order_id, "cancel", 2))

    shown = (row(1), row(2, original_broker_order_id=1, is_cancel=True, rejected_qty=10))
    events = desk.see(*shown)

    assert any(isinstance(e, NoticeAcked) and e.is_rejected for e in events)
    assert desk.record(order_id).request == ""
    journal = len(desk.journal)
    desk.see(*shown)
    assert len(desk.journal) == journal, "told once"


@pytest.mark.parametrize("is_answer_lost", [True, False])
def test_amend_that_the_exchange_rejected_is_seen_without_its_notice(is_answer_lost: bool) -> None:
    desk = Desk()
    order_id = desk.live(1)
    desk.do(amend(order_id, 71_000))
    desk.do(replace_lost(order_id, "amend") if is_answer_lost else replaced(order_id, "amend", 2))

    rejected = row(2, original_broker_order_id=1, price_krw=71_000, rejected_qty=10)
    desk.see(row(1), rejected)
    desk.see(row(1), rejected)

    record = desk.record(order_id)
    assert (record.state, record.leg_number, record.price_krw) == (S.LIVE, 1, 70_000)
    assert record.request == ""


def test_amend_by_someone_else_moves_the_order_to_its_new_number() -> None:
    desk = Desk()
    order_id = desk.live(1)
    desk.see(row(1, leaves_qty=0), row(5, original_broker_order_id=1, price_krw=69_000))
    record = desk.record(order_id)
    assert (record.state, record.leg_number, record.price_krw) == (S.LIVE, 5, 69_000)


def test_cancel_by_someone_else_ends_the_order() -> None:
    desk = Desk()
    order_id = desk.live(1)
    desk.see(row(1, canceled_qty=10), row(5, original_broker_order_id=1, is_cancel=True))
    assert desk.state(order_id) is S.CANCELED


def test_shares_that_no_row_accounts_for_are_given_up_slowly() -> None:
    desk = Desk()
    order_id = desk.live(1)
    vanished = row(1, leaves_qty=0)

    desk.see(vanished, after_s=5)
    desk.see(vanished, after_s=5)
    assert desk.state(order_id) is S.LIVE, "the number that follows may not be listed yet"
    assert desk.portfolio.reserved_krw > 0
    for _ in range(3):
        desk.see(vanished, after_s=61)

    assert desk.state(order_id) is S.CANCELED


def test_chain_of_amends_by_someone_else_before_the_start_is_followed() -> None:
    desk = Desk()
    rows = (
        row(1, qty=8, leaves_qty=0),
        row(2, qty=8, leaves_qty=0, original_broker_order_id=1),
        row(3, qty=8, original_broker_order_id=2, price_krw=69_000),
    )
    for _ in range(3):
        desk.see(*rows)

    (record,) = desk.manager.records()
    assert (record.state, record.leg_number, record.origin) == (S.LIVE, 3, "external")
    assert record.leaves_qty == 8


# -- orders of others ---------------------------------------------------------------------------


def test_strange_order_is_adopted() -> None:
    desk = Desk()
    desk.see(row(50, qty=3), row(51, qty=4, symbol="000660", cum_qty=4, cum_value_krw=400))
    ids = [(r.order_id, r.origin, str(r.state)) for r in desk.manager.records()]
    assert ids == [
        ("20261123-000001", "external", "live"),
        ("20261123-000002", "external", "filled"),
    ]
    assert desk.portfolio.qty("000660") == 4


@pytest.mark.parametrize("state", ["pending", "unknown"])
def test_strange_order_is_not_adopted_while_one_of_ours_could_be_it(state: str) -> None:
    desk = Desk()
    order_id = desk.submit()
    if state == "unknown":
        desk.do(lost(order_id))

    # The broker's clock is an hour behind: no match, and yet it may be ours.
    desk.see(row(50, time_hhmmss=90_000))

    assert [r.order_id for r in desk.manager.records()] == [order_id]
    desk.do(accepted(order_id, 50))
    desk.see(row(50, time_hhmmss=90_000))
    assert [r.order_id for r in desk.manager.records()] == [order_id]


def test_strange_cancel_and_amend_rows_are_not_orders() -> None:
    desk = Desk()
    desk.see(
        row(50, original_broker_order_id=49),
        row(51, original_broker_order_id=49, is_cancel=True),
        row(52, original_broker_order_id=49, rejected_qty=10),
    )
    assert list(desk.manager.records()) == []
    assert len(desk.manager._blotter._parked) == 0


def test_adopted_order_of_an_unknown_kind_and_venue_is_kept_as_a_limit_order() -> None:
    desk = Desk()
    desk.see(row(50, order_type=None, venue="???"))
    (record,) = desk.manager.records()
    assert (record.order_type, str(record.venue)) == (OrderType.LIMIT, "KRX")


# -- what the rows say --------------------------------------------------------------------------


def test_fills_of_known_orders_follow_from_their_rows() -> None:
    desk = Desk()
    order_id = desk.live(1)
    desk.see(row(1, cum_qty=10))
    assert desk.state(order_id) is S.FILLED


def test_scan_that_shows_nothing_new_journals_nothing() -> None:
    desk = Desk()
    desk.live(1)
    desk.do(fill(1, 4), notice(1))
    desk.see(row(1, cum_qty=4))
    journal = len(desk.journal)
    for _ in range(5):
        desk.see(row(1, cum_qty=4))
    assert len(desk.journal) == journal


def test_rows_of_yesterdays_numbers_are_strange_orders_today() -> None:
    desk = Desk()
    old = desk.live(1)
    desk.now_ns += 24 * HOUR
    desk.do(Restarted(business_date=NOON_DATE + 1))

    desk.see(row(1, qty=3, cum_qty=3))

    assert desk.record(old).cum_qty == 0
    assert [r.origin for r in desk.manager.records()] == ["api", "external"]


def test_absence_of_yesterdays_shares_does_not_count_for_todays_order_of_that_number() -> None:
    desk = Desk()
    desk.live(1)
    for _ in range(5):
        desk.see(row(1, leaves_qty=0), after_s=25)
    desk.now_ns += 24 * HOUR
    desk.do(Restarted(business_date=NOON_DATE + 1))
    order_id = desk.live(1)

    desk.see(row(1, leaves_qty=0), after_s=25)

    assert desk.record(order_id).state is S.LIVE

"""The order state machine: one table, every row reachable, nothing outside it."""

from __future__ import annotations

import itertools

import pytest

from aegis_fast.core.events import AbsenceProven, Event, Restarted
from aegis_fast.core.model import OrderState
from aegis_fast.core.transitions import TRANSITIONS, allowed
from tests.unit.core.core_maker import (
    NOON_DATE,
    Core,
    accepted,
    cancel,
    cancel_confirmed,
    fill,
    ledger,
    lost,
    notice,
    refused,
    replaced,
)

S = OrderState
O = "20261123-000001"  # noqa: E741  the one order of each story
ABSENT = AbsenceProven(order_id=O, scans=3, quiet_ns=1)
TOMORROW = Restarted(business_date=NOON_DATE + 1)

# (from, cause, to) -> the events that lead there; the last one is the cause.
ROWS: dict[tuple[OrderState, str, OrderState], list[Event]] = {
    (S.PENDING, "accept", S.LIVE): [accepted(O, 1)],
    (S.PENDING, "refuse", S.REJECTED): [refused(O)],
    (S.PENDING, "lose", S.UNKNOWN): [lost(O)],
    (S.PENDING, "expire", S.CANCELED): [TOMORROW],
    (S.UNKNOWN, "accept", S.LIVE): [lost(O), accepted(O, 1)],
    (S.UNKNOWN, "refuse", S.REJECTED): [lost(O), refused(O)],
    (S.UNKNOWN, "absent", S.REJECTED): [lost(O), ABSENT],
    (S.UNKNOWN, "expire", S.CANCELED): [lost(O), TOMORROW],
    (S.LIVE, "exchange_reject", S.REJECTED): [accepted(O, 1), notice(1, rejected=True)],
    (S.LIVE, "fill", S.PARTIAL): [accepted(O, 1), fill(1, 3)],
    (S.LIVE, "fill", S.FILLED): [accepted(O, 1), fill(1, 10)],
    (S.LIVE, "reduce", S.LIVE): [
        accepted(O, 1),
        cancel(O, 4),
        replaced(O, "cancel", 2),
        cancel_confirmed(2, 1, 4),
    ],
    (S.LIVE, "reduce", S.CANCELED): [
        accepted(O, 1),
        cancel(O),
        replaced(O, "cancel", 2),
        cancel_confirmed(2, 1, 10),
    ],
    (S.LIVE, "expire", S.CANCELED): [accepted(O, 1), TOMORROW],
    (S.PARTIAL, "fill", S.PARTIAL): [accepted(O, 1), fill(1, 3), fill(1, 3)],
    (S.PARTIAL, "fill", S.FILLED): [accepted(O, 1), fill(1, 3), fill(1, 7)],
    (S.PARTIAL, "reduce", S.PARTIAL): [accepted(O, 1), fill(1, 3), ledger(1, 3, canceled=2)],
    (S.PARTIAL, "reduce", S.CANCELED): [accepted(O, 1), fill(1, 3), ledger(1, 3, canceled=7)],
    (S.PARTIAL, "expire", S.CANCELED): [accepted(O, 1), fill(1, 3), TOMORROW],
    (S.CANCELED, "fill", S.CANCELED): [accepted(O, 1), ledger(1, 0, canceled=10), fill(1, 3)],
    (S.CANCELED, "fill", S.FILLED): [accepted(O, 1), ledger(1, 0, canceled=10), fill(1, 10)],
    (S.CANCELED, "replace", S.LIVE): [
        accepted(O, 1),
        ledger(1, 0, leaves=0),
        replaced(O, "amend", 2, 69_000),
    ],
    (S.CANCELED, "replace", S.PARTIAL): [
        accepted(O, 1),
        fill(1, 3),
        ledger(1, 3, leaves=0),
        replaced(O, "amend", 2, 69_000),
    ],
}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: "-".join(map(str, row)))
def test_row_of_the_table_can_happen(row: tuple[OrderState, str, OrderState]) -> None:
    before, cause, after = row
    core = Core()
    assert core.submit() == O
    *way, last = ROWS[row]

    core.do(*way)
    state_before = core.state(O)
    core.do(last)

    assert state_before is before
    assert allowed(before, cause, after)
    assert core.state(O) is after


def test_every_row_of_the_table_has_a_story() -> None:
    told = set(ROWS)
    table = {(s, cause, t) for (s, cause), targets in TRANSITIONS.items() for t in targets}
    assert told == table


def test_nothing_leaves_filled_or_rejected() -> None:
    causes = {cause for _state, cause in TRANSITIONS}
    for state, cause, target in itertools.product((S.FILLED, S.REJECTED), causes, OrderState):
        assert not allowed(state, cause, target)


def test_unknown_order_is_only_rejected_with_proof() -> None:
    ways = {
        cause
        for (s, cause), targets in TRANSITIONS.items()
        if s is S.UNKNOWN and S.REJECTED in targets
    }
    assert ways == {"refuse", "absent"}


@pytest.mark.parametrize(
    "events",
    [
        [refused(O), accepted(O, 1)],
        [accepted(O, 1), refused(O)],
        [accepted(O, 1), fill(1, 10), notice(1, rejected=True)],
        [accepted(O, 1), fill(1, 3), notice(1, rejected=True)],
    ],
    ids=["accept-after-refuse", "refuse-after-accept", "reject-filled", "reject-partial"],
)
def test_what_the_table_forbids_is_a_discrepancy_and_changes_nothing(events: list[Event]) -> None:
    core = Core()
    core.submit()
    *way, last = events
    core.do(*way)
    state, count = core.state(O), core.manager.discrepancies

    core.do(last)

    assert core.state(O) is state
    assert core.manager.discrepancies == count + 1

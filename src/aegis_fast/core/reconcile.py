"""Compare the broker's list of the day's orders with ours, and say what follows. Pure.

KIS takes no client order id, so an unknown order is recognised by what it is: the same account,
symbol, side, quantity, price and kind, a number nobody knew before, and a time not before it was
sent. As at most one order of a fingerprint is ever unanswered, there is at most one match; if there
are more, a person must look.

Absence is believed slowly everywhere: an order, a change or the rest of an order that the list does
not account for is given up only after several complete scans over a quiet horizon.
"""

from __future__ import annotations

from dataclasses import dataclass

from aegis_fast.core.events import (
    AbsenceProven,
    Event,
    ExternalSeen,
    LedgerSeen,
    NoticeAcked,
    OrderAccepted,
    ReplaceAccepted,
    ReplaceRefused,
    SymbolHalted,
)
from aegis_fast.core.hours import kst_date, kst_hhmmss, seconds_of_hhmmss
from aegis_fast.core.model import DayOrder, DayOrders, OrderState, OrderType, Side, Venue
from aegis_fast.core.order_manager import OrderManager
from aegis_fast.core.orders import OrderRecord

__all__ = ["ReconcileRules", "Reconciler"]

_DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class ReconcileRules:
    """absence_scans complete scans, all asked for after `quiet_horizon_ns` without a sign of the
    order, prove that it was not placed. The horizon must exceed the lag with which the broker shows
    accepted orders (over 30 s has been reported). clock_slack_s: how far its clock may be behind.
    """

    absence_scans: int = 3
    quiet_horizon_ns: int = 60_000_000_000
    clock_slack_s: int = 2


class Reconciler:
    """Turn scans into events for the order manager.

    Remembers since when, and in how many complete scans, something was not seen.
    """

    def __init__(self, manager: OrderManager, rules: ReconcileRules) -> None:
        self._manager = manager
        self._rules = rules
        self._misses: dict[tuple[str, int], int] = {}
        self._misses_before: dict[tuple[str, int], int] = {}
        self._unlisted_since_ns: dict[int, int] = {}

    def events(self, scan: DayOrders, now_ns: int) -> list[Event]:
        """Return what follows from one scan, in the order to apply it.

        The caller applies each event before it asks for the next scan; an event that has become
        moot is ignored by the manager.
        """
        events: list[Event] = []
        new_rows = [row for row in scan.rows if not self._manager.knows(row.broker_order_id)]
        claimed: set[int] = set()
        for row in sorted(new_rows, key=lambda row: row.broker_order_id):
            event = self._replaced(row)
            if event is not None:
                events.append(event)
                claimed.add(row.broker_order_id)
        fresh = [
            row
            for row in new_rows
            if row.broker_order_id not in claimed and not row.original_broker_order_id
        ]
        if scan.is_complete:
            self._misses_before, self._misses = self._misses, {}
        events += self._lost_requests(scan, events)
        events += self._unknown(fresh, scan, now_ns, claimed)
        leaves_qty = self._leaves(scan)
        events += self._external(fresh, scan, claimed, now_ns, leaves_qty)
        adopted = {e.broker_order_id for e in events if isinstance(e, ExternalSeen)}
        for row in scan.rows:
            changed = self._manager.by_broker_id(row.original_broker_order_id)
            if changed is not None and row.rejected_qty and not row.cum_qty:
                events.append(_change_rejected(row))
            elif not row.is_cancel and row.broker_order_id not in adopted:
                events.append(_ledger_fact(row, leaves_qty[row.broker_order_id]))
        return events

    def _leaves(self, scan: DayOrders) -> dict[int, int]:
        """Return what each row leaves working, shares that it does not account for included.

        Not left, and neither filled nor canceled: an amend whose new number is not listed yet
        looks like that. Such shares are given up when it stays so.
        """
        leaves_qty: dict[int, int] = {}
        unlisted_since_ns: dict[int, int] = {}
        for row in scan.rows:
            number = row.broker_order_id
            leaves_qty[number] = row.leaves_qty
            accounted = row.cum_qty + row.leaves_qty + row.canceled_qty + row.rejected_qty
            record = self._manager.by_broker_id(number)
            is_amended = record is not None and record.leg_number != number
            if row.is_cancel or is_amended or accounted >= row.qty:
                continue
            since_ns = self._unlisted_since_ns.get(number, scan.asked_ns)
            if kst_date(since_ns) != kst_date(scan.asked_ns):
                since_ns = scan.asked_ns  # That was another day's order of the same number.
            unlisted_since_ns[number] = since_ns
            if not self._is_absent(f"rest of {number}", since_ns, scan):
                leaves_qty[number] += row.qty - accounted
        if scan.is_complete:
            self._unlisted_since_ns = unlisted_since_ns
        else:
            self._unlisted_since_ns.update(unlisted_since_ns)
        return leaves_qty

    def _replaced(self, row: DayOrder) -> ReplaceAccepted | None:
        """A row that changes one of our orders: a request whose reply was lost, or another's."""
        if not row.original_broker_order_id:
            return None
        record = self._manager.by_broker_id(row.original_broker_order_id)
        if record is None:
            return None
        return ReplaceAccepted(
            order_id=record.order_id,
            action="cancel" if row.is_cancel else "amend",
            broker_order_id=row.broker_order_id,
            org_no=row.org_no,
            price_krw=0 if row.is_cancel else row.price_krw,
        )

    def _unknown(
        self, fresh: list[DayOrder], scan: DayOrders, now_ns: int, claimed: set[int]
    ) -> list[Event]:
        events: list[Event] = []
        unknown = [r for r in self._manager.open_records() if r.state is OrderState.UNKNOWN]
        for record in unknown:
            matches = [
                row
                for row in fresh
                if row.broker_order_id not in claimed and self._could_be(row, record)
            ]
            claimed.update(row.broker_order_id for row in matches)
            if len(matches) > 1:
                numbers = ", ".join(str(row.broker_order_id) for row in matches)
                reason = f"order {record.order_id} is unknown and may be any of {numbers}"
                events.append(SymbolHalted(symbol=record.symbol, reason=reason))
            elif matches and scan.is_complete:
                events.append(
                    OrderAccepted(
                        order_id=record.order_id,
                        broker_order_id=matches[0].broker_order_id,
                        org_no=matches[0].org_no,
                        source="ledger",
                    )
                )
            elif not matches and self._is_absent(record.order_id, record.unknown_since_ns, scan):
                scans = self._misses[record.order_id, record.unknown_since_ns]
                quiet_ns = now_ns - record.unknown_since_ns
                events.append(
                    AbsenceProven(order_id=record.order_id, scans=scans, quiet_ns=quiet_ns)
                )
        return events

    def _is_absent(self, key: str, since_ns: int, scan: DayOrders) -> bool:
        """Count a complete scan that did not show it; True once that is proof. Once a scan."""
        if not scan.is_complete or scan.asked_ns - since_ns < self._rules.quiet_horizon_ns:
            return False
        misses = self._misses_before.get((key, since_ns), 0) + 1
        self._misses[key, since_ns] = misses
        return misses >= self._rules.absence_scans

    def _lost_requests(self, scan: DayOrders, seen: list[Event]) -> list[Event]:
        """Settle the cancels and amends that nobody answered and no scan shows as carried out."""
        found = {e.order_id for e in seen if isinstance(e, ReplaceAccepted)}
        events: list[Event] = []
        for record in self._manager.open_records():
            if not record.request_lost_ns or record.order_id in found:
                continue
            key = f"{record.request} of {record.order_id}"
            if self._is_absent(key, record.request_lost_ns, scan):
                events.append(
                    ReplaceRefused(
                        order_id=record.order_id,
                        action=record.request,
                        code=2,
                        venue_code="",
                        message="not carried out: no complete scan showed it",
                    )
                )
        return events

    def _external(
        self,
        fresh: list[DayOrder],
        scan: DayOrders,
        claimed: set[int],
        now_ns: int,
        leaves_qty: dict[int, int],
    ) -> list[Event]:
        """Adopt orders of others, unless one of ours that still waits for its reply could be it.

        Here the time does not matter: our own order must not be taken for another's because two
        clocks differ.
        """
        waiting = [
            r
            for r in self._manager.open_records()
            if r.state in (OrderState.PENDING, OrderState.UNKNOWN)
        ]
        events: list[Event] = []
        prefix, _, number = self._manager.next_order_id(now_ns).rpartition("-")
        sequence = int(number)
        for row in fresh:
            if row.broker_order_id in claimed or row.is_cancel:
                continue
            if any(_looks_like(row, record) for record in waiting):
                continue
            leaves = leaves_qty[row.broker_order_id]
            events.append(_external(f"{prefix}-{sequence:06d}", scan.account, row, leaves))
            sequence += 1
        return events

    def _could_be(self, row: DayOrder, record: OrderRecord) -> bool:
        if not _looks_like(row, record):
            return False
        if not row.time_hhmmss:
            # The broker gave no time; that rules nothing out.
            return True
        sent_s = seconds_of_hhmmss(kst_hhmmss(record.created_ns)) - self._rules.clock_slack_s
        # Half a day either way: the same time of day compared across midnight.
        return (seconds_of_hhmmss(row.time_hhmmss) - sent_s) % _DAY_S < _DAY_S // 2


def _looks_like(row: DayOrder, record: OrderRecord) -> bool:
    if (row.symbol, row.side, row.qty) != (record.symbol, record.side, record.qty):
        return False
    if row.order_type is not record.order_type:
        return False
    return record.order_type is OrderType.MARKET or row.price_krw == record.price_krw


def _change_rejected(row: DayOrder) -> NoticeAcked:
    """A cancel or amend that the broker took and the exchange rejected; the notice may be lost."""
    return NoticeAcked(
        broker_order_id=row.broker_order_id,
        original_broker_order_id=row.original_broker_order_id,
        action=2 if row.is_cancel else 1,
        is_rejected=True,
        accept_code=0,
        qty=row.qty,
        price_krw=row.price_krw,
    )


def _ledger_fact(row: DayOrder, leaves_qty: int) -> LedgerSeen:
    return LedgerSeen(
        broker_order_id=row.broker_order_id,
        cum_qty=row.cum_qty,
        cum_value_krw=row.cum_value_krw,
        canceled_qty=row.canceled_qty,
        rejected_qty=row.rejected_qty,
        leaves_qty=leaves_qty,
    )


def _external(order_id: str, account: str, row: DayOrder, leaves_qty: int) -> ExternalSeen:
    venue = Venue(row.venue) if row.venue in Venue.__members__ else Venue.KRX
    return ExternalSeen(
        order_id=order_id,
        account=account,
        symbol=row.symbol,
        side=Side(row.side),
        order_type=row.order_type or OrderType.LIMIT,
        qty=row.qty,
        price_krw=row.price_krw,
        reserve_price_krw=row.price_krw,
        sell_tax_ppm=0,
        venue=venue,
        broker_order_id=row.broker_order_id,
        org_no=row.org_no,
        cum_qty=row.cum_qty,
        cum_value_krw=row.cum_value_krw,
        canceled_qty=row.canceled_qty,
        leaves_qty=leaves_qty,
    )

"""Compare the broker's list of the day's orders with ours, and say what follows. Pure.

KIS takes no client order id, so an unknown order is recognised by what it is: the same account,
symbol, side, quantity, price and kind, a number nobody knew before, and a time not before it was
sent. As at most one order of a fingerprint is ever unanswered, there is at most one match; if there
are more, a person must look (KIS.md section 6).
"""

from __future__ import annotations

from dataclasses import dataclass

from aegis_fast.core.events import (
    AbsenceProven,
    Event,
    ExternalSeen,
    LedgerSeen,
    OrderAccepted,
    ReplaceAccepted,
    ReplaceRefused,
    SymbolHalted,
)
from aegis_fast.core.hours import kst_hhmmss, seconds_of_hhmmss
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
    """Turn scans into events for the order manager. Remembers how often an order was not seen."""

    def __init__(self, manager: OrderManager, rules: ReconcileRules) -> None:
        self._manager = manager
        self._rules = rules
        self._misses: dict[str, int] = {}

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
        events += self._lost_requests(scan, events)
        events += self._unknown(fresh, scan, now_ns, claimed)
        events += self._external(fresh, scan, claimed, now_ns)
        adopted = {e.broker_order_id for e in events if isinstance(e, ExternalSeen)}
        events += [
            _ledger_fact(row)
            for row in scan.rows
            if not row.is_cancel and row.broker_order_id not in adopted
        ]
        return events

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
            if len(matches) == 1:
                row = matches[0]
                claimed.add(row.broker_order_id)
                self._misses.pop(record.order_id, None)
                events.append(
                    OrderAccepted(
                        order_id=record.order_id,
                        broker_order_id=row.broker_order_id,
                        org_no=row.org_no,
                        source="ledger",
                    )
                )
            elif matches:
                claimed.update(row.broker_order_id for row in matches)
                numbers = ", ".join(str(row.broker_order_id) for row in matches)
                reason = f"order {record.order_id} is unknown and may be any of {numbers}"
                events.append(SymbolHalted(symbol=record.symbol, reason=reason))
            elif scan.is_complete and self._is_absent(
                record.order_id, record.unknown_since_ns, scan
            ):
                events.append(self._absent(record, now_ns))
        alive = {r.order_id for r in self._manager.open_records()}
        self._misses = {key: n for key, n in self._misses.items() if key in alive}
        return events

    def _is_absent(self, key: str, since_ns: int, scan: DayOrders) -> bool:
        """Count a complete scan that did not show it; True once that is proof."""
        if scan.asked_ns - since_ns < self._rules.quiet_horizon_ns:
            return False
        self._misses[key] = self._misses.get(key, 0) + 1
        return self._misses[key] >= self._rules.absence_scans

    def _absent(self, record: OrderRecord, now_ns: int) -> AbsenceProven:
        return AbsenceProven(
            order_id=record.order_id,
            scans=self._misses[record.order_id],
            quiet_ns=now_ns - record.unknown_since_ns,
        )

    def _lost_requests(self, scan: DayOrders, seen: list[Event]) -> list[Event]:
        """Settle the cancels and amends whose reply was lost and that no scan shows."""
        found = {e.order_id for e in seen if isinstance(e, ReplaceAccepted)}
        events: list[Event] = []
        for record in self._manager.open_records():
            if not record.request_lost_ns or record.order_id in found or not scan.is_complete:
                continue
            if self._is_absent(record.order_id, record.request_lost_ns, scan):
                events.append(
                    ReplaceRefused(
                        order_id=record.order_id,
                        action=record.request,
                        code=2,
                        venue_code="",
                        message="not placed: no complete scan showed it",
                    )
                )
        return events

    def _external(
        self, fresh: list[DayOrder], scan: DayOrders, claimed: set[int], now_ns: int
    ) -> list[Event]:
        """Adopt orders of others, unless one of ours that still waits for its reply could be it."""
        waiting = [
            r
            for r in self._manager.open_records()
            if r.state in (OrderState.PENDING, OrderState.UNKNOWN)
        ]
        events: list[Event] = []
        sequence = int(self._manager.next_order_id(now_ns).rsplit("-", 1)[1])
        prefix = self._manager.next_order_id(now_ns).rsplit("-", 1)[0]
        for row in fresh:
            if row.broker_order_id in claimed or row.is_cancel:
                continue
            if any(self._could_be(row, record) for record in waiting):
                continue
            events.append(_external(f"{prefix}-{sequence:06d}", scan.account, row))
            sequence += 1
        return events

    def _could_be(self, row: DayOrder, record: OrderRecord) -> bool:
        if (row.symbol, row.side, row.qty) != (record.symbol, record.side, record.qty):
            return False
        if row.order_type is not record.order_type:
            return False
        if record.order_type is not OrderType.MARKET and row.price_krw != record.price_krw:
            return False
        sent_s = seconds_of_hhmmss(kst_hhmmss(record.created_ns)) - self._rules.clock_slack_s
        # Half a day either way: the same time of day compared across midnight.
        return (seconds_of_hhmmss(row.time_hhmmss) - sent_s) % _DAY_S < _DAY_S // 2


def _ledger_fact(row: DayOrder) -> LedgerSeen:
    return LedgerSeen(
        broker_order_id=row.broker_order_id,
        cum_qty=row.cum_qty,
        cum_value_krw=row.cum_value_krw,
        canceled_qty=row.canceled_qty,
        rejected_qty=row.rejected_qty,
        leaves_qty=row.leaves_qty,
    )


def _external(order_id: str, account: str, row: DayOrder) -> ExternalSeen:
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
        leaves_qty=row.leaves_qty,
    )

"""Apply what the exchange and the ledger report of orders: acks, fills, cancels. Pure.

Notices and the ledger are two witnesses of the same facts. Whoever reports a fill first moves the
money, the second only confirms; where they differ, the ledger is asked again and the difference is
counted (S92, reading A30).
"""

from __future__ import annotations

from aegis_fast.core.blotter import Blotter
from aegis_fast.core.effects import Alert, AskLedger, Effect, Journal, Publish
from aegis_fast.core.events import FillSeen, LedgerSeen, NoticeAcked
from aegis_fast.core.model import OPEN_STATES, OrderState
from aegis_fast.core.orders import Leg, OrderRecord

__all__ = ["Executions"]

REFUSED = 2
_RECENT_LIMIT = 64
# Over 30 s has been reported between a fill and its row.
_LEDGER_LAG_NS = 60_000_000_000


class Executions:
    """The rules for NoticeAcked, FillSeen and LedgerSeen."""

    def __init__(self, blotter: Blotter) -> None:
        self._blotter = blotter

    def notice_acked(self, e: NoticeAcked, now_ns: int) -> list[Effect]:
        if e.action == 0:
            found = self._blotter.leg(e.broker_order_id)
            if found is None:
                return self._blotter.park(e)
            r, _leg = found
            if e.is_rejected:
                return self._exchange_rejected(r, e, now_ns)
            if e.accept_code == 3:
                return [Journal(e), *self._canceled(r, e.qty, now_ns)]
            return []
        found = self._blotter.leg(e.original_broker_order_id)
        if found is None or not self._blotter.knows(e.broker_order_id):
            return self._blotter.park(e)
        r, _leg = found
        if e.is_rejected:
            return self._change_rejected(r, e, now_ns)
        if e.action == 2 and e.accept_code == 2:
            if not self._blotter.settle(e.broker_order_id):
                return []
            return [Journal(e), *self._canceled(r, e.qty, now_ns)]
        return [AskLedger(500)] if e.action == 2 and r.request else []

    def _change_rejected(self, r: OrderRecord, e: NoticeAcked, now_ns: int) -> list[Effect]:
        """The broker took a cancel or an amend, the exchange did not: the order is as it was."""
        leg = r.leg
        if e.action == 2:
            if not self._blotter.settle(e.broker_order_id):
                return []
            if r.request == "cancel":
                r.clear_request()
        elif leg is None or leg.broker_order_id != e.broker_order_id or len(r.legs) == 1:
            return []
        elif leg.cum_qty:
            text = f"amend {e.broker_order_id} rejected, but filled"
            return self._blotter.conflict("amend_reject", text, r.order_id)
        else:
            self._blotter.drop_leg(r)
            r.clear_request()
        r.request_outcome, r.updated_ns = "refused", now_ns
        r.message = "the exchange refused the change (거래소 정정/취소 거부)"
        self._blotter.reserve(r)
        return [Journal(e), Publish(r.snapshot()), AskLedger(0)]

    def _exchange_rejected(self, r: OrderRecord, e: NoticeAcked, now_ns: int) -> list[Effect]:
        effects = self._rejected(r, now_ns)
        if effects:
            return [Journal(e), *effects]
        return self._blotter.conflict("exchange_reject", f"{r.state} order rejected", r.order_id)

    def _rejected(self, r: OrderRecord, now_ns: int) -> list[Effect]:
        """The broker took the order, the exchange did not. Empty when that can't be."""
        if not self._blotter.move(r, "exchange_reject", OrderState.REJECTED, now_ns):
            return []
        r.code, r.message = REFUSED, "the exchange rejected the order (거래소 거부)"
        r.clear_request()
        self._blotter.reserve(r)
        return [Publish(r.snapshot()), Alert("order_refused", r.message, r.order_id)]

    def _canceled(self, r: OrderRecord, qty: int, now_ns: int) -> list[Effect]:
        """A notice says that `qty` shares (0: all) of the rest were taken out."""
        if r.request == "cancel" and r.request_qty:
            # Whatever quantity the confirmation repeats, no more than we asked for is gone.
            qty = min(qty, r.request_qty) if qty else r.request_qty
        room = r.qty - r.cum_qty
        r.notice_canceled_qty = min(r.notice_canceled_qty + qty, room) if qty else room
        return self._recount_canceled(r, now_ns)

    def _recount_canceled(self, r: OrderRecord, now_ns: int) -> list[Effect]:
        """Bring what was taken out, and the state, in line with the two sources."""
        told_qty = max(r.notice_canceled_qty, r.ledger_canceled_qty)
        canceled_qty = min(told_qty, r.qty - r.cum_qty)
        is_over = r.cum_qty + canceled_qty >= r.qty
        target = OrderState.CANCELED if is_over else r.state
        if canceled_qty <= r.canceled_qty or not self._blotter.move(r, "reduce", target, now_ns):
            return [AskLedger(0)]
        r.canceled_qty = canceled_qty
        if is_over or r.request == "cancel":
            r.clear_request()
        self._blotter.reserve(r)
        return [Publish(r.snapshot()), AskLedger(500)]

    def fill_seen(self, e: FillSeen, now_ns: int) -> list[Effect]:
        found = self._blotter.leg(e.broker_order_id)
        if found is None:
            return self._blotter.park(e)
        r, leg = found
        if _came_before(leg, e):
            return [
                *self._blotter.conflict("fill_repeated", f"{e.qty} @ {e.price_krw}", r.order_id),
                AskLedger(0),
            ]
        was_missing = leg.is_missing_notices
        leg.notice_qty += e.qty
        leg.notice_value_krw += e.qty * e.price_krw
        leg.recent.append(e)
        del leg.recent[:-_RECENT_LIMIT]
        effects = [Journal(e), *self._recount(r, now_ns)]
        if was_missing:
            effects.append(AskLedger(0))
        return effects

    def ledger_seen(self, e: LedgerSeen, now_ns: int) -> list[Effect]:
        found = self._blotter.leg(e.broker_order_id)
        if found is None:
            return []
        r, leg = found
        effects = self._compare(r, leg, e, now_ns)
        changed = False
        if e.cum_qty > leg.ledger_qty:
            leg.ledger_qty, leg.ledger_value_krw = e.cum_qty, e.cum_value_krw
            changed = True
            effects += self._recount(r, now_ns)
        if leg is not r.leg:
            changed = self._close(r, leg, e) or changed
        elif r.state in OPEN_STATES:
            more = self._ledger_rest(r, leg, e, now_ns)
            changed = changed or bool(more)
            effects += more
        return [Journal(e), *effects] if changed else effects

    def _ledger_rest(self, r: OrderRecord, leg: Leg, e: LedgerSeen, now_ns: int) -> list[Effect]:
        """Conclude what the ledger says about the rest of the leg in the market."""
        if e.rejected_qty > 0 and r.cum_qty == 0 and len(r.legs) == 1:
            return self._rejected(r, now_ns)
        if r.request == "amend" or (e.rejected_qty > 0 and len(r.legs) > 1):
            # An amend that is through leaves nothing of this number, and its new number may not be
            # listed yet; one that the exchange rejected leaves the number before. Neither is a
            # cancel.
            return []
        canceled_qty = e.canceled_qty if len(r.legs) == 1 else 0
        is_last = all(other.is_closed for other in r.legs if other is not leg)
        if e.cum_qty >= leg.cum_qty and is_last:
            # What neither filled nor is left is gone, under whichever number. Before the numbers
            # amended away are closed, it may be fills of theirs.
            canceled_qty = max(canceled_qty, r.qty - r.cum_qty - e.leaves_qty)
        if canceled_qty <= max(r.canceled_qty, r.ledger_canceled_qty):
            return []
        r.ledger_canceled_qty = canceled_qty
        return self._recount_canceled(r, now_ns)

    def _close(self, r: OrderRecord, leg: Leg, e: LedgerSeen) -> bool:
        """Note that an amended number is done with; tell whether that is news."""
        if leg.is_closed or e.leaves_qty or e.cum_qty < leg.cum_qty:
            return False
        leg.is_closed = True
        self._blotter.reserve(r)
        return True

    def _compare(self, r: OrderRecord, leg: Leg, e: LedgerSeen, now_ns: int) -> list[Effect]:
        """Ask again when the ledger shows less than the notices, and report it when it stays so:
        it may lag, but a finished row that shows less contradicts them."""
        if e.cum_qty >= leg.notice_qty:
            leg.behind_since_ns = 0
            return []
        if not leg.behind_since_ns:
            leg.behind_since_ns = now_ns
            return [AskLedger(1_000)]
        is_late = now_ns - leg.behind_since_ns >= _LEDGER_LAG_NS
        if leg.is_disputed or not (is_late or e.leaves_qty == 0):
            return []
        leg.is_disputed = True
        text = f"notices {leg.notice_qty}, ledger {e.cum_qty} shares of {e.broker_order_id}"
        return [*self._blotter.conflict("fill_differs", text, r.order_id), AskLedger(0)]

    def _recount(self, r: OrderRecord, now_ns: int) -> list[Effect]:
        """Bring the order's totals, its state and the money in line with its legs."""
        cum_qty = sum(leg.cum_qty for leg in r.legs)
        cum_value_krw = sum(leg.cum_value_krw for leg in r.legs)
        effects: list[Effect] = []
        if cum_qty > r.qty:
            effects += self._blotter.conflict(
                "overfill", f"{cum_qty} of {r.qty} shares", r.order_id
            )
            effects.append(AskLedger(0))
            if r.cum_qty == r.qty:
                return effects
            cum_value_krw -= (cum_qty - r.qty) * (cum_value_krw // cum_qty)
            cum_qty = r.qty
        filled_qty = cum_qty - r.cum_qty
        if filled_qty < 0 or (filled_qty == 0 and cum_value_krw == r.cum_value_krw):
            return effects
        r.canceled_qty = min(r.canceled_qty, r.qty - cum_qty)
        if filled_qty:
            effects += self._filled(r, cum_qty, now_ns)
        value_krw = cum_value_krw - r.cum_value_krw
        r.cum_qty, r.cum_value_krw = cum_qty, cum_value_krw
        if r.cum_qty + r.canceled_qty == r.qty:
            # A part was canceled before, and this was the last of the rest.
            self._blotter.move(r, "reduce", OrderState.CANCELED, now_ns)
        if r.state not in OPEN_STATES:
            r.clear_request()
        self._blotter.portfolio.fill(r.symbol, r.side, filled_qty, value_krw, r.sell_tax_ppm)
        self._blotter.reserve(r)
        effects.append(Publish(r.snapshot(), filled_qty))
        return effects

    def _filled(self, r: OrderRecord, cum_qty: int, now_ns: int) -> list[Effect]:
        """Move the state for a fill that brings the total to `cum_qty`."""
        if cum_qty == r.qty:
            target = OrderState.FILLED
        elif r.state is OrderState.CANCELED:
            target = OrderState.CANCELED
        else:
            target = OrderState.PARTIAL
        if self._blotter.move(r, "fill", target, now_ns):
            return []
        return self._blotter.conflict("fill", f"{r.state} order filled", r.order_id)


def _came_before(leg: Leg, e: FillSeen) -> bool:
    """Tell whether the same notice came on an earlier connection: KIS does not replay, so a fill
    that shows up again there is the old one, and the ledger will tell if it was not."""
    return any(
        seen.session < e.session
        and (seen.qty, seen.price_krw, seen.time_hhmmss) == (e.qty, e.price_krw, e.time_hhmmss)
        for seen in leg.recent
    )

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


class Executions:
    """The rules for NoticeAcked, FillSeen and LedgerSeen."""

    def __init__(self, blotter: Blotter) -> None:
        self._blotter = blotter

    def notice_acked(self, e: NoticeAcked, now_ns: int) -> list[Effect]:
        if e.action == 0:
            r = self._blotter.by_broker_id(e.broker_order_id)
            if r is None:
                return self._blotter.park(e)
            if e.is_rejected:
                return self._exchange_rejected(r, e, now_ns)
            if e.accept_code == 3:
                return [Journal(e), *self._reduce(r, e.qty, now_ns)]
            return []
        known = self._blotter.knows(e.broker_order_id)
        r = self._blotter.by_broker_id(e.original_broker_order_id)
        if r is None or not known:
            return self._blotter.park(e)
        if e.is_rejected:
            if r.request:
                r.clear_request()
                r.message, r.updated_ns = "the exchange refused the change", now_ns
                return [Journal(e), Publish(r.snapshot()), AskLedger(0)]
            return [AskLedger(0)]
        if (
            e.action == 2
            and e.accept_code == 2
            and self._blotter.replace_ids.get(e.broker_order_id)
        ):
            self._blotter.replace_ids[e.broker_order_id] = ""
            return [Journal(e), *self._reduce(r, e.qty, now_ns)]
        return [AskLedger(500)] if e.action == 2 and r.request else []

    def _exchange_rejected(self, r: OrderRecord, e: NoticeAcked, now_ns: int) -> list[Effect]:
        if not self._blotter.move(r, "exchange_reject", OrderState.REJECTED, now_ns):
            return self._blotter.conflict(
                "exchange_reject", f"{r.state} order rejected", r.order_id
            )
        r.code, r.message = REFUSED, "the exchange rejected the order (거래소 거부)"
        self._blotter.reserve(r)
        alert = Alert("order_refused", r.message, r.order_id)
        return [Journal(e), Publish(r.snapshot()), alert]

    def _reduce(self, r: OrderRecord, qty: int, now_ns: int) -> list[Effect]:
        """Take `qty` shares (0: all) of the rest out; the ledger is asked to confirm."""
        rest = r.qty - r.cum_qty - r.canceled_qty
        taken = min(qty, rest) if qty > 0 else rest
        is_over = taken >= rest
        target = OrderState.CANCELED if is_over else r.state
        if rest <= 0 or not self._blotter.move(r, "reduce", target, now_ns):
            return [AskLedger(0)]
        r.canceled_qty += taken
        if r.request == "cancel":
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
        effects: list[Effect] = []
        changed = False
        if e.cum_qty > leg.ledger_qty:
            leg.ledger_qty, leg.ledger_value_krw = e.cum_qty, e.cum_value_krw
            changed = True
            effects += self._recount(r, now_ns)
        if leg is not r.leg or r.state not in OPEN_STATES:
            return [Journal(e), *effects] if changed else []
        if e.rejected_qty > 0 and r.cum_qty == 0:
            if self._blotter.move(r, "exchange_reject", OrderState.REJECTED, now_ns):
                r.code, r.message = REFUSED, "the exchange rejected the order (거래소 거부)"
                self._blotter.reserve(r)
                effects.append(Publish(r.snapshot()))
                changed = True
        elif e.leaves_qty == 0 and e.cum_qty >= leg.cum_qty and r.leaves_qty > 0:
            effects += self._reduce(r, 0, now_ns)
            changed = True
        elif e.canceled_qty > r.canceled_qty and len(r.legs) == 1:
            effects += self._reduce(r, e.canceled_qty - r.canceled_qty, now_ns)
            changed = True
        return [Journal(e), *effects] if changed else []

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
            cum_value_krw -= (cum_qty - r.qty) * (cum_value_krw // cum_qty)
            cum_qty = r.qty
        filled_qty = cum_qty - r.cum_qty
        if filled_qty < 0 or (filled_qty == 0 and cum_value_krw == r.cum_value_krw):
            return effects
        r.canceled_qty = min(r.canceled_qty, r.qty - cum_qty)
        if filled_qty:
            if cum_qty == r.qty:
                target = OrderState.FILLED
            elif r.state is OrderState.CANCELED:
                target = OrderState.CANCELED
            else:
                target = OrderState.PARTIAL
            if not self._blotter.move(r, "fill", target, now_ns):
                effects += self._blotter.conflict("fill", f"{r.state} order filled", r.order_id)
        value_krw = cum_value_krw - r.cum_value_krw
        r.cum_qty, r.cum_value_krw = cum_qty, cum_value_krw
        if r.state not in OPEN_STATES:
            r.clear_request()
        self._blotter.portfolio.fill(r.symbol, r.side, filled_qty, value_krw, r.sell_tax_ppm)
        self._blotter.reserve(r)
        effects.append(Publish(r.snapshot(), filled_qty))
        return effects


def _came_before(leg: Leg, e: FillSeen) -> bool:
    """Tell whether the same notice came on an earlier connection: KIS does not replay, so a fill
    that shows up again there is the old one, and the ledger will tell if it was not."""
    return any(
        seen.session < e.session
        and (seen.qty, seen.price_krw, seen.time_hhmmss) == (e.qty, e.price_krw, e.time_hhmmss)
        for seen in leg.recent
    )

"""Apply what is asked of, and answered to, cancels and amends. Pure.

Both are requests like any other: at most one of an order is under way, a lost answer is settled by
the ledger and by nothing else, and until it is, the dearer of the two prices stays reserved.
"""

from __future__ import annotations

from collections.abc import Callable

from aegis_fast.core.blotter import Blotter
from aegis_fast.core.effects import Alert, AskLedger, Effect, Journal, Publish, Send
from aegis_fast.core.events import (
    AmendRequested,
    CancelRequested,
    Event,
    ReplaceAccepted,
    ReplaceLost,
    ReplaceRefused,
)
from aegis_fast.core.model import OPEN_STATES, AmendOrder, CancelOrder, OrderState
from aegis_fast.core.orders import OrderRecord

__all__ = ["Changes"]


class Changes:
    """The rules for CancelRequested, AmendRequested and the three Replace events.

    on_event: applies a notice that had waited for the number of the change.
    """

    def __init__(self, blotter: Blotter, on_event: Callable[[Event, int], list[Effect]]) -> None:
        self._blotter = blotter
        self._on_event = on_event

    def cancel_requested(self, e: CancelRequested, now_ns: int) -> list[Effect]:
        r = self._blotter.orders.get(e.order_id)
        if r is None or r.leg is None or r.request or r.state not in OPEN_STATES:
            return []
        r.request, r.request_qty, r.updated_ns = "cancel", e.qty, now_ns
        r.begin_request()
        command = CancelOrder(
            order_id=r.order_id,
            account=r.account,
            symbol=r.symbol,
            side=r.side,
            order_type=r.order_type,
            broker_order_id=r.leg.broker_order_id,
            org_no=r.leg.org_no,
            qty=e.qty,
            venue=r.venue,
            trace_id=r.trace_id,
        )
        return [Journal(e), Publish(r.snapshot()), Send(command)]

    def amend_requested(self, e: AmendRequested, now_ns: int) -> list[Effect]:
        r = self._blotter.orders.get(e.order_id)
        if r is None or r.leg is None or r.request or r.state not in OPEN_STATES:
            return []
        r.request, r.request_price_krw, r.updated_ns = "amend", e.price_krw, now_ns
        r.begin_request()
        r.request_reserve_price_krw = e.reserve_price_krw
        # Until the answer is known either price may trade: the dearer one stays reserved.
        self._blotter.reserve(r)
        command = AmendOrder(
            order_id=r.order_id,
            account=r.account,
            symbol=r.symbol,
            side=r.side,
            order_type=r.order_type,
            broker_order_id=r.leg.broker_order_id,
            org_no=r.leg.org_no,
            leaves_qty=r.leaves_qty,
            price_krw=e.price_krw,
            venue=r.venue,
            trace_id=r.trace_id,
        )
        return [Journal(e), Publish(r.snapshot()), Send(command)]

    def replace_accepted(self, e: ReplaceAccepted, now_ns: int) -> list[Effect]:
        r = self._blotter.orders.get(e.order_id)
        if r is None or r.leg is None or self._blotter.knows(e.broker_order_id):
            return []
        r.updated_ns = now_ns
        if e.action == "amend":
            self._amended(r, e, now_ns)
        else:
            self._blotter.replace_ids[e.broker_order_id] = r.order_id
            if r.request == "cancel":
                # Its confirmation may get lost, or the exchange may refuse it unheard.
                r.request_lost_ns = now_ns
        self._blotter.reserve(r)
        effects: list[Effect] = [Journal(e), Publish(r.snapshot()), AskLedger(500)]
        for notice in self._blotter.take_parked(e.broker_order_id):
            effects += self._on_event(notice, now_ns)
        return effects

    def _amended(self, r: OrderRecord, e: ReplaceAccepted, now_ns: int) -> None:
        if r.state is OrderState.CANCELED and r.notice_canceled_qty + r.cum_qty < r.qty:
            # The ledger showed that nothing was left of the old number before it showed the new.
            alive = OrderState.PARTIAL if r.cum_qty else OrderState.LIVE
            self._blotter.move(r, "replace", alive, now_ns)
            r.ledger_canceled_qty, r.canceled_qty = 0, r.notice_canceled_qty
        r.price_krw = e.price_krw or r.request_price_krw
        # A market order has no price: what was reserved before goes on being reserved.
        priced_krw = max(r.price_krw, r.request_reserve_price_krw)
        r.reserve_price_krw = priced_krw or r.dearest_price_krw
        self._blotter.add_leg(r, e.broker_order_id, e.org_no)
        if r.request == "amend":
            r.clear_request()

    def replace_refused(self, e: ReplaceRefused, now_ns: int) -> list[Effect]:
        r = self._blotter.orders.get(e.order_id)
        if r is None or r.request != e.action:
            return []
        r.clear_request()
        r.request_outcome, r.updated_ns = "refused", now_ns
        r.venue_code, r.message = e.venue_code, e.message
        self._blotter.reserve(r)
        # A refusal often means that the order filled in the meantime: look.
        return [Journal(e), Publish(r.snapshot()), AskLedger(0)]

    def replace_lost(self, e: ReplaceLost, now_ns: int) -> list[Effect]:
        r = self._blotter.orders.get(e.order_id)
        if r is None or r.request != e.action:
            return []
        r.request_outcome, r.message, r.updated_ns = "lost", e.reason, now_ns
        self.forget_answer(r, now_ns)
        alert = Alert("replace_unknown", f"{e.action}: {e.reason}", r.order_id)
        return [Journal(e), Publish(r.snapshot()), alert, AskLedger(0)]

    def forget_answer(self, r: OrderRecord, now_ns: int) -> None:
        """Nobody will answer the request under way any more: leave it to the ledger."""
        if r.request == "cancel" and r.request_qty == 0:
            # To cancel all that is left twice does no harm, so the caller may ask again at once.
            r.clear_request()
        elif r.request:
            # Nothing more may be asked of this order until the ledger tells.
            r.request_lost_ns = now_ns

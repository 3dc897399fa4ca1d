"""Decide what every event means for an order: on_event(event, now_ns) -> effects. Pure.

The rules it keeps:
- an order goes to the broker at most once; a lost reply makes it `unknown`, never "failed";
- at most one unanswered order for each fingerprint, so an unknown order has one possible match;
- fills are cumulative by leg, so nothing counts twice whichever channel reports it first;
- an event is journalled if and only if it changed something, and replaying what was journalled
  gives the same state.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

from aegis_fast.core.blotter import Blotter
from aegis_fast.core.changes import Changes
from aegis_fast.core.effects import (
    Alert,
    AskLedger,
    Effect,
    Journal,
    Publish,
    Send,
)
from aegis_fast.core.events import (
    AbsenceProven,
    AmendRequested,
    BalanceLoaded,
    CancelRequested,
    Event,
    ExternalSeen,
    FillSeen,
    KillSwitchSet,
    LedgerSeen,
    NoticeAcked,
    OrderAccepted,
    OrderLost,
    OrderRefused,
    OrderSubmitted,
    ReplaceAccepted,
    ReplaceLost,
    ReplaceRefused,
    Restarted,
    SymbolHalted,
    WorldSeen,
)
from aegis_fast.core.executions import Executions
from aegis_fast.core.hours import kst_date
from aegis_fast.core.model import (
    OrderState,
    PlaceOrder,
)
from aegis_fast.core.orders import Fingerprint, OrderRecord
from aegis_fast.core.portfolio import Portfolio

__all__ = ["OrderManager"]

DONE, REFUSED, IN_PROGRESS = 1, 2, 9


class OrderManager:
    """One account's orders and money. Owns every OrderRecord; hands out frozen copies."""

    def __init__(self, portfolio: Portfolio) -> None:
        self.portfolio = portfolio
        self.kill_switch = False
        self.kill_reason = ""
        self.halted: dict[str, str] = {}
        self.world = ""
        self._blotter = Blotter(portfolio)
        self._changes = changes = Changes(self._blotter, self.on_event)
        executions = Executions(self._blotter)
        self._unanswered: dict[Fingerprint, str] = {}
        self._held: dict[Fingerprint, deque[str]] = {}
        self._sequence = 0
        self._rules: dict[type, Callable[[Any, int], list[Effect]]] = {
            OrderSubmitted: self._submitted,
            OrderAccepted: self._accepted,
            OrderRefused: self._refused,
            OrderLost: self._lost,
            AbsenceProven: self._absent,
            CancelRequested: changes.cancel_requested,
            AmendRequested: changes.amend_requested,
            ReplaceAccepted: changes.replace_accepted,
            ReplaceRefused: changes.replace_refused,
            ReplaceLost: changes.replace_lost,
            NoticeAcked: executions.notice_acked,
            FillSeen: executions.fill_seen,
            LedgerSeen: executions.ledger_seen,
            ExternalSeen: self._external_seen,
            BalanceLoaded: self._balance_loaded,
            KillSwitchSet: self._kill_switch_set,
            SymbolHalted: self._symbol_halted,
            Restarted: self._restarted,
            WorldSeen: self._world_seen,
        }

    # -- what others may read -------------------------------------------------------------------

    @property
    def discrepancies(self) -> int:
        """How often two sources disagreed since the start."""
        return self._blotter.discrepancies

    def get(self, order_id: str) -> OrderRecord | None:
        """Return the record of an order; treat it as read-only."""
        return self._blotter.orders.get(order_id)

    def by_client_id(self, client_order_id: str) -> OrderRecord | None:
        """Return the order that was submitted under this id."""
        return self.get(self._blotter.client_ids.get(client_order_id, ""))

    def by_broker_id(self, broker_order_id: int) -> OrderRecord | None:
        """Return the order that has, or had, this number at the broker."""
        return self._blotter.by_broker_id(broker_order_id)

    def knows(self, broker_order_id: int) -> bool:
        """Tell whether the number is an order or a request of ours."""
        return self._blotter.knows(broker_order_id)

    def records(self) -> Iterator[OrderRecord]:
        """Yield every order, oldest first."""
        yield from self._blotter.orders.values()

    def open_records(self) -> Iterator[OrderRecord]:
        """Yield the orders that may still trade."""
        return self._blotter.open_records()

    def unanswered(self, fingerprint: Fingerprint) -> OrderRecord | None:
        """Return the order of this fingerprint whose answer is awaited or lost."""
        return self.get(self._unanswered.get(fingerprint, ""))

    def next_order_id(self, now_ns: int) -> str:
        """Return the id the next submitted order must carry: date, then a running number."""
        return f"{kst_date(now_ns)}-{self._sequence + 1:06d}"

    # -- events ---------------------------------------------------------------------------------

    def on_event(self, event: Event, now_ns: int) -> list[Effect]:
        """Apply one event. Returns no effects when it changed nothing."""
        return self._rules[type(event)](event, now_ns)

    def _submitted(self, e: OrderSubmitted, now_ns: int) -> list[Effect]:
        record = OrderRecord.submitted(e, now_ns, kst_date(now_ns))
        self._count(e.order_id)
        self._blotter.add(record)
        effects: list[Effect] = [Journal(e), Publish(record.snapshot())]
        if record.fingerprint in self._unanswered:
            self._held.setdefault(record.fingerprint, deque()).append(e.order_id)
        else:
            effects.append(self._send(record))
        return effects

    def _send(self, r: OrderRecord) -> Send:
        self._unanswered[r.fingerprint] = r.order_id
        r.is_sent = True
        return Send(
            PlaceOrder(
                order_id=r.order_id,
                account=r.account,
                symbol=r.symbol,
                side=r.side,
                order_type=r.order_type,
                qty=r.qty,
                price_krw=r.price_krw,
                venue=r.venue,
                trace_id=r.trace_id,
            )
        )

    def _accepted(self, e: OrderAccepted, now_ns: int) -> list[Effect]:
        r = self._blotter.orders.get(e.order_id)
        owner = self._blotter.by_broker_id(e.broker_order_id)
        if r is not None and owner is r:
            # The reply arrived after the ledger had shown the order, or the other way round.
            return []
        if r is None or self._blotter.knows(e.broker_order_id):
            text = f"the broker's number {e.broker_order_id} is another order's"
            effects = self._blotter.conflict("accept", text, e.order_id)
            return effects + self.on_event(OrderLost(order_id=e.order_id, reason=text), now_ns)
        if not self._blotter.move(r, "accept", OrderState.LIVE, now_ns):
            return self._blotter.conflict("accept", f"{r.state} order was accepted", e.order_id)
        r.code, r.message, r.venue_code = DONE, "", ""
        self._blotter.add_leg(r, e.broker_order_id, e.org_no)
        effects = [Journal(e), Publish(r.snapshot())]
        for notice in self._blotter.take_parked(e.broker_order_id):
            effects += self.on_event(notice, now_ns)
        return effects + self._answered(r, now_ns)

    def _answered(self, r: OrderRecord, now_ns: int) -> list[Effect]:
        """Let the next order of the same fingerprint go, or tell it that it can't."""
        fingerprint = r.fingerprint
        if self._unanswered.get(fingerprint) == r.order_id:
            del self._unanswered[fingerprint]
        held = self._held.get(fingerprint)
        if not held or fingerprint in self._unanswered:
            return []
        record = self._blotter.orders[held.popleft()]
        if not held:
            del self._held[fingerprint]
        return [self._send(record)]

    def _refused(self, e: OrderRefused, now_ns: int) -> list[Effect]:
        r = self._blotter.orders.get(e.order_id)
        if r is None or not self._blotter.move(r, "refuse", OrderState.REJECTED, now_ns):
            return self._blotter.conflict("refuse", f"{e.venue_code} {e.message}", e.order_id)
        r.code, r.venue_code, r.message = e.code, e.venue_code, e.message
        self._blotter.reserve(r)
        effects: list[Effect] = [Journal(e), Publish(r.snapshot())]
        if r.is_sent:
            effects.append(Alert("order_refused", f"{e.venue_code} {e.message}", r.order_id))
        return effects + self._answered(r, now_ns)

    def _lost(self, e: OrderLost, now_ns: int) -> list[Effect]:
        r = self._blotter.orders.get(e.order_id)
        if r is None or not self._blotter.move(r, "lose", OrderState.UNKNOWN, now_ns):
            return []
        r.code, r.message, r.unknown_since_ns = IN_PROGRESS, e.reason, now_ns
        effects: list[Effect] = [
            Journal(e),
            Publish(r.snapshot()),
            Alert("order_unknown", e.reason, r.order_id),
            AskLedger(0),
        ]
        # Nothing else of this fingerprint may go out: two could not be told apart any more.
        why = f"the identical order {r.order_id} is unknown"
        return effects + self._refuse_held(r.fingerprint, why, now_ns)

    def _refuse_held(self, fingerprint: Fingerprint, why: str, now_ns: int) -> list[Effect]:
        """Refuse the orders that wait behind their twin. They never left."""
        effects: list[Effect] = []
        for held_id in self._held.pop(fingerprint, ()):
            refusal = OrderRefused(
                order_id=held_id, code=REFUSED, venue_code="", message=f"not sent: {why}"
            )
            effects += _derived(self.on_event(refusal, now_ns))
        return effects

    def _absent(self, e: AbsenceProven, now_ns: int) -> list[Effect]:
        r = self._blotter.orders.get(e.order_id)
        if r is None or not self._blotter.move(r, "absent", OrderState.REJECTED, now_ns):
            return []
        r.code = REFUSED
        r.message = (
            f"not placed: {e.scans} complete scans in {e.quiet_ns // 10**9} s did not show it"
        )
        self._blotter.reserve(r)
        return [Journal(e), Publish(r.snapshot()), *self._answered(r, now_ns)]

    # -- orders of others ------------------------------------------------------------------------

    def _external_seen(self, e: ExternalSeen, now_ns: int) -> list[Effect]:
        if e.broker_order_id in self._blotter.broker_ids:
            return []
        record = OrderRecord(
            order_id=e.order_id,
            client_order_id="",
            account=e.account,
            symbol=e.symbol,
            side=e.side,
            order_type=e.order_type,
            qty=e.qty,
            price_krw=e.price_krw,
            base_price_krw=0,
            reserve_price_krw=e.reserve_price_krw,
            sell_tax_ppm=e.sell_tax_ppm,
            venue=e.venue,
            trace_id="",
            origin="external",
            created_ns=now_ns,
            updated_ns=now_ns,
            business_date=kst_date(now_ns),
            state=OrderState.LIVE,
            code=DONE,
            is_sent=True,
        )
        self._count(e.order_id)
        self._blotter.add(record)
        self._blotter.add_leg(record, e.broker_order_id, e.org_no)
        effects: list[Effect] = [Journal(e), Publish(record.snapshot())]
        # The figures of the row that showed it are part of this very event, not a second one. They
        # come before the notices that waited, as they will when the journal is replayed.
        ledger = LedgerSeen(
            broker_order_id=e.broker_order_id,
            cum_qty=e.cum_qty,
            cum_value_krw=e.cum_value_krw,
            canceled_qty=e.canceled_qty,
            rejected_qty=0,
            leaves_qty=e.leaves_qty,
        )
        effects += _derived(self.on_event(ledger, now_ns))
        for notice in self._blotter.take_parked(e.broker_order_id):
            effects += self.on_event(notice, now_ns)
        return effects

    # -- account, switches, restart -------------------------------------------------------------

    def _balance_loaded(self, e: BalanceLoaded, _now_ns: int) -> list[Effect]:
        self.portfolio.load(e.cash_krw, e.positions)
        return [Journal(e)]

    def _kill_switch_set(self, e: KillSwitchSet, now_ns: int) -> list[Effect]:
        if (e.is_on, e.reason) == (self.kill_switch, self.kill_reason):
            return []
        self.kill_switch, self.kill_reason = e.is_on, e.reason
        effects: list[Effect] = [
            Journal(e),
            Alert("kill_switch", f"{'on' if e.is_on else 'off'}: {e.reason}"),
        ]
        if e.is_on:
            for fingerprint in list(self._held):
                effects += self._refuse_held(fingerprint, "the kill switch is on", now_ns)
        return effects

    def _symbol_halted(self, e: SymbolHalted, now_ns: int) -> list[Effect]:
        if self.halted.get(e.symbol, "") == e.reason:
            return []
        effects: list[Effect] = [
            Journal(e),
            Alert("symbol_halted", f"{e.symbol}: {e.reason or 'lifted'}"),
        ]
        if not e.reason:
            del self.halted[e.symbol]
            return effects
        self.halted[e.symbol] = e.reason
        for fingerprint in [f for f in self._held if f[1] == e.symbol]:
            effects += self._refuse_held(fingerprint, f"{e.symbol} is stopped", now_ns)
        return effects

    def _world_seen(self, e: WorldSeen, _now_ns: int) -> list[Effect]:
        if e.world == self.world:
            return []
        self.world = e.world
        return [Journal(e)]

    def _restarted(self, e: Restarted, now_ns: int) -> list[Effect]:
        """Nobody will answer what was under way before; day orders of earlier dates are dead."""
        effects: list[Effect] = [Journal(e)]
        self._unanswered.clear()
        self._held.clear()
        self._blotter.forget_parked()
        for r in list(self.open_records()):
            before = (r.state, r.request)
            self._restarted_one(r, e.business_date, now_ns)
            if (r.state, r.request) != before:
                effects.append(Publish(r.snapshot()))
            if r.state is OrderState.UNKNOWN:
                self._unanswered[r.fingerprint] = r.order_id
        self._blotter.forget_numbers(e.business_date)
        effects.append(AskLedger(0))
        return effects

    def _restarted_one(self, r: OrderRecord, business_date: int, now_ns: int) -> None:
        if r.business_date < business_date:
            self._blotter.move(r, "expire", OrderState.CANCELED, now_ns)
            r.message = "a day order of an earlier date; what it filled is in the balance"
            r.canceled_qty = r.qty - r.cum_qty
            r.clear_request()
            self._blotter.reserve(r)
        elif r.state is OrderState.PENDING and not r.is_sent:
            # Held behind its twin: it never left, and the replay of the journal proves it.
            self._blotter.move(r, "refuse", OrderState.REJECTED, now_ns)
            r.code, r.message = REFUSED, "not sent: the engine stopped first"
            self._blotter.reserve(r)
        elif r.state is OrderState.PENDING:
            self._blotter.move(r, "lose", OrderState.UNKNOWN, now_ns)
            r.message, r.unknown_since_ns = "the engine stopped before the answer", now_ns
        elif r.request:
            self._changes.forget_answer(r, now_ns)
            self._blotter.reserve(r)

    def _count(self, order_id: str) -> None:
        """Keep the running number ahead of every id given out."""
        number = order_id.rpartition("-")[2]
        self._sequence = max(self._sequence + 1, int(number) if number.isdecimal() else 0)


def _derived(effects: list[Effect]) -> list[Effect]:
    """Drop the journal entries of an event that follows from the one being applied: replaying that
    one will bring it about again."""
    return [effect for effect in effects if not isinstance(effect, Journal)]

"""Run the core: feed it events, perform its effects, in order, journal before send.

This is the only place where the pure core meets I/O. It decides nothing about orders: what an
outcome, a notice or a scan means is the order manager's business.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass

from aegis_fast.core.bus import Bus
from aegis_fast.core.effects import (
    Alert,
    AskLedger,
    Discrepancy,
    Effect,
    Journal,
    Publish,
    Send,
)
from aegis_fast.core.events import (
    CancelRequested,
    Event,
    FillSeen,
    NoticeAcked,
    OrderAccepted,
    OrderLost,
    OrderRefused,
    ReplaceAccepted,
    ReplaceLost,
    ReplaceRefused,
    Restarted,
)
from aegis_fast.core.hours import kst_date
from aegis_fast.core.model import (
    Accepted,
    AmendOrder,
    CancelOrder,
    Lost,
    Order,
    OrderState,
    Outcome,
    PlaceOrder,
    Refused,
)
from aegis_fast.core.order_manager import OrderManager
from aegis_fast.core.ports import Broker
from aegis_fast.errors import Busy, StorageError
from aegis_fast.hot import Notice
from aegis_fast.store.journal import Entry
from aegis_fast.store.journal import Journal as JournalStore

__all__ = ["Engine", "EngineHooks"]

Command = PlaceOrder | AmendOrder | CancelOrder

_REFUSED = 2
_NOT_SENT = 800


@dataclass(slots=True)
class EngineHooks:
    """What the engine tells the parts around it. ask_ledger: read the day's orders in so many ms.
    on_fill: something traded, the balance has changed.
    """

    ask_ledger: Callable[[int], None]
    on_fill: Callable[[], None]


class Engine:
    """Interpret effects for one account.

    Waiters (API calls) hear of an order only after what they hear is durable (I6); watchers
    (strategies, screens) hear at once.
    """

    def __init__(
        self,
        *,
        account: str,
        manager: OrderManager,
        journal: JournalStore,
        broker: Broker,
        bus: Bus,
        now_ns: Callable[[], int],
        log: logging.Logger,
    ) -> None:
        self.account = account
        self.manager = manager
        self.bus = bus
        self.hooks = EngineHooks(ask_ledger=lambda _ms: None, on_fill=lambda: None)
        self.now_ns = now_ns
        self.fills_seen = 0
        self.discrepancies_seen = 0
        self.alerts: dict[str, int] = {}
        self._journal = journal
        self._broker = broker
        self._log = log
        self._session = 0
        self._durable: asyncio.Future[None] | None = None
        self._sends: set[asyncio.Task[None]] = set()
        self._waiters: dict[str, list[asyncio.Future[Order]]] = {}
        self._stopped = ""

    # -- start and stop -------------------------------------------------------------------------

    def replay(self, entries: list[Entry]) -> None:
        """Bring the manager to the state the journal tells; nothing is sent or written."""
        for entry in entries:
            self.manager.on_event(entry.event, entry.at_ns)

    def restarted(self) -> None:
        """Note that nobody waits any more for what was under way before."""
        self.apply(Restarted(business_date=kst_date(self.now_ns())))

    async def drain(self, timeout_s: float) -> None:
        """Wait for the answers under way, at most so long, then until the journal is durable."""
        if self._sends:
            await asyncio.wait(self._sends, timeout=timeout_s)
        for task in self._sends:
            task.cancel()
        if self._durable is not None and not self._durable.done():
            await asyncio.wait({self._durable}, timeout=timeout_s)

    @property
    def stop_reason(self) -> str:
        """Why no order may leave any more; "" while all is well."""
        return self._stopped

    def stop_trading(self, reason: str) -> None:
        """Refuse to send from now on, until a restart."""
        if not self._stopped:
            self._stopped = reason
            self._alert(Alert("trading_stopped", reason))

    def count_discrepancy(self) -> None:
        """Count one that was found outside the order manager."""
        self.discrepancies_seen += 1

    # -- events in ------------------------------------------------------------------------------

    def apply(self, event: Event) -> None:
        """Apply one event and perform what follows from it."""
        now_ns = self.now_ns()
        self._perform(self.manager.on_event(event, now_ns), now_ns)

    def new_session(self) -> None:
        """A new realtime connection: notices from here on belong to it."""
        self._session += 1

    def on_notice(self, notice: Notice) -> None:
        """Translate an own-order notice of the account into an event."""
        if notice.is_fill:
            self.apply(
                FillSeen(
                    broker_order_id=notice.broker_order_id,
                    qty=notice.fill_qty or 0,
                    price_krw=notice.price_krw or 0,
                    time_hhmmss=notice.time_hhmmss or 0,
                    session=self._session,
                )
            )
            return
        self.apply(
            NoticeAcked(
                broker_order_id=notice.broker_order_id,
                original_broker_order_id=notice.original_broker_order_id,
                action=notice.action,
                is_rejected=notice.is_rejected,
                accept_code=notice.accept_code or 0,
                qty=notice.fill_qty or 0,
                price_krw=notice.price_krw or 0,
            )
        )

    # -- effects out ----------------------------------------------------------------------------

    def _perform(self, effects: list[Effect], now_ns: int) -> None:
        for effect in effects:
            if isinstance(effect, Journal):
                self._write(effect.event, now_ns)
            elif isinstance(effect, Publish):
                self._publish(effect)
            elif isinstance(effect, Send):
                task = asyncio.get_running_loop().create_task(
                    self._send(effect.command, self._durable)
                )
                self._sends.add(task)
                task.add_done_callback(self._sends.discard)
            elif isinstance(effect, AskLedger):
                self.hooks.ask_ledger(effect.delay_ms)
            elif isinstance(effect, Alert):
                self._alert(effect)
            elif isinstance(effect, Discrepancy):
                self._log.warning(
                    "discrepancy %s: %s %s", effect.kind, effect.text, effect.order_id
                )
                self.hooks.ask_ledger(0)

    def _write(self, event: Event, now_ns: int) -> None:
        try:
            self._durable = self._journal.append(event, now_ns)
        except StorageError as error:
            failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            failed.set_exception(error)
            self._durable = failed
        self._durable.add_done_callback(self._written)

    def _written(self, future: asyncio.Future[None]) -> None:
        if not future.cancelled() and (error := future.exception()) is not None:
            self.stop_trading(f"the journal can't be written: {error}")

    def _publish(self, effect: Publish) -> None:
        order = effect.order
        if effect.fill_qty:
            self.fills_seen += 1
            self.hooks.on_fill()
        self.bus.order(order)
        waiters = self._waiters.get(order.order_id)
        if waiters:
            self._when_durable(lambda: _wake(waiters, order))
        if self.manager.kill_switch:
            self._cancel_by_kill_switch(order)

    def _when_durable(self, action: Callable[[], None]) -> None:
        durable = self._durable
        if durable is None or durable.done():
            action()
        else:
            durable.add_done_callback(lambda _future: action())

    def _cancel_by_kill_switch(self, order: Order) -> None:
        """An order that turns out to live while the switch is on is taken out, ours only."""
        if order.state not in (OrderState.LIVE, OrderState.PARTIAL) or order.request:
            return
        if order.origin != "external" and order.leaves_qty:
            loop = asyncio.get_running_loop()
            event = CancelRequested(order_id=order.order_id, qty=0)
            loop.call_soon(self.apply, event)

    def _alert(self, alert: Alert) -> None:
        self.alerts[alert.kind] = self.alerts.get(alert.kind, 0) + 1
        self._log.warning("alert %s: %s %s", alert.kind, alert.text, alert.order_id)

    # -- sending --------------------------------------------------------------------------------

    async def _send(self, command: Command, durable: asyncio.Future[None] | None) -> None:
        refusal = await self._not_durable(durable)
        if refusal is None and self._stopped:
            refusal = Refused(_NOT_SENT, "", f"not sent: {self._stopped}")
        outcome = refusal if refusal is not None else await self._ask_broker(command)
        self.apply(_event_of(command, outcome))

    async def _not_durable(self, durable: asyncio.Future[None] | None) -> Refused | None:
        if durable is None:
            return None
        try:
            # Shielded: several sends may wait for the same commit.
            await asyncio.shield(durable)
        except StorageError as error:
            return Refused(_NOT_SENT, "", f"not sent: {error}")
        return None

    async def _ask_broker(self, command: Command) -> Outcome:
        try:
            if isinstance(command, PlaceOrder):
                return await self._broker.place(command)
            if isinstance(command, CancelOrder):
                return await self._broker.cancel(command)
            return await self._broker.amend(command)
        except Busy as error:
            return Refused(_REFUSED, "", f"not sent: {error.message}")
        except Exception as error:  # noqa: BLE001  logged, and turned into `unknown`
            # A bug of ours somewhere below: whether bytes left is not known, so neither is the
            # order. It shows as what it is, never as a delay of the broker.
            self._log.exception("internal error while sending %s", command.order_id)
            return Lost(f"internal error: {type(error).__name__}: {error}")

    # -- waiting --------------------------------------------------------------------------------

    def wait_for(self, order_id: str) -> asyncio.Future[Order]:
        """Return a future of the order's next durable change; forget it with stop_waiting."""
        future: asyncio.Future[Order] = asyncio.get_running_loop().create_future()
        self._waiters.setdefault(order_id, []).append(future)
        return future

    async def settled(self) -> None:
        """Wait until everything decided so far is durable; returns when the write failed, too:
        trading has stopped then, and the status says why."""
        if self._durable is not None and not self._durable.done():
            await asyncio.wait({self._durable})

    def stop_waiting(self, order_id: str, future: asyncio.Future[Order]) -> None:
        """Take a waiter out."""
        waiters = self._waiters.get(order_id, [])
        if future in waiters:
            waiters.remove(future)
        if not waiters:
            self._waiters.pop(order_id, None)


def _wake(waiters: list[asyncio.Future[Order]], order: Order) -> None:
    for future in waiters:
        if not future.done():
            future.set_result(order)


def _event_of(command: Command, outcome: Outcome) -> Event:
    if isinstance(command, PlaceOrder):
        return _place_event(command, outcome)
    action = "cancel" if isinstance(command, CancelOrder) else "amend"
    if isinstance(outcome, Accepted):
        return ReplaceAccepted(
            order_id=command.order_id,
            action=action,
            broker_order_id=outcome.broker_order_id,
            org_no=outcome.org_no,
        )
    if isinstance(outcome, Refused):
        return ReplaceRefused(
            order_id=command.order_id,
            action=action,
            code=outcome.code,
            venue_code=outcome.venue_code,
            message=outcome.message,
        )
    return ReplaceLost(order_id=command.order_id, action=action, reason=outcome.reason)


def _place_event(command: PlaceOrder, outcome: Outcome) -> Event:
    if isinstance(outcome, Accepted):
        return OrderAccepted(
            order_id=command.order_id,
            broker_order_id=outcome.broker_order_id,
            org_no=outcome.org_no,
        )
    if isinstance(outcome, Refused):
        return OrderRefused(
            order_id=command.order_id,
            code=outcome.code,
            venue_code=outcome.venue_code,
            message=outcome.message,
        )
    return OrderLost(order_id=command.order_id, reason=outcome.reason)

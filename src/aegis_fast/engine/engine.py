"""Run the core: feed it events, perform its effects, in order, journal before send.

This is the only place where the pure core meets I/O. It decides nothing about orders: what an
outcome, a notice or a scan means is the order manager's business.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any

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
    OrderLost,
    Restarted,
)
from aegis_fast.core.hours import kst_date, kst_day_ns
from aegis_fast.core.model import (
    Order,
    OrderType,
    Outcome,
    PlaceOrder,
    Refused,
)
from aegis_fast.core.order_manager import OrderManager
from aegis_fast.core.ports import Broker
from aegis_fast.engine.sending import ORDER_DEADLINES_S, Command, Sender, event_of
from aegis_fast.errors import StorageError
from aegis_fast.hot import Bus, Notice
from aegis_fast.store.journal import Entry
from aegis_fast.store.journal import Journal as JournalStore

__all__ = ["Engine", "EngineHooks"]

_NOT_SENT = 800
_DAY_NS = 86_400_000_000_000
_KILL_RETRY_NS = 5_000_000_000
# One event may lead to others (a strategy trades on what it hears), but not for ever.
_MAX_CHAIN = 1_000


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
    (strategies, screens) hear at once. now_ns: the broker's time, with which everything is written
    down. mono_ns: for waiting; now_ns when left out.
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
        mono_ns: Callable[[], int] | None = None,
        log: logging.Logger,
        deadlines_s: Mapping[OrderType, float] = ORDER_DEADLINES_S,
    ) -> None:
        self.account = account
        self.manager = manager
        self.bus = bus
        self.hooks = EngineHooks(ask_ledger=lambda _ms: None, on_fill=lambda: None)
        self.now_ns = now_ns
        self._mono_ns = mono_ns or now_ns
        self.fills_seen = 0
        self.discrepancies_seen = 0
        self.alerts: dict[str, int] = {}
        self._journal = journal
        self._sender = Sender(
            broker, deadlines_s, on_overdue=self._overdue, veto=self._veto, log=log
        )
        self._log = log
        self._session = 0
        self._durable: asyncio.Future[None] | None = None
        self._sends: set[asyncio.Task[None]] = set()
        self._unsent = 0
        self._waiters: dict[str, list[asyncio.Future[Order]]] = {}
        self._stopped = ""
        self._day_end_ns = 0
        self._todo: deque[tuple[Effect, int]] = deque()
        self._is_performing = False
        self._chain = 0
        self._kill_tried_ns: dict[str, int] = {}

    # -- start and stop -------------------------------------------------------------------------

    def replay(self, entries: list[Entry]) -> None:
        """Bring the manager to the state the journal tells; nothing is sent or written."""
        for entry in entries:
            self.manager.on_event(entry.event, entry.at_ns)
            if isinstance(entry.event, FillSeen):
                # Connections go on being counted, else a fill repeated on a new one looks new.
                self._session = max(self._session, entry.event.session)

    def restarted(self) -> None:
        """Note that nobody waits any more for what was under way before."""
        now_ns = self.now_ns()
        self._day_end_ns = kst_day_ns(now_ns) + _DAY_NS
        self.apply(Restarted(business_date=kst_date(now_ns)))

    def roll_day(self) -> None:
        """Begin a new business date if one has come: day orders of the one before are dead, and
        the broker gives their numbers out again."""
        now_ns = self.now_ns()
        if 0 < self._day_end_ns <= now_ns:
            self._day_end_ns = kst_day_ns(now_ns) + _DAY_NS
            self.apply(Restarted(business_date=kst_date(now_ns)))
            # What the old day's orders filled unheard (this machine slept through the close) no
            # list of today shows; the balance does.
            self.hooks.on_fill()

    async def drain(self, timeout_s: float) -> None:
        """Wait for the journal and the answers under way, at most so long, then for the journal
        again: it has to hold what the answers said."""
        if self._unsent and self._durable is not None and not self._durable.done():
            await asyncio.wait({self._durable}, timeout=timeout_s)
            await asyncio.sleep(0)
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
        """Apply one event and perform what follows from it.

        A watcher that trades on what it hears comes back here in the middle of the effects of
        another event; its own are performed after those, so what is written and told keeps the
        order in which it was decided.
        """
        self.roll_day()
        now_ns = self.now_ns()
        self._todo.extend((effect, now_ns) for effect in self.manager.on_event(event, now_ns))
        self._chain += 1
        if self._is_performing:
            if self._chain > _MAX_CHAIN:
                self.stop_trading("a strategy answers its own orders without end")
            return
        self._is_performing = True
        try:
            while self._todo:
                self._perform(*self._todo.popleft())
        finally:
            self._is_performing = False
            self._chain = 0

    def new_session(self) -> None:
        """A new realtime connection: notices from here on belong to it."""
        self._session += 1

    def on_notice(self, notice: Notice) -> None:
        """Translate an own-order notice of the account into an event."""
        if notice.is_fill and not (notice.fill_qty and notice.price_krw):
            # Without both figures it says only that something happened.
            self._log.warning("a fill notice without figures: %s", notice.broker_order_id)
            self.count_discrepancy()
            self.hooks.ask_ledger(0)
            return
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

    def _perform(self, effect: Effect, now_ns: int) -> None:
        if isinstance(effect, Journal):
            self._write(effect.event, now_ns)
        elif isinstance(effect, Publish):
            self._publish(effect)
        elif isinstance(effect, Send):
            self._send(effect.command, self._durable)
        elif isinstance(effect, AskLedger):
            self.hooks.ask_ledger(effect.delay_ms)
        elif isinstance(effect, Alert):
            self._alert(effect)
        elif isinstance(effect, Discrepancy):
            self._log.warning("discrepancy %s: %s %s", effect.kind, effect.text, effect.order_id)
            self.hooks.ask_ledger(0)

    def _sent(self, task: asyncio.Task[None]) -> None:
        self._sends.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._broken(error)

    def _broken(self, error: BaseException) -> None:
        self._log.error("internal error after a send", exc_info=error)
        self.stop_trading(f"internal error: {type(error).__name__}: {error}")

    def _write(self, event: Event, now_ns: int) -> None:
        try:
            self._durable = self._journal.append(event, now_ns)
        except StorageError as error:
            failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            failed.set_exception(error)
            self._durable = failed
        if self._durable.done():
            # At once, not a turn of the loop later: what failed must stop what follows it.
            self._written(self._durable)
        else:
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
        if self.manager.kill_switch and order.is_open:
            asyncio.get_running_loop().call_soon(self.enforce_kill_switch)

    def _when_durable(self, action: Callable[[], None]) -> None:
        durable = self._durable
        if durable is None or durable.done():
            action()
        else:
            durable.add_done_callback(lambda _future: action())

    def enforce_kill_switch(self, *, is_new: bool = False) -> None:
        """While the switch is on, take out what is in the market, ours only.

        A cancel that was refused or lost is tried again, but not at once: the same answer would
        come, as fast as the call limit allows. is_new: somebody has just thrown the switch.
        """
        if not self.manager.kill_switch or self._stopped:
            return
        now_ns = self._mono_ns()
        tried_ns = {} if is_new else self._kill_tried_ns
        self._kill_tried_ns = {}
        for record in list(self.manager.open_records()):
            if record.leg is None or record.origin == "external" or not record.leaves_qty:
                continue
            last_ns = tried_ns.get(record.order_id, now_ns - _KILL_RETRY_NS)
            if not record.request and now_ns - last_ns >= _KILL_RETRY_NS:
                last_ns = now_ns
                self.apply(CancelRequested(order_id=record.order_id, qty=0))
            self._kill_tried_ns[record.order_id] = last_ns

    def _alert(self, alert: Alert) -> None:
        self.alerts[alert.kind] = self.alerts.get(alert.kind, 0) + 1
        self._log.warning("alert %s: %s %s", alert.kind, alert.text, alert.order_id)

    # -- sending --------------------------------------------------------------------------------

    def _send(self, command: Command, durable: asyncio.Future[None] | None) -> None:
        """Send the command once what was decided is durable, in this very call if it is.

        That is safe: whatever may hold an order back has been asked by then (the journal has it,
        the veto is asked again at the moment of leaving), and what the answer means is applied in
        a task of its own, after everything that is being performed now.
        """
        if durable is None or durable.done():
            self._leave(command, durable)
        else:
            self._unsent += 1
            durable.add_done_callback(lambda done: self._leave_later(command, done))

    def _leave_later(self, command: Command, durable: asyncio.Future[None]) -> None:
        self._unsent -= 1
        try:
            self._leave(command, durable)
        except Exception as error:  # noqa: BLE001  a bug of ours: nothing may leave after it
            self._broken(error)

    def _leave(self, command: Command, durable: asyncio.Future[None] | None) -> None:
        refusal = self._refusal(command, durable)
        # None here: the order has to wait for something, or the broker has no direct way.
        answer = None if refusal is not None else self._sender.begin(command)
        task = asyncio.get_running_loop().create_task(self._follow(command, refusal, answer))
        self._sends.add(task)
        task.add_done_callback(self._sent)

    def _refusal(self, command: Command, durable: asyncio.Future[None] | None) -> Refused | None:
        if durable is not None and (durable.cancelled() or durable.exception() is not None):
            reason = "the journal was closed" if durable.cancelled() else str(durable.exception())
            return Refused(_NOT_SENT, "", f"not sent: {reason}")
        veto = self._stopped or (self._veto() if isinstance(command, PlaceOrder) else "")
        return Refused(_NOT_SENT, "", f"not sent: {veto}") if veto else None

    async def _follow(
        self,
        command: Command,
        refusal: Refused | None,
        answer: Coroutine[Any, Any, Outcome] | None,
    ) -> None:
        outcome: Outcome
        if refusal is not None:
            outcome = refusal
        else:
            outcome = await (self._sender.ask(command) if answer is None else answer)
        self.apply(event_of(command, outcome))

    def _veto(self) -> str:
        """Why a new order may not leave any more, however long ago it was decided; "" if it may."""
        if self.manager.kill_switch:
            return f"the kill switch is on: {self.manager.kill_reason}"
        return self._stopped

    def _overdue(self, order_id: str, deadline_s: float) -> None:
        self.apply(OrderLost(order_id=order_id, reason=f"no answer in {deadline_s:g} s"))

    def is_placing(self, order_id: str) -> bool:
        """Tell whether the request for this order is still under way from here: then no list of
        the broker's can prove that it was not placed."""
        return order_id in self._sender.placing

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

    async def settled_within(self, timeout_s: float) -> bool:
        """Wait as settled() does, at most so long; tell whether it came to that."""
        durable = self._durable
        if durable is None or durable.done():
            return True
        done, _ = await asyncio.wait({durable}, timeout=timeout_s)
        return bool(done)

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

"""Bring an engine up, keep it in agreement with the broker through reconnects, and take it down.

Trading opens when three things hold: the realtime connection has acknowledged our own-order
notices, a scan of the day's orders and the balance agree with the journal, and the journal can be
written. Until then orders are refused with the reason.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from typing import Protocol

from aegis_fast.config import Settings
from aegis_fast.core.events import WorldSeen
from aegis_fast.core.masking import mask_account
from aegis_fast.core.model import OrderState
from aegis_fast.core.ports import Broker, EngineStatus, Feed
from aegis_fast.core.strategy import Strategy, StrategyTrading
from aegis_fast.engine.clock import now_ns
from aegis_fast.engine.engine import Engine
from aegis_fast.engine.gate import Gate
from aegis_fast.engine.listing import Listing
from aegis_fast.engine.session import Session
from aegis_fast.engine.strategies import Strategies
from aegis_fast.engine.sync import Sync
from aegis_fast.engine.watching import Watching
from aegis_fast.errors import AegisError
from aegis_fast.hot import Bus, Notice
from aegis_fast.store.journal import Journal
from aegis_fast.store.stint import Stint

__all__ = ["FeedBridge", "Lifecycle"]

_RETRY_S = 0.5
_DRAIN_S = 5.0


class WorldSource(Broker, Protocol):
    """A broker that can tell which simulator it talks to; "" at a real one."""

    async def simulator_world(self) -> str: ...


class FeedBridge:
    """Pass what the feed tells to the engine. Implements core.ports.FeedEvents."""

    def __init__(self, engine: Engine, log: logging.Logger) -> None:
        self.on_notice: Callable[[Notice], None] = engine.on_notice
        self.up_changed = asyncio.Event()
        self.drops = 0
        self._engine = engine
        self._log = log

    def on_feed_up(self) -> None:
        """The notice registration stands: what happens from here on will be heard."""
        self._engine.new_session()
        self.up_changed.set()

    def on_feed_down(self, reason: str) -> None:
        """The connection is gone; what happened meanwhile must be asked for after it is back."""
        self.drops += 1
        self._log.warning("feed down: %s", reason)

    def on_feed_trouble(self, kind: str, detail: str) -> None:
        """Something about the feed that a person should know."""
        self._log.warning("feed %s: %s", kind, detail)
        if kind == "notice":
            # It could not be read and may have told a fill: the ledger knows.
            self._engine.hooks.ask_ledger(0)


class Lifecycle:
    """One engine from start to end. `service` is set by wiring, for strategies."""

    def __init__(
        self,
        *,
        settings: Settings,
        engine: Engine,
        journal: Journal,
        gateway: WorldSource,
        feed: Feed,
        bridge: FeedBridge,
        gate: Gate,
        sync: Sync,
        listing: Listing,
        watching: Watching,
        bus: Bus,
        calls_per_s: int,
        stint: Stint,
        session: Session,
        log: logging.Logger,
    ) -> None:
        self.service: StrategyTrading | None = None
        self.ready = asyncio.Event()
        self.failed = asyncio.Event()
        self._settings = settings
        self._engine = engine
        self._journal = journal
        self._gateway = gateway
        self._feed = feed
        self._bridge = bridge
        self._gate = gate
        self._sync = sync
        self._listing = listing
        self._watching = watching
        self._bus = bus
        self._calls_per_s = calls_per_s
        self._stint = stint
        self._session = session
        self._log = log
        self._reason = "starting"
        self._started_ns = engine.now_ns()
        self._tasks: list[asyncio.Task[None]] = []
        self._strategies = self._contained([])

    def _contained(self, strategies: list[Strategy]) -> Strategies:
        return Strategies(
            strategies,
            bus=self._bus,
            max_errors=self._settings.feed.strategy_max_errors,
            log=self._log,
        )

    # -- up -------------------------------------------------------------------------------------

    def open_journal(self) -> int:
        """Take the journal over and replay it; returns how many entries it held."""
        self._started_ns = self._engine.now_ns()
        entries = self._journal.open()
        window_ns = self._settings.kis.call_window_ms * 1_000_000
        # The broker counts calls by the real second, whatever its market's clock does.
        if self._stint.begin(now_ns(), window_ns):
            self._gate.assume_full()
        self._engine.replay(entries)
        return len(entries)

    def start(self, world: str, strategies: list[Strategy]) -> None:
        """Start everything; `ready` is set when trading is open."""
        self._journal.start()
        self._engine.apply(WorldSeen(world=world))
        self._engine.restarted()
        self._strategies = self._contained(strategies)
        loop = asyncio.get_running_loop()
        self._tasks = [loop.create_task(self._run())]

    async def _run(self) -> None:
        try:
            await self._bring_up()
            await self._follow_reconnects()
        except Exception as error:  # noqa: BLE001  logged; main ends the process with exit code 1
            self._log.exception("internal error: the engine stops")
            self._reason = f"internal error: {type(error).__name__}: {error}"
            self.failed.set()

    async def _bring_up(self) -> None:
        await self._retry("starting the feed", self._feed.start)
        await self._wait_feed()
        await self._retry("reading the account", self._sync.agree)
        self._sync.start()
        await self._watch_symbols()
        self._reason = ""
        self.ready.set()
        if self.service is not None:
            self._strategies.start(self.service)
        self._session.start()

    async def _wait_feed(self) -> None:
        self._reason = "waiting for the realtime connection"
        await self._bridge.up_changed.wait()
        self._bridge.up_changed.clear()

    async def _retry(self, what: str, action: Callable[[], object]) -> None:
        """Try until it works; what fails is in the status and, once, in the log."""
        said = ""
        self._reason = what
        while True:
            try:
                await action()  # type: ignore[misc]
                return
            except AegisError as error:
                if str(error) != said:
                    said = str(error)
                    self._log.warning("%s: %s", what, error)
                self._reason = f"{what}: {error}"
                await asyncio.sleep(_RETRY_S)

    async def _watch_symbols(self) -> None:
        wanted = (*self._settings.feed.symbols, *self._strategies.symbols())
        for symbol in dict.fromkeys(wanted):
            try:
                await self._listing.instrument(symbol)
                self._watching.pin(symbol)
            except AegisError as error:
                self._log.warning("%s is not watched: %s", symbol, error)

    async def _follow_reconnects(self) -> None:
        """After each drop: what was missed is in the ledger (S76, P20)."""
        while True:
            await self._bridge.up_changed.wait()
            self._bridge.up_changed.clear()
            self._sync.ask_scan(0)
            if await self._world_now() != self._engine.manager.world:
                self._engine.stop_trading(
                    "the simulator was restarted and knows none of these orders; restart the engine"
                )

    async def _world_now(self) -> str:
        """Return which simulator is there; asked until it answers, since silence proves nothing."""
        while True:
            try:
                return await self._gateway.simulator_world()
            except AegisError as error:
                self._log.warning("the simulator does not say which one it is: %s", error)
                await asyncio.sleep(_RETRY_S)

    # -- down -----------------------------------------------------------------------------------

    async def close(self) -> None:
        """Stop taking orders, wait for the answers under way, close everything."""
        self._strategies.stop()
        self._reason = "shutting down"
        for task in self._tasks:
            task.cancel()
        for task in self._tasks:
            with contextlib.suppress(asyncio.CancelledError):
                await task
        await self._session.close()
        await self._sync.close()
        await self._engine.drain(_DRAIN_S)
        await self._feed.close()
        await self._gateway.close()
        self._stint.end(now_ns())
        self._journal.close()

    # -- status ---------------------------------------------------------------------------------

    def closed(self) -> str:
        """Return why trading is not open, "" while it is."""
        return self._reason or self._engine.stop_reason

    def status(self) -> EngineStatus:
        """Return what someone who asks should know."""
        manager = self._engine.manager
        states = [record.state for record in manager.open_records()]
        reason = self.closed()
        return EngineStatus(
            env=self._settings.engine.env,
            account_masked=mask_account(self._engine.account),
            is_ready=not reason,
            reason=reason,
            is_feed_up=self._feed.is_up,
            kill_switch=manager.kill_switch,
            halted_symbols=dict(manager.halted),
            open_orders=len(states),
            unknown_orders=states.count(OrderState.UNKNOWN),
            discrepancies=manager.discrepancies + self._engine.discrepancies_seen,
            calls_per_s=self._calls_per_s,
            calls_in_use=self._gate.in_use(),
            queue_depth=self._gate.waiting,
            counters={
                **self._feed.counters(),
                "feed_drops": self._bridge.drops,
                "order_scans": self._sync.scans,
                "journal_waiting": self._journal.waiting,
                **{f"alert_{kind}": n for kind, n in self._engine.alerts.items()},
            },
            started_ns=self._started_ns,
            now_ns=self._engine.now_ns(),
            strategies=self._strategies.status(),
            latency=self._feed.latency(),
            is_spinning=self._session.is_spinning,
        )

"""Put an engine together with a broker that does what a test says; the rest is the real thing."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from aegis_fast.core.dispatch import CallQueue
from aegis_fast.core.events import BalanceLoaded, OrderSubmitted
from aegis_fast.core.model import (
    Accepted,
    AmendOrder,
    Balance,
    CancelOrder,
    DayOrder,
    DayOrders,
    Instrument,
    Order,
    OrderRequest,
    OrderState,
    OrderType,
    Outcome,
    PlaceOrder,
    Position,
    Priority,
    Quote,
    Side,
    Venue,
)
from aegis_fast.core.order_manager import OrderManager
from aegis_fast.core.portfolio import Fees, Portfolio
from aegis_fast.core.ports import EngineStatus
from aegis_fast.core.reconcile import Reconciler, ReconcileRules
from aegis_fast.core.risk import RiskLimits
from aegis_fast.engine.engine import Engine
from aegis_fast.engine.gate import Gate
from aegis_fast.engine.listing import Listing
from aegis_fast.engine.sending import ORDER_DEADLINES_S
from aegis_fast.engine.service import Service
from aegis_fast.engine.sync import Sync
from aegis_fast.engine.watching import Watching
from aegis_fast.errors import NotFound
from aegis_fast.hot import Book, Bus, SlidingWindow
from aegis_fast.store.journal import Journal

ACCOUNT = "5000000001"
SYMBOL = "005930"
KST = timezone(timedelta(hours=9))
DATE = 20261123
# Monday 2026-11-23, 10:00:00 KST.
T0 = int(datetime(2026, 11, 23, 10, 0, 0, tzinfo=KST).timestamp()) * 1_000_000_000
SECOND = 1_000_000_000
MS = 1_000_000
CASH = 100_000_000
OWNER = {"env": "sim", "account": ACCOUNT}
SAMSUNG = Instrument(
    symbol=SYMBOL,
    name="삼성전자",
    market="KOSPI",
    kind="stock",
    base_price_krw=100_000,
    lower_krw=70_000,
    upper_krw=130_000,
)
Answer = Callable[[Any], Awaitable[Outcome]]


class FakeBroker:
    """One account at a broker without a network. Each request pays a real gate, as KIS's does.

    on_place, on_change: what it answers; by default it accepts under the next number.
    rows, cash_krw, positions: what its list and its balance say.
    """

    def __init__(self, gate: Gate) -> None:
        self.gate = gate
        self.placed: list[PlaceOrder] = []
        self.changed: list[AmendOrder | CancelOrder] = []
        self.on_place: Answer = self.accept
        self.on_change: Answer = self.accept
        self.on_scan: Callable[[], None] = lambda: None
        self.on_balance: Callable[[], None] = lambda: None
        self.rows: tuple[DayOrder, ...] = ()
        self.cash_krw = CASH
        self.positions: tuple[Position, ...] = ()
        self.is_complete = True
        self.listed = {SYMBOL: SAMSUNG}
        self.asked: list[str] = []
        self.now_ns = T0
        self.numbers = 0

    async def accept(self, _command: object) -> Outcome:
        self.numbers += 1
        return Accepted(broker_order_id=self.numbers, org_no="06010", time_hhmmss=100_000)

    async def start(self) -> None:
        return None

    async def close(self) -> None:
        return None

    async def place(self, command: PlaceOrder) -> Outcome:
        is_market = command.order_type is OrderType.MARKET
        await self.gate(Priority.MARKET if is_market else Priority.LIMIT)
        self.placed.append(command)
        return await self.on_place(command)

    async def amend(self, command: AmendOrder) -> Outcome:
        await self.gate(Priority.LIMIT)
        self.changed.append(command)
        return await self.on_change(command)

    async def cancel(self, command: CancelOrder) -> Outcome:
        await self.gate(Priority.CANCEL)
        self.changed.append(command)
        return await self.on_change(command)

    async def day_orders(self, account: str) -> DayOrders:
        self.asked.append("orders")
        self.on_scan()
        return DayOrders(
            account=account, rows=self.rows, is_complete=self.is_complete, asked_ns=self.now_ns
        )

    async def balance(self, account: str) -> Balance:
        self.asked.append("balance")
        self.on_balance()
        return Balance(
            account=account,
            cash_krw=self.cash_krw,
            deposit_krw=self.cash_krw,
            holdings_krw=0,
            total_krw=self.cash_krw,
            positions=self.positions,
            is_complete=True,
            as_of_ns=self.now_ns,
        )

    async def instrument(self, symbol: str) -> Instrument:
        self.asked.append(symbol)
        await asyncio.sleep(0)
        if symbol not in self.listed:
            raise NotFound("no such issue", venue_code="KIOK0560")
        return self.listed[symbol]

    async def quote(self, symbol: str) -> Quote:
        raise NotFound(f"no quote of {symbol} here")


class FakeFeed:
    """A feed that only counts who watches."""

    is_up = True

    def __init__(self) -> None:
        self.watched: dict[str, int] = {}

    async def start(self) -> None:
        return None

    async def close(self) -> None:
        return None

    def watch(self, symbol: str) -> None:
        self.watched[symbol] = self.watched.get(symbol, 0) + 1

    def unwatch(self, symbol: str) -> None:
        self.watched[symbol] -= 1

    def is_watched(self, symbol: str) -> bool:
        return self.watched.get(symbol, 0) > 0

    def book(self, symbol: str) -> Book | None:
        return None

    def counters(self) -> Mapping[str, int]:
        return {}


class Rig:
    """An engine of one account, its service and its sync, on a clock that the test sets."""

    def __init__(
        self,
        home: Path,
        *,
        calls: int = 1_000,
        window_ms: int = 1_000,
        deadlines_s: Mapping[OrderType, float] = ORDER_DEADLINES_S,
        answer_timeout_s: float = 5.0,
        limits: RiskLimits | None = None,
        positions: tuple[Position, ...] = (),
        cash_krw: int = CASH,
    ) -> None:
        self.path = home / "journal.db"
        self.time_ns = T0
        self.not_ready = ""
        self.log = logging.getLogger("aegis.test")
        window = SlidingWindow(calls, window_ms * MS)
        self.gate = Gate(CallQueue(window, 1_000), time.monotonic_ns)
        self.broker = FakeBroker(self.gate)
        self.broker.cash_krw, self.broker.positions = cash_krw, positions
        self.manager = OrderManager(Portfolio(Fees(140)))
        self.journal = Journal(self.path, owner=OWNER, durability="kernel", max_waiting=10_000)
        self.bus_errors: list[Exception] = []
        self.bus = Bus(lambda _watcher, error: self.bus_errors.append(error))
        self.engine = Engine(
            account=ACCOUNT,
            manager=self.manager,
            journal=self.journal,
            broker=self.broker,
            bus=self.bus,
            now_ns=lambda: self.time_ns,
            log=self.log,
            deadlines_s=deadlines_s,
        )
        self.sync = Sync(
            engine=self.engine,
            broker=self.broker,
            reconciler=Reconciler(self.manager, ReconcileRules()),
            interval_s=0.05,
            log=self.log,
        )
        self.feed = FakeFeed()
        self.watching = Watching(self.feed, self.bus)
        self.listing = Listing(self.broker, lambda: self.time_ns)
        self.service = Service(
            engine=self.engine,
            broker=self.broker,
            listing=self.listing,
            watching=self.watching,
            offsets={"KOSPI": (-200, 200), "KOSDAQ": (-300, 300), "ELW": (-100, 100)},
            limits=limits or RiskLimits(),
            venues=("KRX",),
            sell_tax_ppm=2_000,
            answer_timeout_s=answer_timeout_s,
            status=self.status,
            closed=self.closed,
        )
        self.ledger_asked: list[int] = []

    def open(self) -> None:
        """Take the journal over and start as the lifecycle would."""
        self.engine.replay(self.journal.open())
        self.journal.start()
        self.engine.hooks.ask_ledger = self.ledger_asked.append
        self.engine.restarted()
        self.engine.apply(
            BalanceLoaded(
                account=ACCOUNT,
                cash_krw=self.broker.cash_krw,
                positions=self.broker.positions,
                reason="start",
            )
        )
        self.ledger_asked.clear()

    async def close(self) -> None:
        await self.sync.close()
        await self.engine.drain(2.0)
        self.journal.close()

    def closed(self) -> str:
        return self.not_ready or self.engine.stop_reason

    def status(self) -> EngineStatus:
        reason = self.closed()
        return EngineStatus(
            env="sim",
            account_masked="50****0001",
            is_ready=not reason,
            reason=reason,
            is_feed_up=True,
            kill_switch=self.manager.kill_switch,
            halted_symbols={},
            open_orders=0,
            unknown_orders=0,
            discrepancies=0,
            calls_per_s=1,
            calls_in_use=0,
            queue_depth=0,
            counters={},
            started_ns=T0,
            now_ns=self.time_ns,
        )

    def submit(self, **changes: Any) -> str:
        """Apply the decision to order, past the service; returns the id."""
        order_id = self.manager.next_order_id(self.time_ns)
        wanted: dict[str, Any] = {
            "client_order_id": f"c-{order_id}",
            "account": ACCOUNT,
            "symbol": SYMBOL,
            "side": Side.BUY,
            "order_type": OrderType.LIMIT,
            "qty": 10,
            "price_krw": 100_000,
            "base_price_krw": 0,
            "reserve_price_krw": 130_000,
            "sell_tax_ppm": 2_000,
            "venue": Venue.KRX,
            "trace_id": "t",
            "origin": "api",
        } | changes
        if wanted["order_type"] is OrderType.MARKET:
            wanted["price_krw"] = 0
        self.engine.apply(OrderSubmitted(order_id=order_id, **wanted))
        return order_id

    def order(self, order_id: str) -> Order:
        record = self.manager.get(order_id)
        assert record is not None
        return record.snapshot()

    def state(self, order_id: str) -> OrderState:
        return self.order(order_id).state

    async def reaches(self, order_id: str, state: OrderState) -> Order:
        """Wait until the order has come to a state."""
        await until(lambda: self.state(order_id) is state)
        return self.order(order_id)

    def hold_disk(self) -> sqlite3.Connection:
        """Keep the journal from committing until the connection is closed."""
        other = sqlite3.connect(self.path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        return other

    def break_disk(self) -> None:
        """Make every later write of the journal fail."""
        other = sqlite3.connect(self.path, isolation_level=None)
        other.execute("DROP TABLE journal")
        other.close()

    def on_disk(self) -> list[bytes]:
        """The bodies that another process would find in the journal now."""
        other = sqlite3.connect(self.path)
        try:
            return [body for (body,) in other.execute("SELECT body FROM journal ORDER BY seq")]
        finally:
            other.close()


async def until(is_so: Callable[[], bool], timeout_s: float = 10.0) -> None:
    """Let the loop run until it is so."""
    loop = asyncio.get_running_loop()
    end_s = loop.time() + timeout_s
    while not is_so():
        assert loop.time() < end_s, "it never came to that"
        await asyncio.sleep(0)


def run(rig: Rig, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Open the rig, do the work, close it, all on one loop."""

    async def whole() -> None:
        rig.open()
        try:
            await asyncio.wait_for(work(), 20)
        finally:
            await rig.close()

    asyncio.run(whole())


def request(client_order_id: str = "c-1", **changes: Any) -> OrderRequest:
    """A limit buy of 10 shares at 100,000 won."""
    wanted: dict[str, Any] = {
        "symbol": SYMBOL,
        "side": Side.BUY,
        "order_type": OrderType.LIMIT,
        "qty": 10,
        "price_krw": 100_000,
    } | changes
    return OrderRequest(client_order_id=client_order_id, **wanted)


def row(number: int, **changes: Any) -> DayOrder:
    """A row of the broker's list: a live buy of 10 at 100,000."""
    wanted: dict[str, Any] = {
        "original_broker_order_id": 0,
        "org_no": "06010",
        "symbol": SYMBOL,
        "side": Side.BUY,
        "order_type": OrderType.LIMIT,
        "qty": 10,
        "price_krw": 100_000,
        "time_hhmmss": 100_000,
        "cum_qty": 0,
        "cum_value_krw": 0,
        "canceled_qty": 0,
        "rejected_qty": 0,
        "is_cancel": False,
        "venue": "KRX",
    } | changes
    gone = wanted["cum_qty"] + wanted["canceled_qty"] + wanted["rejected_qty"]
    wanted.setdefault("leaves_qty", wanted["qty"] - gone)
    return DayOrder(broker_order_id=number, **wanted)

"""An engine with everything faked; time stands still, then jumps to the next timer."""

from __future__ import annotations

import asyncio
import heapq
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

import msgspec

from aegis_fast.core.dispatch import CallQueue
from aegis_fast.core.events import BalanceLoaded, Event
from aegis_fast.core.hours import kst_date
from aegis_fast.core.model import (
    Accepted,
    AmendOrder,
    Balance,
    CancelOrder,
    DayOrder,
    DayOrders,
    Instrument,
    Lost,
    Order,
    OrderRequest,
    OrderState,
    OrderType,
    Outcome,
    PlaceOrder,
    Position,
    Priority,
    Quote,
    Refused,
    Side,
)
from aegis_fast.core.order_manager import OrderManager
from aegis_fast.core.portfolio import Fees, Portfolio
from aegis_fast.core.ports import EngineStatus
from aegis_fast.core.reconcile import Reconciler, ReconcileRules
from aegis_fast.core.risk import RiskLimits
from aegis_fast.engine.engine import Engine
from aegis_fast.engine.gate import Gate
from aegis_fast.engine.listing import Listing
from aegis_fast.engine.service import Service
from aegis_fast.engine.sync import Sync
from aegis_fast.engine.watching import Watching
from aegis_fast.errors import NotFound, StorageError
from aegis_fast.hot import Book, Bus, Notice, SlidingWindow
from tests.unit.core.core_maker import ACCOUNT, INSTRUMENT, SYMBOL, T0, row

T = TypeVar("T")
SECOND = 1_000_000_000
OTHER = "000660"
LOG = logging.getLogger("aegis.test")


class VirtualLoop(asyncio.SelectorEventLoop):
    """A loop whose time stands still while anything can run, then jumps to the next timer."""

    def __init__(self) -> None:
        super().__init__()
        self._virtual_s = 0.0

    def time(self) -> float:
        return self._virtual_s

    def _run_once(self) -> None:
        scheduled = self._scheduled  # type: ignore[attr-defined]
        while scheduled and scheduled[0].cancelled():
            handle = heapq.heappop(scheduled)
            handle._scheduled = False
            self._timer_cancelled_count -= 1  # type: ignore[attr-defined]
        if not self._ready:  # type: ignore[attr-defined]
            assert scheduled, "everything waits for something that will never happen"
            self._virtual_s = max(self._virtual_s, scheduled[0].when())
        super()._run_once()  # type: ignore[misc]


def run(work: Callable[[], Awaitable[T]]) -> T:
    """Run a test body in virtual time."""
    loop = VirtualLoop()
    try:
        return loop.run_until_complete(work())
    finally:
        tasks = asyncio.all_tasks(loop)
        for task in tasks:
            task.cancel()
        if tasks:
            loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        loop.close()


async def settle(rounds: int = 20) -> None:
    """Let everything run that can run without time passing."""
    for _ in range(rounds):
        await asyncio.sleep(0)


class FakeJournal:
    """Remembers events. mode: "auto" is durable at once, "hold" waits for release(), "fail" fails
    later, "full" refuses."""

    def __init__(self) -> None:
        self.mode = "auto"
        self.events: list[Event] = []
        self._held: list[asyncio.Future[None]] = []

    def append(self, event: Event, at_ns: int) -> asyncio.Future[None]:
        if self.mode == "full":
            raise StorageError("10 journal entries wait for the disk")
        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()
        self.events.append(event)
        if self.mode == "auto":
            loop.call_soon(_finish, future, None)
        elif self.mode == "fail":
            loop.call_soon(_finish, future, StorageError("disk full"))
        else:
            self._held.append(future)
        return future

    def release(self, count: int | None = None) -> None:
        """Make the oldest `count` held entries durable; None is all."""
        count = len(self._held) if count is None else count
        for future in self._held[:count]:
            _finish(future, None)
        del self._held[:count]

    def kinds(self) -> list[str]:
        return [type(event).__name__ for event in self.events]


def _finish(future: asyncio.Future[None], error: Exception | None) -> None:
    if future.done():
        return
    if error is None:
        future.set_result(None)
    else:
        future.set_exception(error)


class FakeBroker:
    """Answers as scripted, by default at once and with a new number.

    script: for each order call to come, (delay in s, outcome or exception or None for the default).
    """

    def __init__(self) -> None:
        self.gate: Callable[[Priority], Awaitable[None]] | None = None
        self.script: deque[tuple[float, Outcome | Exception | None]] = deque()
        self.calls: list[tuple[float, Any]] = []
        self.rows: list[DayOrder] = []
        self.is_complete = True
        self.cash_krw = 100_000_000
        self.shares = {SYMBOL: 1_000}
        self.balances: deque[Balance] = deque()
        self.failures: deque[Exception] = deque()
        self.scans: list[float] = []
        self.instruments: dict[str, Instrument] = {
            SYMBOL: INSTRUMENT,
            OTHER: msgspec.structs.replace(INSTRUMENT, symbol=OTHER, name="SK하이닉스"),
        }
        self.instrument_calls = 0
        self.instrument_delay_s = 0.0
        self.asked_offset_ns = 0
        self._number = 0

    async def start(self) -> None: ...
    async def close(self) -> None: ...

    async def _answer(self, command: Any, priority: Priority) -> Outcome:
        if self.gate is not None:
            await self.gate(priority)
        loop = asyncio.get_running_loop()
        self.calls.append((loop.time(), command))
        delay_s, outcome = self.script.popleft() if self.script else (0.0, None)
        if outcome is None:
            self._number += 1
            outcome = Accepted(self._number, "06010", 100_000)
        await asyncio.sleep(delay_s)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    async def place(self, command: PlaceOrder) -> Outcome:
        is_market = command.order_type is OrderType.MARKET
        return await self._answer(command, Priority.MARKET if is_market else Priority.LIMIT)

    async def amend(self, command: AmendOrder) -> Outcome:
        return await self._answer(command, Priority.LIMIT)

    async def cancel(self, command: CancelOrder) -> Outcome:
        return await self._answer(command, Priority.CANCEL)

    def placed(self) -> list[PlaceOrder]:
        return [c for _at, c in self.calls if isinstance(c, PlaceOrder)]

    async def day_orders(self, account: str) -> DayOrders:
        loop = asyncio.get_running_loop()
        self.scans.append(loop.time())
        if self.failures:
            raise self.failures.popleft()
        asked_ns = T0 + int(loop.time() * SECOND) + self.asked_offset_ns
        return DayOrders(
            account=account,
            rows=tuple(self.rows),
            is_complete=self.is_complete,
            asked_ns=asked_ns,
        )

    async def balance(self, account: str) -> Balance:
        if self.balances:
            return self.balances.popleft()
        return balance(self.cash_krw, self.shares)

    async def instrument(self, symbol: str) -> Instrument:
        self.instrument_calls += 1
        await asyncio.sleep(self.instrument_delay_s)
        if symbol not in self.instruments:
            raise NotFound("no such symbol", field="symbol", venue_code="APBK0656")
        return self.instruments[symbol]

    async def quote(self, symbol: str) -> Quote:
        return Quote(
            symbol=symbol,
            price_krw=70_000,
            change_krw=-500,
            open_krw=70_500,
            high_krw=71_000,
            low_krw=69_500,
            cum_qty=1,
            cum_value_krw=70_000,
            base_price_krw=70_500,
            lower_krw=49_000,
            upper_krw=91_000,
            tick_size_krw=100,
            market_cap_krw=1,
            listed_shares=1,
        )


def balance(cash_krw: int, shares: Mapping[str, int], *, complete: bool = True) -> Balance:
    return Balance(
        account=ACCOUNT,
        cash_krw=cash_krw,
        deposit_krw=cash_krw,
        holdings_krw=0,
        total_krw=cash_krw,
        positions=tuple(Position(symbol=s, qty=q, cost_krw=q * 60_000) for s, q in shares.items()),
        is_complete=complete,
        as_of_ns=T0,
    )


class FakeFeed:
    """Counts who watches what. capacity: registrations there are."""

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}
        self.books: dict[str, Book] = {}
        self.capacity = 41
        self.is_up = True

    async def start(self) -> None: ...
    async def close(self) -> None: ...

    def watch(self, symbol: str) -> None:
        if symbol not in self.counts and len(self.counts) >= self.capacity:
            raise StorageError("no registration is free")
        self.counts[symbol] = self.counts.get(symbol, 0) + 1

    def unwatch(self, symbol: str) -> None:
        self.counts[symbol] -= 1
        if not self.counts[symbol]:
            del self.counts[symbol]

    def is_watched(self, symbol: str) -> bool:
        return symbol in self.counts

    def book(self, symbol: str) -> Book | None:
        return self.books.get(symbol)

    def counters(self) -> Mapping[str, int]:
        return {}


class Rig:
    """Everything that wiring joins, with fakes at the edges. Build it inside the running loop."""

    def __init__(
        self,
        *,
        limits: RiskLimits | None = None,
        calls_per_s: int = 0,
        rules: ReconcileRules | None = None,
    ) -> None:
        self.loop = asyncio.get_running_loop()
        self.day_offset_ns = 0
        self.journal = FakeJournal()
        self.broker = FakeBroker()
        self.feed = FakeFeed()
        self.manager = OrderManager(Portfolio(Fees(140)))
        self.bus_errors: list[Exception] = []
        self.bus = Bus(lambda _watcher, error: self.bus_errors.append(error))
        self.engine = Engine(
            account=ACCOUNT,
            manager=self.manager,
            journal=self.journal,  # type: ignore[arg-type]
            broker=self.broker,
            bus=self.bus,
            now_ns=self.now_ns,
            log=LOG,
        )
        self.gate: Gate | None = None
        if calls_per_s:
            window = SlidingWindow(calls_per_s, SECOND)
            self.gate = Gate(CallQueue(window, 1_000), self.mono_ns)
            self.broker.gate = self.gate
        self.listing = Listing(self.broker, self.now_ns)
        self.watching = Watching(self.feed, self.bus)
        self.reason = ""
        self.service = Service(
            engine=self.engine,
            broker=self.broker,
            listing=self.listing,
            watching=self.watching,
            offsets={"KOSPI": (-200, 200), "KOSDAQ": (-300, 300), "ELW": (-100, 100)},
            limits=limits or RiskLimits(),
            venues=("KRX",),
            sell_tax_ppm=2_000,
            answer_timeout_s=5.0,
            status=self.status,
            closed=self.closed,
        )
        self.sync = Sync(
            engine=self.engine,
            broker=self.broker,
            reconciler=Reconciler(self.manager, rules or ReconcileRules()),
            interval_s=5.0,
            log=LOG,
        )
        self.asked: list[tuple[float, int]] = []
        self.engine.hooks.ask_ledger = lambda ms: self.asked.append((self.loop.time(), ms))
        self.engine.restarted()
        self.engine.apply(
            BalanceLoaded(
                account=ACCOUNT,
                cash_krw=100_000_000,
                positions=(Position(symbol=SYMBOL, qty=1_000, cost_krw=60_000_000),),
                reason="start",
            )
        )
        self.journal.events.clear()
        self.asked.clear()

    def now_ns(self) -> int:
        return T0 + self.day_offset_ns + round(self.loop.time() * SECOND)

    def mono_ns(self) -> int:
        return round(self.loop.time() * SECOND)

    def closed(self) -> str:
        return self.reason or self.engine.stop_reason

    def status(self) -> EngineStatus:
        reason = self.closed()
        return EngineStatus(
            env="sim",
            account_masked="50****0001",
            is_ready=not reason,
            reason=reason,
            is_feed_up=True,
            kill_switch=self.manager.kill_switch,
            halted_symbols=dict(self.manager.halted),
            open_orders=0,
            unknown_orders=0,
            discrepancies=0,
            calls_per_s=30,
            calls_in_use=0,
            queue_depth=0,
            counters={},
            started_ns=T0,
            now_ns=self.now_ns(),
        )

    def state(self, order_id: str) -> OrderState:
        record = self.manager.get(order_id)
        assert record is not None
        return record.state

    def submit_now(self, **changes: Any) -> Order:
        """Submit as a strategy does, with the instrument known."""
        self.listing._known[SYMBOL] = (kst_date(self.now_ns()), INSTRUMENT)
        wanted: dict[str, Any] = {
            "order_type": OrderType.LIMIT,
            "price_krw": 70_000,
            "base_price_krw": 0,
            "venue": request().venue,
            "origin": "strategy:Test",
        }
        wanted |= changes
        if wanted["order_type"] is OrderType.MARKET:
            wanted["price_krw"] = 0
        symbol = wanted.pop("symbol", SYMBOL)
        side, qty = wanted.pop("side", Side.BUY), wanted.pop("qty", 10)
        return self.service.submit_now(symbol, side, qty, **wanted)

    async def live(self, **changes: Any) -> str:
        """Submit and wait until the broker has it."""
        order_id = self.submit_now(**changes).order_id
        await settle()
        assert self.state(order_id) is OrderState.LIVE
        return order_id


def request(**changes: Any) -> OrderRequest:
    wanted: dict[str, Any] = {
        "client_order_id": "c1",
        "symbol": SYMBOL,
        "side": Side.BUY,
        "order_type": OrderType.LIMIT,
        "qty": 10,
        "price_krw": 70_000,
    }
    wanted |= changes
    if wanted["order_type"] is OrderType.MARKET:
        wanted["price_krw"] = 0
    return OrderRequest(**wanted)


def fill_notice(number: int, qty: int | None, price_krw: int | None = 70_000) -> Notice:
    return Notice.make(
        account=ACCOUNT,
        broker_order_id=number,
        side=Side.BUY,
        symbol=SYMBOL,
        fill_qty=qty,
        price_krw=price_krw,
        time_hhmmss=100_001,
        is_fill=True,
        accept_code=2,
    )


__all__ = [
    "LOG",
    "OTHER",
    "SECOND",
    "FakeBroker",
    "FakeFeed",
    "FakeJournal",
    "Lost",
    "Refused",
    "Rig",
    "balance",
    "fill_notice",
    "request",
    "row",
    "run",
    "settle",
]

"""An engine in memory: real ticks, limits, cash and books, no broker. Fills at the best price.

It keeps what TradingService promises, so that the way in can be tested without the engine.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from aegis_fast.api.access import Access, ApiKey, Role
from aegis_fast.api.server import ApiServer
from aegis_fast.core.model import (
    OPEN_STATES,
    Instrument,
    Order,
    OrderRequest,
    OrderState,
    OrderType,
    Position,
    Side,
)
from aegis_fast.core.ports import EngineStatus, StrategyStatus
from aegis_fast.errors import InvalidRequest, NotFound, OrderRejected, RiskRejected
from aegis_fast.hot import Book, Trade, tick_size

START_NS = 1_795_305_600_000_000_000  # 2026-11-22 09:00 KST
ACCOUNT = "1234567801"
INSTRUMENTS = {
    "005930": Instrument(
        symbol="005930", name="삼성전자", market="KOSPI", kind="stock", base_price_krw=70_000,
        lower_krw=49_000, upper_krw=91_000, listed_shares=5_919_637_922,
    ),
    "000660": Instrument(
        symbol="000660", name="SK하이닉스", market="KOSPI", kind="stock", base_price_krw=180_000,
        lower_krw=126_000, upper_krw=234_000, listed_shares=712_702_365,
    ),
}  # fmt: skip


@dataclass
class Clock:
    """A clock that only moves when told."""

    now_ns: int = START_NS

    def __call__(self) -> int:
        return self.now_ns


def depth_frame(symbol: str, best_bid_krw: int, qty: int = 100) -> bytes:
    """Build an H0STASP0 frame: ten levels a side, one tick apart, quantities growing outwards."""
    tick_krw = tick_size(best_bid_krw)
    asks = [best_bid_krw + tick_krw * (i + 1) for i in range(10)]
    bids = [best_bid_krw - tick_krw * i for i in range(10)]
    qtys = [qty * (i + 1) for i in range(10)]
    total = sum(qtys)
    values = [symbol, 113000, 0, *asks, *bids, *qtys, *qtys, total, total]
    values += [0, 0, 0, 0, 0, 0, 5, "0.00", 1000, 0, 0, 0, 0, 0]
    return f"0|H0STASP0|001|{'^'.join(str(value) for value in values)}".encode()


@dataclass(eq=False)
class FakeService:
    """See the module. `next_error` is raised once; `next_state` replaces the next order's fate."""

    clock_ns: Callable[[], int]
    env: str = "sim"
    cash_krw: int = 10_000_000
    kill: bool = False
    reason: str = ""
    next_error: Exception | None = None
    next_state: tuple[OrderState, int, str, str] | None = None
    kept: dict[str, Order] = field(default_factory=dict)
    requests: dict[str, OrderRequest] = field(default_factory=dict)
    books: dict[str, Book] = field(default_factory=dict)
    trade_watchers: list[tuple[frozenset[str], Callable[[Trade], None]]] = field(
        default_factory=list
    )
    depth_watchers: list[tuple[frozenset[str], Callable[[Book], None]]] = field(
        default_factory=list
    )
    order_watchers: list[Callable[[Order], None]] = field(default_factory=list)

    def __post_init__(self) -> None:
        for symbol, instrument in INSTRUMENTS.items():
            self.books[symbol] = Book(symbol)
            self.books[symbol].apply(depth_frame(symbol, instrument.base_price_krw), START_NS)

    # -- the market, moved by the test ------------------------------------------------------------

    def move(self, symbol: str, best_bid_krw: int, qty: int = 100) -> None:
        """Replace the book of a symbol and tell whoever watches."""
        book = self.books[symbol]
        book.apply(depth_frame(symbol, best_bid_krw, qty), self.clock_ns())
        for symbols, callback in list(self.depth_watchers):
            if symbol in symbols:
                callback(book)

    def trade(self, symbol: str, price_krw: int, qty: int) -> None:
        """Let a trade happen."""
        trade = Trade.make(
            symbol=symbol, time_hhmmss=113000, price_krw=price_krw, change_krw=0, qty=qty,
            side=Side.BUY, recv_ns=self.clock_ns(),
        )  # fmt: skip
        for symbols, callback in list(self.trade_watchers):
            if symbol in symbols:
                callback(trade)

    def change(self, order: Order, **changes: Any) -> Order:
        """Replace an order by its next state and publish it."""
        order = msgspec.structs.replace(order, updated_ns=self.clock_ns(), **changes)
        self.kept[order.order_id] = order
        for callback in list(self.order_watchers):
            callback(order)
        return order

    # -- TradingService ---------------------------------------------------------------------------

    async def submit(self, request: OrderRequest) -> Order:
        self._fail()
        bare = msgspec.structs.replace(request, trace_id="")
        for order_id, earlier in self.requests.items():
            if earlier.client_order_id == request.client_order_id != "":
                if msgspec.structs.replace(earlier, trace_id="") == bare:
                    return self.kept[order_id]
                raise InvalidRequest(
                    "this client_order_id belongs to another order",
                    code=409,
                    field="client_order_id",
                    expected="a new one for a new order",
                    order_id=order_id,
                )
        price_krw = self._check(request)
        order_id = f"20261122-{len(self.kept) + 1:06d}"
        self.requests[order_id] = request
        order = Order(
            order_id=order_id, client_order_id=request.client_order_id, account=ACCOUNT,
            symbol=request.symbol, side=request.side, order_type=request.order_type,
            qty=request.qty, price_krw=price_krw, base_price_krw=request.base_price_krw,
            venue=request.venue, state=OrderState.PENDING, cum_qty=0, leaves_qty=request.qty,
            canceled_qty=0, cum_value_krw=0, broker_order_id=0, org_no="", code=9, venue_code="",
            message="", request="", created_ns=self.clock_ns(), updated_ns=self.clock_ns(),
            trace_id=request.trace_id, origin=request.origin,
        )  # fmt: skip
        self.change(order)
        if self.next_state is not None:
            (state, code, venue_code, message), self.next_state = self.next_state, None
            leaves_qty = 0 if state is OrderState.REJECTED else order.qty
            return self.change(
                order, state=state, code=code, venue_code=venue_code, message=message,
                leaves_qty=leaves_qty,
            )  # fmt: skip
        order = self.change(
            order, state=OrderState.LIVE, code=1, broker_order_id=len(self.kept), org_no="91252"
        )
        return self._match(order)

    def _check(self, request: OrderRequest) -> int:
        instrument = INSTRUMENTS.get(request.symbol)
        if instrument is None:
            raise NotFound(
                f"no such issue: {request.symbol}", field="symbol", expected="a listed symbol"
            )
        if self.kill:
            raise RiskRejected("the kill switch is on", field="kill_switch", expected="it off")
        price_krw = request.price_krw
        if request.base_price_krw:
            price_krw = request.base_price_krw * 98 // 100
            price_krw -= price_krw % tick_size(price_krw)
        if price_krw and price_krw % tick_size(price_krw):
            step_krw = tick_size(price_krw)
            raise InvalidRequest(
                f"{price_krw} is off the tick grid",
                field="price_krw",
                expected=f"a multiple of {step_krw}, such as {price_krw - price_krw % step_krw}",
            )
        if price_krw and not instrument.lower_krw <= price_krw <= instrument.upper_krw:
            raise RiskRejected(
                "outside the day's price limits",
                field="price_krw",
                expected=f"{instrument.lower_krw} to {instrument.upper_krw}",
            )
        cost_krw = request.qty * (price_krw or instrument.upper_krw)
        if request.side is Side.BUY and cost_krw > self.cash_krw:
            raise RiskRejected(
                "too little cash", field="qty", expected=f"at most {self.cash_krw} won in all"
            )
        return price_krw

    def _match(self, order: Order) -> Order:
        book = self.books[order.symbol]
        is_buy = order.side is Side.BUY
        best_krw = book.best_ask_krw if is_buy else book.best_bid_krw
        crosses = order.price_krw >= best_krw if is_buy else order.price_krw <= best_krw
        if order.order_type is OrderType.MARKET or crosses:
            value_krw = best_krw * order.qty
            self.cash_krw -= value_krw if is_buy else -value_krw
            return self.change(
                order, state=OrderState.FILLED, cum_qty=order.qty, leaves_qty=0,
                cum_value_krw=value_krw,
            )  # fmt: skip
        return order

    async def cancel(self, order_id: str) -> Order:
        self._fail()
        order = self._open(order_id)
        return self.change(
            order, state=OrderState.CANCELED, canceled_qty=order.leaves_qty, leaves_qty=0
        )

    async def amend(self, order_id: str, *, qty: int = 0, price_krw: int = 0) -> Order:
        self._fail()
        order = self._open(order_id)
        if price_krw:
            return self._match(self.change(order, price_krw=price_krw))
        if not order.cum_qty < qty < order.qty:
            raise InvalidRequest(
                "a quantity can only shrink", field="qty", expected=f"below {order.qty}"
            )
        return self.change(order, canceled_qty=order.qty - qty, leaves_qty=qty - order.cum_qty)

    def _open(self, order_id: str) -> Order:
        order = self.order(order_id)
        if order.state not in OPEN_STATES:
            raise OrderRejected(
                f"the order is {order.state}", order_id=order_id, venue_code="APBK0344"
            )
        return order

    def order(self, order_id: str) -> Order:
        if order_id not in self.kept:
            raise NotFound("no such order", field="order_id", expected="an id of GET orders")
        return self.kept[order_id]

    def orders(self, *, symbol: str = "", open_only: bool = False) -> list[Order]:
        return [
            order
            for order in reversed(self.kept.values())
            if symbol in ("", order.symbol) and (order.is_open or not open_only)
        ]

    async def quote(self, symbol: str) -> Mapping[str, Any]:
        self._fail()
        instrument = self._instrument(symbol)
        price_krw = self.books[symbol].best_bid_krw
        return {
            "symbol": symbol, "price_krw": price_krw,
            "change_krw": price_krw - instrument.base_price_krw,
            "open_krw": price_krw, "high_krw": price_krw, "low_krw": price_krw, "cum_qty": 1000,
            "cum_value_krw": 1000 * price_krw, "base_price_krw": instrument.base_price_krw,
            "lower_krw": instrument.lower_krw, "upper_krw": instrument.upper_krw,
            "tick_size_krw": tick_size(price_krw), "listed_shares": instrument.listed_shares,
            "market_cap_krw": 4_143_746 * 100_000_000, "name": instrument.name,
            "source": "wire", "age_ms": 0, "stale": False,
        }  # fmt: skip

    async def book(self, symbol: str) -> Mapping[str, Any]:
        self._fail()
        self._instrument(symbol)
        return self.books[symbol].snapshot()

    def _instrument(self, symbol: str) -> Instrument:
        if symbol not in INSTRUMENTS:
            raise NotFound(f"no such issue: {symbol}", field="symbol", expected="a listed symbol")
        return INSTRUMENTS[symbol]

    async def balance(self) -> Mapping[str, Any]:
        self._fail()
        positions = [msgspec.to_builtins(position) for position in self.positions()]
        return {
            "cash_krw": self.cash_krw, "orderable_krw": self.cash_krw, "positions": positions,
            "total_krw": self.cash_krw + sum(p["cost_krw"] for p in positions),
            "as_of_ns": self.clock_ns(),
        }  # fmt: skip

    def positions(self) -> list[Position]:
        found = []
        for symbol, instrument in INSTRUMENTS.items():
            fills = [o for o in self.kept.values() if o.symbol == symbol and o.cum_qty]
            signs = [(1 if o.side is Side.BUY else -1, o) for o in fills]
            qty = sum(sign * o.cum_qty for sign, o in signs)
            cost_krw = sum(sign * o.cum_value_krw for sign, o in signs)
            if qty:
                found.append(
                    Position(symbol=symbol, qty=qty, cost_krw=cost_krw, name=instrument.name)
                )
        return found

    def instruments(self) -> list[Instrument]:
        return list(INSTRUMENTS.values())

    def watch(
        self,
        symbols: Iterable[str],
        *,
        on_trade: Callable[[Trade], None] | None = None,
        on_depth: Callable[[Book], None] | None = None,
        on_order: Callable[[Order], None] | None = None,
    ) -> Callable[[], None]:
        kept = frozenset(symbols)
        undo: list[Callable[[], None]] = []

        def add(watchers: list[Any], watcher: Any) -> None:
            watchers.append(watcher)
            undo.append(lambda: watchers.remove(watcher))

        if on_trade:
            add(self.trade_watchers, (kept, on_trade))
        if on_depth:
            add(self.depth_watchers, (kept, on_depth))
        if on_order:
            add(self.order_watchers, on_order)
        return lambda: [action() for action in undo] and None

    async def set_kill_switch(self, on: bool, reason: str) -> EngineStatus:
        self.kill, self.reason = on, reason if on else ""
        if on:
            for order in self.orders(open_only=True):
                await self.cancel(order.order_id)
        return self.status()

    def status(self) -> EngineStatus:
        return EngineStatus(
            env=self.env, account_masked="12******01", is_ready=not self.kill,
            reason=self.reason, is_feed_up=True, kill_switch=self.kill, halted_symbols={},
            open_orders=len(self.orders(open_only=True)), unknown_orders=0, discrepancies=0,
            calls_per_s=30, calls_in_use=0, queue_depth=0, counters={"trades": 1},
            started_ns=START_NS, now_ns=self.clock_ns(),
            strategies=(
                StrategyStatus(name="Fails", state="stopped", errors=9, last_error="KeyError: 1"),
            ),
            latency={
                "parse": {
                    "count": 9, "p50_ns": 71, "p99_ns": 111, "p999_ns": 1_234, "max_ns": 2_000,
                },
            },
        )  # fmt: skip

    def _fail(self) -> None:
        if self.next_error is not None:
            error, self.next_error = self.next_error, None
            raise error


def counting_rng() -> Callable[[int], bytes]:
    """Return random bytes that are the same in every run and never repeat."""
    count = 0

    def draw(size: int) -> bytes:
        nonlocal count
        count += 1
        return count.to_bytes(size, "big")

    return draw


def keys() -> list[ApiKey]:
    """The demo key, one that may only look, and an administrator's."""
    return [
        ApiKey.of_secret("demo", "demo-secret", Role.TRADE),
        ApiKey.of_secret("viewer", "view-secret", Role.VIEW),
        ApiKey.of_secret("boss", "boss-secret", Role.ADMIN),
    ]


class ServedFake:
    """A FakeService behind a real ApiServer, on a loop in a thread of its own."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.service = FakeService(self.clock)
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)

    def __enter__(self) -> ServedFake:
        self._thread.start()
        access = Access(keys(), self.clock, counting_rng())
        self.server = ApiServer(self.service, access, host="127.0.0.1", port=0, clock_ns=self.clock)
        self.run(self.server.start())
        return self

    def __exit__(self, *_exception: object) -> None:
        self.run(self.server.close())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(5)
        self.loop.close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.port}"

    def run(self, coroutine: Any) -> Any:
        """Run a coroutine on the server's loop and wait for it."""
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(10)

    def call(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Call a function on the server's loop and wait for it."""

        async def on_loop() -> Any:
            return function(*arguments)

        return self.run(on_loop())

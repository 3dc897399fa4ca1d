"""State what the core needs from outside, and what it offers to the layers above it.

Adapters in kis, store and api meet here and nowhere else; only engine/wiring joins them.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable, Mapping
from typing import Any, Protocol, runtime_checkable

import msgspec

from aegis_fast.core.model import (
    AmendOrder,
    Balance,
    CancelOrder,
    DayOrders,
    Instrument,
    Order,
    OrderRequest,
    Outcome,
    PlaceOrder,
    Position,
    Priority,
    Quote,
)
from aegis_fast.hot import Book, Notice, Trade

__all__ = [
    "Broker",
    "CallGate",
    "DirectBroker",
    "EngineStatus",
    "Feed",
    "FeedEvents",
    "StrategyStatus",
    "TradingService",
]


class CallGate(Protocol):
    """The call limit. Called, it waits until one call of this class may leave; raises Busy when the
    queue is full. try_now() spends a call if one is free and nobody waits for it.
    """

    async def __call__(self, priority: Priority) -> None: ...
    def try_now(self, priority: Priority) -> bool: ...


class Broker(Protocol):
    """One account's REST side. Every method pays the CallGate once a request that is sent.

    Queries raise TransientError (nothing happened), AuthError or ProtocolError. The three order
    methods never raise for what the venue or the network does: they return an Outcome.
    """

    async def start(self) -> None: ...
    async def close(self) -> None: ...
    async def place(self, command: PlaceOrder) -> Outcome: ...
    async def amend(self, command: AmendOrder) -> Outcome: ...
    async def cancel(self, command: CancelOrder) -> Outcome: ...
    async def day_orders(self, account: str) -> DayOrders: ...
    async def balance(self, account: str) -> Balance: ...
    async def instrument(self, symbol: str) -> Instrument: ...
    async def quote(self, symbol: str) -> Quote: ...


@runtime_checkable
class DirectBroker(Protocol):
    """A broker that can send an order in the very call that decides it.

    begin() writes the request before it returns, if nothing has to be waited for, and returns what
    tells the outcome. None: nothing was done, not even the call limit paid; take the other way.
    leaving() is called after the limit is paid and before the first byte; what it raises keeps the
    request back.
    """

    def begin(
        self, command: PlaceOrder | AmendOrder | CancelOrder, leaving: Callable[[], None]
    ) -> Coroutine[Any, Any, Outcome] | None: ...


class FeedEvents(Protocol):
    """What a feed tells its owner, synchronously, in the order it happened. Trades and books go to
    the bus, past the owner.
    """

    def on_notice(self, notice: Notice) -> None: ...
    def on_feed_up(self) -> None: ...
    def on_feed_down(self, reason: str) -> None: ...
    def on_feed_trouble(self, kind: str, detail: str) -> None: ...


class Feed(Protocol):
    """The realtime side: one connection, kept up for ever, registrations restored after a drop."""

    async def start(self) -> None: ...
    async def close(self) -> None: ...
    def watch(self, symbol: str) -> None: ...
    def unwatch(self, symbol: str) -> None: ...
    def is_watched(self, symbol: str) -> bool: ...
    def book(self, symbol: str) -> Book | None: ...
    def counters(self) -> Mapping[str, int]: ...
    def latency(self) -> Mapping[str, Mapping[str, int]]: ...
    @property
    def is_up(self) -> bool: ...


class StrategyStatus(msgspec.Struct, frozen=True, kw_only=True):
    """How one strategy is. state: "waiting" for trading to open, "running", or "stopped" after too
    many errors; last_error: "Name: text", "" without any.
    """

    name: str
    state: str
    errors: int
    last_error: str


class EngineStatus(msgspec.Struct, frozen=True, kw_only=True):
    """What the engine would tell someone who asks how it is.

    is_ready: trading is open. reason: why it is not, "" when it is. halted_symbols: symbol -> why.
    latency: stage of the feed -> count, p50_ns, p99_ns, p999_ns, max_ns (hot.FeedListener.latency).
    """

    env: str
    account_masked: str
    is_ready: bool
    reason: str
    is_feed_up: bool
    kill_switch: bool
    halted_symbols: Mapping[str, str]
    open_orders: int
    unknown_orders: int
    discrepancies: int
    calls_per_s: int
    calls_in_use: int
    queue_depth: int
    counters: Mapping[str, int]
    started_ns: int
    now_ns: int
    strategies: tuple[StrategyStatus, ...] = ()
    latency: Mapping[str, Mapping[str, int]] = msgspec.field(default_factory=dict)
    is_spinning: bool = False


class TradingService(Protocol):
    """All that the API, the command line and the screen know of the engine."""

    async def submit(self, request: OrderRequest) -> Order:
        """Place an order and wait for the broker's word, at most `engine.answer_timeout_ms`.

        The order returned may still be pending (code 9) or unknown. The same client_order_id with
        the same body returns the same order; with another body InvalidRequest (field
        client_order_id, code 409 on HTTP). Raises RiskRejected, InvalidRequest, NotFound, Busy.
        """

    async def cancel(self, order_id: str) -> Order:
        """Cancel what remains. Raises NotFound, OrderRejected, RiskRejected, Busy."""

    async def amend(self, order_id: str, *, qty: int = 0, price_krw: int = 0) -> Order:
        """Change the price, or reduce the quantity to `qty` in all; one of the two at a time."""

    def order(self, order_id: str) -> Order:
        """Return one order. Raises NotFound."""

    def orders(self, *, symbol: str = "", open_only: bool = False) -> list[Order]:
        """Return the orders kept, newest first."""

    async def quote(self, symbol: str) -> Mapping[str, Any]:
        """Return t1101: the fields of Quote plus name, source ("wire" or "L1"), age_ms, stale."""

    async def book(self, symbol: str) -> Mapping[str, Any]:
        """Return the ten levels of Book.snapshot(); subscribes the symbol if nobody did yet."""

    async def balance(self) -> Mapping[str, Any]:
        """Return cash, orderable cash, totals and positions, with as_of_ns."""

    def positions(self) -> list[Position]:
        """Return the positions, kept from fills."""

    def instruments(self) -> list[Instrument]:
        """Return the issues known so far."""

    def watch(
        self,
        symbols: Iterable[str],
        *,
        on_trade: Callable[[Trade], None] | None = None,
        on_depth: Callable[[Book], None] | None = None,
        on_order: Callable[[Order], None] | None = None,
    ) -> Callable[[], None]:
        """Call back, synchronously, on the engine's loop; returns what ends it.

        on_order hears every order, whatever its symbol. A callback must not block.
        """

    async def set_kill_switch(self, on: bool, reason: str) -> EngineStatus:
        """On: refuse new orders and cancel all open ones; survives a restart. Off: trade again."""

    def status(self) -> EngineStatus: ...

"""Say what a caller of the engine gets to see: typed answers and events, decoded from the wire."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

from aegis_fast import errors
from aegis_fast.api.wire import order_of_view
from aegis_fast.core.model import Order
from aegis_fast.errors import AegisError, AuthError, ProtocolError

__all__ = [
    "Balance",
    "Book",
    "Event",
    "Held",
    "Level",
    "Quote",
    "Status",
    "StrategyStatus",
    "Trade",
    "error_of",
    "events_of",
    "order_of",
    "typed",
]

T = TypeVar("T")


class Quote(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to t1101. source: wire, L1, ...; age_ms: how old it is."""

    symbol: str
    price_krw: int
    change_krw: int
    open_krw: int
    high_krw: int
    low_krw: int
    cum_qty: int
    cum_value_krw: int
    base_price_krw: int
    lower_krw: int
    upper_krw: int
    tick_size_krw: int
    listed_shares: int
    market_cap_krw: int = msgspec.field(name="marketCap")
    source: str
    age_ms: int
    stale: bool
    name: str = ""


class Level(msgspec.Struct, frozen=True):
    """One price of a book; 0 and 0 where there is none."""

    price_krw: int
    qty: int


class Book(msgspec.Struct, frozen=True, kw_only=True):
    """Ten levels a side, best first."""

    symbol: str
    venue: str
    time_hhmmss: int | None
    ask_price_krw: tuple[int, ...]
    ask_qty: tuple[int, ...]
    bid_price_krw: tuple[int, ...]
    bid_qty: tuple[int, ...]
    total_ask_qty: int | None
    total_bid_qty: int | None
    best_ask_krw: int
    best_bid_krw: int
    last_price_krw: int | None = None
    recv_ns: int = 0
    seq: int = 0

    @property
    def asks(self) -> tuple[Level, ...]:
        """The sellers, cheapest first."""
        return tuple(map(Level, self.ask_price_krw, self.ask_qty))

    @property
    def bids(self) -> tuple[Level, ...]:
        """The buyers, dearest first."""
        return tuple(map(Level, self.bid_price_krw, self.bid_qty))


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """Shares held. cost_krw: what they cost in all, fees not included."""

    symbol: str
    qty: int
    cost_krw: int
    name: str = ""


class Balance(msgspec.Struct, frozen=True, kw_only=True):
    """Money and shares. orderable_krw: what new orders may still use."""

    cash_krw: int
    orderable_krw: int
    total_krw: int
    positions: tuple[Held, ...]
    as_of_ns: int


class StrategyStatus(msgspec.Struct, frozen=True, kw_only=True):
    """How one strategy is: "waiting", "running" or "stopped" after too many errors."""

    name: str
    state: str
    errors: int
    last_error: str


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """How the engine is. reason: why it is not ready. latency: the feed's stages, in ns."""

    env: str
    account_masked: str
    is_ready: bool
    reason: str
    is_feed_up: bool
    kill_switch: bool
    halted_symbols: dict[str, str]
    open_orders: int
    unknown_orders: int
    discrepancies: int
    calls_per_s: int
    calls_in_use: int
    queue_depth: int
    counters: dict[str, int]
    started_ns: int
    now_ns: int
    strategies: tuple[StrategyStatus, ...] = ()
    latency: dict[str, dict[str, int]] = msgspec.field(default_factory=dict)
    is_spinning: bool = False


class Trade(msgspec.Struct, frozen=True, kw_only=True):
    """One trade. side: the aggressor's, "buy", "sell" or "none"."""

    symbol: str
    venue: str
    time_hhmmss: int | None
    price_krw: int | None
    change_krw: int | None
    qty: int | None
    side: str
    recv_ns: int = 0


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """Something the stream told. Which field is set follows from `type`:

    trade -> trade; depth -> book; order -> order; error, disconnected -> error; dropped ->
    dropped_trades; reconnected -> nothing: what happened in between is in the snapshots after it.
    """

    type: str
    trade: Trade | None = None
    book: Book | None = None
    order: Order | None = None
    error: AegisError | None = None
    dropped_trades: int = 0


def error_of(envelope: dict[str, Any], status: int = 0) -> AegisError:
    """Build the error that an answer or a stream message describes."""
    detail = envelope.get("detail") or {}
    kind = getattr(errors, str(detail.get("error")), None)
    if not (isinstance(kind, type) and issubclass(kind, AegisError)):
        kind = AuthError if status in (401, 403) else AegisError
    return kind(
        str(envelope.get("message")),
        code=int(envelope.get("code", 2)),
        venue_code=str(detail.get("venue_code", "")),
        order_id=str(detail.get("order_id", "")),
        field=str(detail.get("field", "")),
        expected=str(detail.get("expected", "")),
    )


def events_of(raw: str | bytes) -> list[Event]:
    """Return what one message of the stream means; acknowledgements mean nothing to a user."""
    message = msgspec.json.decode(raw)
    match message.get("type"):
        case "trade":
            return [Event(type="trade", trade=typed(message["trade"], Trade))]
        case "depth":
            return [Event(type="depth", book=typed(message["book"], Book))]
        case "snapshot" if message["channel"] == "depth":
            return [Event(type="depth", book=typed(message["book"], Book))]
        case "order":
            return [Event(type="order", order=order_of(message["order"]))]
        case "snapshot":
            return [Event(type="order", order=order_of(view)) for view in message["orders"]]
        case "error":
            return [Event(type="error", error=error_of(message))]
        case "dropped":
            return [Event(type="dropped", dropped_trades=message["count"])]
    return []


def typed(content: Any, kind: type[T]) -> T:
    """Return the content as its type. Raises ProtocolError."""
    try:
        return msgspec.convert(content, kind)
    except msgspec.ValidationError as e:
        raise ProtocolError(f"the engine's answer is not understood: {e}") from e


def order_of(view: Any) -> Order:
    """Return the order a view shows. Raises ProtocolError."""
    try:
        return order_of_view(view)
    except (msgspec.ValidationError, AttributeError) as e:
        raise ProtocolError(f"the engine's answer is not understood: {e}") from e

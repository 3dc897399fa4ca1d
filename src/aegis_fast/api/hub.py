"""Fan the engine's trades, books and orders out to stream clients, encoding each of them once.

The engine's callbacks only note what changed. The quotes of a symbol leave at once after a pause,
then at most every 50 ms; orders leave at once.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from aegis_fast.api.answers import to_json
from aegis_fast.api.outbox import Outbox
from aegis_fast.api.wire import depth_view, order_view, trade_view
from aegis_fast.core.model import Order
from aegis_fast.core.ports import TradingService

if TYPE_CHECKING:
    from aegis_fast.hot import Book, Trade

__all__ = ["Hub", "Subscriber", "payload_of"]

FLUSH_S = 0.05
# Trades of one symbol kept between two flushes: 20,000 a second, above any real burst.
MAX_TRADES_PER_FLUSH = 1000


class Subscriber(Protocol):
    """A client's side of the hub."""

    outbox: Outbox

    def wake(self) -> None:
        """Something new is in the outbox."""


def payload_of(message_type: str, **fields: Any) -> bytes:
    """Encode a message without its opening brace; the outbox puts the number before it."""
    return to_json({"type": message_type, **fields})[1:]


class _Topic:
    """One channel of one symbol, and who listens to it."""

    def __init__(self, symbol: str) -> None:
        self.symbol = symbol
        self.subscribers: set[Subscriber] = set()
        self.stop: Callable[[], None] = lambda: None
        self.timer: asyncio.Handle | None = None
        self.is_dirty = False

    def watch(self, service: TradingService, mark: Callable[[_Topic], None]) -> None:
        """Start to hear the engine. Raises what the engine raises."""
        raise AssertionError("a topic is either of trades or of books")

    def flush(self) -> None:
        """Hand what is new to every subscriber's outbox."""
        raise AssertionError("a topic is either of trades or of books")


class _TradeTopic(_Topic):
    def __init__(self, symbol: str) -> None:
        super().__init__(symbol)
        self._trades: deque[Trade] = deque()
        self._dropped = 0

    def watch(self, service: TradingService, mark: Callable[[_Topic], None]) -> None:
        def on_trade(trade: Trade) -> None:
            if len(self._trades) >= MAX_TRADES_PER_FLUSH:
                self._trades.popleft()
                self._dropped += 1
            self._trades.append(trade)
            mark(self)

        self.stop = service.watch([self.symbol], on_trade=on_trade)

    def flush(self) -> None:
        payloads = [payload_of("trade", trade=trade_view(trade)) for trade in self._trades]
        dropped = self._dropped
        self._trades.clear()
        self._dropped = 0
        for subscriber in self.subscribers:
            subscriber.outbox.count_dropped(dropped)
            for payload in payloads:
                subscriber.outbox.put_trade(payload)


class _DepthTopic(_Topic):
    def __init__(self, symbol: str) -> None:
        super().__init__(symbol)
        self._book: Book | None = None

    def watch(self, service: TradingService, mark: Callable[[_Topic], None]) -> None:
        def on_depth(book: Book) -> None:
            self._book = book
            mark(self)

        self.stop = service.watch([self.symbol], on_depth=on_depth)

    def flush(self) -> None:
        # The book is read only now: whatever changed since it was marked is in it.
        if self._book is None:
            return
        payload = payload_of("depth", book=depth_view(self._book.snapshot()))
        for subscriber in self.subscribers:
            subscriber.outbox.put_depth(self.symbol, payload)


_TOPICS: dict[str, type[_Topic]] = {"trade": _TradeTopic, "depth": _DepthTopic}


class Hub:
    """Everything the clients of the stream listen to. Runs on the engine's loop."""

    def __init__(self, service: TradingService, *, flush_s: float = FLUSH_S) -> None:
        self._service = service
        self._flush_s = flush_s
        self._topics: dict[tuple[str, str], _Topic] = {}
        self._order_subscribers: set[Subscriber] = set()
        self._stop_orders: Callable[[], None] | None = None

    def subscribe(self, subscriber: Subscriber, channel: str, symbol: str = "") -> None:
        """Add a listener. The symbol does not matter for orders. Raises what the engine raises."""
        if channel == "order":
            if self._stop_orders is None:
                self._stop_orders = self._service.watch([], on_order=self._on_order)
            self._order_subscribers.add(subscriber)
            return
        topic = self._topics.get((channel, symbol))
        if topic is None:
            topic = _TOPICS[channel](symbol)
            topic.watch(self._service, self._mark)
            self._topics[channel, symbol] = topic
        topic.subscribers.add(subscriber)

    def unsubscribe(self, subscriber: Subscriber, channel: str, symbol: str = "") -> None:
        """Remove a listener; the last one of a topic ends it."""
        if channel == "order":
            self._order_subscribers.discard(subscriber)
            if not self._order_subscribers and self._stop_orders is not None:
                self._stop_orders()
                self._stop_orders = None
            return
        topic = self._topics.get((channel, symbol))
        if topic is None:
            return
        topic.subscribers.discard(subscriber)
        if not topic.subscribers:
            topic.stop()
            if topic.timer is not None:
                topic.timer.cancel()
            del self._topics[channel, symbol]

    def _mark(self, topic: _Topic) -> None:
        if topic.timer is None:
            topic.timer = asyncio.get_running_loop().call_soon(self._flush, topic)
        else:
            topic.is_dirty = True

    def _flush(self, topic: _Topic) -> None:
        # Armed before the work: what fails once is tried again with the next change.
        topic.timer = asyncio.get_running_loop().call_later(self._flush_s, self._rested, topic)
        topic.is_dirty = False
        topic.flush()
        # A copy: a client that is cut for being slow leaves at once.
        for subscriber in tuple(topic.subscribers):
            subscriber.wake()

    def _rested(self, topic: _Topic) -> None:
        topic.timer = None
        if topic.is_dirty:
            self._flush(topic)

    def _on_order(self, order: Order) -> None:
        payload = payload_of("order", order=order_view(order))
        for subscriber in tuple(self._order_subscribers):
            subscriber.outbox.put(payload)
            subscriber.wake()

"""Hold what one stream client has still to be sent, in bounded space. Pure.

Orders, answers and snapshots are never dropped: past their limit the connection is to be cut.
Trades wait in a ring that drops the oldest and says how many. Of each book only the latest waits.
"""

from __future__ import annotations

from collections import deque

__all__ = ["Outbox"]

MAX_URGENT_BYTES = 1 << 20
MAX_TRADES = 1000


class Outbox:
    """What waits for one client. A payload is a JSON object without its opening brace."""

    def __init__(
        self, *, max_urgent_bytes: int = MAX_URGENT_BYTES, max_trades: int = MAX_TRADES
    ) -> None:
        self._max_urgent_bytes = max_urgent_bytes
        self._max_trades = max_trades
        self._urgent: deque[bytes] = deque()
        self._urgent_bytes = 0
        self._trades: deque[bytes] = deque()
        self._depth: dict[str, bytes] = {}
        self._dropped = 0
        self._seq = 0

    @property
    def is_over_limit(self) -> bool:
        """More that must not be dropped waits than a healthy client would ever leave."""
        return self._urgent_bytes > self._max_urgent_bytes

    @property
    def is_empty(self) -> bool:
        """Nothing waits."""
        return not (self._urgent or self._trades or self._depth or self._dropped)

    def put(self, payload: bytes) -> None:
        """Add something that must arrive."""
        self._urgent.append(payload)
        self._urgent_bytes += len(payload)

    def put_snapshot(self, symbol: str, payload: bytes) -> None:
        """Add a whole book, asked for just now: an update of it that waits is older."""
        self._depth.pop(symbol, None)
        self.put(payload)

    def put_trade(self, payload: bytes) -> None:
        """Add a trade; at the limit the oldest goes and is counted."""
        if len(self._trades) >= self._max_trades:
            self._trades.popleft()
            self._dropped += 1
        self._trades.append(payload)

    def count_dropped(self, count: int) -> None:
        """Count trades that were dropped before they came here."""
        self._dropped += count

    def put_depth(self, symbol: str, payload: bytes) -> None:
        """Add the latest book of a symbol in place of the one that waits."""
        self._depth[symbol] = payload

    def forget(self, symbol: str) -> None:
        """Drop the waiting book of a symbol nobody listens to any more."""
        self._depth.pop(symbol, None)

    def take(self) -> bytes | None:
        """Return the next message with its number, or None. Orders first, then trades, books.

        `seq` counts what was sent: a gap in it means that something was lost on the way.
        """
        if self._urgent:
            payload = self._urgent.popleft()
            self._urgent_bytes -= len(payload)
        elif self._dropped:
            payload = b'"type":"dropped","channel":"trade","count":%d}' % self._dropped
            self._dropped = 0
        elif self._trades:
            payload = self._trades.popleft()
        elif self._depth:
            payload = self._depth.pop(next(iter(self._depth)))
        else:
            return None
        self._seq += 1
        return b'{"seq":%d,%b' % (self._seq, payload)

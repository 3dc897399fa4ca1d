"""Hand trades, depths and orders to whoever watches: direct calls, in registration order.

An error in one watcher never reaches the next one, the feed or the order path: it is counted and
reported, and a watcher that fails too often is taken out (its owner is told why).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aegis_fast.core.model import Order
from aegis_fast.hot import Book, Trade

__all__ = ["Bus", "Watcher"]


class Watcher:
    """One party's callbacks. symbols None means all; orders always come for every symbol."""

    def __init__(
        self,
        name: str,
        *,
        symbols: frozenset[str] | None = None,
        on_trade: Callable[[Trade], None] | None = None,
        on_depth: Callable[[Book], None] | None = None,
        on_order: Callable[[Order], None] | None = None,
        max_errors: int = 100,
    ) -> None:
        self.name = name
        self.symbols = symbols
        self.on_trade = on_trade
        self.on_depth = on_depth
        self.on_order = on_order
        self.max_errors = max_errors
        self.errors = 0


class Bus:
    """The watchers of one engine. on_error hears (watcher, exception) for each failure."""

    def __init__(self, on_error: Callable[[Watcher, Exception], None]) -> None:
        self._on_error = on_error
        self._watchers: tuple[Watcher, ...] = ()

    def add(self, watcher: Watcher) -> Callable[[], None]:
        """Start calling back; the function returned ends it and may be called twice."""
        self._watchers = (*self._watchers, watcher)
        return lambda: self.remove(watcher)

    def remove(self, watcher: Watcher) -> None:
        """Stop calling back."""
        self._watchers = tuple(w for w in self._watchers if w is not watcher)

    @property
    def watchers(self) -> tuple[Watcher, ...]:
        """The watchers, first registered first."""
        return self._watchers

    def trade(self, trade: Trade) -> None:
        """Tell the watchers of the symbol."""
        for watcher in self._watchers:
            if watcher.on_trade is not None and _wants(watcher, trade.symbol):
                self._call(watcher, watcher.on_trade, trade)

    def depth(self, book: Book) -> None:
        """Tell the watchers of the symbol that its book changed."""
        for watcher in self._watchers:
            if watcher.on_depth is not None and _wants(watcher, book.symbol):
                self._call(watcher, watcher.on_depth, book)

    def order(self, order: Order) -> None:
        """Tell everybody who watches orders."""
        for watcher in self._watchers:
            if watcher.on_order is not None:
                self._call(watcher, watcher.on_order, order)

    def _call(self, watcher: Watcher, callback: Callable[[Any], None], argument: object) -> None:
        try:
            callback(argument)
        except Exception as error:  # noqa: BLE001  a watcher's bug must not stop the others
            watcher.errors += 1
            if watcher.errors >= watcher.max_errors:
                self.remove(watcher)
            self._on_error(watcher, error)


def _wants(watcher: Watcher, symbol: str) -> bool:
    return watcher.symbols is None or symbol in watcher.symbols

"""Join the feed and the bus: who watches a symbol keeps it registered at KIS."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from aegis_fast.core.ports import Feed
from aegis_fast.errors import TransientError
from aegis_fast.hot import Book, Bus, Subscriber

__all__ = ["Watching"]

_NO_BOOK = 802


class Watching:
    """Reference counts are the feed's; this only pairs each watch with its end."""

    def __init__(self, feed: Feed, bus: Bus, book_timeout_s: float = 3.0) -> None:
        self._feed = feed
        self._bus = bus
        self._book_timeout_s = book_timeout_s
        self._pinned: set[str] = set()

    def pin(self, symbol: str) -> None:
        """Watch a symbol for good."""
        if symbol not in self._pinned:
            self._feed.watch(symbol)
            self._pinned.add(symbol)

    def add(self, watcher: Subscriber) -> Callable[[], None]:
        """Register a watcher and its symbols; the function returned ends both.

        Raises what the feed raises when no registration is free; nothing is registered then.
        """
        watched: list[str] = []
        try:
            for symbol in sorted(watcher.symbols or ()):
                self._feed.watch(symbol)
                watched.append(symbol)
        except BaseException:
            for symbol in watched:
                self._feed.unwatch(symbol)
            raise
        remove = self._bus.add(watcher)

        def end() -> None:
            remove()
            while watched:
                self._feed.unwatch(watched.pop())

        return end

    def book(self, symbol: str) -> Book | None:
        """Return the live book, None if the symbol was never watched."""
        return self._feed.book(symbol)

    async def book_snapshot(self, symbol: str) -> Mapping[str, Any]:
        """Return the ten levels, watching the symbol while it waits for the first frame.

        Raises TransientError when none arrives in time.
        """
        book = self._feed.book(symbol)
        if book is not None and book.seq and self._feed.is_watched(symbol):
            return dict(book.snapshot())
        loop = asyncio.get_running_loop()
        arrived: asyncio.Future[Book] = loop.create_future()

        def on_depth(fresh: Book) -> None:
            if not arrived.done():
                arrived.set_result(fresh)

        end = self.add(Subscriber("book", symbols=frozenset({symbol}), on_depth=on_depth))
        try:
            return dict((await asyncio.wait_for(arrived, self._book_timeout_s)).snapshot())
        except TimeoutError:
            raise TransientError(
                f"no order book of {symbol} arrived in {self._book_timeout_s:g} s",
                code=_NO_BOOK,
                field="symbol",
            ) from None
        finally:
            # Kept for a while by whoever else watches; otherwise its registration is free again.
            end()

"""Put records into frames of today's, or another, width and hand them to whoever registered."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from aegis_fast.sim.feed.frames import STAMP_ROOM, fit, frame, todays_widths
from aegis_fast.sim.feed.registry import Registration, Registry
from aegis_fast.sim.feed.views import book_of, phase_name
from aegis_fast.sim.market.exchange import Book
from aegis_fast.sim.market.world import World

__all__ = ["Outlet"]

_MAX_RECORDS = 50  # Of one frame; more of them share several frames.


class Outlet:
    """What all feeds share. publish(registration, frame): sends a frame.

    widths: values a record, by tr_id. halted: issues whose trading is stopped. is_stamped: every
    record gets room for a stamp, see stamps.
    """

    def __init__(self, registry: Registry, publish: Callable[[Registration, bytes], None]) -> None:
        self.registry = registry
        self.widths = todays_widths()
        self.halted: set[str] = set()
        self.is_stamped = False
        self.world: World
        self._publish = publish
        self._shows_after = False

    def join(self, world: World) -> None:
        """Connect the market."""
        self.world = world
        self._shows_after = bool(phase_name(world, "AFTER"))

    def on_phase(self, board: str, *, is_open: bool) -> None:
        """Take note that a board begins or ends a session: what KRX shows may change."""
        if is_open and board != "NXT":
            self._shows_after = board == "AFTER"

    def send(self, tr_id: str, tr_key: str, rows: Sequence[str], full: int) -> None:
        """Send records of `full` values to everybody who is registered."""
        width = self.widths[tr_id]
        if width < full:
            rows = [fit(row, full, width) for row in rows]
        if self.is_stamped:
            rows = [f"{row}^{STAMP_ROOM}" for row in rows]
        for first in range(0, len(rows), _MAX_RECORDS):
            self._publish((tr_id, tr_key), frame(tr_id, rows[first : first + _MAX_RECORDS]))

    def krx_book(self, symbol: str) -> tuple[Book, str]:
        """Return the KRX book that is on show, with its board: AFTER from the after-market on."""
        if self._shows_after:
            book = book_of(self.world, symbol, "AFTER")
            if book is not None:
                return book, "AFTER"
        return self.world.exchange.books[symbol], "KRX"

    def venue_books(self, symbol: str, venue: str) -> list[Book]:
        """Return the books behind a venue's frames: KRX, NXT, or both for UN."""
        books: list[Book] = []
        if venue != "NXT":
            books.append(self.krx_book(symbol)[0])
        if venue != "KRX":
            book = book_of(self.world, symbol, "NXT")
            if book is not None:
                books.append(book)
        return books

    def spot_krw(self, symbol: str) -> int:
        """Return the last price of an ELW's underlying; of one that is not listed, the strike."""
        elw = self.world.exchange.books[symbol].issue.elw
        if elw is None:
            raise ValueError(f"{symbol} is no ELW")
        tape = self.world.tapes.get(elw.underlying)
        return tape.last_krw if tape is not None else elw.strike_krw

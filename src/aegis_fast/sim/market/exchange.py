"""Hold the books of all issues: the regular board of each, the other boards when asked for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from aegis_fast.sim.market.auction import Cross, Expected, Shown
from aegis_fast.sim.market.book import MODES, Book, Fill, Followup, Result
from aegis_fast.sim.market.order_kinds import BOARDS, KINDS, OrderKind, kind_on
from aegis_fast.sim.market.resting import Level, Order
from aegis_fast.sim.market.rules import Issue, PriceLimits, price_limits
from aegis_fast.sim.market.vi import VI, Guard, guard_for

__all__ = [
    "BOARDS",
    "KINDS",
    "MODES",
    "VI",
    "Book",
    "Cross",
    "Exchange",
    "Expected",
    "Fill",
    "Followup",
    "Guard",
    "Level",
    "Order",
    "OrderKind",
    "Result",
    "Shown",
    "guard_for",
    "kind_on",
]


class Exchange:
    """The books of all issues. books: the regular board (KRX) by symbol.

    limits: price limits by symbol, where they are not those of the base price (a first day).
    new_mode: how the books of the other boards begin; "" for their usual mode (FIXED "fixed", else
    "continuous").
    """

    def __init__(
        self,
        issues: Iterable[Issue],
        limits: Mapping[str, PriceLimits] | None = None,
        *,
        new_mode: str = "",
    ) -> None:
        self._new_mode = new_mode
        special = limits or {}
        self.books = {
            issue.symbol: Book(
                issue,
                special.get(issue.symbol)
                or price_limits(issue.base_krw, issue.kind, issue.grid, issue.market),
            )
            for issue in issues
        }
        self._others: dict[tuple[str, str], Book] = {}

    def book(self, symbol: str, board: str = "KRX") -> Book:
        """Return the book of an issue on a board, made when first asked for.

        A new one has the last price of the regular book as its last and its fixed price: the
        caller sets what differs.
        Raises KeyError: unknown symbol or board; AFTER takes stocks only, NXT its own list of them.
        """
        regular = self.books[symbol]
        if board == "KRX":
            return regular
        book = self._others.get((symbol, board))
        if book is None:
            self._check_board(regular.issue, board)
            book = Book(regular.issue, regular.limits, board)
            book.last_krw = book.fixed_krw = regular.last_krw
            book.mode = self._new_mode or book.mode
            self._others[symbol, board] = book
        return book

    def made_book(self, symbol: str, board: str) -> Book | None:
        """Return the book of an issue on a board if it exists; makes none."""
        return self.books[symbol] if board == "KRX" else self._others.get((symbol, board))

    def trades(self, symbol: str, board: str) -> bool:
        """Tell whether a listed issue is ever traded on a board. Raises KeyError on no issue."""
        issue = self.books[symbol].issue
        try:
            self._check_board(issue, board)
        except KeyError:
            return False
        return True

    def made(self, board: str | None = None) -> Iterator[Book]:
        """Yield the books that exist, of one board or of all."""
        if board in (None, "KRX"):
            yield from self.books.values()
        for (_, other), book in self._others.items():
            if board in (None, other):
                yield book

    @staticmethod
    def _check_board(issue: Issue, board: str) -> None:
        if board not in BOARDS:
            raise KeyError(f"no board {board}")
        if board in ("AFTER", "NXT") and issue.kind != "stock":
            raise KeyError(f"{board} trades stocks only; {issue.symbol} is an {issue.kind}")
        if board == "NXT" and not issue.is_nxt:
            raise KeyError(f"{issue.symbol} is not traded on NXT")

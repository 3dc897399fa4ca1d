"""Lead every book through its day: auctions with a random end, sessions, interruptions, halts.

The boards change at the times of the calendar; an auction ends for each issue a few seconds later,
drawn from the seed, as opening prints were captured from 09:00:05 to 09:00:24. An auction whose
price would trip a volatility interruption is prolonged once by two minutes.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from functools import partial
from random import Random
from typing import TYPE_CHECKING

from aegis_fast.sim.kst import SECOND_NS, date_of, midnight_ns, second_of_day
from aegis_fast.sim.market.calendar import BOARDS, OPEN_HOURS, Phase, is_trading_day, phases
from aegis_fast.sim.market.exchange import VI, Book, Order, guard_for
from aegis_fast.sim.market.rules import market_data, round_down

if TYPE_CHECKING:
    from aegis_fast.sim.market.world import World

__all__ = ["Sessions"]

# A session begins for so many issues at a time, the next ones a moment later: with thousands of
# them nobody waits for the whole list.
_BATCH = 50
_BATCH_GAP_NS = 25_000_000


def _is_gtp(order: Order) -> bool:
    return order.kind is not None and order.kind.is_gtp


def _is_out_of_auctions(order: Order) -> bool:
    return order.kind is not None and not order.kind.rests_in_auction


class Sessions:
    """The sessions of one world. closes: today's closing prices, as far as there are any.

    vis: the interruptions that run, by symbol and board. halted: the halted issues.
    """

    def __init__(self, world: World) -> None:
        self.vis: dict[tuple[str, str], VI] = {}
        self.halted: set[str] = set()
        self.closes: dict[str, int] = {}
        self._world = world
        self._phases: dict[str, Phase] = {}
        self._auctions: dict[tuple[str, str], int] = {}
        self._rng = Random(f"{world.seed}:sessions:{world.day.isoformat()}")

    def phase(self, board: str) -> Phase | None:
        """Return the session a board is in; None when it takes no orders."""
        return self._phases.get(board)

    @property
    def phases(self) -> dict[str, Phase]:
        """Return the sessions under way, by board."""
        return dict(self._phases)

    @property
    def is_open(self) -> bool:
        """Tell whether any board takes orders or has an auction to end."""
        return bool(self._phases or self._auctions)

    # -- the course of a day -------------------------------------------------------------------

    def begin(self, now_ns: int) -> None:
        """Enter the sessions that are under way at the start, and plan the rest of the day."""
        if self._world.hours == "open":
            for phase in OPEN_HOURS:
                self._phases[phase.board] = phase
                for book in self._books(phase.board):
                    self._open(book)
            return
        second = second_of_day(now_ns)
        self._plan(self._world.day, now_ns, after_s=second)
        current = [p for p in phases(self._world.day) if p.start_s <= second < p.end_s]
        for book in self._world.exchange.books.values():
            book.guard = guard_for(book.issue, self._static_krw(book))
            book.mode = "closed"
            if self._is_past_close(self._world.day, second):
                self.closes[book.issue.symbol] = book.last_krw
        for phase in current:
            self.begin_phase(phase, now_ns)

    def _static_krw(self, book: Book) -> int:
        """Return what a static interruption is measured against when starting in mid-session."""
        opened = self._world.tapes[book.issue.symbol].open_krw or book.issue.base_krw
        # A far-off opening would interrupt the first trade.
        return opened if abs(book.last_krw - opened) * 100 < opened * 8 else book.last_krw

    @staticmethod
    def _is_past_close(day: date, second: int) -> bool:
        ends = [p.end_s for p in phases(day) if p.name == "closing_auction"]
        return bool(ends) and second >= ends[0]

    def begin_day(self, day: date, now_ns: int) -> None:
        """Begin a calendar day: on a trading day all issues are listed anew and sessions planned.

        What still rests ends first, without a notice, as orders of a past day do.
        """
        for board in list(self._phases):
            self.end_phase(self._phases[board], now_ns)
        if not is_trading_day(day):
            return
        closes = {
            symbol: self.closes.get(symbol) or tape.last_krw
            for symbol, tape in self._world.tapes.items()
        }
        for book in list(self._world.exchange.made()):
            self._world.expire(book)
        self.closes.clear()
        self.vis.clear()
        self._auctions.clear()
        self._rng = Random(f"{self._world.seed}:sessions:{day.isoformat()}")
        self._world.list_day(closes)
        for book in self._world.exchange.books.values():
            book.guard = guard_for(book.issue, book.issue.base_krw)
            book.mode = "closed"
        self._world.hooks.on_day(day, now_ns)
        self._plan(day, now_ns, after_s=-1)

    def _plan(self, day: date, now_ns: int, *, after_s: int) -> None:
        start_ns = midnight_ns(date_of(now_ns))
        for phase in phases(day):
            if phase.start_s > after_s:
                begin = partial(self._at_begin, phase)
                self._world.at(start_ns + phase.start_s * SECOND_NS, begin, is_dated=True)
            if phase.end_s > after_s:
                end = partial(self._at_end, phase)
                self._world.at(start_ns + phase.end_s * SECOND_NS, end, is_dated=True)

    def _at_begin(self, phase: Phase) -> None:
        self.begin_phase(phase, self._world.now_ns)

    def _at_end(self, phase: Phase) -> None:
        if self._phases.get(phase.board) is phase:
            self.end_phase(phase, self._world.now_ns)

    def begin_phase(self, phase: Phase, now_ns: int) -> None:
        """Enter a session."""
        self._phases[phase.board] = phase
        self._world.hooks.on_phase(phase.board, phase, now_ns)
        symbols = list(self._world.exchange.books)
        self._begin_books(phase, symbols[:_BATCH])
        for first in range(_BATCH, len(symbols), _BATCH):
            begin = partial(self._begin_books, phase, symbols[first : first + _BATCH])
            due_ns = now_ns + first // _BATCH * _BATCH_GAP_NS
            self._world.at(due_ns, begin, is_dated=True)

    def _begin_books(self, phase: Phase, symbols: list[str]) -> None:
        """Let some issues enter a session, unless it is over."""
        if self._phases.get(phase.board) is not phase:
            return
        for symbol in symbols:
            book = self._book_or_none(symbol, phase.board)
            if book is None or symbol in self.halted:
                continue
            if phase.name in ("closing_auction", "after_auction", "opening_auction"):
                self._begin_auction(book, phase)
            elif phase.board == "FIXED":
                self._begin_fixed(book, phase)
            elif (symbol, phase.board) not in self._auctions:
                self._open(book)

    def end_phase(self, phase: Phase, now_ns: int) -> None:
        """Leave a session; auctions end a little later, issue by issue."""
        del self._phases[phase.board]
        self._world.hooks.on_phase(phase.board, None, now_ns)
        for book in self._books(phase.board):
            if phase.name in ("opening_auction", "closing_auction"):
                low, high = market_data()["auction_random_end_s"][phase.name.split("_")[0]]
                self._end_auction_in(book, self._rng.randint(low * 1000, high * 1000))
            elif phase.name == "after_auction":
                self._end_auction_in(book, 0)
            elif phase.board != "KRX" and phase.name != "post_close_entry":
                self._close(book, phase)

    def _begin_auction(self, book: Book, phase: Phase) -> None:
        key = book.issue.symbol, book.board
        self._auctions.pop(key, None)
        if self.vis.pop(key, None) is not None:
            self._world.hooks.on_vi(*key, None, self._world.now_ns)
        if phase.name == "closing_auction":
            # What an auction does not take ends here; conditional orders become market orders.
            self._world.expire(book, _is_out_of_auctions)
            self._world.change_mode(book, "auction")
            book.turn_market()
        else:
            self._world.change_mode(book, "auction")
        self._world.wake(*key)
        self._world.hooks.on_depth(book)

    def _begin_fixed(self, book: Book, phase: Phase) -> None:
        symbol = book.issue.symbol
        if phase.name == "pre_open":
            book.fixed_krw = book.issue.base_krw
        elif symbol in self.closes:
            book.fixed_krw = self.closes[symbol]
        else:
            return  # Its close is not known yet; _close_regular opens it.
        if phase.mode == "auction":
            self._world.change_mode(book, "auction")
            return
        if book.mode == "auction":
            self._world.uncross(book)
        self._world.change_mode(book, "fixed")
        self._world.wake(symbol, "FIXED")

    def _open(self, book: Book) -> None:
        """Let a book match continuously."""
        if book.board == "AFTER":
            book.last_krw = self._world.tapes[book.issue.symbol].last_krw
        if book.mode != "continuous":
            self._world.change_mode(book, "continuous")
        flow = self._world.flow(book.issue.symbol, book.board)
        if not book.bids.prices and not book.asks.prices:
            flow.seed_book()
        self._world.wake(book.issue.symbol, book.board)
        self._world.hooks.on_depth(book)

    def _close(self, book: Book, phase: Phase) -> None:
        """Let a book rest; what does not live on into a later session ends."""
        key = book.issue.symbol, book.board
        self._auctions.pop(key, None)
        if self.vis.pop(key, None) is not None:
            self._world.hooks.on_vi(*key, None, self._world.now_ns)
        if phase.name == "pre_market":
            self._world.expire(book, _is_gtp)
        elif phase.name == "main":
            self._world.expire(book, _is_out_of_auctions)
        else:
            self._world.expire(book)
        self._world.change_mode(book, "closed")
        self._world.hooks.on_depth(book)

    # -- auctions of one issue -----------------------------------------------------------------

    def _end_auction_in(self, book: Book, wait_ms: int) -> None:
        symbol, board = key = book.issue.symbol, book.board
        due_ns = self._world.now_ns + wait_ms * 1_000_000
        self._auctions[key] = due_ns
        self._world.at(due_ns, partial(self._end_auction, symbol, board, due_ns), is_dated=True)

    def _end_auction(self, symbol: str, board: str, due_ns: int) -> None:
        """End an auction, unless another event has taken its place since."""
        key = symbol, board
        if self._auctions.get(key) != due_ns:
            return
        world = self._world
        book = world.exchange.book(symbol, board)
        phase = self._phases.get(board)
        is_closing = board == "KRX" and phase is None
        if symbol in self.halted:
            del self._auctions[key]
            if is_closing:
                self._close_regular(book)
            return
        # An interruption is over when its own auction is, whatever that one's price.
        vi = None if key in self.vis else book.uncross_vi(is_closing=is_closing)
        if vi is not None:
            self._start_vi(book, vi, self._vi_wait_ms())
            return
        del self._auctions[key]
        world.uncross(book)
        if self.vis.pop(key, None) is not None:
            world.hooks.on_vi(symbol, board, None, world.now_ns)
        if is_closing:
            self._close_regular(book)
        elif phase is not None and phase.mode == "auction":
            return  # It ended inside a later auction; that one goes on.
        elif phase is not None:
            self._open(book)
        else:
            world.change_mode(book, "closed")

    def _close_regular(self, book: Book) -> None:
        """End an issue's regular day and let it trade at its close."""
        symbol = book.issue.symbol
        # Without a closing auction the last trade counts; that may be a midpoint, off the grid.
        last_krw = self._world.tapes[symbol].last_krw
        self.closes[symbol] = round_down(last_krw, book.issue.grid)
        self._world.expire(book)
        self._world.change_mode(book, "closed")
        self._world.hooks.on_depth(book)
        phase = self._phases.get("FIXED")
        if phase is not None and symbol not in self.halted:
            self._begin_fixed(self._world.exchange.book(symbol, "FIXED"), phase)

    # -- interruptions and halts ---------------------------------------------------------------

    def interrupt(self, book: Book, vi: VI, now_ns: int) -> None:
        """Hold an issue in an auction after its price moved too far; NXT follows KRX."""
        wait_ms = self._vi_wait_ms()
        self._start_vi(book, vi, wait_ms)
        symbol = book.issue.symbol
        follows = self._world.day >= date.fromisoformat(market_data()["after_market_since"])
        if book.board != "KRX" or "NXT" not in self._phases or not follows:
            return
        other = self._book_or_none(symbol, "NXT")
        if other is not None and other.mode == "continuous":
            # Hidden orders and stops wait through it, on both venues.
            self._world.change_mode(other, "auction")
            # Asked for after that of KRX, so it ends right after it.
            self._start_vi(other, vi, wait_ms)

    def _vi_wait_ms(self) -> int:
        low_s, high_s = market_data()["auction_random_end_s"]["vi"]
        fixed_ms: int = market_data()["vi_auction_s"] * 1_000
        return fixed_ms + self._rng.randint(low_s * 1_000, high_s * 1_000)

    def _start_vi(self, book: Book, vi: VI, wait_ms: int) -> None:
        symbol, board = key = book.issue.symbol, book.board
        self.vis[key] = vi
        self._world.hooks.on_vi(symbol, board, vi, self._world.now_ns)
        self._end_auction_in(book, wait_ms)

    def halt(self, symbol: str) -> None:
        """Halt an issue on every board: nothing trades, orders can only be withdrawn."""
        if symbol in self.halted:
            return
        self.halted.add(symbol)
        for board in BOARDS:
            book = self._world.exchange.made_book(symbol, board)
            if book is not None and book.mode != "closed":
                self._auctions.pop((symbol, board), None)
                if self.vis.pop((symbol, board), None) is not None:
                    self._world.hooks.on_vi(symbol, board, None, self._world.now_ns)
                self._world.change_mode(book, "halted")
        self._world.hooks.on_halt(symbol, True, self._world.now_ns)

    def resume(self, symbol: str) -> None:
        """End a halt; where trading is continuous it resumes with a short auction."""
        if symbol not in self.halted:
            return
        self.halted.discard(symbol)
        self._world.hooks.on_halt(symbol, False, self._world.now_ns)
        for board in BOARDS:
            book, phase = self._book_or_none(symbol, board), self._phases.get(board)
            if book is None:
                continue
            if phase is None:
                # Its session ended meanwhile; an auction under way at the close still ends.
                if book.mode == "halted":
                    in_auction = (symbol, board) in self._auctions
                    self._world.change_mode(book, "auction" if in_auction else "closed")
                continue
            if board == "FIXED":
                self._begin_fixed(book, phase)
                continue
            self._world.change_mode(book, "auction")
            self._world.wake(symbol, board)
            if phase.mode == "continuous":
                self._end_auction_in(book, market_data()["resume_auction_s"] * 1_000)

    # -- books ---------------------------------------------------------------------------------

    def _books(self, board: str) -> Iterator[Book]:
        for symbol in self._world.exchange.books:
            book = self._book_or_none(symbol, board)
            if book is not None:
                yield book

    def _book_or_none(self, symbol: str, board: str) -> Book | None:
        try:
            return self._world.exchange.book(symbol, board)
        except KeyError:
            return None

"""Feed books, at most every 100 ms an issue, and expected prices of auctions, once a second.

TRs: H0STASP0, H0NXASP0, H0UNASP0, H0EWASP0; H0STANC0, H0NXANC0, H0UNANC0, H0EWANC0.
"""

from __future__ import annotations

from datetime import date

from aegis_fast.sim.feed import frames_elw
from aegis_fast.sim.feed.frames_depth import (
    DepthTotals,
    Ladder,
    krx_depth_row,
    merged,
    nxt_depth_row,
    unified_depth_row,
)
from aegis_fast.sim.feed.frames_expected import EXPECTED_WIDTH, expected_row
from aegis_fast.sim.feed.frames_trade import touch_of
from aegis_fast.sim.feed.outlet import Outlet
from aegis_fast.sim.feed.registry import Registration
from aegis_fast.sim.feed.session_codes import codes_of, hour_class
from aegis_fast.sim.feed.views import (
    Expected,
    Levels,
    book_of,
    expected_of,
    levels_of,
    midpoint_of,
    phase_name,
    tape_of,
    total_of,
    vi_price,
)
from aegis_fast.sim.kst import SECOND_NS, hhmmss
from aegis_fast.sim.market.exchange import Book
from aegis_fast.sim.market.rules import Side

__all__ = ["BookFeed"]

_DEPTH_EVERY_NS = 100_000_000
_KRX_DEPTH, _NXT_DEPTH, _UN_DEPTH, _ELW_DEPTH = "H0STASP0", "H0NXASP0", "H0UNASP0", "H0EWASP0"
_ELW_EXPECTED = "H0EWANC0"
_WIDTHS = {_KRX_DEPTH: 63, _NXT_DEPTH: 65, _UN_DEPTH: 66, _ELW_DEPTH: 73}
_VENUES = {
    _KRX_DEPTH: "KRX",
    _NXT_DEPTH: "NXT",
    _UN_DEPTH: "UN",
    _ELW_DEPTH: "KRX",
    "H0STANC0": "KRX",
    "H0NXANC0": "NXT",
    "H0UNANC0": "UN",
    _ELW_EXPECTED: "KRX",
}
_EXPECTED_TRS = ("H0STANC0", "H0NXANC0", "H0UNANC0", _ELW_EXPECTED)
_TOUCHED = {
    venue: tuple(tr_id for tr_id, own in _VENUES.items() if own in (venue, "UN"))
    for venue in ("KRX", "NXT")
}


def _closest(halves: list[Levels], side: Side) -> Levels:
    return halves[0] if len(halves) == 1 else merged(side, *halves)


class BookFeed:
    """Books and expected prices that changed wait until they are due."""

    def __init__(self, outlet: Outlet) -> None:
        self._out = outlet
        # Dicts, not sets: frames go out in the same order whatever PYTHONHASHSEED is.
        self._dirty: dict[Registration, None] = {}
        self._sent_ns: dict[Registration, int] = {}
        self._totals: dict[Registration, DepthTotals] = {}
        self._expected: dict[Registration, Expected] = {}
        self._auctions: dict[tuple[str, str], tuple[date, int]] = {}

    def on_depth(self, symbol: str, board: str) -> None:
        """Note that a book changed."""
        registry = self._out.registry
        if not registry.has_key(symbol):
            return
        for tr_id in _TOUCHED["NXT" if board == "NXT" else "KRX"]:
            if (tr_id, symbol) in registry:
                self._dirty[tr_id, symbol] = None

    def on_auction(self, symbol: str, venue: str, qty: int) -> None:
        """Take note of what an auction of an issue traded."""
        self._auctions[symbol, venue] = (self._out.world.day, qty)

    def _auction_qty(self, symbol: str, venue: str) -> int:
        """Return what the day's last auction traded.

        A market that was open before the simulator started had one that nobody saw: 2.7 % of a
        usual day, as captured.
        """
        world = self._out.world
        day, qty = self._auctions.get((symbol, venue), (None, 0))
        if day == world.day:
            return qty
        if venue == "NXT" or not world.tapes[symbol].open_krw:
            return 0
        usual = world.tapes[symbol].issue.daily_qty * 27 // 1_000
        return min(usual, world.tapes[symbol].cum_qty)

    def on_board(self, board: str) -> None:
        """Note that all books of a board opened or closed."""
        for tr_id in _TOUCHED["NXT" if board == "NXT" else "KRX"]:
            for symbol in self._out.registry.keys_of(tr_id):
                self._dirty[tr_id, symbol] = None

    def on_subscribed(self, tr_id: str, symbol: str) -> None:
        """Let the first book come at once, not with the next change."""
        if tr_id in _VENUES:
            self._dirty[tr_id, symbol] = None
            self._expected.pop((tr_id, symbol), None)

    def flush(self, now_ns: int) -> None:
        """Send what is due."""
        for key in [key for key in self._dirty if self._due_ns(key) <= now_ns]:
            del self._dirty[key]
            if key not in self._out.registry:
                continue
            self._sent_ns[key] = now_ns
            if key[0] in _EXPECTED_TRS:
                self._send_expected(key, now_ns)
            else:
                self._send_depth(key, now_ns)

    def _due_ns(self, key: Registration) -> int:
        every = SECOND_NS if key[0] in _EXPECTED_TRS else _DEPTH_EVERY_NS
        return self._sent_ns.get(key, -every) + every

    def due_ns(self) -> int | None:
        """Return when flush has something to send; None: nothing waits."""
        return min((self._due_ns(key) for key in self._dirty), default=None)

    def _send_depth(self, key: Registration, now_ns: int) -> None:
        tr_id, symbol = key
        out, totals = self._out, self._totals.setdefault(key, DepthTotals())
        tape = tape_of(out.world, symbol, _VENUES[tr_id])
        ladder = self._ladder(symbol, _VENUES[tr_id], now_ns)
        full = _WIDTHS[tr_id]
        if tr_id == _KRX_DEPTH:
            row = krx_depth_row(tape, ladder, totals)
        elif tr_id == _UN_DEPTH:
            row = unified_depth_row(tape, ladder, totals)
        elif tr_id == _ELW_DEPTH:
            row = frames_elw.depth_row(tape, ladder)
        else:
            full = 65 if out.widths[tr_id] >= 65 else 62
            row = nxt_depth_row(tape, ladder, totals, full)
        out.send(tr_id, symbol, [row], full)

    def _ladder(self, symbol: str, venue: str, now_ns: int) -> Ladder:
        world = self._out.world
        krx, board = self._out.krx_book(symbol)
        nxt = None if venue == "KRX" else book_of(world, symbol, "NXT")
        shown = self._on_show([(krx, board), (nxt, "NXT")] if venue != "NXT" else [(nxt, "NXT")])
        place = shown[0][1]
        auction = next(((b, p) for b, p in shown if b.mode == "auction"), None)
        asks, bids = (
            _closest([levels_of(book, side) for book, _ in shown], side)
            for side in (Side.SELL, Side.BUY)
        )
        ladder = Ladder(hhmmss(now_ns), "0", asks, bids)
        if auction is not None:
            ladder.hour_class = hour_class(auction[1], phase_name(world, auction[1]))
            ladder.expected = expected_of(auction[0])
            ladder.expected_venue = "2" if auction[1] == "NXT" else "1"
        ladder.auction_qty = self._auction_qty(symbol, "NXT" if venue == "NXT" else "KRX")
        ladder.market_class = self._market_class(place)
        if venue != "NXT":
            self._add_off_hours(ladder, symbol)
            ladder.krx_midpoint = midpoint_of(krx)
        elif self._out.widths[_NXT_DEPTH] >= 65:
            ladder.krx_midpoint = midpoint_of(krx)
        if nxt is not None:
            ladder.nxt_midpoint = midpoint_of(nxt)
        return ladder

    @staticmethod
    def _on_show(books: list[tuple[Book | None, str]]) -> list[tuple[Book, str]]:
        """Return the books that are open; all of them when none is."""
        known = [(book, board) for book, board in books if book is not None]
        return [pair for pair in known if pair[0].mode != "closed"] or known

    def _market_class(self, board: str) -> str:
        world = self._out.world
        phase = phase_name(world, board)
        if board == "KRX" and not phase and (fixed := phase_name(world, "FIXED")):
            return codes_of("FIXED", fixed).market
        return codes_of(board, phase).market

    def _add_off_hours(self, ladder: Ladder, symbol: str) -> None:
        world = self._out.world
        # Between its sessions that book is empty.
        book = book_of(world, symbol, "FIXED") if phase_name(world, "FIXED") else None
        if book is not None:
            ladder.off_hours_ask_qty = total_of(book, Side.SELL)
            ladder.off_hours_bid_qty = total_of(book, Side.BUY)

    def _send_expected(self, key: Registration, now_ns: int) -> None:
        """Send the expected price of an auction if it is a new one."""
        tr_id, symbol = key
        out, venue = self._out, _VENUES[key[0]]
        found = self._auction(symbol, venue)
        expected = expected_of(found[0]) if found is not None else Expected(0, 0)
        before = self._expected.get(key)
        if found is None or not expected.qty:
            self._expected.pop(key, None)
            return
        if expected == before:
            return
        self._expected[key] = expected
        book, board = found
        tape = tape_of(out.world, symbol, venue)
        hour = hour_class(board, phase_name(out.world, board))
        before_qty, touch = before.qty if before else 0, touch_of(book)
        if tr_id == _ELW_EXPECTED:
            spot = out.spot_krw(symbol)
            row = frames_elw.expected_row(tape, expected, before_qty, touch, spot, hour, now_ns)
            out.send(tr_id, symbol, [row], frames_elw.EXPECTED_WIDTH)
            return
        last = 0 if venue == "KRX" else vi_price(out.world, symbol)
        row = expected_row(tape, expected, before_qty, touch, hour=hour, now_ns=now_ns, last=last)
        out.send(tr_id, symbol, [row], EXPECTED_WIDTH)

    def _auction(self, symbol: str, venue: str) -> tuple[Book, str] | None:
        boards = {"KRX": ("KRX",), "NXT": ("NXT",), "UN": ("KRX", "NXT")}[venue]
        for board in boards:
            book = book_of(self._out.world, symbol, board)
            if book is not None and book.mode == "auction":
                return book, board
        return None

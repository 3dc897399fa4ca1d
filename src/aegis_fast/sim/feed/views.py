"""Look at the market as the frames need it: one place that knows how World keeps its parts.

Board names: KRX, FIXED, AFTER and NXT; venue names: KRX (KRX, FIXED and AFTER together), NXT and UN
(everything).
"""

from __future__ import annotations

from typing import NamedTuple

from aegis_fast.sim.market.exchange import Book
from aegis_fast.sim.market.rules import Side
from aegis_fast.sim.market.tape import Tape, TradeRecord, UnifiedTape
from aegis_fast.sim.market.world import World

__all__ = [
    "NO_EXPECTED",
    "NO_MIDPOINT",
    "AnyTape",
    "Expected",
    "Levels",
    "Midpoint",
    "book_of",
    "expected_of",
    "has_board",
    "is_elw",
    "levels_of",
    "midpoint_of",
    "phase_name",
    "record_of",
    "tape_of",
    "total_of",
    "vi_price",
]

AnyTape = Tape | UnifiedTape
_SHOWN = 10


class Levels(NamedTuple):
    """The displayed prices of a side, best first, and the shares at each."""

    prices: list[int]
    qtys: list[int]


class Expected(NamedTuple):
    """The price and the shares that an auction would trade now; 0 and 0 for none."""

    price_krw: int
    qty: int


class Midpoint(NamedTuple):
    """The middle of the best prices, the hidden shares that wait there, and their side.

    side: "0" none, "1" sell, "2" buy (2 was captured; the table does not confirm the mapping).
    """

    price_krw: int
    qty: int
    side: str


NO_EXPECTED = Expected(0, 0)
NO_MIDPOINT = Midpoint(0, 0, "0")


def has_board(world: World, symbol: str, board: str) -> bool:
    """Tell whether an issue is listed and trades on a board."""
    book = world.exchange.books.get(symbol)
    if book is None:
        return False
    if board == "NXT":
        return symbol in world.nxt_tapes
    return board != "AFTER" or book.issue.kind == "stock"


def is_elw(world: World, symbol: str) -> bool:
    """Tell whether an issue is a listed ELW."""
    book = world.exchange.books.get(symbol)
    return book is not None and book.issue.kind == "elw"


def book_of(world: World, symbol: str, board: str) -> Book | None:
    """Return the book of an issue on a board; None where it does not trade."""
    return world.exchange.book(symbol, board) if has_board(world, symbol, board) else None


def tape_of(world: World, symbol: str, venue: str) -> AnyTape:
    """Return the day's figures of an issue: venue KRX, NXT or UN. Raises KeyError."""
    return world.tape(symbol, venue)


def record_of(world: World, symbol: str, record: TradeRecord, venue: str) -> TradeRecord:
    """Return a trade that just happened with the running figures of a venue's tape."""
    tape = tape_of(world, symbol, venue)
    if not isinstance(tape, UnifiedTape):
        return record
    return TradeRecord(
        time_ns=record.time_ns,
        price_krw=record.price_krw,
        qty=record.qty,
        taker=record.taker,
        cum_qty=tape.cum_qty,
        cum_value_krw=tape.cum_value_krw,
        sell_count=tape.sell_count,
        buy_count=tape.buy_count,
        sell_qty=tape.sell_qty,
        buy_qty=tape.buy_qty,
        high_krw=tape.high_krw,
        low_krw=tape.low_krw,
        high_time=tape.high_time,
        low_time=tape.low_time,
        board=record.board,
    )


def phase_name(world: World, board: str) -> str:
    """Return the name of a board's session; "" when it takes no orders."""
    phase = world.phase(board)
    return phase.name if phase is not None else ""


def levels_of(book: Book, side: Side) -> Levels:
    """Return the displayed levels of a side, best first: ten, three in an auction."""
    if book.mode == "auction":
        shown = book.shown_levels(side)
        return Levels([level.price_krw for level in shown], [level.qty for level in shown])
    # What shown_levels does, without an object for each level: every frame comes by here.
    half = book.half(side)
    prices = half.prices[: -_SHOWN - 1 : -1] if half.is_bid else half.prices[:_SHOWN]
    levels = half.levels
    return Levels(prices, [levels[price].qty for price in prices])


def total_of(book: Book, side: Side) -> int:
    """Return all shares of a side."""
    return book.half(side).total_qty


def expected_of(book: Book) -> Expected:
    """Return what an auction would trade now; nothing outside an auction."""
    found = book.expected()
    return Expected(found.price_krw, found.qty)


def midpoint_of(book: Book) -> Midpoint:
    """Return the midpoint block of a book; zeros outside continuous trading."""
    price = book.mid_krw
    if not price:
        return NO_MIDPOINT
    buy, sell = book.mid_qty(Side.BUY), book.mid_qty(Side.SELL)
    return Midpoint(price, buy or sell, "2" if buy else "1" if sell else "0")


def vi_price(world: World, symbol: str) -> int:
    """Return the price from which the static volatility interruption counts."""
    return world.vi_price_krw(symbol)

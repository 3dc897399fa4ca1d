"""Answer the pages that the screen at /_sim/ reads: about, day, issues, book, chart, kinds.

All are bounded, whatever the market lists: none grows with the number of issues or trades.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aegis_fast.errors import InvalidRequest
from aegis_fast.sim.broker import Broker
from aegis_fast.sim.crowd.regimes import REGIMES
from aegis_fast.sim.faults.kinds import TABLE
from aegis_fast.sim.kst import hhmmss
from aegis_fast.sim.market.calendar import BOARDS
from aegis_fast.sim.market.exchange import Book
from aegis_fast.sim.market.rules import Issue, Side, tick_size
from aegis_fast.sim.market.tape import TradeRecord
from aegis_fast.sim.screen.day_plan import day_json

__all__ = ["MAX_ISSUES", "MAX_MINUTES", "PAGES", "ScreenPages", "number"]

PAGES = ("about", "day", "issues", "book", "chart", "kinds")
MAX_ISSUES = 200
MAX_MINUTES = 1_440
_ISSUES = 30
_MAX_QUERY = 40
_ACCOUNTS = 20
_VENUES = ("KRX", "NXT", "UN")


def number(query: Mapping[str, str], field: str, default: int, least: int, most: int) -> int:
    """Return a whole number of a query, default without one. Raises InvalidRequest."""
    text = query.get(field, "")
    if not text:
        return default
    is_number = text.isascii() and text.isdigit() and len(text) < 10
    if not is_number or not least <= int(text) <= most:
        raise InvalidRequest(f"{field} {text!r}", field=field, expected=f"{least}..{most}")
    return int(text)


class ScreenPages:
    """The pages of one broker. They change nothing. Every wrong query raises InvalidRequest."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker

    def answer(self, name: str, query: Mapping[str, str], now_ns: int) -> dict[str, Any]:
        """Return a page of PAGES."""
        if name == "about":
            return self._about()
        if name == "day":
            return day_json(self._broker.world, now_ns)
        if name == "issues":
            return self._issues(query)
        if name == "book":
            return self._books(query)
        if name == "chart":
            return self._chart(query)
        return {"kinds": _kinds()}

    def _about(self) -> dict[str, Any]:
        """Return what a program needs to connect. The keys open nothing but this simulator."""
        broker = self._broker
        accounts = list(broker.accounts.values())
        return {
            "world": broker.world_id,
            "profile": broker.rules.name,
            "seed": broker.world.seed,
            "accounts": [
                {
                    "account": account.number,
                    "hts_id": account.hts_id,
                    "appkey": account.appkey,
                    "appsecret": broker.door.customers[account.appkey].appsecret,
                }
                for account in accounts[:_ACCOUNTS]
            ],
            "account_count": len(accounts),
            "issue_count": len(broker.exchange.books),
            "regimes": list(REGIMES),
        }

    def _issues(self, query: Mapping[str, str]) -> dict[str, Any]:
        """Return the issues whose code or name has the words; those whose code begins first."""
        wanted = query.get("query", "").strip().casefold()
        if len(wanted) > _MAX_QUERY:
            raise InvalidRequest("too long", field="query", expected=f"{_MAX_QUERY} letters")
        offset = number(query, "offset", 0, 0, 1_000_000)
        limit = number(query, "limit", _ISSUES, 1, MAX_ISSUES)
        books = self._broker.exchange.books
        found = [symbol for symbol, book in books.items() if _matches(book.issue, wanted)]
        if wanted:
            found.sort(key=lambda symbol: not symbol.casefold().startswith(wanted))
        return {
            "total": len(found),
            "offset": offset,
            "issues": [self._issue(books[s]) for s in found[offset : offset + limit]],
        }

    def _issue(self, book: Book) -> dict[str, Any]:
        symbol = book.issue.symbol
        return {
            "symbol": symbol,
            "name": book.issue.name,
            "name_en": book.issue.name_en,
            "market": book.issue.market,
            "kind": book.issue.kind,
            "base_krw": book.issue.base_krw,
            "last_krw": self._broker.world.tapes[symbol].last_krw,
            "mode": book.mode,
            "is_halted": symbol in self._broker.world.sessions.halted,
        }

    def _books(self, query: Mapping[str, str]) -> dict[str, Any]:
        """Return an issue, its figures of the day and its books: of one board, or of all."""
        book = self._listed(query)
        board = query.get("board", "")
        if board and board not in BOARDS:
            raise InvalidRequest(f"board {board!r}", field="board", expected=" | ".join(BOARDS))
        world, symbol = self._broker.world, book.issue.symbol
        tape = world.tape(symbol, "UN")
        boards = {name: self._board(symbol, name) for name in BOARDS if board in ("", name)}
        return {
            **self._issue(book),
            "lower_krw": book.limits.lower_krw,
            "upper_krw": book.limits.upper_krw,
            "open_krw": tape.open_krw,
            "high_krw": tape.high_krw,
            "low_krw": tape.low_krw,
            "last_krw": tape.last_krw,
            "cum_qty": tape.cum_qty,
            "cum_value_krw": tape.cum_value_krw,
            "tick_krw": tick_size(max(tape.last_krw, 1), book.issue.grid),
            "vi_base_krw": world.vi_price_krw(symbol),
            "regime": world.regimes[symbol].name,
            "market_regime": world.factors.regime.name,
            "trades": [_trade(record) for record in reversed(tape.recent)],
            "boards": {name: shown for name, shown in boards.items() if shown is not None},
        }

    def _board(self, symbol: str, board: str) -> dict[str, Any] | None:
        """Return a book as its feed shows it; None where the issue is never traded."""
        exchange, sessions = self._broker.exchange, self._broker.world.sessions
        if not exchange.trades(symbol, board):
            return None
        book = exchange.made_book(symbol, board)
        if book is None:
            return {"mode": "closed", "asks": [], "bids": [], "expected": None, "vi": None}
        expected = book.expected()
        vi = sessions.vis.get((symbol, board))
        return {
            "mode": book.mode,
            "asks": [[level.price_krw, level.qty] for level in book.shown_levels(Side.SELL)],
            "bids": [[level.price_krw, level.qty] for level in book.shown_levels(Side.BUY)],
            "total_ask_qty": book.asks.total_qty,
            "total_bid_qty": book.bids.total_qty,
            "expected": {"price_krw": expected.price_krw, "qty": expected.qty}
            if book.mode == "auction"
            else None,
            "vi": vi._asdict() if vi is not None else None,
        }

    def _chart(self, query: Mapping[str, str]) -> dict[str, Any]:
        """Return the last `count` minutes of the day that had trades, oldest first.

        A row: minute since midnight KST, open, high, low, close, shares.
        """
        symbol = self._listed(query).issue.symbol
        venue = query.get("venue") or "UN"
        if venue not in _VENUES:
            raise InvalidRequest(f"venue {venue!r}", field="venue", expected=" | ".join(_VENUES))
        count = number(query, "count", MAX_MINUTES, 1, MAX_MINUTES)
        world = self._broker.world
        if venue == "NXT" and symbol not in world.nxt_tapes:
            raise InvalidRequest(f"{symbol} is not on NXT", field="venue", expected="KRX | UN")
        bars = list(world.tape(symbol, venue).minutes)
        if venue != "NXT" and len(bars) < count:
            # The minute of the start is in both.
            before = world.history.minutes(symbol)
            bars = [bar for bar in before if not bars or bar.minute < bars[0].minute] + bars
        return {
            "symbol": symbol,
            "venue": venue,
            "day": world.day.isoformat(),
            "minutes": [
                [bar.minute, bar.open_krw, bar.high_krw, bar.low_krw, bar.close_krw, bar.qty]
                for bar in bars[-count:]
            ],
        }

    def _listed(self, query: Mapping[str, str]) -> Book:
        symbol = query.get("symbol", "")
        book = self._broker.exchange.books.get(symbol)
        if book is None:
            raise InvalidRequest(
                f"unknown symbol {symbol[:40]!r}", field="symbol", expected="see /_sim/issues"
            )
        return book


def _matches(issue: Issue, wanted: str) -> bool:
    return (
        not wanted
        or wanted in issue.symbol.casefold()
        or wanted in issue.name.casefold()
        or wanted in issue.name_en.casefold()
    )


def _trade(record: TradeRecord) -> dict[str, Any]:
    return {
        "time": hhmmss(record.time_ns),
        "price_krw": record.price_krw,
        "qty": record.qty,
        "taker": record.taker.name.lower() if record.taker is not None else "",
        "board": record.board,
    }


def _kinds() -> dict[str, dict[str, Any]]:
    """Return the table of faults: what each does and what can be said about it."""
    return {
        name: {
            "text": kind.text,
            "group": kind.group,
            "uses": sorted(kind.uses),
            "modes": [mode for mode in kind.modes if mode],
            "filters": sorted(kind.filters - {"call"}),
            "min_delay_ms": kind.min_delay_ms,
            "default_delay_ms": kind.default_delay_ms,
            "is_at_once": kind.is_at_once,
        }
        for name, kind in TABLE.items()
    }

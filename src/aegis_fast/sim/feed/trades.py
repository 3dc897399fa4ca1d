"""Feed trades: H0STCNT0, H0NXCNT0, H0UNCNT0, H0EWCNT0, and program trading (H0STPGM0)."""

from __future__ import annotations

from datetime import date
from typing import NamedTuple

from aegis_fast.sim.crowd.program import ProgramTrading
from aegis_fast.sim.crowd.seeds import seeded
from aegis_fast.sim.feed import frames_elw
from aegis_fast.sim.feed.frames_trade import TRADE_WIDTH, touch_of, trade_row
from aegis_fast.sim.feed.outlet import Outlet
from aegis_fast.sim.feed.session_codes import Codes, codes_of
from aegis_fast.sim.feed.views import levels_of, phase_name, record_of, tape_of, vi_price
from aegis_fast.sim.kst import SECOND_NS
from aegis_fast.sim.market.rules import Side
from aegis_fast.sim.market.tape import TradeRecord

__all__ = ["TradeFeed"]

_PROGRAM_TR = "H0STPGM0"
_PROGRAM_WIDTH = 11
_ELW_TR = "H0EWCNT0"
_TRS = {
    "KRX": (("H0STCNT0", "KRX"), ("H0UNCNT0", "UN"), (_ELW_TR, "KRX")),
    "NXT": (("H0NXCNT0", "NXT"), ("H0UNCNT0", "UN")),
}


class _Pending(NamedTuple):
    record: TradeRecord
    codes: Codes


class TradeFeed:
    """Trades wait for the next flush, so that those of one moment share a frame."""

    def __init__(self, outlet: Outlet) -> None:
        self._out = outlet
        self._trades: dict[tuple[str, str, str], list[_Pending]] = {}
        self._programs: dict[str, tuple[date, ProgramTrading]] = {}
        self._program_dirty: dict[str, None] = {}
        self._program_sent_ns: dict[str, int] = {}

    def on_trade(self, symbol: str, record: TradeRecord) -> None:
        """Keep a trade that has just happened, if anyone wants it."""
        registry = self._out.registry
        if not registry.has_key(symbol):
            return
        world, board = self._out.world, record.board
        venue = "NXT" if board == "NXT" else "KRX"
        codes = codes_of(board, phase_name(world, board))
        for tr_id, tape_venue in _TRS[venue]:
            if (tr_id, symbol) in registry:
                entry = _Pending(record_of(world, symbol, record, tape_venue), codes)
                self._trades.setdefault((tr_id, symbol, tape_venue), []).append(entry)
        is_watched = venue == "KRX" and (_PROGRAM_TR, symbol) in registry
        if is_watched and self._program(symbol).on_trade(record):
            self._program_dirty[symbol] = None

    def on_subscribed(self, tr_id: str, symbol: str) -> None:
        """Count program trades from now on one by one."""
        if tr_id != _PROGRAM_TR:
            return
        self._program(symbol).catch_up(self._out.world.tapes[symbol])

    def _program(self, symbol: str) -> ProgramTrading:
        """Return today's program trading in an issue."""
        world = self._out.world
        day, program = self._programs.get(symbol, (None, None))
        if program is None or day != world.day:
            rng = seeded(world.seed, symbol, "program", world.day.isoformat())
            program = ProgramTrading(symbol, world.tapes[symbol], rng)
            self._programs[symbol] = (world.day, program)
        return program

    def flush(self, now_ns: int) -> None:
        """Send the trades since the last flush, and program figures at most once a second."""
        for (tr_id, symbol, venue), entries in self._trades.items():
            if (tr_id, symbol) in self._out.registry:
                self._send(tr_id, symbol, venue, entries)
        self._trades.clear()
        for symbol in [s for s in self._program_dirty if self._program_due_ns(s) <= now_ns]:
            del self._program_dirty[symbol]
            self._program_sent_ns[symbol] = now_ns
            book, _ = self._out.krx_book(symbol)
            asks, bids = (sum(levels_of(book, side).qtys) for side in (Side.SELL, Side.BUY))
            row = self._program(symbol).row(asks, bids, now_ns)
            self._out.send(_PROGRAM_TR, symbol, [row], _PROGRAM_WIDTH)

    def _send(self, tr_id: str, symbol: str, venue: str, entries: list[_Pending]) -> None:
        out = self._out
        tape = tape_of(out.world, symbol, venue)
        touch = touch_of(*out.venue_books(symbol, venue))
        halted = "Y" if symbol in out.halted else "N"
        if tr_id == _ELW_TR:
            spot = out.spot_krw(symbol)
            rows = [
                frames_elw.trade_row(tape, entry.record, touch, entry.codes, spot, halted)
                for entry in entries
            ]
            out.send(tr_id, symbol, rows, frames_elw.TRADE_WIDTH)
            return
        price = vi_price(out.world, symbol)
        rows = [
            trade_row(tape, entry.record, touch, entry.codes, halted=halted, vi_price_krw=price)
            for entry in entries
        ]
        out.send(tr_id, symbol, rows, TRADE_WIDTH)

    def _program_due_ns(self, symbol: str) -> int:
        return self._program_sent_ns.get(symbol, -SECOND_NS) + SECOND_NS

    def due_ns(self) -> int | None:
        """Return when flush has something to send; None: nothing waits."""
        if self._trades:
            return next(iter(self._trades.values()))[0].record.time_ns
        return min((self._program_due_ns(symbol) for symbol in self._program_dirty), default=None)

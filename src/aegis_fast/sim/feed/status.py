"""Feed market status: H0STMKO0, H0NXMKO0, H0UNMKO0, pushed when something happens."""

from __future__ import annotations

from typing import Any

from aegis_fast.sim.feed.frames_status import (
    HALT,
    PLAIN,
    STATUS_WIDTH,
    Change,
    change_of,
    status_row,
)
from aegis_fast.sim.feed.outlet import Outlet
from aegis_fast.sim.feed.views import has_board, phase_name
from aegis_fast.sim.market.calendar import BOARDS

__all__ = ["StatusFeed"]

_TRS = {"KRX": ("H0STMKO0", "H0UNMKO0"), "NXT": ("H0NXMKO0", "H0UNMKO0")}


class StatusFeed:
    """Sessions, volatility interruptions and halts. They go out at once, not with a flush."""

    def __init__(self, outlet: Outlet) -> None:
        self._out = outlet
        self._phases: dict[str, str] = {}
        self._vi: set[tuple[str, str]] = set()

    def join(self) -> None:
        """Take note of the sessions that are under way."""
        self._phases = {board: phase_name(self._out.world, board) for board in BOARDS}

    def on_phase(self, board: str, phase: Any) -> None:
        """Tell everybody that a board begins a session; None: its last one ended."""
        ended, started = self._phases.get(board, ""), phase.name if phase is not None else ""
        self._phases[board] = started
        change = change_of(board, ended, started)
        if change is None or ended == started:
            return
        venue = "NXT" if board == "NXT" else "KRX"
        for tr_id in _TRS[venue]:
            for symbol in self._out.registry.keys_of(tr_id):
                if has_board(self._out.world, symbol, board):
                    self._send(tr_id, symbol, venue, change)

    def on_vi(self, symbol: str, board: str, *, is_on: bool) -> None:
        """Tell of a volatility interruption of an issue on a board, or of its end."""
        venue = "NXT" if board == "NXT" else "KRX"
        if is_on:
            self._vi.add((symbol, venue))
        else:
            self._vi.discard((symbol, venue))
        self._tell(symbol, venue, PLAIN)

    def on_halt(self, symbol: str, *, is_halted: bool) -> None:
        """Tell that trading in an issue stops or goes on, on every venue."""
        if is_halted:
            self._out.halted.add(symbol)
        else:
            self._out.halted.discard(symbol)
        for venue in ("KRX", "NXT"):
            if has_board(self._out.world, symbol, venue):
                self._tell(symbol, venue, HALT if is_halted else PLAIN)

    def _tell(self, symbol: str, venue: str, change: Change) -> None:
        for tr_id in _TRS[venue]:
            if (tr_id, symbol) in self._out.registry:
                self._send(tr_id, symbol, venue, change)

    def _send(self, tr_id: str, symbol: str, venue: str, change: Change) -> None:
        row = status_row(
            symbol,
            change,
            kind=self._out.world.exchange.books[symbol].issue.kind,
            is_halted=symbol in self._out.halted,
            has_vi=(symbol, venue) in self._vi,
            venue_code="2" if venue == "NXT" else "1",
        )
        self._out.send(tr_id, symbol, [row], STATUS_WIDTH)

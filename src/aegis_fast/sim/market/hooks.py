"""Name what a market tells the outside: trades, own fills and ends, books, phases, interruptions.

Pure. A World is handed one WorldHooks; whoever wants to hear sets the callables it needs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from aegis_fast.sim.market.calendar import Phase
from aegis_fast.sim.market.exchange import Book
from aegis_fast.sim.market.rules import Side
from aegis_fast.sim.market.tape import TradeRecord

__all__ = ["OnDepth", "OnOwnEnd", "OnOwnFill", "OnTrade", "WorldHooks"]

OnTrade = Callable[[Book, TradeRecord], None]
# book, owner (the ledger's serial of an order), side, price_krw, qty, now_ns
OnOwnFill = Callable[[Book, int, Side, int, int, int], None]
# book, owner, qty taken out, why ("expired", "dropped"), now_ns
OnOwnEnd = Callable[[Book, int, int, str, int], None]
OnDepth = Callable[[Book], None]


def _nothing(*_: Any) -> None:
    return None


@dataclass(slots=True)
class WorldHooks:
    """on_phase(board, phase or None, now_ns); on_vi(symbol, board, vi or None, now_ns): None when
    the interruption ends; on_halt(symbol, is_halted, now_ns); on_day(day, now_ns): a trading day
    begins, before its first phase; on_second(now_ns): every second of market time.
    """

    on_trade: OnTrade = _nothing
    on_own_fill: OnOwnFill = _nothing
    on_own_end: OnOwnEnd = _nothing
    on_depth: OnDepth = _nothing
    on_phase: Callable[[str, Phase | None, int], None] = _nothing
    on_vi: Callable[[str, str, Any, int], None] = _nothing
    on_halt: Callable[[str, bool, int], None] = _nothing
    on_day: Callable[[Any, int], None] = _nothing
    on_second: Callable[[int], None] = _nothing

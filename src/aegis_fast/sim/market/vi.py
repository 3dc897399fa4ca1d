"""Interrupt trading when a price moves too far (VI, 변동성완화장치).

Static: a price that lies 10 % or more from the single price of the last auction. Dynamic: one that
lies too far from the last trade before the order. Percentages: market.json "vi", which says how
sure they are. The caller ends the interruption: it uncrosses the book two minutes and a random
part later (vi_auction_s and auction_random_end_s there).
"""

from __future__ import annotations

from typing import NamedTuple

from aegis_fast.sim.market.rules import Issue, market_data

__all__ = ["VI", "Guard", "guard_for"]

_BP = 10_000


class VI(NamedTuple):
    """One interruption. kind: "static", "dynamic" or "both". trigger_krw: the price that would
    have traded. reference_krw: what it was measured against (VI_STND_PRC; the static one of both).
    """

    kind: str
    trigger_krw: int
    reference_krw: int


def _is_far(price_krw: int, reference_krw: int, limit_bp: int) -> bool:
    return limit_bp > 0 and abs(price_krw - reference_krw) * _BP >= reference_krw * limit_bp


class Guard:
    """The price guard of one book.

    static_krw: the static reference, moved by Book.uncross; set it to the base price before the
    opening auction. Widths in basis points; 0 switches that measure off.
    """

    __slots__ = ("closing_bp", "dynamic_bp", "static_bp", "static_krw")

    def __init__(self, static_krw: int, static_bp: int, dynamic_bp: int, closing_bp: int) -> None:
        self.static_krw = static_krw
        self.static_bp = static_bp
        self.dynamic_bp = dynamic_bp
        self.closing_bp = closing_bp

    def bounds(self, last_krw: int) -> tuple[int, int]:
        """Return the nearest prices, below and above, that may not trade after last_krw."""
        low, high = 0, 1 << 62
        pairs = ((self.static_krw, self.static_bp), (last_krw, self.dynamic_bp))
        for reference, limit_bp in pairs:
            if limit_bp:
                width = -(-reference * limit_bp // _BP)
                low, high = max(low, reference - width), min(high, reference + width)
        return low, high

    def judge(self, price_krw: int, last_krw: int, *, is_closing: bool = False) -> VI | None:
        """Return the interruption that a trade at price_krw after last_krw would cause.

        is_closing: by the narrower dynamic width of the closing auction.
        """
        dynamic_bp = self.closing_bp if is_closing else self.dynamic_bp
        is_static = _is_far(price_krw, self.static_krw, self.static_bp)
        is_dynamic = _is_far(price_krw, last_krw, dynamic_bp)
        if is_static:
            return VI("both" if is_dynamic else "static", price_krw, self.static_krw)
        return VI("dynamic", price_krw, last_krw) if is_dynamic else None


def guard_for(issue: Issue, static_krw: int) -> Guard | None:
    """Return the guard of an issue's book; None for an ELW, which has none.

    static_krw: the static reference to start with. KOSPI200 issues have narrower dynamic widths.
    """
    rules = market_data()["vi"]
    if issue.kind not in rules["kinds"]:
        return None
    widths = rules["kospi200" if issue.is_kospi200 else "other"]
    return Guard(static_krw, rules["static_bp"], widths["dynamic_bp"], widths["closing_auction_bp"])

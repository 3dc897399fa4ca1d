"""Say how KIS names a session in a frame: hour class, market operation and market class.

Sources: field notes of realtime.json. Choices where no source speaks: the KRX after-market and the
NXT after-market are operation "30", the NXT pre-market is "10"; an auction of NXT or of a
volatility interruption is hour class C.
"""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["Codes", "codes_of", "hour_class"]


class Codes(NamedTuple):
    """NEW_MKOP_CLS_CODE and MARKET_CLS_CODE."""

    operation: str
    market: str


_REGULAR = Codes("20", "2")
_CODES = {
    ("FIXED", "pre_open"): Codes("11", "5"),
    ("FIXED", "post_close_entry"): Codes("31", "5"),
    ("FIXED", "post_close"): Codes("31", "5"),
    ("AFTER", "after_market"): Codes("30", "3"),
    ("NXT", "pre_market"): Codes("10", "1"),
    ("NXT", "after_auction"): Codes("30", "3"),
    ("NXT", "after_market"): Codes("30", "3"),
}
_CLOSED_BOARD = {"FIXED": Codes("31", "5"), "AFTER": Codes("30", "3")}


def codes_of(board: str, phase: str) -> Codes:
    """Return the codes of a trade or book of a board in one of its sessions."""
    return _CODES.get((board, phase)) or _CLOSED_BOARD.get(board, _REGULAR)


def hour_class(board: str, phase: str) -> str:
    """Return HOUR_CLS_CODE of a book in an auction: A, B or C.

    phase: "" while the closing auction waits for its random end. The opening auction's random end
    lies after 09:00, so it is C, as the table has it.
    """
    if board != "KRX":
        return "C"
    return {"opening_auction": "B", "closing_auction": "A", "": "A"}.get(phase, "C")

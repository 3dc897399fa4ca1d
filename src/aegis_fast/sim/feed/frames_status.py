"""Write market-status records: H0STMKO0, H0NXMKO0, H0UNMKO0 (10 values, 11 with the venue).

All start with the stock code, also those of UN, as captured. A reason that is null is spelled
"(null)". Sessions that the code table does not know (KRX after-market, NXT before and after its
main market) push nothing.
"""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["HALT", "PLAIN", "STATUS_WIDTH", "Change", "change_of", "status_row"]

STATUS_WIDTH = 11


class Change(NamedTuple):
    """MKOP_CLS_CODE and ANTC_MKOP_CLS_CODE of what just happened; "" for neither."""

    operation: str
    expected: str


PLAIN = Change("", "")
HALT = Change("164", "")  # A temporary halt of trading.
_STARTS = {
    ("KRX", "opening_auction"): Change("110", "311"),
    ("KRX", "regular"): Change("112", "112"),
    ("KRX", "closing_auction"): Change("121", "121"),
    ("FIXED", "pre_open"): Change("130", ""),
    ("FIXED", "post_close_entry"): Change("140", ""),
    ("FIXED", "post_close"): Change("146", ""),
    ("NXT", "main"): Change("112", ""),
}
_ENDS = {
    ("KRX", "closing_auction"): Change("129", "129"),
    ("FIXED", "pre_open"): Change("139", ""),
    ("FIXED", "post_close"): Change("149", ""),
    ("NXT", "main"): Change("129", ""),
}


def change_of(board: str, ended: str, started: str) -> Change | None:
    """Return the codes of one session following another ("" for none); None: nothing is sent."""
    return _STARTS.get((board, started)) or _ENDS.get((board, ended))


def status_row(
    symbol: str,
    change: Change,
    *,
    kind: str,
    is_halted: bool,
    has_vi: bool,
    venue_code: str,
) -> str:
    """Return 11 values. kind: Issue.kind. venue_code: 1 KRX, 2 NXT."""
    state = "58" if is_halted else "55" if kind == "stock" else "00"
    return (
        f"{symbol}^{'Y' if is_halted else 'N'}^(null)^{change.operation}^{change.expected}^^"
        f"^{state}^{'Y' if has_vi else 'N'}^N^{venue_code}"
    )

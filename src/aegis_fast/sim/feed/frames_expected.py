"""Write expected-execution records of auctions: H0STANC0, H0NXANC0, H0UNANC0 (46 values).

As captured: CNTG_VOL is the change of the expected shares since the record before (it may be
negative), ACML_VOL the expected shares, ACML_TR_PBMN their value; nothing has traded yet, so counts
and sums are 0 and before the open so are the day's prices.
"""

from __future__ import annotations

from aegis_fast.sim.feed.frames import ratio, sign
from aegis_fast.sim.feed.frames_trade import Touch
from aegis_fast.sim.feed.views import AnyTape, Expected
from aegis_fast.sim.kst import date_text, hhmmss

__all__ = ["EXPECTED_WIDTH", "expected_head", "expected_row"]

EXPECTED_WIDTH = 47  # The 47th, a dummy of the portal's table, was not in any printed sample.


def _against(tape: AnyTape, price_krw: int) -> str:
    """Return open, high and low with their times: OPRC_HOUR to LWPR_VRSS_PRPR."""
    if not tape.open_krw:
        return "000000^3^0^000000^3^0^000000^3^0"
    marks = (
        (tape.open_time, price_krw - tape.open_krw),
        (tape.high_time, price_krw - tape.high_krw),
        (tape.low_time, price_krw - tape.low_krw),
    )
    return "^".join(f"{time}^{sign(change)}^{change}" for time, change in marks)


def expected_head(
    tape: AnyTape, expected: Expected, before_qty: int, touch: Touch, hour: str, now_ns: int
) -> str:
    """Return the first 40 values, shared with H0EWANC0. hour: HOUR_CLS_CODE.

    Before the open the day's prices are 0 even if another venue has traded, as captured.
    """
    price, base = expected.price_krw, tape.issue.base_krw
    change = price - base
    is_early = hour == "B"
    day = "0^0^0" if is_early else f"{tape.open_krw}^{tape.high_krw}^{tape.low_krw}"
    against = "000000^3^0^000000^3^0^000000^3^0" if is_early else _against(tape, price)
    operation = "00" if is_early else "20"
    return (
        f"{tape.issue.symbol}^{hhmmss(now_ns)}^{price}^{tape.sign_of(price)}^{change}"
        f"^{ratio(change * 100, base)}^0.00^{day}^{touch.prices}^{expected.qty - before_qty}"
        f"^{expected.qty}^{price * expected.qty}^0^0^0^0.00^0^0^1^0.01^0.00^{against}"
        f"^{date_text(now_ns)}^{operation}^N^{touch.quantities}"
    )


def expected_row(
    tape: AnyTape,
    expected: Expected,
    before_qty: int,
    touch: Touch,
    *,
    hour: str,
    now_ns: int,
    last: int,
) -> str:
    """Return 47 values. last: value 46, VI_STND_PRC of NXT and UN, 0 in KRX's unused slot."""
    head = expected_head(tape, expected, before_qty, touch, hour, now_ns)
    turnover = ratio(expected.qty * 100, tape.issue.listed_shares)
    return f"{head}^{turnover}^0^0.00^{hour}^^{last}^0"

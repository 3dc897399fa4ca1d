"""Write ELW records: H0EWCNT0 (63 values), H0EWASP0 (73) and H0EWANC0 (59).

A liquidity provider (LP) holds what the public does not and stands behind four fifths of each
level. Its quantities come in the order of the official table, which is shuffled; the only capture
holds zeros there, so the order is unverified.
"""

from __future__ import annotations

from aegis_fast.kis import tr
from aegis_fast.sim.crowd.elw import figures
from aegis_fast.sim.feed.frames import ratio
from aegis_fast.sim.feed.frames_depth import Ladder, ladder_values
from aegis_fast.sim.feed.frames_expected import expected_head
from aegis_fast.sim.feed.frames_trade import Touch, head, same_time_qty
from aegis_fast.sim.feed.session_codes import Codes
from aegis_fast.sim.feed.views import AnyTape, Expected
from aegis_fast.sim.kst import date_of
from aegis_fast.sim.market.tape import TradeRecord

__all__ = ["DEPTH_WIDTH", "EXPECTED_WIDTH", "TRADE_WIDTH", "depth_row", "expected_row", "trade_row"]

TRADE_WIDTH, DEPTH_WIDTH, EXPECTED_WIDTH = 63, 73, 59
_LP_FIRST, _LP_END = 50, 72
_UNIT = 10
# At the start an LP holds nine tenths of an issue; the public has the rest.
_LP_TENTHS = 9


def _figures(tape: AnyTape, spot_krw: int, price_krw: int, now_ns: int) -> str:
    """Return TMVL_VAL to HTS_THPR. The premium is how far the underlying has to go to break even;
    PRMM_VAL and PRMM_RATE both carry it.
    """
    terms = tape.issue.elw
    assert terms is not None, "only ELW come here"
    f = figures(terms, spot_krw, price_krw, date_of(now_ns))
    numbers = (
        f.time_value,
        f.parity,
        f.break_even,
        f.gearing,
        f.break_even,
        f.intrinsic,
        f.break_even,
        f.fulcrum,
        f.leverage,
        f.delta,
        f.gamma,
        f.vega,
        f.theta,
        f.rho,
        f.implied_volatility,
        f.theory,
    )
    # + 0.0 turns a negative zero into a plain one.
    return "^".join(f"{round(number, 2) + 0.0:.2f}" for number in numbers)


def _lp_held(tape: AnyTape, bought: int, sold: int) -> tuple[int, str, int]:
    """Return LP_HVOL, LP_HLDN_RATE and LP_NTBY_QTY: the LP takes the other side of the takers."""
    net = sold - bought
    listed = tape.issue.listed_shares
    held = min(max(listed * _LP_TENTHS // 10 + net, 0), listed)
    return held, ratio(held * 100, listed), net


def trade_row(
    tape: AnyTape,
    record: TradeRecord,
    touch: Touch,
    codes: Codes,
    spot_krw: int,
    halted: str = "N",
) -> str:
    """Return an H0EWCNT0 record. spot_krw: the last price of the underlying."""
    same_time = same_time_qty(tape, record.time_ns)
    held, rate, net = _lp_held(tape, record.buy_qty, record.sell_qty)
    return (
        f"{head(tape, record, touch, codes.operation, halted)}"
        f"^{_figures(tape, spot_krw, record.price_krw, record.time_ns)}"
        f"^{ratio(record.cum_qty * 100, tape.issue.listed_shares)}^{same_time}"
        f"^{ratio(record.cum_qty * 100, same_time)}^0.00^{held}^{rate}^{net}"
    )


def expected_row(
    tape: AnyTape,
    expected: Expected,
    before_qty: int,
    touch: Touch,
    spot_krw: int,
    hour: str,
    now_ns: int,
) -> str:
    """Return an H0EWANC0 record. hour: HOUR_CLS_CODE of the auction; it is not in the record."""
    first = expected_head(tape, expected, before_qty, touch, hour, now_ns)
    held, rate, _ = _lp_held(tape, tape.buy_qty, tape.sell_qty)
    price = expected.price_krw or tape.last_krw
    return (
        f"{first}^{_figures(tape, spot_krw, price, now_ns)}"
        f"^{ratio(expected.qty * 100, tape.issue.listed_shares)}^{held}^{rate}"
    )


def depth_row(tape: AnyTape, ladder: Ladder) -> str:
    """Return an H0EWASP0 record. Outside auctions the expected fields are 0, as captured."""
    levels, _, _ = ladder_values(ladder)
    price, qty = ladder.expected.price_krw, ladder.expected.qty
    change = price - tape.issue.base_krw if price else 0
    code = tape.sign_of(price) if price else "3"
    shares: dict[str, int] = {}
    for word, half in (("ASK", ladder.asks), ("BID", ladder.bids)):
        held = [qty * 4 // 5 // _UNIT * _UNIT for qty in half.qtys]
        shares |= {f"LP_{word}P_RSQN{place}": qty for place, qty in enumerate(held, 1)}
        shares[f"LP_TOTAL_{word}P_RSQN"] = sum(held)
    names = tr.realtime()["H0EWASP0"].fields[_LP_FIRST:_LP_END]
    lp = "^".join(str(shares.get(name, 0)) for name in names)
    return (
        f"{tape.issue.symbol}^{ladder.time}^{ladder.hour_class}^{levels}^{price}^{qty}^{code}"
        f"^{change}^{ratio(change * 100, tape.issue.base_krw)}^{lp}^{qty}"
    )

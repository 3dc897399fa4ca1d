"""Write trade records of H0STCNT0, H0NXCNT0 and H0UNCNT0 (47 values).

The first 40 values are shared with ELW trades.
"""

from __future__ import annotations

from typing import NamedTuple

from aegis_fast.sim.feed.frames import ratio, sign
from aegis_fast.sim.feed.session_codes import Codes
from aegis_fast.sim.feed.views import AnyTape, levels_of
from aegis_fast.sim.kst import date_text, hhmmss, second_of_day
from aegis_fast.sim.market.exchange import Book
from aegis_fast.sim.market.rules import Side
from aegis_fast.sim.market.tape import TradeRecord

__all__ = ["TRADE_WIDTH", "Touch", "head", "same_time_qty", "touch_of", "trade_row"]

_NOON_S = 12 * 3_600

TRADE_WIDTH = 47
_SESSION_NS = 23_400_000_000_000  # Six and a half hours.


class Touch(NamedTuple):
    """Best prices and quantities with the totals of the displayed levels, as texts.

    prices: ASKP1^BIDP1. quantities: ASKP_RSQN1^BIDP_RSQN1^TOTAL_ASKP_RSQN^TOTAL_BIDP_RSQN.
    """

    prices: str
    quantities: str


def touch_of(*books: Book) -> Touch:
    """Return the touch of one book, or of several as one: the best prices and their sums."""
    ask, ask_qty, ask_total = _best(Side.SELL, books)
    bid, bid_qty, bid_total = _best(Side.BUY, books)
    return Touch(f"{ask}^{bid}", f"{ask_qty}^{bid_qty}^{ask_total}^{bid_total}")


def _best(side: Side, books: tuple[Book, ...]) -> tuple[int, int, int]:
    """Return the best price, the shares there and the shares of all displayed levels."""
    best = best_qty = total = 0
    for book in books:
        prices, qtys = levels_of(book, side)
        total += sum(qtys)
        if not prices:
            continue
        price = prices[0]
        if price == best:
            best_qty += qtys[0]
        elif not best or (price < best) == (side is Side.SELL):
            best, best_qty = price, qtys[0]
    return best, best_qty, total


def same_time_qty(tape: AnyTape, time_ns: int) -> int:
    """Return yesterday's volume by this time of day: its share of six and a half hours."""
    elapsed = tape.elapsed_ns(time_ns)
    return tape.issue.daily_qty * min(elapsed, _SESSION_NS) // _SESSION_NS


def head(tape: AnyTape, record: TradeRecord, touch: Touch, operation: str, halted: str) -> str:
    """Return the first 40 values of a trade.

    An auction print has no taker: CCLD_DVSN is empty; it is 3 off hours before the open. SHNU_RATE
    is cut and raised by 0.01, as in every capture (a share of 0.4427 came as 0.45, none as 0.01).
    """
    price, issue = record.price_krw, tape.issue
    base, cum_qty = issue.base_krw, record.cum_qty
    change, opened = price - base, tape.open_krw
    from_open, from_high = price - opened, price - record.high_krw
    from_low = price - record.low_krw
    taker = "" if record.taker is None else "1" if record.taker is Side.BUY else "5"
    if record.board == "FIXED" and second_of_day(record.time_ns) < _NOON_S:
        taker = "3"
    bought = record.buy_qty * 100 // cum_qty + 1 if cum_qty else 0
    return (
        f"{issue.symbol}^{hhmmss(record.time_ns)}^{price}^{tape.sign_of(price)}^{change}"
        f"^{ratio(change * 100, base)}^{ratio(record.cum_value_krw, cum_qty)}^{opened}"
        f"^{record.high_krw}^{record.low_krw}^{touch.prices}^{record.qty}^{cum_qty}"
        f"^{record.cum_value_krw}^{record.sell_count}^{record.buy_count}"
        f"^{record.buy_count - record.sell_count}"
        f"^{ratio(record.buy_qty * 100, record.sell_qty)}^{record.sell_qty}^{record.buy_qty}"
        f"^{taker}^{bought // 100}.{bought % 100:02d}^{ratio(cum_qty * 100, issue.daily_qty)}"
        f"^{tape.open_time}^{sign(from_open)}^{from_open}"
        f"^{record.high_time}^{sign(from_high)}^{from_high}"
        f"^{record.low_time}^{sign(from_low)}^{from_low}"
        f"^{date_text(record.time_ns)}^{operation}^{halted}^{touch.quantities}"
    )


def trade_row(
    tape: AnyTape,
    record: TradeRecord,
    touch: Touch,
    codes: Codes,
    *,
    halted: str = "N",
    vi_price_krw: int = 0,
) -> str:
    """Return the 47 values of a trade. vi_price_krw: 0 takes the open."""
    same_time = same_time_qty(tape, record.time_ns)
    return (
        f"{head(tape, record, touch, codes.operation, halted)}"
        f"^{ratio(record.cum_qty * 100, tape.issue.listed_shares)}^{same_time}"
        f"^{ratio(record.cum_qty * 100, same_time)}^0^^{vi_price_krw or tape.open_krw}"
        f"^{codes.market}"
    )

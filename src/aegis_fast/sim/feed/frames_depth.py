"""Write book records: H0STASP0 (63 values), H0NXASP0 (62 or 65) and H0UNASP0 (66).

In an auction three levels are shown with the expected price; outside auctions the expected-price
fields hold 0, minus the previous close and -100.00 %, as captured. Totals are those of the levels
shown; hidden midpoint shares are not in them.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from aegis_fast.sim.feed.frames import ratio
from aegis_fast.sim.feed.views import (
    NO_EXPECTED,
    NO_MIDPOINT,
    AnyTape,
    Expected,
    Levels,
    Midpoint,
)
from aegis_fast.sim.market.rules import Side

__all__ = [
    "LEVELS",
    "DepthTotals",
    "Ladder",
    "expected_change",
    "krx_depth_row",
    "ladder_values",
    "merged",
    "nxt_depth_row",
    "unified_depth_row",
]

LEVELS = 10
_BLANK = [0] * LEVELS


@dataclass(slots=True)
class DepthTotals:
    """The totals of the previous book frame of an issue, for its "change" fields."""

    ask_qty: int = 0
    bid_qty: int = 0
    off_hours_ask_qty: int = 0
    off_hours_bid_qty: int = 0


@dataclass(slots=True)
class Ladder:
    """One book as a frame shows it. asks and bids: best first, at most ten.

    auction_qty: what the last auction traded, which ANTC_VOL keeps, as captured.
    off_hours_ask_qty, off_hours_bid_qty: all shares of the off-hours closing-price book.
    """

    time: str
    hour_class: str
    asks: Levels
    bids: Levels
    expected: Expected = NO_EXPECTED
    market_class: str = "2"
    auction_qty: int = 0
    off_hours_ask_qty: int = 0
    off_hours_bid_qty: int = 0
    krx_midpoint: Midpoint = NO_MIDPOINT
    nxt_midpoint: Midpoint = NO_MIDPOINT
    expected_venue: str = "0"
    totals: DepthTotals = field(default_factory=DepthTotals)


def merged(side: Side, *halves: Levels) -> Levels:
    """Return several ladders of one side as one: equal prices added, the ten best kept."""
    sums: dict[int, int] = {}
    for half in halves:
        for price, qty in zip(half.prices, half.qtys, strict=True):
            sums[price] = sums.get(price, 0) + qty
    prices = sorted(sums, reverse=side is Side.BUY)[:LEVELS]
    return Levels(prices, [sums[price] for price in prices])


def ladder_values(ladder: Ladder) -> tuple[str, int, int]:
    """Return the 42 values from ASKP1 to TOTAL_BIDP_RSQN, and both totals."""
    asks, bids = ladder.asks, ladder.bids
    ask_total, bid_total = sum(asks.qtys), sum(bids.qtys)
    no_asks, no_bids = _BLANK[len(asks.prices) :], _BLANK[len(bids.prices) :]
    values = [
        *asks.prices,
        *no_asks,
        *bids.prices,
        *no_bids,
        *asks.qtys,
        *no_asks,
        *bids.qtys,
        *no_bids,
        ask_total,
        bid_total,
    ]
    return "^".join(map(str, values)), ask_total, bid_total


def expected_change(tape: AnyTape, price_krw: int) -> tuple[int, str, str]:
    """Return change, sign code and percent of an expected price; 0 counts as a price of 0."""
    base = tape.issue.base_krw
    change = price_krw - base
    return change, tape.sign_of(price_krw), ratio(change * 100, base)


def _common(tape: AnyTape, ladder: Ladder, previous: DepthTotals) -> str:
    """Return the 59 values that all books share, and remember the totals."""
    levels, ask_total, bid_total = ladder_values(ladder)
    change, code, percent = expected_change(tape, ladder.expected.price_krw)
    expected_qty = ladder.expected.qty
    auction_qty = expected_qty or ladder.auction_qty
    off_ask, off_bid = ladder.off_hours_ask_qty, ladder.off_hours_bid_qty
    row = (
        f"{tape.issue.symbol}^{ladder.time}^{ladder.hour_class}^{levels}^{off_ask}^{off_bid}"
        f"^{ladder.expected.price_krw}^{expected_qty}^{auction_qty}^{change}^{code}^{percent}"
        f"^{tape.cum_qty}^{ask_total - previous.ask_qty}^{bid_total - previous.bid_qty}"
        f"^{off_ask - previous.off_hours_ask_qty}^{off_bid - previous.off_hours_bid_qty}^0"
    )
    previous.ask_qty, previous.bid_qty = ask_total, bid_total
    previous.off_hours_ask_qty, previous.off_hours_bid_qty = off_ask, off_bid
    return row


def _block(midpoint: Midpoint) -> str:
    return f"{midpoint.price_krw}^{midpoint.qty}^{midpoint.side}"


def krx_depth_row(tape: AnyTape, ladder: Ladder, previous: DepthTotals) -> str:
    """Return the 63 values of an H0STASP0 record."""
    common = _common(tape, ladder, previous)
    return f"{common}^{_block(ladder.krx_midpoint)}^{ladder.market_class}"


def nxt_depth_row(tape: AnyTape, ladder: Ladder, previous: DepthTotals, width: int) -> str:
    """Return an H0NXASP0 record: 62 values with the NXT midpoint, 65 with both."""
    common = _common(tape, ladder, previous)
    if width >= 65:
        return f"{common}^{_block(ladder.krx_midpoint)}^{_block(ladder.nxt_midpoint)}"
    return f"{common}^{_block(ladder.nxt_midpoint)}"


def unified_depth_row(tape: AnyTape, ladder: Ladder, previous: DepthTotals) -> str:
    """Return the 66 values of an H0UNASP0 record."""
    common = _common(tape, ladder, previous)
    blocks = f"{_block(ladder.krx_midpoint)}^{_block(ladder.nxt_midpoint)}"
    return f"{common}^{blocks}^{ladder.expected_venue}"

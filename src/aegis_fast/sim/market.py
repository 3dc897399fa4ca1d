"""State the rules of the market: issues, tick sizes, price limits, units, fees and taxes.

Written apart from the engine's own rules on purpose: a simulator that shared them would also share
their mistakes. Prices and money are int won. Source: market.json and issues.json beside this file.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from enum import IntEnum
from functools import cache
from importlib import resources
from typing import Any, NamedTuple

import msgspec

__all__ = [
    "Issue",
    "PriceLimits",
    "Side",
    "commission_krw",
    "is_on_grid",
    "issues",
    "order_unit",
    "price_limits",
    "round_down",
    "round_up",
    "sell_tax_krw",
    "step",
    "tick_size",
]

# ELW have no price limit. The simulator still needs a price at which a market buy blocks cash.
_UNLIMITED_MULTIPLE = 10
_PPM = 1_000_000


class Side(IntEnum):
    """SELL and BUY with the broker's numbers (SLL_BUY_DVSN_CD 01 and 02)."""

    SELL = 1
    BUY = 2

    @property
    def other(self) -> Side:
        """Return the opposite side."""
        return Side.SELL if self is Side.BUY else Side.BUY


class Issue(msgspec.Struct, frozen=True, kw_only=True):
    """A listed issue. kind: stock, etf or elw. daily_qty: shares traded on a usual day.

    trades_per_s: how busy the simulated market in it is. base_krw: previous close.
    """

    symbol: str
    name: str
    name_en: str
    market: str
    kind: str
    base_krw: int
    listed_shares: int
    daily_qty: int
    trades_per_s: int
    sector: str


@dataclass(frozen=True, slots=True)
class PriceLimits:
    """The lowest and the highest price of the day. has_limit: False when the exchange sets none
    (ELW); lower_krw and upper_krw are then the simulator's own bounds.
    """

    lower_krw: int
    upper_krw: int
    has_limit: bool


class _Bands(NamedTuple):
    starts: tuple[int, ...]
    ticks: tuple[int, ...]


def _read(name: str) -> Any:
    return msgspec.json.decode(resources.files("aegis_fast.sim").joinpath(name).read_bytes())


@cache
def _rules() -> dict[str, Any]:
    rules: dict[str, Any] = _read("market.json")
    return rules


@cache
def _bands(kind: str) -> _Bands:
    rows = _rules()["tick_bands"][kind]
    return _Bands(tuple(row[0] for row in rows), tuple(row[1] for row in rows))


@cache
def issues() -> tuple[Issue, ...]:
    """Return the simulated issues, in listing order."""
    raw = resources.files("aegis_fast.sim").joinpath("issues.json").read_bytes()
    return msgspec.json.decode(raw, type=tuple[Issue, ...])


def tick_size(price_krw: int, kind: str) -> int:
    """Return the tick size at a price; the band is chosen by the price itself."""
    bands = _bands(kind)
    return bands.ticks[bisect_right(bands.starts, price_krw) - 1]


def is_on_grid(price_krw: int, kind: str) -> bool:
    """Tell whether an order may carry this price."""
    return price_krw > 0 and price_krw % tick_size(price_krw, kind) == 0


def round_down(price_krw: int, kind: str) -> int:
    """Return the highest price on the grid that is not above price_krw (> 0)."""
    return price_krw - price_krw % tick_size(price_krw, kind)


def round_up(price_krw: int, kind: str) -> int:
    """Return the lowest price on the grid that is not below price_krw (> 0)."""
    tick = tick_size(price_krw, kind)
    # Bands start on multiples of both neighbouring ticks, so the result is on its own grid too.
    return -(-price_krw // tick) * tick


def step(price_krw: int, ticks: int, kind: str) -> int:
    """Return the price that many ticks away, up or down, never below the smallest price.

    Crossing a band: up, the higher band's tick counts from its first price (1999, 2000, 2005);
    down, the lower band's (2000, 1999). price_krw must be on the grid.
    """
    bands = _bands(kind)
    while ticks > 0:
        price_krw += tick_size(price_krw, kind)
        ticks -= 1
    while ticks < 0:
        tick = bands.ticks[max(bisect_left(bands.starts, price_krw) - 1, 0)]
        if price_krw <= tick:
            return tick
        price_krw -= tick
        ticks += 1
    return price_krw


def price_limits(base_krw: int, kind: str) -> PriceLimits:
    """Return the day's price limits.

    The width is cut to a multiple of the base's tick size; the upper limit is then rounded down and
    the lower one up if they fall between prices of their own band. 272,000: 190,500 to 353,500.
    """
    percent = _rules()["price_limit_percent"][kind]
    if not percent:
        top = round_down(base_krw * _UNLIMITED_MULTIPLE, kind)
        return PriceLimits(tick_size(1, kind), top, False)
    tick = tick_size(base_krw, kind)
    width = base_krw * percent // 100 // tick * tick
    return PriceLimits(round_up(base_krw - width, kind), round_down(base_krw + width, kind), True)


def order_unit(kind: str) -> int:
    """Return the shares an order must be a multiple of: 1, or 10 for ELW."""
    return int(_rules()["order_unit"][kind])


def commission_krw(value_krw: int) -> int:
    """Return the broker's commission on a traded value: 0.014 %, cut to won."""
    return value_krw * int(_rules()["commission_ppm"]) // _PPM


def sell_tax_krw(value_krw: int, kind: str) -> int:
    """Return the tax on a sale: 0.20 % of stocks, nothing of ETF and ELW, cut to won."""
    return value_krw * int(_rules()["sell_tax_ppm"][kind]) // _PPM

"""State the rules of the market: issues, tick sizes, price limits, units, fees and taxes, by date.

Written apart from the engine's own rules on purpose: a simulator that shared them would also share
their mistakes. Prices and money are int won. Source: market.json and issues.json beside this file.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from datetime import date
from enum import IntEnum
from functools import cache
from importlib import resources
from typing import Any, NamedTuple

import msgspec

__all__ = [
    "Elw",
    "Issue",
    "PriceLimits",
    "Side",
    "commission_krw",
    "is_on_grid",
    "issues",
    "listed_on",
    "market_data",
    "order_unit",
    "price_limits",
    "read_data",
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


class Elw(msgspec.Struct, frozen=True, kw_only=True):
    """The terms of an ELW (equity-linked warrant).

    underlying: symbol of a stock. last_day, expiry: YYYYMMDD, last day of trading and expiry.
    conversion_ppm: shares of the underlying that one warrant stands for. lp: who makes its market.
    """

    underlying: str
    underlying_name: str
    is_call: bool
    strike_krw: int
    last_day: str
    expiry: str
    conversion_ppm: int
    lp: str


class Issue(msgspec.Struct, frozen=True, kw_only=True):
    """A listed issue. kind: stock, etf, etn or elw. daily_qty: shares traded on a usual day.

    trades_per_s: how busy the simulated market in it is; trades_per_hour, if given, counts instead.
    base_krw: previous close. is_nxt: NXT trades it too. beta_ppm: how much of the market's and its
    sector's moves it makes. regime: a name of regimes.REGIMES, "" to draw one. tracks: the
    code of the index a fund follows (1001 KOSDAQ, 2001 KOSPI200), "" for none. tick_table: the
    table in force, "" for today's; read it through `grid`.
    """

    symbol: str
    name: str
    name_en: str
    market: str
    kind: str
    base_krw: int
    listed_shares: int
    daily_qty: int
    sector: str
    trades_per_s: int = 1
    trades_per_hour: int = 0
    is_nxt: bool = False
    is_kospi200: bool = False
    beta_ppm: int = 1_000_000
    regime: str = ""
    elw: Elw | None = None
    tracks: str = ""
    tick_table: str = ""

    @property
    def grid(self) -> str:
        """Return the name of the tick-size table of this issue."""
        return self.tick_table or self.kind

    @property
    def hourly_trades(self) -> int:
        """Return the trades of a usual hour, at least 1."""
        return max(self.trades_per_hour or self.trades_per_s * 3_600, 1)

    @property
    def usual_trade_qty(self) -> int:
        """Return the shares of a usual trade: the day's over six and a half hours, at least 1."""
        return max(self.daily_qty * 2 // (self.hourly_trades * 13), 1)


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


def read_data(name: str) -> Any:
    """Return a JSON file of the folder data."""
    source = resources.files("aegis_fast.sim").joinpath("data", name)
    return msgspec.json.decode(source.read_bytes())


@cache
def market_data() -> dict[str, Any]:
    """Return market.json: the rules as data."""
    rules: dict[str, Any] = read_data("market.json")
    return rules


@cache
def _bands(table: str) -> _Bands:
    rows = market_data()["tick_tables"][table]
    return _Bands(tuple(row[0] for row in rows), tuple(row[1] for row in rows))


@cache
def _tick_table(kind: str, market: str, day: date) -> str:
    for known_market, changed_on, before, since in market_data()["tick_table_of"][kind]:
        if known_market in ("*", market):
            return str(before if day < date.fromisoformat(changed_on) else since)
    raise KeyError(kind)


def listed_on(issue: Issue, day: date, base_krw: int = 0) -> Issue:
    """Return the issue as of a day: its tick table, and its base price (0: as it was) on the grid.

    Stocks of KOSPI and KOSDAQ had tables of their own before 2023-01-25, ETF and ETN one step of 5
    before December 2023.
    """
    table = _tick_table(issue.kind, issue.market, day)
    base = round_down(base_krw or issue.base_krw, table)
    return msgspec.structs.replace(issue, tick_table=table, base_krw=max(base, tick_size(1, table)))


@cache
def issues() -> tuple[Issue, ...]:
    """Return the simulated issues, in listing order."""
    raw = resources.files("aegis_fast.sim").joinpath("data/issues.json").read_bytes()
    return msgspec.json.decode(raw, type=tuple[Issue, ...])


def tick_size(price_krw: int, table: str) -> int:
    """Return the tick size at a price; the band is chosen by the price itself.

    table: Issue.grid, or a kind for today's table.
    """
    bands = _bands(table)
    return bands.ticks[bisect_right(bands.starts, price_krw) - 1]


def is_on_grid(price_krw: int, table: str) -> bool:
    """Tell whether an order may carry this price."""
    return price_krw > 0 and price_krw % tick_size(price_krw, table) == 0


def round_down(price_krw: int, table: str) -> int:
    """Return the highest price on the grid that is not above price_krw (> 0)."""
    return price_krw - price_krw % tick_size(price_krw, table)


def round_up(price_krw: int, table: str) -> int:
    """Return the lowest price on the grid that is not below price_krw (> 0)."""
    tick = tick_size(price_krw, table)
    # Bands start on multiples of both neighbouring ticks, so the result is on its own grid too.
    return -(-price_krw // tick) * tick


def step(price_krw: int, ticks: int, table: str) -> int:
    """Return the price that many ticks away, up or down, never below the smallest price.

    Crossing a band: up, the higher band's tick counts from its first price (1999, 2000, 2005);
    down, the lower band's (2000, 1999). price_krw must be on the grid.
    """
    bands = _bands(table)
    while ticks > 0:
        price_krw += tick_size(price_krw, table)
        ticks -= 1
    while ticks < 0:
        tick = bands.ticks[max(bisect_left(bands.starts, price_krw) - 1, 0)]
        if price_krw <= tick:
            return tick
        price_krw -= tick
        ticks += 1
    return price_krw


def price_limits(base_krw: int, kind: str, table: str = "", market: str = "") -> PriceLimits:
    """Return the day's price limits. table: the tick table, "" for the kind's own of today.

    The width is cut to a multiple of the base's tick size; the upper limit is then rounded down and
    the lower one up if they fall between prices of their own band. 272,000: 190,500 to 353,500.
    KONEX: 15 %.
    """
    table = table or kind
    rules = market_data()
    percent = rules["price_limit_percent"][kind]
    if not percent:
        top = round_down(base_krw * _UNLIMITED_MULTIPLE, table)
        return PriceLimits(tick_size(1, table), top, False)
    percent = rules["price_limit_percent_of_market"].get(market, percent)
    tick = tick_size(base_krw, table)
    width = base_krw * percent // 100 // tick * tick
    lower = max(round_up(base_krw - width, table), tick_size(1, table))
    return PriceLimits(lower, round_down(base_krw + width, table), True)


def order_unit(kind: str) -> int:
    """Return the shares an order must be a multiple of: 1, or 10 for ELW."""
    return int(market_data()["order_unit"][kind])


def commission_krw(value_krw: int) -> int:
    """Return the broker's commission on a traded value: 0.014 %, cut to won."""
    return value_krw * int(market_data()["commission_ppm"]) // _PPM


def sell_tax_krw(value_krw: int, issue: Issue, day: date) -> int:
    """Return the tax on a sale, cut to won: 0.20 % of stocks in 2026, nothing of ETF, ETN and ELW.

    0.15 % in 2025; KONEX 0.10 %.
    """
    if issue.kind != "stock":
        return 0
    for row in market_data()["sell_tax_ppm"]:
        if day.isoformat() >= row["from"]:
            return value_krw * int(row[issue.market]) // _PPM
    raise KeyError(day)

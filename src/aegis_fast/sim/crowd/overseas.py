"""Run a small seeded market of a dozen US issues and write HDFSCNT0 (26) and HDFSASP0 (17 values).

Prices are int ten-thousandths of a dollar (ZDIV 4). It trades at every hour, like the rest of the
simulator by default; its day is that of New York. An issue is made when somebody first asks for it.
There is no overseas order call, so H0GSCNI0 and H0GSCNI9 are acked and stay silent.
Made up: the prices and sizes in overseas.json; MTYP is always 1, as captured.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache, lru_cache
from importlib import resources
from random import Random

import msgspec

from aegis_fast.sim.feed.frames import ratio, sign
from aegis_fast.sim.kst import SECOND_NS, date_of, date_text, hhmmss, second_of_day

__all__ = ["QUOTE_WIDTH", "USIssue", "USStock", "find_issue", "new_york"]

QUOTE_WIDTH = 17
_SCALE = 10_000
_CENT = 100
_KST_AHEAD_S = 9 * 3_600
_PPM = 1_000_000
_SLOWEST_NS = 2 * SECOND_NS
# Delayed, real by contract, and the day market's names of the exchanges.
_MARKETS = {"NAS": "NAS", "NYS": "NYS", "AMS": "AMS", "BAQ": "NAS", "BAY": "NYS", "BAA": "AMS"}


class USIssue(msgspec.Struct, frozen=True, kw_only=True):
    """A US issue. price_e4: previous close in ten-thousandths of a dollar."""

    symbol: str
    market: str
    price_e4: int
    daily_qty: int


@cache
def _issues() -> dict[tuple[str, str], USIssue]:
    raw = resources.files("aegis_fast.sim").joinpath("data/overseas.json").read_bytes()
    rows = msgspec.json.decode(raw, type=list[USIssue])
    return {(row.market, row.symbol): row for row in rows}


def find_issue(key: str) -> USIssue | None:
    """Return the issue of a registration key such as DNASAAPL or RBAQAAPL; None for a wrong one."""
    if key[:1] not in ("D", "R"):
        return None
    return _issues().get((_MARKETS.get(key[1:4], ""), key[4:]))


def _sunday(year: int, month: int, nth: int) -> date:
    first = date(year, month, 1)
    return first + timedelta(days=(6 - first.weekday()) % 7 + 7 * (nth - 1))


@lru_cache(maxsize=8)
def _behind_s(day: date) -> int:
    """Return how far New York is behind Korea: 13 hours in its summer time, else 14."""
    summer = _sunday(day.year, 3, 2) <= day < _sunday(day.year, 11, 1)
    return (13 if summer else 14) * 3_600


def new_york(now_ns: int) -> int:
    """Return the time that reads as New York's on a KST clock, ns."""
    return now_ns - _behind_s(date_of(now_ns)) * SECOND_NS


def _dollars(price_e4: int) -> str:
    minus = "-" if price_e4 < 0 else ""
    return f"{minus}{abs(price_e4) // _SCALE}.{abs(price_e4) % _SCALE:04d}"


@dataclass(slots=True)
class _Level:
    bid_e4: int
    ask_e4: int
    bid_qty: int
    ask_qty: int


class USStock:
    """One US issue in motion. next_ns: when it trades next."""

    def __init__(self, issue: USIssue, seed: int, now_ns: int) -> None:
        self.issue = issue
        self._rng = Random(f"{seed}:{issue.market}{issue.symbol}")
        self._close_e4 = self._last_e4 = issue.price_e4
        self._quote = _Level(0, 0, 0, 0)
        self._book_totals: dict[str, tuple[int, int]] = {}
        self._trade = (0, now_ns)
        self._day = ""
        self.next_ns = now_ns
        self._open_day(now_ns)
        self._requote()
        self._wait(now_ns)

    def _open_day(self, now_ns: int) -> None:
        """Start a day; by now it has traded its share of the day's volume."""
        self._day = date_text(new_york(now_ns))
        second = second_of_day(new_york(now_ns))
        self._close_e4 = self._last_e4
        rng, close = self._rng, self._close_e4
        self._open_e4 = close + close * rng.randint(-3_000, 3_000) // _PPM // _CENT * _CENT
        self._last_e4 = self._open_e4
        self._high_e4, self._low_e4 = self._open_e4 + 30 * _CENT, self._open_e4 - 30 * _CENT
        self._qty = self.issue.daily_qty * second // 86_400
        self._value_e4 = self._qty * self._open_e4
        self._sell_qty = self._qty * rng.randint(40, 60) // 100
        self._buy_qty = self._qty - self._sell_qty

    def _requote(self) -> None:
        rng = self._rng
        bid = self._last_e4 // _CENT * _CENT - _CENT * rng.randint(0, 1)
        self._quote = _Level(bid, bid + 2 * _CENT, rng.randint(1, 40) * 10, rng.randint(1, 40) * 10)

    def _wait(self, now_ns: int) -> None:
        self.next_ns = now_ns + self._rng.randrange(SECOND_NS // 20, _SLOWEST_NS)

    def resume(self, now_ns: int) -> None:
        """Go on after a time in which nobody watched."""
        if self.next_ns < now_ns:
            self._wait(now_ns)

    def trade(self) -> None:
        """Trade once at next_ns."""
        now_ns = self.next_ns
        if self._day != date_text(new_york(now_ns)):
            self._open_day(now_ns)
        rng = self._rng
        move = self._last_e4 * sum(rng.randint(-60, 60) for _ in range(3)) // _PPM
        middle = self._last_e4 + move // (_CENT // 2) * (_CENT // 2)
        # The price cannot leave half to double of the close, however long it runs.
        self._last_e4 = min(max(middle, self._close_e4 // 2), self._close_e4 * 2)
        self._high_e4 = max(self._high_e4, self._last_e4)
        self._low_e4 = min(self._low_e4, self._last_e4)
        qty = rng.randint(1, 10) * rng.randint(1, 30)
        self._qty += qty
        self._value_e4 += qty * self._last_e4
        if rng.randrange(2):
            self._buy_qty += qty
        else:
            self._sell_qty += qty
        self._trade = (qty, now_ns)
        self._requote()
        self._wait(now_ns)

    def _clocks(self, now_ns: int) -> str:
        local = new_york(now_ns)
        return f"{date_text(local)}^{hhmmss(local)}^{date_text(now_ns)}^{hhmmss(now_ns)}"

    def trade_row(self, key: str) -> str:
        """Return the HDFSCNT0 record of the last trade.

        BIVL is the sold and ASVL the bought volume, by their Korean names.
        """
        qty, now_ns = self._trade
        change = self._last_e4 - self._close_e4
        percent = ratio(change * 100, self._close_e4)
        plus = "" if percent.startswith("-") else "+"
        quote = self._quote
        return (
            f"{key}^{self.issue.symbol}^4^{self._day}^{self._clocks(now_ns)}"
            f"^{_dollars(self._open_e4)}^{_dollars(self._high_e4)}^{_dollars(self._low_e4)}"
            f"^{_dollars(self._last_e4)}^{sign(change)}^{_dollars(abs(change))}^{plus}{percent}"
            f"^{_dollars(quote.bid_e4)}^{_dollars(quote.ask_e4)}^{quote.bid_qty}^{quote.ask_qty}"
            f"^{qty}^{self._qty}^{self._value_e4 // _SCALE}^{self._sell_qty}^{self._buy_qty}"
            f"^{ratio(self._buy_qty * 100, self._sell_qty)}^1"
        )

    def quote_row(self, key: str, now_ns: int) -> str:
        """Return an HDFSASP0 record; its changes are counted from the one before."""
        quote = self._quote
        was_bid, was_ask = self._book_totals.get(key, (0, 0))
        self._book_totals[key] = (quote.bid_qty, quote.ask_qty)
        bid_change, ask_change = quote.bid_qty - was_bid, quote.ask_qty - was_ask
        return (
            f"{key}^{self.issue.symbol}^4^{self._clocks(now_ns)}^{quote.bid_qty}^{quote.ask_qty}"
            f"^{bid_change}^{ask_change}^{_dollars(quote.bid_e4)}^{_dollars(quote.ask_e4)}"
            f"^{quote.bid_qty}^{quote.ask_qty}^{bid_change}^{ask_change}"
        )

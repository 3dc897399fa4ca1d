"""List up to 2,700 issues: the thirty of issues.json, then invented ones, all from one seed.

A longer list starts with the shorter one. The mix of markets and kinds, prices over all tick bands,
and volumes over six orders of magnitude are like the exchange's own list of 2026; names come from
word lists and mean no real company.
"""

from __future__ import annotations

from collections.abc import Mapping
from random import Random
from typing import Any

from aegis_fast.errors import ConfigError
from aegis_fast.sim.crowd.elw import theory_micro
from aegis_fast.sim.crowd.regimes import REGIMES, THIN_QTY
from aegis_fast.sim.market.rules import Elw, Issue, issues, read_data, round_down

__all__ = ["MOST_ISSUES", "chosen_issues", "issues_of"]

MOST_ISSUES = 2_700
# Of a thousand invented issues: 290 of KOSPI, 405 of KOSDAQ, 195 ETF, 55 ETN, 55 ELW.
_UP_TO = (("KOSPI", 290), ("KOSDAQ", 695), ("etf", 890), ("etn", 945), ("elw", 1_000))
_TRADE_KRW = 1_500_000  # A usual trade, from which the number of trades follows.
_MOST_HOURLY_TRADES = 7_200
_SESSION_HOURS_X2 = 13
_TRACKED = {"200": "2001", "코스닥150": "1001"}
_LETTERS = "ABCDEFGHJKLMNPRSTUVW"
# A stock's capitalisation in hundreds of millions of won (eok), spread evenly over powers of two.
_CAP_EOK = {"KOSPI": (500, 9), "KOSDAQ": (300, 6)}
_KOSPI200_EOK = 58_000
_NXT_TURNOVER_KRW = 2_000_000_000


def issues_of(count: int, seed: int) -> tuple[Issue, ...]:
    """Return the first count issues (1 to MOST_ISSUES). Raises ValueError."""
    if not 1 <= count <= MOST_ISSUES:
        raise ValueError(f"{count} issues: not in 1..{MOST_ISSUES}")
    known = issues()
    listed = list(known[:count])
    inventor = _Inventor(Random(f"{seed}:listing"), known)
    while len(listed) < count:
        listed.append(inventor.invent())
    return tuple(listed)


def chosen_issues(count: int | None, regimes: Mapping[str, str], seed: int) -> tuple[Issue, ...]:
    """Return the issues a user asks for: count None is the known ones. Raises ConfigError.

    Checks the regimes he wants, too: symbol, or "*" for the market, to a name.
    """
    known = issues()
    if count is not None and not 1 <= count <= MOST_ISSUES:
        raise ConfigError(f"{count}", field="issues", expected=f"1..{MOST_ISSUES}")
    listed = known if count is None else issues_of(count, seed)
    symbols = {issue.symbol for issue in listed} | {"*"}
    for symbol, name in regimes.items():
        if name not in REGIMES:
            raise ConfigError(f"{name!r}", field="regime", expected=" | ".join(REGIMES))
        if symbol not in symbols:
            raise ConfigError(
                f"the market lists no {symbol}", field="regime", expected="a listed symbol, or *"
            )
    return listed


class _Inventor:
    """Makes up issues, each with a symbol of its own."""

    def __init__(self, rng: Random, known: tuple[Issue, ...]) -> None:
        self._rng = rng
        self._words: dict[str, Any] = read_data("words.json")
        self._symbols = {issue.symbol for issue in known}
        self._names = {issue.name for issue in known}
        self._underlyings = [
            issue for issue in known if issue.kind == "stock" and issue.is_kospi200
        ]

    def invent(self) -> Issue:
        draw = self._rng.randrange(1_000)
        what = next(what for what, below in _UP_TO if draw < below)
        if what in _CAP_EOK:
            return self._stock(what)
        return {"etf": self._etf, "etn": self._etn, "elw": self._elw}[what]()

    def _even_power(self, smallest: int, doublings: int) -> int:
        """Return a number between smallest and smallest << doublings, as often in each power."""
        base = smallest << self._rng.randrange(doublings)
        return base + self._rng.randrange(base)

    def _new_symbol(self, pattern: str) -> str:
        """Return an unused symbol: 9 stands for a digit, A for a letter."""
        rng = self._rng
        while True:
            symbol = "".join(
                rng.choice("0123456789") if sign == "9" else rng.choice(_LETTERS) if sign == "A"
                else sign
                for sign in pattern
            )  # fmt: skip
            if symbol not in self._symbols:
                self._symbols.add(symbol)
                return symbol

    def _new_name(self, name: str) -> str:
        """Return the name, with a number if it is taken."""
        number, found = 1, name
        while found in self._names:
            number += 1
            found = f"{name} {number}"
        self._names.add(found)
        return found

    def _busy(self, price_krw: int, daily_qty: int) -> int:
        """Return the trades an hour that make up a day's volume."""
        each = max(_TRADE_KRW // price_krw, 1)
        return min(max(daily_qty * 2 // (each * _SESSION_HOURS_X2), 1), _MOST_HOURLY_TRADES)

    def _stock(self, market: str) -> Issue:
        rng = self._rng
        group, group_en = rng.choice(self._words["groups"])
        trade, trade_en, sector = rng.choice(self._words["trades"])
        price = round_down(self._even_power(500, 10), "stock")
        is_preferred = market == "KOSPI" and rng.randrange(12) == 0
        cap_krw = self._even_power(*_CAP_EOK[market]) * 100_000_000
        # From one share in fifty thousand to one in fifty that changes hands.
        shares = cap_krw // price // (40 if is_preferred else 1)
        daily_qty = max(shares // self._even_power(50, 6 if not is_preferred else 10), 10)
        turnover = daily_qty * price
        name = self._new_name(group + trade + ("우" if is_preferred else ""))
        return Issue(
            symbol=self._new_symbol("99999" + ("5" if is_preferred else "0")),
            name=name,
            name_en=f"{group_en} {trade_en}" + ("(1P)" if is_preferred else ""),
            market=market,
            kind="stock",
            base_krw=price,
            listed_shares=shares,
            daily_qty=daily_qty,
            sector=sector,
            trades_per_hour=self._busy(price, daily_qty),
            is_nxt=turnover >= _NXT_TURNOVER_KRW and daily_qty >= THIN_QTY and not is_preferred,
            is_kospi200=market == "KOSPI" and cap_krw >= _KOSPI200_EOK * 100_000_000
            and not is_preferred,
            beta_ppm=rng.randrange(500_000, 1_500_000, 50_000),
        )  # fmt: skip

    def _etf(self) -> Issue:
        rng = self._rng
        manager = rng.choice(self._words["managers"])
        fund, fund_en = rng.choice(self._words["funds"])
        price = round_down(self._even_power(5_000, 5), "etf")
        shares = self._even_power(400_000, 8)
        daily_qty = max(shares // self._even_power(10, 9), 20)
        # Since 2024 new codes may carry a letter in the fifth place.
        pattern = "0999A0" if rng.randrange(3) == 0 else "999990"
        return Issue(
            symbol=self._new_symbol(pattern),
            name=self._new_name(f"{manager} {fund}"),
            name_en=f"{manager} {fund_en}",
            market="KOSPI",
            kind="etf",
            base_krw=price,
            listed_shares=shares,
            daily_qty=daily_qty,
            sector="ETF",
            trades_per_hour=self._busy(price, daily_qty),
            beta_ppm=rng.choice((0, 100_000, 800_000, 1_000_000, 1_200_000)),
            tracks=_TRACKED.get(fund, ""),
        )

    def _etn(self) -> Issue:
        rng = self._rng
        issuer, issuer_en = rng.choice(self._words["note_issuers"])
        note, note_en = rng.choice(self._words["notes"])
        is_inverse = rng.randrange(3) == 0
        price = round_down(self._even_power(1_000, 6), "etn")
        daily_qty = self._even_power(20, 12)
        return Issue(
            symbol=self._new_symbol("Q5" + "99999"),
            name=self._new_name(f"{issuer} {'인버스 ' if is_inverse else ''}{note} ETN"),
            name_en=f"{issuer_en} {'Inverse ' if is_inverse else ''}{note_en} ETN",
            market="KOSPI",
            kind="etn",
            base_krw=price,
            listed_shares=self._even_power(1_000_000, 4),
            daily_qty=daily_qty,
            sector="ETN",
            trades_per_hour=self._busy(price, daily_qty),
            beta_ppm=rng.choice((0, -300_000 if is_inverse else 300_000)),
        )

    def _elw(self) -> Issue:
        rng = self._rng
        short, issuer = rng.choice(self._words["warrant_issuers"])
        under = rng.choice(self._underlyings)
        is_call = rng.randrange(5) < 3
        letters = rng.choice(_LETTERS) + rng.choice(_LETTERS)
        symbol = self._new_symbol(f"5{rng.randrange(5, 9)}{letters}99")
        strike = round_down(under.base_krw * rng.randrange(80, 121, 2) // 100, under.kind)
        month = rng.randrange(1, 7)
        terms = Elw(
            underlying=under.symbol,
            underlying_name=under.name,
            is_call=is_call,
            strike_krw=strike,
            last_day=f"2027{month:02d}11",
            expiry=f"2027{month:02d}15",
            # So that warrants at the strike cost some hundred won.
            conversion_ppm=max(5_000_000_000 // under.base_krw // 1_000 * 1_000, 1_000),
            lp=issuer,
        )
        price_micro = theory_micro(terms, under.base_krw * 1_000_000, 30 * month)
        price = max(round_down(max(price_micro // 1_000_000, 5), "elw"), 5)
        return Issue(
            symbol=symbol,
            name=f"{short}{symbol[2:]}{under.name}{'콜' if is_call else '풋'}",
            name_en=f"{symbol[2:]} {under.name_en} {'Call' if is_call else 'Put'}",
            market="KOSPI",
            kind="elw",
            base_krw=price,
            listed_shares=self._even_power(5_000_000, 3),
            daily_qty=self._even_power(100, 14) // 10 * 10,
            sector="ELW",
            trades_per_hour=min(self._even_power(2, 9), _MOST_HOURLY_TRADES),
            elw=terms,
        )

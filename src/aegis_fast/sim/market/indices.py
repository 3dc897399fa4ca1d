"""Compute the market indices from what their members are worth, from the trades of the last second.

Levels are hundredths of a point (410050: 4,100.50). The previous closes are made up but fit the
prices of issues.json: KODEX 200 is a hundredth of KOSPI200. With few issues listed an index is that
of those few.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from aegis_fast.sim.market.rules import Issue
from aegis_fast.sim.market.tape import Tape

__all__ = ["INDEX_CODES", "Index", "Indices"]

INDEX_CODES = ("0001", "1001", "2001")
_NAMES = {"0001": "KOSPI", "1001": "KOSDAQ", "2001": "KOSPI200"}
_BASES_X100 = {"0001": 812_000, "1001": 101_000, "2001": 118_450}


@dataclass(slots=True)
class Index:
    """An index as of time_ns. Quantities in shares, values in won, levels in hundredths of a point.

    open_x100, high_x100, low_x100: 0 before the first trade. last_qty and last_value_krw: since the
    update before; step_x100: how far the level moved then. upper, up, flat, down, lower: members
    at the upper limit, above, at and below the previous close, at the lower limit; up and down
    include those at a limit.
    """

    code: str
    name: str
    base_x100: int
    level_x100: int
    open_x100: int = 0
    high_x100: int = 0
    low_x100: int = 0
    cum_qty: int = 0
    cum_value_krw: int = 0
    last_qty: int = 0
    last_value_krw: int = 0
    step_x100: int = 0
    upper: int = 0
    up: int = 0
    flat: int = 0
    down: int = 0
    lower: int = 0
    time_ns: int = 0

    @property
    def change_x100(self) -> int:
        """Return the change from the previous close, signed."""
        return self.level_x100 - self.base_x100


class _Basket:
    """The members of one index and the sums over them."""

    def __init__(self, code: str, close_x100: int) -> None:
        self.index = Index(code, _NAMES[code], close_x100, close_x100)
        self.members: list[str] = []
        self.base_cap = self.cap = 0
        # Trades before the open, at the previous closes, make no opening level.
        self.has_opened = False

    def level_x100(self, cap: int) -> int:
        """Return the level at a capitalisation, rounded down."""
        return self.index.base_x100 * cap // self.base_cap if self.base_cap else 0


@dataclass(slots=True)
class _Seen:
    """What has been counted of one member."""

    price_krw: int
    qty: int = 0
    value_krw: int = 0
    sign: str = "3"


class Indices:
    """The indices of a market whose issues have these KRX tapes.

    touch(symbol) after a trade, update(now_ns) at most once a second: it costs as much as there are
    touched issues. Made anew for every day; closes_x100: the levels of the day before, by code.
    """

    def __init__(
        self,
        listed: Iterable[Issue],
        tapes: Mapping[str, Tape],
        closes_x100: Mapping[str, int] | None = None,
    ) -> None:
        self._tapes = tapes
        self._issues: dict[str, Issue] = {}
        self._seen: dict[str, _Seen] = {}
        self._touched: set[str] = set()
        self._baskets = {
            code: _Basket(code, (closes_x100 or {}).get(code, _BASES_X100[code]))
            for code in INDEX_CODES
        }
        self._of: dict[str, tuple[_Basket, ...]] = {}
        for issue in listed:
            if issue.kind == "stock":
                self._add(issue)
        for symbol in self._seen:
            self._count(symbol)
        for basket in self._baskets.values():
            self._begin(basket)

    def _add(self, issue: Issue) -> None:
        codes = ["0001" if issue.market == "KOSPI" else "1001"]
        if issue.is_kospi200:
            codes.append("2001")
        baskets = tuple(self._baskets[code] for code in codes)
        cap = issue.base_krw * issue.listed_shares
        for basket in baskets:
            basket.members.append(issue.symbol)
            basket.base_cap += cap
            basket.cap += cap
            basket.index.flat += 1
        self._of[issue.symbol] = baskets
        self._issues[issue.symbol] = issue
        self._seen[issue.symbol] = _Seen(issue.base_krw)

    def _begin(self, basket: _Basket) -> None:
        """Take up a day that has begun: where the members opened, and where they are."""
        index = basket.index
        if not index.cum_qty:
            return
        cap = sum(
            (self._tapes[symbol].open_krw or self._seen[symbol].price_krw)
            * self._issues[symbol].listed_shares
            for symbol in basket.members
        )
        _move(index, basket.level_x100(cap))
        _move(index, basket.level_x100(basket.cap))

    def index(self, code: str) -> Index:
        """Return an index as of the last update. Raises KeyError."""
        return self._baskets[code].index

    def levels(self) -> dict[str, int]:
        """Return the level of every index by its code."""
        return {code: basket.index.level_x100 for code, basket in self._baskets.items()}

    def touch(self, symbol: str) -> None:
        """Note that an issue has traded."""
        self._touched.add(symbol)

    def update(self, now_ns: int) -> tuple[str, ...]:
        """Count what traded since the last update; return the codes of the indices that did."""
        if not self._touched:
            return ()
        before = [
            (basket, basket.index.cum_qty, basket.index.cum_value_krw)
            for basket in self._baskets.values()
        ]
        for symbol in self._touched:
            if symbol in self._seen:
                self._count(symbol)
        self._touched.clear()
        changed: list[str] = []
        for basket, qty, value in before:
            index = basket.index
            if index.cum_qty == qty:
                continue
            if basket.has_opened:
                level = index.level_x100
                _move(index, basket.level_x100(basket.cap))
                index.step_x100 = index.level_x100 - level
            index.last_qty = index.cum_qty - qty
            index.last_value_krw = index.cum_value_krw - value
            index.time_ns = now_ns
            changed.append(index.code)
        return tuple(changed)

    def _count(self, symbol: str) -> None:
        """Bring the sums up to what an issue's tape says."""
        tape, seen, issue = self._tapes[symbol], self._seen[symbol], self._issues[symbol]
        price, qty, value = tape.last_krw, tape.cum_qty, tape.cum_value_krw
        sign = tape.sign_of(price)
        gained = (price - seen.price_krw) * issue.listed_shares
        for basket in self._of[symbol]:
            index = basket.index
            basket.cap += gained
            basket.has_opened |= tape.open_krw > 0
            index.cum_qty += qty - seen.qty
            index.cum_value_krw += value - seen.value_krw
            if sign != seen.sign:
                _tally(index, seen.sign, -1)
                _tally(index, sign, 1)
        seen.price_krw, seen.qty, seen.value_krw, seen.sign = price, qty, value, sign

    def expect(self, code: str, expected_of: Callable[[str], int]) -> Index:
        """Return the index at the prices an auction is expected to make.

        expected_of(symbol): a price in won, 0 where nothing would trade (the last price counts).
        Costs as much as the index has members. Raises KeyError.
        """
        basket = self._baskets[code]
        expected = replace(basket.index, upper=0, up=0, flat=0, down=0, lower=0)
        cap = basket.cap
        for symbol in basket.members:
            tape, seen = self._tapes[symbol], self._seen[symbol]
            price = expected_of(symbol) or seen.price_krw
            cap += (price - seen.price_krw) * self._issues[symbol].listed_shares
            _tally(expected, tape.sign_of(price), 1)
        expected.level_x100 = basket.level_x100(cap)
        return expected


def _tally(index: Index, sign: str, count: int) -> None:
    """Count a member with that sign code (1 upper limit, 2 up, 3 flat, 4 lower limit, 5 down)."""
    if sign in "12":
        index.up += count
    elif sign == "3":
        index.flat += count
    else:
        index.down += count
    if sign == "1":
        index.upper += count
    elif sign == "4":
        index.lower += count


def _move(index: Index, level_x100: int) -> None:
    index.level_x100 = level_x100
    if not index.open_x100:
        index.open_x100 = index.high_x100 = index.low_x100 = level_x100
    index.high_x100 = max(index.high_x100, level_x100)
    index.low_x100 = min(index.low_x100, level_x100)

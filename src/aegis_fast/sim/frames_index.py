"""Compute the indices of the simulated market from its issues, and write H0UPCNT0 and H0UPANC0.

Levels are int hundredths of a point: the market value of the members against that of the previous
close. Volume is in thousands of shares and value in millions of won, as captured. The previous
close of KOSPI is that of the captured frame; those of KOSDAQ and KOSPI 200 are made up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from aegis_fast.sim.frames import ratio, sign
from aegis_fast.sim.kst import date_text, hhmmss
from aegis_fast.sim.tape import Tape
from aegis_fast.sim.views import expected_of
from aegis_fast.sim.world import World

__all__ = ["CODES", "INDEX_WIDTH", "Index", "cut_expected"]

INDEX_WIDTH = 30
_CLOSES = {"0001": 259_186, "1001": 86_540, "2001": 35_330}
CODES = tuple(_CLOSES)
_THOUSAND, _MILLION = 1_000, 1_000_000


def _points(hundredths: int) -> str:
    minus = "-" if hundredths < 0 else ""
    return f"{minus}{abs(hundredths) // 100}.{abs(hundredths) % 100:02d}"


def _members(world: World, code: str) -> tuple[str, ...]:
    market = "KOSDAQ" if code == "1001" else "KOSPI"
    stocks = [issue for issue in world.listed if (issue.market, issue.kind) == (market, "stock")]
    if code == "2001":
        stocks = [issue for issue in stocks if issue.is_kospi200]
    return tuple(issue.symbol for issue in stocks)


@dataclass(slots=True)
class _Now:
    level: int
    qty: int
    value_krw: int
    upper: int = 0
    up: int = 0
    flat: int = 0
    down: int = 0
    lower: int = 0


class Index:
    """One index through its day. code: one of CODES. Raises KeyError on another."""

    def __init__(self, world: World, code: str) -> None:
        self.code = code
        self._close = _CLOSES[code]
        self._world = world
        self._list()
        self._date = ""
        self._open = self._high = self._low = 0
        self._sent_qty = self._sent_value = 0
        self._sent_level = self._close
        self._last_prices: dict[str, int] = {}

    def _list(self) -> None:
        self._members = _members(self._world, self.code)
        self._base_value = sum(
            tape.issue.base_krw * tape.issue.listed_shares for tape in self._tapes()
        )

    def _tapes(self) -> Sequence[Tape]:
        return [self._world.tapes[symbol] for symbol in self._members]

    def _level(self, prices: dict[str, int]) -> int:
        if not self._base_value:
            return self._close
        value = sum(prices[tape.issue.symbol] * tape.issue.listed_shares for tape in self._tapes())
        return self._close * value // self._base_value

    def level(self) -> int:
        """Return the level now, in hundredths."""
        return self._level({tape.issue.symbol: tape.last_krw for tape in self._tapes()})

    def _look(self, prices: dict[str, int]) -> _Now:
        tapes = self._tapes()
        now = _Now(
            self._level(prices),
            sum(tape.cum_qty for tape in tapes) // _THOUSAND,
            sum(tape.cum_value_krw for tape in tapes) // _MILLION,
        )
        names = {"1": "upper", "2": "up", "3": "flat", "4": "lower", "5": "down"}
        for tape in tapes:
            name = names[tape.sign_of(prices[tape.issue.symbol])]
            setattr(now, name, getattr(now, name) + 1)
        return now

    def _start_day(self, now_ns: int) -> None:
        if self._date == date_text(now_ns):
            return
        if self._date:
            self._close = self._sent_level
            self._list()
        self._date = date_text(now_ns)
        opens = {t.issue.symbol: t.open_krw or t.issue.base_krw for t in self._tapes()}
        self._open = self._high = self._low = self._level(opens)
        self._sent_qty = self._sent_value = 0

    def row(self, now_ns: int) -> str:
        """Return an H0UPCNT0 record of now. TICK_VRSS: issues whose last move was up minus down."""
        self._start_day(now_ns)
        prices = {tape.issue.symbol: tape.last_krw for tape in self._tapes()}
        now = self._look(prices)
        self._high, self._low = max(self._high, now.level), min(self._low, now.level)
        moves = sum(
            (price > self._last_prices.get(symbol, price))
            - (price < self._last_prices.get(symbol, price))
            for symbol, price in prices.items()
        )
        self._last_prices = prices
        qty, value = now.qty - self._sent_qty, now.value_krw - self._sent_value
        if not self._sent_qty:
            qty = value = 0  # The first record of a day: what came before was not one trade.
        self._sent_qty, self._sent_value, self._sent_level = now.qty, now.value_krw, now.level
        marks = (self._open, self._high, self._low)
        return self._write(now, (qty, value), marks, moves, now_ns)

    def expected_row(self, now_ns: int) -> str:
        """Return an H0UPANC0 record: the index at the expected prices of an auction."""
        prices: dict[str, int] = {}
        qty = value = 0
        for tape in self._tapes():
            expected = expected_of(self._world.exchange.books[tape.issue.symbol])
            prices[tape.issue.symbol] = expected.price_krw or tape.last_krw
            qty += expected.qty
            value += expected.qty * expected.price_krw
        now = self._look(prices)
        now.qty, now.value_krw = qty // _THOUSAND, value // _MILLION
        return self._write(now, (now.qty, now.value_krw), (0, 0, 0), 0, now_ns)

    def _write(
        self,
        now: _Now,
        step: tuple[int, int],
        marks: tuple[int, int, int],
        moves: int,
        now_ns: int,
    ) -> str:
        """Write 30 values. marks: open, high, low; each is compared with the previous close."""
        change = now.level - self._close
        changes = [mark - self._close if mark else 0 for mark in marks]
        against = "^".join(f"{_points(c)}^{sign(c)}" for c in changes)
        rates = "^".join(ratio(c * 100, self._close) for c in changes)
        return (
            f"{self.code}^{hhmmss(now_ns)}^{_points(now.level)}^{sign(change)}^{_points(change)}"
            f"^{now.qty}^{now.value_krw}^{step[0]}^{step[1]}^{ratio(change * 100, self._close)}"
            f"^{'^'.join(_points(mark) for mark in marks)}^{against}^{rates}"
            f"^{now.upper}^{now.up}^{now.flat}^{now.down}^{now.lower}^0^0^{moves}"
        )


def cut_expected(row: str) -> str:
    """Return the 15 values of the printed H0UPANC0 sample: the first ten, then the five counts."""
    values = row.split("^")
    return "^".join([*values[:10], *values[22:27]])

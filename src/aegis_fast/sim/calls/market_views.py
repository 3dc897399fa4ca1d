"""Show one issue as a quotation call asks for it: on KRX (J), on NXT (NX) or on both (UN).

The one place that turns FID_COND_MRKT_DIV_CODE into books and a tape. KRX is the regular book and,
from 16:00, the after-market's; an issue that NXT does not trade has the same view for UN as for J.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import NamedTuple

from aegis_fast.sim.calls.answers import Refusal
from aegis_fast.sim.crowd.history import DayBar
from aegis_fast.sim.feed.session_codes import codes_of, hour_class
from aegis_fast.sim.kst import second_of_day
from aegis_fast.sim.market.calendar import BOARDS, phases
from aegis_fast.sim.market.exchange import Book
from aegis_fast.sim.market.opening import NXT_PERCENT
from aegis_fast.sim.market.rules import Issue, PriceLimits, Side
from aegis_fast.sim.market.tape import MinuteBar, Tape, UnifiedTape
from aegis_fast.sim.market.world import World
from aegis_fast.sim.rules import Rules

__all__ = ["Auction", "View", "Views", "no_such_issue"]

_VENUES = {"J": "KRX", "NX": "NXT", "UN": "UN"}
_SHOWN = 10


class Auction(NamedTuple):
    """What an auction would trade, or did. price_krw: 0 when nothing would."""

    price_krw: int
    qty: int


def no_such_issue() -> Refusal:
    """Return the refusal of a code that is not listed, or not on that venue."""
    return Refusal("APBK0656", "해당종목정보가 없습니다.")


class View:
    """One issue on one venue (KRX, NXT or UN). books: those that trade now, KRX's first."""

    def __init__(self, world: World, symbol: str, venue: str) -> None:
        self._world = world
        self.venue = venue
        self.tape: Tape | UnifiedTape = world.tape(symbol, venue)
        boards = ["NXT"] if venue == "NXT" else [_krx_board(world, symbol)]
        if venue == "UN" and isinstance(self.tape, UnifiedTape):
            boards.append("NXT")
        self.books: tuple[Book, ...] = tuple(world.exchange.book(symbol, board) for board in boards)

    @property
    def issue(self) -> Issue:
        """Return the issue."""
        return self.tape.issue

    @property
    def limits(self) -> PriceLimits:
        """Return the day's price limits, the same on every venue."""
        return self.tape.limits

    @property
    def _main(self) -> Book:
        return self.books[0]

    @property
    def is_halted(self) -> bool:
        """Tell whether trading is stopped."""
        return self.issue.symbol in self._world.sessions.halted

    @property
    def is_in_auction(self) -> bool:
        """Tell whether orders are being collected for one price."""
        return self._main.mode == "auction"

    @property
    def is_interrupted(self) -> bool:
        """Tell whether a volatility interruption is in force."""
        vis = self._world.sessions.vis
        return any((self.issue.symbol, book.board) in vis for book in self.books)

    @property
    def _phase_name(self) -> str:
        phase = self._world.phase(self._main.board)
        return phase.name if phase is not None else ""

    @property
    def hour_code(self) -> str:
        """Return HOUR_CLS_CODE: 0 continuous, A closing, B opening, C any other auction."""
        if not self.is_in_auction:
            return "0"
        if self.is_interrupted:
            return "C"
        return hour_class(self._main.board, self._phase_name)

    @property
    def session_code(self) -> str:
        """Return NEW_MKOP_CLS_CODE: as in the frames while open, 10 before and 31 after."""
        board, phase = self._main.board, self._phase_name
        if phase == "opening_auction":
            return "10"
        if phase:
            return codes_of(board, phase).operation
        ends = [p.end_s for p in phases(self._world.day) if p.name == "closing_auction"]
        is_over = not ends or second_of_day(self._world.now_ns) >= ends[0]
        return "31" if is_over else "10"

    @property
    def expected_code(self) -> str:
        """Return ANTC_MKOP_CLS_CODE: 311 or 121 while an auction collects, 112 once it is over."""
        return {"0": "112", "A": "121"}.get(self.hour_code, "311")

    def levels(self, side: Side, count: int) -> list[tuple[int, int]]:
        """Return up to count levels of a side, best first: price in won, shares of all books."""
        shares: Counter[int] = Counter()
        for book in self.books:
            for level in book.levels(side, count):
                shares[level.price_krw] += level.qty
        return sorted(shares.items(), reverse=side is Side.BUY)[:count]

    def shown(self, side: Side) -> list[tuple[int, int]]:
        """Return the displayed levels of a side, best first: three in an auction, else ten."""
        if not self.is_in_auction:
            return self.levels(side, _SHOWN)
        return [(level.price_krw, level.qty) for level in self._main.shown_levels(side)]

    def best_krw(self, side: Side) -> int:
        """Return the best price of a side; 0 without any."""
        best = self.shown(side)
        return best[0][0] if best else 0

    def expected(self) -> Auction:
        """Return what the auction would trade; between auctions, what the last one did.

        Before the first auction of a day that the simulator did not live through, its opening
        price with no volume.
        """
        if self.is_in_auction:
            expected = self._main.expected()
            return Auction(expected.price_krw, expected.qty)
        tape = self.tape.krx if isinstance(self.tape, UnifiedTape) else self.tape
        if tape.auction_krw:
            return Auction(tape.auction_krw, tape.auction_qty)
        return Auction(tape.open_krw, 0)

    def off_hours_qty(self, side: Side) -> int:
        """Return the shares of a side that wait for the off-hours closing price."""
        if self.venue == "NXT":
            return 0
        return self._world.exchange.book(self.issue.symbol, "FIXED").half(side).total_qty

    def past_prices(self) -> list[DayBar]:
        """Return the trading days before today, newest first: prices of the venue, KRX's volume."""
        return self._world.history.days(self.issue.symbol)

    @property
    def yesterday(self) -> DayBar:
        """Return the trading day before today."""
        return self._scaled(self.past_prices()[0])

    def days(self) -> list[DayBar]:
        """Return the trading days before today, newest first; NXT's are a share of KRX's."""
        days = self.past_prices()
        return days if self._past_percent == 100 else [self._scaled(bar) for bar in days]

    def _scaled(self, bar: DayBar) -> DayBar:
        percent = self._past_percent
        return DayBar(
            bar.day,
            bar.open_krw,
            bar.high_krw,
            bar.low_krw,
            bar.close_krw,
            bar.qty * percent // 100,
            bar.value_krw * percent // 100,
        )

    def first_minutes(self) -> list[MinuteBar]:
        """Return the minutes of today before the simulator started, oldest first, as days()."""
        minutes = self._world.history.minutes(self.issue.symbol)
        percent = self._past_percent
        if percent == 100:
            return minutes
        return [
            replace(
                bar,
                qty=bar.qty * percent // 100,
                cum_value_krw=bar.cum_value_krw * percent // 100,
            )
            for bar in minutes
        ]

    @property
    def _past_percent(self) -> int:
        if self.venue == "NXT":
            return NXT_PERCENT
        return 100 + NXT_PERCENT * isinstance(self.tape, UnifiedTape)

    def trades_at(self, minute: int) -> bool:
        """Tell whether the venue trades continuously in a minute of today."""
        if self._world.hours == "open":
            return True
        boards = {"KRX": ("KRX", "AFTER"), "NXT": ("NXT",)}.get(self.venue, BOARDS)
        return any(
            phase.start_s <= minute * 60 < phase.end_s
            for phase in phases(self._world.day)
            if phase.board in boards and phase.mode == "continuous"
        )


def _krx_board(world: World, symbol: str) -> str:
    is_after = world.phase("AFTER") is not None and world.phase("KRX") is None
    is_traded = world.exchange.books[symbol].issue.kind == "stock"
    return "AFTER" if is_after and is_traded else "KRX"


class Views:
    """The views of one market. Paper trading has KRX only."""

    def __init__(self, rules: Rules, world: World) -> None:
        self._codes = ("J",) if rules.is_paper else tuple(_VENUES)
        self._world = world

    def of(self, code: str, symbol: str) -> View:
        """Return what a market code and an issue code ask for. Raises Refusal."""
        if code not in self._codes:
            raise Refusal("OPSQ2001", "ERROR INVALID FID_COND_MRKT_DIV_CODE")
        venue = _VENUES[code]
        known = self._world.nxt_tapes if venue == "NXT" else self._world.tapes
        if symbol not in known:
            raise no_such_issue()
        return View(self._world, symbol, venue)

    def asked(self, params: dict[str, str]) -> View:
        """Return the view that the usual two parameters ask for. Raises Refusal."""
        return self.of(params["FID_COND_MRKT_DIV_CODE"], params["FID_INPUT_ISCD"])

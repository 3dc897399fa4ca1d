"""Put the market together: issues, books, tapes, crowd and past, all drawn from one seed.

Pure: told the time, calls back on every trade. Its market is always in the regular session, so a
program can be tried at night.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Mapping
from random import Random

from aegis_fast.sim.exchange import Book, Exchange, Order, OrderKind, Result
from aegis_fast.sim.factors import Factors
from aegis_fast.sim.flow import Flow
from aegis_fast.sim.history import History, open_the_day, opened_at
from aegis_fast.sim.kst import SECOND_NS
from aegis_fast.sim.market import Issue, Side, issues
from aegis_fast.sim.regimes import REGIMES, draw, opening_krw
from aegis_fast.sim.tape import Tape, TradeRecord

__all__ = ["World"]

_MAX_EVENTS_PER_STEP = 2_000
_MAX_LAG_NS = 5 * SECOND_NS
_MARKET = "*"  # Where an issue's symbol is asked for: the market as a whole.

OnTrade = Callable[[Book, TradeRecord], None]
OnOwnFill = Callable[[Book, int, Side, int, int, int], None]
OnDepth = Callable[[Book], None]


class World:
    """A seeded market.

    on_trade(book, record): every trade. on_own_fill(book, owner, side, price_krw, qty, now_ns):
    every trade of an order with an owner. on_depth(book): a book may have changed.
    activity: 1.0 is the usual pace, 0 stops the crowd. regimes: symbol to the name of a regime,
    "*" for the market as a whole; what is not named is drawn from the seed. When the program was
    stopped for longer than five seconds, or cannot keep up, the missed time is skipped and counted
    in skipped_ns.
    """

    def __init__(
        self,
        *,
        seed: int,
        start_ns: int,
        on_trade: OnTrade,
        on_own_fill: OnOwnFill,
        on_depth: OnDepth,
        listed: tuple[Issue, ...] | None = None,
        activity: float = 1.0,
        regimes: Mapping[str, str] | None = None,
    ) -> None:
        self.seed = seed
        self._asked_regimes = dict(regimes or {})
        self.factors = Factors(seed, self._asked_regimes.get(_MARKET, "normal"))
        self.is_paused = False
        self.skipped_ns = 0
        self.listed = listed if listed is not None else issues()
        self.exchange = Exchange(self.listed)
        self.tapes: dict[str, Tape] = {}
        self._on_trade = on_trade
        self._on_own_fill = on_own_fill
        self._on_depth = on_depth
        self._flows: dict[str, Flow] = {}
        self._now_ns = self._lag_from_ns = start_ns
        self._events: list[tuple[int, int, str, bool]] = []
        self._event_seq = 0
        self._pace = 1_000
        self._is_live = False
        self.set_activity(activity)
        for issue in self.listed:
            self._list_issue(issue, start_ns)
        self._push(start_ns + SECOND_NS, "", is_drift=True)
        self.history = History(seed, start_ns, self.tapes)
        self._is_live = True

    def _list_issue(self, issue: Issue, start_ns: int) -> None:
        rng = Random(f"{self.seed}:{issue.symbol}")
        book = self.exchange.books[issue.symbol]
        tape = Tape(issue, book.limits, opened_at(start_ns))
        asked = self._asked_regimes.get(issue.symbol, "")
        regime = REGIMES[asked] if asked else draw(issue, self.seed)
        price = opening_krw(issue, regime, book.limits, rng)
        open_the_day(tape, rng, price)
        book.last_krw = price
        underlying = self._flows.get(issue.elw.underlying) if issue.elw else None
        flow = Flow(book, rng, self._submit_crowd, price, regime=regime, underlying=underlying)
        self._flows[issue.symbol] = flow
        self.tapes[issue.symbol] = tape
        flow.seed_book()
        self._schedule(issue.symbol, start_ns)

    def set_activity(self, activity: float) -> None:
        """Set the pace of the crowd, 0 to 100. Raises ValueError."""
        if not 0 <= activity <= 100:
            raise ValueError(f"activity {activity} is not in 0..100")
        self._pace = int(activity * 1_000)

    @property
    def activity(self) -> float:
        """Return the pace of the crowd."""
        return self._pace / 1_000

    def step(self, now_ns: int) -> None:
        """Let everything happen that is due by now_ns, each event at its own time."""
        if now_ns - self._now_ns > _MAX_LAG_NS:
            self._skip(now_ns - self._now_ns)
        done = 0
        while self._events and self._events[0][0] <= now_ns:
            due_ns, _, symbol, is_drift = heapq.heappop(self._events)
            self._now_ns = due_ns
            if not self.is_paused and self._pace:
                if is_drift:
                    self._drift()
                else:
                    self._flows[symbol].act()
                    self._book_followups(self.exchange.books[symbol])
                    self._on_depth(self.exchange.books[symbol])
            if is_drift:
                self._push(due_ns + SECOND_NS, "", is_drift=True)
            else:
                self._schedule(symbol, due_ns)
            done += 1
            if done == _MAX_EVENTS_PER_STEP:
                self._skip(now_ns - due_ns)
                break
        self._now_ns = now_ns

    def submit(self, symbol: str, order: Order, kind: OrderKind, limit: int, now: int) -> Result:
        """Trade an owned order at now (ns); limit comes from Book.limit_of."""
        self._now_ns = max(self._now_ns, now)
        book = self.exchange.books[symbol]
        result = self._run(book, order, kind, limit)
        if result.fills:
            qty = sum(fill.qty for fill in result.fills)
            self._flows[symbol].react(order.side, qty, result.fills[-1].price_krw)
        self._on_depth(book)
        return result

    def reduce(self, symbol: str, order: Order, qty: int) -> None:
        """Take shares of an owned order out of the market."""
        book = self.exchange.books[symbol]
        book.reduce(order, qty)
        self._book_followups(book)
        self._on_depth(book)

    def shock(self, symbol: str, price_krw: int, now_ns: int) -> None:
        """Move an issue to a price at once. Raises KeyError; the price must be a legal one."""
        self._now_ns = max(self._now_ns, now_ns)
        self._flows[symbol].shock(price_krw)
        self._on_depth(self.exchange.books[symbol])

    def trade(self, symbol: str, side: Side, qty: int, price_krw: int, now_ns: int) -> int:
        """Let a stranger trade up to qty at price_krw or better; return how many shares he got."""
        self._now_ns = max(self._now_ns, now_ns)
        traded = self._flows[symbol].trade(side, qty, price_krw)
        self._on_depth(self.exchange.books[symbol])
        return traded

    def set_regime(self, symbol: str, regime: str) -> None:
        """Set the mood of an issue, or with "*" of the market. Raises KeyError."""
        if symbol == _MARKET:
            self.factors.set_regime(regime)
        else:
            self._flows[symbol].set_regime(regime)

    def _submit_crowd(self, book: Book, order: Order, kind: OrderKind, limit_krw: int) -> None:
        self._run(book, order, kind, limit_krw)

    def _run(self, book: Book, order: Order, kind: OrderKind, limit_krw: int) -> Result:
        result = book.submit(order, kind, limit_krw)
        if self._is_live:
            self._book_fills(book, order, result)
            self._book_followups(book)
        return result

    def _book_followups(self, book: Book) -> None:
        for taker, result in book.take_followups():
            self._book_fills(book, taker, result)

    def _book_fills(self, book: Book, order: Order, result: Result) -> None:
        tape = self.tapes[book.issue.symbol]
        for fill in result.fills:
            record = tape.record(fill.price_krw, fill.qty, order.side, self._now_ns)
            self._on_trade(book, record)
            for party in (order, fill.maker):
                if party.owner:
                    self._on_own_fill(
                        book, party.owner, party.side, fill.price_krw, fill.qty, self._now_ns
                    )

    def _drift(self) -> None:
        """Move every fair value by one second."""
        factors = self.factors
        factors.advance()
        market_ppm = factors.market_ppm
        for symbol, flow in self._flows.items():
            sector = self.exchange.books[symbol].issue.sector
            flow.drift(market_ppm, factors.sector_ppm(sector))

    def _schedule(self, symbol: str, after_ns: int) -> None:
        wait_ns = self._flows[symbol].wait_ns(None, max(self._pace, 1))
        self._push(after_ns + wait_ns, symbol, is_drift=False)

    def _push(self, due_ns: int, symbol: str, *, is_drift: bool) -> None:
        self._event_seq += 1
        heapq.heappush(self._events, (due_ns, self._event_seq, symbol, is_drift))

    def _skip(self, gap_ns: int) -> None:
        self.skipped_ns += gap_ns
        self._events = [
            (due_ns + gap_ns, seq, symbol, is_drift)
            for due_ns, seq, symbol, is_drift in self._events
        ]
        heapq.heapify(self._events)

"""Put the market together: issues, books, tapes, crowd and past, all drawn from one seed.

Pure: told the time, calls back on every trade. hours "open": KRX and NXT trade at any time of day,
so a program can be tried at night. hours "day": the real sessions, from the calendar; every trading
day begins with the closes of the one before. The same seed and the same orders give the same market
at any stepping, since every event happens at its own time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from random import Random

from aegis_fast.sim.crowd.factors import Factors
from aegis_fast.sim.crowd.flow import Flow
from aegis_fast.sim.crowd.history import History
from aegis_fast.sim.crowd.regimes import REGIMES, Regime, draw
from aegis_fast.sim.crowd.street import Street
from aegis_fast.sim.crowd.tide import Tide
from aegis_fast.sim.kst import DAY_NS, SECOND_NS, date_of, midnight_ns
from aegis_fast.sim.market.agenda import Agenda
from aegis_fast.sim.market.calendar import Phase
from aegis_fast.sim.market.exchange import Book, Exchange, Order, OrderKind, Result
from aegis_fast.sim.market.hooks import OnDepth, OnOwnFill, OnTrade, WorldHooks
from aegis_fast.sim.market.indices import Indices
from aegis_fast.sim.market.opening import has_midpoint, open_issue
from aegis_fast.sim.market.rules import Issue, Side, issues, listed_on
from aegis_fast.sim.market.sessions import Sessions
from aegis_fast.sim.market.tape import Tape, UnifiedTape

__all__ = ["World"]

# How much of the crowd of the regular session trades on a board, in percent.
_SHARE_PERCENT = {"NXT": 30, "AFTER": 3, "FIXED": 1}


class World:
    """A seeded market.

    on_trade, on_own_fill, on_depth: shorthands for `hooks`, see hooks.WorldHooks. activity: 1.0 is
    the usual pace, 0 stops the crowd. regimes: symbol -> name of a regime, "*" for the market's.
    advance() never leaves time out; skip() does, and counts it in skipped_ns.
    """

    def __init__(
        self,
        *,
        seed: int,
        start_ns: int,
        on_trade: OnTrade | None = None,
        on_own_fill: OnOwnFill | None = None,
        on_depth: OnDepth | None = None,
        hooks: WorldHooks | None = None,
        listed: tuple[Issue, ...] | None = None,
        activity: float = 1.0,
        hours: str = "open",
        regimes: Mapping[str, str] | None = None,
    ) -> None:
        self.seed = seed
        self.hours = hours
        self.hooks = hooks or WorldHooks()
        self.hooks.on_trade = on_trade or self.hooks.on_trade
        self.hooks.on_own_fill = on_own_fill or self.hooks.on_own_fill
        self.hooks.on_depth = on_depth or self.hooks.on_depth
        self.skipped_ns = 0
        self.events_done = 0
        self.day = date_of(start_ns)
        self._wanted_regimes = dict(regimes or {})
        self._index_closes: dict[str, int] = {}
        self._now_ns = start_ns
        self._agenda = Agenda()
        self._is_live = False
        self.crowd = Street(
            self._agenda, lambda: self._now_ns, self._after_crowd, has_hours=hours == "day"
        )
        self.crowd.activity = activity
        self.factors = Factors(seed, self._wanted_regimes.get("*", "normal"))
        self._list(listed if listed is not None else issues(), start_ns)
        self.history = History(seed, start_ns, self.tapes, has_sessions=hours == "day")
        self.sessions = Sessions(self)
        self.sessions.begin(start_ns)
        self._is_live = True
        self.at(start_ns + SECOND_NS, self._second)
        if hours == "day":
            self.at(midnight_ns(date_of(start_ns)) + DAY_NS, self._midnight, is_dated=True)

    def _list(self, chosen: tuple[Issue, ...], now_ns: int) -> None:
        """List the issues at their base prices; give each its tapes and its crowd."""
        self.listed = tuple(listed_on(issue, self.day) for issue in chosen)
        # A book that only a query made is closed until its session begins.
        self.exchange = Exchange(self.listed, new_mode="closed")
        self.tapes: dict[str, Tape] = {}
        self.nxt_tapes: dict[str, Tape] = {}
        self.regimes: dict[str, Regime] = {}
        self.crowd.clear()
        for issue in self.listed:
            self._list_issue(issue, now_ns)
        self.tide = Tide(self.factors, self.listed, self.crowd.flows)
        self.indices = Indices(self.listed, self.tapes, self._index_closes)

    def _list_issue(self, issue: Issue, now_ns: int) -> None:
        symbol = issue.symbol
        wanted = self._wanted_regimes.get(symbol)
        regime = self.regimes[symbol] = (
            REGIMES[wanted] if wanted else draw(issue, self.seed, self.day.isoformat())
        )
        rng = Random(f"{self.seed}:{symbol}:{self.day.isoformat()}")
        book = self.exchange.books[symbol]
        opened = open_issue(issue, regime, book.limits, rng, now_ns, hours=self.hours)
        self.tapes[symbol] = opened.tape
        if opened.nxt_tape is not None:
            self.nxt_tapes[symbol] = opened.nxt_tape
        book.last_krw = opened.tape.last_krw
        underlying = self.crowd.flows.get((issue.elw.underlying, "KRX")) if issue.elw else None
        self.crowd.flows[symbol, "KRX"] = Flow(
            book,
            rng,
            self._submit_crowd,
            opened.fair_krw,
            regime=regime,
            underlying=underlying,
            hides=has_midpoint(self.day),
        )

    def tape(self, symbol: str, venue: str = "KRX") -> Tape | UnifiedTape:
        """Return an issue's figures of the day on KRX, NXT or both (UN). Raises KeyError."""
        if venue == "NXT":
            return self.nxt_tapes[symbol]
        tape, nxt = self.tapes[symbol], self.nxt_tapes.get(symbol)
        return UnifiedTape(tape, nxt) if venue == "UN" and nxt is not None else tape

    def phase(self, board: str) -> Phase | None:
        """Return the session a board is in; None when it takes no orders."""
        return self.sessions.phase(board)

    def vi_price_krw(self, symbol: str) -> int:
        """Return the price that a static interruption is measured against (VI_STND_PRC)."""
        guard = self.exchange.books[symbol].guard
        return guard.static_krw if guard is not None else self.tapes[symbol].open_krw

    def flow(self, symbol: str, board: str) -> Flow:
        """Return the crowd of a book, made when first needed. Raises KeyError."""
        flow = self.crowd.flows.get((symbol, board))
        if flow is None:
            leader = self.crowd.flows[symbol, "KRX"]
            flow = self.crowd.flows[symbol, board] = Flow(
                self.exchange.book(symbol, board),
                Random(f"{self.seed}:{symbol}:{board}:{self.day.isoformat()}"),
                self._submit_crowd,
                leader.fair_krw,
                leader=leader,
                share_percent=_SHARE_PERCENT[board],
                hides=has_midpoint(self.day),
            )
        return flow

    # -- time ----------------------------------------------------------------------------------

    @property
    def now_ns(self) -> int:
        """Return the market time reached."""
        return self._now_ns

    @property
    def next_due_ns(self) -> int:
        """Return when the next event happens."""
        return self._agenda.next_due_ns

    def at(self, due_ns: int, happen: Callable[[], None], *, is_dated: bool = False) -> None:
        """Let something happen at a time; see Agenda."""
        self._agenda.put(due_ns, happen, is_dated=is_dated)

    def advance(self, now_ns: int, max_events: int | None = None) -> int:
        """Let everything happen that is due by now_ns, at most max_events; return the time reached.

        Nothing is skipped: a return before now_ns means that there is more to do.
        """
        done = 0
        agenda = self._agenda
        while agenda.next_due_ns <= now_ns:
            if done == max_events:
                return self._now_ns
            due_ns, happen = agenda.pop()
            if due_ns > self._now_ns:
                self._now_ns = due_ns
            happen()
            self.events_done += 1
            done += 1
        self._now_ns = max(self._now_ns, now_ns)
        return self._now_ns

    def skip(self, gap_ns: int) -> None:
        """Pass over a time in which the crowd does nothing; sessions keep to the clock."""
        self.skipped_ns += gap_ns
        until_ns = self._now_ns + gap_ns
        self._agenda.put_off(gap_ns)
        self.advance(until_ns)

    def _second(self) -> None:
        self.at(self._now_ns + SECOND_NS, self._second)
        if not self.crowd.is_asleep and self.sessions.is_open:
            self.drift()
        self.indices.update(self._now_ns)
        self.hooks.on_second(self._now_ns)

    def drift(self) -> None:
        """Move every fair value by one second."""
        self.tide.drift()

    def _midnight(self) -> None:
        self.at(self._now_ns + DAY_NS, self._midnight, is_dated=True)
        self.sessions.begin_day(date_of(self._now_ns), self._now_ns)

    def list_day(self, closes: Mapping[str, int]) -> None:
        """Begin the trading day of now with the closes of the one before as base prices."""
        self.history.end_day(self.day, self.tapes, closes)
        self.day = date_of(self._now_ns)
        self._index_closes = self.indices.levels()
        renewed = tuple(listed_on(issue, self.day, closes[issue.symbol]) for issue in self.listed)
        self._list(renewed, self._now_ns)

    # -- the crowd -----------------------------------------------------------------------------

    def set_regime(self, symbol: str, name: str) -> None:
        """Let an issue ("*": the market) behave differently from now on. Raises KeyError."""
        if symbol == "*":
            self.factors.set_regime(name)
            return
        self.crowd.flows[symbol, "KRX"].set_regime(name)
        self.regimes[symbol] = REGIMES[name]

    def wake(self, symbol: str, board: str) -> None:
        """Let the crowd of a book act from now on."""
        self.flow(symbol, board)
        self.crowd.wake((symbol, board))

    def _after_crowd(self, book: Book) -> None:
        self._book_followups(book)
        self.hooks.on_depth(book)

    # -- orders --------------------------------------------------------------------------------

    def submit(
        self,
        symbol: str,
        order: Order,
        kind: OrderKind,
        limit_krw: int,
        now_ns: int,
        board: str = "KRX",
    ) -> Result:
        """Trade an owned order at now_ns; limit_krw comes from Book.limit_of."""
        self._now_ns = max(self._now_ns, now_ns)
        book = self.exchange.book(symbol, board)
        result = self._run(book, order, kind, limit_krw)
        if result.fills:
            qty = sum(fill.qty for fill in result.fills)
            self.flow(symbol, board).react(order.side, qty, result.fills[-1].price_krw)
        self.hooks.on_depth(book)
        return result

    def reduce(self, symbol: str, order: Order, qty: int, board: str = "KRX") -> None:
        """Take shares of an owned order out of the market."""
        book = self.exchange.book(symbol, board)
        book.reduce(order, qty)
        self._book_followups(book)
        self.hooks.on_depth(book)

    def shock(self, symbol: str, price_krw: int, now_ns: int) -> None:
        """Move an issue to a price at once. Raises KeyError; the price must be a legal one."""
        self._now_ns = max(self._now_ns, now_ns)
        self.crowd.flows[symbol, "KRX"].shock(price_krw)
        self.hooks.on_depth(self.exchange.books[symbol])

    def trade(self, symbol: str, side: Side, qty: int, price_krw: int, now_ns: int) -> int:
        """Let a stranger trade up to qty at price_krw or better; return how many shares he got."""
        self._now_ns = max(self._now_ns, now_ns)
        traded = self.crowd.flows[symbol, "KRX"].trade(side, qty, price_krw)
        self.hooks.on_depth(self.exchange.books[symbol])
        return traded

    def _submit_crowd(self, book: Book, order: Order, kind: OrderKind, limit_krw: int) -> None:
        if book.mode == "auction" and not kind.rests_in_auction and book.board != "FIXED":
            return  # It was on its way when an interruption began: refused, as ours would be.
        self._run(book, order, kind, limit_krw)

    def _run(self, book: Book, order: Order, kind: OrderKind, limit_krw: int) -> Result:
        result = book.submit(order, kind, limit_krw)
        if result.fills:
            self._book_fills(book, order, result)
        if result.interrupted is not None:
            self.sessions.interrupt(book, result.interrupted, self._now_ns)
        self._book_followups(book)
        return result

    def _book_fills(self, book: Book, taker: Order, result: Result) -> None:
        if not self._is_live:
            return
        for fill in result.fills:
            self._record(book, fill.price_krw, fill.qty, taker.side)
            for party in (taker, fill.maker):
                if party.owner:
                    self._own_fill(book, party, fill.price_krw, fill.qty)

    def _book_followups(self, book: Book) -> None:
        """Book what an operation set off besides its own trades: stops, hidden orders."""
        for order, result in book.take_followups():
            self._book_fills(book, order, result)
            if result.interrupted is not None:
                self.sessions.interrupt(book, result.interrupted, self._now_ns)

    def change_mode(self, book: Book, mode: str) -> None:
        """Set how a book matches and book what that sets off."""
        book.mode = mode
        self._book_followups(book)

    def uncross(self, book: Book) -> int:
        """Trade an auction at its one price; return the shares traded."""
        crosses = book.uncross()
        total = sum(cross.qty for cross in crosses)
        if total:
            # One print for the whole auction, as the exchange makes it.
            self._record(book, crosses[0].price_krw, total, None)
        for cross in crosses:
            for party in (cross.buy, cross.sell):
                if party.owner:
                    self._own_fill(book, party, cross.price_krw, cross.qty)
        return total

    def expire(self, book: Book, is_over: Callable[[Order], bool] | None = None) -> None:
        """End what rests in a book; owners hear of it."""
        for order, qty in book.expire(is_over):
            if order.owner:
                self.hooks.on_own_end(book, order.owner, qty, "expired", self._now_ns)
        self._book_followups(book)

    def _record(self, book: Book, price_krw: int, qty: int, taker: Side | None) -> None:
        symbol = book.issue.symbol
        if book.board == "NXT":
            tape = self.nxt_tapes[symbol]
        else:
            tape = self.tapes[symbol]
            # After the close an index stands still.
            if book.board != "AFTER":
                self.indices.touch(symbol)
        # At a fixed price nobody takes: buyers and sellers meet in the order in which they came.
        starter = None if book.board == "FIXED" else taker
        record = tape.record(price_krw, qty, starter, self._now_ns, book.board)
        self.hooks.on_trade(book, record)

    def _own_fill(self, book: Book, party: Order, price_krw: int, qty: int) -> None:
        self.hooks.on_own_fill(book, party.owner, party.side, price_krw, qty, self._now_ns)

"""Random orders of every type and venue through a whole day: money, shares and rules hold.

The order desk is asked directly, as REST does, by three accounts that trade with the crowd and with
each other. AEGIS_SIM_DESK_ORDERS sets how many requests there are (default 6,000).
"""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from datetime import date
from random import Random

import pytest

from aegis_fast.kis import tr
from aegis_fast.sim.broker import Broker
from aegis_fast.sim.calls.answers import Refusal
from aegis_fast.sim.desk.account import AccountSpec, buy_cost_krw
from aegis_fast.sim.desk.desk import ChangeForm, OrderForm
from aegis_fast.sim.desk.ledger import OrderEntry
from aegis_fast.sim.kst import SECOND_NS, midnight_ns, second_of_day
from aegis_fast.sim.market.calendar import BOARDS, phases
from aegis_fast.sim.market.exchange import KINDS
from aegis_fast.sim.market.rules import Side, issues, order_unit, round_down

DAY = date(2026, 11, 23)
SYMBOLS = ("005930", "247540", "069500", "57JN53")
REQUESTS = int(os.environ.get("AEGIS_SIM_DESK_ORDERS", "6000"))
START_NS = midnight_ns(DAY) + (7 * 3600 + 55 * 60) * SECOND_NS
SPAN_S = 12 * 3600 + 10 * 60
ACCOUNTS = tuple(
    AccountSpec(
        f"500000000{number}",
        f"key{number}",
        f"secret{number}",
        "demo",
        cash_krw=2_000_000_000,
        holdings=dict.fromkeys(SYMBOLS, (20000, 1000000000)),
    )
    for number in (1, 2, 3)
)
CODES = [*sorted(KINDS), "00", "00", "01", "07", "99"]


class Trader:
    """Sends random requests and keeps what the rules say about each fill."""

    def __init__(self, seed: int) -> None:
        self.rng = Random(seed)
        self.broker = Broker(
            start_ns=START_NS,
            entropy=Random(seed),
            seed=seed,
            calls_per_s=0,
            accounts=ACCOUNTS,
            activity=0.02,
            hours="day",
            listed=tuple(issue for issue in issues() if issue.symbol in SYMBOLS),
        )
        self.desk = self.broker.desk
        self.refusals: Counter[str] = Counter()
        self.accepted: Counter[tuple[str, str]] = Counter()
        self.notices: Counter[int] = Counter()

    def live(self) -> list[OrderEntry]:
        return [e for e in list(self.broker.ledger.orders.values())[-60:] if e.leaves_qty]

    def price(self, symbol: str, side: Side) -> int:
        book = self.broker.exchange.books[symbol]
        span = self.rng.choice((0, 0, 1, 1, 3, 40))
        toward = 1 if side is Side.BUY else -1
        price = book.last_krw + toward * self.rng.randint(-span, span) * book.last_krw // 200
        if self.rng.random() < 0.03:
            return max(price, 1) + 1  # Usually off the grid.
        return max(round_down(max(price, 10), book.issue.grid), 1)

    def act(self, now_ns: int) -> None:
        account = self.broker.accounts[self.rng.choice(list(self.broker.accounts))]
        live = [entry for entry in self.live() if entry.account == account.number]
        draw = self.rng.random()
        try:
            if draw < 0.72 or not live:
                self.place(account, now_ns)
            else:
                self.change(account, self.rng.choice(live), draw < 0.86, now_ns)
        except Refusal as refusal:
            self.refusals[refusal.venue_code] += 1

    def place(self, account: object, now_ns: int) -> None:
        symbol, side = self.rng.choice(SYMBOLS), self.rng.choice((Side.BUY, Side.SELL))
        kind, venue = self.kind_and_venue()
        unit = order_unit(self.broker.exchange.books[symbol].issue.kind)
        is_priced = kind in KINDS and KINDS[kind].needs_price
        form = OrderForm(
            symbol=symbol,
            side=side,
            kind=kind,
            qty=self.rng.choice((1, 3, 10, 400, 90_000)) * unit,
            price_krw=self.price(symbol, side) if is_priced else 0,
            venue=venue,
            trigger_krw=self.price(symbol, side) if kind == "22" else 0,
        )
        phase_of = self.broker.world.phase
        before = {board: phase_of(board) for board in BOARDS}
        entry = self.desk.place(account, form, "127.0.0.1", now_ns)  # type: ignore[arg-type]
        # Only what the session of its board takes may have been accepted.
        phase = before[entry.board]
        assert phase is not None
        assert kind in phase.kinds
        assert venue in tr.order_kinds()[kind].venues
        assert entry.board == "NXT" or venue != "NXT"
        self.accepted[entry.board, kind] += 1

    def kind_and_venue(self) -> tuple[str, str]:
        """Return a type that some session takes now, or, often enough, any."""
        now = [p for p in map(self.broker.world.phase, BOARDS) if p is not None]
        if now and self.rng.random() < 0.6:
            phase = self.rng.choice(now)
            return self.rng.choice(sorted(phase.kinds)), "NXT" if phase.board == "NXT" else "KRX"
        return self.rng.choice(CODES), self.rng.choice(("KRX", "KRX", "NXT", "SOR"))

    def change(self, account: object, entry: OrderEntry, is_cancel: bool, now_ns: int) -> None:
        kind = entry.kind if self.rng.random() < 0.7 else self.rng.choice(("00", "00", "22"))
        is_priced = kind in KINDS and KINDS[kind].needs_price
        form = ChangeForm(
            original=entry.odno,
            is_cancel=is_cancel,
            kind=kind,
            qty=max(entry.leaves_qty // self.rng.choice((1, 2)), 1),
            price_krw=0 if is_cancel or not is_priced else self.price(entry.symbol, entry.side),
            is_all=self.rng.random() < 0.5,
            venue=entry.venue,
            trigger_krw=self.price(entry.symbol, entry.side) if self.rng.random() < 0.5 else 0,
        )
        self.desk.change(account, form, "127.0.0.1", now_ns)  # type: ignore[arg-type]

    def check(self) -> None:
        """Hold accounts, ledger and books against each other."""
        ledger = self.broker.ledger
        open_of = defaultdict(list)
        for entry in ledger.orders.values():
            parts = (
                entry.filled_qty
                + entry.leaves_qty
                + entry.canceled_qty
                + entry.amended_qty
                + entry.rejected_qty
            )
            assert entry.request == "cancel" or parts == entry.qty, entry.as_json()
            assert entry.leaves_qty >= 0
            if entry.leaves_qty and entry.request != "cancel":
                open_of[entry.account].append(entry)
                assert entry.resting is not None
                assert entry.resting.leaves_qty == entry.leaves_qty
                assert entry.resting.rests
        for number, account in self.broker.accounts.items():
            fills = [fill for fill in ledger.fills if fill.account == number]
            spent = sum(f.price_krw * f.qty for f in fills if f.side is Side.BUY)
            earned = sum(f.price_krw * f.qty for f in fills if f.side is Side.SELL)
            fees = sum(fill.commission_krw + fill.tax_krw for fill in fills)
            assert account.cash_krw == account.start_cash_krw - spent + earned - fees
            assert account.available_krw >= 0
            need = sum(
                buy_cost_krw(e.block_krw, e.leaves_qty)
                for e in open_of[number]
                if e.side is Side.BUY
            )
            assert account.reserved_krw == need
            for symbol in SYMBOLS:
                bought = sum(
                    f.qty * (1 if f.side is Side.BUY else -1) for f in fills if f.symbol == symbol
                )
                holding = account.holding(symbol)
                assert holding.qty == 20_000 + bought
                reserved = sum(
                    e.leaves_qty
                    for e in open_of[number]
                    if e.side is Side.SELL and e.symbol == symbol
                )
                assert holding.reserved_qty == reserved


@pytest.fixture(scope="module")
def day() -> Trader:
    trader = Trader(seed=11)
    now_ns = START_NS
    mean_ns = SPAN_S * SECOND_NS // REQUESTS
    for number in range(REQUESTS):
        now_ns += trader.rng.randint(1, 2 * mean_ns)
        trader.broker.advance(now_ns, now_ns)
        trader.act(now_ns)
        if number % 100 == 0:
            trader.check()
    end_ns = midnight_ns(DAY) + 21 * 3600 * SECOND_NS
    trader.broker.advance(end_ns, end_ns)
    trader.check()
    return trader


def test_money_and_shares_are_conserved_all_day(day: Trader) -> None:
    # The checks ran on the way; here is that they had something to check.
    assert len(day.broker.ledger.orders) > REQUESTS // 5
    assert len(day.broker.ledger.fills) > REQUESTS // 10


def test_nothing_is_open_after_the_last_session(day: Trader) -> None:
    assert not any(entry.leaves_qty for entry in day.broker.ledger.orders.values())
    for account in day.broker.accounts.values():
        assert account.reserved_krw == 0
        assert all(holding.reserved_qty == 0 for holding in account.holdings.values())


def test_fills_lie_within_the_limits_the_day_and_the_order(day: Trader) -> None:
    sessions = defaultdict(list)
    for phase in phases(DAY):
        sessions[phase.board].append((phase.start_s, phase.end_s + 180))
    for fill in day.broker.ledger.fills:
        entry = day.broker.ledger.find(fill.date, fill.odno)
        assert entry is not None
        limits = day.broker.exchange.books[fill.symbol].limits
        assert limits.lower_krw <= fill.price_krw <= limits.upper_krw
        second = second_of_day(fill.time_ns)
        assert any(start <= second <= end for start, end in sessions[fill.board])
        if KINDS[entry.kind].needs_price and not KINDS[entry.kind].turns_market:
            # An amend may turn an order into another; its own number has its own price then.
            if entry.side is Side.BUY:
                assert fill.price_krw <= entry.price_krw
            else:
                assert fill.price_krw >= entry.price_krw


def test_every_board_and_type_was_tried_and_the_rest_refused(day: Trader) -> None:
    taken = {kind for _, kind in day.accepted}

    assert taken == set(KINDS)
    assert "07" not in taken
    assert {board for board, _ in day.accepted} == set(BOARDS)
    for code in ("APBK0918", "APBK1943", "APBK0506", "APBK0952", "APBK0400"):
        assert day.refusals[code], code
    known = {code for codes in (day.refusals,) for code in codes}
    assert known <= {
        "APBK0918",
        "APBK1943",
        "APBK3013",
        "APBK0506",
        "APBK0952",
        "APBK0400",
        "APBK1359",
    }


def test_a_trade_between_two_accounts_is_in_both_ledgers(day: Trader) -> None:
    by_time = defaultdict(list)
    for fill in day.broker.ledger.fills:
        by_time[fill.time_ns, fill.symbol, fill.price_krw].append(fill)
    pairs = [
        group
        for group in by_time.values()
        if {fill.side for fill in group} == {Side.BUY, Side.SELL}
    ]

    assert pairs

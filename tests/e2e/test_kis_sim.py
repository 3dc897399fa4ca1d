"""The KIS side against the simulator: real sockets, KIS's wire, the simulator's ledger as judge."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from aegis_fast import sim
from aegis_fast.core.model import (
    Accepted,
    AmendOrder,
    CancelOrder,
    Lost,
    OrderType,
    Outcome,
    PlaceOrder,
    Refused,
    Side,
    Venue,
)
from aegis_fast.errors import NotFound
from aegis_fast.hot import Book, Bus, Notice, Subscriber, Trade
from aegis_fast.kis.credentials import AppCredentials
from aegis_fast.kis.gateway import KISGateway
from aegis_fast.kis.profile import PAPER, SIM, SIM_ACCOUNT, Profile
from aegis_fast.kis.stream import KISStream
from aegis_fast.sim.broker import DEFAULT_ACCOUNTS
from aegis_fast.sim.desk.account import AccountSpec
from aegis_fast.sim.faults.rules import FaultBody, check
from tests.e2e.kis_fakes import LOOPS, Gate, run, until
from tests.unit.kis.kis_samples import CREDENTIALS

pytestmark = pytest.mark.e2e
SYMBOL = "005930"


class Events:
    """What the feed told."""

    def __init__(self) -> None:
        self.trades: list[Trade] = []
        self.depths: set[str] = set()
        self.notices: list[Notice] = []
        self.ups = 0
        self.downs: list[str] = []
        self.troubles: list[tuple[str, str]] = []
        self.bus = Bus()
        self.bus.add(Subscriber("test", on_trade=self.on_trade, on_depth=self.on_depth))

    def on_trade(self, trade: Trade) -> None:
        self.trades.append(trade)

    def on_depth(self, book: Book) -> None:
        self.depths.add(book.symbol)

    def on_notice(self, notice: Notice) -> None:
        self.notices.append(notice)

    def on_feed_up(self) -> None:
        self.ups += 1

    def on_feed_down(self, reason: str) -> None:
        self.downs.append(reason)

    def on_feed_trouble(self, kind: str, detail: str) -> None:
        self.troubles.append((kind, detail))


class Bench:
    """A simulator with its crowd at rest, a gateway and a feed."""

    def __init__(self, server: Any, gateway: KISGateway, stream: KISStream, events: Events) -> None:
        self.server = server
        self.gateway = gateway
        self.stream = stream
        self.events = events

    def fault(self, kind: str, **values: Any) -> None:
        self.server.broker.fault_hooks.set(check(FaultBody(kind=kind, **values)))

    @property
    def orders(self) -> list[dict[str, Any]]:
        """The truth: every request the simulated broker accepted."""
        found: list[dict[str, Any]] = self.server.ledger()["orders"]
        return found

    def book(self, symbol: str = SYMBOL) -> Any:
        return self.server.exchange.books[symbol]

    async def up(self, count: int = 1) -> None:
        await until(lambda: self.events.ups >= count)


def on_sim(
    tmp_path: Path,
    test: Callable[[Bench], Any],
    *,
    profile: Profile = SIM,
    loop_factory: Any = None,
    with_feed: bool = False,
    settings: dict[str, Any] | None = None,
    credentials: AppCredentials = CREDENTIALS,
    stream_options: dict[str, Any] | None = None,
    **options: Any,
) -> None:
    async def main() -> None:
        values: dict[str, Any] = {"activity": 0.0, "calls_per_s": 0}
        if profile is PAPER:
            values["profile"] = "paper"
        server = await sim.start(**(values | (settings or {})))
        moved = profile.at(server.rest_url, server.ws_url)
        gateway = KISGateway(
            profile=moved,
            credentials=credentials,
            gate=options.pop("gate", None) or Gate(),
            token_path=tmp_path / "tokens.json",
            clock_ns=time.time_ns,
            **{"retry_initial_s": 0.05, **options},
        )
        events = Events()
        feed: dict[str, Any] = {"reconnect_interval_s": 0.05, "subscribe_pacing_s": 0.0}
        stream = KISStream(
            profile=moved,
            credentials=credentials,
            issuer=gateway.issuer,
            events=events,
            bus=events.bus,
            clock_ns=None,
            **(feed | (stream_options or {})),
        )
        bench = Bench(server, gateway, stream, events)
        try:
            await gateway.start()
            if with_feed:
                await stream.start()
                await bench.up()
            await test(bench)
        finally:
            await stream.close()
            await gateway.close()
            await server.close()

    run(main(), *([loop_factory] if loop_factory else []))


def order(**changes: Any) -> PlaceOrder:
    values: dict[str, Any] = {
        "order_id": "o",
        "account": SIM_ACCOUNT,
        "symbol": SYMBOL,
        "side": Side.BUY,
        "order_type": OrderType.MARKET,
        "qty": 1,
        "price_krw": 0,
        "venue": Venue.KRX,
        "trace_id": "t",
    }
    return PlaceOrder(**(values | changes))


def limit(price_krw: int, **changes: Any) -> PlaceOrder:
    return order(order_type=OrderType.LIMIT, price_krw=price_krw, **changes)


def change(kind: type, accepted: Outcome, **changes: Any) -> Any:
    assert isinstance(accepted, Accepted)
    values: dict[str, Any] = {
        "order_id": "o",
        "account": SIM_ACCOUNT,
        "symbol": SYMBOL,
        "side": Side.BUY,
        "order_type": OrderType.LIMIT,
        "broker_order_id": accepted.broker_order_id,
        "org_no": accepted.org_no,
        "venue": Venue.KRX,
        "trace_id": "t",
    }
    return kind(**(values | changes))


@pytest.mark.parametrize("loop_factory", LOOPS)
def test_s70_market_and_limit_orders_reach_the_broker(tmp_path: Path, loop_factory: Any) -> None:
    async def test(bench: Bench) -> None:
        low = bench.book().limits.lower_krw

        bought = await bench.gateway.place(order(qty=3))
        rests = await bench.gateway.place(limit(low, qty=2))

        assert isinstance(bought, Accepted)
        assert isinstance(rests, Accepted)
        scan = await bench.gateway.day_orders(SIM_ACCOUNT)
        rows = {row.broker_order_id: row for row in scan.rows}
        assert scan.is_complete
        done, working = rows[bought.broker_order_id], rows[rests.broker_order_id]
        assert (done.cum_qty, done.leaves_qty, done.order_type) == (3, 0, OrderType.MARKET)
        assert done.cum_value_krw > 0
        assert (working.cum_qty, working.leaves_qty, working.price_krw) == (0, 2, low)
        assert working.order_type is OrderType.LIMIT
        assert working.org_no == rests.org_no

    on_sim(tmp_path, test, loop_factory=loop_factory)


def test_s86_conditional_order_is_taken(tmp_path: Path) -> None:
    async def test(bench: Bench) -> None:
        price_krw = bench.book().limits.lower_krw
        command = order(order_type=OrderType.CONDITIONAL, price_krw=price_krw)

        assert isinstance(await bench.gateway.place(command), Accepted)
        (row,) = (await bench.gateway.day_orders(SIM_ACCOUNT)).rows
        assert row.order_type is OrderType.CONDITIONAL

    on_sim(tmp_path, test)


def test_p17_amend_and_cancel_chain_through_new_numbers(tmp_path: Path) -> None:
    async def test(bench: Bench) -> None:
        limits = bench.book().limits
        first = await bench.gateway.place(limit(limits.lower_krw, qty=10))
        part = await bench.gateway.cancel(change(CancelOrder, first, qty=4))
        moved = await bench.gateway.amend(
            change(AmendOrder, first, leaves_qty=6, price_krw=limits.lower_krw + 1000)
        )
        assert isinstance(part, Accepted)
        assert isinstance(moved, Accepted)
        gone = await bench.gateway.cancel(change(CancelOrder, moved, qty=0))
        assert isinstance(gone, Accepted)

        again = await bench.gateway.cancel(change(CancelOrder, moved, qty=0))

        assert isinstance(again, Refused)
        assert again.code == 2
        assert await bench.gateway.open_orders(SIM_ACCOUNT) == {}
        rows = (await bench.gateway.day_orders(SIM_ACCOUNT)).rows
        assert [row.original_broker_order_id for row in rows] == [
            0, first.broker_order_id, first.broker_order_id, moved.broker_order_id,
        ]  # fmt: skip
        assert sum(row.leaves_qty for row in rows if not row.is_cancel) == 0

    on_sim(tmp_path, test)


def test_s75_broker_refusals_are_proven(tmp_path: Path) -> None:
    async def test(bench: Bench) -> None:
        upper = bench.book().limits.upper_krw
        for command in (
            limit(upper, qty=100_000),  # more than the cash buys
            order(symbol="999999"),
            order(side=Side.SELL, qty=5),  # nothing held
            limit(upper - 1),  # off the tick grid
            limit(upper * 2),  # beyond the price limit
        ):
            outcome = await bench.gateway.place(command)
            assert isinstance(outcome, Refused), command
            assert outcome.code == 2
            assert outcome.venue_code
            assert outcome.message
        assert bench.orders == []

    on_sim(tmp_path, test)


@pytest.mark.parametrize("kind", ["reply_lost", "http_500_after"])
def test_p22_lost_reply_is_unknown_and_the_order_is_found_in_the_list(
    tmp_path: Path, kind: str
) -> None:
    async def test(bench: Bench) -> None:
        bench.fault(kind, call="order-cash")

        outcome = await bench.gateway.place(order(qty=2))

        assert isinstance(outcome, Lost)
        assert len(bench.orders) == 1
        (row,) = (await bench.gateway.day_orders(SIM_ACCOUNT)).rows
        assert (row.symbol, row.qty, row.side) == (SYMBOL, 2, Side.BUY)

    on_sim(tmp_path, test)


def test_p22_request_lost_before_it_landed_looks_the_same_and_is_not_there(tmp_path: Path) -> None:
    async def test(bench: Bench) -> None:
        bench.fault("request_lost", call="order-cash")

        assert isinstance(await bench.gateway.place(order()), Lost)
        assert bench.orders == []

    on_sim(tmp_path, test)


@pytest.mark.parametrize("loop_factory", LOOPS)
def test_s06_slow_answer_to_an_order_is_unknown_and_to_a_query_repeated(
    tmp_path: Path, loop_factory: Any
) -> None:
    async def test(bench: Bench) -> None:
        await bench.gateway.quote(SYMBOL)
        bench.fault("delay", call="order-cash", delay_ms=2000)
        started = asyncio.get_running_loop().time()
        assert isinstance(await bench.gateway.place(order()), Lost)
        assert 0.2 < asyncio.get_running_loop().time() - started < 1.5
        assert len(bench.orders) == 1

        bench.fault("delay", call="inquire-price", delay_ms=2000)
        assert (await bench.gateway.quote(SYMBOL)).price_krw > 0

    on_sim(tmp_path, test, loop_factory=loop_factory, read_timeout_ms=250)


def test_r3_refusal_by_the_call_limit_is_repeated_and_lands_once(tmp_path: Path) -> None:
    gate = Gate()

    async def test(bench: Bench) -> None:
        bench.fault("rate_refusal", call="order-cash", count=2)

        assert isinstance(await bench.gateway.place(order()), Accepted)
        assert len(bench.orders) == 1
        assert len(gate.passed) == 3

    on_sim(tmp_path, test, gate=gate)


def test_p3_expired_token_is_renewed_without_the_caller_noticing(tmp_path: Path) -> None:
    async def test(bench: Bench) -> None:
        await bench.gateway.quote(SYMBOL)
        bench.server.clock.pass_door_time(25 * 3600 * 10**9)

        assert isinstance(await bench.gateway.place(order()), Accepted)
        tokens = [c for c in bench.server.ledger()["calls"] if c["path"].endswith("tokenP")]
        assert len(tokens) == 2

    on_sim(tmp_path, test)


def test_s74_balance_and_orderable_cash_follow_a_purchase(tmp_path: Path) -> None:
    async def test(bench: Bench) -> None:
        before = await bench.gateway.balance(SIM_ACCOUNT)
        cash = await bench.gateway.orderable_cash(SIM_ACCOUNT, SYMBOL)
        assert isinstance(await bench.gateway.place(order(qty=10)), Accepted)

        after = await bench.gateway.balance(SIM_ACCOUNT)

        (position,) = after.positions
        assert (position.symbol, position.qty, position.name) == (SYMBOL, 10, "삼성전자")
        spent = before.cash_krw - after.cash_krw
        assert position.cost_krw <= spent <= position.cost_krw * 1001 // 1000
        assert before.positions == ()
        assert after.deposit_krw == before.deposit_krw
        assert await bench.gateway.orderable_cash(SIM_ACCOUNT, SYMBOL) == cash - spent
        truth = bench.server.ledger()["accounts"][SIM_ACCOUNT]
        assert truth["cash_krw"] == after.cash_krw

    on_sim(tmp_path, test)


@pytest.mark.parametrize(("profile", "count"), [(SIM, 101), (PAPER, 31)])
def test_p15_long_order_list_is_read_whole(tmp_path: Path, profile: Profile, count: int) -> None:
    async def test(bench: Bench) -> None:
        low = bench.book().limits.lower_krw
        for _ in range(count):
            assert isinstance(await bench.gateway.place(limit(low)), Accepted)

        scan = await bench.gateway.day_orders(SIM_ACCOUNT)

        truth = [entry["odno"] for entry in bench.orders]
        assert [row.broker_order_id for row in scan.rows] == [int(odno) for odno in truth]
        assert scan.is_complete

    on_sim(tmp_path, test, profile=profile)


def test_quote_instrument_and_depth_agree_with_the_book(tmp_path: Path) -> None:
    async def test(bench: Bench) -> None:
        book = bench.book()
        quote = await bench.gateway.quote(SYMBOL)
        instrument = await bench.gateway.instrument(SYMBOL)
        depth = await bench.gateway.depth(SYMBOL)

        assert (quote.lower_krw, quote.upper_krw) == (book.limits.lower_krw, book.limits.upper_krw)
        assert quote.market_cap_krw == quote.price_krw * quote.listed_shares // 10**8 * 10**8
        assert (instrument.market, instrument.kind) == ("KOSPI", "stock")
        assert instrument.base_price_krw == quote.base_price_krw == book.issue.base_krw
        assert depth["ask_price_krw"][0] == book.best_ask_krw
        assert depth["bid_price_krw"][0] == book.best_bid_krw
        with pytest.raises(NotFound):
            await bench.gateway.instrument("999999")
        with pytest.raises(NotFound):
            await bench.gateway.quote("999999")

    on_sim(tmp_path, test)


def test_every_issue_of_the_simulator_is_an_instrument(tmp_path: Path) -> None:
    async def test(bench: Bench) -> None:
        for symbol, book in bench.server.exchange.books.items():
            found = await bench.gateway.instrument(symbol)
            market = "ELW" if book.issue.kind == "elw" else book.issue.market
            assert (found.market, found.kind) == (market, book.issue.kind)
            assert found.name == book.issue.name

    on_sim(tmp_path, test)


def test_world_differs_after_a_restart(tmp_path: Path) -> None:
    worlds: list[str] = []

    async def test(bench: Bench) -> None:
        worlds.append(await bench.gateway.simulator_world())
        assert worlds[-1] == bench.server.ledger()["world"]

    on_sim(tmp_path, test)
    on_sim(tmp_path, test)
    assert len(set(worlds)) == 2


def test_p3_token_of_an_earlier_simulator_is_replaced(tmp_path: Path) -> None:
    async def test(bench: Bench) -> None:
        assert isinstance(await bench.gateway.place(order()), Accepted)

    on_sim(tmp_path, test)
    on_sim(tmp_path, test)  # the token file of the first is still there


@pytest.mark.parametrize("loop_factory", LOOPS)
def test_s72_trades_and_books_arrive_as_the_market_made_them(
    tmp_path: Path, loop_factory: Any
) -> None:
    async def test(bench: Bench) -> None:
        for symbol in (SYMBOL, "000660"):
            bench.stream.watch(symbol)
        await until(lambda: bench.stream.counters()["confirmed"] == 5)
        bench.server.broker.world.crowd.activity = 20.0
        await until(lambda: len(bench.events.trades) > 200)
        bench.server.broker.world.crowd.activity = 0.0
        await asyncio.sleep(0.1)

        counters = bench.stream.counters()
        assert counters["bad_frames"] == counters["schema_drift"] == 0
        assert bench.events.depths == {SYMBOL, "000660"}
        by_symbol: dict[str, list[Trade]] = {}
        for trade in bench.events.trades:
            by_symbol.setdefault(trade.symbol, []).append(trade)
        for symbol, trades in by_symbol.items():
            totals = [t.cum_qty for t in trades]
            assert [t.cum_qty - t.qty for t in trades[1:]] == totals[:-1]  # none lost, none twice
            book = bench.stream.book(symbol)
            assert book is not None
            assert (book.best_ask_krw, book.best_bid_krw) == (
                bench.book(symbol).best_ask_krw,
                bench.book(symbol).best_bid_krw,
            )

    on_sim(tmp_path, test, with_feed=True, loop_factory=loop_factory)


@pytest.mark.parametrize("profile", [SIM, PAPER], ids=["26 values", "23 values"])
def test_s73_own_fill_is_notified_at_both_widths(tmp_path: Path, profile: Profile) -> None:
    async def test(bench: Bench) -> None:
        accepted = await bench.gateway.place(order(qty=3))
        assert isinstance(accepted, Accepted)
        await until(lambda: sum(n.fill_qty for n in bench.events.notices if n.is_fill) == 3)

        assert {n.broker_order_id for n in bench.events.notices} == {accepted.broker_order_id}
        assert {n.account for n in bench.events.notices} == {SIM_ACCOUNT}
        first, *fills = bench.events.notices
        assert (first.is_fill, first.is_rejected, first.order_qty) == (False, False, 3)
        assert all(n.is_fill and n.symbol == SYMBOL and n.side is Side.BUY for n in fills)
        paid = sum(n.fill_qty * n.price_krw for n in fills)
        (row,) = (await bench.gateway.day_orders(SIM_ACCOUNT)).rows
        assert row.cum_value_krw == paid

    on_sim(tmp_path, test, profile=profile, with_feed=True)


def test_s73_exchange_rejection_after_the_brokers_yes_is_notified(tmp_path: Path) -> None:
    async def test(bench: Bench) -> None:
        bench.fault("exchange_reject")
        assert isinstance(await bench.gateway.place(order()), Accepted)
        await until(lambda: any(n.is_rejected for n in bench.events.notices))

    on_sim(tmp_path, test, with_feed=True)


def test_notices_of_another_account_under_the_same_id_are_dropped(tmp_path: Path) -> None:
    mine = DEFAULT_ACCOUNTS[0]
    other = AccountSpec("5000000002", mine.appkey, mine.appsecret, mine.hts_id)

    async def test(bench: Bench) -> None:
        assert isinstance(await bench.gateway.place(order(account=other.account)), Accepted)
        await until(lambda: bench.stream.counters()["foreign_notices"] >= 2)
        assert bench.events.notices == []

    on_sim(tmp_path, test, with_feed=True, settings={"accounts": (mine, other)})


def test_s07_pingpong_keeps_the_session_for_as_long_as_it_is_echoed(tmp_path: Path) -> None:
    async def test(bench: Bench) -> None:
        await until(lambda: bench.stream.counters()["echoes"] >= 8)
        assert bench.events.downs == []
        assert len(bench.server.broker.hub.sessions) == 1

    options = {"silence_timeout_s": 0.5}
    on_sim(tmp_path, test, with_feed=True, settings={"pingpong_s": 0.1}, stream_options=options)


@pytest.mark.parametrize("loop_factory", LOOPS)
def test_s76_dropped_feed_is_back_within_its_interval_with_everything_registered(
    tmp_path: Path, loop_factory: Any
) -> None:
    async def test(bench: Bench) -> None:
        bench.stream.watch(SYMBOL)
        await until(lambda: bench.stream.counters()["confirmed"] == 3)
        loop = asyncio.get_running_loop()
        for drop in (1, 2, 3):
            started = loop.time()
            bench.fault("ws_drop")
            await bench.up(drop + 1)
            await until(lambda: bench.stream.counters()["confirmed"] == 3)
            assert loop.time() - started < 1.0
        # Fills of the new connection come under its own key.
        assert isinstance(await bench.gateway.place(order()), Accepted)
        await until(lambda: any(n.is_fill for n in bench.events.notices))

        assert len(bench.events.downs) == 3
        assert bench.events.troubles == []

    on_sim(tmp_path, test, with_feed=True, loop_factory=loop_factory)


@pytest.mark.parametrize("pingpong", [False, True])
def test_a7_silent_socket_is_replaced_but_one_that_says_pingpong_is_not(
    tmp_path: Path, pingpong: bool
) -> None:
    async def test(bench: Bench) -> None:
        bench.fault("ws_silent", pingpong=pingpong)
        if pingpong:
            await asyncio.sleep(0.8)
            assert bench.events.downs == []
        else:
            await bench.up(2)
            assert bench.events.downs == ["silent for 0.4 s"]

    options = {"silence_timeout_s": 0.4}
    on_sim(tmp_path, test, with_feed=True, settings={"pingpong_s": 0.1}, stream_options=options)


def test_opsp8996_of_a_session_still_held_is_waited_out(tmp_path: Path) -> None:
    async def test(bench: Bench) -> None:
        bench.fault("session_hold", delay_ms=500)
        bench.fault("ws_drop")
        await bench.up(2)

        kinds = [kind for kind, _ in bench.events.troubles]
        assert kinds
        assert set(kinds) == {"in_use"}
        assert len(kinds) <= 4

    options = {"in_use_backoff_s": (0.1, 0.2, 0.4)}
    on_sim(tmp_path, test, with_feed=True, stream_options=options)


def test_p7_forty_one_registrations_are_all_confirmed(tmp_path: Path) -> None:
    async def test(bench: Bench) -> None:
        for symbol in list(bench.server.exchange.books)[:20]:
            bench.stream.watch(symbol)
        expected = bench.stream.counters()["registrations"]
        await until(lambda: bench.stream.counters()["confirmed"] == expected)
        assert bench.events.troubles == []

    on_sim(tmp_path, test, with_feed=True)


def test_s69_paper_speaks_paper_and_knows_one_venue(tmp_path: Path) -> None:
    async def test(bench: Bench) -> None:
        low = bench.book().limits.lower_krw
        accepted = await bench.gateway.place(limit(low))
        nxt = await bench.gateway.place(limit(low, venue=Venue.NXT))
        instrument = await bench.gateway.instrument(SYMBOL)
        canceled = await bench.gateway.cancel(change(CancelOrder, accepted, qty=0))

        assert isinstance(canceled, Accepted)
        assert isinstance(nxt, Refused)
        assert (instrument.name, instrument.market) == (SYMBOL, "KOSPI")
        trading = {c["tr_id"] for c in bench.server.ledger()["calls"] if "trading" in c["path"]}
        assert trading == {"VTTC0012U", "VTTC0013U"}

    on_sim(tmp_path, test, profile=PAPER)


def test_s69_live_ids_are_refused_by_a_paper_server(tmp_path: Path) -> None:
    async def test(bench: Bench) -> None:
        outcome = await bench.gateway.place(order())

        assert not isinstance(outcome, Accepted)
        assert bench.orders == []

    on_sim(tmp_path, test, profile=SIM, settings={"profile": "paper"})


def test_s69_wrong_key_is_refused_by_name(tmp_path: Path) -> None:
    async def test(bench: Bench) -> None:
        outcome = await bench.gateway.place(order())

        assert isinstance(outcome, Refused)
        assert outcome.venue_code == "EGW00103"

    wrong = AppCredentials("unknown-key-0000000001", "secret", SIM_ACCOUNT, "someone")
    on_sim(tmp_path, test, credentials=wrong)

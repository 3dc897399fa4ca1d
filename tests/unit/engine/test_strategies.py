"""User strategies on an engine: they trade inside every callback, and they fail alone."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from aegis_fast import Strategy
from aegis_fast.core.model import CancelOrder, Order, OrderState
from aegis_fast.core.ports import StrategyStatus
from aegis_fast.engine.strategies import Strategies
from aegis_fast.hot import Book, FeedListener, Trade
from tests.unit.core.core_maker import SYMBOL
from tests.unit.engine.engine_maker import OTHER, Rig, run, settle

S = OrderState
TRADE = Trade.make(symbol=SYMBOL, price_krw=70_000, qty=1)


class Recording(Strategy):
    """Remembers what it heard."""

    symbols = (SYMBOL,)

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[str] = []
        self.orders: list[Order] = []

    def on_start(self) -> None:
        self.heard.append("start")

    def on_stop(self) -> None:
        self.heard.append("stop")

    def on_trade(self, trade: Trade) -> None:
        self.heard.append(f"trade {trade.symbol}")

    def on_depth(self, book: Book) -> None:
        self.heard.append(f"depth {book.symbol}")

    def on_order(self, order: Order) -> None:
        self.heard.append(f"order {order.state}")


def started(rig: Rig, *strategies: Strategy, max_errors: int = 10) -> Strategies:
    # What Rig.submit_now does for its own orders: the issue is known.
    rig.submit_now(qty=1)
    running = Strategies(
        strategies,
        bus=rig.bus,
        max_errors=max_errors,
        log=logging.getLogger("aegis.test.strategies"),
    )
    running.start(rig.service)
    return running


def test_strategy_hears_its_symbols_from_start_to_stop() -> None:
    async def body() -> None:
        rig = Rig()
        mine = Recording()
        running = Strategies([mine], bus=rig.bus, max_errors=10, log=logging.getLogger("x"))
        assert [s.state for s in running.status()] == ["waiting"]
        rig.bus.trade(TRADE)

        running.start(rig.service)
        assert [s.state for s in running.status()] == ["running"]
        rig.bus.trade(TRADE)
        rig.bus.trade(Trade.make(symbol=OTHER, price_krw=1, qty=1))
        rig.bus.depth(Book(SYMBOL, "NXT"))
        running.stop()
        rig.bus.trade(TRADE)
        running.stop()

        assert mine.heard == ["start", f"trade {SYMBOL}", f"depth {SYMBOL}", "stop"]
        assert running.symbols() == [SYMBOL]

    run(body)


def test_callback_left_out_is_not_called_at_all() -> None:
    class Quiet(Strategy):
        symbols = (SYMBOL,)

        def on_trade(self, trade: Trade) -> None: ...

    async def body() -> None:
        rig = Rig()
        started(rig, Quiet())
        (subscriber,) = rig.bus.subscribers
        assert (subscriber.on_depth, subscriber.on_order) == (None, None)
        assert subscriber.on_trade is not None

    run(body)


@pytest.mark.parametrize("callback", ["on_start", "on_trade", "on_depth"])
def test_order_from_inside_a_callback_is_returned_at_once_and_told_later(callback: str) -> None:
    class Buys(Recording):
        def _buys(self, _heard: object = None) -> None:
            order = self.buy(SYMBOL, 3, price_krw=70_000)
            self.orders.append(order)
            self.heard.append(f"returned {order.state}")

    async def body() -> None:
        rig = Rig()
        mine = Buys()
        setattr(mine, callback, mine._buys)
        started(rig, mine)
        if callback == "on_trade":
            rig.bus.trade(TRADE)
        elif callback == "on_depth":
            rig.bus.depth(Book(SYMBOL))
        await settle()

        (order,) = mine.orders
        assert rig.state(order.order_id) is S.LIVE
        assert [c.qty for c in rig.broker.placed()] == [1, 3]
        told = [what for what in mine.heard if what.startswith(("returned", "order"))]
        # The change was decided before buy() returned, and is told at once.
        assert sorted(told[:2]) == ["order pending", "returned pending"]
        assert "order live" in told[2:]
        assert rig.bus_errors == []

    run(body)


def test_order_from_inside_on_order_follows_its_cause_and_leaves() -> None:
    class Chases(Recording):
        def on_order(self, order: Order) -> None:
            super().on_order(order)
            if order.state is S.LIVE and len(self.orders) < 2:
                self.orders.append(self.sell(SYMBOL, 2 + len(self.orders), price_krw=71_000))

    async def body() -> None:
        rig = Rig()
        mine = Chases()
        started(rig, mine)
        await settle(50)

        assert [order.state for order in mine.orders] == [S.PENDING] * 2
        assert [rig.state(order.order_id) for order in mine.orders] == [S.LIVE] * 2
        assert [c.qty for c in rig.broker.placed()] == [1, 2, 3]
        assert rig.bus_errors == []

    run(body)


def test_cancel_from_inside_a_callback_leaves() -> None:
    class Cancels(Recording):
        def on_trade(self, trade: Trade) -> None:
            self.cancel(self.orders[0].order_id)

    async def body() -> None:
        rig = Rig()
        mine = Cancels()
        started(rig, mine)
        mine.orders.append(mine.buy(SYMBOL, 5, price_krw=70_000))
        await settle()
        rig.bus.trade(TRADE)
        await settle()

        canceled = [c for _at, c in rig.broker.calls if isinstance(c, CancelOrder)]
        assert [c.order_id for c in canceled] == [mine.orders[0].order_id]
        assert rig.bus_errors == []

    run(body)


def test_s03_strategy_that_fails_is_stopped_and_shown_and_its_orders_stay() -> None:
    class Fails(Recording):
        def on_trade(self, trade: Trade) -> None:
            if not self.orders:
                self.orders.append(self.buy(SYMBOL, 2, price_krw=70_000))
                return
            raise RuntimeError("a bug")

    async def body() -> None:
        rig = Rig()
        mine, other = Fails(), Recording()
        mine.max_errors = 3
        running = started(rig, mine, other)
        for _ in range(6):
            rig.bus.trade(TRADE)
        await settle()
        heard = len(mine.heard)
        rig.submit_now(qty=4)
        await settle()

        assert running.status() == (
            StrategyStatus(
                name="Fails", state="stopped", errors=3, last_error="RuntimeError: a bug"
            ),
            StrategyStatus(name="Recording", state="running", errors=0, last_error=""),
        )
        assert len(mine.heard) == heard, "its on_order has ended, too"
        assert other.heard.count(f"trade {SYMBOL}") == 6
        assert "order pending" in other.heard
        assert rig.state(mine.orders[0].order_id) is S.LIVE, "a person decides about them"
        running.stop()
        assert "stop" not in mine.heard

    run(body)


@pytest.mark.parametrize(("own", "granted", "stops_after"), [(2, 5, 2), (5, 2, 2)])
def test_lower_limit_of_errors_counts(own: int, granted: int, stops_after: int) -> None:
    class Fails(Strategy):
        symbols = (SYMBOL,)
        max_errors = own

        def on_trade(self, trade: Trade) -> None:
            raise RuntimeError

    async def body() -> None:
        rig = Rig()
        running = started(rig, Fails(), max_errors=granted)
        for _ in range(10):
            rig.bus.trade(TRADE)
        assert running.status()[0].errors == stops_after

    run(body)


def test_strategy_that_does_not_start_is_shown_and_the_others_run() -> None:
    class Broken(Recording):
        def on_start(self) -> None:
            raise ZeroDivisionError("no settings")

    async def body() -> None:
        rig = Rig()
        broken, other = Broken(), Recording()
        running = started(rig, broken, other)
        rig.bus.trade(TRADE)

        assert running.status()[0] == StrategyStatus(
            name="Broken",
            state="stopped",
            errors=1,
            last_error="on_start: ZeroDivisionError: no settings",
        )
        assert broken.heard == []
        assert other.heard == ["start", f"trade {SYMBOL}"]

    logging.getLogger("aegis.test.strategies").setLevel(logging.CRITICAL)
    run(body)


def test_failing_on_stop_ends_nobody_elses_shutdown() -> None:
    class Broken(Recording):
        def on_stop(self) -> None:
            raise ZeroDivisionError

    async def body() -> None:
        rig = Rig()
        other = Recording()
        running = started(rig, Broken(), other)
        running.stop()

        assert other.heard[-1] == "stop"
        assert rig.bus.subscribers == ()
        assert running.status()[0].last_error.startswith("on_stop: ZeroDivisionError")

    logging.getLogger("aegis.test.strategies").setLevel(logging.CRITICAL)
    run(body)


def test_order_sent_from_a_frame_goes_the_same_way(trade_frame: bytes) -> None:
    class Buys(Recording):
        def on_trade(self, trade: Trade) -> None:
            self.orders.append(self.buy(trade.symbol, 3, price_krw=70_000))

    async def body() -> None:
        rig = Rig()
        mine = Buys()
        started(rig, mine)
        feed = FeedListener(bus=rig.bus)
        feed.feed_bytes(trade_frame)
        await settle()

        assert rig.state(mine.orders[0].order_id) is S.LIVE
        assert feed.subscriber_errors == 0

    run(body)


@pytest.fixture
def trade_frame(pytestconfig: Any) -> bytes:
    path = pytestconfig.rootpath / "tests/data/frames/H0STCNT0.txt"
    frame: bytes = path.read_bytes().splitlines()[0]
    return frame

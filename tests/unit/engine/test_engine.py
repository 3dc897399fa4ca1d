"""The engine performs what the core decides: journal before send, waiters after durable."""

from __future__ import annotations

import asyncio
import logging

import pytest

from aegis_fast.core.events import (
    AmendRequested,
    CancelRequested,
    FillSeen,
    KillSwitchSet,
    OrderAccepted,
    OrderSubmitted,
)
from aegis_fast.core.model import (
    CancelOrder,
    Order,
    OrderState,
    OrderType,
    Outcome,
    PlaceOrder,
    Priority,
    Side,
)
from aegis_fast.errors import Busy
from aegis_fast.hot import Notice, Subscriber
from aegis_fast.store.journal import Entry
from tests.unit.core.core_maker import ACCOUNT, SYMBOL, T0, accepted, fill, submitted
from tests.unit.engine.engine_maker import (
    SECOND,
    Lost,
    Refused,
    Rig,
    fill_notice,
    request,
    run,
    settle,
)

S = OrderState
DAY_NS = 86_400 * SECOND


# -- journal before send ------------------------------------------------------------------------


def test_s01_nothing_leaves_before_the_journal_has_it() -> None:
    async def body() -> None:
        rig = Rig()
        rig.journal.mode = "hold"
        order_id = rig.submit_now().order_id
        await settle()
        assert rig.broker.calls == []
        assert rig.state(order_id) is S.PENDING

        rig.journal.release()
        await settle()

        assert [type(c) for _at, c in rig.broker.calls] == [PlaceOrder]
        assert rig.state(order_id) is S.LIVE

    run(body)


def test_each_order_waits_for_its_own_entry() -> None:
    async def body() -> None:
        rig = Rig()
        rig.journal.mode = "hold"
        first, _second = rig.submit_now(qty=1), rig.submit_now(qty=2)
        rig.journal.release(1)
        await settle()
        assert [c.order_id for c in rig.broker.placed()] == [first.order_id]
        rig.journal.release()
        await settle()
        assert len(rig.broker.placed()) == 2

    run(body)


@pytest.mark.parametrize("mode", ["fail", "full"])
def test_order_that_cannot_be_written_is_not_sent_and_trading_stops(mode: str) -> None:
    async def body() -> None:
        rig = Rig()
        rig.journal.mode = mode
        order_id = rig.submit_now().order_id
        await settle()

        record = rig.manager.get(order_id)
        assert record is not None
        assert (record.state, record.code) == (S.REJECTED, 800)
        assert record.message.startswith("not sent")
        assert "journal" in rig.engine.stop_reason
        assert rig.manager.portfolio.reserved_krw == 0
        assert rig.broker.calls == []
        assert rig.engine.alerts["trading_stopped"] == 1

        # Even if the disk recovers: what was lost is not known, so nothing leaves.
        rig.journal.mode = "auto"
        rig.engine.apply(submitted(rig.manager.next_order_id(T0), qty=7))
        await settle()
        assert rig.broker.calls == []

    run(body)


def test_cancel_is_not_sent_either_when_it_cannot_be_written() -> None:
    async def body() -> None:
        rig = Rig()
        order_id = await rig.live()
        rig.journal.mode = "fail"
        rig.engine.apply(CancelRequested(order_id=order_id, qty=0))
        await settle()
        assert len(rig.broker.calls) == 1
        record = rig.manager.get(order_id)
        assert record is not None
        assert (record.state, record.request) == (S.LIVE, "")

    run(body)


# -- who hears when -----------------------------------------------------------------------------


def test_i6_waiters_hear_only_what_is_durable_watchers_hear_at_once() -> None:
    async def body() -> None:
        rig = Rig()
        heard: list[OrderState] = []
        rig.bus.add(Subscriber("w", on_order=lambda order: heard.append(order.state)))
        order_id = rig.submit_now().order_id
        rig.journal.mode = "hold"
        waiter = rig.engine.wait_for(order_id)
        await settle()
        assert heard == [S.PENDING, S.LIVE]
        assert not waiter.done()

        rig.journal.release()
        await settle()

        assert waiter.result().state is S.LIVE

    run(body)


def test_waiter_that_left_is_forgotten() -> None:
    async def body() -> None:
        rig = Rig()
        order_id = rig.submit_now().order_id
        future = rig.engine.wait_for(order_id)
        rig.engine.stop_waiting(order_id, future)
        rig.engine.stop_waiting(order_id, future)
        rig.engine.stop_waiting("nobody", future)
        await settle()
        assert not future.done()
        assert rig.engine._waiters == {}

    run(body)


def test_settled_waits_for_the_disk_but_not_for_ever() -> None:
    async def body() -> None:
        rig = Rig()
        await rig.engine.settled()
        rig.journal.mode = "hold"
        rig.submit_now()
        assert not await rig.engine.settled_within(1.0)
        waiting = asyncio.ensure_future(rig.engine.settled())
        await settle()
        assert not waiting.done()
        rig.journal.mode = "auto"
        rig.journal.release()
        await waiting
        await settle()
        assert await rig.engine.settled_within(0.0)

    run(body)


# -- what an outcome means ----------------------------------------------------------------------


def test_internal_error_makes_the_order_unknown_never_rejected(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def body() -> None:
        rig = Rig()
        rig.broker.script.append((0.0, ZeroDivisionError("our bug")))
        order_id = rig.submit_now().order_id
        await settle()
        record = rig.manager.get(order_id)
        assert record is not None
        assert record.state is S.UNKNOWN
        assert record.message == "internal error: ZeroDivisionError: our bug"
        assert rig.asked == [(0.0, 0)]
        assert rig.manager.portfolio.reserved_krw > 0

    run(body)
    assert "internal error while sending" in caplog.text


def test_full_call_queue_rejects_the_order_it_never_left() -> None:
    async def body() -> None:
        rig = Rig()
        rig.broker.script.append((0.0, Busy("1000 calls wait")))
        order_id = rig.submit_now().order_id
        await settle()
        assert rig.state(order_id) is S.REJECTED

    run(body)


def test_o4_refused_market_order_is_rejected_once_with_log_and_alert(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def body() -> None:
        rig = Rig()
        rig.broker.script.append((0.1, Refused(2, "APBK0952", "주문가능금액 초과")))
        order = await rig.service.submit(request(order_type=OrderType.MARKET))
        await asyncio.sleep(60)
        assert (order.state, order.code, order.venue_code) == (S.REJECTED, 2, "APBK0952")
        assert len(rig.broker.calls) == 1
        assert rig.engine.alerts == {"order_refused": 1}

    run(body)
    assert "order_refused" in caplog.text


# -- deadlines ----------------------------------------------------------------------------------


def test_o3_market_order_without_ack_is_unknown_at_two_seconds_and_a_late_ack_counts() -> None:
    async def body() -> None:
        rig = Rig(calls_per_s=30)
        rig.broker.script.append((2.4, None))
        seen: list[tuple[float, OrderState]] = []
        rig.bus.add(Subscriber("w", on_order=lambda o: seen.append((rig.loop.time(), o.state))))

        order = await rig.service.submit(request(order_type=OrderType.MARKET))

        assert order.state is S.UNKNOWN
        assert rig.loop.time() == pytest.approx(2.0, abs=0.01)
        assert rig.asked[0] == (pytest.approx(2.0, abs=0.01), 0), "reconciled at once"
        await asyncio.sleep(1.0)
        assert rig.state(order.order_id) is S.LIVE
        states = [(pytest.approx(at, abs=0.01), state) for at, state in seen]
        assert states == [(0.0, S.PENDING), (2.0, S.UNKNOWN), (2.4, S.LIVE)]
        (command,) = rig.broker.placed()
        assert (command.order_type, command.price_krw) == (OrderType.MARKET, 0)

    run(body)


def test_o3_ack_in_time_ends_the_deadline() -> None:
    async def body() -> None:
        rig = Rig(calls_per_s=30)
        rig.broker.script.append((1.99, None))
        order = await rig.service.submit(request(order_type=OrderType.MARKET))
        assert order.state is S.LIVE
        await asyncio.sleep(5)
        assert rig.state(order.order_id) is S.LIVE
        assert "OrderLost" not in rig.journal.kinds()

    run(body)


@pytest.mark.parametrize(
    ("order_type", "deadline_s"), [(OrderType.LIMIT, 5.0), (OrderType.CONDITIONAL, None)]
)
def test_deadline_of_the_other_types(order_type: OrderType, deadline_s: float | None) -> None:
    async def body() -> None:
        rig = Rig(calls_per_s=30)
        rig.broker.script.append((60.0, Lost("timeout")))
        order_id = rig.submit_now(order_type=order_type).order_id
        await asyncio.sleep((deadline_s or 60.0) - 0.01)
        assert rig.state(order_id) is S.PENDING
        await asyncio.sleep(0.02)
        assert rig.state(order_id) is S.UNKNOWN

    run(body)


def test_time_in_our_own_queue_is_not_the_brokers() -> None:
    async def body() -> None:
        rig = Rig(calls_per_s=1)
        ids = [rig.submit_now(qty=n, order_type=OrderType.MARKET).order_id for n in range(1, 6)]
        await asyncio.sleep(3.5)
        assert [rig.state(i) for i in ids] == [S.LIVE] * 4 + [S.PENDING]
        await asyncio.sleep(1.0)
        assert rig.state(ids[4]) is S.LIVE
        assert "OrderLost" not in rig.journal.kinds()

    run(body)


def test_deadline_counts_from_the_last_time_a_request_left() -> None:
    async def body() -> None:
        rig = Rig(calls_per_s=30)
        first_try = rig.broker.place

        async def throttled_once(command: PlaceOrder) -> Outcome:
            assert rig.gate is not None
            await rig.gate(Priority.MARKET)
            await asyncio.sleep(1.5)
            return await first_try(command)

        rig.broker.place = throttled_once  # type: ignore[method-assign]
        rig.broker.script.append((1.5, None))
        order = await rig.service.submit(request(order_type=OrderType.MARKET))
        assert order.state is S.LIVE
        assert "OrderLost" not in rig.journal.kinds()

    run(body)


def test_order_under_way_is_known_as_such() -> None:
    async def body() -> None:
        rig = Rig(calls_per_s=30)
        rig.broker.script.append((10.0, None))
        order_id = rig.submit_now(order_type=OrderType.MARKET).order_id
        await asyncio.sleep(3.0)
        assert rig.state(order_id) is S.UNKNOWN
        assert rig.engine.is_placing(order_id)
        await asyncio.sleep(8.0)
        assert not rig.engine.is_placing(order_id)

    run(body)


# -- the kill switch ----------------------------------------------------------------------------


def test_kill_switch_keeps_back_what_still_waits_for_the_disk() -> None:
    async def body() -> None:
        rig = Rig()
        rig.journal.mode = "hold"
        order_id = rig.submit_now().order_id
        rig.engine.apply(KillSwitchSet(is_on=True, reason="panic"))
        rig.journal.release()
        await settle()
        assert rig.broker.calls == []
        rig.journal.release()
        assert rig.state(order_id) is S.REJECTED

    run(body)


def test_kill_switch_keeps_back_what_waits_for_the_call_limit() -> None:
    async def body() -> None:
        rig = Rig(calls_per_s=1)
        ids = [rig.submit_now(qty=n).order_id for n in (1, 2, 3)]
        await settle()
        assert len(rig.broker.placed()) == 1

        await rig.service.set_kill_switch(True, "panic")
        await asyncio.sleep(10)

        assert len(rig.broker.placed()) == 1
        assert [rig.state(i) for i in ids[1:]] == [S.REJECTED, S.REJECTED]
        assert "kill switch" in rig.manager.get(ids[2]).message  # type: ignore[union-attr]

    run(body)


def test_order_that_turns_out_to_live_is_canceled_while_the_switch_is_on() -> None:
    async def body() -> None:
        rig = Rig()
        rig.broker.script.append((1.0, None))
        order_id = rig.submit_now().order_id
        await asyncio.sleep(0.5)
        await rig.service.set_kill_switch(True, "panic")
        await asyncio.sleep(1.0)
        assert [type(c) for _at, c in rig.broker.calls] == [PlaceOrder, CancelOrder]
        assert rig.manager.get(order_id).request == "cancel"  # type: ignore[union-attr]

    run(body)


@pytest.mark.parametrize("outcome", [Refused(2, "APBK1359", "too late"), Lost("timeout")])
def test_cancel_that_fails_under_the_kill_switch_is_tried_again_but_not_in_a_loop(
    outcome: object,
) -> None:
    async def body() -> None:
        rig = Rig()
        await rig.live()
        rig.broker.script.extend([(0.0, outcome)] * 1_000)  # type: ignore[list-item]
        rig.sync.start()
        await rig.service.set_kill_switch(True, "panic")
        await asyncio.sleep(20.5)
        cancels = [at for at, c in rig.broker.calls if isinstance(c, CancelOrder)]
        await rig.sync.close()
        assert 3 <= len(cancels) <= 6

    run(body)


def test_throwing_the_switch_again_tries_at_once() -> None:
    async def body() -> None:
        rig = Rig()
        await rig.live()
        rig.broker.script.append((0.0, Refused(2, "X", "no")))
        await rig.service.set_kill_switch(True, "first")
        await settle()
        await rig.service.set_kill_switch(True, "second")
        await settle()
        assert sum(isinstance(c, CancelOrder) for _at, c in rig.broker.calls) == 2

    run(body)


def test_stopped_engine_does_not_spin_under_the_kill_switch() -> None:
    async def body() -> None:
        rig = Rig()
        await rig.live()
        rig.engine.stop_trading("disk")
        await rig.service.set_kill_switch(True, "panic")
        await asyncio.sleep(30)
        assert len(rig.broker.calls) == 1
        assert len(rig.journal.events) < 10

    run(body)


# -- one order of things ------------------------------------------------------------------------


def test_s03_what_a_watcher_causes_is_written_and_told_after_its_cause() -> None:
    async def body() -> None:
        rig = Rig()
        told: list[tuple[str, OrderState]] = []

        def trades_on_it(order: Order) -> None:
            if order.state is S.LIVE and order.qty == 10:
                rig.submit_now(qty=3)

        rig.bus.add(Subscriber("strategy", on_order=trades_on_it))
        rig.bus.add(Subscriber("screen", on_order=lambda o: told.append((o.order_id, o.state))))
        first = rig.submit_now().order_id
        # The fill is there before the ack: both follow from one event.
        rig.engine.apply(fill(1, 4))
        await settle()

        kinds = rig.journal.kinds()
        assert kinds[:4] == ["OrderSubmitted", "OrderAccepted", "FillSeen", "OrderSubmitted"]
        mine = [state for order_id, state in told if order_id == first]
        assert mine == [S.PENDING, S.LIVE, S.PARTIAL]
        assert rig.bus_errors == []

    run(body)


def test_strategy_that_answers_its_own_orders_without_end_is_stopped() -> None:
    async def body() -> None:
        rig = Rig()
        count = 0

        def greedy(order: Order) -> None:
            nonlocal count
            count += 1
            rig.submit_now(qty=1, price_krw=49_000 + 100 * (count % 400))

        rig.bus.add(Subscriber("greedy", on_order=greedy, max_errors=10**9))
        rig.submit_now(qty=1)
        await settle()
        assert "without end" in rig.engine.stop_reason
        assert count < 5_000
        assert len(rig.broker.calls) == 0, "none of them left"

    run(body)


def test_error_in_a_watcher_stops_no_order() -> None:
    async def body() -> None:
        rig = Rig()

        def fails(_order: Order) -> None:
            raise RuntimeError("a strategy's bug")

        rig.bus.add(Subscriber("bad", on_order=fails))
        await rig.live()
        assert len(rig.bus_errors) == 2

    run(body)


def test_error_after_a_send_stops_trading_instead_of_passing_unseen(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def body() -> None:
        rig = Rig()
        rig.submit_now()
        original = rig.manager.on_event

        def fails(event: object, now_ns: int):  # type: ignore[no-untyped-def]
            if isinstance(event, OrderAccepted):
                raise KeyError("a bug")
            return original(event, now_ns)  # type: ignore[arg-type]

        monkeypatch.setattr(rig.manager, "on_event", fails)
        await settle()
        assert "internal error" in rig.engine.stop_reason

    with caplog.at_level(logging.ERROR):
        run(body)
    assert "internal error after a send" in caplog.text


# -- restart and midnight -----------------------------------------------------------------------


def test_replay_sends_and_writes_nothing_and_gives_the_same_orders() -> None:
    async def body() -> None:
        rig = Rig()
        entries = [
            Entry(1, T0, submitted("20261123-000001")),
            Entry(2, T0 + 1, accepted("20261123-000001", 5)),
            Entry(3, T0 + 2, fill(5, 4, session=7)),
        ]
        rig.engine.replay(entries)
        await settle()
        assert rig.broker.calls == rig.journal.events == []
        assert rig.state("20261123-000001") is S.PARTIAL

    run(body)


def test_fill_repeated_on_the_first_connection_after_a_restart_counts_once() -> None:
    async def body() -> None:
        rig = Rig()
        rig.engine.replay(
            [
                Entry(1, T0, submitted("20261123-000001")),
                Entry(2, T0 + 1, accepted("20261123-000001", 5)),
                Entry(3, T0 + 2, fill(5, 4, session=7)),
            ]
        )
        rig.engine.new_session()
        rig.engine.on_notice(fill_notice(5, 4))
        assert rig.manager.get("20261123-000001").cum_qty == 4  # type: ignore[union-attr]

    run(body)


def test_day_that_begins_ends_the_orders_of_the_day_before() -> None:
    async def body() -> None:
        rig = Rig()
        old = await rig.live()
        rig.broker._number = 0  # The broker counts anew.
        rig.day_offset_ns = DAY_NS

        new = rig.submit_now(qty=3).order_id
        await settle()

        assert rig.state(old) is S.CANCELED
        assert rig.state(new) is S.LIVE
        assert rig.manager.by_broker_id(1) is rig.manager.get(new)
        assert rig.journal.kinds().count("Restarted") == 1
        assert new.startswith("20261124-")

    run(body)


def test_day_that_begins_has_the_balance_read() -> None:
    async def body() -> None:
        rig = Rig()
        asked: list[int] = []
        rig.engine.hooks.on_fill = lambda: asked.append(rig.now_ns())
        await rig.live()
        assert asked == []
        rig.day_offset_ns = DAY_NS

        rig.engine.roll_day()
        rig.engine.roll_day()

        assert len(asked) == 1

    run(body)


def test_clock_that_goes_back_begins_no_day() -> None:
    async def body() -> None:
        rig = Rig()
        order_id = await rig.live()
        rig.day_offset_ns = -DAY_NS
        rig.engine.roll_day()
        assert rig.state(order_id) is S.LIVE

    run(body)


# -- notices ------------------------------------------------------------------------------------


def test_s03_fill_notice_becomes_a_fill_of_its_connection() -> None:
    async def body() -> None:
        rig = Rig()
        order_id = await rig.live()
        rig.engine.new_session()
        rig.engine.new_session()
        rig.engine.on_notice(fill_notice(1, 4, 69_900))
        event = rig.journal.events[-1]
        assert event == FillSeen(
            broker_order_id=1, qty=4, price_krw=69_900, time_hhmmss=100_001, session=2
        )
        assert rig.state(order_id) is S.PARTIAL
        assert rig.engine.fills_seen == 1

    run(body)


@pytest.mark.parametrize(("qty", "price_krw"), [(None, 70_000), (0, 70_000), (4, None), (4, 0)])
def test_fill_notice_without_figures_only_asks_the_ledger(
    qty: int | None, price_krw: int | None
) -> None:
    async def body() -> None:
        rig = Rig()
        order_id = await rig.live()
        rig.engine.on_notice(fill_notice(1, qty, price_krw))
        assert rig.state(order_id) is S.LIVE
        assert rig.asked == [(0.0, 0)]
        assert rig.engine.discrepancies_seen == 1

    run(body)


def test_rejection_notice_rejects() -> None:
    async def body() -> None:
        rig = Rig()
        order_id = await rig.live()
        rig.engine.on_notice(
            Notice.make(
                account=ACCOUNT,
                broker_order_id=1,
                side=Side.BUY,
                symbol=SYMBOL,
                is_rejected=True,
            )
        )
        assert rig.state(order_id) is S.REJECTED

    run(body)


# -- cancel, amend, end -------------------------------------------------------------------------


@pytest.mark.parametrize("action", ["cancel", "amend"])
@pytest.mark.parametrize("outcome", [None, Refused(2, "X", "no"), Lost("timeout")])
def test_outcome_of_a_change_becomes_its_event(action: str, outcome: object) -> None:
    async def body() -> None:
        rig = Rig()
        order_id = await rig.live()
        rig.broker.script.append((0.0, outcome))  # type: ignore[arg-type]
        if action == "cancel":
            rig.engine.apply(CancelRequested(order_id=order_id, qty=3))
        else:
            rig.engine.apply(
                AmendRequested(order_id=order_id, price_krw=71_000, reserve_price_krw=71_000)
            )
        await settle()
        expected = {
            type(None): "ReplaceAccepted",
            Refused: "ReplaceRefused",
            Lost: "ReplaceLost",
        }[type(outcome)]
        assert rig.journal.kinds()[-1] == expected
        assert rig.journal.events[-1].action == action  # type: ignore[union-attr]

    run(body)


def test_drain_waits_for_answers_then_gives_up_and_leaves_the_order_open() -> None:
    async def body() -> None:
        rig = Rig()
        rig.broker.script.extend([(1.0, None), (100.0, None)])
        soon, late = rig.submit_now(qty=1).order_id, rig.submit_now(qty=2).order_id
        await settle()
        await rig.engine.drain(5.0)
        assert rig.loop.time() == pytest.approx(5.0)
        await settle()
        assert (rig.state(soon), rig.state(late)) == (S.LIVE, S.PENDING)
        assert isinstance(rig.journal.events[0], OrderSubmitted)

    run(body)

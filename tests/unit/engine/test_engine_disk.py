"""The engine on a real journal: what a second connection to the file sees, and when."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path

import pytest

from aegis_fast.core.events import AmendRequested, CancelRequested, KillSwitchSet
from aegis_fast.core.model import Accepted, OrderState, OrderType, Outcome, Refused, Side
from aegis_fast.hot import Notice, Subscriber
from tests.unit.engine.engine_fakes import ACCOUNT, DATE, SYMBOL, Rig, run, until

LIVE, REJECTED, UNKNOWN = OrderState.LIVE, OrderState.REJECTED, OrderState.UNKNOWN


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    return Rig(tmp_path)


def test_order_is_durable_before_it_leaves(rig: Rig) -> None:
    found: list[dict[str, object]] = []

    async def place(command: object) -> Outcome:
        found.extend(map(json.loads, rig.on_disk()))
        return await rig.broker.accept(command)

    rig.broker.on_place = place

    async def work() -> None:
        order_id = rig.submit()
        await rig.reaches(order_id, LIVE)
        assert [e["order_id"] for e in found if e["k"] == "submit"] == [order_id]

    run(rig, work)


def test_order_stays_here_while_the_disk_does_not_confirm(rig: Rig) -> None:
    async def work() -> None:
        await rig.engine.settled()
        held = rig.hold_disk()
        order_id = rig.submit()
        assert not await rig.engine.settled_within(0.05)
        assert rig.broker.placed == []
        held.close()
        await rig.reaches(order_id, LIVE)
        assert len(rig.broker.placed) == 1

    run(rig, work)


def test_changes_are_durable_before_they_leave(rig: Rig) -> None:
    kinds: list[str] = []

    async def change(command: object) -> Outcome:
        kinds.append(json.loads(rig.on_disk()[-1])["k"])
        return await rig.broker.accept(command)

    rig.broker.on_change = change

    async def work() -> None:
        order_id = rig.submit()
        await rig.reaches(order_id, LIVE)
        rig.engine.apply(
            AmendRequested(order_id=order_id, price_krw=99_900, reserve_price_krw=99_900)
        )
        await until(lambda: rig.order(order_id).price_krw == 99_900)
        rig.engine.apply(CancelRequested(order_id=order_id, qty=0))
        await until(lambda: len(kinds) == 2)
        assert kinds == ["amend", "cancel"]

    run(rig, work)


def test_waiter_hears_only_what_the_file_holds_and_a_watcher_at_once(rig: Rig) -> None:
    async def work() -> None:
        heard: list[OrderState] = []
        rig.bus.add(Subscriber("screen", on_order=lambda order: heard.append(order.state)))
        held = []

        async def place(command: object) -> Outcome:
            held.append(rig.hold_disk())
            return await rig.broker.accept(command)

        rig.broker.on_place = place
        order_id = rig.submit()
        waiter = rig.engine.wait_for(order_id)
        await until(lambda: heard[-1] is LIVE)
        await asyncio.wait({waiter}, timeout=0.05)
        assert not waiter.done()
        held[0].close()
        assert (await waiter).state is LIVE
        assert json.loads(rig.on_disk()[-1])["k"] == "accept"

    run(rig, work)


def test_failed_disk_refuses_orders_as_not_sent_and_stops_trading(rig: Rig) -> None:
    async def work() -> None:
        first = rig.submit()
        await rig.reaches(first, LIVE)
        await rig.engine.settled()
        rig.break_disk()
        order = await rig.reaches(rig.submit(qty=11), REJECTED)
        assert order.code == 800
        assert order.message.startswith("not sent: the journal can't be written")
        assert "journal" in rig.engine.stop_reason
        assert rig.engine.alerts["trading_stopped"] == 1
        later = await rig.reaches(rig.submit(qty=12), REJECTED)
        assert later.message.startswith("not sent:")
        rig.engine.apply(CancelRequested(order_id=first, qty=0))
        await until(lambda: not rig.order(first).request)
        assert len(rig.broker.placed) == 1
        assert rig.broker.changed == []

    run(rig, work)


def test_restart_knows_every_order_and_leaves_an_unanswered_one_unknown(tmp_path: Path) -> None:
    first, second = Rig(tmp_path), Rig(tmp_path)
    ids: list[str] = []

    async def work() -> None:
        ids.append(first.submit())
        await first.reaches(ids[0], LIVE)
        first.engine.new_session()
        first.engine.on_notice(
            Notice.make(
                account=ACCOUNT,
                broker_order_id=1,
                side=Side.BUY,
                symbol=SYMBOL,
                fill_qty=4,
                price_krw=99_900,
                time_hhmmss=100_001,
                is_fill=True,
                accept_code=2,
            )
        )
        never: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        first.broker.on_place = lambda _command: never
        ids.append(first.submit(qty=11))
        await until(lambda: len(first.broker.placed) == 2)
        for task in first.engine._sends:
            # As a kill would: the answer never comes.
            task.cancel()

    run(first, work)

    async def look() -> None:
        assert second.order(ids[0]).cum_qty == 4
        assert second.state(ids[0]) is OrderState.PARTIAL
        assert second.state(ids[1]) is UNKNOWN
        assert second.manager.next_order_id(second.time_ns) == f"{DATE}-000003"
        assert second.broker.placed == []

    run(second, look)


def test_o3_market_order_is_unknown_at_its_deadline_after_one_post_and_a_late_ack_makes_it_live(
    tmp_path: Path,
) -> None:
    rig = Rig(tmp_path, deadlines_s={OrderType.MARKET: 0.03})

    async def work() -> None:
        late: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        sent_s: list[float] = []

        async def place(_command: object) -> Outcome:
            sent_s.append(time.monotonic())
            return await late

        rig.broker.on_place = place
        order_id = rig.submit(order_type=OrderType.MARKET)
        order = await rig.reaches(order_id, UNKNOWN)
        assert 0.029 <= time.monotonic() - sent_s[0] < 1.0
        assert order.message == "no answer in 0.03 s"
        assert rig.ledger_asked == [0], "reconciliation starts at once"
        late.set_result(Accepted(7, "06010", 100_002))
        order = await rig.reaches(order_id, LIVE)
        assert (order.broker_order_id, order.code) == (7, 1)
        assert len(rig.broker.placed) == 1
        assert len(list(rig.manager.records())) == 1

    run(rig, work)


def test_o4_definitive_refusal_is_rejected_code_2_with_one_alert_and_no_retry(rig: Rig) -> None:
    async def place(_command: object) -> Outcome:
        return Refused(2, "APBK0952", "주문가능금액을 초과했습니다")

    rig.broker.on_place = place

    async def work() -> None:
        order = await rig.reaches(rig.submit(order_type=OrderType.MARKET), REJECTED)
        assert (order.code, order.venue_code) == (2, "APBK0952")
        await rig.engine.drain(1.0)
        assert rig.engine.alerts == {"order_refused": 1}
        assert len(rig.broker.placed) == 1

    run(rig, work)


def test_kill_switch_vetoes_what_waits_for_the_limit_and_cancels_what_is_open(
    tmp_path: Path,
) -> None:
    rig = Rig(tmp_path, calls=1, window_ms=60)

    async def work() -> None:
        first = rig.submit()
        await rig.reaches(first, LIVE)
        queued = rig.submit(qty=11)
        await until(lambda: rig.gate.waiting == 1)
        rig.engine.apply(KillSwitchSet(is_on=True, reason="enough"))
        rig.engine.enforce_kill_switch(is_new=True)
        order = await rig.reaches(queued, REJECTED)
        assert order.message == "not sent: the kill switch is on: enough"
        await until(lambda: len(rig.broker.changed) == 1)
        assert rig.broker.changed[0].order_id == first
        assert len(rig.broker.placed) == 1

    run(rig, work)

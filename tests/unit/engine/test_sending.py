"""A command leaves in the call that decides it where nothing stands in its way, else in turn."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

from aegis_fast.core.model import Accepted, Lost, OrderState, OrderType, Outcome, Refused
from aegis_fast.core.ports import DirectBroker
from aegis_fast.engine.sending import Sender
from tests.unit.engine.engine_maker import FakeBroker, Rig, run, settle
from tests.unit.kis.kis_samples import cancel, place


class DirectFake(FakeBroker):
    """Writes down what left, and how. mode: what begin() does."""

    def __init__(self) -> None:
        super().__init__()
        self.mode = "send"
        self.left: list[tuple[str, str]] = []

    def begin(
        self, command: Any, leaving: Callable[[], None]
    ) -> Coroutine[Any, Any, Outcome] | None:
        if self.mode == "wait":
            return None
        if self.mode == "bug":
            raise KeyError("a bug")
        leaving()
        self.left.append(("direct", command.order_id))
        return self._answer_direct(command)

    async def _answer_direct(self, command: Any) -> Outcome:
        await asyncio.sleep(0)
        self._number += 1
        return Accepted(self._number, "06010", 100_000)

    async def _answer(self, command: Any, priority: Any) -> Outcome:
        self.left.append(("long way", command.order_id))
        return await super()._answer(command, priority)


def sender(broker: FakeBroker, veto: Callable[[], str] = lambda: "") -> Sender:
    return Sender(
        broker,
        {OrderType.LIMIT: 5.0},
        on_overdue=lambda _order_id, _s: None,
        veto=veto,
        log=logging.getLogger("aegis.test"),
    )


def test_broker_without_a_direct_way_is_asked() -> None:
    assert not isinstance(FakeBroker(), DirectBroker)
    assert isinstance(DirectFake(), DirectBroker)

    async def body() -> None:
        way = sender(FakeBroker())
        assert way.begin(place()) is None
        assert isinstance(await way.ask(place()), Accepted)

    run(body)


def test_nothing_overtakes_a_command_on_its_way_to_the_limit() -> None:
    async def body() -> None:
        broker = DirectFake()
        way = sender(broker)
        broker.mode = "wait"
        first = place(order_id="first")
        assert way.begin(first) is None
        broker.mode = "send"
        second = place(order_id="second")
        assert way.begin(second) is None
        await asyncio.gather(way.ask(first), way.ask(second))
        assert broker.left == [("long way", "first"), ("long way", "second")]
        third = way.begin(place(order_id="third"))
        assert third is not None
        await third
        assert broker.left[-1] == ("direct", "third")

    run(body)


def test_vetoed_order_is_refused_and_a_cancel_is_not() -> None:
    async def body() -> None:
        broker = DirectFake()
        way = sender(broker, veto=lambda: "the kill switch is on")
        answer = way.begin(place())
        assert answer is not None
        outcome = await answer
        assert isinstance(outcome, Refused)
        assert "kill switch" in outcome.message
        assert way.placing == set()
        assert broker.left == []
        answer = way.begin(cancel())
        assert answer is not None
        assert isinstance(await answer, Accepted)

    run(body)


def test_bug_on_the_direct_way_makes_the_order_unknown() -> None:
    async def body() -> None:
        broker = DirectFake()
        broker.mode = "bug"
        way = sender(broker)
        answer = way.begin(place())
        assert answer is not None
        outcome = await answer
        assert isinstance(outcome, Lost)
        assert "KeyError" in outcome.reason
        assert way.placing == set()

    run(body)


def test_order_is_placing_until_its_answer_is_there() -> None:
    async def body() -> None:
        way = sender(DirectFake())
        answer = way.begin(place(order_id="o"))
        assert answer is not None
        assert way.placing == {"o"}
        await answer
        assert way.placing == set()

    run(body)


def direct_rig() -> tuple[Rig, DirectFake]:
    rig, broker = Rig(), DirectFake()
    rig.broker = broker
    rig.engine._sender = Sender(
        broker,
        {OrderType.LIMIT: 5.0},
        on_overdue=rig.engine._overdue,
        veto=rig.engine._veto,
        log=logging.getLogger("aegis.test"),
    )
    return rig, broker


def test_durable_order_has_left_when_submit_returns() -> None:
    async def body() -> None:
        rig, broker = direct_rig()
        done = asyncio.get_running_loop().create_future()
        done.set_result(None)
        events: list[Any] = []

        def append(event: Any, _at_ns: int) -> asyncio.Future[None]:
            assert not broker.left, "journal before send"
            events.append(event)
            return done

        rig.journal.append = append  # type: ignore[method-assign]
        order = rig.submit_now()
        assert len(events) == 1
        assert broker.left == [("direct", order.order_id)]
        assert order.state is OrderState.PENDING
        rig.journal.append = lambda _event, _at_ns: done  # type: ignore[method-assign]
        await settle()
        assert rig.state(order.order_id) is OrderState.LIVE

    run(body)


def test_order_that_is_not_durable_yet_stays_here_until_it_is() -> None:
    async def body() -> None:
        rig, broker = direct_rig()
        rig.journal.mode = "hold"
        order = rig.submit_now()
        await settle()
        assert broker.left == []
        rig.journal.mode = "auto"
        rig.journal.release()
        await settle()
        assert broker.left == [("direct", order.order_id)]

    run(body)


def test_order_whose_entry_failed_never_leaves() -> None:
    async def body() -> None:
        rig, broker = direct_rig()
        rig.journal.mode = "fail"
        order = rig.submit_now()
        await settle()
        assert broker.left == []
        assert rig.state(order.order_id) is OrderState.REJECTED
        assert "disk full" in rig.engine.stop_reason

    run(body)


def test_kill_switch_thrown_while_the_disk_is_waited_for_keeps_the_order_here() -> None:
    async def body() -> None:
        rig, broker = direct_rig()
        rig.journal.mode = "hold"
        order = rig.submit_now()
        rig.manager.kill_switch, rig.manager.kill_reason = True, "test"
        rig.journal.mode = "auto"
        rig.journal.release()
        await settle()
        assert broker.left == []
        assert rig.state(order.order_id) is OrderState.REJECTED

    run(body)


def test_drain_waits_for_an_order_that_waits_for_the_disk() -> None:
    async def body() -> None:
        rig, broker = direct_rig()
        rig.journal.mode = "hold"
        order = rig.submit_now()
        rig.loop.call_later(0.5, rig.journal.release)
        rig.loop.call_later(0.5, setattr, rig.journal, "mode", "auto")
        await rig.engine.drain(5.0)
        assert broker.left == [("direct", order.order_id)]
        assert rig.state(order.order_id) is OrderState.LIVE

    run(body)

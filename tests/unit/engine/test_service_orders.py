"""The service on a real journal: one order per id, every refusal names its field."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec
import pytest

from aegis_fast.core.model import (
    Accepted,
    Lost,
    Order,
    OrderState,
    OrderType,
    Outcome,
    Position,
    Refused,
    Side,
    Venue,
)
from aegis_fast.core.risk import RiskLimits
from aegis_fast.errors import (
    AegisError,
    InvalidRequest,
    NotFound,
    OrderOutcomeUnknown,
    OrderRejected,
    RiskRejected,
    TransientError,
)
from tests.unit.engine.engine_fakes import SAMSUNG, Rig, request, run, until

LIVE, UNKNOWN = OrderState.LIVE, OrderState.UNKNOWN


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    return Rig(tmp_path, positions=(Position(symbol="005930", qty=10, cost_krw=900_000),))


def answering(outcome: Outcome) -> Callable[[object], Awaitable[Outcome]]:
    async def answer(_command: object) -> Outcome:
        return outcome

    return answer


# -- one order for each id -------------------------------------------------------------------------


def test_same_id_and_body_give_the_same_order_once(rig: Rig) -> None:
    async def work() -> None:
        first = await rig.service.submit(request())
        assert (first.state, first.code) == (LIVE, 1)
        assert await rig.service.submit(request()) == first
        assert len(rig.broker.placed) == 1

    run(rig, work)


def test_same_id_at_the_same_time_makes_one_order(rig: Rig) -> None:
    async def work() -> None:
        orders = await asyncio.gather(*(rig.service.submit(request()) for _ in range(20)))
        assert len({order.order_id for order in orders}) == 1
        assert len(rig.broker.placed) == 1
        assert rig.broker.asked.count("005930") == 1, "one question for the instrument, too"

    run(rig, work)


@pytest.mark.parametrize(
    "change",
    [
        {"qty": 11},
        {"price_krw": 99_900},
        {"side": Side.SELL},
        {"order_type": OrderType.CONDITIONAL},
        {"price_krw": 0, "base_price_krw": 100_000},
        {"venue": Venue.SOR},
        {"symbol": "000660"},
    ],
)
def test_same_id_with_another_body_is_refused_as_409(rig: Rig, change: dict[str, object]) -> None:
    async def work() -> None:
        await rig.service.submit(request())
        with pytest.raises(InvalidRequest) as caught:
            await rig.service.submit(request(**change))
        assert (caught.value.code, caught.value.field) == (409, "client_order_id")
        assert len(rig.broker.placed) == 1

    run(rig, work)


def test_same_id_after_a_restart_is_the_same_order(tmp_path: Path) -> None:
    first, second = Rig(tmp_path), Rig(tmp_path)
    orders: list[Order] = []

    async def place() -> None:
        orders.append(await first.service.submit(request()))

    async def again() -> None:
        orders.append(await second.service.submit(request()))

    run(first, place)
    run(second, again)

    assert orders[0].order_id == orders[1].order_id
    assert second.broker.placed == []


# -- readiness and waiting -------------------------------------------------------------------------


def test_nothing_is_taken_while_trading_is_not_open(rig: Rig) -> None:
    async def work() -> None:
        order = await rig.service.submit(request())
        rig.not_ready = "waiting for the realtime connection"
        calls: list[Awaitable[object]] = [
            rig.service.submit(request("c-2")),
            rig.service.cancel(order.order_id),
            rig.service.amend(order.order_id, price_krw=99_900),
        ]
        for call in calls:
            with pytest.raises(TransientError, match="realtime") as caught:
                await call
            assert caught.value.code == 801
        # What was asked before is still answered.
        assert (await rig.service.submit(request())).order_id == order.order_id
        assert (len(rig.broker.placed), rig.broker.changed) == (1, [])

    run(rig, work)


def test_trading_that_closes_while_the_instrument_is_asked_for_refuses(rig: Rig) -> None:
    async def work() -> None:
        waiting = asyncio.ensure_future(rig.service.submit(request()))
        await until(lambda: "005930" in rig.broker.asked)
        rig.not_ready = "the feed is gone"
        with pytest.raises(TransientError, match="feed is gone"):
            await waiting
        assert list(rig.manager.records()) == []

    run(rig, work)


def test_answer_timeout_returns_the_pending_order_and_ends_nothing(tmp_path: Path) -> None:
    rig = Rig(tmp_path, answer_timeout_s=0.03)

    async def work() -> None:
        late: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        rig.broker.on_place = lambda _command: late
        order = await rig.service.submit(request())
        assert (order.state, order.code) == (OrderState.PENDING, 9)
        late.set_result(Accepted(7, "06010", 100_000))
        await rig.reaches(order.order_id, LIVE)
        assert not rig.engine._waiters, "nobody is left waiting"

    run(rig, work)


def test_answer_timeout_before_the_disk_confirmed_is_an_unknown_outcome(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aegis_fast.engine.service._DISK_GRACE_S", 0.03)
    rig = Rig(tmp_path, answer_timeout_s=0.03)

    async def work() -> None:
        await rig.engine.settled()
        held = rig.hold_disk()
        with pytest.raises(OrderOutcomeUnknown, match="journal") as caught:
            await rig.service.submit(request())
        assert rig.broker.placed == []
        held.close()
        await rig.reaches(caught.value.order_id, LIVE)

    run(rig, work)


# -- cancel and amend ------------------------------------------------------------------------------


def test_cancel_and_amend_wait_for_the_brokers_word(rig: Rig) -> None:
    async def work() -> None:
        order = await rig.service.submit(request())
        amended = await rig.service.amend(order.order_id, price_krw=99_900)
        assert (amended.price_krw, amended.broker_order_id, amended.request) == (99_900, 2, "")
        late: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        rig.broker.on_change = lambda _command: late
        canceling = asyncio.ensure_future(rig.service.cancel(order.order_id))
        await until(lambda: len(rig.broker.changed) == 2)
        assert not canceling.done()
        with pytest.raises(OrderRejected, match="under way"):
            await rig.service.cancel(order.order_id)
        late.set_result(Refused(2, "APBK1359", "too late"))
        with pytest.raises(OrderRejected, match="too late") as caught:
            await canceling
        assert (caught.value.venue_code, caught.value.order_id) == ("APBK1359", order.order_id)
        assert rig.state(order.order_id) is LIVE

    run(rig, work)


def test_lost_answer_to_a_cancel_is_an_unknown_outcome(rig: Rig) -> None:
    async def work() -> None:
        order = await rig.service.submit(request())
        rig.broker.on_change = answering(Lost("read timeout"))
        with pytest.raises(OrderOutcomeUnknown, match="read timeout"):
            await rig.service.cancel(order.order_id)
        assert rig.state(order.order_id) is LIVE

    run(rig, work)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({}, "price_krw"),
        ({"qty": 5, "price_krw": 99_900}, "price_krw"),
        ({"qty": 10}, "qty"),
        ({"qty": 11}, "qty"),
        ({"price_krw": 99_950}, "price_krw"),
        ({"price_krw": 130_100}, "price_krw"),
        ({"price_krw": -1}, "price_krw"),
    ],
)
def test_s75_impossible_amend_names_its_field_and_sends_nothing(
    rig: Rig, change: dict[str, int], field: str
) -> None:
    async def work() -> None:
        order = await rig.service.submit(request())
        with pytest.raises((InvalidRequest, RiskRejected)) as caught:
            await rig.service.amend(order.order_id, **change)
        assert caught.value.field == field
        assert rig.broker.changed == []

    run(rig, work)


def test_reducing_takes_the_rest_out_by_a_partial_cancel(rig: Rig) -> None:
    async def work() -> None:
        order = await rig.service.submit(request())
        waiting = asyncio.ensure_future(rig.service.amend(order.order_id, qty=4))
        await until(lambda: len(rig.broker.changed) == 1)
        assert rig.broker.changed[0].qty == 6  # type: ignore[union-attr]
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)

    run(rig, work)


def test_unknown_order_is_not_found_and_a_finished_one_cannot_be_changed(rig: Rig) -> None:
    async def work() -> None:
        with pytest.raises(NotFound) as caught:
            await rig.service.cancel("20261123-999999")
        assert caught.value.field == "order_id"
        rig.broker.on_place = answering(Refused(2, "APBK0952", "no"))
        order = await rig.service.submit(request())
        with pytest.raises(OrderRejected, match="nothing is left"):
            await rig.service.cancel(order.order_id)
        rig.broker.on_place = answering(Lost("timeout"))
        order = await rig.service.submit(request("c-2", qty=1))
        assert (order.state, order.code) == (UNKNOWN, 9)
        with pytest.raises(OrderRejected, match="not known yet"):
            await rig.service.cancel(order.order_id)
        assert rig.broker.changed == []

    run(rig, work)


# -- what is refused, and the price that is sent ---------------------------------------------------


@pytest.mark.parametrize(
    ("change", "kind", "field"),
    [
        ({"price_krw": 100_050}, RiskRejected, "price_krw"),
        ({"price_krw": 130_100}, RiskRejected, "price_krw"),
        ({"price_krw": 69_900}, RiskRejected, "price_krw"),
        ({"price_krw": -100}, InvalidRequest, "price_krw"),
        ({"price_krw": 0}, InvalidRequest, "price_krw"),
        ({"base_price_krw": 100_000}, InvalidRequest, "price_krw"),
        ({"order_type": OrderType.MARKET}, InvalidRequest, "price_krw"),
        (
            {"order_type": OrderType.CONDITIONAL, "price_krw": 0, "base_price_krw": 100_000},
            InvalidRequest,
            "base_price_krw",
        ),
        ({"qty": 0}, InvalidRequest, "qty"),
        ({"qty": -1}, InvalidRequest, "qty"),
        ({"qty": 1_000}, RiskRejected, "qty"),
        ({"qty": 11, "side": Side.SELL}, RiskRejected, "qty"),
        ({"symbol": "999999"}, NotFound, "symbol"),
        ({"symbol": "삼성전자맞음"}, InvalidRequest, "symbol"),
        ({"venue": Venue.NXT}, RiskRejected, "venue"),
        ({"account": "5000000002"}, NotFound, "account"),
    ],
)
def test_s75_bad_order_names_its_field_and_nothing_leaves(
    rig: Rig, change: dict[str, object], kind: type[AegisError], field: str
) -> None:
    async def work() -> None:
        with pytest.raises(kind) as caught:
            await rig.service.submit(request(**change))
        assert caught.value.field == field
        assert rig.broker.placed == []
        assert list(rig.manager.records()) == []

    run(rig, work)


def test_s75_too_little_cash_says_how_many_shares_it_pays_for(rig: Rig) -> None:
    async def work() -> None:
        with pytest.raises(RiskRejected, match="주문가능금액") as caught:
            await rig.service.submit(request(qty=1_000))
        # 100,000,000 won at 100,000 plus 0.014 % each.
        assert caught.value.expected == "at most 999 shares"

    run(rig, work)


def test_s75_limits_of_the_configuration_are_kept(tmp_path: Path) -> None:
    limits = RiskLimits(max_order_krw=1_000_000, max_order_qty=20, max_open_orders=1)
    rig = Rig(tmp_path, limits=limits)

    async def work() -> None:
        for qty in (11, 21):
            with pytest.raises(RiskRejected, match="exceed risk"):
                await rig.service.submit(request(qty=qty))
        await rig.service.submit(request(qty=10))
        with pytest.raises(RiskRejected, match="max_open_orders"):
            await rig.service.submit(request("c-2", qty=1))
        assert len(rig.broker.placed) == 1

    run(rig, work)


@pytest.mark.parametrize(
    ("market", "kind", "side", "price_krw"),
    [
        ("KOSPI", "stock", Side.BUY, 98_000),
        ("KOSPI", "stock", Side.SELL, 102_000),
        ("KOSDAQ", "stock", Side.BUY, 97_000),
        ("KOSDAQ", "stock", Side.SELL, 103_000),
        ("ELW", "elw", Side.BUY, 99_000),
        ("ELW", "elw", Side.SELL, 101_000),
    ],
)
def test_o1_offset_of_a_base_price_reaches_the_broker(
    rig: Rig, market: str, kind: str, side: Side, price_krw: int
) -> None:
    rig.broker.listed["005930"] = msgspec.structs.replace(SAMSUNG, market=market, kind=kind)

    async def work() -> None:
        wanted = request(side=side, price_krw=0, base_price_krw=100_000)
        order = await rig.service.submit(wanted)
        assert order.price_krw == price_krw
        assert [c.price_krw for c in rig.broker.placed] == [price_krw]
        assert await rig.service.submit(wanted) == order

    run(rig, work)


def test_o9_identical_order_is_refused_while_one_is_unknown(rig: Rig) -> None:
    async def work() -> None:
        rig.broker.on_place = answering(Lost("timeout"))
        first = await rig.service.submit(request())
        rig.broker.on_place = rig.broker.accept
        with pytest.raises(RiskRejected, match=first.order_id):
            await rig.service.submit(request("c-2"))
        assert len(rig.broker.placed) == 1
        assert (await rig.service.submit(request("c-3", qty=9))).state is LIVE

    run(rig, work)


def test_kill_switch_refuses_new_orders_until_it_is_off(rig: Rig) -> None:
    async def work() -> None:
        assert (await rig.service.set_kill_switch(True, "enough")).kill_switch
        with pytest.raises(RiskRejected, match="enough") as caught:
            await rig.service.submit(request())
        assert caught.value.field == "kill_switch"
        assert not (await rig.service.set_kill_switch(False, "")).kill_switch
        assert (await rig.service.submit(request())).state is LIVE

    run(rig, work)

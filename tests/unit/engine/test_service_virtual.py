"""The service in virtual time: same id, races, deadlines, and what strategies may do."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from aegis_fast.core.events import KillSwitchSet, OrderLost
from aegis_fast.core.model import CancelOrder, OrderState, OrderType, Side, Venue
from aegis_fast.errors import (
    InvalidRequest,
    NotFound,
    OrderOutcomeUnknown,
    OrderRejected,
    RiskRejected,
    TransientError,
)
from tests.unit.core.core_maker import ACCOUNT, INSTRUMENT, SYMBOL, cancel_confirmed, fill
from tests.unit.engine.engine_maker import OTHER, Lost, Refused, Rig, request, run, settle

S = OrderState
DAY_NS = 86_400 * 10**9


@pytest.mark.parametrize("order_type", list(OrderType))
def test_s70_single_order_is_placed_and_answered(order_type: OrderType) -> None:
    async def body() -> None:
        rig = Rig()
        order = await rig.service.submit(request(order_type=order_type))
        assert (order.state, order.broker_order_id, order.code) == (S.LIVE, 1, 1)
        assert order.account == ACCOUNT
        (command,) = rig.broker.placed()
        assert (command.order_type, command.qty) == (order_type, 10)
        assert command.price_krw == (0 if order_type is OrderType.MARKET else 70_000)

    run(body)


def test_answer_that_does_not_come_leaves_the_order_pending_for_the_caller() -> None:
    async def body() -> None:
        rig = Rig()
        rig.broker.script.append((20.0, None))
        order = await rig.service.submit(request())
        assert rig.loop.time() == pytest.approx(5.0)
        assert (order.state, order.code) == (S.PENDING, 9)
        await asyncio.sleep(16)
        assert rig.state(order.order_id) is S.LIVE

    run(body)


def test_internal_error_is_told_as_unknown_never_as_rejected() -> None:
    async def body() -> None:
        rig = Rig()
        rig.broker.script.append((0.0, TypeError("a bug")))
        order = await rig.service.submit(request())
        assert (order.state, order.code) == (S.UNKNOWN, 9)
        assert "TypeError" in order.message

    run(body)


def test_i6_caller_hears_nothing_while_the_disk_stalls() -> None:
    async def body() -> None:
        rig = Rig()
        rig.journal.mode = "hold"
        with pytest.raises(OrderOutcomeUnknown) as caught:
            await rig.service.submit(request())
        assert rig.loop.time() == pytest.approx(6.0)
        assert caught.value.order_id == "20261123-000001"
        assert rig.broker.calls == []

    run(body)


def test_caller_hears_the_state_once_it_is_durable() -> None:
    async def body() -> None:
        rig = Rig()
        rig.journal.mode = "hold"
        task = asyncio.ensure_future(rig.service.submit(request()))
        await settle()
        rig.journal.release()
        await settle()
        assert rig.state("20261123-000001") is S.LIVE
        assert not task.done()
        rig.journal.release()
        await settle()
        assert task.result().state is S.LIVE

    run(body)


def test_state_that_is_not_durable_yet_is_told_to_nobody() -> None:
    async def body() -> None:
        rig = Rig()
        order_id = await rig.live()
        client_order_id = rig.service.order(order_id).client_order_id
        rig.journal.mode = "hold"
        rig.engine.apply(fill(1, 10))
        task = asyncio.ensure_future(rig.service.submit(request(client_order_id=client_order_id)))
        await settle()
        assert rig.state(order_id) is S.FILLED
        assert not task.done()
        rig.journal.release()
        await settle()
        assert task.result().state is S.FILLED

    run(body)


# -- one id, one order --------------------------------------------------------------------------


def test_same_id_gives_the_same_answer_when_it_was_refused() -> None:
    async def body() -> None:
        rig = Rig()
        rig.broker.script.append((0.0, Refused(2, "APBK0952", "no")))
        first = await rig.service.submit(request())
        assert (first.state, first.venue_code) == (S.REJECTED, "APBK0952")
        assert await rig.service.submit(request()) == first
        assert len(rig.broker.calls) == 1

    run(body)


def test_same_id_at_the_same_time_makes_one_order_and_one_question() -> None:
    async def body() -> None:
        rig = Rig()
        rig.broker.instrument_delay_s = 0.5
        rig.broker.script.append((1.0, None))
        orders = await asyncio.gather(*[rig.service.submit(request()) for _ in range(20)])
        assert {order.order_id for order in orders} == {"20261123-000001"}
        assert all(order.state is S.LIVE for order in orders)
        assert len(rig.broker.placed()) == rig.broker.instrument_calls == 1

    run(body)


def test_same_id_is_answered_even_while_trading_is_closed() -> None:
    async def body() -> None:
        rig = Rig()
        first = await rig.service.submit(request())
        rig.reason = "shutting down"
        assert await rig.service.submit(request()) == first

    run(body)


def test_limit_order_without_a_price_is_not_the_one_with_a_price() -> None:
    async def body() -> None:
        rig = Rig()
        await rig.service.submit(request())
        with pytest.raises(InvalidRequest) as caught:
            await rig.service.submit(request(price_krw=0))
        assert caught.value.code == 409

    run(body)


def test_offset_order_is_the_same_only_by_its_base() -> None:
    async def body() -> None:
        rig = Rig()
        first = await rig.service.submit(request(price_krw=0, base_price_krw=70_000))
        again = await rig.service.submit(request(price_krw=0, base_price_krw=70_000))
        assert again == first
        with pytest.raises(InvalidRequest):
            await rig.service.submit(request(price_krw=first.price_krw))

    run(body)


def test_same_id_after_an_amend_is_still_the_same_order() -> None:
    async def body() -> None:
        rig = Rig()
        first = await rig.service.submit(request())
        await rig.service.amend(first.order_id, price_krw=69_000)
        again = await rig.service.submit(request())
        assert (again.order_id, again.price_krw) == (first.order_id, 69_000)

    run(body)


def test_orders_without_an_id_are_different_orders() -> None:
    async def body() -> None:
        rig = Rig()
        orders = [await rig.service.submit(request(client_order_id="")) for _ in range(2)]
        assert orders[0].order_id != orders[1].order_id
        assert orders[0].client_order_id == orders[0].order_id

    run(body)


def test_id_of_an_order_that_broke_a_rule_is_still_free() -> None:
    async def body() -> None:
        rig = Rig()
        with pytest.raises(RiskRejected):
            await rig.service.submit(request(qty=100_000))
        assert rig.journal.events == []
        assert (await rig.service.submit(request())).state is S.LIVE

    run(body)


def test_o9_twin_of_an_unknown_order_is_refused_whoever_names_the_account() -> None:
    async def body() -> None:
        rig = Rig()
        rig.broker.script.append((0.0, Lost("timeout")))
        assert (await rig.service.submit(request())).state is S.UNKNOWN
        for account in ("", ACCOUNT):
            with pytest.raises(RiskRejected, match="unknown"):
                await rig.service.submit(request(client_order_id="c2", account=account))
        with pytest.raises(RiskRejected, match="unknown"):
            rig.submit_now()
        assert len(rig.broker.placed()) == 1

    run(body)


def test_order_that_became_unknown_answers_who_waits_and_who_asks_again() -> None:
    async def body() -> None:
        rig = Rig()
        rig.broker.script.append((30.0, None))
        task = asyncio.ensure_future(rig.service.submit(request()))
        await settle()
        rig.engine.apply(OrderLost(order_id="20261123-000001", reason="x"))
        assert (await task).state is S.UNKNOWN
        assert (await rig.service.submit(request())).state is S.UNKNOWN

    run(body)


# -- cancel and amend ---------------------------------------------------------------------------


def test_cancel_waits_for_its_confirmation() -> None:
    async def body() -> None:
        rig = Rig()
        order_id = await rig.live()
        task = asyncio.ensure_future(rig.service.cancel(order_id))
        await asyncio.sleep(1.0)
        assert not task.done()
        rig.engine.apply(cancel_confirmed(2, 1, 10))
        order = await task
        assert (order.state, order.request) == (S.CANCELED, "")

    run(body)


def test_cancel_that_is_not_confirmed_in_time_is_told_as_under_way() -> None:
    async def body() -> None:
        rig = Rig()
        order_id = await rig.live()
        order = await rig.service.cancel(order_id)
        assert (order.state, order.request) == (S.LIVE, "cancel")
        with pytest.raises(OrderRejected, match="under way"):
            await rig.service.cancel(order_id)

    run(body)


def test_lost_cancel_is_told_as_unknown_and_may_be_asked_again() -> None:
    async def body() -> None:
        rig = Rig()
        order_id = await rig.live()
        rig.broker.script.append((0.0, Lost("timeout")))
        with pytest.raises(OrderOutcomeUnknown):
            await rig.service.cancel(order_id)
        assert (await rig.service.cancel(order_id)).request == "cancel"

    run(body)


def test_cancel_of_an_order_that_filled_meanwhile_ends_filled() -> None:
    async def body() -> None:
        rig = Rig()
        order_id = await rig.live()
        rig.broker.script.append((1.0, Refused(2, "APBK1359", "nothing left")))
        task = asyncio.ensure_future(rig.service.cancel(order_id))
        await asyncio.sleep(0.5)
        rig.engine.apply(fill(1, 10))
        assert (await task).state is S.FILLED

    run(body)


def test_order_that_ends_while_an_amend_asks_for_the_instrument_is_not_amended() -> None:
    async def body() -> None:
        rig = Rig()
        order_id = await rig.live()
        rig.listing._known.clear()
        rig.broker.instrument_delay_s = 1.0
        task = asyncio.ensure_future(rig.service.amend(order_id, price_krw=69_000))
        await asyncio.sleep(0.5)
        rig.engine.apply(fill(1, 10))
        with pytest.raises(OrderRejected):
            await task
        assert len(rig.broker.calls) == 1

    run(body)


def test_trading_that_closes_while_an_amend_asks_for_the_instrument_sends_nothing() -> None:
    async def body() -> None:
        rig = Rig()
        order_id = await rig.live()
        rig.listing._known.clear()
        rig.broker.instrument_delay_s = 1.0
        task = asyncio.ensure_future(rig.service.amend(order_id, price_krw=69_000))
        await asyncio.sleep(0.5)
        rig.reason = "shutting down"
        with pytest.raises(TransientError):
            await task
        assert len(rig.broker.calls) == 1

    run(body)


def test_amend_is_refused_while_the_kill_switch_is_on() -> None:
    async def body() -> None:
        rig = Rig()
        order_id = await rig.live()
        rig.manager.on_event(KillSwitchSet(is_on=True, reason="x"), 1)
        with pytest.raises(RiskRejected):
            await rig.service.amend(order_id, price_krw=69_000)

    run(body)


def test_kill_switch_cancels_what_is_open_in_order() -> None:
    async def body() -> None:
        rig = Rig()
        ids = [await rig.live(qty=n) for n in (1, 2, 3)]
        status = await rig.service.set_kill_switch(True, "panic")
        await settle()
        assert status.kill_switch
        canceled = [c.order_id for _at, c in rig.broker.calls if isinstance(c, CancelOrder)]
        assert canceled == ids

    run(body)


# -- looking ------------------------------------------------------------------------------------


def test_orders_are_listed_newest_first_and_filtered() -> None:
    async def body() -> None:
        rig = Rig()
        first, second = await rig.live(qty=1), await rig.live(qty=2)
        rig.engine.apply(fill(1, 1))
        assert [o.order_id for o in rig.service.orders()] == [second, first]
        assert [o.order_id for o in rig.service.orders(open_only=True)] == [second]
        assert rig.service.orders(symbol=OTHER) == []
        assert rig.service.order(first).state is S.FILLED
        with pytest.raises(NotFound):
            rig.service.order("nobody")

    run(body)


def test_positions_carry_names_and_balance_is_the_brokers_and_masked() -> None:
    async def body() -> None:
        rig = Rig()
        await rig.service.submit(request())
        (position,) = rig.service.positions()
        assert (position.symbol, position.qty, position.name) == (SYMBOL, 1_000, "삼성전자")
        answer = await rig.service.balance()
        assert answer["orderable_krw"] == 100_000_000 - 700_098
        assert answer["reserved_krw"] == 700_098
        assert ACCOUNT not in str(answer)
        assert rig.service.instruments() == [INSTRUMENT]

    run(body)


def test_quote_is_always_from_the_wire() -> None:
    async def body() -> None:
        rig = Rig()
        quote = await rig.service.quote(SYMBOL)
        assert (quote["source"], quote["stale"], quote["age_ms"]) == ("wire", False, 0)
        assert (quote["name"], quote["price_krw"]) == ("삼성전자", 70_000)

    run(body)


# -- strategies ---------------------------------------------------------------------------------


def test_strategy_order_is_pending_at_once_and_goes_out() -> None:
    async def body() -> None:
        rig = Rig()
        order = rig.submit_now()
        assert (order.state, order.origin) == (S.PENDING, "strategy:Test")
        await settle()
        assert rig.service.cancel_now(order.order_id).request == "cancel"
        rig.reason = "closed"
        for refused in (lambda: rig.submit_now(qty=3), lambda: rig.service.cancel_now("x")):
            with pytest.raises(TransientError):
                refused()

    run(body)


def test_strategy_cannot_trade_an_issue_nobody_knows() -> None:
    async def body() -> None:
        rig = Rig()
        with pytest.raises(NotFound):
            rig.submit_now(symbol=OTHER)

    run(body)


def test_strategy_does_not_price_with_the_limits_of_yesterday() -> None:
    async def body() -> None:
        rig = Rig()
        rig.submit_now(qty=1)
        rig.day_offset_ns = DAY_NS
        today = msgspec.structs.replace(INSTRUMENT, lower_krw=60_000, upper_krw=80_000)
        rig.broker.instruments[SYMBOL] = today

        def buy() -> None:
            rig.service.submit_now(
                SYMBOL,
                Side.BUY,
                2,
                order_type=OrderType.LIMIT,
                price_krw=90_000,
                base_price_krw=0,
                venue=Venue.KRX,
                origin="s",
            )

        with pytest.raises(NotFound, match="not known yet today"):
            buy()
        await settle()
        with pytest.raises(RiskRejected, match="limits"):
            buy()

    run(body)

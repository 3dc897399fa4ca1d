"""Agreement with the broker: at the start, every five seconds, after fills, across midnight."""

from __future__ import annotations

import asyncio
import itertools
import logging

import pytest

from aegis_fast.core.events import BalanceLoaded
from aegis_fast.core.model import OrderState
from aegis_fast.core.reconcile import ReconcileRules
from aegis_fast.errors import AegisError, TransientError
from tests.unit.core.core_maker import SYMBOL, fill
from tests.unit.engine.engine_maker import SECOND, Lost, Rig, balance, row, run, settle

S = OrderState
RULES = ReconcileRules(absence_scans=2, quiet_horizon_ns=10 * SECOND)


def gaps(times: list[float]) -> list[float]:
    return [round(b - a, 3) for a, b in itertools.pairwise(times)]


# -- the first agreement ------------------------------------------------------------------------


def test_start_takes_the_brokers_figures() -> None:
    async def body() -> None:
        rig = Rig()
        rig.broker.cash_krw, rig.broker.shares = 5, {SYMBOL: 3}
        await rig.sync.agree()
        assert rig.manager.portfolio.cash_krw == 5
        assert rig.manager.portfolio.qty(SYMBOL) == 3
        assert rig.sync.scans == 2
        assert [type(e) for e in rig.journal.events] == [BalanceLoaded]

    run(body)


def test_figures_that_agree_are_not_written_again() -> None:
    async def body() -> None:
        rig = Rig()
        await rig.sync.agree()
        assert rig.journal.events == []

    run(body)


def test_account_that_moves_between_two_scans_is_read_again() -> None:
    async def body() -> None:
        rig = Rig()
        original = rig.broker.balance
        seen = 0

        async def moving(account: str):  # type: ignore[no-untyped-def]
            nonlocal seen
            seen += 1
            if seen == 1:
                rig.broker.rows = [row(1, cum_qty=4)]
            return await original(account)

        rig.broker.balance = moving  # type: ignore[method-assign]
        rig.broker.rows = [row(1)]
        await rig.sync.agree()
        assert (seen, rig.sync.scans) == (2, 4)

    run(body)


@pytest.mark.parametrize("what", ["scan", "balance"])
def test_half_a_reading_is_no_agreement(what: str) -> None:
    async def body() -> None:
        rig = Rig()
        if what == "scan":
            rig.broker.is_complete = False
        else:
            rig.broker.balances.extend([balance(1, {}, complete=False)] * 20)
        with pytest.raises(AegisError, match="20 tries"):
            await rig.sync.agree()
        assert rig.manager.portfolio.cash_krw == 100_000_000

    run(body)


def test_broker_that_cannot_be_asked_is_told_to_the_caller() -> None:
    async def body() -> None:
        rig = Rig()
        rig.broker.failures.append(TransientError("down"))
        with pytest.raises(TransientError):
            await rig.sync.agree()

    run(body)


# -- scans --------------------------------------------------------------------------------------


def test_n7_open_orders_are_read_every_five_seconds_and_only_then() -> None:
    async def body() -> None:
        rig = Rig()
        rig.sync.start()
        await asyncio.sleep(30)
        assert rig.broker.scans == []

        rig.broker.rows = [row(1)]
        await rig.live()
        await asyncio.sleep(26)
        assert len(rig.broker.scans) >= 5
        assert set(gaps(rig.broker.scans)) == {5.0}

        rig.broker.rows = [row(1, cum_qty=10)]
        rig.engine.apply(fill(1, 10))
        await asyncio.sleep(10)
        count = len(rig.broker.scans)
        await asyncio.sleep(60)
        assert len(rig.broker.scans) == count
        await rig.sync.close()

    run(body)


def test_several_questions_make_one_scan_at_the_earliest_of_them() -> None:
    async def body() -> None:
        rig = Rig()
        rig.sync.start()
        await settle()
        rig.sync.ask_scan(3_000)
        rig.sync.ask_scan(500)
        rig.sync.ask_scan(2_000)
        await asyncio.sleep(20)
        assert rig.broker.scans == [pytest.approx(0.5, abs=0.06)]
        await rig.sync.close()

    run(body)


def test_lost_order_is_looked_for_at_once_and_found() -> None:
    async def body() -> None:
        rig = Rig()
        rig.sync.start()
        await settle()
        rig.broker.rows = [row(7)]
        rig.broker.script.append((0.5, Lost("timeout")))
        order_id = rig.submit_now().order_id
        await asyncio.sleep(0.7)
        assert rig.state(order_id) is S.LIVE
        await rig.sync.close()

    run(body)


def test_order_that_never_landed_is_rejected_after_the_horizon() -> None:
    async def body() -> None:
        rig = Rig(rules=RULES)
        rig.sync.start()
        rig.broker.script.append((0.0, Lost("timeout")))
        order_id = rig.submit_now().order_id
        await asyncio.sleep(9)
        assert rig.state(order_id) is S.UNKNOWN
        await asyncio.sleep(15)
        assert rig.state(order_id) is S.REJECTED
        await rig.sync.close()

    run(body)


def test_order_whose_request_is_still_under_way_is_never_proven_absent() -> None:
    async def body() -> None:
        rig = Rig(rules=RULES, calls_per_s=30)
        rig.sync.start()
        rig.broker.script.append((100.0, None))
        order_id = rig.submit_now().order_id
        await asyncio.sleep(90)
        assert rig.state(order_id) is S.UNKNOWN
        await asyncio.sleep(11)
        assert rig.state(order_id) is S.LIVE
        await rig.sync.close()

    run(body)


def test_list_of_yesterday_is_not_read_as_todays() -> None:
    async def body() -> None:
        rig = Rig()
        order_id = await rig.live()
        rig.broker.rows = [row(1, cum_qty=10)]
        rig.broker.asked_offset_ns = -86_400 * SECOND
        await rig.sync.scan()
        assert rig.state(order_id) is S.LIVE

    run(body)


def test_scan_after_midnight_begins_the_day_before_it_is_read() -> None:
    async def body() -> None:
        rig = Rig()
        order_id = await rig.live()
        rig.day_offset_ns = rig.broker.asked_offset_ns = 86_400 * SECOND
        # Today's number 1 is somebody else's order.
        rig.broker.rows = [row(1, qty=3, cum_qty=3)]
        await rig.sync.scan()
        assert rig.state(order_id) is S.CANCELED
        assert rig.manager.get(order_id).cum_qty == 0  # type: ignore[union-attr]

    run(body)


def test_loop_survives_what_the_broker_and_we_do_wrong(caplog: pytest.LogCaptureFixture) -> None:
    async def body() -> None:
        rig = Rig()
        rig.sync.start()
        await settle()
        rig.broker.failures.extend([TransientError("down"), ZeroDivisionError("our bug")])
        rig.sync.ask_scan(0)
        await asyncio.sleep(3)
        rig.sync.ask_scan(0)
        await asyncio.sleep(3)
        assert len(rig.broker.scans) >= 3
        assert rig.engine.discrepancies_seen == 1
        await rig.sync.close()

    with caplog.at_level(logging.ERROR):
        run(body)
    assert "internal error in the order scan" in caplog.text


# -- the balance --------------------------------------------------------------------------------


def test_balance_is_read_once_after_a_burst_of_fills() -> None:
    async def body() -> None:
        rig = Rig()
        rig.sync.start()
        await settle()
        rig.broker.shares = {SYMBOL: 1_010}
        rig.broker.cash_krw = 99_299_000
        await rig.live()
        rig.engine.apply(fill(1, 4))
        rig.engine.apply(fill(1, 6, hhmmss=100_002))
        await asyncio.sleep(5)
        assert rig.manager.portfolio.cash_krw == 99_299_000, "the broker's own fees"
        assert rig.manager.portfolio.qty(SYMBOL) == 1_010
        assert rig.engine.discrepancies_seen == 0
        await rig.sync.close()

    run(body)


def test_position_that_differs_twice_is_corrected_and_reported_once() -> None:
    async def body() -> None:
        rig = Rig()
        rig.broker.shares = {SYMBOL: 990}
        await rig.sync.refresh_balance()
        assert rig.manager.portfolio.qty(SYMBOL) == 1_000
        await rig.sync.refresh_balance()
        assert rig.manager.portfolio.qty(SYMBOL) == 990
        assert rig.engine.discrepancies_seen == 1
        await rig.sync.refresh_balance()
        assert rig.engine.discrepancies_seen == 1

    run(body)


def test_balance_read_while_something_filled_is_not_believed() -> None:
    async def body() -> None:
        rig = Rig()
        await rig.live()
        original = rig.broker.balance

        async def meanwhile(account: str):  # type: ignore[no-untyped-def]
            rig.engine.apply(fill(1, 10))
            return await original(account)

        rig.broker.balance = meanwhile  # type: ignore[method-assign]
        for _ in range(2):
            await rig.sync.refresh_balance()
        assert rig.manager.portfolio.qty(SYMBOL) == 1_010

    run(body)


def test_half_a_balance_changes_nothing() -> None:
    async def body() -> None:
        rig = Rig()
        rig.broker.balances.extend([balance(0, {}, complete=False)] * 5)
        for _ in range(5):
            await rig.sync.refresh_balance()
        assert rig.manager.portfolio.qty(SYMBOL) == 1_000

    run(body)

"""Agreement with the broker: calm accounts only, corrections only when seen twice, no loop dies."""

from __future__ import annotations

import asyncio
import json
import logging
from pathlib import Path

import pytest

from aegis_fast.core.model import Lost, OrderState, OrderType, Outcome, Position
from aegis_fast.errors import AegisError, Disconnected
from tests.unit.engine.engine_fakes import CASH, SECOND, SYMBOL, Rig, request, row, run, until

TEN = (Position(symbol=SYMBOL, qty=10, cost_krw=900_000),)


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    return Rig(tmp_path)


def loads(rig: Rig) -> list[str]:
    """The reasons of the balances adopted so far, the rig's own at the start left out."""
    events = [json.loads(body) for body in rig.on_disk()]
    return [e["reason"] for e in events if e["k"] == "balance"][1:]


# -- the first agreement ---------------------------------------------------------------------------


def test_calm_account_is_adopted_after_scan_balance_scan(rig: Rig) -> None:
    async def work() -> None:
        rig.broker.cash_krw, rig.broker.positions = 5_000_000, TEN
        await rig.sync.agree()
        await rig.engine.settled()
        assert rig.broker.asked == ["orders", "balance", "orders"]
        assert rig.manager.portfolio.cash_krw == 5_000_000
        assert rig.manager.portfolio.sellable(SYMBOL) == 10
        assert loads(rig) == ["start"]

    run(rig, work)


def test_account_that_is_the_same_writes_nothing(rig: Rig) -> None:
    async def work() -> None:
        await rig.sync.agree()
        await rig.engine.settled()
        assert loads(rig) == []

    run(rig, work)


def test_moving_account_is_read_again_until_it_is_calm(rig: Rig) -> None:
    async def work() -> None:
        fills = iter([4, 7, 8, 10, 10, 10])

        def move() -> None:
            cum_qty = next(fills)
            rig.broker.rows = (row(50, cum_qty=cum_qty, cum_value_krw=cum_qty * 100_000),)
            rig.broker.positions = (
                Position(symbol=SYMBOL, qty=cum_qty, cost_krw=cum_qty * 100_000),
            )

        rig.broker.on_scan = move
        await rig.sync.agree()
        assert rig.broker.asked.count("balance") == 3
        assert rig.manager.portfolio.sellable(SYMBOL) == 10

    run(rig, work)


def test_fill_heard_while_the_balance_is_read_makes_it_read_again(rig: Rig) -> None:
    async def work() -> None:
        heard = iter([1, 0])
        rig.broker.on_balance = lambda: setattr(
            rig.engine, "fills_seen", rig.engine.fills_seen + next(heard)
        )
        await rig.sync.agree()
        assert rig.broker.asked.count("balance") == 2

    run(rig, work)


def test_account_that_never_calms_down_is_a_typed_error(rig: Rig) -> None:
    async def work() -> None:
        numbers = iter(range(1, 1_000))
        rig.broker.cash_krw = 7_777
        rig.broker.on_scan = lambda: setattr(
            rig.broker, "rows", (row(50, qty=5_000, cum_qty=next(numbers)),)
        )
        with pytest.raises(AegisError, match="20 tries") as caught:
            await rig.sync.agree()
        assert caught.value.code == 8
        assert rig.broker.asked.count("balance") == 20
        assert rig.manager.portfolio.cash_krw != 7_777, "its balance was not adopted"

    run(rig, work)


def test_list_that_is_not_complete_is_no_agreement(rig: Rig) -> None:
    async def work() -> None:
        rig.broker.is_complete = False
        with pytest.raises(AegisError, match="20 tries"):
            await rig.sync.agree()

    run(rig, work)


def test_broker_that_cannot_be_asked_says_so_itself(rig: Rig) -> None:
    async def work() -> None:
        def gone() -> None:
            raise Disconnected("no connection")

        rig.broker.on_balance = gone
        with pytest.raises(Disconnected):
            await rig.sync.agree()

    run(rig, work)


# -- scans -----------------------------------------------------------------------------------------


def test_scan_finds_the_unknown_order_in_the_list(rig: Rig) -> None:
    async def lost(_command: object) -> Outcome:
        return Lost("timeout")

    async def work() -> None:
        rig.broker.on_place = lost
        order = await rig.service.submit(request())
        assert order.state is OrderState.UNKNOWN
        rig.broker.rows = (row(77),)
        await rig.sync.scan()
        found = rig.order(order.order_id)
        assert (found.state, found.broker_order_id) == (OrderState.LIVE, 77)
        assert len(rig.broker.placed) == 1

    run(rig, work)


def test_list_of_yesterday_changes_nothing(rig: Rig) -> None:
    async def work() -> None:
        rig.broker.rows = (row(77),)
        rig.time_ns += 14 * 3_600 * SECOND
        await rig.sync.scan()
        assert list(rig.manager.records()) == []
        rig.broker.now_ns = rig.time_ns
        await rig.sync.scan()
        assert [r.origin for r in rig.manager.records()] == ["external"]

    run(rig, work)


def test_absence_is_not_believed_while_the_request_is_under_way(tmp_path: Path) -> None:
    rig = Rig(tmp_path, deadlines_s={OrderType.LIMIT: 0.01})

    async def work() -> None:
        late: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        rig.broker.on_place = lambda _command: late
        order_id = rig.submit()
        await rig.reaches(order_id, OrderState.UNKNOWN)
        for _ in range(5):
            rig.time_ns += 61 * SECOND
            rig.broker.now_ns = rig.time_ns
            await rig.sync.scan()
        assert rig.state(order_id) is OrderState.UNKNOWN
        late.set_result(Lost("read timeout"))
        await until(lambda: not rig.engine.is_placing(order_id))
        await rig.sync.scan()
        assert rig.state(order_id) is OrderState.REJECTED

    run(rig, work)


# -- the balance after fills -----------------------------------------------------------------------


def test_other_positions_are_looked_at_twice_before_they_correct_ours(
    rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    async def work() -> None:
        rig.broker.positions = TEN
        await rig.sync.refresh_balance()
        assert rig.manager.portfolio.sellable(SYMBOL) == 0
        assert rig.engine.discrepancies_seen == 0
        assert rig.sync._balance_due.is_set(), "it is read again"
        await rig.sync.refresh_balance()
        assert rig.manager.portfolio.sellable(SYMBOL) == 10
        assert rig.engine.discrepancies_seen == 1
        await rig.engine.settled()
        assert loads(rig) == ["discrepancy"]

    with caplog.at_level(logging.WARNING):
        run(rig, work)
    assert "discrepancy position" in caplog.text


def test_positions_that_agree_in_between_start_the_count_again(rig: Rig) -> None:
    async def work() -> None:
        for positions in (TEN, (), TEN):
            rig.broker.positions = positions
            await rig.sync.refresh_balance()
        assert rig.engine.discrepancies_seen == 0
        assert rig.manager.portfolio.sellable(SYMBOL) == 0

    run(rig, work)


def test_other_cash_is_adopted_at_once(rig: Rig) -> None:
    async def work() -> None:
        rig.broker.cash_krw = CASH - 14
        await rig.sync.refresh_balance()
        assert rig.manager.portfolio.cash_krw == CASH - 14
        assert rig.engine.discrepancies_seen == 0

    run(rig, work)


def test_fill_during_the_reading_throws_it_away(rig: Rig) -> None:
    async def work() -> None:
        rig.broker.cash_krw = 1
        rig.broker.on_balance = lambda: setattr(rig.engine, "fills_seen", 1)
        await rig.sync.refresh_balance()
        assert rig.manager.portfolio.cash_krw == CASH
        assert rig.sync._balance_due.is_set()

    run(rig, work)


# -- the loops -------------------------------------------------------------------------------------


@pytest.mark.parametrize("error", [Disconnected("no connection"), ZeroDivisionError("a bug")])
def test_failing_scan_is_logged_and_the_loop_goes_on(
    rig: Rig, error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    async def work() -> None:
        await rig.reaches(rig.submit(), OrderState.LIVE)
        failures = iter([error])

        def fail_once() -> None:
            for failure in failures:
                raise failure

        rig.broker.on_scan = fail_once
        rig.broker.rows = (row(1),)
        rig.sync.start()
        rig.sync.ask_scan(0)
        await until(lambda: rig.sync.scans >= 1)
        assert len(rig.broker.asked) >= 2
        assert rig.engine.discrepancies_seen == isinstance(error, ZeroDivisionError)

    with caplog.at_level(logging.WARNING):
        run(rig, work)
    assert str(error) in caplog.text


def test_open_order_is_looked_after_without_being_asked(rig: Rig) -> None:
    async def work() -> None:
        rig.broker.rows = (row(1),)
        await rig.reaches(rig.submit(), OrderState.LIVE)
        rig.sync.start()
        await until(lambda: rig.sync.scans >= 2)

    run(rig, work)


def test_earlier_request_for_a_scan_wins(rig: Rig) -> None:
    async def work() -> None:
        rig.sync.start()
        rig.sync.ask_scan(600_000)
        rig.sync.ask_scan(1)
        rig.sync.ask_scan(600_000)
        await until(lambda: rig.sync.scans == 1)

    run(rig, work)


def test_fills_have_the_balance_read_once_after_the_burst(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aegis_fast.engine.sync._BALANCE_DELAY_S", 0.02)

    async def work() -> None:
        rig.sync.start()
        rig.broker.cash_krw = CASH - 5
        for _ in range(10):
            rig.engine.hooks.on_fill()
        await until(lambda: rig.manager.portfolio.cash_krw == CASH - 5)
        assert rig.broker.asked.count("balance") == 1

    run(rig, work)

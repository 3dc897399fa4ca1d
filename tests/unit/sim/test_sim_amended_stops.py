"""Amends of stop-limit orders (22): a new trigger, from and to plain limit orders, once fired."""

from __future__ import annotations

import pytest

from aegis_fast.kis.profile import SIM_HTS_ID
from aegis_fast.sim.desk.ledger import OrderEntry
from aegis_fast.sim.market.rules import Side
from aegis_fast.sim.market.stops import Stops
from tests.unit.sim.sim_harness import Bench, Socket, spec

TICK = 500


@pytest.fixture
def bench() -> Bench:
    return Bench(accounts=(spec(holdings={"005930": (100, 7_000_000)}),))


@pytest.fixture
def listener(bench: Bench) -> Socket:
    socket = bench.socket()
    assert socket.code("H0STCNI0", SIM_HTS_ID) == "OPSP0000"
    return socket


def accepted(bench: Bench, body: dict) -> OrderEntry:
    assert body["rt_cd"] == "0", body
    return bench.broker.ledger.orders[int(body["output"]["ODNO"])]


def stop(bench: Bench, ticks: int) -> OrderEntry:
    """Place a sell that waits so many ticks below the best bid, one tick more below at most."""
    trigger = bench.book.best_bid_krw - ticks * TICK
    body = bench.order("sell", 5, trigger - TICK, "22", CNDT_PRIC=str(trigger))
    return accepted(bench, body)


def amended(bench: Bench, entry: OrderEntry, price: int, kind: str, trigger: str = "") -> dict:
    return bench.change(
        f"{entry.odno:010d}", cancel=False, price=price, ORD_DVSN=kind, CNDT_PRIC=trigger
    )


def is_waiting(entry: OrderEntry) -> bool:
    return entry.resting is not None and isinstance(entry.resting.home, Stops)


def trade_at(bench: Bench, price: int) -> None:
    """Let a stranger sell down to a price."""
    symbol, world = "005930", bench.broker.world
    assert world.trade(symbol, Side.SELL, 10**7, price, bench.now_ns)


def test_amend_moves_the_trigger_and_the_notice_says_so(bench: Bench, listener: Socket) -> None:
    first = stop(bench, 6)
    near = bench.book.best_bid_krw - TICK

    second = accepted(bench, amended(bench, first, first.price_krw, "22", str(near)))

    assert (second.trigger_krw, is_waiting(second)) == (near, True)
    assert int(listener.notices()[-1]["ORD_COND_PRC"]) == near
    trade_at(bench, near)
    assert second.has_fired


@pytest.mark.parametrize("trigger", ["", "0"])
def test_amend_without_a_trigger_keeps_the_old_one(bench: Bench, trigger: str) -> None:
    first = stop(bench, 6)

    second = accepted(bench, amended(bench, first, first.price_krw - TICK, "22", trigger))

    assert (second.trigger_krw, is_waiting(second)) == (first.trigger_krw, True)


def test_trigger_off_the_grid_is_refused_and_nothing_changes(bench: Bench) -> None:
    first = stop(bench, 6)

    body = amended(bench, first, first.price_krw, "22", str(first.trigger_krw + 1))

    assert body["msg_cd"] == "APBK0506"
    assert (first.leaves_qty, is_waiting(first)) == (5, True)


def test_limit_order_becomes_a_stop(bench: Bench) -> None:
    far = bench.book.best_ask_krw + 4 * TICK
    first = accepted(bench, bench.order("sell", 5, far))
    trigger = bench.book.best_bid_krw - 3 * TICK
    assert amended(bench, first, far, "22")["msg_cd"] == "APBK0506"

    second = accepted(bench, amended(bench, first, far, "22", str(trigger)))

    assert (second.trigger_krw, is_waiting(second)) == (trigger, True)
    (row,) = bench.open_orders()["output"]
    assert (row["stpm_cndt_pric"], row["stpm_efct_occr_yn"]) == (str(trigger), "N")


def test_waiting_stop_becomes_a_limit_order_at_its_own_price(bench: Bench) -> None:
    trigger = bench.book.best_bid_krw - 6 * TICK
    first = accepted(
        bench,
        bench.order("sell", 5, bench.book.best_ask_krw + TICK, "22", CNDT_PRIC=str(trigger)),
    )

    second = accepted(bench, amended(bench, first, first.price_krw, "00"))

    assert second.trigger_krw == 0
    assert second.resting is not None
    assert second.resting.home is bench.book.half(Side.SELL)


def test_fired_stop_does_not_wait_again_when_its_price_is_amended(bench: Bench) -> None:
    far = bench.book.best_ask_krw + 4 * TICK
    trigger = bench.book.best_bid_krw
    first = accepted(bench, bench.order("sell", 5, far, "22", CNDT_PRIC=str(trigger)))
    trade_at(bench, trigger)
    assert (first.has_fired, first.state) == (True, "open")
    assert bench.broker.world.trade(
        "005930", Side.BUY, 1, bench.book.best_ask_krw, bench.now_ns
    )  # The last trade is above the trigger again.

    second = accepted(bench, amended(bench, first, far + TICK, "22"))

    assert (second.has_fired, is_waiting(second)) == (True, False)
    (row,) = bench.open_orders()["output"]
    assert row["stpm_efct_occr_yn"] == "Y"


def test_sor_order_cannot_become_a_stop(bench: Bench) -> None:
    price = bench.book.best_ask_krw + 4 * TICK
    first = accepted(bench, bench.order("sell", 5, price, EXCG_ID_DVSN_CD="SOR"))

    body = bench.change(
        f"{first.odno:010d}",
        cancel=False,
        price=price,
        ORD_DVSN="22",
        CNDT_PRIC=str(price - 6 * TICK),
        EXCG_ID_DVSN_CD="SOR",
    )

    assert body["msg_cd"] == "APBK0918"

"""What KRX leaves of a SOR order at its close goes on at NXT, where issue and type allow it."""

from __future__ import annotations

import pytest

from aegis_fast.kis.profile import SIM_HTS_ID
from aegis_fast.sim.desk.account import buy_cost_krw
from aegis_fast.sim.desk.ledger import OrderEntry
from aegis_fast.sim.kst import second_of_day
from aegis_fast.sim.market.rules import Side
from tests.unit.sim.rest_bench import bench_at
from tests.unit.sim.sim_harness import SECOND, Bench


def until(bench: Bench, clock: str) -> None:
    hours, minutes, seconds = (int(part) for part in clock.split(":"))
    goal_s = hours * 3_600 + minutes * 60 + seconds
    bench.now_ns += (goal_s - second_of_day(bench.now_ns)) * SECOND
    bench.broker.advance(bench.now_ns, bench.real_ns)


def placed(bench: Bench, side: str, qty: int, price: int, **more: str) -> OrderEntry:
    body = bench.order(side, qty, price, **({"EXCG_ID_DVSN_CD": "SOR"} | more))
    assert body["rt_cd"] == "0", body
    return bench.broker.ledger.orders[int(body["output"]["ODNO"])]


def test_sor_limit_order_outlives_the_close_of_krx_and_fills_at_nxt() -> None:
    bench = bench_at("15:25:00")
    socket = bench.socket()
    assert socket.code("H0STCNI0", SIM_HTS_ID) == "OPSP0000"
    last = bench.broker.world.tapes["005930"].last_krw
    sell = placed(bench, "sell", 9, last + 5_000)
    assert sell.board == "KRX"
    before = len(socket.notices())

    until(bench, "15:31:00")

    assert (sell.state, sell.board, sell.leaves_qty) == ("open", "NXT", 9)
    assert bench.account.holdings["005930"].reserved_qty == 9
    assert len(socket.notices()) == before, "no notice of the move"
    (row,) = bench.open_orders()["output"]
    assert (row["excg_id_dvsn_cd"], row["psbl_qty"]) == ("SOR", "9")
    until(bench, "15:45:00")
    buy = placed(bench, "buy", 9, last + 5_000, EXCG_ID_DVSN_CD="NXT")
    while sell.leaves_qty:
        buy = placed(bench, "buy", 100_000, last + 5_000, EXCG_ID_DVSN_CD="NXT")
    fills = [n for n in socket.notices() if n["CNTG_YN"] == "2" and int(n["ODER_NO"]) == sell.odno]
    assert {notice["ORD_EXG_GB"] for notice in fills} == {"4"}
    assert sum(int(notice["CNTG_QTY"]) for notice in fills) == 9
    assert buy.board == "NXT"
    mine = [fill for fill in bench.broker.ledger.fills if fill.odno == sell.odno]
    assert {fill.board for fill in mine} == {"NXT"}


def test_moved_order_can_be_amended_and_ends_with_the_after_market() -> None:
    bench = bench_at("15:25:00")
    low = bench.book.limits.lower_krw
    first = placed(bench, "buy", 3, low)
    until(bench, "15:41:00")

    body = bench.change(f"{first.odno:010d}", cancel=False, price=low + 100, EXCG_ID_DVSN_CD="SOR")

    assert body["rt_cd"] == "0", body
    second = bench.broker.ledger.orders[int(body["output"]["ODNO"])]
    assert (second.board, second.leaves_qty) == ("NXT", 3)
    assert bench.account.reserved_krw == buy_cost_krw(low + 100, 3)
    until(bench, "20:00:01")
    assert second.state == "canceled"
    assert bench.account.reserved_krw == 0


@pytest.mark.parametrize(
    ("symbol", "fields"),
    [
        ("005930", {"EXCG_ID_DVSN_CD": "KRX"}),
        ("069500", {}),
        ("005930", {"ORD_DVSN": "01"}),
    ],
)
def test_other_orders_end_with_the_close(symbol: str, fields: dict[str, str]) -> None:
    bench = bench_at("15:25:00")
    book = bench.broker.exchange.books[symbol]
    for level in book.levels(Side.SELL, 1_000):
        for order in list(level.orders.values()):
            book.reduce(order, order.leaves_qty)
    price = 0 if fields.get("ORD_DVSN") == "01" else book.limits.lower_krw
    entry = placed(bench, "buy", 2, price, PDNO=symbol, **fields)

    until(bench, "15:31:00")

    assert (entry.state, entry.board) == ("canceled", "KRX")
    assert bench.account.reserved_krw == 0


def test_halted_issue_is_not_taken_over() -> None:
    bench = bench_at("15:25:00")
    entry = placed(bench, "buy", 2, bench.book.limits.lower_krw)
    bench.broker.exchange.book("005930", "NXT").mode = "halted"
    bench.broker.world.sessions.halted.add("005930")
    bench.broker.world.expire(bench.book)

    assert (entry.state, entry.board) == ("canceled", "KRX")

"""Order numbers over two days: they begin at 1 again, and name the order of the date asked for."""

from __future__ import annotations

from aegis_fast.kis.profile import SIM_HTS_ID
from tests.unit.sim.sim_harness import SECOND, Bench

DAY_NS = 86_400 * SECOND


def placed(bench: Bench, qty: int, **more: str) -> str:
    """Place a buy that rests far below the market."""
    symbol = more.get("PDNO", "005930")
    price = bench.broker.exchange.books[symbol].limits.lower_krw
    body = bench.order("buy", qty, price, **more)
    assert body["rt_cd"] == "0", body
    return body["output"]["ODNO"]


def next_day(bench: Bench) -> None:
    bench.now_ns += DAY_NS
    bench.token = ""  # It has run out meanwhile.
    bench.broker.advance(bench.now_ns, bench.real_ns)


def test_numbers_begin_at_one_on_every_date() -> None:
    bench = Bench()
    first = [placed(bench, qty) for qty in (1, 2)]
    next_day(bench)
    second = [placed(bench, qty) for qty in (3, 4, 5)]

    assert first == ["0000000001", "0000000002"]
    assert second == ["0000000001", "0000000002", "0000000003"]
    ledger = bench.broker.ledger_json()["orders"]
    assert [(row["date"], int(row["odno"]), row["qty"]) for row in ledger] == [
        ("20261123", 1, 1),
        ("20261123", 2, 2),
        ("20261124", 1, 3),
        ("20261124", 2, 4),
        ("20261124", 3, 5),
    ]


def test_amend_and_cancel_mean_the_order_of_today() -> None:
    bench = Bench()
    placed(bench, 1)
    old = placed(bench, 2)
    next_day(bench)
    today = placed(bench, 3)

    assert bench.change(old, cancel=True)["msg_cd"] == "APBK0918", "an order of yesterday"
    body = bench.change(today, cancel=True, qty=2)

    assert body["output"]["ODNO"] == "0000000002"
    find = bench.broker.ledger.find
    assert find("20261124", 1).leaves_qty == 1
    assert find("20261124", 2).original == 1
    assert find("20261123", 1).canceled_qty == 1, "at midnight, not by the cancel"
    (row,) = bench.open_orders()["output"]
    assert (row["odno"], row["psbl_qty"]) == (today, "1")


def test_query_by_number_shows_the_order_of_the_dates_asked_for() -> None:
    bench = Bench()
    number = placed(bench, 1)
    next_day(bench)
    assert placed(bench, 7) == number

    def rows(first: str, last: str) -> list[tuple[str, str]]:
        body = bench.day_orders(INQR_STRT_DT=first, INQR_END_DT=last, ODNO=number)
        return [(row["ord_dt"], row["ord_qty"]) for row in body["output1"]]

    assert rows("20261123", "20261123") == [("20261123", "1")]
    assert rows("20261124", "20261124") == [("20261124", "7")]
    assert rows("20261123", "20261124") == [("20261124", "7"), ("20261123", "1")]


def test_fills_book_on_the_order_of_their_day() -> None:
    bench = Bench()
    socket = bench.socket()
    assert socket.code("H0STCNI0", SIM_HTS_ID) == "OPSP0000"
    number = placed(bench, 1)
    next_day(bench)
    body = bench.order("buy", 4)

    assert body["output"]["ODNO"] == number
    ledger = bench.broker.ledger
    assert ledger.find("20261123", 1).filled_qty == 0
    assert ledger.find("20261124", 1).filled_qty == 4
    fills = bench.broker.ledger_json()["fills"]
    assert {(fill["date"], fill["odno"]) for fill in fills} == {("20261124", number)}
    told = [notice for notice in socket.notices() if notice["CNTG_YN"] == "2"]
    assert sum(int(notice["CNTG_QTY"]) for notice in told) == 4
    assert bench.account.reserved_krw == 0


def test_fault_aimed_at_an_issue_meets_the_cancel_of_todays_order() -> None:
    bench = Bench()
    placed(bench, 1)
    next_day(bench)
    placed(bench, 1, PDNO="000660")
    faults = bench.broker.faults
    faults.add(
        faults.read(b'{"kind": "request_lost", "symbol": "005930", "call": "order-rvsecncl"}')
    )
    faults.add(faults.read(b'{"kind": "rate_refusal", "symbol": "000660"}'))

    assert bench.change("0000000001", cancel=True)["msg_cd"] == "EGW00201"


def test_only_live_orders_are_looked_at_when_a_day_ends() -> None:
    bench = Bench()
    filled = bench.order("buy", 1)["output"]["ODNO"]
    rests = [placed(bench, 1) for _ in range(3)]
    bench.change(rests[0], cancel=True)
    amended = bench.change(rests[1], cancel=False, price=bench.book.limits.lower_krw + 500)

    ledger = bench.broker.ledger
    live = [entry.odno for entry in ledger.live.values()]
    assert live == [int(rests[2]), int(amended["output"]["ODNO"])]
    assert int(filled) not in live
    next_day(bench)
    assert not ledger.live
    assert not any(entry.leaves_qty for entry in ledger.orders.values())

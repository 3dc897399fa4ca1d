"""Reserved orders: kept, listed, changed, and entered at the opening."""

from __future__ import annotations

from tests.contracts.rest_requests import PARAMS, ask
from tests.unit.sim.rest_bench import bench_at
from tests.unit.sim.sim_harness import SECOND, Bench

DAY_NS = 86_400 * SECOND


def reserve(bench: Bench, **more: str) -> dict:
    return ask(bench, "order-resv", PARAMS["order-resv"] | more)[1]


def listed(bench: Bench, **more: str) -> list[dict[str, str]]:
    more = {"RSVN_ORD_ORD_DT": "20261101", "RSVN_ORD_END_DT": "20261231"} | more
    return ask(bench, "order-resv-ccnl", PARAMS["order-resv-ccnl"] | more)[1]["output"]


def change(bench: Bench, variant: str, number: str, **more: str) -> dict:
    params = PARAMS["order-resv-rvsecncl"] | {"RSVN_ORD_SEQ": number} | more
    return ask(bench, "order-resv-rvsecncl", params, variant)[1]


def test_reservation_becomes_an_order_at_the_opening() -> None:
    bench = bench_at("07:20:00")
    answer = reserve(bench)
    waiting = listed(bench)[0]

    bench.now_ns += (69 * 60 + 59) * SECOND
    bench.broker.advance(bench.now_ns, bench.real_ns)
    early = dict(bench.broker.ledger.orders)
    bench.move(2 * SECOND)

    row = listed(bench)[0]
    assert answer["output"] == {"RSVN_ORD_SEQ": "1"}
    assert (waiting["prcs_rslt"], waiting["odno"], waiting["rsvn_ord_ord_dt"]) == (
        *("미처리", ""),
        "20261123",
    )
    assert early == {}
    entry = bench.broker.ledger.orders[1]
    assert (entry.symbol, entry.qty, entry.price_krw, entry.board) == ("005930", 2, 250_000, "KRX")
    assert (row["prcs_rslt"], row["odno"], row["ord_tmd"]) == ("처리", "0000000001", "083000")


def test_reservation_of_the_evening_is_for_the_next_trading_day() -> None:
    bench = bench_at("18:00:00", days=4)  # A Friday.

    reserve(bench)

    assert listed(bench)[0]["rsvn_ord_ord_dt"] == "20261130"


def test_reservations_are_not_taken_while_the_market_trades() -> None:
    body = reserve(bench_at("10:00:00"))

    assert (body["rt_cd"], body["msg_cd"]) == ("7", "APBK0918")
    assert reserve(bench_at("10:00:00", hours="open"))["rt_cd"] == "0"


def test_changed_reservation_is_entered_as_changed() -> None:
    bench = bench_at("07:20:00")
    reserve(bench)
    reserve(bench)

    assert change(bench, "amend", "1", ORD_QTY="7", ORD_UNPR="251000")["output"] == {
        "NRML_PRCS_YN": "Y"
    }
    assert change(bench, "cancel", "2")["rt_cd"] == "0"
    bench.now_ns += 71 * 60 * SECOND
    bench.broker.advance(bench.now_ns, bench.real_ns)

    assert [(e.qty, e.price_krw) for e in bench.broker.ledger.orders.values()] == [(7, 251_000)]
    assert [row["prcs_rslt"] for row in listed(bench)] == ["처리", "취소"]
    assert [row["rsvn_ord_seq"] for row in listed(bench, CNCL_YN="N")] == ["1"]
    assert listed(bench, PRCS_DVSN_CD="2")[0]["cncl_ord_dt"] == "20261123"


def test_entered_or_unknown_reservation_cannot_be_changed() -> None:
    bench = bench_at("07:20:00", hours="open")
    reserve(bench)
    bench.now_ns += 71 * 60 * SECOND
    bench.broker.advance(bench.now_ns, bench.real_ns)

    for number in ("1", "2"):
        assert change(bench, "cancel", number)["msg_cd"] == "APBK0918"


def test_refused_entry_keeps_its_reason() -> None:
    bench = bench_at("07:20:00")
    reserve(bench, ORD_QTY="900000000", ORD_UNPR="0", ORD_DVSN_CD="01")

    bench.now_ns += 71 * 60 * SECOND
    bench.broker.advance(bench.now_ns, bench.real_ns)

    row = listed(bench)[0]
    assert (row["prcs_rslt"], row["odno"]) == ("거부", "")
    assert "주문가능금액" in row["rjct_rson2"]
    assert bench.broker.ledger.orders == {}


def test_reservation_with_an_end_date_is_entered_every_trading_day() -> None:
    bench = bench_at("07:20:00", days=3)  # A Thursday.
    reserve(bench, ORD_QTY="10", RSVN_ORD_END_DT="20261130")
    broker, opening_ns = bench.broker, bench.now_ns + 71 * 60 * SECOND

    for day in range(7):
        now_ns = opening_ns + day * DAY_NS
        broker.desk.end_day(now_ns)
        if day == 1:
            broker.ledger.orders[1].filled_qty = 4
        broker.world.change_mode(bench.book, "continuous")
        broker.world.sessions._phases["KRX"] = _always()
        broker.reservations.enter_due(now_ns)

    entered = [(entry.date, entry.qty) for entry in broker.ledger.orders.values()]
    assert entered == [("20261126", 10), ("20261127", 6), ("20261130", 6)]


def _always():
    from aegis_fast.sim.market.calendar import OPEN_HOURS

    return OPEN_HOURS[0]


def test_reservation_is_checked_for_form() -> None:
    bench = bench_at("07:20:00")

    for more, code in (
        ({"PDNO": "999999"}, "APBK0656"),
        ({"ORD_DVSN_CD": "11"}, "OPSQ2002"),
        ({"ORD_QTY": "0"}, "APBK0918"),
        ({"ORD_UNPR": "0"}, "OPSQ2002"),
        ({"ORD_DVSN_CD": "01"}, "OPSQ2002"),
        ({"ORD_OBJT_CBLC_DVSN_CD": "12"}, "APBK0957"),
        ({"RSVN_ORD_END_DT": "20261122"}, "OPSQ2002"),
        ({"RSVN_ORD_END_DT": "20261224"}, "OPSQ2002"),
    ):
        assert reserve(bench, **more)["msg_cd"] == code, more
    assert listed(bench) == []

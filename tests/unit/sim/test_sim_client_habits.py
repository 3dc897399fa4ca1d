"""What public clients ask for in their own way, and the broker answers all the same."""

from __future__ import annotations

from aegis_fast.kis import tr
from tests.unit.sim.sim_harness import Bench

QUOTE = {"FID_COND_MRKT_DIV_CODE": "J", "FID_INPUT_ISCD": "005930"}
DAYS = {"FID_PERIOD_DIV_CODE": "D", "FID_ORG_ADJ_PRC": "1", "FID_INPUT_DATE_2": "20261123"}
MINUTES = {"FID_ETC_CLS_CODE": "", "FID_PW_DATA_INCU_YN": "N"}


def test_doubled_slash_in_a_path_is_answered() -> None:
    bench = Bench()
    bench.login()
    call = tr.call("inquire-price")

    answer = bench.send(
        "GET", "/" + call.path, headers=bench.headers(call.tr_id("real")), query=QUOTE
    )

    assert answer.status == 200
    assert bench.broker.ledger.calls[-1].call == "inquire-price"


def test_days_since_the_year_zero_are_all_days() -> None:
    bench = Bench()

    since_zero = bench.quote("inquire-daily-itemchartprice", **DAYS, FID_INPUT_DATE_1="00000101")
    since_1980 = bench.quote("inquire-daily-itemchartprice", **DAYS, FID_INPUT_DATE_1="19800104")

    assert len(since_zero["output2"]) == 100
    assert since_zero["output2"] == since_1980["output2"]


def test_minutes_before_no_time_are_the_newest() -> None:
    bench = Bench()

    rows = bench.quote("inquire-time-itemchartprice", **MINUTES, FID_INPUT_HOUR_1="000000")
    now = bench.quote("inquire-time-itemchartprice", **MINUTES, FID_INPUT_HOUR_1="100000")

    assert rows["output2"] == now["output2"]
    assert rows["output2"][0]["stck_cntg_hour"] == "100000"


def test_old_tr_id_needs_no_venue() -> None:
    bench = Bench()
    bench.login()
    call = tr.call("inquire-daily-ccld")
    query = {
        **{name: "" for name in call.required if name != "EXCG_ID_DVSN_CD"},
        "CANO": "50000000",
        "ACNT_PRDT_CD": "01",
        "INQR_STRT_DT": "20261123",
        "INQR_END_DT": "20261123",
        "SLL_BUY_DVSN_CD": "00",
        "INQR_DVSN": "00",
        "CCLD_DVSN": "00",
    }

    def code(tr_id: str) -> str:
        return bench.send("GET", call.path, headers=bench.headers(tr_id), query=query).msg_cd

    assert code("TTTC8001R") == "KIOK0510"
    assert code("TTTC0081R") == "OPSQ2002"

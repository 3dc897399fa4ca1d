"""Quotation answers: the numbers in them, and what is refused."""

from __future__ import annotations

import itertools
import json

import pytest

from aegis_fast.sim.calls.answers import decimal
from aegis_fast.sim.calls.products import isin
from aegis_fast.sim.market.rules import Side
from tests.unit.sim.sim_harness import SECOND, Bench, spec


@pytest.fixture(scope="module")
def bench() -> Bench:
    bench = Bench(activity=1.0)
    bench.move(5 * SECOND)
    return bench


def test_price_answers_what_the_tape_says(bench: Bench) -> None:
    out = bench.quote("inquire-price")["output"]
    tape = bench.broker.world.tapes["005930"]

    assert int(out["stck_prpr"]) == tape.last_krw
    assert int(out["stck_prpr"]) - int(out["prdy_vrss"]) == int(out["stck_sdpr"]) == 274_000
    assert (out["stck_mxpr"], out["stck_llam"]) == ("356000", "192000")
    assert (out["aspr_unit"], out["hts_deal_qty_unit_val"]) == ("500", "1")
    assert int(out["hts_avls"]) == tape.last_krw * int(out["lstn_stcn"]) // 100_000_000
    assert int(out["acml_vol"]) == tape.cum_qty
    assert int(out["d250_lwpr"]) <= int(out["w52_lwpr"]) <= int(out["w52_hgpr"])


def test_elw_has_no_price_limits_to_show(bench: Bench) -> None:
    out = bench.quote("inquire-price", "57JN53")["output"]

    assert (out["stck_mxpr"], out["stck_llam"], out["hts_deal_qty_unit_val"]) == ("0", "0", "10")


def test_book_answer_equals_the_book(bench: Bench) -> None:
    body = bench.quote("asking-price-exp-ccn")
    out = body["output1"]

    for side, word in ((Side.SELL, "askp"), (Side.BUY, "bidp")):
        levels = bench.book.levels(side, 10)
        assert [int(out[f"{word}{n}"]) for n in range(1, 11)] == [x.price_krw for x in levels]
        assert [int(out[f"{word}_rsqn{n}"]) for n in range(1, 11)] == [x.qty for x in levels]
        assert int(out[f"total_{word}_rsqn"]) == sum(x.qty for x in levels)
    assert body["output2"]["stck_prpr"] == str(bench.broker.world.tapes["005930"].last_krw)


def chart(bench: Bench, first: str, last: str, period: str = "D", symbol: str = "005930") -> dict:
    return bench.quote(
        "inquire-daily-itemchartprice",
        symbol,
        FID_INPUT_DATE_1=first,
        FID_INPUT_DATE_2=last,
        FID_PERIOD_DIV_CODE=period,
        FID_ORG_ADJ_PRC="0",
    )


def test_days_come_newest_first_a_hundred_at_most(bench: Bench) -> None:
    rows = chart(bench, "20250101", "20261123")["output2"]
    older = chart(bench, "20250101", rows[-1]["stck_bsop_date"])["output2"]

    dates = [row["stck_bsop_date"] for row in rows]
    assert len(rows) == 100
    assert dates == sorted(dates, reverse=True)
    assert dates[:2] == ["20261123", "20261120"]
    assert older[0] == rows[-1]
    closes = [int(row["stck_clpr"]) for row in rows]
    assert [int(row["prdy_vrss"]) for row in rows[:-1]] == [
        new - old for new, old in itertools.pairwise(closes)
    ]


def test_weeks_join_their_days(bench: Bench) -> None:
    days = chart(bench, "20261109", "20261120")["output2"]
    weeks = chart(bench, "20261109", "20261120", "W")["output2"]

    assert [row["stck_bsop_date"] for row in weeks] == ["20261120", "20261113"]
    assert int(weeks[0]["acml_vol"]) == sum(int(row["acml_vol"]) for row in days[:5])
    assert weeks[0]["stck_oprc"] == days[4]["stck_oprc"]
    assert int(weeks[1]["stck_hgpr"]) == max(int(row["stck_hgpr"]) for row in days[5:])
    assert len(chart(bench, "20260101", "20261231", "M")["output2"]) == 11
    assert len(chart(bench, "20200101", "20261231", "Y")["output2"]) >= 3


def minutes(bench: Bench, hour: str) -> list[dict[str, str]]:
    return bench.quote(
        "inquire-time-itemchartprice",
        FID_INPUT_HOUR_1=hour,
        FID_PW_DATA_INCU_YN="Y",
        FID_ETC_CLS_CODE="",
    )["output2"]


def test_minutes_can_be_walked_back_to_the_open(bench: Bench) -> None:
    first = minutes(bench, "100000")
    second = minutes(bench, "093000")

    assert [row["stck_cntg_hour"] for row in first] == [
        f"{m // 60:02d}{m % 60:02d}00" for m in range(600, 570, -1)
    ]
    assert len(second) == 30 + 1 - 1
    assert second[-1]["stck_cntg_hour"] == "090100"
    assert minutes(bench, "085900") == []
    assert int(first[0]["cntg_vol"]) > 0


def test_future_minutes_repeat_the_current_price(bench: Bench) -> None:
    rows = minutes(bench, "101000")

    last = str(bench.broker.world.tapes["005930"].last_krw)
    assert {row["stck_prpr"] for row in rows[:10]} == {last}
    assert {row["cntg_vol"] for row in rows[:10]} == {"0"}


def test_issue_information_tells_market_kind_and_nxt(bench: Bench) -> None:
    def info(symbol: str) -> dict[str, str]:
        return bench.call("search-stock-info", {"PRDT_TYPE_CD": "300", "PDNO": symbol})["output"]

    assert info("005930")["pdno"] == "00000A005930"
    assert info("005930")["std_pdno"] == "KR7005930003"
    assert info("247540")["mket_id_cd"] == "KSQ"
    assert [info(s)["scty_grp_id_cd"] for s in ("005930", "069500", "57JN53")] == ["ST", "EF", "EW"]
    assert [info(s)["cptt_trad_tr_psbl_yn"] for s in ("005930", "069500")] == ["Y", "N"]


def test_isin_check_digit() -> None:
    assert isin("000660") == "KR7000660001"
    assert isin("035420") == "KR7035420009"


@pytest.mark.parametrize(
    ("call_id", "changes", "code"),
    [
        ("inquire-price", {"FID_INPUT_ISCD": "999999"}, "APBK0656"),
        ("inquire-price", {"FID_INPUT_ISCD": ""}, "APBK0656"),
        ("inquire-price", {"FID_COND_MRKT_DIV_CODE": "X"}, "OPSQ2001"),
        ("inquire-price", {"FID_COND_MRKT_DIV_CODE": "NX", "FID_INPUT_ISCD": "069500"}, "APBK0656"),
        ("inquire-price", {"FID_INPUT_ISCD": "9" * 201}, "OPSQ2002"),
        ("asking-price-exp-ccn", {"FID_INPUT_ISCD": "삼성전자"}, "APBK0656"),
    ],
)
def test_bad_question_is_refused(
    bench: Bench, call_id: str, changes: dict[str, str], code: str
) -> None:
    params = {"FID_COND_MRKT_DIV_CODE": "J", "FID_INPUT_ISCD": "005930"} | changes

    body = bench.call(call_id, params)

    assert (body["rt_cd"], body["msg_cd"]) == ("1", code)
    assert len(body["msg1"]) == 80


@pytest.mark.parametrize(
    "changes",
    [
        {"FID_INPUT_DATE_1": "2026-11-01"},
        {"FID_INPUT_DATE_2": ""},
        {"FID_PERIOD_DIV_CODE": "Q"},
        {"FID_ORG_ADJ_PRC": "2"},
    ],
)
def test_bad_chart_question_is_refused(bench: Bench, changes: dict[str, str]) -> None:
    params = {
        "FID_INPUT_DATE_1": "20261101",
        "FID_INPUT_DATE_2": "20261123",
        "FID_PERIOD_DIV_CODE": "D",
        "FID_ORG_ADJ_PRC": "0",
    }

    assert bench.quote("inquire-daily-itemchartprice", **(params | changes))["msg_cd"] == "OPSQ2002"


def test_missing_parameter_is_named(bench: Bench) -> None:
    body = bench.call("inquire-price", {"FID_COND_MRKT_DIV_CODE": "J"})

    assert body["msg_cd"] == "OPSQ2002"
    assert "FID_INPUT_ISCD" in body["msg1"]


def test_parameter_names_may_be_lower_case_in_a_query(bench: Bench) -> None:
    params = {"fid_cond_mrkt_div_code": "UN", "fid_input_iscd": "005930"}

    assert bench.call("inquire-price", params)["rt_cd"] == "0"


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/", 404, "OPSQ0002"),
        ("GET", "/uapi/nothing", 404, "OPSQ0002"),
        ("POST", "/uapi/domestic-stock/v1/quotations/inquire-price", 405, "EGW00101"),
        ("GET", "/uapi/domestic-stock/v1/trading/order-cash", 405, "EGW00101"),
    ],
)
def test_wrong_path_or_method_is_refused(
    bench: Bench, method: str, path: str, status: int, code: str
) -> None:
    answer = bench.send(method, path, headers=bench.headers("FHKST01010100"))

    assert (answer.status, json.loads(answer.body)["msg_cd"]) == (status, code)


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"", "OPSQ9997"),
        (b"{", "OPSQ9997"),
        (b"\xff\xfe", "OPSQ9997"),
        (b"[]", "OPSQ9995"),
        (b"null", "OPSQ9995"),
        (b"{}", "OPSQ2002"),
        (b'{"CANO":50000000}', "OPSQ2002"),
        (b'{"CANO":null}', "OPSQ2002"),
    ],
)
def test_nonsense_order_body_is_refused(bench: Bench, raw: bytes, code: str) -> None:
    path = "/uapi/domestic-stock/v1/trading/order-cash"

    answer = bench.send("POST", path, headers=bench.headers("TTTC0012U"), body=raw)

    assert (answer.status, json.loads(answer.body)["msg_cd"]) == (200, code)


def test_lower_case_order_body_is_refused(bench: Bench) -> None:
    body = {"cano": "50000000", "acnt_prdt_cd": "01", "pdno": "005930"}

    assert bench.call("order-cash", body, "buy")["msg_cd"] == "OPSQ2002"


def test_old_ids_still_work(bench: Bench) -> None:
    path = "/uapi/domestic-stock/v1/trading/order-cash"
    body = {
        "CANO": "50000000",
        "ACNT_PRDT_CD": "01",
        "PDNO": "005930",
        "ORD_DVSN": "01",
        "ORD_QTY": "1",
        "ORD_UNPR": "0",
    }

    answer = bench.send("POST", path, headers=bench.headers("TTTC0802U"), body=body)

    assert json.loads(answer.body)["rt_cd"] == "0"
    assert bench.broker.ledger.orders[1].side is Side.BUY


def test_balance_pages_follow_the_profile() -> None:
    held = dict.fromkeys(list(Bench().broker.exchange.books)[:25], (10, 10000))
    bench = Bench(profile="paper", accounts=(spec(holdings=held),))

    first = bench.balance()
    second = bench.balance(
        "N",
        CTX_AREA_FK100=first["ctx_area_fk100"],
        CTX_AREA_NK100=first["ctx_area_nk100"],
    )

    assert (len(first["output1"]), len(second["output1"])) == (20, 5)
    assert [b["_"].headers["tr_cont"] for b in (first, second)] == ["F", "E"]
    assert {row["pdno"] for row in first["output1"] + second["output1"]} == set(held)


@pytest.mark.parametrize(
    ("args", "text"),
    [
        ((1, 3, 2), "0.33"),
        ((-1, 3, 2), "-0.33"),
        ((-1, 1000, 2), "0.00"),
        ((200, 100, 2), "2.00"),
        ((5, 0, 2), "0.00"),
        ((7, 1, 4), "7.0000"),
    ],
)
def test_decimals_are_cut_towards_zero(args: tuple[int, int, int], text: str) -> None:
    assert decimal(*args) == text


def test_minutes_go_on_after_midnight() -> None:
    bench = Bench(activity=1.0)
    midnight = 14 * 3_600 * SECOND
    bench.now_ns += midnight - 5 * SECOND
    bench.broker.step(bench.now_ns, bench.real_ns)
    bench.move(10 * SECOND)

    rows = minutes(bench, "000000")

    assert [row["stck_cntg_hour"] for row in rows] == ["000000"]
    assert rows[0]["stck_bsop_date"] == "20261124"
    assert int(rows[0]["cntg_vol"]) > 0

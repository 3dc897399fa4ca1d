"""OVC_ORDER: several orders in one call, in the profile spec."""

from __future__ import annotations

import json

import pytest

from aegis_fast.sim.calls.batch import MAX_LEGS, PATH, TR_ID
from tests.unit.sim.sim_harness import Bench, spec


def leg(**changes: object) -> dict[str, object]:
    fields: dict[str, object] = {
        "PDNO": "005930",
        "SLL_BUY_DVSN_CD": "02",
        "ORD_DVSN": "01",
        "ORD_QTY": "1",
        "ORD_UNPR": "0",
    }
    return fields | changes


def batch(bench: Bench, body: object, method: str = "POST", tr_id: str = TR_ID) -> tuple[int, dict]:
    answer = bench.send(method, PATH, headers=bench.headers(tr_id), body=body)
    return answer.status, json.loads(answer.body)


def envelope(*legs: object, **changes: object) -> dict[str, object]:
    return {"CANO": "50000000", "ACNT_PRDT_CD": "01", "ORDERS": list(legs), **changes}


def test_b1_five_legs_are_answered_in_order_and_count_as_one_call() -> None:
    bench = Bench(calls_per_s=1)
    legs = [leg(ORD_QTY=str(qty)) for qty in range(1, 6)]

    status, body = batch(bench, envelope(*legs))

    assert (status, body["rt_cd"], body["msg_cd"]) == (200, "0", "APBK0013")
    assert body["output1"] == {"ORD_CNT": "5", "SUCC_CNT": "5", "FAIL_CNT": "0"}
    assert [row["ODNO"] for row in body["output2"]] == [f"{n:010d}" for n in range(1, 6)]
    assert [entry.qty for entry in bench.broker.ledger.orders.values()] == [1, 2, 3, 4, 5]
    assert batch(bench, envelope(leg()))[1]["msg_cd"] == "EGW00201"


def test_b2_refused_leg_leaves_the_others_standing() -> None:
    bench = Bench()

    body = batch(
        bench,
        envelope(leg(), leg(SLL_BUY_DVSN_CD="01", ORD_QTY="9999"), leg(PDNO="000660")),
    )[1]

    assert body["output1"] == {"ORD_CNT": "3", "SUCC_CNT": "2", "FAIL_CNT": "1"}
    assert [row["rt_cd"] == "0" for row in body["output2"]] == [True, False, True]
    refused = body["output2"][1]
    assert (refused["msg_cd"], refused["ODNO"]) == ("APBK0400", "")
    assert [entry.symbol for entry in bench.broker.ledger.orders.values()] == ["005930", "000660"]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"{", "OPSQ9997"),
        (b"[]", "OPSQ9995"),
        ({"CANO": "50000000", "ACNT_PRDT_CD": "01"}, "OPSQ2002"),
        (envelope(), "OPSQ2002"),
        (envelope(*[leg()] * (MAX_LEGS + 1)), "OPSQ2002"),
        (envelope(leg(), "x"), "OPSQ2002"),
        (envelope(leg(), leg(ORD_QTY=1)), "OPSQ2002"),
        (envelope(leg(), leg(SLL_BUY_DVSN_CD="03")), "OPSQ2002"),
        (envelope(leg(), {"PDNO": "005930"}), "OPSQ2002"),
        (envelope(leg(), leg(CANO="50000009")), "OPSQ2000"),
        (envelope(leg(), leg(ACNT_PRDT_CD="02")), "OPSQ2000"),
        (envelope(leg(), CANO="59999999"), "OPSQ2000"),
        (envelope(leg(), CANO=50000000), "OPSQ2002"),
    ],
)
def test_b3_wrong_envelope_refuses_all_before_anything_lands(body: object, code: str) -> None:
    bench = Bench()

    status, answer = batch(bench, body)

    assert (status, answer["rt_cd"], answer["msg_cd"]) == (200, "1", code)
    assert not bench.broker.ledger.orders


def test_account_of_another_customer_is_refused() -> None:
    other = spec(account="5000000201", appkey="O" * 36, hts_id="other")
    bench = Bench(accounts=(spec(), other))

    answer = batch(bench, envelope(leg(), CANO="50000002"))[1]

    assert answer["msg_cd"] == "OPSQ2000"
    assert not bench.broker.ledger.orders


def test_batch_wants_post_its_tr_id_and_a_token() -> None:
    bench = Bench()

    assert batch(bench, envelope(leg()), method="GET")[0] == 405
    assert batch(bench, envelope(leg()), tr_id="TTTC0012U")[1]["msg_cd"] == "OPSQ0002"
    headers = bench.headers(TR_ID, authorization="")
    answer = bench.send("POST", PATH, headers=headers, body=envelope(leg()))
    assert json.loads(answer.body)["msg_cd"] == "EGW00122"
    assert not bench.broker.ledger.orders


@pytest.mark.parametrize("profile", ["real", "paper"])
def test_broker_itself_knows_no_batch(profile: str) -> None:
    bench = Bench(profile=profile)

    status, answer = batch(bench, envelope(leg()))

    assert (status, answer["msg_cd"]) == (404, "OPSQ0002")
    assert not bench.broker.ledger.orders

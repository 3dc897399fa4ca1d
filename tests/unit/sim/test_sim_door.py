"""Keys, tokens and the call limit."""

from __future__ import annotations

import json

import pytest

from aegis_fast.kis.profile import SIM_APPKEY, SIM_APPSECRET
from tests.unit.sim.sim_harness import FIRST_TOKEN, MS, SECOND, Bench, spec

HOUR = 3_600 * SECOND


@pytest.fixture
def bench() -> Bench:
    return Bench()


def issue(bench: Bench, **changes: str) -> tuple[int, dict]:
    answer = bench.send("POST", "/oauth2/tokenP", body=FIRST_TOKEN | changes)
    return answer.status, json.loads(answer.body)


def price_code(bench: Bench, **headers: str) -> tuple[int, str]:
    path = "/uapi/domestic-stock/v1/quotations/inquire-price"
    query = {"FID_COND_MRKT_DIV_CODE": "J", "FID_INPUT_ISCD": "005930"}
    sent = {k: v for k, v in (bench.headers("FHKST01010100") | headers).items() if v}
    answer = bench.send("GET", path, headers=sent, query=query)
    return answer.status, json.loads(answer.body)["msg_cd"]


def test_token_lives_a_day(bench: Bench) -> None:
    status, body = issue(bench)

    assert status == 200
    assert (body["token_type"], body["expires_in"]) == ("Bearer", 86_400)
    assert body["access_token_token_expired"] == "2026-11-24 10:00:00"


def test_second_issue_within_a_minute_is_refused(bench: Bench) -> None:
    issue(bench)
    bench.now_ns += 59 * SECOND

    status, body = issue(bench)

    assert (status, body["error_code"]) == (403, "EGW00133")
    assert "rt_cd" not in body


def test_refused_issue_does_not_prolong_the_minute(bench: Bench) -> None:
    issue(bench)
    bench.now_ns += 59 * SECOND
    issue(bench)
    bench.now_ns += SECOND

    assert issue(bench)[0] == 200


def test_same_token_comes_back_within_six_hours(bench: Bench) -> None:
    first = issue(bench)[1]
    bench.now_ns += 6 * HOUR - SECOND
    again = issue(bench)[1]
    bench.now_ns += 2 * 60 * SECOND
    later = issue(bench)[1]

    assert again["access_token"] == first["access_token"]
    assert again["access_token_token_expired"] == first["access_token_token_expired"]
    assert again["expires_in"] == 18 * 3_600 + 1
    assert later["access_token"] != first["access_token"]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"grant_type": ""}, "EGW00115"),
        ({"grant_type": "password"}, "EGW00116"),
        ({"appkey": ""}, "EGW00102"),
        ({"appkey": "X" * 36}, "EGW00103"),
        ({"appsecret": ""}, "EGW00104"),
        ({"appsecret": "wrong"}, "EGW00105"),
    ],
)
def test_wrong_keys_get_no_token(bench: Bench, changes: dict[str, str], code: str) -> None:
    status, body = issue(bench, **changes)

    assert (status, body["error_code"]) == (403, code)
    assert issue(bench)[0] == 200  # A refusal does not start the minute.


@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b"null", b"\xff"])
@pytest.mark.parametrize("path", ["/oauth2/tokenP", "/oauth2/revokeP", "/oauth2/Approval"])
def test_nonsense_body_gets_an_error_of_the_token_shape(
    bench: Bench, path: str, raw: bytes
) -> None:
    answer = bench.send("POST", path, body=raw)

    assert (answer.status, json.loads(answer.body)["error_code"]) == (403, "EGW00101")


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({}, 200, "MCA00000"),
        ({"appkey": ""}, 403, "EGW00102"),
        ({"appkey": "Y" * 36}, 403, "EGW00103"),
        ({"appsecret": ""}, 403, "EGW00104"),
        ({"appsecret": "Y" * 180}, 403, "EGW00105"),
        ({"authorization": ""}, 500, "EGW00122"),
        ({"authorization": "Basic abc"}, 500, "EGW00205"),
        ({"authorization": "Bearer nonsense"}, 500, "EGW00121"),
        ({"tr_id": ""}, 200, "OPSQ9999"),
        ({"tr_id": "FHKST01010200"}, 500, "OPSQ0002"),
        ({"tr_id": "VTTC0012U"}, 500, "OPSQ0002"),
        ({"custtype": "X"}, 500, "EGW00208"),
    ],
)
def test_headers_are_checked(bench: Bench, headers: dict[str, str], status: int, code: str) -> None:
    assert price_code(bench, **headers) == (status, code)


def test_token_expires_after_a_day(bench: Bench) -> None:
    bench.login()
    bench.now_ns += 24 * HOUR - SECOND
    assert price_code(bench)[1] == "MCA00000"
    bench.now_ns += SECOND

    assert price_code(bench) == (500, "EGW00123")


def test_revoked_token_is_unknown(bench: Bench) -> None:
    token = bench.login()
    body = {"appkey": SIM_APPKEY, "appsecret": SIM_APPSECRET, "token": token}

    answer = bench.send("POST", "/oauth2/revokeP", body=body)

    assert json.loads(answer.body)["code"] == "200"
    assert price_code(bench) == (500, "EGW00121")
    again = bench.send("POST", "/oauth2/revokeP", body=body)
    assert json.loads(again.body)["error_code"] == "EGW00121"


def test_approval_wants_the_secret_under_its_other_name(bench: Bench) -> None:
    wrong = bench.send("POST", "/oauth2/Approval", body=FIRST_TOKEN)

    assert json.loads(wrong.body)["error_code"] == "EGW00104"
    assert len(bench.approval()) == 36


def test_hashkey_returns_a_digest_of_the_body(bench: Bench) -> None:
    headers = {"appkey": SIM_APPKEY, "appsecret": SIM_APPSECRET}
    first = bench.send("POST", "/uapi/hashkey", headers=headers, body={"ORD_QTY": "1"})
    other = bench.send("POST", "/uapi/hashkey", headers=headers, body={"ORD_QTY": "2"})

    one, two = json.loads(first.body), json.loads(other.body)
    assert one["BODY"] == {"ORD_QTY": "1"}
    assert one["HASH"] != two["HASH"]


def test_no_more_than_the_limit_passes_in_any_rolling_second() -> None:
    bench = Bench(calls_per_s=30)
    bench.login()
    passed: list[int] = []
    for _ in range(400):
        bench.now_ns += 10 * MS
        status, code = price_code(bench)
        if status == 200:
            passed.append(bench.now_ns)
        else:
            assert (status, code) == (500, "EGW00201")

    assert len(passed) >= 115
    for first, beyond in zip(passed, passed[30:], strict=False):
        assert beyond - first >= SECOND


@pytest.mark.parametrize(("profile", "limit"), [("real", 18), ("paper", 1), ("spec", 30)])
def test_profile_sets_the_limit(profile: str, limit: int) -> None:
    bench = Bench(profile=profile, calls_per_s=None)
    bench.login()

    codes = [price_code(bench)[1] for _ in range(limit + 1)]

    assert codes == ["MCA00000"] * limit + ["EGW00201"]


def test_customers_do_not_share_a_limit() -> None:
    other = spec(account="5000000002", appkey="O" * 36, hts_id="other")
    bench = Bench(calls_per_s=1, accounts=(spec(), other))
    assert price_code(bench)[1] == "MCA00000"
    body = FIRST_TOKEN | {"appkey": "O" * 36}
    token = json.loads(bench.send("POST", "/oauth2/tokenP", body=body).body)["access_token"]

    mine = price_code(bench)
    theirs = price_code(bench, appkey="O" * 36, authorization=f"Bearer {token}")
    stolen = price_code(bench, appkey="O" * 36)

    assert (mine[1], theirs[1], stolen[1]) == ("EGW00201", "MCA00000", "EGW00121")


def test_paper_refuses_real_ids() -> None:
    bench = Bench(profile="paper")

    def ask(tr_id: str) -> tuple[int, str]:
        path = "/uapi/domestic-stock/v1/quotations/search-stock-info"
        query = {"PRDT_TYPE_CD": "300", "PDNO": "005930"}
        answer = bench.send("GET", path, headers=bench.headers(tr_id), query=query)
        return answer.status, json.loads(answer.body)["msg_cd"]

    assert ask("CTPF1002R") == (500, "EGW00213")

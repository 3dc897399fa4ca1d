"""Keys, tokens and the call limit."""

from __future__ import annotations

import json
from datetime import date

import pytest

from aegis_fast.errors import ConfigError
from aegis_fast.kis.profile import SIM_APPKEY, SIM_APPSECRET, SIM_HTS_ID
from aegis_fast.sim.kst import midnight_ns
from aegis_fast.sim.rules import DoorRules, call_limit
from tests.unit.sim.sim_harness import FIRST_TOKEN, MS, SECOND, START_NS, Bench, Socket, spec

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
    bench.door_lead_ns += 59 * SECOND

    status, body = issue(bench)

    assert (status, body["error_code"]) == (403, "EGW00133")
    assert "rt_cd" not in body


def test_refused_issue_does_not_prolong_the_minute(bench: Bench) -> None:
    issue(bench)
    bench.door_lead_ns += 59 * SECOND
    issue(bench)
    bench.door_lead_ns += SECOND

    assert issue(bench)[0] == 200


def test_same_token_comes_back_within_six_hours(bench: Bench) -> None:
    first = issue(bench)[1]
    bench.door_lead_ns += 6 * HOUR - SECOND
    again = issue(bench)[1]
    bench.door_lead_ns += 2 * 60 * SECOND
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
    bench.door_lead_ns += 24 * HOUR - SECOND
    assert price_code(bench)[1] == "MCA00000"
    bench.door_lead_ns += SECOND

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
        bench.door_lead_ns += 10 * MS
        status, code = price_code(bench)
        if status == 200:
            passed.append(bench.real_ns)
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


def test_limit_follows_the_day_that_is_played() -> None:
    eve, first = date(2026, 4, 19), date(2026, 4, 20)
    assert [call_limit("real", day) for day in (eve, first)] == [20, 18]
    assert [call_limit("paper", day) for day in (date(2022, 6, 1), eve, first)] == [5, 2, 1]
    assert call_limit("spec", eve) == call_limit("spec", first) == 30


@pytest.mark.parametrize(("before_ns", "limit"), [(0, 18), (1, 20)])
def test_limit_changes_at_midnight_in_korea(before_ns: int, limit: int) -> None:
    bench = Bench(profile="real", calls_per_s=None)
    midnight = midnight_ns(date(2026, 4, 20))

    assert bench.broker.door.calls_per_s(midnight + HOUR) == 18
    assert bench.broker.door.calls_per_s(midnight - before_ns) == limit


def test_new_customer_gets_three_calls_for_three_days() -> None:
    bench = Bench(profile="real", calls_per_s=None, door_rules=DoorRules(is_new_customer=True))

    codes = [price_code(bench)[1] for _ in range(4)]

    assert codes == ["MCA00000"] * 3 + ["EGW00201"]
    assert bench.broker.door.calls_per_s(START_NS + 72 * HOUR - 1) == 3
    assert bench.broker.door.calls_per_s(START_NS + 72 * HOUR) == 18


def test_refusal_of_the_limit_can_come_with_status_200() -> None:
    bench = Bench(calls_per_s=1, door_rules=DoorRules(refusal_status=200))

    assert price_code(bench) == (200, "MCA00000")
    assert price_code(bench) == (200, "EGW00201")


@pytest.mark.parametrize(
    ("profile", "settings"),
    [
        ("spec", {"refusal_status": 503}),
        ("paper", {"is_new_customer": True}),
        ("spec", {"session_hold_ms": -1}),
        ("spec", {"session_hold_ms": 600_001}),
        ("spec", {"approvals_per_s": -1}),
    ],
)
def test_wrong_door_setting_is_a_configuration_error(profile: str, settings: dict) -> None:
    with pytest.raises(ConfigError):
        Bench(profile=profile, door_rules=DoorRules(**settings))


def approval_answer(bench: Bench) -> tuple[int, dict]:
    body = {
        "grant_type": "client_credentials",
        "appkey": SIM_APPKEY,
        "secretkey": SIM_APPSECRET,
    }
    answer = bench.send("POST", "/oauth2/Approval", body=body)
    return answer.status, json.loads(answer.body)


def test_approval_keys_come_one_a_second() -> None:
    bench = Bench(calls_per_s=30)
    first = approval_answer(bench)[1]["approval_key"]

    bench.door_lead_ns += SECOND - 1
    status, body = approval_answer(bench)
    bench.door_lead_ns += 1
    later = approval_answer(bench)[1]["approval_key"]

    assert (status, body["error_code"]) == (500, "EGW00201")
    assert first != later


def test_day_old_approval_key_opens_nothing_but_an_open_socket_outlives_it(bench: Bench) -> None:
    old = bench.socket()
    assert old.code("H0STCNT0", "005930") == "OPSP0000"
    key = bench.approval()
    bench.door_lead_ns += 24 * HOUR

    fresh = Socket(bench, key)
    assert fresh.code("H0STCNT0", "005930") == "OPSP0011"
    assert old.code("H0STASP0", "005930") == "OPSP0000"


def test_dead_socket_keeps_its_appkey_busy_as_long_as_set() -> None:
    bench = Bench(door_rules=DoorRules(session_hold_ms=5_000))
    first = bench.socket()
    first.code("H0STCNT0", "005930")
    bench.broker.on_close(first.session, bench.real_ns, has_died=True)

    second = bench.socket()
    refused = second.ask("H0STCNT0", "005930")
    bench.door_lead_ns += 5 * SECOND

    assert (refused["body"]["rt_cd"], refused["header"]["tr_id"]) == ("9", "(null)")
    assert "output" not in refused["body"]
    assert second.code("H0STCNT0", "005930") == "OPSP0000"


def test_socket_that_says_goodbye_frees_its_appkey_at_once() -> None:
    bench = Bench(door_rules=DoorRules(session_hold_ms=5_000))
    first = bench.socket()
    first.code("H0STCNT0", "005930")
    bench.broker.on_close(first.session, bench.now_ns)

    assert bench.socket().code("H0STCNT0", "005930") == "OPSP0000"


def test_accounts_of_one_hts_id_hear_of_each_others_orders() -> None:
    other = spec(account="5000000002", appkey="O" * 36)
    bench = Bench(accounts=(spec(), other))
    mine = bench.socket()
    theirs = Socket(bench, bench.approval("O" * 36))
    for socket in (mine, theirs):
        assert socket.code("H0STCNI0", SIM_HTS_ID) == "OPSP0000"

    bench.order("buy", 1, bench.book.best_bid_krw)

    for socket in (mine, theirs):
        assert [notice["ACNT_NO"] for notice in socket.notices()] == ["5000000001"]


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("application/x-www-form-urlencoded", "EGW00132"),
        ("text/plain; charset=utf-8", "EGW00132"),
        ("multipart/form-data; boundary=x", "EGW00132"),
        ("application/json", "APBK0013"),
        ("Application/JSON; charset=UTF-8", "APBK0013"),
        ("", "APBK0013"),
    ],
)
def test_order_that_is_no_json_by_its_own_word_is_refused(
    bench: Bench, kind: str, code: str
) -> None:
    params = {
        "CANO": "50000000",
        "ACNT_PRDT_CD": "01",
        "PDNO": "005930",
        "ORD_DVSN": "00",
        "ORD_QTY": "1",
        "ORD_UNPR": str(bench.book.best_bid_krw),
    }

    answer = bench.call("order-cash", params, "buy", **{"content-type": kind})

    assert answer["msg_cd"] == code


def test_limits_are_shown_without_secrets(bench: Bench) -> None:
    bench.login()
    shown = bench.broker.door.as_json(bench.now_ns)

    assert shown["customers"][0]["tokens"] == 1
    assert bench.token not in json.dumps(shown)
    assert SIM_APPSECRET not in json.dumps(shown)

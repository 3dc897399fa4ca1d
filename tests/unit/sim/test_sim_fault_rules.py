"""Which calls, frames and notices a fault strikes: filters, turns, chances and windows."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from aegis_fast.errors import InvalidRequest
from aegis_fast.kis.profile import SIM_ACCOUNT, SIM_APPKEY
from aegis_fast.sim.calls.answers import Request
from aegis_fast.sim.faults.aims import aim_of_call, aim_of_frame
from aegis_fast.sim.faults.frames import malformed, truncated, widened
from aegis_fast.sim.faults.kinds import TABLE
from aegis_fast.sim.faults.rules import Aim, FaultBody, at_of, check
from aegis_fast.sim.faults.waiting import Faults
from aegis_fast.sim.market.rules import Side
from tests.unit.sim.sim_harness import MS, START_NS, Bench

ORDER_PATH = "/uapi/domestic-stock/v1/trading/order-cash"
AIM = Aim(
    tr="TTTC0012U",
    call="order-cash",
    venue="NXT",
    symbol="005930",
    account=SIM_ACCOUNT,
    appkey=SIM_APPKEY,
)


def faults(seed: int = 1, **body: object) -> Faults:
    found = Faults(seed)
    found.now_ns = START_NS
    found.add(check(FaultBody(kind="request_lost", **body)))  # type: ignore[arg-type]
    return found


def struck(found: Faults, calls: int, aim: Aim = AIM) -> list[int]:
    """Return the numbers of the calls that were struck, the first is 1."""
    return [turn for turn in range(1, calls + 1) if found.take("request_lost", aim)]


@pytest.mark.parametrize(
    ("field", "meets", "misses"),
    [
        ("tr", "TTTC0012U", "TTTC0011U"),
        ("tr", "order-cash", "order-rvsecncl"),
        ("call", "order-cash", "inquire-price"),
        ("tr", "order-cash", "OVC_ORDER"),
        ("venue", "NXT", "KRX"),
        ("symbol", "005930", "000660"),
        ("account", SIM_ACCOUNT, "5000000002"),
        ("appkey", SIM_APPKEY, "somebody-else"),
    ],
)
def test_filter_lets_only_its_own_through(field: str, meets: str, misses: str) -> None:
    assert struck(faults(**{field: meets}), 2) == [1]
    assert struck(faults(**{field: misses}), 2) == []


def test_all_filters_must_be_met() -> None:
    found = faults(tr="order-cash", venue="NXT", symbol="000660")

    assert struck(found, 1) == []
    assert struck(found, 1, Aim(call="order-cash", venue="NXT", symbol="000660")) == [1]


@pytest.mark.parametrize(
    ("timing", "expected"),
    [
        ({}, [1]),
        ({"count": 3}, [1, 2, 3]),
        ({"count": None}, list(range(1, 13))),
        ({"count": "forever"}, list(range(1, 13))),
        ({"nth": 4}, [4]),
        ({"every": 5}, [5, 10]),
        ({"every": 3, "count": 2}, [3, 6]),
        ({"after": 4}, [5]),
        ({"after": 4, "count": 2}, [5, 6]),
        ({"after": 2, "nth": 2}, [4]),
        ({"after": 1, "every": 4}, [5, 9]),
        ({"probability": 0}, []),
        ({"probability": 1}, list(range(1, 13))),
        ({"probability": "1.0", "count": 2}, [1, 2]),
    ],
)
def test_turns_pick_the_calls(timing: dict[str, object], expected: list[int]) -> None:
    assert struck(faults(**timing), 12) == expected


def test_calls_that_miss_the_filters_take_no_turn() -> None:
    found = faults(nth=2, symbol="005930")
    other = Aim(symbol="000660")

    hits = [bool(found.take("request_lost", aim)) for aim in (other, AIM, other, other, AIM)]

    assert hits == [False, False, False, False, True]


@pytest.mark.parametrize("probability", ["0.25", 0.25, 250_000])
def test_same_seed_draws_the_same_calls(probability: object) -> None:
    first = struck(faults(7, probability=probability), 400)

    assert struck(faults(7, probability=probability), 400) == first
    assert struck(faults(8, probability=probability), 400) != first
    assert 70 < len(first) < 130


def test_draws_of_two_faults_differ() -> None:
    found = faults(3, probability="0.5")
    found.add(check(FaultBody(kind="delay", delay_ms=1, probability="0.5")))

    one = [bool(found.take("request_lost", AIM)) for _ in range(64)]
    two = [bool(found.take("delay", AIM)) for _ in range(64)]

    assert one != two


def test_window_opens_and_closes() -> None:
    found = faults(from_ms=100, for_ms=50)
    hits = []
    for after_ms in (0, 99, 100, 120, 149, 150, 200):
        found.now_ns = START_NS + after_ms * MS
        hits.append(bool(found.take("request_lost", AIM)))

    assert hits == [False, False, True, True, True, False, False]
    assert found.as_json() == []
    (ended,) = found.ended_json()
    assert (ended["seen"], ended["struck"]) == (3, 3)


def test_first_fault_that_strikes_is_taken_and_the_next_one_keeps_its_turn() -> None:
    found = faults(count=1)
    second = found.add(check(FaultBody(kind="request_lost", count=1)))

    first = found.take("request_lost", AIM)

    assert first is not None
    assert first.id != second.id
    assert second.seen == 0
    assert found.take("request_lost", AIM) is second


def test_hits_are_counted_where_everyone_can_see() -> None:
    found = faults(every=2)
    struck(found, 5)

    (shown,) = found.as_json()

    assert (shown["seen"], shown["struck"], shown["remaining"]) == (5, 2, None)
    assert shown["every"] == 2


def test_one_fault_can_be_forgotten() -> None:
    found = faults()
    second = found.add(check(FaultBody(kind="reply_lost")))

    assert found.remove(second.id)
    assert not found.remove(second.id)
    assert [fault["kind"] for fault in found.as_json()] == ["request_lost"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"tr": "TTTC9999U"}, "tr"),
        ({"tr": "order-cash", "call": "order-cash"}, "call"),
        ({"venue": "NYSE"}, "venue"),
        ({"symbol": ""}, "symbol"),
        ({"account": "50000000"}, "account"),
        ({"count": 0}, "count"),
        ({"count": "often"}, "count"),
        ({"nth": 0}, "nth"),
        ({"every": 0}, "every"),
        ({"nth": 2, "every": 2}, "every"),
        ({"after": -1}, "after"),
        ({"from_ms": -1}, "from_ms"),
        ({"for_ms": 0}, "for_ms"),
        ({"probability": "often"}, "probability"),
        ({"probability": "1.1"}, "probability"),
        ({"probability": "-0.1"}, "probability"),
        ({"probability": "nan"}, "probability"),
        ({"probability": "1e999999"}, "probability"),
        ({"probability": 1_000_001}, "probability"),
        ({"at": "noon"}, "at"),
        ({"at": "24:00:00"}, "at"),
        ({"at": -1}, "at"),
        ({"status": 500}, "status"),
        ({"mode": "body"}, "mode"),
        ({"after_bytes": 5}, "after_bytes"),
        ({"fields": 2}, "fields"),
        ({"code": 1000}, "code"),
        ({"msg_cd": "EGW00301"}, "msg_cd"),
        ({"pingpong": True}, "pingpong"),
        ({"text": "x"}, "text"),
        ({"kind": "http_500_after", "status": 404}, "status"),
        ({"kind": "http_500_after", "msg_cd": "nonsense!"}, "msg_cd"),
        ({"kind": "rate_refusal", "status": 404}, "status"),
        ({"kind": "token_revoked", "msg_cd": "EGW00301"}, "msg_cd"),
        ({"kind": "cut", "after_bytes": -1}, "after_bytes"),
        ({"kind": "cut", "mode": "tail"}, "mode"),
        ({"kind": "append_fields", "fields": 0}, "fields"),
        ({"kind": "ws_close", "code": 1006}, "code"),
        ({"kind": "ws_close", "text": "x" * 124}, "text"),
        ({"kind": "bad_frame", "text": "x" * 70_000}, "text"),
        ({"kind": "tls_failure", "tr": "order-cash"}, "tr"),
        ({"kind": "session_hold", "symbol": "005930", "delay_ms": 1}, "symbol"),
        ({"kind": "refuse", "delay_ms": 1, "nth": 2}, "kind"),
        ({"kind": "refuse"}, "delay_ms"),
        ({"kind": "slow_start"}, "delay_ms"),
    ],
)
def test_wrong_field_is_named(body: dict[str, object], field: str) -> None:
    with pytest.raises(InvalidRequest) as wrong:
        check(FaultBody(**{"kind": "request_lost", **body}))  # type: ignore[arg-type]

    assert wrong.value.field == field
    assert wrong.value.expected


@pytest.mark.parametrize("kind", TABLE)
def test_every_kind_takes_what_its_table_says_and_nothing_else(kind: str) -> None:
    good = {
        "text": "x",
        "pingpong": True,
        "status": 500,
        "msg_cd": "EGW00123",
        "mode": TABLE[kind].modes[-1],
        "after_bytes": 7,
        "fields": 2,
        "code": 1000,
    }
    body = {"kind": kind, "delay_ms": max(1, TABLE[kind].min_delay_ms)}

    for field, value in good.items():
        if field in TABLE[kind].uses:
            check(FaultBody(**body, **{field: value}))  # type: ignore[arg-type]
        elif value:
            with pytest.raises(InvalidRequest) as wrong:
                check(FaultBody(**body, **{field: value}))  # type: ignore[arg-type]
            assert wrong.value.field == field


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        (1_500, ("offset", 1_500)),
        ("+5s", ("offset", 5_000)),
        ("+250ms", ("offset", 250)),
        ("+2m", ("offset", 120_000)),
        ("+1h", ("offset", 3_600_000)),
        ("09:00:05", ("clock", 32_405)),
        ("15:20", ("clock", 55_200)),
    ],
)
def test_moment_of_a_fault_is_an_offset_or_a_time_of_day(at: int | str, expected: object) -> None:
    assert at_of(at) == expected


def post(body: object, tr_id: str = "TTTC0012U") -> Request:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Request("POST", ORDER_PATH, {"tr_id": tr_id, "appkey": "key"}, {}, raw, "")


def get(**query: str) -> Request:
    return Request("GET", "/", {"tr_id": "FHKST01010100"}, query, b"", "")


@pytest.mark.parametrize(
    ("request_", "call_id", "venue", "symbol"),
    [
        (post({"PDNO": "005930", "EXCG_ID_DVSN_CD": "NXT"}), "order-cash", "NXT", "005930"),
        (post({"PDNO": "005930", "EXCG_ID_DVSN_CD": "SOR"}), "order-cash", "SOR", "005930"),
        (post({"PDNO": "005930"}), "order-cash", "KRX", "005930"),
        (post(b"\xff"), "order-cash", "KRX", ""),
        (post({"ORDERS": [{"PDNO": "005930", "EXCG_ID_DVSN_CD": "NXT"}]}), "b", "NXT", "005930"),
        (post({"ORDERS": [{"PDNO": "005930"}, {"PDNO": "000660"}, 5]}), "b", "", ""),
        (post([1]), "order-cash", "KRX", ""),
        (post({"PDNO": 5}), "order-cash", "KRX", ""),
        (get(FID_COND_MRKT_DIV_CODE="J", FID_INPUT_ISCD="000660"), "p", "KRX", "000660"),
        (get(fid_cond_mrkt_div_code="NX", fid_input_iscd="000660"), "p", "NXT", "000660"),
        (get(FID_COND_MRKT_DIV_CODE="UN", FID_INPUT_ISCD="000660"), "p", "SOR", "000660"),
        (get(PDNO="000660"), "inquire-psbl-order", "", "000660"),
    ],
)
def test_call_is_about_its_issue_at_its_venue(
    request_: Request, call_id: str, venue: str, symbol: str
) -> None:
    aim = aim_of_call(request_, call_id, lambda _: None)

    assert (aim.call, aim.venue, aim.symbol) == (call_id, venue, symbol)


def test_amend_is_about_the_issue_of_its_order() -> None:
    bench = Bench()
    number = bench.order("buy", 1, bench.book.limits.lower_krw)["output"]["ODNO"]
    body = {"CANO": "50000000", "ACNT_PRDT_CD": "01", "ORGN_ODNO": number}

    aim = aim_of_call(post(body), "order-rvsecncl", bench.broker.ledger.orders.get)

    assert (aim.symbol, aim.account, aim.appkey) == ("005930", SIM_ACCOUNT, "key")
    assert bench.broker.ledger.orders[int(number)].side is Side.BUY


@pytest.mark.parametrize(
    ("tr_id", "venue", "symbol"),
    [
        ("H0STCNT0", "KRX", "005930"),
        ("H0NXCNT0", "NXT", "005930"),
        ("H0UNCNT0", "SOR", "005930"),
        ("H0STCNI0", "", ""),
        ("NOTHING0", "", "005930"),
    ],
)
def test_frame_is_about_its_venue(tr_id: str, venue: str, symbol: str) -> None:
    aim = aim_of_frame(tr_id, "005930")

    assert (aim.tr, aim.venue, aim.symbol) == (tr_id, venue, symbol)


def test_frames_are_broken_as_asked() -> None:
    frame = b"0|H0STCNT0|002|005930^090000^100^000660^090001^200"

    assert widened(frame, 2) == (b"0|H0STCNT0|002|005930^090000^100^1^2^000660^090001^200^1^2")
    assert malformed(frame, "count").startswith(b"0|H0STCNT0|003|")
    assert malformed(frame, "separator").startswith(b"0|H0STCNT0|002005930")
    assert b"^12x4^" in malformed(frame, "digits")
    assert truncated(frame, None) == frame[: len(frame) // 2]
    assert truncated(frame, 9) == frame[:9]
    assert len(malformed(b"1|H0STCNI0|001|QUJDREVG", "base64")) == 23


def test_every_kind_is_in_the_guide() -> None:
    guide = (Path(__file__).parents[3] / "docs" / "faults.md").read_text("utf-8")

    assert [kind for kind in TABLE if f"| `{kind}` |" not in guide] == []
    for field in ("tr", "venue", "symbol", "account", "appkey", "count", "nth", "every", "after"):
        assert f"| `{field}` |" in guide

"""Bytes from outside: broken, deep or endless ones are wrong bodies at every door, and no more."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from aegis_fast.errors import ConfigError
from aegis_fast.sim.calls.answers import Request
from aegis_fast.sim.calls.batch import PATH, TR_ID
from aegis_fast.sim.control import Control
from aegis_fast.sim.decoding import MAX_BODY_BYTES, MAX_DEPTH, NotJSON, decoded
from aegis_fast.sim.faults.script import read_script
from aegis_fast.sim.sim_clock import SimClock
from tests.unit.sim.sim_harness import START_NS, Bench

DEEP = b"[" * 60_000
NESTED = b'{"grant_type": ' + b"[" * 500 + b"]" * 500 + b"}"
LONG = b" " * MAX_BODY_BYTES + b"{}"
BAD = [DEEP, NESTED, LONG, b'{"a":' * 60_000, b"\xff\xfe", b"{", b"nonsense"]


class _Body(msgspec.Struct, forbid_unknown_fields=True):
    name: str = ""


@pytest.mark.parametrize("raw", BAD)
@pytest.mark.parametrize("kind", [Any, _Body, list[_Body]])
def test_bad_bytes_are_no_json_of_any_kind(raw: bytes, kind: Any) -> None:
    with pytest.raises(NotJSON):
        decoded(raw, kind)


def test_depth_counts_the_nesting_and_not_the_brackets() -> None:
    flat = [[{"a": "[[["}]] * 100

    assert decoded(json.dumps(flat).encode()) == flat
    assert decoded(b"[" * MAX_DEPTH + b"]" * MAX_DEPTH)
    with pytest.raises(NotJSON, match="64 deep"):
        decoded(b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1))


def test_lone_half_of_a_letter_is_no_json() -> None:
    with pytest.raises(NotJSON):
        decoded('{"a": "\ud800"}')


@pytest.mark.parametrize("raw", BAD)
@pytest.mark.parametrize("path", ["tokenP", "revokeP", "Approval"])
def test_bad_bytes_at_the_token_calls_are_an_invalid_request(path: str, raw: bytes) -> None:
    answer = Bench().send("POST", f"/oauth2/{path}", body=raw)

    assert answer.status == 403
    assert json.loads(answer.body)["error_code"] == "EGW00101"


@pytest.mark.parametrize("raw", BAD)
def test_bad_bytes_at_the_other_calls_are_refused(raw: bytes) -> None:
    bench = Bench()
    headers = bench.headers("TTTC0012U")

    hashkey = bench.send("POST", "/uapi/hashkey", headers=headers, body=raw)
    path = "/uapi/domestic-stock/v1/trading/order-cash"
    order = bench.send("POST", path, headers=headers, body=raw)
    batch = bench.send("POST", PATH, headers=bench.headers(TR_ID), body=raw)

    assert (hashkey.status, hashkey.msg_cd) == (403, "EGW00101")
    assert [order.msg_cd, batch.msg_cd] == ["OPSQ9997", "OPSQ9997"]


def test_bad_bytes_are_aimed_at_by_nothing_but_still_refused() -> None:
    bench = Bench()
    bench.broker.faults.add(bench.broker.faults.read(b'{"kind": "delay", "delay_ms": 1}'))

    answer = bench.send("POST", "/oauth2/tokenP", body=DEEP)

    assert (answer.status, answer.msg_cd) == (403, "EGW00101")


@pytest.mark.parametrize("raw", [DEEP, NESTED, b'{"header": {"approval_key": ' + b"[" * 30_000])
def test_bad_bytes_on_a_socket_get_an_error_ack(raw: bytes) -> None:
    bench = Bench()
    socket = bench.socket()

    socket.say(raw.decode())

    assert json.loads(socket.texts[-1])["body"]["msg_cd"] in ("OPSP9999", "OPSP9998")
    assert socket.code("H0STCNT0", "005930") == "OPSP0000"


@pytest.mark.parametrize("raw", BAD)
@pytest.mark.parametrize("page", ["market", "clock", "faults"])
def test_bad_bytes_at_a_control_page_are_a_400(page: str, raw: bytes) -> None:
    control = Control(Bench().broker, SimClock(lambda: 0, START_NS, is_stepped=True))
    request = Request("POST", f"/_sim/{page}", {}, {}, raw, "127.0.0.1")

    answer = control.answer(request, START_NS)

    assert answer.status == 400
    assert json.loads(answer.body)["field"] == "body"


def test_deep_line_of_a_script_is_a_configuration_error(tmp_path: Any) -> None:
    script = tmp_path / "day.jsonl"
    script.write_bytes(DEEP + b"\n")

    with pytest.raises(ConfigError, match="line 1"):
        read_script(script)

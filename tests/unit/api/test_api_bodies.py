import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aegis_fast.api.bodies import (
    AmendBody,
    KillSwitchBody,
    OrderBody,
    StreamBody,
    TokenBody,
    decode,
)
from aegis_fast.core.model import OrderType, Side, Venue
from aegis_fast.errors import InvalidRequest
from tests.unit.api.api_bench import limit_order


def refusal(raw: bytes, body_type: type) -> InvalidRequest:
    with pytest.raises(InvalidRequest) as caught:
        decode(raw, body_type)
    return caught.value


def refusal_if_any(raw: bytes, body_type: type) -> InvalidRequest | None:
    try:
        decode(raw, body_type)
    except InvalidRequest as e:
        return e
    return None


def test_good_order_becomes_a_request() -> None:
    raw = json.dumps(limit_order(venue="NXT", side="sell")).encode()

    request = decode(raw, OrderBody).to_request("trace-01")

    assert (request.symbol, request.qty, request.price_krw) == ("005930", 10, 69_000)
    assert (request.side, request.order_type) == (Side.SELL, OrderType.LIMIT)
    assert (request.venue, request.trace_id, request.base_price_krw) == (Venue.NXT, "trace-01", 0)


@pytest.mark.parametrize(
    ("field", "changes"),
    [
        ("client_order_id", {"client_order_id": ""}),
        ("client_order_id", {"client_order_id": "a" * 65}),
        ("client_order_id", {"client_order_id": "two words"}),
        ("client_order_id", {"client_order_id": "삼성"}),
        ("symbol", {"symbol": "5930"}),
        ("symbol", {"symbol": "005930 "}),
        ("symbol", {"symbol": "00593o"}),
        ("symbol", {"symbol": "../../etc"}),
        ("symbol", {"symbol": 5930}),
        ("side", {"side": "hold"}),
        ("side", {"side": "BUY"}),
        ("type", {"type": "stop"}),
        ("qty", {"qty": 0}),
        ("qty", {"qty": -1}),
        ("qty", {"qty": 1_000_000_000}),
        ("qty", {"qty": 10**30}),
        ("qty", {"qty": 1.5}),
        ("qty", {"qty": 10.0}),
        ("qty", {"qty": "10"}),
        ("qty", {"qty": True}),
        ("qty", {"qty": None}),
        ("price_krw", {"price_krw": 0}),
        ("price_krw", {"price_krw": -100}),
        ("price_krw", {"price_krw": 69_000.5}),
        ("price_krw", {"price_krw": None}),
        ("price_krw", {"base_price_krw": 70_000}),
        ("base_price_krw", {"price_krw": None, "base_price_krw": 0}),
        ("price_krw", {"type": "market"}),
        ("base_price_krw", {"type": "market", "price_krw": None, "base_price_krw": 70_000}),
        ("price_krw", {"type": "conditional", "price_krw": None}),
        ("base_price_krw", {"type": "conditional", "base_price_krw": 70_000}),
        ("venue", {"venue": "NYSE"}),
        ("account", {"account": "x" * 33}),
        ("prise_krw", {"prise_krw": 1}),
    ],
)
def test_bad_order_field_is_named_with_what_would_be_right(field: str, changes: dict) -> None:
    error = refusal(json.dumps(limit_order(**changes)).encode(), OrderBody)

    assert error.field == field
    assert error.expected
    assert error.code == 2


def test_unknown_field_lists_the_known_ones() -> None:
    error = refusal(b'{"api_key":"a","api_secret":"b","admin":true}', TokenBody)

    assert error.field == "admin"
    assert error.expected == "only these: api_key, api_secret"


@pytest.mark.parametrize(
    "raw",
    [b"", b"{", b"[]", b"null", b"1", b'"text"', b"\xff\xfe", b'{"symbol":"\xff"}', b"{'a':1}",
     b'{"symbol":"\\ud800"}', b"NaN", b"[" * 60_000, b'{"z":' * 10_000],
)  # fmt: skip
def test_body_that_is_no_json_object_is_refused(raw: bytes) -> None:
    error = refusal(raw, OrderBody)

    assert error.field
    assert error.expected


@given(st.binary(max_size=200))
def test_any_bytes_give_a_body_or_a_typed_refusal(raw: bytes) -> None:
    for body_type in (OrderBody, AmendBody, StreamBody, KillSwitchBody, TokenBody):
        error = refusal_if_any(raw, body_type)
        assert error is None or (error.field and error.expected)


_SCALAR = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=40)
_VALUE = _SCALAR | st.lists(_SCALAR, max_size=2) | st.dictionaries(st.text(max_size=8), _SCALAR)


@given(st.sampled_from([*limit_order(), "venue", "account", "x"]), _VALUE)
def test_any_value_in_an_order_is_judged_by_name(field: str, value: object) -> None:
    raw = json.dumps({**limit_order(), field: value}).encode()
    error = refusal_if_any(raw, OrderBody)
    assert error is None or (error.field and error.expected and len(str(error)) < 500)


def test_amendment_changes_exactly_one_thing() -> None:
    assert decode(b'{"qty":5}', AmendBody).qty == 5
    assert refusal(b"{}", AmendBody).field == "price_krw"
    assert refusal(b'{"qty":5,"price_krw":69000}', AmendBody).field == "price_krw"
    assert refusal(b'{"qty":0}', AmendBody).field == "qty"


def test_kill_switch_needs_a_reason() -> None:
    assert decode(b'{"on":true,"reason":"drill"}', KillSwitchBody).on
    assert refusal(b'{"on":true,"reason":"  "}', KillSwitchBody).field == "reason"
    assert refusal(b'{"on":1,"reason":"drill"}', KillSwitchBody).field == "on"


def test_stream_message_names_the_bad_entry_of_a_list() -> None:
    assert refusal(b'{"op":"subscribe","symbols":["005930",7]}', StreamBody).field == "symbols[1]"
    assert refusal(b'{"op":"subscribe","symbols":["5930"]}', StreamBody).field == "symbols"
    assert refusal(b'{"op":"subscribe","channels":["news"]}', StreamBody).field == "channels[0]"
    assert refusal(b'{"op":"dance"}', StreamBody).field == "op"
    assert refusal(b'{"op":"auth"}', StreamBody).field == "token"

"""Only proof makes a refusal: every code, status and way of losing a reply has its outcome."""

from __future__ import annotations

from importlib import resources
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aegis_fast.core.model import Accepted, Lost, Refused
from aegis_fast.errors import (
    AuthError,
    NotFound,
    ProtocolError,
    RejectedError,
    Throttled,
    TransientError,
)
from aegis_fast.kis.outcome import (
    AegisCode,
    Failure,
    RtCd,
    is_token_refusal,
    not_sent,
    order_outcome,
    parse_reply,
    query_error,
    reply_lost,
)

ACCEPTED = {
    "rt_cd": "0",
    "msg_cd": "APBK0013",
    "msg1": "주문 전송 완료 되었습니다.",
    "output": {"KRX_FWDG_ORD_ORGNO": "91252", "ODNO": "0000117057", "ORD_TMD": "121052"},
}
TABLE = orjson.loads(resources.files("aegis_fast.kis").joinpath("errors.json").read_bytes())
CODES = {code: row for row in TABLE["codes"] for code in row["code"].split("/")}

# The whole table, sorted by hand. Every code of errors.json is in exactly one of these.
THROTTLED = {"EGW00201"}
TOKEN = {"EGW00121", "EGW00122", "EGW00123"}
UNAVAILABLE = {"OPSQ0001": AegisCode.BEFORE_ORDER_DESK, "EGW00133": AegisCode.TOKEN_REFUSED}
UNPROVEN = {
    "EGW00001", "EGW00002", "EGW00202", "EGW00203", "EGW00300", "EGW00301", "EGW00302",
    "OPSQ0003", "OPSQ0004", "OPSQ0005", "OPSQ0006", "OPSQ0007", "OPSQ0008", "OPSQ0009",
    "OPSQ0010", "OPSQ0011", "OPSQ1002", "OPSQ2003", "OPSQ3001", "OPSQ3002", "OPSQ3004",
    "E_TRANSPORT (ours)",
}  # fmt: skip
SUCCESS_CODES = {code for code, row in CODES.items() if row["retryable"] == "ok"}
STREAM_CODES = {code for code in CODES if code.startswith("OPSP")}
REFUSED = (
    set(CODES) - THROTTLED - TOKEN - set(UNAVAILABLE) - UNPROVEN - SUCCESS_CODES - STREAM_CODES
)


def body(**values: Any) -> bytes:
    return orjson.dumps(values)


def failing(msg_cd: str, rt_cd: str = "1") -> bytes:
    return body(rt_cd=rt_cd, msg_cd=msg_cd, msg1="거절 사유   ")


@pytest.mark.parametrize("status", [200, 500])
@pytest.mark.parametrize("code", sorted(CODES))
def test_p22_every_known_code_has_its_outcome(code: str, status: int) -> None:
    outcome = order_outcome(status, failing(code))

    if code in REFUSED:
        assert outcome == Refused(2, code, outcome.message)  # type: ignore[union-attr]
    elif code in THROTTLED:
        assert isinstance(outcome, Refused)
        assert (outcome.code, outcome.is_throttled) == (829, True)
    elif code in TOKEN:
        assert isinstance(outcome, Refused)
        assert (outcome.code, outcome.is_throttled) == (820, False)
        assert is_token_refusal(outcome)
    elif code in UNAVAILABLE:
        assert isinstance(outcome, Refused)
        assert outcome.code == UNAVAILABLE[code]
        assert 800 <= outcome.code <= 899
    else:
        assert isinstance(outcome, Lost)
        assert outcome.venue_code == code


def test_table_and_the_lists_here_agree_with_the_policy_of_the_data() -> None:
    never_blind = {code for code, row in CODES.items() if "order:" in row["retryable"]}

    assert never_blind <= UNPROVEN
    assert {code for code, row in CODES.items() if row["retryable"] == "after-new-token"} == TOKEN
    assert {"APBK0400", "APBK0656", "APBK0918", "APBK1359", "40240000", "IGW00022"} <= REFUSED
    assert len(CODES) > 120


@pytest.mark.parametrize("rt_cd", ["1", "7", "9", "2"])
def test_any_failing_rt_cd_with_a_business_code_is_a_refusal(rt_cd: str) -> None:
    assert order_outcome(200, failing("APBK1359", rt_cd)) == Refused(
        2,
        "APBK1359",
        "거절 사유 (modify/cancel quantity larger than the order (rt_cd 7))",
    )


def test_a16_unknown_business_code_is_2_but_proves_nothing_beside_http_5xx() -> None:
    assert order_outcome(200, failing("APBK9999")) == Refused(2, "APBK9999", "거절 사유")
    assert isinstance(order_outcome(503, failing("APBK9999")), Lost)


@pytest.mark.parametrize("code", ["EGW09999", "OPSQ9000", "EGW02004", ""])
@pytest.mark.parametrize("status", [200, 400, 500])
def test_unknown_gateway_code_proves_nothing(code: str, status: int) -> None:
    assert isinstance(order_outcome(status, failing(code)), Lost)


@pytest.mark.parametrize("code", sorted(TOKEN))
def test_token_refusal_is_recognised_in_its_own_shape(code: str) -> None:
    outcome = order_outcome(500, body(error_code=code, error_description="token"))

    assert is_token_refusal(outcome)


def test_accepted_needs_rt_cd_0_and_an_order_number() -> None:
    assert order_outcome(200, body(**ACCEPTED)) == Accepted(117_057, "91252", 121_052)


def test_unpadded_number_of_paper_is_accepted() -> None:
    output = {"KRX_FWDG_ORD_ORGNO": "00950", "ODNO": "11774", "ORD_TMD": "093000"}

    assert order_outcome(200, body(rt_cd="0", msg_cd="40600000", output=output)) == Accepted(
        11_774, "00950", 93_000
    )


def test_order_number_counts_whatever_stands_beside_it() -> None:
    for output in ({"odno": "5"}, {"ODNO": "5", "ORD_TMD": "?", "KRX_FWDG_ORD_ORGNO": []}):
        assert order_outcome(200, body(rt_cd="0", output=output)) == Accepted(5, "", 0)
    assert order_outcome(500, body(**ACCEPTED)) == Accepted(117_057, "91252", 121_052)


@pytest.mark.parametrize(
    "output",
    [
        None,
        {},
        [],
        "",
        {"ODNO": ""},
        {"ODNO": "0"},
        {"ODNO": "-3"},
        {"ODNO": "12A"},
        {"ODNO": None},
    ],
    ids=repr,
)
def test_rt_cd_0_without_a_readable_number_is_lost(output: object) -> None:
    assert isinstance(order_outcome(200, body(rt_cd="0", msg_cd="APBK0013", output=output)), Lost)
    assert isinstance(order_outcome(200, body(rt_cd="0", msg_cd="APBK0013")), Lost)


@pytest.mark.parametrize("status", [200, 302, 400, 403, 404, 429, 500, 502, 503, 504])
@pytest.mark.parametrize(
    "content",
    [b"", b"<html>Bad Gateway</html>", b"null", b"[]", b'"0"', b"{}", b'{"rt_cd":null}',
     b"\xff\xfe", b'{"rt_cd":["0"]}', b'{"rt_cd":"","msg_cd":"APBK0400"}',
     b'{"msg_cd":"APBK0400"}'],
    ids=repr,
)  # fmt: skip
def test_r4_unreadable_answer_is_lost_whatever_its_status(status: int, content: bytes) -> None:
    assert isinstance(order_outcome(status, content), Lost)


@given(st.integers(0, len(orjson.dumps(ACCEPTED)) - 1))
def test_accepted_answer_cut_anywhere_is_lost(cut: int) -> None:
    assert isinstance(order_outcome(200, body(**ACCEPTED)[:cut]), Lost)


@given(
    st.integers(100, 599),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=12),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    ["rt_cd", "RT_CD", "msg_cd", "msg1", "output", "ODNO", "error_code"]
                ),
                inner,
                max_size=4,
            )
        ),
        max_leaves=8,
    ),
)
def test_no_answer_at_all_raises_or_invents_an_order(status: int, answer: object) -> None:
    try:
        content = orjson.dumps(answer)
    except TypeError:
        return  # an integer beyond 64 bits is no JSON of orjson's
    outcome = order_outcome(status, content)

    if isinstance(outcome, Accepted):
        assert isinstance(answer, dict)
        assert outcome.broker_order_id > 0


@pytest.mark.parametrize("failure", list(Failure))
def test_r4_r5_a_written_request_is_lost_and_an_unwritten_one_refused(failure: Failure) -> None:
    lost, refused = reply_lost(failure, "X"), not_sent(failure, "X")

    assert lost == Lost(f"{failure.value}: X")
    assert 800 <= refused.code <= 809
    assert (refused.venue_code, refused.is_throttled) == ("", False)


def test_causes_of_not_sending_have_codes_of_their_own() -> None:
    codes = {f: not_sent(f).code for f in (Failure.UNREACHABLE, Failure.TLS, Failure.POOL)}

    assert codes == {Failure.UNREACHABLE: 800, Failure.TLS: 801, Failure.POOL: 802}


def test_a17_rt_cd_and_the_specifications_code_cannot_be_compared() -> None:
    success = RtCd("0")

    assert success.is_success
    assert success == RtCd("0") != RtCd("1")
    assert len({success, RtCd("0"), RtCd("1")}) == 2
    for other in (0, "0", AegisCode.DONE, None):
        with pytest.raises(TypeError, match="different codes"):
            success == other  # noqa: B015


def test_reply_reads_both_shapes_of_an_envelope() -> None:
    usual = parse_reply(200, failing("APBK0400"), "x")
    auth = parse_reply(403, body(error_code="EGW00133", error_description="later"), "x")

    assert usual is not None
    assert (usual.rt_cd, usual.msg_cd, usual.message) == (RtCd("1"), "APBK0400", "거절 사유")
    assert auth is not None
    assert (auth.rt_cd, auth.msg_cd, auth.message) == (None, "EGW00133", "later")
    assert not auth.is_success


@pytest.mark.parametrize(
    ("status", "content", "expected"),
    [
        (500, failing("EGW00201"), Throttled),
        (200, failing("EGW00201"), Throttled),
        (500, failing("EGW00123"), AuthError),
        (500, failing("EGW00301"), TransientError),
        (500, failing("EGW00002"), TransientError),
        (200, failing("OPSQ0009"), TransientError),
        (500, failing("EGW02004"), AuthError),
        (403, failing("EGW00103"), AuthError),
        (200, failing("APBK0656"), NotFound),
        (200, failing("KIER2620"), RejectedError),
        (200, failing("OPSQ2002"), RejectedError),
        (502, b"<html>", TransientError),
        (200, b"<html>", ProtocolError),
        (404, b"", ProtocolError),
    ],
)
def test_r3_query_error_tells_whether_to_ask_again(
    status: int, content: bytes, expected: type[Exception]
) -> None:
    error = query_error(parse_reply(status, content, "q"), status, "q")

    assert type(error) is expected


def test_message_is_bounded_and_explained() -> None:
    outcome = order_outcome(200, body(rt_cd="1", msg_cd="APBK0656", msg1="가" * 5000))

    assert isinstance(outcome, Refused)
    assert len(outcome.message) < 260
    assert outcome.message.endswith("(no such stock)")

"""Conclude from a reply, or from its absence, what became of a request.

An order request ends in one of three ways and nothing else may be concluded (readings A10, A16,
A17, R4):

Accepted  the broker answered rt_cd "0" with an order number
Refused   proven not placed: a code given before or at the order desk, or no byte was written
Lost      everything else. The order may live; it is never sent again, only looked for

KIS says `rt_cd`, where "0" is success; the specification says `code`, where 1 is. They are
different types here, and comparing them fails. Source: errors.json "policy", KIS.md section 6.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Final, final

import orjson

from aegis_fast.core.model import Accepted, Lost, Outcome, Refused
from aegis_fast.errors import (
    AegisError,
    AuthError,
    NotFound,
    ProtocolError,
    RejectedError,
    Throttled,
    TransientError,
)
from aegis_fast.kis.fields import Row
from aegis_fast.kis.tr import error_meaning, error_retryable

__all__ = [
    "AegisCode",
    "Failure",
    "Reply",
    "RtCd",
    "is_token_refusal",
    "needs_new_token",
    "not_sent",
    "order_outcome",
    "parse_reply",
    "query_error",
    "reply_lost",
]


class AegisCode(IntEnum):
    """The specification's codes (App. B) with our sub-codes of class 8, "proven not accepted".

    800-809: no byte of the request left. 810: refused before the order desk. 820: the token was
    refused. 829: refused by a call limit.
    """

    DONE = 1
    REFUSED = 2
    UNREACHABLE = 800
    TLS_FAILED = 801
    POOL_TIMEOUT = 802
    NOT_STARTED = 803
    BEFORE_ORDER_DESK = 810
    TOKEN_REFUSED = 820
    THROTTLED = 829


@final
class RtCd:
    """KIS's result code. Comparing it with anything but another RtCd raises TypeError."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text: Final = text

    @property
    def is_success(self) -> bool:
        """Tell whether this is "0", KIS's success."""
        return self._text == "0"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, RtCd):
            raise TypeError(f"rt_cd compared with {type(other).__name__}: they are different codes")
        return self._text == other._text

    def __hash__(self) -> int:
        return hash(("rt_cd", self._text))

    def __repr__(self) -> str:
        return f"RtCd({self._text!r})"


class Failure(StrEnum):
    """Why there is no answer."""

    UNREACHABLE = "unreachable"
    TLS = "tls"
    POOL = "pool"
    NOT_STARTED = "not-started"
    TIMEOUT = "timeout"
    RESET = "reset"


@dataclass(frozen=True, slots=True)
class Reply:
    """The envelope of an answer. rt_cd is None in the {error_code, error_description} shape."""

    status: int
    rt_cd: RtCd | None
    msg_cd: str
    message: str
    row: Row

    @property
    def is_success(self) -> bool:
        """Tell whether KIS says it did what was asked."""
        return self.rt_cd is not None and self.rt_cd.is_success


# The token was refused; nothing was looked at. Renew it once.
_TOKEN_CODES = frozenset({"EGW00121", "EGW00122", "EGW00123"})
_THROTTLED = "EGW00201"
# A message to the order desk was being routed, sent, received or answered when this was said.
# "server error" and "temporary error" do not say where, "resource shortage" not when.
_MAY_HAVE_BEEN_PLACED = frozenset(
    {
        "EGW00001",
        "EGW00002",
        "EGW00202",
        "EGW00203",
        "EGW00300",
        "EGW00301",
        "EGW00302",
        "OPSQ0003",
        "OPSQ0004",
        "OPSQ0005",
        "OPSQ0006",
        "OPSQ0007",
        "OPSQ0008",
        "OPSQ0009",
        "OPSQ0010",
        "OPSQ0011",
        "OPSQ1002",
        "OPSQ2003",
        "OPSQ3001",
        "OPSQ3002",
        "OPSQ3004",
    }
)
# Said while the request was still being read: the venue is not to blame and saw nothing.
_BEFORE_ORDER_DESK = {
    "OPSQ0001": AegisCode.BEFORE_ORDER_DESK,
    "EGW00133": AegisCode.TOKEN_REFUSED,
    _THROTTLED: AegisCode.THROTTLED,
} | dict.fromkeys(_TOKEN_CODES, AegisCode.TOKEN_REFUSED)
# Gateway families: a code of theirs that is not in the table proves nothing about an order.
_GATEWAY_FAMILIES = ("EGW", "OPSQ")
# Codes of the WebSocket server: in an answer to an order they are nonsense.
_STREAM_FAMILY = "OPSP"
_MAX_MESSAGE_CHARS = 200
_NO_SUCH_SYMBOL = frozenset({"APBK0656"})


def parse_reply(status: int, body: bytes, where: str) -> Reply | None:
    """Read an answer's envelope; None when it is not one (not JSON, no result code)."""
    try:
        answer = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(answer, dict):
        return None
    row = Row(answer, where)
    try:
        if "rt_cd" in row:
            msg_cd, message = row.text("msg_cd", ""), row.text("msg1", "")
            return Reply(status, RtCd(row.text("rt_cd")), msg_cd, message, row)
        if "error_code" in row:
            message = row.text("error_description", "")
            return Reply(status, None, row.text("error_code"), message, row)
    except ProtocolError:
        return None
    return None


def order_outcome(status: int, body: bytes) -> Outcome:
    """Conclude from a complete HTTP answer to an order, amend or cancel request."""
    reply = parse_reply(status, body, "order")
    if reply is None:
        return Lost(f"HTTP {status} with an unreadable body")
    if reply.is_success:
        return _accepted(reply)
    if not _proves_not_placed(reply):
        return Lost(_message(reply), reply.msg_cd)
    code = _BEFORE_ORDER_DESK.get(reply.msg_cd, AegisCode.REFUSED)
    return Refused(int(code), reply.msg_cd, _message(reply), reply.msg_cd == _THROTTLED)


def reply_lost(failure: Failure, detail: str = "") -> Lost:
    """Conclude from an answer that did not come, in part or at all, after a byte was written."""
    return Lost(f"{failure.value}: {detail}" if detail else failure.value)


def not_sent(failure: Failure, detail: str = "") -> Refused:
    """Conclude from a failure before any byte of the request was written."""
    code = {
        Failure.TLS: AegisCode.TLS_FAILED,
        Failure.POOL: AegisCode.POOL_TIMEOUT,
        Failure.NOT_STARTED: AegisCode.NOT_STARTED,
    }.get(failure, AegisCode.UNREACHABLE)
    return Refused(int(code), "", f"{failure.value}: {detail}" if detail else failure.value)


def needs_new_token(msg_cd: str) -> bool:
    """Tell whether KIS refused the token (EGW00121, 122, 123) and not the request."""
    return msg_cd in _TOKEN_CODES


def is_token_refusal(outcome: Outcome) -> bool:
    """Tell whether an order was not placed because the token was refused (P3)."""
    return isinstance(outcome, Refused) and needs_new_token(outcome.venue_code)


def query_error(reply: Reply | None, status: int, where: str) -> AegisError:
    """Return the error to raise for an answer to a query that is not a success.

    TransientError and Throttled may be retried (S40, R3), AuthError after a new token, the rest
    never: NotFound, RejectedError with KIS's code, ProtocolError.
    """
    if reply is None:
        if status >= 500:
            return TransientError(f"KIS answered HTTP {status} to {where}")
        return ProtocolError(f"KIS answer to {where} is unreadable (HTTP {status})", field=where)
    code, message = reply.msg_cd, f"{where}: {_message(reply)}"
    if code == _THROTTLED:
        return Throttled(message, venue_code=code)
    if needs_new_token(code):
        return AuthError(message, venue_code=code)
    if code in _NO_SUCH_SYMBOL:
        return NotFound(message, venue_code=code)
    if error_retryable(code).startswith(("yes", "query:yes")):
        return TransientError(message, venue_code=code)
    if code.startswith("EGW"):
        return AuthError(message, venue_code=code)
    return RejectedError(message, venue_code=code)


def _accepted(reply: Reply) -> Outcome:
    try:
        output = reply.row.section("output")
        number = output.integer("ODNO")
    except ProtocolError as error:
        return Lost(f"rt_cd 0 without a readable order number: {error}", reply.msg_cd)
    if number <= 0:
        return Lost("rt_cd 0 without an order number", reply.msg_cd)
    # The number is the proof. What stands beside it may be unreadable and changes nothing.
    try:
        org_no = output.text("KRX_FWDG_ORD_ORGNO", "")
    except ProtocolError:
        org_no = ""
    try:
        time_hhmmss = output.hhmmss("ORD_TMD", 0)
    except ProtocolError:
        time_hhmmss = 0
    return Accepted(number, org_no, time_hhmmss)


def _proves_not_placed(reply: Reply) -> bool:
    code = reply.msg_cd
    if not code or code in _MAY_HAVE_BEEN_PLACED or code.startswith(_STREAM_FAMILY):
        return False
    retryable = error_retryable(code)
    # "ok": a success code beside a failing rt_cd is a contradiction, so no proof.
    if retryable == "ok" or "order:" in retryable:
        return False
    if code.startswith(_GATEWAY_FAMILIES):
        return bool(retryable)
    # A code of the order desk itself. With HTTP 5xx something else is broken as well.
    return bool(retryable) or reply.status < 500


def _message(reply: Reply) -> str:
    meaning = error_meaning(reply.msg_cd)
    text = (reply.message or meaning or "no message")[:_MAX_MESSAGE_CHARS]
    return f"{text} ({meaning})" if meaning and meaning not in text else text

"""Shape the answers of the REST side: success, refusal, and what the network does to them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from aegis_fast.errors import RejectedError
from aegis_fast.sim.desk.account import Account

__all__ = [
    "Answer",
    "Asked",
    "Refusal",
    "Request",
    "change_sign",
    "decimal",
    "failure",
    "percent",
    "quoted",
    "success",
]

_TEXT_WIDTH = 80  # msg1 is padded with spaces on the wire.


@dataclass(frozen=True, slots=True)
class Request:
    """One REST call as it arrived. headers: lower-case names. ip: the caller's address."""

    method: str
    path: str
    headers: Mapping[str, str]
    query: Mapping[str, str]
    body: bytes
    ip: str


@dataclass(slots=True)
class Answer:
    """What to send back. is_lost: close the connection instead. delay_ms: wait before sending.

    hold_ms: how long a lost answer keeps its client waiting, at most. cut_bytes: how much of the
    answer is sent before the connection ends, counted from its status line or from its body.
    """

    status: int
    body: bytes
    msg_cd: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    is_lost: bool = False
    delay_ms: int = 0
    hold_ms: int = 0
    cut_bytes: int | None = None
    is_cut_in_body: bool = False


@dataclass(frozen=True, slots=True)
class Asked:
    """A checked trading call. params: upper-case names. variant: what its tr_id says ("buy")."""

    account: Account
    params: Mapping[str, str]
    variant: str
    tr_cont: str
    ip: str
    now_ns: int


class Refusal(RejectedError):
    """The broker refuses a call. status: HTTP. rt_cd: "1", or "7" as some order refusals have."""

    def __init__(self, msg_cd: str, text: str, *, rt_cd: str = "1", status: int = 200) -> None:
        super().__init__(text, venue_code=msg_cd)
        self.rt_cd = rt_cd
        self.status = status


def _body(rt_cd: str, msg_cd: str, text: str, parts: Mapping[str, Any]) -> bytes:
    padded = text + " " * (_TEXT_WIDTH - len(text))
    return msgspec.json.encode({**parts, "rt_cd": rt_cd, "msg_cd": msg_cd, "msg1": padded})


def success(msg_cd: str, text: str, tr_cont: str = "", **parts: Any) -> Answer:
    """Return a 200 with rt_cd "0" and the given parts (output, output1, ...)."""
    return Answer(200, _body("0", msg_cd, text, parts), msg_cd, {"tr_cont": tr_cont})


def quoted(**parts: Any) -> Answer:
    """Return the successful answer of a quotation call."""
    return success("MCA00000", "정상처리 되었습니다.", **parts)


def failure(refusal: Refusal) -> Answer:
    """Return the answer to a refused call."""
    body = _body(refusal.rt_cd, refusal.venue_code, refusal.message, {})
    return Answer(refusal.status, body, refusal.venue_code)


def decimal(numerator: int, denominator: int, digits: int) -> str:
    """Return numerator / denominator as text with that many decimals, rounded half away from zero
    as the feed rounds them. "0" with its decimals when the denominator is 0.
    """
    scale = 10**digits
    whole = abs(denominator)
    scaled = (abs(numerator) * scale * 2 + whole) // (2 * whole) if whole else 0
    sign = "-" if scaled and (numerator < 0) != (denominator < 0) else ""
    return f"{sign}{scaled // scale}.{scaled % scale:0{digits}d}"


def percent(part: int, whole: int) -> str:
    """Return part / whole in percent with two decimals."""
    return decimal(part * 100, whole, 2)


def change_sign(change: int) -> str:
    """Return the broker's sign code of a change that touches no price limit: 2 up, 5 down, 3."""
    return "2" if change > 0 else "5" if change < 0 else "3"

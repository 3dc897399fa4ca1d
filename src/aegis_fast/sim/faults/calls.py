"""Strike REST calls: before they land, in what they answer, and in how the answer travels."""

from __future__ import annotations

import copy
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Protocol

import msgspec

from aegis_fast.kis import tr
from aegis_fast.sim.calls.answers import Answer, Refusal, Request, failure
from aegis_fast.sim.desk.account import Account
from aegis_fast.sim.door import Door
from aegis_fast.sim.faults.rules import Aim
from aegis_fast.sim.faults.waiting import Faults
from aegis_fast.sim.kst import DAY_NS

__all__ = ["CallFaults", "Land", "revoke_tokens"]

_TEXTS = {
    "EGW00001": "일시적 오류가 발생했습니다.",
    "EGW00002": "서버 에러가 발생했습니다.",
    "EGW00202": "GW라우팅 중 오류가 발생했습니다.",
    "EGW00203": "OPS라우팅 중 오류가 발생했습니다.",
    "EGW00300": "Gateway 라우팅 오류가 발생했습니다.",
    "EGW00301": "연결 시간이 초과되었습니다. 직전 거래를 반드시 확인하세요.",
    "EGW00302": "거래시간이 초과되었습니다. 직전 거래를 반드시 확인하세요.",
    "OPSQ0009": "MCI 수신 오류가 발생했습니다.",
}
_HOLD_MS = 600_000  # The longest silence; a client gives up long before.
_SNAPSHOTS_KEPT = 1_000
_MS = 1_000_000
_LOST = ("request_lost", "timeout_before")
_MORE = ("F", "M")


def revoke_tokens(door: Door, msg_cd: str, wanted: Callable[[str], bool]) -> int:
    """Make tokens worthless; return how many. wanted: tells by appkey whose.

    EGW00121: they are forgotten. EGW00123: they have run out. Either way the next tokenP call that
    the one-a-minute rule lets through brings a new one.
    """
    count = 0
    for customer in door.customers.values():
        if not wanted(customer.appkey):
            continue
        count += len(customer.tokens)
        if msg_cd == "EGW00123":
            for token in customer.tokens:
                # Issued earlier as well: a token that is still fresh would be given out again.
                token.issued_ns -= 2 * DAY_NS
                token.expires_ns -= 2 * DAY_NS
        else:
            customer.tokens.clear()
    return count


class Land(Protocol):
    """Let a call reach the broker. is_counted: against the call limit of its appkey."""

    def __call__(self, request: Request, *, is_counted: bool = True) -> Answer: ...


class _Memory:
    """What the accounts looked like, from the time a fault needs it on."""

    def __init__(self) -> None:
        self._shots: deque[tuple[int, dict[str, Account]]] = deque(maxlen=_SNAPSHOTS_KEPT)

    def note(self, accounts: dict[str, Account], now_ns: int) -> None:
        self._shots.append((now_ns, copy.deepcopy(accounts)))

    def as_of(self, time_ns: int) -> dict[str, Account]:
        """Return the last state at or before a time; the first one known when there is none."""
        found = self._shots[0][1]
        for taken_ns, accounts in self._shots:
            if taken_ns > time_ns:
                break
            found = accounts
        return found

    def __bool__(self) -> bool:
        return bool(self._shots)

    def clear(self) -> None:
        self._shots.clear()


class CallFaults:
    """The faults on the calls of one broker.

    accounts: the dict that the desks look into. release(): sends the notices that wait for a moment
    after the answer.
    """

    def __init__(
        self,
        faults: Faults,
        door: Door,
        accounts: dict[str, Account],
        release: Callable[[], None],
    ) -> None:
        self._faults = faults
        self._door = door
        self._accounts = accounts
        self._release = release
        self._memory = _Memory()
        self._has_changed = False
        self.notices = 0

    def on_notice(self) -> None:
        """Take note that an order, and so an account, has changed."""
        self.notices += 1
        self._has_changed = True

    def remember(self) -> None:
        """Keep a picture of the accounts while a fault may ask for it."""
        if not self._faults.has(("balance_stale",)):
            self._memory.clear()
        elif self._has_changed or not self._memory:
            self._memory.note(self._accounts, self._faults.now_ns)
            self._has_changed = False

    def answer(self, request: Request, aim: Aim, land: Land) -> Answer:
        """Answer a call, with whatever waits for it. land: let it reach the broker."""
        if early := self._before(aim):
            return early
        notices = self.notices
        with_fault = self._wrong_page(request, aim, land) or self._stale(request, aim, land)
        answer = with_fault or land(request)
        has_notices = self.notices > notices
        return self._travel(self._spoil(answer, aim), aim, has_notices=has_notices)

    def _before(self, aim: Aim) -> Answer | None:
        """Return the answer of a call that never lands."""
        faults = self._faults
        for kind in _LOST:
            if fault := faults.take(kind, aim):
                hold_ms = 0 if kind == "request_lost" else fault.delay_ms or _HOLD_MS
                return Answer(0, b"", is_lost=True, hold_ms=hold_ms)
        if fault := faults.take("slow_start", aim, lambda fault: fault.mode == "refuse"):
            body = fault.body
            return failure(_refusal(body.msg_cd or "EGW00002", body.status or 503))
        if fault := faults.take("rate_refusal", aim):
            answer = failure(self._door.rate_refusal())
            answer.status = fault.body.status or answer.status
            return answer
        if fault := faults.take("token_revoked", aim):
            revoke_tokens(self._door, fault.body.msg_cd, lambda appkey: appkey == aim.appkey)
        return None

    def _wrong_page(self, request: Request, aim: Aim, land: Land) -> Answer | None:
        call = tr.calls().get(aim.call)
        if call is None or not call.is_paginated or not self._faults.has(("wrong_page",)):
            return None
        take = self._faults.take
        if take("wrong_page", aim, lambda fault: fault.mode == "changed"):
            text = "조회 이후 자료가 변경되었습니다.(다시 조회하세요)"
            return failure(Refusal("SYDB0050", text))
        is_next = request.headers.get("tr_cont") == "N"
        if is_next and take("wrong_page", aim, lambda fault: fault.mode == "repeat"):
            return land(_asking_for(request, "", {}))
        answer = land(request)
        if answer.status != 200:
            return answer
        if answer.headers.get("tr_cont") in _MORE:
            if take("wrong_page", aim, lambda fault: fault.mode == "drop"):
                # The client made one call; its limit must not count two.
                return land(_asking_for(request, "N", _keys_of(answer)), is_counted=False)
            if take("wrong_page", aim, lambda fault: fault.mode == "bad_key"):
                _rewrite(answer, _with_wrong_key)
        if take("wrong_page", aim, lambda fault: fault.mode == "endless"):
            answer.headers["tr_cont"] = "M"
        return answer

    def _stale(self, request: Request, aim: Aim, land: Land) -> Answer | None:
        self.remember()
        fault = self._faults.take("balance_stale", aim)
        if fault is None:
            return None
        delay_ns = fault.body.delay_ms * _MS
        time_ns = self._faults.now_ns - delay_ns if delay_ns else fault.set_ns
        today = dict(self._accounts)
        # The desks look accounts up by number; for this one call they find them as they were.
        self._accounts.update(self._memory.as_of(time_ns))
        try:
            return land(request)
        finally:
            self._accounts.update(today)

    def _spoil(self, answer: Answer, aim: Aim) -> Answer:
        """Change what the answer says."""
        is_good = answer.status == 200
        if is_good and self._faults.take("balance_empty", aim):
            _rewrite(answer, _without_rows)
            answer.headers["tr_cont"] = "D"
        if fault := self._faults.take("http_500_after", aim):
            body = fault.body
            answer = failure(_refusal(body.msg_cd or "EGW00202", body.status or 500))
            if body.text:
                answer.body = body.text.encode(errors="replace")
                answer.headers["Content-Type"] = "text/html; charset=utf-8"
                answer.msg_cd = ""
        return answer

    def _travel(self, answer: Answer, aim: Aim, *, has_notices: bool) -> Answer:
        """Change how the answer gets to the client."""
        faults = self._faults
        if fault := faults.take("delay", aim):
            answer.delay_ms = fault.delay_ms
        if fault := faults.take("slow_start", aim, lambda fault: fault.mode == "hold"):
            assert fault.until_ns is not None
            answer.delay_ms += -((faults.now_ns - fault.until_ns) // _MS)
        if has_notices and (fault := faults.take("notice_before_reply", aim)):
            answer.delay_ms += fault.delay_ms
            self._release()
        if fault := faults.take("cut", aim):
            size = fault.body.after_bytes
            answer.cut_bytes = size if isinstance(size, int) else 0
            answer.is_cut_in_body = fault.mode == "body"
        if faults.take("reply_lost", aim):
            answer.is_lost = True
        if fault := faults.take("timeout_after", aim):
            answer.is_lost = True
            answer.hold_ms = fault.delay_ms or _HOLD_MS
        return answer


def _refusal(msg_cd: str, status: int) -> Refusal:
    return Refusal(msg_cd, _TEXTS.get(msg_cd, "오류가 발생했습니다."), status=status)


def _asking_for(request: Request, tr_cont: str, keys: dict[str, str]) -> Request:
    """Return the request for another page: keys by upper-case name, blank when left out."""
    query = {
        name: keys.get(name.upper(), "") if name.upper().startswith("CTX_AREA_") else value
        for name, value in request.query.items()
    }
    return replace(request, headers={**request.headers, "tr_cont": tr_cont}, query=query)


def _keys_of(answer: Answer) -> dict[str, str]:
    body = msgspec.json.decode(answer.body)
    return {
        name.upper(): value.strip()
        for name, value in body.items()
        if name.lower().startswith("ctx_area_") and isinstance(value, str)
    }


def _rewrite(answer: Answer, change: Callable[[dict[str, Any]], None]) -> None:
    body = msgspec.json.decode(answer.body)
    change(body)
    answer.body = msgspec.json.encode(body)


def _with_wrong_key(body: dict[str, Any]) -> None:
    for name, value in body.items():
        if name.lower().startswith("ctx_area_nk"):
            body[name] = "!WRONG!KEY!".ljust(len(value))


def _without_rows(body: dict[str, Any]) -> None:
    for name in ("output1", "output"):
        if isinstance(body.get(name), list):
            body[name] = []
            break
    for name, value in body.items():
        if name.lower().startswith("ctx_area_"):
            body[name] = " " * len(value)

"""Break things on request: lost answers, late notices, refused calls, dropped sockets.

A fault waits for the calls or notices that it names, and is gone after `count` of them. Those on
sockets (ws_drop, ws_silent, bad_frame) strike at once.
"""

from __future__ import annotations

from typing import Any

import msgspec

from aegis_fast.errors import InvalidRequest
from aegis_fast.kis import tr

__all__ = ["AT_ONCE", "KINDS", "Fault", "FaultBody", "Faults"]

MAX_FAULTS = 100
MAX_COUNT = 1_000_000
MAX_DELAY_MS = 600_000

# kind -> what it does, shown to whoever asks for an unknown one.
KINDS = {
    "reply_lost": "the call lands, the connection closes without an answer",
    "request_lost": "the connection closes before the call lands",
    "delay": "the call lands, its answer waits delay_ms",
    "http_500_after": "the call lands, the answer is HTTP 500 with EGW00202",
    "rate_refusal": "EGW00201, HTTP 500, nothing lands",
    "exchange_reject": "the broker accepts the order, a notice says that the exchange refused it",
    "hide": "an accepted order stays out of the query calls for delay_ms",
    "notice_delay": "an own-order notice waits delay_ms",
    "session_hold": "after a socket closes its appkey stays in use for delay_ms (OPSP8996)",
    "ws_drop": "sockets are cut without a close frame (count of them, default all)",
    "ws_silent": "sockets stay open and say nothing more; with pingpong they still say PINGPONG",
    "bad_frame": "every subscriber receives `text` (count times, default 1)",
}
AT_ONCE = frozenset({"ws_drop", "ws_silent", "bad_frame"})
_NEEDS_DELAY = frozenset({"delay", "hide", "notice_delay", "session_hold"})


class FaultBody(msgspec.Struct, forbid_unknown_fields=True):
    """The body of POST /_sim/faults. call: a call id of the TR catalogue, or "*"."""

    kind: str
    call: str = "*"
    count: int | None = None
    delay_ms: int = 0
    text: str = ""
    pingpong: bool = False


class Fault:
    """A fault that waits. remaining: how often it will still strike."""

    __slots__ = ("call", "delay_ms", "id", "kind", "remaining", "struck")

    def __init__(self, fault_id: int, body: FaultBody) -> None:
        self.id = fault_id
        self.kind = body.kind
        self.call = body.call
        self.delay_ms = body.delay_ms
        self.remaining = 1 if body.count is None else body.count
        self.struck = 0

    def as_json(self) -> dict[str, Any]:
        """Return the fault as the control page shows it."""
        return {name: getattr(self, name) for name in self.__slots__}


class Faults:
    """The faults that wait, in the order they were asked for."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self._next_id = 1

    @staticmethod
    def read(raw: bytes) -> FaultBody:
        """Return the checked body of a request for a fault. Raises InvalidRequest."""
        try:
            body = msgspec.json.decode(raw, type=FaultBody)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise InvalidRequest(str(error), field="body", expected='{"kind": ...}') from error
        if body.kind not in KINDS:
            raise InvalidRequest(
                f"unknown fault {body.kind!r}", field="kind", expected=" | ".join(KINDS)
            )
        if body.call != "*":
            try:
                body.call = tr.call(body.call).id
            except KeyError:
                known = " | ".join(tr.calls())
                raise InvalidRequest(
                    f"unknown call {body.call!r}", field="call", expected=f"* | {known}"
                ) from None
        if body.count is not None and not 1 <= body.count <= MAX_COUNT:
            raise InvalidRequest("count out of range", field="count", expected=f"1..{MAX_COUNT}")
        lowest = 1 if body.kind in _NEEDS_DELAY else 0
        if not lowest <= body.delay_ms <= MAX_DELAY_MS:
            raise InvalidRequest(
                "delay_ms out of range", field="delay_ms", expected=f"{lowest}..{MAX_DELAY_MS}"
            )
        return body

    def add(self, body: FaultBody) -> Fault:
        """Let a fault wait. Raises InvalidRequest when too many wait already."""
        if len(self._faults) >= MAX_FAULTS:
            raise InvalidRequest(
                "too many faults wait", field="kind", expected="DELETE /_sim/faults first"
            )
        fault = Fault(self._next_id, body)
        self._next_id += 1
        self._faults.append(fault)
        return fault

    def take(self, kind: str, call: str = "*") -> Fault | None:
        """Return the first waiting fault of a kind that meets this call, and count it."""
        for fault in self._faults:
            if fault.kind == kind and fault.call in ("*", call):
                fault.remaining -= 1
                fault.struck += 1
                if not fault.remaining:
                    self._faults.remove(fault)
                return fault
        return None

    def take_delay_ns(self, kind: str) -> int:
        """Return the delay of the next fault of a kind, 0 when none waits."""
        fault = self.take(kind)
        return fault.delay_ms * 1_000_000 if fault else 0

    def clear(self) -> int:
        """Forget all; return how many there were."""
        count = len(self._faults)
        self._faults.clear()
        return count

    def as_json(self) -> list[dict[str, Any]]:
        """Return the waiting faults."""
        return [fault.as_json() for fault in self._faults]

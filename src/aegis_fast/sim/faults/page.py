"""Answer /_sim/faults: what waits, what has struck, set one or many, forget one or all."""

from __future__ import annotations

from typing import Any

from aegis_fast.errors import InvalidRequest
from aegis_fast.sim.calls.answers import Request
from aegis_fast.sim.faults.hooks import FaultHooks
from aegis_fast.sim.faults.waiting import KINDS, Faults

__all__ = ["FaultPage"]


class FaultPage:
    """The page of one broker's faults."""

    def __init__(self, faults: Faults, hooks: FaultHooks) -> None:
        self._faults = faults
        self._hooks = hooks

    def answer(self, request: Request, now_ns: int) -> dict[str, Any]:
        """Return the body of the answer. Raises InvalidRequest."""
        self._faults.now_ns = now_ns
        self._hooks.step(now_ns)
        if request.method == "GET":
            return {
                "faults": self._faults.as_json(),
                "later": self._hooks.later_json(),
                "ended": self._faults.ended_json(),
                "kinds": KINDS if request.query.get("kinds") != "0" else {},
            }
        if request.method == "DELETE":
            return self._delete(request.query.get("id", ""))
        if request.body.lstrip()[:1] != b"[":
            return self._hooks.set(Faults.read(request.body))
        bodies = Faults.read_all(request.body)
        self._faults.check_room(len(bodies))
        return {"faults": [self._hooks.set(body) for body in bodies]}

    def _delete(self, text: str) -> dict[str, Any]:
        number = int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None
        if text and number is None:
            raise InvalidRequest(f"id {text!r}", field="id", expected="a number, or none for all")
        cleared = self._hooks.remove(number)
        if number is not None and not cleared:
            waiting = " | ".join(str(fault["id"]) for fault in self._faults.as_json())
            raise InvalidRequest(f"no fault {number} waits", field="id", expected=waiting or "none")
        return {"cleared": cleared, "faults": self._faults.as_json()}

"""Join the faults to a broker: its calls, notices, frames, sockets, and what is set for later."""

from __future__ import annotations

from typing import Any

from msgspec import UNSET

from aegis_fast.sim.calls.answers import Answer, Refusal, Request, failure
from aegis_fast.sim.desk.account import Account
from aegis_fast.sim.desk.ledger import Ledger, OrderEntry
from aegis_fast.sim.door import Door
from aegis_fast.sim.faults.aims import aim_of_call, aim_of_frame, aim_of_notice
from aegis_fast.sim.faults.calls import CallFaults, Land, revoke_tokens
from aegis_fast.sim.faults.frames import FrameFaults, Wire
from aegis_fast.sim.faults.notices import NoticeFaults
from aegis_fast.sim.faults.rules import ANY, Fault, FaultBody, at_of
from aegis_fast.sim.faults.waiting import AT_ONCE, Faults
from aegis_fast.sim.feed.frames import Notice
from aegis_fast.sim.feed.notice_gate import NoticeGate
from aegis_fast.sim.feed.stream import Hub, Session
from aegis_fast.sim.kst import DAY_NS, SECOND_NS, date_text, second_of_day

__all__ = ["FaultHooks"]

_NEVER_NS = 1 << 63
_MAX_SENT = 1_000  # Bad frames by one request, to each socket.


class _NoWire:
    """A broker in memory: its sockets can't be cut, and nobody listens."""

    def drop(self, session: Session) -> None:
        return None

    def end(self, session: Session) -> None:
        return None

    def close_socket(self, session: Session, code: int, text: str) -> None:
        return None

    def refuse(self, span_ms: int, *, is_cut: bool) -> None:
        return None


class FaultHooks:
    """The faults of one broker at work. wire: the owner of the sockets, when there is one.

    Windows, delays and offsets run on the clock of the door; "HH:MM:SS" is a time of the market.
    """

    def __init__(
        self,
        faults: Faults,
        hub: Hub,
        gate: NoticeGate,
        door: Door,
        accounts: dict[str, Account],
        ledger: Ledger,
        notice_tr: str,
        start_ns: int,
    ) -> None:
        self.wire: Wire = _NoWire()
        self._faults = faults
        self._hub = hub
        self._door = door
        self._accounts = accounts
        self._ledger = ledger
        self._notice_tr = notice_tr
        self._calls = CallFaults(faults, door, accounts, gate.release)
        self._notices = NoticeFaults(faults, gate.put)
        self._frames = FrameFaults(faults, hub, door, lambda: self.wire)
        self._later: list[tuple[str, int, FaultBody]] = []
        self._now_ns = start_ns
        hub.tap = self._frames

    def answer(self, request: Request, call_id: str, land: Land) -> Answer:
        """Answer a call, with whatever fault waits for it."""
        faults = self._faults
        faults.reveal()
        if not faults:
            return land(request)
        faults.aim = aim_of_call(request, call_id, self._todays_order)
        try:
            return self._calls.answer(request, faults.aim, land)
        finally:
            faults.aim = ANY

    def _todays_order(self, odno: int) -> OrderEntry | None:
        """Return the order that has a number today, as amends and cancels mean it."""
        return self._ledger.find(date_text(self._now_ns), odno)

    def on_notice(self, notice: Notice) -> None:
        """Send a notice to its sockets, with whatever fault waits for it."""
        self._calls.on_notice()
        account = self._accounts.get(notice.account)
        appkey = account.appkey if account is not None else ""
        self._notices.on_notice(notice, aim_of_notice(notice, self._notice_tr, appkey))

    def step(self, now_ns: int) -> None:
        """Let time pass: what was set for later, what was held."""
        self._now_ns = now_ns
        if self._later:
            times = {"clock": now_ns, "offset": self._faults.now_ns}
            for entry in [entry for entry in self._later if entry[1] <= times[entry[0]]]:
                self._later.remove(entry)
                self._start(entry[2])
        self._faults.reveal()
        self._calls.remember()
        self._notices.flush()
        self._frames.flush()

    def next_due_ns(self, now_ns: int) -> int:
        """Return the market time of the next fault that is set for one; a far one without any.

        Never before now_ns, where the market is: it may have skipped that time.
        """
        due = [due_ns for clock, due_ns, _ in self._later if clock == "clock"]
        return max(now_ns, min(due)) if due else _NEVER_NS

    def hold_ns(self, session: Session) -> int:
        """Return how long the appkey of a closed socket stays in use."""
        if not session.appkey or not self._faults:
            return 0
        fault = self._faults.take(
            "session_hold",
            aim_of_frame("", ""),
            lambda fault: self._frames.is_owner(fault, session),
        )
        return fault.delay_ms * 1_000_000 if fault else 0

    def handshake(self) -> Answer | None:
        """Return the answer to a WebSocket handshake that is refused."""
        faults = self._faults
        fault = faults.take("refuse_handshake", ANY) or faults.take(
            "slow_start", ANY, lambda fault: fault.mode == "refuse"
        )
        if fault is None:
            return None
        text = "서버 에러가 발생했습니다."
        return failure(Refusal("EGW00002", text, status=fault.body.status or 503))

    def is_connection_refused(self) -> bool:
        """Tell whether a connection fails as it opens."""
        return self._faults.take("tls_failure", ANY) is not None

    def idle_end(self) -> Fault | None:
        """Return the fault that ends a connection that idles from now on."""
        return self._faults.take("idle_close", ANY)

    def name_failure(self) -> str:
        """Return how a name query fails: "nxdomain", "servfail", "silence"; "" when it does not."""
        fault = self._faults.take("dns_failure", ANY)
        return fault.mode if fault is not None else ""

    def set(self, body: FaultBody) -> dict[str, Any]:
        """Carry out a checked request: let it wait, strike, or come later. Says which.

        Raises InvalidRequest when too many wait.
        """
        if body.at is UNSET:
            return self._start(body)
        self._faults.check_room(len(self._later) + 1)
        clock, value = at_of(body.at)
        if clock == "offset":
            due_ns = self._faults.now_ns + value * 1_000_000
        else:
            midnight_ns = self._now_ns - second_of_day(self._now_ns) * SECOND_NS
            due_ns = midnight_ns - midnight_ns % SECOND_NS + value * SECOND_NS
            if due_ns < self._now_ns:
                due_ns += DAY_NS
        self._later.append((clock, due_ns, body))
        return {"kind": body.kind, "at": body.at, "due_ns": due_ns}

    def _start(self, body: FaultBody) -> dict[str, Any]:
        if body.kind in AT_ONCE and not body.has_timing:
            return {"kind": body.kind, "affected": self.strike(body)}
        fault = self._faults.add(body)
        self._calls.remember()
        return fault.as_json()

    def strike(self, body: FaultBody) -> int:
        """Carry out a fault that strikes at once; return how many sockets, sends or tokens."""
        fault = Fault(0, body, 0, self._faults.now_ns)
        if body.kind == "token_revoked":
            return revoke_tokens(
                self._door, body.msg_cd, lambda appkey: self._is_customer(body, appkey)
            )
        if body.kind == "refuse":
            self.wire.refuse(body.delay_ms, is_cut=fault.mode == "cut")
            return 1
        sessions = [s for s in self._hub.sessions.values() if self._is_struck(fault, s)]
        count = body.count if isinstance(body.count, int) else None
        if body.kind == "bad_frame":
            sessions = [session for session in sessions if session.registrations]
            times = min(count or 1, _MAX_SENT)
            for _ in range(times):
                self._frames.strike_sessions(fault, sessions)
            return times * len(sessions)
        sessions = sessions[:count]
        self._frames.strike_sessions(fault, sessions)
        return len(sessions)

    def _is_customer(self, body: FaultBody, appkey: str) -> bool:
        accounts = self._door.customers[appkey].accounts
        return body.appkey in ("*", appkey) and (body.account == "*" or body.account in accounts)

    def _is_struck(self, fault: Fault, session: Session) -> bool:
        return self._frames.is_owner(fault, session) and self._is_about(fault, session)

    @staticmethod
    def _is_about(fault: Fault, session: Session) -> bool:
        """Tell whether a socket has a registration that the fault is aimed at."""
        body = fault.body
        if fault.target == body.venue == body.symbol == "*":
            return True
        return any(fault.meets(aim_of_frame(*one)) for one in session.registrations)

    def remove(self, number: int | None) -> int:
        """Forget a waiting fault, or with None all that waits or is set for later; how many."""
        if number is not None:
            return int(self._faults.remove(number))
        count = self._faults.clear() + len(self._later)
        self._later.clear()
        return count

    def later_json(self) -> list[dict[str, Any]]:
        """Return what is set for later."""
        return [
            {"kind": body.kind, "at": body.at, "due_ns": due_ns}
            for _, due_ns, body in sorted(self._later, key=lambda entry: entry[1])
        ]

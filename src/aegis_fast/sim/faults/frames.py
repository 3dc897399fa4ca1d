"""Strike what sockets are sent: data frames, notices as they are framed, and acks.

A frame goes to many sockets, and a fault may be aimed at one appkey or account of them: those get
what the fault makes of the frame, the others the frame. At most one fault changes a frame.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Protocol

from aegis_fast.sim.door import Door
from aegis_fast.sim.faults.aims import aim_of_frame
from aegis_fast.sim.faults.rules import Aim, Fault
from aegis_fast.sim.faults.waiting import Faults
from aegis_fast.sim.feed.stream import Hub, Session

__all__ = ["FrameFaults", "Wire", "malformed", "truncated", "widened"]

_NS_PER_MS = 1_000_000
_SOCKET_KINDS = ("ws_drop", "ws_silent", "ws_close", "bad_frame")
_FRAME_KINDS = (
    "frame_missing",
    "frame_out_of_order",
    "frame_truncated",
    "frame_malformed",
    "frame_duplicate",
    "append_fields",
)
_VALUE_MODES = ("digits",)
Registration = tuple[str, str]


class Wire(Protocol):
    """What only the owner of the sockets can do to them."""

    def drop(self, session: Session) -> None:
        """Cut a socket without a word."""

    def end(self, session: Session) -> None:
        """Cut a socket once what it has been sent is out."""

    def close_socket(self, session: Session, code: int, text: str) -> None:
        """Send a close frame."""

    def refuse(self, span_ms: int, *, is_cut: bool) -> None:
        """Stop listening for a time; is_cut: open connections end too."""


def truncated(frame: bytes, size: int | None) -> bytes:
    """Return the first bytes of a frame; None: half of it."""
    return frame[: len(frame) // 2 if size is None else size]


def widened(frame: bytes, extra: int) -> bytes:
    """Return a plain data frame with unknown values at the end of every record."""
    flag, tr_id, count, payload = frame.split(b"|", 3)
    records, values = int(count), payload.split(b"^")
    width = len(values) // records
    more = [b"%d" % number for number in range(1, extra + 1)]
    wide = [
        b"^".join(values[first : first + width] + more)
        for first in range(0, width * records, width)
    ]
    return b"|".join((flag, tr_id, count, b"^".join(wide)))


def malformed(frame: bytes, mode: str) -> bytes:
    """Return a frame that breaks the grammar; for the modes see the table of kinds."""
    flag, tr_id, count, payload = frame.split(b"|", 3)
    if mode == "count":
        return b"|".join((flag, tr_id, b"%03d" % (int(count) + 1), payload))
    if mode == "separator":
        return b"|".join((flag, tr_id, count + payload))
    if mode == "base64":
        middle = len(payload) // 2
        return b"|".join((flag, tr_id, count, payload[:middle] + b"!?" + payload[middle + 2 :]))
    values = payload.split(b"^")
    # The third value where there is one: the price of a trade, the first ask of a book.
    index = min(2, len(values) - 1)
    values[index] = b"12x4"
    return b"|".join((flag, tr_id, count, b"^".join(values)))


class FrameFaults:
    """The faults on the sockets of one hub; it is the hub's tap. wire: see Wire."""

    def __init__(self, faults: Faults, hub: Hub, door: Door, wire: Callable[[], Wire]) -> None:
        self._faults = faults
        self._hub = hub
        self._door = door
        self._wire = wire
        self._held: list[tuple[int, Registration, bytes, list[Session]]] = []
        self._late_acks: list[tuple[int, Session, bytes]] = []

    def is_owner(self, fault: Fault, session: Session) -> bool:
        """Tell whether a socket is one that a fault is aimed at by appkey and account."""
        body = fault.body
        if body.appkey not in ("*", session.appkey):
            return False
        if body.account == "*":
            return True
        customer = self._door.customers.get(session.appkey)
        return customer is not None and body.account in customer.accounts

    def on_frame(self, registration: Registration, frame: bytes, sessions: list[Session]) -> None:
        """Send a frame to its subscribers, or what a fault makes of it."""
        held: list[tuple[int, Registration, bytes, list[Session]]] = []
        if self._held:
            held = [late for late in self._held if late[1] == registration]
            self._held = [late for late in self._held if late[1] != registration]
        if self._faults and sessions:
            aim = aim_of_frame(*registration)
            self._strike_sockets(aim, sessions)
            self._send(registration, aim, frame, sessions)
        else:
            self._hub.send(frame, sessions)
        for _, _, late, receivers in held:
            self._hub.send(late, self._open(receivers))

    def _open(self, sessions: Sequence[Session]) -> list[Session]:
        return [session for session in sessions if session.number in self._hub.sessions]

    def _take(
        self, kind: str, aim: Aim, sessions: Sequence[Session], modes: Callable[[str], bool]
    ) -> tuple[Fault, list[Session]] | None:
        def meets(fault: Fault) -> bool:
            return modes(fault.mode) and any(self.is_owner(fault, one) for one in sessions)

        fault = self._faults.take(kind, aim, meets)
        if fault is None:
            return None
        return fault, [one for one in sessions if self.is_owner(fault, one)]

    def _strike_sockets(self, aim: Aim, sessions: Sequence[Session]) -> None:
        for kind in _SOCKET_KINDS:
            if taken := self._take(kind, aim, sessions, _any_mode):
                self.strike_sessions(*taken)

    def strike_sessions(self, fault: Fault, sessions: Sequence[Session]) -> None:
        """Carry out a fault on these sockets now."""
        body = fault.body
        for session in sessions:
            if body.kind == "ws_drop":
                self._wire().drop(session)
            elif body.kind == "ws_close":
                self._wire().close_socket(session, body.code, body.text)
            elif body.kind == "ws_silent":
                session.is_silent, session.keeps_pingpong = True, body.pingpong
        if body.kind == "bad_frame":
            self._hub.send(body.text.encode(errors="replace"), sessions)

    def _send(
        self, registration: Registration, aim: Aim, frame: bytes, sessions: list[Session]
    ) -> None:
        is_encrypted = frame.startswith(b"1|")
        modes = partial(_fits, is_encrypted=is_encrypted)
        for kind in _FRAME_KINDS:
            if is_encrypted and kind == "append_fields":
                continue  # Done to the values, before they are encrypted.
            if taken := self._take(kind, aim, sessions, modes):
                fault, struck = taken
                self._hub.send(frame, [one for one in sessions if one not in struck])
                self._alter(fault, registration, frame, struck)
                return
        self._hub.send(frame, sessions)

    def _alter(
        self, fault: Fault, registration: Registration, frame: bytes, sessions: list[Session]
    ) -> None:
        body = fault.body
        if body.kind == "frame_out_of_order":
            due_ns = self._faults.now_ns + fault.delay_ms * _NS_PER_MS
            self._held.append((due_ns, registration, frame, sessions))
        elif body.kind == "frame_duplicate":
            self._hub.send(frame, sessions)
            self._hub.send(frame, sessions)
        elif body.kind == "frame_truncated" and fault.mode == "connection":
            self._hub.send(frame, sessions, is_partial=True)
            for session in sessions:
                self._wire().end(session)
        elif body.kind == "frame_truncated":
            size = body.after_bytes
            self._hub.send(truncated(frame, size if isinstance(size, int) else None), sessions)
        elif body.kind == "frame_malformed":
            self._hub.send(malformed(frame, fault.mode), sessions)
        elif body.kind == "append_fields":
            self._hub.send(widened(frame, body.fields), sessions)

    def on_values(
        self, registration: Registration, values: list[str], session: Session
    ) -> list[str]:
        """Return the values of a notice as they will be encrypted for this socket."""
        if not self._faults:
            return values
        aim = aim_of_frame(*registration)
        if self._take("frame_malformed", aim, [session], lambda mode: mode in _VALUE_MODES):
            # The quantity, CNTG_QTY.
            values = [*values[:9], "12x4", *values[10:]]
        if taken := self._take("append_fields", aim, [session], _any_mode):
            values = [*values, *(str(number) for number in range(1, taken[0].body.fields + 1))]
        return values

    def on_ack(self, session: Session, registration: Registration, code: str, wire: bytes) -> bool:
        """Tell whether a fault took the ack of a request, so that the hub must not send it."""
        if not self._faults or not registration[0]:
            return False
        aim = aim_of_frame(*registration)
        if code == "OPSP0000" and self._take("registration_lost", aim, [session], _any_mode):
            self._hub.deafen(session, registration)
        if self._take("ack_missing", aim, [session], _any_mode):
            return True
        if taken := self._take("ack_delay", aim, [session], _any_mode):
            due_ns = self._faults.now_ns + taken[0].delay_ms * _NS_PER_MS
            self._late_acks.append((due_ns, session, wire))
            return True
        return False

    def flush(self) -> None:
        """Send what is due: late acks, and held frames that no other frame followed."""
        now_ns = self._faults.now_ns
        if self._late_acks:
            due = [late for late in self._late_acks if late[0] <= now_ns]
            self._late_acks = [late for late in self._late_acks if late[0] > now_ns]
            for _, session, wire in due:
                if session.number in self._hub.sessions:
                    session.deliver(wire)
        if self._held:
            overdue = [late for late in self._held if late[0] <= now_ns]
            self._held = [late for late in self._held if late[0] > now_ns]
            for _, _, frame, sessions in overdue:
                self._hub.send(frame, self._open(sessions))


def _any_mode(mode: str) -> bool:
    return True


def _fits(mode: str, *, is_encrypted: bool) -> bool:
    if mode in _VALUE_MODES:
        return not is_encrypted
    return is_encrypted or mode != "base64"

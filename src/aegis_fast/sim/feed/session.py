"""Hold one open socket, and say who may change what goes out to it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

__all__ = ["Session", "Tap"]


class Session:
    """One open socket. appkey: "" until it has said who it is."""

    def __init__(self, number: int, send: Callable[[bytes], None], ip: str, now_ns: int) -> None:
        self.number = number
        self.send = send
        self.ip = ip
        self.opened_ns = now_ns
        self.appkey = ""
        self.approval_key = ""
        self.hts_ids: set[str] = set()
        self.registrations: set[tuple[str, str]] = set()
        self.keys: dict[str, tuple[str, str]] = {}
        self.sent = 0
        self.pongs = 0
        self.unanswered_ns = 0  # Door time of the first PINGPONG not sent back yet; 0: none.
        self.is_silent = False
        self.keeps_pingpong = False

    def deliver(self, wire: bytes, *, is_pingpong: bool = False) -> bool:
        """Send, unless a fault keeps this socket quiet; tell whether it went out."""
        if self.is_silent and not (is_pingpong and self.keeps_pingpong):
            return False
        self.sent += 1
        self.send(wire)
        return True

    def as_json(self) -> dict[str, Any]:
        """Return the session as the control page shows it."""
        return {
            "session": self.number,
            "appkey": self.appkey,
            "ip": self.ip,
            "opened_ns": self.opened_ns,
            "registrations": sorted(f"{tr_id}:{key}" for tr_id, key in self.registrations),
            "sent": self.sent,
            "pongs": self.pongs,
            "is_silent": self.is_silent,
        }


class Tap(Protocol):
    """Who may change what goes out: frames, the values of notices, acks."""

    def on_frame(
        self, registration: tuple[str, str], frame: bytes, sessions: list[Session]
    ) -> None:
        """Send a frame to its subscribers with Hub.send, or something else."""

    def on_values(
        self, registration: tuple[str, str], values: list[str], session: Session
    ) -> list[str]:
        """Return the values of a notice to encrypt."""

    def on_ack(
        self, session: Session, registration: tuple[str, str], code: str, wire: bytes
    ) -> bool:
        """Tell whether the ack was taken over, so that it is not sent."""

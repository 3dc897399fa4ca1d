"""Watch who sends PINGPONG back. Off unless a timeout is set: the broker's own rule is unknown."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from aegis_fast.sim.feed.session import Session
from aegis_fast.sim.kst import SECOND_NS

__all__ = ["PongWatch"]


class PongWatch:
    """timeout_ns: how long a client may take, in door time; 0: for ever. cut: ends a socket.

    Only time that passes step by step counts: when the door's time leaps (a jump of the clock, a
    process that stood still) the clients had no chance, and their time begins anew.
    """

    def __init__(self, timeout_ns: int) -> None:
        self.cut: Callable[[Session], None] | None = None
        self.sockets_cut = 0
        self._timeout_ns = timeout_ns
        self._last_ns = 0

    def on_ping(self, session: Session, real_ns: int) -> None:
        """Take note that a socket has been sent PINGPONG."""
        session.unanswered_ns = session.unanswered_ns or real_ns

    def on_pong(self, session: Session) -> None:
        """Take note that a client has sent it back."""
        session.pongs += 1
        session.unanswered_ns = 0

    def tick(self, sessions: Iterable[Session], real_ns: int) -> None:
        """Cut who has been silent too long."""
        if not self._timeout_ns:
            return
        has_leapt = real_ns - self._last_ns > SECOND_NS
        self._last_ns = real_ns
        for session in sessions:
            if not session.unanswered_ns:
                continue
            if has_leapt:
                session.unanswered_ns = real_ns
            elif real_ns - session.unanswered_ns >= self._timeout_ns:
                session.unanswered_ns = 0
                self.sockets_cut += 1
                if self.cut is not None:
                    self.cut(session)

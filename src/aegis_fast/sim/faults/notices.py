"""Strike own-order notices: late, twice, in the wrong order, or never."""

from __future__ import annotations

from collections.abc import Callable

from aegis_fast.sim.faults.rules import Aim
from aegis_fast.sim.faults.waiting import Faults
from aegis_fast.sim.feed.frames import Notice

__all__ = ["NoticeFaults"]


class NoticeFaults:
    """What stands between the order desk and the sockets. send(notice) goes on."""

    def __init__(self, faults: Faults, send: Callable[[Notice], None]) -> None:
        self._faults = faults
        self._send = send
        self._held: list[tuple[int, Notice]] = []
        self._late: list[tuple[int, Notice]] = []

    def on_notice(self, notice: Notice, aim: Aim) -> None:
        """Send a notice on, with whatever waits for it; a held one follows it."""
        held, self._held = self._held, []
        self._strike(notice, aim)
        for _, late in held:
            self._send(late)

    def _strike(self, notice: Notice, aim: Aim) -> None:
        faults = self._faults
        if not faults:
            self._send(notice)
        elif faults.take("notice_missing", aim):
            return
        elif fault := faults.take("notice_out_of_order", aim):
            self._held.append((faults.now_ns + fault.delay_ms * 1_000_000, notice))
        else:
            copies = [notice] * (2 if faults.take("notice_duplicate", aim) else 1)
            if delay_ns := faults.take_delay_ns("notice_delay", aim):
                due_ns = faults.now_ns + delay_ns
                self._late += [(due_ns, one) for one in copies]
                return
            for one in copies:
                self._send(one)

    def flush(self) -> None:
        """Send what is late by now, and what has waited long enough for a next notice."""
        if not self._held and not self._late:
            return
        now_ns = self._faults.now_ns
        due = sorted((late for late in (*self._held, *self._late) if late[0] <= now_ns), key=_due)
        self._held = [late for late in self._held if late[0] > now_ns]
        self._late = [late for late in self._late if late[0] > now_ns]
        for _, notice in due:
            self._send(notice)


def _due(late: tuple[int, Notice]) -> int:
    return late[0]

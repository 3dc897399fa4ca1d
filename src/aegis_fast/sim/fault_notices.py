"""Strike own-order notices: late, twice, in the wrong order, or never."""

from __future__ import annotations

from collections.abc import Callable

from aegis_fast.sim.fault_rules import Aim
from aegis_fast.sim.faults import Faults
from aegis_fast.sim.frames import Notice

__all__ = ["NoticeFaults"]


class NoticeFaults:
    """What stands between the order desk and the sockets. send(notice, delay_ns) goes on."""

    def __init__(self, faults: Faults, send: Callable[[Notice, int], None]) -> None:
        self._faults = faults
        self._send = send
        self._held: list[tuple[int, Notice]] = []

    def on_notice(self, notice: Notice, aim: Aim) -> None:
        """Send a notice on, with whatever waits for it; a held one follows it."""
        held, self._held = self._held, []
        self._strike(notice, aim)
        for _, late in held:
            self._send(late, 0)

    def _strike(self, notice: Notice, aim: Aim) -> None:
        faults = self._faults
        if not faults:
            self._send(notice, 0)
        elif faults.take("notice_missing", aim):
            return
        elif fault := faults.take("notice_out_of_order", aim):
            self._held.append((faults.now_ns + fault.delay_ms * 1_000_000, notice))
        else:
            copies = 2 if faults.take("notice_duplicate", aim) else 1
            delay_ns = faults.take_delay_ns("notice_delay", aim)
            for _ in range(copies):
                self._send(notice, delay_ns)

    def flush(self) -> None:
        """Send what has waited long enough for a next notice."""
        if not self._held:
            return
        due = [notice for due_ns, notice in self._held if due_ns <= self._faults.now_ns]
        self._held = [late for late in self._held if late[0] > self._faults.now_ns]
        for notice in due:
            self._send(notice, 0)

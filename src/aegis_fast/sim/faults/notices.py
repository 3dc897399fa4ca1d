"""Strike own-order notices: late, twice, in the wrong order, or never."""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush

from aegis_fast.sim.faults.rules import Aim
from aegis_fast.sim.faults.waiting import Faults
from aegis_fast.sim.feed.frames import Notice

__all__ = ["MAX_LATE", "NoticeFaults"]

MAX_LATE = 100_000


class NoticeFaults:
    """What stands between the order desk and the sockets. send(notice) goes on.

    At most max_late notices are late at once: one more sends the one that is due first at once, so
    that each still comes, in its order, and only its delay is shorter than asked for.
    """

    def __init__(
        self, faults: Faults, send: Callable[[Notice], None], max_late: int = MAX_LATE
    ) -> None:
        self._faults = faults
        self._send = send
        self._max_late = max_late
        self._held: list[tuple[int, Notice]] = []
        self._late: list[tuple[int, int, Notice]] = []  # A heap: due, number, notice.
        self._next_number = 0

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
                for one in copies:
                    self._delay(one, due_ns)
                return
            for one in copies:
                self._send(one)

    def _delay(self, notice: Notice, due_ns: int) -> None:
        heappush(self._late, (due_ns, self._next_number, notice))
        self._next_number += 1
        if len(self._late) > self._max_late:
            self._send(heappop(self._late)[2])

    def flush(self) -> None:
        """Send what is late by now, and what has waited long enough for a next notice."""
        if not self._held and not self._late:
            return
        now_ns = self._faults.now_ns
        due = [held for held in self._held if held[0] <= now_ns]
        self._held = [held for held in self._held if held[0] > now_ns]
        while self._late and self._late[0][0] <= now_ns:
            due_ns, _, notice = heappop(self._late)
            due.append((due_ns, notice))
        for _, notice in sorted(due, key=_due):
            self._send(notice)


def _due(late: tuple[int, Notice]) -> int:
    return late[0]

"""Let own-order notices leave shortly before or after the answer of the call that caused them.

KIS.md 5: notices CAN come before the answer, and usually come after it. A program meets both here:
of every five calls that cause notices one gets them all before its answer, one the first of them,
three none; in which order is drawn from the seed. Those that come later wait 2 to 9 ms of door time
(a choice: nobody has measured it). What happens outside of calls is told at once, but no notice
overtakes another.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from random import Random

from aegis_fast.errors import ConfigError
from aegis_fast.sim.feed.frames import Notice

__all__ = ["NOTICES", "NoticeGate"]

NOTICES = ("before", "after", "mixed")

_WAIT_US = (2_000, 9_000)
_DECK = ("before", "split", "after", "after", "after")


class NoticeGate:
    """The notices of one broker on their way to the sockets. send(notice) goes on.

    timing: "before" holds nothing back, "after" all that calls cause, "mixed" as above. Raises
    ConfigError. The caller tells when a call begins and ends, and the time by flush.
    """

    def __init__(self, send: Callable[[Notice], None], rng: Random, timing: str = "before") -> None:
        if timing not in NOTICES:
            raise ConfigError(f"{timing!r}", field="notices", expected=" | ".join(NOTICES))
        self.timing = timing
        self._send = send
        self._rng = rng
        self._deck: list[str] = []
        self._held: deque[tuple[int, Notice]] = deque()
        self._call_ns: int | None = None
        self._turn = ""

    def begin_call(self, real_ns: int) -> None:
        """Note that a call is being answered; real_ns: the door's time."""
        self._call_ns, self._turn = real_ns, ""

    def end_call(self) -> None:
        """Note that its answer is on the way."""
        self._call_ns = None

    def put(self, notice: Notice) -> None:
        """Send a notice on, now or in a moment."""
        if self._call_ns is None:
            if self._held:
                self._held.append((self._held[-1][0], notice))
            else:
                self._send(notice)
            return
        turn = self._turn or self._next_turn()
        # A call that splits sends its first notice now.
        self._turn = "after" if turn == "split" else turn
        if turn != "after":
            self.release()
            self._send(notice)
            return
        due_ns = self._call_ns + self._rng.randint(*_WAIT_US) * 1_000
        self._held.append((max(due_ns, self._held[-1][0]) if self._held else due_ns, notice))

    def _next_turn(self) -> str:
        if self.timing != "mixed":
            return self.timing
        if not self._deck:
            self._deck = list(_DECK)
            self._rng.shuffle(self._deck)
        return self._deck.pop()

    def flush(self, real_ns: int) -> None:
        """Send what is due by real_ns, the door's time."""
        while self._held and self._held[0][0] <= real_ns:
            self._send(self._held.popleft()[1])

    def release(self) -> None:
        """Send everything that waits."""
        while self._held:
            self._send(self._held.popleft()[1])

"""Break things on request: lost answers, late notices, refused calls, dropped sockets.

A fault waits for the calls, notices or frames that it names, and is gone after `count` of them.
Those on sockets (AT_ONCE) strike as they are set, unless their timing makes them wait.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from aegis_fast.errors import InvalidRequest
from aegis_fast.sim.decoding import NotJSON, decoded
from aegis_fast.sim.faults.kinds import AT_ONCE, KINDS
from aegis_fast.sim.faults.rules import ANY, Aim, Fault, FaultBody, check

if TYPE_CHECKING:
    from aegis_fast.sim.desk.ledger import OrderEntry

__all__ = ["AT_ONCE", "KINDS", "MAX_FAULTS", "Fault", "FaultBody", "Faults"]

MAX_FAULTS = 100
_ENDED_KEPT = 100
_NEVER_NS = 1 << 63


class Faults:
    """The faults that wait, in the order they were asked for.

    clock: the time of the door, ns since the epoch; without one the last time that was told counts.
    aim: what the call under way is about; the desks that take a fault in the middle of a call need
    not know.
    """

    def __init__(self, seed: int = 1) -> None:
        self.clock: Callable[[], int] | None = None
        self.aim = ANY
        self._told_ns = 0
        self._hidden: list[tuple[int, OrderEntry]] = []
        self._seed = seed
        self._by_kind: dict[str, list[Fault]] = {}
        self._ended: deque[Fault] = deque(maxlen=_ENDED_KEPT)
        self._next_id = 1

    @property
    def now_ns(self) -> int:
        """Return the time of the door."""
        return self._told_ns if self.clock is None else self.clock()

    @now_ns.setter
    def now_ns(self, told_ns: int) -> None:
        self._told_ns = told_ns

    def __bool__(self) -> bool:
        return bool(self._by_kind)

    def __len__(self) -> int:
        return sum(map(len, self._by_kind.values()))

    @staticmethod
    def read(raw: bytes) -> FaultBody:
        """Return the checked body of a request for one fault. Raises InvalidRequest."""
        return check(_decoded(raw, FaultBody))

    @staticmethod
    def read_all(raw: bytes) -> list[FaultBody]:
        """Return the checked bodies of a request for many. Raises InvalidRequest.

        The field that an error names starts with the entry's number, counted from 1.
        """
        bodies: list[FaultBody] = _decoded(raw, list[FaultBody])
        if not bodies:
            raise InvalidRequest("an empty list", field="body", expected='[{"kind": ...}, ...]')
        for number, body in enumerate(bodies, 1):
            try:
                check(body)
            except InvalidRequest as error:
                error.field = f"{number}.{error.field}"
                raise
        return bodies

    def add(self, body: FaultBody) -> Fault:
        """Let a fault wait. Raises InvalidRequest when too many wait already."""
        self._drop_ended()
        self.check_room(1)
        fault = Fault(self._next_id, body, self._seed, self.now_ns)
        self._next_id += 1
        self._by_kind.setdefault(fault.kind, []).append(fault)
        return fault

    def check_room(self, count: int) -> None:
        """Raise InvalidRequest when there is no room for so many more."""
        if len(self) + count > MAX_FAULTS:
            raise InvalidRequest(
                "too many faults wait", field="kind", expected="DELETE /_sim/faults first"
            )

    def has(self, kinds: Sequence[str]) -> bool:
        """Tell whether any fault of these kinds waits."""
        return any(kind in self._by_kind for kind in kinds)

    def waiting(self, kind: str) -> list[Fault]:
        """Return the waiting faults of a kind, oldest first."""
        return list(self._by_kind.get(kind, ()))

    def take(
        self,
        kind: str,
        aim: Aim | None = None,
        when: Callable[[Fault], bool] | None = None,
    ) -> Fault | None:
        """Return the first fault of a kind that strikes this, and count it.

        aim: None takes that of the call under way. when: what else must hold; a fault for which it
        does not hold counts nothing.
        """
        waiting = self._by_kind.get(kind)
        if not waiting:
            return None
        now_ns = self.now_ns
        for fault in list(waiting):
            if when is not None and not when(fault):
                continue
            is_struck = fault.strikes(self.aim if aim is None else aim, now_ns)
            if fault.is_spent or fault.is_over(now_ns):
                self._end(fault)
            if is_struck:
                return fault
        return None

    def take_delay_ns(self, kind: str, aim: Aim | None = None) -> int:
        """Return the delay of the next fault of a kind, 0 when none waits."""
        fault = self.take(kind, aim)
        return fault.delay_ms * 1_000_000 if fault else 0

    def hide(self, entry: OrderEntry) -> None:
        """Keep a new order out of the query calls when a fault says so."""
        if delay_ns := self.take_delay_ns("hide"):
            entry.visible_ns = _NEVER_NS
            self._hidden.append((self.now_ns + delay_ns, entry))

    def reveal(self) -> None:
        """Let the query calls show what has been hidden long enough."""
        if not self._hidden:
            return
        now_ns = self.now_ns
        for due_ns, entry in self._hidden:
            if due_ns <= now_ns:
                entry.visible_ns = entry.accepted_ns
        self._hidden = [hidden for hidden in self._hidden if hidden[0] > now_ns]

    def remove(self, number: int) -> bool:
        """Forget one; tell whether it was there."""
        for waiting in list(self._by_kind.values()):
            for fault in waiting:
                if fault.id == number:
                    self._end(fault)
                    return True
        return False

    def clear(self) -> int:
        """Forget all; return how many there were."""
        count = len(self)
        self._by_kind.clear()
        return count

    def as_json(self) -> list[dict[str, Any]]:
        """Return the waiting faults, oldest first."""
        self._drop_ended()
        waiting = [fault for faults in self._by_kind.values() for fault in faults]
        return [fault.as_json() for fault in sorted(waiting, key=lambda fault: fault.id)]

    def ended_json(self) -> list[dict[str, Any]]:
        """Return the last faults that have ended, with how often they struck."""
        return [fault.as_json() for fault in self._ended]

    def _end(self, fault: Fault) -> None:
        waiting = self._by_kind[fault.kind]
        waiting.remove(fault)
        if not waiting:
            del self._by_kind[fault.kind]
        self._ended.append(fault)

    def _drop_ended(self) -> None:
        now_ns = self.now_ns
        for waiting in list(self._by_kind.values()):
            for fault in [fault for fault in waiting if fault.is_over(now_ns)]:
                self._end(fault)


def _decoded(raw: bytes, kind: Any) -> Any:
    try:
        return decoded(raw, kind)
    except NotJSON as error:
        raise InvalidRequest(str(error), field="body", expected='{"kind": ...}') from error

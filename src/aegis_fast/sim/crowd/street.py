"""Let every crowd act when its time has come; nobody acts while the market's crowd is asleep."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from aegis_fast.sim.crowd.flow import Flow
from aegis_fast.sim.kst import second_of_day
from aegis_fast.sim.market.agenda import Agenda
from aegis_fast.sim.market.book import Book

__all__ = ["Street"]

Key = tuple[str, str]


class Street:
    """The crowds of all books by symbol and board, and how busy they are.

    now_ns: the market's clock. after_act(book): called when a crowd has done something.
    has_hours: the time of day counts. A crowd whose book is closed goes to rest until woken.
    """

    def __init__(
        self,
        agenda: Agenda,
        now_ns: Callable[[], int],
        after_act: Callable[[Book], None],
        *,
        has_hours: bool,
    ) -> None:
        self.flows: dict[Key, Flow] = {}
        self._agenda = agenda
        self._now_ns = now_ns
        self._after_act = after_act
        self._has_hours = has_hours
        self._acts: dict[Key, Callable[[], None]] = {}
        self._sleepers: dict[Key, Callable[[], None]] = {}
        self._pace_milli = 1_000
        self._is_paused = False

    def clear(self) -> None:
        """Send everybody home: new crowds come with a new day."""
        self.flows.clear()
        self._acts.clear()
        self._sleepers.clear()

    @property
    def activity(self) -> float:
        """Return the pace of the crowd, 0 to 100; 1.0 is the usual one."""
        return self._pace_milli / 1_000

    @activity.setter
    def activity(self, activity: float) -> None:
        if not 0 <= activity <= 100:
            raise ValueError(f"activity {activity} is not in 0..100")
        self._pace_milli = int(activity * 1_000)
        self._rouse()

    @property
    def is_paused(self) -> bool:
        """Tell whether the crowd stands still."""
        return self._is_paused

    @is_paused.setter
    def is_paused(self, is_paused: bool) -> None:
        self._is_paused = is_paused
        self._rouse()

    @property
    def is_asleep(self) -> bool:
        """Tell whether nobody but our customers trades."""
        return self._is_paused or not self._pace_milli

    def wake(self, key: Key) -> None:
        """Let the crowd of a book act from now on."""
        if key not in self._acts:
            flow = self.flows[key]
            act = self._acts[key] = partial(self._act, flow, key)
            self._schedule(flow, key, act)

    def _rouse(self) -> None:
        if not self.is_asleep:
            sleepers, self._sleepers = self._sleepers, {}
            for key, act in sleepers.items():
                self._schedule(self.flows[key], key, act)

    def _schedule(self, flow: Flow, key: Key, act: Callable[[], None]) -> None:
        if self.is_asleep:
            self._sleepers[key] = act
            return
        now_ns = self._now_ns()
        second = second_of_day(now_ns) if self._has_hours else None
        self._agenda.put(now_ns + flow.wait_ns(second, self._pace_milli), act)

    def _act(self, flow: Flow, key: Key) -> None:
        if self.flows.get(key) is not flow:
            return  # The crowd of a day that is over.
        book = flow.book
        if book.mode == "closed":
            self._acts.pop(key, None)
            return
        act = self._acts[key]
        if not self.is_asleep:
            flow.act()
            self._after_act(book)
        self._schedule(flow, key, act)

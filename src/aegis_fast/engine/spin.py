"""Spin: keep the event loop asking the kernel for news instead of sleeping until it calls.

A sleeping loop is woken 20 to 30 us after a frame has arrived; a spinning one finds it in less than
one, and burns a core for it.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable

from aegis_fast.errors import ConfigError

__all__ = ["NOT_PINNED", "Spinner"]

NOT_PINNED = -1


class Spinner:
    """Make the running loop spin while it is on; off at first.

    A callback that schedules itself leaves the loop always something to do, so it polls its sockets
    without waiting. Timers, sockets and tasks get their turn in every round, and other threads the
    interpreter (uvloop lets go of it at each poll). core: pin the loop's
    thread to it meanwhile, NOT_PINNED leaves it to the kernel; threads that run already stay where
    they are. Raises ConfigError when this process may not use the core.
    """

    def __init__(self, core: int = NOT_PINNED) -> None:
        cores = _allowed_cores()
        if core != NOT_PINNED and core not in cores:
            raise ConfigError(
                f"the core {core} can't be used here",
                field="engine.spin_core",
                expected="-1 or one of " + ", ".join(map(str, sorted(cores))),
            )
        self.turns = 0
        self._core = core
        self._turn: Callable[[], None] | None = None
        self._cores: set[int] = set()

    @property
    def is_on(self) -> bool:
        """Tell whether the loop spins."""
        return self._turn is not None

    def start(self) -> None:
        """Spin from now on; call it in the loop's thread."""
        if self._turn is not None:
            return
        loop = asyncio.get_running_loop()

        def turn() -> None:
            # One that was stopped does not go on, even if another was started meanwhile.
            if self._turn is turn:
                self.turns += 1
                loop.call_soon(turn)

        self._turn = turn
        if self._core != NOT_PINNED:
            self._cores = _allowed_cores()
            os.sched_setaffinity(0, {self._core})
        loop.call_soon(turn)

    def stop(self) -> None:
        """Sleep again between events, on the cores of before."""
        if self._turn is None:
            return
        self._turn = None
        if self._core != NOT_PINNED:
            os.sched_setaffinity(0, self._cores)


def _allowed_cores() -> set[int]:
    return os.sched_getaffinity(0)

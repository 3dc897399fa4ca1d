"""Keep the engine's clock with that of the simulator it talks to; at a real broker do nothing."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import Protocol

from aegis_fast.core.model import BrokerTime
from aegis_fast.engine.clock import FollowedClock
from aegis_fast.errors import AegisError

__all__ = ["ClockFollower", "TimeSource"]

_INTERVAL_S = 0.25


class TimeSource(Protocol):
    """A broker that can tell its time; None where that is the wall clock's."""

    async def simulator_time(self) -> BrokerTime | None: ...


class ClockFollower:
    """Read the broker's clock every interval_s."""

    def __init__(
        self,
        source: TimeSource,
        clock: FollowedClock,
        log: logging.Logger,
        interval_s: float = _INTERVAL_S,
    ) -> None:
        self._source = source
        self._clock = clock
        self._log = log
        self._interval_s = interval_s
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Take the first reading, and go on if there was one. Raises AegisError."""
        told = await self._source.simulator_time()
        if told is None:
            return
        self._clock.follow(told)
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run())

    async def close(self) -> None:
        """Stop reading."""
        if self._task is None:
            return
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task
        self._task = None

    async def _run(self) -> None:
        is_lost = False
        while True:
            await asyncio.sleep(self._interval_s)
            try:
                told = await self._source.simulator_time()
            except AegisError as error:
                if not is_lost:
                    self._log.warning("the simulator does not tell its time: %s", error)
                is_lost = True
                continue
            is_lost = False
            if told is not None:
                self._clock.follow(told)

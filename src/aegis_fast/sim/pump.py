"""Drive the market after its clock, in slices so short that calls and sockets never wait long.

In wall mode what can't be simulated in time is skipped, as a market seen through a slow line. In
the other modes and in jumps nothing is: the market falls behind and catches up as the machine lets
it, and it waits a moment for readers that can't keep up with it.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable

from aegis_fast.sim.broker import Broker
from aegis_fast.sim.sim_clock import SimClock

__all__ = ["Pump"]

_STEP_S = 0.01
_SLICE_S = 0.005  # The CPU time of a turn that has more to do.
_MAX_EVENTS = 100  # Between two looks at the time.
_MAX_BACKLOG = 1 << 20  # Bytes in one socket from which on a market that runs fast waits.
_MAX_WAIT_S = 2.0  # For a reader; then it goes on, and the socket may be cut.


class Pump:
    """The task that moves one broker's market. backlog_bytes: see Sockets."""

    def __init__(
        self,
        broker: Broker,
        clock: SimClock,
        backlog_bytes: Callable[[], int],
        logger: logging.Logger,
    ) -> None:
        self._broker = broker
        self._clock = clock
        self._backlog_bytes = backlog_bytes
        self._logger = logger
        self._waited_s = 0.0
        self._arrivals: list[tuple[int, asyncio.Future[None]]] = []

    async def run(self) -> None:
        """Move the market until cancelled. What goes wrong in it ends it."""
        try:
            while True:
                is_behind = self._turn()
                self._tell()
                await asyncio.sleep(0 if is_behind and self._readers_keep_up() else _STEP_S)
        except asyncio.CancelledError:
            raise
        except Exception:
            self._logger.exception("the simulated market stopped")
            raise
        finally:
            for _, arrived in self._arrivals:
                arrived.cancel()

    async def arrive(self, goal_ns: int) -> None:
        """Wait until the market has been simulated up to goal_ns."""
        if self._clock.reached_ns >= goal_ns:
            return
        arrived = asyncio.get_running_loop().create_future()
        self._arrivals.append((goal_ns, arrived))
        await arrived

    def _turn(self) -> bool:
        """Simulate what is due, for a slice of CPU time; tell whether more is."""
        clock, broker = self._clock, self._broker
        target_ns, door_ns = clock.target_ns(), clock.door_ns()
        if clock.may_skip or broker.replay is not None:
            broker.step(target_ns, door_ns)
            clock.reach(target_ns)
            return False
        end_s = time.perf_counter() + _SLICE_S
        while clock.reached_ns < target_ns and time.perf_counter() < end_s:
            clock.reach(broker.advance(target_ns, door_ns, max_events=_MAX_EVENTS))
        # What follows the door's time (PINGPONG, late notices, faults) goes on meanwhile.
        broker.advance(clock.reached_ns, door_ns)
        return clock.reached_ns < target_ns

    def _tell(self) -> None:
        """Wake who waits for a moment that has come."""
        if not self._arrivals:
            return
        reached_ns = self._clock.reached_ns
        for goal_ns, arrived in self._arrivals:
            if goal_ns <= reached_ns and not arrived.done():
                arrived.set_result(None)
        self._arrivals = [waiting for waiting in self._arrivals if not waiting[1].done()]

    def _readers_keep_up(self) -> bool:
        if self._backlog_bytes() < _MAX_BACKLOG:
            self._waited_s = 0.0
            return True
        if self._waited_s >= _MAX_WAIT_S:
            return True
        self._waited_s += _STEP_S
        return False

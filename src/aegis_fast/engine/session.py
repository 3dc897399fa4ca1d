"""Follow the market's hours: spin while it is open, clean up once it has closed."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

from aegis_fast.core.hours import is_market_hours, kst_date
from aegis_fast.engine.garbage import GarbageKeeper
from aegis_fast.engine.spin import Spinner

__all__ = ["Session"]

_INTERVAL_S = 1.0


class Session:
    """The process's behaviour over the day. spinner, garbage: None leaves that part out.

    now_ns: the broker's time, so a simulator's market counts when the engine trades there.
    """

    def __init__(
        self,
        now_ns: Callable[[], int],
        *,
        spinner: Spinner | None,
        garbage: GarbageKeeper | None,
    ) -> None:
        self._now_ns = now_ns
        self._spinner = spinner
        self._garbage = garbage
        self._was_open = False
        self._date = 0
        self._task: asyncio.Task[None] | None = None

    @property
    def is_spinning(self) -> bool:
        """Tell whether the loop polls instead of sleeping."""
        return self._spinner is not None and self._spinner.is_on

    def start(self) -> None:
        """Begin; call when the process has warmed up."""
        if self._garbage is not None:
            self._garbage.begin()
        self._date = kst_date(self._now_ns())
        self.turn()
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def close(self) -> None:
        """End; the process is as before start()."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        if self._spinner is not None:
            self._spinner.stop()
        if self._garbage is not None:
            self._garbage.end()

    def turn(self) -> None:
        """Look at the clock and do what its hour asks for."""
        now_ns = self._now_ns()
        is_open, date = is_market_hours(now_ns), kst_date(now_ns)
        if self._spinner is not None:
            if is_open:
                self._spinner.start()
            else:
                self._spinner.stop()
        has_closed = self._was_open and not is_open
        is_new_day = date != self._date
        if self._garbage is not None and not is_open and (has_closed or is_new_day):
            self._garbage.collect()
        self._was_open, self._date = is_open, date

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(_INTERVAL_S)
            self.turn()

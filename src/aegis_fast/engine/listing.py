"""Know the issues of today: asked for once a Korean day, on first use, while halted each time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from aegis_fast.core.hours import kst_date
from aegis_fast.core.model import Instrument
from aegis_fast.core.ports import Broker
from aegis_fast.errors import InvalidRequest, NotFound

__all__ = ["Listing"]

_LIMIT = 5_000


class Listing:
    """Instruments by symbol. At most 5,000 are kept (KRX lists about 2,700); the oldest goes."""

    def __init__(self, broker: Broker, now_ns: Callable[[], int]) -> None:
        self._broker = broker
        self._now_ns = now_ns
        self._known: dict[str, tuple[int, Instrument]] = {}
        self._asked: dict[str, asyncio.Task[Instrument]] = {}

    async def instrument(self, symbol: str) -> Instrument:
        """Return the instrument; many callers at once make one question.

        Raises InvalidRequest for what is no symbol, NotFound for one the broker does not know.
        """
        if not (6 <= len(symbol) <= 7 and symbol.isascii() and symbol.isalnum()):
            raise InvalidRequest(
                f"{symbol!r} is no symbol",
                field="symbol",
                expected="6 letters and digits, e.g. 005930 (ETN: 7)",
            )
        today = kst_date(self._now_ns())
        known = self._known.get(symbol)
        # A halt ends on the same day as a rule: what was halted is asked for again.
        if known is not None and known[0] == today and not known[1].is_halted:
            return known[1]
        return await asyncio.shield(self._task(symbol, today))

    def _task(self, symbol: str, today: int) -> asyncio.Task[Instrument]:
        """Return the question under way, a new one if there is none."""
        task = self._asked.get(symbol)
        if task is None:
            task = asyncio.get_running_loop().create_task(self._ask(symbol, today))
            self._asked[symbol] = task
            task.add_done_callback(lambda done: self._answered(symbol, done))
        return task

    def _answered(self, symbol: str, task: asyncio.Task[Instrument]) -> None:
        self._asked.pop(symbol, None)
        if not task.cancelled():
            # Looked at here: nobody may be waiting for it any more.
            task.exception()

    async def _ask(self, symbol: str, today: int) -> Instrument:
        try:
            instrument = await self._broker.instrument(symbol)
        except NotFound as error:
            raise NotFound(
                f"{symbol} is not listed (없는 종목): {error.message}",
                venue_code=error.venue_code,
                field="symbol",
                expected="a KRX short code, e.g. 005930",
            ) from error
        if len(self._known) >= _LIMIT and symbol not in self._known:
            del self._known[next(iter(self._known))]
        self._known[symbol] = (today, instrument)
        return instrument

    def instrument_now(self, symbol: str) -> Instrument:
        """Return an instrument known today without asking. Raises NotFound.

        Yesterday's limits are no limits: the first call of a new day has the instrument asked for
        again, and is refused.
        """
        known = self._known.get(symbol)
        if known is None:
            raise NotFound(
                f"{symbol} is not known yet",
                field="symbol",
                expected="a symbol that the strategy watches",
            )
        today = kst_date(self._now_ns())
        if known[0] != today:
            self._task(symbol, today)
            raise NotFound(
                f"{symbol} is not known yet today",
                field="symbol",
                expected="the same a moment later",
            )
        if known[1].is_halted:
            self._task(symbol, today)
        return known[1]

    def name(self, symbol: str) -> str:
        """Return the name of a known issue, "" of any other."""
        known = self._known.get(symbol)
        return known[1].name if known else ""

    def known(self) -> list[Instrument]:
        """Return the issues known so far, by symbol."""
        return [self._known[symbol][1] for symbol in sorted(self._known)]

    async def quote(self, symbol: str) -> Mapping[str, Any]:
        """Return t1101, always from the wire, with the name of the issue."""
        instrument = await self.instrument(symbol)
        quote = await self._broker.quote(symbol)
        answer: dict[str, Any] = msgspec.structs.asdict(quote)
        return answer | {"name": instrument.name, "source": "wire", "age_ms": 0, "stale": False}

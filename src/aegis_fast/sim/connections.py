"""Watch over the open connections: end what idles, what dawdles over a request, what is too many.

All of it runs on real time. A connection has `read_s` for the head of a request, counted from its
first byte (or from the opening of the connection), and as long again for the body, which the
server reads; after an answer it may idle for `keepalive_s`. WebSockets idle as long as they like.
With `max_open` connections a new one takes the place of the one that has idled longest; when none
idles it is answered with 503 and closed.
"""

from __future__ import annotations

import asyncio
import logging
import resource
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, cast

from aiohttp import web

__all__ = ["Connections", "IdleEnd", "Limits"]

_MOST_OPEN = 2_000
_FILES_FOR_OTHERS = 100
_LINGER_S = 1.0  # For the rest of a body that nobody wants.
_NEVER_S = 7 * 86_400.0  # aiohttp's own keep-alive is not to end anything: this module does.
_TOO_MANY = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


def _room() -> int:
    """Return how many connections this process may have open at once."""
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if files == resource.RLIM_INFINITY:
        return _MOST_OPEN
    return max(1, min(_MOST_OPEN, files - _FILES_FOR_OTHERS))


@dataclass(frozen=True, slots=True)
class Limits:
    """keepalive_s, read_s: see the module, in seconds. max_open: None is 2,000, or less where the
    system allows the process fewer files.
    """

    keepalive_s: float = 75.0
    read_s: float = 30.0
    max_open: int | None = None


@dataclass(frozen=True, slots=True)
class IdleEnd:
    """What a fault makes of a connection that idles: it ends after delay_s.

    is_race: only as the next request arrives after that time, which then lands nowhere.
    """

    delay_s: float
    is_race: bool


class _Connection(web.RequestHandler):
    """One connection. is_idle: between two requests, or before the first byte of one."""

    __slots__ = ("_limits", "_opened", "_timer", "_trap_s", "idle_since_s", "is_idle")

    def __init__(
        self, owner: Connections, limits: Limits, opened: Callable[[_Connection], None]
    ) -> None:
        settings: dict[str, Any] = {
            "keepalive_timeout": _NEVER_S,
            "access_log": None,
            "lingering_time": _LINGER_S,
            "logger": owner.logger,
        }
        super().__init__(owner, loop=asyncio.get_running_loop(), **settings)
        self._limits = limits
        self._opened = opened
        self._timer: asyncio.TimerHandle | None = None
        self._trap_s: float | None = None
        self.idle_since_s = 0.0
        self.is_idle = True

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.idle_since_s = self._loop.time()
        self._end_after(self._limits.read_s)
        self._opened(self)

    def connection_lost(self, exc: BaseException | None) -> None:
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self.is_idle and data:
            if self._trap_s is not None and self._loop.time() >= self._trap_s:
                self.end()
                return
            self.is_idle = False
            self._end_after(self._limits.read_s)
        super().data_received(data)

    def begin_request(self) -> None:
        """Take note that the head of a request is complete."""
        self.is_idle = False
        self._trap_s = None
        self._stop_timer()

    def end_request(self, fault: IdleEnd | None) -> None:
        """Take note that a request has been answered."""
        self.is_idle = True
        self.idle_since_s = self._loop.time()
        idle_s = self._limits.keepalive_s
        if fault is not None and fault.is_race:
            self._trap_s = self.idle_since_s + fault.delay_s
        elif fault is not None:
            idle_s = min(idle_s, fault.delay_s)
        self._end_after(idle_s)

    def end(self) -> None:
        """Close the connection; what the client doesn't read is not waited for."""
        transport = self.transport
        if transport is None:
            return
        if transport.get_write_buffer_size():
            transport.abort()
        self.force_close()

    def refuse(self) -> None:
        """Answer with 503 and close."""
        if self.transport is not None:
            self.transport.write(_TOO_MANY)
        self.force_close()

    def _end_after(self, span_s: float) -> None:
        self._stop_timer()
        if self.transport is not None:
            self._timer = self._loop.call_later(span_s, self.end)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class Connections(web.Server):
    """All connections of one simulator. answer(request): as of web.Server.

    idle_end(request): what a fault makes of the connection once this request is answered.
    """

    def __init__(
        self,
        answer: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]],
        limits: Limits,
        idle_end: Callable[[web.BaseRequest], IdleEnd | None],
        logger: logging.Logger,
    ) -> None:
        super().__init__(self._serve)
        self.logger = logger
        self.refused = 0
        self.max_open = _room() if limits.max_open is None else limits.max_open
        self._answer = answer
        self._limits = limits
        self._idle_end = idle_end

    def __call__(self) -> web.RequestHandler:
        """Return the protocol of a new connection."""
        return _Connection(self, self._limits, self._make_room)

    def _make_room(self, new: _Connection) -> None:
        if len(self.connections) <= self.max_open:
            return
        others = (cast(_Connection, one) for one in self.connections if one is not new)
        idle = [one for one in others if one.is_idle and one.transport is not None]
        if idle:
            min(idle, key=lambda one: one.idle_since_s).end()
            return
        self.refused += 1
        new.refuse()

    async def _serve(self, request: web.BaseRequest) -> web.StreamResponse:
        connection = cast(_Connection, request.protocol)
        connection.begin_request()
        try:
            return await self._answer(request)
        finally:
            connection.end_request(self._idle_end(request) if request.keep_alive else None)

"""Do to connections what no broker in memory can: cut them, close them, leave them unanswered.

The only fault module with I/O. The server asks it for a protocol as a connection opens and hands it
every answer that a fault has touched.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import ssl
import struct
from collections.abc import Awaitable, Callable, Coroutine
from http import HTTPStatus
from typing import Any, cast

from aiohttp import web

from aegis_fast.sim.calls.answers import Answer
from aegis_fast.sim.faults.hooks import FaultHooks
from aegis_fast.sim.faults.names import answer_query, name_of
from aegis_fast.sim.feed.stream import Session
from aegis_fast.sim.sockets import Sockets

__all__ = ["WireFaults"]

_POLL_MS = 20
_REOPEN_TRIES = 50
_CUT_AFTER_S = 0.05


class _Reset(asyncio.Protocol):
    """A connection that is reset as it opens."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        opened = transport.get_extra_info("socket")
        if opened is not None:
            # Not every event loop's socket can be set; a copy of it shares its options.
            with socket.socket(fileno=os.dup(opened.fileno())) as own:
                own.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        cast(asyncio.Transport, transport).abort()


class _Names(asyncio.DatagramProtocol):
    """The name server of one simulator."""

    def __init__(self, address: str, hooks: FaultHooks) -> None:
        self._address = address
        self._hooks = hooks
        self._transport: asyncio.DatagramTransport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str | Any, int]) -> None:
        failure = self._hooks.name_failure() if name_of(data) else ""
        answer = answer_query(data, self._address, failure)
        if answer is not None:
            self._transport.sendto(answer, addr)


class WireFaults:
    """The connections of one server, as its faults meet them; it is the broker's Wire."""

    def __init__(
        self,
        hooks: FaultHooks,
        sockets: Sockets,
        handler: web.Server,
        logger: logging.Logger,
    ) -> None:
        self._hooks = hooks
        self._sockets = sockets
        self._handler = handler
        self._logger = logger
        self._is_tls = False
        self._tasks: set[asyncio.Task[None]] = set()
        self._names: asyncio.DatagramTransport | None = None
        self._open: Callable[[], Awaitable[None]]
        self._shut: Callable[[], None]
        hooks.wire = self

    def join(
        self,
        listen: Callable[[], Awaitable[None]],
        shut: Callable[[], None],
        tls: ssl.SSLContext | None,
    ) -> None:
        """Connect the listener. listen() may raise OSError while the port is taken."""
        self._open, self._shut = listen, shut
        self._is_tls = tls is not None
        if tls is not None:
            tls.sni_callback = self._on_hello

    def _on_hello(self, *_: Any) -> int | None:
        is_refused = self._hooks.is_connection_refused()
        return ssl.ALERT_DESCRIPTION_HANDSHAKE_FAILURE if is_refused else None

    def protocol(self) -> asyncio.BaseProtocol:
        """Return the protocol of a new connection."""
        # With TLS this comes before the handshake, and it is the handshake that must fail.
        if not self._is_tls and self._hooks.is_connection_refused():
            return _Reset()
        return self._handler()

    def drop(self, session: Session) -> None:
        """Cut a socket without a word."""
        self._sockets.cut(session)

    def end(self, session: Session) -> None:
        """Cut a socket once what it has been sent is out."""
        self._sockets.cut(session, is_flushed=True)

    def close_socket(self, session: Session, code: int, text: str) -> None:
        """Send a close frame and wait a moment for the client's."""
        self._run(self._sockets.say_goodbye(session, code, text))

    def refuse(self, span_ms: int, *, is_cut: bool) -> None:
        """Stop listening for a time; is_cut: open connections end too."""
        self._shut()
        if is_cut:
            # A moment later, so that whoever asked for this still gets his answer.
            asyncio.get_running_loop().call_later(_CUT_AFTER_S, self._cut_all)
        self._run(self._reopen(span_ms))

    def _cut_all(self) -> None:
        for connection in list(self._handler.connections):
            if connection.transport is not None:
                connection.transport.abort()

    async def _reopen(self, span_ms: int) -> None:
        await asyncio.sleep(span_ms / 1_000)
        for _ in range(_REOPEN_TRIES):
            try:
                await self._open()
            except OSError as error:
                self._logger.warning("the port is not free yet: %s", error)
                await asyncio.sleep(0.1)
            else:
                return
        self._logger.error("the port was taken while a fault kept it closed")

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def answer_names(self, host: str, port: int) -> int:
        """Serve names on a UDP port (0: a free one) and return it. Raises OSError."""
        self._names, _ = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: _Names(host, self._hooks), (host, port)
        )
        return int(self._names.get_extra_info("sockname")[1])

    async def close(self) -> None:
        """Let nothing of this go on."""
        if self._names is not None:
            self._names.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def send(
        self, request: web.BaseRequest, answer: Answer, response: web.Response
    ) -> web.Response:
        """Return the response when its time has come, or end the connection in its place."""
        if answer.delay_ms:
            await asyncio.sleep(answer.delay_ms / 1_000)
        if not answer.is_lost and answer.cut_bytes is None:
            return response
        transport = request.transport
        if transport is None:
            return response
        if not answer.is_lost:
            assert answer.cut_bytes is not None
            head, body = _written(response)
            size = answer.cut_bytes + (len(head) if answer.is_cut_in_body else 0)
            transport.write((head + body)[:size])
            transport.close()  # Not abort: what is written must still go out.
            return web.Response()
        if answer.hold_ms:
            await _wait_for_hangup(transport, answer.hold_ms)
        transport.abort()
        return web.Response()


async def _wait_for_hangup(transport: asyncio.BaseTransport, hold_ms: int) -> None:
    for waited_ms in range(0, hold_ms, _POLL_MS):
        if transport.is_closing():
            return
        await asyncio.sleep(min(_POLL_MS, hold_ms - waited_ms) / 1_000)


def _written(response: web.Response) -> tuple[bytes, bytes]:
    """Return head and body of a response as they would be sent."""
    body = response.body if isinstance(response.body, bytes) else b""
    reason = response.reason or HTTPStatus(response.status).phrase
    lines = [f"HTTP/1.1 {response.status} {reason}"]
    lines += [f"{name}: {value}" for name, value in response.headers.items()]
    lines += [f"Content-Length: {len(body)}", "", ""]
    return "\r\n".join(lines).encode(), body

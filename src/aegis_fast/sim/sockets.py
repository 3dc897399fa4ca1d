"""Hold the WebSocket side's connections: take them in, send to them, cut them.

A frame is framed for the wire once and the same bytes go to every subscriber, past aiohttp's
writer; a socket that cannot keep up is cut. Compression is only there when it was asked for.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Any, cast

from aiohttp import WSCloseCode, WSMsgType, web

from aegis_fast.sim.broker import Broker
from aegis_fast.sim.deflate import Deflater, SharedDeflater, negotiate
from aegis_fast.sim.feed.stream import Session
from aegis_fast.sim.sim_clock import SimClock
from aegis_fast.sim.stamps import StampedWriter

__all__ = ["Sockets"]

_MAX_SOCKETS = 1_000
_MAX_SOCKET_BUFFER = 4 << 20  # Bytes waiting in one socket before it is cut.
_MAX_MESSAGE = 64 << 10  # What a client may send in one message.
_ABNORMAL = (None, WSCloseCode.ABNORMAL_CLOSURE)


class _Socket(web.WebSocketResponse):
    """A socket of the broker: answers no protocol pings, compresses as this server is set."""

    def __init__(self, deflate: str) -> None:
        super().__init__(autoping=False, compress=False, max_msg_size=_MAX_MESSAGE)
        self._deflate = deflate
        self.deflate_bits = 0

    def _handshake(self, request: web.BaseRequest) -> Any:
        # aiohttp can't say client_no_context_takeover, nor take context away unasked. Telling it
        # that a window was agreed on makes it read compressed messages.
        headers, protocol, bits, no_context = super()._handshake(request)
        offers = ",".join(request.headers.getall("Sec-WebSocket-Extensions", []))
        answer, self.deflate_bits = negotiate(offers, self._deflate)
        if answer:
            headers["Sec-WebSocket-Extensions"] = answer
            bits = 15
        return headers, protocol, bits, no_context


class Sockets:
    """All open sockets of one simulator. deflate: one of DEFLATE_MODES."""

    def __init__(
        self, broker: Broker, clock: SimClock, logger: logging.Logger, deflate: str = "off"
    ) -> None:
        self.slow_sockets_cut = 0
        self.deflate = deflate
        self._broker = broker
        self._clock = clock
        self._logger = logger
        self._shared = SharedDeflater()
        self._transports: dict[int, asyncio.Transport] = {}
        self._sockets: dict[int, _Socket] = {}

    async def serve(self, request: web.BaseRequest) -> web.StreamResponse:
        """Hold one socket until it goes."""
        refused = self._broker.fault_hooks.handshake()
        if refused is not None:
            return web.Response(status=refused.status, body=refused.body)
        if len(self._transports) >= _MAX_SOCKETS:
            return web.Response(status=503, text="too many sockets")
        socket = _Socket(self.deflate)
        await socket.prepare(request)  # A request that is no handshake ends here, with a 400.
        # uvloop's transport is one in all but its class.
        transport = cast(asyncio.Transport, request.transport)
        if transport is None:
            return socket  # Gone already.
        session = self._broker.hub.open(
            self._sender(transport, socket.deflate_bits),
            request.remote or "",
            self._clock.now_ns(),
        )
        self._transports[session.number] = transport
        self._sockets[session.number] = socket
        try:
            async for message in socket:
                if message.type in (WSMsgType.TEXT, WSMsgType.BINARY):
                    text = message.data
                    if isinstance(text, bytes):
                        text = text.decode(errors="replace")
                elif message.type is WSMsgType.PONG and b"PINGPONG" in message.data:
                    # The broker's own sample sends it back in a pong frame, and lives.
                    text = bytes(message.data).decode(errors="replace")
                else:
                    continue
                if self._clock.mode == "stepped":
                    self._broker.notice_gate.release()
                self._broker.on_text(session, text, self._clock.now_ns(), self._clock.door_ns())
        finally:
            self._sockets.pop(session.number, None)
            self._transports.pop(session.number, None)
            has_died = socket.close_code in _ABNORMAL
            self._broker.on_close(session, self._clock.door_ns(), has_died=has_died)
        return socket

    def cut(self, session: Session, *, is_flushed: bool = False) -> None:
        """End a socket without a close frame. is_flushed: what waits to be sent goes out first."""
        transport = self._transports.get(session.number)
        if transport is None:
            return
        if is_flushed:
            transport.close()
        else:
            transport.abort()

    def backlog_bytes(self) -> int:
        """Return what waits to be sent in the socket that is furthest behind."""
        return max((t.get_write_buffer_size() for t in self._transports.values()), default=0)

    async def close(self) -> None:
        """Say goodbye to every socket."""
        await asyncio.gather(
            *(self._say_goodbye(socket) for socket in list(self._sockets.values()))
        )

    async def say_goodbye(self, session: Session, code: int, text: str) -> None:
        """Send one socket a close frame and wait a moment for the client's."""
        socket = self._sockets.get(session.number)
        if socket is not None:
            await self._say_goodbye(socket, code, text)

    async def _say_goodbye(
        self, socket: _Socket, code: int = WSCloseCode.GOING_AWAY, text: str = ""
    ) -> None:
        try:
            async with asyncio.timeout(1):
                await socket.close(code=code, message=text.encode())
        except (TimeoutError, ConnectionError):
            self._logger.debug("a socket did not answer the goodbye")

    def _stamping_sender(self, transport: asyncio.Transport) -> Callable[[bytes], None]:
        writer = StampedWriter(transport, time.time_ns)

        def send(wire: bytes) -> None:
            if transport.is_closing():
                return
            if writer.backlog_bytes > _MAX_SOCKET_BUFFER:
                self._cut_slow(transport)
                return
            writer.write(wire)

        return send

    def _cut_slow(self, transport: asyncio.Transport) -> None:
        self.slow_sockets_cut += 1
        self._logger.warning("a socket fell %d bytes behind: cut", _MAX_SOCKET_BUFFER)
        transport.abort()

    def _sender(self, transport: asyncio.Transport, deflate_bits: int) -> Callable[[bytes], None]:
        is_plain = not deflate_bits and transport.get_extra_info("ssl_object") is None
        if self._broker.hub.is_stamped and is_plain:
            return self._stamping_sender(transport)
        pack: Callable[[bytes], bytes] | None = None
        if deflate_bits:
            own = self._shared if self.deflate == "no-context" else Deflater(deflate_bits)
            pack = own.frame

        def send(wire: bytes) -> None:
            if transport.is_closing():
                return
            if transport.get_write_buffer_size() > _MAX_SOCKET_BUFFER:
                self._cut_slow(transport)
                return
            transport.write(wire if pack is None else pack(wire))

        return send

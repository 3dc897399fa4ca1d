"""Serve the stream: one WebSocket per client, sub-protocol aegis.v3.1.

A client logs in (header, or first message within 5 s), subscribes, and hears. Nonsense gets a typed
error and the connection lives on; only persistent nonsense ends it. A client that does not read is
cut with 1013 once more than a mebibyte of what must not be dropped waits for it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import ClientConnectionError, WSMsgType, web

from aegis_fast.api.access import Access, AccessDenied, Grant
from aegis_fast.api.answers import code_of, error_detail
from aegis_fast.api.bodies import EXPECTED, StreamBody, decode
from aegis_fast.api.hub import Hub, payload_of
from aegis_fast.api.outbox import Outbox
from aegis_fast.api.wire import depth_view, order_view
from aegis_fast.core.ports import TradingService
from aegis_fast.errors import AegisError, Busy, InvalidRequest, RejectedError, TransientError

__all__ = ["PROTOCOL", "Streams"]

PROTOCOL = "aegis.v3.1"
MAX_CONNECTIONS = 256
MAX_SYMBOLS = 100
MAX_MESSAGE_BYTES = 16 * 1024
MAX_BAD_MESSAGES = 20
AUTH_S = 5.0
HEARTBEAT_S = 30.0
GRANT_CHECK_S = 5.0
CLOSE_S = 0.5

GOING_AWAY, POLICY, TRY_AGAIN_LATER, UNAUTHORIZED = 1001, 1008, 1013, 4401


class Streams:
    """All stream connections of one server."""

    def __init__(
        self,
        service: TradingService,
        access: Access,
        clock_ns: Callable[[], int],
        logger: logging.Logger,
        *,
        auth_s: float = AUTH_S,
        grant_check_s: float = GRANT_CHECK_S,
        max_urgent_bytes: int = 1 << 20,
    ) -> None:
        self.service = service
        self.access = access
        self.clock_ns = clock_ns
        self.logger = logger
        self.auth_s = auth_s
        self.grant_check_s = grant_check_s
        self.max_urgent_bytes = max_urgent_bytes
        self.hub = Hub(service)
        self._connections: set[_Connection] = set()

    @property
    def count(self) -> int:
        """How many clients are connected."""
        return len(self._connections)

    async def serve(self, request: web.Request, grant: Grant | None) -> web.WebSocketResponse:
        """Serve one client to its end. grant: from the header, None if there was none.

        Raises Busy before the upgrade when there are too many.
        """
        if self.count >= MAX_CONNECTIONS:
            raise Busy(
                "too many streams",
                field="stream",
                expected=f"at most {MAX_CONNECTIONS} connections; close one or try later",
            )
        ws = web.WebSocketResponse(
            protocols=(PROTOCOL,),
            heartbeat=HEARTBEAT_S,
            timeout=CLOSE_S,
            max_msg_size=MAX_MESSAGE_BYTES,
            compress=False,
            decode_text=False,
        )
        connection = _Connection(self, ws, request, grant)
        self._connections.add(connection)
        try:
            await ws.prepare(request)
            await connection.run()
        finally:
            self._connections.discard(connection)
        return ws

    async def close(self) -> None:
        """End every connection, in about a second at most."""
        endings = [c.finish(GOING_AWAY, "the engine is stopping") for c in self._connections]
        await asyncio.gather(*endings)


class _Connection:
    """One client. The reader runs in the request's task, the writer in its own."""

    def __init__(
        self,
        streams: Streams,
        ws: web.WebSocketResponse,
        request: web.Request,
        grant: Grant | None,
    ) -> None:
        self.outbox = Outbox(max_urgent_bytes=streams.max_urgent_bytes)
        self._streams = streams
        self._ws = ws
        self._request = request
        self._grant = grant
        self._channels: dict[str, set[str]] = {"trade": set(), "depth": set()}
        self._bad_messages = 0
        self._awake = asyncio.Event()
        self._writer: asyncio.Task[None] | None = None
        self._reader: asyncio.Task[None] | None = None
        self._ending: asyncio.Task[None] | None = None
        self._check: asyncio.TimerHandle | None = None
        self._operations: dict[str, Callable[[StreamBody], Awaitable[None]]] = {
            "auth": self._log_in,
            "subscribe": self._subscribe,
            "unsubscribe": self._unsubscribe,
            "ping": self._pong,
        }

    async def run(self) -> None:
        """Talk until one side ends it."""
        self._writer = asyncio.create_task(self._write())
        self._reader = asyncio.create_task(self._read())
        first_check_s = self._streams.grant_check_s if self._grant else self._streams.auth_s
        self._check_grant_in(first_check_s)
        try:
            await asyncio.wait({self._reader})
            if self._ending is not None:
                await self._ending
        finally:
            self._reader.cancel()
            self._leave()
            self._abort()

    def wake(self) -> None:
        """Let the writer look: something new is in the outbox."""
        if self.outbox.is_over_limit:
            self._end(TRY_AGAIN_LATER, "too slow: orders and answers were not read")
        self._awake.set()

    async def finish(self, code: int, reason: str) -> None:
        """End the connection, politely if the client listens."""
        await self._end(code, reason)

    # -- out ------------------------------------------------------------------------------------

    async def _write(self) -> None:
        try:
            while True:
                message = self.outbox.take()
                if message is None:
                    self._awake.clear()
                    await self._awake.wait()
                else:
                    # Waits while the client's socket is full; meanwhile the outbox conflates.
                    await self._ws.send_frame(message, WSMsgType.TEXT)
        except (ClientConnectionError, ConnectionError):
            # The reader meets the same end and cleans up.
            return

    def _put(self, message_type: str, body: StreamBody | None, **fields: Any) -> None:
        if body is not None:
            fields = {"op": body.op, "id": body.id, **fields}
        self.outbox.put(payload_of(message_type, **fields))
        self.wake()

    def _complain(self, error: AegisError, body: StreamBody | None, symbol: str = "") -> None:
        fields = {"symbol": symbol} if symbol else {}
        self._put(
            "error",
            body,
            code=code_of(error),
            message=error.message,
            detail=error_detail(error),
            **fields,
        )

    def _end(self, code: int, reason: str) -> asyncio.Task[None]:
        if self._ending is None:
            self._leave()
            self._ending = asyncio.create_task(self._close(code, reason))
        return self._ending

    async def _close(self, code: int, reason: str) -> None:
        if self._reader is not None:
            # Whoever closes must read on to the client's own close frame, so nobody else may.
            self._reader.cancel()
            await asyncio.wait({self._reader})
        try:
            if self._ws.prepared:
                async with asyncio.timeout(2 * CLOSE_S):
                    # Not drained: a client that does not read would hold us up.
                    await self._ws.close(code=code, message=reason.encode(), drain=False)
        except (TimeoutError, ClientConnectionError, ConnectionError):
            self._streams.logger.debug("a stream client did not answer the close frame")
        finally:
            self._abort()

    def _abort(self) -> None:
        transport = self._request.transport
        if transport is not None:
            transport.abort()

    def _leave(self) -> None:
        """Stop to listen to the engine."""
        if self._check is not None:
            self._check.cancel()
        if self._writer is not None:
            self._writer.cancel()
        for channel, symbols in self._channels.items():
            for symbol in symbols:
                self._streams.hub.unsubscribe(self, channel, symbol)
            symbols.clear()
        self._streams.hub.unsubscribe(self, "order")

    # -- in -------------------------------------------------------------------------------------

    async def _read(self) -> None:
        async for message in self._ws:
            if message.type in (WSMsgType.TEXT, WSMsgType.BINARY):
                await self._hear(message.data)

    async def _hear(self, raw: bytes) -> None:
        try:
            body = decode(raw, StreamBody)
        except InvalidRequest as e:
            self._count_bad_message(e, None)
            return
        if self._grant is None and body.op != "auth":
            self._count_bad_message(_not_logged_in(), body)
            return
        self._bad_messages = 0
        try:
            await self._operations[body.op](body)
        except AegisError as e:
            self._complain(e, body)
        except Exception:
            self._streams.logger.exception("stream: %s failed", body.op)
            self._complain(AegisError("internal error; it is in the engine's log"), body)

    def _count_bad_message(self, error: AegisError, body: StreamBody | None) -> None:
        self._complain(error, body)
        self._bad_messages += 1
        if self._bad_messages >= MAX_BAD_MESSAGES:
            self._end(POLICY, f"{MAX_BAD_MESSAGES} bad messages in a row")

    async def _pong(self, body: StreamBody) -> None:
        self._put("pong", body)

    async def _log_in(self, body: StreamBody) -> None:
        self._grant = self._streams.access.authenticate(body.token)
        self._put("ack", body, role=self._grant.role, expires_ns=self._grant.expires_ns)

    def _check_grant_in(self, delay_s: float) -> None:
        self._check = asyncio.get_running_loop().call_later(delay_s, self._check_grant)

    def _check_grant(self) -> None:
        if self._grant is None:
            self._end(UNAUTHORIZED, 'log in first: {"op":"auth","token":...}')
        elif not self._grant.is_valid(self._streams.clock_ns()):
            self._end(UNAUTHORIZED, "the access token has expired: renew it and come again")
        else:
            self._check_grant_in(self._streams.grant_check_s)

    async def _subscribe(self, body: StreamBody) -> None:
        quotes = self._quote_channels(body)
        symbols = list(dict.fromkeys(body.symbols)) if quotes else []
        known = set().union(*self._channels.values())
        if len(known.union(symbols)) > MAX_SYMBOLS:
            raise Busy(
                "too many symbols on one connection",
                field="symbols",
                expected=f"at most {MAX_SYMBOLS} in all; unsubscribe some first",
            )
        opened = await asyncio.gather(*(self._open(symbol, quotes, body) for symbol in symbols))
        if "order" in body.channels:
            self._streams.hub.subscribe(self, "order")
            orders = self._streams.service.orders(open_only=True)
            views = [order_view(order) for order in orders]
            self._put("snapshot", None, channel="order", orders=views)
        accepted = [symbol for symbol, is_open in zip(symbols, opened, strict=True) if is_open]
        self._put("ack", body, symbols=accepted, channels=body.channels)

    async def _open(self, symbol: str, quotes: list[str], body: StreamBody) -> bool:
        """Listen to one symbol; its book as it is now goes first. False when it was refused."""
        book = None
        try:
            try:
                # Also finds out whether there is such a symbol.
                book = await self._streams.service.book(symbol)
            except TransientError as e:
                # The feed may bring later what can't be asked for now.
                self._complain(e, body, symbol)
            for channel in quotes:
                self._streams.hub.subscribe(self, channel, symbol)
                self._channels[channel].add(symbol)
        except RejectedError as e:
            self._complain(e, body, symbol)
            return False
        if book is not None and "depth" in quotes:
            snapshot = payload_of("snapshot", channel="depth", book=depth_view(book))
            self.outbox.put_snapshot(symbol, snapshot)
        return True

    async def _unsubscribe(self, body: StreamBody) -> None:
        for channel in self._quote_channels(body):
            for symbol in body.symbols:
                self._streams.hub.unsubscribe(self, channel, symbol)
                self._channels[channel].discard(symbol)
                if channel == "depth":
                    self.outbox.forget(symbol)
        if "order" in body.channels:
            self._streams.hub.unsubscribe(self, "order")
        self._put("ack", body, symbols=body.symbols, channels=body.channels)

    def _quote_channels(self, body: StreamBody) -> list[str]:
        if not body.channels:
            raise InvalidRequest("no channels", field="channels", expected=EXPECTED["channels"])
        quotes: list[str] = [name for name in ("trade", "depth") if name in body.channels]
        if quotes and not body.symbols:
            raise InvalidRequest("no symbols", field="symbols", expected=EXPECTED["symbols"])
        return quotes


def _not_logged_in() -> AccessDenied:
    return AccessDenied(
        "not logged in", http_status=401, field="op", expected='{"op":"auth","token":...} first'
    )

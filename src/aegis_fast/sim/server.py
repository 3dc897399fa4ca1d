"""Serve the simulated broker on one port: REST, WebSocket on any path, and /_sim/.

The only module here that does I/O or reads a clock. A frame is framed for the wire once and the
same bytes go to every subscriber; a socket that cannot keep up is cut.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import signal
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from random import SystemRandom
from typing import Any, cast

from aiohttp import WSCloseCode, WSMsgType, web

from aegis_fast.errors import ConfigError
from aegis_fast.sim.account import AccountSpec
from aegis_fast.sim.answers import Answer, Request
from aegis_fast.sim.broker import DEFAULT_ACCOUNTS, Broker
from aegis_fast.sim.control import PREFIX, Control
from aegis_fast.sim.exchange import Exchange
from aegis_fast.sim.replay import Replay
from aegis_fast.sim.stream import Session

__all__ = ["SimServer", "run", "start"]

_STEP_S = 0.01
_MAX_SOCKETS = 1_000
_MAX_SOCKET_BUFFER = 4 << 20  # Bytes waiting in one socket before it is cut.
_MAX_MESSAGE = 64 << 10  # What a client may send in one message.
_REST_HEADERS = ("appkey", "appsecret", "authorization", "tr_id", "tr_cont", "custtype")


def ws_text(payload: bytes) -> bytes:
    """Return a whole, unmasked WebSocket text frame (RFC 6455, section 5.2)."""
    size = len(payload)
    if size < 126:
        return b"\x81" + size.to_bytes(1, "big") + payload
    if size < 1 << 16:
        return b"\x81\x7e" + size.to_bytes(2, "big") + payload
    return b"\x81\x7f" + size.to_bytes(8, "big") + payload


class _Clock:
    """Wall-clock time that never steps back, and can be put forward."""

    def __init__(self) -> None:
        self._offset_ns = time.time_ns() - time.monotonic_ns()

    def now_ns(self) -> int:
        return time.monotonic_ns() + self._offset_ns

    def advance(self, span_ns: int) -> None:
        self._offset_ns += span_ns


class SimServer:
    """A running simulator. port: where it listens. broker: everything behind the sockets."""

    def __init__(self, host: str, broker: Broker, clock: _Clock, logger: logging.Logger) -> None:
        self.host = host
        self.port = 0
        self.broker = broker
        self.slow_sockets_cut = 0
        self._clock = clock
        self._logger = logger
        self._control = Control(broker, self._cut, clock.advance)
        self._transports: dict[int, asyncio.Transport] = {}
        self._sockets: set[web.WebSocketResponse] = set()
        self._handler = web.Server(self._on_request, access_log=None, logger=logger)
        self._listener: asyncio.Server | None = None
        self._market: asyncio.Task[None] | None = None

    @property
    def exchange(self) -> Exchange:
        """Return the books, for tests in the same process."""
        return self.broker.exchange

    @property
    def rest_url(self) -> str:
        """Return the address of the REST side."""
        return f"http://{self.host}:{self.port}"

    @property
    def ws_url(self) -> str:
        """Return the address of the WebSocket side."""
        return f"ws://{self.host}:{self.port}/tryitout"

    def ledger(self) -> dict[str, Any]:
        """Return what GET /_sim/ledger shows."""
        return self.broker.ledger_json()

    async def listen(self, port: int) -> None:
        """Open the port (0: a free one) and start the market. Raises ConfigError."""
        loop = asyncio.get_running_loop()
        try:
            self._listener = await loop.create_server(self._handler, self.host, port)
        except OSError as error:
            advice = "free it, or choose another with --port (0 takes any free one)"
            if error.errno == errno.EADDRINUSE:
                raise ConfigError(
                    f"port {port} on {self.host} is in use", field="port", expected=advice
                ) from error
            raise ConfigError(
                f"cannot listen on {self.host}:{port}: {error}", field="port", expected=advice
            ) from error
        self.port = self._listener.sockets[0].getsockname()[1]
        self._market = asyncio.create_task(self._run_market(), name="sim-market")

    async def wait(self) -> None:
        """Wait until the market stops; raises what stopped it."""
        assert self._market is not None
        await asyncio.shield(self._market)

    async def close(self) -> None:
        """Say goodbye to every socket and free the port. Safe to call twice."""
        if self._market is not None:
            self._market.cancel()
            await asyncio.gather(self._market, return_exceptions=True)
        if self._listener is not None:
            self._listener.close()
        await asyncio.gather(*(self._say_goodbye(socket) for socket in list(self._sockets)))
        await self._handler.shutdown(timeout=1)
        if self._listener is not None:
            await self._listener.wait_closed()
            self._listener = None

    async def _say_goodbye(self, socket: web.WebSocketResponse) -> None:
        try:
            async with asyncio.timeout(1):
                await socket.close(code=WSCloseCode.GOING_AWAY)
        except (TimeoutError, ConnectionError):
            self._logger.debug("a socket did not answer the goodbye")

    async def _run_market(self) -> None:
        try:
            while True:
                self.broker.step(self._clock.now_ns())
                await asyncio.sleep(_STEP_S)
        except asyncio.CancelledError:
            raise
        except Exception:
            self._logger.exception("the simulated market stopped")
            raise

    async def _on_request(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.headers.get("Upgrade", "").lower() == "websocket":
            return await self._on_socket(request)
        body = await request.read() if request.body_exists else b""
        arrived = Request(
            method=request.method,
            path=_plain(request.path),
            headers={name: _plain(request.headers.get(name, "")) for name in _REST_HEADERS},
            query=request.query,
            body=body,
            ip=request.remote or "",
        )
        now_ns = self._clock.now_ns()
        if request.path.startswith(PREFIX):
            return _response(self._control.answer(arrived, now_ns))
        answer = self.broker.call(arrived, now_ns)
        if answer.delay_ms:
            await asyncio.sleep(answer.delay_ms / 1_000)
        if answer.is_lost:
            if request.transport is not None:
                request.transport.abort()
            return web.Response()
        return _response(answer, arrived.headers["tr_id"])

    async def _on_socket(self, request: web.BaseRequest) -> web.StreamResponse:
        if len(self._transports) >= _MAX_SOCKETS:
            return web.Response(status=503, text="too many sockets")
        # The broker answers no protocol pings and never compresses.
        socket = web.WebSocketResponse(autoping=False, compress=False, max_msg_size=_MAX_MESSAGE)
        await socket.prepare(request)  # A request that is no handshake ends here, with a 400.
        # uvloop's transport is one in all but its class.
        transport = cast(asyncio.Transport, request.transport)
        if transport is None:
            return socket  # Gone already.
        ip = request.remote or ""
        session = self.broker.hub.open(self._sender(transport), ip, self._clock.now_ns())
        self._transports[session.number] = transport
        self._sockets.add(socket)
        try:
            async for message in socket:
                if message.type in (WSMsgType.TEXT, WSMsgType.BINARY):
                    text = message.data
                    if isinstance(text, bytes):
                        text = text.decode(errors="replace")
                    self.broker.on_text(session, text, self._clock.now_ns())
        finally:
            self._sockets.discard(socket)
            self._transports.pop(session.number, None)
            self.broker.on_close(session, self._clock.now_ns())
        return socket

    def _sender(self, transport: asyncio.Transport) -> Callable[[bytes], None]:
        def send(wire: bytes) -> None:
            if transport.is_closing():
                return
            if transport.get_write_buffer_size() > _MAX_SOCKET_BUFFER:
                self.slow_sockets_cut += 1
                self._logger.warning("a socket fell %d bytes behind: cut", _MAX_SOCKET_BUFFER)
                transport.abort()
                return
            transport.write(wire)

        return send

    def _cut(self, session: Session) -> None:
        transport = self._transports.get(session.number)
        if transport is not None:
            transport.abort()


def _plain(text: str) -> str:
    # A header may hold bytes that are no text; they must not reach a JSON page.
    return text if text.isascii() else text.encode("ascii", "replace").decode()


def _response(answer: Answer, tr_id: str = "") -> web.Response:
    headers = {"Content-Type": "application/json; charset=utf-8", **answer.headers}
    if tr_id:
        headers["tr_id"] = tr_id
    return web.Response(status=answer.status, body=answer.body, headers=headers)


async def start(
    host: str = "127.0.0.1",
    port: int = 0,
    *,
    profile: str = "spec",
    seed: int = 1,
    replay: str | Path | None = None,
    calls_per_s: int | None = None,
    accounts: Sequence[AccountSpec] = DEFAULT_ACCOUNTS,
    activity: float = 1.0,
    pingpong_s: float = 10.0,
    replay_interval_ms: int = 20,
) -> SimServer:
    """Start a simulator on the running event loop. Raises ConfigError.

    calls_per_s: None takes the profile's (real 18, paper 1, spec 30), 0 means no limit. activity:
    the pace of the crowd, 0 to 100. port 0 takes a free one.
    """
    if not 0 <= port <= 65_535:
        raise ConfigError(f"{port}", field="port", expected="0..65535")
    if pingpong_s <= 0:
        raise ConfigError(f"{pingpong_s}", field="pingpong_s", expected="more than 0")
    if not 0 <= activity <= 100:
        raise ConfigError(f"{activity}", field="activity", expected="0..100")
    clock = _Clock()
    broker = Broker(
        start_ns=clock.now_ns(),
        entropy=SystemRandom(),
        profile=profile,
        seed=seed,
        calls_per_s=calls_per_s,
        accounts=tuple(accounts),
        activity=activity,
        pingpong_ns=int(pingpong_s * 1_000_000_000),
        replay=Replay(replay, replay_interval_ms) if replay is not None else None,
        wrap=ws_text,
    )
    server = SimServer(host, broker, clock, logging.getLogger("aegis.sim"))
    await server.listen(port)
    return server


async def _serve(
    ready: Callable[[int], None] | None, host: str, port: int, settings: dict[str, Any]
) -> None:
    server = await start(host, port, **settings)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    # Outside the main thread there are no signals: whoever started it ends it.
    with contextlib.suppress(ValueError, RuntimeError):
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop.set)
    try:
        sys.stdout.write(
            f"aegis sim ready {server.rest_url} {server.ws_url} "
            f"profile={server.broker.rules.name} seed={server.broker.world.seed}\n"
        )
        sys.stdout.flush()
        if ready is not None:
            ready(server.port)
        stopped = asyncio.create_task(stop.wait())
        market = asyncio.create_task(server.wait())
        done, pending = await asyncio.wait((stopped, market), return_when=asyncio.FIRST_COMPLETED)
        for task in pending:
            task.cancel()
        await asyncio.gather(*pending, return_exceptions=True)
        for task in done:
            task.result()
    finally:
        await server.close()


def run(
    host: str = "127.0.0.1",
    port: int = 8791,
    profile: str = "spec",
    seed: int = 1,
    replay: str | Path | None = None,
    calls_per_s: int | None = None,
    ready: Callable[[int], None] | None = None,
    **settings: Any,
) -> None:
    """Run a simulator until SIGINT or SIGTERM. Raises ConfigError.

    ready(port) is called once it listens. settings: what start() takes beyond these.
    """
    import uvloop

    settings |= {"profile": profile, "seed": seed, "replay": replay, "calls_per_s": calls_per_s}
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(ready, host, port, settings))

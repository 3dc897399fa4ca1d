"""Serve the simulated broker on one port: REST, WebSocket on any path, and /_sim/.

With `connections`, `sockets`, `pump`, `process` and `replay` the only modules here that do I/O or
read a clock.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import resource
import ssl
import time
from pathlib import Path
from random import SystemRandom
from typing import Any

import msgspec
from aiohttp import web

from aegis_fast.errors import ConfigError
from aegis_fast.sim.broker import Broker
from aegis_fast.sim.calls.answers import Answer, Refusal, Request, failure
from aegis_fast.sim.connections import Connections, IdleEnd, Limits
from aegis_fast.sim.control import PREFIX, Control
from aegis_fast.sim.decoding import MAX_BODY_BYTES
from aegis_fast.sim.faults.script import read_script
from aegis_fast.sim.faults.wire import WireFaults
from aegis_fast.sim.market.exchange import Exchange
from aegis_fast.sim.pump import Pump
from aegis_fast.sim.settings import SimSettings
from aegis_fast.sim.sim_clock import SimClock
from aegis_fast.sim.sockets import Sockets

__all__ = ["SimServer", "start"]

_REST_HEADERS = (
    "appkey",
    "appsecret",
    "authorization",
    "tr_id",
    "tr_cont",
    "custtype",
    "content-type",
)
_TEXT = "유효하지 않은 요청입니다."
_SCREEN_HEADERS = ("if-none-match", "sec-fetch-site")


class SimServer:
    """A running simulator. port: where it listens. broker: everything behind the sockets."""

    def __init__(
        self,
        host: str,
        broker: Broker,
        clock: SimClock,
        logger: logging.Logger,
        *,
        deflate: str = "off",
        tls: ssl.SSLContext | None = None,
        is_auto_activity: bool = True,
        limits: Limits | None = None,
    ) -> None:
        self.host = host
        self.port = self.dns_port = 0
        self.broker = broker
        self.clock = clock
        self.sockets = Sockets(broker, clock, logger, deflate)
        self.ca_path: Path | None = None
        self._tls = tls
        self._pump = Pump(broker, clock, self.sockets.backlog_bytes, logger)
        self._control = Control(broker, clock, self._health, is_auto_activity=is_auto_activity)
        self._limits = limits or Limits()
        self._handler = Connections(self._on_request, self._limits, self._idle_end, logger)
        self._wire = WireFaults(broker.fault_hooks, self.sockets, self._handler, logger)
        self._wire.join(self._open, self._shut, tls)
        broker.faults.clock = clock.door_ns
        self._listener: asyncio.Server | None = None
        self._market: asyncio.Task[None] | None = None

    @property
    def exchange(self) -> Exchange:
        """Return the books, for tests in the same process."""
        return self.broker.exchange

    @property
    def rest_url(self) -> str:
        """Return the address of the REST side."""
        return f"http{'s' if self._tls else ''}://{self.host}:{self.port}"

    @property
    def ws_url(self) -> str:
        """Return the address of the WebSocket side."""
        return f"ws{'s' if self._tls else ''}://{self.host}:{self.port}/tryitout"

    def ledger(self) -> dict[str, Any]:
        """Return all that GET /_sim/ledger shows, without a limit."""
        return self.broker.ledger_json()

    async def listen(self, port: int) -> None:
        """Open the port (0: a free one) and start the market. Raises ConfigError."""
        try:
            await self._open(port)
        except OSError as error:
            advice = "free it, or choose another with --port (0 takes any free one)"
            if error.errno == errno.EADDRINUSE:
                raise ConfigError(
                    f"port {port} on {self.host} is in use", field="port", expected=advice
                ) from error
            raise ConfigError(
                f"cannot listen on {self.host}:{port}: {error}", field="port", expected=advice
            ) from error
        self._market = asyncio.create_task(self._pump.run(), name="sim-market")

    async def _open(self, port: int | None = None) -> None:
        """Listen: on that port, or again on the one of before. Raises OSError."""
        self._listener = await asyncio.get_running_loop().create_server(
            self._wire.protocol,
            self.host,
            self.port if port is None else port,
            ssl=self._tls,
            ssl_handshake_timeout=self._limits.read_s if self._tls is not None else None,
        )
        self.port = self._listener.sockets[0].getsockname()[1]

    def _shut(self) -> None:
        """Stop listening; open connections stay."""
        if self._listener is not None:
            self._listener.close()
            self._listener = None

    async def answer_names(self, port: int) -> None:
        """Open the name server's UDP port (0: a free one). Closes all and raises ConfigError."""
        try:
            self.dns_port = await self._wire.answer_names(self.host, port)
        except OSError as error:
            await self.close()
            raise ConfigError(
                f"cannot answer names on {self.host}:{port}: {error}",
                field="dns_port",
                expected="a free UDP port; below 1024 needs rights",
            ) from error

    async def wait(self) -> None:
        """Wait until the market stops; raises what stopped it."""
        assert self._market is not None
        await asyncio.shield(self._market)

    async def close(self) -> None:
        """Say goodbye to every socket and free the port. Safe to call twice."""
        if self._market is not None:
            self._market.cancel()
            await asyncio.gather(self._market, return_exceptions=True)
        await self._wire.close()
        if self._listener is not None:
            self._listener.close()
        await self.sockets.close()
        await self._handler.shutdown(timeout=1)
        if self._listener is not None:
            await self._listener.wait_closed()
            self._listener = None

    async def _on_request(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.headers.get("Upgrade", "").lower() == "websocket":
            return await self.sockets.serve(request)
        is_control = _is_control(request)
        body, wrong = b"", None
        if request.body_exists:
            try:
                body = await _read_body(request, self._limits.read_s)
            except Refusal as refusal:
                wrong = refusal
        names = _SCREEN_HEADERS if is_control else _REST_HEADERS
        arrived = Request(
            method=request.method,
            path=_plain(request.path),
            headers={name: _plain(request.headers.get(name, "")) for name in names},
            query=request.query,
            body=body,
            ip=request.remote or "",
        )
        if wrong is not None:
            return self._refuse(arrived, wrong, is_control=is_control)
        if self.clock.mode == "stepped":
            # Here the same calls promise the same bytes, whenever they are made.
            self.broker.notice_gate.release()
        now_ns = self.clock.now_ns()
        if is_control:
            return _response(await self._on_control(arrived, now_ns))
        answer = self.broker.call(arrived, now_ns, self.clock.door_ns())
        response = _response(answer, arrived.headers["tr_id"])
        return await self._wire.send(request, answer, response)

    def _refuse(self, request: Request, refusal: Refusal, *, is_control: bool) -> web.Response:
        """Return the answer to a body that could not be read. It ends the connection."""
        answer = failure(refusal)
        if not is_control:
            self.broker.write_down(request, answer, self.clock.door_ns())
        else:
            expected = f"at most {MAX_BODY_BYTES} bytes, all of them sent"
            error = {"error": "the body", "field": "body", "expected": expected}
            answer = Answer(refusal.status, msgspec.json.encode(error))
        response = _response(answer)
        response.force_close()
        return response

    def _idle_end(self, request: web.BaseRequest) -> IdleEnd | None:
        """Return what a fault makes of a connection after this call; no page of ours counts."""
        if _is_control(request):
            return None
        fault = self.broker.fault_hooks.idle_end()
        return IdleEnd(fault.delay_ms / 1_000, fault.mode == "race") if fault else None

    async def _on_control(self, request: Request, now_ns: int) -> Answer:
        """Answer a page of the simulator's own; a jump of the clock only when it has been made."""
        slices = self._control.slices(request)
        if slices is not None:
            written = []
            for part in slices:
                written.append(part)
                await asyncio.sleep(0)  # Calls and the market go on between two slices.
            return Answer(200, b"".join(written))
        answer = self._control.answer(request, now_ns)
        if request.path != f"{PREFIX}clock" or request.method != "POST" or answer.status != 200:
            return answer
        if self.clock.is_jumping:
            await self._pump.arrive(self.clock.goal_ns)
        return self._control.clock_page()

    def _health(self) -> dict[str, Any]:
        """Return what only the process knows about itself."""
        return {
            "rest_url": self.rest_url,
            "ws_url": self.ws_url,
            "ca_path": str(self.ca_path) if self.ca_path is not None else "",
            "deflate": self.sockets.deflate,
            "backlog_bytes": self.sockets.backlog_bytes(),
            "slow_sockets_cut": self.sockets.slow_sockets_cut,
            "open_connections": len(self._handler.connections),
            "max_connections": self._handler.max_open,
            "connections_refused": self._handler.refused,
            "mute_sockets_cut": self.broker.hub.pongs.sockets_cut,
            "memory": {
                "resident_bytes": _resident_bytes(),
                "peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1_024,
            },
            "cpu_s": round(time.process_time(), 3),
        }


def _is_control(request: web.BaseRequest) -> bool:
    return f"{request.path}/".startswith(PREFIX)


async def _read_body(request: web.BaseRequest, span_s: float) -> bytes:
    """Return the body. Raises Refusal when it is too long, too slow or no proper transfer."""
    body = bytearray()
    try:
        async with asyncio.timeout(span_s):
            async for chunk in request.content.iter_any():
                body += chunk
                if len(body) > MAX_BODY_BYTES:
                    raise Refusal("EGW00101", _TEXT, status=413)
    except web.RequestPayloadError as error:
        raise Refusal("EGW00101", _TEXT, status=400) from error
    except TimeoutError as error:
        raise Refusal("EGW00101", _TEXT, status=408) from error
    return bytes(body)


def _resident_bytes() -> int:
    """Return the memory in use now; 0 where the system has no /proc."""
    try:
        return int(Path("/proc/self/statm").read_text("ascii").split()[1]) * resource.getpagesize()
    except (OSError, ValueError, IndexError):
        return 0


def _plain(text: str) -> str:
    # A header may hold bytes that are no text; they must not reach a JSON page.
    return text if text.isascii() else text.encode("ascii", "replace").decode()


def _response(answer: Answer, tr_id: str = "") -> web.Response:
    headers = {"Content-Type": "application/json; charset=utf-8", **answer.headers}
    if tr_id:
        headers["tr_id"] = tr_id
    return web.Response(status=answer.status, body=answer.body, headers=headers)


async def start(host: str = "127.0.0.1", port: int = 0, **settings: Any) -> SimServer:
    """Start a simulator on the running event loop. Raises ConfigError.

    port 0 takes a free one. settings: the fields of SimSettings.
    """
    if not 0 <= port <= 65_535:
        raise ConfigError(f"{port}", field="port", expected="0..65535")
    chosen = SimSettings(**settings)
    script = read_script(chosen.faults)
    clock = SimClock(
        time.monotonic_ns,
        time.time_ns() if chosen.start_ns is None else chosen.start_ns,
        speed=chosen.speed,
        is_stepped=chosen.is_stepped,
    )
    broker = chosen.broker(clock.now_ns(), SystemRandom())
    server = SimServer(
        host,
        broker,
        clock,
        logging.getLogger("aegis.sim"),
        deflate=chosen.deflate,
        tls=chosen.tls_context(),
        is_auto_activity=chosen.activity is None,
        limits=chosen.limits,
    )
    server.ca_path = chosen.ca_path
    await server.listen(port)
    if chosen.dns_port is not None:
        await server.answer_names(chosen.dns_port)
    for body in script:
        broker.fault_hooks.set(body)
    return server

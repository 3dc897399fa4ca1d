"""Serve the simulated broker on one port: REST, WebSocket on any path, and /_sim/.

With `sockets`, `pump`, `process` and `replay` the only modules here that do I/O or read a clock.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import resource
import ssl
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from random import SystemRandom
from typing import Any

from aiohttp import web

from aegis_fast.errors import ConfigError
from aegis_fast.sim.account import AccountSpec
from aegis_fast.sim.answers import Answer, Request
from aegis_fast.sim.broker import DEFAULT_ACCOUNTS, Broker
from aegis_fast.sim.control import PREFIX, Control
from aegis_fast.sim.deflate import DEFLATE_MODES, ws_frame
from aegis_fast.sim.exchange import Exchange
from aegis_fast.sim.fault_script import read_script
from aegis_fast.sim.frames import WIDTHS_OF_2024
from aegis_fast.sim.listing import chosen_issues
from aegis_fast.sim.pump import Pump
from aegis_fast.sim.replay import Replay
from aegis_fast.sim.rules import DoorRules
from aegis_fast.sim.sim_clock import SPEEDS, SimClock, crowd_pace
from aegis_fast.sim.sockets import Sockets
from aegis_fast.sim.tls import CA_FILE, generated_context, given_context
from aegis_fast.sim.wire_faults import WireFaults

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
HOURS = ("open", "day")
FRAMES = ("today", "2024")
DEFAULT_TLS_DIR = Path("var/sim")


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
        self._handler = web.Server(self._on_request, access_log=None, logger=logger)
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
        """Return what GET /_sim/ledger shows."""
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
            self._wire.protocol, self.host, self.port if port is None else port, ssl=self._tls
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
        body = await request.read() if request.body_exists else b""
        arrived = Request(
            method=request.method,
            path=_plain(request.path),
            headers={name: _plain(request.headers.get(name, "")) for name in _REST_HEADERS},
            query=request.query,
            body=body,
            ip=request.remote or "",
        )
        now_ns = self.clock.now_ns()
        if request.path.startswith(PREFIX):
            return _response(await self._on_control(arrived, now_ns))
        answer = self.broker.call(arrived, now_ns, self.clock.door_ns())
        response = _response(answer, arrived.headers["tr_id"])
        return await self._wire.send(request, answer, response)

    async def _on_control(self, request: Request, now_ns: int) -> Answer:
        """Answer a page of the simulator's own; a jump of the clock only when it has been made."""
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
            "deflate": self.sockets.deflate,
            "backlog_bytes": self.sockets.backlog_bytes(),
            "slow_sockets_cut": self.sockets.slow_sockets_cut,
            "memory": {
                "resident_bytes": _resident_bytes(),
                "peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1_024,
            },
            "cpu_s": round(time.process_time(), 3),
        }


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


async def start(
    host: str = "127.0.0.1",
    port: int = 0,
    *,
    profile: str = "spec",
    seed: int = 1,
    replay: str | Path | None = None,
    calls_per_s: int | None = None,
    accounts: Sequence[AccountSpec] = DEFAULT_ACCOUNTS,
    door_rules: DoorRules | None = None,
    activity: float | None = None,
    hours: str = "open",
    pingpong_s: float = 10.0,
    replay_interval_ms: int = 20,
    start_ns: int | None = None,
    speed: float = 1.0,
    is_stepped: bool = False,
    deflate: str = "off",
    tls: bool = False,
    tls_dir: Path = DEFAULT_TLS_DIR,
    cert: Path | None = None,
    key: Path | None = None,
    faults: str | Path | Sequence[Mapping[str, Any]] | None = None,
    dns_port: int | None = None,
    issue_count: int | None = None,
    regimes: Mapping[str, str] | None = None,
    frames: str = "today",
) -> SimServer:
    """Start a simulator on the running event loop. Raises ConfigError.

    calls_per_s: None takes the profile's of the day, 0 means no limit. activity: the pace of the
    crowd, 0 to 100; None is 1, less at high speeds (see crowd_pace). hours: "open" (trading at any
    time of day) or "day" (the real sessions). port 0 takes a free one.
    start_ns, speed, is_stepped: see SimClock; start_ns None is now. deflate: off, or "context" or
    "no-context" with the profile spec. tls: serve with a fresh certificate whose authority is
    written to tls_dir, or with cert and key. faults: a script of them, a file or its entries.
    dns_port: also answer name queries for the broker's hosts there (UDP; see names). issue_count:
    how many issues are listed, None for the thirty known by name. regimes: symbol, or "*" for the
    market, to the name of a regime.
    frames: "today", or "2024" with the widths that clients of before NXT have hard-coded.
    """
    script = read_script(faults)
    _check_settings(port, profile, pingpong_s, activity, speed, deflate)
    if hours not in HOURS:
        raise ConfigError(f"{hours!r}", field="hours", expected=" | ".join(HOURS))
    clock = SimClock(
        time.monotonic_ns,
        time.time_ns() if start_ns is None else start_ns,
        speed=speed,
        is_stepped=is_stepped,
    )
    broker = Broker(
        start_ns=clock.now_ns(),
        entropy=SystemRandom(),
        profile=profile,
        seed=seed,
        calls_per_s=calls_per_s,
        accounts=tuple(accounts),
        door_rules=door_rules,
        activity=crowd_pace(speed) if activity is None else activity,
        hours=hours,
        listed=chosen_issues(issue_count, regimes or {}, seed),
        regimes=regimes,
        pingpong_ns=int(pingpong_s * 1_000_000_000),
        replay=Replay(replay, replay_interval_ms) if replay is not None else None,
        wrap=ws_frame,
    )
    _check_holdings(accounts, broker)
    _use_frames(broker, frames)
    context = None
    if cert is not None:
        context = given_context(cert, key)
    elif tls:
        context = generated_context(tls_dir)
    logger = logging.getLogger("aegis.sim")
    server = SimServer(
        host,
        broker,
        clock,
        logger,
        deflate=deflate,
        tls=context,
        is_auto_activity=activity is None,
    )
    if context is not None and cert is None:
        server.ca_path = (tls_dir / CA_FILE).resolve()
    await server.listen(port)
    if dns_port is not None:
        await server.answer_names(dns_port)
    for body in script:
        broker.fault_hooks.set(body)
    return server


def _check_settings(
    port: int, profile: str, pingpong_s: float, activity: float | None, speed: float, deflate: str
) -> None:
    if not 0 <= port <= 65_535:
        raise ConfigError(f"{port}", field="port", expected="0..65535")
    if pingpong_s <= 0:
        raise ConfigError(f"{pingpong_s}", field="pingpong_s", expected="more than 0")
    if activity is not None and not 0 <= activity <= 100:
        raise ConfigError(f"{activity}", field="activity", expected="0..100")
    if not SPEEDS[0] <= speed <= SPEEDS[1]:
        raise ConfigError(f"{speed}", field="speed", expected=f"{SPEEDS[0]}..{SPEEDS[1]:.0f}")
    if deflate not in DEFLATE_MODES:
        raise ConfigError(f"{deflate!r}", field="deflate", expected=" | ".join(DEFLATE_MODES))
    if deflate != "off" and profile != "spec":
        raise ConfigError(
            "the broker does not compress", field="deflate", expected="off, or the profile spec"
        )


def _use_frames(broker: Broker, frames: str) -> None:
    if frames not in FRAMES:
        raise ConfigError(f"{frames!r}", field="frames", expected=" | ".join(FRAMES))
    if frames == "2024":
        broker.hub.widths.update(WIDTHS_OF_2024)


def _check_holdings(accounts: Sequence[AccountSpec], broker: Broker) -> None:
    listed = broker.exchange.books
    for spec in accounts:
        for symbol in spec.holdings:
            if symbol not in listed:
                raise ConfigError(
                    f"the market lists no {symbol}",
                    field="holdings",
                    expected=", ".join(list(listed)[:5]) + ", ...",
                )

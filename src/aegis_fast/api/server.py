"""Serve the HTTP API, the stream and the screen on one port."""

from __future__ import annotations

import logging
import re
import secrets
from collections.abc import Callable

from aiohttp import web

from aegis_fast.api import v3_1
from aegis_fast.api.access import Access, AccessDenied
from aegis_fast.api.answers import answer, error_answer
from aegis_fast.api.screen import SECURITY_HEADERS, add_screen
from aegis_fast.api.stream import Streams
from aegis_fast.api.v3_1 import TRACE_ID, V31, Handler
from aegis_fast.core.ports import TradingService
from aegis_fast.errors import AegisError, Busy, InvalidRequest, NotFound

__all__ = ["MAX_BODY_BYTES", "ApiServer"]

MAX_BODY_BYTES = 64 * 1024
MAX_IN_FLIGHT = 512
# What a request under way gets to end in when the server closes.
SHUTDOWN_S = 1.0

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})

_TRACE_ID = re.compile(r"[0-9A-Za-z._-]{8,64}")
_LOGGER = logging.getLogger("aegis_fast.api")


class ApiServer:
    """The way in. clock_ns: ns since the epoch. port 0: a free one, see `port` after start().

    allowed_hosts: Host names accepted besides the loopback ones while `host` is loopback; a server
    on another address accepts any, for its proxy decides.
    """

    def __init__(
        self,
        service: TradingService,
        access: Access,
        *,
        host: str,
        port: int,
        clock_ns: Callable[[], int],
        rng: Callable[[int], bytes] = secrets.token_bytes,
        allowed_hosts: frozenset[str] = frozenset(),
        logger: logging.Logger = _LOGGER,
    ) -> None:
        self._service = service
        self._host = host
        self._port = port
        self._clock_ns = clock_ns
        self._rng = rng
        self._hosts = (LOOPBACK | allowed_hosts) if host in LOOPBACK else None
        self._logger = logger
        self._in_flight = 0
        self.streams = Streams(service, access, clock_ns, logger)
        self._api = V31(service, access, self.streams, clock_ns)
        self._runner: web.AppRunner | None = None

    @property
    def port(self) -> int:
        """The port listened on."""
        return self._port

    async def start(self) -> None:
        """Listen. Raises OSError when the address is taken."""
        app = web.Application(client_max_size=MAX_BODY_BYTES, middlewares=[self._middleware])
        app.on_response_prepare.append(_add_headers)
        self._api.add_routes(app.router)
        app.router.add_get("/healthz", self._alive)
        app.router.add_get("/readyz", self._ready)
        add_screen(app)
        runner = web.AppRunner(
            app,
            access_log=None,
            handle_signals=False,
            shutdown_timeout=SHUTDOWN_S,
            logger=self._logger,
        )
        await runner.setup()
        try:
            await web.TCPSite(runner, self._host, self._port).start()
        except OSError:
            await runner.cleanup()
            raise
        self._runner = runner
        self._port = runner.addresses[0][1]

    async def close(self) -> None:
        """End every stream, let requests under way finish for a second, and stop listening."""
        if self._runner is None:
            return
        runner, self._runner = self._runner, None
        for site in list(runner.sites):
            await site.stop()
        await self.streams.close()
        await runner.cleanup()

    @web.middleware
    async def _middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Give every request its trace id and every failure its typed answer."""
        given = request.headers.get("X-Trace-Id", "")
        trace_id = given if _TRACE_ID.fullmatch(given) else self._rng(16).hex()
        request[TRACE_ID] = trace_id
        is_stream = request.path == f"{v3_1.PREFIX}/stream"
        try:
            self._check_host(request)
            if self._in_flight >= MAX_IN_FLIGHT:
                raise Busy("too many requests at once", expected="fewer at a time, or later")
            self._in_flight += not is_stream
            try:
                return await handler(request)
            finally:
                self._in_flight -= not is_stream
        except AegisError as e:
            return error_answer(e, trace_id=trace_id, clock_ns=self._clock_ns)
        except web.HTTPException as e:
            return error_answer(
                _explain(e), trace_id=trace_id, clock_ns=self._clock_ns, status=e.status
            )
        except web.RequestPayloadError as e:
            error = InvalidRequest(f"the body can't be read: {e}", field="body", expected="JSON")
            return error_answer(error, trace_id=trace_id, clock_ns=self._clock_ns)
        except Exception:
            self._logger.exception("%s %s failed, trace %s", request.method, request.path, trace_id)
            error_ = AegisError(
                "internal error; what happened is not known: look at GET orders before trying again"
            )
            return error_answer(error_, trace_id=trace_id, clock_ns=self._clock_ns, status=500)

    def _check_host(self, request: web.Request) -> None:
        """Refuse names that only DNS rebinding makes point here."""
        if self._hosts is None:
            return
        name = request.host
        name = name[1 : name.find("]")] if name.startswith("[") else name.partition(":")[0]
        if name not in self._hosts:
            raise AccessDenied(
                "unknown Host", http_status=403, field="Host", expected="127.0.0.1 or localhost"
            )

    async def _alive(self, request: web.Request) -> web.Response:
        return answer({"alive": True}, trace_id=request[TRACE_ID])

    async def _ready(self, request: web.Request) -> web.Response:
        status = self._service.status()
        body = {"ready": status.is_ready, "reason": status.reason}
        if status.is_ready:
            return answer(body, trace_id=request[TRACE_ID])
        return answer(body, trace_id=request[TRACE_ID], code=8, message=status.reason, status=503)


async def _add_headers(request: web.Request, response: web.StreamResponse) -> None:
    if TRACE_ID in request:
        response.headers["X-Trace-Id"] = request[TRACE_ID]
    response.headers["X-Content-Type-Options"] = SECURITY_HEADERS["X-Content-Type-Options"]
    response.headers.setdefault("Cache-Control", "no-store")


def _explain(e: web.HTTPException) -> AegisError:
    """Turn the web framework's refusals into ours."""
    if isinstance(e, web.HTTPNotFound):
        return NotFound("no such path", field="path", expected=f"a path below {v3_1.PREFIX}/")
    if isinstance(e, web.HTTPMethodNotAllowed):
        allowed = ", ".join(sorted(e.allowed_methods))
        return InvalidRequest(f"{e.method} does not work here", field="method", expected=allowed)
    if isinstance(e, web.HTTPRequestEntityTooLarge):
        return InvalidRequest(
            "the body is too large", field="body", expected=f"at most {MAX_BODY_BYTES} bytes"
        )
    return InvalidRequest(e.reason, field="request", expected="a well-formed request")

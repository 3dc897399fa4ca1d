"""Small servers that stand in for KIS where a test needs to break things on purpose."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from typing import Any

import orjson
import pytest
import uvloop
from aiohttp import web

from aegis_fast.core.model import Priority

LOOPS = [
    pytest.param(asyncio.new_event_loop, id="asyncio"),
    pytest.param(uvloop.new_event_loop, id="uvloop"),
]
NOW_NS = 1_795_392_000 * 10**9  # 2026-11-23 09:00:00 KST
H = 3600 * 10**9


def run(main: Coroutine[Any, Any, None], loop_factory: Any = uvloop.new_event_loop) -> None:
    """Run a test's coroutine on a loop of its own, by default the one that production uses."""
    with asyncio.Runner(loop_factory=loop_factory) as runner:
        runner.run(main)


async def until(is_true: Callable[[], bool], timeout_s: float = 5.0) -> None:
    """Wait for a condition that another task brings about."""
    async with asyncio.timeout(timeout_s):
        while not is_true():  # noqa: ASYNC110  conditions of many kinds, none of them an Event
            await asyncio.sleep(0.002)


class Clock:
    """A clock that a test moves."""

    def __init__(self, now_ns: int = NOW_NS) -> None:
        self.now_ns = now_ns

    def __call__(self) -> int:
        return self.now_ns


class Gate:
    """A call limit that lets everything through and remembers what passed."""

    def __init__(self) -> None:
        self.passed: list[Priority] = []
        self.is_full = False

    def try_now(self, priority: Priority) -> bool:
        if not self.is_full:
            self.passed.append(priority)
        return not self.is_full

    async def __call__(self, priority: Priority) -> None:
        self.passed.append(priority)


Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class RawServer:
    """A TCP server whose handler plays HTTP by hand, byte for byte."""

    def __init__(self, handler: Handler, **options: Any) -> None:
        self._handler = handler
        self._options = options
        self.connections = 0
        self.open = 0
        self.peak_open = 0
        self.requests: list[bytes] = []

    async def __aenter__(self) -> RawServer:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, **self._options)
        self.port = self._server.sockets[0].getsockname()[1]
        scheme = "https" if "ssl" in self._options else "http"
        host = "localhost" if "ssl" in self._options else "127.0.0.1"
        self.url = f"{scheme}://{host}:{self.port}"
        self._tasks: set[asyncio.Task[Any]] = set()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        self.open += 1
        self.peak_open = max(self.peak_open, self.open)
        try:
            await self._handler(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self.open -= 1
            self._tasks.discard(task)
            writer.close()
            with contextlib.suppress(Exception):
                await writer.wait_closed()

    async def read_request(self, reader: asyncio.StreamReader) -> bytes:
        """Read one HTTP request, head and body."""
        head = await reader.readuntil(b"\r\n\r\n")
        length = 0
        for line in head.split(b"\r\n"):
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        request = head + await reader.readexactly(length)
        self.requests.append(request)
        return request


def http_answer(body: bytes, status: str = "200 OK", extra: str = "") -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\n{extra}"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


Reply = tuple[int, Any] | tuple[int, Any, dict[str, str]]


class FakeKIS:
    """KIS's REST side as a script: for each path a list of answers, the last of which repeats.

    An answer is (status, JSON[, headers]), a function of the request returning one, or "hang" or
    "cut". tokenP and Approval answer well unless scripted.
    """

    def __init__(self, **script: Any) -> None:
        self.script: dict[str, list[Any]] = {path: list(a) for path, a in script.items()}
        self.calls: Counter[str] = Counter()
        self.seen: list[tuple[str, dict[str, str], Any]] = []
        self.tokens = 0

    async def __aenter__(self) -> FakeKIS:
        self._web_runner = web.ServerRunner(
            web.Server(self._handle, access_log=None), shutdown_timeout=0.1
        )
        await self._web_runner.setup()
        site = web.TCPSite(self._web_runner, "127.0.0.1", 0)
        await site.start()
        self.port = site._server.sockets[0].getsockname()[1]  # type: ignore[union-attr]
        self.url = f"http://127.0.0.1:{self.port}"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._web_runner.cleanup()

    def times(self, name: str) -> int:
        """Return how often the path whose last part is `name` was called."""
        return self.calls[name]

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        name = request.path.rsplit("/", 1)[1]
        content = await request.read()
        values = orjson.loads(content) if content else dict(request.query)
        self.calls[name] += 1
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.seen.append((name, headers, values))
        step = self._next_step(name)
        if callable(step):
            step = step(values)
        if step == "hang":
            await asyncio.sleep(60)
        if step == "cut":
            assert request.transport is not None
            request.transport.abort()
            return web.Response()
        status, answer, *headers = step
        body = answer if isinstance(answer, bytes) else orjson.dumps(answer)
        return web.Response(
            status=status,
            body=body,
            content_type="application/json",
            headers=headers[0] if headers else {},
        )

    def _next_step(self, name: str) -> Any:
        steps = self.script.get(name)
        if steps:
            return steps.pop(0) if len(steps) > 1 else steps[0]
        if name == "tokenP":
            self.tokens += 1
            return 200, token_answer(f"token-{self.tokens}")
        if name == "Approval":
            return 200, {"approval_key": f"approval-{self.calls['Approval']}"}
        return 404, b""


def token_answer(token: str, expires: str = "2026-11-24 09:00:00") -> dict[str, Any]:
    return {
        "access_token": token,
        "token_type": "Bearer",
        "expires_in": 86400,
        "access_token_token_expired": expires,
    }


@contextlib.asynccontextmanager
async def closing(*resources: Any) -> AsyncIterator[None]:
    """Start each resource, and close all at the end."""
    try:
        for resource in resources:
            await resource.start()
        yield
    finally:
        for resource in reversed(resources):
            await resource.close()

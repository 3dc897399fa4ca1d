"""Send orders over connections that stand open already: one write, no pool and no task in between.

A line is used by one request at a time and only while it is beyond doubt: looked at before every
use (S11), not idle for longer than `idle_s`, younger than `lifetime_s` (S12), nothing unread on it,
not about to close. Lines that come near a limit are replaced before an order has to wait for one.
When no line is free the order goes the long way (kis/rest); a request is never sent twice: what may
have been written and is not answered whole is ReplyLost.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import select
import ssl
from collections.abc import Mapping
from typing import cast
from urllib.parse import urlsplit

import aiofastnet

from aegis_fast.errors import ProtocolError
from aegis_fast.kis.codec import Request
from aegis_fast.kis.credentials import AppCredentials
from aegis_fast.kis.http_reply import ReplyReader
from aegis_fast.kis.outcome import Failure
from aegis_fast.kis.rest import MAX_ANSWER_BYTES, USER_AGENT, Answer, ReplyLost

__all__ = ["OrderLine", "OrderLines", "head_block"]

# A line is replaced after this share of its idle time or life.
_RENEW_AT = 0.7
_RETRY_S = 1.0
_MIN_WAIT_S = 0.01


def head_block(host: str, path: str, headers: Mapping[str, str]) -> bytes:
    """Return the head of a POST up to, and without, its trace id and length.

    Raises ValueError on a value that could end its line.
    """
    lines = [f"POST {path} HTTP/1.1", f"Host: {host}", "Accept: */*", "Accept-Encoding: identity"]
    lines += [f"User-Agent: {USER_AGENT}", *(f"{name}: {value}" for name, value in headers.items())]
    for line in lines:
        if not (line.isascii() and line.isprintable()):
            raise ValueError("a header is printable ASCII text")
    return ("\r\n".join(lines) + "\r\n").encode()


class OrderLine(asyncio.Protocol):
    """One open connection. `send` takes it; it comes back by itself when the answer is whole."""

    def __init__(self, lines: OrderLines) -> None:
        self._lines = lines
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._poll = select.poll()
        self._reply: asyncio.Future[Answer] | None = None
        self._reader: ReplyReader | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._read_by_s = self._answer_by_s = 0.0
        self._has_served = False
        self.born_s = self.idle_since_s = self._loop.time()

    # ---- asyncio.Protocol ----

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start as an idle line."""
        self._transport = cast(asyncio.Transport, transport)
        self._poll.register(transport.get_extra_info("socket").fileno(), select.POLLIN)

    def data_received(self, data: bytes) -> None:
        """Read on in the answer."""
        reader = self._reader
        if reader is None:
            self.drop()  # Nothing was asked.
            return
        self._read_by_s = self._loop.time() + self._lines.read_timeout_s
        try:
            is_whole = reader.feed(bytes(data))
        except ProtocolError as error:
            self._fail(Failure.RESET, error.message)
            return
        if is_whole:
            self._finish(reader)

    def eof_received(self) -> bool:
        """Let the transport close: half a connection serves nothing."""
        return False

    def connection_lost(self, error: Exception | None) -> None:
        """The answer ends here, whole or not."""
        self._transport = None
        self._lines.forget(self, is_replaced_now=self._has_served or self._reply is not None)
        if self._reader is not None:
            if error is None and self._reader.end():
                self._finish(self._reader)
            else:
                self._fail(Failure.RESET, type(error).__name__ if error else "closed")

    # ---- for OrderLines ----

    def is_fit(self, now_s: float) -> bool:
        """Tell whether a request may be written to it now."""
        if self._reply is not None or self._transport is None or self._transport.is_closing():
            return False
        if now_s - self.idle_since_s >= self._lines.idle_s:
            return False
        # Readable while idle means: closed by the server, or nothing that was asked for.
        return now_s - self.born_s < self._lines.lifetime_s and not self._poll.poll(0)

    @property
    def is_busy(self) -> bool:
        """A request is under way on it."""
        return self._reply is not None

    @property
    def is_open(self) -> bool:
        """The connection stands."""
        return self._transport is not None and not self._transport.is_closing()

    def renew_at_s(self) -> float:
        """Return when a fresh one should stand in its place."""
        idle = self.idle_since_s + _RENEW_AT * self._lines.idle_s
        return min(idle, self.born_s + _RENEW_AT * self._lines.lifetime_s)

    def send(self, request: bytes) -> asyncio.Future[Answer]:
        """Write one whole request; the future has the answer or raises ReplyLost.

        From here on the request counts as written, whatever becomes of the connection.
        """
        assert self._transport is not None
        assert self._reply is None
        self._reply = reply = self._loop.create_future()
        self._reader = ReplyReader(MAX_ANSWER_BYTES)
        now_s = self._loop.time()
        self._read_by_s = now_s + self._lines.read_timeout_s
        self._answer_by_s = now_s + self._lines.answer_timeout_s
        self._timer = self._loop.call_later(self._lines.read_timeout_s, self._look_at_time)
        self._transport.write(request)
        return reply

    def drop(self) -> None:
        """End the connection at once."""
        if self._transport is not None:
            self._transport.abort()

    def _look_at_time(self) -> None:
        now_s, end_s = self._loop.time(), min(self._read_by_s, self._answer_by_s)
        if now_s >= end_s:
            self._fail(Failure.TIMEOUT, "TimeoutError")
        else:
            self._timer = self._loop.call_later(end_s - now_s, self._look_at_time)

    def _finish(self, reader: ReplyReader) -> None:
        answer = Answer(reader.status, reader.body, reader.header(b"tr_cont"))
        reply = self._release()
        if not reply.done():
            reply.set_result(answer)
        if not reader.is_reusable:
            self.drop()

    def _fail(self, failure: Failure, detail: str) -> None:
        is_reused = self._has_served
        reply = self._release()
        if not reply.done():
            reply.set_exception(ReplyLost(failure, detail, is_reused=is_reused))
        self.drop()

    def _release(self) -> asyncio.Future[Answer]:
        assert self._reply is not None
        reply, self._reply, self._reader = self._reply, None, None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._has_served = True
        self.idle_since_s = self._loop.time()
        return reply


class OrderLines:
    """At most `count` lines to one host, kept open from start() to close(). 0: none, ever."""

    def __init__(
        self,
        base_url: str,
        *,
        count: int,
        connect_timeout_s: float,
        read_timeout_s: float,
        idle_s: float,
        lifetime_s: float,
        tls: ssl.SSLContext | None,
        log: logging.Logger,
    ) -> None:
        parts = urlsplit(base_url)
        self.host = parts.netloc
        self.read_timeout_s = read_timeout_s
        # A server that trickles bytes renews the read timeout for ever; this ends it.
        self.answer_timeout_s = 2 * (connect_timeout_s + read_timeout_s)
        self.idle_s = idle_s
        self.lifetime_s = lifetime_s
        self._address = (parts.hostname or "", parts.port or (443 if tls is not None else 80))
        self._prefix = parts.path
        self._count = count
        self._connect_timeout_s = connect_timeout_s
        self._tls = tls
        self._log = log
        self._lines: list[OrderLine] = []
        self._heads: dict[str, tuple[str, bytes]] = {}
        self._wake = asyncio.Event()
        self._keeper: asyncio.Task[None] | None = None
        self._is_reported = False

    async def start(self) -> None:
        """Begin to open the lines; returns at once."""
        if self._count and self._keeper is None:
            self._keeper = asyncio.create_task(self._keep())
            self._keeper.add_done_callback(self._ended)

    async def close(self) -> None:
        """Close all lines at once; what is under way on them is lost."""
        keeper, self._keeper = self._keeper, None
        if keeper is not None:
            keeper.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await keeper
        for line in tuple(self._lines):
            line.drop()

    @property
    def in_use(self) -> int:
        """Return how many lines are serving a request now (S45)."""
        return sum(line.is_busy for line in self._lines)

    def take(self) -> OrderLine | None:
        """Return a line that a request may be written to now, None if there is none."""
        now_s = asyncio.get_running_loop().time()
        # The one used last: the others age and are replaced in peace.
        for line in reversed(self._lines):
            if line.is_fit(now_s):
                return line
        return None

    def head(self, request: Request, credentials: AppCredentials, token: str) -> bytes:
        """Return head_block, kept for the next request of the same tr_id under the same token."""
        known = self._heads.get(request.tr_id)
        if known is None or known[0] != token:
            fields = request.headers(credentials, token)
            block = head_block(self.host, self._prefix + request.path, fields)
            known = self._heads[request.tr_id] = token, block
        return known[1]

    def forget(self, line: OrderLine, *, is_replaced_now: bool) -> None:
        """Take out a line whose connection is gone. is_replaced_now: an order used it up; a host
        that closes unused lines is asked again a second later."""
        if line in self._lines:
            self._lines.remove(line)
        if is_replaced_now:
            self._wake.set()

    def _ended(self, keeper: asyncio.Task[None]) -> None:
        if not keeper.cancelled() and (error := keeper.exception()) is not None:
            # A bug of ours. Orders go on through the pool, only later; it must not pass unseen.
            self._log.error("internal error: no order lines any more", exc_info=error)

    async def _keep(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            self._wake.clear()
            await self._renew(loop.time())
            wait_s = _RETRY_S
            if len(self._lines) >= self._count:
                due_s = min(line.renew_at_s() for line in self._lines)
                wait_s = min(max(due_s - loop.time(), _MIN_WAIT_S), _RETRY_S)
            # Not wait_for: in Python 3.11 it may swallow the cancellation that ends this task.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await self._wake.wait()

    async def _renew(self, now_s: float) -> None:
        """Open what is missing, and what is to stand in the place of old ones; then close those."""
        old = [line for line in self._lines if not line.is_busy and line.renew_at_s() <= now_s]
        missing = self._count - (len(self._lines) - len(old))
        try:
            for _ in range(missing):
                line = await self._open()
                # Behind those in use: an order takes the last fit one.
                if line.is_open:
                    self._lines.append(line)
        except (OSError, ssl.SSLError) as error:  # TimeoutError is an OSError.
            if not self._is_reported:
                self._log.info("no order line: %s; orders take the pool", type(error).__name__)
            self._is_reported = True
            return
        self._is_reported = False
        for line in old:
            if not line.is_busy:
                line.drop()

    async def _open(self) -> OrderLine:
        host, port = self._address
        async with asyncio.timeout(self._connect_timeout_s):
            _, line = await aiofastnet.create_connection(
                asyncio.get_running_loop(),
                lambda: OrderLine(self),
                host,
                port,
                ssl=self._tls,
                server_hostname=host if self._tls is not None else None,
            )
        return line

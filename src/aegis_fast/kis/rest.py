"""Carry HTTP requests to KIS over one pool, and tell apart "not sent" from "no answer".

The pool is the specification's (S6, S9-S12): 50 connections, 20 a host, 5 s to connect and 5 s to
read, a connection idle for 5 s is not used again, one 300 s old is closed. For an order everything
hangs on whether a byte of it may have left: aiohttp's trace signals say so *before* it writes, and
doubt counts as written.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any
from weakref import WeakKeyDictionary

import aiohttp

from aegis_fast.errors import ConfigError, Disconnected, OutcomeUnknown
from aegis_fast.kis.outcome import Failure, not_sent

__all__ = ["Answer", "NotSent", "ReplyLost", "RestClient", "tls_context"]

USER_AGENT = "aegis-fast/3.1"
# The longest answer is a page of 100 order rows, well under 200 KB.
MAX_ANSWER_BYTES = 8 * 1024 * 1024
_TLS_ERRORS = (aiohttp.ClientConnectorSSLError, aiohttp.ClientConnectorCertificateError)


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole HTTP answer. tr_cont: the paging mark of the header of that name, "" if absent."""

    status: int
    body: bytes
    tr_cont: str


class NotSent(Disconnected):
    """No byte of the request was written: it did not happen."""

    def __init__(self, failure: Failure, detail: str) -> None:
        super().__init__(f"{failure.value}: {detail}", code=not_sent(failure).code)
        self.failure = failure
        self.detail = detail


class ReplyLost(OutcomeUnknown):
    """The request may have been written, the answer did not come whole.

    is_reused: the connection had served before; the server may have closed it while idle.
    """

    def __init__(self, failure: Failure, detail: str, *, is_reused: bool) -> None:
        super().__init__(f"{failure.value}: {detail}")
        self.failure = failure
        self.detail = detail
        self.is_reused = is_reused


@dataclass(slots=True)
class _Progress:
    """How far one request got."""

    is_queued: bool = False
    has_connection: bool = False
    is_reused: bool = False
    may_have_written: bool = False


class _Connector(aiohttp.TCPConnector):
    """A pool whose connections end at an age, which aiohttp's do not (S12).

    They are closed when they come back, early enough that none is lent out past its lifetime.
    """

    def __init__(self, *, lifetime_s: float, idle_s: float, **options: Any) -> None:
        super().__init__(keepalive_timeout=idle_s, **options)
        self._born: WeakKeyDictionary[Any, float] = WeakKeyDictionary()
        self._close_at_age_s = max(0.0, lifetime_s - idle_s)

    async def _create_connection(self, *request: Any) -> Any:
        protocol = await super()._create_connection(*request)
        self._born[protocol] = self._loop.time()
        return protocol

    def _release(self, key: Any, protocol: Any, *, should_close: bool = False) -> None:
        age_s = self._loop.time() - self._born.get(protocol, self._loop.time())
        is_old = age_s >= self._close_at_age_s
        super()._release(key, protocol, should_close=should_close or is_old)


class RestClient:
    """The connection pool to one KIS host."""

    def __init__(
        self,
        base_url: str,
        *,
        connect_timeout_ms: int = 5000,
        read_timeout_ms: int = 5000,
        pool_total: int = 50,
        pool_per_host: int = 20,
        idle_ms: int = 5000,
        lifetime_s: float = 300.0,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._base_url = base_url.rstrip("/")
        connect_s, read_s = connect_timeout_ms / 1000, read_timeout_ms / 1000
        self._timeout = aiohttp.ClientTimeout(
            # A server that trickles bytes renews the read timeout for ever; this ends it.
            total=2 * (connect_s + read_s),
            connect=connect_s,
            sock_connect=connect_s,
            sock_read=read_s,
            ceil_threshold=3600,
        )
        self._limits = {"limit": pool_total, "limit_per_host": pool_per_host}
        self._idle_s = idle_ms / 1000
        self._lifetime_s = lifetime_s
        self._tls = tls
        self._session: aiohttp.ClientSession | None = None
        self._in_use = 0

    async def start(self) -> None:
        """Open the pool. No connection is made yet."""
        if self._session is not None:
            return
        connector = _Connector(
            lifetime_s=self._lifetime_s,
            idle_s=self._idle_s,
            ssl=(self._tls or tls_context()) if self._base_url.startswith("https:") else True,
            ttl_dns_cache=60,
            **self._limits,
        )
        self._session = aiohttp.ClientSession(
            connector=connector,
            timeout=self._timeout,
            headers={"User-Agent": USER_AGENT},
            cookie_jar=aiohttp.DummyCookieJar(),
            trace_configs=[_progress_trace()],
        )
        # aiohttp repeats a GET by itself when a kept connection turns out dead. Every call that may
        # reach KIS has to pass the call limit first, so repeating is the gateway's decision.
        self._session._retry_connection = False

    async def close(self) -> None:
        """Close every connection, at once."""
        if self._session is not None:
            session, self._session = self._session, None
            await session.close()

    @property
    def in_use(self) -> int:
        """Return how many connections are serving a request now (S45)."""
        return self._in_use

    async def request(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str],
        query: Mapping[str, str] | None = None,
        body: bytes = b"",
        trace_id: str = "",
    ) -> Answer:
        """Send one request, exactly once, and return the whole answer, whatever its status.

        trace_id goes out as X-Trace-Id (S48). Raises NotSent, ReplyLost.
        """
        session = self._session
        if session is None:
            raise NotSent(Failure.NOT_STARTED, "the pool is closed")
        progress = _Progress()
        sent_headers = dict(headers)
        if trace_id and trace_id.isascii() and trace_id.isprintable():
            sent_headers["X-Trace-Id"] = trace_id
        try:
            async with session.request(
                method,
                self._base_url + path,
                headers=sent_headers,
                params=query or None,
                data=body or None,
                allow_redirects=False,
                trace_request_ctx=(progress, self),
            ) as response:
                content = await _read_whole(response)
                return Answer(response.status, content, response.headers.get("tr_cont", ""))
        except (aiohttp.ClientError, OSError) as error:
            # TimeoutError is an OSError. Neither the error nor its text is passed on: it may quote
            # the query, and that names the account.
            raise _failure(progress, error) from None
        finally:
            if progress.has_connection:
                self._in_use -= 1

    def note_connection(self, progress: _Progress) -> None:
        """Count a connection as in use; called by the trace signals."""
        if not progress.has_connection:
            progress.has_connection = True
            self._in_use += 1


def tls_context(*, allow_tls_1_2: bool = False, ca_file: str = "") -> ssl.SSLContext:
    """Return a verifying client context, TLS 1.3 or better unless opted down (S66, A21).

    ca_file: PEM of an authority to trust besides the system's, "" for none. Raises ConfigError.
    """
    context = ssl.create_default_context()
    if ca_file:
        try:
            context.load_verify_locations(ca_file)
        except OSError as error:  # An ssl.SSLError is one.
            raise ConfigError(
                f"cannot use the certificates of {ca_file}: {error}",
                field="kis.ca_file",
                expected="a PEM file, as `aegis sim --tls` writes it",
            ) from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2 if allow_tls_1_2 else ssl.TLSVersion.TLSv1_3
    return context


async def _read_whole(response: aiohttp.ClientResponse) -> bytes:
    parts: list[bytes] = []
    size_bytes = 0
    async for part in response.content.iter_any():
        size_bytes += len(part)
        if size_bytes > MAX_ANSWER_BYTES:
            raise aiohttp.ClientPayloadError("answer is too large")
        parts.append(part)
    return b"".join(parts)


def _failure(progress: _Progress, error: BaseException) -> NotSent | ReplyLost:
    detail = type(error).__name__
    if progress.may_have_written:
        failure = Failure.TIMEOUT if isinstance(error, TimeoutError) else Failure.RESET
        return ReplyLost(failure, detail, is_reused=progress.is_reused)
    if isinstance(error, _TLS_ERRORS):
        return NotSent(Failure.TLS, detail)
    if isinstance(error, TimeoutError) and progress.is_queued:
        return NotSent(Failure.POOL, detail)
    return NotSent(Failure.UNREACHABLE, detail)


def _progress_trace() -> aiohttp.TraceConfig:
    def state(context: SimpleNamespace) -> tuple[_Progress, RestClient]:
        found: tuple[_Progress, RestClient] = context.trace_request_ctx
        return found

    async def queued(session: Any, context: SimpleNamespace, params: Any) -> None:
        state(context)[0].is_queued = True

    async def dequeued(session: Any, context: SimpleNamespace, params: Any) -> None:
        state(context)[0].is_queued = False

    async def created(session: Any, context: SimpleNamespace, params: Any) -> None:
        progress, client = state(context)
        client.note_connection(progress)

    async def reused(session: Any, context: SimpleNamespace, params: Any) -> None:
        progress, client = state(context)
        progress.is_reused = True
        client.note_connection(progress)

    async def writing(session: Any, context: SimpleNamespace, params: Any) -> None:
        # Signalled before the first byte goes to the transport, in every aiohttp that we accept.
        state(context)[0].may_have_written = True

    trace = aiohttp.TraceConfig()
    trace.on_connection_queued_start.append(queued)
    trace.on_connection_queued_end.append(dequeued)
    trace.on_connection_create_end.append(created)
    trace.on_connection_reuseconn.append(reused)
    trace.on_request_headers_sent.append(writing)
    return trace

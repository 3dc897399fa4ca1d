"""Keep one realtime connection to KIS up for ever, with everything registered that is wanted.

The compiled FeedListener reads the socket and feeds the books and the bus; what is rare comes here:
control messages, encrypted notices, drops. KIS's rules: echo PINGPONG verbatim as text, never
send a protocol ping, one session per appkey, registrations die with the connection (S5, S7, S14,
S15, S76, readings A6-A8). Source: KIS.md sections 4 and 5.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import ssl
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from picows import WSError, WSMsgType, WSTransport, ws_connect

from aegis_fast.core.ports import FeedEvents
from aegis_fast.errors import AegisError, InvalidRequest, ProtocolError
from aegis_fast.hot import Book, Bus, FeedListener
from aegis_fast.kis.credentials import AppCredentials
from aegis_fast.kis.fields import NS_PER_S
from aegis_fast.kis.notice import NoticeReader
from aegis_fast.kis.profile import Profile, check_addresses
from aegis_fast.kis.rest import tls_context
from aegis_fast.kis.subscription import (
    Alert,
    BackOff,
    Effect,
    Key,
    NoticeUp,
    Reconnect,
    Register,
    Registrations,
    Release,
    RenewApprovalKey,
    StoreKey,
    parse_control,
    request_frame,
)
from aegis_fast.kis.tokens import TokenIssuer

__all__ = ["KISStream"]

# KIS names no limit; text frames of more than 8 KB were seen (limits.json).
MAX_FRAME_BYTES = 1 << 20
MAX_BOOKS = 4096
CONNECT_TIMEOUT_S = 5.0
ACK_TIMEOUT_S = 5.0
# How long another session may hold the appkey: wait longer each time (OPSP8996).
IN_USE_BACKOFF_S = (5.0, 10.0, 20.0, 40.0, 60.0)
_COUNTERS = ("connects", "drops", "failed_connects", "echoes", "notices", "unreadable_notices")


@dataclass(frozen=True, slots=True)
class _Drop:
    """Why a connection ended, and what that asks for before the next one."""

    reason: str
    is_in_use: bool = False
    refused_key: str = ""


class KISStream:
    """core.ports.Feed over one KIS WebSocket.

    A cycle is cycle_attempts tries, reconnect_interval_s apart; a failed cycle is reported and
    followed by cooldown_s of rest, then the next begins (A8). silence_timeout_s without a frame of
    any kind counts as a drop (A7). subscribe_pacing_s lies between two registrations. bus: who
    hears trades and books, called by the listener without a step between.
    """

    def __init__(
        self,
        *,
        profile: Profile,
        credentials: AppCredentials,
        issuer: TokenIssuer,
        events: FeedEvents,
        bus: Bus,
        clock_ns: Callable[[], int] | None,
        silence_timeout_s: float = 30.0,
        reconnect_interval_s: float = 1.0,
        cycle_attempts: int = 3,
        cooldown_s: float = 30.0,
        subscribe_pacing_s: float = 0.05,
        ack_timeout_s: float = ACK_TIMEOUT_S,
        in_use_backoff_s: Sequence[float] = IN_USE_BACKOFF_S,
        sample_every: int = 64,
        tls: ssl.SSLContext | None = None,
        logger: logging.Logger | None = None,
    ) -> None:
        check_addresses(profile)
        self._profile = profile
        self._issuer = issuer
        self._events = events
        self._silence_timeout_s = silence_timeout_s
        self._reconnect_interval_s = reconnect_interval_s
        self._cycle_attempts = cycle_attempts
        self._cooldown_s = cooldown_s
        self._pacing_s = subscribe_pacing_s
        self._in_use_backoff_s = tuple(in_use_backoff_s)
        self._tls = tls or (tls_context() if profile.ws_url.startswith("wss:") else None)
        self._log = logger or logging.getLogger("aegis_fast.kis")
        self._registrations = Registrations(
            notice_tr=profile.notice_tr,
            hts_id=credentials.hts_id,
            max_registrations=profile.max_registrations,
            ack_timeout_ns=int(ack_timeout_s * NS_PER_S),
        )
        self._notices = NoticeReader(credentials.account)
        self._listener = FeedListener(
            bus=bus,
            on_control=self._on_control,
            on_encrypted=self._on_encrypted,
            on_bad_frame=self._on_bad_frame,
            on_disconnected=self._on_disconnected,
            on_subscriber_error=self._on_callback_error,
            clock_ns=clock_ns,
            max_symbols=MAX_BOOKS,
            max_message_bytes=MAX_FRAME_BYTES,
            sample_every=sample_every,
        )
        # What is still to be sent. A later wish for the same key replaces an earlier one, so
        # flapping watchers cannot make it grow.
        self._outbox: dict[tuple[Key, type | None], Register | Release] = {}
        self._wake = asyncio.Event()
        self._dropped: asyncio.Future[_Drop] | None = None
        self._supervisor: asyncio.Task[None] | None = None
        self._is_up = False
        self._has_reported_drift = False
        self._counts = dict.fromkeys(_COUNTERS, 0)

    # ---- core.ports.Feed ----

    async def start(self) -> None:
        """Begin to connect; returns at once. `on_feed_up` tells when notices flow."""
        if self._supervisor is None:
            if self._profile.ws_url.startswith("ws:"):
                self._log.info("the realtime feed is not encrypted (KIS offers no TLS on it)")
            self._supervisor = asyncio.create_task(self._supervise())

    async def close(self) -> None:
        """Drop the connection and stop for good. No event is reported any more."""
        task, self._supervisor = self._supervisor, None
        self._is_up = False
        if task is not None:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    def watch(self, symbol: str) -> None:
        """Count one more watcher of a symbol; the first one registers its trades and its book.

        Raises InvalidRequest on a malformed symbol, Busy when no registration is free.
        """
        try:
            self._listener.book(symbol)
        except ValueError as error:
            raise InvalidRequest(str(error), field="symbol", expected="a KRX short code") from None
        self._apply(self._registrations.watch(symbol))

    def unwatch(self, symbol: str) -> None:
        """Count one watcher less; the last one frees the registrations."""
        self._apply(self._registrations.unwatch(symbol))

    def is_watched(self, symbol: str) -> bool:
        """Tell whether anybody watches the symbol."""
        return self._registrations.is_wanted(self._registrations.trade_key(symbol))

    def book(self, symbol: str) -> Book | None:
        """Return the live book of a symbol, None if it was never watched."""
        return self._listener.books.get((symbol, "KRX"))

    def latency(self) -> Mapping[str, Mapping[str, int]]:
        """Return how long each stage takes; see FeedListener.latency."""
        return self._listener.latency()

    def counters(self) -> Mapping[str, int]:
        """Return what has been counted since the start."""
        return {
            **self._listener.counters(),
            **self._counts,
            "foreign_notices": self._notices.foreign,
            "registrations": self._registrations.in_use,
            "confirmed": self._registrations.confirmed,
        }

    @property
    def is_up(self) -> bool:
        """Tell whether own-order notices flow on this connection."""
        return self._is_up

    # ---- the connection ----

    async def _supervise(self) -> None:
        failures, in_use, refused_key = 0, 0, ""
        while True:
            try:
                drop = await self._connection(refused_key)
            except (OSError, WSError, AegisError) as error:
                drop = _Drop(f"{type(error).__name__}: {error}")
            if self._is_up:
                failures = in_use = 0
                self._is_up = False
                self._counts["drops"] += 1
                self._log.debug("realtime feed lost: %s", drop.reason)
                self._report(self._events.on_feed_down, drop.reason)
            else:
                failures += 1
                self._counts["failed_connects"] += 1
            refused_key = drop.refused_key
            wait_s = self._reconnect_interval_s
            if drop.is_in_use:
                failures = 0  # KIS answered: waiting is the cure, not a cycle.
                wait_s = self._in_use_backoff_s[min(in_use, len(self._in_use_backoff_s) - 1)]
                in_use += 1
                self._trouble("in_use", f"{drop.reason}; next try in {wait_s:g} s")
            elif failures >= self._cycle_attempts:
                failures = 0
                wait_s = self._cooldown_s
                self._trouble("unreachable", f"{drop.reason}; next cycle in {wait_s:g} s")
            await asyncio.sleep(wait_s)

    async def _connection(self, refused_key: str) -> _Drop:
        """Serve one connection from handshake to drop. Raises OSError, WSError, AegisError."""
        approval_key = await self._issuer.approval_key(refused=refused_key)
        self._dropped = dropped = asyncio.get_running_loop().create_future()
        try:
            transport = await self._open(dropped)
            self._counts["connects"] += 1
            self._apply(self._registrations.connected())
            sender = asyncio.create_task(self._send(transport, approval_key))
            try:
                drop = await self._watch_over(dropped)
                return _Drop(drop.reason, drop.is_in_use, approval_key if drop.refused_key else "")
            finally:
                self._dropped = None
                self._registrations.disconnected()
                self._outbox.clear()
                sender.cancel()
                transport.disconnect(graceful=False)
                # The listener serves the next connection too: this one has to be gone by then.
                ends = (sender, transport.wait_disconnected())
                await asyncio.gather(*ends, return_exceptions=True)
                self._notices.keys.forget()
        finally:
            self._dropped = None

    async def _open(self, dropped: asyncio.Future[_Drop]) -> WSTransport:
        def listener() -> FeedListener:
            if self._dropped is not dropped:
                raise ConnectionAbortedError("the connection came too late")
            return self._listener

        async with asyncio.timeout(2 * CONNECT_TIMEOUT_S + 1):
            transport, _ = await ws_connect(
                listener,
                self._profile.ws_url,
                ssl_context=self._tls,
                websocket_handshake_timeout=CONNECT_TIMEOUT_S,
                max_frame_size=MAX_FRAME_BYTES,
                max_redirects=0,
                # An unasked-for ping makes KIS drop the session; the listener answers pings itself.
                enable_auto_ping=False,
                enable_auto_pong=False,
                logger_name="aegis_fast",
            )
        if transport.is_disconnected:
            raise ConnectionResetError("closed during the handshake")
        return transport

    async def _watch_over(self, dropped: asyncio.Future[_Drop]) -> _Drop:
        """Wait for the drop; look for silence and for registrations without an ack meanwhile."""
        loop = asyncio.get_running_loop()
        tick_s = min(1.0, self._silence_timeout_s / 4)
        heard, heard_at = self._heard(), loop.time()
        while True:
            done, _ = await asyncio.wait({dropped}, timeout=tick_s)
            if done:
                return dropped.result()
            now_s = loop.time()
            if self._heard() != heard:
                heard, heard_at = self._heard(), now_s
            elif now_s - heard_at >= self._silence_timeout_s:
                return _Drop(f"silent for {self._silence_timeout_s:g} s")
            self._apply(self._registrations.unacked(int(now_s * NS_PER_S)))
            self._report_drift()

    async def _send(self, transport: WSTransport, approval_key: str) -> None:
        """Send what is in the outbox, one message at a time, paced."""
        loop = asyncio.get_running_loop()
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._outbox:
                effect = self._outbox.pop(next(iter(self._outbox)))
                if isinstance(effect, Register):
                    if not self._registrations.is_wanted(effect.key):
                        continue
                    self._registrations.sent(effect, int(loop.time() * NS_PER_S))
                transport.send(WSMsgType.TEXT, request_frame(approval_key, effect))
                await asyncio.sleep(self._pacing_s)

    def _heard(self) -> int:
        """Return a number that changes with every message received."""
        listener = self._listener
        return listener.size_bytes + listener.frames + listener.controls + listener.encrypted

    def _drop(self, drop: _Drop) -> None:
        if self._dropped is not None and not self._dropped.done():
            self._dropped.set_result(drop)

    # ---- what the listener reports; exceptions of these end in _on_callback_error ----

    def _on_control(self, message: bytes) -> None:
        if b'"PINGPONG"' in message:
            transport = self._listener.transport
            if transport is not None:
                transport.send(WSMsgType.TEXT, message)
                self._counts["echoes"] += 1
            return
        try:
            control = parse_control(message)
        except ProtocolError as error:
            self._trouble("control", str(error))
            return
        self._apply(self._registrations.on_control(control))

    def _on_encrypted(self, tr_id: str, count: int, payload: bytes) -> None:
        try:
            notices = self._notices.read(tr_id, count, payload, self._listener.recv_ns)
        except ProtocolError as error:
            # What it said is lost: the engine has to look at the list of orders. The plain text
            # holds the customer's name, so the error is named and nothing quoted.
            self._counts["unreadable_notices"] += 1
            self._trouble("notice", f"{tr_id}: {error}")
            return
        for notice in notices:
            self._counts["notices"] += 1
            self._events.on_notice(notice)

    def _on_bad_frame(self, raw: bytes, error: ProtocolError) -> None:
        if _is_power_of_two(self._listener.bad_frames):
            self._trouble("bad_frame", f"{self._listener.bad_frames} so far, last: {error}")

    def _on_disconnected(self, transport: WSTransport) -> None:
        self._drop(_Drop("the connection was closed"))

    def _on_callback_error(self, callback: object, error: Exception) -> None:
        # Our own fault, not KIS's: it is reported as such and never as a delay (pain 20).
        if _is_power_of_two(self._listener.callback_errors):
            self._log.error("a feed callback failed: %r", callback, exc_info=error)
            self._trouble("internal", f"{type(error).__name__} in a feed callback")

    # ---- effects ----

    def _apply(self, effects: Iterable[Effect]) -> None:
        for effect in effects:
            match effect:
                case Register(key) | Release(key):
                    # A notice release is always followed by a registration: both must go out.
                    is_notice = key == self._registrations.notice_key
                    slot = (key, type(effect) if is_notice else None)
                    self._outbox.pop(slot, None)
                    self._outbox[slot] = effect
                    self._wake.set()
                case StoreKey(tr_id, key_text, iv_text):
                    self._notices.keys.store(tr_id, key_text, iv_text)
                case NoticeUp():
                    self._is_up = True
                    self._report(self._events.on_feed_up)
                case RenewApprovalKey():
                    self._drop(_Drop("KIS does not know the approval key", refused_key="refused"))
                case Reconnect():
                    self._drop(_Drop("KIS does not register notices"))
                case BackOff():
                    self._drop(_Drop("the appkey is in use by another session", is_in_use=True))
                case Alert(kind, detail):
                    self._trouble(f"registration_{kind}", detail)

    def _report_drift(self) -> None:
        if self._listener.schema_drift and not self._has_reported_drift:
            self._has_reported_drift = True
            self._trouble("schema_drift", f"widths not in the table: {self._listener.drift()}")

    def _trouble(self, kind: str, detail: str) -> None:
        self._log.debug("realtime feed: %s: %s", kind, detail)
        self._report(self._events.on_feed_trouble, kind, detail)

    def _report(self, handler: Callable[..., None], *arguments: str) -> None:
        """Tell the owner. Its failure must not end the supervision."""
        try:
            handler(*arguments)
        except Exception:  # noqa: BLE001  logged
            self._log.exception("a feed event handler failed: %r", handler)


def _is_power_of_two(count: int) -> bool:
    """Tell whether to report the count-th of a kind: the 1st, 2nd, 4th, 8th..., never a flood."""
    return count & (count - 1) == 0

"""Speak to a running engine from Python.

    async with aegis_fast.Client("http://127.0.0.1:8790", key=..., secret=...) as client:
        order = await client.buy("005930", 10, price_krw=70_000)
        async for event in client.stream(["005930"]):
            ...

Failures come back as the errors of `aegis_fast.errors`. An order whose answer was lost raises
OrderOutcomeUnknown: asking again with the same client_order_id is safe, it never makes a second
order.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Iterable
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote as url_quote

import aiohttp
import msgspec

from aegis_fast.api.seen import (
    Balance,
    Book,
    Event,
    Held,
    Level,
    Quote,
    Status,
    error_of,
    events_of,
    order_of,
    typed,
)
from aegis_fast.core.model import Order
from aegis_fast.errors import (
    AuthError,
    Disconnected,
    InvalidRequest,
    OrderOutcomeUnknown,
    ProtocolError,
    TransientError,
)

__all__ = ["Balance", "Book", "Client", "Event", "Held", "Level", "Quote", "Status"]

PREFIX = "/api/v3.1/"
CHANNELS = ("trade", "depth", "order")
CONNECT_S = 5.0
# The engine answers an order within engine.answer_timeout_ms, 60 s at the very most.
ANSWER_S = 65.0
HEARTBEAT_S = 30.0
FIRST_RETRY_S, LONGEST_RETRY_S = 0.2, 5.0


class Client:
    """One caller of an engine. Not for use from several threads."""

    def __init__(self, url: str, *, key: str, secret: str) -> None:
        self._url = url.rstrip("/")
        self._key = key
        self._secret = secret
        self._session: aiohttp.ClientSession | None = None
        self._access_token = ""
        self._refresh_token = ""
        self._log_in_lock = asyncio.Lock()

    async def __aenter__(self) -> Self:
        timeout = aiohttp.ClientTimeout(total=ANSWER_S, sock_connect=CONNECT_S)
        self._session = aiohttp.ClientSession(timeout=timeout)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close all connections."""
        if self._session is not None:
            session, self._session = self._session, None
            await session.close()

    # -- orders -----------------------------------------------------------------------------------

    async def buy(self, symbol: str, qty: int, price_krw: int | None = None, **how: Any) -> Order:
        """Buy; without a price at the market. See `submit` for how."""
        return await self.submit("buy", symbol, qty, price_krw, **how)

    async def sell(self, symbol: str, qty: int, price_krw: int | None = None, **how: Any) -> Order:
        """Sell; without a price at the market. See `submit` for how."""
        return await self.submit("sell", symbol, qty, price_krw, **how)

    async def submit(
        self,
        side: str,
        symbol: str,
        qty: int,
        price_krw: int | None = None,
        *,
        base_price_krw: int | None = None,
        order_type: str | None = None,
        venue: str = "KRX",
        client_order_id: str = "",
    ) -> Order:
        """Place an order and return it as the engine knows it after the broker's answer.

        base_price_krw: a limit at the specification's offset from that price. order_type: market,
        limit or conditional; told by the prices if None. The order may come back `pending` or
        `unknown`, never `rejected`: that raises OrderRejected. Raises OrderOutcomeUnknown when no
        answer came; its message names the client_order_id to ask with again.
        """
        if order_type is None:
            order_type = "market" if price_krw is None and base_price_krw is None else "limit"
        client_order_id = client_order_id or uuid.uuid4().hex
        body = {
            "client_order_id": client_order_id, "symbol": symbol, "side": side, "type": order_type,
            "qty": qty, "price_krw": price_krw, "base_price_krw": base_price_krw, "venue": venue,
        }  # fmt: skip
        given = {name: value for name, value in body.items() if value is not None}
        lost = f"no answer: ask again with client_order_id {client_order_id}, or look at the orders"
        return order_of(await self._call("POST", "orders", given, lost=lost))

    async def cancel(self, order_id: str) -> Order:
        """Cancel what remains of an order."""
        lost = f"no answer: look at order {order_id}"
        return order_of(await self._call("DELETE", f"orders/{_part(order_id)}", lost=lost))

    async def amend(
        self, order_id: str, *, qty: int | None = None, price_krw: int | None = None
    ) -> Order:
        """Move an order to another price, or reduce it to `qty` shares in all."""
        changes = {"qty": qty, "price_krw": price_krw}
        given = {name: value for name, value in changes.items() if value is not None}
        lost = f"no answer: look at order {order_id}"
        return order_of(await self._call("PATCH", f"orders/{_part(order_id)}", given, lost=lost))

    async def order(self, order_id: str) -> Order:
        """Return one order."""
        return order_of(await self._call("GET", f"orders/{_part(order_id)}"))

    async def orders(
        self, *, symbol: str = "", open_only: bool = False, limit: int = 1000
    ) -> list[Order]:
        """Return orders, newest first."""
        query = {"limit": str(limit), "open": "1" if open_only else "0"}
        if symbol:
            query["symbol"] = symbol
        return [order_of(view) for view in await self._call("GET", "orders", query=query)]

    # -- looking ----------------------------------------------------------------------------------

    async def quote(self, symbol: str) -> Quote:
        """Return t1101 of a symbol."""
        return typed(await self._call("GET", "t1101", query={"symbol": symbol}), Quote)

    async def book(self, symbol: str) -> Book:
        """Return the ten-level book of a symbol."""
        return typed(await self._call("GET", f"book/{_part(symbol)}"), Book)

    async def balance(self) -> Balance:
        """Return the money and shares as the broker has them."""
        return typed(await self._call("GET", "balance"), Balance)

    async def positions(self) -> list[Held]:
        """Return the positions, kept by the engine from fills."""
        return typed(await self._call("GET", "positions"), list[Held])

    async def status(self) -> Status:
        """Return how the engine is."""
        return typed(await self._call("GET", "status"), Status)

    async def set_kill_switch(self, on: bool, reason: str) -> Status:
        """Stop or resume trading. Needs a key with the role admin."""
        body = {"on": on, "reason": reason}
        return typed(await self._call("POST", "admin/kill-switch", body), Status)

    async def raw(self, path: str, query: dict[str, str] | None = None) -> Any:
        """Return the `data` of any GET below /api/v3.1/, undecoded."""
        return await self._call("GET", path, query=query)

    # -- stream -----------------------------------------------------------------------------------

    async def stream(
        self,
        symbols: Iterable[str] = (),
        *,
        channels: Iterable[str] = CHANNELS,
        reconnect: bool = True,
    ) -> AsyncIterator[Event]:
        """Yield what happens to the symbols and to all orders, for ever.

        Books and open orders as they are come first, and again after every reconnection: events of
        the types `disconnected` and `reconnected` tell of those. Raises AuthError, and with
        reconnect=False Disconnected when the connection ends.
        """
        subscription = {
            "op": "subscribe", "symbols": list(symbols), "channels": list(channels),
        }  # fmt: skip
        delay_s = FIRST_RETRY_S
        is_again = False
        while True:
            try:
                async with await self._connect_stream() as ws:
                    await ws.send_bytes(msgspec.json.encode(subscription))
                    if is_again:
                        yield Event(type="reconnected")
                    async for message in ws:
                        if message.type not in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY):
                            break
                        delay_s = FIRST_RETRY_S
                        for event in events_of(message.data):
                            yield event
                # Whatever ended it, the token may have: the next attempt gets a new one.
                self._access_token = ""
                failure = Disconnected(f"the stream of {self._url} ended: code {ws.close_code}")
            except (aiohttp.ClientConnectionError, TimeoutError, TransientError) as e:
                failure = Disconnected(f"no stream from {self._url}: {e}")
            if not reconnect:
                raise failure
            yield Event(type="disconnected", error=failure)
            await asyncio.sleep(delay_s)
            delay_s = min(2 * delay_s, LONGEST_RETRY_S)
            is_again = True

    async def _connect_stream(self) -> aiohttp.ClientWebSocketResponse:
        session = self._open_session()
        token = await self._token()
        try:
            return await session.ws_connect(
                f"{self._url}{PREFIX}stream",
                protocols=("aegis.v3.1",),
                headers={"Authorization": f"Bearer {token}"},
                heartbeat=HEARTBEAT_S,
            )
        except aiohttp.WSServerHandshakeError as e:
            if e.status == 401:
                await self._log_in(token)
            if e.status == 403:
                raise AuthError("this key may not use the stream", field="role") from e
            raise Disconnected(f"the stream was refused with HTTP {e.status}") from e

    # -- calls ------------------------------------------------------------------------------------

    async def _call(
        self,
        method: str,
        path: str,
        body: dict[str, Any] | None = None,
        *,
        query: dict[str, str] | None = None,
        lost: str = "",
    ) -> Any:
        """Make a call and return its `data`; renews the token once. lost: what to say when it is
        not known whether it happened; "" for calls that change nothing."""
        token = await self._token()
        answer = await self._send(method, path, body, query, token, lost)
        if answer.status == 401:
            await self._log_in(token)
            answer = await self._send(method, path, body, query, self._access_token, lost)
        return answer.result(lost)

    async def _send(
        self,
        method: str,
        path: str,
        body: dict[str, Any] | None,
        query: dict[str, str] | None,
        token: str,
        lost: str,
    ) -> _Answer:
        headers = {"Content-Type": "application/json"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        try:
            async with self._open_session().request(
                method,
                f"{self._url}{PREFIX}{path}",
                data=None if body is None else msgspec.json.encode(body),
                params=query,
                headers=headers,
            ) as response:
                return _Answer(response.status, await response.read())
        except aiohttp.InvalidURL as e:
            raise InvalidRequest(
                f"{self._url} is no URL", field="url", expected="http://127.0.0.1:8790"
            ) from e
        except aiohttp.ClientConnectorError as e:
            # No connection, so not a byte of the request was written.
            raise Disconnected(f"no connection to {self._url}: {e}", field="url") from e
        except (aiohttp.ClientError, TimeoutError) as e:
            if lost:
                raise OrderOutcomeUnknown(f"{lost} ({type(e).__name__})") from e
            raise TransientError(f"no answer from {self._url}: {type(e).__name__}: {e}") from e

    async def _token(self) -> str:
        if not self._access_token:
            await self._log_in("")
        return self._access_token

    async def _log_in(self, refused_token: str) -> None:
        """Replace a refused token, once however many calls wait for it. Raises AuthError."""
        async with self._log_in_lock:
            if self._access_token != refused_token:
                return
            pair = None
            if self._refresh_token:
                body = {"refresh_token": self._refresh_token}
                answer = await self._send("POST", "auth/refresh", body, None, "", "")
                # An engine that was restarted knows neither token: the key still works.
                pair = answer.result("") if answer.status == 200 else None
            if pair is None:
                body = {"api_key": self._key, "api_secret": self._secret}
                answer = await self._send("POST", "auth/token", body, None, "", "")
                pair = answer.result("")
            self._access_token, self._refresh_token = pair["access_token"], pair["refresh_token"]

    def _open_session(self) -> aiohttp.ClientSession:
        if self._session is None:
            raise InvalidRequest(
                "the client is not open", field="client", expected="async with Client(...) as c:"
            )
        return self._session


class _Answer:
    """One HTTP answer."""

    def __init__(self, status: int, raw: bytes) -> None:
        self.status = status
        try:
            self.envelope = msgspec.json.decode(raw)
        except (msgspec.DecodeError, UnicodeError):
            self.envelope = None

    def result(self, lost: str) -> Any:
        """Return `data`, or raise the error the answer tells of."""
        envelope = self.envelope
        if not isinstance(envelope, dict) or "code" not in envelope:
            if lost and self.status >= 500:
                raise OrderOutcomeUnknown(f"{lost} (HTTP {self.status})")
            raise ProtocolError(
                f"HTTP {self.status} without an answer of an engine: is something else there?"
            )
        if envelope.get("detail") is None:
            return envelope.get("data")
        if self.status == 500 and lost:
            raise OrderOutcomeUnknown(f"{envelope.get('message')}; {lost}")
        raise error_of(envelope, self.status)


def _part(text: str) -> str:
    return url_quote(text, safe="")

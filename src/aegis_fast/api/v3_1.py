"""Answer /api/v3.1/: one thin handler for each route, and the role each of them needs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlsplit

from aiohttp import web

from aegis_fast import __version__
from aegis_fast.api.access import Access, AccessDenied, Grant, Role, TokenPair
from aegis_fast.api.answers import answer, order_answer
from aegis_fast.api.bodies import (
    AmendBody,
    B,
    KillSwitchBody,
    OrderBody,
    RefreshBody,
    TokenBody,
    check_order_id,
    check_symbol,
    decode,
    one_of,
)
from aegis_fast.api.stream import PROTOCOL, Streams
from aegis_fast.api.wire import (
    depth_view,
    instrument_view,
    order_view,
    position_view,
    quote_view,
    status_view,
)
from aegis_fast.core.hours import kst_iso
from aegis_fast.core.ports import TradingService
from aegis_fast.errors import InvalidRequest

__all__ = ["DEMO_KEY_ID", "GRANT", "PREFIX", "TRACE_ID", "V31"]

PREFIX = "/api/v3.1"
DEMO_KEY_ID = "demo"
MAX_ORDERS = 10_000
DEFAULT_ORDERS = 1000

TRACE_ID = web.RequestKey("trace_id", str)
GRANT = web.RequestKey("grant", Grant)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_FLAGS = {"1": True, "true": True, "0": False, "false": False}


class V31:
    """The canonical version of the API."""

    def __init__(
        self,
        service: TradingService,
        access: Access,
        streams: Streams,
        clock_ns: Callable[[], int],
    ) -> None:
        self._service = service
        self._access = access
        self._streams = streams
        self._clock_ns = clock_ns

    def add_routes(self, router: web.UrlDispatcher) -> None:
        """Add every route with its guard."""
        routes: tuple[tuple[str, str, Handler, Role | None], ...] = (
            ("GET", "/hello", self.hello, None),
            ("POST", "/auth/token", self.log_in, None),
            ("POST", "/auth/refresh", self.refresh, None),
            ("POST", "/orders", self.submit, Role.TRADE),
            ("GET", "/orders", self.orders, Role.VIEW),
            ("GET", "/orders/{order_id}", self.order, Role.VIEW),
            ("PATCH", "/orders/{order_id}", self.amend, Role.TRADE),
            ("DELETE", "/orders/{order_id}", self.cancel, Role.TRADE),
            ("GET", "/t1101", self.t1101, Role.VIEW),
            ("GET", "/book/{symbol}", self.book, Role.VIEW),
            ("GET", "/balance", self.balance, Role.VIEW),
            ("GET", "/positions", self.positions, Role.VIEW),
            ("GET", "/instruments", self.instruments, Role.VIEW),
            ("GET", "/status", self.status, Role.VIEW),
            ("GET", "/admin/status", self.status, Role.ADMIN),
            ("POST", "/admin/kill-switch", self.kill_switch, Role.ADMIN),
        )
        for method, path, handler, role in routes:
            router.add_route(method, PREFIX + path, self._guarded(handler, role))
        # The stream lets a browser log in with its first message: it can't set headers.
        router.add_get(f"{PREFIX}/stream", self.stream)

    def _guarded(self, handler: Handler, role: Role | None) -> Handler:
        if role is None:
            return handler

        async def guarded(request: web.Request) -> web.StreamResponse:
            grant = self._access.authenticate(_bearer(request))
            grant.require(role)
            request[GRANT] = grant
            return await handler(request)

        return guarded

    # -- without a token --------------------------------------------------------------------------

    async def hello(self, request: web.Request) -> web.Response:
        """Tell a stranger what this is, and whether the demo key works."""
        _query(request)
        env = self._service.status().env
        demo = env == "sim" and self._access.has_key(DEMO_KEY_ID)
        return _done(request, {"env": env, "version": __version__, "demo": demo})

    async def log_in(self, request: web.Request) -> web.Response:
        body = await _body(request, TokenBody)
        pair = self._access.log_in(body.api_key, body.api_secret, request.remote or "")
        return _done(request, self._token_view(pair))

    async def refresh(self, request: web.Request) -> web.Response:
        body = await _body(request, RefreshBody)
        return _done(request, self._token_view(self._access.refresh(body.refresh_token)))

    def _token_view(self, pair: TokenPair) -> dict[str, Any]:
        now_ns = self._clock_ns()
        return {
            "access_token": pair.access_token,
            "token_type": "Bearer",
            "expires_in_s": (pair.access_expires_ns - now_ns) // 10**9,
            "expires_at": kst_iso(pair.access_expires_ns),
            "refresh_token": pair.refresh_token,
            "refresh_expires_in_s": (pair.refresh_expires_ns - now_ns) // 10**9,
            "refresh_expires_at": kst_iso(pair.refresh_expires_ns),
            "role": pair.role,
        }

    # -- orders -----------------------------------------------------------------------------------

    async def submit(self, request: web.Request) -> web.Response:
        body = await _body(request, OrderBody)
        order = await self._service.submit(body.to_request(request[TRACE_ID]))
        return order_answer(order, trace_id=request[TRACE_ID], created=True)

    async def orders(self, request: web.Request) -> web.Response:
        query = _query(request, "symbol", "open", "limit")
        symbol = check_symbol(query["symbol"]) if "symbol" in query else ""
        open_only = one_of(query.get("open", "0"), "open", _FLAGS)
        limit = one_of(query.get("limit", str(DEFAULT_ORDERS)), "limit", _limit)
        found = self._service.orders(symbol=symbol, open_only=open_only)
        views = [order_view(order) for order in found[:limit]]
        return _done(request, views)

    async def order(self, request: web.Request) -> web.Response:
        _query(request)
        order = self._service.order(check_order_id(request.match_info["order_id"]))
        return _done(request, order_view(order))

    async def amend(self, request: web.Request) -> web.Response:
        order_id = check_order_id(request.match_info["order_id"])
        body = await _body(request, AmendBody)
        order = await self._service.amend(
            order_id, qty=body.qty or 0, price_krw=body.price_krw or 0
        )
        return order_answer(order, trace_id=request[TRACE_ID], created=False)

    async def cancel(self, request: web.Request) -> web.Response:
        _query(request)
        order = await self._service.cancel(check_order_id(request.match_info["order_id"]))
        return order_answer(order, trace_id=request[TRACE_ID], created=False)

    # -- looking ----------------------------------------------------------------------------------

    async def t1101(self, request: web.Request) -> web.Response:
        symbol = check_symbol(_query(request, "symbol").get("symbol", ""))
        return _done(request, quote_view(await self._service.quote(symbol)))

    async def book(self, request: web.Request) -> web.Response:
        _query(request)
        symbol = check_symbol(request.match_info["symbol"])
        return _done(request, depth_view(await self._service.book(symbol)))

    async def balance(self, request: web.Request) -> web.Response:
        _query(request)
        return _done(request, await self._service.balance())

    async def positions(self, request: web.Request) -> web.Response:
        _query(request)
        return _done(request, [position_view(held) for held in self._service.positions()])

    async def instruments(self, request: web.Request) -> web.Response:
        _query(request)
        return _done(request, [instrument_view(one) for one in self._service.instruments()])

    async def status(self, request: web.Request) -> web.Response:
        _query(request)
        return _done(request, status_view(self._service.status()))

    # -- admin, stream ----------------------------------------------------------------------------

    async def kill_switch(self, request: web.Request) -> web.Response:
        body = await _body(request, KillSwitchBody)
        status = await self._service.set_kill_switch(body.on, body.reason.strip())
        return _done(request, status_view(status))

    async def stream(self, request: web.Request) -> web.StreamResponse:
        _query(request)
        _check_origin(request)
        if not web.WebSocketResponse(protocols=(PROTOCOL,)).can_prepare(request):
            raise InvalidRequest(
                "the stream is a WebSocket", field="Upgrade", expected="a WebSocket handshake"
            )
        grant = None
        if "Authorization" in request.headers:
            grant = self._access.authenticate(_bearer(request))
        return await self._streams.serve(request, grant)


def _done(request: web.Request, body: Any) -> web.Response:
    return answer(body, trace_id=request[TRACE_ID])


async def _body(request: web.Request, body_type: type[B]) -> B:
    _query(request)
    return decode(await request.read(), body_type)


def _query(request: web.Request, *names: str) -> dict[str, str]:
    """Return the query parameters. Raises InvalidRequest on one that this path does not know."""
    for name in request.query:
        if name not in names:
            raise InvalidRequest(
                "unknown query parameter",
                field=name[:32],
                expected=f"only these: {', '.join(names)}" if names else "no parameters",
            )
    return dict(request.query)


def _limit(text: str) -> int:
    number = int(text)
    if not 1 <= number <= MAX_ORDERS:
        raise ValueError(text)
    return number


def _bearer(request: web.Request) -> str:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise AccessDenied(
            "no bearer token",
            http_status=401,
            field="Authorization",
            expected="Authorization: Bearer <access_token of POST auth/token>",
        )
    return token.strip()


def _check_origin(request: web.Request) -> None:
    """Refuse a page of another site: browsers let any page open a WebSocket to anywhere."""
    origin = request.headers.get("Origin")
    if origin is not None and urlsplit(origin).netloc != request.host:
        raise AccessDenied(
            "this page may not use the stream",
            http_status=403,
            field="Origin",
            expected=f"the engine's own page on {request.host}",
        )

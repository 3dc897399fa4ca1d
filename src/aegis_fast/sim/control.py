"""Answer the simulator's own pages under /_sim/: ledger, state, market, clock, faults.

Every wrong body is a 400 that names the field and what would be right.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from aegis_fast.errors import InvalidRequest
from aegis_fast.sim.answers import Answer, Request
from aegis_fast.sim.broker import Broker
from aegis_fast.sim.exchange import Book
from aegis_fast.sim.faults import AT_ONCE, KINDS, Faults
from aegis_fast.sim.market import Side, is_on_grid, order_unit
from aegis_fast.sim.stream import Session

__all__ = ["Control"]

PREFIX = "/_sim/"
_MAX_ADVANCE_MS = 7 * 24 * 3_600 * 1_000
_MAX_QTY = 1_000_000_000
_METHODS = {
    "ledger": ("GET",),
    "state": ("GET",),
    "market": ("POST",),
    "clock": ("POST",),
    "faults": ("GET", "POST", "DELETE"),
}


class MarketBody(msgspec.Struct, forbid_unknown_fields=True):
    """The body of POST /_sim/market.

    symbol and price: the market moves there at once. With side and qty as well: a stranger trades
    up to qty shares at price or better (price left out: at any). pause, activity: the crowd.
    """

    symbol: str = ""
    price: int = 0
    side: str = ""
    qty: int = 0
    pause: bool | None = None
    activity: float | None = None


class ClockBody(msgspec.Struct, forbid_unknown_fields=True):
    """The body of POST /_sim/clock: how far to put the simulator's clock forward."""

    advance_ms: int


def _read(raw: bytes, kind: Any, expected: str) -> Any:
    try:
        return msgspec.json.decode(raw, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidRequest(str(error), field="body", expected=expected) from error


class Control:
    """The control pages of one broker.

    drop(session): cut a socket. advance_ns(span): put the clock forward.
    """

    def __init__(
        self,
        broker: Broker,
        drop: Callable[[Session], None],
        advance_ns: Callable[[int], None],
    ) -> None:
        self._broker = broker
        self._drop = drop
        self._advance_ns = advance_ns

    def answer(self, request: Request, now_ns: int) -> Answer:
        """Answer a control request: 200, 400, 404 or 405."""
        name = request.path.removeprefix(PREFIX)
        if name not in _METHODS:
            return _json(404, {"error": f"no {request.path}", "expected": sorted(_METHODS)})
        if request.method not in _METHODS[name]:
            allowed = list(_METHODS[name])
            return _json(405, {"error": f"{request.method} {request.path}", "expected": allowed})
        try:
            return _json(200, self._page(name, request, now_ns))
        except InvalidRequest as error:
            body = {"error": error.message, "field": error.field, "expected": error.expected}
            return _json(400, body)

    def _page(self, name: str, request: Request, now_ns: int) -> dict[str, Any]:
        if name == "ledger":
            return self._broker.ledger_json(calls=request.query.get("calls") != "0")
        if name == "state":
            return self._broker.state_json(now_ns)
        if name == "market":
            return self._market(request.body, now_ns)
        if name == "clock":
            return self._clock(request.body, now_ns)
        return self._faults(request)

    def _market(self, raw: bytes, now_ns: int) -> dict[str, Any]:
        expected = '{"symbol", "price"} | {"symbol", "side", "qty"} | {"pause"} | {"activity"}'
        body: MarketBody = _read(raw, MarketBody, expected)
        world = self._broker.world
        if body == MarketBody():
            raise InvalidRequest("nothing to do", field="body", expected=expected)
        # All is checked before anything happens.
        book = self._checked_book(body) if body.symbol or body.price or body.qty else None
        if body.activity is not None and not 0 <= body.activity <= 100:
            raise InvalidRequest("activity out of range", field="activity", expected="0..100")
        answer: dict[str, Any] = {}
        if book is not None and body.side:
            side = Side[body.side.upper()]
            limits = book.limits
            worst = limits.upper_krw if side is Side.BUY else limits.lower_krw
            price = body.price or worst
            answer["traded_qty"] = world.trade(body.symbol, side, body.qty, price, now_ns)
        elif book is not None:
            world.shock(body.symbol, body.price, now_ns)
        if book is not None:
            answer |= {"symbol": body.symbol, "last_krw": world.tapes[body.symbol].last_krw}
        if body.pause is not None:
            world.is_paused = body.pause
        if body.activity is not None:
            world.set_activity(body.activity)
        self._broker.hub.flush(now_ns)
        return answer | {"is_paused": world.is_paused, "activity": world.activity}

    def _checked_book(self, body: MarketBody) -> Book:
        book = self._broker.exchange.books.get(body.symbol)
        if book is None:
            known = " | ".join(self._broker.exchange.books)
            raise InvalidRequest(f"unknown symbol {body.symbol!r}", field="symbol", expected=known)
        limits, kind = book.limits, book.issue.kind
        if body.side or body.qty:
            if body.side not in ("buy", "sell"):
                raise InvalidRequest(f"side {body.side!r}", field="side", expected="buy | sell")
            unit = order_unit(kind)
            if not 0 < body.qty <= _MAX_QTY or body.qty % unit:
                expected = f"1..{_MAX_QTY}, a multiple of {unit}"
                raise InvalidRequest(f"qty {body.qty}", field="qty", expected=expected)
            if not body.price:
                return book
        is_inside = limits.lower_krw <= body.price <= limits.upper_krw
        if not is_inside or not is_on_grid(body.price, kind):
            expected = f"{limits.lower_krw}..{limits.upper_krw}, on a tick"
            raise InvalidRequest(f"price {body.price}", field="price", expected=expected)
        return book

    def _clock(self, raw: bytes, now_ns: int) -> dict[str, Any]:
        body: ClockBody = _read(raw, ClockBody, '{"advance_ms": 0 or more}')
        if not 0 <= body.advance_ms <= _MAX_ADVANCE_MS:
            raise InvalidRequest(
                "advance_ms out of range", field="advance_ms", expected=f"0..{_MAX_ADVANCE_MS}"
            )
        self._advance_ns(body.advance_ms * 1_000_000)
        return {"now_ns": now_ns + body.advance_ms * 1_000_000}

    def _faults(self, request: Request) -> dict[str, Any]:
        faults = self._broker.faults
        if request.method == "DELETE":
            return {"cleared": faults.clear(), "faults": []}
        if request.method == "GET":
            return {"faults": faults.as_json(), "kinds": KINDS}
        body = Faults.read(request.body)
        if body.kind in AT_ONCE:
            return {"kind": body.kind, "affected": self._broker.strike(body, self._drop)}
        return faults.add(body).as_json()


def _json(status: int, body: dict[str, Any]) -> Answer:
    return Answer(status, msgspec.json.encode(body))

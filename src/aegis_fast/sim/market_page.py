"""Change the market from outside: POST /_sim/market."""

from __future__ import annotations

from typing import Any

import msgspec

from aegis_fast.errors import InvalidRequest
from aegis_fast.sim.broker import Broker
from aegis_fast.sim.crowd.regimes import REGIMES
from aegis_fast.sim.decoding import NotJSON, decoded
from aegis_fast.sim.market.exchange import Book
from aegis_fast.sim.market.rules import Side, is_on_grid, order_unit

__all__ = ["MarketPage"]

_MARKET = "*"
_MAX_QTY = 1_000_000_000
_EXPECTED = (
    '{"symbol", "price"} | {"symbol", "side", "qty"} | {"symbol", "halt"} | {"symbol", "regime"} | '
    '{"pause"} | {"activity"} | {"stamp"}'
)


class MarketBody(msgspec.Struct, forbid_unknown_fields=True):
    """The body of POST /_sim/market.

    symbol and price: the market moves there at once. With side and qty as well: a stranger trades
    up to qty shares at price or better (price left out: at any). halt: trading in the symbol stops,
    or resumes with a short auction. regime: how the symbol ("*": the market) behaves from now on.
    pause, activity: the crowd. stamp: every record ends with the ns since the epoch at which it is
    sent, on sockets opened from now on.
    """

    symbol: str = ""
    price: int = 0
    side: str = ""
    qty: int = 0
    halt: bool | None = None
    regime: str = ""
    pause: bool | None = None
    activity: float | None = None
    stamp: bool | None = None


class MarketPage:
    """The market page of one broker. Every wrong body raises InvalidRequest."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker

    def change(self, raw: bytes, now_ns: int, real_ns: int) -> dict[str, Any]:
        """Check everything, then carry it out; return how the market stands.

        now_ns: the market's time. real_ns: the door's.
        """
        try:
            body: MarketBody = decoded(raw, MarketBody)
        except NotJSON as error:
            raise InvalidRequest(str(error), field="body", expected=_EXPECTED) from error
        if body == MarketBody():
            raise InvalidRequest("nothing to do", field="body", expected=_EXPECTED)
        is_whole_market = body.symbol == _MARKET and bool(body.regime)
        needs_book = bool(body.symbol or body.price or body.qty or body.regime)
        needs_book = (needs_book or body.halt is not None) and not is_whole_market
        book = self._checked_book(body) if needs_book else None
        if body.regime and body.regime not in REGIMES:
            raise InvalidRequest(
                f"unknown regime {body.regime!r}", field="regime", expected=" | ".join(REGIMES)
            )
        if body.activity is not None and not 0 <= body.activity <= 100:
            raise InvalidRequest("activity out of range", field="activity", expected="0..100")
        answer = self._carry_out(body, book, now_ns)
        self._broker.hub.flush(now_ns, real_ns)
        return answer | self._mood()

    def _mood(self) -> dict[str, Any]:
        crowd = self._broker.world.crowd
        is_stamped = self._broker.hub.is_stamped
        return {
            "is_paused": crowd.is_paused,
            "activity": crowd.activity,
            "is_stamped": is_stamped,
        }

    def _carry_out(self, body: MarketBody, book: Book | None, now_ns: int) -> dict[str, Any]:
        world = self._broker.world
        answer: dict[str, Any] = {}
        if body.pause is not None:
            world.crowd.is_paused = body.pause
        if body.activity is not None:
            world.crowd.activity = body.activity
        if body.stamp is not None:
            self._broker.hub.is_stamped = body.stamp
        if body.regime:
            world.set_regime(body.symbol, body.regime)
            answer["regime"] = body.regime
        if book is None:
            return answer
        if body.halt is not None:
            change = world.sessions.halt if body.halt else world.sessions.resume
            change(body.symbol)
        if body.side:
            side = Side[body.side.upper()]
            worst = book.limits.upper_krw if side is Side.BUY else book.limits.lower_krw
            price = body.price or worst
            answer["traded_qty"] = world.trade(body.symbol, side, body.qty, price, now_ns)
        elif body.price:
            world.shock(body.symbol, body.price, now_ns)
        return answer | {
            "symbol": body.symbol,
            "last_krw": world.tapes[body.symbol].last_krw,
            "mode": book.mode,
        }

    def _checked_book(self, body: MarketBody) -> Book:
        """Return the regular book that a body names, when symbol, side, qty and price are right."""
        book = self._broker.exchange.books.get(body.symbol)
        if book is None:
            known = " | ".join(list(self._broker.exchange.books)[:40])
            raise InvalidRequest(f"unknown symbol {body.symbol!r}", field="symbol", expected=known)
        if body.side or body.qty:
            if body.side not in ("buy", "sell"):
                raise InvalidRequest(f"side {body.side!r}", field="side", expected="buy | sell")
            unit = order_unit(book.issue.kind)
            if not 0 < body.qty <= _MAX_QTY or body.qty % unit:
                expected = f"1..{_MAX_QTY}, a multiple of {unit}"
                raise InvalidRequest(f"qty {body.qty}", field="qty", expected=expected)
        elif not body.price and body.halt is None and not body.regime:
            raise InvalidRequest("nothing to do with it", field="price", expected=_EXPECTED)
        if not body.price:
            return book
        limits = book.limits
        is_inside = limits.lower_krw <= body.price <= limits.upper_krw
        if not is_inside or not is_on_grid(body.price, book.issue.grid):
            expected = f"{limits.lower_krw}..{limits.upper_krw}, on a tick"
            raise InvalidRequest(f"price {body.price}", field="price", expected=expected)
        return book

"""Read request bodies strictly: every refusal names the field and says what would be right.

Only shapes are judged here. Tick grid, price limits, money and quotas belong to the core.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Literal, TypeVar

import msgspec

from aegis_fast.core.model import OrderRequest, OrderType, Side, Venue
from aegis_fast.errors import InvalidRequest

__all__ = [
    "AmendBody",
    "KillSwitchBody",
    "OrderBody",
    "RefreshBody",
    "StreamBody",
    "TokenBody",
    "check_order_id",
    "check_symbol",
    "decode",
    "one_of",
]

# Far above any price or quantity of the exchange, far below what a 64-bit field holds.
MAX_NUMBER = 999_999_999

_SYMBOL = re.compile(r"[0-9A-Z]{6,7}")
_CLIENT_ORDER_ID = re.compile(r"[0-9A-Za-z._:-]{1,64}")
_ORDER_ID = re.compile(r"[0-9A-Za-z_-]{1,64}")
_ACCOUNT = re.compile(r"[0-9A-Za-z-]{0,32}")

_WON = f"a whole number of won, 1 to {MAX_NUMBER}"
EXPECTED = {
    "account": "the account number, or nothing for the engine's own",
    "api_key": "the id of a key, as text",
    "api_secret": "the secret of that key, as text",
    "base_price_krw": _WON,
    "channels": 'a list of "trade", "depth", "order"',
    "client_order_id": "1 to 64 of A-Z a-z 0-9 . _ : -, chosen by you, new for every new order",
    "limit": "a whole number, 1 to 10000",
    "on": "true or false",
    "op": '"auth", "subscribe", "unsubscribe" or "ping"',
    "open": "1 or 0",
    "order_id": "the order_id of an answer, e.g. 20261122-000001",
    "price_krw": _WON,
    "qty": f"a whole number of shares, 1 to {MAX_NUMBER}",
    "reason": "why, in 1 to 200 characters",
    "refresh_token": "the refresh_token of the last answer, as text",
    "side": '"buy" or "sell"',
    "symbol": '6 or 7 of 0-9 A-Z, e.g. "005930"',
    "symbols": 'a list of symbols, e.g. ["005930"]',
    "token": "the access_token of POST auth/token, as text",
    "type": '"market", "limit" or "conditional"',
    "venue": '"KRX", "NXT" or "SOR"',
}


class Body(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A request body: nothing beyond the named fields."""

    def check(self) -> None:
        """Raise InvalidRequest when a value is out of its range."""


class TokenBody(Body, frozen=True):
    """POST auth/token."""

    api_key: str
    api_secret: str


class RefreshBody(Body, frozen=True):
    """POST auth/refresh."""

    refresh_token: str


class OrderBody(Body, frozen=True):
    """POST orders. A number that is not given is None; 0 is refused, it never means "not given".

    Without a client_order_id the order can't be asked for again after a lost answer.
    """

    symbol: str
    side: Literal["buy", "sell"]
    type: Literal["market", "limit", "conditional"]
    qty: int
    client_order_id: str | None = None
    price_krw: int | None = None
    base_price_krw: int | None = None
    venue: Literal["KRX", "NXT", "SOR"] = "KRX"
    account: str = ""

    def check(self) -> None:
        if self.client_order_id is not None:
            _match(_CLIENT_ORDER_ID, self.client_order_id, "client_order_id")
        check_symbol(self.symbol)
        _match(_ACCOUNT, self.account, "account")
        _in_range(self.qty, "qty")
        _in_range(self.price_krw, "price_krw")
        _in_range(self.base_price_krw, "base_price_krw")
        has_price, has_base = self.price_krw is not None, self.base_price_krw is not None
        if self.type == "market" and has_price:
            raise _invalid("a market order has no price", "price_krw", "no price, or type limit")
        if self.type != "limit" and has_base:
            raise _invalid(
                f"a {self.type} order takes no offset from a base price",
                "base_price_krw",
                "type limit, or no base_price_krw",
            )
        if self.type == "conditional" and not has_price:
            raise _invalid("a conditional order needs a price", "price_krw", _WON)
        if self.type == "limit" and has_price == has_base:
            raise _invalid(
                "a limit order needs either a price or a base price",
                "price_krw",
                "price_krw for that very price, or base_price_krw for the offset of section 7.1",
            )

    def to_request(self, trace_id: str) -> OrderRequest:
        """Return what the engine is asked for."""
        return OrderRequest(
            client_order_id=self.client_order_id or "",
            symbol=self.symbol,
            side=Side.BUY if self.side == "buy" else Side.SELL,
            order_type=OrderType(self.type),
            qty=self.qty,
            price_krw=self.price_krw or 0,
            base_price_krw=self.base_price_krw or 0,
            venue=Venue(self.venue),
            account=self.account,
            trace_id=trace_id,
        )


class AmendBody(Body, frozen=True):
    """PATCH orders/{order_id}: one of the two."""

    qty: int | None = None
    price_krw: int | None = None

    def check(self) -> None:
        _in_range(self.qty, "qty")
        _in_range(self.price_krw, "price_krw")
        if (self.qty is None) == (self.price_krw is None):
            raise _invalid(
                "an amendment changes one thing",
                "price_krw",
                "either price_krw, or qty to reduce the order to that many shares in all",
            )


class KillSwitchBody(Body, frozen=True):
    """POST admin/kill-switch."""

    on: bool
    reason: str

    def check(self) -> None:
        if not 1 <= len(self.reason.strip()) <= 200:
            raise _invalid("a reason is needed", "reason", EXPECTED["reason"])


class StreamBody(Body, frozen=True):
    """One message of a stream's client. id: anything short, comes back in the answer."""

    op: Literal["auth", "subscribe", "unsubscribe", "ping"]
    token: str = ""
    symbols: list[str] = []
    channels: list[Literal["trade", "depth", "order"]] = []
    id: str | int | None = None

    def check(self) -> None:
        if self.op == "auth" and not self.token:
            raise _invalid("no token", "token", EXPECTED["token"])
        if isinstance(self.id, str) and len(self.id) > 64:
            raise _invalid("the id is too long", "id", "64 characters at most")
        for symbol in self.symbols:
            check_symbol(symbol, "symbols")


B = TypeVar("B", bound=Body)


def decode(raw: bytes | str, body_type: type[B]) -> B:
    """Return the checked body. Raises InvalidRequest, whatever the bytes are."""
    try:
        body = msgspec.json.decode(raw, type=body_type)
    except msgspec.ValidationError as e:
        raise _explain(str(e), body_type) from e
    except (msgspec.DecodeError, UnicodeError, RecursionError) as e:
        raise _invalid(f"the body is not JSON: {e}", "body", "a JSON object in UTF-8") from e
    body.check()
    return body


def check_symbol(symbol: str, field: str = "symbol") -> str:
    """Return the symbol. Raises InvalidRequest unless it could be one (syntax only)."""
    if not _SYMBOL.fullmatch(symbol):
        raise _invalid(f"{_short(symbol)} is not a symbol", field, EXPECTED["symbol"])
    return symbol


def check_order_id(order_id: str) -> str:
    """Return the order id. Raises InvalidRequest unless it could be one."""
    return _match(_ORDER_ID, order_id, "order_id")


def one_of(value: str, field: str, read: dict[str, Any] | Callable[[str], Any]) -> Any:
    """Return a query parameter's meaning. Raises InvalidRequest when it has none."""
    try:
        return read[value] if isinstance(read, dict) else read(value)
    except (KeyError, ValueError) as e:
        raise _invalid(f"{_short(value)} is not understood", field, EXPECTED[field]) from e


def _explain(problem: str, body_type: type[Body]) -> InvalidRequest:
    """Turn the decoder's words into ours: which field, and what would be right."""
    if unknown := re.search(r"unknown field `(.*)`", problem):
        names = ", ".join(body_type.__struct_fields__)
        return _invalid("unknown field", unknown[1][:32], f"only these: {names}")
    if missing := re.search(r"required field `(\w+)`", problem):
        field = missing[1]
        return _invalid("missing field", field, EXPECTED.get(field, "a value"))
    if wrong := re.search(r"^(.*) - at `\$\.((\w+).*)`$", problem):
        return _invalid(wrong[1], wrong[2], EXPECTED.get(wrong[3], "another value"))
    return _invalid(problem, "body", "a JSON object")


def _match(pattern: re.Pattern[str], text: str, field: str) -> str:
    if not pattern.fullmatch(text):
        raise _invalid(f"{_short(text)} is not a valid {field}", field, EXPECTED[field])
    return text


def _in_range(number: int | None, field: str) -> None:
    if number is not None and not 1 <= number <= MAX_NUMBER:
        raise _invalid(f"{field} is out of range", field, EXPECTED[field])


def _short(text: str) -> str:
    """Quote a caller's text for a message, cut: an answer must not grow with its request."""
    return repr(text if len(text) <= 32 else text[:32] + "...")


def _invalid(message: str, field: str, expected: str) -> InvalidRequest:
    return InvalidRequest(message, field=field, expected=expected)

"""Turn the engine's things into what goes over the wire, and an order back.

Integers stay integers; sides become "buy", "sell" or "none"; account numbers are masked; times keep
their `_ns` and get a Korean ISO twin for people.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from aegis_fast.core.hours import kst_iso
from aegis_fast.core.masking import mask_account
from aegis_fast.core.model import Instrument, Order, Position, Side
from aegis_fast.core.ports import EngineStatus

if TYPE_CHECKING:
    from aegis_fast.hot import Trade

__all__ = [
    "depth_view",
    "instrument_view",
    "order_of_view",
    "order_view",
    "position_view",
    "quote_view",
    "status_view",
    "trade_view",
]

HUNDRED_MILLION = 100_000_000

_ORDER_FIELDS = frozenset(Order.__struct_fields__)


def order_view(order: Order) -> dict[str, Any]:
    """Return an order as the API shows it."""
    view: dict[str, Any] = {name: getattr(order, name) for name in Order.__struct_fields__}
    view["type"] = view.pop("order_type").value
    view["side"] = order.side.name.lower()
    view["account"] = mask_account(order.account)
    view["average_price_krw"] = order.average_price_krw
    view["created_at"] = kst_iso(order.created_ns)
    view["updated_at"] = kst_iso(order.updated_ns)
    return view


def order_of_view(view: Mapping[str, Any]) -> Order:
    """Return the order again; its account stays masked. Raises msgspec.ValidationError."""
    fields = {name: value for name, value in view.items() if name in _ORDER_FIELDS}
    fields["order_type"] = view.get("type")
    side = view.get("side")
    fields["side"] = Side[side.upper()] if side in ("buy", "sell", "none") else side
    return msgspec.convert(fields, Order)


def trade_view(trade: Trade) -> dict[str, Any]:
    """Return a trade as the stream shows it; a number the wire left empty is null."""
    view: dict[str, Any] = trade.as_dict()
    view["side"] = trade.side.name.lower()
    return view


def depth_view(snapshot: Mapping[str, Any]) -> dict[str, Any]:
    """Return a book as the API and the stream show it."""
    return dict(snapshot)


def quote_view(quote: Mapping[str, Any]) -> dict[str, Any]:
    """Return t1101: `marketCap` in won, and `hts_avls`, the broker's own, in 100 million won."""
    view = dict(quote)
    market_cap_krw = view.pop("market_cap_krw")
    view["marketCap"] = market_cap_krw
    view["hts_avls"] = market_cap_krw // HUNDRED_MILLION
    return view


def position_view(position: Position) -> dict[str, Any]:
    """Return a position; average_cost_krw is truncated to won."""
    return {
        "symbol": position.symbol,
        "name": position.name,
        "qty": position.qty,
        "cost_krw": position.cost_krw,
        "average_cost_krw": position.cost_krw // position.qty if position.qty else 0,
    }


def instrument_view(instrument: Instrument) -> dict[str, Any]:
    """Return an issue."""
    view: dict[str, Any] = msgspec.to_builtins(instrument)
    return view


def status_view(status: EngineStatus) -> dict[str, Any]:
    """Return the engine's state, with the time it was started for people."""
    view: dict[str, Any] = msgspec.to_builtins(status)
    view["started_at"] = kst_iso(status.started_ns)
    return view

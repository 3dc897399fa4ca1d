"""List what can happen to orders and money. The journal stores exactly these.

Every event is a fact or a decision that was taken; replaying the journal through the order manager
gives the same state, because the manager looks at nothing else. tag_field "k" names the kind.
"""

from __future__ import annotations

import msgspec

from aegis_fast.core.model import OrderType, Position, Side, Venue

__all__ = [
    "AbsenceProven",
    "AmendRequested",
    "BalanceLoaded",
    "CancelRequested",
    "Event",
    "ExternalSeen",
    "FillSeen",
    "KillSwitchSet",
    "LedgerSeen",
    "NoticeAcked",
    "OrderAccepted",
    "OrderLost",
    "OrderRefused",
    "OrderSubmitted",
    "ReplaceAccepted",
    "ReplaceLost",
    "ReplaceRefused",
    "Restarted",
    "SymbolHalted",
    "WorldSeen",
]


class OrderSubmitted(msgspec.Struct, frozen=True, kw_only=True, tag_field="k", tag="submit"):
    """An order was priced, checked and decided.

    reserve_price_krw: what a buy sets aside a share: its limit, or for a market order the upper
    limit price of the day, as KIS does.
    """

    order_id: str
    client_order_id: str
    account: str
    symbol: str
    side: Side
    order_type: OrderType
    qty: int
    price_krw: int
    base_price_krw: int
    reserve_price_krw: int
    sell_tax_ppm: int
    venue: Venue
    trace_id: str
    origin: str


class OrderAccepted(msgspec.Struct, frozen=True, kw_only=True, tag_field="k", tag="accept"):
    """The broker has the order. source: "reply" or "ledger" (found by reconciliation)."""

    order_id: str
    broker_order_id: int
    org_no: str
    source: str = "reply"


class OrderRefused(msgspec.Struct, frozen=True, kw_only=True, tag_field="k", tag="refuse"):
    """Proven not placed."""

    order_id: str
    code: int
    venue_code: str
    message: str


class OrderLost(msgspec.Struct, frozen=True, kw_only=True, tag_field="k", tag="lose"):
    """The reply to the order was lost; it may live."""

    order_id: str
    reason: str


class AbsenceProven(msgspec.Struct, frozen=True, kw_only=True, tag_field="k", tag="absent"):
    """Complete scans over a quiet horizon did not show an unknown order: it was not placed."""

    order_id: str
    scans: int
    quiet_ns: int


class CancelRequested(msgspec.Struct, frozen=True, kw_only=True, tag_field="k", tag="cancel"):
    """Someone wants qty shares of the rest out of the market; 0 means all."""

    order_id: str
    qty: int


class AmendRequested(msgspec.Struct, frozen=True, kw_only=True, tag_field="k", tag="amend"):
    """Someone wants the rest at another price."""

    order_id: str
    price_krw: int
    reserve_price_krw: int


class ReplaceAccepted(msgspec.Struct, frozen=True, kw_only=True, tag_field="k", tag="replaced"):
    """The broker received the cancel or amend under a number of its own.

    price_krw: the new price of an amend; 0 means "the price we asked for".
    """

    order_id: str
    action: str
    broker_order_id: int
    org_no: str
    price_krw: int = 0


class ReplaceRefused(msgspec.Struct, frozen=True, kw_only=True, tag_field="k", tag="unreplaced"):
    """The cancel or amend was refused; the order is as it was."""

    order_id: str
    action: str
    code: int
    venue_code: str
    message: str


class ReplaceLost(msgspec.Struct, frozen=True, kw_only=True, tag_field="k", tag="replost"):
    """The reply to a cancel or amend was lost; what is in the market must be asked."""

    order_id: str
    action: str
    reason: str


class NoticeAcked(msgspec.Struct, frozen=True, kw_only=True, tag_field="k", tag="acked"):
    """An own-order notice without a fill: the exchange accepted, confirmed or rejected.

    action: 0 new, 1 amend, 2 cancel. accept_code: 1 received, 2 confirmed, 3 the rest of an IOC or
    FOK order was canceled. qty: what the notice speaks of.
    """

    broker_order_id: int
    original_broker_order_id: int
    action: int
    is_rejected: bool
    accept_code: int
    qty: int
    price_krw: int


class FillSeen(msgspec.Struct, frozen=True, kw_only=True, tag_field="k", tag="fill"):
    """An own-order notice of one fill. session: which connection it came on."""

    broker_order_id: int
    qty: int
    price_krw: int
    time_hhmmss: int
    session: int


class LedgerSeen(msgspec.Struct, frozen=True, kw_only=True, tag_field="k", tag="ledger"):
    """The broker's list shows a known order number with these cumulative figures."""

    broker_order_id: int
    cum_qty: int
    cum_value_krw: int
    canceled_qty: int
    rejected_qty: int
    leaves_qty: int


class ExternalSeen(msgspec.Struct, frozen=True, kw_only=True, tag_field="k", tag="external"):
    """The broker's list shows an order that this engine did not send: adopted, never touched."""

    order_id: str
    account: str
    symbol: str
    side: Side
    order_type: OrderType
    qty: int
    price_krw: int
    reserve_price_krw: int
    sell_tax_ppm: int
    venue: Venue
    broker_order_id: int
    org_no: str
    cum_qty: int
    cum_value_krw: int
    canceled_qty: int
    leaves_qty: int


class BalanceLoaded(msgspec.Struct, frozen=True, kw_only=True, tag_field="k", tag="balance"):
    """The broker's cash and positions replace ours. reason: "start" or "discrepancy"."""

    account: str
    cash_krw: int
    positions: tuple[Position, ...]
    reason: str


class KillSwitchSet(msgspec.Struct, frozen=True, kw_only=True, tag_field="k", tag="kill"):
    """New orders are refused from here on (or allowed again)."""

    is_on: bool
    reason: str


class SymbolHalted(msgspec.Struct, frozen=True, kw_only=True, tag_field="k", tag="halt"):
    """Orders in this symbol are refused until a person lifts it; an empty reason lifts it."""

    symbol: str
    reason: str


class Restarted(msgspec.Struct, frozen=True, kw_only=True, tag_field="k", tag="restart"):
    """The engine started again. Whatever awaited a reply will not get one any more."""

    business_date: int


class WorldSeen(msgspec.Struct, frozen=True, kw_only=True, tag_field="k", tag="world"):
    """Which simulator this journal belongs to; "" at a real broker."""

    world: str


Event = (
    OrderSubmitted
    | OrderAccepted
    | OrderRefused
    | OrderLost
    | AbsenceProven
    | CancelRequested
    | AmendRequested
    | ReplaceAccepted
    | ReplaceRefused
    | ReplaceLost
    | NoticeAcked
    | FillSeen
    | LedgerSeen
    | ExternalSeen
    | BalanceLoaded
    | KillSwitchSet
    | SymbolHalted
    | Restarted
    | WorldSeen
)

"""Name the things the engine decides about: orders, instruments, money, and what happened to them.

Everything here is frozen: one owner keeps a datum, everybody else gets a copy. Prices and money are
int won, quantities int shares, times int ns since the epoch (UTC), suffix _ns.

The `Event` structs are what the journal stores; they carry decisions and facts, never opinions, so
that replaying them gives the same state. Changing a field here changes the journal's format.
"""

from __future__ import annotations

from enum import IntEnum, StrEnum

import msgspec

from aegis_fast.hot import Side

__all__ = [
    "OPEN_STATES",
    "Accepted",
    "AmendOrder",
    "Balance",
    "BrokerTime",
    "CancelOrder",
    "DayOrder",
    "DayOrders",
    "Instrument",
    "Lost",
    "Order",
    "OrderRequest",
    "OrderState",
    "OrderType",
    "Outcome",
    "PlaceOrder",
    "Position",
    "Priority",
    "Quote",
    "Refused",
    "Side",
    "Venue",
]


class OrderType(StrEnum):
    """Order types of section 7.2."""

    MARKET = "market"
    LIMIT = "limit"
    CONDITIONAL = "conditional"


class OrderState(StrEnum):
    """Where an order stands. What each state means to a trader:

    pending   written down here; the broker has not answered yet
    live      the broker has it, nothing is filled
    partial   filled in part, the rest works
    filled    done
    canceled  the rest was taken out of the market; cum_qty tells what was filled before
    rejected  proven not to be in the market
    unknown   the reply was lost: it may live; never resent, its exposure stays reserved
    """

    PENDING = "pending"
    LIVE = "live"
    PARTIAL = "partial"
    FILLED = "filled"
    CANCELED = "canceled"
    REJECTED = "rejected"
    UNKNOWN = "unknown"


OPEN_STATES = frozenset(
    {OrderState.PENDING, OrderState.LIVE, OrderState.PARTIAL, OrderState.UNKNOWN}
)


class Venue(StrEnum):
    """KRX, NXT (Nextrade), or SOR: the broker picks."""

    KRX = "KRX"
    NXT = "NXT"
    SOR = "SOR"


class Priority(IntEnum):
    """Classes of outgoing calls, first served first (reading A40)."""

    CANCEL = 0
    MARKET = 1
    LIMIT = 2
    QUERY = 3


class OrderRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What a caller wants. Exactly one of price_krw and base_price_krw goes with a limit order:
    base_price_krw asks for the specification's offset (section 7.1), price_krw for that very price.
    0 means "not given".
    """

    client_order_id: str
    symbol: str
    side: Side
    order_type: OrderType
    qty: int
    price_krw: int = 0
    base_price_krw: int = 0
    venue: Venue = Venue.KRX
    account: str = ""
    trace_id: str = ""
    origin: str = "api"


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """A snapshot of one order.

    order_id: ours. broker_order_id: ODNO of the leg now in the market, 0 before the first ack.
    price_krw: 0 for a market order. cum_qty + leaves_qty + canceled_qty = qty unless rejected.
    code: the specification's (1 done, 2 refused, 9 in progress). request: "cancel" or "amend" while
    the broker's answer to it is awaited. origin: api, strategy, external (placed elsewhere).
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
    venue: Venue
    state: OrderState
    cum_qty: int
    leaves_qty: int
    canceled_qty: int
    cum_value_krw: int
    broker_order_id: int
    org_no: str
    code: int
    venue_code: str
    message: str
    request: str
    created_ns: int
    updated_ns: int
    trace_id: str
    origin: str

    @property
    def is_open(self) -> bool:
        """Tell whether this order may still trade."""
        return self.state in OPEN_STATES

    @property
    def average_price_krw(self) -> int:
        """Return the average fill price, truncated to won; 0 when nothing is filled."""
        return self.cum_value_krw // self.cum_qty if self.cum_qty else 0


class Instrument(msgspec.Struct, frozen=True, kw_only=True):
    """A listed issue today. kind: stock, etf, etn, elw. market: KOSPI, KOSDAQ or ELW, the key of
    the offset table. lower_krw and upper_krw are 0 when the issue has no price limits (ELW).
    """

    symbol: str
    name: str
    market: str
    kind: str
    base_price_krw: int
    lower_krw: int
    upper_krw: int
    order_unit: int = 1
    is_halted: bool = False
    is_nxt_eligible: bool = False
    listed_shares: int = 0


class Quote(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to t1101. market_cap_krw: hts_avls (in 100 million won) times 100,000,000."""

    symbol: str
    price_krw: int
    change_krw: int
    open_krw: int
    high_krw: int
    low_krw: int
    cum_qty: int
    cum_value_krw: int
    base_price_krw: int
    lower_krw: int
    upper_krw: int
    tick_size_krw: int
    market_cap_krw: int
    listed_shares: int


class Position(msgspec.Struct, frozen=True, kw_only=True):
    """Shares held. cost_krw: what they cost in all, fees not included."""

    symbol: str
    qty: int
    cost_krw: int
    name: str = ""


class Balance(msgspec.Struct, frozen=True, kw_only=True):
    """The broker's view of an account.

    cash_krw: cash once everything traded so far has settled (D+2). deposit_krw: cash today.
    total_krw: everything, at current prices. is_complete: every page was read.
    """

    account: str
    cash_krw: int
    deposit_krw: int
    holdings_krw: int
    total_krw: int
    positions: tuple[Position, ...]
    is_complete: bool
    as_of_ns: int


class BrokerTime(msgspec.Struct, frozen=True, kw_only=True):
    """A simulator's clock, as it stood when it answered.

    market_ns: what its orders and dates go by. door_ns: what its tokens and call limits go by.
    speed_milli: market milliseconds for one real second; 1,000 is the wall clock, 0 a market that
    stands still until it is told to move.
    """

    market_ns: int
    door_ns: int
    speed_milli: int


class DayOrder(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the broker's list of the day's orders (inquire-daily-ccld).

    original_broker_order_id: the order that this row amends or cancels, else 0. is_cancel: this row
    is a cancel request. order_type: None for a kind that this engine never sends. time_hhmmss: KST,
    the broker's clock.
    """

    broker_order_id: int
    original_broker_order_id: int
    org_no: str
    symbol: str
    side: Side
    order_type: OrderType | None
    qty: int
    price_krw: int
    time_hhmmss: int
    cum_qty: int
    cum_value_krw: int
    leaves_qty: int
    canceled_qty: int
    rejected_qty: int
    is_cancel: bool
    venue: str


class DayOrders(msgspec.Struct, frozen=True, kw_only=True):
    """A scan of the day's orders. is_complete: every page was read and none changed under way.
    asked_ns: just before the first page was asked for.
    """

    account: str
    rows: tuple[DayOrder, ...]
    is_complete: bool
    asked_ns: int


# What became of an order request sent to the broker. Nothing else may be concluded from a reply.


class Accepted(msgspec.Struct, frozen=True, tag=True):
    """The broker has it under this number."""

    broker_order_id: int
    org_no: str
    time_hhmmss: int


class Refused(msgspec.Struct, frozen=True, tag=True):
    """Proven not placed. is_throttled: refused by the call limit, before the order desk."""

    code: int
    venue_code: str
    message: str
    is_throttled: bool = False


class Lost(msgspec.Struct, frozen=True, tag=True):
    """No proof either way: the order is unknown."""

    reason: str
    venue_code: str = ""


Outcome = Accepted | Refused | Lost


class PlaceOrder(msgspec.Struct, frozen=True, kw_only=True):
    """Send a new order. price_krw is final: snapped, clamped and checked; 0 for market."""

    order_id: str
    account: str
    symbol: str
    side: Side
    order_type: OrderType
    qty: int
    price_krw: int
    venue: Venue
    trace_id: str


class AmendOrder(msgspec.Struct, frozen=True, kw_only=True):
    """Move all that remains of an order to another price (KIS can move price only, not grow)."""

    order_id: str
    account: str
    symbol: str
    side: Side
    order_type: OrderType
    broker_order_id: int
    org_no: str
    leaves_qty: int
    price_krw: int
    venue: Venue
    trace_id: str


class CancelOrder(msgspec.Struct, frozen=True, kw_only=True):
    """Take qty shares of what remains out of the market; qty 0 means all of it."""

    order_id: str
    account: str
    symbol: str
    side: Side
    order_type: OrderType
    broker_order_id: int
    org_no: str
    qty: int
    venue: Venue
    trace_id: str

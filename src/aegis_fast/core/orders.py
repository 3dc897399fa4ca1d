"""Keep what is known of one order, leg by leg. Only the order manager writes here.

A leg is one number at the broker (ODNO). An order starts with one leg; each accepted amend adds
one. Fills are counted by leg, canceled shares by order, cumulatively, from two sources that may lag
behind each other: the notices, summed, and the ledger's own cumulative figure. The larger of the
two is what happened: neither source can invent it, both can be late.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from aegis_fast.core.events import FillSeen, OrderSubmitted
from aegis_fast.core.model import Order, OrderState, OrderType, Side, Venue

__all__ = ["Fingerprint", "Leg", "OrderRecord"]

Fingerprint = tuple[str, str, int, int, int, str]


@dataclass(slots=True)
class Leg:
    """One number at the broker.

    reserve_price_krw: what a share of it can cost. is_closed: the ledger has shown that an amend
    left nothing of it, so its fills are all known. recent: the last notices, to recognise one that
    comes twice. behind_since_ns and is_disputed only watch whether the two sources agree; nothing
    is decided by them, and the journal does not hold them.
    """

    broker_order_id: int
    org_no: str
    price_krw: int
    reserve_price_krw: int
    notice_qty: int = 0
    notice_value_krw: int = 0
    ledger_qty: int = 0
    ledger_value_krw: int = 0
    is_closed: bool = False
    recent: list[FillSeen] = field(default_factory=list)
    behind_since_ns: int = 0
    is_disputed: bool = False

    @property
    def cum_qty(self) -> int:
        return max(self.notice_qty, self.ledger_qty)

    @property
    def cum_value_krw(self) -> int:
        if self.ledger_qty >= self.notice_qty:
            return self.ledger_value_krw
        return self.notice_value_krw

    @property
    def is_missing_notices(self) -> bool:
        """The ledger knows of fills that no notice told: sums of notices are too low from here."""
        return self.ledger_qty > self.notice_qty


@dataclass(slots=True)
class OrderRecord:
    """Everything the manager knows of one order. See model.Order for the words.

    request_lost_ns: since when only the ledger can tell what became of the request; 0 while the
    broker's answer is awaited.
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
    created_ns: int
    updated_ns: int
    business_date: int
    state: OrderState = OrderState.PENDING
    legs: list[Leg] = field(default_factory=list)
    canceled_qty: int = 0
    notice_canceled_qty: int = 0
    ledger_canceled_qty: int = 0
    cum_qty: int = 0
    cum_value_krw: int = 0
    code: int = 9
    venue_code: str = ""
    message: str = ""
    request: str = ""
    request_qty: int = 0
    request_price_krw: int = 0
    request_reserve_price_krw: int = 0
    request_lost_ns: int = 0
    # How the last cancel or amend ended: "refused", "lost", or "" for done or under way.
    request_outcome: str = ""
    first_price_krw: int = 0
    is_sent: bool = False
    unknown_since_ns: int = 0

    @classmethod
    def submitted(cls, e: OrderSubmitted, now_ns: int, business_date: int) -> OrderRecord:
        return cls(
            order_id=e.order_id,
            client_order_id=e.client_order_id,
            account=e.account,
            symbol=e.symbol,
            side=e.side,
            order_type=e.order_type,
            qty=e.qty,
            price_krw=e.price_krw,
            first_price_krw=e.price_krw,
            base_price_krw=e.base_price_krw,
            reserve_price_krw=e.reserve_price_krw,
            sell_tax_ppm=e.sell_tax_ppm,
            venue=e.venue,
            trace_id=e.trace_id,
            origin=e.origin,
            created_ns=now_ns,
            updated_ns=now_ns,
            business_date=business_date,
        )

    @property
    def leaves_qty(self) -> int:
        """Shares that may still trade; 0 once the order is over."""
        if self.state in (OrderState.REJECTED, OrderState.CANCELED, OrderState.FILLED):
            return 0
        return max(0, self.qty - self.cum_qty - self.canceled_qty)

    @property
    def leg(self) -> Leg | None:
        """The leg now in the market."""
        return self.legs[-1] if self.legs else None

    @property
    def leg_number(self) -> int:
        """The number under which the order is in the market; 0 when it has none yet."""
        return self.legs[-1].broker_order_id if self.legs else 0

    @property
    def dearest_price_krw(self) -> int:
        """What a share of the rest may have to be paid with: a fill at the price before an amend
        may still be under way until the ledger has closed that leg, and a requested amend may have
        happened already."""
        legs = (leg.reserve_price_krw for leg in self.legs if not leg.is_closed)
        return max(self.reserve_price_krw, self.request_reserve_price_krw, *legs)

    @property
    def fingerprint(self) -> Fingerprint:
        """What makes two orders look the same at the broker. Venue is left out: SOR picks one."""
        return (
            self.account,
            self.symbol,
            int(self.side),
            self.qty,
            self.price_krw,
            self.order_type.value,
        )

    def begin_request(self) -> None:
        """Forget how the change before this one ended."""
        self.request_outcome = self.venue_code = self.message = ""

    def clear_request(self) -> None:
        """Forget the cancel or amend that was awaited."""
        self.request, self.request_qty = "", 0
        self.request_price_krw = self.request_reserve_price_krw = self.request_lost_ns = 0

    def snapshot(self) -> Order:
        leg = self.leg
        return Order(
            order_id=self.order_id,
            client_order_id=self.client_order_id,
            account=self.account,
            symbol=self.symbol,
            side=self.side,
            order_type=self.order_type,
            qty=self.qty,
            price_krw=self.price_krw,
            base_price_krw=self.base_price_krw,
            venue=self.venue,
            state=self.state,
            cum_qty=self.cum_qty,
            leaves_qty=self.leaves_qty,
            canceled_qty=self.canceled_qty,
            cum_value_krw=self.cum_value_krw,
            broker_order_id=leg.broker_order_id if leg else 0,
            org_no=leg.org_no if leg else "",
            code=self.code,
            venue_code=self.venue_code,
            message=self.message,
            request=self.request,
            created_ns=self.created_ns,
            updated_ns=self.updated_ns,
            trace_id=self.trace_id,
            origin=self.origin,
        )

"""Keep the records of all orders and find them by every number they are known under."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator

from aegis_fast.core.effects import AskLedger, Discrepancy, Effect
from aegis_fast.core.events import FillSeen, NoticeAcked
from aegis_fast.core.model import OPEN_STATES, OrderState
from aegis_fast.core.orders import Leg, OrderRecord
from aegis_fast.core.portfolio import Portfolio
from aegis_fast.core.transitions import allowed

__all__ = ["Blotter"]

_PARKED_LIMIT = 10_000
_PARKED_PER_NUMBER = 1_000
_PARKED_ASK_MS = 3_000


class Blotter:
    """One account's orders, and the money they move.

    replace_ids: numbers that the broker gave to requests of ours that are no legs -> the order.
    settled_ids: those of them whose outcome is known.
    """

    def __init__(self, portfolio: Portfolio) -> None:
        self.portfolio = portfolio
        self.orders: dict[str, OrderRecord] = {}
        self.client_ids: dict[str, str] = {}
        self.broker_ids: dict[int, str] = {}
        self.replace_ids: dict[int, str] = {}
        self.settled_ids: set[int] = set()
        self.discrepancies = 0
        # Notices of numbers nobody knows yet: the reply that names them is still under way. The
        # oldest number, or notice of a number, is forgotten at the limit; the ledger tells those.
        self._parked: OrderedDict[int, list[NoticeAcked | FillSeen]] = OrderedDict()

    def add(self, record: OrderRecord) -> None:
        """Take in a new order and set aside what it needs."""
        self.orders[record.order_id] = record
        if record.client_order_id:
            self.client_ids[record.client_order_id] = record.order_id
        self.reserve(record)

    def add_leg(self, record: OrderRecord, broker_order_id: int, org_no: str) -> None:
        """Give the order a (further) number at the broker."""
        record.legs.append(Leg(broker_order_id, org_no, record.price_krw, record.reserve_price_krw))
        self.broker_ids[broker_order_id] = record.order_id

    def drop_leg(self, record: OrderRecord) -> None:
        """Take the newest number back: the order goes on under the one before."""
        leg = record.legs.pop()
        del self.broker_ids[leg.broker_order_id]
        self.replace_ids[leg.broker_order_id] = record.order_id
        self.settled_ids.add(leg.broker_order_id)
        before = record.legs[-1]
        before.is_closed = False
        record.price_krw = before.price_krw
        record.reserve_price_krw = before.reserve_price_krw

    def by_broker_id(self, broker_order_id: int) -> OrderRecord | None:
        """Return the order that has, or had, this number at the broker."""
        return self.orders.get(self.broker_ids.get(broker_order_id, ""))

    def leg(self, broker_order_id: int) -> tuple[OrderRecord, Leg] | None:
        """Return the order and the leg of that number."""
        record = self.by_broker_id(broker_order_id)
        if record is None:
            return None
        for leg in record.legs:
            if leg.broker_order_id == broker_order_id:
                return record, leg
        return None

    def knows(self, broker_order_id: int) -> bool:
        """Tell whether the number is an order or a request of ours."""
        return broker_order_id in self.broker_ids or broker_order_id in self.replace_ids

    def settle(self, broker_order_id: int) -> bool:
        """Note that the outcome of a cancel is known; tell whether that is news."""
        is_news = broker_order_id in self.replace_ids and broker_order_id not in self.settled_ids
        if is_news:
            self.settled_ids.add(broker_order_id)
        return is_news

    def open_records(self) -> Iterator[OrderRecord]:
        """Yield the orders that may still trade."""
        return (r for r in self.orders.values() if r.state in OPEN_STATES)

    def park(self, event: NoticeAcked | FillSeen) -> list[Effect]:
        """Keep a notice until the reply that names its number arrives."""
        waiting = self._parked.setdefault(event.broker_order_id, [])
        waiting.append(event)
        del waiting[:-_PARKED_PER_NUMBER]
        if len(self._parked) > _PARKED_LIMIT:
            self._parked.popitem(last=False)
        return [AskLedger(_PARKED_ASK_MS)]

    def take_parked(self, broker_order_id: int) -> list[NoticeAcked | FillSeen]:
        """Hand out the notices that waited for this number."""
        return self._parked.pop(broker_order_id, [])

    def forget_numbers(self, business_date: int) -> None:
        """Drop the numbers of earlier dates: the broker gives them out again every day."""

        def of_today(numbers: dict[int, str]) -> dict[int, str]:
            return {
                number: order_id
                for number, order_id in numbers.items()
                if self.orders[order_id].business_date >= business_date
            }

        self.broker_ids, self.replace_ids = of_today(self.broker_ids), of_today(self.replace_ids)
        self.settled_ids &= self.replace_ids.keys()

    def forget_parked(self) -> None:
        """Drop all parked notices: after a restart the ledger tells more than they do."""
        self._parked.clear()

    def move(self, record: OrderRecord, cause: str, target: OrderState, now_ns: int) -> bool:
        """Change the state if the table allows it; tell whether it did."""
        if not allowed(record.state, cause, target):
            return False
        record.state, record.updated_ns = target, now_ns
        return True

    def reserve(self, record: OrderRecord) -> None:
        """Set aside what the rest of the order needs, at the dearest of the prices in question."""
        self.portfolio.reserve(
            record.order_id,
            record.symbol,
            record.side,
            record.leaves_qty,
            record.dearest_price_krw,
        )

    def conflict(self, kind: str, text: str, order_id: str) -> list[Effect]:
        """Count and report that two sources disagree."""
        self.discrepancies += 1
        return [Discrepancy(kind, text, order_id)]

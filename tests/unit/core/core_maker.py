"""Make the pieces that tests of the core need: one account, one clock, events with short names."""

from __future__ import annotations

from dataclasses import fields
from datetime import datetime, timedelta, timezone
from operator import attrgetter
from typing import Any

from aegis_fast.core.effects import Effect, Journal, Publish, Send
from aegis_fast.core.events import (
    AmendRequested,
    BalanceLoaded,
    CancelRequested,
    Event,
    FillSeen,
    LedgerSeen,
    NoticeAcked,
    OrderAccepted,
    OrderLost,
    OrderRefused,
    OrderSubmitted,
    ReplaceAccepted,
    ReplaceLost,
    ReplaceRefused,
)
from aegis_fast.core.model import (
    DayOrder,
    DayOrders,
    Instrument,
    OrderState,
    OrderType,
    Position,
    Side,
    Venue,
)
from aegis_fast.core.order_manager import OrderManager
from aegis_fast.core.orders import Leg, OrderRecord
from aegis_fast.core.portfolio import Fees, Portfolio

ACCOUNT = "5000000001"
SYMBOL = "005930"
KST = timezone(timedelta(hours=9))
# Monday 2026-11-23, 10:00:00 KST.
NOON_DATE = 20261123
T0 = int(datetime(2026, 11, 23, 10, 0, 0, tzinfo=KST).timestamp()) * 1_000_000_000
SECOND = 1_000_000_000
CASH = 100_000_000

INSTRUMENT = Instrument(
    symbol=SYMBOL,
    name="삼성전자",
    market="KOSPI",
    kind="stock",
    base_price_krw=70_000,
    lower_krw=49_000,
    upper_krw=91_000,
)


class Core:
    """An order manager with a clock, and everything it ever asked for."""

    def __init__(self, *, cash_krw: int = CASH, held: dict[str, int] | None = None) -> None:
        self.manager = OrderManager(Portfolio(Fees(140)))
        self.now_ns = T0
        self.effects: list[Effect] = []
        self.journal: list[tuple[int, Event]] = []
        positions = tuple(
            Position(symbol=symbol, qty=qty, cost_krw=qty * 60_000)
            for symbol, qty in (held or {SYMBOL: 1_000}).items()
        )
        self.do(
            BalanceLoaded(account=ACCOUNT, cash_krw=cash_krw, positions=positions, reason="start")
        )

    def do(self, *events: Event, after_ns: int = 1_000_000) -> list[Effect]:
        """Apply events one after another; returns the effects of the last one."""
        last: list[Effect] = []
        for event in events:
            self.now_ns += after_ns
            last = self.manager.on_event(event, self.now_ns)
            self.effects += last
            self.journal += [(self.now_ns, e.event) for e in last if isinstance(e, Journal)]
        return last

    def submit(self, **changes: Any) -> str:
        """Submit an order as the service would; returns its id."""
        order_id = self.manager.next_order_id(self.now_ns)
        self.do(submitted(order_id, **changes))
        return order_id

    def live(self, number: int = 1, **changes: Any) -> str:
        """Submit an order and have it accepted under `number`."""
        order_id = self.submit(**changes)
        self.do(accepted(order_id, number))
        return order_id

    def record(self, order_id: str) -> OrderRecord:
        record = self.manager.get(order_id)
        assert record is not None
        return record

    def state(self, order_id: str) -> OrderState:
        return self.record(order_id).state

    @property
    def portfolio(self) -> Portfolio:
        return self.manager.portfolio

    @property
    def sent(self) -> list[Any]:
        """Every command that was to be sent, in order."""
        return [effect.command for effect in self.effects if isinstance(effect, Send)]


def of_kind(effects: list[Effect], kind: type) -> list[Any]:
    return [effect for effect in effects if isinstance(effect, kind)]


def fill_qty(effects: list[Effect]) -> int:
    """How many shares the effects say were filled."""
    return sum(effect.fill_qty for effect in effects if isinstance(effect, Publish))


# -- events -------------------------------------------------------------------------------------


def submitted(order_id: str, **changes: Any) -> OrderSubmitted:
    wanted: dict[str, Any] = {
        "client_order_id": f"c-{order_id}",
        "account": ACCOUNT,
        "symbol": SYMBOL,
        "side": Side.BUY,
        "order_type": OrderType.LIMIT,
        "qty": 10,
        "price_krw": 70_000,
        "base_price_krw": 0,
        "sell_tax_ppm": 2_000,
        "venue": Venue.KRX,
        "trace_id": "t",
        "origin": "api",
    }
    wanted |= changes
    if wanted["order_type"] is OrderType.MARKET:
        wanted["price_krw"] = 0
    wanted.setdefault("reserve_price_krw", wanted["price_krw"] or INSTRUMENT.upper_krw)
    return OrderSubmitted(order_id=order_id, **wanted)


def accepted(order_id: str, number: int, source: str = "reply") -> OrderAccepted:
    return OrderAccepted(order_id=order_id, broker_order_id=number, org_no="06010", source=source)


def refused(order_id: str, code: int = 2, venue_code: str = "APBK0952") -> OrderRefused:
    return OrderRefused(order_id=order_id, code=code, venue_code=venue_code, message="no")


def lost(order_id: str) -> OrderLost:
    return OrderLost(order_id=order_id, reason="timeout")


def fill(
    number: int, qty: int, price_krw: int = 70_000, *, session: int = 1, hhmmss: int = 100_001
) -> FillSeen:
    return FillSeen(
        broker_order_id=number,
        qty=qty,
        price_krw=price_krw,
        time_hhmmss=hhmmss,
        session=session,
    )


def ledger(
    number: int,
    cum_qty: int,
    *,
    value_krw: int | None = None,
    canceled: int = 0,
    rejected: int = 0,
    leaves: int | None = None,
    qty: int = 10,
) -> LedgerSeen:
    return LedgerSeen(
        broker_order_id=number,
        cum_qty=cum_qty,
        cum_value_krw=cum_qty * 70_000 if value_krw is None else value_krw,
        canceled_qty=canceled,
        rejected_qty=rejected,
        leaves_qty=qty - cum_qty - canceled - rejected if leaves is None else leaves,
    )


def notice(
    number: int,
    *,
    original: int = 0,
    action: int = 0,
    rejected: bool = False,
    accept_code: int = 2,
    qty: int = 10,
) -> NoticeAcked:
    return NoticeAcked(
        broker_order_id=number,
        original_broker_order_id=original,
        action=action,
        is_rejected=rejected,
        accept_code=accept_code,
        qty=qty,
        price_krw=70_000,
    )


def cancel_confirmed(number: int, original: int, qty: int) -> NoticeAcked:
    return notice(number, original=original, action=2, qty=qty)


def cancel(order_id: str, qty: int = 0) -> CancelRequested:
    return CancelRequested(order_id=order_id, qty=qty)


def amend(order_id: str, price_krw: int) -> AmendRequested:
    return AmendRequested(order_id=order_id, price_krw=price_krw, reserve_price_krw=price_krw)


def replaced(order_id: str, action: str, number: int, price_krw: int = 0) -> ReplaceAccepted:
    return ReplaceAccepted(
        order_id=order_id,
        action=action,
        broker_order_id=number,
        org_no="06010",
        price_krw=price_krw,
    )


def unreplaced(order_id: str, action: str) -> ReplaceRefused:
    return ReplaceRefused(
        order_id=order_id, action=action, code=2, venue_code="APBK1359", message="too late"
    )


def replace_lost(order_id: str, action: str) -> ReplaceLost:
    return ReplaceLost(order_id=order_id, action=action, reason="timeout")


# -- the broker's list --------------------------------------------------------------------------


def row(number: int, **changes: Any) -> DayOrder:
    """A row of the day's orders; by default a live buy of 10 at 70,000."""
    wanted: dict[str, Any] = {
        "original_broker_order_id": 0,
        "org_no": "06010",
        "symbol": SYMBOL,
        "side": Side.BUY,
        "order_type": OrderType.LIMIT,
        "qty": 10,
        "price_krw": 70_000,
        "time_hhmmss": 100_000,
        "cum_qty": 0,
        "canceled_qty": 0,
        "rejected_qty": 0,
        "is_cancel": False,
        "venue": "KRX",
    }
    wanted |= changes
    cum_qty = wanted["cum_qty"]
    wanted.setdefault("cum_value_krw", cum_qty * (wanted["price_krw"] or 70_000))
    gone = cum_qty + wanted["canceled_qty"] + wanted["rejected_qty"]
    wanted.setdefault("leaves_qty", 0 if wanted["is_cancel"] else wanted["qty"] - gone)
    return DayOrder(broker_order_id=number, **wanted)


def scan(*rows: DayOrder, asked_ns: int, complete: bool = True) -> DayOrders:
    return DayOrders(account=ACCOUNT, rows=rows, is_complete=complete, asked_ns=asked_ns)


# -- the whole state ----------------------------------------------------------------------------

_DIAGNOSTIC = {"behind_since_ns", "is_disputed", "legs", "recent"}
_of_record = attrgetter(*(f.name for f in fields(OrderRecord) if f.name not in _DIAGNOSTIC))
_of_leg = attrgetter(*(f.name for f in fields(Leg) if f.name not in _DIAGNOSTIC))


def whole_state(manager: OrderManager) -> dict[str, Any]:
    """Everything that decides anything, as plain values. Parked notices and the counts of what
    disagreed are left out: the journal does not hold them."""
    blotter = manager._blotter
    portfolio = manager.portfolio
    return {
        "orders": {key: _plain(record) for key, record in blotter.orders.items()},
        "client_ids": dict(blotter.client_ids),
        "broker_ids": dict(blotter.broker_ids),
        "replace_ids": dict(blotter.replace_ids),
        "settled_ids": set(blotter.settled_ids),
        "unanswered": dict(manager._unanswered),
        "held": {key: list(value) for key, value in manager._held.items()},
        "sequence": manager._sequence,
        "kill": (manager.kill_switch, manager.kill_reason),
        "halted": dict(manager.halted),
        "world": manager.world,
        "cash_krw": portfolio.cash_krw,
        "reserved_krw": portfolio.reserved_krw,
        "positions": portfolio.positions(),
        "reserved_by_order": dict(portfolio._reserved_krw),
        "reserved_qty": dict(portfolio._reserved_qty),
    }


def _plain(record: OrderRecord) -> Any:
    legs = [(_of_leg(leg), tuple(leg.recent)) for leg in record.legs]
    return _of_record(record), legs

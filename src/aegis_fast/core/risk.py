"""Refuse an order before it leaves, on its final price. Every refusal names the field and the rule.

Order of the checks: switches (kill, halt), shape (quantity, unit), size, duplicates, money.
"""

from __future__ import annotations

from dataclasses import dataclass

from aegis_fast.core.model import Instrument, OrderRequest, OrderState, OrderType, Side, Venue
from aegis_fast.core.order_manager import OrderManager
from aegis_fast.core.orders import Fingerprint, OrderRecord
from aegis_fast.core.pricing import check_price
from aegis_fast.errors import InvalidRequest, RiskRejected

__all__ = ["RiskLimits", "check_amend", "check_order", "check_quantity"]


@dataclass(frozen=True, slots=True)
class RiskLimits:
    """max_order_krw, max_order_qty: one order. max_open_orders: working at a time. 0 = no limit."""

    max_order_krw: int = 0
    max_order_qty: int = 0
    max_open_orders: int = 0


def check_quantity(request: OrderRequest, instrument: Instrument) -> None:
    """Raise InvalidRequest on a quantity of 0 or less, RiskRejected off the order unit."""
    if request.qty <= 0:
        raise InvalidRequest("a quantity is positive", field="qty", expected="> 0")
    if request.qty % instrument.order_unit:
        raise RiskRejected(
            f"{instrument.symbol} trades in units of {instrument.order_unit} (매매수량단위 오류)",
            field="qty",
            expected=f"a multiple of {instrument.order_unit}",
        )


def check_order(
    request: OrderRequest,
    instrument: Instrument,
    manager: OrderManager,
    limits: RiskLimits,
    *,
    price_krw: int,
    reserve_price_krw: int,
    venues: tuple[str, ...],
) -> None:
    """Raise RiskRejected unless the order may go out at `price_krw` (0 for market)."""
    _check_switches(request, instrument, manager, venues)
    check_quantity(request, instrument)
    _check_size(request, limits, reserve_price_krw, manager)
    _check_duplicate(request, manager, price_krw)
    _check_money(request, manager, reserve_price_krw)


def check_amend(
    record: OrderRecord,
    instrument: Instrument,
    manager: OrderManager,
    limits: RiskLimits,
    *,
    price_krw: int,
) -> None:
    """Raise unless what remains of the order may move to `price_krw`."""
    _check_stops(manager, instrument)
    if record.order_type is OrderType.MARKET:
        raise RiskRejected("a market order has no price to change", field="price_krw")
    check_price(price_krw, instrument)
    value_krw = record.leaves_qty * price_krw
    if limits.max_order_krw and value_krw > limits.max_order_krw:
        raise RiskRejected(
            f"{value_krw:,} won exceed risk.max_order_krw",
            field="price_krw",
            expected=f"<= {limits.max_order_krw // max(1, record.leaves_qty):,}",
        )
    portfolio = manager.portfolio
    if record.side != Side.BUY or price_krw <= record.dearest_price_krw:
        return
    more_krw = portfolio.fees.reserve_krw(record.leaves_qty, price_krw)
    more_krw -= portfolio.fees.reserve_krw(record.leaves_qty, record.dearest_price_krw)
    if more_krw > portfolio.orderable_krw:
        raise RiskRejected(
            f"the new price needs {more_krw:,} won more, {portfolio.orderable_krw:,} can be "
            "ordered with (주문가능금액 부족)",
            field="price_krw",
        )


def _check_stops(manager: OrderManager, instrument: Instrument) -> None:
    if manager.kill_switch:
        raise RiskRejected(
            f"the kill switch is on: {manager.kill_reason}", field="kill_switch", expected="off"
        )
    symbol = instrument.symbol
    reason = manager.halted.get(symbol)
    if reason:
        raise RiskRejected(
            f"{symbol} is stopped: {reason}", field="symbol", expected="lifted by a person"
        )
    if instrument.is_halted:
        raise RiskRejected(f"{symbol} is halted at the exchange (거래정지)", field="symbol")


def _check_switches(
    request: OrderRequest, instrument: Instrument, manager: OrderManager, venues: tuple[str, ...]
) -> None:
    _check_stops(manager, instrument)
    if request.venue.value not in venues:
        raise RiskRejected(
            f"{request.venue} is not offered here", field="venue", expected=" | ".join(venues)
        )
    if request.venue is Venue.NXT and not instrument.is_nxt_eligible:
        raise RiskRejected(f"{request.symbol} does not trade at NXT", field="venue", expected="KRX")


def _check_size(
    request: OrderRequest, limits: RiskLimits, reserve_price_krw: int, manager: OrderManager
) -> None:
    if limits.max_order_qty and request.qty > limits.max_order_qty:
        raise RiskRejected(
            f"{request.qty:,} shares exceed risk.max_order_qty",
            field="qty",
            expected=f"<= {limits.max_order_qty:,}",
        )
    value_krw = request.qty * reserve_price_krw
    if limits.max_order_krw and value_krw > limits.max_order_krw:
        raise RiskRejected(
            f"{value_krw:,} won exceed risk.max_order_krw",
            field="qty",
            expected=f"<= {limits.max_order_krw:,} won",
        )
    if limits.max_open_orders:
        working = sum(1 for _ in manager.open_records())
        if working >= limits.max_open_orders:
            raise RiskRejected(
                f"{working} orders are open, as many as risk.max_open_orders allows", field="qty"
            )


def _check_duplicate(request: OrderRequest, manager: OrderManager, price_krw: int) -> None:
    """An identical order whose fate is unknown: a second one could not be told apart (O9)."""
    fingerprint: Fingerprint = (
        request.account,
        request.symbol,
        int(request.side),
        request.qty,
        price_krw,
        request.order_type.value,
    )
    twin = manager.unanswered(fingerprint)
    if twin is not None and twin.state is OrderState.UNKNOWN:
        raise RiskRejected(
            f"the identical order {twin.order_id} is unknown; it may live (동일 주문 확인 중)",
            field="qty",
            expected="wait until it is resolved, or vary the quantity",
        )


def _check_money(request: OrderRequest, manager: OrderManager, reserve_price_krw: int) -> None:
    portfolio = manager.portfolio
    if request.side == Side.BUY:
        if reserve_price_krw <= 0:
            raise RiskRejected(
                f"no price of {request.symbol} is known to set money aside by",
                field="type",
                expected="a limit order",
            )
        need_krw = portfolio.fees.reserve_krw(request.qty, reserve_price_krw)
        if need_krw > portfolio.orderable_krw:
            affordable = portfolio.fees.affordable_qty(portfolio.orderable_krw, reserve_price_krw)
            raise RiskRejected(
                f"this needs {need_krw:,} won, {portfolio.orderable_krw:,} can be ordered with "
                "(주문가능금액 부족)",
                field="qty",
                expected=f"at most {affordable:,} shares",
            )
        return
    sellable = portfolio.sellable(request.symbol)
    if request.qty > sellable:
        raise RiskRejected(
            f"{sellable:,} shares of {request.symbol} can be sold (매도가능수량 부족)",
            field="qty",
            expected=f"at most {max(0, sellable):,} shares",
        )

"""Refuse an order before it leaves, on its final price. Every refusal names the field and the rule.

Order of the checks: switches (kill, halt), shape (quantity, unit), size, duplicates, money.
"""

from __future__ import annotations

from dataclasses import dataclass

from aegis_fast.core.model import Instrument, OrderRequest, OrderState, Side, Venue
from aegis_fast.core.order_manager import OrderManager
from aegis_fast.core.orders import Fingerprint
from aegis_fast.errors import InvalidRequest, RiskRejected

__all__ = ["RiskLimits", "check_order", "check_quantity"]


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


def _check_switches(
    request: OrderRequest, instrument: Instrument, manager: OrderManager, venues: tuple[str, ...]
) -> None:
    if manager.kill_switch:
        raise RiskRejected(
            f"the kill switch is on: {manager.kill_reason}", field="kill_switch", expected="off"
        )
    reason = manager.halted.get(request.symbol)
    if reason:
        raise RiskRejected(
            f"{request.symbol} is stopped: {reason}", field="symbol", expected="lifted by a person"
        )
    if instrument.is_halted:
        raise RiskRejected(f"{request.symbol} is halted at the exchange (거래정지)", field="symbol")
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
        need_krw = portfolio.fees.reserve_krw(request.qty, reserve_price_krw)
        if need_krw > portfolio.orderable_krw:
            raise RiskRejected(
                f"this needs {need_krw:,} won, {portfolio.orderable_krw:,} can be ordered with "
                "(주문가능금액 부족)",
                field="qty",
                expected=f"at most {_affordable(manager, reserve_price_krw):,} shares",
            )
        return
    sellable = portfolio.sellable(request.symbol)
    if request.qty > sellable:
        raise RiskRejected(
            f"{sellable:,} shares of {request.symbol} can be sold (매도가능수량 부족)",
            field="qty",
            expected=f"at most {max(0, sellable):,} shares",
        )


def _affordable(manager: OrderManager, reserve_price_krw: int) -> int:
    portfolio = manager.portfolio
    qty = max(0, portfolio.orderable_krw) // reserve_price_krw
    while qty > 0 and portfolio.fees.reserve_krw(qty, reserve_price_krw) > portfolio.orderable_krw:
        qty -= 1
    return qty

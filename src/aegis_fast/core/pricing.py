"""Turn what a caller asked for into the price that is sent, in integers (section 7.1, A3, A4)."""

from __future__ import annotations

from collections.abc import Mapping

from aegis_fast.core.model import Instrument, OrderRequest, OrderType, Side
from aegis_fast.errors import InvalidRequest, RiskRejected
from aegis_fast.hot import offset_price, round_to_tick, tick_size

__all__ = ["Offsets", "check_price", "final_price_krw", "reserve_price_krw"]

# market -> (buy, sell) in basis points; the specification's table is aegis.toml's default.
Offsets = Mapping[str, tuple[int, int]]

_NO_LIMIT_RESERVE_PERCENT = 130
# Far above any share, far below what 64 bits hold when multiplied by a quantity.
_MAX_PRICE_KRW = 1_000_000_000


def final_price_krw(request: OrderRequest, instrument: Instrument, offsets: Offsets) -> int:
    """Return the price to send: 0 for a market order, else on the tick grid within the limits.

    A limit order with base_price_krw gets the market's offset, buy rounded down and sell up, then
    clamped to the day's limits. A given price_krw is never changed: off the grid or outside the
    limits it is refused, with the prices that would be right.

    Raises InvalidRequest when the prices given do not fit the type, RiskRejected when a price is
    not allowed.
    """
    has_price, has_base = request.price_krw != 0, request.base_price_krw != 0
    if request.order_type is OrderType.MARKET:
        if has_price or has_base:
            raise InvalidRequest(
                "a market order takes no price", field="price_krw", expected="leave it out"
            )
        return 0
    if request.price_krw < 0 or request.base_price_krw < 0:
        raise InvalidRequest("a price is positive", field="price_krw", expected="> 0")
    if request.order_type is OrderType.CONDITIONAL and has_base:
        raise InvalidRequest(
            "a conditional order takes no offset (section 7.2)",
            field="base_price_krw",
            expected="price_krw instead",
        )
    if has_price == has_base:
        raise InvalidRequest(
            "a limit order needs one price",
            field="price_krw",
            expected="price_krw, or base_price_krw for the offset of section 7.1; not both",
        )
    if has_price:
        check_price(request.price_krw, instrument)
        return request.price_krw
    buy_bp, sell_bp = offsets[instrument.market]
    try:
        return offset_price(
            request.base_price_krw,
            buy_bp if request.side == Side.BUY else sell_bp,
            request.side,
            instrument.kind,
            instrument.lower_krw,
            instrument.upper_krw,
        )
    except ValueError as error:
        raise InvalidRequest(
            f"no price follows from {request.base_price_krw:,}: {error}", field="base_price_krw"
        ) from error


def check_price(price_krw: int, instrument: Instrument) -> None:
    """Raise unless the price is on the tick grid and within today's limits: InvalidRequest for
    what is no price at all, else RiskRejected."""
    if not 0 < price_krw <= _MAX_PRICE_KRW:
        raise InvalidRequest(
            f"{price_krw:,} is no price", field="price_krw", expected=f"1 to {_MAX_PRICE_KRW:,}"
        )
    _check_grid(price_krw, instrument)
    _check_limits(price_krw, instrument)


def _check_grid(price_krw: int, instrument: Instrument) -> None:
    if price_krw % tick_size(price_krw, instrument.kind) == 0:
        return
    below = round_to_tick(price_krw, Side.BUY, instrument.kind)
    above = round_to_tick(price_krw, Side.SELL, instrument.kind)
    raise RiskRejected(
        f"{price_krw:,} is off the tick grid of {instrument.symbol} (호가단위 오류)",
        field="price_krw",
        expected=f"{below:,} or {above:,}",
    )


def _check_limits(price_krw: int, instrument: Instrument) -> None:
    if not instrument.upper_krw or instrument.lower_krw <= price_krw <= instrument.upper_krw:
        return
    raise RiskRejected(
        f"{price_krw:,} is outside today's limits of {instrument.symbol} (상하한가 초과)",
        field="price_krw",
        expected=f"{instrument.lower_krw:,} to {instrument.upper_krw:,}",
    )


def reserve_price_krw(order_type: OrderType, price_krw: int, instrument: Instrument) -> int:
    """Return what a buy sets aside a share: its price, or for a market order the day's upper limit.

    So does a conditional one: in the closing auction it becomes a market order (조건부지정가). An
    issue without limits (ELW) reserves 130 % of its base price, or the order's if that is more.
    """
    if price_krw and order_type is not OrderType.CONDITIONAL:
        return price_krw
    if instrument.upper_krw:
        return instrument.upper_krw
    return max(price_krw, instrument.base_price_krw * _NO_LIMIT_RESERVE_PERCENT // 100)

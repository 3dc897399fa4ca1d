"""The base of a user's strategy: what its calls mean, and what it says before it runs."""

from __future__ import annotations

from typing import Any

import pytest

from aegis_fast import Strategy
from aegis_fast.core.model import OrderType, Side, Venue


class Desk:
    """Stands for the engine; remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[Any, ...]] = []

    def submit_now(self, symbol: str, side: Side, qty: int, **wanted: Any) -> str:
        self.asked.append((symbol, side, qty, wanted))
        return "order"

    def cancel_now(self, order_id: str) -> str:
        self.asked.append(("cancel", order_id))
        return "order"

    def order(self, order_id: str) -> str:
        return order_id


class Mine(Strategy):
    symbols = ("005930",)


def bound() -> tuple[Mine, Desk]:
    strategy, desk = Mine(), Desk()
    strategy.bind(desk)  # type: ignore[arg-type]
    return strategy, desk


def wanted(order_type: OrderType, **changes: Any) -> dict[str, Any]:
    return {
        "order_type": order_type,
        "price_krw": 0,
        "base_price_krw": 0,
        "venue": Venue.KRX,
        "origin": "strategy:Mine",
    } | changes


def test_order_without_a_price_is_a_market_order() -> None:
    strategy, desk = bound()
    strategy.buy("005930", 10)
    assert desk.asked == [("005930", Side.BUY, 10, wanted(OrderType.MARKET))]


def test_order_with_a_price_is_a_limit_order_at_that_price() -> None:
    strategy, desk = bound()
    strategy.sell("005930", 3, price_krw=70_000, venue=Venue.SOR)
    limit = wanted(OrderType.LIMIT, price_krw=70_000, venue=Venue.SOR)
    assert desk.asked == [("005930", Side.SELL, 3, limit)]


def test_order_with_a_base_price_takes_the_offset() -> None:
    strategy, desk = bound()
    strategy.buy("005930", 3, base_price_krw=70_000)
    assert desk.asked[0][3] == wanted(OrderType.LIMIT, base_price_krw=70_000)


def test_price_of_zero_is_no_market_order() -> None:
    strategy, desk = bound()
    strategy.buy("005930", 3, price_krw=0)
    assert desk.asked[0][3]["order_type"] is OrderType.LIMIT


def test_cancel_goes_to_the_engine() -> None:
    strategy, desk = bound()
    assert strategy.cancel("20261123-000001") == "order"
    assert desk.asked == [("cancel", "20261123-000001")]


def test_strategy_that_does_not_run_says_so() -> None:
    with pytest.raises(RuntimeError, match="not running"):
        Mine().buy("005930", 1)


def test_callbacks_may_be_left_out() -> None:
    strategy, _desk = bound()
    strategy.on_start()
    strategy.on_trade(None)  # type: ignore[arg-type]
    strategy.on_depth(None)  # type: ignore[arg-type]
    strategy.on_order(None)  # type: ignore[arg-type]

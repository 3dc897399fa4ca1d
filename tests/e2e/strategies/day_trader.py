"""A strategy for the tests: trades a little all day, in every way that a strategy has."""

from __future__ import annotations

import contextlib

import aegis_fast
from aegis_fast.core.model import Order, OrderState
from aegis_fast.errors import AegisError
from aegis_fast.hot import Trade

_TRADES_PER_ORDER = 25


class DayTrader(aegis_fast.Strategy):
    """After every 25 trades it takes the next step: buy, sell, wait for a better price, give up."""

    symbols = ("005930",)

    def __init__(self) -> None:
        super().__init__()
        self.trades = 0
        self.resting: list[str] = []

    def on_trade(self, trade: Trade) -> None:
        self.trades += 1
        if self.trades % _TRADES_PER_ORDER or not trade.price_krw:
            return
        # Out of session or out of shares: the next step will do.
        with contextlib.suppress(AegisError):
            self.step(self.trades // _TRADES_PER_ORDER % 4, trade.price_krw)

    def step(self, which: int, price_krw: int) -> None:
        if which == 1:
            self.buy("005930", 3)
        elif which == 2:
            self.sell("005930", 2, price_krw)
        elif which == 3:
            self.buy("005930", 1, base_price_krw=price_krw)
        elif self.resting:
            self.cancel(self.resting.pop(0))

    def on_order(self, order: Order) -> None:
        if order.state is OrderState.LIVE and order.order_id not in self.resting:
            self.resting.append(order.order_id)
        elif not order.is_open and order.order_id in self.resting:
            self.resting.remove(order.order_id)

"""A strategy for the tests: buys one share on the first trade it hears, and fails ever after."""

from __future__ import annotations

import sys

import aegis_fast
from aegis_fast.core.model import Order
from aegis_fast.hot import Trade


class BuyOnce(aegis_fast.Strategy):
    symbols = ("005930", "000660")

    def __init__(self) -> None:
        super().__init__()
        self.order_id = ""

    def on_trade(self, trade: Trade) -> None:
        if self.order_id:
            raise RuntimeError("this strategy has a bug")
        self.order_id = self.buy(trade.symbol, 1).order_id

    def on_order(self, order: Order) -> None:
        if order.order_id == self.order_id:
            sys.stderr.write(f"strategy heard {order.state}\n")
            sys.stderr.flush()

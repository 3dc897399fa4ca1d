"""Let users trade from inside a callback, synchronously.

class MyStrategy(aegis_fast.Strategy):
    symbols = ("005930",)

    def on_trade(self, trade):
        if trade.price_krw < 70_000:
            self.buy(trade.symbol, 10, price_krw=70_000)
"""

from __future__ import annotations

from typing import Protocol

from aegis_fast.core.model import Order, OrderType, Side, Venue
from aegis_fast.hot import Book, Trade

__all__ = ["Strategy", "StrategyTrading"]


class StrategyTrading(Protocol):
    """What the engine offers a strategy; every call returns at once."""

    def submit_now(
        self,
        symbol: str,
        side: Side,
        qty: int,
        *,
        order_type: OrderType,
        price_krw: int,
        base_price_krw: int,
        venue: Venue,
        origin: str,
    ) -> Order: ...

    def cancel_now(self, order_id: str) -> Order: ...

    def order(self, order_id: str) -> Order: ...


class Strategy:
    """Base of a user's strategy. Override the callbacks; they run on the engine's loop and must
    not block. An exception in one is contained, counted and shown in the status; after `max_errors`
    (or feed.strategy_max_errors, if that is less) the strategy is stopped: it hears nothing any
    more, and everything else goes on. Its open orders are left alone: whether they are still meant
    is for a person to decide.

    symbols: what to hear of, on every venue that the feed carries. buy and sell may be called in
    any callback; they return the order at once, as `pending`, and what becomes of it arrives at
    on_order. They raise RiskRejected or InvalidRequest when nothing was sent.
    """

    symbols: tuple[str, ...] = ()
    max_errors: int = 10

    def __init__(self) -> None:
        self._trading: StrategyTrading | None = None

    def on_start(self) -> None:
        """Called once, when trading is open."""

    def on_stop(self) -> None:
        """Called once, when the engine shuts down; not after it was stopped for its errors."""

    def on_trade(self, trade: Trade) -> None:
        """Called for every trade of `symbols`."""

    def on_depth(self, book: Book) -> None:
        """Called for every change of a book of `symbols`; the book is live, copy what you keep."""

    def on_order(self, order: Order) -> None:
        """Called for every change of every order of the account."""

    @property
    def trading(self) -> StrategyTrading:
        """The engine. Raises RuntimeError before the engine has taken the strategy in."""
        if self._trading is None:
            raise RuntimeError("the strategy is not running: start it with aegis run --strategy")
        return self._trading

    def bind(self, trading: StrategyTrading) -> None:
        """Join the strategy to an engine; the engine calls this."""
        self._trading = trading

    def buy(
        self,
        symbol: str,
        qty: int,
        price_krw: int | None = None,
        *,
        base_price_krw: int = 0,
        venue: Venue = Venue.KRX,
    ) -> Order:
        """Buy: at the market, at price_krw, or at the offset of section 7.1 from base_price_krw."""
        return self._submit(symbol, Side.BUY, qty, price_krw, base_price_krw, venue)

    def sell(
        self,
        symbol: str,
        qty: int,
        price_krw: int | None = None,
        *,
        base_price_krw: int = 0,
        venue: Venue = Venue.KRX,
    ) -> Order:
        """Sell; see buy."""
        return self._submit(symbol, Side.SELL, qty, price_krw, base_price_krw, venue)

    def cancel(self, order_id: str) -> Order:
        """Ask for the rest of the order to be canceled."""
        return self.trading.cancel_now(order_id)

    def _submit(
        self,
        symbol: str,
        side: Side,
        qty: int,
        price_krw: int | None,
        base_price_krw: int,
        venue: Venue,
    ) -> Order:
        is_market = price_krw is None and not base_price_krw
        return self.trading.submit_now(
            symbol,
            side,
            qty,
            order_type=OrderType.MARKET if is_market else OrderType.LIMIT,
            price_krw=price_krw or 0,
            base_price_krw=base_price_krw,
            venue=venue,
            origin=f"strategy:{type(self).__name__}",
        )

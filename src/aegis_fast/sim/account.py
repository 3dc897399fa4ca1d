"""Keep the money and shares of one account, in integers.

Cash is what the account has once everything traded so far has settled; deposit_krw is the money
settled today, which trading does not touch before D+2. Invariants: cash_krw - reserved_krw >= 0;
0 <= reserved_qty <= qty of every holding.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from aegis_fast.sim.market import Side, commission_krw, sell_tax_krw

__all__ = ["Account", "AccountSpec", "Holding", "buy_cost_krw"]


@dataclass(frozen=True, slots=True)
class AccountSpec:
    """An account to open. account: 10 digits (8 + 2). holdings: symbol -> (qty, cost_krw).

    Accounts with the same appkey belong to the same customer and share its call limit.
    """

    account: str
    appkey: str
    appsecret: str
    hts_id: str
    name: str = "홍길동"
    cash_krw: int = 100_000_000
    holdings: dict[str, tuple[int, int]] = field(default_factory=dict)


@dataclass(slots=True)
class Holding:
    """Shares of one issue. cost_krw: what the shares still held cost, fees not included."""

    qty: int = 0
    cost_krw: int = 0
    reserved_qty: int = 0
    bought_qty: int = 0
    sold_qty: int = 0

    @property
    def sellable_qty(self) -> int:
        """Return the shares not tied to an open sell order."""
        return self.qty - self.reserved_qty


def buy_cost_krw(price_krw: int, qty: int) -> int:
    """Return what a purchase takes from the account at most: value and commission."""
    value = price_krw * qty
    return value + commission_krw(value)


class Account:
    """One account's truth."""

    def __init__(self, spec: AccountSpec) -> None:
        self.number = spec.account
        self.name = spec.name
        self.appkey = spec.appkey
        self.hts_id = spec.hts_id
        self.start_cash_krw = self.deposit_krw = self.cash_krw = spec.cash_krw
        self.reserved_krw = 0
        self.bought_krw = self.sold_krw = 0
        self.commission_krw = self.tax_krw = 0
        self.holdings = {
            symbol: Holding(qty=qty, cost_krw=cost_krw)
            for symbol, (qty, cost_krw) in spec.holdings.items()
        }

    @property
    def available_krw(self) -> int:
        """Return the cash that no open order blocks."""
        return self.cash_krw - self.reserved_krw

    def holding(self, symbol: str) -> Holding:
        """Return the holding of an issue, an empty one when there is none."""
        return self.holdings.get(symbol) or Holding()

    def reserve_cash(self, change_krw: int) -> None:
        """Block (positive) or free (negative) cash of open buy orders."""
        self.reserved_krw += change_krw
        assert self.reserved_krw >= 0

    def reserve_shares(self, symbol: str, change: int) -> None:
        """Block (positive) or free (negative) shares of open sell orders."""
        holding = self.holdings[symbol]
        holding.reserved_qty += change
        assert 0 <= holding.reserved_qty <= holding.qty

    def settle(self, symbol: str, kind: str, side: Side, price: int, qty: int) -> tuple[int, int]:
        """Book a fill (price in won) and return its commission and tax, each cut to won."""
        value = price * qty
        commission = commission_krw(value)
        tax = sell_tax_krw(value, kind) if side is Side.SELL else 0
        holding = self.holdings.setdefault(symbol, Holding())
        if side is Side.BUY:
            self.cash_krw -= value + commission
            self.bought_krw += value
            holding.qty += qty
            holding.cost_krw += value
            holding.bought_qty += qty
        else:
            self.cash_krw += value - commission - tax
            self.sold_krw += value
            holding.cost_krw -= holding.cost_krw * qty // holding.qty
            holding.qty -= qty
            holding.sold_qty += qty
        self.commission_krw += commission
        self.tax_krw += tax
        return commission, tax

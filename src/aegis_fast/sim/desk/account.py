"""Keep the money and shares of one account, in integers.

Cash is what the account has once everything traded so far has settled; deposit_krw is the money
settled today. A trade of today moves the deposit on the second trading day after it (T+2).
Invariants: cash_krw - reserved_krw >= 0; 0 <= reserved_qty <= qty of every holding;
cash_krw = deposit_krw + everything still to settle.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

from aegis_fast.sim.market.calendar import next_trading_day
from aegis_fast.sim.market.rules import Issue, Side, commission_krw, sell_tax_krw

__all__ = ["Account", "AccountSpec", "Holding", "buy_cost_krw"]

_SETTLEMENT_DAYS = 2
_EMPTY_ROW_DAYS = 2  # A holding that was sold out stays in the balance that many trading days.


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
    """Shares of one issue. cost_krw: what the shares still held cost, fees not included.

    bought_qty, sold_qty: of today; before_bought_qty, before_sold_qty: of the trading day before.
    emptied: the day its last share was sold.
    """

    qty: int = 0
    cost_krw: int = 0
    reserved_qty: int = 0
    bought_qty: int = 0
    sold_qty: int = 0
    before_bought_qty: int = 0
    before_sold_qty: int = 0
    emptied: date | None = None

    @property
    def sellable_qty(self) -> int:
        """Return the shares not tied to an open sell order."""
        return self.qty - self.reserved_qty


@dataclass(slots=True)
class DayMoney:
    """What one trading day moved: gross values, fees, and the net amount that settles."""

    bought_krw: int = 0
    sold_krw: int = 0
    commission_krw: int = 0
    tax_krw: int = 0
    net_krw: int = 0


def buy_cost_krw(price_krw: int, qty: int) -> int:
    """Return what a purchase takes from the account at most: value and commission."""
    value = price_krw * qty
    return value + commission_krw(value)


class Account:
    """One account's truth. commission_krw and tax_krw: since the start."""

    def __init__(self, spec: AccountSpec) -> None:
        self.number = spec.account
        self.name = spec.name
        self.appkey = spec.appkey
        self.hts_id = spec.hts_id
        self.start_cash_krw = self.deposit_krw = self.cash_krw = spec.cash_krw
        self.reserved_krw = 0
        self.commission_krw = self.tax_krw = 0
        self.today = DayMoney()
        self.day_before = DayMoney()
        self._unsettled: dict[date, int] = {}
        self.holdings = {
            symbol: Holding(qty=qty, cost_krw=cost_krw)
            for symbol, (qty, cost_krw) in spec.holdings.items()
        }

    @property
    def available_krw(self) -> int:
        """Return the cash that no open order blocks."""
        return self.cash_krw - self.reserved_krw

    def deposit_on_krw(self, day: date) -> int:
        """Return the deposit once everything due by the end of `day` has settled."""
        due = sum(net for settles, net in self._unsettled.items() if settles <= day)
        return self.deposit_krw + due

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

    def settle(
        self, issue: Issue, side: Side, price_krw: int, qty: int, day: date
    ) -> tuple[int, int]:
        """Book a fill of `day`; return its commission and tax, each cut to won."""
        value = price_krw * qty
        commission = commission_krw(value)
        tax = sell_tax_krw(value, issue, day) if side is Side.SELL else 0
        holding = self.holdings.setdefault(issue.symbol, Holding())
        if side is Side.BUY:
            net = -(value + commission)
            self.today.bought_krw += value
            holding.qty += qty
            holding.cost_krw += value
            holding.bought_qty += qty
            holding.emptied = None
        else:
            net = value - commission - tax
            self.today.sold_krw += value
            holding.cost_krw -= holding.cost_krw * qty // holding.qty
            holding.qty -= qty
            holding.sold_qty += qty
            holding.emptied = None if holding.qty else day
        self.cash_krw += net
        settles = next_trading_day(day, _SETTLEMENT_DAYS)
        self._unsettled[settles] = self._unsettled.get(settles, 0) + net
        self.today.commission_krw += commission
        self.today.tax_krw += tax
        self.today.net_krw += net
        self.commission_krw += commission
        self.tax_krw += tax
        return commission, tax

    def begin_day(self, day: date) -> None:
        """Begin a new trading day: settle what is due, put yesterday's figures behind."""
        for settles in sorted(due for due in self._unsettled if due <= day):
            self.deposit_krw += self._unsettled.pop(settles)
        self.day_before, self.today = self.today, DayMoney()
        for symbol, holding in list(self.holdings.items()):
            holding.before_bought_qty, holding.bought_qty = holding.bought_qty, 0
            holding.before_sold_qty, holding.sold_qty = holding.sold_qty, 0
            emptied = holding.emptied
            if emptied is not None and day >= next_trading_day(emptied, _EMPTY_ROW_DAYS):
                del self.holdings[symbol]

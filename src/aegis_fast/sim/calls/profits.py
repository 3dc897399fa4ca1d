"""Answer inquire-period-trade-profit: what was bought, sold and won, day by day and issue by issue.

Fees and taxes are those of the ledger's fills.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from aegis_fast.sim.calls import inputs
from aegis_fast.sim.calls.answers import Answer, Asked, Refusal, decimal
from aegis_fast.sim.calls.paging import Page
from aegis_fast.sim.calls.products import product_number
from aegis_fast.sim.desk.account import Account
from aegis_fast.sim.desk.ledger import FillEntry, Ledger
from aegis_fast.sim.kst import date_text
from aegis_fast.sim.market.rules import Side
from aegis_fast.sim.market.world import World

__all__ = ["Profits"]

_PAGE = 50  # Rows in the portal's own example.


@dataclass(slots=True)
class _Day:
    """One issue on one day. qty, cost_krw: held after its last fill. won_krw: before fees."""

    date: str
    symbol: str
    qty: int = 0
    cost_krw: int = 0
    bought_qty: int = 0
    bought_krw: int = 0
    buy_fee_krw: int = 0
    sold_qty: int = 0
    sold_krw: int = 0
    sold_cost_krw: int = 0
    sell_fee_krw: int = 0
    tax_krw: int = 0

    @property
    def won_krw(self) -> int:
        return self.sold_krw - self.sold_cost_krw - self.sell_fee_krw - self.tax_krw


class Profits:
    """Profit answers of one broker. Make it before the first trade: it begins with what is held."""

    def __init__(self, accounts: Mapping[str, Account], world: World, ledger: Ledger) -> None:
        self._world = world
        self._ledger = ledger
        self._held = {
            (number, symbol): (holding.qty, holding.cost_krw)
            for number, account in accounts.items()
            for symbol, holding in account.holdings.items()
        }
        self._days: dict[str, dict[tuple[str, str], _Day]] = {}
        self._seen = 0

    def answer(self, asked: Asked) -> Answer:
        """Return one page of days (output1) and the totals of the whole period (output2)."""
        params = asked.params
        first, last = (inputs.day(params, f"INQR_{end}_DT") for end in ("STRT", "END"))
        is_oldest_first = inputs.one_of(params, "SORT_DVSN", ("00", "01", "02")) == "01"
        inputs.one_of(params, "CBLC_DVSN", ("00", "01", "02"))
        symbol = params.get("PDNO", "")
        if symbol and symbol not in self._world.tapes:
            raise Refusal("APBK0656", "해당종목정보가 없습니다.")
        self._take_fills()
        span = (first.strftime("%Y%m%d"), last.strftime("%Y%m%d"))
        days = sorted(
            (
                day
                for (date, held), day in self._days.get(asked.account.number, {}).items()
                if span[0] <= date <= span[1] and symbol in ("", held)
            ),
            key=lambda day: (day.date, day.symbol),
            reverse=not is_oldest_first,
        )
        keys = [day.date + day.symbol for day in days]
        page = Page(params, asked.tr_cont, keys, _PAGE, is_descending=not is_oldest_first)
        rows = [self._row(days[index]) for index in page.indexes]
        return page.answer(output1=rows, output2=_totals(days))

    def _take_fills(self) -> None:
        fills = self._ledger.fills
        for index in range(self._seen, len(fills)):
            self._take(fills[index])
        self._seen = len(fills)

    def _take(self, fill: FillEntry) -> None:
        date, place = date_text(fill.time_ns), (fill.account, fill.symbol)
        qty, cost = self._held.get(place, (0, 0))
        days = self._days.setdefault(fill.account, {})
        day = days.setdefault((date, fill.symbol), _Day(date, fill.symbol))
        value = fill.price_krw * fill.qty
        if fill.side is Side.BUY:
            qty, cost = qty + fill.qty, cost + value
            day.bought_qty += fill.qty
            day.bought_krw += value
            day.buy_fee_krw += fill.commission_krw
        else:
            given = cost * fill.qty // qty
            qty, cost = qty - fill.qty, cost - given
            day.sold_qty += fill.qty
            day.sold_krw += value
            day.sold_cost_krw += given
            day.sell_fee_krw += fill.commission_krw
            day.tax_krw += fill.tax_krw
        day.qty, day.cost_krw = qty, cost
        self._held[place] = (qty, cost)

    def _row(self, day: _Day) -> dict[str, str]:
        issue = self._world.tapes[day.symbol].issue
        unit = _ratio(day.sold_cost_krw, day.sold_qty) or _ratio(day.cost_krw, day.qty)
        return {
            "trad_dt": day.date,
            "pdno": product_number(issue),
            "prdt_name": issue.name,
            "trad_dvsn_name": "현금",
            "loan_dt": "",
            "hldg_qty": str(day.qty),
            "pchs_unpr": str(unit),
            "buy_qty": str(day.bought_qty),
            "buy_amt": str(day.bought_krw),
            "sll_pric": str(_ratio(day.sold_krw, day.sold_qty)),
            "sll_qty": str(day.sold_qty),
            "sll_amt": str(day.sold_krw),
            "rlzt_pfls": str(day.won_krw),
            "pfls_rt": decimal(day.won_krw * 100, day.sold_cost_krw, 8),
            "fee": str(day.buy_fee_krw + day.sell_fee_krw),
            "tl_tax": str(day.tax_krw),
            "loan_int": "0",
        }


def _ratio(amount: int, qty: int) -> int:
    return amount // qty if qty else 0


def _totals(days: list[_Day]) -> dict[str, str]:
    sold, bought = sum(day.sold_krw for day in days), sum(day.bought_krw for day in days)
    sell_fee = sum(day.sell_fee_krw for day in days)
    buy_fee = sum(day.buy_fee_krw for day in days)
    tax = sum(day.tax_krw for day in days)
    won, cost = sum(day.won_krw for day in days), sum(day.sold_cost_krw for day in days)
    sold_qty = sum(day.sold_qty for day in days)
    bought_qty = sum(day.bought_qty for day in days)
    sell_net, buy_net = sold - sell_fee - tax, bought + buy_fee
    return {
        "sll_qty_smtl": str(sold_qty),
        "sll_tr_amt_smtl": str(sold),
        "sll_fee_smtl": str(sell_fee),
        "sll_tltx_smtl": str(tax),
        "sll_excc_amt_smtl": str(sell_net),
        "buyqty_smtl": str(bought_qty),
        "buy_tr_amt_smtl": str(bought),
        "buy_fee_smtl": str(buy_fee),
        "buy_tax_smtl": "0",
        "buy_excc_amt_smtl": str(buy_net),
        "tot_qty": str(sold_qty + bought_qty),
        "tot_tr_amt": str(sold + bought),
        "tot_fee": str(sell_fee + buy_fee),
        "tot_tltx": str(tax),
        "tot_excc_amt": str(sell_net + buy_net),
        "tot_rlzt_pfls": str(won),
        "loan_int": "0",
        "tot_pftrt": decimal(won * 100, cost, 8),
    }

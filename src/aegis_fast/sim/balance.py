"""Answer inquire-balance: holdings at current prices, and the account's money."""

from __future__ import annotations

from aegis_fast.sim.account import Account, Holding
from aegis_fast.sim.answers import Answer, Asked, decimal
from aegis_fast.sim.market import Issue
from aegis_fast.sim.paging import Page
from aegis_fast.sim.rules import Rules
from aegis_fast.sim.world import World

__all__ = ["Balances"]


class Balances:
    """Balance answers of one broker. An issue sold out today keeps a row with quantity 0."""

    def __init__(self, rules: Rules, world: World) -> None:
        self._rules = rules
        self._world = world

    def answer(self, asked: Asked) -> Answer:
        """Return one page of holdings (output1) and the totals (output2, one row)."""
        account = asked.account
        symbols = sorted(account.holdings)
        size = self._rules.kis.balance_page
        page = Page(asked.params, asked.tr_cont, symbols, size, is_descending=False)
        rows = [
            self._row(account.holdings[symbols[index]], symbols[index]) for index in page.indexes
        ]
        return page.answer(output1=rows, output2=[self._totals(account)])

    def _row(self, holding: Holding, symbol: str) -> dict[str, str]:
        issue = self._world.exchange.books[symbol].issue
        price = self._world.tapes[symbol].last_krw
        value = price * holding.qty
        gain = value - holding.cost_krw
        return {
            "pdno": symbol,
            "prdt_name": issue.name,
            "trad_dvsn_name": "현금",
            "bfdy_buy_qty": "0",
            "bfdy_sll_qty": "0",
            "thdt_buyqty": str(holding.bought_qty),
            "thdt_sll_qty": str(holding.sold_qty),
            "hldg_qty": str(holding.qty),
            "ord_psbl_qty": str(holding.sellable_qty),
            "pchs_avg_pric": decimal(holding.cost_krw, holding.qty, 4),
            "pchs_amt": str(holding.cost_krw),
            "prpr": str(price),
            "evlu_amt": str(value),
            "evlu_pfls_amt": str(gain),
            "evlu_pfls_rt": decimal(gain * 100, holding.cost_krw, 2),
            "evlu_erng_rt": decimal(gain * 100, holding.cost_krw, 8),
            **_price_change(issue, price),
            "loan_dt": "",
            "loan_amt": "0",
            "stln_slng_chgs": "0",
            "expd_dt": "",
            "item_mgna_rt_name": "20%" if issue.kind == "stock" else "100%",
            "grta_rt_name": "",
            "sbst_pric": str(issue.base_krw * 8 // 10),
            "stck_loan_unpr": "0.0000",
        }

    def _totals(self, account: Account) -> dict[str, str]:
        value = before = cost = 0
        for symbol, holding in account.holdings.items():
            value += self._world.tapes[symbol].last_krw * holding.qty
            before += self._world.exchange.books[symbol].issue.base_krw * holding.qty
            cost += holding.cost_krw
        total = account.cash_krw + value
        total_before = account.start_cash_krw + before
        zeros = (
            "cma_evlu_amt",
            "bfdy_buy_amt",
            "nxdy_auto_rdpt_amt",
            "bfdy_sll_amt",
            "d2_auto_rdpt_amt",
            "bfdy_tlex_amt",
            "tot_loan_amt",
            "tot_stln_slng_chgs",
        )
        return {
            **dict.fromkeys(zeros, "0"),
            "dnca_tot_amt": str(account.deposit_krw),
            "nxdy_excc_amt": str(account.deposit_krw),
            "prvs_rcdl_excc_amt": str(account.cash_krw),
            "thdt_buy_amt": str(account.bought_krw),
            "thdt_sll_amt": str(account.sold_krw),
            "thdt_tlex_amt": str(account.commission_krw + account.tax_krw),
            "scts_evlu_amt": str(value),
            "tot_evlu_amt": str(total),
            "nass_amt": str(total),
            "fncg_gld_auto_rdpt_yn": "N",
            "pchs_amt_smtl_amt": str(cost),
            "evlu_amt_smtl_amt": str(value),
            "evlu_pfls_smtl_amt": str(value - cost),
            "bfdy_tot_asst_evlu_amt": str(total_before),
            "asst_icdc_amt": str(total - total_before),
            "asst_icdc_erng_rt": decimal((total - total_before) * 100, total_before, 8),
        }


def _price_change(issue: Issue, price: int) -> dict[str, str]:
    change = price - issue.base_krw
    return {"fltt_rt": decimal(change * 100, issue.base_krw, 8), "bfdy_cprs_icdc": str(change)}

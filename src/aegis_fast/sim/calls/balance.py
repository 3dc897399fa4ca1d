"""Answer inquire-balance: holdings at current prices, and the account's money."""

from __future__ import annotations

from aegis_fast.sim.calls import inputs
from aegis_fast.sim.calls.answers import Answer, Asked, decimal
from aegis_fast.sim.calls.paging import Page
from aegis_fast.sim.desk.account import Account, Holding
from aegis_fast.sim.kst import date_of
from aegis_fast.sim.market.calendar import next_trading_day
from aegis_fast.sim.market.rules import Issue
from aegis_fast.sim.market.world import World
from aegis_fast.sim.rules import Rules

__all__ = ["Balances"]


_BASES = ("N", "X", "Y")
_ZEROS = (
    "cma_evlu_amt",
    "nxdy_auto_rdpt_amt",
    "d2_auto_rdpt_amt",
    "tot_loan_amt",
    "tot_stln_slng_chgs",
)


class Balances:
    """Balance answers of one broker. An issue sold out keeps a row with quantity 0 for two days."""

    def __init__(self, rules: Rules, world: World) -> None:
        self._rules = rules
        self._world = world

    def answer(self, asked: Asked) -> Answer:
        """Return one page of holdings (output1) and the totals (output2, one row).

        AFHR_FLPR_YN chooses the price: N of the regular market (frozen in the after-market), X of
        NXT, Y of both. PRCS_DVSN 01 leaves out what was traded the day before.
        """
        account, params = asked.account, asked.params
        basis = inputs.one_of(params, "AFHR_FLPR_YN", _BASES)
        inputs.one_of(params, "INQR_DVSN", ("00", "01", "02"))
        has_before = inputs.one_of(params, "PRCS_DVSN", ("00", "01")) == "00"
        symbols = sorted(
            symbol
            for symbol, holding in account.holdings.items()
            if holding.qty or holding.bought_qty or holding.sold_qty or has_before
        )
        size = self._rules.kis.balance_page
        page = Page(params, asked.tr_cont, symbols, size, is_descending=False)
        rows = [
            self._row(account.holdings[symbol], symbol, basis, has_before=has_before)
            for symbol in (symbols[index] for index in page.indexes)
        ]
        return page.answer(output1=rows, output2=[self._totals(account, basis, asked.now_ns)])

    def _price_krw(self, symbol: str, basis: str) -> int:
        if basis == "N" or symbol not in self._world.nxt_tapes:
            return self._world.exchange.books[symbol].last_krw
        return self._world.tape(symbol, "NXT" if basis == "X" else "UN").last_krw

    def _row(
        self, holding: Holding, symbol: str, basis: str, *, has_before: bool
    ) -> dict[str, str]:
        issue = self._world.exchange.books[symbol].issue
        price = self._price_krw(symbol, basis)
        value = price * holding.qty
        gain = value - holding.cost_krw
        return {
            "pdno": symbol,
            "prdt_name": issue.name,
            "trad_dvsn_name": "현금",
            "bfdy_buy_qty": str(holding.before_bought_qty if has_before else 0),
            "bfdy_sll_qty": str(holding.before_sold_qty if has_before else 0),
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

    def _totals(self, account: Account, basis: str, now_ns: int) -> dict[str, str]:
        value = before = cost = 0
        for symbol, holding in account.holdings.items():
            value += self._price_krw(symbol, basis) * holding.qty
            held = holding.qty - holding.bought_qty + holding.sold_qty
            before += self._world.exchange.books[symbol].issue.base_krw * held
            cost += holding.cost_krw
        total = account.cash_krw + value
        total_before = account.cash_krw - account.today.net_krw + before
        today, yesterday = account.today, account.day_before
        tomorrow = next_trading_day(date_of(now_ns))
        return {
            **dict.fromkeys(_ZEROS, "0"),
            "dnca_tot_amt": str(account.deposit_krw),
            "nxdy_excc_amt": str(account.deposit_on_krw(tomorrow)),
            "prvs_rcdl_excc_amt": str(account.cash_krw),
            "bfdy_buy_amt": str(yesterday.bought_krw),
            "bfdy_sll_amt": str(yesterday.sold_krw),
            "bfdy_tlex_amt": str(yesterday.commission_krw + yesterday.tax_krw),
            "thdt_buy_amt": str(today.bought_krw),
            "thdt_sll_amt": str(today.sold_krw),
            "thdt_tlex_amt": str(today.commission_krw + today.tax_krw),
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

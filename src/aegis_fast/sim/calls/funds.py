"""Answer what an account could still buy or sell: cash, shares, and nothing on credit."""

from __future__ import annotations

from aegis_fast.sim.calls import inputs
from aegis_fast.sim.calls.answers import Answer, Asked, Refusal, decimal, percent, success
from aegis_fast.sim.calls.market_views import no_such_issue
from aegis_fast.sim.desk.account import buy_cost_krw
from aegis_fast.sim.market.exchange import KINDS
from aegis_fast.sim.market.world import World

__all__ = ["Funds"]

_FOUND = ("KIOK0420", "정상적으로 조회되었습니다.")
_BUY_ON_LOAN = ("21", "23")
_SELL_ON_LOAN = ("25", "27")
_SHORT = ("22", "24", "26", "28")


class Funds:
    """Answers about free cash and free shares.

    Accounts here pay everything in cash (a margin rate of 100 %) and have no credit agreement: with
    or without receivables is the same, and the credit calls refuse orders and know no limit.
    """

    def __init__(self, world: World) -> None:
        self._world = world

    def _price(self, asked: Asked) -> int:
        """Return the price an order is reckoned at: its own or the upper limit; 0 for no issue."""
        params = asked.params
        book = self._world.exchange.books.get(params["PDNO"])
        if book is None:
            if params["PDNO"]:
                raise no_such_issue()
            return 0
        wish = inputs.number(params, "ORD_UNPR") if params["ORD_UNPR"] else 0
        kind = KINDS.get(params["ORD_DVSN"])
        is_priced = wish > 0 and (kind is None or kind.needs_price)
        return wish if is_priced else book.limits.upper_krw

    def buyable(self, asked: Asked) -> Answer:
        """Answer inquire-psbl-order; a market order (01) is reckoned at the upper limit price."""
        price, cash = self._price(asked), asked.account.available_krw
        qty = cash // price if price else 0
        while qty and buy_cost_krw(price, qty) > cash:
            qty -= 1
        return success(*_FOUND, output=_buyable(cash, price, cash, qty))

    def buyable_on_credit(self, asked: Asked) -> Answer:
        """Answer inquire-credit-psamount: cash is there, but nothing can be borrowed."""
        inputs.one_of(asked.params, "CRDT_TYPE", _BUY_ON_LOAN)
        price = self._price(asked)
        return success(*_FOUND, output=_buyable(asked.account.available_krw, price, 0, 0))

    def order_on_credit(self, asked: Asked) -> Answer:
        """Answer order-credit: refused, as for every customer without a credit agreement.

        errors.json has no code for that; APBK0957 is its order refusal of unknown reason.
        """
        params = asked.params
        allowed = _BUY_ON_LOAN if asked.variant == "buy" else _SELL_ON_LOAN
        inputs.one_of(params, "CRDT_TYPE", (*allowed, *_SHORT))
        inputs.number(params, "ORD_QTY")
        inputs.number(params, "ORD_UNPR")
        inputs.day(params, "LOAN_DT")
        if params["PDNO"] not in self._world.exchange.books:
            raise no_such_issue()
        raise Refusal("APBK0957", "신용거래 약정이 등록되지 않은 계좌입니다.", rt_cd="7")

    def sellable(self, asked: Asked) -> Answer:
        """Answer inquire-psbl-sell."""
        symbol = asked.params["PDNO"]
        tape = self._world.tapes.get(symbol)
        if tape is None:
            raise no_such_issue()
        holding = asked.account.holding(symbol)
        price = tape.last_krw
        value = price * holding.qty
        gain = value - holding.cost_krw
        output = {
            "pdno": symbol,
            "buy_qty": str(holding.bought_qty),
            "sll_qty": str(holding.sold_qty),
            "cblc_qty": str(holding.qty),
            "nsvg_qty": str(holding.qty),
            "ord_psbl_qty": str(holding.sellable_qty),
            "pchs_avg_pric": decimal(holding.cost_krw, holding.qty, 4),
            "pchs_amt": str(holding.cost_krw),
            "now_pric": str(price),
            "evlu_amt": str(value),
            "evlu_pfls_amt": str(gain),
            "evlu_pfls_rt": percent(gain, holding.cost_krw),
        }
        return success(*_FOUND, output=output)


def _buyable(cash: int, price: int, amount: int, qty: int) -> dict[str, str]:
    return {
        "ord_psbl_cash": str(cash),
        "ord_psbl_sbst": "0",
        "ruse_psbl_amt": "0",
        "fund_rpch_chgs": "0",
        "psbl_qty_calc_unpr": str(price),
        "nrcvb_buy_amt": str(amount),
        "nrcvb_buy_qty": str(qty),
        "max_buy_amt": str(amount),
        "max_buy_qty": str(qty),
        "cma_evlu_amt": "0",
        "ovrs_re_use_amt_wcrc": "0",
        "ord_psbl_frcr_amt_wcrc": "0",
    }

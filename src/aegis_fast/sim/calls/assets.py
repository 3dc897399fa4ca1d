"""Answer inquire-account-balance: what an account is worth, by kind of asset."""

from __future__ import annotations

from aegis_fast.sim.calls.answers import Answer, Asked, percent, success
from aegis_fast.sim.desk.account import Account
from aegis_fast.sim.kst import date_of
from aegis_fast.sim.market.world import World

__all__ = ["Assets"]

# The broker's fixed order: shares, funds, IMA, bonds, ELS, WRAP, trusts, RP, foreign shares,
# foreign bonds, gold, CD, short-term bonds, others' products, foreign short-term bonds, foreign
# ELS, foreign cash, deposit, subscription deposit, total.
_ROWS = 20
_SHARES, _DEPOSIT, _TOTAL = 0, 17, 19
_ZEROS = (
    "loan_amt_smtl",
    "tot_lnda_tot_ulst_lnda",
    "cma_auto_loan_amt",
    "tot_mgln_amt",
    "stln_evlu_amt",
    "crdt_fncg_amt",
    "ocl_apl_loan_amt",
    "pldg_stup_amt",
    "frcr_evlu_tota",
    "cma_evlu_amt",
    "thdt_rcvb_amt",
    "ovrs_stck_evlu_amt1",
    "ovrs_bond_evlu_amt",
    "mmf_cma_mgge_loan_amt",
    "sbsc_dncl_amt",
    "pbst_sbsc_fnds_loan_use_amt",
    "etpr_crdt_grnt_loan_amt",
)


class Assets:
    """Asset answers of one broker. Only shares and the deposit exist here."""

    def __init__(self, world: World) -> None:
        self._world = world

    def answer(self, asked: Asked) -> Answer:
        """Answer the call: Output1 has 20 rows in fixed order, Output2 the totals."""
        account = asked.account
        cost, value = self._shares(account)
        total = account.cash_krw + value
        substitute = value * 8 // 10
        rows = [_row(0, 0, total) for _ in range(_ROWS)]
        rows[_SHARES] = _row(cost, value, total)
        rows[_DEPOSIT] = _row(account.cash_krw, account.cash_krw, total)
        rows[_TOTAL] = _row(cost + account.cash_krw, total, total)
        summary = {
            **dict.fromkeys(_ZEROS, "0"),
            "pchs_amt_smtl": str(cost),
            "nass_tot_amt": str(total),
            "evlu_pfls_amt_smtl": str(value - cost),
            "evlu_amt_smtl": str(value),
            "tot_asst_amt": str(total),
            "tot_dncl_amt": str(account.cash_krw),
            "dncl_amt": str(account.deposit_on_krw(date_of(asked.now_ns))),
            "tot_sbst_amt": str(substitute),
        }
        return success("KIOK0510", "조회가 완료되었습니다", Output1=rows, Output2=summary)

    def _shares(self, account: Account) -> tuple[int, int]:
        cost = value = 0
        for symbol, holding in account.holdings.items():
            cost += holding.cost_krw
            value += self._world.tapes[symbol].last_krw * holding.qty
        return cost, value


def _row(cost: int, value: int, total: int) -> dict[str, str]:
    return {
        "pchs_amt": str(cost),
        "evlu_amt": str(value),
        "evlu_pfls_amt": str(value - cost),
        "crdt_lnd_amt": "0",
        "real_nass_amt": str(value),
        "whol_weit_rt": percent(value, total),
    }

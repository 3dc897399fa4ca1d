"""Answer the calls about orders: place, change, and every list of them."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Callable, Mapping
from datetime import date

from aegis_fast.sim.calls import inputs
from aegis_fast.sim.calls.answers import Answer, Asked, decimal, success
from aegis_fast.sim.calls.paging import Page
from aegis_fast.sim.desk.desk import ChangeForm, Desk, OrderForm
from aegis_fast.sim.desk.ledger import Ledger, OrderEntry
from aegis_fast.sim.kst import date_of, hhmmss
from aegis_fast.sim.market.exchange import KINDS
from aegis_fast.sim.market.rules import Issue, Side
from aegis_fast.sim.market.world import World
from aegis_fast.sim.rules import Rules

__all__ = ["Trading"]

_CASH = ("", "00", "01")
_SIDE_NAMES = {Side.SELL: "매도", Side.BUY: "매수"}
_REQUEST_NAMES = {"new": "", "amend": "정정", "cancel": "취소"}
_PAPER_DONE = {"buy": "40600000", "sell": "40610000", "amend": "40620000", "cancel": "40630000"}


def _date(day: date) -> str:
    return day.strftime("%Y%m%d")


def _three_months_before(day: date) -> date:
    """Return the same day three months earlier, or the last one of that month."""
    year, month = (day.year, day.month - 3) if day.month > 3 else (day.year - 1, day.month + 9)
    return date(year, month, min(day.day, monthrange(year, month)[1]))


def _trigger_krw(params: Mapping[str, str]) -> int:
    """Return CNDT_PRIC, 0 when it is left out or blank."""
    return inputs.number(params, "CNDT_PRIC") if params.get("CNDT_PRIC", "").strip() else 0


class Trading:
    """Order and account answers of one broker."""

    def __init__(self, rules: Rules, world: World, ledger: Ledger, desk: Desk) -> None:
        self._rules = rules
        self._world = world
        self._ledger = ledger
        self._desk = desk

    def place(self, asked: Asked) -> Answer:
        """Answer order-cash."""
        params = asked.params
        inputs.one_of(params, "SLL_TYPE", ("", "01", "02", "05"))
        side = Side.BUY if asked.variant == "buy" else Side.SELL
        form = OrderForm(
            symbol=params["PDNO"],
            side=side,
            kind=params["ORD_DVSN"],
            qty=inputs.number(params, "ORD_QTY"),
            price_krw=inputs.number(params, "ORD_UNPR"),
            venue=params.get("EXCG_ID_DVSN_CD") or "KRX",
            trigger_krw=_trigger_krw(params),
        )
        entry = self._desk.place(asked.account, form, asked.ip, asked.now_ns)
        return self._accepted(entry, side.name.lower())

    def change(self, asked: Asked) -> Answer:
        """Answer order-rvsecncl."""
        params = asked.params
        is_cancel = inputs.one_of(params, "RVSE_CNCL_DVSN_CD", ("01", "02")) == "02"
        form = ChangeForm(
            original=inputs.number(params, "ORGN_ODNO"),
            is_cancel=is_cancel,
            kind=params["ORD_DVSN"],
            qty=inputs.number(params, "ORD_QTY"),
            price_krw=0 if is_cancel else inputs.number(params, "ORD_UNPR"),
            is_all=inputs.one_of(params, "QTY_ALL_ORD_YN", ("Y", "N")) == "Y",
            venue=params.get("EXCG_ID_DVSN_CD") or "KRX",
            trigger_krw=_trigger_krw(params),
        )
        entry = self._desk.change(asked.account, form, asked.ip, asked.now_ns)
        return self._accepted(entry, "cancel" if is_cancel else "amend")

    def _accepted(self, entry: OrderEntry, what: str) -> Answer:
        output = {
            "KRX_FWDG_ORD_ORGNO": self._rules.branch,
            "ODNO": self._rules.odno(entry.odno),
            "ORD_TMD": hhmmss(entry.accepted_ns),
        }
        if self._rules.is_paper:
            return success(_PAPER_DONE[what], "모의투자 주문이 완료 되었습니다.", output=output)
        return success("APBK0013", "주문 전송 완료 되었습니다.", output=output)

    def open_orders(self, asked: Asked) -> Answer:
        """Answer inquire-psbl-rvsecncl: what can still be amended or cancelled, newest first."""
        params = asked.params
        side = inputs.one_of(params, "INQR_DVSN_2", ("0", "1", "2"))
        by_stock = inputs.one_of(params, "INQR_DVSN_1", ("0", "1")) == "1"
        entries = [
            entry
            for entry in reversed(self._ledger.live.values())
            if entry.account == asked.account.number
            and entry.leaves_qty
            and entry.visible_ns <= asked.now_ns
            and side in ("0", str(int(entry.side)))
        ]
        if by_stock:
            entries.sort(key=lambda entry: (entry.symbol, entry.odno))
        keys = [f"{entry.symbol * by_stock}{entry.odno:010d}" for entry in entries]
        size = self._rules.open_orders_page
        page = Page(params, asked.tr_cont, keys, size, is_descending=not by_stock)
        rows = [self._open_row(entries[index]) for index in page.indexes]
        return page.answer(output=rows)

    def day_orders(self, asked: Asked) -> Answer:
        """Answer inquire-daily-ccld: every request of the days asked for."""
        params = asked.params
        is_oldest_first = inputs.one_of(params, "INQR_DVSN", ("00", "01")) == "01"
        matches = self._day_filter(params, asked.variant, asked.now_ns)
        entries = [
            entry for entry in self._ledger.orders_of(asked.account.number) if matches(entry)
        ]
        if not is_oldest_first:
            entries.reverse()
        keys = [f"{entry.date}{entry.odno:010d}" for entry in entries]
        size = self._rules.kis.day_orders_page
        page = Page(params, asked.tr_cont, keys, size, is_descending=not is_oldest_first)
        rows = [self._day_row(entries[index]) for index in page.indexes]
        filled = sum(entry.filled_qty for entry in entries)
        value = sum(entry.filled_value_krw for entry in entries)
        fees = sum(entry.commission_krw + entry.tax_krw for entry in entries)
        totals = {
            "tot_ord_qty": str(sum(entry.qty for entry in entries)),
            "tot_ccld_qty": str(filled),
            "tot_ccld_amt": str(value),
            "prsm_tlex_smtl": str(fees),
            "pchs_avg_pric": decimal(value, filled, 4),
        }
        return page.answer(output1=rows, output2=totals)

    def _day_filter(
        self, params: Mapping[str, str], variant: str, now_ns: int
    ) -> Callable[[OrderEntry], bool]:
        first, last = (_date(inputs.day(params, f"INQR_{end}_DT")) for end in ("STRT", "END"))
        # One tr_id knows the last three months, the other one what is older.
        border = _date(_three_months_before(date_of(now_ns)))
        side = inputs.one_of(params, "SLL_BUY_DVSN_CD", ("00", "01", "02"))
        filled = inputs.one_of(params, "CCLD_DVSN", ("00", "01", "02"))
        venue = inputs.one_of(params, "EXCG_ID_DVSN_CD", ("", "KRX", "NXT", "SOR", "ALL")) or "KRX"
        only_elw = inputs.one_of(params, "INQR_DVSN_1", ("", "0", "1", "2")) == "1"
        # Orders here are all paid in cash, and none are of the free board.
        has_none = params.get("INQR_DVSN_1") == "2" or params.get("INQR_DVSN_3", "00") not in _CASH
        branch = params.get("ORD_GNO_BRNO", "").strip()
        symbol = params.get("PDNO", "")
        odno = inputs.number(params, "ODNO") if params.get("ODNO") else 0

        def matches(entry: OrderEntry) -> bool:
            return (
                entry.visible_ns <= now_ns
                and not has_none
                and (not only_elw or self._issue(entry).kind == "elw")
                and branch in ("", self._rules.branch)
                and first <= entry.date <= last
                and (entry.date >= border) == (variant != "older")
                and side in ("00", f"{entry.side:02d}")
                and symbol in ("", entry.symbol)
                and odno in (0, entry.odno)
                and venue in ("ALL", entry.venue)
                and (filled != "01" or entry.filled_qty > 0)
                and (filled != "02" or entry.leaves_qty > 0)
            )

        return matches

    def _issue(self, entry: OrderEntry) -> Issue:
        return self._world.exchange.books[entry.symbol].issue

    def _common_row(self, entry: OrderEntry) -> dict[str, str]:
        issue = self._issue(entry)
        return {
            "ord_gno_brno": self._rules.branch,
            "odno": self._rules.odno(entry.odno),
            "orgn_odno": self._rules.odno(entry.original) if entry.original else "",
            "ord_dvsn_name": KINDS[entry.kind].name,
            "pdno": entry.symbol,
            "prdt_name": issue.name,
            "ord_qty": str(entry.qty),
            "ord_unpr": str(entry.price_krw),
            "ord_tmd": hhmmss(entry.accepted_ns),
            "tot_ccld_qty": str(entry.filled_qty),
            "tot_ccld_amt": str(entry.filled_value_krw),
            "sll_buy_dvsn_cd": f"{entry.side:02d}",
            "ord_dvsn_cd": entry.kind,
            "excg_dvsn_cd": "03" if issue.market == "KOSDAQ" else "02",
            "stpm_cndt_pric": str(entry.trigger_krw),
        }

    def _open_row(self, entry: OrderEntry) -> dict[str, str]:
        return {
            **self._common_row(entry),
            "rvse_cncl_dvsn_name": _REQUEST_NAMES[entry.request],
            "psbl_qty": str(entry.leaves_qty),
            "mgco_aptm_odno": "",
            "excg_id_dvsn_cd": entry.venue,
            "excg_id_dvsn_name": entry.venue,
            "stpm_efct_occr_yn": "Y" if entry.has_fired else "N",
        }

    def _day_row(self, entry: OrderEntry) -> dict[str, str]:
        is_cancel = entry.request == "cancel"
        what = _SIDE_NAMES[entry.side] + _REQUEST_NAMES[entry.request]
        return {
            **self._common_row(entry),
            "ord_dt": entry.date,
            "sll_buy_dvsn_cd_name": what,
            "avg_prvs": decimal(entry.filled_value_krw, entry.filled_qty, 4),
            "cncl_yn": "Y" if is_cancel else "N",
            "loan_dt": "",
            "ordr_empno": "OpnAPI",
            # What an amend took over is not cancelled: it is in the row of the new number.
            "cnc_cfrm_qty": str(entry.qty if is_cancel else entry.canceled_qty),
            "rmn_qty": str(entry.leaves_qty),
            "rjct_qty": str(entry.rejected_qty),
            "ccld_cndt_name": {"ioc": "IOC", "fok": "FOK"}.get(KINDS[entry.kind].lifetime, "없음"),
            "inqr_ip_addr": entry.ip,
            "cpbc_ordp_ord_rcit_dvsn_cd": "",
            "cpbc_ordp_infm_mthd_dvsn_cd": "",
            "infm_tmd": hhmmss(entry.accepted_ns),
            "ctac_tlno": "",
            "prdt_type_cd": "300",
            "cpbc_ordp_mtrl_dvsn_cd": "",
            "ord_orgno": self._rules.branch,
            "rsvn_ord_end_dt": "",
            "excg_id_dvsn_Cd": entry.venue,
            "stpm_efct_occr_dtmd": "",
        }

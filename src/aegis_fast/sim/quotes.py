"""Answer quotation calls: price, ten-level book, issue information. Every value is text."""

from __future__ import annotations

from aegis_fast.sim.answers import Refusal, decimal
from aegis_fast.sim.exchange import Book
from aegis_fast.sim.history import DayBar
from aegis_fast.sim.kst import hhmmss
from aegis_fast.sim.market import Issue, Side, order_unit, tick_size
from aegis_fast.sim.tape import Tape
from aegis_fast.sim.world import World

__all__ = ["Quotes", "isin"]

_EOK = 100_000_000
_LEVELS = 10


def isin(symbol: str) -> str:
    """Return the standard code of a listed share or fund: KR7, the symbol, 00 and a check digit."""
    body = f"KR7{symbol}00"
    digits = [int(d) for char in body for d in str(int(char, 36))]
    total = 0
    for index, digit in enumerate(reversed(digits)):
        doubled = digit * 2 if index % 2 == 0 else digit
        total += doubled // 10 + doubled % 10
    return f"{body}{-total % 10}"


class Quotes:
    """Quotation answers of one market."""

    def __init__(self, world: World) -> None:
        self._world = world

    def find(self, symbol: str) -> tuple[Book, Tape]:
        """Return an issue's book and tape. Raises Refusal."""
        book = self._world.exchange.books.get(symbol)
        if book is None:
            raise Refusal("APBK0656", "해당종목정보가 없습니다.")
        return book, self._world.tapes[symbol]

    def price(self, symbol: str) -> dict[str, str]:
        """Return `output` of inquire-price."""
        book, tape = self.find(symbol)
        days = self._world.history.days(symbol)
        return {
            **_state(tape.issue),
            **_today(tape, days[0]),
            **_limits(book, days[0]),
            **_company(tape),
            **_ranges(tape, days),
            "vi_cls_code": "N",
            "ovtm_vi_cls_code": "N",
            "last_ssts_cntg_qty": "0",
            "invt_caful_yn": "N",
            "mrkt_warn_cls_code": "00",
            "short_over_yn": "N",
            "sltr_yn": "N",
            "mang_issu_cls_code": "N",
        }

    def book(self, symbol: str, now_ns: int) -> tuple[dict[str, str], dict[str, str]]:
        """Return `output1` and `output2` of inquire-asking-price-exp-ccn."""
        book, tape = self.find(symbol)
        shown: dict[str, str] = {"aspr_acpt_hour": hhmmss(now_ns)}
        totals: dict[str, int] = {}
        for side, word in ((Side.SELL, "askp"), (Side.BUY, "bidp")):
            levels = book.levels(side, _LEVELS)
            for index in range(_LEVELS):
                level = levels[index] if index < len(levels) else None
                shown[f"{word}{index + 1}"] = str(level.price_krw if level else 0)
                shown[f"{word}_rsqn{index + 1}"] = str(level.qty if level else 0)
                shown[f"{word}_rsqn_icdc{index + 1}"] = "0"
            totals[word] = sum(level.qty for level in levels)
            shown[f"total_{word}_rsqn"] = str(totals[word])
            shown[f"total_{word}_rsqn_icdc"] = "0"
            shown[f"ovtm_total_{word}_icdc"] = "0"
            shown[f"ovtm_total_{word}_rsqn"] = "0"
        shown["ntby_aspr_rsqn"] = str(totals["bidp"] - totals["askp"])
        shown["new_mkop_cls_code"] = "20"
        base = tape.issue.base_krw
        expected = {
            "antc_mkop_cls_code": "311",
            "stck_prpr": str(tape.last_krw),
            "stck_oprc": str(tape.open_krw),
            "stck_hgpr": str(tape.high_krw),
            "stck_lwpr": str(tape.low_krw),
            "stck_sdpr": str(base),
            "antc_cnpr": "0",
            "antc_cntg_vrss_sign": "5",
            "antc_cntg_vrss": str(-base),
            "antc_cntg_prdy_ctrt": "-100.00",
            "antc_vol": "0",
            "stck_shrn_iscd": symbol,
            "vi_cls_code": "N",
        }
        return shown, expected

    def issue_info(self, symbol: str) -> dict[str, str]:
        """Return `output` of search-stock-info."""
        _, tape = self.find(symbol)
        issue = tape.issue
        is_kosdaq = issue.market == "KOSDAQ"
        groups = {"stock": "ST", "etf": "EF", "elw": "EW"}
        listed_on = "19750611"
        return {
            **_names(issue),
            "mket_id_cd": "KSQ" if is_kosdaq else "STK",
            "scty_grp_id_cd": groups[issue.kind],
            "excg_dvsn_cd": "03" if is_kosdaq else "02",
            "setl_mmdd": "12",
            "lstg_stqt": str(issue.listed_shares),
            "lstg_cptl_amt": "0",
            "cpta": str(issue.listed_shares * 100),
            "papr": "100",
            "issu_pric": "0",
            "kospi200_item_yn": "N" if is_kosdaq or issue.kind != "stock" else "Y",
            "scts_mket_lstg_dt": "" if is_kosdaq else listed_on,
            "scts_mket_lstg_abol_dt": "",
            "kosdaq_mket_lstg_dt": listed_on if is_kosdaq else "",
            "kosdaq_mket_lstg_abol_dt": "",
            "frbd_mket_lstg_dt": "",
            "frbd_mket_lstg_abol_dt": "",
            "reits_kind_cd": "",
            "etf_dvsn_cd": "1" if issue.kind == "etf" else "0",
            "oilf_fund_yn": "N",
            **_industry(issue),
            **_dates_and_codes(issue),
            "tr_stop_yn": "N",
            "admn_item_yn": "N",
            "thdt_clpr": str(tape.last_krw),
            "bfdy_clpr": str(issue.base_krw),
            "clpr_chng_dt": "",
            "cptt_trad_tr_psbl_yn": "Y" if issue.kind == "stock" else "N",
            "nxt_tr_stop_yn": "N",
        }


def _state(issue: Issue) -> dict[str, str]:
    is_stock = issue.kind == "stock"
    return {
        "iscd_stat_cls_code": "55" if is_stock else "00",
        "marg_rate": "20.00" if is_stock else "100.00",
        "rprs_mrkt_kor_name": "KOSPI200" if is_stock and issue.market == "KOSPI" else issue.market,
        "new_hgpr_lwpr_cls_code": "",
        "bstp_kor_isnm": issue.sector,
        "temp_stop_yn": "N",
        "oprc_rang_cont_yn": "N",
        "clpr_rang_cont_yn": "N",
        "crdt_able_yn": "Y" if is_stock else "N",
        "grmn_rate_cls_code": "40" if is_stock else "",
        "elw_pblc_yn": "Y" if is_stock else "N",
    }


def _today(tape: Tape, yesterday: DayBar) -> dict[str, str]:
    base = tape.issue.base_krw
    return {
        "stck_prpr": str(tape.last_krw),
        "prdy_vrss": str(tape.change_krw),
        "prdy_vrss_sign": tape.sign_of(tape.last_krw),
        "prdy_ctrt": decimal(tape.change_krw * 100, base, 2),
        "acml_tr_pbmn": str(tape.cum_value_krw),
        "acml_vol": str(tape.cum_qty),
        "prdy_vrss_vol_rate": decimal(tape.cum_qty * 100, yesterday.qty, 2),
        "stck_oprc": str(tape.open_krw),
        "stck_hgpr": str(tape.high_krw),
        "stck_lwpr": str(tape.low_krw),
        "wghn_avrg_stck_prc": decimal(tape.cum_value_krw, tape.cum_qty, 2),
        "hts_frgn_ehrt": "50.12",
        "frgn_ntby_qty": "0",
        "pgtr_ntby_qty": "0",
    }


def _limits(book: Book, yesterday: DayBar) -> dict[str, str]:
    """Price limits are "0" when the exchange sets none (ELW)."""
    issue, limits = book.issue, book.limits
    high, low, close = yesterday.high_krw, yesterday.low_krw, yesterday.close_krw
    pivot = (high + low + close) // 3
    return {
        "stck_mxpr": str(limits.upper_krw if limits.has_limit else 0),
        "stck_llam": str(limits.lower_krw if limits.has_limit else 0),
        "stck_sdpr": str(issue.base_krw),
        "pvt_scnd_dmrs_prc": str(pivot + high - low),
        "pvt_frst_dmrs_prc": str(2 * pivot - low),
        "pvt_pont_val": str(pivot),
        "pvt_frst_dmsp_prc": str(2 * pivot - high),
        "pvt_scnd_dmsp_prc": str(pivot - high + low),
        "dmrs_val": str((pivot + high) // 2),
        "dmsp_val": str((pivot + low) // 2),
        "rstc_wdth_prc": str(limits.upper_krw - issue.base_krw if limits.has_limit else 0),
        "aspr_unit": str(tick_size(book.last_krw, issue.kind)),
        "hts_deal_qty_unit_val": str(order_unit(issue.kind)),
    }


def _company(tape: Tape) -> dict[str, str]:
    issue = tape.issue
    earnings = max(issue.base_krw // 18, 1)
    book_value = max(issue.base_krw * 10 // 14, 1)
    return {
        "cpfn": str(issue.listed_shares * 100 // _EOK),
        "stck_fcam": "100",
        "stck_sspr": str(issue.base_krw * 8 // 10),
        "lstn_stcn": str(issue.listed_shares),
        "hts_avls": str(tape.last_krw * issue.listed_shares // _EOK),
        "per": decimal(tape.last_krw, earnings, 2),
        "pbr": decimal(tape.last_krw, book_value, 2),
        "stac_month": "12",
        "vol_tnrt": decimal(tape.cum_qty * 100, issue.listed_shares, 2),
        "eps": f"{earnings}.00",
        "bps": f"{book_value}.00",
        "whol_loan_rmnd_rate": "0.12",
        "ssts_yn": "Y" if issue.kind == "stock" else "N",
        "stck_shrn_iscd": issue.symbol,
        "fcam_cnnm": "100",
        "cpfn_cnnm": f"{issue.listed_shares * 100 // _EOK} 억",
        "apprch_rate": "",
        "frgn_hldn_qty": str(issue.listed_shares // 2),
    }


def _ranges(tape: Tape, days: list[DayBar]) -> dict[str, str]:
    last = tape.last_krw
    year = [day for day in days[:250] if day.day.year == days[0].day.year]
    out: dict[str, str] = {}
    for bars, high_name, low_name, rate in (
        (days[:250], "d250_hgpr", "d250_lwpr", "{}_vrss_prpr_rate"),
        (year, "stck_dryy_hgpr", "stck_dryy_lwpr", "{}_vrss_prpr_rate"),
        (days[:245], "w52_hgpr", "w52_lwpr", "{}_vrss_prpr_ctrt"),
    ):
        top = max(bars, key=lambda bar: bar.high_krw)
        bottom = min(bars, key=lambda bar: bar.low_krw)
        for name, price, day in (
            (high_name, top.high_krw, top.day),
            (low_name, bottom.low_krw, bottom.day),
        ):
            short = name.removeprefix("stck_")
            out[name] = str(price)
            out[f"{short}_date"] = day.strftime("%Y%m%d")
            out[rate.format(short)] = decimal((last - price) * 100, price, 2)
    return out


def _names(issue: Issue) -> dict[str, str]:
    return {
        "pdno": f"{issue.symbol:0>12}",
        "prdt_type_cd": "300",
        "prdt_name": issue.name,
        "prdt_name120": issue.name,
        "prdt_abrv_name": issue.name,
        "prdt_eng_name": issue.name_en,
        "prdt_eng_name120": issue.name_en,
        "prdt_eng_abrv_name": issue.name_en,
    }


def _industry(issue: Issue) -> dict[str, str]:
    return {
        "idx_bztp_lcls_cd": "002",
        "idx_bztp_mcls_cd": "013",
        "idx_bztp_scls_cd": "013",
        "idx_bztp_lcls_cd_name": issue.sector,
        "idx_bztp_mcls_cd_name": issue.sector,
        "idx_bztp_scls_cd_name": issue.sector,
        "stck_kind_cd": "101" if issue.kind == "stock" else "",
        "std_idst_clsf_cd": "",
        "std_idst_clsf_cd_name": issue.sector,
    }


def _dates_and_codes(issue: Issue) -> dict[str, str]:
    empty = (
        "mfnd_opng_dt",
        "mfnd_end_dt",
        "dpsi_erlm_cncl_dt",
        "etf_txtn_type_cd",
        "etf_type_cd",
        "lstg_abol_dt",
        "nwst_odst_dvsn_cd",
        "thco_sbst_pric_chng_dt",
        "ocr_no",
        "issu_istt_cd",
        "stln_int_rt_dvsn_cd",
        "lstg_rqsr_issu_istt_cd",
        "lstg_rqsr_item_cd",
        "trst_istt_issu_istt_cd",
    )
    is_fund = issue.kind == "etf"
    return {
        **dict.fromkeys(empty, ""),
        "etf_cu_qty": "50000" if is_fund else "0",
        "std_pdno": "" if issue.kind == "elw" else isin(issue.symbol),
        "dpsi_aptm_erlm_yn": "Y",
        "sbst_pric": str(issue.base_krw * 8 // 10),
        "thco_sbst_pric": str(issue.base_krw * 8 // 10),
        "crfd_item_yn": "N",
        "elec_scty_yn": "Y",
        "etf_chas_erng_rt_dbnb": "1.00" if is_fund else "0.00",
        "etf_etn_ivst_heed_item_yn": "N",
        "frnr_psnl_lmt_rt": "0.00",
    }

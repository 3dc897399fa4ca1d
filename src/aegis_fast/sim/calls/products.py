"""Answer the calls about what an issue is: search-stock-info and search-info."""

from __future__ import annotations

from aegis_fast.sim.calls import inputs
from aegis_fast.sim.calls.answers import Answer, success
from aegis_fast.sim.calls.market_views import Views, no_such_issue
from aegis_fast.sim.kst import date_text
from aegis_fast.sim.market.rules import Issue
from aegis_fast.sim.market.world import World

__all__ = ["Products", "isin", "product_number"]

_FOUND = ("KIOK0530", "조회되었습니다")
_DOMESTIC = "300"
# 301 futures, 302 bonds; from 512 on foreign shares. This market lists shares, funds and warrants.
_TYPES = ("300", "301", "302", "512", "513", "515", "529")
_GROUPS = {"stock": "ST", "etf": "EF", "etn": "EN", "elw": "EW"}
# prdt_clsf_cd: 101210 was captured for a share; one code for each kind is our choice.
_CLASSES = {"stock": "101210", "etf": "101213", "etn": "101214", "elw": "101215"}
_LISTED_ON = "19750611"


def isin(symbol: str) -> str:
    """Return the standard code of a listed issue: KR7 (KRG for an ETN), symbol, 00, check digit."""
    body = f"KRG{symbol[1:]}00" if symbol.startswith("Q") else f"KR7{symbol}00"
    digits = [int(d) for char in body for d in str(int(char, 36))]
    total = 0
    for index, digit in enumerate(reversed(digits)):
        doubled = digit * 2 if index % 2 == 0 else digit
        total += doubled // 10 + doubled % 10
    return f"{body}{-total % 10}"


def product_number(issue: Issue) -> str:
    """Return the 12-character product number: 00000A005930 for a share or a fund, 00000Q for an
    ETN, zeros before a warrant's code.
    """
    letter = {"etn": "Q", "elw": ""}.get(issue.kind, "A")
    return f"{letter + issue.symbol.removeprefix('Q'):0>12}"


class Products:
    """Issue information of one market."""

    def __init__(self, views: Views, world: World) -> None:
        self._views = views
        self._world = world

    def _issue(self, params: dict[str, str]) -> Issue:
        kind = inputs.one_of(params, "PRDT_TYPE_CD", _TYPES)
        tape = self._world.tapes.get(params["PDNO"])
        if tape is None or kind != _DOMESTIC:
            raise no_such_issue()
        return tape.issue

    def stock(self, params: dict[str, str], now_ns: int) -> Answer:
        """Answer search-stock-info."""
        issue = self._issue(params)
        tape = self._world.tapes[issue.symbol]
        is_kosdaq = issue.market == "KOSDAQ"
        is_halted = self._views.of("J", issue.symbol).is_halted
        return success(
            *_FOUND,
            output={
                **_names(issue),
                "mket_id_cd": "KSQ" if is_kosdaq else "STK",
                "scty_grp_id_cd": _GROUPS[issue.kind],
                "excg_dvsn_cd": "03" if is_kosdaq else "02",
                "setl_mmdd": "12",
                "lstg_stqt": str(issue.listed_shares),
                "lstg_cptl_amt": "0",
                "cpta": str(issue.listed_shares * 100),
                "papr": "100",
                "issu_pric": "0",
                "kospi200_item_yn": "Y" if issue.is_kospi200 else "N",
                "scts_mket_lstg_dt": "" if is_kosdaq else _LISTED_ON,
                "scts_mket_lstg_abol_dt": "",
                "kosdaq_mket_lstg_dt": _LISTED_ON if is_kosdaq else "",
                "kosdaq_mket_lstg_abol_dt": "",
                "frbd_mket_lstg_dt": "",
                "frbd_mket_lstg_abol_dt": "",
                "reits_kind_cd": "",
                "etf_dvsn_cd": "1" if issue.kind == "etf" else "0",
                "oilf_fund_yn": "N",
                **_industry(issue),
                **_dates_and_codes(issue),
                "tr_stop_yn": "Y" if is_halted else "N",
                "admn_item_yn": "N",
                "thdt_clpr": str(tape.last_krw),
                "bfdy_clpr": str(issue.base_krw),
                "clpr_chng_dt": date_text(now_ns),
                "cptt_trad_tr_psbl_yn": "Y" if issue.is_nxt else "N",
                "nxt_tr_stop_yn": "Y" if is_halted else "N",
            },
        )

    def any(self, params: dict[str, str], now_ns: int) -> Answer:
        """Answer search-info."""
        issue = self._issue(params)
        code = _CLASSES[issue.kind]
        return success(
            *_FOUND,
            output={
                **_names(issue),
                "std_pdno": "" if issue.kind == "elw" else isin(issue.symbol),
                "shtn_pdno": issue.symbol,
                "prdt_sale_stat_cd": "",
                "prdt_risk_grad_cd": "",
                "prdt_clsf_cd": code,
                "prdt_clsf_name": "주식" if issue.kind == "stock" else issue.sector,
                "sale_strt_dt": "",
                "sale_end_dt": "",
                "wrap_asst_type_cd": "06",
                "ivst_prdt_type_cd": code[:4],
                "ivst_prdt_type_cd_name": "국내주식",
                "frst_erlm_dt": _LISTED_ON,
            },
        )


def _names(issue: Issue) -> dict[str, str]:
    return {
        "pdno": product_number(issue),
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

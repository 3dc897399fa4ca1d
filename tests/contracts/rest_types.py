"""What a value of a REST answer must look like, by the name of its field.

rest.json names the fields but hardly any type, so type and width follow from KIS's own naming:
`_yn` is a flag, `_dt` a day, `_ctrt` a percentage with two decimals, and so on. Rules are tried in
order and the first whole match counts. There is no rule for the rest: a field that none names
raises KeyError, and the test that asked fails. Widths are those of the portal's tables (19 for
amounts, 10 for prices, 18 for volumes).
"""

from __future__ import annotations

import re
from typing import NamedTuple

__all__ = ["fault_of", "rule_of"]

_SHAPES = {
    "digits": r"\d+",
    "signed": r"-?\d+",
    "decimal2": r"-?\d+\.\d{2}",
    "decimal4": r"-?\d+\.\d{4}",
    "decimal8": r"-?\d+\.\d{8}",
    "date": r"(19|20)\d\d(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])",
    "time": r"([01]\d|2[0-3])[0-5]\d[0-5]\d",
    "month": r"(0[1-9]|1[0-2])",
    "flag": r"[YN]",
    "blank_flag": r"[YN ]",
    "sign": r"[1-5]",
    "code": r"[0-9A-Za-z]+",
    "blank_code": r"[0-9A-Za-z ]*",
    "ip": r"\d{1,3}(\.\d{1,3}){3}",
    "text": r"[^\x00-\x1f]+",
}


class Rule(NamedTuple):
    """kind: a key of _SHAPES. width: at most. may_be_empty: "" means "no value"."""

    kind: str
    width: int
    may_be_empty: bool = False


_EMPTY = True
_RULES: tuple[tuple[str, Rule], ...] = (
    # Codes and numbers of issues, orders and products.
    (r"(stck|elw|unas|inter|mksc)_shrn_iscd", Rule("code", 9)),
    (r"shtn_pdno|pdno", Rule("code", 12)),
    (r"std_pdno", Rule("code", 12, _EMPTY)),
    (r"odno|orgn_odno|mgco_aptm_odno", Rule("digits", 12, _EMPTY)),
    (r"ODNO", Rule("digits", 10)),
    (r"KRX_FWDG_ORD_ORGNO|ord_gno_brno|ord_orgno", Rule("digits", 5)),
    (r"RSVN_ORD_SEQ|rsvn_ord_seq", Rule("digits", 10)),
    (r"NRML_PRCS_YN", Rule("flag", 1)),
    (r"ordr_empno", Rule("code", 60)),
    (r"inqr_ip_addr", Rule("ip", 15)),
    (r"ctac_tlno", Rule("digits", 20, _EMPTY)),
    # Flags, signs and days.
    (r"ssts_hot_yn", Rule("blank_flag", 1)),
    (r".*_yn|mang_issu_cls_code|(ovtm_)?vi_cls_code|vlnt_fin_cls_code", Rule("flag", 1)),
    (r".*_sign", Rule("sign", 1)),
    (r"bass_dt|trad_dt|ord_dt|frst_erlm_dt|.*_date|clpr_chng_dt", Rule("date", 8)),
    (r"rsvn_ord_ord_dt|rsvn_ord_rcit_dt|rsvn_end_dt", Rule("date", 8)),
    (r".*_dt", Rule("date", 8, _EMPTY)),
    (r"stac_month", Rule("month", 2)),
    (r"setl_mmdd", Rule("month", 4)),
    (r"vi_cncl_hour|cncl_rcit_tmd", Rule("time", 6, _EMPTY)),
    (r"ord_tmd", Rule("time", 6, _EMPTY)),
    (r".*_hour|.*_tmd|ORD_TMD", Rule("time", 6)),
    (r"stpm_efct_occr_dtmd", Rule("digits", 14, _EMPTY)),
    # Codes.
    (r"short_over_cls_code", Rule("blank_code", 10)),
    (r"divi_app_cls_code", Rule("blank_code", 2)),
    (r"new_hgpr_lwpr_cls_code|grmn_rate_cls_code", Rule("code", 10, _EMPTY)),
    (r"bstp_cls_code", Rule("code", 9)),
    (r"excg_id_dvsn_[Cc]d", Rule("code", 3)),
    (r"(sll_buy|ord|excg)_dvsn_cd|wday_dvsn_cd|tmnl_mdia_kind_cd", Rule("code", 2)),
    (r"prdt_type_cd|mket_id_cd|idx_bztp_.cls_cd", Rule("code", 3)),
    (r"scty_grp_id_cd|etf_dvsn_cd|wrap_asst_type_cd", Rule("code", 2)),
    (r"(prdt_clsf|ivst_prdt_type)_cd", Rule("code", 6)),
    (r"(antc|new)_mkop_cls_code|hour_cls_code|vi_kind_code", Rule("code", 3)),
    (r"(iscd_stat|mrkt_warn|mxpr_llam|flng)_cls_code", Rule("code", 3)),
    (r".*_cd|ocr_no", Rule("code", 12, _EMPTY)),
    # Ratios.
    (r"evlu_erng_rt|asst_icdc_erng_rt|fltt_rt|pfls_rt|tot_pftrt", Rule("decimal8", 30)),
    (r".*_ctrt|.*_rate|.*_ratem|.*_ehrt|.*_rltv|.*_dprt|dprt|.*_rt", Rule("decimal2", 14)),
    (r"per|pbr|eps|bps|vol_tnrt|hts_thpr|hts_ints_vltl|acpr", Rule("decimal2", 16)),
    (r"wghn_avrg_stck_prc|tick_conv_prc|etf_chas_erng_rt_dbnb", Rule("decimal2", 19)),
    (r"unas_(prpr|prdy_vrss)", Rule("decimal2", 14)),
    (r"pchs_avg_pric|avg_prvs|stck_loan_unpr", Rule("decimal4", 24)),
    # Signed amounts and changes.
    (r"(inter2_|intr_antc_cntg_|antc_cntg_)?(prdy_)?vrss|.*_vrss_prpr", Rule("signed", 10)),
    (r"prdy_vrss_vol|frgn_ntby_qty|pgtr_ntby_qty|ntby_aspr_rsqn", Rule("signed", 19)),
    (r".*_icdc\d*|bfdy_cprs_icdc|.*pfls.*|asst_icdc_amt", Rule("signed", 19)),
    # Prices, quantities, amounts.
    (r"(askp|bidp)\d*|inter2_(askp|bidp)|prpr|now_pric|stck_pbpr", Rule("digits", 10)),
    (r".*(_prpr|_oprc|_hgpr|_lwpr|_clpr|_mxpr|_llam|_sdpr|_sspr)", Rule("digits", 10)),
    (r".*_(prc|pric|unpr|val|fcam|cnpr)|aspr_unit|papr", Rule("digits", 19)),
    (r".*_(vol|qty|rsqn\d*|stcn|stqt|cnqn)|cnqn|buyqty_smtl|thdt_buyqty", Rule("digits", 19)),
    (r"vi_count", Rule("digits", 7)),
    (r".*_(amt|smtl|pbmn|chgs|cash|sbst|wcrc|tltx|fee|tax|int|evlu_tota)", Rule("digits", 20)),
    (r"ovrs_stck_evlu_amt1|tot_lnda_tot_ulst_lnda|fee|cpfn|cpta|hts_avls", Rule("digits", 22)),
    # Texts.
    (r"(fcam|cpfn)_cnnm", Rule("text", 20)),
    (r".*_(isnm|kor_name|prdt_name|eng_name|abrv_name)|prdt_.*name\d*", Rule("text", 120)),
    (r"kor_item_shtn_name|(sll_buy|ord|trad)_dvsn(_cd)?_name|prcs_rslt", Rule("text", 60)),
    (r"(new_lstn|vlnt_deal|flng|fcam_mod|mrkt_warn|mrkt_trtm)_cls_name", Rule("text", 20, _EMPTY)),
    (r".*_name|apprch_rate|revl_issu_reas|rjct_rson2|invt_epmd_cntt", Rule("text", 200, _EMPTY)),
    # Tokens.
    (r"access_token|approval_key|HASH|message|token_type", Rule("text", 350)),
    (r"access_token_token_expired", Rule("text", 19)),
    (r"code", Rule("digits", 3)),
)
# No approach rate is shown where none applies.
_EXCEPTIONS = {"apprch_rate": Rule("decimal2", 14, _EMPTY), "stpm_cndt_pric": Rule("digits", 9)}


def rule_of(name: str) -> Rule:
    """Return the rule of a field. Raises KeyError: add one, there is no default."""
    if name in _EXCEPTIONS:
        return _EXCEPTIONS[name]
    for pattern, rule in _RULES:
        if re.fullmatch(pattern, name):
            return rule
    raise KeyError(f"no rule for the field {name}")


def fault_of(name: str, value: object) -> str:
    """Return what is wrong with a value; "" when nothing is."""
    rule = rule_of(name)
    if not isinstance(value, str):
        return f"{name}: {value!r} is no string"
    if not value:
        return "" if rule.may_be_empty else f"{name} is empty"
    if len(value) > rule.width:
        return f"{name}: {value!r} is wider than {rule.width}"
    if rule.kind == "month" and name == "setl_mmdd":
        return "" if re.fullmatch(r"(0[1-9]|1[0-2])(\d\d)?", value) else f"{name}: {value!r}"
    return "" if re.fullmatch(_SHAPES[rule.kind], value) else f"{name}: {value!r} is no {rule.kind}"

"""Which fields stand in which part of an answer: the tables of rest.json give one flat list each.

A field that several parts repeat is listed once there; the portal's printed answers tell where it
stands. SLIPS and EXTRAS say where tables and answers are known to differ, and why.
"""

from __future__ import annotations

import re
from functools import cache
from importlib import resources
from typing import Any, NamedTuple

import msgspec

from aegis_fast.kis import tr
from aegis_fast.sim.calls import catalogue

__all__ = ["EXTRAS", "SLIPS", "Part", "parts_of", "table_fields"]

_CHART_ROW = [
    *("stck_bsop_date", "stck_clpr", "stck_oprc", "stck_hgpr", "stck_lwpr", "acml_vol"),
    *("acml_tr_pbmn", "flng_cls_code", "prtt_rate", "mod_yn", "prdy_vrss_sign", "prdy_vrss"),
    "revl_issu_reas",
]
_MINUTE_ROW = [
    *("stck_bsop_date", "stck_cntg_hour", "stck_prpr", "stck_oprc", "stck_hgpr", "stck_lwpr"),
    *("cntg_vol", "acml_tr_pbmn"),
]
_MINUTE_HEAD = [
    *("prdy_vrss", "prdy_vrss_sign", "prdy_ctrt", "stck_prdy_clpr", "acml_vol", "acml_tr_pbmn"),
    *("hts_kor_isnm", "stck_prpr"),
]
_TRADES_HEAD = [
    *("stck_prpr", "prdy_vrss", "prdy_vrss_sign", "prdy_ctrt", "acml_vol", "prdy_vol"),
    "rprs_mrkt_kor_name",
]
_TRADES_ROW = [
    *("stck_cntg_hour", "stck_pbpr", "prdy_vrss", "prdy_vrss_sign", "prdy_ctrt", "askp", "bidp"),
    *("tday_rltv", "acml_vol", "cnqn"),
]
_ORDER = ["KRX_FWDG_ORD_ORGNO", "ODNO", "ORD_TMD"]


class Part(NamedTuple):
    """One output of an answer. key: its name, case included; "" for the body itself."""

    key: str
    is_list: bool
    fields: tuple[str, ...]


# call -> (last field of the first part) where the table runs through two parts in order.
_SPLITS = {
    "asking-price-exp-ccn": ("new_mkop_cls_code", False, False),
    "inquire-daily-ccld": ("stpm_efct_occr_dtmd", True, False),
    "inquire-balance": ("stck_loan_unpr", True, True),
    "inquire-account-balance": ("whol_weit_rt", True, False),
    "inquire-period-trade-profit": ("loan_int", True, False),
}
_NAMED = {
    "inquire-daily-itemchartprice": {
        "output1": (False, None),
        "output2": (True, _CHART_ROW),
    },
    "inquire-time-itemchartprice": {
        "output1": (False, _MINUTE_HEAD),
        "output2": (True, _MINUTE_ROW),
    },
    "inquire-time-dailychartprice": {
        "output1": (False, _MINUTE_HEAD),
        "output2": (True, _MINUTE_ROW),
    },
    "inquire-time-itemconclusion": {
        "output1": (False, _TRADES_HEAD),
        "output2": (True, _TRADES_ROW),
    },
    "order-cash": {"output": (False, _ORDER)},
    "order-rvsecncl": {"output": (False, _ORDER)},
}
_LISTS = {
    "inquire-ccnl",
    "inquire-daily-price",
    "intstock-multprice",
    "inquire-vi-status",
    "chk-holiday",
    "inquire-psbl-rvsecncl",
    "order-resv-ccnl",
}
_BODIES = {"token", "revoke", "approval", "hashkey"}
# The description of a field uses another name than its table, which is what is sent.
SLIPS = {"antc_cnqn": "antc_vol", "cncl_cfrm_qty": "cnc_cfrm_qty"}
# A row of inquire-vi-status that names the list, not a field: the portal's answer calls it output.
_HEADINGS = {"Output1"}
EXTRAS = {
    "hashkey": {"BODY": "the portal's printed answer repeats the body"},
    "search-info": dict.fromkeys(
        [
            *("prdt_name", "prdt_name120", "prdt_abrv_name", "prdt_clsf_name"),
            *("prdt_eng_name", "prdt_eng_name120", "prdt_eng_abrv_name"),
            "ivst_prdt_type_cd_name",
        ],
        "in the portal's printed answer",
    ),
    "inquire-daily-ccld": dict.fromkeys(
        ["tot_ccld_qty", "tot_ccld_amt"], "output2 repeats them in the portal's answer"
    ),
    "inquire-period-trade-profit": {"loan_int": "output2 repeats it in the portal's answer"},
}
_CHART_SKIPPED = {"stck_bsop_date", "stck_clpr", "flng_cls_code", "prtt_rate", "mod_yn"}


def _expand(text: str) -> list[str]:
    """Return the names behind "output1[].ord_qty/ord_unpr" or "askp1..10/bidp1..10"."""
    bare = re.sub(r"^output\d?(\[\d?\])?\.", "", text)
    names: list[str] = []
    for piece in bare.split("/"):
        ranged = re.fullmatch(r"(.*?)(\d+)\.\.(\d+)", piece)
        if ranged:
            stem, first, last = ranged[1], int(ranged[2]), int(ranged[3])
            names += [f"{stem}{number}" for number in range(first, last + 1)]
        else:
            names.append(piece)
    return names


@cache
def _rows() -> dict[str, Any]:
    raw = resources.files("aegis_fast.kis").joinpath("rest.json").read_bytes()
    return {row["id"]: row for row in msgspec.json.decode(raw)["calls"]}


def table_fields(call_id: str) -> set[str]:
    """Return every field that rest.json documents for a call, in either of its two lists."""
    row = _rows().get(call_id)
    if row is None:
        return set(catalogue.calls()[call_id].output_fields)
    used = {name for field in row.get("output_used", []) for name in _expand(field["name"])}
    named = {field["name"] for field in row.get("output_all", [])}
    return {SLIPS.get(name, name) for name in used | named} - _HEADINGS


def parts_of(call_id: str) -> list[Part]:
    """Return the parts of a call's answer."""
    listed = tr.calls().get(call_id) or catalogue.calls()[call_id]
    fields = [name for name in listed.output_fields if name not in _HEADINGS]
    if call_id in _BODIES:
        return [Part("", False, tuple(sorted(table_fields(call_id))))]
    if call_id in _SPLITS:
        last, *are_lists = _SPLITS[call_id]
        cut = fields.index(str(last)) + 1
        keys = ("Output1", "Output2") if call_id == "inquire-account-balance" else ()
        keys = keys or ("output1", "output2")
        return [
            Part(key, bool(is_list), tuple(chosen))
            for key, is_list, chosen in zip(
                keys, are_lists, (fields[:cut], fields[cut:]), strict=True
            )
        ]
    if call_id in _NAMED:
        head = [name for name in fields if name not in _CHART_SKIPPED and name != "revl_issu_reas"]
        return [
            Part(key, is_list, tuple(head if names is None else names))
            for key, (is_list, names) in _NAMED[call_id].items()
        ]
    return [Part("output", call_id in _LISTS, tuple(fields))]

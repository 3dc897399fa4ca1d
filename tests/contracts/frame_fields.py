"""Say, for every field of every realtime TR, which texts it may hold. No field is left out.

The types come from realtime.json; what a type alone does not settle (enums, fixed widths, which
integers may be negative) is listed here by name. Sources: the table's notes, KIS.md, captures.
"""

from __future__ import annotations

import json
import re
from datetime import datetime
from pathlib import Path

TABLE = json.loads(
    (Path(__file__).parents[2] / "src/aegis_fast/kis/realtime.json").read_text("utf-8")
)
TRS = {row["tr_id"]: row for row in TABLE["trs"]}
TYPES = {
    tr_id: {field["name"]: field["type"] for field in row["fields"]} for tr_id, row in TRS.items()
}


def _one_of(*texts: str) -> re.Pattern[str]:
    return re.compile("|".join(re.escape(text) for text in texts))


SIGN = re.compile("[1-5]")
_YES_NO = _one_of("Y", "N")
_SIDE = _one_of("0", "1", "2")
_TAKER = _one_of("", "1", "3", "5")
_NAME = re.compile(r"\S(.{0,38}\S)?")

PATTERNS: dict[str, re.Pattern[str]] = {
    # Codes and names.
    "MKSC_SHRN_ISCD": re.compile("[0-9A-Z]{6,7}"),
    "STCK_SHRN_ISCD": re.compile("[0-9A-Z]{6,7}"),
    "BSTP_CLS_CODE": re.compile("[0-9]{4}"),
    "RSYM": re.compile("[DR](NAS|NYS|AMS|BAQ|BAY|BAA)[A-Z.]{1,8}"),
    "SYMB": re.compile("[A-Z.]{1,8}"),
    "CUST_ID": re.compile("[0-9A-Za-z]{1,12}"),
    "ACNT_NO": re.compile("[0-9]{10}"),
    "ODER_NO": re.compile("[0-9]{10}"),
    "OODER_NO": re.compile("([0-9]{10})?"),
    "BRNC_NO": re.compile("[0-9]{5}"),
    "ACNT_NAME": _NAME,
    "CNTG_ISNM40": _NAME,
    "CNTG_ISNM": _NAME,
    "FILLER": _one_of(""),
    "TR_SUSP_REAS_CNTT": re.compile(r"\(null\)|.{1,100}"),
    # Prices and quantities of notices have a fixed width.
    "CNTG_QTY": re.compile("[0-9]{10}"),
    "CNTG_UNPR": re.compile("[0-9]{9}"),
    "ODER_QTY": re.compile("[0-9]{9}"),
    "ORD_COND_PRC": re.compile("([0-9]{9})?"),
    "ODER_PRC": re.compile("([0-9]{9})?"),
    # Unused slots.
    "DUMMY": re.compile("0?"),
    "STCK_DEAL_CLS_CODE": re.compile("0?"),
    # Enums.
    "HOUR_CLS_CODE": _one_of("0", "A", "B", "C", "D"),
    "NEW_MKOP_CLS_CODE": re.compile("[0123478][012378]"),
    "TRHT_YN": _YES_NO,
    "CCLD_DVSN": _TAKER,
    "CNTG_CLS_CODE": _TAKER,
    "MRKT_TRTM_CLS_CODE": re.compile("[1-6]?"),
    "MARKET_CLS_CODE": _one_of("1", "2", "3", "5"),
    "MIDP_CLS_CODE": _SIDE,
    "KMID_CLS_CODE": _SIDE,
    "NMID_CLS_CODE": _SIDE,
    "ANTC_EXCH_CLS_CODE": _SIDE,
    "MKOP_CLS_CODE": re.compile("([0-9A-Z]{3})?"),
    "ANTC_MKOP_CLS_CODE": re.compile("(112|121|129|311)?"),
    "DIVI_APP_CLS_CODE": re.compile("([12][1-4])?"),
    "ISCD_STAT_CLS_CODE": _one_of("00", "51", "52", "53", "54", "55", "57", "58", "59"),
    "VI_CLS_CODE": _YES_NO,
    "OVTM_VI_CLS_CODE": _one_of("", "Y", "N"),
    "EXCH_CLS_CODE": _one_of("1", "2"),
    "SELN_BYOV_CLS": _one_of("01", "02"),
    "RCTF_CLS": _SIDE,
    "ODER_KIND": re.compile("[0-9]{2}"),
    "ODER_KIND2": re.compile("[0-9]"),
    "ODER_COND": _one_of("0", "1", "2"),
    "RFUS_YN": _one_of("0", "1"),
    "CNTG_YN": _one_of("1", "2"),
    "ACPT_YN": _one_of("1", "2", "3"),
    "ORD_EXG_GB": _one_of("1", "2", "3", "4"),
    "POPUP_YN": _YES_NO,
    "CRDT_CLS": re.compile("[0-9]{2}"),
    "DEBT_GB": re.compile("[0-9]{2}"),
    "TM_DIV_TP": re.compile("[0-9]{2}"),
    "MTYP": _one_of("1", "2", "3"),
    # Written like no other decimal.
    "TICK_VRSS": re.compile(r"-?[0-9]{1,6}(\.[0-9]{2})?"),
    "RATE": re.compile(r"[+-]?[0-9]{1,4}\.[0-9]{2}"),
    "STRN": re.compile(r"[0-9]{1,7}\.[0-9]{2}"),
}
_DATES = {"BSOP_DATE", "TYMD", "XYMD", "KYMD", "CRDT_LOAN_DATE", "DEBT_DATE"}
_MAY_BE_EMPTY_DATE = {"CRDT_LOAN_DATE", "DEBT_DATE"}
_DOLLARS = re.compile("OPEN|HIGH|LOW|LAST|DIFF|PBID|PASK|PBID1|PASK1|CNTG_UNPR12|CNTG_UNPR")
# Which integers may be negative: changes and balances.
_SIGNED = re.compile(".*(_VRSS|_VRSS_PRPR|_ICDC|NTBY_.*|NTBY_QTY)|BDVL|ADVL|DBID1|DASK1")
_SIGNED_IN_AUCTIONS = "CNTG_VOL"  # The change of the expected shares.
# name -> most digits of an integer, first match counts.
_DIGITS = (
    (re.compile(".*PBMN|TAMT"), 16),
    (re.compile("ASKP[0-9]+|BIDP[0-9]+|STCK_.*|.*_CNPR|.*PRC|.*_VRSS(_PRPR)?"), 9),
    (re.compile(".*CSNU|.*ISSU_CNT|ZDIV"), 9),
    (re.compile(".*"), 13),
)
_INT = re.compile("-?(0|[1-9][0-9]*)")
_DECIMAL = re.compile(r"-?(0|[1-9][0-9]*)\.[0-9]{2}")
_FOREIGN = re.compile(r"(0|[1-9][0-9]*)\.[0-9]{4}")


def is_time(text: str) -> bool:
    try:
        datetime.strptime(text, "%H%M%S")
    except ValueError:
        return False
    return len(text) == 6


def is_date(text: str) -> bool:
    try:
        datetime.strptime(text, "%Y%m%d")
    except ValueError:
        return False
    return len(text) == 8


def _is_int(tr_id: str, name: str, text: str) -> bool:
    if not _INT.fullmatch(text):
        return False
    may_be_negative = _SIGNED.fullmatch(name) or (name == _SIGNED_IN_AUCTIONS and "ANC0" in tr_id)
    if text.startswith("-") and (not may_be_negative or text == "-0"):
        return False
    most = next(digits for pattern, digits in _DIGITS if pattern.fullmatch(name))
    return len(text.lstrip("-")) <= most


def is_fit(tr_id: str, name: str, text: str) -> bool:
    """Tell whether a field may hold a text. Raises KeyError for a field without a rule."""
    kind = TYPES[tr_id][name]
    if name in _DATES:
        return is_date(text) or (name in _MAY_BE_EMPTY_DATE and not text)
    if venue_of(tr_id) == "OVERSEAS" and _DOLLARS.fullmatch(name):
        return bool(_FOREIGN.fullmatch(text))
    if name in PATTERNS:
        return bool(PATTERNS[name].fullmatch(text))
    if kind == "time":
        return is_time(text)
    if kind == "decimal":
        return bool(_DECIMAL.fullmatch(text)) and text not in ("-0.00",)
    if kind == "int":
        return _is_int(tr_id, name, text)
    if kind == "enum" and (name.endswith("_SIGN") or name == "SIGN"):
        return bool(SIGN.fullmatch(text))
    raise KeyError(f"{tr_id}.{name} ({kind}) has no rule")


def venue_of(tr_id: str) -> str:
    return str(TRS[tr_id]["venue"])


def names_of(tr_id: str, width: int) -> list[str]:
    """Return the fields of a record of that width. Raises ValueError for one that KIS never sent.

    Known shorter and longer forms come from observed_widths.
    """
    names = list(TYPES[tr_id])
    known = {entry["width"] for entry in TRS[tr_id]["observed_widths"]} | {len(names)}
    if width not in known:
        raise ValueError(f"{tr_id}: {width} values; known are {sorted(known)}")
    if tr_id in ("H0STCNI0", "H0STCNI9") and width == 23:
        return [*names[:18], "VENUE_POPUP", *names[22:]]
    if tr_id == "H0UPANC0" and width == 15:
        return [*names[:10], *names[22:27]]
    if tr_id == "HDFSASP0" and width == 16:
        return names[1:]
    if tr_id == "H0NXASP0" and width == 65:
        return [*names[:59], "KMID_PRC", "KMID_TOTAL_RSQN", "KMID_CLS_CODE", *names[59:]]
    if tr_id == "H0STOAA0" and width == 54:
        return [name for name in names if not re.fullmatch(".*10", name)]
    if width > len(names):  # The dummy that the portal adds to the expected executions.
        return [*names, *(["DUMMY"] * (width - len(names)))]
    return names[:width]


# Fields that only some widths have, and the TR whose table knows them.
BORROWED = {
    "KMID_PRC": "H0UNASP0",
    "KMID_TOTAL_RSQN": "H0UNASP0",
    "KMID_CLS_CODE": "H0UNASP0",
    "DUMMY": "H0STANC0",
}

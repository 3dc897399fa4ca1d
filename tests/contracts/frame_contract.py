"""Check a realtime frame: grammar, width, every value, and what values say about each other.

check(frame) takes a plain frame, or the plain payload of a notice as a frame with flag 0; it
returns the records by field name and raises ContractError with all that is wrong. Follow checks the
frames of one socket in a row: cumulative figures must go on without a gap.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from fractions import Fraction
from itertools import pairwise

from tests.contracts.frame_fields import BORROWED, TRS, TYPES, is_fit, names_of

Record = dict[str, str]
_LEVELS = range(1, 11)
_GLUED = re.compile("[1-4][YN]|.{1,40}")


class ContractError(AssertionError):
    """A frame is not what KIS would send."""


def split(frame: str) -> tuple[str, list[list[str]]]:
    """Return the TR and the values of each record. Raises ContractError on the grammar."""
    match = re.fullmatch(r"0\|([A-Z0-9]+)\|([0-9]{3})\|(.*)", frame, re.DOTALL)
    if match is None or "\n" in frame or "|" in match[3]:
        raise ContractError(f"not a frame: {frame[:60]!r}")
    tr_id, count, values = match[1], int(match[2]), match[3].split("^")
    if tr_id not in TRS or not count or len(values) % count:
        raise ContractError(f"{tr_id}: {len(values)} values in {count} records")
    width = len(values) // count
    return tr_id, [values[at : at + width] for at in range(0, len(values), width)]


def check(frame: str) -> tuple[str, list[Record]]:
    """Return TR and records of a frame that keeps the contract."""
    tr_id, rows = split(frame)
    try:
        names = names_of(tr_id, len(rows[0]))
    except ValueError as error:
        raise ContractError(str(error)) from error
    records = [dict(zip(names, row, strict=False)) for row in rows]
    problems: list[str] = []
    for record in records:
        problems += _values(tr_id, record)
        if not problems:
            problems += [*_relations(tr_id, record)]
    if not problems and tr_id in TRADES:
        for before, after in pairwise(records):
            problems += continuity(before, after)
    if problems:
        raise ContractError(f"{tr_id}: {'; '.join(problems)} in {frame}")
    return tr_id, records


def _values(tr_id: str, record: Record) -> list[str]:
    wrong = []
    for name, text in record.items():
        if name == "VENUE_POPUP":
            is_right = bool(_GLUED.fullmatch(text))
        elif name in TYPES[tr_id]:
            is_right = is_fit(tr_id, name, text)
        else:
            is_right = is_fit(BORROWED[name], name, text)
        if not is_right:
            wrong.append(f"{name}={text!r}")
    return wrong


def _near(text: str, numerator: int, denominator: int, slack: str = "0.0051") -> bool:
    if denominator <= 0:
        return Fraction(text) == 0
    return abs(Fraction(text) - Fraction(numerator, denominator)) <= Fraction(slack)


def _sign_fits(code: str, change: int) -> bool:
    return code in ("1", "2") if change > 0 else code in ("4", "5") if change < 0 else code == "3"


class _Look:
    """The numbers of a record, and a list of what is wrong with them."""

    def __init__(self, record: Record) -> None:
        self.record = record
        self.wrong: list[str] = []

    def __getitem__(self, name: str) -> int:
        return int(self.record[name])

    def expect(self, is_right: bool, what: str) -> None:
        if not is_right:
            self.wrong.append(what)


def _change(look: _Look, price: str, change: str, sign: str, rate: str) -> None:
    """Check price, change from the previous close, its sign code and its percentage."""
    base = look[price] - look[change]
    look.expect(_sign_fits(look.record[sign], look[change]), f"{sign} of {change}")
    look.expect(_near(look.record[rate], look[change] * 100, base), rate)


def _trade(look: _Look) -> None:
    record = look.record
    _change(look, "STCK_PRPR", "PRDY_VRSS", "PRDY_VRSS_SIGN", "PRDY_CTRT")
    price = look["STCK_PRPR"]
    # The abolished off-hours market said 3 (unchanged) for changes of 100, and its rates were
    # those of the regular session.
    is_legacy = "HOUR_CLS_CODE" not in record and "TMVL_VAL" not in record
    for word, name in (("OPRC", "STCK_OPRC"), ("HGPR", "STCK_HGPR"), ("LWPR", "STCK_LWPR")):
        look.expect(look[f"{word}_VRSS_PRPR"] == price - look[name], f"{word}_VRSS_PRPR")
        sign = record[f"{word}_VRSS_PRPR_SIGN"]
        if not is_legacy:
            look.expect(_sign_fits(sign, look[f"{word}_VRSS_PRPR"]), f"{word}_VRSS_PRPR_SIGN")
    look.expect(look["STCK_LWPR"] <= price <= look["STCK_HGPR"], "price within low and high")
    look.expect(look["STCK_LWPR"] <= look["STCK_OPRC"] <= look["STCK_HGPR"], "open within the day")
    counts = look["SHNU_CNTG_CSNU"] - look["SELN_CNTG_CSNU"]
    look.expect(look["NTBY_CNTG_CSNU"] == counts, "NTBY_CNTG_CSNU")
    bought, sold = look["SHNU_CNTG_SMTN"], look["SELN_CNTG_SMTN"]
    volume, value = look["ACML_VOL"], look["ACML_TR_PBMN"]
    look.expect(bought + sold <= volume, "bought + sold <= ACML_VOL")
    look.expect(0 < look["CNTG_VOL"] <= volume, "CNTG_VOL")
    look.expect(price * look["CNTG_VOL"] <= value, "ACML_TR_PBMN")
    look.expect(volume * look["STCK_LWPR"] <= value <= volume * look["STCK_HGPR"], "mean price")
    if not is_legacy:
        look.expect(_near(record["CTTR"], bought * 100, sold), "CTTR")
        look.expect(_near(record["SHNU_RATE"], bought, volume, "0.0101"), "SHNU_RATE")
        # The broker's average lags behind by a few trades.
        average = record["WGHN_AVRG_STCK_PRC"]
        look.expect(_near(average, value, volume, "0.5"), "WGHN_AVRG_STCK_PRC")
    for word in ("ASKP", "BIDP"):
        look.expect(look[f"{word}_RSQN1"] <= look[f"TOTAL_{word}_RSQN"], f"TOTAL_{word}_RSQN")
    yesterday = look["PRDY_SMNS_HOUR_ACML_VOL"] if "PRDY_SMNS_HOUR_ACML_VOL" in record else 0
    if yesterday:
        rate = record["PRDY_SMNS_HOUR_ACML_VOL_RATE"]
        look.expect(_near(rate, volume * 100, yesterday), "PRDY_SMNS_HOUR_ACML_VOL_RATE")
    if record.get("CCLD_DVSN", record.get("CNTG_CLS_CODE")) == "" and volume == look["CNTG_VOL"]:
        look.expect(bought == sold == counts == 0, "an opening print has no sides")


def _ladder(look: _Look, most: int, *, may_cross: bool) -> None:
    for word, order in (("ASKP", 1), ("BIDP", -1)):
        prices = [look[f"{word}{level}"] for level in _LEVELS]
        sizes = [look[f"{word}_RSQN{level}"] for level in _LEVELS]
        shown = [price for price in prices if price]
        look.expect(prices == shown + [0] * (10 - len(shown)), f"{word}: zeros last")
        look.expect(shown == sorted(set(shown), reverse=order < 0), f"{word}: best first")
        look.expect([bool(p) for p in prices] == [bool(s) for s in sizes], f"{word}: price or size")
        look.expect(len(shown) <= most, f"{word}: at most {most} levels")
        look.expect(look[f"TOTAL_{word}_RSQN"] == sum(sizes), f"TOTAL_{word}_RSQN")
    both = look["ASKP1"] and look["BIDP1"]
    look.expect(not both or may_cross or look["BIDP1"] < look["ASKP1"], "bid below ask")


def _depth(look: _Look) -> None:
    record = look.record
    is_auction = record["HOUR_CLS_CODE"] != "0"
    is_elw = "LP_TOTAL_ASKP_RSQN" in record
    is_unified = "ANTC_EXCH_CLS_CODE" in record or {"KMID_PRC", "NMID_PRC"} <= set(record)
    _ladder(look, 10 if is_unified or not is_auction else 3, may_cross=is_unified)
    price, change = look["ANTC_CNPR"], look["ANTC_CNTG_VRSS"]
    # Outside auctions ANTC_VOL keeps the volume of the last one.
    look.expect(not price or look["ANTC_CNQN"] == look["ANTC_VOL"], "ANTC_CNQN and ANTC_VOL")
    look.expect(
        "ACML_VOL" not in record or price or look["ANTC_VOL"] <= look["ACML_VOL"], "ANTC_VOL"
    )
    look.expect(bool(price) == bool(look["ANTC_CNQN"]), "an expected price has shares")
    look.expect(is_auction or not price, "no expected price outside auctions")
    if price or not is_elw:
        _change(look, "ANTC_CNPR", "ANTC_CNTG_VRSS", "ANTC_CNTG_VRSS_SIGN", "ANTC_CNTG_PRDY_CTRT")
    else:
        zeros = (change, record["ANTC_CNTG_VRSS_SIGN"], record["ANTC_CNTG_PRDY_CTRT"])
        look.expect(zeros == (0, "3", "0.00"), "an ELW without expected price shows zeros")
    for word in ("MID", "KMID", "NMID"):
        total = "MIDP_TOTAL_RSQN" if word == "MID" else f"{word}_TOTAL_RSQN"
        side = "MIDP_CLS_CODE" if word == "MID" else f"{word}_CLS_CODE"
        if total in record:
            look.expect(bool(look[total]) == (record[side] != "0"), f"{side} of {total}")
            look.expect(not is_auction or is_unified or not look[f"{word}_PRC"], f"{word}_PRC")
    if "MID_PRC" in record and look["MID_PRC"]:
        look.expect(look["MID_PRC"] == (look["BIDP1"] + look["ASKP1"]) // 2, "MID_PRC")
    if is_elw:
        for word in ("ASKP", "BIDP"):
            sizes = [look[f"LP_{word}_RSQN{level}"] for level in _LEVELS]
            look.expect(look[f"LP_TOTAL_{word}_RSQN"] == sum(sizes), f"LP_TOTAL_{word}_RSQN")
            for level, size in zip(_LEVELS, sizes, strict=True):
                look.expect(size <= look[f"{word}_RSQN{level}"], f"LP_{word}_RSQN{level}")


def _expected(look: _Look) -> None:
    record = look.record
    _change(look, "STCK_PRPR", "PRDY_VRSS", "PRDY_VRSS_SIGN", "PRDY_CTRT")
    value = look["STCK_PRPR"] * look["ACML_VOL"]
    look.expect(look["ACML_TR_PBMN"] == value, "value of the expected shares")
    for name in ("SELN_CNTG_CSNU", "SHNU_CNTG_CSNU", "NTBY_CNTG_CSNU", "SELN_CNTG_SMTN"):
        look.expect(look[name] == 0, name)
    look.expect(record.get("HOUR_CLS_CODE", "A") != "0", "HOUR_CLS_CODE of an auction")
    if record["NEW_MKOP_CLS_CODE"] == "00":
        look.expect(look["STCK_OPRC"] == look["STCK_HGPR"] == look["STCK_LWPR"] == 0, "no day yet")


def _hundredths(text: str) -> int:
    return int(Fraction(text) * 100)


def _index(look: _Look) -> None:
    record = look.record
    level, change = (_hundredths(record[n]) for n in ("PRPR_NMIX", "BSTP_NMIX_PRDY_VRSS"))
    base = level - change
    look.expect(_sign_fits(record["PRDY_VRSS_SIGN"], change), "PRDY_VRSS_SIGN")
    look.expect(_near(record["PRDY_CTRT"], change * 100, base), "PRDY_CTRT")
    look.expect(look["PCAS_VOL"] <= look["ACML_VOL"], "PCAS_VOL")
    if "OPRC_NMIX" not in record:
        return
    marks = {}
    for word, name in (("OPRC", "OPRC_NMIX"), ("HGPR", "NMIX_HGPR"), ("LWPR", "NMIX_LWPR")):
        marks[word] = _hundredths(record[name])
        moved = marks[word] - base if marks[word] else 0
        look.expect(_hundredths(record[f"{word}_VRSS_NMIX_PRPR"]) == moved, f"{word}_VRSS")
        look.expect(_sign_fits(record[f"{word}_VRSS_NMIX_SIGN"], moved), f"{word} sign")
        rate = record[f"PRDY_CLPR_VRSS_{word}_RATE"]
        look.expect(_near(rate, moved * 100, base), f"PRDY_CLPR_VRSS_{word}_RATE")
    if marks["HGPR"] and record["ACML_VOL"] != record["PCAS_VOL"]:
        look.expect(marks["LWPR"] <= level <= marks["HGPR"], "level within the day")


def _program(look: _Look) -> None:
    look.expect(look["NTBY_CNQN"] == look["SHNU_CNQN"] - look["SELN_CNQN"], "NTBY_CNQN")
    value = look["SHNU_TR_PBMN"] - look["SELN_TR_PBMN"]
    look.expect(look["NTBY_TR_PBMN"] == value, "NTBY_TR_PBMN")
    look.expect(look["WHOL_NTBY_QTY"] == look["SHNU_RSQN"] - look["SELN_RSQN"], "WHOL_NTBY_QTY")


def _status(look: _Look) -> None:
    record = look.record
    is_halted = record["TRHT_YN"] == "Y"
    look.expect(not is_halted or record["ISCD_STAT_CLS_CODE"] == "58", "state of a halted issue")


def _us_trade(look: _Look) -> None:
    record = look.record
    last, change = (int(Fraction(record[name]) * 10_000) for name in ("LAST", "DIFF"))
    if record["SIGN"] in "45":
        change = -change
    look.expect(_sign_fits(record["SIGN"], change), "SIGN")
    look.expect(_near(record["RATE"], change * 100, last - change), "RATE")
    low, high, opened = (Fraction(record[name]) for name in ("LOW", "HIGH", "OPEN"))
    look.expect(low <= Fraction(record["LAST"]) <= high, "LAST within the day")
    look.expect(low <= opened <= high, "OPEN within the day")
    look.expect(_near(record["STRN"], look["ASVL"] * 100, look["BIVL"]), "STRN")
    look.expect(Fraction(record["PBID"]) < Fraction(record["PASK"]), "bid below ask")
    look.expect(record["RSYM"].endswith(record["SYMB"]), "RSYM")
    _clocks(look)


def _clocks(look: _Look) -> None:
    local, korea = look.record["XHMS"], look.record["KHMS"]
    look.expect(local[2:] == korea[2:], "minutes of both clocks")
    hours = (int(korea[:2]) - int(local[:2])) % 24
    look.expect(hours in (13, 14), "New York is 13 or 14 hours behind")


def _us_quote(look: _Look) -> None:
    record = look.record
    look.expect(Fraction(record["PBID1"]) < Fraction(record["PASK1"]), "bid below ask")
    look.expect(look["BVOL"] == look["VBID1"], "BVOL")
    look.expect(look["AVOL"] == look["VASK1"], "AVOL")
    _clocks(look)


def _notice(look: _Look) -> None:
    record = look.record
    is_fill = record["CNTG_YN"] == "2"
    look.expect(look["CNTG_QTY"] <= look["ODER_QTY"], "CNTG_QTY")
    look.expect(bool(look["ODER_QTY"]), "ODER_QTY")
    look.expect(is_fill == bool(record["ODER_PRC"]), "ODER_PRC on fills only")
    look.expect(not is_fill or (record["ACPT_YN"], record["RFUS_YN"]) == ("2", "0"), "a fill")
    look.expect((record["RCTF_CLS"] == "0") == (record["OODER_NO"] == ""), "OODER_NO")
    # The first capture of a partial fill prices all; a rejected order has nothing filled.
    look.expect(not is_fill or bool(look["CNTG_UNPR"]), "CNTG_UNPR of a fill")


def _legacy_book(look: _Look) -> None:
    look.expect(look["TOTAL_ASKP_RSQN"] >= 0, "TOTAL_ASKP_RSQN")


TRADES = {"H0STCNT0", "H0NXCNT0", "H0UNCNT0", "H0EWCNT0", "H0STOUP0"}
_RULES: dict[str, Callable[[_Look], None]] = {
    **dict.fromkeys(TRADES, _trade),
    **dict.fromkeys(("H0STASP0", "H0NXASP0", "H0UNASP0", "H0EWASP0", "H0STOAA0"), _depth),
    **dict.fromkeys(("H0STANC0", "H0NXANC0", "H0UNANC0", "H0EWANC0", "H0STOAC0"), _expected),
    **dict.fromkeys(("H0STMKO0", "H0NXMKO0", "H0UNMKO0"), _status),
    **dict.fromkeys(("H0UPCNT0", "H0UPANC0"), _index),
    **dict.fromkeys(("H0STCNI0", "H0STCNI9", "H0GSCNI0", "H0GSCNI9"), _notice),
    "H0STPGM0": _program,
    "HDFSCNT0": _us_trade,
    "HDFSASP0": _us_quote,
}


def _relations(tr_id: str, record: Record) -> list[str]:
    look = _Look(record)
    _RULES[tr_id](look)
    return look.wrong


def continuity(before: Record, after: Record) -> list[str]:
    """Return what does not follow between two trades of one issue and day on one TR."""
    qty = int(after["ACML_VOL"]) - int(before["ACML_VOL"])
    value = int(after["ACML_TR_PBMN"]) - int(before["ACML_TR_PBMN"])
    wrong = []
    if qty != int(after["CNTG_VOL"]):
        wrong.append(f"ACML_VOL grows by {qty}, CNTG_VOL is {after['CNTG_VOL']}")
    if value != qty * int(after["STCK_PRPR"]):
        wrong.append(f"ACML_TR_PBMN grows by {value}")
    for name in ("SELN_CNTG_CSNU", "SHNU_CNTG_CSNU", "SELN_CNTG_SMTN", "SHNU_CNTG_SMTN"):
        if int(after[name]) < int(before[name]):
            wrong.append(f"{name} falls")
    return wrong


class Follow:
    """Check the frames of one socket one after the other."""

    def __init__(self) -> None:
        self._last: dict[tuple[str, str], Record] = {}
        self.counts: dict[str, int] = {}
        self.records: dict[str, list[Record]] = {}

    def take(self, frame: str) -> None:
        """Check a frame, and that it goes on where the one before ended."""
        tr_id, records = check(frame)
        self.counts[tr_id] = self.counts.get(tr_id, 0) + 1
        self.records.setdefault(tr_id, []).extend(records)
        for record in records:
            key = tr_id, next(iter(record.values()))
            before = self._last.get(key)
            self._last[key] = record
            if before is None:
                continue
            wrong = self._steps(tr_id, before, record)
            if wrong:
                raise ContractError(f"{tr_id} {key[1]}: {'; '.join(wrong)}")

    @staticmethod
    def _steps(tr_id: str, before: Record, after: Record) -> list[str]:
        if tr_id in TRADES and before["BSOP_DATE"] == after["BSOP_DATE"]:
            return continuity(before, after)
        if tr_id == "H0UPCNT0" and int(after["ACML_VOL"]) >= int(before["ACML_VOL"]):
            step = int(after["ACML_VOL"]) - int(before["ACML_VOL"])
            return [] if step == int(after["PCAS_VOL"]) else ["PCAS_VOL"]
        if tr_id == "HDFSCNT0" and before["TYMD"] == after["TYMD"]:
            step = int(after["TVOL"]) - int(before["TVOL"])
            return [] if step == int(after["EVOL"]) else ["EVOL"]
        if tr_id in ("H0STASP0", "H0NXASP0", "H0UNASP0"):
            wrong = []
            for word in ("TOTAL_ASKP_RSQN", "TOTAL_BIDP_RSQN"):
                step = int(after[word]) - int(before[word])
                if step != int(after[f"{word}_ICDC"]):
                    wrong.append(f"{word}_ICDC")
            return wrong
        if tr_id == "H0STPGM0":
            grows = ("SELN_CNQN", "SHNU_CNQN", "SELN_TR_PBMN", "SHNU_TR_PBMN")
            return [name for name in grows if int(after[name]) < int(before[name])]
        return []

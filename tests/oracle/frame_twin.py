"""Parse KIS realtime frames by splitting text, with positions taken from kis/realtime.json."""

from __future__ import annotations

import json
import re
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

from tests.contracts.frame_fields import BORROWED, TRS, TYPES, names_of

_TABLE_FILE = Path(__file__).parents[2] / "src" / "aegis_fast" / "kis" / "realtime.json"
_TABLES = {
    tr["tr_id"]: [field["name"] for field in tr["fields"]]
    for tr in json.loads(_TABLE_FILE.read_text(encoding="utf-8"))["trs"]
}
INT64_MAX = 2**63 - 1

TRADES = {"H0STCNT0": "KRX", "H0NXCNT0": "NXT", "H0UNCNT0": "UN", "H0EWCNT0": "KRX"}
DEPTHS = {"H0STASP0": "KRX", "H0NXASP0": "NXT", "H0UNASP0": "UN", "H0EWASP0": "KRX"}
NOTICES = ("H0STCNI0", "H0STCNI9")
# Two streams that the table names as having the fields of H0STPGM0.
_LIKE = {"H0NXPGM0": "H0STPGM0", "H0UNPGM0": "H0STPGM0"}
ALL = (*_TABLES, *_LIKE)
OTHERS = tuple(tr for tr in ALL if tr not in {*TRADES, *DEPTHS, *NOTICES})

TRADE_FIELDS = {
    "time_hhmmss": "STCK_CNTG_HOUR",
    "price_krw": "STCK_PRPR",
    "qty": "CNTG_VOL",
    "cum_qty": "ACML_VOL",
    "cum_value_krw": "ACML_TR_PBMN",
    "best_ask_krw": "ASKP1",
    "best_bid_krw": "BIDP1",
    "open_krw": "STCK_OPRC",
    "high_krw": "STCK_HGPR",
    "low_krw": "STCK_LWPR",
    "business_date": "BSOP_DATE",
    "best_ask_qty": "ASKP_RSQN1",
    "best_bid_qty": "BIDP_RSQN1",
}
DEPTH_FIELDS = {
    "time_hhmmss": "BSOP_HOUR",
    "total_ask_qty": "TOTAL_ASKP_RSQN",
    "total_bid_qty": "TOTAL_BIDP_RSQN",
    "expected_price_krw": "ANTC_CNPR",
    "expected_qty": "ANTC_CNQN",
}


class TwinError(ValueError):
    """The frame makes no sense."""


def number(value: bytes) -> int | None:
    if value in (b"", b"(null)"):
        return None
    if not re.fullmatch(rb"[0-9]+", value) or int(value) > INT64_MAX:
        raise TwinError(value)
    return int(value)


def signed(value: bytes) -> int | None:
    if value[:1] in (b"-", b"+"):
        if not re.fullmatch(rb"[0-9]+", value[1:]):
            raise TwinError(value)
        size = number(value[1:])
        assert size is not None
        return -size if value[:1] == b"-" else size
    return number(value)


def symbol(value: bytes) -> str:
    if not re.fullmatch(rb"[0-9A-Za-z]{6,12}", value):
        raise TwinError(value)
    return value.decode()


def text(value: bytes, room: int) -> str:
    if len(value) >= room or not all(0x20 <= byte <= 0x7E for byte in value):
        raise TwinError(value)
    return value.decode()


def flag(value: bytes, no: bytes, yes: bytes) -> bool:
    if value not in (no, yes):
        raise TwinError(value)
    return value == yes


def name(value: bytes) -> str:
    if len(value) > 95:
        cut = 95
        while cut and value[cut] & 0xC0 == 0x80:
            cut -= 1
        value = value[:cut]
    return value.split(b"\0")[0].decode("utf-8", "replace")


def _trade(tr_id: str, values: list[bytes]) -> dict[str, Any]:
    at = _TABLES[tr_id].index
    record: dict[str, Any] = {
        "symbol": symbol(values[at("MKSC_SHRN_ISCD")]),
        "venue": TRADES[tr_id],
        "change_krw": signed(values[at("PRDY_VRSS")]),
        "side": {b"1": 1, b"5": 2}.get(values[21], 0),
        "market_class": 0,
        "recv_ns": 0,
    }
    for attribute, field in TRADE_FIELDS.items():
        record[attribute] = number(values[at(field)])
    if tr_id != "H0EWCNT0" and len(values) >= 47:
        last = values[at("MARKET_CLS_CODE")]
        record["market_class"] = int(last) if re.fullmatch(rb"[0-9]", last) else 0
    return record


def _depth(tr_id: str, values: list[bytes]) -> dict[str, Any]:
    at = _TABLES[tr_id].index
    hour_class = values[at("HOUR_CLS_CODE")]
    record: dict[str, Any] = {
        "symbol": symbol(values[at("MKSC_SHRN_ISCD")]),
        "venue": DEPTHS[tr_id],
        "hour_class": hour_class.decode() if re.fullmatch(rb"[!-~]", hour_class) else "",
        "cum_qty": None if tr_id == "H0EWASP0" else number(values[at("ACML_VOL")]),
        "recv_ns": 0,
    }
    for attribute, field in DEPTH_FIELDS.items():
        record[attribute] = number(values[at(field)])
    for attribute, field in (
        ("ask_price_krw", "ASKP"),
        ("bid_price_krw", "BIDP"),
        ("ask_qty", "ASKP_RSQN"),
        ("bid_qty", "BIDP_RSQN"),
    ):
        record[attribute] = tuple(
            number(values[at(f"{field}{level}")]) or 0 for level in range(1, 11)
        )
    return record


def _notice(tr_id: str, values: list[bytes]) -> dict[str, Any]:
    at = _TABLES[tr_id].index
    if not re.fullmatch(rb"[0-9]{10}", values[at("ACNT_NO")]):
        raise TwinError("account")
    broker_order_id = number(values[at("ODER_NO")])
    if broker_order_id is None:
        raise TwinError("order number")
    if len(values) >= 26:
        venue, label, price = values[19], values[24], values[25]
    else:
        pair = re.fullmatch(rb"(.)[YN]", values[18], re.DOTALL)
        venue, label, price = pair[1] if pair else b"", values[-2], values[-1]
    return {
        "customer_id": text(values[at("CUST_ID")], 24),
        "account": values[at("ACNT_NO")].decode(),
        "broker_order_id": broker_order_id,
        "original_broker_order_id": number(values[at("OODER_NO")]) or 0,
        "side": {1: 2, 2: 1}.get(number(values[at("SELN_BYOV_CLS")]) or 0, 0),
        "action": number(values[at("RCTF_CLS")]) or 0,
        "order_kind": text(values[at("ODER_KIND")], 8),
        "order_condition": number(values[at("ODER_COND")]) or 0,
        "symbol": symbol(values[at("STCK_SHRN_ISCD")]),
        "fill_qty": number(values[at("CNTG_QTY")]),
        "price_krw": number(values[at("CNTG_UNPR")]),
        "time_hhmmss": number(values[at("STCK_CNTG_HOUR")]),
        "is_rejected": flag(values[at("RFUS_YN")], b"0", b"1"),
        "is_fill": flag(values[at("CNTG_YN")], b"1", b"2"),
        "accept_code": number(values[at("ACPT_YN")]) or 0,
        "branch": text(values[at("BRNC_NO")], 8),
        "order_qty": number(values[at("ODER_QTY")]),
        "venue_code": int(venue) if venue in (b"1", b"2", b"3", b"4") else 0,
        "order_price_krw": number(price),
        "instrument_name": name(label),
        "recv_ns": 0,
    }


@cache
def known_widths(tr_id: str) -> list[int]:
    row = TRS[_LIKE.get(tr_id, tr_id)]
    return sorted({row["n_fields"], *(entry["width"] for entry in row["observed_widths"])})


@cache
def table_fields(tr_id: str, width: int) -> list[tuple[str, str]]:
    """Return name and type of the values that a record of any width surely has."""
    like = _LIKE.get(tr_id, tr_id)
    narrower = [known for known in known_widths(tr_id) if known <= width]
    wider = [known for known in known_widths(tr_id) if known >= width]
    if not narrower:
        raise TwinError("narrow")
    names = names_of(like, narrower[-1])
    if wider:
        pairs = list(zip(names, names_of(like, wider[0]), strict=False))
        agreed = [one == other for one, other in pairs]
        names = names[: [*agreed, False].index(False)]
    types = {"VENUE_POPUP": "str"}
    types |= {name: TYPES[borrowed][name] for name, borrowed in BORROWED.items()}
    types |= TYPES[like]
    return [(name, types[name]) for name in names]


def micro(value: bytes) -> int | None:
    if value in (b"", b"(null)"):
        return None
    if not re.fullmatch(rb"[+-]?([0-9]+|[0-9]*\.[0-9]+)", value):
        raise TwinError(value)
    scaled = Fraction(value.decode()) * 1_000_000
    if scaled.denominator != 1 or abs(scaled) > INT64_MAX:
        raise TwinError(value)
    return int(scaled)


def words(value: bytes) -> str | None:
    return None if value in (b"", b"(null)") else value.decode()


READERS = {"int": signed, "time": number, "decimal": micro, "enum": words, "str": words}


def _table_record(tr_id: str, values: list[bytes]) -> dict[str, Any]:
    fields = table_fields(tr_id, len(values))
    record: dict[str, Any] = {"tr_id": tr_id, "recv_ns": 0}
    for (field, kind), value in zip(fields, values, strict=False):
        record[field] = READERS[kind](value)
    record["extra"] = tuple(words(value) for value in values[len(fields) :])
    return record


def _head(frame: bytes) -> tuple[str, bytes, bytes]:
    parts = frame.split(b"|", 3)
    if len(parts) != 4 or parts[0] != b"0":
        raise TwinError("header")
    return parts[1].decode("latin-1"), parts[2], parts[3]


def _records(shown_count: bytes, payload: bytes, needed: int) -> list[list[bytes]]:
    if not re.fullmatch(rb"[0-9]+", shown_count) or int(shown_count) == 0:
        raise TwinError("count")
    values, count = payload.split(b"^"), int(shown_count)
    if len(values) % count or len(values) // count < needed:
        raise TwinError("width")
    width = len(values) // count
    return [values[i : i + width] for i in range(0, len(values), width)]


def parse_table(frame: bytes) -> list[dict[str, Any]]:
    """Return the records as the dicts that TableRecord.as_dict gives."""
    tr_id, count, payload = _head(frame)
    if tr_id not in ALL:
        raise TwinError(tr_id)
    try:
        payload.decode()
    except UnicodeDecodeError as error:
        raise TwinError(payload) from error
    return [_table_record(tr_id, values) for values in _records(count, payload, 1)]


def parse(frame: bytes) -> list[dict[str, Any]]:
    """Return the records as dicts of the attributes of Trade, Depth, Notice or TableRecord."""
    tr_id, count, payload = _head(frame)
    if tr_id in TRADES:
        read, needed = _trade, 38
    elif tr_id in DEPTHS:
        read, needed = _depth, 47 if tr_id == "H0EWASP0" else 54
    elif tr_id in NOTICES:
        read, needed = _notice, 23
    else:
        return parse_table(frame)
    return [read(tr_id, values) for values in _records(count, payload, needed)]

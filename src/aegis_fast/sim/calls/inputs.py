"""Read the parameters of a call: names, widths, and values of the right kind.

Widths are those of the portal's tables. What is missing, too long or of the wrong kind is refused
with OPSQ2002 and the name of the field.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime

from aegis_fast.kis.tr import Call
from aegis_fast.sim.calls.answers import Refusal, Request
from aegis_fast.sim.decoding import NotJSON, decoded
from aegis_fast.sim.kst import parse_hhmmss

__all__ = ["day", "invalid", "number", "one_of", "params_of", "second"]

_VENUE = "EXCG_ID_DVSN_CD"
_MAX_PARAMS = 100
_NUMBER_DIGITS = 12
_ANY_WIDTH = 32
_WIDTHS = {
    "CANO": 8,
    "ACNT_PRDT_CD": 2,
    "PDNO": 12,
    "PRDT_TYPE_CD": 3,
    "ORD_DVSN": 2,
    "ORD_DVSN_CD": 2,
    "ORD_QTY": 19,
    "ORD_UNPR": 19,
    "CNDT_PRIC": 19,
    "SLL_TYPE": 2,
    "CRDT_TYPE": 2,
    "KRX_FWDG_ORD_ORGNO": 10,
    "ORGN_ODNO": 10,
    "ODNO": 10,
    "ORD_GNO_BRNO": 5,
    "RSVN_ORD_SEQ": 10,
    "RSVN_ORD_ORGNO": 5,
    "CTAC_TLNO": 20,
    "FID_COND_MRKT_DIV_CODE": 2,
    "FID_INPUT_ISCD": 12,
    "FID_INPUT_HOUR_1": 10,
    "FID_INPUT_DATE_1": 10,
    "FID_INPUT_DATE_2": 10,
    "BASS_DT": 8,
    "CTX_AREA_FK": 20,
    "CTX_AREA_NK": 20,
    "CTX_AREA_FK100": 100,
    "CTX_AREA_NK100": 100,
    "CTX_AREA_FK200": 200,
    "CTX_AREA_NK200": 200,
    _VENUE: 4,
}
_WIDTHS_BY_ENDING = {"_YN": 1, "_DT": 8, "_DVSN_CD": 2}


def _width(name: str) -> int:
    slot, _, index = name.rpartition("_")
    if index.isdigit() and slot in ("FID_COND_MRKT_DIV_CODE", "FID_INPUT_ISCD"):
        return _WIDTHS[slot]
    if name in _WIDTHS:
        return _WIDTHS[name]
    return next(
        (width for ending, width in _WIDTHS_BY_ENDING.items() if name.endswith(ending)), _ANY_WIDTH
    )


def _required(call: Call) -> list[str]:
    # "FID_INPUT_ISCD_1..30": up to thirty slots, of which the first must be there.
    return [name.partition("..")[0] for name in call.required]


def params_of(call: Call, request: Request) -> dict[str, str]:
    """Return the checked parameters: upper-case names, text values. Raises Refusal.

    A query may use lower-case names, a body may not. A query with a repeated name never gets here:
    the door keeps the first.
    """
    if call.method == "GET":
        params = {name.upper(): value for name, value in request.query.items()}
    else:
        params = _body(request)
    # The ids of before NXT (2025-03-04) know no venue, and mean KRX.
    is_old = request.headers.get("tr_id") in call.old_tr_ids.values()
    for name in _required(call):
        if name not in params and not (is_old and name == _VENUE):
            raise Refusal("OPSQ2002", f"ERROR INPUT FIELD NOT FOUND [{name}]")
    if len(params) > _MAX_PARAMS:
        raise Refusal("OPSQ2002", "ERROR INPUT FIELD COUNT")
    for name, value in params.items():
        if len(value) > _width(name):
            raise Refusal("OPSQ2002", f"ERROR INPUT FIELD SIZE [{name[:40]}]")
    return params


def _body(request: Request) -> dict[str, str]:
    try:
        body = decoded(request.body)
    except NotJSON:
        raise Refusal("OPSQ9997", "JSON PARSING ERROR") from None
    if not isinstance(body, dict):
        raise Refusal("OPSQ9995", "JSON BODY NOT FOUND")
    for name, value in body.items():
        if not isinstance(value, str):
            raise Refusal("OPSQ2002", f"ERROR INPUT FIELD TYPE [{name[:40]}] : string")
    return body


def invalid(name: str) -> Refusal:
    """Return the refusal of a value that does not fit its field."""
    return Refusal("OPSQ2002", f"ERROR INVALID FIELD VALUE [{name}]")


def number(params: Mapping[str, str], name: str) -> int:
    """Return a parameter that is a whole number, not negative. Raises Refusal."""
    text = params.get(name, "").strip()
    if not text.isascii() or not text.isdigit() or len(text) > _NUMBER_DIGITS:
        raise invalid(name)
    return int(text)


def one_of(params: Mapping[str, str], name: str, allowed: tuple[str, ...]) -> str:
    """Return a parameter that must be one of a few; "" when it is absent. Raises Refusal."""
    value = params.get(name, "")
    if value not in allowed:
        raise invalid(name)
    return value


def day(params: Mapping[str, str], name: str) -> date:
    """Return a parameter that is a calendar day, YYYYMMDD. Raises Refusal."""
    text = params.get(name, "")
    if len(text) != 8 or not text.isascii() or not text.isdigit():
        raise invalid(name)
    try:
        return datetime.strptime(text, "%Y%m%d").date()  # noqa: DTZ007  (a calendar day)
    except ValueError:
        raise invalid(name) from None


def second(params: Mapping[str, str], name: str) -> int:
    """Return the second of the day that a parameter names, HHMMSS. Raises Refusal."""
    try:
        return parse_hhmmss(params.get(name, ""))
    except ValueError:
        raise invalid(name) from None

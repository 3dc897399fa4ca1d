"""Find out what a call, a frame or a notice is about, so that a fault can be aimed at it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from aegis_fast.kis import tr
from aegis_fast.sim.calls.answers import Request
from aegis_fast.sim.decoding import NotJSON, decoded
from aegis_fast.sim.desk.ledger import OrderEntry
from aegis_fast.sim.faults.rules import Aim
from aegis_fast.sim.feed.frames import Notice

__all__ = ["aim_of_call", "aim_of_frame", "aim_of_notice"]

# FID_COND_MRKT_DIV_CODE; the unified market is what SOR sees.
_MARKETS = {"J": "KRX", "NX": "NXT", "UN": "SOR"}
_REALTIME_VENUES = {"KRX": "KRX", "NXT": "NXT", "UNIFIED": "SOR"}


def _params(request: Request) -> dict[str, Any]:
    if request.query or not request.body:
        return {name.upper(): value for name, value in request.query.items()}
    try:
        body = decoded(request.body)
    except NotJSON:
        return {}  # It lands all the same, and is refused for what it is.
    if not isinstance(body, dict):
        return {}
    return {str(name).upper(): value for name, value in body.items()}


def _text(params: Mapping[str, Any], *names: str) -> str:
    for name in names:
        value = params.get(name)
        if isinstance(value, str) and value:
            return value
    return ""


def _shared(legs: list[Any]) -> dict[str, Any]:
    """Return the issue and venue of a batch of orders, where it is one for all of them."""
    found = {}
    for name in ("PDNO", "EXCG_ID_DVSN_CD"):
        values = {str(leg.get(name, "")) for leg in legs if isinstance(leg, dict)}
        if len(values) == 1:
            found[name] = values.pop()
    return found


def aim_of_call(
    request: Request, call_id: str, order_of: Callable[[int], OrderEntry | None]
) -> Aim:
    """Return what a REST call is about.

    An amend or cancel names no issue: it is that of today's order which it changes (order_of finds
    it by number). An order without
    EXCG_ID_DVSN_CD goes to KRX.
    """
    params = _params(request)
    if isinstance(legs := params.get("ORDERS"), list):
        params |= _shared(legs)
    venue = _text(params, "EXCG_ID_DVSN_CD")
    if not venue:
        market = _text(params, "FID_COND_MRKT_DIV_CODE")
        venue = _MARKETS.get(market, "KRX" if call_id.startswith("order-") else "")
    symbol = _text(params, "PDNO", "FID_INPUT_ISCD")
    number = _text(params, "ORGN_ODNO").strip()
    if not symbol and number.isascii() and number.isdigit():
        entry = order_of(int(number))
        symbol = entry.symbol if entry is not None else ""
    return Aim(
        tr=request.headers.get("tr_id", ""),
        call=call_id,
        venue=venue,
        symbol=symbol,
        account=_text(params, "CANO") + _text(params, "ACNT_PRDT_CD"),
        appkey=request.headers.get("appkey", "") or _text(params, "APPKEY"),
    )


def aim_of_frame(tr_id: str, tr_key: str) -> Aim:
    """Return what a realtime frame or a registration is about. Whose it is, its sockets tell."""
    known = tr.realtime().get(tr_id)
    venue = _REALTIME_VENUES.get(known.venue, "") if known is not None else ""
    is_notice = known is not None and known.is_encrypted
    return Aim(tr=tr_id, venue=venue, symbol="" if is_notice else tr_key, is_shared=True)


def aim_of_notice(notice: Notice, notice_tr: str, appkey: str) -> Aim:
    """Return what an own-order notice is about. It is the order's, whatever call caused it."""
    return Aim(
        tr=notice_tr,
        venue=notice.venue,
        symbol=notice.symbol,
        account=notice.account,
        appkey=appkey,
    )

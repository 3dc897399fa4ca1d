"""Answer OVC_ORDER: several orders of one account in one call. The profile spec only.

KIS has no such call; it is the specification's section 2.2 in its plainest reading (A1). POST to
PATH with tr_id OVC_ORDER and

    {"CANO": "50000000", "ACNT_PRDT_CD": "01", "ORDERS": [
        {"PDNO": "005930", "SLL_BUY_DVSN_CD": "02", "ORD_DVSN": "00", "ORD_QTY": "10",
         "ORD_UNPR": "70000", "EXCG_ID_DVSN_CD": "KRX"}, ...]}

SLL_BUY_DVSN_CD is 01 (sell) or 02 (buy), the venue may be left out. It is one call against the
limit. Answered in the order of the legs: `output1` counts them (ORD_CNT, SUCC_CNT, FAIL_CNT),
`output2` has a row for each with rt_cd, msg_cd, msg1 and, where it was taken, KRX_FWDG_ORD_ORGNO,
ODNO and ORD_TMD. A leg that is refused leaves the others as they are: nothing is rolled back. What
is wrong with the envelope (no leg, more than MAX_LEGS, a leg of another account, a field missing)
refuses the whole before any leg is looked at by the market.
"""

from __future__ import annotations

from typing import Any

import msgspec

from aegis_fast.sim.calls.answers import Answer, Asked, Refusal, Request, failure, success
from aegis_fast.sim.calls.trading import Trading
from aegis_fast.sim.decoding import NotJSON, decoded
from aegis_fast.sim.desk.account import Account
from aegis_fast.sim.door import Customer

__all__ = ["CALL_ID", "MAX_LEGS", "PATH", "TR_ID", "Batch"]

CALL_ID = "order-batch"
PATH = "/uapi/domestic-stock/v1/trading/order-batch"
TR_ID = "OVC_ORDER"
MAX_LEGS = 20
_SIDES = {"01": "sell", "02": "buy"}
_REQUIRED = ("PDNO", "SLL_BUY_DVSN_CD", "ORD_DVSN", "ORD_QTY", "ORD_UNPR")
_TAKEN = ("KRX_FWDG_ORD_ORGNO", "ODNO", "ORD_TMD")


class Batch:
    """The batch call of one broker."""

    def __init__(self, accounts: dict[str, Account], trading: Trading) -> None:
        self._accounts = accounts
        self._trading = trading

    def answer(self, request: Request, customer: Customer, now_ns: int) -> Answer:
        """Place every leg in turn. Raises Refusal when the envelope is wrong."""
        if request.headers.get("tr_id") != TR_ID:
            raise Refusal("OPSQ0002", f"없는 서비스 코드 입니다: {request.headers.get('tr_id')}")
        body = _body(request.body)
        number = _text(body, "CANO") + _text(body, "ACNT_PRDT_CD")
        legs = _legs(body)
        for leg in legs:
            own = leg.get("CANO", body["CANO"]) + leg.get("ACNT_PRDT_CD", body["ACNT_PRDT_CD"])
            if own != number:
                raise Refusal("OPSQ2000", "ERROR : INPUT INVALID_CHECK_ACNO")
        if number not in customer.accounts:
            raise Refusal("OPSQ2000", "ERROR : INPUT INVALID_CHECK_ACNO")
        account = self._accounts[number]
        rows = [self._row(account, leg, request.ip, now_ns) for leg in legs]
        taken = sum(row["rt_cd"] == "0" for row in rows)
        counts = {
            "ORD_CNT": str(len(rows)),
            "SUCC_CNT": str(taken),
            "FAIL_CNT": str(len(rows) - taken),
        }
        return success("APBK0013", "주문 전송 완료 되었습니다.", output1=counts, output2=rows)

    def _row(self, account: Account, leg: dict[str, str], ip: str, now_ns: int) -> dict[str, str]:
        """Place one leg and return its row."""
        variant = _SIDES[leg["SLL_BUY_DVSN_CD"]]
        try:
            answer = self._trading.place(Asked(account, leg, variant, "", ip, now_ns))
        except Refusal as refusal:
            answer = failure(refusal)
        body = msgspec.json.decode(answer.body)
        output = body.get("output") or {}
        row = {name: body[name] for name in ("rt_cd", "msg_cd", "msg1")}
        return row | {"PDNO": leg["PDNO"]} | {name: output.get(name, "") for name in _TAKEN}


def _body(raw: bytes) -> dict[str, Any]:
    try:
        body = decoded(raw)
    except NotJSON:
        raise Refusal("OPSQ9997", "JSON PARSING ERROR") from None
    if not isinstance(body, dict):
        raise Refusal("OPSQ9995", "JSON BODY NOT FOUND")
    return body


def _text(fields: dict[str, Any], name: str) -> str:
    value = fields.get(name)
    if value is None:
        raise Refusal("OPSQ2002", f"ERROR INPUT FIELD NOT FOUND [{name}]")
    if not isinstance(value, str) or len(value) > 200:
        raise Refusal("OPSQ2002", f"ERROR INPUT FIELD TYPE [{name}] : string")
    return value


def _legs(body: dict[str, Any]) -> list[dict[str, str]]:
    legs = body.get("ORDERS")
    if not isinstance(legs, list) or not legs:
        raise Refusal("OPSQ2002", "ERROR INPUT FIELD NOT FOUND [ORDERS]")
    if len(legs) > MAX_LEGS:
        raise Refusal("OPSQ2002", f"ERROR INPUT FIELD SIZE [ORDERS] : {MAX_LEGS}")
    return [_leg(leg) for leg in legs]


def _leg(leg: Any) -> dict[str, str]:
    if not isinstance(leg, dict):
        raise Refusal("OPSQ2002", "ERROR INPUT FIELD TYPE [ORDERS]")
    for name in _REQUIRED:
        _text(leg, name)
    checked = {name: _text(leg, name) for name in leg}
    if checked["SLL_BUY_DVSN_CD"] not in _SIDES:
        raise Refusal("OPSQ2002", "ERROR INVALID FIELD VALUE [SLL_BUY_DVSN_CD]")
    return checked

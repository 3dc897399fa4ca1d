"""Find out what a REST call wants, check it as the broker's gateway does, and have it answered."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import msgspec

from aegis_fast.kis import tr
from aegis_fast.kis.tr import Call
from aegis_fast.sim import batch
from aegis_fast.sim.account import Account
from aegis_fast.sim.answers import Answer, Asked, Refusal, Request, failure, success
from aegis_fast.sim.balance import Balances
from aegis_fast.sim.charts import Charts
from aegis_fast.sim.door import Customer, Door, oauth_failure
from aegis_fast.sim.quotes import Quotes
from aegis_fast.sim.rules import Rules
from aegis_fast.sim.trading import Trading

__all__ = ["Desks", "Rest", "call_of"]

_MARKETS = ("J", "UN")  # NX has no separate book here.
_QUOTE_OK = ("MCA00000", "정상처리 되었습니다.")
_VENUE = "EXCG_ID_DVSN_CD"
_KEYLESS = frozenset({"token", "revoke", "approval", "hashkey"})


@cache
def _paths() -> dict[str, Call]:
    return {call.path: call for call in tr.calls().values()}


def _call_at(path: str) -> Call | None:
    # The gateway takes doubled slashes: mojito2 asks for "//uapi/..." and is answered.
    return _paths().get("/" + path.lstrip("/"))


def call_of(path: str) -> str:
    """Return the call id behind a path, "" when there is none."""
    call = _call_at(path)
    if call is None:
        return batch.CALL_ID if path == batch.PATH else ""
    return call.id


class Desks:
    """Everything that answers calls, by name."""

    def __init__(
        self, door: Door, quotes: Quotes, charts: Charts, trading: Trading, balances: Balances
    ) -> None:
        self.door = door
        self.quotes = quotes
        self.charts = charts
        self.trading = trading
        self.balances = balances


class Rest:
    """The REST side of one broker."""

    def __init__(self, rules: Rules, accounts: dict[str, Account], desks: Desks) -> None:
        self._rules = rules
        self._accounts = accounts
        self._desks = desks
        self._quote_calls: dict[str, Callable[[dict[str, str], int], Answer]] = {
            "inquire-price": self._price,
            "asking-price-exp-ccn": self._book,
            "inquire-daily-itemchartprice": self._days,
            "inquire-time-itemchartprice": self._minutes,
            "search-stock-info": self._issue_info,
        }
        trading = desks.trading
        self._batch = batch.Batch(accounts, trading) if rules.has_batch else None
        self._trading_calls: dict[str, Callable[[Asked], Answer]] = {
            "order-cash": trading.place,
            "order-rvsecncl": trading.change,
            "inquire-psbl-rvsecncl": trading.open_orders,
            "inquire-daily-ccld": trading.day_orders,
            "inquire-balance": desks.balances.answer,
            "inquire-psbl-order": trading.buying_power,
        }

    def answer(self, request: Request, now_ns: int, real_ns: int | None = None) -> Answer:
        """Answer one call. Never raises: what is wrong becomes a refusal.

        real_ns: the door's time, now_ns when left out.
        """
        door_ns = now_ns if real_ns is None else real_ns
        if request.path == batch.PATH and self._batch is not None:
            return self._batch_answer(self._batch, request, now_ns, door_ns)
        call = _call_at(request.path)
        if call is None:
            text = f"없는 서비스 코드 입니다: {request.path}"
            return failure(Refusal("OPSQ0002", text, status=404))
        try:
            if request.method != call.method:
                text = f"{request.method} 는 허용되지 않습니다. ({call.method})"
                raise Refusal("EGW00101", text, status=405)
            if call.id in _KEYLESS:
                return self._keyless(call.id, request, door_ns)
            customer = self._desks.door.enter(request, door_ns)
            return self._dispatch(call, request, customer, now_ns)
        except Refusal as refusal:
            if call.id in _KEYLESS and call.id != "hashkey":
                return oauth_failure(refusal.venue_code, refusal.status)
            return failure(refusal)

    def _batch_answer(
        self, orders: batch.Batch, request: Request, now_ns: int, door_ns: int
    ) -> Answer:
        try:
            if request.method != "POST":
                text = f"{request.method} 는 허용되지 않습니다. (POST)"
                raise Refusal("EGW00101", text, status=405)
            return orders.answer(request, self._desks.door.enter(request, door_ns), now_ns)
        except Refusal as refusal:
            return failure(refusal)

    def _keyless(self, call_id: str, request: Request, now_ns: int) -> Answer:
        door = self._desks.door
        if call_id == "token":
            return door.token(request, now_ns)
        if call_id == "approval":
            return door.approval(request, now_ns)
        return door.revoke(request) if call_id == "revoke" else door.hashkey(request)

    def _dispatch(self, call: Call, request: Request, customer: Customer, now_ns: int) -> Answer:
        variant = self._check_tr_id(call, request.headers.get("tr_id", ""))
        custtype = request.headers.get("custtype") or "P"
        if custtype not in ("P", "B"):
            raise Refusal("EGW00208", "custtype이 유효하지 않습니다.", status=500)
        params = self._params(call, request)
        tr_cont = request.headers.get("tr_cont", "")
        if call.id in self._quote_calls:
            return self._quote_calls[call.id](params, now_ns)
        trading = self._trading_calls.get(call.id)
        if trading is None:
            text = f"simulator: {call.id} 은(는) 아직 지원하지 않습니다."
            raise Refusal("OPSQ0002", text, status=404)
        asked = Asked(self._account(customer, params), params, variant, tr_cont, request.ip, now_ns)
        return trading(asked)

    def _check_tr_id(self, call: Call, tr_id: str) -> str:
        """Return the variant that a tr_id names ("buy", "sell", ...). Raises Refusal."""
        if not tr_id:
            raise Refusal("OPSQ9999", "tr_id를 찾을 수 없습니다.")
        environment = self._rules.kis.environment
        for ids in (call.tr_ids, call.old_tr_ids):
            for (offered_to, variant), known in ids.items():
                if known == tr_id and offered_to == environment:
                    return variant
        if self._rules.is_paper:
            raise Refusal("EGW00213", "모의투자 TR 이 아닙니다.", status=500)
        raise Refusal("OPSQ0002", f"없는 서비스 코드 입니다: {tr_id}", status=500)

    def _params(self, call: Call, request: Request) -> dict[str, str]:
        """Return the checked parameters: upper-case names, text values."""
        if call.method == "GET":
            params = {name.upper(): value for name, value in request.query.items()}
        else:
            params = _post_body(request.body)
        # The ids of before NXT (2025-03-04) know no venue, and mean KRX.
        is_old = request.headers.get("tr_id") in call.old_tr_ids.values()
        for name in call.required:
            if name not in params and not (is_old and name == _VENUE):
                raise Refusal("OPSQ2002", f"ERROR INPUT FIELD NOT FOUND [{name}]")
        for name, value in params.items():
            if len(value) > 200:
                raise Refusal("OPSQ2002", f"ERROR INPUT FIELD SIZE [{name}]")
        return params

    def _account(self, customer: Customer, params: dict[str, str]) -> Account:
        number = params["CANO"] + params["ACNT_PRDT_CD"]
        if number not in customer.accounts:
            raise Refusal("OPSQ2000", "ERROR : INPUT INVALID_CHECK_ACNO")
        return self._accounts[number]

    @staticmethod
    def _symbol(params: dict[str, str]) -> str:
        if params["FID_COND_MRKT_DIV_CODE"] not in _MARKETS:
            raise Refusal("OPSQ2001", "ERROR INVALID FID_COND_MRKT_DIV_CODE")
        return params["FID_INPUT_ISCD"]

    def _price(self, params: dict[str, str], now_ns: int) -> Answer:
        return success(*_QUOTE_OK, output=self._desks.quotes.price(self._symbol(params)))

    def _book(self, params: dict[str, str], now_ns: int) -> Answer:
        shown, expected = self._desks.quotes.book(self._symbol(params), now_ns)
        return success(*_QUOTE_OK, output1=shown, output2=expected)

    def _days(self, params: dict[str, str], now_ns: int) -> Answer:
        self._symbol(params)
        summary, rows = self._desks.charts.days(params, now_ns)
        return success(*_QUOTE_OK, output1=summary, output2=rows)

    def _minutes(self, params: dict[str, str], now_ns: int) -> Answer:
        self._symbol(params)
        summary, rows = self._desks.charts.minutes(params, now_ns)
        return success(*_QUOTE_OK, output1=summary, output2=rows)

    def _issue_info(self, params: dict[str, str], now_ns: int) -> Answer:
        return success(
            "KIOK0530", "조회되었습니다.", output=self._desks.quotes.issue_info(params["PDNO"])
        )


def _post_body(raw: bytes) -> dict[str, str]:
    try:
        body: Any = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise Refusal("OPSQ9997", "JSON PARSING ERROR") from None
    if not isinstance(body, dict):
        raise Refusal("OPSQ9995", "JSON BODY NOT FOUND")
    for name, value in body.items():
        if not isinstance(value, str):
            raise Refusal("OPSQ2002", f"ERROR INPUT FIELD TYPE [{name}] : string")
    return body

"""Build every KIS request, as data: path, tr_id, query or body. `answers` reads what comes back.

POST bodies have UPPER CASE keys and string values only. The venue always goes with an order: the
chosen one on real, KRX on paper, where nothing else exists (reading A14). Source: rest.json.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec
import orjson

from aegis_fast.core.model import (
    AmendOrder,
    CancelOrder,
    OrderType,
    PlaceOrder,
    Side,
    Venue,
)
from aegis_fast.errors import InvalidRequest
from aegis_fast.hot.order_body import change_body, place_body
from aegis_fast.kis import tr
from aegis_fast.kis.credentials import AppCredentials
from aegis_fast.kis.profile import Profile

__all__ = [
    "FIRST_PAGE",
    "ORD_DVSN",
    "PageKey",
    "Request",
    "amend_order",
    "approval",
    "asking_price",
    "balance",
    "cancel_order",
    "day_orders",
    "open_orders",
    "orderable",
    "place_order",
    "price",
    "stock_info",
    "token",
]

# Order types of section 7.2 as KIS knows them (reading O3, A12).
ORD_DVSN = {OrderType.LIMIT: "00", OrderType.MARKET: "01", OrderType.CONDITIONAL: "02"}
# Clients send 00 on every cancel; whether special types need their own code is unverified.
_CANCEL_DVSN = "00"
_AMEND, _CANCEL = "01", "02"
_JSON = "application/json; charset=utf-8"


@dataclass(frozen=True, slots=True)
class PageKey:
    """Where a paged list goes on: the CTX_AREA_* values of the page before, spaces included."""

    fk: str = field(repr=False)
    nk: str = field(repr=False)


FIRST_PAGE = PageKey("", "")


class Request(msgspec.Struct, frozen=True):
    """One HTTP request, without the host and the credentials' headers.

    tr_cont: "" for the first page, "N" for the following ones. query and body stay out of the
    textual form: they name the account.
    """

    call_id: str
    method: str
    path: str
    tr_id: str
    query: Mapping[str, str] = {}
    body: bytes = b""
    tr_cont: str = ""

    def __repr__(self) -> str:
        return f"Request({self.call_id!r}, {self.method!r}, {self.path!r}, {self.tr_id!r})"

    def headers(self, credentials: AppCredentials, access_token: str) -> dict[str, str]:
        """Return the headers of a call that needs a token. They are secrets: never log them."""
        return {
            "content-type": _JSON,
            "authorization": f"Bearer {access_token}",
            "appkey": credentials.appkey,
            "appsecret": credentials.appsecret,
            "tr_id": self.tr_id,
            "tr_cont": self.tr_cont,
            "custtype": "P",
        }


def place_order(profile: Profile, command: PlaceOrder) -> Request:
    """Build order-cash. Raises InvalidRequest for what this environment cannot send."""
    kind = _order_kind(profile, command.order_type, command.venue)
    is_market = command.order_type is OrderType.MARKET
    if command.qty <= 0:
        raise InvalidRequest("수량이 없습니다 / no quantity", field="qty", expected="1 or more")
    if is_market != (command.price_krw == 0) or command.price_krw < 0:
        raise InvalidRequest(
            "가격이 주문 유형과 맞지 않습니다 / price does not fit the order type",
            field="price_krw",
            expected="0 for market, above 0 for limit and conditional",
        )
    try:
        body = place_body(
            command.account,
            command.symbol,
            kind,
            command.qty,
            command.price_krw,
            command.venue.value,
        )
    except (ValueError, TypeError) as error:
        raise _unwritable(command.account, error) from error
    return _send(profile, "order-cash", body, "buy" if command.side is Side.BUY else "sell")


def amend_order(profile: Profile, command: AmendOrder) -> Request:
    """Build order-rvsecncl that moves all that remains to another price.

    The quantity is left to KIS ("all remaining"): a fill on its way cannot make it too large (O6).
    """
    kind = _order_kind(profile, command.order_type, command.venue)
    if command.order_type is OrderType.MARKET or command.price_krw <= 0:
        raise InvalidRequest(
            "시장가 주문은 정정할 수 없습니다 / a market order has no price to amend",
            field="price_krw",
            expected="a limit or conditional order and a price above 0",
        )
    return _change(profile, command, kind, _AMEND, 0, command.price_krw, is_all=True)


def cancel_order(profile: Profile, command: CancelOrder) -> Request:
    """Build order-rvsecncl that takes qty shares, or all that remains, out of the market."""
    _check_venue(profile, command.venue)
    if command.qty < 0:
        raise InvalidRequest("수량 오류 / wrong quantity", field="qty", expected="0 (all) or more")
    return _change(profile, command, _CANCEL_DVSN, _CANCEL, command.qty, 0, is_all=command.qty == 0)


def day_orders(
    profile: Profile, account: str, yyyymmdd: int, page: PageKey = FIRST_PAGE
) -> Request:
    """Build inquire-daily-ccld for one day, every order, every venue, oldest first.

    Oldest first: an order placed between two pages comes at the end and shifts nothing.
    """
    every_venue = "ALL" if profile.environment == "real" else "KRX"
    query = _account(account) | {
        "INQR_STRT_DT": str(yyyymmdd),
        "INQR_END_DT": str(yyyymmdd),
        "SLL_BUY_DVSN_CD": "00",
        "PDNO": "",
        "ORD_GNO_BRNO": "",
        "ODNO": "",
        "CCLD_DVSN": "00",
        "INQR_DVSN": "01",
        "INQR_DVSN_1": "",
        "INQR_DVSN_3": "00",
        "EXCG_ID_DVSN_CD": every_venue,
    }
    return _get(profile, "inquire-daily-ccld", query | _page(page), page, "within_3_months")


def open_orders(profile: Profile, account: str, page: PageKey = FIRST_PAGE) -> Request:
    """Build inquire-psbl-rvsecncl: what can still be amended or canceled. Not on paper."""
    query = _account(account) | {"INQR_DVSN_1": "0", "INQR_DVSN_2": "0"}
    return _get(profile, "inquire-psbl-rvsecncl", query | _page(page), page)


def balance(profile: Profile, account: str, page: PageKey = FIRST_PAGE) -> Request:
    """Build inquire-balance by stock, with yesterday's trades, at KRX prices."""
    query = _account(account) | {
        "AFHR_FLPR_YN": "N",
        "OFL_YN": "",
        "INQR_DVSN": "02",
        "UNPR_DVSN": "01",
        "FUND_STTL_ICLD_YN": "N",
        "FNCG_AMT_AUTO_RDPT_YN": "N",
        "PRCS_DVSN": "00",
    }
    return _get(profile, "inquire-balance", query | _page(page), page)


def orderable(profile: Profile, account: str, symbol: str) -> Request:
    """Build inquire-psbl-order. ORD_DVSN 01 has the stock's own margin rate applied."""
    query = _account(account) | {
        "PDNO": symbol,
        "ORD_UNPR": "0",
        "ORD_DVSN": "01",
        "CMA_EVLU_AMT_ICLD_YN": "N",
        "OVRS_ICLD_YN": "N",
    }
    return _get(profile, "inquire-psbl-order", query)


def price(profile: Profile, symbol: str, market: str = "J") -> Request:
    """Build inquire-price, the specification's t1101. market: J = KRX, NX = NXT, UN = both."""
    return _get(profile, "inquire-price", _quotation(symbol, market))


def asking_price(profile: Profile, symbol: str, market: str = "J") -> Request:
    """Build inquire-asking-price-exp-ccn: ten levels a side, now."""
    return _get(profile, "asking-price-exp-ccn", _quotation(symbol, market))


def stock_info(profile: Profile, symbol: str) -> Request:
    """Build search-stock-info: market, kind and NXT eligibility. Not on paper."""
    return _get(profile, "search-stock-info", {"PRDT_TYPE_CD": "300", "PDNO": symbol})


def token(profile: Profile, credentials: AppCredentials) -> Request:
    """Build tokenP. The body carries the secret: it is left out of the textual form."""
    return _post(
        profile,
        "token",
        {
            "grant_type": "client_credentials",
            "appkey": credentials.appkey,
            "appsecret": credentials.appsecret,
        },
    )


def approval(profile: Profile, credentials: AppCredentials) -> Request:
    """Build Approval. KIS names the secret `secretkey` here and nowhere else."""
    return _post(
        profile,
        "approval",
        {
            "grant_type": "client_credentials",
            "appkey": credentials.appkey,
            "secretkey": credentials.appsecret,
        },
    )


def _account(account: str) -> dict[str, str]:
    if len(account) != 10 or not (account.isascii() and account.isdigit()):
        raise InvalidRequest("계좌번호 오류 / wrong account", field="account", expected="10 digits")
    return {"CANO": account[:8], "ACNT_PRDT_CD": account[8:]}


def _change(
    profile: Profile,
    command: AmendOrder | CancelOrder,
    kind: str,
    action: str,
    qty: int,
    price_krw: int,
    *,
    is_all: bool,
) -> Request:
    if command.broker_order_id <= 0:
        raise InvalidRequest(
            "원주문번호가 없습니다 / the order has no broker number yet",
            field="broker_order_id",
            expected="the ODNO of the order",
        )
    try:
        body = change_body(
            command.account,
            command.org_no,
            command.broker_order_id,
            kind,
            action,
            qty,
            price_krw,
            is_all,
            command.venue.value,
        )
    except (ValueError, TypeError) as error:
        raise _unwritable(command.account, error) from error
    return _send(profile, "order-rvsecncl", body)


def _unwritable(account: str, error: Exception) -> InvalidRequest:
    try:
        _account(account)
    except InvalidRequest as wrong_account:
        return wrong_account
    return InvalidRequest(
        f"주문 내용 오류 / {error}", field="order", expected="plain text and numbers"
    )


def _check_venue(profile: Profile, venue: Venue) -> None:
    if venue.value not in profile.venues:
        raise InvalidRequest(
            f"{profile.name} 환경에는 {venue} 시장이 없습니다 / {profile.name} has no {venue}",
            field="venue",
            expected=" | ".join(profile.venues),
        )


def _order_kind(profile: Profile, order_type: OrderType, venue: Venue) -> str:
    _check_venue(profile, venue)
    kind = tr.order_kinds()[ORD_DVSN[order_type]]
    if venue.value not in kind.venues:
        raise InvalidRequest(
            f"{venue} 시장은 {kind.name_ko} 주문을 받지 않습니다 / {venue} takes no {order_type}",
            field="type",
            expected=f"venue {' or '.join(sorted(kind.venues))}",
        )
    return kind.code


def _quotation(symbol: str, market: str) -> dict[str, str]:
    return {"FID_COND_MRKT_DIV_CODE": market, "FID_INPUT_ISCD": symbol}


def _page(page: PageKey) -> dict[str, str]:
    return {"CTX_AREA_FK100": page.fk, "CTX_AREA_NK100": page.nk}


def _call(profile: Profile, call_id: str, variant: str) -> tuple[tr.Call, str]:
    call = tr.call(call_id)
    try:
        return call, call.tr_id(profile.environment, variant)
    except KeyError:
        raise InvalidRequest(
            f"{profile.name} 환경에는 {call_id} 조회가 없습니다 / {profile.name} has no {call_id}",
            field="env",
            expected="the live or sim environment",
        ) from None


def _get(
    profile: Profile,
    call_id: str,
    query: dict[str, str],
    page: PageKey = FIRST_PAGE,
    variant: str = "",
) -> Request:
    call, tr_id = _call(profile, call_id, variant)
    tr_cont = "" if page == FIRST_PAGE else "N"
    return Request(call_id, call.method, call.path, tr_id, query=query, tr_cont=tr_cont)


def _post(profile: Profile, call_id: str, body: dict[str, str], variant: str = "") -> Request:
    return _send(profile, call_id, orjson.dumps(body), variant)


def _send(profile: Profile, call_id: str, body: bytes, variant: str = "") -> Request:
    call, tr_id = _call(profile, call_id, variant)
    return Request(call_id, call.method, call.path, tr_id, body=body)

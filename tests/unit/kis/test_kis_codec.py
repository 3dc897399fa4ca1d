"""Requests are exactly what KIS documents, per environment, order type and venue."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from aegis_fast.core.model import OrderType, Side, Venue
from aegis_fast.errors import InvalidRequest
from aegis_fast.kis import codec, tr
from aegis_fast.kis.codec import PageKey
from aegis_fast.kis.profile import LIVE, PAPER, SIM, SIM_ACCOUNT, SIM_APPKEY, SIM_APPSECRET
from tests.unit.kis.kis_samples import CREDENTIALS, amend, cancel, market, place

ORDER_PATH = "/uapi/domestic-stock/v1/trading/order-cash"
RVSECNCL_PATH = "/uapi/domestic-stock/v1/trading/order-rvsecncl"


def test_limit_buy_body_is_exact() -> None:
    request = codec.place_order(LIVE, place(venue=Venue.SOR))

    assert (request.method, request.path, request.tr_id) == ("POST", ORDER_PATH, "TTTC0012U")
    assert orjson.loads(request.body) == {
        "CANO": "50000000",
        "ACNT_PRDT_CD": "01",
        "PDNO": "005930",
        "ORD_DVSN": "00",
        "ORD_QTY": "10",
        "ORD_UNPR": "70000",
        "EXCG_ID_DVSN_CD": "SOR",
    }


def test_o3_market_order_has_kind_01_and_price_0() -> None:
    body = orjson.loads(codec.place_order(LIVE, market()).body)

    assert (body["ORD_DVSN"], body["ORD_UNPR"]) == ("01", "0")


def test_s86_conditional_order_has_kind_02_and_its_price() -> None:
    command = place(order_type=OrderType.CONDITIONAL)
    body = orjson.loads(codec.place_order(LIVE, command).body)

    assert (body["ORD_DVSN"], body["ORD_UNPR"]) == ("02", "70000")


@pytest.mark.parametrize(
    ("profile", "side", "tr_id"),
    [
        (LIVE, Side.BUY, "TTTC0012U"),
        (LIVE, Side.SELL, "TTTC0011U"),
        (SIM, Side.BUY, "TTTC0012U"),
        (PAPER, Side.BUY, "VTTC0012U"),
        (PAPER, Side.SELL, "VTTC0011U"),
    ],
)
def test_s69_order_ids_follow_environment_and_side(profile: Any, side: Side, tr_id: str) -> None:
    request = codec.place_order(profile, place(side=side))

    assert request.tr_id == tr_id
    assert orjson.loads(request.body)["EXCG_ID_DVSN_CD"] == "KRX"


@pytest.mark.parametrize("venue", [Venue.NXT, Venue.SOR])
def test_a14_paper_refuses_other_venues_here(venue: Venue) -> None:
    for build, command in (
        (codec.place_order, place(venue=venue)),
        (codec.amend_order, amend(venue=venue)),
        (codec.cancel_order, cancel(venue=venue)),
    ):
        with pytest.raises(InvalidRequest) as caught:
            build(PAPER, command)  # type: ignore[operator]
        assert caught.value.field == "venue"


@pytest.mark.parametrize(
    ("order_type", "venue", "is_taken"),
    [
        (OrderType.LIMIT, Venue.NXT, True),
        (OrderType.MARKET, Venue.NXT, False),
        (OrderType.MARKET, Venue.SOR, True),
        (OrderType.CONDITIONAL, Venue.NXT, False),
        (OrderType.CONDITIONAL, Venue.SOR, False),
    ],
)
def test_venue_takes_only_its_order_types(
    order_type: OrderType, venue: Venue, is_taken: bool
) -> None:
    price_krw = 0 if order_type is OrderType.MARKET else 70_000
    command = place(order_type=order_type, venue=venue, price_krw=price_krw)

    if is_taken:
        assert codec.place_order(LIVE, command).body
    else:
        with pytest.raises(InvalidRequest) as caught:
            codec.place_order(LIVE, command)
        assert caught.value.field == "type"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"qty": 0}, "qty"),
        ({"qty": -1}, "qty"),
        ({"price_krw": 0}, "price_krw"),
        ({"price_krw": -100}, "price_krw"),
        ({"order_type": OrderType.MARKET, "price_krw": 100}, "price_krw"),
        ({"account": "50000000"}, "account"),
    ],
)
def test_impossible_order_is_refused_before_it_is_built(
    changes: dict[str, Any], field: str
) -> None:
    with pytest.raises(InvalidRequest) as caught:
        codec.place_order(LIVE, place(**changes))

    assert caught.value.field == field


def test_amend_moves_all_that_remains_at_the_same_venue() -> None:
    request = codec.amend_order(LIVE, amend())

    assert (request.path, request.tr_id) == (RVSECNCL_PATH, "TTTC0013U")
    assert orjson.loads(request.body) == {
        "CANO": "50000000",
        "ACNT_PRDT_CD": "01",
        "KRX_FWDG_ORD_ORGNO": "91259",
        "ORGN_ODNO": "0000012345",
        "ORD_DVSN": "00",
        "RVSE_CNCL_DVSN_CD": "01",
        "ORD_QTY": "0",
        "ORD_UNPR": "70100",
        "QTY_ALL_ORD_YN": "Y",
        "EXCG_ID_DVSN_CD": "NXT",
    }
    conditional = amend(order_type=OrderType.CONDITIONAL, venue=Venue.KRX)
    assert orjson.loads(codec.amend_order(LIVE, conditional).body)["ORD_DVSN"] == "02"


def test_amend_of_a_market_order_or_without_number_is_refused() -> None:
    for command in (
        amend(order_type=OrderType.MARKET, venue=Venue.KRX),
        amend(price_krw=0),
        amend(broker_order_id=0),
    ):
        with pytest.raises(InvalidRequest):
            codec.amend_order(LIVE, command)


def test_p17_cancel_of_all_and_of_a_part() -> None:
    whole = codec.cancel_order(LIVE, cancel())
    part = orjson.loads(codec.cancel_order(PAPER, cancel(qty=3)).body)

    assert whole.tr_id == "TTTC0013U"
    assert orjson.loads(whole.body) == {
        "CANO": "50000000",
        "ACNT_PRDT_CD": "01",
        "KRX_FWDG_ORD_ORGNO": "91259",
        "ORGN_ODNO": "0000012345",
        "ORD_DVSN": "00",
        "RVSE_CNCL_DVSN_CD": "02",
        "ORD_QTY": "0",
        "ORD_UNPR": "0",
        "QTY_ALL_ORD_YN": "Y",
        "EXCG_ID_DVSN_CD": "KRX",
    }
    assert (part["ORD_QTY"], part["QTY_ALL_ORD_YN"]) == ("3", "N")
    with pytest.raises(InvalidRequest):
        codec.cancel_order(LIVE, cancel(qty=-1))


@pytest.mark.parametrize(("profile", "venue"), [(LIVE, "ALL"), (SIM, "ALL"), (PAPER, "KRX")])
def test_day_orders_ask_every_venue_that_there_is(profile: Any, venue: str) -> None:
    query = codec.day_orders(profile, SIM_ACCOUNT, 20261123).query

    assert query["EXCG_ID_DVSN_CD"] == venue
    assert (query["INQR_STRT_DT"], query["INQR_END_DT"]) == ("20261123", "20261123")
    assert (query["CCLD_DVSN"], query["SLL_BUY_DVSN_CD"], query["INQR_DVSN"]) == ("00", "00", "01")


def test_p15_next_page_carries_its_keys_and_the_mark() -> None:
    first = codec.day_orders(LIVE, SIM_ACCOUNT, 20261123)
    second = codec.day_orders(LIVE, SIM_ACCOUNT, 20261123, PageKey(" fk ", " nk  "))

    assert (first.tr_cont, first.query["CTX_AREA_FK100"]) == ("", "")
    assert second.tr_cont == "N"
    assert (second.query["CTX_AREA_FK100"], second.query["CTX_AREA_NK100"]) == (" fk ", " nk  ")


@pytest.mark.parametrize(
    ("request_", "call_id"),
    [
        (codec.place_order(LIVE, place()), "order-cash"),
        (codec.amend_order(LIVE, amend()), "order-rvsecncl"),
        (codec.cancel_order(LIVE, cancel()), "order-rvsecncl"),
        (codec.day_orders(LIVE, SIM_ACCOUNT, 20261123), "inquire-daily-ccld"),
        (codec.open_orders(LIVE, SIM_ACCOUNT), "inquire-psbl-rvsecncl"),
        (codec.balance(LIVE, SIM_ACCOUNT), "inquire-balance"),
        (codec.orderable(LIVE, SIM_ACCOUNT, "005930"), "inquire-psbl-order"),
        (codec.price(LIVE, "005930"), "inquire-price"),
        (codec.asking_price(LIVE, "005930"), "asking-price-exp-ccn"),
        (codec.stock_info(LIVE, "005930"), "search-stock-info"),
        (codec.token(LIVE, CREDENTIALS), "token"),
        (codec.approval(LIVE, CREDENTIALS), "approval"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_requests_hold_every_required_parameter_and_no_unknown_one(
    request_: codec.Request, call_id: str
) -> None:
    call = tr.call(call_id)
    sent = orjson.loads(request_.body) if request_.body else dict(request_.query)

    assert set(call.required) <= set(sent)
    assert set(sent) <= set(call.params)
    assert all(isinstance(value, str) for value in sent.values())
    assert (request_.method, request_.path) == (call.method, call.path)
    assert bool(request_.body) == (call.method == "POST")


def test_paper_lacks_some_calls_and_says_so() -> None:
    for build in (
        lambda: codec.open_orders(PAPER, SIM_ACCOUNT),
        lambda: codec.stock_info(PAPER, "005930"),
    ):
        with pytest.raises(InvalidRequest) as caught:
            build()
        assert caught.value.field == "env"


def test_orderable_asks_with_market_kind() -> None:
    query = codec.orderable(PAPER, SIM_ACCOUNT, "005930").query

    assert (query["ORD_DVSN"], query["ORD_UNPR"]) == ("01", "0")


def test_approval_names_the_secret_secretkey() -> None:
    assert orjson.loads(codec.approval(LIVE, CREDENTIALS).body)["secretkey"] == SIM_APPSECRET
    assert orjson.loads(codec.token(LIVE, CREDENTIALS).body)["appsecret"] == SIM_APPSECRET


def test_headers_carry_what_kis_wants() -> None:
    headers = codec.price(LIVE, "005930").headers(CREDENTIALS, "tok")

    assert headers == {
        "content-type": "application/json; charset=utf-8",
        "authorization": "Bearer tok",
        "appkey": SIM_APPKEY,
        "appsecret": SIM_APPSECRET,
        "tr_id": "FHKST01010100",
        "tr_cont": "",
        "custtype": "P",
    }


def test_p37_request_text_shows_neither_account_nor_secret() -> None:
    for request in (
        codec.place_order(LIVE, place()),
        codec.balance(LIVE, SIM_ACCOUNT, PageKey("50000000!^01", "n")),
        codec.token(LIVE, CREDENTIALS),
    ):
        text = repr(request) + str(request)
        assert "50000000" not in text
        assert SIM_APPSECRET not in text
    assert "50000000" not in repr(PageKey("50000000!^01", "n"))

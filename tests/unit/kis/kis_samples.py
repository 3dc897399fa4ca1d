"""Commands, answers and credentials that several KIS tests share."""

from __future__ import annotations

from typing import Any

import orjson

from aegis_fast.core.model import AmendOrder, CancelOrder, OrderType, PlaceOrder, Side, Venue
from aegis_fast.kis.credentials import AppCredentials
from aegis_fast.kis.outcome import Reply, parse_reply
from aegis_fast.kis.profile import SIM_ACCOUNT, SIM_APPKEY, SIM_APPSECRET, SIM_HTS_ID

CREDENTIALS = AppCredentials(SIM_APPKEY, SIM_APPSECRET, SIM_ACCOUNT, SIM_HTS_ID)


def place(**changes: Any) -> PlaceOrder:
    values: dict[str, Any] = {
        "order_id": "o1",
        "account": SIM_ACCOUNT,
        "symbol": "005930",
        "side": Side.BUY,
        "order_type": OrderType.LIMIT,
        "qty": 10,
        "price_krw": 70_000,
        "venue": Venue.KRX,
        "trace_id": "trace-1",
    }
    return PlaceOrder(**(values | changes))


def market(**changes: Any) -> PlaceOrder:
    return place(order_type=OrderType.MARKET, price_krw=0, **changes)


def amend(**changes: Any) -> AmendOrder:
    values: dict[str, Any] = {
        "order_id": "o1",
        "account": SIM_ACCOUNT,
        "symbol": "005930",
        "side": Side.BUY,
        "order_type": OrderType.LIMIT,
        "broker_order_id": 12345,
        "org_no": "91259",
        "leaves_qty": 7,
        "price_krw": 70_100,
        "venue": Venue.NXT,
        "trace_id": "trace-2",
    }
    return AmendOrder(**(values | changes))


def cancel(**changes: Any) -> CancelOrder:
    values: dict[str, Any] = {
        "order_id": "o1",
        "account": SIM_ACCOUNT,
        "symbol": "005930",
        "side": Side.BUY,
        "order_type": OrderType.LIMIT,
        "broker_order_id": 12345,
        "org_no": "91259",
        "qty": 0,
        "venue": Venue.KRX,
        "trace_id": "trace-3",
    }
    return CancelOrder(**(values | changes))


def ok(**values: Any) -> dict[str, Any]:
    return {"rt_cd": "0", "msg_cd": "MCA00000", "msg1": "정상처리 되었습니다.   "} | values


def reply(**values: Any) -> Reply:
    read = parse_reply(200, orjson.dumps(ok(**values)), "test")
    assert read is not None
    return read


def order_row(number: int, **changes: str) -> dict[str, str]:
    values = {
        "ord_dt": "20261123",
        "ord_gno_brno": "91259",
        "odno": f"{number:010d}",
        "orgn_odno": "",
        "ord_dvsn_name": "지정가",
        "sll_buy_dvsn_cd": "02",
        "pdno": "005930",
        "prdt_name": "삼성전자",
        "ord_qty": "10",
        "ord_unpr": "70000",
        "ord_tmd": "090001",
        "tot_ccld_qty": "3",
        "avg_prvs": "70000",
        "cncl_yn": "",
        "tot_ccld_amt": "210000",
        "ord_dvsn_cd": "00",
        "cnc_cfrm_qty": "0",
        "rmn_qty": "7",
        "rjct_qty": "0",
        "excg_id_dvsn_Cd": "KRX",
    }
    return values | changes


PRICE_ROW = {
    "iscd_stat_cls_code": "55",
    "rprs_mrkt_kor_name": "KOSPI200",
    "temp_stop_yn": "N",
    "stck_prpr": "71500",
    "prdy_vrss": "-1200",
    "prdy_vrss_sign": "5",
    "acml_vol": "12345678",
    "acml_tr_pbmn": "880000000000",
    "stck_oprc": "72000",
    "stck_hgpr": "72300",
    "stck_lwpr": "71300",
    "stck_mxpr": "94500",
    "stck_llam": "50900",
    "stck_sdpr": "72700",
    "aspr_unit": "100",
    "hts_deal_qty_unit_val": "1",
    "hts_avls": "4268475",
    "lstn_stcn": "5969782550",
}
INFO_ROW = {
    "pdno": "00000A005930",
    "prdt_abrv_name": "삼성전자",
    "excg_dvsn_cd": "02",
    "scty_grp_id_cd": "ST",
    "tr_stop_yn": "N",
    "cptt_trad_tr_psbl_yn": "Y",
    "nxt_tr_stop_yn": "N",
}

"""A good request for every call, and a broker in memory whose every list has rows."""

from __future__ import annotations

import json
from typing import Any

from aegis_fast.kis.profile import SIM_APPKEY, SIM_APPSECRET
from aegis_fast.sim.calls import catalogue
from aegis_fast.sim.calls.answers import Answer
from aegis_fast.sim.market.exchange import VI
from tests.unit.sim.sim_harness import FIRST_TOKEN, SECOND, Bench, spec

__all__ = ["HELD", "PARAMS", "ask", "busy_bench", "own_tr_id", "variants"]

ACCOUNT = {"CANO": "50000000", "ACNT_PRDT_CD": "01"}
CONTEXT = {"CTX_AREA_FK100": "", "CTX_AREA_NK100": ""}
QUOTE = {"FID_COND_MRKT_DIV_CODE": "J", "FID_INPUT_ISCD": "005930"}
TODAY = "20261123"
HELD = {"005930": (50, 13_000_000), "000660": (3, 2_800_000), "069500": (10, 1_100_000)}
_POWER = {"ORD_UNPR": "274000", "ORD_DVSN": "00", "CMA_EVLU_AMT_ICLD_YN": "N", "OVRS_ICLD_YN": "N"}
_ORDER = {**ACCOUNT, "PDNO": "005930", "ORD_DVSN": "00", "ORD_QTY": "1", "ORD_UNPR": "270000"}
_RESERVED = {
    **ACCOUNT,
    "PDNO": "005930",
    "ORD_QTY": "2",
    "ORD_UNPR": "250000",
    "SLL_BUY_DVSN_CD": "02",
    "ORD_DVSN_CD": "00",
    "ORD_OBJT_CBLC_DVSN_CD": "10",
}
PARAMS: dict[str, dict[str, str]] = {
    "token": FIRST_TOKEN,
    "revoke": {"appkey": SIM_APPKEY, "appsecret": SIM_APPSECRET, "token": ""},
    "approval": {
        "grant_type": "client_credentials",
        "appkey": SIM_APPKEY,
        "secretkey": SIM_APPSECRET,
    },
    "hashkey": _ORDER,
    "inquire-price": QUOTE,
    "inquire-price-2": QUOTE,
    "inquire-ccnl": QUOTE,
    "asking-price-exp-ccn": QUOTE,
    "inquire-daily-price": QUOTE | {"FID_PERIOD_DIV_CODE": "D", "FID_ORG_ADJ_PRC": "1"},
    "inquire-daily-itemchartprice": {
        **QUOTE,
        "FID_INPUT_DATE_1": "20260901",
        "FID_INPUT_DATE_2": TODAY,
        "FID_PERIOD_DIV_CODE": "D",
        "FID_ORG_ADJ_PRC": "0",
    },
    "inquire-time-itemchartprice": {
        **QUOTE,
        "FID_INPUT_HOUR_1": "100000",
        "FID_PW_DATA_INCU_YN": "Y",
        "FID_ETC_CLS_CODE": "",
    },
    "inquire-time-dailychartprice": {
        **QUOTE,
        "FID_INPUT_HOUR_1": "153000",
        "FID_INPUT_DATE_1": "20261118",
        "FID_PW_DATA_INCU_YN": "Y",
        "FID_FAKE_TICK_INCU_YN": "",
    },
    "inquire-time-itemconclusion": {**QUOTE, "FID_INPUT_HOUR_1": "100000"},
    "search-stock-info": {"PRDT_TYPE_CD": "300", "PDNO": "005930"},
    "search-info": {"PRDT_TYPE_CD": "300", "PDNO": "005930"},
    "inquire-elw-price": {"FID_COND_MRKT_DIV_CODE": "W", "FID_INPUT_ISCD": "57JN53"},
    "intstock-multprice": {
        "FID_COND_MRKT_DIV_CODE_1": "J",
        "FID_INPUT_ISCD_1": "005930",
        "FID_COND_MRKT_DIV_CODE_2": "J",
        "FID_INPUT_ISCD_2": "069500",
        "FID_COND_MRKT_DIV_CODE_3": "J",
        "FID_INPUT_ISCD_3": "57JN53",
    },
    "inquire-vi-status": {
        "FID_DIV_CLS_CODE": "0",
        "FID_COND_SCR_DIV_CODE": "20139",
        "FID_MRKT_CLS_CODE": "0",
        "FID_INPUT_ISCD": "",
        "FID_RANK_SORT_CLS_CODE": "0",
        "FID_INPUT_DATE_1": TODAY,
        "FID_TRGT_CLS_CODE": "",
        "FID_TRGT_EXLS_CLS_CODE": "",
    },
    "chk-holiday": {"BASS_DT": TODAY, "CTX_AREA_FK": "", "CTX_AREA_NK": ""},
    "order-cash": _ORDER,
    "order-rvsecncl": {
        **ACCOUNT,
        "KRX_FWDG_ORD_ORGNO": "91252",
        "ORGN_ODNO": "1",
        "ORD_DVSN": "00",
        "RVSE_CNCL_DVSN_CD": "02",
        "ORD_QTY": "0",
        "ORD_UNPR": "0",
        "QTY_ALL_ORD_YN": "Y",
    },
    "order-resv": _RESERVED,
    "order-resv-rvsecncl": {**_RESERVED, "RSVN_ORD_SEQ": "1"},
    "order-resv-ccnl": {
        **ACCOUNT,
        "RSVN_ORD_ORD_DT": TODAY,
        "RSVN_ORD_END_DT": TODAY,
        "TMNL_MDIA_KIND_CD": "00",
        "PRCS_DVSN_CD": "0",
        "CNCL_YN": "Y",
        "CTX_AREA_FK200": "",
        "CTX_AREA_NK200": "",
    },
    "inquire-psbl-rvsecncl": {**ACCOUNT, **CONTEXT, "INQR_DVSN_1": "0", "INQR_DVSN_2": "0"},
    "inquire-daily-ccld": {
        **ACCOUNT,
        **CONTEXT,
        "INQR_STRT_DT": TODAY,
        "INQR_END_DT": TODAY,
        "SLL_BUY_DVSN_CD": "00",
        "PDNO": "",
        "ORD_GNO_BRNO": "",
        "ODNO": "",
        "CCLD_DVSN": "00",
        "INQR_DVSN": "00",
        "INQR_DVSN_1": "",
        "INQR_DVSN_3": "00",
        "EXCG_ID_DVSN_CD": "KRX",
    },
    "inquire-balance": {
        **ACCOUNT,
        **CONTEXT,
        "AFHR_FLPR_YN": "N",
        "OFL_YN": "",
        "INQR_DVSN": "02",
        "UNPR_DVSN": "01",
        "FUND_STTL_ICLD_YN": "N",
        "FNCG_AMT_AUTO_RDPT_YN": "N",
        "PRCS_DVSN": "00",
    },
    "inquire-psbl-order": {**ACCOUNT, "PDNO": "005930", **_POWER},
    "inquire-psbl-sell": {**ACCOUNT, "PDNO": "005930"},
    "inquire-account-balance": {**ACCOUNT, "INQR_DVSN_1": "", "BSPR_BF_DT_APLY_YN": ""},
    "order-credit": {**_ORDER, "CRDT_TYPE": "21", "LOAN_DT": TODAY},
    "inquire-credit-psamount": {**ACCOUNT, "PDNO": "005930", **_POWER, "CRDT_TYPE": "21"},
    "inquire-period-trade-profit": {
        **ACCOUNT,
        **CONTEXT,
        "SORT_DVSN": "00",
        "INQR_STRT_DT": "20261101",
        "INQR_END_DT": TODAY,
        "CBLC_DVSN": "00",
        "PDNO": "",
    },
}


def variants(call_id: str, environment: str) -> list[str]:
    """Return the variants ("buy", "sell", ...) that an environment offers of a call."""
    ids = catalogue.calls()[call_id].tr_ids
    return [variant for offered_to, variant in ids if offered_to == environment] or (
        [""] if not ids else []
    )


def own_tr_id(call_id: str, environment: str, variant: str) -> str:
    """Return the tr_id that a client of an environment sends."""
    return catalogue.calls()[call_id].tr_id(environment, variant)


def ask(
    bench: Bench,
    call_id: str,
    params: dict[str, str] | None = None,
    variant: str = "",
    tr_id: str | None = None,
    **head: str,
) -> tuple[Answer, Any]:
    """Make a call as a client does; return the answer and its decoded body."""
    call = catalogue.calls()[call_id]
    sent = dict(PARAMS[call_id] if params is None else params)
    if tr_id is None:
        tr_id = own_tr_id(call_id, bench.environment, variant)
    if call_id == "revoke" and not sent.get("token"):
        sent["token"] = bench.login()
    headers = bench.headers(tr_id, **head) if call.tr_ids or call_id == "hashkey" else {}
    answer = (
        bench.send("GET", call.path, headers=headers, query=sent)
        if call.method == "GET"
        else bench.send("POST", call.path, headers=headers, body=sent)
    )
    return answer, json.loads(answer.body)


def busy_bench(profile: str, **settings: object) -> Bench:
    """Return a broker with a market in motion, holdings, open and filled orders, interruptions."""
    bench = Bench(profile=profile, activity=1.0, accounts=(spec(holdings=HELD),), **settings)
    bench.login()
    bench.move(3 * SECOND)
    price = bench.book.best_bid_krw
    bench.order("buy", 2, price - 5_000)
    bench.order("buy", 3)
    bench.order("sell", 4)
    bench.order("sell", 1, price + 9_000)
    bench.change("2" if bench.environment == "paper" else "0000000002", cancel=True)
    interruptions = bench.broker.interruptions
    interruptions.on_vi("005930", "KRX", VI("both", 301_500, 274_000), bench.now_ns)
    interruptions.on_vi("005930", "KRX", None, bench.now_ns + 140 * SECOND)
    interruptions.on_vi("000660", "KRX", VI("dynamic", 930_000, 959_000), bench.now_ns)
    if bench.environment == "real":
        ask(bench, "order-resv")
        ask(bench, "order-resv")
    return bench

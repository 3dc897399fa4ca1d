"""Read KIS answers into the engine's own types. Nonsense raises ProtocolError naming the field.

An answer that cannot be read whole is not read at all: half a list of orders would look like orders
that do not exist.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from aegis_fast.core.model import DayOrder, Instrument, Position, Quote, Side
from aegis_fast.errors import NotFound, ProtocolError
from aegis_fast.kis.codec import FIRST_PAGE, ORD_DVSN, PageKey
from aegis_fast.kis.fields import Row
from aegis_fast.kis.outcome import Reply

__all__ = [
    "CHANGED_UNDER_WAY",
    "BalanceTotals",
    "balance_totals",
    "day_order_rows",
    "depth_levels",
    "instrument",
    "next_page",
    "open_order_rows",
    "orderable_cash_krw",
    "position_rows",
    "quote",
]

# "The list changed since the page before, ask again from the start" (P16).
CHANGED_UNDER_WAY = "SYDB0050"
# hts_avls counts in units of 100 million won (reading A2).
EOK_KRW = 100_000_000
_ORDER_TYPES = {code: order_type for order_type, code in ORD_DVSN.items()}
_SIDES = {"01": Side.SELL, "02": Side.BUY}
_MORE = frozenset({"F", "M"})
_LAST = frozenset({"D", "E", ""})
_MARKETS = {"02": "KOSPI", "03": "KOSDAQ"}
# Security groups that have tick tables of their own; every other group trades as a stock.
_KINDS = {"EF": "etf", "FE": "etf", "EN": "etn", "EW": "elw"}
_LEVELS = range(1, 11)
_HALTED_STATUS = "58"
_FALLING_SIGNS = frozenset({"4", "5"})


@dataclass(frozen=True, slots=True)
class BalanceTotals:
    """The account line of inquire-balance, in won."""

    deposit_krw: int
    cash_krw: int
    holdings_krw: int
    total_krw: int


def next_page(reply: Reply, tr_cont: str, asked: PageKey) -> PageKey | None:
    """Return where the list goes on, None after the last page.

    Raises ProtocolError when the answer says "more" without a new place to go on from (that is how
    endless loops are made, P16), or when tr_cont is none of F, M, D, E and empty.
    """
    mark = tr_cont.strip().upper()
    if mark in _LAST:
        return None
    page = PageKey(reply.row.raw("CTX_AREA_FK100"), reply.row.raw("CTX_AREA_NK100"))
    if mark not in _MORE or not page.nk.strip() or page in (asked, FIRST_PAGE):
        raise ProtocolError(
            "KIS says there are more pages but not where",
            field=f"{reply.row.where}.tr_cont",
            expected="F or M with a new CTX_AREA_NK100, or D or E",
        )
    return page


def day_order_rows(reply: Reply) -> list[DayOrder]:
    """Read one page of inquire-daily-ccld."""
    return [_day_order(row) for row in reply.row.rows("output1")]


def open_order_rows(reply: Reply) -> list[tuple[int, int]]:
    """Read one page of inquire-psbl-rvsecncl: order numbers and what may still be canceled."""
    # The official list is `output`; documents of other calls confuse it with `output1`.
    name = "output" if "output" in reply.row else "output1"
    return [(row.integer("odno"), row.positive("psbl_qty")) for row in reply.row.rows(name)]


def position_rows(reply: Reply) -> list[Position]:
    """Read one page of holdings. Rows of 0 shares (sold today) are no positions."""
    return [
        Position(
            symbol=row.text("pdno"),
            qty=row.positive("hldg_qty"),
            cost_krw=row.won("pchs_amt"),
            name=row.text("prdt_name", ""),
        )
        for row in reply.row.rows("output1")
        if row.positive("hldg_qty") > 0
    ]


def balance_totals(reply: Reply) -> BalanceTotals | None:
    """Read the account line; None when this page has none (it comes with the last)."""
    lines = reply.row.rows("output2")
    if not lines:
        return None
    line = lines[0]
    return BalanceTotals(
        deposit_krw=line.won("dnca_tot_amt"),
        cash_krw=line.won("prvs_rcdl_excc_amt"),
        holdings_krw=line.won("scts_evlu_amt", line.won("evlu_amt_smtl_amt", 0)),
        total_krw=line.won("tot_evlu_amt"),
    )


def orderable_cash_krw(reply: Reply) -> int:
    """Read inquire-psbl-order: cash that new buy orders may use."""
    return reply.row.section("output").positive("ord_psbl_cash")


def quote(reply: Reply, symbol: str) -> Quote:
    """Read inquire-price. Raises NotFound for a symbol that KIS answers with zeros."""
    row = _price_row(reply, symbol)
    change_krw = abs(row.won("prdy_vrss", 0))
    if row.text("prdy_vrss_sign", "3") in _FALLING_SIGNS:
        change_krw = -change_krw
    return Quote(
        symbol=symbol,
        price_krw=row.positive("stck_prpr"),
        change_krw=change_krw,
        open_krw=row.positive("stck_oprc", 0),
        high_krw=row.positive("stck_hgpr", 0),
        low_krw=row.positive("stck_lwpr", 0),
        cum_qty=row.positive("acml_vol", 0),
        cum_value_krw=row.positive("acml_tr_pbmn", 0),
        base_price_krw=row.positive("stck_sdpr"),
        lower_krw=row.positive("stck_llam", 0),
        upper_krw=row.positive("stck_mxpr", 0),
        tick_size_krw=row.positive("aspr_unit", 0),
        market_cap_krw=row.positive("hts_avls", 0) * EOK_KRW,
        listed_shares=row.positive("lstn_stcn", 0),
    )


def instrument(price_reply: Reply, info_reply: Reply | None, symbol: str) -> Instrument:
    """Join inquire-price with search-stock-info into today's view of an issue.

    info_reply is None on paper, which has no search-stock-info: then the market's name in
    inquire-price decides, the symbol stands in for the name, and NXT is not offered.
    Raises NotFound, ProtocolError.
    """
    row = _price_row(price_reply, symbol)
    is_halted = row.is_yes("temp_stop_yn") or row.text("iscd_stat_cls_code", "") == _HALTED_STATUS
    if info_reply is None:
        name, is_nxt_eligible = symbol, False
        market, kind = _market_by_name(row.text("rprs_mrkt_kor_name", ""))
    else:
        info = info_reply.row.section("output")
        name = info.text("prdt_abrv_name", symbol)
        market, kind = _market_by_code(info)
        is_halted = is_halted or info.is_yes("tr_stop_yn")
        is_nxt_eligible = (
            info.is_yes("cptt_trad_tr_psbl_yn") and info.text("nxt_tr_stop_yn", "").upper() == "N"
        )
    return Instrument(
        symbol=symbol,
        name=name,
        market=market,
        kind=kind,
        base_price_krw=row.positive("stck_sdpr"),
        lower_krw=0 if kind == "elw" else row.positive("stck_llam", 0),
        upper_krw=0 if kind == "elw" else row.positive("stck_mxpr", 0),
        order_unit=max(1, row.positive("hts_deal_qty_unit_val", 1)),
        is_halted=is_halted,
        is_nxt_eligible=is_nxt_eligible,
        listed_shares=row.positive("lstn_stcn", 0),
    )


def depth_levels(reply: Reply, symbol: str) -> dict[str, Any]:
    """Read inquire-asking-price-exp-ccn: ten levels a side, best first, 0 where there is none."""
    row = reply.row.section("output1")
    return {
        "symbol": symbol,
        "time_hhmmss": row.hhmmss("aspr_acpt_hour", 0),
        "ask_price_krw": [row.positive(f"askp{level}", 0) for level in _LEVELS],
        "bid_price_krw": [row.positive(f"bidp{level}", 0) for level in _LEVELS],
        "ask_qty": [row.positive(f"askp_rsqn{level}", 0) for level in _LEVELS],
        "bid_qty": [row.positive(f"bidp_rsqn{level}", 0) for level in _LEVELS],
        "total_ask_qty": row.positive("total_askp_rsqn", 0),
        "total_bid_qty": row.positive("total_bidp_rsqn", 0),
    }


def _day_order(row: Row) -> DayOrder:
    side = _SIDES.get(row.text("sll_buy_dvsn_cd"))
    number = row.integer("odno")
    if side is None or number <= 0:
        raise ProtocolError(
            "KIS order row is unreadable",
            field=f"{row.where}.{'odno' if side else 'sll_buy_dvsn_cd'}",
            expected="an order number" if side else "01 or 02",
        )
    # Absent figures are not 0: an order without a "remaining" would look finished.
    cum_qty = row.positive("tot_ccld_qty")
    return DayOrder(
        broker_order_id=number,
        original_broker_order_id=row.positive("orgn_odno", 0),
        org_no=row.text("ord_gno_brno", row.text("ord_orgno", "")),
        symbol=row.text("pdno"),
        side=side,
        order_type=_ORDER_TYPES.get(row.text("ord_dvsn_cd", "")),
        qty=row.positive("ord_qty"),
        price_krw=row.positive("ord_unpr", 0),
        time_hhmmss=row.hhmmss("ord_tmd", 0),
        cum_qty=cum_qty,
        cum_value_krw=row.positive("tot_ccld_amt", None if cum_qty else 0),
        leaves_qty=row.positive("rmn_qty"),
        # The field table says cnc_cfrm_qty, the description cncl_cfrm_qty.
        canceled_qty=row.positive("cnc_cfrm_qty", row.positive("cncl_cfrm_qty", 0)),
        rejected_qty=row.positive("rjct_qty", 0),
        is_cancel=row.is_yes("cncl_yn"),
        venue=row.text("excg_id_dvsn_cd", ""),
    )


def _price_row(reply: Reply, symbol: str) -> Row:
    row = reply.row.section("output")
    if row.positive("stck_prpr", 0) == 0 and row.positive("stck_sdpr", 0) == 0:
        raise NotFound(f"없는 종목입니다 / no such symbol: {symbol}", field="symbol")
    return row


def _market_by_code(info: Row) -> tuple[str, str]:
    kind = _KINDS.get(info.text("scty_grp_id_cd", "ST"), "stock")
    if kind == "elw":
        return "ELW", kind
    market = _MARKETS.get(info.text("excg_dvsn_cd"))
    if market is None:
        raise ProtocolError(
            "the issue is on a market that this engine has no price rules for",
            field=f"{info.where}.excg_dvsn_cd",
            expected="02 (KOSPI) or 03 (KOSDAQ)",
        )
    return market, kind


def _market_by_name(market_name: str) -> tuple[str, str]:
    upper = market_name.upper()
    if "ELW" in upper:
        return "ELW", "elw"
    kind = next((kind for kind in ("etf", "etn") if kind.upper() in upper), "stock")
    is_kosdaq = any(word in upper for word in ("KOSDAQ", "KSQ", "코스닥"))
    return ("KOSDAQ" if is_kosdaq else "KOSPI"), kind

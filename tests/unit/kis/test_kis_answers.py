"""Answers become the engine's types; what cannot be read whole is not read at all."""

from __future__ import annotations

from typing import Any

import pytest

from aegis_fast.core.model import DayOrder, OrderType, Position, Side
from aegis_fast.errors import NotFound, ProtocolError
from aegis_fast.kis import answers
from aegis_fast.kis.codec import FIRST_PAGE, PageKey
from tests.unit.kis.kis_samples import INFO_ROW, PRICE_ROW, order_row, reply


def test_order_row_is_read_with_its_mixed_case_venue() -> None:
    rows = answers.day_order_rows(reply(output1=[order_row(11774, excg_id_dvsn_Cd="NXT")]))

    assert rows == [
        DayOrder(
            broker_order_id=11774,
            original_broker_order_id=0,
            org_no="91259",
            symbol="005930",
            side=Side.BUY,
            order_type=OrderType.LIMIT,
            qty=10,
            price_krw=70_000,
            time_hhmmss=90_001,
            cum_qty=3,
            cum_value_krw=210_000,
            leaves_qty=7,
            canceled_qty=0,
            rejected_qty=0,
            is_cancel=False,
            venue="NXT",
        )
    ]


def test_unpadded_and_padded_order_numbers_are_the_same() -> None:
    padded, bare = answers.day_order_rows(
        reply(output1=[order_row(11774), order_row(11774, odno="11774")])
    )

    assert padded.broker_order_id == bare.broker_order_id == 11774


def test_cancel_row_names_its_original_and_what_was_canceled() -> None:
    values = {"orgn_odno": "0000000007", "cncl_yn": "Y", "cnc_cfrm_qty": "4", "rmn_qty": "0"}
    (row,) = answers.day_order_rows(reply(output1=[order_row(8, **values)]))

    assert (row.is_cancel, row.original_broker_order_id, row.canceled_qty) == (True, 7, 4)


def test_canceled_quantity_is_found_under_either_spelling() -> None:
    values = order_row(8)
    del values["cnc_cfrm_qty"]
    values["cncl_cfrm_qty"] = "4"

    assert answers.day_order_rows(reply(output1=[values]))[0].canceled_qty == 4


@pytest.mark.parametrize(
    ("code", "order_type"),
    [("01", OrderType.MARKET), ("02", OrderType.CONDITIONAL), ("41", None), ("", None)],
)
def test_order_kind_of_others_is_none(code: str, order_type: OrderType | None) -> None:
    rows = answers.day_order_rows(reply(output1=[order_row(1, ord_dvsn_cd=code)]))

    assert rows[0].order_type is order_type


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("odno", ""),
        ("odno", "0"),
        ("odno", "X1"),
        ("sll_buy_dvsn_cd", "03"),
        ("rmn_qty", ""),
        ("tot_ccld_qty", ""),
        ("ord_qty", "-1"),
        ("tot_ccld_amt", ""),
        ("ord_tmd", "250000"),
    ],
)
def test_one_unreadable_row_spoils_the_page_and_names_the_field(name: str, value: str) -> None:
    page = reply(output1=[order_row(1), order_row(2, **{name: value})])

    with pytest.raises(ProtocolError) as caught:
        answers.day_order_rows(page)

    assert caught.value.field.endswith(f"output1.{name}")


def test_amount_may_be_empty_while_nothing_is_filled() -> None:
    (row,) = answers.day_order_rows(
        reply(output1=[order_row(1, tot_ccld_qty="0", tot_ccld_amt="", rmn_qty="10")])
    )

    assert (row.cum_qty, row.cum_value_krw) == (0, 0)


def test_pain14_missing_list_is_an_error_and_an_empty_one_is_empty() -> None:
    assert answers.day_order_rows(reply(output1=[])) == []
    assert answers.position_rows(reply(output1=[])) == []
    for read in (answers.day_order_rows, answers.position_rows):
        with pytest.raises(ProtocolError):
            read(reply())


@pytest.mark.parametrize("mark", ["D", "E", "", " ", "d"])
def test_p15_last_page_marks(mark: str) -> None:
    assert answers.next_page(reply(ctx_area_nk100="x"), mark, FIRST_PAGE) is None


@pytest.mark.parametrize("mark", ["F", "M", "m "])
def test_p15_more_marks_give_the_next_keys_with_their_spaces(mark: str) -> None:
    page = answers.next_page(reply(ctx_area_fk100="f ", ctx_area_nk100=" n"), mark, FIRST_PAGE)

    assert page == PageKey("f ", " n")


@pytest.mark.parametrize(
    ("mark", "values", "asked"),
    [
        ("M", {}, FIRST_PAGE),
        ("M", {"ctx_area_nk100": "   "}, FIRST_PAGE),
        ("M", {"ctx_area_fk100": "f", "ctx_area_nk100": "n"}, PageKey("f", "n")),
        ("X", {"ctx_area_nk100": "n"}, FIRST_PAGE),
    ],
    ids=["no key", "blank key", "same key", "unknown mark"],
)
def test_p16_more_without_a_new_place_is_an_error(
    mark: str, values: dict[str, str], asked: PageKey
) -> None:
    with pytest.raises(ProtocolError):
        answers.next_page(reply(**values), mark, asked)


def test_s74_balance_page_is_read() -> None:
    page = reply(
        output1=[
            {
                "pdno": "005930",
                "prdt_name": "삼성전자",
                "hldg_qty": "10",
                "pchs_amt": "700123.0000",
            },
            {"pdno": "000660", "prdt_name": "SK하이닉스", "hldg_qty": "0", "pchs_amt": "0"},
        ],
        output2=[
            {
                "dnca_tot_amt": "1000000",
                "prvs_rcdl_excc_amt": "299877",
                "scts_evlu_amt": "715000",
                "tot_evlu_amt": "1014877",
            }
        ],
    )

    assert answers.position_rows(page) == [
        Position(symbol="005930", qty=10, cost_krw=700_123, name="삼성전자")
    ]
    assert answers.balance_totals(page) == answers.BalanceTotals(
        deposit_krw=1_000_000, cash_krw=299_877, holdings_krw=715_000, total_krw=1_014_877
    )


def test_balance_without_account_line_has_no_totals_and_half_a_line_is_an_error() -> None:
    assert answers.balance_totals(reply(output1=[], output2=[])) is None
    with pytest.raises(ProtocolError) as caught:
        answers.balance_totals(reply(output1=[], output2=[{"dnca_tot_amt": "1"}]))
    assert "output2" in caught.value.field


def test_s99_quote_has_market_cap_in_won_and_one_sign() -> None:
    quote = answers.quote(reply(output=PRICE_ROW), "005930")

    assert quote.market_cap_krw == 426_847_500_000_000
    assert quote.change_krw == -1_200
    assert (quote.price_krw, quote.base_price_krw, quote.tick_size_krw) == (71_500, 72_700, 100)
    assert (quote.lower_krw, quote.upper_krw) == (50_900, 94_500)
    assert (quote.cum_qty, quote.cum_value_krw) == (12_345_678, 880_000_000_000)
    assert quote.listed_shares == 5_969_782_550


@pytest.mark.parametrize(
    ("change", "sign", "expected"),
    [
        ("-1200", "5", -1200),
        ("1200", "5", -1200),
        ("1200", "2", 1200),
        ("0", "3", 0),
        ("7", "4", -7),
    ],
)
def test_change_is_negative_for_falling_signs_whether_signed_or_not(
    change: str, sign: str, expected: int
) -> None:
    row = PRICE_ROW | {"prdy_vrss": change, "prdy_vrss_sign": sign}

    assert answers.quote(reply(output=row), "005930").change_krw == expected


def test_unknown_symbol_answered_with_zeros_is_not_found() -> None:
    zeros = dict.fromkeys(PRICE_ROW, "0")

    with pytest.raises(NotFound):
        answers.quote(reply(output=zeros), "999999")
    with pytest.raises(NotFound):
        answers.instrument(reply(output=zeros), None, "999999")


@pytest.mark.parametrize(
    ("info", "market", "kind"),
    [
        ({}, "KOSPI", "stock"),
        ({"excg_dvsn_cd": "03"}, "KOSDAQ", "stock"),
        ({"scty_grp_id_cd": "EF"}, "KOSPI", "etf"),
        ({"scty_grp_id_cd": "EN"}, "KOSPI", "etn"),
        ({"scty_grp_id_cd": "RT"}, "KOSPI", "stock"),
        ({"scty_grp_id_cd": "EW", "excg_dvsn_cd": ""}, "ELW", "elw"),
    ],
)
def test_instrument_knows_its_market_and_kind(info: dict[str, str], market: str, kind: str) -> None:
    found = answers.instrument(reply(output=PRICE_ROW), reply(output=INFO_ROW | info), "005930")

    assert (found.market, found.kind) == (market, kind)
    assert (found.lower_krw > 0) == (kind != "elw")
    assert (found.name, found.order_unit, found.listed_shares) == ("삼성전자", 1, 5_969_782_550)


def test_instrument_on_a_market_without_price_rules_is_an_error() -> None:
    info = reply(output=INFO_ROW | {"excg_dvsn_cd": "04"})

    with pytest.raises(ProtocolError) as caught:
        answers.instrument(reply(output=PRICE_ROW), info, "005930")

    assert "excg_dvsn_cd" in caught.value.field


@pytest.mark.parametrize(
    ("tradable", "stopped", "is_eligible"),
    [("Y", "N", True), ("Y", "Y", False), ("N", "N", False), ("Y", "", False), ("", "N", False)],
)
def test_p31_nxt_eligibility(tradable: str, stopped: str, is_eligible: bool) -> None:
    info = INFO_ROW | {"cptt_trad_tr_psbl_yn": tradable, "nxt_tr_stop_yn": stopped}

    found = answers.instrument(reply(output=PRICE_ROW), reply(output=info), "005930")

    assert found.is_nxt_eligible is is_eligible


@pytest.mark.parametrize(
    ("price", "info"),
    [({"temp_stop_yn": "Y"}, {}), ({"iscd_stat_cls_code": "58"}, {}), ({}, {"tr_stop_yn": "Y"})],
)
def test_halt_is_seen_in_any_of_three_places(price: dict[str, str], info: dict[str, str]) -> None:
    found = answers.instrument(
        reply(output=PRICE_ROW | price), reply(output=INFO_ROW | info), "005930"
    )

    assert found.is_halted


@pytest.mark.parametrize(
    ("market_name", "market", "kind"),
    [
        ("KOSPI200", "KOSPI", "stock"),
        ("KOSDAQ", "KOSDAQ", "stock"),
        ("KSQ150", "KOSDAQ", "stock"),
        ("코스닥", "KOSDAQ", "stock"),
        ("ETF", "KOSPI", "etf"),
        ("ELW", "ELW", "elw"),
    ],
)
def test_p39_paper_derives_the_market_from_its_name(
    market_name: str, market: str, kind: str
) -> None:
    price = reply(output=PRICE_ROW | {"rprs_mrkt_kor_name": market_name})

    found = answers.instrument(price, None, "005930")

    assert (found.market, found.kind, found.name) == (market, kind, "005930")
    assert not found.is_nxt_eligible


def test_order_unit_is_at_least_one() -> None:
    for text, unit in (("0", 1), ("", 1), ("10", 10)):
        price = reply(output=PRICE_ROW | {"hts_deal_qty_unit_val": text})
        assert answers.instrument(price, None, "57LA24").order_unit == unit


def test_depth_has_ten_levels_a_side_and_zero_where_none_is_quoted() -> None:
    levels: dict[str, Any] = {"aspr_acpt_hour": "151959"}
    for level in range(1, 4):
        levels |= {
            f"askp{level}": str(70_000 + 100 * level),
            f"bidp{level}": str(70_100 - 100 * level),
            f"askp_rsqn{level}": "5",
            f"bidp_rsqn{level}": "6",
        }
    depth = answers.depth_levels(reply(output1=levels, output2={}), "005930")

    assert depth["ask_price_krw"] == [70_100, 70_200, 70_300, 0, 0, 0, 0, 0, 0, 0]
    assert depth["bid_price_krw"][:3] == [70_000, 69_900, 69_800]
    assert depth["ask_qty"][:4] == [5, 5, 5, 0]
    assert len(depth["bid_qty"]) == 10


def test_open_orders_and_orderable_cash_are_read() -> None:
    rows = [{"odno": "0000000009", "psbl_qty": "4"}]

    assert answers.open_order_rows(reply(output=rows)) == [(9, 4)]
    assert answers.open_order_rows(reply(output1=rows)) == [(9, 4)]
    assert answers.orderable_cash_krw(reply(output={"ord_psbl_cash": "000123456"})) == 123_456
    with pytest.raises(ProtocolError):
        answers.orderable_cash_krw(reply(output={"ord_psbl_cash": ""}))

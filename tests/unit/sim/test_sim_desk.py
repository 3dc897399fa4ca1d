"""The order desk over its REST calls: refusals, fills, amends, cancels, money, notices."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aegis_fast.kis.profile import SIM_HTS_ID
from aegis_fast.sim.desk.account import buy_cost_krw
from aegis_fast.sim.market.rules import Side, commission_krw
from tests.unit.sim.sim_harness import SECOND, Bench, Socket, spec

CASH = 100_000_000


@pytest.fixture
def bench() -> Bench:
    return Bench()


@pytest.fixture
def listener(bench: Bench) -> Socket:
    socket = bench.socket()
    assert socket.code("H0STCNI0", SIM_HTS_ID) == "OPSP0000"
    return socket


def odno(body: dict) -> str:
    assert body["rt_cd"] == "0", body
    return body["output"]["ODNO"]


def empty(bench: Bench, side: Side) -> None:
    """Take all orders of a side out of the book."""
    for level in bench.book.levels(side, 1_000):
        for order in list(level.orders.values()):
            bench.book.reduce(order, order.leaves_qty)


def entry(bench: Bench, number: str):
    return bench.broker.ledger.orders[int(number)]


def test_market_buy_fills_at_the_best_ask_and_moves_the_money(bench: Bench) -> None:
    ask = bench.book.best_ask_krw

    number = odno(bench.order("buy", 10))

    order = entry(bench, number)
    assert (order.state, order.filled_qty, order.filled_value_krw) == ("filled", 10, 10 * ask)
    fee = commission_krw(10 * ask)
    assert bench.account.cash_krw == CASH - 10 * ask - fee
    assert bench.account.reserved_krw == 0
    holding = bench.account.holdings["005930"]
    assert (holding.qty, holding.cost_krw) == (10, 10 * ask)


def test_selling_pays_commission_and_tax(bench: Bench) -> None:
    bench.order("buy", 10)
    before, bid = bench.account.cash_krw, bench.book.best_bid_krw

    bench.order("sell", 10)

    value = 10 * bid
    earned = value - value * 140 // 1_000_000 - value * 2_000 // 1_000_000
    assert bench.account.cash_krw == before + earned
    assert bench.account.holdings["005930"].qty == 0
    assert bench.account.holdings["005930"].cost_krw == 0


def test_numbers_count_up_from_one_in_ten_digits(bench: Bench) -> None:
    price = bench.book.limits.lower_krw
    numbers = [odno(bench.order("buy", 1, price)) for _ in range(3)]

    assert numbers == ["0000000001", "0000000002", "0000000003"]


def test_resting_order_blocks_cash_and_shows_in_the_depth(bench: Bench) -> None:
    price = bench.book.best_bid_krw
    before = bench.book.levels(Side.BUY, 1)[0].qty

    odno(bench.order("buy", 7, price))

    assert bench.book.levels(Side.BUY, 1)[0].qty == before + 7
    assert bench.account.reserved_krw == buy_cost_krw(price, 7)
    assert bench.account.available_krw == CASH - buy_cost_krw(price, 7)


def test_market_buy_needs_cash_for_the_upper_limit_price(bench: Bench) -> None:
    upper = bench.book.limits.upper_krw
    affordable = CASH // buy_cost_krw(upper, 1)

    assert bench.order("buy", affordable + 1)["msg_cd"] == "APBK0952"
    assert bench.order("buy", affordable)["rt_cd"] == "0"


def test_resting_order_fills_against_the_crowd(bench: Bench, listener: Socket) -> None:
    price = bench.book.best_bid_krw
    number = odno(bench.order("buy", 7, price))

    bench.broker.world.shock("005930", price - 5 * 500, bench.now_ns)

    assert entry(bench, number).state == "filled"
    fills = [notice for notice in listener.notices() if notice["CNTG_YN"] == "2"]
    assert sum(int(notice["CNTG_QTY"]) for notice in fills) == 7
    assert {int(notice["CNTG_UNPR"]) for notice in fills} == {price}


@pytest.mark.parametrize(
    ("side", "qty", "price", "fields", "code"),
    [
        ("buy", 1, 270_000, {"PDNO": "999999"}, "APBK0656"),
        ("buy", 1, 270_100, {}, "APBK0506"),
        ("buy", 1, 500_000, {}, "APBK0506"),
        ("buy", 1, 100_000, {}, "APBK0506"),
        ("buy", 1, 0, {"ORD_UNPR": "270000"}, "APBK0506"),
        ("buy", 0, 270_000, {}, "APBK0918"),
        ("buy", 5, 260, {"PDNO": "57JN53"}, "APBK0918"),
        ("buy", 1_000_000, 270_000, {}, "APBK0952"),
        ("sell", 1, 270_000, {}, "APBK0400"),
        ("buy", 1, 0, {"EXCG_ID_DVSN_CD": "NXT"}, "APBK1943"),
        ("buy", 1, 118_450, {"PDNO": "069500", "EXCG_ID_DVSN_CD": "NXT"}, "APBK0918"),
        ("buy", 1, 270_000, {"EXCG_ID_DVSN_CD": "NYSE"}, "APBK0918"),
        ("buy", 1, 270_000, {"ORD_DVSN": "99"}, "APBK0918"),
        ("buy", 1, 270_000, {"ORD_DVSN": "05"}, "APBK0918"),
        ("buy", 1, 270_000, {"ORD_DVSN": "02", "EXCG_ID_DVSN_CD": "SOR"}, "APBK0918"),
        ("buy", 1, 270_000, {"CANO": "12345678"}, "OPSQ2000"),
        ("buy", 1, 270_000, {"ORD_QTY": "1.5"}, "OPSQ2002"),
        ("buy", 1, 270_000, {"ORD_QTY": "-1"}, "OPSQ2002"),
        ("buy", 1, 270_000, {"ORD_UNPR": "²"}, "OPSQ2002"),
        ("buy", 1, 270_000, {"ORD_QTY": ""}, "OPSQ2002"),
    ],
)
def test_bad_order_is_refused_and_leaves_no_trace(
    bench: Bench, side: str, qty: int, price: int, fields: dict[str, str], code: str
) -> None:
    body = bench.order(side, qty, price, **fields)

    assert body["rt_cd"] in ("1", "7")
    assert body["msg_cd"] == code
    assert bench.broker.ledger.orders == {}
    assert bench.account.reserved_krw == 0


def test_sell_order_ties_the_shares(bench: Bench) -> None:
    bench.order("buy", 10)
    odno(bench.order("sell", 6, bench.book.limits.upper_krw))

    assert bench.order("sell", 5)["msg_cd"] == "APBK0400"
    assert bench.balance()["output1"][0]["ord_psbl_qty"] == "4"


def test_sor_order_goes_to_krx_and_its_notice_says_so(bench: Bench, listener: Socket) -> None:
    odno(bench.order("buy", 1, EXCG_ID_DVSN_CD="SOR"))

    assert {notice["ORD_EXG_GB"] for notice in listener.notices()} == {"3"}
    assert bench.day_orders(EXCG_ID_DVSN_CD="KRX")["output1"] == []
    (row,) = bench.day_orders(EXCG_ID_DVSN_CD="ALL")["output1"]
    assert row["excg_id_dvsn_Cd"] == "SOR"


def test_acknowledgement_comes_before_the_fills(bench: Bench, listener: Socket) -> None:
    number = odno(bench.order("buy", 10))

    ack, *fills = listener.notices()
    assert (ack["CNTG_YN"], ack["ACPT_YN"], ack["RFUS_YN"]) == ("1", "1", "0")
    assert (ack["ODER_NO"], ack["OODER_NO"], ack["ODER_QTY"]) == (number, "", "000000010")
    assert (ack["CNTG_QTY"], ack["CNTG_UNPR"]) == ("0000000010", "000000000")
    assert (ack["ODER_KIND"], ack["SELN_BYOV_CLS"], ack["RCTF_CLS"]) == ("01", "02", "0")
    assert fills
    assert {fill["CNTG_YN"] for fill in fills} == {"2"}
    assert sum(int(fill["CNTG_QTY"]) for fill in fills) == 10


def test_amended_price_moves_the_rest_under_a_new_number(bench: Bench, listener: Socket) -> None:
    price = bench.book.best_bid_krw - 4 * 500
    first = odno(bench.order("buy", 10, price))

    second = odno(bench.change(first, cancel=False, price=price - 500))

    assert (entry(bench, first).state, entry(bench, second).state) == ("amended", "open")
    assert entry(bench, second).resting.price_krw == price - 500
    assert bench.account.reserved_krw == buy_cost_krw(price - 500, 10)
    notice = listener.notices()[-1]
    assert (notice["RCTF_CLS"], notice["ODER_NO"], notice["OODER_NO"]) == ("1", second, first)
    assert bench.change(first, cancel=True)["msg_cd"] == "APBK1359"


def test_amend_at_the_same_price_keeps_the_place(bench: Bench) -> None:
    price = bench.book.best_bid_krw
    first = odno(bench.order("buy", 10, price))
    second = odno(bench.order("buy", 10, price))

    third = odno(bench.change(first, cancel=False, price=price))
    ahead = bench.book.half(Side.BUY).levels[price]

    owners = [order.owner for order in ahead.orders.values() if order.owner]
    assert owners == [int(third), int(second)]


def test_amend_at_another_price_goes_to_the_end_of_the_queue(bench: Bench) -> None:
    price = bench.book.best_bid_krw - 500
    first = odno(bench.order("buy", 10, price - 500))
    odno(bench.order("buy", 10, price))

    third = odno(bench.change(first, cancel=False, price=price))

    level = bench.book.half(Side.BUY).levels[price]
    assert next(reversed(level.orders.values())).owner == int(third)


def test_partial_amend_splits_the_order(bench: Bench) -> None:
    price = bench.book.best_bid_krw - 4 * 500
    first = odno(bench.order("buy", 10, price))

    second = odno(bench.change(first, cancel=False, qty=4, price=price - 500))

    assert (entry(bench, first).leaves_qty, entry(bench, second).leaves_qty) == (6, 4)
    expected = buy_cost_krw(price, 6) + buy_cost_krw(price - 500, 4)
    assert bench.account.reserved_krw == expected


def test_amend_into_the_market_trades_at_once(bench: Bench) -> None:
    first = odno(bench.order("buy", 3, bench.book.best_bid_krw - 500))
    ask = bench.book.best_ask_krw

    second = odno(bench.change(first, cancel=False, price=ask))

    assert (entry(bench, second).state, entry(bench, second).filled_value_krw) == (
        "filled",
        3 * ask,
    )


def test_amend_beyond_the_cash_is_refused_and_changes_nothing(bench: Bench) -> None:
    price = 200_000
    qty = CASH // buy_cost_krw(price, 1)
    first = odno(bench.order("buy", qty, price))

    assert bench.change(first, cancel=False, price=300_000)["msg_cd"] == "APBK0952"
    assert entry(bench, first).leaves_qty == qty
    assert len(bench.broker.ledger.orders) == 1


def test_cancel_frees_the_cash_and_says_so(bench: Bench, listener: Socket) -> None:
    first = odno(bench.order("buy", 10, bench.book.best_bid_krw - 500))

    second = odno(bench.change(first, cancel=True))

    assert entry(bench, first).state == "canceled"
    assert bench.account.reserved_krw == 0
    notice = listener.notices()[-1]
    assert (notice["RCTF_CLS"], notice["ACPT_YN"], notice["CNTG_YN"]) == ("2", "2", "1")
    assert (notice["ODER_NO"], notice["OODER_NO"], int(notice["CNTG_QTY"])) == (second, first, 10)


def test_partial_cancel_leaves_the_rest(bench: Bench) -> None:
    first = odno(bench.order("buy", 10, bench.book.best_bid_krw - 500))

    odno(bench.change(first, cancel=True, qty=3))

    assert (entry(bench, first).leaves_qty, entry(bench, first).canceled_qty) == (7, 3)
    assert bench.change(first, cancel=True, qty=8)["msg_cd"] == "APBK1359"


def test_cancel_of_a_filled_order_is_refused(bench: Bench) -> None:
    first = odno(bench.order("buy", 1))

    body = bench.change(first, cancel=True)

    assert (body["rt_cd"], body["msg_cd"]) == ("7", "APBK1359")


@pytest.mark.parametrize("number", ["0000000077", "0"])
@pytest.mark.parametrize(
    ("profile", "code"), [("real", "APBK0918"), ("spec", "APBK0918"), ("paper", "IGW00022")]
)
def test_change_of_an_unknown_order_is_refused(profile: str, code: str, number: str) -> None:
    body = Bench(profile=profile).change(number, cancel=True)

    assert (body["rt_cd"], body["msg_cd"]) == ("7", code)
    assert body["msg1"].strip() == "원주문번호를 확인하시기 바랍니다."


def test_change_must_name_the_venue_of_the_order(bench: Bench) -> None:
    first = odno(bench.order("buy", 1, bench.book.best_bid_krw - 500, EXCG_ID_DVSN_CD="SOR"))

    assert bench.change(first, cancel=True)["msg_cd"] == "APBK0918"
    assert bench.change(first, cancel=True, EXCG_ID_DVSN_CD="SOR")["rt_cd"] == "0"


def test_ioc_rest_is_dropped_with_a_notice(bench: Bench, listener: Socket) -> None:
    best = bench.book.levels(Side.SELL, 1)[0]
    price, there = best.price_krw, best.qty
    bench.account.cash_krw = 10**12

    number = odno(bench.order("buy", there + 5, price, kind="11"))

    order = entry(bench, number)
    assert (order.filled_qty, order.canceled_qty, order.state) == (there, 5, "canceled")
    last = listener.notices()[-1]
    assert (last["ACPT_YN"], int(last["CNTG_QTY"]), last["ODER_COND"]) == ("3", 5, "1")
    assert bench.account.reserved_krw == 0


def test_best_price_order_without_counterpart_is_rejected_by_notice(
    bench: Bench, listener: Socket
) -> None:
    empty(bench, Side.BUY)

    number = odno(bench.order("buy", 1, kind="04"))

    assert entry(bench, number).state == "rejected"
    assert listener.notices()[-1]["RFUS_YN"] == "1"
    (row,) = bench.day_orders()["output1"]
    assert (row["rjct_qty"], row["rmn_qty"]) == ("1", "0")


def test_trade_between_own_orders_keeps_the_shares() -> None:
    bench = Bench(accounts=(spec(holdings={"005930": (10, 700_000)}),))
    price = bench.book.best_ask_krw
    empty(bench, Side.SELL)
    bench.order("sell", 10, price)

    bench.order("buy", 10, price)

    assert bench.account.holdings["005930"].qty == 10
    sides = [(fill.side, fill.qty) for fill in bench.broker.ledger.fills]
    assert sides == [(Side.BUY, 10), (Side.SELL, 10)]


def test_day_orders_show_every_request(bench: Bench) -> None:
    price = bench.book.best_bid_krw - 4 * 500
    first = odno(bench.order("buy", 10, price))
    second = odno(bench.change(first, cancel=False, price=price - 500))
    third = odno(bench.change(second, cancel=True))
    filled = odno(bench.order("buy", 2))

    rows = {row["odno"]: row for row in bench.day_orders()["output1"]}

    assert list(rows) == [filled, third, second, first]
    assert (rows[first]["rmn_qty"], rows[first]["cnc_cfrm_qty"]) == ("0", "0")
    assert (rows[second]["orgn_odno"], rows[second]["cnc_cfrm_qty"]) == (first, "10")
    assert (rows[third]["cncl_yn"], rows[third]["orgn_odno"]) == ("Y", second)
    row = rows[filled]
    assert (row["tot_ccld_qty"], row["rmn_qty"], row["inqr_ip_addr"]) == ("2", "0", "10.0.0.9")
    assert int(row["tot_ccld_amt"]) == 2 * int(float(row["avg_prvs"]))


def test_day_orders_can_be_filtered(bench: Bench) -> None:
    open_number = odno(bench.order("buy", 1, bench.book.best_bid_krw - 500))
    filled = odno(bench.order("buy", 1))
    sold = odno(bench.order("sell", 1))

    def numbers(**fields: str) -> list[str]:
        return [row["odno"] for row in bench.day_orders(**fields)["output1"]]

    assert numbers(CCLD_DVSN="02") == [open_number]
    assert numbers(CCLD_DVSN="01") == [sold, filled]
    assert numbers(SLL_BUY_DVSN_CD="01") == [sold]
    assert numbers(INQR_DVSN="01") == [open_number, filled, sold]
    assert numbers(ODNO=filled) == [filled]
    assert numbers(PDNO="000660") == []
    assert numbers(INQR_STRT_DT="20261124", INQR_END_DT="20261130") == []
    assert bench.day_orders(INQR_STRT_DT="yesterday")["msg_cd"] == "OPSQ2002"


def test_pages_go_on_where_they_ended_although_rows_are_added(bench: Bench) -> None:
    price = bench.book.limits.lower_krw
    for _ in range(230):
        bench.order("buy", 1, price)

    seen, keys, tr_cont, flags = [], {}, "", []
    for _ in range(4):
        body = bench.day_orders(tr_cont, **keys)
        seen += [int(row["odno"]) for row in body["output1"]]
        flags.append(body["_"].headers["tr_cont"])
        keys = {f"CTX_AREA_{kind}100": body[f"ctx_area_{kind.lower()}100"] for kind in ("FK", "NK")}
        bench.order("buy", 1, price)
        tr_cont = "N"
        if flags[-1] in ("D", "E"):
            break

    assert seen == list(range(230, 0, -1))
    assert flags == ["F", "M", "E"]
    assert len(body["ctx_area_nk100"]) == 100
    assert bench.day_orders("N", CTX_AREA_NK100="!?")["msg_cd"] == "OPSQ2002"


def test_open_orders_page_by_fifty(bench: Bench) -> None:
    for _ in range(51):
        bench.order("buy", 1, bench.book.limits.lower_krw)

    first = bench.open_orders()

    assert (len(first["output"]), first["_"].headers["tr_cont"]) == (50, "F")
    assert first["output"][0]["psbl_qty"] == "1"
    assert bench.open_orders(INQR_DVSN_2="1")["output"] == []


def test_balance_tells_settled_and_unsettled_money_apart(bench: Bench) -> None:
    ask = bench.book.best_ask_krw
    bench.order("buy", 10)

    body = bench.balance()

    (row,), (totals,) = body["output1"], body["output2"]
    assert (row["hldg_qty"], row["pchs_amt"]) == ("10", str(10 * ask))
    assert float(row["pchs_avg_pric"]) == ask
    assert totals["dnca_tot_amt"] == str(CASH)
    assert int(totals["prvs_rcdl_excc_amt"]) == CASH - buy_cost_krw(ask, 10)
    assert int(totals["tot_evlu_amt"]) == bench.account.cash_krw + int(row["evlu_amt"])
    assert totals["thdt_tlex_amt"] == str(commission_krw(10 * ask))


def test_sold_out_holding_keeps_an_empty_row(bench: Bench) -> None:
    bench.order("buy", 1)
    bench.order("sell", 1)

    (row,) = bench.balance()["output1"]

    assert (row["hldg_qty"], row["thdt_buyqty"], row["thdt_sll_qty"]) == ("0", "1", "1")


def test_buying_power_is_what_an_order_may_really_cost(bench: Bench) -> None:
    price = bench.book.best_bid_krw
    limit = bench.buying_power(price)["output"]
    market = bench.buying_power()["output"]

    assert market["psbl_qty_calc_unpr"] == str(bench.book.limits.upper_krw)
    qty = int(limit["nrcvb_buy_qty"])
    assert buy_cost_krw(price, qty) <= CASH < buy_cost_krw(price, qty + 1)
    assert bench.order("buy", qty + 1, price)["msg_cd"] == "APBK0952"
    assert bench.order("buy", qty, price)["rt_cd"] == "0"
    assert bench.buying_power(symbol="999999")["msg_cd"] == "APBK0656"


def test_paper_has_its_own_codes_numbers_and_venues() -> None:
    bench = Bench(profile="paper")
    body = bench.order("buy", 1)

    assert (body["msg_cd"], body["output"]["ODNO"]) == ("40600000", "1")
    assert body["output"]["KRX_FWDG_ORD_ORGNO"] == "00950"
    assert bench.order("sell", 5)["msg_cd"] == "40240000"
    assert bench.change("1", cancel=True)["msg_cd"] == "IGW00022"
    assert bench.order("buy", 1, EXCG_ID_DVSN_CD="SOR")["msg_cd"] == "APBK0918"


def test_full_ledger_refuses_rather_than_forgets(bench: Bench) -> None:
    bench.broker.ledger._max_orders = 1
    first = odno(bench.order("buy", 1, bench.book.limits.lower_krw))

    assert bench.order("buy", 1)["msg_cd"] == "OPSQ0010"
    assert bench.change(first, cancel=True)["msg_cd"] == "OPSQ0010"


ACTIONS = st.lists(
    st.tuples(
        st.sampled_from(["buy", "sell", "amend", "cancel", "crowd"]),
        st.integers(1, 60),
        st.integers(-6, 6),
        st.sampled_from(["00", "00", "01", "02", "03", "04", "11", "12", "13"]),
    ),
    min_size=1,
    max_size=40,
)


@settings(max_examples=40, deadline=None)
@given(ACTIONS)
def test_money_and_shares_are_conserved_whatever_is_done(actions) -> None:
    bench = Bench(activity=1.0, accounts=(spec(holdings={"005930": (500, 100_000_000)}),))
    account, ledger = bench.account, bench.broker.ledger

    for what, qty, offset, kind in actions:
        price = bench.book.last_krw + 500 * offset
        priced = price if kind in ("00", "02", "11", "12") else 0
        target = f"{max(len(ledger.orders), 1):010d}"
        if what in ("buy", "sell"):
            bench.order(what, qty, priced, kind=kind)
        elif what == "amend":
            bench.change(target, cancel=False, qty=qty % 3, price=price)
        elif what == "cancel":
            bench.change(target, cancel=True, qty=qty % 3)
        else:
            bench.move(SECOND // 5)

        orders = list(ledger.orders.values())
        live = [order for order in orders if order.leaves_qty]
        assert account.available_krw >= 0
        assert account.reserved_krw == sum(order.reserved_krw for order in live)
        tied = sum(order.leaves_qty for order in live if order.side is Side.SELL)
        assert account.holdings["005930"].reserved_qty == tied
        assert all(order.resting.leaves_qty == order.leaves_qty for order in live)

    fills = ledger.fills
    bought = sum(fill.qty for fill in fills if fill.side is Side.BUY)
    sold = sum(fill.qty for fill in fills if fill.side is Side.SELL)
    assert account.holdings["005930"].qty == 500 + bought - sold
    spent = sum(
        fill.price_krw * fill.qty * (1 if fill.side is Side.BUY else -1)
        + fill.commission_krw
        + fill.tax_krw
        for fill in fills
    )
    assert account.cash_krw == CASH - spent
    for order in ledger.orders.values():
        if order.request != "cancel":
            gone = order.canceled_qty + order.amended_qty + order.rejected_qty
            assert order.qty == order.filled_qty + order.leaves_qty + gone
    limits = bench.book.limits
    assert all(limits.lower_krw <= fill.price_krw <= limits.upper_krw for fill in fills)


def test_orders_end_with_their_day_and_free_what_they_blocked(bench: Bench) -> None:
    bid = bench.book.best_bid_krw
    resting = entry(bench, odno(bench.order("buy", 10, bid * 9 // 10 // 1000 * 1000)))
    assert resting.state == "open"
    assert bench.account.reserved_krw > 0

    bench.now_ns += 14 * 3600 * SECOND
    bench.broker.step(bench.now_ns, bench.real_ns)

    assert (resting.state, resting.canceled_qty) == ("canceled", 10)
    assert bench.account.reserved_krw == 0
    assert bench.book.best_bid_krw == bid

"""What the account calls say after trades: deposits, profits, assets, sellable shares."""

from __future__ import annotations

from tests.contracts.rest_requests import PARAMS, ask
from tests.unit.sim.sim_harness import Bench, spec

PRICE = 274_000


def test_deposit_of_tomorrow_and_the_day_after_follow_settlement() -> None:
    bench = Bench(accounts=(spec(holdings={"005930": (10, 2_000_000)}),))
    bench.order("sell", 10)
    account = bench.account

    today = bench.balance()["output2"][0]
    settled = account.cash_krw
    row = bench.balance()["output1"][0]
    account.begin_day(_day(24))
    tomorrow = bench.balance()["output2"][0]
    kept = bench.balance()["output1"]
    without = bench.balance(PRCS_DVSN="01")["output1"]
    account.begin_day(_day(25))
    gone = bench.balance()["output1"]

    assert (row["hldg_qty"], row["thdt_sll_qty"]) == ("0", "10")
    assert today["dnca_tot_amt"] == today["nxdy_excc_amt"] == "100000000"
    assert today["prvs_rcdl_excc_amt"] == str(settled)
    assert int(today["thdt_sll_amt"]) - int(today["thdt_tlex_amt"]) == settled - 100_000_000
    assert tomorrow["bfdy_sll_amt"] == today["thdt_sll_amt"]
    assert tomorrow["thdt_sll_amt"] == "0"
    assert [(r["hldg_qty"], r["bfdy_sll_qty"]) for r in kept] == [("0", "10")]
    assert without == []
    assert gone == []
    assert account.deposit_krw == settled


def _day(number: int):
    from datetime import date

    return date(2026, 11, number)


def test_change_of_assets_counts_todays_trades_once() -> None:
    bench = Bench(accounts=(spec(holdings={"005930": (10, 2_000_000)}),))
    before = bench.balance()["output2"][0]
    bench.order("buy", 5)
    after = bench.balance()["output2"][0]

    assert after["bfdy_tot_asst_evlu_amt"] == before["bfdy_tot_asst_evlu_amt"]
    total = int(after["tot_evlu_amt"])
    assert int(after["asst_icdc_amt"]) == total - int(after["bfdy_tot_asst_evlu_amt"])


def test_profits_are_those_of_the_ledger() -> None:
    bench = Bench(accounts=(spec(holdings={"005930": (10, 2_000_000)}),))
    bench.order("buy", 5)
    bench.order("sell", 6)
    fills = bench.broker.ledger.fills

    body = ask(bench, "inquire-period-trade-profit")[1]
    nothing = ask(
        bench,
        "inquire-period-trade-profit",
        PARAMS["inquire-period-trade-profit"] | {"INQR_END_DT": "20261122"},
    )[1]

    row, totals = body["output1"][0], body["output2"]
    assert len(body["output1"]) == 1
    assert (row["trad_dt"], row["pdno"]) == ("20261123", "00000A005930")
    assert int(row["fee"]) == sum(fill.commission_krw for fill in fills)
    assert int(row["tl_tax"]) == sum(fill.tax_krw for fill in fills)
    assert row["hldg_qty"] == str(bench.account.holding("005930").qty) == "9"
    bought = sum(f.price_krw * f.qty for f in fills if f.side == 2)
    sold = sum(f.price_krw * f.qty for f in fills if f.side == 1)
    cost = (2_000_000 + bought) - bench.account.holding("005930").cost_krw
    fee = sum(f.commission_krw for f in fills if f.side == 1)
    assert int(row["rlzt_pfls"]) == sold - cost - fee - int(row["tl_tax"])
    assert (row["buy_amt"], row["sll_amt"]) == (str(bought), str(sold))
    assert totals["tot_rlzt_pfls"] == row["rlzt_pfls"]
    assert int(totals["tot_tr_amt"]) == bought + sold
    net = int(totals["sll_excc_amt_smtl"]) - int(totals["buy_excc_amt_smtl"])
    assert net == bench.account.cash_krw - 100_000_000
    assert nothing["output1"] == []
    assert nothing["output2"]["tot_fee"] == "0"


def test_sellable_shares_leave_out_open_orders() -> None:
    bench = Bench(accounts=(spec(holdings={"005930": (10, 2_000_000)}),))
    bench.order("sell", 4, bench.book.best_ask_krw + 5_000)

    out = ask(bench, "inquire-psbl-sell")[1]["output"]

    assert (out["cblc_qty"], out["ord_psbl_qty"]) == ("10", "6")
    assert out["pchs_avg_pric"] == "200000.0000"
    assert int(out["evlu_pfls_amt"]) == int(out["evlu_amt"]) - 2_000_000


def test_assets_have_twenty_rows_that_add_up() -> None:
    bench = Bench(accounts=(spec(holdings={"005930": (10, 2_000_000)}),))

    body = ask(bench, "inquire-account-balance")[1]

    rows, totals = body["Output1"], body["Output2"]
    assert len(rows) == 20
    assert sum(int(row["evlu_amt"]) for row in rows[:19]) == int(rows[19]["evlu_amt"])
    assert rows[19]["evlu_amt"] == totals["tot_asst_amt"]
    assert rows[0]["evlu_amt"] == totals["evlu_amt_smtl"]
    assert rows[17]["evlu_amt"] == totals["tot_dncl_amt"] == "100000000"


def test_orders_older_than_three_months_have_their_own_call() -> None:
    bench = Bench()
    bench.order("buy", 1, 270_000)
    bench.order("buy", 1, 270_000)
    bench.broker.ledger.orders[1].date = "20260822"
    bench.broker.ledger.orders[2].date = "20260823"
    params = PARAMS["inquire-daily-ccld"] | {"INQR_STRT_DT": "20260101"}

    def dates(variant: str) -> list[str]:
        body = ask(bench, "inquire-daily-ccld", params, variant)[1]
        return [row["ord_dt"] for row in body["output1"]]

    assert dates("within_3_months") == ["20260823"]
    assert dates("older") == ["20260822"]


def test_orders_of_other_venues_are_hidden_unless_all_are_asked_for() -> None:
    bench = Bench()
    nxt = bench.broker.exchange.book("005930", "NXT")
    bench.order("buy", 1, 270_000)
    bench.order("buy", 1, nxt.best_bid_krw - 5_000, EXCG_ID_DVSN_CD="NXT")

    def venues(asked: str) -> list[str]:
        rows = bench.day_orders(EXCG_ID_DVSN_CD=asked)["output1"]
        return [row["excg_id_dvsn_Cd"] for row in rows]

    assert venues("") == venues("KRX") == ["KRX"]
    assert venues("ALL") == ["NXT", "KRX"]


def test_day_orders_can_be_filtered_by_kind_and_office() -> None:
    bench = Bench()
    bench.order("buy", 1, 270_000)
    bench.order("buy", 10, bench.broker.exchange.books["57JN53"].best_bid_krw, PDNO="57JN53")

    def symbols(**more: str) -> list[str]:
        return [row["pdno"] for row in bench.day_orders(**more)["output1"]]

    assert symbols() == ["57JN53", "005930"]
    assert symbols(INQR_DVSN_1="1") == ["57JN53"]
    assert symbols(INQR_DVSN_3="01") == ["57JN53", "005930"]
    assert symbols(INQR_DVSN_3="02") == symbols(INQR_DVSN_1="2") == []
    assert symbols(ORD_GNO_BRNO="91252") == ["57JN53", "005930"]
    assert symbols(ORD_GNO_BRNO="00001") == []


def test_sell_kind_is_one_of_the_table() -> None:
    bench = Bench(accounts=(spec(holdings={"005930": (10, 2_000_000)}),))

    assert bench.order("sell", 1, SLL_TYPE="01")["rt_cd"] == "0"
    assert bench.order("sell", 1, SLL_TYPE="09")["msg_cd"] == "OPSQ2002"

"""mojito2 0.1.6 from PyPI, only its hosts replaced: every REST feature it has, real and paper."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mojito.koreainvestment as mojito
import pytest

from aegis_fast.kis.profile import SIM_APPKEY, SIM_APPSECRET
from tests.clients.hosts import point_mojito
from tests.clients.simulator import Simulator

pytestmark = pytest.mark.clients

SYMBOL = "005930"
ACCOUNT = "50000000-01"
DONE = {"real": dict.fromkeys(("buy", "sell", "amend", "cancel"), "APBK0013")}
DONE["paper"] = {"buy": "40600000", "sell": "40610000", "amend": "40620000", "cancel": "40630000"}


@dataclass(frozen=True)
class Trader:
    """A logged-in client and the simulator behind it."""

    profile: str
    client: mojito.KoreaInvestment
    sim: Simulator

    def held_qty(self) -> int:
        rows = {row["pdno"]: row for row in self.client.fetch_balance()["output1"]}
        return int(rows[SYMBOL]["hldg_qty"]) if SYMBOL in rows else 0

    def last_order(self) -> dict[str, Any]:
        return self.sim.orders()[-1]

    def check_done(self, answer: dict[str, Any], what: str) -> dict[str, str]:
        assert (answer["rt_cd"], answer["msg_cd"]) == ("0", DONE[self.profile][what]), answer
        return dict(answer["output"])


@pytest.fixture(params=["real", "paper"], scope="module")
def logged_in(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Trader]:
    profile = request.param
    sim: Simulator = request.getfixturevalue(f"{profile}_sim")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("mojito"))
        point_mojito(patch, rest=sim.rest_url, websocket=sim.ws_url)
        sim.pass_a_minute()
        client = mojito.KoreaInvestment(SIM_APPKEY, SIM_APPSECRET, ACCOUNT, mock=profile == "paper")
        yield Trader(profile, client, sim)


@pytest.fixture
def trader(logged_in: Trader, walls: None) -> Trader:
    return logged_in


def test_token_is_issued_once_and_read_from_its_file_afterwards(
    trader: Trader, monkeypatch: pytest.MonkeyPatch
) -> None:
    is_paper = trader.profile == "paper"
    trader.sim.pass_a_minute()

    first = mojito.KoreaInvestment(SIM_APPKEY, SIM_APPSECRET, ACCOUNT, mock=is_paper)
    second = mojito.KoreaInvestment(SIM_APPKEY, SIM_APPSECRET, ACCOUNT, mock=is_paper)

    kept = pickle.loads(Path("token.dat").read_bytes())
    assert kept["token_type"] == "Bearer"
    assert 0 < kept["expires_in"] <= 86_400
    assert first.access_token == second.access_token == f"Bearer {kept['access_token']}"
    # A third issue within the minute would have been refused (EGW00133).
    assert second.fetch_price(SYMBOL)["rt_cd"] == "0"


def test_quote_shows_the_market(trader: Trader) -> None:
    quote = trader.client.fetch_price(SYMBOL)["output"]

    issue = trader.sim.issue(SYMBOL)
    assert int(quote["stck_prpr"]) == issue["last_krw"]
    assert int(quote["stck_mxpr"]) == issue["upper_krw"]
    assert int(quote["stck_llam"]) == issue["lower_krw"]
    assert quote["rprs_mrkt_kor_name"].startswith("KOSPI")


def test_daily_chart_has_a_hundred_days_newest_first(trader: Trader) -> None:
    rows = trader.client.fetch_ohlcv(SYMBOL)["output2"]

    days = [row["stck_bsop_date"] for row in rows]
    assert len(days) == 100
    assert days == sorted(days, reverse=True)
    assert int(rows[0]["stck_clpr"]) == trader.sim.issue(SYMBOL)["last_krw"]
    low, high = (int(rows[1][name]) for name in ("stck_lwpr", "stck_hgpr"))
    assert low <= int(rows[1]["stck_clpr"]) <= high


def test_thirty_recent_days(trader: Trader) -> None:
    answer = trader.client.fetch_ohlcv_recent30(SYMBOL)

    assert answer["rt_cd"] == "0", answer
    assert len(answer["output"]) == 30
    assert int(answer["output"][0]["stck_clpr"]) == trader.sim.issue(SYMBOL)["last_krw"]


def test_minute_chart_is_walked_back_to_the_open(trader: Trader) -> None:
    rows = trader.client.fetch_today_1m_ohlcv(SYMBOL, to="093000")["output2"]

    hours = [row["stck_cntg_hour"] for row in rows]
    assert hours[0] == "093000"
    assert hours[-1] <= "090100"
    assert hours == sorted(hours, reverse=True)


def test_orderable_amount_follows_the_price(trader: Trader) -> None:
    price = trader.sim.issue(SYMBOL)["best_bid_krw"]

    limit = trader.client.check_buy_order(SYMBOL, price, "00")["output"]
    market = trader.client.check_buy_order(SYMBOL, 0, "01")["output"]

    cash = int(limit["ord_psbl_cash"])
    assert 0 < int(limit["nrcvb_buy_qty"]) * price <= cash
    # A market order is reckoned at the upper limit.
    assert int(market["psbl_qty_calc_unpr"]) == trader.sim.issue(SYMBOL)["upper_krw"]
    assert int(market["nrcvb_buy_qty"]) < int(limit["nrcvb_buy_qty"])


def test_market_orders_fill_and_move_the_balance(trader: Trader) -> None:
    before = trader.held_qty()

    bought = trader.check_done(trader.client.create_market_buy_order(SYMBOL, 7), "buy")
    assert trader.last_order()["filled_qty"] == 7
    assert int(trader.last_order()["odno"]) == int(bought["ODNO"])
    assert trader.held_qty() == before + 7
    trader.check_done(trader.client.create_market_sell_order(SYMBOL, 3), "sell")

    assert trader.last_order()["filled_qty"] == 3
    assert trader.held_qty() == before + 4
    money = trader.client.fetch_balance()["output2"][0]
    assert int(money["dnca_tot_amt"]) > 0


def test_limit_orders_rest_are_amended_and_cancelled(trader: Trader) -> None:
    issue = trader.sim.issue(SYMBOL)
    tick = 500 if issue["last_krw"] >= 200_000 else 100
    low = issue["lower_krw"]

    first = trader.check_done(trader.client.create_limit_buy_order(SYMBOL, low, 5), "buy")
    org, odno = first["KRX_FWDG_ORD_ORGNO"], first["ODNO"]
    amended = trader.check_done(
        trader.client.modify_order(org, odno, "00", low + tick, 5, True), "amend"
    )
    resting = trader.last_order()
    assert (resting["price_krw"], resting["leaves_qty"]) == (low + tick, 5)
    assert int(odno) < int(amended["ODNO"]) == int(resting["odno"])
    trader.check_done(trader.client.cancel_order(org, amended["ODNO"], 5, True), "cancel")

    assert {order["leaves_qty"] for order in trader.sim.orders()} == {0}


def test_limit_sell_rests_until_it_is_cancelled(trader: Trader) -> None:
    trader.check_done(trader.client.create_market_buy_order(SYMBOL, 2), "buy")
    high = trader.sim.issue(SYMBOL)["upper_krw"]

    sell = trader.check_done(trader.client.create_limit_sell_order(SYMBOL, high, 2), "sell")
    assert trader.last_order()["leaves_qty"] == 2
    trader.check_done(
        trader.client.cancel_order(sell["KRX_FWDG_ORD_ORGNO"], sell["ODNO"], 2, True), "cancel"
    )

    assert {order["leaves_qty"] for order in trader.sim.orders()} == {0}


def test_pending_orders_exist_on_the_real_side_only(trader: Trader) -> None:
    low = trader.sim.issue(SYMBOL)["lower_krw"]
    order = trader.check_done(trader.client.create_limit_buy_order(SYMBOL, low, 5), "buy")
    asked = {"CTX_AREA_FK100": "", "CTX_AREA_NK100": "", "INQR_DVSN_1": "0", "INQR_DVSN_2": "0"}

    answer = trader.client.fetch_open_order(asked)

    if trader.profile == "real":
        assert [(row["odno"], row["psbl_qty"]) for row in answer["output"]] == [
            (order["ODNO"], "5")
        ]
    else:
        # mojito2 asks paper trading for the real side's id, and paper has no such call at all.
        assert (answer["rt_cd"], answer["msg_cd"]) == ("1", "EGW00213"), answer
    org = order["KRX_FWDG_ORD_ORGNO"]
    trader.check_done(trader.client.cancel_order(org, order["ODNO"], 5, True), "cancel")

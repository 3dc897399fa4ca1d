"""What mojito2 0.1.6 loses over REST by itself, each with the answer that it lost something of."""

from __future__ import annotations

import json
from collections.abc import Iterator

import mojito.koreainvestment as mojito
import pytest

from aegis_fast.kis.profile import SIM_ACCOUNT, SIM_APPKEY, SIM_APPSECRET, SIM_HTS_ID
from aegis_fast.sim.desk.account import AccountSpec
from tests.clients.hosts import point_mojito
from tests.clients.simulator import Simulator, simulator_inside

pytestmark = pytest.mark.clients

HELD = 25  # More than the 20 rows of a page on paper.


@pytest.fixture
def sim(walls: None, monkeypatch: pytest.MonkeyPatch, real_sim: Simulator) -> Iterator[Simulator]:
    symbols = [row["symbol"] for row in real_sim.control("GET", "state")["symbols"]][:HELD]
    holdings = dict.fromkeys(symbols, (1, 10000))
    account = AccountSpec(SIM_ACCOUNT, SIM_APPKEY, SIM_APPSECRET, SIM_HTS_ID, holdings=holdings)
    with simulator_inside(profile="paper", accounts=(account,)) as running:
        point_mojito(monkeypatch, rest=running.rest_url, websocket=running.ws_url)
        yield running


def test_holdings_after_the_first_page_are_lost(sim: Simulator) -> None:
    """Client defect: it goes on only after "M", but the first of several pages says "F".

    And it never sends tr_cont "N", without which the keys alone give the first page again.
    """
    client = mojito.KoreaInvestment(SIM_APPKEY, SIM_APPSECRET, "50000000-01", mock=True)

    balance = client.fetch_balance()

    first = client.fetch_balance_domestic()
    evidence = json.dumps(
        {name: first[name] for name in ("tr_cont", "ctx_area_nk100", "msg1")}, ensure_ascii=False
    )
    assert first["tr_cont"] == "F", evidence
    assert first["ctx_area_nk100"].strip(), evidence
    assert len(balance["output1"]) == 20, evidence
    second = client.fetch_balance_domestic(first["ctx_area_fk100"], first["ctx_area_nk100"])
    assert [row["pdno"] for row in second["output1"]] == [row["pdno"] for row in first["output1"]]
    accounts = sim.control("GET", "ledger?calls=0")["accounts"]
    assert len(accounts[SIM_ACCOUNT]["positions"]) == HELD


def test_minute_chart_dies_of_the_call_limit_on_paper(
    walls: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Client defect: thirteen calls in a row without a pause, and no look at rt_cd."""
    with simulator_inside(profile="paper", calls_per_s=None) as running:
        point_mojito(monkeypatch, rest=running.rest_url, websocket=running.ws_url)
        client = mojito.KoreaInvestment(SIM_APPKEY, SIM_APPSECRET, "50000000-01", mock=True)

        with pytest.raises(KeyError, match="output2"):
            client.fetch_today_1m_ohlcv("005930", to="110000")

        last = running.calls()[-1]
        assert (last["call"], last["status"], last["msg_cd"]) == (
            "inquire-time-itemchartprice",
            500,
            "EGW00201",
        )

"""python-kis 2.1.6 at the true call limits: it survives them, and breaks them all the time."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from pykis import KisAuth, PyKis

from aegis_fast.kis.profile import SIM_APPKEY, SIM_APPSECRET, SIM_HTS_ID
from tests.clients.hosts import point_python_kis
from tests.clients.simulator import Simulator, simulator_inside

pytestmark = pytest.mark.clients

SECOND_NS = 1_000_000_000


def auth(*, virtual: bool) -> KisAuth:
    return KisAuth(SIM_HTS_ID, SIM_APPKEY, SIM_APPSECRET, "50000000-01", virtual)


def quote(kis: PyKis) -> Any:
    return kis.fetch(
        "/uapi/domestic-stock/v1/quotations/inquire-price",
        api="FHKST01010100",
        params={"FID_COND_MRKT_DIV_CODE": "J", "FID_INPUT_ISCD": "005930"},
        domain="real",
    )


def busiest_second(calls: list[dict[str, Any]]) -> int:
    """Return the most calls that arrived within any one second."""
    arrivals = [call["arrival_ns"] for call in calls]
    return max(sum(start <= other < start + SECOND_NS for other in arrivals) for start in arrivals)


def test_its_limiter_lets_twice_the_limit_through(
    walls: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Client defect: it counts in fixed seconds of 19 calls; KIS counts 18 in any second."""
    with simulator_inside(profile="real", calls_per_s=None) as sim:
        point_python_kis(monkeypatch, rest=sim.rest_url, websocket=sim.ws_url)
        kis = PyKis(auth(virtual=False), keep_token=tmp_path, use_websocket=False)
        quote(kis)  # Begins its second; the token took a call of it.
        time.sleep(0.85)
        answers = [quote(kis) for _ in range(34)]
        kis.close()

        calls = [call for call in sim.calls() if call["call"] == "inquire-price"]
        refused = [call for call in calls if call["msg_cd"] == "EGW00201"]
        evidence = f"{busiest_second(calls)} calls within a second, {len(refused)} refused"
        assert busiest_second(calls) > 19, evidence
        assert refused, evidence
        assert {call["status"] for call in refused} == {500}, evidence
        # It reads the body of a 500 and tries again, so its user never notices.
        assert all(answer.rt_cd == "0" for answer in answers), evidence


def test_paper_works_at_one_call_a_second(
    walls: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, real_sim: Simulator
) -> None:
    """Client defect: paper takes one call a second since 2026-04-20, it makes two."""
    with simulator_inside(profile="paper", calls_per_s=None) as sim:
        assert sim.control("GET", "state")["calls_per_s"] == 1
        point_python_kis(
            monkeypatch,
            rest=real_sim.rest_url,
            websocket=real_sim.ws_url,
            paper_rest=sim.rest_url,
            paper_websocket=sim.ws_url,
        )
        kis = PyKis(
            auth(virtual=False), auth(virtual=True), keep_token=tmp_path, use_websocket=False
        )

        balances = [kis.account().balance("KR") for _ in range(3)]
        kis.close()

        assert {int(balance.deposits["KRW"].amount) for balance in balances} == {100_000_000}
        refused = [call for call in sim.calls() if call["msg_cd"] == "EGW00201"]
        assert refused, sim.calls()

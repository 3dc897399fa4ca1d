"""mojito2 0.1.6's WebSocket side, which knows the real host only: what it hears and what it loses.

A second customer of the same simulator (tap) keeps the frames themselves: each loss is shown with
the frame that it happened on.
"""

from __future__ import annotations

import multiprocessing
import queue
import time
from collections.abc import Iterator
from typing import Any

import mojito.koreainvestment as mojito
import pytest

from aegis_fast.kis import tr
from aegis_fast.kis.profile import SIM_APPKEY, SIM_APPSECRET, SIM_HTS_ID
from tests.clients.hosts import point_mojito
from tests.clients.simulator import Simulator, simulator_inside
from tests.clients.tap import TWO_CUSTOMERS, Tap, records, tap, wait_for_registrations

pytestmark = [
    pytest.mark.clients,
    # mojito2's feed is a forked process; Python 3.12 warns when a test's thread is alive then.
    pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning"),
]

SYMBOL = "005930"
FIELDS = tr.realtime()["H0STCNT0"].fields
NOTICE_FIELDS = tr.realtime()["H0STCNI0"].fields


class Feed:
    """A running mojito2 feed, and a tap beside it."""

    def __init__(self, sim: Simulator, client: mojito.KoreaInvestmentWS, tap: Tap) -> None:
        self.sim = sim
        self.client = client
        self.tap = tap
        self.heard: list[tuple[str, dict[str, str]]] = []

    def hear(self, kind: str, *, nth: int = 1) -> dict[str, str]:
        """Return the nth message of a kind ("체결", "호가", "체잔")."""
        until = time.monotonic() + 40
        while len(found := [values for name, values in self.heard if name == kind]) < nth:
            try:
                name, values = self.client.queue.get(timeout=max(until - time.monotonic(), 0.01))
            except queue.Empty:
                raise AssertionError(f"no {kind}; heard {self.heard}") from None
            self.heard.append((name, values))
        return found[nth - 1]

    def sweep(self, levels: int) -> None:
        """Let a stranger buy through so many price levels at once: one frame, so many records."""
        asks = self.tap.hear("H0STASP0").split("|", 3)[3].split("^")
        # Records 3..12 are the ask prices, 23..32 their quantities.
        prices, quantities = [int(v) for v in asks[3:13]], [int(v) for v in asks[23:33]]
        qty = sum(quantities[: levels - 1]) + 1
        assert self.sim.trade(SYMBOL, "buy", qty, prices[levels - 1]) == qty


@pytest.fixture
def feed(
    request: pytest.FixtureRequest, walls: None, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Feed]:
    """The feed with the frames of today, or with those that a test asks for."""
    frames = getattr(request, "param", "today")
    start_method = multiprocessing.get_start_method(allow_none=True)
    multiprocessing.set_start_method("fork", force=True)
    with (
        simulator_inside(profile="real", accounts=TWO_CUSTOMERS, frames=frames) as sim,
        tap(sim) as listener,
    ):
        sim.control("POST", "market", {"pause": True})
        point_mojito(monkeypatch, rest=sim.rest_url, websocket=sim.ws_url)
        for tr_id, tr_key in (
            ("H0STCNT0", SYMBOL),
            ("H0STASP0", SYMBOL),
            ("H0STCNI0", SIM_HTS_ID),
        ):
            assert listener.register(tr_id, tr_key)["msg_cd"] == "OPSP0000"
        client = mojito.KoreaInvestmentWS(
            SIM_APPKEY, SIM_APPSECRET, ["H0STCNT0", "H0STASP0"], [SYMBOL], user_id=SIM_HTS_ID
        )
        client.start()
        try:
            wait_for_registrations(sim, 6)
            yield Feed(sim, client, listener)
        finally:
            client.terminate()
            client.join(5)
    multiprocessing.set_start_method(start_method, force=True)


def _trader() -> mojito.KoreaInvestment:
    return mojito.KoreaInvestment(SIM_APPKEY, SIM_APPSECRET, "50000000-01")


def test_single_trades_and_the_book_are_heard_right(feed: Feed) -> None:
    book = feed.hear("호가")
    feed.sim.trade(SYMBOL, "buy", 1)

    trade = feed.hear("체결")

    (sent,) = records(feed.tap.hear("H0STCNT0"))
    assert list(trade.values()) == sent[: len(trade)]
    assert trade["유가증권단축종목코드"] == SYMBOL
    assert trade["체결거래량"] == "1"
    (levels,) = records(feed.tap.hear("H0STASP0"))
    assert [book[f"매도호가{n:02d}"] for n in range(1, 11)] == levels[3:13]
    assert [book[f"매수호가{n:02d}"] for n in range(1, 11)] == levels[13:23]
    assert [book[f"매도호가잔량{n:02d}"] for n in range(1, 11)] == levels[23:33]


def test_own_fill_is_heard(feed: Feed) -> None:
    order = _trader().create_market_buy_order(SYMBOL, 3)["output"]

    ack, fill = feed.hear("체잔", nth=1), feed.hear("체잔", nth=2)

    assert ack["주문번호"] == fill["주문번호"] == order["ODNO"]
    assert (ack["체결여부"], fill["체결여부"]) == ("1", "2")
    assert int(fill["체결수량"]) == 3
    assert int(fill["체결단가"]) == feed.sim.orders()[-1]["filled_value_krw"] // 3


def test_second_record_of_a_frame_is_read_one_value_off(feed: Feed) -> None:
    """Client defect: the width of a trade is fixed at 46, KIS sends 47 since 2026-09-14."""
    feed.sweep(2)
    frame = feed.tap.hear("H0STCNT0", records=2)

    first, second = feed.hear("체결", nth=1), feed.hear("체결", nth=2)

    sent = records(frame)
    assert [len(record) for record in sent] == [47, 47], frame
    assert list(first.values()) == sent[0][:46], frame
    # The 47th value of the first record stands where the code of the second one belongs.
    assert list(second.values()) == [sent[0][46], *sent[1][:45]], frame
    assert second["주식체결시간"] == SYMBOL, frame


def test_fields_of_a_notice_carry_wrong_names(feed: Feed) -> None:
    """Client defect: 23 names for the 26 values that real notices have since 2025-03-04."""
    _trader().create_market_buy_order(SYMBOL, 3)

    feed.hear("체잔", nth=1)
    fill = feed.hear("체잔", nth=2)

    frame = feed.tap.hear("H0STCNI0")
    sent = dict(zip(NOTICE_FIELDS, records(frame)[0], strict=True))
    assert sent["CNTG_ISNM40"] == "삼성전자", frame
    assert fill["체결종목명"] == sent["ORD_COND_PRC"] == "", frame
    assert fill["신용구분"] == sent["ORD_EXG_GB"] == "1", frame
    assert fill["체결종목명40"] == sent["FILLER"] == "", frame
    assert fill["주문가격"] == sent["CRDT_CLS"] == "10", frame


def test_two_values_of_the_book_share_one_name(feed: Feed) -> None:
    """Client defect: a name stands twice in its list, so the later value hides the earlier."""
    book = feed.hear("호가")

    names: list[Any] = mojito.orderbook_items
    (sent,) = records(feed.tap.hear("H0STASP0"))
    name = "시간외 총매도호가 잔량"
    assert [index for index, item in enumerate(names) if item == name] == [45, 56]
    assert len(book) == len(names) - 2 == 57
    assert book[name] == sent[56]


@pytest.mark.parametrize("feed", ["2024"], indirect=True)
def test_frames_of_its_time_are_read_right(feed: Feed) -> None:
    feed.sweep(2)
    frame = feed.tap.hear("H0STCNT0", records=2)

    trades = [feed.hear("체결", nth=1), feed.hear("체결", nth=2)]
    order = _trader().create_market_buy_order(SYMBOL, 3)["output"]
    feed.hear("체잔", nth=1)
    fill = feed.hear("체잔", nth=2)

    assert [list(trade.values()) for trade in trades] == records(frame), frame
    assert fill["주문번호"] == order["ODNO"]
    assert fill["체결종목명40"] == "삼성전자"
    assert int(fill["체결수량"]) == 3

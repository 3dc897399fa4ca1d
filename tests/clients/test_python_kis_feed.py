"""python-kis 2.1.6's WebSocket side: deaf to the frames of today, fine with those of its time.

It hard-codes 46 values a trade, 59 a book and 23 a notice, and drops every frame of another width.
A second customer of the same simulator (tap) keeps the frames themselves as evidence.
"""

from __future__ import annotations

import gc
import logging
import queue
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pykis import KisAuth, PyKis

from aegis_fast.kis.profile import SIM_APPKEY, SIM_APPSECRET, SIM_HTS_ID
from tests.clients.hosts import point_python_kis
from tests.clients.simulator import OPTIONS, Simulator, simulator, simulator_inside
from tests.clients.tap import TAP, TWO_CUSTOMERS, records, tap

pytestmark = pytest.mark.clients

SYMBOL = "005930"
PAPER_APPKEY = SIM_APPKEY[:-1] + "3"
ACCOUNTS = """
[[account]]
account = "5000000001"
appkey = "{trading}"
appsecret = "{secret}"
hts_id = "{hts_id}"
[[account]]
account = "5000000009"
appkey = "{other}"
appsecret = "{secret}"
hts_id = "{hts_id}"
"""


class Ears:
    """A client that listens to trades, the book and its own fills."""

    def __init__(self, kis: PyKis) -> None:
        self.kis = kis
        self.heard: dict[str, queue.Queue[Any]] = {
            name: queue.Queue() for name in ("price", "orderbook", "execution")
        }
        self.stock = kis.stock(SYMBOL)
        # A subscription lives as long as its ticket. The book comes at once, so it is first.
        self.tickets = [
            self.stock.on("orderbook", lambda _, event: self.heard["orderbook"].put(event.response))
        ]
        self._wait_for_the_socket()
        self.tickets += [
            self.stock.on("price", lambda _, event: self.heard["price"].put(event.response)),
            kis.account().on(
                "execution", lambda _, event: self.heard["execution"].put(event.response)
            ),
        ]

    def _wait_for_the_socket(self) -> None:
        # What is subscribed to while it connects can fall between what it sends as the socket
        # opens and what it sends at once: then it is never sent.
        client = self.kis.websocket._primary_client or self.kis.websocket
        until = time.monotonic() + 10
        while not client.connected:
            assert time.monotonic() < until
            time.sleep(0.005)

    def hear(self, name: str) -> Any:
        return self.heard[name].get(timeout=40)

    def close(self, sim: Simulator) -> None:
        both = (self.kis.websocket, self.kis.websocket._primary_client)
        clients = [client for client in both if client is not None]
        threads = [client.thread for client in clients]
        for client in clients:
            client.reconnect = False  # Or it would connect once more after its end.
        # The ticket of the overseas notices, which it holds itself, is never given back by it.
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Event ticket .* was not explicitly")
            while self.tickets:
                self.tickets.pop().unsubscribe()
            gc.collect()
        # Its WebSocket library needs ten seconds to notice that it was closed from this side.
        sim.control("POST", "faults", {"kind": "ws_drop"})
        until = time.monotonic() + 40
        while any(client.websocket is not None for client in clients):
            assert time.monotonic() < until
            time.sleep(0.02)
        self.kis.websocket.disconnect()
        for thread in threads:
            thread.join(40)
        self.kis.close()


def registrations(sim: Simulator) -> set[str]:
    """Return what the client's sockets have registered."""
    sockets = sim.control("GET", "state")["connections"]
    own = [socket for socket in sockets if socket["appkey"] != TAP.appkey]
    return {name for socket in own for name in socket["registrations"]}


def wait_for_the_three(sim: Simulator, notice_tr: str) -> None:
    wanted = {f"H0STCNT0:{SYMBOL}", f"H0STASP0:{SYMBOL}", f"{notice_tr}:{SIM_HTS_ID}"}
    until = time.monotonic() + 40
    while not wanted <= registrations(sim):
        assert time.monotonic() < until, registrations(sim)
        time.sleep(0.02)


def auth(appkey: str, *, virtual: bool) -> KisAuth:
    return KisAuth(SIM_HTS_ID, appkey, SIM_APPSECRET, "50000000-01", virtual)


@pytest.fixture(params=["real", "paper"])
def older(
    request: pytest.FixtureRequest,
    walls: None,
    monkeypatch: pytest.MonkeyPatch,
    real_sim: Simulator,
    tmp_path: Path,
) -> Iterator[tuple[str, Simulator, Ears]]:
    """A simulator with the frames of before, and the client listening to it.

    On paper this client opens a second socket, with its real appkey, for trades and books; it asks
    the PAPER host for that socket's approval key. Both sockets go to the paper simulator here,
    which therefore knows both appkeys; quotes come from the real one.
    """
    profile = request.param
    keys = (SIM_APPKEY, PAPER_APPKEY) if profile == "real" else (PAPER_APPKEY, SIM_APPKEY)
    accounts = tmp_path / "accounts.toml"
    accounts.write_text(
        ACCOUNTS.format(trading=keys[0], other=keys[1], secret=SIM_APPSECRET, hts_id=SIM_HTS_ID)
    )
    options = ("--frames", "2024", "--accounts", str(accounts))
    with simulator("--profile", profile, *OPTIONS, *options) as sim:
        sim.control("POST", "market", {"pause": True})
        quotes = sim if profile == "real" else real_sim
        if quotes is real_sim:
            real_sim.pass_a_minute()
        point_python_kis(
            monkeypatch,
            rest=quotes.rest_url,
            websocket=sim.ws_url,
            paper_rest=sim.rest_url,
            paper_websocket=sim.ws_url,
        )
        real = auth(SIM_APPKEY, virtual=False)
        kis = (
            PyKis(real, keep_token=tmp_path)
            if profile == "real"
            else PyKis(real, auth(PAPER_APPKEY, virtual=True), keep_token=tmp_path)
        )
        ears = Ears(kis)
        try:
            wait_for_the_three(sim, "H0STCNI0" if profile == "real" else "H0STCNI9")
            yield profile, sim, ears
        finally:
            ears.close(sim)


def test_trades_book_and_own_fills_are_heard_in_frames_of_its_time(
    older: tuple[str, Simulator, Ears],
) -> None:
    _, sim, ears = older
    issue = sim.issue(SYMBOL)

    book = ears.hear("orderbook")
    assert int(book.asks[0].price) == issue["best_ask_krw"]
    assert int(book.bids[0].price) == issue["best_bid_krw"]

    assert sim.trade(SYMBOL, "buy", 11) == 11
    trade = ears.hear("price")
    assert int(trade.price) == issue["best_ask_krw"]
    assert trade.volume == issue["cum_qty"] + 11

    order = ears.stock.buy(qty=3)
    ack, fill = ears.hear("execution"), ears.hear("execution")
    assert int(ack.order_number.number) == int(fill.order_number.number) == int(order.number)
    assert (ack.receipt, int(ack.executed_qty), int(ack.qty)) == (True, 0, 3)
    assert (fill.receipt, int(fill.executed_qty), fill.type) == (False, 3, "buy")
    assert int(fill.executed_amount) == sim.orders()[-1]["filled_value_krw"]


def test_resting_order_is_heard_to_fill(older: tuple[str, Simulator, Ears]) -> None:
    _, sim, ears = older
    bid = sim.issue(SYMBOL)["best_bid_krw"]
    ears.stock.buy(price=bid, qty=4)
    assert ears.hear("execution").receipt

    # Everybody before us in the queue is served first.
    while not sim.orders()[-1]["filled_qty"]:
        assert sim.trade(SYMBOL, "sell", 10_000, bid) > 0

    fill = ears.hear("execution")
    assert (int(fill.price), int(fill.qty), int(fill.unit_price)) == (bid, 4, bid)
    assert 0 < int(fill.executed_qty) <= 4


def test_frames_of_today_are_all_lost(
    walls: None,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Client defect: every frame whose width it does not know is dropped, with an error in the log.

    Widths: trades 47 since 2026-09-14, books 63 since then, notices 26 since 2025-03-04.
    """
    caplog.set_level(logging.ERROR, logger="pykis")
    with simulator_inside(profile="real", accounts=TWO_CUSTOMERS) as sim, tap(sim) as listener:
        sim.control("POST", "market", {"pause": True})
        point_python_kis(monkeypatch, rest=sim.rest_url, websocket=sim.ws_url)
        for tr_id in ("H0STCNT0", "H0STASP0"):
            listener.register(tr_id, SYMBOL)
        listener.register("H0STCNI0", SIM_HTS_ID)
        ears = Ears(PyKis(auth(SIM_APPKEY, virtual=False), keep_token=tmp_path))
        wait_for_the_three(sim, "H0STCNI0")
        ears.stock.buy(qty=3)
        frames = {tr_id: listener.hear(tr_id) for tr_id in ("H0STCNT0", "H0STASP0", "H0STCNI0")}

        widths = {"H0STCNT0": 47, "H0STASP0": 63, "H0STCNI0": 26}
        until = time.monotonic() + 40
        while not all(f"{tr_id} Invalid data length" in caplog.text for tr_id in widths):
            assert time.monotonic() < until, caplog.text
            time.sleep(0.02)

        for tr_id, width in widths.items():
            frame = frames[tr_id]
            assert len(records(frame)[0]) == width, frame
            assert f"{tr_id} Invalid data length: {width}" in caplog.text, frame
        assert all(messages.empty() for messages in ears.heard.values()), frames
        # The order itself was filled; only its owner does not hear of it.
        assert sim.orders()[-1]["filled_qty"] == 3
        ears.close(sim)

"""python-kis 2.1.6 from PyPI, only its hosts replaced: its REST features, real and paper.

On paper this client trades at the paper host and takes its quotes from the real one, so it is
given both simulators.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest
from pykis import KisAuth, PyKis

from aegis_fast.kis.profile import SIM_APPKEY, SIM_APPSECRET, SIM_HTS_ID
from tests.clients.hosts import point_python_kis
from tests.clients.simulator import KST, Simulator

pytestmark = pytest.mark.clients

SYMBOL = "005930"


def login(profile: str, token_folder: Path) -> PyKis:
    """Return a client; its tokens go to the folder, never to ~/.pykis."""

    def auth(*, virtual: bool) -> KisAuth:
        return KisAuth(SIM_HTS_ID, SIM_APPKEY, SIM_APPSECRET, "50000000-01", virtual)

    if profile == "real":
        return PyKis(auth(virtual=False), keep_token=token_folder)
    return PyKis(auth(virtual=False), auth(virtual=True), keep_token=token_folder)


@dataclass(frozen=True)
class Trader:
    """A logged-in client. sim: where it trades. market: where its quotes come from."""

    profile: str
    kis: PyKis
    sim: Simulator
    market: Simulator
    tokens: Path

    @property
    def stock(self) -> Any:
        return self.kis.stock(SYMBOL)

    @property
    def account(self) -> Any:
        return self.kis.account()

    def held_qty(self) -> int:
        holding = self.account.balance("KR").stock(SYMBOL)
        return int(holding.qty) if holding else 0

    def last_order(self) -> dict[str, Any]:
        return self.sim.orders()[-1]

    def day_orders(self) -> dict[int, Any]:
        orders = self.account.daily_orders(start=datetime.now(KST).date(), country="KR").orders
        return {int(order.number): order for order in orders}


@pytest.fixture(params=["real", "paper"], scope="module")
def logged_in(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Trader]:
    profile = request.param
    market: Simulator = request.getfixturevalue("real_sim")
    sim: Simulator = request.getfixturevalue(f"{profile}_sim")
    tokens = tmp_path_factory.mktemp("tokens")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NO_PROXY", "*")
        point_python_kis(
            patch,
            rest=market.rest_url,
            websocket=market.ws_url,
            paper_rest=sim.rest_url,
            paper_websocket=sim.ws_url,
        )
        for each in {market.rest_url: market, sim.rest_url: sim}.values():
            each.pass_a_minute()
        kis = login(profile, tokens)
        yield Trader(profile, kis, sim, market, tokens)
        kis.close()


@pytest.fixture
def trader(logged_in: Trader, walls: None) -> Trader:
    return logged_in


def test_token_is_kept_and_shared_with_the_next_client(trader: Trader) -> None:
    first = trader.kis.primary_token
    issued = sum(call["call"] == "token" for call in trader.sim.calls())

    second = login(trader.profile, trader.tokens)

    assert second.primary_token.token == first.token
    assert first.remaining > timedelta(hours=1)
    assert first.type == "Bearer"
    assert sum(call["call"] == "token" for call in trader.sim.calls()) == issued
    assert list(trader.tokens.iterdir())
    assert not (Path.home() / ".pykis").exists()
    second.close()


def test_quote_shows_the_market(trader: Trader) -> None:
    quote = trader.stock.quote()

    issue = trader.market.issue(SYMBOL)
    assert int(quote.price) == issue["last_krw"]
    assert (int(quote.low_limit), int(quote.high_limit)) == (
        issue["lower_krw"],
        issue["upper_krw"],
    )
    assert quote.volume == issue["cum_qty"]
    assert quote.name == "삼성전자"
    assert int(quote.base_price) == issue["base_krw"]


def test_book_shows_ten_levels_of_each_side(trader: Trader) -> None:
    book = trader.stock.orderbook()

    issue = trader.market.issue(SYMBOL)
    asks, bids = [int(ask.price) for ask in book.asks], [int(bid.price) for bid in book.bids]
    assert (asks[0], bids[0]) == (issue["best_ask_krw"], issue["best_bid_krw"])
    assert asks == sorted(asks)
    assert bids == sorted(bids, reverse=True)
    assert len(asks) == len(bids) == 10
    assert min(level.volume for level in (*book.asks, *book.bids)) > 0


def test_daily_chart_of_a_month_ends_today(trader: Trader) -> None:
    chart = trader.stock.daily_chart(start=timedelta(days=30))

    days = [bar.time.date() for bar in chart.bars]
    assert days == sorted(days)
    assert 18 <= len(days) <= 24
    assert int(chart.bars[-1].close) == trader.market.issue(SYMBOL)["last_krw"]
    assert all(bar.low <= bar.close <= bar.high for bar in chart.bars)


def test_minute_chart_reaches_from_the_open_to_now(trader: Trader) -> None:
    chart = trader.stock.day_chart()

    clock = [bar.time.time() for bar in chart.bars]
    assert clock == sorted(clock)
    assert clock[0] <= time(9, 1)
    assert clock[-1] >= time(11)
    assert len(clock) == len(set(clock)) >= 119
    assert int(chart.bars[-1].close) == trader.market.issue(SYMBOL)["last_krw"]


def test_orderable_amount_follows_the_price(trader: Trader) -> None:
    price = trader.market.issue(SYMBOL)["best_bid_krw"]

    limit = trader.stock.orderable_amount(price=price)
    market = trader.stock.orderable_amount()

    assert 0 < int(limit.qty) * price <= int(limit.amount)
    # A market order is reckoned at the upper limit.
    assert 0 < int(market.qty) < int(limit.qty)


def test_market_orders_fill_and_move_the_balance(trader: Trader) -> None:
    before = trader.held_qty()

    bought = trader.stock.buy(qty=7)
    assert int(bought.number) == int(trader.last_order()["odno"])
    assert trader.last_order()["filled_qty"] == 7
    sold = trader.stock.sell(qty=3)

    assert trader.last_order()["filled_qty"] == 3
    balance = trader.account.balance("KR")
    assert int(balance.stock(SYMBOL).qty) == before + 4
    assert int(balance.deposits["KRW"].amount) > 0
    rows = trader.day_orders()
    assert (rows[int(bought.number)].type, rows[int(sold.number)].type) == ("buy", "sell")
    assert int(rows[int(bought.number)].executed_quantity) == 7
    assert int(rows[int(sold.number)].executed_quantity) == 3


def test_limit_order_rests_is_amended_and_cancelled(trader: Trader) -> None:
    low = trader.sim.issue(SYMBOL)["lower_krw"]
    order = trader.stock.buy(price=low, qty=5)
    number = int(order.number)
    assert int(trader.day_orders()[number].pending_quantity) == 5

    if trader.profile == "real":
        (waiting,) = trader.stock.pending_orders().orders
        assert (int(waiting.order_number.number), int(waiting.pending_qty)) == (number, 5)
        order = order.modify(price=low + 500)
        assert int(order.number) > number
        (waiting,) = trader.stock.pending_orders().orders
        assert int(waiting.unit_price) == low + 500
        assert trader.last_order()["price_krw"] == low + 500
    else:
        # The client itself does without both on paper.
        with pytest.raises(NotImplementedError, match="미체결 주문 조회를 지원하지 않습니다"):
            trader.stock.pending_orders()
        with pytest.raises(NotImplementedError, match="정정주문을 지원하지 않습니다"):
            order.modify(price=low + 500)
    order.cancel()

    assert {row["leaves_qty"] for row in trader.sim.orders()} == {0}


def test_limit_sell_rests_and_is_cancelled(trader: Trader) -> None:
    trader.stock.buy(qty=2)

    order = trader.stock.sell(price=trader.sim.issue(SYMBOL)["upper_krw"], qty=2)
    assert trader.last_order()["leaves_qty"] == 2
    order.cancel()

    assert {row["leaves_qty"] for row in trader.sim.orders()} == {0}


def test_cancelled_order_is_never_shown_as_cancelled(trader: Trader) -> None:
    """Client defect: it reads `ccld_yn`, a field that the answer does not have (cncl_yn)."""
    order = trader.stock.buy(price=trader.sim.issue(SYMBOL)["lower_krw"], qty=1)
    cancel = order.cancel()

    row = trader.day_orders()[int(cancel.number)]

    evidence = str(row.__data__)
    assert row.__data__["cncl_yn"] == "Y", evidence
    assert "ccld_yn" not in row.__data__, evidence
    assert row.canceled is False, evidence

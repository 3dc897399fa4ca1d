"""A SOR order goes to the venue that trades it best at once."""

from __future__ import annotations

from datetime import date

import pytest

from aegis_fast.sim.kst import SECOND_NS, midnight_ns
from aegis_fast.sim.market.exchange import KINDS, Order
from aegis_fast.sim.market.rules import Side
from tests.unit.sim.sim_harness import Bench

DAY_NS = midnight_ns(date(2026, 11, 23))


def bench_at(clock: str, **settings: object) -> Bench:
    hours, minutes = (int(part) for part in clock.split(":"))
    return Bench(start_ns=DAY_NS + (hours * 60 + minutes) * 60 * SECOND_NS, **settings)


def board_of(bench: Bench, answer: dict) -> str:
    assert answer["rt_cd"] == "0", answer
    return list(bench.broker.ledger.orders.values())[-1].board


def quote(bench: Bench, board: str, side: Side, price_krw: int, qty: int = 1_000) -> None:
    """Let a stranger rest an order on a board."""
    book = bench.broker.exchange.book("005930", board)
    book.submit(Order(side, qty), KINDS["00"], price_krw)


@pytest.mark.parametrize(
    ("side", "kind", "away", "board"),
    [("buy", Side.SELL, -1, "NXT"), ("buy", Side.SELL, 1, "KRX"), ("sell", Side.BUY, 1, "NXT")],
)
def test_sor_goes_where_the_price_is_better(side: str, kind: Side, away: int, board: str) -> None:
    holdings = {"005930": (10, 2_000_000)}
    bench = Bench(accounts=(_account(holdings),))
    krx, nxt = bench.book, bench.broker.exchange.book("005930", "NXT")
    touch = krx.half(kind).best_krw()
    for order, _ in nxt.expire():
        assert not order.rests
    quote(bench, "NXT", kind, touch + away * 500)

    assert board_of(bench, bench.order(side, 1, 0, "01", EXCG_ID_DVSN_CD="SOR")) == "KRX"
    price = touch + (10_000 if side == "buy" else -10_000)
    answer = bench.order(side, 1, price, "00", EXCG_ID_DVSN_CD="SOR")
    assert board_of(bench, answer) == board


def _account(holdings: dict[str, tuple[int, int]]):
    from tests.unit.sim.sim_harness import spec

    return spec(holdings=holdings)


def test_sor_prefers_the_venue_that_trades_to_an_auction() -> None:
    bench = bench_at("08:35", hours="day", activity=0.5)
    bench.move(60 * SECOND_NS)
    ask = bench.broker.exchange.book("005930", "NXT").best_ask_krw

    answer = bench.order("buy", 1, ask, "00", EXCG_ID_DVSN_CD="SOR")

    assert board_of(bench, answer) == "NXT"
    assert list(bench.broker.ledger.orders.values())[-1].state == "filled"


def test_sor_market_order_goes_to_krx_which_alone_has_it() -> None:
    bench = Bench()

    assert board_of(bench, bench.order("buy", 1, 0, "01", EXCG_ID_DVSN_CD="SOR")) == "KRX"


def test_sor_order_of_an_issue_without_nxt_goes_to_krx() -> None:
    bench = Bench()

    answer = bench.order("buy", 1, 0, "01", PDNO="069500", EXCG_ID_DVSN_CD="SOR")
    assert board_of(bench, answer) == "KRX"


def test_sor_after_the_krx_close_goes_to_nxt() -> None:
    bench = bench_at("17:00", hours="day", activity=0.5)
    bench.move(10 * SECOND_NS)
    bid = bench.broker.exchange.book("005930", "NXT").best_bid_krw

    assert board_of(bench, bench.order("buy", 1, bid, "00", EXCG_ID_DVSN_CD="SOR")) == "NXT"

"""Statements of the specification that only the whole of it can show."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.e2e.stack import Stack, ledger_positions, own_orders, running

pytestmark = pytest.mark.e2e

STRATEGIES = Path(__file__).parent / "strategies"


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with running(tmp_path_factory.mktemp("home")) as stack:
        yield stack


def calls(stack: Stack) -> Counter[str]:
    return Counter(row["call"] for row in stack.ledger()["calls"])


def test_o3_market_order_without_a_word_is_unknown_at_2_s_and_a_late_ack_is_no_second_order(
    stack: Stack,
) -> None:
    before = calls(stack)["order-cash"]
    stack.fault("delay", call="order-cash", count=1, delay_ms=2_600)
    states: list[str] = []

    def seen() -> str:
        found = [r for r in stack.api("GET", "orders").data if r["client_order_id"] == "slow"]
        if found and (not states or states[-1] != found[0]["state"]):
            states.append(found[0]["state"])
        return states[-1] if states else ""

    # The notice of the fill would tell at once; only the reply and the ledger may here.
    stack.fault("notice_delay", count=2, delay_ms=4_000)
    stack.fault("hide", count=1, delay_ms=4_000)
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(stack.order, client_order_id="slow", qty=3)
        stack.until(lambda: seen() == "unknown", 5, "unknown after 2 s")
        assert answer.result().status in (201, 202)
    stack.until(lambda: seen() in ("live", "filled"), 5, "the late answer counts")
    stack.until(lambda: seen() == "filled", 10)

    assert states[0] == "pending"
    assert calls(stack)["order-cash"] == before + 1


def test_o4_rejected_market_order_is_not_tried_again_and_alerts(stack: Stack) -> None:
    before = calls(stack)["order-cash"]
    alerts = stack.api("GET", "status").data["counters"].get("alert_order_refused", 0)
    stack.fault("exchange_reject", count=1)

    answer = stack.order(client_order_id="refused", qty=2)

    order_id = next(
        r["order_id"] for r in stack.api("GET", "orders").data if r["client_order_id"] == "refused"
    )
    stack.until(lambda: stack.api("GET", f"orders/{order_id}").data["state"] == "rejected")
    order = stack.api("GET", f"orders/{order_id}").data
    assert order["code"] == 2
    assert order["cum_qty"] == 0
    assert answer.status in (201, 422)
    assert calls(stack)["order-cash"] == before + 1
    counters = stack.api("GET", "status").data["counters"]
    assert counters["alert_order_refused"] == alerts + 1


def test_s08_account_and_orders_use_rest_quotes_and_fills_the_socket(stack: Stack) -> None:
    before = calls(stack)

    for _ in range(5):
        assert stack.order(qty=1).status == 201
        stack.api("GET", "book/005930")
        stack.api("GET", "positions")

    after = calls(stack)
    assert after["order-cash"] == before["order-cash"] + 5
    assert after["asking-price-exp-ccn"] == 0
    assert stack.api("GET", "status").data["counters"]["notices"] >= 10
    stack.api("GET", "balance")
    assert calls(stack)["inquire-balance"] > before["inquire-balance"]


def test_s18_bursts_never_pass_the_call_limit_on_the_servers_clock(stack: Stack) -> None:
    with ThreadPoolExecutor(30) as pool:
        answers = list(pool.map(lambda n: stack.order(qty=1 + n % 3), range(70)))

    assert {answer.status for answer in answers} <= {201, 202}
    arrivals = sorted(
        row["arrival_ns"] for row in stack.ledger()["calls"] if row["path"].startswith("/uapi")
    )
    limit = stack.sim_state()["calls_per_s"]
    crowds = [
        sum(1 for later in arrivals[i:] if later < first + 1_000_000_000)
        for i, first in enumerate(arrivals)
    ]
    assert max(crowds) <= limit
    assert stack.sim_state()["calls_refused"] <= 3, "only what a fault refused"
    stack.until(
        lambda: (
            {r["symbol"]: r["qty"] for r in stack.api("GET", "positions").data}
            == ledger_positions(stack.ledger())
        )
    )


def test_s03_strategy_trades_on_events_and_its_bug_stops_only_itself(tmp_path: Path) -> None:
    path = os.pathsep.join(filter(None, [str(STRATEGIES), os.environ.get("PYTHONPATH", "")]))
    stack = Stack(tmp_path, PYTHONPATH=path)
    try:
        stack.start_engine("--strategy", "first_trade:BuyOnce")
        assert stack.engine is not None
        lines = stack.engine.lines
        stack.until(lambda: "strategy heard filled" in lines, 15, "the strategy's fill")
        stack.until(lambda: any("10 of 10" in line for line in lines), 20, "it is stopped")
        stack.until(lambda: any("strategy BuyOnce is stopped" in line for line in lines), 5)
        status = stack.api("GET", "status").data
        assert status["strategies"] == [
            {
                "name": "BuyOnce",
                "state": "stopped",
                "errors": 10,
                "last_error": "RuntimeError: this strategy has a bug",
            }
        ]
        assert status["latency"]["read"]["count"] > 0

        assert len(own_orders(stack.ledger())) == 1
        assert stack.order(qty=1).status == 201
        seq = stack.api("GET", "book/005930").data["seq"]
        stack.until(lambda: stack.api("GET", "book/005930").data["seq"] > seq, 10)
    finally:
        stack.close()

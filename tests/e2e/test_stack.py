"""The whole of it, as a user has it: simulator, engine, API and commands as real processes."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.e2e.stack import Stack, ledger_positions, own_orders, running

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with running(tmp_path_factory.mktemp("home")) as stack:
        yield stack


def best(stack: Stack, side: str, symbol: str = "005930") -> int:
    book = stack.api("GET", f"book/{symbol}").data
    return int(book[f"best_{side}_krw"])


def test_s70_market_order_by_command_fills_and_balance_shows_it(stack: Stack) -> None:
    before = ledger_positions(stack.ledger()).get("005930", 0)

    placed = stack.command("order", "buy", "005930", "10", "--market", "--json")

    assert placed.returncode == 0, placed.stderr
    order_id = json.loads(placed.stdout)["order_id"]
    stack.until(lambda: stack.api("GET", f"orders/{order_id}").data["state"] == "filled", 5)
    balance = stack.command("balance", "--json")
    assert balance.returncode == 0, balance.stderr
    held = {row["symbol"]: row["qty"] for row in json.loads(balance.stdout)["positions"]}
    assert held["005930"] == before + 10
    assert ledger_positions(stack.ledger())["005930"] == before + 10


def test_s70_limit_order_rests_is_amended_and_canceled(stack: Stack) -> None:
    base_krw = best(stack, "bid")

    placed = stack.order(type="limit", base_price_krw=base_krw, qty=3)
    assert placed.status == 201, placed.body
    order = placed.data
    assert order["state"] == "live"
    assert base_krw * 97 // 100 < order["price_krw"] <= base_krw * 98 // 100

    tick_krw = 500 if order["price_krw"] >= 200_000 else 100
    new_price_krw = order["price_krw"] - tick_krw
    amended = stack.api("PATCH", f"orders/{order['order_id']}", {"price_krw": new_price_krw})
    assert amended.status == 200, amended.body
    assert amended.data["price_krw"] == new_price_krw

    gone = stack.api("DELETE", f"orders/{order['order_id']}")
    assert gone.status == 200, gone.body
    stack.until(lambda: stack.api("GET", f"orders/{order['order_id']}").data["state"] == "canceled")
    rows = [row for row in stack.ledger()["orders"] if row["price_krw"] == new_price_krw]
    assert [row["state"] for row in rows if row["request"] == "amend"] == ["canceled"]


def test_s70_quantity_is_reduced_by_a_partial_cancel(stack: Stack) -> None:
    order = stack.order(type="limit", base_price_krw=best(stack, "bid"), qty=10).data

    reduced = stack.api("PATCH", f"orders/{order['order_id']}", {"qty": 4})

    assert reduced.status in (200, 202), reduced.body
    stack.until(lambda: stack.api("GET", f"orders/{order['order_id']}").data["leaves_qty"] == 4)
    stack.api("DELETE", f"orders/{order['order_id']}")


def test_s70_conditional_order_is_sent_once_and_rests(stack: Stack) -> None:
    price_krw = best(stack, "bid") * 9 // 10 // 1000 * 1000

    placed = stack.order(type="conditional", price_krw=price_krw, qty=2)

    assert placed.status == 201, placed.body
    assert placed.data["state"] == "live"
    kinds = [row["type"] for row in own_orders(stack.ledger()) if row["price_krw"] == price_krw]
    assert kinds == ["02"]
    stack.api("DELETE", f"orders/{placed.data['order_id']}")


def test_same_client_order_id_again_makes_no_second_order(stack: Stack) -> None:
    count = len(own_orders(stack.ledger()))

    first = stack.order(client_order_id="once-only", qty=1)
    again = stack.order(client_order_id="once-only", qty=1)
    other = stack.order(client_order_id="once-only", qty=2)

    assert first.data["order_id"] == again.data["order_id"]
    assert other.status == 409
    assert other.body["detail"]["field"] == "client_order_id"
    assert len(own_orders(stack.ledger())) == count + 1


@pytest.mark.parametrize(
    ("fields", "status", "field"),
    [
        ({"symbol": "999999"}, 404, "symbol"),
        ({"symbol": "삼성전자"}, 400, "symbol"),
        ({"qty": 0}, 400, "qty"),
        ({"qty": -5}, 400, "qty"),
        ({"qty": 10_000_000}, 422, "qty"),
        ({"side": "sell", "symbol": "000660", "qty": 1}, 422, "qty"),
        ({"type": "limit", "price_krw": 270_001}, 422, "price_krw"),
        ({"type": "limit", "price_krw": 1_000}, 422, "price_krw"),
        ({"type": "limit"}, 400, "price_krw"),
        ({"type": "market", "price_krw": 270_000}, 400, "price_krw"),
        ({"qty": "ten"}, 400, "qty"),
        ({"venue": "NYSE"}, 400, "venue"),
        ({"color": "red"}, 400, "color"),
    ],
)
def test_s75_bad_order_is_refused_naming_the_field_and_nothing_leaves(
    stack: Stack, fields: dict[str, object], status: int, field: str
) -> None:
    count = len(stack.ledger()["orders"])

    answer = stack.order(**fields)

    assert answer.status == status, answer.body
    assert answer.body["code"] == 2
    assert answer.body["data"] is None
    assert answer.body["detail"]["field"] == field
    assert len(stack.ledger()["orders"]) == count


@pytest.mark.parametrize(
    "raw", [b"", b"{", b"[]", b"null", b"\xff\xfe", b'{"qty":1}', b"x" * 70_000]
)
def test_s75_malformed_body_is_refused(stack: Stack, raw: bytes) -> None:
    answer = stack.api("POST", "orders", raw=raw)

    assert answer.status in (400, 413)
    assert answer.body["code"] == 2


def test_s75_nonsense_frames_are_counted_and_the_feed_goes_on(stack: Stack) -> None:
    before = stack.sim_state()
    assert before

    for text in ("0|H0STCNT0|003|005930^1^2", "0|XXXXXXXX|001|a^b", "garbage", "{not json", ""):
        stack.fault("bad_frame", text=text)

    def counters() -> dict[str, int]:
        answer = stack.api("GET", "status")
        return dict(answer.data["counters"])

    stack.until(lambda: counters()["bad_frames"] >= 3, what="bad frames counted")
    frames = counters()["frames"]
    stack.until(lambda: counters()["frames"] > frames + 5, what="the feed goes on")
    assert stack.order(qty=1).status == 201


def test_s72_watch_shows_a_ten_level_book_that_moves(stack: Stack) -> None:
    shown = stack.command("watch", "005930", "--once")
    assert shown.returncode == 0, shown.stderr
    assert "005930" in shown.stdout

    first = stack.api("GET", "book/005930").data
    assert len([price for price in first["ask_price_krw"] if price]) == 10
    assert first["best_ask_krw"] > first["best_bid_krw"]
    stack.until(lambda: stack.api("GET", "book/005930").data["seq"] != first["seq"], 15)


def test_s74_balance_agrees_with_the_ledger(stack: Stack) -> None:
    balance = stack.api("GET", "balance").data
    positions = {row["symbol"]: row["qty"] for row in stack.api("GET", "positions").data}

    truth = ledger_positions(stack.ledger())
    assert {row["symbol"]: row["qty"] for row in balance["positions"]} == truth
    assert positions == truth
    assert balance["total_krw"] > 0


def test_s76_fills_during_a_dropped_connection_are_recovered(stack: Stack) -> None:
    stack.fault("ws_drop")
    placed = stack.order(qty=7)
    assert placed.status in (201, 202)
    order_id = placed.data["order_id"]

    stack.until(lambda: stack.api("GET", f"orders/{order_id}").data["state"] == "filled")
    stack.until(lambda: stack.api("GET", "status").data["is_feed_up"])
    seq = stack.api("GET", "book/005930").data["seq"]
    stack.until(lambda: stack.api("GET", "book/005930").data["seq"] > seq, 15)
    truth = ledger_positions(stack.ledger())
    stack.until(
        lambda: {r["symbol"]: r["qty"] for r in stack.api("GET", "positions").data} == truth
    )


def test_lost_reply_makes_the_order_unknown_then_found_never_resent(stack: Stack) -> None:
    count = len(own_orders(stack.ledger()))
    stack.fault("reply_lost", call="order-cash", count=1)

    placed = stack.order(qty=13)

    assert placed.status in (201, 202), placed.body
    order_id = placed.data["order_id"]
    stack.until(lambda: stack.api("GET", f"orders/{order_id}").data["state"] == "filled")
    assert len(own_orders(stack.ledger())) == count + 1


def test_kill_9_in_the_middle_of_100_orders_loses_and_doubles_nothing(tmp_path: Path) -> None:
    with running(tmp_path) as stack:
        acknowledged: dict[str, dict[str, object]] = {}
        issues = [row for row in stack.sim_state()["symbols"] if row["kind"] != "elw"]
        cheap = sorted(issues, key=lambda row: row["base_krw"])[:10]

        def place(number: int) -> None:
            # A basket: no two orders alike, so that a double would show.
            issue = cheap[number % 10]
            fields: dict[str, object] = {
                "client_order_id": f"n{number}",
                "symbol": issue["symbol"],
                "qty": 1 + number // 10,
            }
            if number % 3 == 0:
                fields |= {"type": "limit", "base_price_krw": issue["base_krw"]}
            try:
                answer = stack.order(**fields)
            except OSError:
                return
            if answer.status == 201:
                acknowledged[f"n{number}"] = answer.data

        with ThreadPoolExecutor(20) as pool:
            futures = [pool.submit(place, number) for number in range(100)]
            stack.until(lambda: len(acknowledged) >= 25, 20, "orders acknowledged")
            assert stack.engine is not None
            stack.engine.kill()
            for future in futures:
                future.result()
        assert 25 <= len(acknowledged) < 100

        stack.start_engine()

        orders = {row["client_order_id"]: row for row in stack.api("GET", "orders").data}
        for client_order_id, before in acknowledged.items():
            after = orders[client_order_id]
            assert after["order_id"] == before["order_id"]
            assert after["broker_order_id"] == before["broker_order_id"]
        numbers = [row["broker_order_id"] for row in orders.values() if row["broker_order_id"]]
        assert len(numbers) == len(set(numbers))
        truth = own_orders(stack.ledger())
        kinds = [(row["symbol"], row["qty"]) for row in truth]
        assert len(set(kinds)) == len(kinds), "an order is there twice"
        stack.until(
            lambda: (
                {int(row["odno"]) for row in own_orders(stack.ledger())}
                == {
                    r["broker_order_id"]
                    for r in stack.api("GET", "orders").data
                    if r["broker_order_id"]
                }
            ),
            what="every order of the ledger is known",
        )
        stack.until(
            lambda: (
                {r["symbol"]: r["qty"] for r in stack.api("GET", "positions").data}
                == ledger_positions(stack.ledger())
            ),
            what="positions equal the ledger's",
        )
        for row in truth:
            if row["state"] == "open":
                number = int(row["odno"])
                mine = next(r for r in orders.values() if r["broker_order_id"] == number)
                canceled = stack.api("DELETE", f"orders/{mine['order_id']}")
                assert canceled.status == 200, (canceled.body, row, mine)


def test_engine_ends_cleanly_on_ctrl_c_and_starts_again_with_its_orders(tmp_path: Path) -> None:
    with running(tmp_path) as stack:
        order = stack.order(qty=2).data
        assert stack.engine is not None

        assert stack.engine.stop() == 0

        started = time.monotonic()
        stack.start_engine()
        assert time.monotonic() - started < 30
        assert stack.api("GET", f"orders/{order['order_id']}").data["state"] == "filled"


def test_restarted_simulator_sets_the_old_journal_aside(tmp_path: Path) -> None:
    with running(tmp_path) as stack:
        stack.order(qty=2)
    with running(tmp_path) as stack:
        assert stack.api("GET", "orders").data == []
        assert list(tmp_path.glob("sim/journal-*.db"))


def test_second_engine_on_the_same_home_is_refused(tmp_path: Path) -> None:
    with running(tmp_path) as stack:
        refused = subprocess_run_engine(stack)

    assert refused.returncode == 2
    assert "another engine" in refused.stderr


def subprocess_run_engine(stack: Stack):  # type: ignore[no-untyped-def]
    import os
    import subprocess
    import sys

    return subprocess.run(
        [sys.executable, "-m", "aegis_fast.cli", "run", "--env", "sim"],
        capture_output=True,
        text=True,
        timeout=30,
        env={**os.environ, **stack.engine_env},
    )


def test_refused_cancel_is_told_to_the_caller_and_the_next_one_works(stack: Stack) -> None:
    order = stack.order(type="limit", base_price_krw=best(stack, "bid"), qty=3).data
    stack.fault("rate_refusal", call="order-rvsecncl", count=3)

    refused = stack.api("DELETE", f"orders/{order['order_id']}")
    again = stack.api("PATCH", f"orders/{order['order_id']}", {"qty": 2})
    gone = stack.api("DELETE", f"orders/{order['order_id']}")

    assert refused.status in (422, 429, 503), refused.body
    assert again.status == 200, again.body
    assert gone.status == 200, gone.body


def test_lost_answer_to_a_cancel_is_in_progress_until_the_ledger_tells(stack: Stack) -> None:
    order = stack.order(type="limit", base_price_krw=best(stack, "bid"), qty=3).data
    stack.fault("reply_lost", call="order-rvsecncl", count=1)

    answer = stack.api("DELETE", f"orders/{order['order_id']}")

    assert answer.status in (200, 202), answer.body
    stack.until(lambda: stack.api("GET", f"orders/{order['order_id']}").data["state"] == "canceled")

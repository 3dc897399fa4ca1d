import asyncio
import logging

import pytest

from aegis_fast.core.model import OrderState
from aegis_fast.errors import (
    AuthError,
    Busy,
    ConfigError,
    Disconnected,
    NotFound,
    OrderOutcomeUnknown,
    OrderRejected,
    ProtocolError,
    RiskRejected,
    StorageError,
    Throttled,
    TransientError,
)
from tests.unit.api.api_bench import Bench, limit_order, run
from tests.unit.api.fake_service import INSTRUMENTS, counting_rng

ENVELOPE = {"code", "message", "trace_id", "data"}


def test_log_in_then_order_then_look_then_cancel() -> None:
    async def scenario(bench: Bench) -> None:
        token = await bench.log_in()
        placed = await bench.ask("POST", "orders", token=token, json=limit_order())
        order_id = placed.json["data"]["order_id"]
        one = await bench.ask("GET", f"orders/{order_id}", token=token)
        amended = await bench.ask(
            "PATCH", f"orders/{order_id}", token=token, json={"price_krw": 68_900}
        )
        shrunk = await bench.ask("PATCH", f"orders/{order_id}", token=token, json={"qty": 4})
        canceled = await bench.ask("DELETE", f"orders/{order_id}", token=token)

        assert (placed.status, placed.json["code"]) == (201, 1)
        assert set(placed.json) == ENVELOPE
        order = placed.json["data"]
        assert (order["state"], order["side"], order["type"]) == ("live", "buy", "limit")
        assert (order["qty"], order["price_krw"], order["venue"]) == (10, 69_000, "KRX")
        assert order["account"] == "12******01"
        assert order["created_at"] == "2026-11-22T09:00:00.000000+09:00"
        assert one.json["data"] == order
        assert amended.json["data"]["price_krw"] == 68_900
        assert (shrunk.json["data"]["leaves_qty"], shrunk.json["data"]["canceled_qty"]) == (4, 6)
        assert (canceled.status, canceled.json["data"]["state"]) == (200, "canceled")

    run(scenario)


def test_same_client_order_id_gives_the_same_answer_and_one_order() -> None:
    async def scenario(bench: Bench) -> None:
        token = await bench.log_in()
        first = await bench.ask("POST", "orders", token=token, json=limit_order())
        again = await bench.ask("POST", "orders", token=token, json=limit_order())
        other = await bench.ask("POST", "orders", token=token, json=limit_order(qty=11))

        assert again.status == first.status == 201
        assert again.json["data"] == first.json["data"]
        assert (other.status, other.json["code"]) == (409, 2)
        assert other.json["detail"]["field"] == "client_order_id"
        assert len(bench.service.kept) == 1

    run(scenario)


@pytest.mark.parametrize(
    ("fate", "status", "code"),
    [
        ((OrderState.UNKNOWN, 9, "", "the reply was lost"), 202, 9),
        ((OrderState.PENDING, 9, "", ""), 202, 9),
        ((OrderState.REJECTED, 2, "APBK0952", "주문가능금액 부족"), 422, 2),
        ((OrderState.REJECTED, 804, "EGW00201", "throttled"), 503, 804),
        ((OrderState.PARTIAL, 1, "", ""), 201, 1),
    ],
)
def test_status_and_code_follow_the_order_s_fate(
    fate: tuple[OrderState, int, str, str], status: int, code: int
) -> None:
    async def scenario(bench: Bench) -> None:
        token = await bench.log_in()
        bench.service.next_state = fate
        answer = await bench.ask("POST", "orders", token=token, json=limit_order())

        assert (answer.status, answer.json["code"]) == (status, code)
        assert answer.json["data"]["state"] == fate[0].value
        assert answer.json["data"]["venue_code"] == fate[2]
        if fate[0] is OrderState.REJECTED:
            assert answer.json["message"] == fate[3]
            assert answer.json["detail"]["venue_code"] == fate[2]

    run(scenario)


def test_cancel_that_awaits_its_answer_is_in_progress() -> None:
    async def scenario(bench: Bench) -> None:
        token = await bench.log_in()
        placed = await bench.ask("POST", "orders", token=token, json=limit_order())
        order = bench.service.kept[placed.json["data"]["order_id"]]

        async def slow_cancel(_order_id: str) -> object:
            return bench.service.change(order, request="cancel")

        bench.service.cancel = slow_cancel
        answer = await bench.ask("DELETE", f"orders/{order.order_id}", token=token)

        assert (answer.status, answer.json["code"]) == (202, 9)
        assert answer.json["data"]["request"] == "cancel"

    run(scenario)


@pytest.mark.parametrize(
    ("changes", "status", "field"),
    [
        ({"symbol": "999999"}, 404, "symbol"),
        ({"price_krw": 69_050}, 400, "price_krw"),
        ({"price_krw": 91_100}, 422, "price_krw"),
        ({"qty": 0}, 400, "qty"),
        ({"qty": 100_000}, 422, "qty"),
        ({"side": "up"}, 400, "side"),
    ],
)
def test_bad_order_is_refused_by_field_and_nothing_is_placed(
    changes: dict, status: int, field: str
) -> None:
    async def scenario(bench: Bench) -> None:
        token = await bench.log_in()
        answer = await bench.ask("POST", "orders", token=token, json=limit_order(**changes))

        assert (answer.status, answer.json["code"]) == (status, 2)
        assert set(answer.json) == ENVELOPE | {"detail"}
        assert answer.json["data"] is None
        assert answer.json["detail"]["field"] == field
        assert answer.json["detail"]["expected"]
        assert bench.service.kept == {}

    run(scenario)


@pytest.mark.parametrize(
    ("error", "status", "code", "kind"),
    [
        (RiskRejected("no"), 422, 2, "RiskRejected"),
        (OrderRejected("no", venue_code="APBK0"), 422, 2, "OrderRejected"),
        (NotFound("no"), 404, 2, "NotFound"),
        (Busy("full"), 429, 2, "Busy"),
        (Throttled("slow down"), 429, 8, "Throttled"),
        (Disconnected("gone", code=801), 502, 801, "Disconnected"),
        (ProtocolError("nonsense"), 502, 8, "ProtocolError"),
        (AuthError("the broker's token"), 502, 8, "AuthError"),
        (TransientError("later"), 503, 8, "TransientError"),
        (StorageError("disk full"), 503, 8, "StorageError"),
        (OrderOutcomeUnknown("lost", order_id="o-1"), 202, 9, "OrderOutcomeUnknown"),
        (ConfigError("wrong"), 500, 2, "ConfigError"),
    ],
)
def test_every_kind_of_error_has_its_status_and_code(
    error: Exception, status: int, code: int, kind: str
) -> None:
    async def scenario(bench: Bench) -> None:
        token = await bench.log_in()
        bench.service.next_error = error
        answer = await bench.ask("POST", "orders", token=token, json=limit_order())

        assert (answer.status, answer.json["code"]) == (status, code)
        assert answer.json["message"] == error.message
        assert answer.json["detail"]["error"] == kind
        assert answer.json["detail"]["venue_code"] == error.venue_code
        assert answer.json["detail"]["order_id"] == error.order_id
        assert ("Retry-After" in answer.headers) == (status == 429)

    run(scenario)


def test_retry_after_is_rounded_up_to_whole_seconds() -> None:
    async def scenario(bench: Bench) -> None:
        token = await bench.log_in()
        for wait_ns, header in ((1, "1"), (10**9, "1"), (10**9 + 1, "2"), (-5, "1")):
            retry_at_ns = bench.clock.now_ns + wait_ns
            bench.service.next_error = Throttled("slow down", retry_at_ns=retry_at_ns)
            answer = await bench.ask("GET", "t1101?symbol=005930", token=token)
            assert answer.headers["Retry-After"] == header

    run(scenario)


def test_bug_in_the_engine_is_a_500_with_the_trace_id_in_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def scenario(bench: Bench) -> None:
        token = await bench.log_in()
        bench.service.next_error = ZeroDivisionError("secret detail")
        answer = await bench.ask(
            "POST", "orders", token=token, json=limit_order(), headers={"X-Trace-Id": "trace-0001"}
        )
        after = await bench.ask("GET", "orders", token=token)

        assert (answer.status, answer.json["code"]) == (500, 2)
        assert answer.json["trace_id"] == "trace-0001"
        assert "secret detail" not in str(answer.json)
        assert after.status == 200

    with caplog.at_level(logging.ERROR):
        run(scenario)
    assert "trace-0001" in caplog.text
    assert "ZeroDivisionError: secret detail" in caplog.text


def test_trace_id_comes_back_and_nonsense_is_replaced() -> None:
    async def scenario(bench: Bench) -> None:
        for given, kept in (
            ("abc-DEF_1.2", True),
            ("short", False),
            ("x" * 65, False),
            ("bad id!", False),
            ("", False),
        ):
            answer = await bench.ask("GET", "hello", headers={"X-Trace-Id": given})
            assert answer.headers["X-Trace-Id"] == answer.json["trace_id"]
            assert (answer.json["trace_id"] == given) == kept
            assert len(answer.json["trace_id"]) >= 8
        denied = await bench.ask("GET", "orders", headers={"X-Trace-Id": "trace-0002"})
        assert denied.headers["X-Trace-Id"] == denied.json["trace_id"] == "trace-0002"

    run(scenario)


def test_trace_id_reaches_the_engine() -> None:
    async def scenario(bench: Bench) -> None:
        token = await bench.log_in()
        headers = {"X-Trace-Id": "trace-0003"}
        answer = await bench.ask("POST", "orders", token=token, json=limit_order(), headers=headers)
        assert answer.json["data"]["trace_id"] == "trace-0003"

    run(scenario)


PROTECTED = [
    ("POST", "orders", "trade"),
    ("GET", "orders", "view"),
    ("GET", "orders/o-1", "view"),
    ("PATCH", "orders/o-1", "trade"),
    ("DELETE", "orders/o-1", "trade"),
    ("GET", "t1101?symbol=005930", "view"),
    ("GET", "book/005930", "view"),
    ("GET", "balance", "view"),
    ("GET", "positions", "view"),
    ("GET", "instruments", "view"),
    ("GET", "status", "view"),
    ("GET", "admin/status", "admin"),
    ("POST", "admin/kill-switch", "admin"),
]


def test_every_path_wants_a_token_and_the_right_role() -> None:
    async def scenario(bench: Bench) -> None:
        tokens = {
            "view": await bench.log_in("viewer"),
            "trade": await bench.log_in("demo"),
            "admin": await bench.log_in("boss"),
        }
        ranks = list(tokens)
        for method, path, needed in PROTECTED:
            anonymous = await bench.ask(method, path)
            wrong = await bench.ask(method, path, token="aat_invented")
            assert (anonymous.status, wrong.status) == (401, 401), path
            assert anonymous.headers["WWW-Authenticate"] == "Bearer"
            assert anonymous.json["detail"]["error"] == "AuthError"
            for role, token in tokens.items():
                answer = await bench.ask(method, path, token=token)
                is_allowed = ranks.index(role) >= ranks.index(needed)
                assert (answer.status != 403) == is_allowed, (path, role)
                if not is_allowed:
                    assert answer.json["detail"]["field"] == "role"
        assert bench.service.kept == {}

    run(scenario)


def test_expired_token_is_renewed_by_the_refresh_token() -> None:
    async def scenario(bench: Bench) -> None:
        pair = (
            await bench.ask(
                "POST", "auth/token", json={"api_key": "demo", "api_secret": "demo-secret"}
            )
        ).json["data"]
        assert (pair["expires_in_s"], pair["refresh_expires_in_s"]) == (21_600, 2_592_000)
        assert (pair["role"], pair["token_type"]) == ("trade", "Bearer")
        bench.clock.now_ns += 6 * 3600 * 10**9

        expired = await bench.ask("GET", "orders", token=pair["access_token"])
        renewed = await bench.ask(
            "POST", "auth/refresh", json={"refresh_token": pair["refresh_token"]}
        )
        fresh = await bench.ask("GET", "orders", token=renewed.json["data"]["access_token"])
        reused = await bench.ask(
            "POST", "auth/refresh", json={"refresh_token": pair["refresh_token"]}
        )
        dead = await bench.ask("GET", "orders", token=renewed.json["data"]["access_token"])

        statuses = [a.status for a in (expired, renewed, fresh, reused, dead)]
        assert statuses == [401, 200, 200, 401, 401]

    run(scenario)


def test_guessing_secrets_is_throttled() -> None:
    async def scenario(bench: Bench) -> None:
        bad = {"api_key": "demo", "api_secret": "guess"}
        statuses = [(await bench.ask("POST", "auth/token", json=bad)).status for _ in range(6)]
        answer = await bench.ask("POST", "auth/token", json=bad)

        assert statuses == [401] * 5 + [429]
        assert answer.headers["Retry-After"] == "30"

    run(scenario)


def test_quote_has_market_cap_in_won_and_the_broker_s_figure() -> None:
    async def scenario(bench: Bench) -> None:
        token = await bench.log_in("viewer")
        answer = await bench.ask("GET", "t1101?symbol=005930", token=token)
        quote = answer.json["data"]

        assert quote["marketCap"] == 414_374_600_000_000
        assert quote["hts_avls"] == 4_143_746
        assert (quote["source"], quote["age_ms"], quote["stale"]) == ("wire", 0, False)
        assert (quote["price_krw"], quote["name"]) == (70_000, "삼성전자")

    run(scenario)


def test_book_balance_positions_and_instruments_are_shown() -> None:
    async def scenario(bench: Bench) -> None:
        token = await bench.log_in()
        await bench.ask("POST", "orders", token=token, json=limit_order(price_krw=70_100))
        book = (await bench.ask("GET", "book/005930", token=token)).json["data"]
        balance = (await bench.ask("GET", "balance", token=token)).json["data"]
        positions = (await bench.ask("GET", "positions", token=token)).json["data"]
        issues = (await bench.ask("GET", "instruments", token=token)).json["data"]

        assert book["ask_price_krw"][:2] == [70_100, 70_200]
        assert book["bid_qty"] == [100 * n for n in range(1, 11)]
        assert balance["cash_krw"] == 10_000_000 - 701_000
        assert positions == [
            {"symbol": "005930", "name": "삼성전자", "qty": 10, "cost_krw": 701_000,
             "average_cost_krw": 70_100}
        ]  # fmt: skip
        assert [issue["symbol"] for issue in issues] == list(INSTRUMENTS)

    run(scenario)


def test_orders_are_filtered_and_limited() -> None:
    async def scenario(bench: Bench) -> None:
        token = await bench.log_in()
        for number in range(3):
            body = limit_order(client_order_id=f"c-{number}")
            await bench.ask("POST", "orders", token=token, json=body)
        body = limit_order(client_order_id="c-9", symbol="000660", price_krw=170_000)
        last = (await bench.ask("POST", "orders", token=token, json=body)).json["data"]
        await bench.ask("DELETE", f"orders/{last['order_id']}", token=token)

        async def ids(query: str) -> list[str]:
            answer = await bench.ask("GET", f"orders{query}", token=token)
            return [order["client_order_id"] for order in answer.json["data"]]

        assert await ids("") == ["c-9", "c-2", "c-1", "c-0"]
        assert await ids("?open=1") == ["c-2", "c-1", "c-0"]
        assert await ids("?open=0&limit=2") == ["c-9", "c-2"]
        assert await ids("?symbol=000660") == ["c-9"]
        assert await ids("?symbol=000660&open=true") == []

    run(scenario)


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("orders?open=yes", "open"),
        ("orders?limit=0", "limit"),
        ("orders?limit=10001", "limit"),
        ("orders?limit=ten", "limit"),
        ("orders?sybmol=005930", "sybmol"),
        ("orders?symbol=5930", "symbol"),
        ("orders/a%20b", "order_id"),
        (f"orders/{'x' * 65}", "order_id"),
        ("t1101", "symbol"),
        ("t1101?symbol=", "symbol"),
        ("t1101?symbol=%ED%95%9C", "symbol"),
        ("book/xyz", "symbol"),
        ("balance?all=1", "all"),
        ("stream", "Upgrade"),
    ],
)
def test_bad_query_or_path_is_refused_by_name(path: str, field: str) -> None:
    async def scenario(bench: Bench) -> None:
        answer = await bench.ask("GET", path, token=await bench.log_in())

        assert answer.status == 400
        assert answer.json["detail"]["field"] == field
        assert answer.json["detail"]["expected"]

    run(scenario)


def test_unknown_things_are_404_with_the_same_shape() -> None:
    async def scenario(bench: Bench) -> None:
        token = await bench.log_in()
        for path in ("orders/20261122-000099", "book/999999", "t1101?symbol=999999", "nonsense"):
            answer = await bench.ask("GET", path, token=token)
            assert (answer.status, answer.json["code"]) == (404, 2), path
            assert answer.json["detail"]["error"] == "NotFound"
        outside = await bench.ask("GET", "//api/v9/orders")
        assert (outside.status, outside.json["detail"]["field"]) == (404, "path")

    run(scenario)


def test_wrong_method_and_too_large_a_body_keep_the_shape() -> None:
    async def scenario(bench: Bench) -> None:
        token = await bench.log_in()
        method = await bench.ask("PUT", "orders", token=token)
        large = await bench.ask("POST", "orders", token=token, data=b"x" * 70_000)
        latin = await bench.ask(
            "POST", "orders", token=token, data='{"symbol":"é"}'.encode("latin-1")
        )
        after = await bench.ask("GET", "orders", token=token)

        assert (method.status, method.json["detail"]["expected"]) == (405, "GET, POST")
        assert (large.status, large.json["detail"]["field"]) == (413, "body")
        assert (latin.status, latin.json["detail"]["field"]) == (400, "body")
        assert after.status == 200

    run(scenario)


def test_kill_switch_cancels_and_refuses_until_it_is_off() -> None:
    async def scenario(bench: Bench) -> None:
        boss, demo = await bench.log_in("boss"), await bench.log_in()
        await bench.ask("POST", "orders", token=demo, json=limit_order())
        body = {"on": True, "reason": "drill"}
        on = await bench.ask("POST", "admin/kill-switch", token=boss, json=body)
        ready = await bench.ask("GET", "//readyz")
        refused = await bench.ask(
            "POST", "orders", token=demo, json=limit_order(client_order_id="c-2")
        )
        body = {"on": False, "reason": "drill over"}
        off = await bench.ask("POST", "admin/kill-switch", token=boss, json=body)
        ready_again = await bench.ask("GET", "//readyz")

        assert (on.json["data"]["kill_switch"], on.json["data"]["open_orders"]) == (True, 0)
        assert (ready.status, ready.json["code"]) == (503, 8)
        assert ready.json["data"] == {"ready": False, "reason": "drill"}
        assert (refused.status, refused.json["detail"]["error"]) == (422, "RiskRejected")
        assert off.json["data"]["kill_switch"] is False
        assert ready_again.status == 200

    run(scenario)


def test_hello_names_the_demo_key_only_in_the_simulator() -> None:
    async def scenario(bench: Bench) -> None:
        hello = await bench.ask("GET", "hello")
        bench.service.env = "live"
        live = await bench.ask("GET", "hello")
        alive = await bench.ask("GET", "//healthz")

        assert hello.json["data"] == {"env": "sim", "version": "3.1.0", "demo": True}
        assert live.json["data"]["demo"] is False
        assert (alive.status, alive.json["data"]) == (200, {"alive": True})

    run(scenario)


def test_foreign_host_names_are_refused_on_loopback() -> None:
    async def scenario(bench: Bench) -> None:
        for host, status in (
            ("evil.example", 403),
            ("evil.example:80", 403),
            ("127.0.0.1.evil.example", 403),
            ("localhost:1", 200),
            ("[::1]:8790", 200),
            ("engine.home", 200),
        ):
            answer = await bench.ask("GET", "hello", headers={"Host": host})
            assert answer.status == status, host

    run(scenario, allowed_hosts=frozenset({"engine.home"}))


def test_more_requests_at_once_than_allowed_are_told_to_wait(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("aegis_fast.api.server.MAX_IN_FLIGHT", 1)

    async def scenario(bench: Bench) -> None:
        token = await bench.log_in()
        gate, entered = asyncio.Event(), asyncio.Event()

        async def slow_balance() -> dict:
            entered.set()
            await gate.wait()
            return {}

        bench.service.balance = slow_balance
        slow = asyncio.create_task(bench.ask("GET", "balance", token=token))
        await entered.wait()
        busy = await bench.ask("GET", "orders", token=token)
        gate.set()

        assert (busy.status, busy.json["detail"]["error"]) == (429, "Busy")
        assert (await slow).status == 200
        assert (await bench.ask("GET", "orders", token=token)).status == 200

    run(scenario)


def test_the_page_and_its_parts_come_with_a_strict_policy() -> None:
    async def scenario(bench: Bench) -> None:
        async with bench.session.get("/") as page:
            text = await page.text()
            policy = page.headers["Content-Security-Policy"]
            tag = page.headers["ETag"]
        async with bench.session.get("/", headers={"If-None-Match": tag}) as same:
            assert same.status == 304
        for part in ("/web/app.js", "/web/style.css"):
            assert part in text
            async with bench.session.get(part) as response:
                assert response.status == 200
                assert response.headers["X-Content-Type-Options"] == "nosniff"
        async with bench.session.get("/web/../server.py") as outside:
            assert outside.status == 404

        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "://" not in policy
        assert "<script>" not in text
        assert "style=" not in text
        assert " onclick" not in text

    run(scenario)


def test_random_bytes_are_drawn_for_trace_ids_from_the_given_source() -> None:
    async def scenario(bench: Bench) -> None:
        first = await bench.ask("GET", "hello")
        second = await bench.ask("GET", "hello")
        assert (first.json["trace_id"], second.json["trace_id"]) == (f"{1:032x}", f"{2:032x}")

    run(scenario, rng=counting_rng())

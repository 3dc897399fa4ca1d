import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from aiohttp import web

from aegis_fast import Client
from aegis_fast.core.model import Order, OrderState, OrderType, Side
from aegis_fast.errors import (
    AegisError,
    AuthError,
    Busy,
    Disconnected,
    InvalidRequest,
    NotFound,
    OrderOutcomeUnknown,
    OrderRejected,
    ProtocolError,
    RiskRejected,
    StorageError,
    Throttled,
    TransientError,
)
from tests.unit.api.api_bench import SECRETS, Bench, run


def with_client(
    scenario: Callable[[Bench, Client], Awaitable[None]], key: str = "demo", secret: str = ""
) -> None:
    async def outer(bench: Bench) -> None:
        url = f"http://127.0.0.1:{bench.server.port}/"
        async with Client(url, key=key, secret=secret or SECRETS[key]) as client:
            await scenario(bench, client)

    run(outer)


def test_order_comes_back_as_the_engine_s_own_type() -> None:
    async def scenario(bench: Bench, client: Client) -> None:
        order = await client.buy("005930", 10, price_krw=69_000)
        kept = bench.service.order(order.order_id)

        assert isinstance(order, Order)
        assert (order.side, order.order_type, order.state) == (
            Side.BUY,
            OrderType.LIMIT,
            OrderState.LIVE,
        )
        assert order.client_order_id == kept.client_order_id
        assert len(order.client_order_id) == 32
        assert await client.order(order.order_id) == order
        assert await client.orders(open_only=True, symbol="005930") == [order]
        assert (await client.amend(order.order_id, price_krw=68_900)).price_krw == 68_900
        assert (await client.amend(order.order_id, qty=4)).leaves_qty == 4
        assert (await client.cancel(order.order_id)).state is OrderState.CANCELED

    with_client(scenario)


def test_kind_of_order_follows_from_the_prices_given() -> None:
    async def scenario(_bench: Bench, client: Client) -> None:
        market = await client.buy("005930", 1)
        based = await client.buy("005930", 1, base_price_krw=70_000)
        conditional = await client.buy("005930", 1, 69_000, order_type="conditional")
        sold = await client.sell("005930", 1, venue="NXT", client_order_id="mine")

        assert (market.order_type, market.state) == (OrderType.MARKET, OrderState.FILLED)
        assert (based.order_type, based.price_krw) == (OrderType.LIMIT, 68_600)
        assert conditional.order_type is OrderType.CONDITIONAL
        assert (sold.side, sold.venue, sold.client_order_id) == (Side.SELL, "NXT", "mine")

    with_client(scenario)


def test_looking_gives_typed_answers() -> None:
    async def scenario(bench: Bench, client: Client) -> None:
        await client.buy("005930", 10)
        quote = await client.quote("005930")
        book = await client.book("005930")
        balance = await client.balance()
        (held,) = await client.positions()
        status = await client.status()

        assert (quote.price_krw, quote.market_cap_krw) == (70_000, 414_374_600_000_000)
        assert (book.asks[0].price_krw, book.bids[9].qty) == (70_100, 1000)
        assert balance.cash_krw == 10_000_000 - 701_000
        assert balance.positions == (held,)
        assert (held.symbol, held.qty, held.cost_krw) == ("005930", 10, 701_000)
        assert (status.env, status.is_ready, status.counters) == ("sim", True, {"trades": 1})
        assert [(s.name, s.state, s.errors) for s in status.strategies] == [("Fails", "stopped", 9)]
        assert status.latency["parse"]["p99_ns"] == 111

    with_client(scenario)


@pytest.mark.parametrize(
    "error",
    [
        InvalidRequest("a", field="qty", expected="more"),
        InvalidRequest("again", code=409, field="client_order_id"),
        NotFound("b", field="symbol"),
        RiskRejected("c", field="price_krw", expected="less"),
        OrderRejected("d", venue_code="APBK0952", order_id="o-1"),
        Busy("e"),
        Throttled("f"),
        Disconnected("g", code=801),
        TransientError("h"),
        StorageError("i"),
        AuthError("the broker's"),
        OrderOutcomeUnknown("k", order_id="o-2"),
    ],
)
def test_engine_s_errors_come_back_as_themselves(error: AegisError) -> None:
    async def scenario(bench: Bench, client: Client) -> None:
        bench.service.next_error = error
        with pytest.raises(type(error)) as caught:
            await client.buy("005930", 1)

        seen = caught.value
        assert type(seen) is type(error)
        assert (seen.message, seen.field, seen.expected) == (
            error.message,
            error.field,
            error.expected,
        )
        assert (seen.venue_code, seen.order_id) == (error.venue_code, error.order_id)

    with_client(scenario)


def test_rejected_order_raises_and_an_unknown_one_is_returned() -> None:
    async def scenario(bench: Bench, client: Client) -> None:
        bench.service.next_state = (OrderState.REJECTED, 2, "APBK0952", "주문가능금액 부족")
        with pytest.raises(OrderRejected, match="주문가능금액") as caught:
            await client.buy("005930", 1)
        bench.service.next_state = (OrderState.UNKNOWN, 9, "", "the reply was lost")
        unknown = await client.buy("005930", 1)

        assert caught.value.venue_code == "APBK0952"
        assert unknown.state is OrderState.UNKNOWN

    with_client(scenario)


def test_bug_in_the_engine_leaves_an_order_unknown_but_not_a_query() -> None:
    async def scenario(bench: Bench, client: Client) -> None:
        bench.service.next_error = ZeroDivisionError()
        with pytest.raises(OrderOutcomeUnknown, match="client_order_id c-7"):
            await client.buy("005930", 1, client_order_id="c-7")
        bench.service.next_error = ZeroDivisionError()
        with pytest.raises(AegisError) as caught:
            await client.quote("005930")
        assert type(caught.value) is AegisError

    with_client(scenario)


def test_expired_token_is_renewed_once_for_all_calls_that_wait() -> None:
    async def scenario(bench: Bench, client: Client) -> None:
        await client.status()
        bench.clock.now_ns += 6 * 3600 * 10**9
        await asyncio.gather(*(client.status() for _ in range(20)))

        assert bench.server.streams.access.session_count == 1

    with_client(scenario)


def test_engine_that_forgot_the_tokens_is_logged_in_to_again() -> None:
    async def scenario(bench: Bench, client: Client) -> None:
        await client.status()
        for session in list(bench.server.streams.access._sessions["demo"]):
            bench.server.streams.access._drop(session)

        assert (await client.status()).is_ready

    with_client(scenario)


def test_wrong_secret_and_too_small_a_role_are_auth_errors() -> None:
    async def wrong(_bench: Bench, client: Client) -> None:
        with pytest.raises(AuthError, match="wrong secret"):
            await client.status()

    async def viewer(bench: Bench, client: Client) -> None:
        with pytest.raises(AuthError, match="role view"):
            await client.buy("005930", 1)
        assert bench.service.kept == {}

    async def boss(_bench: Bench, client: Client) -> None:
        assert (await client.set_kill_switch(True, "drill")).kill_switch

    with_client(wrong, secret="guess")
    with_client(viewer, key="viewer")
    with_client(boss, key="boss")


def test_nobody_there_means_that_nothing_happened() -> None:
    async def scenario() -> None:
        async with Client("http://127.0.0.1:1", key="demo", secret="x") as client:
            with pytest.raises(Disconnected):
                await client.buy("005930", 1)
        async with Client("no url", key="demo", secret="x") as client:
            with pytest.raises(InvalidRequest):
                await client.status()
        with pytest.raises(InvalidRequest, match="not open"):
            await client.status()

    asyncio.run(scenario())


async def _broken_server(
    handler: Callable[[web.Request], Awaitable[web.StreamResponse]],
) -> tuple[web.AppRunner, str]:
    async def token(_request: web.Request) -> web.Response:
        pair = {"access_token": "a", "refresh_token": "r"}
        return web.json_response({"code": 1, "data": pair})

    app = web.Application()
    app.router.add_post("/api/v3.1/auth/token", token)
    app.router.add_route("*", "/{path:.*}", handler)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    return runner, f"http://127.0.0.1:{runner.addresses[0][1]}"


@pytest.mark.parametrize(
    ("how", "order_error", "query_error"),
    [
        ("cut", OrderOutcomeUnknown, TransientError),
        ("html", OrderOutcomeUnknown, ProtocolError),
        ("list", OrderOutcomeUnknown, ProtocolError),
    ],
)
def test_answer_that_is_lost_or_nonsense_makes_the_order_unknown(
    how: str, order_error: type, query_error: type
) -> None:
    async def handler(request: web.Request) -> web.Response:
        await request.read()
        if how == "cut":
            assert request.transport is not None
            request.transport.abort()
        text = "<html>502</html>" if how == "html" else "[]"
        return web.Response(text=text, status=502)

    async def scenario() -> None:
        runner, url = await _broken_server(handler)
        async with Client(url, key="demo", secret="x") as client:
            with pytest.raises(order_error):
                await client.buy("005930", 1)
            with pytest.raises(order_error):
                await client.cancel("o-1")
            with pytest.raises(query_error):
                await client.quote("005930")
        await runner.cleanup()

    asyncio.run(scenario())


def test_stream_yields_typed_events() -> None:
    async def scenario(bench: Bench, client: Client) -> None:
        await client.buy("005930", 10, 69_000)
        stream = client.stream(["005930", "999999"])
        events: list[Any] = [await anext(stream) for _ in range(3)]
        bench.service.trade("005930", 70_100, 3)
        bench.service.move("005930", 70_200)
        events += [await anext(stream) for _ in range(2)]
        await stream.aclose()

        by_type = {event.type: event for event in events}
        assert sorted(event.type for event in events) == [
            "depth", "depth", "error", "order", "trade",
        ]  # fmt: skip
        assert isinstance(by_type["error"].error, NotFound)
        assert by_type["order"].order.price_krw == 69_000
        assert (by_type["trade"].trade.qty, by_type["trade"].trade.side) == (3, "buy")
        assert by_type["depth"].book.best_bid_krw == 70_200

    with_client(scenario)


def test_stream_comes_back_after_a_cut_with_a_new_snapshot(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("aegis_fast.client.FIRST_RETRY_S", 0.001)

    async def scenario(bench: Bench, client: Client) -> None:
        stream = client.stream(["005930"], channels=["depth"])
        first = await anext(stream)
        bench.service.move("005930", 75_000)
        closing = asyncio.create_task(bench.server.streams.close())
        rest = [await anext(stream)]
        while rest[-1].type != "reconnected":
            rest.append(await anext(stream))
        healed = await anext(stream)
        await closing
        await stream.aclose()

        once = client.stream(["005930"], channels=["depth"], reconnect=False)
        await anext(once)
        closing = asyncio.create_task(bench.server.streams.close())
        with pytest.raises(Disconnected, match="1001"):
            await anext(once)
        await closing

        assert "disconnected" in [event.type for event in rest]
        assert first.book.best_bid_krw == 70_000
        assert healed.book.best_bid_krw == 75_000

    with_client(scenario)

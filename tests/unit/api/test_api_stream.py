import asyncio
import json
from typing import Any

import aiohttp
import pytest

from aegis_fast.core.model import OrderState
from aegis_fast.errors import Busy, Disconnected
from tests.unit.api.api_bench import Bench, limit_order, run

PROTOCOL = "aegis.v3.1"


class Listener:
    """One client of the stream."""

    def __init__(self, ws: aiohttp.ClientWebSocketResponse) -> None:
        self.ws = ws
        self.seen: list[dict[str, Any]] = []

    async def say(self, **message: Any) -> None:
        await self.ws.send_str(json.dumps(message))

    async def next(self, message_type: str = "") -> dict[str, Any]:
        """Return the next message of that type, or of any."""
        while True:
            message = json.loads(await asyncio.wait_for(self.ws.receive_str(), 5))
            self.seen.append(message)
            if message_type in ("", message["type"]):
                return message

    async def close_code(self) -> int | None:
        """Read on until the server closes and return its code."""
        while True:
            message = await asyncio.wait_for(self.ws.receive(), 5)
            if message.type is aiohttp.WSMsgType.CLOSE:
                return message.data
            if message.type is aiohttp.WSMsgType.CLOSED:
                return self.ws.close_code


async def listen(bench: Bench, token: str = "", **options: Any) -> Listener:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    headers.update(options.pop("headers", {}))
    ws = await bench.session.ws_connect(
        "/api/v3.1/stream", headers=headers, protocols=[PROTOCOL], **options
    )
    bench.sockets.append(ws)
    return Listener(ws)


async def gone(bench: Bench, left: int = 0) -> None:
    """Wait until the server has let go of all clients but so many."""
    for _ in range(1000):
        if bench.server.streams.count == left:
            return
        await asyncio.sleep(0.002)
    raise AssertionError("a connection stayed")


def test_subscriber_gets_snapshot_ack_then_live_books_and_trades() -> None:
    async def scenario(bench: Bench) -> None:
        listener = await listen(bench, await bench.log_in("viewer"))
        await listener.say(op="subscribe", symbols=["005930"], channels=["trade", "depth"], id=7)
        snapshot, ack = await listener.next(), await listener.next()
        bench.service.move("005930", 70_500)
        bench.service.trade("005930", 70_600, 12)
        bench.service.trade("000660", 180_000, 1)
        messages = [await listener.next(), await listener.next()]
        trade = next(m for m in messages if m["type"] == "trade")["trade"]
        book = next(m for m in messages if m["type"] == "depth")["book"]

        assert listener.ws.protocol == PROTOCOL
        assert (snapshot["type"], snapshot["channel"]) == ("snapshot", "depth")
        assert snapshot["book"]["best_bid_krw"] == 70_000
        assert (ack["type"], ack["op"], ack["id"]) == ("ack", "subscribe", 7)
        assert (ack["symbols"], ack["channels"]) == (["005930"], ["trade", "depth"])
        assert (trade["price_krw"], trade["qty"], trade["side"]) == (70_600, 12, "buy")
        assert book["ask_price_krw"][0] == 70_600
        assert [m["seq"] for m in listener.seen] == [1, 2, 3, 4]

    run(scenario)


def test_browser_logs_in_with_its_first_message() -> None:
    async def scenario(bench: Bench) -> None:
        listener = await listen(bench)
        await listener.say(op="ping")
        early = await listener.next()
        await listener.say(op="auth", token="aat_invented")
        wrong = await listener.next()
        await listener.say(op="auth", token=await bench.log_in())
        ack = await listener.next()
        await listener.say(op="ping", id="p")
        pong = await listener.next()

        assert (early["type"], early["detail"]["error"]) == ("error", "AuthError")
        assert (wrong["type"], wrong["op"]) == ("error", "auth")
        assert (ack["type"], ack["role"]) == ("ack", "trade")
        assert (pong["type"], pong["id"]) == ("pong", "p")

    run(scenario)


def test_who_does_not_log_in_in_time_is_closed() -> None:
    async def scenario(bench: Bench) -> None:
        bench.server.streams.auth_s = 0.01
        listener = await listen(bench)
        assert await listener.close_code() == 4401

    run(scenario)


def test_bad_token_in_the_header_is_refused_before_the_upgrade() -> None:
    async def scenario(bench: Bench) -> None:
        with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
            await listen(bench, "aat_invented")
        assert caught.value.status == 401

    run(scenario)


def test_page_of_another_site_may_not_listen() -> None:
    async def scenario(bench: Bench) -> None:
        token = await bench.log_in()
        own = f"http://127.0.0.1:{bench.server.port}"
        await listen(bench, token, headers={"Origin": own})
        for origin in ("http://evil.example", "null", f"http://localhost:{bench.server.port}"):
            with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
                await listen(bench, token, headers={"Origin": origin})
            assert caught.value.status == 403

    run(scenario)


def test_token_that_ends_closes_the_stream_unless_renewed_in_time() -> None:
    async def scenario(bench: Bench) -> None:
        bench.server.streams.grant_check_s = 0.01
        token = await bench.log_in()
        renewing, idle = await listen(bench, token), await listen(bench, token)
        bench.clock.now_ns += 5 * 3600 * 10**9
        await renewing.say(op="auth", token=await bench.log_in())
        await renewing.next("ack")
        bench.clock.now_ns += 3600 * 10**9

        assert await idle.close_code() == 4401
        await renewing.say(op="ping")
        assert (await renewing.next())["type"] == "pong"

    run(scenario)


def test_nonsense_gets_typed_errors_and_the_connection_lives() -> None:
    async def scenario(bench: Bench) -> None:
        listener = await listen(bench, await bench.log_in())
        for raw, field in (
            ("{", "body"),
            ("[]", "body"),
            ('{"op":"dance"}', "op"),
            ('{"op":"subscribe","symbol":"005930"}', "symbol"),
            ('{"op":"subscribe","symbols":["x"],"channels":["depth"]}', "symbols"),
            ('{"op":"subscribe","symbols":["005930"]}', "channels"),
            ('{"op":"subscribe","channels":["trade"]}', "symbols"),
            ('{"op":"unsubscribe","channels":[]}', "channels"),
        ):
            await listener.ws.send_str(raw)
            error = await listener.next()
            assert (error["type"], error["code"]) == ("error", 2), raw
            assert error["detail"]["field"] == field, raw
            assert error["detail"]["expected"]
        await listener.ws.send_bytes(b'{"op":"ping"}')
        assert (await listener.next())["type"] == "pong"
        await listener.ws.send_bytes(b"\xff\xfe")
        assert (await listener.next())["detail"]["field"] == "body"

    run(scenario)


def test_endless_nonsense_ends_the_connection() -> None:
    async def scenario(bench: Bench) -> None:
        listener = await listen(bench, await bench.log_in())
        for _ in range(25):
            await listener.ws.send_str("nonsense")
        assert await listener.close_code() == 1008
        await gone(bench)

    run(scenario)


def test_message_beyond_the_size_limit_ends_the_connection() -> None:
    async def scenario(bench: Bench) -> None:
        listener = await listen(bench, await bench.log_in())
        await listener.ws.send_str("x" * 20_000)
        assert await listener.close_code() == 1009
        await gone(bench)

    run(scenario)


def test_unknown_symbol_is_refused_and_the_others_are_served() -> None:
    async def scenario(bench: Bench) -> None:
        listener = await listen(bench, await bench.log_in())
        await listener.say(op="subscribe", symbols=["999999", "000660"], channels=["depth"], id=1)
        error = await listener.next("error")
        ack = await listener.next("ack")

        assert (error["symbol"], error["detail"]["error"]) == ("999999", "NotFound")
        assert (error["op"], error["id"]) == ("subscribe", 1)
        assert ack["symbols"] == ["000660"]
        assert len(bench.service.depth_watchers) == 1

    run(scenario)


def test_book_that_cannot_be_asked_for_now_is_still_listened_to() -> None:
    async def scenario(bench: Bench) -> None:
        listener = await listen(bench, await bench.log_in())
        bench.service.next_error = Disconnected("the broker is away", code=801)
        await listener.say(op="subscribe", symbols=["005930"], channels=["depth"])
        error, ack = await listener.next(), await listener.next()
        bench.service.move("005930", 70_500)

        assert (error["type"], error["code"]) == ("error", 801)
        assert ack["symbols"] == ["005930"]
        assert (await listener.next())["book"]["best_bid_krw"] == 70_500

    run(scenario)


def test_engine_that_can_watch_no_more_refuses_the_symbol() -> None:
    async def scenario(bench: Bench) -> None:
        def full(*_symbols: object, **_callbacks: object) -> None:
            raise Busy("41 registrations are in use", field="symbols", expected="fewer")

        bench.service.watch = full
        listener = await listen(bench, await bench.log_in())
        await listener.say(op="subscribe", symbols=["005930"], channels=["depth"])

        assert (await listener.next("error"))["detail"]["error"] == "Busy"
        assert (await listener.next("ack"))["symbols"] == []

    run(scenario)


def test_bug_in_the_engine_is_told_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    async def scenario(bench: Bench) -> None:
        listener = await listen(bench, await bench.log_in())
        bench.service.next_error = ZeroDivisionError("bug")
        await listener.say(op="subscribe", symbols=["005930"], channels=["depth"])
        error = await listener.next()
        await listener.say(op="ping")

        assert error["message"].startswith("internal error")
        assert (await listener.next())["type"] == "pong"

    run(scenario)
    assert "ZeroDivisionError: bug" in caplog.text


def test_orders_arrive_whole_and_in_order_with_the_open_ones_first() -> None:
    async def scenario(bench: Bench) -> None:
        token = await bench.log_in()
        await bench.ask("POST", "orders", token=token, json=limit_order())
        listener = await listen(bench, token)
        await listener.say(op="subscribe", channels=["order"])
        snapshot = await listener.next("snapshot")
        await listener.next("ack")
        body = limit_order(client_order_id="c-2", symbol="000660", price_krw=180_500)
        await bench.ask("POST", "orders", token=token, json=body)
        orders = [(await listener.next())["order"] for _ in range(3)]

        assert [order["client_order_id"] for order in snapshot["orders"]] == ["c-1"]
        assert [order["state"] for order in orders] == ["pending", "live", "filled"]
        assert {order["client_order_id"] for order in orders} == {"c-2"}

    run(scenario)


def test_burst_of_books_arrives_conflated_with_the_latest_last() -> None:
    async def scenario(bench: Bench) -> None:
        listener = await listen(bench, await bench.log_in())
        await listener.say(op="subscribe", symbols=["005930"], channels=["depth"])
        await listener.next("ack")
        for step in range(100):
            bench.service.move("005930", 70_000 + 100 * (step % 50))
        first = (await listener.next())["book"]
        bench.service.move("005930", 71_000)
        second = (await listener.next())["book"]

        assert first["best_bid_krw"] == 74_900
        assert second["best_bid_krw"] == 71_000
        assert second["seq"] == first["seq"] + 1

    run(scenario)


def test_two_listeners_hear_the_same_and_the_engine_is_watched_once() -> None:
    async def scenario(bench: Bench) -> None:
        token = await bench.log_in()
        listeners = [await listen(bench, token) for _ in range(3)]
        for listener in listeners:
            channels = ["trade", "depth", "order"]
            await listener.say(op="subscribe", symbols=["005930"], channels=channels)
            await listener.next("ack")
        watchers = (
            len(bench.service.trade_watchers),
            len(bench.service.depth_watchers),
            len(bench.service.order_watchers),
        )
        bench.service.trade("005930", 70_100, 1)
        heard = [await listener.next("trade") for listener in listeners]
        await listeners[0].say(
            op="unsubscribe", symbols=["005930"], channels=["trade", "depth", "order"]
        )
        await listeners[0].next("ack")
        await listeners[1].ws.close()
        await listeners[2].ws.close()
        await gone(bench, 1)
        left = bench.service.trade_watchers + bench.service.depth_watchers
        bench.service.trade("005930", 70_100, 1)
        await listeners[0].say(op="ping")

        assert watchers == (1, 1, 1)
        assert [message["trade"]["qty"] for message in heard] == [1, 1, 1]
        assert left + bench.service.order_watchers == []
        assert (await listeners[0].next())["type"] == "pong"

    run(scenario)


def test_too_many_symbols_or_connections_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aegis_fast.api.stream.MAX_SYMBOLS", 1)
    monkeypatch.setattr("aegis_fast.api.stream.MAX_CONNECTIONS", 1)

    async def scenario(bench: Bench) -> None:
        token = await bench.log_in()
        listener = await listen(bench, token)
        await listener.say(op="subscribe", symbols=["005930", "000660"], channels=["trade"])
        error = await listener.next()
        with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
            await listen(bench, token)

        assert error["detail"]["error"] == "Busy"
        assert caught.value.status == 429

    run(scenario)


def test_stalled_listener_is_cut_with_1013_and_the_others_miss_nothing() -> None:
    async def scenario(bench: Bench) -> None:
        token = await bench.log_in()
        bench.server.streams.max_urgent_bytes = 200_000
        stalled = await listen(bench, token)
        bench.server.streams.max_urgent_bytes = 1 << 30
        healthy = await listen(bench, token)
        for listener in (stalled, healthy):
            await listener.say(op="subscribe", channels=["order"])
            await listener.next("ack")
        await bench.ask("POST", "orders", token=token, json=limit_order())
        order = next(iter(bench.service.kept.values()))

        published = 0
        while not any(c._ending for c in bench.server.streams._connections):
            for _ in range(50):
                bench.service.change(order, state=OrderState.LIVE, cum_qty=published)
                published += 1
            await asyncio.sleep(0)
            assert published < 100_000
        assert await stalled.close_code() == 1013
        seen = [(await healthy.next("order"))["order"]["cum_qty"] for _ in range(published + 2)]
        assert seen[2:] == list(range(published))

    run(scenario)


def test_closing_server_ends_every_stream_at_once_with_1001() -> None:
    async def scenario(bench: Bench) -> None:
        token = await bench.log_in()
        listeners = [await listen(bench, token) for _ in range(20)]
        codes = asyncio.gather(*(listener.close_code() for listener in listeners))
        await asyncio.wait_for(bench.server.close(), 2)

        assert await codes == [1001] * 20
        assert bench.server.streams.count == 0

    run(scenario)


def test_closing_server_does_not_wait_for_a_client_that_is_silent() -> None:
    async def scenario(bench: Bench) -> None:
        await listen(bench, await bench.log_in(), autoclose=False)
        await asyncio.wait_for(bench.server.close(), 3)
        assert bench.server.streams.count == 0

    run(scenario)

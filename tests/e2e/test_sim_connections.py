"""Connections that idle, dawdle, send too much or are too many; and who sends no PINGPONG back."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import time
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import pytest

from aegis_fast.sim.decoding import MAX_BODY_BYTES
from tests.e2e.sim_fault_bench import TRADE_TR, Bench, bench

pytestmark = pytest.mark.e2e

HEAD = b"GET /_sim/clock HTTP/1.1\r\nHost: x\r\n"
LONG = b"POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n"


def run(scenario: Callable[[Bench], Awaitable[None]], **settings: Any) -> None:
    async def main() -> None:
        async with asyncio.timeout(20):
            async with bench(**settings) as one:
                await scenario(one)

    asyncio.run(main())


async def shut(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with contextlib.suppress(ConnectionError):
        await writer.wait_closed()


async def ended_after(one: Bench, sent: bytes, wait_s: float = 3.0) -> tuple[bytes, str, float]:
    """Return what came, how the connection ended and after how many seconds."""
    begun = time.monotonic()
    got, end = await one.exchange(sent, wait_s)
    return got, end, time.monotonic() - begun


def test_answered_connection_is_closed_after_keepalive_and_not_before() -> None:
    async def scenario(one: Bench) -> None:
        got, end, span_s = await ended_after(one, HEAD + b"\r\n")
        assert got.startswith(b"HTTP/1.1 200")
        assert end == "eof"
        assert span_s >= 0.3

    run(scenario, keepalive_s=0.3)


@pytest.mark.parametrize(
    ("sent", "says"),
    [
        (b"", b""),
        (HEAD, b""),
        (LONG % (b"/oauth2/tokenP", 10) + b"{", b"HTTP/1.1 408"),
        (LONG % (b"/_sim/market", 10) + b"{", b"HTTP/1.1 408"),
    ],
)
def test_request_that_never_gets_complete_ends(sent: bytes, says: bytes) -> None:
    async def scenario(one: Bench) -> None:
        got, end, span_s = await ended_after(one, sent, 15)
        assert got.startswith(says)
        assert end == "eof"
        assert span_s >= 0.3

    run(scenario, read_timeout_s=0.3)


def test_slow_answer_and_open_socket_outlive_all_deadlines() -> None:
    async def scenario(one: Bench) -> None:
        stream = await one.subscribed(TRADE_TR)
        await one.fault(kind="delay", delay_ms=500)
        assert (await one.quote())[0] == 200
        await one.trade()
        await stream.next(TRADE_TR)

    run(scenario, keepalive_s=0.1, read_timeout_s=0.1)


@pytest.mark.parametrize("path", ["/oauth2/tokenP", "/_sim/faults"])
def test_body_that_is_too_long_is_a_413(path: str) -> None:
    async def scenario(one: Bench) -> None:
        body = io.BytesIO(b"x" * (MAX_BODY_BYTES + 1))
        async with one.http.post(one.url + path, data=body) as answer:
            said = json.loads(await answer.read())
        assert answer.status == 413
        assert said.get("msg_cd", "EGW00101") == "EGW00101"
        assert said.get("field", "body") == "body"
        last = one.server.ledger()["calls"][-1]
        assert (last["path"], last["status"]) == (path, 413) or path.startswith("/_sim/")
        assert (await one.quote())[0] == 200

    run(scenario)


def test_broken_chunks_are_a_bad_request() -> None:
    async def scenario(one: Bench) -> None:
        head = b"POST /oauth2/tokenP HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
        reader, writer = await asyncio.open_connection("127.0.0.1", one.server.port)
        writer.write(head + b"1\r\n{\r\n")
        await asyncio.sleep(0.1)
        writer.write(b"zz\r\nnonsense\r\n")
        got = await asyncio.wait_for(reader.read(), 5)
        await shut(writer)
        assert got.startswith((b"HTTP/1.1 400", b"HTTP/1.1 408"))

    run(scenario, read_timeout_s=0.3)


async def _opened(
    one: Bench, count: int
) -> list[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    opened = []
    for _ in range(count):
        opened.append(await asyncio.open_connection("127.0.0.1", one.server.port))
        await asyncio.sleep(0.02)
    return opened


async def _has_ended(reader: asyncio.StreamReader) -> bool:
    with contextlib.suppress(TimeoutError):
        return await asyncio.wait_for(reader.read(), 0.1) == b""
    return False


def test_connection_too_many_takes_the_place_of_the_one_that_idled_longest() -> None:
    async def scenario(one: Bench) -> None:
        await one.http.close()
        await asyncio.sleep(0.05)
        opened = await _opened(one, 5)
        assert [await _has_ended(reader) for reader, _ in opened] == [True, True] + [False] * 3
        for _, writer in opened:
            await shut(writer)

    run(scenario, max_connections=3)


def test_connection_too_many_is_refused_while_all_are_busy() -> None:
    async def scenario(one: Bench) -> None:
        streams = [await one.socket()]
        await one.http.get(f"{one.url}/_sim/clock")  # Idle: it gives way to the second socket.
        streams.append(await one.socket())
        got, _ = await one.exchange(one.raw_quote())
        assert got.startswith(b"HTTP/1.1 503")
        assert not any(stream.socket.closed for stream in streams)
        await streams.pop().socket.close()
        async with one.http.get(f"{one.url}/_sim/state") as answer:
            state = await answer.json()
        assert (state["max_connections"], state["connections_refused"]) == (2, 1)

    run(scenario, max_connections=2)


@pytest.mark.parametrize("way", ["text", "pong frame", "not at all"])
def test_client_that_sends_no_pingpong_back_is_cut(way: str) -> None:
    async def scenario(one: Bench) -> None:
        stream = await one.subscribed(TRADE_TR)
        begun = time.monotonic()
        with contextlib.suppress(ConnectionError):
            while time.monotonic() < begun + 1:
                text = await stream.next("PINGPONG")
                if way == "text":
                    await stream.socket.send_str(text)
                elif way == "pong frame":
                    await stream.socket.pong(text.encode())
        is_cut = way == "not at all"
        assert one.server.broker.hub.pongs.sockets_cut == is_cut
        assert stream.socket.closed == is_cut
        if is_cut:
            assert stream.socket.close_code == aiohttp.WSCloseCode.ABNORMAL_CLOSURE

    run(scenario, pingpong_s=0.1, pong_timeout_s=0.4)

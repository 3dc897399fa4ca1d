"""What the faults on sockets, registrations and acks do on the wire."""

from __future__ import annotations

import asyncio

import aiohttp
import pytest

from aegis_fast.kis.profile import SIM_APPKEY
from tests.e2e.sim_fault_bench import SYMBOL, TRADE_TR, Bench, Cases, case, show

pytestmark = pytest.mark.e2e

CASES: Cases = {}


@pytest.mark.parametrize("kind", CASES)
def test_socket_fault_shows_on_the_wire(kind: str) -> None:
    show(CASES, kind)


@case(CASES, "ws_drop")
async def _(one: Bench) -> None:
    stream = await one.subscribed(TRADE_TR)
    assert (await one.fault(kind="ws_drop", tr="H0STASP0"))["affected"] == 0
    assert (await one.fault(kind="ws_drop", tr=TRADE_TR))["affected"] == 1
    with pytest.raises(ConnectionError):
        await stream.next("nothing")
    assert stream.socket.close_code == 1006

    stream = await one.subscribed(TRADE_TR)
    await one.fault(kind="ws_drop", tr=TRADE_TR, nth=3)
    await one.trade(3)
    with pytest.raises(ConnectionError):
        await stream.next("nothing")
    assert len([text for text in stream.texts if TRADE_TR in text]) <= 3
    assert stream.socket.close_code == 1006


@case(CASES, "ws_silent", pingpong_s=0.1)
async def _(one: Bench) -> None:
    stream = await one.subscribed(TRADE_TR)
    await one.fault(kind="ws_silent", pingpong=True)
    await one.trade(2)
    await stream.next("PINGPONG")
    assert all("PINGPONG" in text for text in await stream.rest(0.05))

    await one.fault(kind="ws_silent")
    await one.trade(2)
    await stream.rest(0.05)
    assert await stream.rest(0.3) == []
    assert not stream.socket.closed


@case(CASES, "ws_close")
async def _(one: Bench) -> None:
    stream = await one.subscribed(TRADE_TR)

    await one.fault(kind="ws_close", code=1012, text="restart", appkey=SIM_APPKEY)

    message = await asyncio.wait_for(stream.socket.receive(), 5)
    assert (message.type, message.data, message.extra) == (aiohttp.WSMsgType.CLOSE, 1012, "restart")


@case(CASES, "session_hold")
async def _(one: Bench) -> None:
    first = await one.subscribed(TRADE_TR)
    await one.fault(kind="session_hold", delay_ms=30_000)
    await one.fault(kind="ws_drop")
    with pytest.raises(ConnectionError):
        await first.next("nothing")

    second = await one.socket()
    assert (await second.subscribe(TRADE_TR, SYMBOL))["msg_cd"] == "OPSP8996"
    await one.pass_time(30)
    assert (await second.subscribe(TRADE_TR, SYMBOL))["msg_cd"] == "OPSP0000"


@case(CASES, "refuse_handshake")
async def _(one: Bench) -> None:
    await one.fault(kind="refuse_handshake", count=2)

    for _ in range(2):
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await one.socket()
        assert refused.value.status == 503
    await one.subscribed(TRADE_TR)


@case(CASES, "ack_delay")
async def _(one: Bench) -> None:
    stream = await one.socket()
    await one.fault(kind="ack_delay", tr=TRADE_TR, delay_ms=30_000)

    await stream.ask(TRADE_TR, SYMBOL)
    assert await stream.rest() == []
    await one.trade()
    assert (await stream.read()).startswith(f"0|{TRADE_TR}|")
    await one.pass_time(30)
    await stream.next("OPSP0000")


@case(CASES, "ack_missing")
async def _(one: Bench) -> None:
    stream = await one.socket()
    await one.fault(kind="ack_missing", tr=TRADE_TR)

    await stream.ask(TRADE_TR, SYMBOL)
    assert await stream.rest() == []
    await one.trade()

    await stream.next(f"0|{TRADE_TR}|")
    assert (await stream.subscribe(TRADE_TR, SYMBOL))["msg_cd"] == "OPSP0002"


@case(CASES, "registration_lost")
async def _(one: Bench) -> None:
    await one.fault(kind="registration_lost", tr=TRADE_TR, symbol=SYMBOL)

    stream = await one.subscribed(TRADE_TR)
    await stream.subscribe(TRADE_TR, "000660")
    await one.trade()
    await one.trade(symbol="000660")

    frames = [text for text in await stream.rest() if f"|{TRADE_TR}|" in text]
    assert ["000660^" in text for text in frames] == [True]
    assert (await stream.subscribe(TRADE_TR, SYMBOL))["msg_cd"] == "OPSP0002"

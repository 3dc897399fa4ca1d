"""What the faults on REST calls do on the wire."""

from __future__ import annotations

import asyncio

import aiohttp
import pytest

from aegis_fast.kis.profile import SIM_ACCOUNT, SIM_APPKEY, SIM_APPSECRET, SIM_HTS_ID
from aegis_fast.sim.desk.account import AccountSpec
from tests.e2e.sim_fault_bench import (
    CTX,
    DAY_ORDERS,
    OPEN_ORDERS,
    Bench,
    Cases,
    case,
    show,
)

pytestmark = pytest.mark.e2e

CASES: Cases = {}
HOLDER = AccountSpec(
    SIM_ACCOUNT, SIM_APPKEY, SIM_APPSECRET, SIM_HTS_ID, holdings={"005930": (10, 700_000)}
)


@pytest.mark.parametrize("kind", CASES)
def test_call_fault_shows_on_the_wire(kind: str) -> None:
    show(CASES, kind)


@case(CASES, "request_lost")
async def _(one: Bench) -> None:
    await one.fault(kind="request_lost", tr="TTTC0012U")

    with pytest.raises(aiohttp.ClientConnectionError):
        await one.buy()

    assert one.orders() == []
    assert (await one.buy())[0] == 200


@case(CASES, "reply_lost")
async def _(one: Bench) -> None:
    await one.fault(kind="reply_lost", tr="order-cash")

    with pytest.raises(aiohttp.ClientConnectionError):
        await one.buy()

    assert len(one.orders()) == 1


@case(CASES, "cut")
async def _(one: Bench) -> None:
    whole, _ = await one.exchange(one.raw_quote())
    size = len(whole.partition(b"\r\n\r\n")[2])
    for after_bytes in (0, 5, 100):
        await one.fault(kind="cut", tr="inquire-price", after_bytes=after_bytes)
        got, end = await one.exchange(one.raw_quote())
        assert (len(got), end) == (after_bytes, "eof")
        assert b"HTTP/1.1 200 OK".startswith(got[:15])
    await one.fault(kind="cut", tr="inquire-price", after_bytes=40, mode="body")
    got, _ = await one.exchange(one.raw_quote())
    head, _, body = got.partition(b"\r\n\r\n")
    assert len(body) == 40
    assert body.startswith(b'{"')
    assert abs(int(head.partition(b"Content-Length: ")[2].partition(b"\r\n")[0]) - size) < 20
    await one.fault(kind="cut", tr="order-cash", after_bytes=40, mode="body")
    with pytest.raises(aiohttp.ClientPayloadError):
        await one.buy()
    assert len(one.orders()) == 1


@case(CASES, "timeout_before")
async def _(one: Bench) -> None:
    await one.fault(kind="timeout_before", tr="inquire-price", count=2)
    await one.fault(kind="timeout_before", tr="order-cash", delay_ms=100)

    assert await one.exchange(one.raw_quote(), wait_s=0.3) == (b"", "silence")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(one.quote(), 0.2)
    with pytest.raises(aiohttp.ClientConnectionError):
        await one.buy()  # The server gives up first.
    assert one.orders() == []


@case(CASES, "timeout_after")
async def _(one: Bench) -> None:
    await one.fault(kind="timeout_after", tr="order-cash")

    waiting = asyncio.create_task(one.buy())
    await one.landed()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(waiting, 0.2)

    assert len(one.orders()) == 1


@case(CASES, "delay")
async def _(one: Bench) -> None:
    clock = asyncio.get_running_loop()
    await one.fault(kind="delay", tr="order-cash", delay_ms=400)

    start = clock.time()
    waiting = asyncio.create_task(one.buy())
    await one.landed()
    assert not waiting.done()
    assert (await waiting)[0] == 200
    assert clock.time() - start > 0.39


@case(CASES, "http_500_after")
async def _(one: Bench) -> None:
    await one.fault(kind="http_500_after", tr="order-cash", status=504, msg_cd="EGW00301")
    await one.fault(kind="http_500_after", tr="inquire-price")
    await one.fault(
        kind="http_500_after", tr="inquire-price", status=502, text="<h1>Bad Gateway</h1>"
    )

    status, _, body = await one.buy()
    assert (status, body["rt_cd"], body["msg_cd"]) == (504, "1", "EGW00301")
    assert len(one.orders()) == 1
    status, _, body = await one.quote()
    assert (status, body["msg_cd"]) == (500, "EGW00202")
    got, _ = await one.exchange(one.raw_quote())
    assert got.startswith(b"HTTP/1.1 502 Bad Gateway")
    assert got.endswith(b"<h1>Bad Gateway</h1>")
    assert b"text/html" in got


@case(CASES, "rate_refusal")
async def _(one: Bench) -> None:
    await one.fault(kind="rate_refusal", tr="order-cash")
    await one.fault(kind="rate_refusal", tr="order-cash", status=200)

    for expected in (500, 200):
        status, _, body = await one.buy()
        assert (status, body["rt_cd"], body["msg_cd"]) == (expected, "1", "EGW00201")
    assert one.orders() == []


@case(CASES, "token_revoked")
async def _(one: Bench) -> None:
    first = one.token
    assert (await one.fault(kind="token_revoked", msg_cd="EGW00123"))["affected"] == 1
    status, _, body = await one.quote()
    assert (status, body["msg_cd"]) == (500, "EGW00123")
    await one.pass_time(61)
    assert await one.login() != first
    assert (await one.quote())[0] == 200

    await one.fault(kind="token_revoked", tr="inquire-price", nth=2)
    assert (await one.quote())[2]["rt_cd"] == "0"
    assert (await one.quote())[2]["msg_cd"] == "EGW00121"


@case(CASES, "balance_empty", accounts=(HOLDER,))
async def _(one: Bench) -> None:
    assert len((await one.balance())["output1"]) == 1
    await one.fault(kind="balance_empty", count=2)

    for _ in range(2):
        body = await one.balance()
        assert (body["rt_cd"], body["output1"]) == ("0", [])
        assert len(body["output2"]) == 1
    assert len((await one.balance())["output1"]) == 1


@case(CASES, "balance_stale", accounts=(HOLDER,))
async def _(one: Bench) -> None:
    async def held() -> str:
        return str((await one.balance())["output1"][0]["hldg_qty"])

    await one.fault(kind="balance_stale", count=1)
    await one.buy(ORD_QTY="5")
    assert await held() == "10"  # As it was when the fault was set.
    assert await held() == "15"
    await one.fault(kind="balance_stale", delay_ms=30_000)
    await one.pass_time(31)
    await one.buy(ORD_QTY="1")
    assert await held() == "15"  # As it was half a minute ago.
    await one.pass_time(31)
    assert await held() == "16"


@case(CASES, "wrong_page")
async def _(one: Bench) -> None:
    size = one.server.broker.rules.kis.day_orders_page
    low = str(one.server.exchange.books["005930"].limits.lower_krw)
    for _ in range(2 * size + 1):
        await one.buy(ORD_DVSN="00", ORD_QTY="1", ORD_UNPR=low)

    async def page(
        keys: dict[str, str], tr_cont: str = ""
    ) -> tuple[list[int], str, dict[str, str]]:
        _, headers, body = await one.call(
            "inquire-daily-ccld", {**DAY_ORDERS, **keys}, "within_3_months", tr_cont
        )
        assert body["rt_cd"] == "0", body
        numbers = [int(row["odno"]) for row in body["output1"]]
        return numbers, headers["tr_cont"], {name: body[name.lower()] for name in CTX}

    first, tr_cont, keys = await page({})
    assert (first, tr_cont) == (list(range(1, size + 1)), "F")
    await one.fault(kind="wrong_page", mode="repeat")
    assert (await page(keys, "N"))[0] == first
    await one.fault(kind="wrong_page", mode="drop")
    assert (await page({}))[0] == list(range(size + 1, 2 * size + 1))
    await one.fault(kind="wrong_page", mode="bad_key")
    assert "WRONG" in (await page({}))[2]["CTX_AREA_NK100"]
    await one.fault(kind="wrong_page", mode="endless", count="forever")
    last = {**keys, "CTX_AREA_NK100": (await page(keys, "N"))[2]["CTX_AREA_NK100"]}
    assert (await page(last, "N"))[:2] == ([2 * size + 1], "M")
    await one.fault(kind="wrong_page", mode="changed", tr="inquire-psbl-rvsecncl")
    _, _, body = await one.call("inquire-psbl-rvsecncl", OPEN_ORDERS)
    assert (body["rt_cd"], body["msg_cd"]) == ("1", "SYDB0050")


SLOW = [{"kind": "slow_start", "delay_ms": 30_000}]


@case(CASES, "slow_start", faults=SLOW)
async def _(one: Bench) -> None:
    async with one.http.get(f"{one.url}/uapi/domestic-stock/v1/quotations/inquire-price") as answer:
        assert answer.status == 503
        assert (await answer.json())["msg_cd"] == "EGW00002"
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await one.http.ws_connect(one.server.ws_url)
    assert refused.value.status == 503
    await one.pass_time(31)
    await one.login()
    assert (await one.quote())[0] == 200

    clock = asyncio.get_running_loop()
    start = clock.time()
    await one.fault(kind="slow_start", mode="hold", delay_ms=300)
    assert (await one.quote())[0] == 200
    assert clock.time() - start > 0.29
    assert (await one.quote())[0] == 200


@case(CASES, "notice_before_reply")
async def _(one: Bench) -> None:
    stream = await one.watching_notices()
    await one.fault(kind="notice_before_reply", delay_ms=500)

    waiting = asyncio.create_task(one.buy())
    await stream.next("|H0STCNI0|")
    assert not waiting.done()
    assert (await waiting)[2]["rt_cd"] == "0"


@case(CASES, "exchange_reject")
async def _(one: Bench) -> None:
    stream = await one.watching_notices()
    await one.fault(kind="exchange_reject", symbol="005930", venue="KRX")

    assert (await one.buy())[2]["rt_cd"] == "0"

    values = stream.notice(await stream.next("|H0STCNI0|"))
    assert (values[12], values[13]) == ("1", "1")  # RFUS_YN, CNTG_YN.


@case(CASES, "hide")
async def _(one: Bench) -> None:
    await one.fault(kind="hide", delay_ms=60_000)
    low = str(one.server.exchange.books["005930"].limits.lower_krw)
    assert (await one.buy(ORD_DVSN="00", ORD_QTY="1", ORD_UNPR=low))[2]["rt_cd"] == "0"

    async def shown() -> int:
        return len((await one.call("inquire-psbl-rvsecncl", OPEN_ORDERS))[2]["output"])

    assert (await shown(), len(one.orders())) == (0, 1)
    await one.pass_time(60)
    assert await shown() == 1

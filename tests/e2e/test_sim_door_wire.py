"""The rules of the simulator's door as a client meets them."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import pytest

from aegis_fast import sim
from aegis_fast.sim.calls.batch import PATH, TR_ID
from aegis_fast.sim.rules import DoorRules
from tests.e2e.test_sim_sockets import ACCOUNT, ORDER, QUOTE, Client

pytestmark = pytest.mark.e2e


def run(scenario: Callable[[Client], Awaitable[None]], **settings: Any) -> None:
    async def main() -> None:
        server = await sim.start(**{"calls_per_s": 0, "activity": 0.0, **settings})
        try:
            async with aiohttp.ClientSession() as http:
                one = Client(server, http)
                await one.login()
                await scenario(one)
        finally:
            await server.close()

    asyncio.run(main())


def test_dead_socket_keeps_its_appkey_busy_a_closed_one_does_not() -> None:
    async def scenario(one: Client) -> None:
        closed = await one.socket()
        await closed.subscribe("H0STCNT0", "005930")
        await closed.socket.close()
        dead = await one.socket()
        assert (await dead.subscribe("H0STCNT0", "005930"))["msg_cd"] == "OPSP0000"
        dead.socket.get_extra_info("socket").shutdown(socket.SHUT_RDWR)
        await asyncio.sleep(0.05)

        again = await one.socket()
        refused = await again.subscribe("H0STCNT0", "005930")

        assert (refused["rt_cd"], refused["msg_cd"]) == ("9", "OPSP8996")
        assert '"tr_id":"(null)"' in again.texts[-1]
        await asyncio.sleep(0.5)
        assert (await again.subscribe("H0STCNT0", "005930"))["msg_cd"] == "OPSP0000"

    run(scenario, door_rules=DoorRules(session_hold_ms=400))


def test_limit_counts_over_all_connections_of_an_appkey() -> None:
    async def scenario(one: Client) -> None:
        other = await sim_client(one)
        try:
            answers = await asyncio.gather(
                *(who.call("inquire-price", QUOTE) for who in (one, other) for _ in range(12))
            )
        finally:
            await other.http.close()
        codes = [(status, body["msg_cd"]) for status, _, body in answers]
        assert codes.count((200, "MCA00000")) == 18
        assert codes.count((500, "EGW00201")) == 6

    run(scenario, calls_per_s=None, profile="real")


async def sim_client(one: Client) -> Client:
    """Return a second client of the same customer, with connections of its own."""
    other = Client(one.server, aiohttp.ClientSession())
    other.token = one.token
    return other


def test_batch_is_one_call_over_the_wire() -> None:
    async def scenario(one: Client) -> None:
        legs = [
            {"PDNO": symbol, "SLL_BUY_DVSN_CD": "02", "ORD_DVSN": "01", "ORD_QTY": "1"}
            | {"ORD_UNPR": "0"}
            for symbol in ("005930", "000660")
        ]
        url, headers = one.server.rest_url + PATH, one.headers(TR_ID)
        async with one.http.post(url, json={**ACCOUNT, "ORDERS": legs}, headers=headers) as answer:
            body = json.loads(await answer.read())
        assert [row["rt_cd"] for row in body["output2"]] == ["0", "0"]
        ledger = one.server.ledger()
        assert len(ledger["orders"]) == 2
        assert [call["call"] for call in ledger["calls"]][1:] == ["order-batch"]

    run(scenario)


def test_order_as_a_form_is_refused_and_does_not_land() -> None:
    async def scenario(one: Client) -> None:
        url = f"{one.server.rest_url}/uapi/domestic-stock/v1/trading/order-cash"
        async with one.http.post(url, data=ORDER, headers=one.headers("TTTC0012U")) as answer:
            assert json.loads(await answer.read())["msg_cd"] == "EGW00132"
        assert one.server.ledger()["orders"] == []

    run(scenario)

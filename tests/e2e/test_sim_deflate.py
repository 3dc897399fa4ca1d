"""permessage-deflate on the wire: real clients negotiate it and read the very same texts."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable

import aiohttp
import pytest

from aegis_fast import sim
from aegis_fast.errors import ConfigError
from aegis_fast.kis.profile import SIM_APPKEY, SIM_APPSECRET
from aegis_fast.sim.desk.account import AccountSpec
from aegis_fast.sim.server import SimServer

pytestmark = pytest.mark.e2e

HANDSHAKE = b"""GET /tryitout HTTP/1.1\r
Host: localhost\r
Connection: Upgrade\r
Upgrade: websocket\r
Sec-WebSocket-Version: 13\r
Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r
Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r
\r
"""
SYMBOLS = ("005930", "000660", "035420")
ACCOUNTS = tuple(
    AccountSpec(f"500000000{number}", SIM_APPKEY + str(number), SIM_APPSECRET, f"id{number}")
    for number in range(1, 4)
)


async def open_socket(
    http: aiohttp.ClientSession, server: SimServer, appkey: str, compress: int
) -> aiohttp.ClientWebSocketResponse:
    body = {"grant_type": "client_credentials", "appkey": appkey, "secretkey": SIM_APPSECRET}
    async with http.post(f"{server.rest_url}/oauth2/Approval", json=body) as answer:
        key = (await answer.json())["approval_key"]
    socket = await http.ws_connect(server.ws_url, autoping=False, compress=compress, max_msg_size=0)
    for symbol in SYMBOLS:
        for tr_id in ("H0STCNT0", "H0STASP0"):
            header = {"approval_key": key, "custtype": "P", "tr_type": "1"}
            wanted = {"header": header, "body": {"input": {"tr_id": tr_id, "tr_key": symbol}}}
            await socket.send_json(wanted)
    return socket


async def frames(socket: aiohttp.ClientWebSocketResponse) -> list[str]:
    """Return the data frames that come until none comes for a moment; acks are left out."""
    found: list[str] = []
    try:
        while True:
            text = await asyncio.wait_for(socket.receive_str(), 0.3)
            if not text.startswith("{"):
                found.append(text)
    except TimeoutError:
        return found


def run(scenario: Callable[[SimServer, aiohttp.ClientSession], Awaitable[None]], mode: str) -> None:
    async def main() -> None:
        server = await sim.start(
            calls_per_s=0, accounts=ACCOUNTS, deflate=mode, is_stepped=True, pingpong_s=3_600
        )
        try:
            async with aiohttp.ClientSession() as http:
                await scenario(server, http)
        finally:
            await server.close()

    asyncio.run(main())


@pytest.mark.parametrize("mode", ["context", "no-context"])
def test_compressed_sockets_read_what_the_plain_one_reads(mode: str) -> None:
    async def scenario(server: SimServer, http: aiohttp.ClientSession) -> None:
        sockets = [
            await open_socket(http, server, account.appkey, compress)
            for account, compress in zip(ACCOUNTS, (0, 15, 15), strict=True)
        ]
        assert [bool(socket.compress) for socket in sockets] == [False, True, True]
        # The market stands still: what comes now are acks and the first books.
        await asyncio.gather(*map(frames, sockets))
        url = f"{server.rest_url}/_sim/clock"
        async with http.post(url, json={"advance_ms": 30_000}) as answer:
            assert (await answer.json())["lag_ns"] == 0

        plain, *packed = await asyncio.gather(*map(frames, sockets))

        assert len(plain) > 200
        assert packed == [plain, plain]
        for socket in sockets:
            await socket.close()

    run(scenario, mode)


@pytest.mark.parametrize(
    ("mode", "extension", "first_byte"),
    [
        ("off", "", 0x81),
        ("context", "permessage-deflate", 0xC1),
        (
            "no-context",
            "permessage-deflate; server_no_context_takeover; client_no_context_takeover",
            0xC1,
        ),
    ],
)
def test_offer_is_answered_and_kept(mode: str, extension: str, first_byte: int) -> None:
    async def main() -> None:
        server = await sim.start(deflate=mode, pingpong_s=0.1)
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        try:
            writer.write(HANDSHAKE)
            async with asyncio.timeout(5):
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                frame = await reader.read(1)
        finally:
            writer.close()
            await server.close()
        found = re.search(r"(?i)sec-websocket-extensions: (.*)\r", head)
        assert head.startswith("HTTP/1.1 101")
        assert (found[1] if found else "") == extension
        assert frame[0] == first_byte

    asyncio.run(main())


@pytest.mark.parametrize("profile", ["real", "paper"])
def test_only_the_profile_spec_compresses(profile: str) -> None:
    with pytest.raises(ConfigError, match="does not compress"):
        asyncio.run(sim.start(profile=profile, deflate="context"))

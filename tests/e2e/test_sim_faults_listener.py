"""What the faults on connections do on the wire; and that no kind goes without a wire test."""

from __future__ import annotations

import asyncio
import socket
import ssl
from pathlib import Path

import aiohttp
import pytest
from aiohttp.abc import ResolveResult

from aegis_fast import sim
from aegis_fast.sim.faults.waiting import KINDS
from tests.e2e import (
    test_sim_faults_calls,
    test_sim_faults_frames,
    test_sim_faults_notices,
    test_sim_faults_sockets,
)
from tests.e2e.sim_fault_bench import TRADE_TR, Bench, Cases, case, show

pytestmark = pytest.mark.e2e

CASES: Cases = {}


@pytest.mark.parametrize("kind", CASES)
def test_connection_fault_shows_on_the_wire(kind: str) -> None:
    show(CASES, kind)


def test_every_kind_has_a_wire_test() -> None:
    modules = (
        test_sim_faults_calls,
        test_sim_faults_frames,
        test_sim_faults_notices,
        test_sim_faults_sockets,
    )
    shown = [kind for module in modules for kind in module.CASES] + list(CASES)

    assert sorted(shown) == sorted(KINDS)


@case(CASES, "refuse")
async def _(one: Bench) -> None:
    stream = await one.subscribed(TRADE_TR)
    await one.fault(kind="refuse", delay_ms=300)
    with pytest.raises(ConnectionRefusedError):
        await one.exchange(one.raw_quote())
    await one.trade()  # Over a connection that was open before.
    await stream.next(TRADE_TR)
    await asyncio.sleep(0.4)
    assert (await one.exchange(one.raw_quote()))[0].startswith(b"HTTP/1.1 200")

    await one.fault(kind="refuse", delay_ms=200, mode="cut")
    with pytest.raises(ConnectionError):
        await stream.next("nothing")
    with pytest.raises(aiohttp.ClientConnectorError):
        await one.quote()
    await asyncio.sleep(0.3)
    assert (await one.quote())[0] == 200


@case(CASES, "idle_close")
async def _(one: Bench) -> None:
    await one.fault(kind="idle_close", delay_ms=100, count=1)
    got, end = await one.exchange(one.raw_quote(keep=True), wait_s=3)
    assert (got.startswith(b"HTTP/1.1 200"), end) == (True, "eof")
    got, end = await one.exchange(one.raw_quote(keep=True), wait_s=0.3)
    assert (got.startswith(b"HTTP/1.1 200"), end) == (True, "silence")

    await one.fault(kind="idle_close", delay_ms=100, count=1, mode="race")
    calls = one.server.broker.ledger.call_count
    reader, writer = await asyncio.open_connection("127.0.0.1", one.server.port)
    for pause_s in (0.0, 0.15):  # The first is in time; the second meets a closed door.
        await asyncio.sleep(pause_s)
        writer.write(one.raw_quote(keep=True))
        got = await asyncio.wait_for(reader.read(65_536), 3)
        assert got.startswith(b"HTTP/1.1 200") == (pause_s == 0.0)
    assert got == b""
    assert one.server.broker.ledger.call_count == calls + 1
    writer.close()
    await writer.wait_closed()


@case(CASES, "tls_failure")
async def _(one: Bench) -> None:
    await one.fault(kind="tls_failure", count=2)

    for _ in range(2):
        got, end = await one.exchange(one.raw_quote())
        assert (got, end) == (b"", "reset")
    assert (await one.exchange(one.raw_quote()))[0].startswith(b"HTTP/1.1 200")


class Resolver(aiohttp.abc.AbstractResolver):
    """Ask the simulator's name server, as a machine does that has it as its own."""

    def __init__(self, port: int) -> None:
        self.port = port

    async def resolve(
        self, host: str, port: int = 0, family: int = socket.AF_INET
    ) -> list[ResolveResult]:
        answer = await ask_name(self.port, host)
        if answer[3] & 0x0F:
            raise OSError(f"rcode {answer[3] & 0x0F}")
        return [
            ResolveResult(
                hostname=host,
                host=socket.inet_ntoa(answer[-4:]),
                port=port,
                family=socket.AF_INET,
                proto=0,
                flags=0,
            )
        ]

    async def close(self) -> None:
        return None


async def ask_name(port: int, name: str, kind: int = 1) -> bytes:
    """Return the answer of the name server. Raises TimeoutError."""
    labels = b"".join(bytes((len(label),)) + label.encode() for label in name.split("."))
    query = b"\x12\x34\x01\x00\x00\x01" + bytes(6) + labels + b"\x00\x00" + bytes((kind, 0, 1))
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.setblocking(False)
        await loop.sock_connect(asking, ("127.0.0.1", port))
        await loop.sock_sendall(asking, query)
        answer = await asyncio.wait_for(loop.sock_recv(asking, 512), 0.2)
    assert answer[:2] == b"\x12\x34"
    return answer


@case(CASES, "dns_failure", dns_port=0)
async def _(one: Bench) -> None:
    host, port = "openapi.koreainvestment.com", one.server.dns_port
    url = f"http://{host}:{one.server.port}/_sim/faults"
    connector = aiohttp.TCPConnector(resolver=Resolver(port), use_dns_cache=False)
    async with aiohttp.ClientSession(connector=connector) as http:
        async with http.get(url) as answer:
            assert answer.status == 200
        await one.fault(kind="dns_failure", count=1)
        with pytest.raises(aiohttp.ClientConnectorDNSError):
            async with aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(resolver=Resolver(port))
            ) as fresh:
                await fresh.get(url)
    await one.fault(kind="dns_failure", mode="servfail")
    await one.fault(kind="dns_failure", mode="silence")
    assert (await ask_name(port, host))[3] & 0x0F == 2
    with pytest.raises(TimeoutError):
        await ask_name(port, host)
    assert (await ask_name(port, host))[-4:] == bytes((127, 0, 0, 1))
    assert (await ask_name(port, host, kind=28))[6:8] == b"\x00\x00"  # AAAA: there is none.
    assert (await ask_name(port, "example.com"))[3] & 0x0F == 5


def test_tls_failure_ends_the_handshake_of_a_server_with_tls(tmp_path: Path) -> None:
    async def main() -> None:
        server = await sim.start(tls=True, tls_dir=tmp_path, activity=0.0)
        try:
            trusting = ssl.create_default_context(cafile=str(server.ca_path))
            url = f"{server.rest_url}/_sim/faults"
            async with aiohttp.ClientSession() as http:
                async with http.post(url, json={"kind": "tls_failure"}, ssl=trusting) as answer:
                    assert answer.status == 200
                async with aiohttp.ClientSession() as other:
                    with pytest.raises(aiohttp.ClientConnectorError) as failed:
                        await other.get(url, ssl=trusting)
                    # It got as far as the handshake: an alert, or an end in the middle of it.
                    assert not isinstance(failed.value.__cause__, ConnectionRefusedError)
                    async with other.get(url, ssl=trusting) as answer:
                        assert answer.status == 200
        finally:
            await server.close()

    asyncio.run(asyncio.wait_for(main(), 15))

"""What the faults on connections do on the wire; and that no kind goes without a wire test."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path

import aiohttp
import pytest

from aegis_fast import sim
from aegis_fast.sim.faults import KINDS
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
    assert (await one.exchange(one.raw_quote(), wait_s=0.1))[0].startswith(b"HTTP/1.1 200")

    await one.fault(kind="refuse", delay_ms=200, mode="cut")
    with pytest.raises(ConnectionError):
        await stream.next("nothing")
    with pytest.raises(aiohttp.ClientConnectorError):
        await one.quote()
    await asyncio.sleep(0.3)
    assert (await one.quote())[0] == 200


@case(CASES, "tls_failure")
async def _(one: Bench) -> None:
    await one.fault(kind="tls_failure", count=2)

    for _ in range(2):
        got, end = await one.exchange(one.raw_quote())
        assert (got, end) == (b"", "reset")
    assert (await one.exchange(one.raw_quote(), wait_s=0.1))[0].startswith(b"HTTP/1.1 200")


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

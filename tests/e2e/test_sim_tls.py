"""https and wss: TLS 1.3 with a generated certificate, and the engine's way to trust it."""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from aegis_fast import sim
from aegis_fast.errors import ConfigError, TransientError
from aegis_fast.kis.gateway import KISGateway
from aegis_fast.kis.profile import SIM, SIM_ACCOUNT, SIM_APPKEY, SIM_APPSECRET
from aegis_fast.kis.rest import tls_context
from aegis_fast.kis.stream import KISStream
from aegis_fast.sim.server import SimServer
from tests.e2e.stack import Stack
from tests.e2e.test_kis_sim import CREDENTIALS, Events, Gate, until

pytestmark = pytest.mark.e2e

KEYS = {"grant_type": "client_credentials", "appkey": SIM_APPKEY}


def run(scenario: Callable[[SimServer], Awaitable[None]], **settings: Any) -> None:
    async def main() -> None:
        server = await sim.start(**{"calls_per_s": 0, **settings})
        try:
            await scenario(server)
        finally:
            await server.close()

    asyncio.run(main())


def handshake(port: int, context: ssl.SSLContext, name: str) -> tuple[str | None, Any]:
    with (
        socket.create_connection(("127.0.0.1", port), timeout=5) as plain,
        context.wrap_socket(plain, server_hostname=name) as wrapped,
    ):
        return wrapped.version(), wrapped.getpeercert()


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1"])
def test_handshake_is_tls_1_3_with_a_certificate_for_this_machine(
    tmp_path: Path, name: str
) -> None:
    async def scenario(server: SimServer) -> None:
        context = ssl.create_default_context(cafile=str(server.ca_path))

        version, certificate = await asyncio.to_thread(handshake, server.port, context, name)

        assert version == "TLSv1.3"
        names = {value for _, value in certificate["subjectAltName"]}
        assert names == {"localhost", "127.0.0.1", "0:0:0:0:0:0:0:1"}
        assert ssl.cert_time_to_seconds(certificate["notAfter"]) > time.time() + 86_400

    run(scenario, tls=True, tls_dir=tmp_path)


def test_client_that_stops_at_tls_1_2_is_refused(tmp_path: Path) -> None:
    async def scenario(server: SimServer) -> None:
        context = ssl.create_default_context(cafile=str(server.ca_path))
        context.maximum_version = ssl.TLSVersion.TLSv1_2

        # asyncio closes without sending OpenSSL's alert, so the reason does not reach the client.
        with pytest.raises(ssl.SSLError):
            await asyncio.to_thread(handshake, server.port, context, "localhost")
        context.maximum_version = ssl.TLSVersion.TLSv1_3
        assert (await asyncio.to_thread(handshake, server.port, context, "localhost"))[0]

    run(scenario, tls=True, tls_dir=tmp_path)


def test_client_that_does_not_know_the_authority_refuses(tmp_path: Path) -> None:
    async def scenario(server: SimServer) -> None:
        with pytest.raises(ssl.SSLCertVerificationError):
            await asyncio.to_thread(
                handshake, server.port, ssl.create_default_context(), "localhost"
            )

    run(scenario, tls=True, tls_dir=tmp_path)


def test_rest_and_socket_work_over_tls(tmp_path: Path) -> None:
    async def scenario(server: SimServer) -> None:
        assert server.rest_url.startswith("https://")
        assert server.ws_url.startswith("wss://")
        context = ssl.create_default_context(cafile=str(tmp_path / "ca.pem"))
        connector = aiohttp.TCPConnector(ssl=context)
        async with aiohttp.ClientSession(connector=connector) as http:
            url = f"{server.rest_url}/oauth2/Approval"
            async with http.post(url, json={**KEYS, "secretkey": SIM_APPSECRET}) as answer:
                key = (await answer.json())["approval_key"]
            async with http.ws_connect(server.ws_url, autoping=False) as stream:
                header = {"approval_key": key, "custtype": "P", "tr_type": "1"}
                body = {"input": {"tr_id": "H0STASP0", "tr_key": "005930"}}
                await stream.send_json({"header": header, "body": body})
                ack = json.loads(await asyncio.wait_for(stream.receive_str(), 5))
                assert ack["body"]["msg_cd"] == "OPSP0000"
                frame = await asyncio.wait_for(stream.receive_str(), 5)
                assert frame.startswith("0|H0STASP0|001|005930^")

    run(scenario, tls=True, tls_dir=tmp_path)


def test_engine_parts_trade_over_tls_with_the_authority_in_their_settings(tmp_path: Path) -> None:
    async def scenario(server: SimServer) -> None:
        moved = SIM.at(server.rest_url, server.ws_url)
        tls = tls_context(ca_file=str(server.ca_path))
        events = Events()
        gateway = KISGateway(
            profile=moved,
            credentials=CREDENTIALS,
            gate=Gate(),
            token_path=tmp_path / "tokens.json",
            clock_ns=time.time_ns,
            tls=tls,
        )
        stream = KISStream(
            profile=moved,
            credentials=CREDENTIALS,
            issuer=gateway.issuer,
            events=events,
            bus=events.bus,
            clock_ns=None,
            tls=tls,
        )
        try:
            await gateway.start()
            await stream.start()
            await until(lambda: events.ups == 1)
            assert (await gateway.balance(SIM_ACCOUNT)).account == SIM_ACCOUNT
        finally:
            await stream.close()
            await gateway.close()

    run(scenario, tls=True, tls_dir=tmp_path)


def test_engine_without_the_authority_sends_nothing(tmp_path: Path) -> None:
    async def scenario(server: SimServer) -> None:
        gateway = KISGateway(
            profile=SIM.at(server.rest_url, server.ws_url),
            credentials=CREDENTIALS,
            gate=Gate(),
            token_path=tmp_path / "tokens.json",
            clock_ns=time.time_ns,
            retry_initial_s=0.01,
        )
        await gateway.start()
        try:
            with pytest.raises(TransientError, match="Certificate"):
                await gateway.balance(SIM_ACCOUNT)
        finally:
            await gateway.close()
        assert server.ledger()["calls"] == []

    run(scenario, tls=True, tls_dir=tmp_path)


def test_whole_engine_trades_against_the_command_over_tls(tmp_path: Path) -> None:
    directory = tmp_path / "tls"
    stack = Stack(
        tmp_path,
        sim_arguments=("--tls", "--tls-dir", str(directory)),
        AEGIS__KIS__CA_FILE=str(directory / "ca.pem"),
    )
    try:
        assert stack.ws_url.startswith("wss://")
        stack.start_engine()

        answer = stack.order()

        assert (answer.status, answer.data["symbol"]) == (201, "005930")
    finally:
        stack.close()


@pytest.mark.parametrize(
    ("name", "content"), [("missing.pem", None), ("nonsense.pem", "no certificate")]
)
def test_wrong_files_are_configuration_errors(
    tmp_path: Path, name: str, content: str | None
) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_text(content, "ascii")

    with pytest.raises(ConfigError):
        asyncio.run(sim.start(cert=path))
    with pytest.raises(ConfigError, match=r"ca_file|certificates"):
        tls_context(ca_file=str(path))


def test_own_certificate_is_served(tmp_path: Path) -> None:
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
            *("-nodes", "-keyout", str(tmp_path / "k.pem"), "-out", str(tmp_path / "c.pem")),
            *("-subj", "/CN=mine", "-addext", "subjectAltName=DNS:localhost", "-days", "2"),
        ],
        check=True,
        capture_output=True,
    )

    async def scenario(server: SimServer) -> None:
        context = ssl.create_default_context(cafile=str(tmp_path / "c.pem"))
        version, _ = await asyncio.to_thread(handshake, server.port, context, "localhost")
        assert version == "TLSv1.3"
        assert server.ca_path is None

    run(scenario, cert=tmp_path / "c.pem", key=tmp_path / "k.pem")


def test_key_without_certificate_is_refused_by_the_command() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "aegis_fast.cli", "sim", "--key", "k.pem"],
        capture_output=True,
        text=True,
        timeout=20,
    )

    assert done.returncode != 0
    assert "--cert" in done.stdout + done.stderr

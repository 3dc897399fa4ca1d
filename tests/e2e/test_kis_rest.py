"""The pool keeps the specification's limits and never mistakes "lost" for "not sent"."""

from __future__ import annotations

import asyncio
import datetime
import socket
import ssl
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from aegis_fast.kis import rest
from aegis_fast.kis.outcome import Failure
from aegis_fast.kis.rest import Answer, NotSent, ReplyLost, RestClient, tls_context
from tests.e2e.kis_fakes import LOOPS, RawServer, closing, http_answer, run, until

pytestmark = pytest.mark.e2e
OK = http_answer(b'{"rt_cd":"0","output":{"ODNO":"0000000001"}}', extra="tr_cont: M\r\n")


async def post(client: RestClient, path: str = "/order") -> Answer:
    return await client.request("POST", path, headers={"tr_id": "TTTC0012U"}, body=b'{"A":"1"}')


async def get(client: RestClient) -> Answer:
    return await client.request("GET", "/q", headers={}, query={"CANO": "50000000", "K": " x "})


def echo_server(**options: Any) -> RawServer:
    """A well-behaved keep-alive server."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await server.read_request(reader)
            writer.write(OK)

    server = RawServer(handle, **options)
    return server


@pytest.mark.parametrize("loop_factory", LOOPS)
def test_request_carries_headers_body_trace_id_and_user_agent(loop_factory: Any) -> None:
    async def main() -> None:
        async with echo_server() as server, closing(client := RestClient(server.url)):
            answer = await client.request(
                "POST", "/p", headers={"tr_id": "X"}, body=b'{"A":"1"}', trace_id="trace-9"
            )
            await client.request("GET", "/p", headers={}, query={"a": " b "}, trace_id="bad\r\nid")

            assert answer == Answer(200, b'{"rt_cd":"0","output":{"ODNO":"0000000001"}}', "M")
            first, second = server.requests
            assert first.endswith(b'\r\n\r\n{"A":"1"}')
            for line in (b"tr_id: X", b"X-Trace-Id: trace-9", b"User-Agent: aegis-fast/"):
                assert line in first
            assert second.startswith(b"GET /p?a=+b+ HTTP/1.1\r\n")
            assert b"X-Trace-Id" not in second
            assert server.connections == 1

    run(main(), loop_factory)


@pytest.mark.parametrize("loop_factory", LOOPS)
def test_r4_reply_cut_at_any_byte_is_lost_and_never_repeated(loop_factory: Any) -> None:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await server.read_request(reader)
        writer.write(OK[: len(server.requests) - 1])

    async def main() -> None:
        nonlocal server
        async with server, closing(client := RestClient(server.url)):
            for cut in range(len(OK)):
                with pytest.raises(ReplyLost) as caught:
                    await post(client)
                assert caught.value.failure is Failure.RESET
                assert len(server.requests) == cut + 1

    server = RawServer(handle)
    run(main(), loop_factory)


def test_r4_connection_closed_before_the_request_is_read_counts_as_written() -> None:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.transport.abort()

    async def main() -> None:
        async with RawServer(handle) as server, closing(client := RestClient(server.url)):
            with pytest.raises((ReplyLost, NotSent)) as caught:
                await post(client)
            assert isinstance(caught.value, ReplyLost)

    run(main())


@pytest.mark.parametrize("loop_factory", LOOPS)
def test_r5_refused_connection_is_not_sent(loop_factory: Any) -> None:
    async def main() -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
        async with closing(client := RestClient(f"http://127.0.0.1:{port}")):
            with pytest.raises(NotSent) as caught:
                await post(client)
            assert (caught.value.failure, caught.value.code) == (Failure.UNREACHABLE, 800)

    run(main(), loop_factory)


def test_s06_connect_timeout_is_not_sent() -> None:
    async def main() -> None:
        # A listener whose queue is full leaves further connections without an answer.
        with socket.socket() as full:
            full.bind(("127.0.0.1", 0))
            full.listen(0)
            address = full.getsockname()
            fillers = [socket.socket() for _ in range(4)]
            for filler in fillers:
                filler.setblocking(False)
                filler.connect_ex(address)
            url = f"http://127.0.0.1:{address[1]}"
            client = RestClient(url, connect_timeout_ms=150, read_timeout_ms=5000)
            async with closing(client):
                started = asyncio.get_running_loop().time()
                with pytest.raises(NotSent) as caught:
                    await post(client)
                elapsed = asyncio.get_running_loop().time() - started
            for filler in fillers:
                filler.close()
        assert caught.value.failure is Failure.UNREACHABLE
        assert 0.1 < elapsed < 1.0

    run(main())


@pytest.mark.parametrize("loop_factory", LOOPS)
def test_s06_read_timeout_is_lost_and_separate_from_connecting(loop_factory: Any) -> None:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await server.read_request(reader)
        await asyncio.sleep(30)

    async def main() -> None:
        async with server:
            client = RestClient(server.url, connect_timeout_ms=5000, read_timeout_ms=150)
            async with closing(client):
                started = asyncio.get_running_loop().time()
                with pytest.raises(ReplyLost) as caught:
                    await post(client)
                elapsed = asyncio.get_running_loop().time() - started
        assert caught.value.failure is Failure.TIMEOUT
        assert 0.1 < elapsed < 1.0
        assert len(server.requests) == 1

    server = RawServer(handle)
    run(main(), loop_factory)


def test_s06_default_timeouts_are_five_seconds_each() -> None:
    timeout = RestClient("http://127.0.0.1:1")._timeout

    assert (timeout.connect, timeout.sock_connect, timeout.sock_read) == (5.0, 5.0, 5.0)


def test_trickling_answer_ends_all_the_same() -> None:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await server.read_request(reader)
        for byte in OK:
            writer.write(bytes([byte]))
            await asyncio.sleep(0.05)

    async def main() -> None:
        async with server:
            client = RestClient(server.url, connect_timeout_ms=100, read_timeout_ms=100)
            async with closing(client):
                with pytest.raises(ReplyLost) as caught:
                    await post(client)
        assert caught.value.failure is Failure.TIMEOUT

    server = RawServer(handle)
    run(main())


def test_s39_waiting_for_the_pool_is_not_sent() -> None:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await server.read_request(reader)
        await asyncio.sleep(30)

    async def main() -> None:
        async with server:
            client = RestClient(
                server.url, connect_timeout_ms=150, read_timeout_ms=700, pool_per_host=1
            )
            async with closing(client):
                first = asyncio.create_task(post(client))
                await until(lambda: bool(server.requests))
                assert client.in_use == 1
                with pytest.raises(NotSent) as caught:
                    await post(client)
                assert (caught.value.failure, caught.value.code) == (Failure.POOL, 802)
                with pytest.raises(ReplyLost):
                    await first
                assert client.in_use == 0

    server = RawServer(handle)
    run(main())


def test_s09_s10_at_most_twenty_connections_serve_one_host() -> None:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await server.read_request(reader)
            await asyncio.sleep(0.02)
            writer.write(OK)

    async def main() -> None:
        async with server, closing(client := RestClient(server.url)):
            answers = await asyncio.gather(*(post(client) for _ in range(60)))
            assert [a.status for a in answers] == [200] * 60
            connector = client._session.connector  # type: ignore[union-attr]
            assert (connector.limit, connector.limit_per_host) == (50, 20)  # type: ignore[union-attr]
        assert server.peak_open == 20

    server = RawServer(handle)
    run(main())


@pytest.mark.parametrize("loop_factory", LOOPS)
def test_s11_idle_connection_is_not_used_again(loop_factory: Any) -> None:
    async def main() -> None:
        async with echo_server() as server:
            client = RestClient(server.url, idle_ms=150)
            async with closing(client):
                await post(client)
                await post(client)
                assert server.connections == 1
                await asyncio.sleep(0.25)
                await post(client)
                assert server.connections == 2

    run(main(), loop_factory)


def test_s11_default_is_five_seconds_and_s12_five_minutes() -> None:
    client = RestClient("http://127.0.0.1:1")

    assert (client._idle_s, client._lifetime_s) == (5.0, 300.0)


@pytest.mark.parametrize("loop_factory", LOOPS)
def test_s12_connection_ends_with_its_lifetime_although_busy(loop_factory: Any) -> None:
    async def main() -> None:
        async with echo_server() as server:
            client = RestClient(server.url, idle_ms=100, lifetime_s=0.3)
            async with closing(client):
                loop = asyncio.get_running_loop()
                started = loop.time()
                used_at: dict[int, list[float]] = {}
                while loop.time() - started < 0.9:
                    await post(client)
                    used_at.setdefault(server.connections, []).append(loop.time())
                    await asyncio.sleep(0.02)
        assert len(used_at) >= 3
        assert all(times[-1] - times[0] <= 0.3 for times in used_at.values())

    run(main(), loop_factory)


@pytest.mark.parametrize("loop_factory", LOOPS)
def test_pain19_server_that_closes_after_each_answer_costs_no_order(loop_factory: Any) -> None:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await server.read_request(reader)
        writer.write(OK)

    async def main() -> None:
        async with server, closing(client := RestClient(server.url)):
            for _ in range(20):
                assert (await post(client)).status == 200
                await asyncio.sleep(0.005)

    server = RawServer(handle)
    run(main(), loop_factory)


def test_dead_kept_connection_is_reported_and_no_get_is_repeated_behind_our_back() -> None:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await server.read_request(reader)
        writer.write(OK)
        await server.read_request(reader)  # and then silence: closed without an answer

    async def main() -> None:
        async with server, closing(client := RestClient(server.url)):
            await get(client)
            with pytest.raises(ReplyLost) as caught:
                await get(client)
            assert caught.value.is_reused
            assert (len(server.requests), server.connections) == (2, 1)

    server = RawServer(handle)
    run(main())


def test_redirect_is_an_answer_and_not_followed() -> None:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await server.read_request(reader)
        writer.write(http_answer(b"", "307 Temporary Redirect", "Location: /elsewhere\r\n"))

    async def main() -> None:
        async with server, closing(client := RestClient(server.url)):
            assert (await post(client)).status == 307
            assert len(server.requests) == 1

    server = RawServer(handle)
    run(main())


def test_answer_without_end_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rest, "MAX_ANSWER_BYTES", 10_000)

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await server.read_request(reader)
        writer.write(http_answer(b"x" * 20_000))

    async def main() -> None:
        async with server, closing(client := RestClient(server.url)):
            with pytest.raises(ReplyLost):
                await post(client)

    server = RawServer(handle)
    run(main())


def test_closed_pool_sends_nothing() -> None:
    async def main() -> None:
        async with echo_server() as server:
            client = RestClient(server.url)
            with pytest.raises(NotSent) as caught:
                await post(client)
            assert caught.value.failure is Failure.NOT_STARTED
            async with closing(client):
                await post(client)
            with pytest.raises(NotSent):
                await post(client)
            assert len(server.requests) == 1

    run(main())


def test_p37_errors_quote_no_query_and_chain_no_error_that_does() -> None:
    async def main() -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
        async with closing(client := RestClient(f"http://127.0.0.1:{port}")):
            with pytest.raises(NotSent) as caught:
                await get(client)
        assert "50000000" not in str(caught.value)
        assert caught.value.__cause__ is None
        assert caught.value.__suppress_context__

    run(main())


def make_certificate(directory: Path) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    start = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(start)
        .not_valid_after(start + datetime.timedelta(days=36500))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    certificate_path, key_path = directory / "cert.pem", directory / "key.pem"
    certificate_path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    key_path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return certificate_path, key_path


@pytest.mark.parametrize("loop_factory", LOOPS)
def test_se5_tls_1_3_is_required_unless_opted_down(tmp_path: Path, loop_factory: Any) -> None:
    certificate, key = make_certificate(tmp_path)

    def server_context(highest: ssl.TLSVersion) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        context.maximum_version = highest
        return context

    def client_context(*, allow_tls_1_2: bool = False) -> ssl.SSLContext:
        context = tls_context(allow_tls_1_2=allow_tls_1_2)
        context.load_verify_locations(certificate)
        return context

    async def main() -> None:
        new, old = ssl.TLSVersion.TLSv1_3, ssl.TLSVersion.TLSv1_2
        async with echo_server(ssl=server_context(new)) as server:
            async with closing(client := RestClient(server.url, tls=client_context())):
                assert (await post(client)).status == 200
            async with closing(client := RestClient(server.url)):  # certificate not trusted
                with pytest.raises(NotSent) as caught:
                    await post(client)
                assert (caught.value.failure, caught.value.code) == (Failure.TLS, 801)
        async with echo_server(ssl=server_context(old)) as server:
            async with closing(client := RestClient(server.url, tls=client_context())):
                with pytest.raises(NotSent):
                    await post(client)
            opted_down = client_context(allow_tls_1_2=True)
            async with closing(client := RestClient(server.url, tls=opted_down)):
                assert (await post(client)).status == 200
            assert len(server.requests) == 1

    run(main(), loop_factory)

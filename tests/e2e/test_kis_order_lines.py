"""An order on an open line: the request and the outcome are those of the pool, only sooner."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from aegis_fast.core.model import Accepted, Lost, OrderType, Outcome, Priority, Refused
from aegis_fast.errors import Busy
from aegis_fast.kis import order_lines as lines_module
from aegis_fast.kis.gateway import KISGateway
from aegis_fast.kis.order_lines import head_block
from aegis_fast.kis.profile import SIM
from aegis_fast.kis.rest import tls_context
from tests.e2e.kis_fakes import (
    LOOPS,
    Clock,
    Gate,
    RawServer,
    closing,
    http_answer,
    run,
    token_answer,
    until,
)
from tests.e2e.test_kis_rest import make_certificate
from tests.unit.kis.kis_samples import CREDENTIALS, amend, cancel, market, ok, place

pytestmark = pytest.mark.e2e
TAKEN = ok(output={"KRX_FWDG_ORD_ORGNO": "91252", "ODNO": "0000000007", "ORD_TMD": "090001"})
TAKEN_AS = Accepted(7, "91252", 90_001)


def dumps(value: Any) -> bytes:
    import orjson

    return orjson.dumps(value)


OK = http_answer(dumps(TAKEN), extra="tr_cont: M\r\n")


class Desk(RawServer):
    """Issues a token, answers orders as `reply` says: bytes, None (silence) or b"" (a cut)."""

    def __init__(self, reply: Callable[[int], bytes | None], **options: Any) -> None:
        super().__init__(self._play, **options)
        self._reply = reply
        self.orders: list[bytes] = []
        self.line_of: list[int] = []

    async def _play(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        number = self.connections
        while True:
            request = await self.read_request(reader)
            if b"tokenP" in request.split(b"\r\n")[0]:
                writer.write(http_answer(dumps(token_answer(f"token-{number}"))))
                continue
            self.orders.append(request)
            self.line_of.append(number)
            answer = self._reply(len(self.orders))
            if answer is None:
                await asyncio.sleep(30)
                return
            writer.write(answer)
            if not whole(answer):
                return


def whole(answer: bytes) -> bool:
    head, _, body = answer.partition(b"\r\n\r\n")
    length = head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0]
    is_sized = length.isdigit() and len(body) >= int(length)
    return is_sized and b"connection: close" not in head.lower()


def gateway_at(tmp_path: Path, url: str, lines: int, **options: Any) -> KISGateway:
    wanted: dict[str, Any] = {"gate": Gate(), "retry_initial_s": 0.01} | options
    return KISGateway(
        profile=SIM.at(url, "ws://127.0.0.1:1"),
        credentials=CREDENTIALS,
        token_path=tmp_path / "tokens.json",
        clock_ns=Clock(),
        order_lines=lines,
        **wanted,
    )


async def ready(gateway: KISGateway, lines: int = 1) -> None:
    await gateway.issuer.token()
    await until(lambda: len(gateway._lines._lines) == lines)


def nothing() -> None:
    """Let it leave."""


def direct(
    tmp_path: Path, reply: Callable[[int], bytes | None], command: Any, **options: Any
) -> tuple[Outcome, Desk]:
    """Send one command on a line."""
    found: list[Outcome] = []

    async def main() -> None:
        async with desk, closing(gateway := gateway_at(tmp_path, desk.url, 1, **options)):
            await ready(gateway)
            answer = gateway.begin(command, nothing)
            assert answer is not None
            found.append(await answer)

    desk = Desk(reply)
    run(main())
    return found[0], desk


def pooled(
    tmp_path: Path, reply: Callable[[int], bytes | None], command: Any, **options: Any
) -> tuple[Outcome, Desk]:
    """Send the same through the pool."""
    found: list[Outcome] = []

    async def main() -> None:
        async with desk, closing(gateway := gateway_at(tmp_path, desk.url, 0, **options)):
            await gateway.issuer.token()
            kind = type(command).__name__
            method = {"PlaceOrder": "place", "AmendOrder": "amend", "CancelOrder": "cancel"}[kind]
            found.append(await getattr(gateway, method)(command))

    desk = Desk(reply)
    run(main())
    return found[0], desk


def parts(request: bytes) -> tuple[bytes, dict[bytes, bytes], bytes]:
    head, _, body = request.partition(b"\r\n\r\n")
    first, *lines = head.split(b"\r\n")
    fields = dict(line.split(b": ", 1) for line in (line + b" " for line in lines))
    return first, {name.lower(): value.strip() for name, value in fields.items()}, body


@pytest.mark.parametrize(
    "command",
    [
        place(trace_id="trace-1"),
        market(trace_id="trace-2"),
        amend(trace_id="trace-3"),
        cancel(trace_id="trace-4"),
        place(trace_id="bad\r\nX-Evil: 1"),
    ],
)
def test_request_is_the_pools(tmp_path: Path, command: Any) -> None:
    (_, by_line), (_, by_pool) = (
        way(tmp_path / name, lambda _n: OK, command)
        for way, name in ((direct, "line"), (pooled, "pool"))
    )

    (first, fields, body), expected = parts(by_line.orders[0]), parts(by_pool.orders[0])
    assert len(by_line.orders) == len(by_pool.orders) == 1
    assert (first, body) == (expected[0], expected[2])
    # Nobody asked for a compressed answer; which port it is differs between the two servers.
    assert fields.pop(b"accept-encoding") == b"identity"
    expected[1].pop(b"accept-encoding")
    assert fields.pop(b"host") == by_line.url.removeprefix("http://").encode()
    expected[1].pop(b"host")
    if b"authorization" in fields:
        assert fields.pop(b"authorization").startswith(b"Bearer token-")
        expected[1].pop(b"authorization")
    assert fields == expected[1]


def refused(msg_cd: str, status: str = "200 OK") -> bytes:
    return http_answer(dumps({"rt_cd": "1", "msg_cd": msg_cd, "msg1": "아니오"}), status)


REPLIES: dict[str, Callable[[int], bytes | None]] = {
    "taken": lambda _n: OK,
    "taken, closed": lambda _n: http_answer(dumps(TAKEN), extra="Connection: close\r\n"),
    "chunked": lambda _n: (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
        + b"%x\r\n%s\r\n0\r\n\r\n" % (len(dumps(TAKEN)), dumps(TAKEN))
    ),
    "no length": lambda _n: b"HTTP/1.1 200 OK\r\n\r\n" + dumps(TAKEN),
    "refused": lambda _n: refused("APBK0952"),
    "throttled once": lambda n: refused("EGW00201", "500 E") if n == 1 else OK,
    "throttled": lambda _n: refused("EGW00201", "500 E"),
    "token refused once": lambda n: refused("EGW00123", "500 E") if n == 1 else OK,
    "token refused": lambda _n: refused("EGW00123", "500 E"),
    "gateway trouble": lambda _n: refused("EGW00202", "500 E"),
    "unknown code": lambda _n: refused("EGW99999", "500 E"),
    "5xx page": lambda _n: http_answer(b"<html>", "502 Bad Gateway"),
    "empty": lambda _n: http_answer(b""),
    "redirect": lambda _n: http_answer(b"", "307 Moved", "Location: /elsewhere\r\n"),
    "no number": lambda _n: http_answer(dumps(ok(output={"ODNO": ""}))),
    "cut": lambda _n: b"",
    "nonsense": lambda _n: b"SSH-2.0-OpenSSH\r\n\r\n",
    "silence": lambda _n: None,
}


@pytest.mark.parametrize("name", REPLIES)
@pytest.mark.parametrize(
    "command", [place(), market(), cancel()], ids=["limit", "market", "cancel"]
)
def test_outcome_is_the_pools(tmp_path: Path, name: str, command: Any) -> None:
    options = {"read_timeout_ms": 120} if name == "silence" else {}
    by_line, desk = direct(tmp_path / "line", REPLIES[name], command, **options)
    by_pool, twin = pooled(tmp_path / "pool", REPLIES[name], command, **options)

    if isinstance(by_pool, Lost):
        # Which words the two find for a broken answer is theirs; that nothing is known is not.
        assert isinstance(by_line, Lost)
        assert by_line.venue_code == by_pool.venue_code
        assert by_line.reason.split(":")[0] == by_pool.reason.split(":")[0]
    else:
        assert by_line == by_pool
    assert len(desk.orders) == len(twin.orders)


@pytest.mark.parametrize("loop_factory", LOOPS)
def test_r4_reply_cut_at_any_byte_is_lost_and_never_repeated(
    tmp_path: Path, loop_factory: Any
) -> None:
    async def main() -> None:
        async with desk, closing(gateway := gateway_at(tmp_path, desk.url, 1)):
            await ready(gateway)
            for cut in range(len(OK)):
                await until(lambda: gateway._lines.take() is not None)
                answer = gateway.begin(place(), nothing)
                assert answer is not None
                outcome = await answer
                assert isinstance(outcome, Lost), (cut, outcome)
                assert outcome.reason.startswith("reset")
                assert len(desk.orders) == cut + 1

    desk = Desk(lambda n: OK[: n - 1])
    run(main(), loop_factory)


def test_line_serves_one_order_at_a_time_and_then_the_next(tmp_path: Path) -> None:
    async def main() -> None:
        async with desk, closing(gateway := gateway_at(tmp_path, desk.url, 2)):
            await ready(gateway, 2)
            answers = [gateway.begin(place(qty=n), nothing) for n in (1, 2, 3)]
            assert [answer is None for answer in answers] == [False, False, True]
            assert gateway.connections_in_use == 2
            for answer in answers[:2]:
                assert answer is not None
                assert await answer == TAKEN_AS
            assert gateway.connections_in_use == 0
            before = desk.connections
            again = gateway.begin(place(qty=4), nothing)
            assert again is not None
            assert await again == TAKEN_AS
            assert desk.connections == before

    desk = Desk(lambda _n: OK)
    run(main())


def test_begin_pays_the_limit_in_its_class_and_nothing_when_it_declines(tmp_path: Path) -> None:
    async def main() -> None:
        gate = Gate()
        async with desk, closing(gateway := gateway_at(tmp_path, desk.url, 1, gate=gate)):
            assert gateway.begin(place(), nothing) is None  # neither token nor line
            await ready(gateway)
            for command, priority in (
                (market(), Priority.MARKET),
                (place(), Priority.LIMIT),
                (amend(), Priority.LIMIT),
                (cancel(), Priority.CANCEL),
            ):
                answer = gateway.begin(command, nothing)
                assert answer is not None
                await answer
                assert gate.passed.pop() is priority
            assert gateway.begin(place(qty=0), nothing) is None
            assert gate.passed == []
            gate.is_full = True
            assert gateway.begin(place(), nothing) is None
            assert len(desk.orders) == 4

    desk = Desk(lambda _n: OK)
    run(main())


def test_order_held_back_at_the_last_moment_sends_no_byte_and_keeps_the_line(
    tmp_path: Path,
) -> None:
    def veto() -> None:
        raise Busy("the kill switch is on")

    async def main() -> None:
        async with desk, closing(gateway := gateway_at(tmp_path, desk.url, 1)):
            await ready(gateway)
            answer = gateway.begin(place(), veto)
            assert answer is not None
            outcome = await answer
            assert isinstance(outcome, Refused)
            assert "kill switch" in outcome.message
            assert desk.orders == []
            assert gateway._lines.take() is not None

    desk = Desk(lambda _n: OK)
    run(main())


def test_s11_s12_lines_are_replaced_before_they_are_idle_or_old(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def main() -> None:
        async with desk, closing(gateway := gateway_at(tmp_path, desk.url, 1)):
            lines = gateway._lines
            lines.idle_s, lines.lifetime_s = 0.3, 0.8
            await ready(gateway)
            loop, served = asyncio.get_running_loop(), 0
            started = loop.time()
            while loop.time() - started < 1.2:
                if (answer := gateway.begin(place(), nothing)) is not None:
                    assert await answer == TAKEN_AS
                    served += 1
                await asyncio.sleep(0.02 if loop.time() - started < 0.9 else 0.15)
            assert served > 20
        ages: dict[int, int] = {}
        for line in desk.line_of:
            ages[line] = ages.get(line, 0) + 1
        assert len(ages) >= 2, "a line outlived its time"
        assert desk.peak_open <= 3

    desk = Desk(lambda _n: OK)
    run(main())


def test_line_past_its_idle_time_is_never_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lines_module, "_RENEW_AT", 100.0)

    async def main() -> None:
        async with desk, closing(gateway := gateway_at(tmp_path, desk.url, 1)):
            gateway._lines.idle_s = 0.1
            await ready(gateway)
            assert gateway._lines.take() is not None
            await asyncio.sleep(0.15)
            assert gateway.begin(place(), nothing) is None

    desk = Desk(lambda _n: OK)
    run(main())


@pytest.mark.parametrize("farewell", [b"", b"HTTP/1.1 408 Request Timeout\r\n\r\n"])
def test_pain19_line_the_server_gave_up_is_not_used(tmp_path: Path, farewell: bytes) -> None:
    async def main() -> None:
        writers: list[asyncio.StreamWriter] = []

        class Leaving(Desk):
            async def _play(
                self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
            ) -> None:
                writers.append(writer)
                await super()._play(reader, writer)

        desk = Leaving(lambda _n: OK)
        async with desk, closing(gateway := gateway_at(tmp_path, desk.url, 1)):
            await ready(gateway)
            line = gateway._lines.take()
            assert line is not None
            for writer in writers:
                writer.write(farewell)
                writer.close()
            await until(lambda: not line.is_fit(line.idle_since_s))
            await until(lambda: (gateway._lines.take() or line) is not line)
            answer = gateway.begin(place(), nothing)
            assert answer is not None
            assert await answer == TAKEN_AS
            assert len(desk.orders) == 1

    run(main())


def test_answer_that_nobody_waits_for_any_more_frees_its_line(tmp_path: Path) -> None:
    async def main() -> None:
        async with desk, closing(gateway := gateway_at(tmp_path, desk.url, 1)):
            await ready(gateway)
            answer = gateway.begin(place(), nothing)
            assert answer is not None
            task = asyncio.create_task(answer)
            await asyncio.sleep(0)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await until(lambda: gateway._lines.take() is not None)
            assert len(desk.orders) == 1

    desk = Desk(lambda _n: OK)
    run(main())


def test_host_that_is_not_there_leaves_orders_to_the_pool(tmp_path: Path) -> None:
    async def main() -> None:
        gateway = gateway_at(tmp_path, "http://127.0.0.1:1", 2)
        async with closing(gateway):
            await asyncio.sleep(0.05)
            assert gateway.begin(place(), nothing) is None

    run(main())


@pytest.mark.parametrize("loop_factory", LOOPS)
def test_se5_line_speaks_tls_1_3_and_checks_the_certificate(
    tmp_path: Path, loop_factory: Any
) -> None:
    certificate, key = make_certificate(tmp_path)
    served = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    served.load_cert_chain(certificate, key)
    trusting = tls_context()
    trusting.load_verify_locations(certificate)

    async def main() -> None:
        async with desk:
            async with closing(gateway := gateway_at(tmp_path, desk.url, 1, tls=trusting)):
                await ready(gateway)
                await asyncio.sleep(0.05)  # TLS 1.3 sends its tickets after the handshake.
                for _ in range(3):
                    answer = gateway.begin(place(), nothing)
                    assert answer is not None
                    assert await answer == TAKEN_AS
            stranger = gateway_at(tmp_path, desk.url, 1)
            async with closing(stranger):
                await asyncio.sleep(0.1)
                assert stranger._lines.take() is None
            assert len(desk.orders) == 3

    desk = Desk(lambda _n: OK, ssl=served)
    run(main(), loop_factory)


@pytest.mark.parametrize("wrong", ["a\r\nb", "a\nb", "a\0b", "토큰", "a\x7fb"])
def test_header_that_could_end_its_line_is_refused(wrong: str) -> None:
    with pytest.raises(ValueError):
        head_block("host", "/p", {"authorization": wrong})


def test_conditional_order_is_sent_on_a_line_too(tmp_path: Path) -> None:
    found, desk = direct(tmp_path, lambda _n: OK, place(order_type=OrderType.CONDITIONAL))

    assert found == TAKEN_AS
    assert b'"ORD_DVSN":"02"' in desk.orders[0]

"""One token for all: asked for once, kept in a private file, renewed in time, never hammered."""

from __future__ import annotations

import asyncio
import os
import stat
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from aegis_fast.errors import AuthError, ConfigError, ProtocolError, TransientError
from aegis_fast.kis.credentials import AppCredentials, decode_records, token_slot
from aegis_fast.kis.profile import PAPER, SIM, SIM_APPKEY, Profile
from aegis_fast.kis.rest import RestClient
from aegis_fast.kis.tokens import TokenIssuer
from tests.e2e.kis_fakes import Clock, FakeKIS, H, run, token_answer, until
from tests.unit.kis.kis_samples import CREDENTIALS

pytestmark = pytest.mark.e2e
S = 10**9
ONCE_A_MINUTE = (403, {"error_code": "EGW00133", "error_description": "1분당 1회"})


class Bench:
    """A fake KIS, and issuers like those of separate processes around one file."""

    def __init__(self, kis: FakeKIS, path: Path) -> None:
        self.kis = kis
        self.path = path
        self.clock = Clock()
        self.slept: list[float] = []
        self._clients: list[RestClient] = []

    async def issuer(
        self, profile: Profile = SIM, credentials: AppCredentials = CREDENTIALS, **options: Any
    ) -> TokenIssuer:
        client = RestClient(self.kis.url, read_timeout_ms=2000)
        await client.start()
        self._clients.append(client)
        return TokenIssuer(
            profile=profile,
            credentials=credentials,
            rest=client,
            path=self.path,
            clock_ns=self.clock,
            sleep=self.sleep,
            **options,
        )

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.clock.now_ns += int(seconds * S)
        await asyncio.sleep(0)

    async def close(self) -> None:
        for client in self._clients:
            await client.close()


def on_bench(tmp_path: Path, test: Callable[[Bench], Any], **script: Any) -> None:
    async def main() -> None:
        async with FakeKIS(**script) as kis:
            bench = Bench(kis, tmp_path / "var" / "tokens.json")
            try:
                await test(bench)
            finally:
                await bench.close()

    run(main())


def test_p2_twenty_callers_at_once_make_one_request(tmp_path: Path) -> None:
    async def test(bench: Bench) -> None:
        issuer = await bench.issuer()

        tokens = await asyncio.gather(*(issuer.token() for _ in range(20)))

        assert set(tokens) == {"token-1"}
        assert bench.kis.times("tokenP") == 1

    on_bench(tmp_path, test)


def test_p1_token_is_kept_in_a_private_file_and_used_by_the_next_process(tmp_path: Path) -> None:
    async def test(bench: Bench) -> None:
        await (await bench.issuer()).token()

        assert await (await bench.issuer()).token() == "token-1"
        assert bench.kis.times("tokenP") == 1
        assert stat.S_IMODE(bench.path.stat().st_mode) == 0o600
        assert stat.S_IMODE(bench.path.parent.stat().st_mode) == 0o700
        records = decode_records(bench.path.read_bytes())
        assert list(records) == [token_slot("sim", SIM_APPKEY)]
        assert SIM_APPKEY.encode() not in bench.path.read_bytes()
        assert [p.name for p in bench.path.parent.glob("*.new")] == []

    on_bench(tmp_path, test)


def test_file_that_others_may_read_is_closed_to_them(tmp_path: Path) -> None:
    async def test(bench: Bench) -> None:
        await (await bench.issuer()).token()
        bench.path.chmod(0o644)

        await (await bench.issuer()).token()

        assert stat.S_IMODE(bench.path.stat().st_mode) == 0o600

    on_bench(tmp_path, test)


def test_s69_environments_and_keys_never_share_a_token(tmp_path: Path) -> None:
    async def test(bench: Bench) -> None:
        other = AppCredentials("another-key-123456", "secret", "5000000001", "me")
        tokens = [
            await (await bench.issuer(SIM)).token(),
            await (await bench.issuer(PAPER)).token(),
            await (await bench.issuer(SIM, other)).token(),
            await (await bench.issuer(SIM)).token(),
        ]

        assert tokens == ["token-1", "token-2", "token-3", "token-1"]
        assert len(decode_records(bench.path.read_bytes())) == 3

    on_bench(tmp_path, test)


PROCESS = """
import asyncio, sys
from pathlib import Path
from aegis_fast.kis.profile import SIM
from aegis_fast.kis.rest import RestClient
from aegis_fast.kis.tokens import TokenIssuer
from tests.e2e.kis_fakes import Clock
from tests.unit.kis.kis_samples import CREDENTIALS

async def main():
    client = RestClient(sys.argv[1])
    await client.start()
    print("ready", flush=True)
    sys.stdin.readline()
    issuer = TokenIssuer(
        profile=SIM, credentials=CREDENTIALS, rest=client, path=Path(sys.argv[2]), clock_ns=Clock()
    )
    print(await issuer.token(), flush=True)
    await client.close()

asyncio.run(main())
"""


def test_se1_processes_that_start_together_make_one_request(tmp_path: Path) -> None:
    async def test(bench: Bench) -> None:
        children = [
            await asyncio.create_subprocess_exec(
                sys.executable, "-c", PROCESS, bench.kis.url, str(bench.path),
                stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
                env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            )
            for _ in range(4)
        ]  # fmt: skip
        for child in children:
            assert child.stdout is not None
            assert await child.stdout.readline() == b"ready\n"
        outputs = await asyncio.gather(*(child.communicate(b"go\n") for child in children))

        assert [output for output, _ in outputs] == [b"token-1\n"] * 4
        assert bench.kis.times("tokenP") == 1

    on_bench(tmp_path, test)


def test_s54_token_six_hours_old_still_serves_while_one_renewal_runs(tmp_path: Path) -> None:
    async def test(bench: Bench) -> None:
        issuer = await bench.issuer()
        await issuer.token()
        bench.clock.now_ns += 6 * H - 1
        assert await issuer.token() == "token-1"
        await asyncio.sleep(0.05)
        assert bench.kis.times("tokenP") == 1

        bench.clock.now_ns += 1
        old = await asyncio.gather(*(issuer.token() for _ in range(50)))

        assert set(old) == {"token-1"}
        await until(lambda: bench.kis.times("tokenP") == 2)
        await until(lambda: b"token-2" in bench.path.read_bytes())
        assert await issuer.token() == "token-2"
        assert bench.kis.times("tokenP") == 2
        assert await (await bench.issuer()).token() == "token-2"

    on_bench(tmp_path, test)


def test_se1_refused_renewal_keeps_the_old_token_and_waits_a_minute(tmp_path: Path) -> None:
    async def test(bench: Bench) -> None:
        issuer = await bench.issuer()
        await issuer.token()
        bench.kis.script["tokenP"] = [ONCE_A_MINUTE]
        bench.clock.now_ns += 6 * H

        for _ in range(10):
            assert await issuer.token() == "token-1"
            await asyncio.sleep(0.01)
        assert bench.kis.times("tokenP") == 2

        bench.clock.now_ns += 61 * S
        await issuer.token()
        await until(lambda: bench.kis.times("tokenP") == 3)
        assert bench.slept == []

    on_bench(tmp_path, test)


@pytest.mark.parametrize("answer", ["cut", (500, b"<html>")], ids=["cut", "500"])
def test_renewal_that_fails_in_passing_keeps_the_old_token(tmp_path: Path, answer: Any) -> None:
    async def test(bench: Bench) -> None:
        issuer = await bench.issuer()
        await issuer.token()
        bench.kis.script["tokenP"] = [answer]
        bench.clock.now_ns += 7 * H

        assert await issuer.token() == "token-1"
        await until(lambda: bench.kis.times("tokenP") == 2)
        await asyncio.sleep(0.02)
        assert await issuer.token() == "token-1"
        assert bench.kis.times("tokenP") == 2

    on_bench(tmp_path, test)


def test_se1_first_token_refused_is_asked_for_again_after_61_seconds(tmp_path: Path) -> None:
    async def test(bench: Bench) -> None:
        assert await (await bench.issuer()).token() == "late"
        assert bench.slept == [61.0]
        assert bench.kis.times("tokenP") == 2

    on_bench(tmp_path, test, tokenP=[ONCE_A_MINUTE, (200, token_answer("late"))])


def test_refusal_after_the_minute_says_what_to_look_for(tmp_path: Path) -> None:
    async def test(bench: Bench) -> None:
        with pytest.raises(TransientError, match="another program") as caught:
            await (await bench.issuer()).token()

        assert caught.value.venue_code == "EGW00133"
        assert bench.kis.times("tokenP") == 2

    on_bench(tmp_path, test, tokenP=[ONCE_A_MINUTE])


def test_wrong_key_is_refused_once_a_minute_and_not_at_every_call(tmp_path: Path) -> None:
    async def test(bench: Bench) -> None:
        issuer = await bench.issuer()
        for _ in range(5):
            with pytest.raises(AuthError) as caught:
                await issuer.token()
            assert caught.value.venue_code == "EGW00103"
        assert bench.kis.times("tokenP") == 1

        bench.clock.now_ns += 61 * S
        bench.kis.script["tokenP"] = [(200, token_answer("mended"))]
        assert await issuer.token() == "mended"

    on_bench(tmp_path, test, tokenP=[(403, {"error_code": "EGW00103", "error_description": "x"})])


def test_p3_token_turned_down_is_replaced_once_for_all(tmp_path: Path) -> None:
    async def test(bench: Bench) -> None:
        issuer = await bench.issuer()
        first = await issuer.token()

        renewed = await asyncio.gather(*(issuer.renew(first) for _ in range(20)))

        assert set(renewed) == {"token-2"}
        assert await issuer.renew(first) == "token-2"
        assert bench.kis.times("tokenP") == 2

    on_bench(tmp_path, test)


def test_p3_replacement_by_another_process_is_taken_from_the_file(tmp_path: Path) -> None:
    async def test(bench: Bench) -> None:
        one, two = await bench.issuer(), await bench.issuer()
        first = await one.token()
        assert await two.token() == first

        assert await one.renew(first) == "token-2"
        assert await two.renew(first) == "token-2"
        assert bench.kis.times("tokenP") == 2

    on_bench(tmp_path, test)


def test_p3_the_same_token_again_is_an_error_and_no_loop(tmp_path: Path) -> None:
    async def test(bench: Bench) -> None:
        issuer = await bench.issuer()
        first = await issuer.token()

        for _ in range(3):
            with pytest.raises(AuthError, match="refuses"):
                await issuer.renew(first)

        assert bench.kis.times("tokenP") == 2

    on_bench(tmp_path, test, tokenP=[(200, token_answer("same"))])


def test_order_does_not_wait_for_a_slow_token_which_then_serves_the_next(tmp_path: Path) -> None:
    gate = asyncio.Event()

    async def test(bench: Bench) -> None:
        issuer = await bench.issuer()
        original = bench.sleep

        async def held(seconds: float) -> None:
            await gate.wait()
            await original(seconds)

        issuer._sleep = held
        with pytest.raises(TransientError):
            await issuer.token(wait_s=0.05)
        gate.set()

        assert await issuer.token() == "late"

    on_bench(tmp_path, test, tokenP=[ONCE_A_MINUTE, (200, token_answer("late"))])


@pytest.mark.parametrize("content", [b"", b"garbage", b'{"sim:x":{"token":5}}'])
def test_damaged_file_is_replaced(tmp_path: Path, content: bytes) -> None:
    async def test(bench: Bench) -> None:
        bench.path.parent.mkdir()
        bench.path.write_bytes(content)

        assert await (await bench.issuer()).token() == "token-1"
        assert len(decode_records(bench.path.read_bytes())) == 1

    on_bench(tmp_path, test)


def test_expired_token_of_the_file_is_not_used(tmp_path: Path) -> None:
    async def test(bench: Bench) -> None:
        await (await bench.issuer()).token()
        bench.clock.now_ns += 24 * H

        assert await (await bench.issuer()).token() == "token-2"

    on_bench(tmp_path, test)


def test_place_without_room_for_the_file_is_a_configuration_error(tmp_path: Path) -> None:
    async def test(bench: Bench) -> None:
        bench.path = tmp_path / "file" / "tokens.json"
        (tmp_path / "file").write_text("not a directory")

        with pytest.raises(ConfigError) as caught:
            await (await bench.issuer()).token()
        assert caught.value.field == "home"

    on_bench(tmp_path, test)


def test_unwritable_file_does_not_cost_the_token(tmp_path: Path) -> None:
    async def test(bench: Bench) -> None:
        bench.path.mkdir(parents=True)  # a directory where the file belongs

        assert await (await bench.issuer()).token() == "token-1"

    on_bench(tmp_path, test)


def test_unreadable_answer_is_a_protocol_error(tmp_path: Path) -> None:
    async def test(bench: Bench) -> None:
        with pytest.raises(ProtocolError):
            await (await bench.issuer()).token()

    on_bench(tmp_path, test, tokenP=[(200, b"{}")])


def test_p4_approval_key_is_shared_renewed_daily_and_when_refused(tmp_path: Path) -> None:
    async def test(bench: Bench) -> None:
        issuer = await bench.issuer()
        keys = await asyncio.gather(*(issuer.approval_key() for _ in range(5)))
        assert set(keys) == {"approval-1"}
        assert bench.kis.times("Approval") == 1
        name, _, values = bench.kis.seen[0]
        assert (name, sorted(values)) == ("Approval", ["appkey", "grant_type", "secretkey"])

        assert await issuer.approval_key(refused="approval-1") == "approval-2"
        assert await issuer.approval_key(refused="approval-1") == "approval-2"
        bench.clock.now_ns += 23 * H
        assert await issuer.approval_key() == "approval-3"

    on_bench(tmp_path, test)


def test_p4_approval_refusal_and_failure_are_typed(tmp_path: Path) -> None:
    async def test(bench: Bench) -> None:
        issuer = await bench.issuer()
        with pytest.raises(AuthError):
            await issuer.approval_key()
        with pytest.raises(TransientError):
            await issuer.approval_key()
        assert await issuer.approval_key() == "k"

    refused = (403, {"error_code": "EGW00103", "error_description": "x"})
    on_bench(tmp_path, test, Approval=[refused, "cut", (200, {"approval_key": "k"})])


def test_closing_ends_what_is_under_way(tmp_path: Path) -> None:
    async def test(bench: Bench) -> None:
        issuer = await bench.issuer()
        waiting = asyncio.create_task(issuer.token())
        await until(lambda: bench.kis.times("tokenP") == 1)

        await asyncio.wait_for(issuer.close(), 0.5)

        with pytest.raises(asyncio.CancelledError):
            await waiting

    on_bench(tmp_path, test, tokenP=["hang"])

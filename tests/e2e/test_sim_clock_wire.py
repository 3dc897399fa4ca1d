"""The simulator's clock over the wire: stepped, sped up, and jumping."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
import urllib.request
from collections.abc import Awaitable, Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from aegis_fast import sim
from aegis_fast.kis.profile import SIM_APPKEY, SIM_APPSECRET
from aegis_fast.sim.sim_clock import parse_moment
from tests.e2e.test_sim_sockets import Client, Stream

pytestmark = pytest.mark.e2e

MONDAY = parse_moment("2026-11-23T10:00", None)  # type: ignore[arg-type]
SECOND = 1_000_000_000


def run(scenario: Callable[[Client], Awaitable[None]], **settings: Any) -> None:
    async def main() -> None:
        server = await sim.start(**{"calls_per_s": 0, "start_ns": MONDAY, **settings})
        try:
            async with aiohttp.ClientSession() as http:
                one = Client(server, http)
                await one.login()
                await scenario(one)
        finally:
            await server.close()

    asyncio.run(main())


async def clock(one: Client, **body: object) -> dict[str, Any]:
    status, answer = await one.control("POST" if body else "GET", "clock", body or None)
    assert status == 200, answer
    return dict(answer)


def trades(stream: Stream) -> list[list[str]]:
    return [text.split("|", 3)[3].split("^") for text in stream.texts if "|H0STCNT0|" in text]


async def drained(stream: Stream) -> None:
    """Read until nothing comes for a moment."""
    try:
        while True:
            text = await asyncio.wait_for(stream.socket.receive_str(), 0.2)
            stream.texts.append(str(text))
    except TimeoutError:
        return


def test_stepped_market_moves_only_when_told_and_loses_nothing() -> None:
    async def scenario(one: Client) -> None:
        stream = await one.socket()
        await stream.subscribe("H0STCNT0", "005930")
        await asyncio.sleep(0.2)
        assert trades(stream) == []
        assert (await clock(one))["now_ns"] == MONDAY

        moved = await clock(one, advance_ms=60_000)

        assert (moved["now_ns"], moved["lag_ns"]) == (MONDAY + 60 * SECOND, 0)
        assert moved["now"] == "2026-11-23T10:01:00.000+09:00"
        await drained(stream)
        rows = [row[at : at + 47] for row in trades(stream) for at in range(0, len(row), 47)]
        assert len(rows) > 60
        assert all("100000" <= row[1] <= "100100" for row in rows)
        for before, after in pairwise(rows):
            assert int(after[13]) - int(before[13]) == int(after[12])
        assert (await one.control("GET", "state"))[1]["skipped_ns"] == 0

    run(scenario, is_stepped=True)


def test_same_seed_and_steps_give_the_same_bytes() -> None:
    def texts(steps: tuple[int, ...]) -> list[str]:
        found: list[str] = []

        async def scenario(one: Client) -> None:
            stream = await one.socket()
            await stream.subscribe("H0STCNT0", "005930")
            for step in steps:
                await clock(one, advance_ms=step)
            await drained(stream)
            found.extend(text for text in stream.texts if "|H0STCNT0|" in text)

        run(scenario, is_stepped=True, seed=9)
        return found

    first = texts((20_000,))

    assert len(first) > 20
    assert texts((20_000,)) == first
    values = [value for text in first for value in text.split("|", 3)[3].split("^")]
    others = [v for text in texts((7_000, 13_000)) for v in text.split("|", 3)[3].split("^")]
    assert others == values


def test_calls_are_answered_while_a_long_jump_is_simulated() -> None:
    async def scenario(one: Client) -> None:
        jump = asyncio.create_task(clock(one, advance_ms=5 * 60_000))
        worst_s = 0.0
        while not jump.done():
            began = time.perf_counter()
            assert (await one.control("GET", "clock"))[0] == 200
            worst_s = max(worst_s, time.perf_counter() - began)
            await asyncio.sleep(0.01)
        assert (await jump)["now_ns"] >= MONDAY + 300 * SECOND
        assert worst_s < 0.25

    run(scenario)


def test_fast_market_keeps_up_and_leaves_tokens_alone() -> None:
    async def scenario(one: Client) -> None:
        began = time.monotonic()
        await asyncio.sleep(1.0)
        shown = await clock(one)
        passed = time.monotonic() - began

        reached_s = (shown["now_ns"] - MONDAY) / SECOND
        assert reached_s + shown["lag_ns"] / SECOND >= 60 * 0.8
        assert reached_s <= 60 * (passed + 1)
        assert shown["door_ns"] - MONDAY < 5 * SECOND
        keys = {
            "grant_type": "client_credentials",
            "appkey": SIM_APPKEY,
            "appsecret": SIM_APPSECRET,
        }
        async with one.http.post(f"{one.server.rest_url}/oauth2/tokenP", json=keys) as answer:
            # A minute of the market has passed, not one of the door.
            assert (await answer.json())["error_code"] == "EGW00133"
        state = (await one.control("GET", "state"))[1]
        assert (state["skipped_ns"], state["clock"]["mode"]) == (0, "speed")

    run(scenario, speed=60)


def test_jump_to_a_moment_and_back_to_the_wall_clock() -> None:
    async def scenario(one: Client) -> None:
        there = await clock(one, to="10:05:00")
        assert there["now"].startswith("2026-11-23T10:05:00")
        status, refused = await one.control("POST", "clock", {"to": "09:00"})
        assert (status, refused["field"]) == (400, "to")
        assert (await clock(one, stepped=False))["mode"] == "wall"
        await asyncio.sleep(0.05)
        assert (await clock(one))["now_ns"] > there["now_ns"]

    run(scenario, is_stepped=True, activity=0.0)


def test_command_says_how_to_use_it_and_serves_the_accounts_of_a_file(tmp_path: Path) -> None:
    accounts = tmp_path / "accounts.toml"
    accounts.write_text(
        '[[account]]\naccount = "5100000001"\nappkey = "key-of-mine"\n'
        'appsecret = "secret-of-mine"\nhts_id = "myid"\n'
        "[account.holdings]\n005930 = { qty = 3, cost_krw = 210000 }\n",
        "utf-8",
    )
    arguments = ["--port", "0", "--accounts", str(accounts), "--start", "2026-11-27T08:00"]
    with subprocess.Popen(
        [sys.executable, "-m", "aegis_fast.cli", "sim", "--stepped", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(8)]
        url = lines[0].split()[3]

        with urllib.request.urlopen(f"{url}/_sim/ledger", timeout=5) as page:
            ledger = json.load(page)
        with urllib.request.urlopen(f"{url}/_sim/clock", timeout=5) as page:
            shown = json.load(page)
        process.terminate()
        process.wait(10)

    text = "".join(lines)
    for word in ("key-of-mine", "secret-of-mine", "5100000001", "myid", url, "ws://"):
        assert word in text
    assert ledger["accounts"]["5100000001"]["positions"]["005930"]["qty"] == 3
    assert shown["now"] == "2026-11-27T08:00:00.000+09:00"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--start", "yesterday"], "--start"),
        (["--speed", "0"], "speed"),
        (["--accounts", "no-such-file.toml"], "no accounts file"),
        (["--deflate", "gzip"], "deflate"),
        (["--new-customer"], "new_customer"),
        (["--issues", "2701"], "1..2700"),
        (["--regime", "005930"], "005930=limit_up"),
        (["--regime", "005930=wild"], "limit_up"),
    ],
)
def test_wrong_option_ends_the_command_with_what_is_right(arguments: list[str], said: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "aegis_fast.cli", "sim", "--port", "0", *arguments],
        capture_output=True,
        text=True,
        timeout=20,
    )

    assert done.returncode != 0
    assert said in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_pingpong_follows_real_time_while_the_market_stands_still() -> None:
    async def scenario(one: Client) -> None:
        stream = await one.socket()
        for _ in range(3):
            await stream.until(lambda text: "PINGPONG" in text)
        assert all('"datetime":"20261123100000"' in text for text in stream.texts)

    run(scenario, is_stepped=True, pingpong_s=0.1)


def test_sessions_follow_the_clock_with_hours_day() -> None:
    async def scenario(one: Client) -> None:
        async def phase(board: str) -> Any:
            found = (await one.control("GET", "state"))[1]["phases"][board]
            return found and found["name"]

        assert (await phase("KRX"), await phase("NXT")) == ("regular", "main")
        await clock(one, to="15:25:00")
        assert await phase("KRX") == "closing_auction"
        await clock(one, to="16:10:00")
        assert (await phase("KRX"), await phase("AFTER")) == (None, "after_market")

    start_ns = MONDAY + (5 * 60 + 19) * 60 * SECOND
    run(scenario, is_stepped=True, hours="day", activity=0.0, start_ns=start_ns)

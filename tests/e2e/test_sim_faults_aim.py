"""Faults aimed over HTTP and by script: at one venue, one account, one moment; lists and counts."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from aegis_fast.errors import ConfigError
from aegis_fast.kis.profile import SIM_HTS_ID
from aegis_fast.sim.broker import DEFAULT_ACCOUNTS
from aegis_fast.sim.desk.account import AccountSpec
from tests.e2e.sim_fault_bench import SYMBOL, TRADE_TR, Bench, bench

pytestmark = pytest.mark.e2e

OTHER = AccountSpec("5000000002", "OTHERKEY", "OTHERSECRET", "other")


def against(test: Any, **settings: Any) -> None:
    async def main() -> None:
        async with asyncio.timeout(15), bench(**settings) as one:
            await test(one)

    asyncio.run(main())


async def page(one: Bench, method: str, query: str = "", body: object = None) -> tuple[int, Any]:
    async with one.http.request(method, f"{one.url}/_sim/faults{query}", json=body) as answer:
        return answer.status, json.loads(await answer.read())


def test_fault_at_one_market_leaves_the_other_alone() -> None:
    async def test(one: Bench) -> None:
        await one.fault(kind="rate_refusal", tr="FHKST01010100", venue="SOR", count=None)

        krx = (await one.quote(FID_COND_MRKT_DIV_CODE="J"))[2]["msg_cd"]
        unified = (await one.quote(FID_COND_MRKT_DIV_CODE="UN"))[2]["msg_cd"]

        assert (krx, unified) == ("MCA00000", "EGW00201")

    against(test)


def test_orders_at_krx_and_nxt_are_struck_apart() -> None:
    async def test(one: Bench) -> None:
        await one.fault(kind="reply_lost", tr="order-cash", venue="NXT", count=None)

        assert (await one.buy(EXCG_ID_DVSN_CD="KRX"))[0] == 200
        with pytest.raises(aiohttp.ClientConnectionError):
            await one.buy(EXCG_ID_DVSN_CD="NXT")

    against(test)


def test_frame_fault_at_one_appkey_leaves_the_other_sockets_alone() -> None:
    async def test(one: Bench) -> None:
        mine = await one.subscribed(TRADE_TR)
        body = {"grant_type": "client_credentials", "appkey": OTHER.appkey}
        body["secretkey"] = OTHER.appsecret
        async with one.http.post(f"{one.url}/oauth2/Approval", json=body) as answer:
            key = (await answer.json())["approval_key"]
        theirs = await one.socket()
        theirs.approval_key = key
        await theirs.subscribe(TRADE_TR, SYMBOL)
        await one.fault(kind="frame_truncated", after_bytes=9, account=OTHER.account)
        await one.fault(kind="ws_close", appkey=OTHER.appkey, tr=TRADE_TR, nth=2)

        await one.trade(2)

        assert all("^" in text for text in await mine.rest())
        assert not mine.socket.closed
        with pytest.raises(ConnectionError):
            await theirs.next("nothing")
        assert next(text for text in theirs.texts if text[0] == "0") == "0|H0STCNT"

    against(test, accounts=(*DEFAULT_ACCOUNTS, OTHER))


def test_list_of_faults_is_set_shown_and_forgotten() -> None:
    async def test(one: Bench) -> None:
        wanted = [
            {"kind": "reply_lost", "tr": "order-cash", "nth": 3},
            {"kind": "delay", "delay_ms": 1, "count": None},
            {"kind": "ws_drop", "at": "+1h"},
        ]
        status, said = await page(one, "POST", body=wanted)
        assert status == 200
        assert [fault["kind"] for fault in said["faults"]] == ["reply_lost", "delay", "ws_drop"]
        await one.buy()
        await one.quote()

        _, shown = await page(one, "GET")
        assert [(f["kind"], f["seen"], f["struck"]) for f in shown["faults"]] == [
            ("reply_lost", 1, 0),
            ("delay", 2, 2),
        ]
        assert [later["kind"] for later in shown["later"]] == ["ws_drop"]
        first, second = (fault["id"] for fault in shown["faults"])
        status, said = await page(one, "DELETE", f"?id={first}")
        assert (status, said["cleared"]) == (200, 1)
        assert [fault["id"] for fault in said["faults"]] == [second]
        status, said = await page(one, "DELETE", f"?id={first}")
        assert (status, said["field"]) == (400, "id")
        assert (await page(one, "DELETE"))[1] == {"cleared": 2, "faults": []}
        _, shown = await page(one, "GET")
        assert (shown["faults"], shown["later"]) == ([], [])

    against(test)


def test_wrong_entry_of_a_list_is_named_and_nothing_is_set() -> None:
    async def test(one: Bench) -> None:
        wrong = [{"kind": "reply_lost"}, {"kind": "cut", "venue": "MOON"}]

        status, said = await page(one, "POST", body=wrong)

        assert (status, said["field"]) == (400, "2.venue")
        assert "KRX" in said["expected"]
        assert (await page(one, "GET"))[1]["faults"] == []

    against(test)


def test_script_strikes_when_its_time_has_come(tmp_path: Path) -> None:
    script = tmp_path / "day.toml"
    script.write_text(
        '[[fault]]\nkind = "rate_refusal"\nat = "+1h"\n\n[[fault]]\nkind = "ws_drop"\nat = "+2h"\n',
        "utf-8",
    )

    async def test(one: Bench) -> None:
        await one.login()
        stream = await one.subscribed(TRADE_TR)
        assert (await one.quote())[2]["rt_cd"] == "0"
        one.server.clock.pass_door_time(3_600 * 10**9)
        await stream.rest(0.05)
        assert (await one.quote())[2]["msg_cd"] == "EGW00201"
        one.server.clock.pass_door_time(3_600 * 10**9)
        with pytest.raises(ConnectionError):
            await stream.next("nothing")
        assert stream.socket.close_code == 1006

    against(test, faults=script)


def test_script_strikes_at_a_time_of_the_market() -> None:
    # 2026-11-23 08:59:58 KST, and the clock stands still.
    start_ns = 1_795_391_998 * 10**9
    script = [{"kind": "rate_refusal", "at": "09:00:05", "count": "forever"}]

    async def test(one: Bench) -> None:
        async def move(seconds: int) -> str:
            body = {"advance_ms": seconds * 1_000}
            async with one.http.post(f"{one.url}/_sim/clock", json=body) as answer:
                assert answer.status == 200
            return str((await one.quote())[2]["msg_cd"])

        await one.login()
        (later,) = (await page(one, "GET"))[1]["later"]
        assert later["due_ns"] == start_ns + 7 * 10**9
        assert [await move(6), await move(1)] == ["MCA00000", "EGW00201"]

    against(test, faults=script, start_ns=start_ns, is_stepped=True)


def test_wrong_script_stops_the_start(tmp_path: Path) -> None:
    script = tmp_path / "day.jsonl"
    script.write_text('{"kind": "delay"}\n', "utf-8")

    with pytest.raises(ConfigError, match="fault 1: delay_ms"):
        against(lambda one: None, faults=script)


def test_command_line_takes_a_script(tmp_path: Path) -> None:
    script = tmp_path / "day.jsonl"
    script.write_text('{"kind": "reply_lost", "tr": "order-cash", "nth": 4}\n', "utf-8")
    command = [sys.executable, "-m", "aegis_fast.cli", "sim", "--port", "0", "--faults"]

    with subprocess.Popen(
        [*command, str(script)], stdout=subprocess.PIPE, text=True, env=dict(os.environ)
    ) as process:
        try:
            assert process.stdout is not None
            url = re.search(r"http://\S+", process.stdout.readline())
            assert url is not None
            with urllib.request.urlopen(f"{url[0]}/_sim/faults", timeout=5) as answer:
                (fault,) = json.loads(answer.read())["faults"]
        finally:
            process.terminate()
    assert (fault["kind"], fault["call"], fault["nth"]) == ("reply_lost", "order-cash", 4)

    script.write_text('{"kind": "melt"}\n', "utf-8")
    failed = subprocess.run([*command, str(script)], capture_output=True, text=True, timeout=30)
    assert failed.returncode != 0
    assert "fault 1: kind" in failed.stderr + failed.stdout


def test_notice_fault_at_one_account_leaves_the_others_alone() -> None:
    mine = DEFAULT_ACCOUNTS[0]
    second = AccountSpec("5000000003", mine.appkey, mine.appsecret, mine.hts_id)

    async def test(one: Bench) -> None:
        stream = await one.subscribed("H0STCNI0", SIM_HTS_ID)
        await one.fault(kind="notice_missing", account=second.account, count=None)

        await one.buy(CANO="50000000", ACNT_PRDT_CD="03")
        await one.buy()

        notices = [stream.notice(text) for text in await stream.rest() if "|H0STCNI0|" in text]
        assert {values[1] for values in notices} == {mine.account}
        assert len(one.orders()) == 2

    against(test, accounts=(mine, second))

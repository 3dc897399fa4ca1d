"""The simulator over real sockets, as any client of the broker meets it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from aegis_fast import sim
from aegis_fast.errors import ConfigError
from aegis_fast.kis import tr
from aegis_fast.kis.profile import SIM_APPKEY, SIM_APPSECRET, SIM_HTS_ID
from aegis_fast.sim.server import SimServer

pytestmark = pytest.mark.e2e

KEYS = {"grant_type": "client_credentials", "appkey": SIM_APPKEY}
ACCOUNT = {"CANO": "50000000", "ACNT_PRDT_CD": "01"}
CTX = {"CTX_AREA_FK100": "", "CTX_AREA_NK100": ""}
QUOTE = {"FID_COND_MRKT_DIV_CODE": "J", "FID_INPUT_ISCD": "005930"}
ORDER = {**ACCOUNT, "PDNO": "005930", "ORD_DVSN": "01", "ORD_QTY": "2", "ORD_UNPR": "0"}


def parameters(today: str) -> dict[str, dict[str, str]]:
    """Return a good set of parameters for every call that the simulator serves."""
    return {
        "inquire-price": QUOTE,
        "asking-price-exp-ccn": QUOTE,
        "inquire-daily-itemchartprice": {
            **QUOTE,
            "FID_INPUT_DATE_1": "20200101",
            "FID_INPUT_DATE_2": today,
            "FID_PERIOD_DIV_CODE": "D",
            "FID_ORG_ADJ_PRC": "0",
        },
        "inquire-time-itemchartprice": {
            **QUOTE,
            "FID_INPUT_HOUR_1": "235900",
            "FID_PW_DATA_INCU_YN": "Y",
            "FID_ETC_CLS_CODE": "",
        },
        "search-stock-info": {"PRDT_TYPE_CD": "300", "PDNO": "005930"},
        "inquire-psbl-rvsecncl": {**ACCOUNT, **CTX, "INQR_DVSN_1": "0", "INQR_DVSN_2": "0"},
        "inquire-daily-ccld": {
            **ACCOUNT,
            **CTX,
            "INQR_STRT_DT": "20200101",
            "INQR_END_DT": "20991231",
            "SLL_BUY_DVSN_CD": "00",
            "ORD_GNO_BRNO": "",
            "CCLD_DVSN": "00",
            "INQR_DVSN": "00",
            "INQR_DVSN_1": "",
            "INQR_DVSN_3": "00",
            "EXCG_ID_DVSN_CD": "ALL",
        },
        "inquire-balance": {
            **ACCOUNT,
            **CTX,
            "AFHR_FLPR_YN": "N",
            "OFL_YN": "",
            "INQR_DVSN": "02",
            "UNPR_DVSN": "01",
            "FUND_STTL_ICLD_YN": "N",
            "FNCG_AMT_AUTO_RDPT_YN": "N",
            "PRCS_DVSN": "00",
        },
        "inquire-psbl-order": {
            **ACCOUNT,
            "PDNO": "005930",
            "ORD_UNPR": "0",
            "ORD_DVSN": "01",
            "CMA_EVLU_AMT_ICLD_YN": "N",
            "OVRS_ICLD_YN": "N",
        },
    }


class Client:
    """A plain client of one simulator."""

    def __init__(self, server: SimServer, http: aiohttp.ClientSession) -> None:
        self.server = server
        self.http = http
        self.token = ""

    async def login(self) -> None:
        url = f"{self.server.rest_url}/oauth2/tokenP"
        async with self.http.post(url, json={**KEYS, "appsecret": SIM_APPSECRET}) as answer:
            self.token = (await answer.json())["access_token"]

    def headers(self, tr_id: str) -> dict[str, str]:
        return {
            "authorization": f"Bearer {self.token}",
            "appkey": SIM_APPKEY,
            "appsecret": SIM_APPSECRET,
            "tr_id": tr_id,
            "custtype": "P",
        }

    async def call(
        self, call_id: str, params: dict[str, str], variant: str = ""
    ) -> tuple[int, Any, Any]:
        """Return status, headers and body."""
        call = tr.call(call_id)
        url = self.server.rest_url + call.path
        sent: dict[str, Any] = {"headers": self.headers(call.tr_id("real", variant))}
        sent["params" if call.method == "GET" else "json"] = params
        async with self.http.request(call.method, url, **sent) as answer:
            return answer.status, answer.headers, json.loads(await answer.read())

    async def control(self, method: str, name: str, body: object = None) -> tuple[int, Any]:
        url = f"{self.server.rest_url}/_sim/{name}"
        async with self.http.request(method, url, json=body) as answer:
            return answer.status, json.loads(await answer.read())

    async def socket(self, path: str = "/tryitout") -> Stream:
        url = f"{self.server.rest_url}/oauth2/Approval"
        async with self.http.post(url, json={**KEYS, "secretkey": SIM_APPSECRET}) as answer:
            key = (await answer.json())["approval_key"]
        address = f"ws://127.0.0.1:{self.server.port}{path}"
        # No limit on what a client may be sent; the broker does not answer protocol pings.
        return Stream(await self.http.ws_connect(address, max_msg_size=0, autoping=False), key)


class Stream:
    """One WebSocket, with what it has received."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse, approval_key: str) -> None:
        self.socket = socket
        self.approval_key = approval_key
        self.texts: list[str] = []

    async def read(self) -> str:
        text = str(await asyncio.wait_for(self.socket.receive_str(), 5))
        self.texts.append(text)
        return text

    async def until(self, wanted: Callable[[str], bool]) -> str:
        while True:
            text = await self.read()
            if wanted(text):
                return text

    async def subscribe(self, tr_id: str, tr_key: str) -> dict[str, Any]:
        header = {"approval_key": self.approval_key, "custtype": "P", "tr_type": "1"}
        body = {"input": {"tr_id": tr_id, "tr_key": tr_key}}
        await self.socket.send_json({"header": header, "body": body})
        ack = await self.until(lambda text: text.startswith("{") and "rt_cd" in text)
        return dict(json.loads(ack)["body"])


@contextlib.asynccontextmanager
async def client(**settings: Any) -> AsyncIterator[Client]:
    server = await sim.start(**{"calls_per_s": 0, **settings})
    try:
        async with aiohttp.ClientSession() as http:
            one = Client(server, http)
            await one.login()
            yield one
    finally:
        await server.close()


def run(scenario: Callable[[Client], Awaitable[None]], **settings: Any) -> None:
    async def main() -> None:
        async with client(**settings) as one:
            await scenario(one)

    asyncio.run(main())


def all_text(value: object) -> bool:
    if isinstance(value, dict):
        return all(map(all_text, value.values()))
    return all(map(all_text, value)) if isinstance(value, list) else isinstance(value, str)


def field_names(value: object) -> set[str]:
    """Return the names of all fields inside the outputs."""
    if isinstance(value, list):
        return set().union(*map(field_names, value)) if value else set()
    return set(value) if isinstance(value, dict) else set()


def test_every_call_answers_the_documented_fields_as_text() -> None:
    async def scenario(one: Client) -> None:
        status, headers, body = await one.call("order-cash", ORDER, "buy")
        assert (status, body["rt_cd"], body["msg_cd"]) == (200, "0", "APBK0013")
        assert set(body["output"]) == {"KRX_FWDG_ORD_ORGNO", "ODNO", "ORD_TMD"}
        assert headers["content-type"] == "application/json; charset=utf-8"
        limit = {**ORDER, "ORD_DVSN": "00", "ORD_UNPR": "200000"}
        placed = (await one.call("order-cash", limit, "buy"))[2]["output"]["ODNO"]
        today = one.server.ledger()["orders"][0]["date"]
        for call_id, params in parameters(today).items():
            variant = "within_3_months" if call_id == "inquire-daily-ccld" else ""
            status, headers, body = await one.call(call_id, params, variant)
            assert (status, body["rt_cd"]) == (200, "0"), (call_id, body)
            assert all_text(body), call_id
            assert len(body["msg1"]) == 80
            outputs = [body[name] for name in ("output", "output1", "output2") if name in body]
            names = set().union(*map(field_names, outputs))
            assert names == set(tr.call(call_id).output_fields), call_id
            assert headers["tr_id"] == tr.call(call_id).tr_id("real", variant)
        cancel = {
            **ACCOUNT,
            "KRX_FWDG_ORD_ORGNO": "91252",
            "ORGN_ODNO": placed,
            "ORD_DVSN": "00",
            "RVSE_CNCL_DVSN_CD": "02",
            "ORD_QTY": "0",
            "ORD_UNPR": "0",
            "QTY_ALL_ORD_YN": "Y",
        }
        body = (await one.call("order-rvsecncl", cancel))[2]
        assert (body["rt_cd"], body["output"]["ODNO"]) == ("0", "0000000003")

    run(scenario)


def test_token_calls_over_the_wire() -> None:
    async def scenario(one: Client) -> None:
        keys = {**KEYS, "appsecret": SIM_APPSECRET}
        async with one.http.post(f"{one.server.rest_url}/oauth2/tokenP", json=keys) as answer:
            assert answer.status == 403
            assert (await answer.json())["error_code"] == "EGW00133"
        assert (await one.control("POST", "clock", {"advance_ms": 60_000}))[0] == 200
        async with one.http.post(f"{one.server.rest_url}/oauth2/tokenP", json=keys) as answer:
            assert (await answer.json())["access_token"] == one.token
        body = {"appkey": SIM_APPKEY, "appsecret": SIM_APPSECRET, "token": one.token}
        async with one.http.post(f"{one.server.rest_url}/oauth2/revokeP", json=body) as answer:
            assert answer.status == 200
        status, _, body = await one.call("inquire-price", QUOTE)
        assert (status, body["msg_cd"]) == (500, "EGW00121")

    run(scenario)


def test_call_limit_refuses_with_500_and_a_json_body() -> None:
    async def scenario(one: Client) -> None:
        answers = await asyncio.gather(*(one.call("inquire-price", QUOTE) for _ in range(40)))
        codes = [(status, body["msg_cd"]) for status, _, body in answers]
        assert codes.count((200, "MCA00000")) == 30
        assert codes.count((500, "EGW00201")) == 10

    run(scenario, calls_per_s=None)


def test_market_streams_and_notices_arrive() -> None:
    async def scenario(one: Client) -> None:
        stream = await one.socket("/tryitout/H0STCNT0")
        for registration in (
            ("H0STCNT0", "005930"),
            ("H0STASP0", "005930"),
            ("H0STCNI0", SIM_HTS_ID),
        ):
            assert (await stream.subscribe(*registration))["msg_cd"] == "OPSP0000"
        trade = await stream.until(lambda text: text.startswith("0|H0STCNT0|"))
        _, _, count, payload = trade.split("|", 3)
        assert len(payload.split("^")) == 47 * int(count)
        depth = await stream.until(lambda text: text.startswith("0|H0STASP0|001|005930^"))
        assert len(depth.split("^")) == 63
        await one.call("order-cash", ORDER, "buy")
        await stream.until(lambda text: text.startswith("1|H0STCNI0|001|"))
        assert (await one.control("GET", "state"))[1]["connections"][0]["sent"] >= 6

    run(scenario)


@pytest.mark.parametrize("path", ["/", "/tryitout", "/tryitout/H0STASP0", "/anything"])
def test_any_path_opens_a_socket_and_pingpong_comes(path: str) -> None:
    async def scenario(one: Client) -> None:
        stream = await one.socket(path)
        ping = await stream.until(lambda text: "PINGPONG" in text)
        await stream.socket.send_str(ping)
        assert (await stream.subscribe("H0STCNT0", "005930"))["rt_cd"] == "0"
        assert one.server.broker.state_json(0)["connections"][0]["pongs"] == 1

    run(scenario, pingpong_s=0.1)


def test_second_socket_of_an_appkey_is_refused_until_the_first_goes() -> None:
    async def scenario(one: Client) -> None:
        first, second = await one.socket(), await one.socket()
        await first.subscribe("H0STCNT0", "005930")
        refused = await second.subscribe("H0STCNT0", "005930")
        assert (refused["rt_cd"], refused["msg_cd"]) == ("9", "OPSP8996")
        await first.socket.close()
        assert (await second.subscribe("H0STCNT0", "005930"))["msg_cd"] == "OPSP0000"

    run(scenario)


def test_lost_reply_closes_the_connection_of_a_landed_order() -> None:
    async def scenario(one: Client) -> None:
        fault = {"kind": "reply_lost", "call": "order-cash"}
        assert (await one.control("POST", "faults", fault))[0] == 200
        with pytest.raises(aiohttp.ClientError):
            await one.call("order-cash", ORDER, "buy")
        ledger = (await one.control("GET", "ledger"))[1]
        assert [order["state"] for order in ledger["orders"]] == ["filled"]

    run(scenario)


def test_dropped_socket_ends_without_a_close_frame() -> None:
    async def scenario(one: Client) -> None:
        stream = await one.socket()
        await stream.subscribe("H0STCNT0", "005930")
        assert (await one.control("POST", "faults", {"kind": "ws_drop"}))[1]["affected"] == 1
        while True:
            message = await asyncio.wait_for(stream.socket.receive(), 5)
            if message.type is not aiohttp.WSMsgType.TEXT:
                break
        assert stream.socket.close_code == aiohttp.WSCloseCode.ABNORMAL_CLOSURE
        again = await one.socket()
        assert (await again.subscribe("H0STCNT0", "005930"))["msg_cd"] == "OPSP0000"

    run(scenario)


def test_delayed_answer_lands_first() -> None:
    async def scenario(one: Client) -> None:
        fault = {"kind": "delay", "call": "order-cash", "delay_ms": 150}
        await one.control("POST", "faults", fault)
        waiting = asyncio.create_task(one.call("order-cash", ORDER, "buy"))
        for _ in range(1_000):
            if one.server.ledger()["orders"]:
                break
            await asyncio.sleep(0.001)
        assert not waiting.done()
        assert (await waiting)[2]["rt_cd"] == "0"

    run(scenario)


def test_socket_that_does_not_read_is_cut_and_others_go_on() -> None:
    async def scenario(one: Client) -> None:
        stream = await one.socket()
        await stream.subscribe("H0STCNT0", "005930")
        # aiohttp stops reading once its buffer is full, so these pile up in the server.
        fault = {"kind": "bad_frame", "text": "x" * 60_000, "count": 500}
        await one.control("POST", "faults", fault)
        for _ in range(200):
            if one.server.sockets.slow_sockets_cut:
                break
            await asyncio.sleep(0.01)
        assert one.server.sockets.slow_sockets_cut >= 1
        assert (await one.call("inquire-price", QUOTE))[2]["rt_cd"] == "0"

    run(scenario)


@pytest.mark.parametrize(
    "raw",
    [
        b"GET /%ff%fe HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        b"GET /uapi/x HTTP/1.1\r\nHost: x\r\nappkey: \xff\xfe\r\nConnection: close\r\n\r\n",
        b"POST /oauth2/tokenP HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n"
        b"Connection: close\r\n\r\n{",
        b"nonsense\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: close\r\n\r\n",
        b"\x00" * 64 + b"\r\n\r\n",
    ],
)
def test_nonsense_on_the_port_breaks_nothing(raw: bytes) -> None:
    async def scenario(one: Client) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", one.server.port)
        writer.write(raw)
        answer = await asyncio.wait_for(reader.read(), 5)
        writer.close()
        assert answer.split(b" ")[1][:1] == b"4"
        assert (await one.control("GET", "ledger"))[0] == 200
        assert (await one.call("inquire-price", QUOTE))[2]["rt_cd"] == "0"

    run(scenario)


def test_busy_port_says_what_to_do() -> None:
    async def scenario(one: Client) -> None:
        with pytest.raises(ConfigError, match=r"in use.*--port"):
            await sim.start(port=one.server.port)

    run(scenario)


@pytest.mark.parametrize(
    "settings",
    [
        {"profile": "live"},
        {"port": 70_000},
        {"calls_per_s": -1},
        {"activity": 200},
        {"frames": "2023"},
    ],
)
def test_wrong_setting_is_a_configuration_error(settings: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        asyncio.run(sim.start(**settings))


def test_quote_call_is_fast() -> None:
    async def scenario(one: Client) -> None:
        spans = []
        for _ in range(300):
            begun = time.perf_counter_ns()
            await one.call("inquire-price", QUOTE)
            spans.append(time.perf_counter_ns() - begun)
        # Half a dozen times the usual, so that a busy machine does not fail it.
        assert sorted(spans)[150] < 3_000_000

    run(scenario)


def test_replay_reaches_a_real_socket_in_order() -> None:
    frames = Path(__file__).parents[1] / "data" / "frames"

    async def scenario(one: Client) -> None:
        stream = await one.socket()
        ack = await stream.subscribe("H0STCNI0", "whoever")
        assert ack["output"]["key"] == "abcdefghijklmnopabcdefghijklmnop"
        assert ack["output"]["iv"] == "0123456789abcdef"
        stream.texts.clear()
        total = (await one.control("GET", "state"))[1]["replay"]["total"]
        for _ in range(total):
            await stream.read()
        assert stream.texts[0] == (frames / "H0EWASP0.txt").read_text("utf-8").strip()
        assert sum("PINGPONG" in text for text in stream.texts) == 1
        assert (await one.control("GET", "state"))[1]["replay"]["done"] is True

    run(scenario, replay=frames, replay_interval_ms=1)

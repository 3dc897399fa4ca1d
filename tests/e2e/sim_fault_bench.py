"""A simulator on loopback and plain clients of it, to show what a fault does on the wire."""

from __future__ import annotations

import asyncio
import contextlib
import json
from base64 import b64decode
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import aiohttp
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from aegis_fast import sim
from aegis_fast.kis import tr
from aegis_fast.kis.profile import SIM_APPKEY, SIM_APPSECRET, SIM_HTS_ID
from aegis_fast.sim.server import SimServer

SYMBOL = "005930"
ACCOUNT = {"CANO": "50000000", "ACNT_PRDT_CD": "01"}
CTX = {"CTX_AREA_FK100": "", "CTX_AREA_NK100": ""}
QUOTE = {"FID_COND_MRKT_DIV_CODE": "J", "FID_INPUT_ISCD": SYMBOL}
ORDER = {**ACCOUNT, "PDNO": SYMBOL, "ORD_DVSN": "01", "ORD_QTY": "2", "ORD_UNPR": "0"}
BALANCE = {
    **ACCOUNT,
    **CTX,
    "AFHR_FLPR_YN": "N",
    "OFL_YN": "",
    "INQR_DVSN": "02",
    "UNPR_DVSN": "01",
    "FUND_STTL_ICLD_YN": "N",
    "FNCG_AMT_AUTO_RDPT_YN": "N",
    "PRCS_DVSN": "00",
}
OPEN_ORDERS = {**ACCOUNT, **CTX, "INQR_DVSN_1": "0", "INQR_DVSN_2": "0"}
DAY_ORDERS = {
    **ACCOUNT,
    **CTX,
    "INQR_STRT_DT": "20200101",
    "INQR_END_DT": "20991231",
    "SLL_BUY_DVSN_CD": "00",
    "PDNO": "",
    "ORD_GNO_BRNO": "",
    "ODNO": "",
    "CCLD_DVSN": "00",
    "INQR_DVSN": "01",
    "INQR_DVSN_1": "",
    "INQR_DVSN_3": "00",
    "EXCG_ID_DVSN_CD": "ALL",
}
KEYS = {"grant_type": "client_credentials", "appkey": SIM_APPKEY}
NOTICE_TR = "H0STCNI0"
TRADE_TR = "H0STCNT0"

# kind -> what shows it. The test modules fill it; one of them holds it against the table of kinds.
Case = Callable[["Bench"], Awaitable[None]]
Cases = dict[str, tuple[Case, dict[str, Any]]]


def case(cases: Cases, kind: str, **settings: Any) -> Callable[[Case], Case]:
    """Let a coroutine be what shows a kind. settings: of the simulator it runs against."""

    def add(function: Case) -> Case:
        assert kind not in cases
        cases[kind] = (function, settings)
        return function

    return add


def show(cases: Cases, kind: str) -> None:
    """Run what shows a kind against a simulator of its own."""
    function, settings = cases[kind]

    async def main() -> None:
        async with asyncio.timeout(15):
            async with bench(**settings) as one:
                await function(one)

    asyncio.run(main())


class Bench:
    """One simulator and a client that knows its keys."""

    def __init__(self, server: SimServer, http: aiohttp.ClientSession) -> None:
        self.server = server
        self.http = http
        self.token = ""

    @property
    def url(self) -> str:
        return self.server.rest_url

    async def fault(self, **body: Any) -> dict[str, Any]:
        """Set a fault as anyone can: over HTTP."""
        async with self.http.post(f"{self.url}/_sim/faults", json=body) as answer:
            said = json.loads(await answer.read())
            assert answer.status == 200, said
            return dict(said)

    async def market(self, **body: Any) -> None:
        async with self.http.post(f"{self.url}/_sim/market", json=body) as answer:
            assert answer.status == 200, await answer.text()

    async def trade(self, times: int = 1, symbol: str = SYMBOL) -> None:
        """Let strangers trade, a share at a time."""
        for _ in range(times):
            await self.market(symbol=symbol, side="buy", qty=1)

    async def pass_time(self, seconds: int) -> None:
        """Let the door's time pass at once: no test waits for it, and none is late for it."""
        self.server.clock.pass_door_time(seconds * 10**9)
        await asyncio.sleep(0.03)

    async def landed(self, count: int = 1) -> None:
        """Wait until so many orders have landed."""
        for _ in range(1_000):
            if len(self.orders()) >= count:
                return
            await asyncio.sleep(0.005)
        raise AssertionError(f"{len(self.orders())} of {count} orders landed")

    def orders(self) -> list[dict[str, Any]]:
        """Return what has landed."""
        return list(self.server.ledger()["orders"])

    async def login(self) -> str:
        body = {**KEYS, "appsecret": SIM_APPSECRET}
        async with self.http.post(f"{self.url}/oauth2/tokenP", json=body) as answer:
            self.token = (await answer.json())["access_token"]
        return self.token

    def headers(self, tr_id: str, tr_cont: str = "") -> dict[str, str]:
        return {
            "authorization": f"Bearer {self.token}",
            "appkey": SIM_APPKEY,
            "appsecret": SIM_APPSECRET,
            "tr_id": tr_id,
            "tr_cont": tr_cont,
            "custtype": "P",
        }

    async def call(
        self, call_id: str, params: dict[str, str], variant: str = "", tr_cont: str = ""
    ) -> tuple[int, Any, dict[str, Any]]:
        """Return status, headers and body."""
        call = tr.call(call_id)
        sent: dict[str, Any] = {"headers": self.headers(call.tr_id("real", variant), tr_cont)}
        sent["params" if call.method == "GET" else "json"] = params
        async with self.http.request(call.method, self.url + call.path, **sent) as answer:
            return answer.status, answer.headers, json.loads(await answer.read())

    async def buy(self, **params: str) -> tuple[int, Any, dict[str, Any]]:
        return await self.call("order-cash", {**ORDER, **params}, "buy")

    async def quote(self, **params: str) -> tuple[int, Any, dict[str, Any]]:
        return await self.call("inquire-price", {**QUOTE, **params})

    async def balance(self, **params: str) -> dict[str, Any]:
        return (await self.call("inquire-balance", {**BALANCE, **params}))[2]

    def raw_quote(self, *, keep: bool = False) -> bytes:
        """Return a quote call as the bytes of its HTTP request. keep: the connection as well."""
        call = tr.call("inquire-price")
        query = "&".join(f"{name}={value}" for name, value in QUOTE.items())
        head = [
            f"GET {call.path}?{query} HTTP/1.1",
            f"Host: 127.0.0.1:{self.server.port}",
            f"Connection: {'keep-alive' if keep else 'close'}",
        ]
        head += [f"{name}: {value}" for name, value in self.headers(call.tr_id("real")).items()]
        return ("\r\n".join([*head, "", ""])).encode()

    async def exchange(self, sent: bytes, wait_s: float = 5.0) -> tuple[bytes, str]:
        """Send bytes over a connection of its own; return what came and how it ended.

        The end is "eof", "reset" or, when nothing more came in time, "silence".
        """
        reader, writer = await asyncio.open_connection("127.0.0.1", self.server.port)
        got = b""
        end = "eof"
        try:
            writer.write(sent)
            async with asyncio.timeout(wait_s):
                while chunk := await reader.read(65_536):
                    got += chunk
        except ConnectionError:
            end = "reset"
        except TimeoutError:
            end = "silence"
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()
        return got, end

    async def approval(self) -> str:
        body = {**KEYS, "secretkey": SIM_APPSECRET}
        async with self.http.post(f"{self.url}/oauth2/Approval", json=body) as answer:
            return str((await answer.json())["approval_key"])

    async def socket(self) -> Stream:
        address = f"{self.url}/tryitout".replace("http", "ws", 1)
        key = await self.approval()
        return Stream(await self.http.ws_connect(address, autoping=False, max_msg_size=0), key)

    async def subscribed(self, tr_id: str, tr_key: str = SYMBOL) -> Stream:
        """Return a socket that has its registration acked."""
        stream = await self.socket()
        ack = await stream.subscribe(tr_id, tr_key)
        assert ack["msg_cd"] == "OPSP0000", ack
        return stream

    async def watching_notices(self) -> Stream:
        return await self.subscribed(NOTICE_TR, SIM_HTS_ID)


class Stream:
    """One WebSocket, and what it has been sent."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse, approval_key: str) -> None:
        self.socket = socket
        self.approval_key = approval_key
        self.texts: list[str] = []
        self.keys: tuple[str, str] = ("", "")

    async def read(self, wait_s: float = 5.0) -> str:
        """Return the next text. Raises TimeoutError, or ConnectionError when the socket ends."""
        message = await asyncio.wait_for(self.socket.receive(), wait_s)
        if message.type is not aiohttp.WSMsgType.TEXT:
            raise ConnectionError(message.type.name)
        self.texts.append(message.data)
        return str(message.data)

    async def next(self, wanted: str, wait_s: float = 5.0) -> str:
        """Return the next text that holds something."""
        async with asyncio.timeout(wait_s):
            while wanted not in (text := await self.read()):
                pass
            return text

    async def rest(self, wait_s: float = 0.25) -> list[str]:
        """Return all that comes until nothing has come for a while."""
        got = []
        with contextlib.suppress(TimeoutError):
            while True:
                got.append(await self.read(wait_s))
        return got

    async def ask(self, tr_id: str, tr_key: str, tr_type: str = "1") -> None:
        header = {"approval_key": self.approval_key, "custtype": "P", "tr_type": tr_type}
        body = {"input": {"tr_id": tr_id, "tr_key": tr_key}}
        await self.socket.send_json({"header": header, "body": body})

    async def subscribe(self, tr_id: str, tr_key: str) -> dict[str, Any]:
        """Register and return the body of the ack."""
        await self.ask(tr_id, tr_key)
        ack = json.loads(await self.next('"rt_cd"'))["body"]
        if "output" in ack:
            self.keys = (ack["output"]["key"], ack["output"]["iv"])
        return dict(ack)

    def notice(self, frame: str) -> list[str]:
        """Return the decrypted values of a notice frame. Raises ValueError on what is none."""
        flag, _, count, payload = frame.split("|", 3)
        assert (flag, count) == ("1", "001")
        key, iv = self.keys
        decryptor = Cipher(algorithms.AES(key.encode()), modes.CBC(iv.encode())).decryptor()
        plain = decryptor.update(b64decode(payload, validate=True)) + decryptor.finalize()
        return plain[: -plain[-1]].decode().split("^")


@contextlib.asynccontextmanager
async def bench(**settings: Any) -> AsyncIterator[Bench]:
    server = await sim.start(**{"calls_per_s": 0, "activity": 0.0, **settings})
    try:
        async with aiohttp.ClientSession() as http:
            one = Bench(server, http)
            if not settings.get("tls") and not settings.get("faults"):
                await one.login()
            yield one
    finally:
        await server.close()

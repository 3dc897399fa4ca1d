"""Run a whole trading day in memory with every realtime TR registered, and keep the frames."""

from __future__ import annotations

import json
from random import Random

from aegis_fast.kis import tr
from aegis_fast.kis.profile import SIM_ACCOUNT, SIM_APPKEY, SIM_APPSECRET, SIM_HTS_ID
from aegis_fast.sim.broker import Broker
from aegis_fast.sim.calls.answers import Request
from aegis_fast.sim.market.rules import issues
from tests.contracts.frame_contract import Follow
from tests.unit.sim.sim_harness import decrypted

SECOND = 1_000_000_000
# 2026-11-23, a Monday, 00:00 KST.
MIDNIGHT_NS = 1_795_359_600 * SECOND
SYMBOLS = ("005930", "069500", "57JN53")
STREAMS = [
    *((tr_id, "005930") for tr_id in ("H0STCNT0", "H0NXCNT0", "H0UNCNT0")),
    *((tr_id, "005930") for tr_id in ("H0STASP0", "H0NXASP0", "H0UNASP0")),
    *((tr_id, "005930") for tr_id in ("H0STANC0", "H0NXANC0", "H0UNANC0")),
    *((tr_id, "005930") for tr_id in ("H0STMKO0", "H0NXMKO0", "H0UNMKO0")),
    *((tr_id, "005930") for tr_id in ("H0STPGM0", "H0STOUP0", "H0STOAC0", "H0STOAA0")),
    *((tr_id, "57JN53") for tr_id in ("H0EWCNT0", "H0EWASP0", "H0EWANC0")),
    *((tr_id, "0001") for tr_id in ("H0UPCNT0", "H0UPANC0")),
    *((tr_id, "DNASAAPL") for tr_id in ("HDFSCNT0", "HDFSASP0")),
    ("H0STCNI0", SIM_HTS_ID),
    ("H0GSCNI0", SIM_HTS_ID),
    ("H0STCNT0", "069500"),
    ("H0STASP0", "069500"),
]


def at(hhmmss: str) -> int:
    """Return the market time of a time of the day."""
    return (
        MIDNIGHT_NS + (int(hhmmss[:2]) * 3_600 + int(hhmmss[2:4]) * 60 + int(hhmmss[4:])) * SECOND
    )


class Day:
    """A broker with real hours, and one socket that hears everything."""

    def __init__(self, start: str, *, activity: float = 1.0, seed: int = 1) -> None:
        self.broker = Broker(
            start_ns=at(start),
            entropy=Random(7),
            profile="real",
            seed=seed,
            calls_per_s=0,
            activity=activity,
            hours="day",
            listed=tuple(issue for issue in issues() if issue.symbol in SYMBOLS),
        )
        self.now_ns = at(start)
        self.frames: list[str] = []
        self.acks: dict[tuple[str, str], dict] = {}
        self.keys: dict[str, tuple[str, str]] = {}
        self.session = self.broker.hub.open(self._take, "127.0.0.1", self.now_ns)
        self._token = ""
        self._approval = self._post("Approval", secretkey=SIM_APPSECRET)["approval_key"]
        for stream in STREAMS:
            self.register(*stream)

    def _post(self, what: str, **more: str) -> dict:
        body = {"grant_type": "client_credentials", "appkey": SIM_APPKEY} | more
        raw = json.dumps(body).encode()
        request = Request("POST", f"/oauth2/{what}", {}, {}, raw, "127.0.0.1")
        return json.loads(self.broker.call(request, self.now_ns, self.now_ns).body)

    def _take(self, wire: bytes) -> None:
        text = wire.decode()
        if not text.startswith("{"):
            self.frames.append(text)
            return
        message = json.loads(text)
        header = message["header"]
        if header["tr_id"] == "PINGPONG":
            return
        self.acks[header["tr_id"], header["tr_key"]] = message
        output = message["body"].get("output")
        if output:
            self.keys[header["tr_id"]] = (output["key"], output["iv"])

    def register(self, tr_id: str, tr_key: str, tr_type: str = "1") -> None:
        header = {"approval_key": self._approval, "custtype": "P", "tr_type": tr_type}
        body = {"input": {"tr_id": tr_id, "tr_key": tr_key}}
        text = json.dumps({"header": header, "body": body})
        self.broker.on_text(self.session, text, self.now_ns, self.now_ns)

    def to(self, time: str, *, activity: float | None = None) -> None:
        """Let the market go on until a time of the day."""
        if activity is not None:
            self.broker.world.crowd.activity = activity
        self.now_ns = at(time)
        self.broker.advance(self.now_ns, self.now_ns)

    def order(self, side: str, qty: int, price_krw: int, kind: str = "00", **more: str) -> dict:
        """Place an order of the first account; return the answer."""
        body = {
            "CANO": SIM_ACCOUNT[:8],
            "ACNT_PRDT_CD": SIM_ACCOUNT[8:],
            "PDNO": "005930",
            "ORD_DVSN": kind,
            "ORD_QTY": str(qty),
            "ORD_UNPR": str(price_krw),
        } | more
        if not self._token:
            self._token = self._post("tokenP", appsecret=SIM_APPSECRET)["access_token"]
        call = tr.call("order-cash")
        headers = {
            "authorization": f"Bearer {self._token}",
            "appkey": SIM_APPKEY,
            "appsecret": SIM_APPSECRET,
            "tr_id": call.tr_id("real", side),
            "custtype": "P",
        }
        raw = json.dumps(body).encode()
        request = Request("POST", call.path, headers, {}, raw, "127.0.0.1")
        return json.loads(self.broker.call(request, self.now_ns, self.now_ns).body)

    def plain(self) -> list[str]:
        """Return all frames, notices decrypted."""
        texts = []
        for frame in self.frames:
            if frame.startswith("1|"):
                tr_id = frame.split("|")[1]
                values = decrypted(frame, *self.keys[tr_id])
                frame = f"0|{tr_id}|001|{'^'.join(values)}"
            texts.append(frame)
        return texts

    def checked(self) -> Follow:
        """Hold every frame to the contract."""
        follow = Follow()
        for frame in self.plain():
            follow.take(frame)
        return follow

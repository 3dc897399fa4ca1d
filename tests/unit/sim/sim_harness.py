"""Drive a simulated broker in memory: no sockets, a clock that moves when told."""

from __future__ import annotations

import json
from base64 import b64decode
from random import Random

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from aegis_fast.kis import tr
from aegis_fast.kis.profile import SIM_ACCOUNT, SIM_APPKEY, SIM_APPSECRET, SIM_HTS_ID
from aegis_fast.sim.broker import Broker
from aegis_fast.sim.calls.answers import Answer, Request
from aegis_fast.sim.desk.account import AccountSpec
from aegis_fast.sim.market.rules import Issue

# 2026-11-23 10:00:00 KST, a Monday.
START_NS = 1_795_395_600 * 1_000_000_000
MS = 1_000_000
SECOND = 1_000_000_000
FIRST_TOKEN = {"grant_type": "client_credentials", "appkey": SIM_APPKEY, "appsecret": SIM_APPSECRET}


def spec(**changes: object) -> AccountSpec:
    fields = {
        "account": SIM_ACCOUNT,
        "appkey": SIM_APPKEY,
        "appsecret": SIM_APPSECRET,
        "hts_id": SIM_HTS_ID,
    }
    return AccountSpec(**(fields | changes))


def issue(symbol: str = "005930", base_krw: int = 70_000, kind: str = "stock") -> Issue:
    return Issue(
        symbol=symbol,
        name="시험",
        name_en="Test",
        market="KOSPI",
        kind=kind,
        base_krw=base_krw,
        listed_shares=1_000_000_000,
        daily_qty=10_000_000,
        trades_per_s=3,
        sector="시험",
    )


def decrypted(frame: str, key: str, iv: str) -> list[str]:
    """Return the values of an encrypted notice frame."""
    flag, _, count, payload = frame.split("|", 3)
    assert (flag, count) == ("1", "001")
    decryptor = Cipher(algorithms.AES(key.encode()), modes.CBC(iv.encode())).decryptor()
    plain = decryptor.update(b64decode(payload)) + decryptor.finalize()
    return plain[: -plain[-1]].decode().split("^")


class Socket:
    """One WebSocket client."""

    def __init__(self, bench: Bench, approval_key: str) -> None:
        self.bench = bench
        self.approval_key = approval_key
        self.texts: list[str] = []
        self.keys: dict[str, tuple[str, str]] = {}
        self.session = bench.broker.hub.open(self._take, "127.0.0.1", bench.now_ns)

    def _take(self, wire: bytes) -> None:
        self.texts.append(wire.decode())

    def say(self, text: str) -> None:
        self.bench.broker.on_text(self.session, text, self.bench.now_ns, self.bench.real_ns)

    def ask(self, tr_id: str, tr_key: str, tr_type: str = "1", **header: str) -> dict:
        """Send a registration and return its ack."""
        head = {"approval_key": self.approval_key, "custtype": "P", "tr_type": tr_type}
        body = {"input": {"tr_id": tr_id, "tr_key": tr_key}}
        before = len(self.texts)
        self.say(json.dumps({"header": head | header, "body": body}))
        ack = json.loads(self.texts[before])
        if ack["body"]["msg_cd"] == "OPSP0000":
            output = ack["body"]["output"]
            self.keys[tr_id] = (output["key"], output["iv"])
        return ack

    def code(self, tr_id: str, tr_key: str, tr_type: str = "1", **header: str) -> str:
        return self.ask(tr_id, tr_key, tr_type, **header)["body"]["msg_cd"]

    def frames(self, tr_id: str) -> list[str]:
        return [text for text in self.texts if text[1:].startswith(f"|{tr_id}|")]

    def notices(self, tr_id: str = "H0STCNI0") -> list[dict[str, str]]:
        """Return the decrypted notices by field name (26-value form)."""
        names = tr.realtime()[tr_id].fields
        rows = [decrypted(frame, *self.keys[tr_id]) for frame in self.frames(tr_id)]
        return [dict(zip(names, row, strict=True)) for row in rows]


class Bench:
    """A broker, its clock and a customer who knows his keys."""

    def __init__(self, *, start_ns: int = START_NS, entropy: int = 7, **settings: object) -> None:
        self.now_ns = start_ns
        self.door_lead_ns = 0  # By which the door's time is ahead of the market's.
        settings = {"calls_per_s": 0, "activity": 0.0, **settings}
        self.broker = Broker(start_ns=start_ns, entropy=Random(entropy), **settings)  # type: ignore[arg-type]
        self.token = ""

    @property
    def real_ns(self) -> int:
        return self.now_ns + self.door_lead_ns

    @property
    def environment(self) -> str:
        return self.broker.rules.kis.environment

    def send(self, method: str, path: str, *, headers=None, query=None, body=b"") -> Answer:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        request = Request(method, path, headers or {}, query or {}, raw, "10.0.0.9")
        return self.broker.call(request, self.now_ns, self.real_ns)

    def login(self) -> str:
        if not self.token:
            answer = self.send("POST", "/oauth2/tokenP", body=FIRST_TOKEN)
            self.token = json.loads(answer.body)["access_token"]
        return self.token

    def headers(self, tr_id: str, **more: str) -> dict[str, str]:
        return {
            "authorization": f"Bearer {self.login()}",
            "appkey": SIM_APPKEY,
            "appsecret": SIM_APPSECRET,
            "tr_id": tr_id,
            "custtype": "P",
        } | more

    def call(self, call_id: str, params: dict[str, str], variant: str = "", **head: str) -> dict:
        """Make a call as a client does and return its JSON body, headers under "_"."""
        call = tr.call(call_id)
        headers = self.headers(call.tr_id(self.environment, variant), **head)
        if call.method == "GET":
            answer = self.send("GET", call.path, headers=headers, query=params)
        else:
            answer = self.send("POST", call.path, headers=headers, body=params)
        return json.loads(answer.body) | {"_": answer}

    def quote(self, call_id: str, symbol: str = "005930", **more: str) -> dict:
        params = {"FID_COND_MRKT_DIV_CODE": "J", "FID_INPUT_ISCD": symbol}
        return self.call(call_id, params | more)

    def order(self, side: str, qty: int, price: int = 0, kind: str = "", **more: str) -> dict:
        """Place an order: limit with a price, else market."""
        params = {
            "CANO": "50000000",
            "ACNT_PRDT_CD": "01",
            "PDNO": "005930",
            "ORD_DVSN": kind or ("00" if price else "01"),
            "ORD_QTY": str(qty),
            "ORD_UNPR": str(price),
        }
        return self.call("order-cash", params | more, side)

    def change(self, odno: str, *, cancel: bool, qty: int = 0, price: int = 0, **more: str) -> dict:
        """Amend or cancel; qty 0 means all."""
        params = {
            "CANO": "50000000",
            "ACNT_PRDT_CD": "01",
            "KRX_FWDG_ORD_ORGNO": "91252",
            "ORGN_ODNO": odno,
            "ORD_DVSN": "00",
            "RVSE_CNCL_DVSN_CD": "02" if cancel else "01",
            "ORD_QTY": str(qty),
            "ORD_UNPR": str(price),
            "QTY_ALL_ORD_YN": "N" if qty else "Y",
        }
        return self.call("order-rvsecncl", params | more)

    def day_orders(self, tr_cont: str = "", **more: str) -> dict:
        params = {
            "CANO": "50000000",
            "ACNT_PRDT_CD": "01",
            "INQR_STRT_DT": "20261123",
            "INQR_END_DT": "20261123",
            "SLL_BUY_DVSN_CD": "00",
            "PDNO": "",
            "ORD_GNO_BRNO": "",
            "ODNO": "",
            "CCLD_DVSN": "00",
            "INQR_DVSN": "00",
            "INQR_DVSN_1": "",
            "INQR_DVSN_3": "00",
            "EXCG_ID_DVSN_CD": "ALL",
            "CTX_AREA_FK100": "",
            "CTX_AREA_NK100": "",
        }
        return self.call("inquire-daily-ccld", params | more, "within_3_months", tr_cont=tr_cont)

    def open_orders(self, **more: str) -> dict:
        params = {
            "CANO": "50000000",
            "ACNT_PRDT_CD": "01",
            "INQR_DVSN_1": "0",
            "INQR_DVSN_2": "0",
            "CTX_AREA_FK100": "",
            "CTX_AREA_NK100": "",
        }
        return self.call("inquire-psbl-rvsecncl", params | more)

    def balance(self, tr_cont: str = "", **more: str) -> dict:
        params = {
            "CANO": "50000000",
            "ACNT_PRDT_CD": "01",
            "AFHR_FLPR_YN": "N",
            "OFL_YN": "",
            "INQR_DVSN": "02",
            "UNPR_DVSN": "01",
            "FUND_STTL_ICLD_YN": "N",
            "FNCG_AMT_AUTO_RDPT_YN": "N",
            "PRCS_DVSN": "00",
            "CTX_AREA_FK100": "",
            "CTX_AREA_NK100": "",
        }
        return self.call("inquire-balance", params | more, tr_cont=tr_cont)

    def buying_power(self, price: int = 0, symbol: str = "005930") -> dict:
        params = {
            "CANO": "50000000",
            "ACNT_PRDT_CD": "01",
            "PDNO": symbol,
            "ORD_UNPR": str(price) if price else "",
            "ORD_DVSN": "00" if price else "01",
            "CMA_EVLU_AMT_ICLD_YN": "N",
            "OVRS_ICLD_YN": "N",
        }
        return self.call("inquire-psbl-order", params)

    def approval(self, appkey: str = SIM_APPKEY, secret: str = SIM_APPSECRET) -> str:
        body = {"grant_type": "client_credentials", "appkey": appkey, "secretkey": secret}
        return json.loads(self.send("POST", "/oauth2/Approval", body=body).body)["approval_key"]

    def socket(self) -> Socket:
        return Socket(self, self.approval())

    def move(self, span_ns: int, step_ns: int = 10 * MS) -> None:
        """Let time pass."""
        end = self.now_ns + span_ns
        while self.now_ns < end:
            self.now_ns = min(self.now_ns + step_ns, end)
            self.broker.step(self.now_ns, self.real_ns)

    @property
    def book(self):
        return self.broker.exchange.books["005930"]

    @property
    def account(self):
        return self.broker.accounts[SIM_ACCOUNT]

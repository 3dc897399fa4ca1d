"""A simulator on a loop in a thread of its own, for a browser to look at."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from aegis_fast import sim
from aegis_fast.kis.profile import SIM_APPKEY, SIM_APPSECRET
from aegis_fast.sim.server import SimServer

# 2026-11-23, a Monday, 10:00 KST.
START_NS = 1_795_395_600 * 1_000_000_000


class ServedSim:
    """settings: see sim.start; the market stands still unless they say otherwise."""

    def __init__(self, **settings: Any) -> None:
        self._settings = {
            "start_ns": START_NS,
            "hours": "day",
            "is_stepped": True,
            "activity": 1.0,
            **settings,
        }
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self._token = ""
        self.server: SimServer

    def __enter__(self) -> ServedSim:
        self._thread.start()
        self.server = self._run(sim.start(**self._settings))
        return self

    def __exit__(self, *_exception: object) -> None:
        self._run(self.server.close())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(5)
        self.loop.close()

    @property
    def url(self) -> str:
        return self.server.rest_url

    def _run(self, coroutine: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(60)

    def call(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Call a function on the server's loop and wait for it."""

        async def on_loop() -> Any:
            return function(*arguments)

        return self._run(on_loop())

    def restart(self) -> None:
        """End the simulator and start another one on its port."""
        port = self.server.port
        self._run(self.server.close())
        self.server = self._run(sim.start(port=port, **self._settings))

    def send(self, path: str, body: Any = None, **headers: str) -> tuple[int, dict[str, Any]]:
        """Make a call as a client does; return the HTTP status and the JSON body."""
        raw = json.dumps(body).encode() if body is not None else None
        request = Request(self.url + path, raw, {"content-type": "application/json", **headers})
        try:
            with urlopen(request, timeout=10) as response:
                return response.status, json.load(response)
        except HTTPError as error:
            with error:
                return error.code, json.load(error)

    def _headers(self, tr_id: str) -> dict[str, str]:
        keys = {"appkey": SIM_APPKEY, "appsecret": SIM_APPSECRET}
        if not self._token:
            asked = {"grant_type": "client_credentials", **keys}
            self._token = self.send("/oauth2/tokenP", asked)[1]["access_token"]
        return {"authorization": f"Bearer {self._token}", "tr_id": tr_id, **keys}

    def price(self, symbol: str = "005930") -> tuple[int, dict[str, Any]]:
        """Ask for a price."""
        path = "/uapi/domestic-stock/v1/quotations/inquire-price"
        query = f"?FID_COND_MRKT_DIV_CODE=J&FID_INPUT_ISCD={symbol}"
        return self.send(path + query, **self._headers("FHKST01010100"))

    def buy(self, qty: int) -> dict[str, Any]:
        """Buy at the market."""
        body = {
            "CANO": "50000000",
            "ACNT_PRDT_CD": "01",
            "PDNO": "005930",
            "ORD_DVSN": "01",
            "ORD_QTY": str(qty),
            "ORD_UNPR": "0",
        }
        path = "/uapi/domestic-stock/v1/trading/order-cash"
        return self.send(path, body, **self._headers("TTTC0012U"))[1]

"""Run `aegis sim` as a user does, and reach its control pages."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, time, timedelta, timezone
from typing import Any

from aegis_fast import sim
from aegis_fast.sim.server import SimServer

__all__ = ["OPTIONS", "Simulator", "simulator", "simulator_inside"]

KST = timezone(timedelta(hours=9))

_READY = re.compile(r"^aegis sim ready (http://127\.0\.0\.1:\d+) (ws://127\.0\.0\.1:\d+)/tryitout ")
# Loopback never goes through a proxy, whatever the environment says.
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def late_morning() -> str:
    """Return 11:00 of today (KST), as --start reads it.

    The clients take their own clock for today's date and for a token's rest of life, but the hours
    of a trading day should not depend on when the tests run.
    """
    return datetime.combine(datetime.now(KST), time(11)).isoformat()


# The clients' own limiters stay as they are.
OPTIONS = ("--calls-per-s", "0", "--start", late_morning(), "--hours", "open")


@dataclass(frozen=True)
class Simulator:
    """A running simulator. rest_url, ws_url: without a path, as clients keep their hosts."""

    rest_url: str
    ws_url: str

    def control(self, method: str, name: str, body: object = None) -> Any:
        """Call /_sim/<name>."""
        request = urllib.request.Request(
            f"{self.rest_url}/_sim/{name}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
        )
        with _OPENER.open(request, timeout=40) as answer:
            return json.load(answer)

    def pass_a_minute(self) -> None:
        """Put the clock forward, so that another token may be asked for."""
        self.control("POST", "clock", {"door_ms": 61_000})

    def trade(self, symbol: str, side: str, qty: int, price: int = 0) -> int:
        """Let a stranger trade; return how many shares changed hands."""
        body = {"symbol": symbol, "side": side, "qty": qty, "price": price}
        return int(self.control("POST", "market", body)["traded_qty"])

    def issue(self, symbol: str) -> dict[str, Any]:
        """Return what /_sim/state knows about an issue."""
        rows = self.control("GET", "state")["symbols"]
        return dict(next(row for row in rows if row["symbol"] == symbol))

    def orders(self) -> list[dict[str, Any]]:
        """Return the ledger's orders."""
        return list(self.control("GET", "ledger?calls=0")["orders"])

    def calls(self) -> list[dict[str, Any]]:
        """Return the REST calls that arrived, oldest first."""
        return list(self.control("GET", "ledger")["calls"])


@contextlib.contextmanager
def simulator(*options: str) -> Iterator[Simulator]:
    """Start `aegis sim` on a free port with these options; end it afterwards."""
    command = [sys.executable, "-m", "aegis_fast.cli", "sim", "--port", "0", *options]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8"
    )
    with process:
        assert process.stdout is not None
        assert process.stderr is not None
        try:
            lines: list[str] = []
            while not lines or (found := _READY.match(lines[-1])) is None:
                line = process.stdout.readline()
                if not line:
                    raise AssertionError(f"{command}: {''.join(lines)}{process.stderr.read()}")
                lines.append(line)
            yield Simulator(found[1], found[2])
        finally:
            process.terminate()
            process.communicate(timeout=40)


@contextlib.contextmanager
def simulator_inside(**settings: Any) -> Iterator[Simulator]:
    """Start a simulator in a thread of this process. settings: see aegis_fast.sim.start."""
    started: list[SimServer | Exception] = []
    is_ready, is_over = threading.Event(), threading.Event()

    async def serve() -> None:
        start_ns = int(datetime.fromisoformat(f"{late_morning()}+09:00").timestamp()) * 10**9
        server = await sim.start(**{"calls_per_s": 0, "start_ns": start_ns, **settings})
        try:
            started.append(server)
            is_ready.set()
            await asyncio.to_thread(is_over.wait)
        finally:
            await server.close()

    def run() -> None:
        try:
            asyncio.run(serve())
        except Exception as error:  # noqa: BLE001  (raised again where the test waits)
            started.append(error)
            is_ready.set()

    thread = threading.Thread(target=run, name="simulator")
    thread.start()
    try:
        assert is_ready.wait(20), "the simulator did not start"
        if not isinstance(started[0], SimServer):
            raise started[0]
        port = started[0].port
        yield Simulator(f"http://127.0.0.1:{port}", f"ws://127.0.0.1:{port}")
    finally:
        is_over.set()
        thread.join(20)

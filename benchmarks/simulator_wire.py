"""Measure the simulator on the wire: a quote call, and 50 sockets with 200 frames a second each.

    python -m benchmarks.simulator_wire [--deflate no-context] [--seconds 10]

The simulator is a process of its own on loopback, this process is all its clients. Latency is from
the first byte sent to the last one read over one kept connection; CPU is what the simulator's
process used, user and system, over the measured seconds. Bounded: 2,000 calls, 50 sockets, a
minute at most.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from aegis_fast.kis.profile import SIM_APPKEY, SIM_APPSECRET
from benchmarks.wire_client import FrameProtocol, registration

CALLS = 2_000
WARM_UP = 200
SOCKETS = 50
SYMBOLS = 20  # Trades and books of each, and the notice: 41 registrations.
WANTED_PER_S = 200
MAX_SECONDS = 60
PROGRAM = """
from aegis_fast import sim
from aegis_fast.sim.desk.account import AccountSpec
from aegis_fast.kis.profile import SIM_APPKEY, SIM_APPSECRET
from benchmarks.wire_client import FrameProtocol, registration
accounts = [
    AccountSpec(f"5{{n:09d}}", SIM_APPKEY + str(n), SIM_APPSECRET, f"id{{n}}")
    for n in range({count})
]
sim.run(
    port=0, calls_per_s=0, accounts=accounts, activity={activity}, deflate={deflate!r},
    stamp={stamp},
)
"""


@dataclass(frozen=True)
class Simulator:
    """A running simulator and where it is."""

    pid: int
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def cpu_s(self) -> float:
        """Return the CPU time its process has used."""
        fields = Path(f"/proc/{self.pid}/stat").read_text("ascii").rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def resident_mb(self) -> float:
        """Return its memory."""
        pages = int(Path(f"/proc/{self.pid}/statm").read_text("ascii").split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 1e6

    def ask(self, method: str, path: str, body: object = None) -> dict[str, object]:
        """Make one call that is not measured."""
        data = json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(self.url + path, data, method=method)
        request.add_header("Content-Type", "application/json")
        with urllib.request.urlopen(request, timeout=10) as answer:
            return dict(json.load(answer))


@contextmanager
def simulator(
    activity: float, deflate: str = "off", *, is_stamped: bool = False
) -> Iterator[Simulator]:
    """Run a simulator with SOCKETS customers. is_stamped: frames tell when they were sent."""
    program = PROGRAM.format(count=SOCKETS, activity=activity, deflate=deflate, stamp=is_stamped)
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        try:
            yield Simulator(
                process.pid, int(process.stdout.readline().split()[3].rsplit(":", 1)[1])
            )
        finally:
            process.terminate()


def quote_latency(target: Simulator) -> list[float]:
    """Return the ms of CALLS quote calls, sorted."""
    keys = {"grant_type": "client_credentials", "appkey": SIM_APPKEY + "0"}
    token = target.ask("POST", "/oauth2/tokenP", {**keys, "appsecret": SIM_APPSECRET})
    request = (
        "GET /uapi/domestic-stock/v1/quotations/inquire-price"
        "?FID_COND_MRKT_DIV_CODE=J&FID_INPUT_ISCD=005930 HTTP/1.1\r\nHost: localhost\r\n"
        f"authorization: Bearer {token['access_token']}\r\nappkey: {keys['appkey']}\r\n"
        f"appsecret: {SIM_APPSECRET}\r\ntr_id: FHKST01010100\r\ncusttype: P\r\n"
        "content-type: application/json; charset=utf-8\r\n\r\n"
    ).encode()
    taken: list[float] = []
    with socket.create_connection(("127.0.0.1", target.port), timeout=10) as line:
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for _ in range(WARM_UP + CALLS):
            began = time.perf_counter()
            line.sendall(request)
            answer = _read_answer(line)
            taken.append((time.perf_counter() - began) * 1e3)
            assert b'"rt_cd":"0"' in answer, answer[:300]
            time.sleep(0.000_2)  # A client thinks; without it the market would never get a turn.
    return sorted(taken[WARM_UP:])


def _read_answer(line: socket.socket) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data:
        data += line.recv(65_536)
    head, _, body = data.partition(b"\r\n\r\n")
    size = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
    while len(body) < size:
        body += line.recv(65_536)
    return body


class Reader(FrameProtocol):
    """A client's socket that counts its frames and bytes."""

    def __init__(self, texts: list[bytes], more: str = "") -> None:
        super().__init__(texts, self._count, more=more)
        self.frames = 0

    def _count(self, _: bytes) -> None:
        self.frames += 1


def registrations(
    target: Simulator, symbols_of: Callable[[int], list[str]], *, with_notices: bool = False
) -> list[list[bytes]]:
    """Return what each customer's socket has to send for trades and books of its symbols."""
    found = []
    for number in range(SOCKETS):
        keys = {"grant_type": "client_credentials", "appkey": f"{SIM_APPKEY}{number}"}
        answer = target.ask("POST", "/oauth2/Approval", {**keys, "secretkey": SIM_APPSECRET})
        wanted = [(tr, s) for s in symbols_of(number) for tr in ("H0STCNT0", "H0STASP0")]
        if with_notices:
            wanted.append(("H0STCNI0", f"id{number}"))
        key = str(answer["approval_key"])
        found.append([registration(key, tr_id, tr_key) for tr_id, tr_key in wanted])
    return found


def stocks(target: Simulator) -> list[str]:
    """Return the listed stocks."""
    rows = target.ask("GET", "/_sim/state")["symbols"]
    assert isinstance(rows, list)
    return [row["symbol"] for row in rows if row["kind"] == "stock"]


async def open_readers(
    target: Simulator, texts: list[list[bytes]], deflate: str = "off"
) -> list[Reader]:
    """Connect every customer."""
    loop = asyncio.get_running_loop()
    more = "" if deflate == "off" else "Sec-WebSocket-Extensions: permessage-deflate\r\n"
    readers = []
    for own in texts:
        reader = Reader(own, more)
        await loop.create_connection(lambda one=reader: one, "127.0.0.1", target.port)
        readers.append(reader)
    return readers


async def find_activity(target: Simulator, readers: list[Reader], activity: float) -> float:
    """Set and return the crowd's activity at which a socket gets about WANTED_PER_S frames."""
    for _ in range(3):
        target.ask("POST", "/_sim/market", {"activity": round(activity, 2)})
        before = sum(reader.frames for reader in readers)
        await asyncio.sleep(1.5)
        rate = (sum(reader.frames for reader in readers) - before) / 1.5 / SOCKETS
        activity = min(100.0, max(0.05, activity * WANTED_PER_S / max(rate, 1.0)))
    target.ask("POST", "/_sim/market", {"activity": round(activity, 2)})
    return activity


@dataclass(frozen=True)
class Load:
    """What the sockets got and what it cost. cores: CPU seconds a second."""

    activity: float
    frames_per_s: float
    bytes_per_s: float
    cores: float
    resident_mb: float


async def _load(target: Simulator, activity: float, seconds: float, deflate: str) -> Load:
    symbols = stocks(target)[:SYMBOLS]
    texts = registrations(target, lambda _: symbols, with_notices=True)
    readers = await open_readers(target, texts, deflate)
    activity = await find_activity(target, readers, activity)
    await asyncio.sleep(0.5)
    before = sum(reader.frames for reader in readers)
    sent = sum(reader.bytes for reader in readers)
    began, cpu = time.perf_counter(), target.cpu_s()
    await asyncio.sleep(seconds)
    passed, used = time.perf_counter() - began, target.cpu_s() - cpu
    assert not any(reader.lost for reader in readers), "a socket was cut"
    frames = sum(reader.frames for reader in readers) - before
    sent = sum(reader.bytes for reader in readers) - sent
    for reader in readers:
        reader.transport.close()
    return Load(
        activity,
        frames / passed / SOCKETS,
        sent / passed / SOCKETS,
        used / passed,
        target.resident_mb(),
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--deflate", choices=("off", "context", "no-context"), default="off")
    chosen = parser.parse_args()
    seconds = min(max(1.0, chosen.seconds), MAX_SECONDS)
    with simulator(1.0) as target:
        taken = quote_latency(target)
    with simulator(1.0, chosen.deflate) as target:
        load = asyncio.run(_load(target, 1.0, seconds, chosen.deflate))
    print(f"{platform.python_implementation()} {platform.python_version()}, {os.cpu_count()} CPUs")
    print(f"load average           {os.getloadavg()[0]:8.1f}      (of everything on this machine)")
    for percentile in (50, 90, 99):
        value = taken[len(taken) * percentile // 100]
        print(f"quote call p{percentile:<3}        {value:8.3f} ms   ({CALLS} calls)")
    print(f"sockets                {SOCKETS:5d}      {2 * SYMBOLS + 1} registrations each")
    print(f"frames a socket        {load.frames_per_s:8.1f} /s  (activity {load.activity:.2f})")
    print(f"bytes a socket         {load.bytes_per_s / 1e3:8.1f} kB/s (deflate {chosen.deflate})")
    print(f"simulator CPU          {load.cores:8.2f} cores")
    print(f"simulator memory       {load.resident_mb:8.1f} MB")


if __name__ == "__main__":
    main()

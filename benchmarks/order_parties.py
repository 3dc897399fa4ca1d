"""Play the other processes of benchmarks.order_path: the feed, and a caller of the API.

    python -m benchmarks.order_parties feed            commands on stdin: SYMBOL RATE steady|random
    python -m benchmarks.order_parties call URL TOKEN SYMBOL PRICE COUNT RATE

Each message carries the moment of its sending (ns since the epoch, one clock for all processes of
a machine): a frame in its ACML_TR_PBMN, a call in its client_order_id.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import heapq
import json
import os
import random
import select
import socket
import sys
import time
from urllib.parse import urlsplit

from benchmarks import corpus

_SYMBOL, _STAMP = 0, 14
_ACCEPT_SALT = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_LOST_NS = 20_000_000


def feed() -> None:
    """Serve one realtime client on a free port: ack what it registers, send stamped trades."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        print(listener.getsockname()[1], flush=True)
        client, _ = listener.accept()
    with client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        _shake_hands(client)
        _Pacer(client).run()


class _Pacer:
    """Send every symbol's trades at its rate, each at its own moment."""

    def __init__(self, client: socket.socket) -> None:
        self._client = client
        self._unread = b""
        self._due: list[tuple[int, str]] = []
        self._rates: dict[str, tuple[int, bool]] = {}
        self._rng = random.Random(corpus.SEED)
        template = corpus.trades()[0].decode().split("|", 3)
        self._values = template[3].split("^")

    def run(self) -> None:
        while True:
            wait_s = (self._due[0][0] - time.time_ns()) / 1e9 if self._due else None
            # Wake early and spin: a sleep ends 50 us late.
            wait_s = None if wait_s is None else max(0.0, wait_s - 0.0002)
            ready, _, _ = select.select([self._client, sys.stdin], [], [], wait_s)
            if sys.stdin in ready and not self._obey(os.read(0, 4096)):
                return
            if self._client in ready and not self._acknowledge():
                return
            self._send_due()

    def _obey(self, commands: bytes) -> bool:
        for line in commands.decode().splitlines():
            symbol, rate_per_s, how = line.split()
            self._due = [entry for entry in self._due if entry[1] != symbol]
            heapq.heapify(self._due)
            if int(rate_per_s):
                self._rates[symbol] = int(rate_per_s), how == "random"
                heapq.heappush(self._due, (time.time_ns(), symbol))
        return bool(commands)

    def _send_due(self) -> None:
        if not self._due or self._due[0][0] - time.time_ns() > 200_000:
            return
        due_ns, symbol = self._due[0]
        while (now_ns := time.time_ns()) < due_ns:
            pass
        rate_per_s, is_random = self._rates[symbol]
        gap_ns = 10**9 // rate_per_s
        if is_random:
            gap_ns = int(self._rng.expovariate(rate_per_s) * 1e9)
        # What this process slept through is not made up for in a burst.
        next_ns = due_ns + gap_ns if now_ns - due_ns < _LOST_NS else now_ns + gap_ns
        heapq.heapreplace(self._due, (next_ns, symbol))
        self._values[_SYMBOL] = symbol
        self._values[_STAMP] = str(time.time_ns())
        with contextlib.suppress(ConnectionError):
            self._client.sendall(_frame(f"0|H0STCNT0|001|{'^'.join(self._values)}".encode()))

    def _acknowledge(self) -> bool:
        try:
            chunk = self._client.recv(65_536)
        except ConnectionResetError:
            return False  # The engine has closed in the midst of the trades.
        self._unread += chunk
        while (message := self._next_message()) is not None:
            if not message.startswith(b"{"):
                continue
            wanted = json.loads(message)["body"]["input"]
            answer = {
                "header": {"tr_id": wanted["tr_id"], "tr_key": wanted["tr_key"], "encrypt": "N"},
                "body": {
                    "rt_cd": "0",
                    "msg_cd": "OPSP0000",
                    "msg1": "SUBSCRIBE SUCCESS",
                    "output": {"iv": "0123456789abcdef", "key": "0123456789abcdef" * 2},
                },
            }
            self._client.sendall(_frame(json.dumps(answer).encode()))
        return bool(chunk)

    def _next_message(self) -> bytes | None:
        """Take one masked client frame of less than 64 KiB off what was read."""
        data = self._unread
        if len(data) < 2:
            return None
        size, start = data[1] & 0x7F, 2
        if size == 126:
            size, start = int.from_bytes(data[2:4], "big"), 4
        end = start + 4 + size
        if len(data) < end:
            return None
        mask, payload = data[start : start + 4], data[start + 4 : end]
        self._unread = data[end:]
        return bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload))


def _frame(payload: bytes) -> bytes:
    size = len(payload)
    head = bytes([0x81, size]) if size < 126 else b"\x81\x7e" + size.to_bytes(2, "big")
    return head + payload


def _shake_hands(client: socket.socket) -> None:
    request = b""
    while b"\r\n\r\n" not in request:
        request += client.recv(4096)
    key = next(
        line.partition(b":")[2].strip()
        for line in request.split(b"\r\n")
        if line.lower().startswith(b"sec-websocket-key")
    )
    accept = base64.b64encode(hashlib.sha1(key + _ACCEPT_SALT).digest())
    client.sendall(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
    )


def call(url: str, token: str, symbol: str, price_krw: str, count: str, rate_per_s: str) -> None:
    """Submit orders over one kept connection, paced; print the ns from call to answer."""
    where = urlsplit(url)
    assert where.hostname is not None
    assert where.port is not None
    taken_ns = []
    with socket.create_connection((where.hostname, where.port), timeout=10) as line:
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for number in range(int(count)):
            time.sleep(1 / int(rate_per_s))
            began_ns = time.time_ns()
            body = json.dumps(
                {
                    "client_order_id": f"call-{began_ns}", "symbol": symbol, "side": "buy",
                    "type": "limit", "qty": 1 + number % 40, "price_krw": int(price_krw),
                }
            ).encode()  # fmt: skip
            head = (
                f"POST /api/v3.1/orders HTTP/1.1\r\nHost: {where.netloc}\r\n"
                f"Authorization: Bearer {token}\r\nContent-Type: application/json\r\n"
                f"Content-Length: {len(body)}\r\n\r\n"
            )
            line.sendall(head.encode() + body)
            answer = _read_answer(line)
            taken_ns.append(time.time_ns() - began_ns)
            assert b" 201 " in answer[:20], answer[:400]
    print(json.dumps(taken_ns))


def _read_answer(line: socket.socket) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data:
        data += line.recv(65_536)
    head, _, body = data.partition(b"\r\n\r\n")
    size = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
    while len(body) < size:
        body += line.recv(65_536)
    return head + body


if __name__ == "__main__":
    {"feed": feed, "call": call}[sys.argv[1]](*sys.argv[2:])

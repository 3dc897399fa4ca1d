"""Send to the receivers of socket_to_strategy, from a process of its own.

Prints its port, takes `connections` WebSocket clients, reads one line of JSON, {"phases": [[begin,
end], ...], "rate_per_s": n}, and lets native/pacer.c send: evenly paced, in bursts of 50, and as
fast as the receiver takes it. Ends by itself.
"""

from __future__ import annotations

import argparse
import base64
import ctypes
import hashlib
import json
import os
import socket
import sys

import numpy as np

from aegis_fast.sim.deflate import ws_frame
from benchmarks import corpus, native

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
ACCEPT_S = 20.0
BURST = 50
BURST_GAP_NS = 10_000_000


class Messages(ctypes.Structure):
    """The struct `messages` of pacer.c."""

    _fields_ = (
        ("bytes", ctypes.c_void_p),
        ("starts", ctypes.c_void_p),
        ("each", ctypes.c_int64),
    )


def shake_hands(line: socket.socket) -> None:
    """Answer one WebSocket client's opening request."""
    head = b""
    while b"\r\n\r\n" not in head:
        piece = line.recv(4_096)
        if not piece:
            raise ConnectionError("a client left before its handshake")
        head += piece
    names = (row.partition(b":") for row in head.split(b"\r\n")[1:])
    key = next(value.strip() for name, _, value in names if name.lower() == b"sec-websocket-key")
    accept = base64.b64encode(hashlib.sha1(key + GUID, usedforsecurity=False).digest())
    line.sendall(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
    )


def accept_all(server: socket.socket, count: int) -> list[socket.socket]:
    """Take in that many clients. Raises TimeoutError when they do not come."""
    lines = []
    server.settimeout(ACCEPT_S)
    for _ in range(count):
        line, _ = server.accept()
        line.settimeout(ACCEPT_S)
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        shake_hands(line)
        lines.append(line)
    return lines


class Sender:
    """What is sent, ready before the receiver is heard."""

    def __init__(self, connections: int) -> None:
        self._library = native.library("pacer")
        self._library.pacer_paced.restype = self._library.pacer_flood.restype = ctypes.c_int64
        wires = [ws_frame(frame) for frame in corpus.lines(connections, BURST)]
        self._blob = ctypes.create_string_buffer(b"".join(wires))
        self._starts = np.cumsum([0, *map(len, wires)], dtype=np.int64)
        self._messages = Messages(ctypes.addressof(self._blob), self._starts.ctypes.data, BURST)

    def run(self, lines: list[socket.socket], phases: list[list[int]], rate_per_s: int) -> None:
        """Send all phases. Raises RuntimeError when the receiver falls behind or leaves."""
        fds = (ctypes.c_int * len(lines))(*(line.fileno() for line in lines))
        count, messages = ctypes.c_int64(len(lines)), ctypes.byref(self._messages)
        for burst, gap_ns, (begin_ns, end_ns) in zip(
            (1, BURST), (1_000_000_000 // rate_per_s, BURST_GAP_NS), phases[:2], strict=True
        ):
            numbers = map(ctypes.c_int64, (burst, gap_ns, begin_ns, end_ns))
            sent = self._library.pacer_paced(fds, count, messages, *numbers)
            if sent < 0:
                raise RuntimeError("the receiver fell behind or left")
            if sent == 0 and end_ns > begin_ns:
                raise RuntimeError("the sender came too late")
        edges = map(ctypes.c_int64, phases[2])
        if self._library.pacer_flood(fds, count, messages, *edges) < 0:
            raise RuntimeError("the receiver left")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sender", description=__doc__)
    parser.add_argument("--connections", type=int, required=True)
    parser.add_argument("--cpu", type=int, help="the core to run on")
    chosen = parser.parse_args()
    if chosen.cpu is not None:
        os.sched_setaffinity(0, {chosen.cpu})
    sender = Sender(chosen.connections)
    with socket.create_server(("127.0.0.1", 0), backlog=chosen.connections) as server:
        print(server.getsockname()[1], flush=True)
        lines = accept_all(server, chosen.connections)
    try:
        plan = json.loads(sys.stdin.readline())
        sender.run(lines, plan["phases"], plan["rate_per_s"])
    finally:
        for line in lines:
            line.close()


if __name__ == "__main__":
    main()

"""The receivers of socket_to_strategy, each in a process of its own.

    python -m benchmarks.receivers NAME MODE [--cpu N]

Reads a line {"url", "texts": [[text, ...] for each connection]}, connects, sends the texts, prints
"connected"; reads a line {"phases"}, receives until the last phase ends and prints {"messages",
"ages"} of each phase. Every message ends with the ns at which it was sent; the age is taken where a
strategy would see it. MODE is spinning (the loop never sleeps) or blocking.
"""

from __future__ import annotations

import argparse
import asyncio
import ctypes
import gc
import json
import os
import socket
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlsplit

import uvloop

from aegis_fast.engine.spin import Spinner
from benchmarks import native
from benchmarks.wire_client import FrameProtocol, masked, opening

MODES = ("spinning", "blocking")
Texts = list[list[str]]
Keep = list[Any]


def _line() -> dict[str, Any]:
    return dict(json.loads(sys.stdin.readline()))


# ---- the ways to receive; each returns what must stay alive ----


async def ours(probe: Any, url: str, texts: Texts, *, is_native: bool = False) -> Keep:
    """picows and FeedListener: parsed, booked, and a Strategy called through the bus."""
    from picows import WSMsgType, ws_connect

    from aegis_fast import Strategy
    from aegis_fast.hot import FeedListener
    from aegis_fast.hot.bus import Bus, Subscriber

    class Watching(Strategy):
        on_trade = staticmethod(probe.note_current)
        on_depth = staticmethod(probe.note_current)

    def fail(who: object, error: object) -> None:
        raise SystemExit(f"{who!r}: {error!r}")

    bus, strategy, books = Bus(fail), Watching(), {}
    subscriber = native.probe().NativeStrategy(probe)
    if not is_native:
        subscriber = Subscriber("strategy", on_trade=strategy.on_trade, on_depth=strategy.on_depth)
    bus.add(subscriber)
    kept: Keep = [bus, strategy]
    for own in texts:
        feed = FeedListener(bus=bus, books=books, on_bad_frame=fail)
        listener = native.probe().StampedListener(probe, feed)
        transport, _ = await ws_connect(lambda one=listener: one, url, enable_auto_pong=False)
        for text in own:
            transport.send(WSMsgType.TEXT, text.encode())
        kept += (transport, listener)
    return kept


async def ours_native(probe: Any, url: str, texts: Texts) -> Keep:
    """The same with a cimported subscriber instead of the Strategy."""
    return await ours(probe, url, texts, is_native=True)


async def with_aiohttp(probe: Any, url: str, texts: Texts) -> Keep:
    """aiohttp's client: the text as it comes, nothing parsed."""
    import aiohttp

    async def receive(line: aiohttp.ClientWebSocketResponse) -> None:
        async for message in line:
            probe.note(message.data)

    session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))
    kept: Keep = [session]
    for own in texts:
        line = await session.ws_connect(url, max_msg_size=0)
        for text in own:
            await line.send_str(text)
        kept += (line, asyncio.create_task(receive(line)))
    return kept


async def with_websockets(probe: Any, url: str, texts: Texts) -> Keep:
    """websockets' client without compression: the bytes as they come, nothing parsed."""
    from websockets.asyncio.client import ClientConnection, connect
    from websockets.exceptions import ConnectionClosed

    async def receive(line: ClientConnection) -> None:
        try:
            while True:
                probe.note(await line.recv(decode=False))
        except ConnectionClosed:
            return

    kept: Keep = []
    for own in texts:
        line = await connect(url, compression=None, ping_interval=None, proxy=None)
        for text in own:
            await line.send(text)
        kept += (line, asyncio.create_task(receive(line)))
    return kept


async def with_protocol(probe: Any, url: str, texts: Texts) -> Keep:
    """A bare asyncio.Protocol that cuts the frames out in Python, nothing parsed."""
    address, kept = urlsplit(url), []
    for own in texts:
        wanted = [text.encode() for text in own]
        _, protocol = await asyncio.get_running_loop().create_connection(
            lambda wanted=wanted: FrameProtocol(wanted, probe.note),
            address.hostname,
            address.port,
        )
        kept.append(protocol)
    return kept


RECEIVERS: dict[str, Callable[[Any, str, Texts], Awaitable[Keep]]] = {
    "ours": ours,
    "ours-native": ours_native,
    "aiohttp": with_aiohttp,
    "websockets": with_websockets,
    "protocol": with_protocol,
}


def report_and_leave(probe: Any) -> None:
    """Print what was seen; half-closed clients have nothing more to say."""
    ages = [list(probe.ages(phase).items()) for phase in range(3)]
    print(json.dumps({"messages": probe.messages(), "ages": ages}), flush=True)
    os._exit(0)


async def receive(name: str, mode: str, probe: Any) -> None:
    """Run one of RECEIVERS on uvloop."""
    loop = asyncio.get_running_loop()
    start = _line()
    kept = await RECEIVERS[name](probe, start["url"], start["texts"])
    print("connected", flush=True)
    # Not read here: the sockets must be served meanwhile.
    plan = await loop.run_in_executor(None, _line)
    probe.plan(plan["phases"])
    gc.collect()
    gc.freeze()
    if mode == "spinning":
        Spinner().start()
    end_ns = max(end for _, end in plan["phases"])
    await asyncio.sleep(max(0.0, (end_ns - time.time_ns()) / 1e9))
    report_and_leave(probe)
    del kept


# ---- the floor: ready sockets for native/epoll.c ----


def ready_sockets(url: str, texts: Texts) -> list[socket.socket]:
    """Return connected, handshaken and registered sockets, their acks still unread."""
    address, lines = urlsplit(url), []
    for own in texts:
        line = socket.create_connection((address.hostname, address.port), timeout=10)
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        line.sendall(opening())
        head = b""
        # Byte by byte: what follows the handshake belongs to the loop.
        while not head.endswith(b"\r\n\r\n"):
            piece = line.recv(1)
            if not piece:
                raise ConnectionError("closed during the handshake")
            head += piece
        for text in own:
            line.sendall(masked(text.encode()))
        lines.append(line)
    return lines


def receive_in_c(mode: str, probe: Any) -> None:
    """Run native/epoll.c. Raises RuntimeError when it refuses a frame or loses a connection."""
    start = _line()
    lines = ready_sockets(start["url"], start["texts"])
    print("connected", flush=True)
    plan = _line()
    probe.plan(plan["phases"])
    fds = (ctypes.c_int * len(lines))(*(line.fileno() for line in lines))
    status = native.library("epoll").epoll_run(
        fds,
        len(lines),
        int(mode == "spinning"),
        ctypes.c_void_p(probe.address()),
        ctypes.c_int64(max(end for _, end in plan["phases"])),
    )
    if status != 0:
        raise RuntimeError(f"the C receiver ended with {status}")
    report_and_leave(probe)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.receivers", description=__doc__)
    parser.add_argument("name", choices=("c", *RECEIVERS))
    parser.add_argument("mode", choices=MODES)
    parser.add_argument("--cpu", type=int, help="the core to run on")
    chosen = parser.parse_args()
    if chosen.cpu is not None:
        os.sched_setaffinity(0, {chosen.cpu})
    probe = native.probe().Probe()
    if chosen.name == "c":
        receive_in_c(chosen.mode, probe)
    else:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(receive(chosen.name, chosen.mode, probe))


if __name__ == "__main__":
    main()

"""FeedListener on a real loopback socket: stamps per read, fragments, ping, close."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable

import numpy as np
import picows
import pytest

from aegis_fast.hot import FeedListener, Subscriber, Trade

pytestmark = [pytest.mark.native, pytest.mark.e2e]

Script = Callable[[picows.WSTransport], None]


def serve(script: Script, client: Callable[[picows.WSTransport], Awaitable[None]],
          feed: picows.WSListener) -> list[tuple[picows.WSMsgType, bytes]]:  # fmt: skip
    """Let a server run `script` on connection and `client` drive the other end; what came back."""
    answers: list[tuple[picows.WSMsgType, bytes]] = []

    class Server(picows.WSListener):
        def on_ws_connected(self, transport: picows.WSTransport) -> None:
            script(transport)

        def on_ws_frame(self, transport: picows.WSTransport, frame: picows.WSFrame) -> None:
            answers.append((frame.msg_type, frame.get_payload_as_bytes()))
            if frame.msg_type == picows.WSMsgType.CLOSE:
                transport.disconnect()

    async def main() -> None:
        server = await picows.ws_create_server(lambda request: Server(), "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        transport, _ = await picows.ws_connect(
            lambda: feed, f"ws://127.0.0.1:{port}/", enable_auto_pong=False
        )
        try:
            await asyncio.wait_for(client(transport), 10)
        finally:
            transport.disconnect(False)
            server.close()
            await server.wait_closed()

    asyncio.run(main())
    return answers


def test_a_session_from_connect_to_close(trade_frames: list[bytes]) -> None:
    trades: list[Trade] = []
    events: list[str] = []
    closed = asyncio.Event()
    feed = FeedListener(
        on_trade=trades.append,
        on_connected=lambda transport: events.append("connected"),
        on_disconnected=lambda transport: (events.append("disconnected"), closed.set()),
    )
    before_ns = time.time_ns()

    def script(transport: picows.WSTransport) -> None:
        # One burst of three messages, a ping between the fragments of the fourth, then close.
        for frame in trade_frames[:3]:
            transport.send(picows.WSMsgType.TEXT, frame)
        transport.send(picows.WSMsgType.TEXT, trade_frames[6][:700], fin=False)
        transport.send_ping(b"hello")
        transport.send(picows.WSMsgType.CONTINUATION, trade_frames[6][700:])
        transport.send_close(picows.WSCloseCode.GOING_AWAY)

    async def client(transport: picows.WSTransport) -> None:
        await closed.wait()

    answers = serve(script, client, feed)

    assert [trade.qty for trade in trades] == [34, 125, 1, 1, 78, 1, 73]
    assert events == ["connected", "disconnected"]
    assert feed.transport is None
    assert (picows.WSMsgType.PONG, b"hello") in answers
    assert picows.WSMsgType.CLOSE in [kind for kind, _ in answers]
    assert all(before_ns <= trade.recv_ns <= time.time_ns() for trade in trades)
    assert feed.counters()["records"] == 7
    assert feed.bad_frames == 0


def test_messages_of_one_read_share_one_stamp(trade_frames: list[bytes]) -> None:
    trades: list[Trade] = []
    half_done = asyncio.Event()
    stamps = iter(range(1_000))
    feed = FeedListener(clock_ns=lambda: next(stamps))

    def collect(trade: Trade) -> None:
        trades.append(trade)
        if len(trades) == 20:
            half_done.set()

    feed.bus.add(Subscriber("collect", on_trade=collect))

    def script(transport: picows.WSTransport) -> None:
        for _ in range(20):
            transport.send(picows.WSMsgType.TEXT, trade_frames[0])

    async def client(transport: picows.WSTransport) -> None:
        await half_done.wait()
        for _ in range(20):
            feed.feed_bytes(trade_frames[0])

    serve(script, client, feed)

    socket_stamps = [trade.recv_ns for trade in trades[:20]]
    fed_stamps = [trade.recv_ns for trade in trades[20:]]
    # The kernel decides how many reads carry twenty small messages: far fewer than twenty.
    assert len(set(socket_stamps)) < 10
    assert socket_stamps == sorted(socket_stamps)
    assert len(set(fed_stamps)) == 20


def test_bytes_behind_every_payload_belong_to_the_receive_buffer(trade_frames: list[bytes]) -> None:
    """No reader looks behind a payload; a load past its end would stay in the connection's own
    buffer: picows keeps more than 256 bytes there. get_buffer() is where its next read will go.
    """
    rooms: list[int] = []
    checked = asyncio.Event()
    feed = FeedListener()

    class Listener(picows.WSListener):
        def on_ws_frame(self, transport: picows.WSTransport, frame: picows.WSFrame) -> None:
            free = transport.underlying_transport.get_protocol().get_buffer(-1)
            payload = np.frombuffer(frame.get_payload_as_memoryview(), dtype=np.uint8)
            end_of_data = np.frombuffer(free, dtype=np.uint8).ctypes.data
            # One buffer: what was received behind the payload, then the free rest.
            assert payload.ctypes.data + frame.payload_size + frame.tail_size == end_of_data
            rooms.append(frame.tail_size + len(free))
            feed.on_ws_frame(transport, frame)
            if frame.payload_size == 3:
                checked.set()

    sizes = [1, 125, 126, 2_000, 3_900, 4_090, 8_190, 60_000, 65_536, 300_000, 1 << 20, 3]

    def script(transport: picows.WSTransport) -> None:
        # Lengths around the powers of two at which the buffer grows, and bursts that fill it.
        for size in sizes:
            for _ in range(40 if size < 5_000 else 1):
                transport.send(picows.WSMsgType.TEXT, trade_frames[0])
            transport.send(picows.WSMsgType.TEXT, b"x" * size)

    async def client(transport: picows.WSTransport) -> None:
        await checked.wait()

    serve(script, client, Listener())

    assert len(rooms) > 250
    assert min(rooms) >= 128
    assert feed.records == len(rooms) - len(sizes)


BAD_FRAMES = {
    "lies about its count": b"0|H0STCNT0|009|",
    "counts nothing": b"0|H0STCNT0|000|",
    "counts with letters": b"0|H0STCNT0|0x1|",
    "counts more than there are bytes": b"0|H0STCNT0|4294967295|",
    "unknown": b"0|H0XXXXX0|001|",
}


def test_bad_frames_of_a_socket_are_counted_kept_and_the_next_one_is_read(
    trade_frames: list[bytes], depth_frames: list[bytes]
) -> None:
    trades: list[Trade] = []
    done = asyncio.Event()
    good = trade_frames[-1]
    values = good.partition(b"|001|")[2]
    bad = [head + values for head in BAD_FRAMES.values()]
    bad += [good[:cut] for cut in range(0, len(good) - len(values) + 60)]
    bad += [depth_frames[0][: len(depth_frames[0]) // 2]]
    bad += [good.replace(b"277750", digits) for digits in (b"2777x0", b"-", b"9" * 19, b"\xff\x00")]
    bad += [b"\x00" * 300, b"|" * 300, b"^" * 300, b"x" * (1 << 20)]
    feed = FeedListener(on_trade=trades.append)

    def script(transport: picows.WSTransport) -> None:
        for message in bad:
            transport.send(picows.WSMsgType.TEXT, message)
            transport.send(picows.WSMsgType.TEXT, good)
        transport.send_close()

    async def client(transport: picows.WSTransport) -> None:
        await done.wait()

    feed.on_disconnected = lambda transport: done.set()
    serve(script, client, feed)

    assert feed.bad_frames == len(bad)
    assert feed.records == len(trades) == len(bad)
    assert {trade.price_krw for trade in trades} == {277_750}
    kept = feed.last_bad()
    assert kept == tuple(message[:65_536] for message in bad[-64:])


def test_memory_of_bad_frames_is_bounded(trade_frames: list[bytes]) -> None:
    done = asyncio.Event()
    feed = FeedListener(on_disconnected=lambda transport: done.set())

    def script(transport: picows.WSTransport) -> None:
        for i in range(100):
            transport.send(picows.WSMsgType.TEXT, b"%07d" % i * 30_000)
        transport.send(picows.WSMsgType.TEXT, trade_frames[0])
        transport.send_close()

    async def client(transport: picows.WSTransport) -> None:
        await done.wait()

    serve(script, client, feed)

    kept = feed.last_bad()
    assert (feed.bad_frames, feed.records) == (100, 1)
    assert [len(raw) for raw in kept] == [65_536] * 64
    assert kept[-1].startswith(b"0000099")
    # Copies of their own: none keeps the message it was cut from alive.
    assert sum(sys.getsizeof(raw) for raw in kept) <= 64 * (65_536 + 64)

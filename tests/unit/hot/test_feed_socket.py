"""FeedListener on a real loopback socket: stamps per read, fragments, ping, close."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

import picows
import pytest

from aegis_fast.hot import FeedListener, Subscriber, Trade

pytestmark = [pytest.mark.native, pytest.mark.e2e]

Script = Callable[[picows.WSTransport], None]


def serve(script: Script, client: Callable[[picows.WSTransport], Awaitable[None]],
          feed: FeedListener) -> list[tuple[picows.WSMsgType, bytes]]:  # fmt: skip
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

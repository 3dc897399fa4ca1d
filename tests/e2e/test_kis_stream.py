"""The realtime feed stays up, registers what is wanted, and answers KIS the way KIS wants."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import orjson
import pytest
from picows import WSCloseCode, WSFrame, WSListener, WSMsgType, WSTransport, ws_create_server

from aegis_fast.errors import AuthError, Busy, ConfigError, InvalidRequest
from aegis_fast.hot import Book, Bus, Notice, Subscriber, Trade
from aegis_fast.kis.credentials import AppCredentials
from aegis_fast.kis.notice import encrypt
from aegis_fast.kis.profile import PAPER, SIM
from aegis_fast.kis.stream import KISStream
from tests.e2e.kis_fakes import LOOPS, RawServer, run, until

pytestmark = pytest.mark.e2e
FRAMES = Path(__file__).parents[1] / "data" / "frames"
ACCOUNT, HTS_ID = "1234567801", "HTSID001"
CREDENTIALS = AppCredentials("k" * 36, "s" * 180, ACCOUNT, HTS_ID)
NOTICE_TR = "H0STCNI0"
PLAIN = (FRAMES / "H0STCNI0_decrypted.txt").read_bytes().splitlines()[0]
TRADE_FRAME = (FRAMES / "H0STCNT0.txt").read_bytes().splitlines()[9]
DEPTH_FRAME = (FRAMES / "H0STASP0.txt").read_bytes().splitlines()[5]
PINGPONG = b'{"header":{"tr_id":"PINGPONG","datetime":"20261123090000"}}'


class Session(WSListener):
    """One connection at the fake feed."""

    def __init__(self, feed: FakeFeed) -> None:
        self.feed = feed
        self.key = f"{len(feed.sessions):032d}"
        self.iv = f"{len(feed.sessions):016d}"
        self.received: list[tuple[WSMsgType, bytes]] = []
        self.requests: list[tuple[str, str, str]] = []
        self.times: list[float] = []
        self.is_open = False

    def on_ws_connected(self, transport: WSTransport) -> None:
        self.transport = transport
        self.is_open = True
        self.feed.on_session(self)

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        self.is_open = False

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        content = frame.get_payload_as_bytes()
        self.received.append((frame.msg_type, content))
        if frame.msg_type == WSMsgType.CLOSE:
            transport.disconnect()
        if frame.msg_type != WSMsgType.TEXT or b"PINGPONG" in content:
            return
        message = orjson.loads(content)
        wanted = message["body"]["input"]
        self.times.append(asyncio.get_running_loop().time())
        self.requests.append((message["header"]["tr_type"], wanted["tr_id"], wanted["tr_key"]))
        self.feed.approvals.append(message["header"]["approval_key"])
        self.feed.answer(self, message["header"]["tr_type"], wanted["tr_id"], wanted["tr_key"])

    def ack(self, tr_id: str, tr_key: str, code: str = "OPSP0000", rt_cd: str = "0") -> None:
        body: dict[str, Any] = {"rt_cd": rt_cd, "msg_cd": code, "msg1": "text"}
        if code == "OPSP0000":
            body["output"] = {"iv": self.iv, "key": self.key}
        header = {"tr_id": tr_id, "tr_key": tr_key, "encrypt": "Y" if "CNI" in tr_id else "N"}
        self.send(orjson.dumps({"header": header, "body": body}))

    def send(self, content: bytes) -> None:
        self.transport.send(WSMsgType.TEXT, content)

    def notice(self, plain: bytes = PLAIN) -> None:
        self.send(b"1|H0STCNI0|001|" + encrypt(plain, self.key.encode(), self.iv.encode()))


class FakeFeed:
    """A WebSocket server that acknowledges everything unless told otherwise."""

    def __init__(self) -> None:
        self.sessions: list[Session] = []
        self.approvals: list[str] = []
        self.answer: Callable[[Session, str, str, str], None] = self.acknowledge
        self.on_session: Callable[[Session], None] = lambda session: None

    async def __aenter__(self) -> FakeFeed:
        self._server = await ws_create_server(self._new_session, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for session in self.sessions:
            if session.is_open:
                session.transport.disconnect(graceful=False)
        await asyncio.sleep(0)

    def _new_session(self, request: object) -> Session:
        self.sessions.append(Session(self))
        return self.sessions[-1]

    @staticmethod
    def acknowledge(session: Session, tr_type: str, tr_id: str, tr_key: str) -> None:
        session.ack(tr_id, tr_key, "OPSP0000" if tr_type == "1" else "OPSP0001")


class Events:
    """Everything the feed told."""

    def __init__(self) -> None:
        self.trades: list[Trade] = []
        self.depths: list[str] = []
        self.notices: list[Notice] = []
        self.ups = 0
        self.downs: list[str] = []
        self.troubles: list[tuple[str, str]] = []
        self.fail_on_trade = False
        self.errors: list[tuple[str, str]] = []
        self.bus = Bus(lambda who, error: self.errors.append((who.name, repr(error))))
        self.bus.add(Subscriber("test", on_trade=self.on_trade, on_depth=self.on_depth))

    def on_trade(self, trade: Trade) -> None:
        if self.fail_on_trade:
            raise KeyError("a subscriber's bug")
        self.trades.append(trade)

    def on_depth(self, book: Book) -> None:
        self.depths.append(book.symbol)

    def on_notice(self, notice: Notice) -> None:
        self.notices.append(notice)

    def on_feed_up(self) -> None:
        self.ups += 1

    def on_feed_down(self, reason: str) -> None:
        self.downs.append(reason)

    def on_feed_trouble(self, kind: str, detail: str) -> None:
        self.troubles.append((kind, detail))

    def kinds(self) -> list[str]:
        return [kind for kind, _ in self.troubles]


class Issuer:
    """Hands out approval keys like the token issuer."""

    def __init__(self, failures: int = 0) -> None:
        self.asked: list[str] = []
        self.issued = 0
        self.failures = failures

    async def approval_key(self, *, refused: str = "") -> str:
        self.asked.append(refused)
        if self.failures:
            self.failures -= 1
            raise AuthError("wrong key", venue_code="EGW00103")
        if not self.issued or refused:
            self.issued += 1
        return f"approval-{self.issued}"


class Bench:
    def __init__(self, feed: FakeFeed | None, port: int, **options: Any) -> None:
        self.feed = feed
        self.events = Events()
        self.issuer = options.pop("issuer", None) or Issuer()
        values: dict[str, Any] = {
            "silence_timeout_s": 5.0,
            "reconnect_interval_s": 0.02,
            "cooldown_s": 0.2,
            "subscribe_pacing_s": 0.0,
        }
        profile = options.pop("profile", SIM)
        self.stream = KISStream(
            profile=profile.at("http://127.0.0.1:1", f"ws://127.0.0.1:{port}/tryitout"),
            credentials=CREDENTIALS,
            issuer=self.issuer,
            events=self.events,
            bus=self.events.bus,
            clock_ns=None,
            **(values | options),
        )

    @property
    def session(self) -> Session:
        assert self.feed is not None
        return self.feed.sessions[-1]

    async def up(self, count: int = 1) -> None:
        await until(lambda: self.events.ups >= count)

    async def drained(self, count: int) -> None:
        """Wait until the newest session has received so many registrations and releases."""
        assert self.feed is not None
        sessions = self.feed.sessions
        await until(lambda: bool(sessions) and len(sessions[-1].requests) >= count)

    async def down(self, count: int) -> None:
        await until(lambda: len(self.events.downs) >= count)


def on_feed(
    test: Callable[[Bench], Any], loop_factory: Any = None, *, symbols: Any = (), **options: Any
) -> None:
    async def main() -> None:
        async with FakeFeed() as feed:
            prepare = options.pop("prepare", None)
            if prepare:
                prepare(feed)
            bench = Bench(feed, feed.port, **options)
            for symbol in symbols:
                bench.stream.watch(symbol)
            await bench.stream.start()
            try:
                await test(bench)
            finally:
                await asyncio.wait_for(bench.stream.close(), 1.0)

    run(main(), *([loop_factory] if loop_factory else []))


def wanted(*symbols: str) -> list[tuple[str, str, str]]:
    rows = [("1", NOTICE_TR, HTS_ID)]
    for symbol in symbols:
        rows += [("1", "H0STCNT0", symbol), ("1", "H0STASP0", symbol)]
    return rows


@pytest.mark.parametrize("loop_factory", LOOPS)
def test_s72_registered_symbols_arrive_as_trades_and_books(loop_factory: Any) -> None:
    async def test(bench: Bench) -> None:
        await bench.up()
        await bench.drained(3)
        assert bench.session.requests == wanted("005930")
        assert set(bench.feed.approvals) == {"approval-1"}  # type: ignore[union-attr]

        bench.session.send(TRADE_FRAME)
        bench.session.send(DEPTH_FRAME)
        await until(lambda: bool(bench.events.depths))

        trade = bench.events.trades[0]
        assert (trade.symbol, trade.price_krw) == (TRADE_FRAME.split(b"|")[3][:6].decode(), 277_750)
        symbol = bench.events.depths[0]
        book = bench.stream.book(symbol)
        assert book is not None
        assert book.best_ask_krw > book.best_bid_krw > 0
        assert bench.stream.book("999999") is None
        assert bench.stream.is_up
        assert bench.stream.counters()["confirmed"] == 3

    on_feed(test, loop_factory, symbols=["005930"])


@pytest.mark.parametrize("loop_factory", LOOPS)
def test_s07_pingpong_is_echoed_verbatim_as_text_and_no_ping_is_sent(loop_factory: Any) -> None:
    async def test(bench: Bench) -> None:
        await bench.up()
        bench.session.send(PINGPONG)
        await until(lambda: (WSMsgType.TEXT, PINGPONG) in bench.session.received)
        bench.session.transport.send_ping(b"are you there")
        await until(lambda: (WSMsgType.PONG, b"are you there") in bench.session.received)
        await asyncio.sleep(0.1)

        kinds = {kind for kind, _ in bench.session.received}
        assert kinds == {WSMsgType.TEXT, WSMsgType.PONG}
        assert [c for _, c in bench.session.received].count(b"are you there") == 1
        assert bench.stream.counters()["echoes"] == 1

    on_feed(test, loop_factory)


def test_s73_own_notices_arrive_and_those_of_other_accounts_do_not() -> None:
    async def test(bench: Bench) -> None:
        await bench.up()
        bench.session.notice(PLAIN.replace(ACCOUNT.encode(), b"9999999901"))
        bench.session.notice()
        await until(lambda: bool(bench.events.notices))

        (notice,) = bench.events.notices
        assert (notice.account, notice.broker_order_id) == (ACCOUNT, 18_424_200)
        assert notice.recv_ns > 1_600_000_000 * 10**9
        counters = bench.stream.counters()
        assert (counters["notices"], counters["foreign_notices"]) == (1, 1)

    on_feed(test)


@pytest.mark.parametrize("loop_factory", LOOPS)
def test_s76_everything_is_registered_again_after_a_drop(loop_factory: Any) -> None:
    async def test(bench: Bench) -> None:
        for drop in range(1, 4):
            await bench.up(drop)
            await bench.drained(5)
            assert bench.session.requests == wanted("005930", "000660")
            bench.session.notice()  # under this connection's own key
            await until(lambda count=drop: len(bench.events.notices) == count)
            bench.session.transport.disconnect(graceful=False)
            await bench.down(drop)
            assert not bench.stream.is_up
        await bench.up(4)

        assert len(bench.events.downs) == 3
        assert bench.events.troubles == []
        assert len({s.key for s in bench.feed.sessions}) == 4  # type: ignore[union-attr]
        assert bench.stream.counters()["drops"] == 3

    on_feed(test, loop_factory, symbols=["005930", "000660"])


def test_s76_closing_handshake_of_the_server_is_a_drop_too() -> None:
    async def test(bench: Bench) -> None:
        await bench.up()
        bench.session.transport.send_close(WSCloseCode.GOING_AWAY)
        await bench.up(2)

        assert len(bench.events.downs) == 1

    on_feed(test)


def test_symbols_watched_and_left_during_an_outage_are_settled_at_the_next_connection() -> None:
    async def test(bench: Bench) -> None:
        await bench.up()
        bench.session.transport.disconnect(graceful=False)
        await until(lambda: bool(bench.events.downs))
        bench.stream.watch("000660")
        bench.stream.unwatch("005930")
        await bench.up(2)
        await bench.drained(3)

        assert bench.session.requests == wanted("000660")
        assert bench.stream.is_watched("000660")
        assert not bench.stream.is_watched("005930")

    on_feed(test, symbols=["005930"])


@pytest.mark.parametrize("loop_factory", LOOPS)
def test_a7_silence_is_a_drop_and_any_message_is_not(loop_factory: Any) -> None:
    async def test(bench: Bench) -> None:
        await bench.up()
        for _ in range(10):
            bench.session.send(PINGPONG)
            await asyncio.sleep(0.05)
        assert bench.events.downs == []

        loop = asyncio.get_running_loop()
        silent_since = loop.time()
        await until(lambda: bool(bench.events.downs))

        assert 0.15 < loop.time() - silent_since < 0.6
        assert bench.events.downs == ["silent for 0.2 s"]
        await bench.up(2)

    on_feed(test, loop_factory, silence_timeout_s=0.2)


def test_s15_s14_a8_defaults_are_the_specifications() -> None:
    stream = KISStream(
        profile=SIM,
        credentials=CREDENTIALS,
        issuer=Issuer(),
        events=Events(),
        bus=Bus(),
        clock_ns=None,
    )

    assert stream._silence_timeout_s == 30.0
    assert stream._reconnect_interval_s == 1.0
    assert (stream._cycle_attempts, stream._cooldown_s) == (3, 30.0)
    assert stream._in_use_backoff_s[:3] == (5.0, 10.0, 20.0)


def test_a8_three_failures_make_a_cycle_then_it_rests_and_goes_on_for_ever() -> None:
    attempts: list[float] = []

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        attempts.append(asyncio.get_running_loop().time())

    async def main() -> None:
        async with RawServer(refuse) as server:
            bench = Bench(None, server.port, reconnect_interval_s=0.05, cooldown_s=0.4)
            await bench.stream.start()
            try:
                await until(lambda: len(attempts) >= 8)
            finally:
                await bench.stream.close()
        gaps = [b - a for a, b in pairwise(attempts)]
        assert [gap > 0.3 for gap in gaps] == [False, False, True] * 2 + [False]
        assert all(gap >= 0.04 for gap in gaps)
        assert bench.events.kinds() == ["unreachable", "unreachable"]
        assert (bench.events.ups, bench.events.downs) == (0, [])
        assert bench.stream.counters()["failed_connects"] == 8

    run(main())


def test_success_starts_the_cycle_anew() -> None:
    async def test(bench: Bench) -> None:
        for drop in range(1, 6):
            await bench.up(drop)
            bench.session.transport.disconnect(graceful=False)
            await bench.down(drop)

        assert bench.events.troubles == []

    on_feed(test)


def test_opsp8996_closes_and_backs_off_longer_each_time() -> None:
    times: list[float] = []

    def prepare(feed: FakeFeed) -> None:
        def in_use(session: Session, tr_type: str, tr_id: str, tr_key: str) -> None:
            if len(feed.sessions) < 4:
                session.ack("(null)", "", "OPSP8996", "9")
            else:
                feed.acknowledge(session, tr_type, tr_id, tr_key)

        feed.answer = in_use
        feed.on_session = lambda session: times.append(asyncio.get_running_loop().time())

    async def test(bench: Bench) -> None:
        await bench.up()

        gaps = [b - a for a, b in pairwise(times)]
        for gap, least in zip(gaps, (0.1, 0.2, 0.4), strict=True):
            assert least <= gap < least + 0.3
        assert bench.events.kinds() == ["in_use"] * 3
        assert bench.events.downs == []
        sessions = bench.feed.sessions  # type: ignore[union-attr]
        await until(lambda: [s.is_open for s in sessions] == [False] * 3 + [True])

    on_feed(test, prepare=prepare, in_use_backoff_s=(0.1, 0.2, 0.4))


def test_p4_unknown_approval_key_is_replaced_before_the_next_connection() -> None:
    def prepare(feed: FakeFeed) -> None:
        def answer(session: Session, tr_type: str, tr_id: str, tr_key: str) -> None:
            is_old = feed.approvals[-1] == "approval-1"
            session.ack(tr_id, tr_key, "OPSP0011" if is_old else "OPSP0000", "1")

        feed.answer = answer

    async def test(bench: Bench) -> None:
        await bench.up()

        assert bench.issuer.asked == ["", "approval-1"]
        assert bench.feed.approvals[-1] == "approval-2"  # type: ignore[union-attr]

    on_feed(test, prepare=prepare)


def test_missing_ack_is_asked_for_again() -> None:
    def prepare(feed: FakeFeed) -> None:
        def answer(session: Session, tr_type: str, tr_id: str, tr_key: str) -> None:
            if tr_id != "H0STCNT0" or len(session.requests) > 3:
                feed.acknowledge(session, tr_type, tr_id, tr_key)

        feed.answer = answer

    async def test(bench: Bench) -> None:
        await until(lambda: bench.stream.counters()["confirmed"] == 3)

        assert bench.session.requests == [*wanted("005930"), ("1", "H0STCNT0", "005930")]
        assert bench.events.troubles == []

    on_feed(test, prepare=prepare, symbols=["005930"], ack_timeout_s=0.1, silence_timeout_s=0.4)


def test_notices_that_are_never_acknowledged_lead_to_another_connection() -> None:
    def prepare(feed: FakeFeed) -> None:
        def answer(session: Session, tr_type: str, tr_id: str, tr_key: str) -> None:
            if len(feed.sessions) > 1:
                feed.acknowledge(session, tr_type, tr_id, tr_key)

        def chatter(session: Session) -> None:
            loop = asyncio.get_running_loop()
            for tick in range(40):
                loop.call_later(tick * 0.02, lambda: session.is_open and session.send(PINGPONG))

        feed.answer, feed.on_session = answer, chatter

    async def test(bench: Bench) -> None:
        await bench.up()

        assert bench.events.kinds() == ["registration_unanswered"]
        assert HTS_ID not in bench.events.troubles[0][1]
        assert len(bench.feed.sessions) == 2  # type: ignore[union-attr]

    on_feed(test, prepare=prepare, ack_timeout_s=0.03, silence_timeout_s=0.2)


def test_p6_registrations_follow_the_number_of_watchers() -> None:
    async def test(bench: Bench) -> None:
        await bench.up()
        bench.stream.watch("005930")
        bench.stream.watch("005930")
        await bench.drained(3)
        bench.stream.unwatch("005930")
        await asyncio.sleep(0.05)
        assert len(bench.session.requests) == 3
        assert bench.stream.is_watched("005930")

        bench.stream.unwatch("005930")
        await bench.drained(5)

        assert bench.session.requests[3:] == [
            ("2", "H0STCNT0", "005930"),
            ("2", "H0STASP0", "005930"),
        ]

    on_feed(test)


def test_flapping_watcher_does_not_pile_up_messages() -> None:
    async def test(bench: Bench) -> None:
        await bench.up()
        for _ in range(500):
            bench.stream.watch("005930")
            bench.stream.unwatch("005930")
        bench.stream.watch("005930")
        assert len(bench.stream._outbox) == 2
        await until(lambda: bench.stream.counters()["confirmed"] == 3)

        assert len(bench.session.requests) == 3

    on_feed(test)


def test_registrations_are_paced() -> None:
    async def test(bench: Bench) -> None:
        await bench.drained(7)
        times = bench.session.times
        assert all(b - a >= 0.035 for a, b in pairwise(times))

    on_feed(test, symbols=["005930", "000660", "035720"], subscribe_pacing_s=0.04)


def test_p7_a_symbol_too_many_is_refused() -> None:
    async def test(bench: Bench) -> None:
        for number in range(20):
            bench.stream.watch(f"{number:06d}")
        with pytest.raises(Busy):
            bench.stream.watch("999999")
        with pytest.raises(InvalidRequest) as caught:
            bench.stream.watch("no such")
        assert caught.value.field == "symbol"
        await bench.up()
        await bench.drained(41)
        assert bench.stream.counters()["registrations"] == 41

    on_feed(test)


def test_unreadable_notice_is_reported_and_quotes_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def test(bench: Bench) -> None:
        await bench.up()
        bench.session.send(b"1|H0STCNI0|001|" + encrypt(PLAIN, b"x" * 32, b"y" * 16))
        bench.session.notice("홍길동^비밀".encode())
        bench.session.notice()
        await until(lambda: bool(bench.events.notices))

        assert bench.events.kinds() == ["notice", "notice"]
        assert bench.stream.counters()["unreadable_notices"] == 2
        assert "홍길동" not in str(bench.events.troubles) + caplog.text

    on_feed(test)


def test_nonsense_frames_are_counted_and_not_reported_one_by_one() -> None:
    async def test(bench: Bench) -> None:
        await bench.up()
        for _ in range(100):
            bench.session.send(b"0|H0STCNT0|002|a^b^c")
        bench.session.send(b'{"header":')
        bench.session.send(TRADE_FRAME)
        await until(lambda: bool(bench.events.trades))

        assert bench.stream.counters()["bad_frames"] == 100
        assert bench.events.kinds() == ["bad_frame"] * 7 + ["control"]
        assert bench.events.downs == []

    on_feed(test)


def test_pain20_subscribers_bug_is_told_as_its_own_and_the_feed_goes_on() -> None:
    async def test(bench: Bench) -> None:
        await bench.up()
        bench.events.fail_on_trade = True
        bench.session.send(TRADE_FRAME)
        bench.session.send(DEPTH_FRAME)
        await until(lambda: bool(bench.events.depths))

        assert bench.events.errors == [("test", repr(KeyError("a subscriber's bug")))]
        assert bench.stream.counters()["subscriber_errors"] == 1
        assert bench.events.kinds() == []
        assert bench.stream.is_up

    on_feed(test)


def test_pain20_own_callbacks_bug_is_internal_and_the_feed_goes_on() -> None:
    async def test(bench: Bench) -> None:
        await bench.up()
        bench.stream._listener.on_bad_frame = lambda raw, error: 1 // 0
        bench.session.send(b"0|H0STCNT0|002|a^b^c")
        bench.session.send(DEPTH_FRAME)
        await until(lambda: bool(bench.events.depths))

        assert bench.events.kinds() == ["internal"]
        assert "ZeroDivisionError" in bench.events.troubles[0][1]
        assert bench.stream.is_up

    logging.getLogger("aegis_fast.kis").setLevel(logging.CRITICAL)
    try:
        on_feed(test)
    finally:
        logging.getLogger("aegis_fast.kis").setLevel(logging.NOTSET)


def test_p9_appended_values_are_read_and_reported_once() -> None:
    async def test(bench: Bench) -> None:
        await bench.up()
        for _ in range(3):
            bench.session.send(TRADE_FRAME + b"^9^9")
        await until(lambda: len(bench.events.trades) == 3 and bool(bench.events.troubles))
        await asyncio.sleep(0.1)

        assert bench.events.kinds() == ["schema_drift"]
        assert bench.events.trades[0].price_krw == 277_750

    on_feed(test, silence_timeout_s=0.2)


def test_wrong_key_is_a_failure_like_any_other_and_tried_again() -> None:
    async def test(bench: Bench) -> None:
        await bench.up()
        assert bench.events.kinds() == ["unreachable"]
        assert "wrong key" in bench.events.troubles[0][1]

    on_feed(test, issuer=Issuer(failures=4))


@pytest.mark.parametrize("loop_factory", LOOPS)
def test_closing_is_fast_at_every_stage_and_silent(loop_factory: Any) -> None:
    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(30)

    async def main() -> None:
        loop = asyncio.get_running_loop()
        async with FakeFeed() as feed, RawServer(hang) as deaf:
            for port, wait_for in (
                (feed.port, "up"),
                (deaf.port, "handshake"),
                (1, "cool-down"),
                (feed.port, "start"),
            ):
                bench = Bench(feed, port, cooldown_s=60.0)
                await bench.stream.start()
                if wait_for == "up":
                    await bench.up()
                elif wait_for == "cool-down":
                    await until(lambda events=bench.events: bool(events.troubles))
                elif wait_for == "handshake":
                    await until(lambda: deaf.connections > 0)
                started = loop.time()
                await bench.stream.close()
                assert loop.time() - started < 0.2
                seen = (bench.events.ups, list(bench.events.downs), list(bench.events.troubles))
                await asyncio.sleep(0.03)
                assert seen == (bench.events.ups, bench.events.downs, bench.events.troubles)
                assert not bench.stream.is_up
                await bench.stream.close()
            await asyncio.sleep(0.02)
            assert [s for s in feed.sessions if s.is_open] == []
        assert len(asyncio.all_tasks()) == 1

    run(main(), loop_factory)


def test_s66_plain_feed_elsewhere_is_refused() -> None:
    with pytest.raises(ConfigError):
        KISStream(
            profile=PAPER.at(PAPER.rest_url, "ws://feed.example/tryitout"),
            credentials=CREDENTIALS,
            issuer=Issuer(),
            events=Events(),
            bus=Bus(),
            clock_ns=None,
        )

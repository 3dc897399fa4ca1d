"""FeedListener, message by message and WebSocket frame by frame."""

from __future__ import annotations

import itertools
from random import Random
from typing import Any

import pytest
from picows import WSMsgType
from picows.picows import _make_test_ws_frame

from aegis_fast.errors import Busy, FrameError
from aegis_fast.hot import Book, Bus, FeedListener, FrameParser, Subscriber, Trade
from tests.oracle.frame_maker import make_frame

pytestmark = pytest.mark.native


class Recorder:
    """Remember every call as (name, arguments)."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, tuple[Any, ...]]] = []

    def __call__(self, name: str) -> Any:
        return lambda *arguments: self.calls.append((name, arguments))

    def named(self, name: str) -> list[tuple[Any, ...]]:
        return [arguments for called, arguments in self.calls if called == name]


@pytest.fixture
def record() -> Recorder:
    return Recorder()


@pytest.fixture
def feed(record: Recorder) -> FeedListener:
    clock = itertools.count(1_000)
    return FeedListener(
        on_trade=record("trade"),
        on_depth=record("depth"),
        on_control=record("control"),
        on_record=record("record"),
        on_encrypted=record("encrypted"),
        on_bad_frame=record("bad"),
        on_subscriber_error=record("error"),
        clock_ns=lambda: next(clock),
    )


def test_every_captured_message_goes_to_its_subscriber(
    feed: FeedListener,
    record: Recorder,
    trade_frames: list[bytes],
    depth_frames: list[bytes],
    control_messages: list[bytes],
    encrypted_frames: list[bytes],
    table_frames: list[bytes],
) -> None:
    messages = (trade_frames, depth_frames, control_messages, encrypted_frames, table_frames)
    for message in itertools.chain(*messages):
        feed.feed_bytes(message)

    trades = [trade for (trade,) in record.named("trade")]
    expected = [trade for frame in trade_frames for trade in FrameParser().parse(frame)]
    assert [t.as_dict() | {"recv_ns": 0} for t in trades] == [t.as_dict() for t in expected]
    assert [book.symbol for (book,) in record.named("depth")] == [
        *["005930"] * 4, "000660", "005930",
    ]  # fmt: skip
    assert record.named("control") == [(message,) for message in control_messages]
    assert [(tr, n) for tr, n, _ in record.named("encrypted")] == [("H0STCNI0", 1), ("H0STCNI9", 1)]
    assert record.named("encrypted")[0][2] == encrypted_frames[0].split(b"|", 3)[3]
    tables = [table for (table,) in record.named("record")]
    expected_tables = [table for frame in table_frames for table in FrameParser().parse(frame)]
    assert [t.as_dict() | {"recv_ns": 0} for t in tables] == [t.as_dict() for t in expected_tables]
    assert record.named("bad") == []
    assert feed.counters() == {
        "frames": 16 + len(table_frames),
        "records": 22 + len(tables),
        "bad_frames": 0,
        "controls": 4,
        "encrypted": 2,
        "bytes": sum(map(len, itertools.chain(*messages))),
        "subscriber_errors": 0,
        "unbooked": 0,
        "schema_drift": 0,
    }
    assert feed.bytes == feed.counters()["bytes"]


def test_book_is_up_to_date_when_the_subscribers_run(
    feed: FeedListener, trade_frames: list[bytes], depth_frames: list[bytes]
) -> None:
    seen: list[tuple[int, int]] = []
    book = feed.book("005930")
    feed.bus.add(
        Subscriber(
            "late",
            on_trade=lambda trade: seen.append((trade.price_krw, book.last_price_krw)),
            on_depth=lambda b: seen.append((b.seq, b.change_bits)),
        )
    )

    feed.feed_bytes(trade_frames[-1])
    feed.feed_bytes(depth_frames[0])

    assert seen == [(277_750, 277_750), (1, (1 << 21) - 1)]
    assert book is feed.books["005930", "KRX"]
    assert book.cum_qty == 11_955_000


def test_subscribers_run_in_registration_order_and_survive_each_other(
    feed: FeedListener, record: Recorder, trade_frames: list[bytes]
) -> None:
    order: list[str] = []

    def failing(trade: Trade) -> None:
        order.append("failing")
        raise RuntimeError("boom")

    bad = Subscriber("bad", on_trade=failing)
    feed.bus.add(bad)
    feed.bus.add(Subscriber("last", on_trade=lambda trade: order.append("last")))

    feed.feed_bytes(trade_frames[6])

    assert order == ["failing", "last"] * 4
    assert len(record.named("trade")) == 4
    assert feed.subscriber_errors == bad.errors == 4
    assert [(who, str(exc)) for who, exc in record.named("error")] == [(bad, "boom")] * 4
    assert feed.bad_frames == 0


def test_failing_depth_and_control_callbacks_are_contained(
    feed: FeedListener, record: Recorder, depth_frames: list[bytes], control_messages: list[bytes]
) -> None:
    def fail(*arguments: object) -> None:
        raise ValueError("no")

    feed.bus.add(Subscriber("bad", on_depth=fail))
    feed.on_control = feed.on_encrypted = feed.on_bad_frame = fail

    feed.feed_bytes(depth_frames[0])
    feed.feed_bytes(control_messages[0])
    feed.feed_bytes(b"1|H0STCNI0|001|abc")
    feed.feed_bytes(b"nonsense")

    assert feed.subscriber_errors == len(record.named("error")) == 4


def test_error_without_a_handler_is_unraisable_and_not_lost(
    trade_frames: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    caught: list[Any] = []
    monkeypatch.setattr("sys.unraisablehook", caught.append)

    def fail(trade: Trade) -> None:
        raise RuntimeError("boom")

    feed = FeedListener(on_trade=fail)
    feed.on_control = fail
    feed.feed_bytes(trade_frames[0])
    feed.feed_bytes(b"{}")

    (subscriber,) = feed.bus.subscribers
    assert [(c.exc_type, c.object) for c in caught] == [
        (RuntimeError, subscriber),
        (RuntimeError, fail),
    ]
    assert (feed.callback_errors, feed.subscriber_errors) == (1, 2)


def test_interrupts_are_not_contained(feed: FeedListener, trade_frames: list[bytes]) -> None:
    def stop(trade: Trade) -> None:
        raise KeyboardInterrupt

    feed.bus.add(Subscriber("stop", on_trade=stop))

    with pytest.raises(KeyboardInterrupt):
        feed.feed_bytes(trade_frames[0])


def test_one_bad_record_delivers_nothing_of_its_frame(
    feed: FeedListener, record: Recorder, trade_frames: list[bytes]
) -> None:
    frame = trade_frames[6].replace(b"^26227311^", b"^2622731x^")
    assert frame != trade_frames[6]

    feed.feed_bytes(frame)

    assert record.named("trade") == []
    ((raw, error),) = record.named("bad")
    assert raw == frame
    assert isinstance(error, FrameError)
    assert frame[error.offset :].startswith(b"2622731x^")
    assert feed.books == {}


def test_bad_frames_are_kept_in_a_bounded_ring() -> None:
    feed = FeedListener(bad_frames_kept=3)

    for i in range(10):
        feed.feed_bytes(f"bad {i}".encode())
    feed.feed_bytes(b"0|" + b"x" * 100_000)

    assert feed.bad_frames == 11
    assert [len(raw) for raw in feed.last_bad()] == [5, 5, 65_536]
    assert feed.last_bad()[:2] == (b"bad 8", b"bad 9")


@pytest.mark.parametrize("message", [b"", b"1", b"1|", b"1|H0STCNI0", b"1||001|x", b"1|H0|x|y"])
def test_broken_envelopes_are_bad_frames(
    message: bytes, feed: FeedListener, record: Recorder
) -> None:
    feed.feed_bytes(message)

    assert [raw for raw, _ in record.named("bad")] == [message]
    assert record.named("encrypted") == []


def test_plain_notice_is_a_bad_frame(feed: FeedListener, record: Recorder) -> None:
    feed.feed_bytes(b"0|H0STCNI0|001|HTSID001^1234567801")

    assert len(record.named("bad")) == 1


def test_symbols_beyond_the_limit_are_counted_and_told_once(
    record: Recorder, trade_frames: list[bytes], depth_frames: list[bytes]
) -> None:
    feed = FeedListener(
        max_symbols=1,
        on_trade=record("trade"),
        on_depth=record("depth"),
        on_bad_frame=record("bad"),
    )
    feed.book("123456")

    for frame in (*trade_frames[:3], depth_frames[0]):
        feed.feed_bytes(frame)

    assert len(record.named("trade")) == 3
    assert record.named("depth") == []
    assert feed.unbooked == 4
    assert [str(error) for _, error in record.named("bad")] == [
        "no room for a book of 005930: max_symbols=1"
    ]
    assert feed.bad_frames == 0
    with pytest.raises(Busy):
        feed.book("005930")


def test_many_symbols_find_their_books(trade_frames: list[bytes]) -> None:
    feed = FeedListener(max_symbols=600)

    for _ in range(2):
        for i in range(600):
            symbol = b"%06d" % i
            feed.feed_bytes(trade_frames[-1].replace(b"005930^", symbol + b"^"))

    assert len(feed.books) == 600
    assert feed.unbooked == 0
    assert all(book.symbol == symbol for (symbol, _), book in feed.books.items())


def test_books_given_by_the_owner_are_used(trade_frames: list[bytes]) -> None:
    early, late = Book("005930"), Book("000660")
    books = {("005930", "KRX"): early}
    feed = FeedListener(books=books)
    books["000660", "KRX"] = late

    for frame in trade_frames:
        feed.feed_bytes(frame)

    assert early.last_price_krw == 277_750
    assert late.last_price_krw == 177_800
    assert feed.books is books
    assert feed.book("000660") is late


def test_venues_have_separate_books(feed: FeedListener, trade_frames: list[bytes]) -> None:
    feed.feed_bytes(trade_frames[-1])
    feed.feed_bytes(trade_frames[0].replace(b"H0STCNT0", b"H0NXCNT0"))

    assert feed.book("005930").last_price_krw == 277_750
    assert feed.book("005930", "NXT").last_price_krw == 59_700


def test_width_drift_is_counted(feed: FeedListener, trade_frames: list[bytes]) -> None:
    feed.feed_bytes(trade_frames[-1] + b"^new")

    assert (feed.schema_drift, feed.drift()) == (1, {"H0STCNT0": 48})


def test_width_drift_of_a_table_is_counted_whether_or_not_somebody_listens(
    table_frames: list[bytes],
) -> None:
    (frame,) = (frame for frame in table_frames if frame.startswith(b"0|H0UPCNT0"))

    for on_record in (None, lambda record: None):
        feed = FeedListener(on_record=on_record)

        feed.feed_bytes(frame + b"^new")

        assert (feed.records, feed.schema_drift, feed.drift()) == (1, 1, {"H0UPCNT0": 31})


@pytest.mark.parametrize("on_record", [None, print])
def test_table_with_a_bad_last_record_delivers_none_of_its_frame(
    on_record: Any, table_frames: list[bytes], record: Recorder
) -> None:
    (frame,) = (frame for frame in table_frames if frame.startswith(b"0|H0UNANC0|002"))
    called = record("record")
    feed = FeedListener(on_record=on_record and called, on_bad_frame=record("bad"))

    feed.feed_bytes(frame[: frame.rindex(b"^")] + b"^318000x")

    assert record.named("record") == []
    assert "VI_STND_PRC: not a whole number" in str(record.named("bad")[0][1])
    assert (feed.frames, feed.bad_frames, feed.records) == (1, 1, 0)


@pytest.mark.parametrize("tr_id", ["H0STCNI0", "H0STCNI9", "H0GSCNI0", "H0GSCNI9"])
def test_plain_notice_from_the_socket_is_refused(
    feed: FeedListener, record: Recorder, tr_id: str
) -> None:
    feed.feed_bytes(make_frame(Random(1), tr_id))

    assert record.named("record") == []
    assert "not a data frame" in str(record.named("bad")[0][1])
    assert (feed.bad_frames, feed.records) == (1, 0)


def test_subscriber_may_feed_a_message_itself(
    feed: FeedListener, record: Recorder, trade_frames: list[bytes]
) -> None:
    def nested(trade: Trade) -> None:
        if trade.qty == 78:
            feed.feed_bytes(trade_frames[5])

    feed.bus.add(Subscriber("nested", on_trade=nested))
    feed.feed_bytes(trade_frames[6])

    assert [trade.qty for (trade,) in record.named("trade")] == [1, 78, 1, 2, 75, 1, 73]


@pytest.mark.parametrize(
    "wrong",
    [
        {"max_symbols": 0},
        {"max_message_bytes": 0},
        {"bad_frames_kept": -1},
        {"sample_every": 3},
        {"sample_every": -1},
    ],
)
def test_nonsense_arguments_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError):
        FeedListener(**wrong)


def send(feed: FeedListener, kind: WSMsgType, payload: bytes, *, fin: bool = True) -> None:
    feed.on_ws_frame(None, _make_test_ws_frame(kind, payload, fin, False))  # type: ignore[arg-type]


def test_a_text_frame_is_a_message(
    feed: FeedListener, record: Recorder, trade_frames: list[bytes]
) -> None:
    send(feed, WSMsgType.TEXT, trade_frames[6])

    assert len(record.named("trade")) == 4
    assert feed.bytes == len(trade_frames[6])


@pytest.mark.parametrize("cut", [1, 14, 400])
def test_a_message_in_three_fragments_is_one_message(
    cut: int, feed: FeedListener, record: Recorder, trade_frames: list[bytes]
) -> None:
    frame = trade_frames[6]
    send(feed, WSMsgType.TEXT, frame[:cut], fin=False)
    send(feed, WSMsgType.CONTINUATION, frame[cut : cut + 2], fin=False)
    send(feed, WSMsgType.CONTINUATION, b"", fin=False)
    assert record.calls == []

    send(feed, WSMsgType.CONTINUATION, frame[cut + 2 :])

    assert [trade.qty for (trade,) in record.named("trade")] == [1, 78, 1, 73]
    assert feed.bytes == len(frame)
    assert feed.frames == 1


def test_a_continuation_of_nothing_is_a_bad_frame(feed: FeedListener, record: Recorder) -> None:
    send(feed, WSMsgType.CONTINUATION, b"tail")

    assert [(raw, str(error)) for raw, error in record.named("bad")] == [
        (b"tail", "a continuation of nothing")
    ]


def test_a_fragmented_message_beyond_the_limit_is_dropped_once(
    record: Recorder, trade_frames: list[bytes]
) -> None:
    feed = FeedListener(
        max_message_bytes=1_000, on_bad_frame=record("bad"), on_trade=record("trade")
    )
    send(feed, WSMsgType.TEXT, b"x" * 900, fin=False)
    for _ in range(5):
        send(feed, WSMsgType.CONTINUATION, b"x" * 900, fin=False)
    send(feed, WSMsgType.CONTINUATION, b"x")
    send(feed, WSMsgType.TEXT, trade_frames[0])

    assert [(len(raw), str(error)) for raw, error in record.named("bad")] == [
        (900, "a message of more than 1000 bytes")
    ]
    assert feed.bad_frames == 1
    assert len(record.named("trade")) == 1


def test_a_binary_message_is_a_bad_frame(feed: FeedListener, record: Recorder) -> None:
    send(feed, WSMsgType.BINARY, b"\x00\x01")

    assert [raw for raw, _ in record.named("bad")] == [b"\x00\x01"]


def test_text_of_more_than_8_kib_is_read(
    feed: FeedListener, record: Recorder, trade_frames: list[bytes]
) -> None:
    payload = trade_frames[0].rpartition(b"|")[2]
    send(feed, WSMsgType.TEXT, b"0|H0STCNT0|100|" + b"^".join([payload] * 100))

    assert len(record.named("trade")) == 100
    assert feed.bytes > 8_192


def test_receive_time_is_stamped_from_the_clock(
    feed: FeedListener, record: Recorder, trade_frames: list[bytes], depth_frames: list[bytes]
) -> None:
    feed.feed_bytes(trade_frames[6])
    feed.feed_bytes(depth_frames[0])

    assert [trade.recv_ns for (trade,) in record.named("trade")] == [1_000] * 4
    assert feed.book("005930").recv_ns == 1_001
    assert feed.recv_ns == 1_001


def test_messages_of_one_read_share_its_stamp_and_the_next_read_has_its_own(
    feed: FeedListener, record: Recorder, trade_frames: list[bytes]
) -> None:
    feed.feed_many(trade_frames[:3])
    feed.feed_many([])
    feed.feed_bytes(trade_frames[0])

    assert [trade.recv_ns for (trade,) in record.named("trade")] == [1_000] * 3 + [1_002]
    assert feed.bytes == sum(map(len, trade_frames[:3])) + len(trade_frames[0])


@pytest.mark.parametrize("message", [None, "0|H0STCNT0|001|", 7])
def test_what_is_no_bytes_is_refused_and_those_before_it_are_handled(
    message: object, feed: FeedListener, record: Recorder, trade_frames: list[bytes]
) -> None:
    with pytest.raises(TypeError):
        feed.feed_many([trade_frames[0], message])  # type: ignore[list-item]

    assert len(record.named("trade")) == 1


@pytest.mark.parametrize("count", [2, 16, 17, 40])
def test_all_records_of_a_long_frame_arrive_and_a_subscriber_may_feed_another_meanwhile(
    count: int, feed: FeedListener, record: Recorder, trade_frames: list[bytes]
) -> None:
    payload = trade_frames[0].rpartition(b"|")[2]
    rest = payload.partition(b"^")[2]
    records = [b"%06d^%s" % (i, rest) for i in range(count)]
    frame = b"0|H0STCNT0|%03d|" % count + b"^".join(records)
    is_nested = False

    def nested(trade: Trade) -> None:
        nonlocal is_nested
        if not is_nested:
            is_nested = True
            feed.feed_bytes(frame.replace(b"0000", b"9999"))

    feed.bus.add(Subscriber("nested", on_trade=nested))
    feed.feed_bytes(frame)

    first, *others = [trade.symbol for (trade,) in record.named("trade")]
    expected = [f"{i:06d}" for i in range(count)]
    assert first == expected[0]
    assert others == [s.replace("0000", "9999") for s in expected] + expected[1:]


@pytest.mark.parametrize("count", [2, 8, 9, 20])
def test_all_books_of_a_long_frame_are_applied(
    count: int, feed: FeedListener, record: Recorder, depth_frames: list[bytes]
) -> None:
    payload = depth_frames[0].rpartition(b"|")[2]
    rest = payload.partition(b"^")[2]
    records = [b"%06d^%s" % (i, rest) for i in range(count)]

    feed.feed_bytes(b"0|H0STASP0|%03d|" % count + b"^".join(records))

    assert [book.symbol for (book,) in record.named("depth")] == [f"{i:06d}" for i in range(count)]
    assert {book.best_ask_krw for (book,) in record.named("depth")} == {62_200}


def test_listener_uses_the_bus_it_is_given(trade_frames: list[bytes]) -> None:
    heard: list[str] = []
    bus = Bus()
    bus.add(Subscriber("a", on_trade=lambda trade: heard.append("a")))
    first = FeedListener(bus=bus, on_trade=lambda trade: heard.append("b"))
    second = FeedListener(bus=bus, books=first.books)

    first.feed_bytes(trade_frames[0])
    second.feed_bytes(trade_frames[0])

    assert first.bus is bus
    assert heard == ["a", "b", "a", "b"]


def test_one_message_in_sample_every_is_timed_and_every_read(
    trade_frames: list[bytes], depth_frames: list[bytes]
) -> None:
    feed = FeedListener(sample_every=4, on_trade=lambda trade: None)
    for _ in range(20):
        feed.feed_many([trade_frames[0], depth_frames[0], b"{}"])

    latency = feed.latency()
    assert list(latency) == ["parse", "book", "subscribers", "read"]
    assert {stage: row["count"] for stage, row in latency.items()} == {
        "parse": 10,
        "book": 10,
        "subscribers": 10,
        "read": 20,
    }
    for row in latency.values():
        assert 0 < row["p50_ns"] <= row["p99_ns"] <= row["p999_ns"] <= row["max_ns"]
    bounds, counts = feed.histogram("read")
    assert counts.sum() == 20
    assert bounds[counts > 0].max() <= latency["read"]["max_ns"]
    with pytest.raises(KeyError):
        feed.histogram("coffee")


def test_each_record_of_a_timed_message_is_timed(trade_frames: list[bytes]) -> None:
    feed = FeedListener(sample_every=1)
    feed.feed_bytes(trade_frames[6])
    feed.feed_bytes(b"nonsense")

    counts = {stage: row["count"] for stage, row in feed.latency().items()}
    assert counts == {"parse": 1, "book": 4, "subscribers": 4, "read": 2}


def test_nothing_is_timed_when_it_is_off(trade_frames: list[bytes]) -> None:
    feed = FeedListener(sample_every=0)
    for _ in range(100):
        feed.feed_bytes(trade_frames[0])

    assert {row["count"] for row in feed.latency().values()} == {0}
    assert feed.latency()["read"] == dict.fromkeys(
        ("count", "p50_ns", "p99_ns", "p999_ns", "max_ns"), 0
    )

"""The bus: everybody hears, in order, and nobody's mistake reaches the next one."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable
from typing import Any

import pytest

from aegis_fast.hot import Book, Bus, FeedListener, NativeSubscriber, Subscriber, Trade

pytestmark = pytest.mark.native

TRADE = Trade.make(symbol="005930", price_krw=70_000, qty=1)


class Errors(list[tuple[str, str]]):
    """What a bus reported."""

    def __call__(self, subscriber: Subscriber, error: Exception) -> None:
        self.append((subscriber.name, str(error)))


def fails(_heard: object) -> None:
    raise ZeroDivisionError("a bug")


def test_s03_subscribers_hear_in_the_order_they_registered() -> None:
    heard: list[str] = []
    bus = Bus()
    for name in ("a", "b", "c"):
        bus.add(Subscriber(name, on_trade=lambda _trade, name=name: heard.append(name)))
    bus.trade(TRADE)
    assert heard == ["a", "b", "c"]
    assert [s.name for s in bus.subscribers] == ["a", "b", "c"]


def test_s03_subscriber_hears_its_symbols_only_but_every_order() -> None:
    trades: list[Trade] = []
    books: list[Book] = []
    orders: list[object] = []
    bus = Bus()
    bus.add(
        Subscriber(
            "w",
            symbols=["000660"],
            on_trade=trades.append,
            on_depth=books.append,
            on_order=orders.append,
        )
    )
    book = Book("000660", "NXT")

    bus.trade(TRADE)
    bus.depth(Book("005930"))
    bus.depth(book)
    bus.order("an order")

    assert trades == []
    assert books == [book]
    assert orders == ["an order"]


def test_one_trade_object_is_shared_by_all_and_may_be_kept(trade_frames: list[bytes]) -> None:
    first: list[Trade] = []
    second: list[Trade] = []
    feed = FeedListener(on_trade=first.append)
    feed.bus.add(Subscriber("second", on_trade=second.append))

    feed.feed_bytes(trade_frames[6])

    assert [trade.qty for trade in first] == [1, 78, 1, 73]
    assert all(a is b for a, b in zip(first, second, strict=True))


def test_symbol_is_heard_from_every_venue(trade_frames: list[bytes]) -> None:
    heard: list[tuple[str, str]] = []
    feed = FeedListener()
    feed.bus.add(
        Subscriber("mine", symbols={"005930"}, on_trade=lambda t: heard.append((t.symbol, t.venue)))
    )

    for tr in (b"H0STCNT0", b"H0NXCNT0", b"H0UNCNT0"):
        feed.feed_bytes(trade_frames[0].replace(b"H0STCNT0", tr))
        feed.feed_bytes(trade_frames[0].replace(b"H0STCNT0", tr).replace(b"005930", b"000660"))

    assert heard == [("005930", "KRX"), ("005930", "NXT"), ("005930", "UN")]


def test_a_trade_without_room_for_a_book_reaches_those_who_want_its_symbol(
    trade_frames: list[bytes], depth_frames: list[bytes]
) -> None:
    heard: list[object] = []
    feed = FeedListener(max_symbols=1)
    feed.book("999999")
    bus = feed.bus
    bus.add(Subscriber("mine", symbols={"005930"}, on_trade=heard.append, on_depth=heard.append))
    bus.add(Subscriber("other", symbols={"999999"}, on_trade=heard.append, on_depth=heard.append))

    feed.feed_bytes(trade_frames[0])
    feed.feed_bytes(depth_frames[0])

    assert [type(what) for what in heard] == [Trade]


def test_error_in_one_subscriber_is_reported_and_reaches_nobody_else() -> None:
    heard: list[object] = []
    errors = Errors()
    bus = Bus(errors)
    bad = Subscriber("bad", on_trade=fails, on_depth=fails, on_order=fails)
    bus.add(bad)
    bus.add(Subscriber("good", on_trade=heard.append, on_depth=heard.append, on_order=heard.append))
    book = Book("005930")

    bus.trade(TRADE)
    bus.depth(book)
    bus.order("order")

    assert errors == [("bad", "a bug")] * 3
    assert heard == [TRADE, book, "order"]
    assert (bad.errors, bad.last_error, bad.is_stopped) == (3, "ZeroDivisionError: a bug", False)
    assert bus.errors == 3


def test_error_keeps_the_traceback_of_the_subscriber() -> None:
    found: list[BaseException] = []
    bus = Bus(lambda _subscriber, error: found.append(error))
    bus.add(Subscriber("bad", on_trade=fails))

    bus.trade(TRADE)

    names = []
    trace = found[0].__traceback__
    while trace is not None:
        names.append(trace.tb_frame.f_code.co_name)
        trace = trace.tb_next
    assert names[-1] == "fails"


def test_subscriber_that_fails_too_often_is_stopped_everywhere_and_its_owner_told() -> None:
    stopped: list[bool] = []
    bus = Bus(lambda subscriber, _error: stopped.append(subscriber.is_stopped))
    bad = Subscriber("bad", on_trade=fails, on_order=fails, max_errors=3)
    bus.add(bad)
    bus.order("order")
    for _ in range(10):
        bus.trade(TRADE)
    bus.order("order")

    assert stopped == [False, False, True]
    assert bus.subscribers == ()
    assert (bad.errors, bad.is_stopped) == (3, True)
    with pytest.raises(ValueError):
        bus.add(bad)


def test_end_of_a_subscription_may_be_called_twice_and_ends_only_that_one() -> None:
    bus = Bus()
    end_first = bus.add(Subscriber("same"))
    bus.add(Subscriber("same"))
    end_first()
    end_first()
    assert len(bus.subscribers) == 1


def test_subscriber_is_added_once() -> None:
    bus = Bus()
    subscriber = Subscriber("same")
    end = bus.add(subscriber)
    with pytest.raises(ValueError):
        bus.add(subscriber)
    end()
    bus.add(subscriber)
    assert bus.subscribers == (subscriber,)


@pytest.mark.parametrize("kind", ["trade", "depth"])
def test_subscriber_that_ends_another_in_the_middle_disturbs_nobody(
    kind: str, trade_frames: list[bytes], depth_frames: list[bytes]
) -> None:
    heard: list[str] = []
    feed = FeedListener()
    ends: list[Callable[[], None]] = []

    def first(_trade: object) -> None:
        heard.append("first")
        ends[1]()

    def add(name: str, callback: Callable[[Any], object]) -> None:
        ends.append(feed.bus.add(Subscriber(name, **{f"on_{kind}": callback})))  # type: ignore[arg-type]

    add("first", first)
    add("second", lambda _heard: heard.append("second"))
    add("third", lambda _heard: heard.append("third"))

    for _ in range(2):
        feed.feed_bytes((trade_frames if kind == "trade" else depth_frames)[0])

    assert heard == ["first", "second", "third", "first", "third"]


@pytest.mark.parametrize("kind", ["trade", "depth"])
def test_subscriber_added_in_the_middle_hears_from_the_next_event_on(
    kind: str, trade_frames: list[bytes], depth_frames: list[bytes]
) -> None:
    heard: list[str] = []
    feed = FeedListener()

    def first(_heard: object) -> None:
        heard.append("first")
        if len(feed.bus.subscribers) == 1:
            late = {f"on_{kind}": lambda _heard: heard.append("late")}
            feed.bus.add(Subscriber("late", **late))  # type: ignore[arg-type]

    feed.bus.add(Subscriber("first", **{f"on_{kind}": first}))  # type: ignore[arg-type]
    for _ in range(2):
        feed.feed_bytes((trade_frames if kind == "trade" else depth_frames)[0])

    assert heard == ["first", "first", "late"]


@pytest.mark.parametrize("kind", ["trade", "depth"])
def test_subscriber_stopped_in_the_middle_is_not_called_again_even_in_that_event(
    kind: str, trade_frames: list[bytes], depth_frames: list[bytes]
) -> None:
    heard: list[str] = []
    frame = (trade_frames if kind == "trade" else depth_frames)[0]
    feed = FeedListener(on_subscriber_error=lambda *_: None)

    def nests(_heard: object) -> None:
        heard.append("first")
        if len(heard) == 1:
            feed.feed_bytes(frame)

    def bad(_heard: object) -> None:
        heard.append("bad")
        raise RuntimeError

    def add(name: str, callback: Callable[[Any], object], max_errors: int) -> None:
        callbacks: dict[str, Any] = {f"on_{kind}": callback}
        feed.bus.add(Subscriber(name, max_errors=max_errors, **callbacks))

    add("first", nests, 1)
    add("bad", bad, 1)
    add("bad too", bad, 1)
    add("last", lambda _heard: heard.append("last"), 1)
    feed.feed_bytes(frame)

    assert heard == ["first", "first", "bad", "bad", "last", "last"]


def test_subscriber_may_come_back_and_every_book_knows_it(trade_frames: list[bytes]) -> None:
    heard: list[str] = []
    feed = FeedListener()
    subscriber = Subscriber("w", on_trade=lambda trade: heard.append(trade.symbol))
    frames = [trade_frames[0], trade_frames[0].replace(b"005930", b"000660")]

    for _ in range(3):
        end = feed.bus.add(subscriber)
        feed.feed_many(frames)
        end()
        feed.feed_many(frames)

    assert heard == ["005930", "000660"] * 3


def test_books_shared_by_two_buses_reach_the_subscribers_of_each(trade_frames: list[bytes]) -> None:
    heard: list[str] = []
    left = FeedListener(on_trade=lambda _trade: heard.append("left"))
    right = FeedListener(books=left.books, on_trade=lambda _trade: heard.append("right"))

    for feed in (left, right, right, left):
        feed.feed_bytes(trade_frames[0])

    assert heard == ["left", "right", "right", "left"]


def test_interrupt_passes_through_and_is_not_counted() -> None:
    bus = Bus(Errors())

    def stop(_heard: object) -> None:
        raise KeyboardInterrupt

    subscriber = Subscriber("stop", on_trade=stop, on_depth=stop, on_order=stop)
    bus.add(subscriber)
    for tell in (
        lambda: bus.trade(TRADE),
        lambda: bus.depth(Book("005930")),
        lambda: bus.order("order"),
    ):
        with pytest.raises(KeyboardInterrupt):
            tell()
    assert subscriber.errors == bus.errors == 0


def test_error_handler_that_fails_is_told_to_the_unraisable_hook(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    caught: list[Any] = []
    monkeypatch.setattr("sys.unraisablehook", caught.append)

    def handler(subscriber: Subscriber, error: Exception) -> None:
        raise KeyError("the handler's own bug")

    heard: list[Trade] = []
    bus = Bus(handler)
    bus.add(Subscriber("bad", on_trade=fails))
    bus.add(Subscriber("good", on_trade=heard.append))
    bus.trade(TRADE)

    assert [(c.exc_type, c.object) for c in caught] == [(KeyError, handler)]
    assert heard == [TRADE]


def test_error_whose_text_fails_is_told_by_its_name() -> None:
    class Silent(Exception):
        def __str__(self) -> str:
            raise RuntimeError

    def raises(_trade: Trade) -> None:
        raise Silent

    bad = Subscriber("bad", on_trade=raises)
    bus = Bus(lambda _subscriber, _error: None)
    bus.add(bad)
    bus.trade(TRADE)

    assert bad.last_error == "Silent"


def test_subscriber_without_callbacks_is_skipped() -> None:
    bus = Bus(lambda _subscriber, error: (_ for _ in ()).throw(error))
    bus.add(Subscriber("silent"))
    bus.add(NativeSubscriber())
    bus.trade(TRADE)
    bus.depth(Book("005930"))
    bus.order("order")
    assert bus.errors == 0


def test_native_subscriber_may_hear_orders() -> None:
    heard: list[object] = []
    bus = Bus()
    bus.add(NativeSubscriber("native", symbols=["005930"], on_order=heard.append))
    bus.order("order")
    assert heard == ["order"]


def test_nonsense_is_refused() -> None:
    with pytest.raises(ValueError):
        Subscriber("w", max_errors=0)
    with pytest.raises(TypeError, match="one string"):
        Subscriber("w", symbols="005930")
    for wrong in (None, "w", object()):
        with pytest.raises(TypeError):
            Bus().add(wrong)  # type: ignore[arg-type]


def test_what_a_bus_and_its_books_hold_is_freed(trade_frames: list[bytes]) -> None:
    class Strategy:
        def __init__(self) -> None:
            self.feed = FeedListener(on_trade=self.on_trade)

        def on_trade(self, trade: Trade) -> None: ...

    strategy = Strategy()
    strategy.feed.feed_bytes(trade_frames[0])
    gone = weakref.ref(strategy)
    del strategy
    gc.collect()

    assert gone() is None


def test_trade_that_is_let_go_never_shows_the_next_ones_values(trade_frames: list[bytes]) -> None:
    read: list[tuple[str, int | None]] = []
    kept: list[Trade] = []
    frames = [trade_frames[0].replace(b"005930", b"%06d" % (i // 2 % 3)) for i in range(12)]

    def on_trade(trade: Trade) -> None:
        read.append((trade.symbol, trade.qty))
        if len(read) % 5 == 0:
            kept.append(trade)
        if len(read) == 7:
            feed.feed_bytes(frames[11])
            assert trade.symbol == "000000"

    feed = FeedListener(on_trade=on_trade)
    feed.feed_many(frames)

    order = [*range(7), 11, *range(7, 12)]
    assert read == [(f"{i // 2 % 3:06d}", 34) for i in order]
    assert [trade.symbol for trade in kept] == [read[4][0], read[9][0]]

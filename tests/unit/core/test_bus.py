"""The bus: everybody hears, in order, and nobody's mistake reaches the next one."""

from __future__ import annotations

from aegis_fast.core.bus import Bus, Watcher
from aegis_fast.core.model import Order
from aegis_fast.hot import Book, Trade
from tests.unit.core.core_maker import Core

TRADE = Trade.make(symbol="005930", price_krw=70_000, qty=1)


def an_order() -> Order:
    core = Core()
    return core.record(core.live(1)).snapshot()


def test_s03_watchers_hear_in_the_order_they_registered() -> None:
    heard: list[str] = []
    bus = Bus(lambda _watcher, _error: None)
    for name in ("a", "b", "c"):
        bus.add(Watcher(name, on_trade=lambda _trade, name=name: heard.append(name)))
    bus.trade(TRADE)
    assert heard == ["a", "b", "c"]
    assert [w.name for w in bus.watchers] == ["a", "b", "c"]


def test_s03_watcher_hears_its_symbols_only_but_every_order() -> None:
    trades: list[Trade] = []
    books: list[Book] = []
    orders: list[Order] = []
    bus = Bus(lambda _watcher, _error: None)
    bus.add(
        Watcher(
            "w",
            symbols=frozenset({"000660"}),
            on_trade=trades.append,
            on_depth=books.append,
            on_order=orders.append,
        )
    )
    book = Book("000660")

    bus.trade(TRADE)
    bus.depth(Book("005930"))
    bus.depth(book)
    bus.order(an_order())

    assert trades == []
    assert books == [book]
    assert len(orders) == 1


def test_error_in_one_watcher_is_reported_and_reaches_nobody_else() -> None:
    heard: list[Trade] = []
    errors: list[tuple[str, str]] = []
    bus = Bus(lambda watcher, error: errors.append((watcher.name, str(error))))

    def fails(_trade: Trade) -> None:
        raise ZeroDivisionError("a bug")

    bus.add(Watcher("bad", on_trade=fails))
    bus.add(Watcher("good", on_trade=heard.append))
    bus.trade(TRADE)

    assert errors == [("bad", "a bug")]
    assert heard == [TRADE]


def test_watcher_that_fails_too_often_is_taken_out_and_its_owner_told() -> None:
    errors: list[Watcher] = []
    bus = Bus(lambda watcher, _error: errors.append(watcher))

    def fails(_order: Order) -> None:
        raise RuntimeError

    bus.add(Watcher("bad", on_order=fails, max_errors=3))
    for _ in range(10):
        bus.order(an_order())

    assert len(errors) == 3
    assert bus.watchers == ()


def test_end_of_a_watch_may_be_called_twice_and_ends_only_that_one() -> None:
    bus = Bus(lambda _watcher, _error: None)
    end_first = bus.add(Watcher("same"))
    bus.add(Watcher("same"))
    end_first()
    end_first()
    assert len(bus.watchers) == 1


def test_watcher_that_ends_another_in_the_middle_disturbs_nobody() -> None:
    heard: list[str] = []
    bus = Bus(lambda _watcher, _error: None)
    ends = []

    def first(_trade: Trade) -> None:
        heard.append("first")
        ends[1]()

    ends.append(bus.add(Watcher("first", on_trade=first)))
    ends.append(bus.add(Watcher("second", on_trade=lambda _t: heard.append("second"))))
    ends.append(bus.add(Watcher("third", on_trade=lambda _t: heard.append("third"))))

    bus.trade(TRADE)
    bus.trade(TRADE)

    assert heard == ["first", "second", "third", "first", "third"]


def test_watcher_without_callbacks_is_skipped() -> None:
    bus = Bus(lambda _watcher, error: (_ for _ in ()).throw(error))
    bus.add(Watcher("silent"))
    bus.trade(TRADE)
    bus.depth(Book("005930"))
    bus.order(an_order())

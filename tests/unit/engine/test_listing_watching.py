"""Issues are asked for once a day; symbols stay registered as long as somebody watches."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from aegis_fast.errors import InvalidRequest, NotFound, StorageError, TransientError
from aegis_fast.hot import Book, Subscriber
from tests.unit.core.core_maker import INSTRUMENT, SYMBOL
from tests.unit.engine.engine_maker import OTHER, SECOND, Rig, run, settle

FRAMES = __file__.replace("unit/engine/test_listing_watching.py", "data/frames/H0STASP0.txt")


# -- listing ------------------------------------------------------------------------------------


def test_issue_is_asked_for_once_a_day() -> None:
    async def body() -> None:
        rig = Rig()
        for _ in range(3):
            assert await rig.listing.instrument(SYMBOL) == INSTRUMENT
        assert rig.broker.instrument_calls == 1
        rig.day_offset_ns = 86_400 * SECOND
        await rig.listing.instrument(SYMBOL)
        assert rig.broker.instrument_calls == 2

    run(body)


def test_halted_issue_is_asked_for_again_until_it_trades() -> None:
    async def body() -> None:
        rig = Rig()
        rig.broker.instruments[SYMBOL] = msgspec.structs.replace(INSTRUMENT, is_halted=True)
        assert (await rig.listing.instrument(SYMBOL)).is_halted
        assert rig.listing.instrument_now(SYMBOL).is_halted
        await settle()
        assert rig.broker.instrument_calls == 2
        rig.broker.instruments[SYMBOL] = INSTRUMENT

        for _ in range(3):
            assert await rig.listing.instrument(SYMBOL) == INSTRUMENT

        assert rig.listing.instrument_now(SYMBOL) == INSTRUMENT
        await settle()
        assert rig.broker.instrument_calls == 3

    run(body)


def test_many_questions_at_once_are_one_and_share_its_failure() -> None:
    async def body() -> None:
        rig = Rig()
        rig.broker.instrument_delay_s = 1.0
        answers = await asyncio.gather(*[rig.listing.instrument(SYMBOL) for _ in range(50)])
        assert set(answers) == {INSTRUMENT}
        failures = await asyncio.gather(
            *[rig.listing.instrument("999999") for _ in range(50)], return_exceptions=True
        )
        assert all(isinstance(f, NotFound) for f in failures)
        assert rig.broker.instrument_calls == 2
        with pytest.raises(NotFound):
            await rig.listing.instrument("999999")
        assert rig.broker.instrument_calls == 3, "a failure is not kept"

    run(body)


def test_caller_that_leaves_does_not_end_the_question_of_the_others() -> None:
    async def body() -> None:
        rig = Rig()
        rig.broker.instrument_delay_s = 1.0
        first = asyncio.ensure_future(rig.listing.instrument(SYMBOL))
        second = asyncio.ensure_future(rig.listing.instrument(SYMBOL))
        await settle()
        first.cancel()
        assert await second == INSTRUMENT
        assert rig.broker.instrument_calls == 1

    run(body)


@pytest.mark.parametrize("symbol", ["", "5930", "00593!", "00593 ", "12345678", "삼성전자우"])
def test_what_is_no_symbol_is_not_asked_for(symbol: str) -> None:
    async def body() -> None:
        rig = Rig()
        with pytest.raises(InvalidRequest):
            await rig.listing.instrument(symbol)
        assert rig.broker.instrument_calls == 0

    run(body)


def test_known_issues_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aegis_fast.engine.listing._LIMIT", 3)

    async def body() -> None:
        rig = Rig()
        for number in range(5):
            symbol = f"00000{number}"
            rig.broker.instruments[symbol] = INSTRUMENT
            await rig.listing.instrument(symbol)
        assert list(rig.listing._known) == ["000002", "000003", "000004"]
        assert rig.listing.name("000004") == INSTRUMENT.name
        assert rig.listing.name("000001") == ""

    run(body)


# -- watching -----------------------------------------------------------------------------------


def test_symbol_stays_registered_as_long_as_somebody_watches() -> None:
    async def body() -> None:
        rig = Rig()
        end_first = rig.service.watch([SYMBOL, OTHER])
        end_second = rig.service.watch([SYMBOL])
        assert rig.feed.counts == {SYMBOL: 2, OTHER: 1}
        end_first()
        end_first()
        assert rig.feed.counts == {SYMBOL: 1}
        end_second()
        assert rig.feed.counts == {}
        assert rig.bus.subscribers == ()

    run(body)


def test_pinned_symbol_is_registered_once_for_good() -> None:
    async def body() -> None:
        rig = Rig()
        rig.watching.pin(SYMBOL)
        rig.watching.pin(SYMBOL)
        rig.service.watch([SYMBOL])()
        assert rig.feed.counts == {SYMBOL: 1}

    run(body)


def test_watch_that_finds_no_registration_leaves_nothing_behind() -> None:
    async def body() -> None:
        rig = Rig()
        rig.feed.capacity = 1
        with pytest.raises(StorageError):
            rig.watching.add(Subscriber("greedy", symbols=frozenset({SYMBOL, OTHER})))
        assert rig.feed.counts == {}
        assert rig.bus.subscribers == ()

    run(body)


def book_of(symbol: str) -> Book:
    """A book that has seen a frame."""
    with open(FRAMES, "rb") as file:
        frame = file.readline().rstrip(b"\n")
    number = frame.split(b"|")[3].split(b"^")[0]
    book = Book(symbol)
    book.apply(frame.replace(number, symbol.encode()))
    assert book.seq
    return book


def test_book_that_is_watched_is_answered_at_once() -> None:
    async def body() -> None:
        rig = Rig()
        rig.feed.books[SYMBOL] = book_of(SYMBOL)
        rig.watching.pin(SYMBOL)
        answer = await rig.service.book(SYMBOL)
        assert answer["symbol"] == SYMBOL
        assert rig.loop.time() == 0.0

    run(body)


def test_book_that_nobody_watches_is_waited_for_and_let_go() -> None:
    async def body() -> None:
        rig = Rig()
        rig.loop.call_later(1.0, lambda: rig.bus.depth(book_of(SYMBOL)))
        answer = await rig.service.book(SYMBOL)
        assert answer["symbol"] == SYMBOL
        assert rig.feed.counts == {}

    run(body)


def test_book_that_does_not_come_is_not_waited_for_without_end() -> None:
    async def body() -> None:
        rig = Rig()
        with pytest.raises(TransientError) as caught:
            await rig.service.book(SYMBOL)
        assert caught.value.code == 802
        assert rig.loop.time() == pytest.approx(3.0)
        assert rig.feed.counts == {}
        with pytest.raises(NotFound):
            await rig.service.book("999999")

    run(body)

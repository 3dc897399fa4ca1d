"""The day of the process: spinning and cleaning up by the market's hours."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone

import pytest

from aegis_fast.engine.garbage import GarbageKeeper
from aegis_fast.engine.session import Session
from aegis_fast.engine.spin import Spinner

KST = timezone(timedelta(hours=9))
MONDAY = (2026, 11, 23)
SATURDAY = (2026, 11, 28)


def ns(day: tuple[int, int, int], hour: int, minute: int = 0) -> int:
    return int(datetime(*day, hour, minute, tzinfo=KST).timestamp()) * 1_000_000_000


@pytest.fixture(autouse=True)
def collector_as_before() -> Iterator[None]:
    thresholds = gc.get_threshold()
    gc.unfreeze()
    yield
    assert gc.get_threshold() == thresholds
    assert gc.get_freeze_count() == 0


class Clock:
    def __init__(self, at_ns: int) -> None:
        self.at_ns = at_ns

    def __call__(self) -> int:
        return self.at_ns


class Garbage(GarbageKeeper):
    """Counts instead of walking the heap of the test run."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[str] = []

    def begin(self) -> None:
        self.told.append("begin")

    def collect(self) -> None:
        self.told.append("collect")

    def end(self) -> None:
        self.told.append("end")


def test_engine_spins_in_market_hours_only_and_not_after_its_end() -> None:
    async def body() -> None:
        clock = Clock(ns(MONDAY, 7, 59))
        spinner = Spinner()
        session = Session(clock, spinner=spinner, garbage=None)
        session.start()
        seen = []
        for at_ns in (
            ns(MONDAY, 8),
            ns(MONDAY, 12),
            ns(MONDAY, 19, 59),
            ns(MONDAY, 20),
            ns(SATURDAY, 12),
            ns(MONDAY, 12),
        ):
            clock.at_ns = at_ns
            session.turn()
            seen.append(session.is_spinning)
        await session.close()

        assert seen == [True, True, True, False, False, True]
        assert not session.is_spinning

    asyncio.run(body())


def test_engine_that_starts_in_market_hours_spins_at_once() -> None:
    async def body() -> None:
        session = Session(Clock(ns(MONDAY, 9)), spinner=Spinner(), garbage=None)
        session.start()
        assert session.is_spinning
        await session.close()

    asyncio.run(body())


def test_engine_without_the_switch_blocks() -> None:
    async def body() -> None:
        session = Session(Clock(ns(MONDAY, 9)), spinner=None, garbage=None)
        session.start()
        assert not session.is_spinning
        await session.close()

    asyncio.run(body())


def test_everything_is_collected_at_the_close_and_at_midnight_never_in_market_hours() -> None:
    async def body() -> None:
        clock, garbage = Clock(ns(MONDAY, 9)), Garbage()
        session = Session(clock, spinner=None, garbage=garbage)
        session.start()
        for day, hour in ((0, 10), (0, 19), (0, 20), (0, 21), (1, 0), (1, 7), (1, 8), (1, 19)):
            clock.at_ns = ns((2026, 11, 23 + day), hour)
            session.turn()
            garbage.told.append(f"{day} {hour}")
        await session.close()

        assert garbage.told == [
            "begin",
            *("0 10", "0 19"),
            *("collect", "0 20", "0 21"),
            *("collect", "1 0", "1 7", "1 8", "1 19"),
            "end",
        ]

    asyncio.run(body())


def test_session_looks_at_the_clock_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aegis_fast.engine.session._INTERVAL_S", 0.0)

    async def body() -> None:
        clock = Clock(ns(MONDAY, 7))
        session = Session(clock, spinner=Spinner(), garbage=None)
        session.start()
        clock.at_ns = ns(MONDAY, 8)
        for _ in range(100):
            await asyncio.sleep(0)
        assert session.is_spinning
        await session.close()

    asyncio.run(asyncio.wait_for(body(), 10))


def test_what_lives_is_frozen_and_the_oldest_generation_left_alone_until_the_end() -> None:
    before = gc.get_threshold()
    keeper = GarbageKeeper()

    keeper.begin()
    frozen = gc.get_freeze_count()
    young, middle, old = gc.get_threshold()
    keeper.end()

    assert frozen > 10_000
    assert (young, middle) == before[:2]
    assert old >= 1_000_000_000
    assert gc.get_threshold() == before


def test_cycle_that_was_frozen_is_collected_when_the_market_is_closed() -> None:
    class Cycle:
        def __init__(self) -> None:
            self.myself = self

    def count() -> int:
        return sum(isinstance(thing, Cycle) for thing in gc.get_objects())

    keeper = GarbageKeeper()
    cycle = Cycle()
    keeper.begin()
    del cycle
    gc.collect()
    gc.unfreeze()
    assert count() == 1, "a frozen cycle stays"
    gc.freeze()

    keeper.collect()
    gc.unfreeze()
    assert count() == 0
    keeper.end()


def test_keeper_that_did_not_begin_touches_nothing() -> None:
    keeper = GarbageKeeper()
    keeper.collect()
    keeper.end()
    assert gc.get_freeze_count() == 0

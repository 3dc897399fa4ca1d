"""The engine's clock follows a simulator's: never ahead of it, never back."""

from __future__ import annotations

import asyncio
import logging

from aegis_fast.core.model import BrokerTime
from aegis_fast.engine.clock import FollowedClock
from aegis_fast.engine.following import ClockFollower
from aegis_fast.errors import TransientError

S = 1_000_000_000
WALL = 1_795_000_000 * S
MARKET = 1_700_000_000 * S


class Machine:
    """A wall clock and a monotonic one that move together when told."""

    def __init__(self) -> None:
        self.passed_ns = 0
        self.clock = FollowedClock(lambda: WALL + self.passed_ns, lambda: 7 + self.passed_ns)

    def told(self, market_ns: int, *, speed_milli: int = 1_000, door_ns: int | None = None) -> None:
        self.clock.follow(
            BrokerTime(
                market_ns=market_ns,
                door_ns=market_ns if door_ns is None else door_ns,
                speed_milli=speed_milli,
            )
        )


def test_clock_that_was_told_nothing_is_the_wall_clock() -> None:
    machine = Machine()
    machine.passed_ns = 3 * S

    assert machine.clock.now_ns() == machine.clock.door_ns() == WALL + 3 * S


def test_wall_mode_goes_on_with_real_time_however_long_nothing_is_told() -> None:
    machine = Machine()
    machine.told(MARKET)
    machine.passed_ns = 90 * S

    assert machine.clock.now_ns() == MARKET + 90 * S


def test_fast_market_is_followed_at_real_speed_between_readings_and_for_a_second_at_most() -> None:
    machine = Machine()
    machine.told(MARKET, speed_milli=720_000)

    machine.passed_ns = S // 4
    assert machine.clock.now_ns() == MARKET + S // 4
    machine.passed_ns = 30 * S
    assert machine.clock.now_ns() == MARKET + S
    machine.told(MARKET + 21_600 * S, speed_milli=720_000)
    assert machine.clock.now_ns() == MARKET + 21_600 * S


def test_slow_market_is_followed_at_its_own_speed() -> None:
    machine = Machine()
    machine.told(MARKET, speed_milli=100)
    machine.passed_ns = S // 2

    assert machine.clock.now_ns() == MARKET + S // 20


def test_stepped_market_stands_still_while_the_door_goes_on() -> None:
    machine = Machine()
    machine.told(MARKET, speed_milli=0, door_ns=MARKET + 5 * S)
    machine.passed_ns = 10 * S

    assert machine.clock.now_ns() == MARKET
    assert machine.clock.door_ns() == MARKET + 15 * S


def test_reading_behind_what_was_given_out_does_not_turn_the_clock_back() -> None:
    machine = Machine()
    machine.told(MARKET)
    machine.passed_ns = 2 * S
    assert machine.clock.now_ns() == MARKET + 2 * S

    machine.told(MARKET + S)

    assert machine.clock.now_ns() == machine.clock.door_ns() == MARKET + 2 * S
    machine.passed_ns = 4 * S
    assert machine.clock.now_ns() == MARKET + 3 * S


def test_time_given_out_before_a_reading_stands_even_if_nobody_had_asked() -> None:
    machine = Machine()
    machine.told(MARKET)
    machine.passed_ns = 2 * S

    machine.told(MARKET, speed_milli=0)

    assert machine.clock.now_ns() == MARKET + 2 * S


def test_first_reading_may_lie_before_the_wall_clock() -> None:
    machine = Machine()
    assert machine.clock.now_ns() == WALL

    machine.told(MARKET)

    assert machine.clock.now_ns() == MARKET


class Source:
    """A broker that tells these times, one a question."""

    def __init__(self, *times: BrokerTime | TransientError | None) -> None:
        self.times = list(times)
        self.asked = asyncio.Event()

    async def simulator_time(self) -> BrokerTime | None:
        told = self.times.pop(0)
        if not self.times:
            self.asked.set()
            self.times.append(None)
        if isinstance(told, TransientError):
            raise told
        return told


def at(market_ns: int) -> BrokerTime:
    return BrokerTime(market_ns=market_ns, door_ns=market_ns, speed_milli=0)


def follow(machine: Machine, *times: BrokerTime | TransientError | None) -> None:
    async def play() -> None:
        source = Source(*times)
        follower = ClockFollower(source, machine.clock, logging.getLogger("test"), interval_s=0)
        await follower.start()
        await source.asked.wait()
        await follower.close()

    asyncio.run(play())


def test_follower_goes_on_after_a_question_that_failed() -> None:
    machine = Machine()

    follow(machine, at(MARKET), TransientError("gone"), at(MARKET + S))

    assert machine.clock.now_ns() == MARKET + S


def test_follower_leaves_the_wall_clock_alone_at_a_real_broker() -> None:
    machine = Machine()

    follow(machine, None)

    assert machine.clock.now_ns() == WALL

"""The two times of a simulator and the page that moves them."""

from __future__ import annotations

import json
from datetime import date

import pytest

from aegis_fast.errors import InvalidRequest
from aegis_fast.sim.calls.answers import Request
from aegis_fast.sim.control import Control
from aegis_fast.sim.sim_clock import MAX_JUMP_NS, SimClock, crowd_pace, parse_moment
from tests.unit.sim.sim_harness import SECOND, START_NS, Bench

HOUR = 3_600 * SECOND


class Real:
    """A monotonic clock that moves when told."""

    def __init__(self) -> None:
        self.at_ns = 77 * SECOND

    def __call__(self) -> int:
        return self.at_ns


@pytest.fixture
def real() -> Real:
    return Real()


def test_wall_clock_runs_with_real_time_in_both(real: Real) -> None:
    clock = SimClock(real, START_NS)

    real.at_ns += 5 * SECOND

    assert (clock.now_ns(), clock.door_ns()) == (START_NS + 5 * SECOND,) * 2
    assert (clock.mode, clock.may_skip, clock.lag_ns) == ("wall", True, 0)


def test_fast_market_leaves_the_door_at_real_speed(real: Real) -> None:
    clock = SimClock(real, START_NS, speed=720)

    real.at_ns += 60 * SECOND

    assert clock.target_ns() == START_NS + 12 * HOUR
    assert clock.door_ns() == START_NS + 60 * SECOND
    assert (clock.mode, clock.may_skip) == ("speed", False)


def test_market_that_falls_behind_shows_its_lag_and_loses_nothing(real: Real) -> None:
    clock = SimClock(real, START_NS, speed=10)
    real.at_ns += 2 * SECOND

    clock.reach(START_NS + 15 * SECOND)

    assert clock.now_ns() == START_NS + 15 * SECOND
    assert clock.lag_ns == 5 * SECOND
    clock.reach(START_NS + 20 * SECOND)
    assert clock.lag_ns == 0


def test_stepped_market_stands_still_until_told(real: Real) -> None:
    clock = SimClock(real, START_NS, is_stepped=True)
    real.at_ns += HOUR
    assert (clock.now_ns(), clock.door_ns()) == (START_NS, START_NS + HOUR)

    goal = clock.jump(10 * SECOND)

    assert goal == clock.target_ns() == START_NS + 10 * SECOND
    assert clock.now_ns() == START_NS  # Not simulated yet.
    assert clock.is_jumping
    clock.reach(goal)
    assert (clock.now_ns(), clock.is_jumping) == (goal, False)


def test_jump_of_the_wall_clock_may_not_be_skipped(real: Real) -> None:
    clock = SimClock(real, START_NS)

    goal = clock.jump(HOUR)
    real.at_ns += SECOND

    assert not clock.may_skip
    assert clock.now_ns() == START_NS
    assert clock.door_ns() == START_NS + HOUR + SECOND
    clock.reach(goal)
    assert clock.may_skip
    assert clock.now_ns() == START_NS + HOUR + SECOND


def test_changes_of_mode_never_move_the_market_back_or_ahead(real: Real) -> None:
    clock = SimClock(real, START_NS)
    real.at_ns += 3 * SECOND
    clock.set_stepped(True)
    real.at_ns += 50 * SECOND
    clock.set_speed(2)
    real.at_ns += 4 * SECOND

    assert clock.target_ns() == START_NS + 11 * SECOND
    clock.reach(START_NS + 9 * SECOND)
    clock.set_speed(1)
    # What it was behind by is dropped with the old speed: the market goes on from where it is.
    assert clock.now_ns() == clock.target_ns() == START_NS + 9 * SECOND


def test_jump_survives_a_change_of_mode(real: Real) -> None:
    clock = SimClock(real, START_NS)
    goal = clock.jump(HOUR)

    clock.set_stepped(True)

    assert clock.target_ns() == goal
    assert clock.is_jumping


def test_more_than_a_week_is_refused_however_it_is_asked_for(real: Real) -> None:
    clock = SimClock(real, START_NS, is_stepped=True)
    clock.jump(MAX_JUMP_NS - SECOND)

    with pytest.raises(InvalidRequest):
        clock.jump(2 * SECOND)
    clock.jump(SECOND)


@pytest.mark.parametrize("speed", [0, -1, 10_001, float("nan"), float("inf")])
def test_speed_out_of_range_is_refused(real: Real, speed: float) -> None:
    with pytest.raises(ValueError, match="speed"):
        SimClock(real, START_NS, speed=speed)


def test_door_time_passes_alone(real: Real) -> None:
    clock = SimClock(real, START_NS)

    clock.pass_door_time(HOUR)

    assert (clock.now_ns(), clock.door_ns()) == (START_NS, START_NS + HOUR)


def test_crowd_thins_out_only_above_twenty() -> None:
    assert [crowd_pace(speed) for speed in (1, 20, 40, 720)] == [1.0, 1.0, 0.5, 20 / 720]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("10:00", START_NS),
        ("15:20:00", START_NS + 5 * HOUR + 20 * 60 * SECOND),
        ("2026-11-24T10:00", START_NS + 24 * HOUR),
        ("2026-11-24 10:00:01", START_NS + 24 * HOUR + SECOND),
    ],
)
def test_moments_are_korean_time(text: str, expected: int) -> None:
    assert parse_moment(text, date(2026, 11, 23)) == expected


@pytest.mark.parametrize("text", ["", "9", "9:00", "24:00", "10:60", "2026-13-01T09:00", "x:yz"])
def test_nonsense_is_no_moment(text: str) -> None:
    with pytest.raises(ValueError):
        parse_moment(text, date(2026, 11, 23))


class Page:
    """The clock page of a bench whose market stands still."""

    def __init__(self) -> None:
        self.bench = Bench(activity=1.0)
        self.real = Real()
        self.clock = SimClock(self.real, START_NS, is_stepped=True)
        self.control = Control(self.bench.broker, self.clock)

    def ask(self, body: dict | None = None) -> tuple[int, dict]:
        method = "GET" if body is None else "POST"
        raw = json.dumps(body).encode() if body is not None else b""
        request = Request(method, "/_sim/clock", {}, {}, raw, "127.0.0.1")
        answer = self.control.answer(request, self.clock.now_ns())
        return answer.status, json.loads(answer.body)


def test_clock_page_shows_and_moves_both_times() -> None:
    page = Page()

    status, shown = page.ask()
    assert (status, shown["mode"], shown["now"]) == (
        200,
        "stepped",
        "2026-11-23T10:00:00.000+09:00",
    )
    assert page.ask({"to": "15:20:00"})[1]["target_ns"] == START_NS + (5 * 60 + 20) * 60 * SECOND
    page.clock.reach(page.clock.target_ns())
    assert page.ask({"to": "2026-11-24T09:00"})[1]["target_ns"] == START_NS + 23 * HOUR
    assert page.ask({"door_ms": 1_000})[1]["door_ns"] == START_NS + 23 * HOUR + SECOND


def test_speeding_up_thins_the_crowd_out() -> None:
    page = Page()

    assert page.ask({"speed": 200})[1]["mode"] == "speed"
    assert page.bench.broker.world.crowd.activity == pytest.approx(0.1)
    assert page.ask({"stepped": True})[1]["mode"] == "stepped"
    assert page.ask({"stepped": False})[1]["speed"] == 200
    assert page.ask({"speed": 1})[1]["mode"] == "wall"
    assert page.bench.broker.world.crowd.activity == 1


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "body"),
        ({"speeed": 1}, "body"),
        ({"advance_ms": -1}, "advance_ms"),
        ({"advance_ms": 7 * 86_400_000 + 1}, "advance_ms"),
        ({"advance_ms": 1, "to": "15:00"}, "to"),
        ({"to": "09:59:59"}, "to"),
        ({"to": "soon"}, "to"),
        ({"to": "2026-12-01T10:00"}, "to"),
        ({"speed": 0}, "speed"),
        ({"door_ms": -1}, "door_ms"),
    ],
)
def test_wrong_clock_body_changes_nothing(body: dict, field: str) -> None:
    page = Page()
    before = page.ask()[1]

    status, answer = page.ask(body)

    assert (status, answer["field"]) == (400, field)
    assert page.ask()[1] == before


def test_state_shows_clock_and_limits() -> None:
    page = Page()
    request = Request("GET", "/_sim/state", {}, {}, b"", "127.0.0.1")

    state = json.loads(page.control.answer(request, START_NS).body)

    assert state["clock"]["mode"] == "stepped"
    assert state["limits"]["calls_per_s"] == 0
    assert state["batch"]["tr_id"] == "OVC_ORDER"
    assert state["profile"] == "spec"
    assert all("appsecret" not in json.dumps(c) for c in state["limits"]["customers"])


def test_pingpong_keeps_the_doors_time_after_a_change_of_a_market_that_is_ahead() -> None:
    page = Page()
    broker, socket = page.bench.broker, page.bench.socket()
    market_ns, body = START_NS + HOUR, json.dumps({"pause": True}).encode()
    request = Request("POST", "/_sim/market", {}, {}, body, "127.0.0.1")
    broker.advance(market_ns, START_NS)

    assert page.control.answer(request, market_ns).status == 200
    for second in range(1, 61):
        broker.advance(market_ns, START_NS + second * SECOND)

    assert sum("PINGPONG" in text for text in socket.texts) == 6

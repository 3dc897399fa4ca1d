"""Tell the two times of a simulator: the market's, and the door's.

Market time is everything on the wire: dates, HHMMSS, sessions, the crowd. It follows the wall
clock ("wall"), runs faster or slower ("speed"), or stands still until told ("stepped"). Door time
is what a client waits for in its own life: call limits, tokens, PINGPONG. It runs at real speed
whatever the market does, and makes the market's jumps with it.

Only "wall" may skip what it could not simulate in time. In the other modes, and while a jump is
being made, no market time is lost: the market falls behind its target and `lag_ns` says how far.
Pure: it is given a monotonic reading.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

from aegis_fast.errors import InvalidRequest
from aegis_fast.sim.kst import (
    DAY_NS,
    SECOND_NS,
    date_of,
    hhmmss,
    midnight_ns,
    parse_hhmmss,
)

__all__ = ["MAX_JUMP_NS", "SPEEDS", "SimClock", "crowd_pace", "moment_ns", "parse_moment"]

MAX_JUMP_NS = 7 * DAY_NS
SPEEDS = (0.01, 10_000.0)
_MILLI = 1_000
# Up to this many times the wall clock the crowd trades at its own pace; beyond, ever more thinly,
# so that the work of a real second stays the same: less than half a core at the opening, with the
# thirty issues of the default listing. A day in a minute (720) has 1/36 of the crowd.
_FULL_CROWD_SPEED = 20.0


def crowd_pace(speed: float) -> float:
    """Return the crowd's activity at a speed of the clock: 1.0 up to 20, then 20 / speed."""
    return min(1.0, _FULL_CROWD_SPEED / speed)


def moment_ns(day: date, second: int) -> int:
    """Return the ns since the epoch of a second (0 to 86,399) of a KST day."""
    return midnight_ns(day) + second * SECOND_NS


def parse_moment(text: str, today: date) -> int:
    """Return the ns that "15:20", "15:20:00" (of today), "2026-11-30T09:00[:00]" name, in KST.

    Raises ValueError on anything else.
    """
    day_text, separator, clock_text = text.strip().replace(" ", "T").rpartition("T")
    day = date.fromisoformat(day_text) if separator else today
    parts = clock_text.split(":")
    if len(parts) not in (2, 3) or any(len(part) != 2 for part in parts):
        raise ValueError(f"not a time: {text!r}")
    return moment_ns(day, parse_hhmmss("".join((*parts, "00"))[:6]))


class SimClock:
    """Both times. read_ns: a monotonic clock. start_ns: where both begin (ns since the epoch).

    speed: market seconds for one real second. Raises ValueError when it is out of SPEEDS.
    """

    def __init__(
        self,
        read_ns: Callable[[], int],
        start_ns: int,
        *,
        speed: float = 1.0,
        is_stepped: bool = False,
    ) -> None:
        self._read_ns = read_ns
        self._anchor_ns = start_ns
        self._anchor_read_ns = read_ns()
        self._door_offset_ns = start_ns - self._anchor_read_ns
        self._goal_ns = start_ns
        self._reached_ns = start_ns
        self._speed_milli = _checked_milli(speed)
        self._is_stepped = is_stepped

    @property
    def mode(self) -> str:
        """Return "wall", "speed" or "stepped"."""
        if self._is_stepped:
            return "stepped"
        return "wall" if self._speed_milli == _MILLI else "speed"

    @property
    def speed(self) -> float:
        """Return the market seconds for one real second, when it is not stepped."""
        return self._speed_milli / _MILLI

    @property
    def goal_ns(self) -> int:
        """Return where the last jump leads, ns since the epoch."""
        return self._goal_ns

    @property
    def is_jumping(self) -> bool:
        """Tell whether a jump is still being simulated."""
        return self._reached_ns < self._goal_ns

    @property
    def may_skip(self) -> bool:
        """Tell whether market time that could not be simulated in time may be left out."""
        return self.mode == "wall" and not self.is_jumping

    @property
    def reached_ns(self) -> int:
        """Return up to where the market has been simulated."""
        return self._reached_ns

    @property
    def lag_ns(self) -> int:
        """Return how far the market is behind where it should be."""
        return max(0, self.target_ns() - self._reached_ns)

    def door_ns(self) -> int:
        """Return the door's time, ns since the epoch. It never steps back."""
        return self._read_ns() + self._door_offset_ns

    def target_ns(self) -> int:
        """Return where the market should be, ns since the epoch. It never steps back."""
        if self._is_stepped:
            return self._anchor_ns
        passed_ns = self._read_ns() - self._anchor_read_ns
        return self._anchor_ns + passed_ns * self._speed_milli // _MILLI

    def now_ns(self) -> int:
        """Return the market's time for a call that arrives now."""
        if self.may_skip:
            self._reached_ns = max(self._reached_ns, self.target_ns())
        return self._reached_ns

    def reach(self, market_ns: int) -> None:
        """Note that the market has been simulated up to market_ns."""
        self._reached_ns = max(self._reached_ns, market_ns)

    def jump(self, span_ns: int) -> int:
        """Put both times forward by span_ns and return the goal.

        The market gets there when it has been simulated. Raises InvalidRequest when more than a
        week would be waiting.
        """
        if span_ns < 0 or self.target_ns() - self.now_ns() + span_ns > MAX_JUMP_NS:
            raise InvalidRequest(
                "more than a week at once", field="advance_ms", expected="a week at most in all"
            )
        self._anchor_ns += span_ns
        self._door_offset_ns += span_ns
        self._goal_ns = max(self._goal_ns, self.target_ns())
        return self._goal_ns

    def pass_door_time(self, span_ns: int) -> None:
        """Put only the door's time forward: tokens age, the market stays. span_ns: 0 or more."""
        self._door_offset_ns += max(0, span_ns)

    def set_speed(self, speed: float) -> None:
        """Run at that speed from here on; 1.0 is "wall". Raises ValueError.

        A market that was behind goes on from where it is, with the jumps that were asked for.
        """
        milli = _checked_milli(speed)
        self._rest_anchor()
        self._speed_milli, self._is_stepped = milli, False

    def set_stepped(self, is_stepped: bool) -> None:
        """Stand still from here on, or run again at the speed of before."""
        self._rest_anchor()
        self._is_stepped = is_stepped

    def _rest_anchor(self) -> None:
        self._anchor_ns = max(self.now_ns(), self._goal_ns)
        self._anchor_read_ns = self._read_ns()

    def as_json(self) -> dict[str, Any]:
        """Return what GET /_sim/clock shows."""
        now_ns = self.now_ns()
        return {
            "mode": self.mode,
            "speed": self.speed,
            "now_ns": now_ns,
            "now": f"{date_of(now_ns).isoformat()}T{_clock_text(now_ns)}+09:00",
            "target_ns": self.target_ns(),
            "lag_ns": self.lag_ns,
            "is_jumping": self.is_jumping,
            "door_ns": self.door_ns(),
        }


def _clock_text(now_ns: int) -> str:
    text = hhmmss(now_ns)
    return f"{text[:2]}:{text[2:4]}:{text[4:]}.{now_ns % SECOND_NS // 1_000_000:03d}"


def _checked_milli(speed: float) -> int:
    if not SPEEDS[0] <= speed <= SPEEDS[1]:
        raise ValueError(f"speed {speed} is not in {SPEEDS[0]}..{SPEEDS[1]:.0f}")
    return round(speed * _MILLI)

"""Lay out the sessions of the market's day, and find where the next one begins or ends."""

from __future__ import annotations

from typing import Any

from aegis_fast.sim.kst import SECOND_NS, date_of, midnight_ns, second_of_day
from aegis_fast.sim.market.calendar import (
    BOARDS,
    OPEN_HOURS,
    Phase,
    is_trading_day,
    next_trading_day,
    phases,
)
from aegis_fast.sim.market.world import World

__all__ = ["clock_text", "day_json", "next_change_ns", "phase_json"]


def clock_text(second: int) -> str:
    """Return a second of the day as HH:MM:SS; the day's end is 24:00:00."""
    return f"{second // 3_600:02d}:{second // 60 % 60:02d}:{second % 60:02d}"


def next_change_ns(now_ns: int) -> int:
    """Return when, after now_ns, a session of any board begins or ends next (ns since the epoch).

    The end of an auction is the planned one; its random part comes after it.
    """
    today = date_of(now_ns)
    for day in (today, next_trading_day(today)):
        start_ns = midnight_ns(day)
        changes = {s for phase in phases(day) for s in (phase.start_s, phase.end_s)}
        later = [at for s in changes if (at := start_ns + s * SECOND_NS) > now_ns]
        if later:
            return min(later)
    raise AssertionError("a trading day without sessions")


def phase_json(phase: Phase | None) -> dict[str, Any] | None:
    """Return a session as the state page shows it."""
    if phase is None:
        return None
    return {"name": phase.name, "mode": phase.mode, "until": clock_text(phase.end_s)}


def day_json(world: World, now_ns: int) -> dict[str, Any]:
    """Return the sessions of the day of now_ns, by board, in seconds since midnight KST.

    next_ns: when a session begins or ends next; None in a market that is always open.
    """
    day = date_of(now_ns)
    is_open = world.hours == "open"
    plan = OPEN_HOURS if is_open else phases(day)
    return {
        "date": day.isoformat(),
        "hours": world.hours,
        "is_trading_day": is_open or is_trading_day(day),
        "second": second_of_day(now_ns),
        "next_ns": None if is_open else next_change_ns(now_ns),
        "boards": {
            board: [
                {
                    "name": phase.name,
                    "mode": phase.mode,
                    "start_s": phase.start_s,
                    "end_s": phase.end_s,
                }
                for phase in plan
                if phase.board == board
            ]
            for board in BOARDS
        },
    }

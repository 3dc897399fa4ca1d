"""Open an issue's day: a fresh tape before the market opens, a plausible morning after it."""

from __future__ import annotations

from datetime import date
from random import Random
from typing import NamedTuple

from aegis_fast.sim.crowd.history import open_the_day, opened_at
from aegis_fast.sim.crowd.regimes import Regime, opening_krw
from aegis_fast.sim.kst import SECOND_NS, date_of, midnight_ns, second_of_day
from aegis_fast.sim.market.calendar import phases
from aegis_fast.sim.market.rules import Issue, PriceLimits, market_data
from aegis_fast.sim.market.tape import Tape

__all__ = ["NXT_PERCENT", "Opened", "has_midpoint", "open_issue"]

NXT_PERCENT = 30  # What NXT trades of an issue before the simulator starts, of KRX's volume.


def has_midpoint(day: date) -> bool:
    """Tell whether midpoint orders exist on a day: they came with NXT."""
    return day >= date.fromisoformat(market_data()["nxt_since"])


class Opened(NamedTuple):
    """An issue at the start: its tapes, and what it is worth to the crowd."""

    tape: Tape
    nxt_tape: Tape | None
    fair_krw: int


def open_issue(
    issue: Issue, regime: Regime, limits: PriceLimits, rng: Random, now_ns: int, *, hours: str
) -> Opened:
    """Return the issue as it stands at now_ns; hours: see world.World."""
    price = opening_krw(issue, regime, limits, rng)
    opened_ns = opened_at(now_ns)
    has_morning = True
    if hours == "day":
        opens_s = [p.end_s for p in phases(date_of(now_ns)) if p.name == "opening_auction"]
        has_morning = bool(opens_s) and second_of_day(now_ns) > opens_s[0] + 60
        opened_ns = (
            midnight_ns(date_of(now_ns)) + (opens_s[0] if opens_s else 9 * 3_600) * SECOND_NS
        )
    tape = Tape(issue, limits, opened_ns)
    nxt = Tape(issue, limits, opened_ns) if issue.is_nxt else None
    if has_morning:
        open_the_day(tape, rng, price)
        if nxt is not None:
            _share(tape, nxt)
    return Opened(tape, nxt, price)


def _share(krx: Tape, nxt: Tape) -> None:
    """Give NXT a smaller morning of the same course."""
    nxt.open_krw, nxt.high_krw, nxt.low_krw = krx.open_krw, krx.high_krw, krx.low_krw
    nxt.last_krw, nxt.open_time = krx.last_krw, krx.open_time
    nxt.high_time, nxt.low_time = krx.high_time, krx.low_time
    for name in ("cum_qty", "buy_qty", "buy_count", "sell_count"):
        setattr(nxt, name, getattr(krx, name) * NXT_PERCENT // 100)
    nxt.sell_qty = nxt.cum_qty - nxt.buy_qty
    average_x4 = nxt.open_krw + nxt.high_krw + nxt.low_krw + nxt.last_krw
    nxt.cum_value_krw = nxt.cum_qty * average_x4 // 4

"""A broker in memory that starts at any time of a day with its real sessions."""

from __future__ import annotations

from random import Random

from aegis_fast.sim.broker import Broker
from tests.unit.sim.sim_harness import SECOND, START_NS, Bench, spec

__all__ = ["RICH", "bench_at"]

_MIDNIGHT_NS = START_NS - 10 * 3_600 * SECOND
RICH = spec(
    cash_krw=10**13,
    holdings={"005930": (1_000_000, 274_000_000_000), "000660": (100, 95_900_000)},
)


def bench_at(clock: str, *, days: int = 0, **settings: object) -> Bench:
    """Return a bench at HH:MM:SS of 2026-11-23 or some days later; hours are those of the day."""
    hours, minutes, seconds = (int(part) for part in clock.split(":"))
    bench = Bench.__new__(Bench)
    bench.now_ns = _MIDNIGHT_NS + (days * 86_400 + hours * 3_600 + minutes * 60 + seconds) * SECOND
    bench.door_lead_ns = 0
    bench.token = ""
    fields = {"hours": "day", "activity": 0.0, "calls_per_s": 0, "accounts": (RICH,), **settings}
    bench.broker = Broker(start_ns=bench.now_ns, entropy=Random(7), **fields)  # type: ignore[arg-type]
    bench.login()
    return bench

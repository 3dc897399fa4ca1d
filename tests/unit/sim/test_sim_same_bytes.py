"""The same seed and the same requests give the same day, byte for byte, however time is fed in."""

from __future__ import annotations

import hashlib
from datetime import date

import pytest

from aegis_fast.kis.profile import SIM_HTS_ID
from aegis_fast.sim.kst import SECOND_NS, midnight_ns
from aegis_fast.sim.market.rules import issues
from tests.unit.sim.sim_harness import Bench, Socket

START_NS = midnight_ns(date(2026, 11, 23)) + 8 * 3600 * SECOND_NS + 58 * 60 * SECOND_NS
FEW = tuple(issue for issue in issues() if issue.symbol in ("005930", "000660", "57JN53"))
REGISTRATIONS = (
    ("H0STCNT0", "005930"),
    ("H0STASP0", "005930"),
    ("H0STANC0", "005930"),
    ("H0NXCNT0", "005930"),
    ("H0UNASP0", "005930"),
    ("H0UNCNT0", "000660"),
    ("H0EWCNT0", "57JN53"),
    ("H0UPCNT0", "0001"),
    ("H0STMKO0", "005930"),
    ("H0STCNI0", SIM_HTS_ID),
)


def lived(*, seed: int = 5, entropy: int, step_ns: int) -> list[str]:
    """Return every data frame of six minutes around the opening, with an order on the way."""
    bench = Bench(
        start_ns=START_NS,
        entropy=entropy,
        seed=seed,
        hours="day",
        activity=0.5,
        listed=FEW,
        pingpong_ns=3_600 * SECOND_NS,
    )
    socket: Socket = bench.socket()
    for tr_id, key in REGISTRATIONS:
        assert socket.code(tr_id, key) == "OPSP0000", tr_id
    for minute in range(1, 7):
        goal = START_NS + minute * 60 * SECOND_NS
        while bench.now_ns < goal:
            bench.now_ns = min(bench.now_ns + step_ns, goal)
            bench.broker.advance(bench.now_ns, bench.real_ns)
        if minute in (1, 5):
            assert bench.order("buy", 7, 0, "01")["rt_cd"] == "0"
    return [text for text in socket.texts if text[0] in "01"]


def digest(frames: list[str]) -> str:
    return hashlib.sha256("\n".join(frames).encode()).hexdigest()


@pytest.fixture(scope="module")
def once() -> list[str]:
    return lived(entropy=1, step_ns=60 * SECOND_NS)


def test_same_seed_gives_the_same_bytes_at_any_stepping(once: list[str]) -> None:
    again = lived(entropy=2, step_ns=173_000_000)

    assert len(once) > 500
    assert {text[2:10] for text in once} >= {tr_id for tr_id, _ in REGISTRATIONS} - {"H0STMKO0"}
    assert digest(again) == digest(once)


def test_other_seed_gives_other_bytes(once: list[str]) -> None:
    assert digest(lived(seed=6, entropy=1, step_ns=60 * SECOND_NS)) != digest(once)

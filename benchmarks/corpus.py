"""The inputs: 512 distinct, lifelike records each, the same bytes for every contender.

Widths are the older 46 and 59 values, since two of the peers refuse or misread wider frames.
"""

from __future__ import annotations

from random import Random

from tests.oracle.frame_maker import lifelike_depth, lifelike_trade

SIZE = 512
SEED = 20260922


def trades() -> list[bytes]:
    """Frames of one H0STCNT0 record each."""
    rng = Random(SEED)
    records = [lifelike_trade(rng, "005930", 46) for _ in range(SIZE)]
    return [f"0|H0STCNT0|001|{'^'.join(values)}".encode() for values in records]


def trades_of_four() -> list[bytes]:
    """The same records, four to a frame."""
    payloads = [frame.split(b"|", 3)[3] for frame in trades()]
    return [b"0|H0STCNT0|004|" + b"^".join(payloads[i : i + 4]) for i in range(0, len(payloads), 4)]


def depths() -> list[bytes]:
    """Frames of one H0STASP0 snapshot each."""
    rng = Random(SEED)
    records = [lifelike_depth(rng, "005930", 59) for _ in range(SIZE)]
    return [f"0|H0STASP0|001|{'^'.join(values)}".encode() for values in records]


def prices() -> list[int]:
    """Prices over all tick bands, as many in each."""
    rng = Random(SEED)
    edges = (1_000, 2_000, 5_000, 20_000, 50_000, 200_000, 500_000, 1_000_000)
    return [rng.randrange(edges[i % 7], edges[i % 7 + 1]) for i in range(SIZE)]

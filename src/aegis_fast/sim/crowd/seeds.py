"""Give each part of the market its own random numbers, all from one seed."""

from __future__ import annotations

from random import Random

__all__ = ["seeded"]


def seeded(seed: int, *names: str) -> Random:
    """Return the generator of a part of the market: the same names, the same numbers."""
    return Random(f"{seed}:{':'.join(names)}")

"""Name the moods of an issue: how fast it trades, how far it moves, how deep its book is.

A regime is drawn from the seed for every issue and can be set while the market runs. Percentages
are of a usual day in that issue.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from aegis_fast.sim.market.rules import Issue, PriceLimits, round_down

__all__ = ["REGIMES", "Regime", "draw", "opening_krw"]

THIN_QTY = 1_000  # Issues that trade fewer shares a day are thin whatever is drawn.
_THIN_DAY_QTY = 700
_THIN_TRADES = 8  # An hour.
_PPM = 1_000_000


@dataclass(frozen=True, slots=True)
class Regime:
    """A mood. levels: kept on each side. spread: ticks from the fair value to the best price.

    spacing: ticks between levels, at most. sticks: 1 at the upper price limit, -1 at the lower one,
    0 nowhere. trend_ppm_hour: drift of the fair value. gap_ppm: how far from the previous close the
    day opens, at most; at least half of it.
    """

    name: str
    pace_percent: int = 100
    vol_percent: int = 100
    depth_percent: int = 100
    levels: int = 12
    spread: int = 0
    spacing: int = 1
    trend_ppm_hour: int = 0
    gap_ppm: int = 0
    sticks: int = 0

    @property
    def is_thin(self) -> bool:
        """Tell whether the book has holes."""
        return self.spacing > 1

    def daily_qty(self, issue: Issue) -> int:
        """Return the shares of a usual day in this mood: less than a thousand in a thin one."""
        return min(issue.daily_qty, _THIN_DAY_QTY) if self.is_thin else issue.daily_qty

    def hourly_trades(self, issue: Issue) -> int:
        """Return the trades of a usual hour in this mood, before pace_percent."""
        return min(issue.hourly_trades, _THIN_TRADES) if self.is_thin else issue.hourly_trades


REGIMES = {
    regime.name: regime
    for regime in (
        Regime("quiet", pace_percent=50, vol_percent=45, depth_percent=130),
        Regime("normal"),
        Regime("trend_up", pace_percent=140, vol_percent=110, trend_ppm_hour=15_000),
        Regime("trend_down", pace_percent=140, vol_percent=110, trend_ppm_hour=-15_000),
        Regime("gap", pace_percent=180, vol_percent=140, gap_ppm=90_000),
        Regime("thin", vol_percent=80, levels=4, spread=2, spacing=4),
        Regime("limit_up", pace_percent=160, vol_percent=100, sticks=1),
        Regime("limit_down", pace_percent=160, vol_percent=100, sticks=-1),
    )
}

# Out of a hundred stocks. A day with a limit-up issue is asked for by name.
_MIX = (("normal", 72), ("quiet", 12), ("trend_up", 6), ("trend_down", 6), ("gap", 4))


def draw(issue: Issue, seed: int, day: str = "") -> Regime:
    """Return the issue's regime for a seed and a day: its own if it names one, else a drawn one.

    Raises KeyError when the issue names an unknown regime.
    """
    if issue.regime:
        return REGIMES[issue.regime]
    if issue.daily_qty < THIN_QTY:
        return REGIMES["thin"]
    if issue.kind != "stock":
        # Funds and warrants follow what they stand for; they have no mood of their own.
        return REGIMES["normal"]
    left = Random(f"{seed}:{issue.symbol}:regime:{day}").randrange(100)
    for name, weight in _MIX:
        left -= weight
        if left < 0:
            return REGIMES[name]
    raise AssertionError("the mix does not add up to 100")


def gap_of(regime: Regime, price_krw: int, rng: Random) -> int:
    """Return the signed distance (won) that a gap puts between a price and the next one."""
    size = rng.randint(regime.gap_ppm // 2, regime.gap_ppm)
    return price_krw * (size if rng.randrange(2) else -size) // _PPM


def opening_krw(issue: Issue, regime: Regime, limits: PriceLimits, rng: Random) -> int:
    """Return a price for the start of the day, on the grid and inside the limits."""
    base = issue.base_krw
    moved = base * sum(rng.randint(-3_000, 3_000) for _ in range(3)) // _PPM
    if regime.gap_ppm:
        moved = gap_of(regime, base, rng)
    elif regime.sticks and limits.has_limit:
        # Two thirds of the way; it runs the rest while one watches.
        limit = limits.upper_krw if regime.sticks > 0 else limits.lower_krw
        moved = (limit - base) * 2 // 3
    inside = min(max(base + moved, limits.lower_krw), limits.upper_krw)
    return max(round_down(inside, issue.grid), limits.lower_krw)

"""Move all issues together: one factor for the market and one for each sector, a step a second.

A market regime bends the market's factor. Everything is drawn from the seed; a sector's steps do
not depend on which other sectors are listed.
"""

from __future__ import annotations

from random import Random

from aegis_fast.sim.crowd.regimes import REGIMES, Regime

__all__ = ["Factors"]

# With the issues' own noise this makes about 0.3 % a minute in one issue and 0.15 % in an index:
# livelier than the real market, so that minutes show what a day would.
_MARKET_PPM = 180
_SECTOR_PPM = 180


class Factors:
    """The common part of the moves of this second, in ppm.

    Steps are bell-shaped: 64 coin tosses have a standard deviation of 4.
    """

    def __init__(self, seed: int, regime: str = "normal") -> None:
        self._seed = seed
        self._rng = Random(f"{seed}:market")
        self._sectors: dict[str, Random] = {}
        self._steps: dict[str, int] = {}
        self._count = 0
        self._trend_rest = 0
        self.market_ppm = 0
        self.regime: Regime = REGIMES["normal"]
        self.set_regime(regime)

    def set_regime(self, name: str) -> None:
        """Set the mood of the whole market. Raises KeyError; a gap happens with the next step."""
        self.regime = REGIMES[name]
        self._gap_ppm = 0
        if self.regime.gap_ppm:
            # An index never opens as far away as a single stock.
            gap = self.regime.gap_ppm // 3
            self._gap_ppm = gap if self._rng.randrange(2) else -gap

    def advance(self) -> None:
        """Draw the steps of the next second."""
        self._count += 1
        toss = self._rng.getrandbits(64).bit_count() - 32
        step = toss * _MARKET_PPM * self.regime.vol_percent // 400
        trend = self.regime.trend_ppm_hour or self.regime.sticks * 40_000
        # A trend is less than one ppm in some seconds, so its rest is carried on.
        self._trend_rest += trend
        whole = self._trend_rest // 3_600
        self._trend_rest -= whole * 3_600
        self.market_ppm = step + whole + self._gap_ppm
        self._gap_ppm = 0
        self._steps.clear()

    def sector_ppm(self, sector: str) -> int:
        """Return the sector's step of this second, the same however often it is asked for.

        A sector that is first asked for later starts then; the world asks for all of them.
        """
        step = self._steps.get(sector)
        if step is None:
            rng = self._sectors.get(sector)
            if rng is None:
                rng = self._sectors[sector] = Random(f"{self._seed}:sector:{sector}")
            toss = rng.getrandbits(64).bit_count() - 32
            step = self._steps[sector] = toss * _SECTOR_PPM * self.regime.vol_percent // 400
        return step

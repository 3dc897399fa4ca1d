"""Keep the fair value of one issue: what the crowd thinks it is worth, and what moves that.

It reverts to an anchor that reverts to a centre, usually the previous close. Each second the market
and the sector push all three of them in their beta; the issue adds noise of its own; trades of the
simulator's users press on it. Integers: millionths of a won, so that a cheap warrant drifts too.
"""

from __future__ import annotations

from math import isqrt
from random import Random
from typing import Protocol

from aegis_fast.sim.crowd.elw import theory_micro
from aegis_fast.sim.crowd.regimes import REGIMES, Regime, gap_of
from aegis_fast.sim.market.rules import Issue, PriceLimits, Side, tick_size

__all__ = ["MICRO", "Basket", "FairValue", "FollowedValue", "Value"]

MICRO = 1_000_000
_PPM = 1_000_000
# Standard deviations a second: noise that stays (for hours) and noise that is gone in minutes.
_OWN_PPM = {"stock": 210, "etf": 20, "etn": 40, "elw": 900}
_PASSING_PPM = {"stock": 150, "etf": 60, "etn": 80, "elw": 500}
_ANCHOR_S = 7_200
_FAIR_S = 300
_STICK_S = 120
_STICK_TICKS = 4  # How far past its limit a stuck issue is worth more, or less.
# Square-root law: trading a whole day's volume at once moves a price by 3 %.
_IMPACT_PPM = 30_000
_LASTING_PERCENT = 30
_PRESSURE_S = 600
# A warrant's time value is taken as if it always had this long to go: one day loses little of it.
_WARRANT_DAYS = 60


class Value(Protocol):
    """What a Flow asks of a fair value. micro: in millionths of a won."""

    micro: int

    @property
    def regime(self) -> Regime:
        """Return the mood."""

    def sync(self) -> None:
        """Catch up with whatever this value follows."""

    def drift(self, market_ppm: int, sector_ppm: int, *, is_calm: bool = False) -> None:
        """Move by one second. is_calm: the issue's own market is not trading continuously."""

    def press(self, side: Side, qty: int) -> None:
        """Give way to a user's trade of qty shares."""

    def put(self, price_krw: int) -> None:
        """Set the value to a price, and make it its home."""

    def set_regime(self, regime: Regime) -> None:
        """Change the mood."""


class Basket:
    """What an index is worth: (value, shares, base price) of each member.

    micro: what they are worth now, of which base_micro at their base prices; 0 without members.
    """

    def __init__(self, members: list[tuple[Value, int, int]]) -> None:
        self._members = [(value, shares) for value, shares, _ in members]
        self.base_micro = sum(shares * base for _, shares, base in members) * MICRO
        self.micro = self.base_micro

    def sync(self) -> None:
        """Add up the members' values of this moment."""
        self.micro = sum(value.micro * shares for value, shares in self._members)


class FairValue:
    """The value of an issue. underlying: the value an ELW stands for, if that is simulated."""

    def __init__(
        self,
        issue: Issue,
        limits: PriceLimits,
        rng: Random,
        price_krw: int,
        regime: Regime = REGIMES["normal"],
        underlying: Value | None = None,
    ) -> None:
        self._issue = issue
        self._limits = limits
        self._rng = rng
        self._bits = rng.getrandbits
        self._lower = limits.lower_krw * MICRO
        self._upper = limits.upper_krw * MICRO
        self._pressed_qty = 0
        self._underlying = underlying if issue.elw is not None else None
        self._basket: Basket | None = None
        self.micro = price_krw * MICRO
        self._settle()
        self.set_regime(regime, is_start=True)
        if not (regime.gap_ppm or regime.sticks or underlying):
            self._centre = issue.base_krw * MICRO

    def set_regime(self, regime: Regime, *, is_start: bool = False) -> None:
        """Change the mood. A gap opens at once, except at the start, where the price has it."""
        self.regime = regime
        kind = self._issue.kind
        self._own_ppm = _OWN_PPM[kind] * regime.vol_percent // 100
        self._passing_ppm = _PASSING_PPM[kind] * regime.vol_percent // 100
        if is_start:
            return
        if regime.gap_ppm:
            self.micro += gap_of(regime, self.micro // MICRO, self._rng) * MICRO
        self._settle()
        self._clamp()

    def track(self, basket: Basket) -> None:
        """Follow an index from its level at the base prices on."""
        self._basket = basket
        self._centre = self._issue.base_krw * MICRO
        self._theory_start = basket.base_micro

    def _settle(self) -> None:
        self._anchor = self._centre = self.micro
        self._theory_start = self._theory_micro()

    def put(self, price_krw: int) -> None:
        """Set the value to a price, and make it its home."""
        self.micro = price_krw * MICRO
        self._pressed_qty = 0
        self._settle()

    def sync(self) -> None:
        """Follow nobody."""

    def drift(self, market_ppm: int, sector_ppm: int, *, is_calm: bool = False) -> None:
        """Move by one second; when calm a quarter as far, and neither trend nor run goes on."""
        if self._pressed_qty:
            self._pressed_qty -= self._pressed_qty // _PRESSURE_S or 1
        # 64 coin tosses have a standard deviation of 4; so shocks are in quarters of a ppm.
        own = (self._bits(64).bit_count() - 32) * self._own_ppm
        passing = (self._bits(64).bit_count() - 32) * self._passing_ppm
        if is_calm:
            own, passing = own >> 2, passing >> 2
            market_ppm, sector_ppm = market_ppm >> 2, sector_ppm >> 2
        if self._theory_start:
            self._follow_theory(passing)
        elif self.regime.sticks:
            if not is_calm:
                self._run_to_limit(own)
        else:
            if self._issue.kind != "stock":
                sector_ppm = 0  # A fund follows the market; its "sector" is only a name.
            common = 4 * self._issue.beta_ppm * (market_ppm + sector_ppm)
            lasting = self._anchor * (common + own * _PPM) // (4 * _PPM * _PPM)
            if self.regime.trend_ppm_hour and not is_calm:
                trend = self._anchor * self.regime.trend_ppm_hour // (3_600 * _PPM)
                self._centre += trend
                lasting += trend
            anchor = self._anchor + lasting
            if not is_calm:
                anchor += (self._centre - self._anchor) // _ANCHOR_S
            fair = self.micro + (self._anchor - self.micro) // _FAIR_S + lasting
            self._anchor = anchor
            self.micro = fair + fair * passing // (4 * _PPM)
        self._clamp()

    def _theory_micro(self) -> int:
        """Return what the price should be by what it stands for, on some scale; 0: for itself."""
        if self._basket is not None:
            return self._basket.micro
        elw = self._issue.elw
        if elw is None or self._underlying is None:
            return 0
        return theory_micro(elw, self._underlying.micro, _WARRANT_DAYS)

    def _follow_theory(self, passing: int) -> None:
        # What the market pays may differ from theory; its moves are those of the theory.
        self._anchor = max(self._centre * self._theory_micro() // self._theory_start, self._lower)
        self.micro += (self._anchor - self.micro) // 3 + self.micro * passing // (4 * _PPM)

    def _run_to_limit(self, own: int) -> None:
        is_up = self.regime.sticks > 0
        limit = self._limits.upper_krw if is_up else self._limits.lower_krw
        tick = tick_size(limit, self._issue.grid) * MICRO
        target = limit * MICRO + self.regime.sticks * _STICK_TICKS * tick
        left = target - self.micro
        noise = self.micro * own // (4 * _PPM) if abs(left) > 8 * tick else 0
        self.micro += left // _STICK_S + self.regime.sticks * tick // 8 + noise
        self._anchor = self._centre = self.micro

    def _clamp(self) -> None:
        lower, upper = self._lower, self._upper
        if lower < self.micro < upper and lower < self._anchor < upper:
            return
        sticks = self.regime.sticks
        tick = tick_size(self._limits.upper_krw, self._issue.grid) * MICRO
        if sticks > 0:
            upper += _STICK_TICKS * tick
        elif sticks < 0:
            lower -= _STICK_TICKS * tick_size(self._limits.lower_krw, self._issue.grid) * MICRO
        self.micro = min(max(self.micro, lower, 1), upper)
        self._anchor = min(max(self._anchor, lower, 1), upper)
        self._centre = min(max(self._centre, lower, 1), upper)

    def press(self, side: Side, qty: int) -> None:
        """Give way to a user's trade of qty shares: some for good, the rest for a few minutes.

        The move grows with the square root of what he traded lately, so it does not matter in how
        many pieces he does it. Less than 0.05 % of a usual day moves nothing.
        """
        sign = 1 if side is Side.BUY else -1
        before = self._pressed_qty
        self._pressed_qty += sign * qty
        moved = self.micro * (self._impact_ppm(self._pressed_qty) - self._impact_ppm(before))
        moved //= _PPM
        self.micro += moved
        lasting = moved * _LASTING_PERCENT // 100
        self._anchor += lasting
        self._centre += lasting
        self._clamp()

    def _impact_ppm(self, signed_qty: int) -> int:
        daily_qty = max(self._issue.daily_qty, 1)
        qty = min(abs(signed_qty), daily_qty) - daily_qty // 2_000
        if qty <= 0:
            return 0
        root = isqrt(qty * _PPM // daily_qty)
        ppm = _IMPACT_PPM * root // 1_000
        return ppm if signed_qty > 0 else -ppm


class FollowedValue:
    """The value of an issue on a second board: the leader's, a little off it."""

    def __init__(self, leader: Value, rng: Random) -> None:
        self._leader = leader
        self._bits = rng.getrandbits
        self._basis_ppm = 0
        self.micro = leader.micro

    @property
    def regime(self) -> Regime:
        """Return the leader's regime."""
        return self._leader.regime

    def sync(self) -> None:
        """Take the leader's value of this moment."""
        leader = self._leader.micro
        self.micro = leader + leader * self._basis_ppm // _PPM

    def drift(self, market_ppm: int, sector_ppm: int, *, is_calm: bool = False) -> None:
        """Let the distance to the leader wander by one second."""
        self._basis_ppm += (self._bits(64).bit_count() - 32) * 10 - self._basis_ppm // 30
        self.sync()

    def press(self, side: Side, qty: int) -> None:
        """Press the leader: whoever buys here raises the price there."""
        self._leader.press(side, qty)
        self.sync()

    def put(self, price_krw: int) -> None:
        """Put the leader there."""
        self._leader.put(price_krw)
        self._basis_ppm = 0
        self.sync()

    def set_regime(self, regime: Regime) -> None:
        """Change the leader's mood."""
        self._leader.set_regime(regime)

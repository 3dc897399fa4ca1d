"""Value an ELW: Black-Scholes without dividends, per warrant in won.

Floats are fine here: these figures are shown, never paid. Interest: 2.5 %, volatility of every
underlying: 35 % a year. theta is the loss of a day as a positive number and vega and rho are for
one percentage point, as captured.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date

from aegis_fast.sim.market import Issue

__all__ = ["ElwTerms", "Valuation", "terms_of", "value"]

_RATE = 0.025
_VOLATILITY = 0.35
_DAYS = 365
_BISECTIONS = 30


@dataclass(frozen=True, slots=True)
class ElwTerms:
    """What an ELW promises. ratio: underlying shares of one warrant. days: to expiry, >= 1."""

    underlying: str
    is_call: bool
    strike_krw: int
    ratio: float
    days: int


@dataclass(frozen=True, slots=True)
class Valuation:
    """Figures of one warrant. Prices are won; rates and volatilities percent."""

    intrinsic: float
    parity: float
    premium: float
    gearing: float
    break_even: float
    fulcrum: float
    leverage: float
    delta: float
    gamma: float
    vega: float
    theta: float
    rho: float
    implied: float
    fair: float


def _normal(x: float) -> float:
    return 0.5 * (1.0 + math.erf(x / math.sqrt(2.0)))


def _density(x: float) -> float:
    return math.exp(-x * x / 2.0) / math.sqrt(2.0 * math.pi)


def _d1(spot: float, strike: float, years: float, volatility: float) -> float:
    spread = volatility * math.sqrt(years)
    return (math.log(spot / strike) + (_RATE + volatility * volatility / 2) * years) / spread


def _price(spot: float, terms: ElwTerms, volatility: float) -> float:
    """Return the fair price of an option on one share."""
    years, strike = terms.days / _DAYS, float(terms.strike_krw)
    d1 = _d1(spot, strike, years, volatility)
    d2 = d1 - volatility * math.sqrt(years)
    discounted = strike * math.exp(-_RATE * years)
    if terms.is_call:
        return spot * _normal(d1) - discounted * _normal(d2)
    return discounted * _normal(-d2) - spot * _normal(-d1)


def terms_of(elw: Issue, today: date) -> ElwTerms:
    """Return the terms of an ELW as of a day. Raises ValueError: the issue is no ELW."""
    terms = elw.elw
    if terms is None:
        raise ValueError(f"{elw.symbol} is no ELW")
    text = terms.expiry
    expiry = date(int(text[:4]), int(text[4:6]), int(text[6:]))
    return ElwTerms(
        terms.underlying,
        terms.is_call,
        terms.strike_krw,
        terms.conversion_ppm / 1_000_000,
        max((expiry - today).days, 1),
    )


def _implied(spot: float, terms: ElwTerms, option_price: float) -> float:
    low, high = 0.01, 5.0
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        if _price(spot, terms, middle) < option_price:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def value(terms: ElwTerms, spot_krw: int, price_krw: int) -> Valuation:
    """Return the figures at prices of the underlying and of the warrant, both > 0."""
    spot, strike, ratio = float(spot_krw), float(terms.strike_krw), terms.ratio
    years, volatility = terms.days / _DAYS, _VOLATILITY
    option_price = price_krw / ratio
    direction = 1.0 if terms.is_call else -1.0
    d1 = _d1(spot, strike, years, volatility)
    d2 = d1 - volatility * math.sqrt(years)
    discounted = strike * math.exp(-_RATE * years)
    delta = _normal(d1) if terms.is_call else _normal(d1) - 1.0
    even = strike + direction * option_price
    premium = direction * (even - spot) / spot * 100
    decay = spot * _density(d1) * volatility / (2 * math.sqrt(years))
    decay += direction * _RATE * discounted * _normal(direction * d2)
    gearing = spot * ratio / price_krw
    rest = spot - direction * option_price
    fulcrum = ((strike / rest) ** (1 / years) - 1) * 100 if rest > 0 else 0.0
    return Valuation(
        intrinsic=max(direction * (spot - strike), 0.0) * ratio,
        parity=(spot / strike if terms.is_call else strike / spot) * 100,
        premium=premium,
        gearing=gearing,
        break_even=(even - spot) / spot * 100,
        fulcrum=min(max(fulcrum, -999.0), 999.0),
        leverage=delta * gearing,
        delta=delta,
        gamma=_density(d1) / (spot * volatility * math.sqrt(years)),
        vega=spot * _density(d1) * math.sqrt(years) * ratio / 100,
        theta=max(decay, 0.0) * ratio / _DAYS,
        rho=direction * discounted * years * _normal(direction * d2) * ratio / 100,
        implied=_implied(spot, terms, option_price) * 100,
        fair=_price(spot, terms, volatility) * ratio,
    )

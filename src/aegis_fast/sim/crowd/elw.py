"""Price ELW: an integer theory that moves the simulated market, and the figures that are shown.

The figures (delta, implied volatility, ...) are floats: nobody orders by them, they only fill the
fields of inquire-elw-price and H0EWCNT0. Source of the formulas: Black-Scholes, no dividend.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from math import erf, exp, isqrt, log, pi, sqrt

from aegis_fast.sim.market.rules import Elw

__all__ = ["ElwFigures", "days_left", "figures", "theory_micro"]

VOLATILITY_PPM = 350_000  # A year's, of every underlying.
RATE = 0.025
_PPM = 1_000_000
_YEAR_DAYS = 365


def days_left(elw: Elw, today: date) -> int:
    """Return the days to the expiry, at least 1."""
    text = elw.expiry
    expiry = date(int(text[:4]), int(text[4:6]), int(text[6:]))
    return max((expiry - today).days, 1)


def theory_micro(elw: Elw, underlying_micro: int, days: int) -> int:
    """Return what a warrant is worth, in millionths of a won, cut; at least 1.

    A hyperbola between nothing and the inner value, with the Black-Scholes price at the strike;
    dearer than that far from it, but smooth, rising with the underlying, and in integers.
    """
    strike = elw.strike_krw * _PPM
    inner = underlying_micro - strike if elw.is_call else strike - underlying_micro
    root = isqrt(days * _PPM // _YEAR_DAYS)  # In thousandths.
    highest = max(underlying_micro * VOLATILITY_PPM * root * 2 // (_PPM * 1_000 * 5), 1)
    value = (inner + isqrt(inner * inner + 4 * highest * highest)) // 2
    return max(value * elw.conversion_ppm // _PPM, 1)


@dataclass(frozen=True, slots=True)
class ElwFigures:
    """What the broker shows of a warrant. Prices in won, rates in percent.

    theta: a day's loss. vega, rho: for one percent. parity: how far the underlying is to the
    strike, 100 at it. break_even: how far it has to go. fulcrum: from where on the warrant pays
    better than the share.
    """

    theory: float
    intrinsic: float
    time_value: float
    delta: float
    gamma: float
    vega: float
    theta: float
    rho: float
    implied_volatility: float
    parity: float
    gearing: float
    leverage: float
    break_even: float
    fulcrum: float


def _normal(x: float) -> float:
    return (1 + erf(x / sqrt(2))) / 2


def _price(is_call: bool, spot: float, strike: float, years: float, volatility: float) -> float:
    spread = volatility * sqrt(years)
    d1 = (log(spot / strike) + (RATE + volatility * volatility / 2) * years) / spread
    sign = 1 if is_call else -1
    paid = strike * exp(-RATE * years) * _normal(sign * (d1 - spread))
    return sign * (spot * _normal(sign * d1) - paid)


def _implied(elw: Elw, spot: float, price: float, years: float) -> float:
    low, high = 0.01, 5.0
    for _ in range(30):
        middle = (low + high) / 2
        if _price(elw.is_call, spot, elw.strike_krw, years, middle) < price:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def figures(elw: Elw, underlying_krw: int, price_krw: int, today: date) -> ElwFigures:
    """Return the figures of a warrant at a price (> 0), its underlying's price (> 0) and a day."""
    spot, strike = float(underlying_krw), float(elw.strike_krw)
    ratio = elw.conversion_ppm / _PPM
    years = days_left(elw, today) / _YEAR_DAYS
    each = price_krw / ratio  # The price of a warrant on one whole share.
    volatility = _implied(elw, spot, each, years)
    spread = volatility * sqrt(years)
    d1 = (log(spot / strike) + (RATE + volatility * volatility / 2) * years) / spread
    density = exp(-d1 * d1 / 2) / sqrt(2 * pi)
    sign = 1 if elw.is_call else -1
    discounted = strike * exp(-RATE * years) * _normal(sign * (d1 - spread))
    inner = max(sign * (spot - strike), 0.0) * ratio
    delta = sign * _normal(sign * d1)
    gearing = spot * ratio / price_krw
    far = strike + each if elw.is_call else strike - each
    kept = spot - sign * each
    return ElwFigures(
        theory=_price(elw.is_call, spot, strike, years, VOLATILITY_PPM / _PPM) * ratio,
        intrinsic=inner,
        time_value=price_krw - inner,
        delta=delta,
        gamma=density / (spot * spread),
        vega=spot * density * sqrt(years) * ratio / 100,
        theta=(spot * density * volatility / (2 * sqrt(years)) + sign * RATE * discounted)
        * ratio
        / _YEAR_DAYS,
        rho=sign * discounted * years * ratio / 100,
        implied_volatility=volatility * 100,
        parity=(spot / strike if elw.is_call else strike / spot) * 100,
        gearing=gearing,
        leverage=gearing * abs(delta),
        break_even=sign * (far - spot) / spot * 100,
        fulcrum=(strike / kept - 1) * 100 if kept > 0 else 0.0,
    )

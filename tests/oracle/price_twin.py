"""Tick sizes and order prices by the printed tables, one won at a time where that is simplest.

The tables are written here once more, as (upper end of the band, tick size) and the tick size above
the last end, so that a slip in the engine's data is seen.
"""

from __future__ import annotations

from fractions import Fraction

Table = tuple[tuple[tuple[int, int], ...], int]

STOCK: Table = (
    ((2_000, 1), (5_000, 5), (20_000, 10), (50_000, 50), (200_000, 100), (500_000, 500)),
    1_000,
)
KOSPI_BEFORE_2023: Table = (
    ((1_000, 1), (5_000, 5), (10_000, 10), (50_000, 50), (100_000, 100), (500_000, 500)),
    1_000,
)
KOSDAQ_BEFORE_2023: Table = (((1_000, 1), (5_000, 5), (10_000, 10), (50_000, 50)), 100)
FUND: Table = (((2_000, 1),), 5)
FIVE: Table = ((), 5)


def table(instrument: str, on: int = 0, market: str = "") -> Table:
    """Return the table in force on a day (YYYYMMDD, 0 = the newest)."""
    if instrument == "stock":
        if on == 0 or on >= 20230125:
            return STOCK
        return KOSPI_BEFORE_2023 if market == "KOSPI" else KOSDAQ_BEFORE_2023
    if instrument == "elw":
        return FIVE
    return FUND if on == 0 or on >= 20231218 else FIVE


def tick_size(price_krw: int, instrument: str, on: int = 0, market: str = "") -> int:
    """Return the tick size of the first band whose end lies above the price."""
    bands, top = table(instrument, on, market)
    for below, size in bands:
        if price_krw < below:
            return size
    return top


def is_on_grid(price_krw: int, instrument: str, on: int = 0, market: str = "") -> bool:
    """Tell whether an order may carry this price."""
    return price_krw % tick_size(price_krw, instrument, on, market) == 0


def round_to_tick(price_krw: int, side: str, instrument: str, on: int = 0, market: str = "") -> int:
    """Walk down (buy) or up (sell) won by won until a grid price is met."""
    step = -1 if side == "buy" else 1
    while not is_on_grid(price_krw, instrument, on, market):
        price_krw += step
    return price_krw


def offset_price(
    base_krw: int, offset_bp: int, side: str, instrument: str, on: int = 0, market: str = ""
) -> int:
    """Return the exact product on the grid, without limits."""
    exact = Fraction(base_krw * (10_000 + offset_bp), 10_000)
    whole = exact.__floor__() if side == "buy" else exact.__ceil__()
    return round_to_tick(whole, side, instrument, on, market)


def price_limits(
    base_krw: int, percent: int, instrument: str, on: int = 0, market: str = ""
) -> tuple[int, int]:
    """Return the day's limits around a base price."""
    step = tick_size(base_krw, instrument, on, market)
    width = (base_krw * percent // 100) // step * step
    return (
        round_to_tick(base_krw - width, "sell", instrument, on, market),
        round_to_tick(base_krw + width, "buy", instrument, on, market),
    )


def order_price(percent: int, side: str, base_krw: int) -> int:
    """Return the literal calculate_order_price."""
    exact = Fraction(base_krw) * (100 - percent if side == "buy" else 100 + percent) / 100
    return exact.__floor__() if side == "buy" else exact.__ceil__()

"""Tick sizes and order prices by the printed tables, one won at a time where that is simplest."""

from __future__ import annotations

from fractions import Fraction

STOCK = ((2_000, 1), (5_000, 5), (20_000, 10), (50_000, 50), (200_000, 100), (500_000, 500))
ETF = ((2_000, 1),)


def tick_size(price_krw: int, instrument: str) -> int:
    bands, top = {
        "stock": (STOCK, 1_000),
        "etf": (ETF, 5),
        "etn": (ETF, 5),
        "elw": ((), 5),
    }[instrument]
    for below, size in bands:
        if price_krw < below:
            return size
    return top


def is_on_grid(price_krw: int, instrument: str) -> bool:
    return price_krw % tick_size(price_krw, instrument) == 0


def round_to_tick(price_krw: int, side: str, instrument: str) -> int:
    """Walk down (buy) or up (sell) won by won until a grid price is met."""
    step = -1 if side == "buy" else 1
    while not is_on_grid(price_krw, instrument):
        price_krw += step
    return price_krw


def offset_price(base_krw: int, offset_bp: int, side: str, instrument: str) -> int:
    exact = Fraction(base_krw * (10_000 + offset_bp), 10_000)
    whole = exact.__floor__() if side == "buy" else exact.__ceil__()
    return round_to_tick(whole, side, instrument)


def price_limits(base_krw: int, percent: int, instrument: str) -> tuple[int, int]:
    step = tick_size(base_krw, instrument)
    width = (base_krw * percent // 100) // step * step
    return (
        round_to_tick(base_krw - width, "sell", instrument),
        round_to_tick(base_krw + width, "buy", instrument),
    )


def order_price(percent: int, side: str, base_krw: int) -> int:
    exact = Fraction(base_krw) * (100 - percent if side == "buy" else 100 + percent) / 100
    return exact.__floor__() if side == "buy" else exact.__ceil__()

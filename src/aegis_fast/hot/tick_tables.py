"""The tick-size tables of KRX, as data; price.pyx compiles them when it is imported.

They hold on NXT and in both after-markets too. Source: KRX tick table of 2023-01-25 (confirmed by
captured books and limits); the tables before it and those of ELW are general knowledge. No change
after these is announced.
"""

from __future__ import annotations

from typing import Final, NamedTuple

__all__ = ["FIRST_30_PERCENT_DAY", "LIMIT_PERCENT", "MARKETS", "TICK_TABLES", "TickTable"]


class TickTable(NamedTuple):
    """One table. kinds: whose prices. markets: of which markets, () for all of them.

    since: the first business date, YYYYMMDD; it holds until a newer table of the same kind and
    market. 0: from the beginning. bands: (lowest price of the band, its tick size) in won.
    """

    kinds: tuple[str, ...]
    markets: tuple[str, ...]
    since: int
    bands: tuple[tuple[int, int], ...]


MARKETS: Final = ("KOSPI", "KOSDAQ", "KONEX", "ELW")

# Percent of the base price, up and down; by market where it is not the usual one ("").
LIMIT_PERCENT: Final = {"": 30, "KONEX": 15}
FIRST_30_PERCENT_DAY: Final = 2015_06_15

TICK_TABLES: Final = (
    TickTable(
        kinds=("stock",),
        markets=(),
        since=2023_01_25,
        bands=(
            (0, 1),
            (2_000, 5),
            (5_000, 10),
            (20_000, 50),
            (50_000, 100),
            (200_000, 500),
            (500_000, 1_000),
        ),
    ),
    TickTable(
        kinds=("stock",),
        markets=("KOSPI",),
        since=0,
        bands=(
            (0, 1),
            (1_000, 5),
            (5_000, 10),
            (10_000, 50),
            (50_000, 100),
            (100_000, 500),
            (500_000, 1_000),
        ),
    ),
    TickTable(
        kinds=("stock",),
        markets=("KOSDAQ", "KONEX"),
        since=0,
        bands=((0, 1), (1_000, 5), (5_000, 10), (10_000, 50), (50_000, 100)),
    ),
    # Sources give 8, 11 or 18 December as the first day. The last is taken: a multiple of 5 won is
    # on both grids, so no order price of these days can be off the grid in force.
    TickTable(kinds=("etf", "etn"), markets=(), since=2023_12_18, bands=((0, 1), (2_000, 5))),
    TickTable(kinds=("etf", "etn"), markets=(), since=0, bands=((0, 5),)),
    TickTable(kinds=("elw",), markets=(), since=0, bands=((0, 5),)),
)

"""The inputs: 1,024 distinct, lifelike records each, the same bytes for every contender.

Prices run from 1,000 won to 1,500,000 over every tick band, quantities from 1 to 9,999,999, values
up to 13 digits and beyond, changes up, down and none. The older widths of 46 and 59 values are
there since two of the peers refuse or misread wider frames; today's are 47 and 63.
"""

from __future__ import annotations

from random import Random

from aegis_fast.hot import tick_size
from tests.oracle.frame_maker import lifelike_depth, lifelike_trade

SIZE = 1_024
SEED = 20260922
OLD_TRADE, OLD_DEPTH = 46, 59
TRADE, DEPTH = 47, 63
STAMP_ROOM = "0" * 19
# One price band of the tick table after the other, the last one up to 1,500,000 won.
EDGES = (1_000, 2_000, 5_000, 20_000, 50_000, 200_000, 500_000, 1_500_000)
SYMBOLS = 200


def prices() -> list[int]:
    """Prices over all tick bands, as many in each; off the grid."""
    rng = Random(SEED)
    return [rng.randrange(EDGES[i % 7], EDGES[i % 7 + 1]) for i in range(SIZE)]


def symbols() -> list[str]:
    """The symbols of the feed's corpus."""
    return [f"{700 + 7 * number:06d}" for number in range(SYMBOLS)]


def _spread_trade(rng: Random, symbol: str, width: int, price: int) -> list[str]:
    """A lifelike trade at this price: the day's figures around it, by tick and not by chance."""
    step = tick_size(price)
    price -= price % step
    values = lifelike_trade(rng, symbol, width)
    change = step * rng.randrange(-99, 100)
    qty, volume = 10 ** rng.uniform(0, 7), 10 ** rng.uniform(1, 8)
    opening = max(step, price - change + step * rng.randrange(-9, 9))
    shown = {
        2: price,
        3: "2" if change > 0 else "5" if change < 0 else "3",
        4: change,
        6: f"{price}.{rng.randrange(100):02d}",
        7: opening,
        8: max(price, opening) + step * rng.randrange(9),
        9: max(step, min(price, opening) - step * rng.randrange(9)),
        10: price + step,
        11: price,
        12: min(9_999_999, max(1, int(qty))),
        13: int(volume),
        14: int(volume) * price,
    }
    for index, value in shown.items():
        values[index] = str(value)
    return values


def _spread_depth(rng: Random, symbol: str, width: int, price: int) -> list[str]:
    """A lifelike book around this price, ten levels a side (three in a closing auction)."""
    step = tick_size(price)
    price = max(price - price % step, 11 * step)
    values = lifelike_depth(rng, symbol, width)
    is_auction = values[2] == "A"
    sizes = [min(9_999_999, max(1, int(10 ** rng.uniform(0, 7)))) for _ in range(20)]
    for level in range(3 if is_auction else 10):
        values[3 + level] = str(price + step * (1 + level))
        values[13 + level] = str(price - step * level)
        values[23 + level], values[33 + level] = str(sizes[level]), str(sizes[10 + level])
    values[43] = str(sum(map(int, values[23:33])))
    values[44] = str(sum(map(int, values[33:43])))
    if is_auction:
        values[47] = str(price)
    return values


def _frame(tr_id: str, records: list[list[str]]) -> bytes:
    body = "^".join("^".join(values) for values in records)
    return f"0|{tr_id}|{len(records):03d}|{body}".encode()


def trade_records(width: int = OLD_TRADE) -> list[list[str]]:
    """The values of SIZE trades."""
    rng = Random(SEED)
    return [_spread_trade(rng, "005930", width, price) for price in prices()]


def depth_records(width: int = OLD_DEPTH) -> list[list[str]]:
    """The values of SIZE books."""
    rng = Random(SEED)
    return [_spread_depth(rng, "005930", width, price) for price in prices()]


def trades(width: int = OLD_TRADE) -> list[bytes]:
    """Frames of one H0STCNT0 record each."""
    return [_frame("H0STCNT0", [values]) for values in trade_records(width)]


def trades_of_four(width: int = OLD_TRADE) -> list[bytes]:
    """The same records, four to a frame."""
    records = trade_records(width)
    return [_frame("H0STCNT0", records[i : i + 4]) for i in range(0, SIZE, 4)]


def depths(width: int = OLD_DEPTH) -> list[bytes]:
    """Frames of one H0STASP0 snapshot each."""
    return [_frame("H0STASP0", [values]) for values in depth_records(width)]


def feed() -> list[bytes]:
    """Today's trades and books of SYMBOLS symbols in turn, with room for a stamp at the end."""
    return _mixed([number // 2 % SYMBOLS for number in range(SIZE)])


def lines(connections: int, each: int) -> list[bytes]:
    """`each` messages like those of feed() for every connection, its first ones first.

    A connection has few symbols of its own, as with a broker that allows 41 registrations.
    """
    own = SYMBOLS // connections
    return _mixed([i // each * own + i // 2 % own for i in range(connections * each)])


def _mixed(order: list[int]) -> list[bytes]:
    """A trade and a book in turn, of the symbols of these numbers."""
    rng, names, at = Random(SEED), symbols(), prices()
    frames = []
    for number, which in enumerate(order):
        symbol, price = names[which], at[number % SIZE]
        if number % 2:
            values = _spread_depth(rng, symbol, DEPTH, price)
            frames.append(_frame("H0STASP0", [[*values, STAMP_ROOM]]))
        else:
            values = _spread_trade(rng, symbol, TRADE, price)
            frames.append(_frame("H0STCNT0", [[*values, STAMP_ROOM]]))
    return frames

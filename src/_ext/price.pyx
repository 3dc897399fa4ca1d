"""Tick-size tables, order-price rounding, basis-point offset and price limits, in whole won.

Source: KRX tick table of 2023-01-25 (one for KOSPI, KOSDAQ and KONEX), ETF and ETN of December
2023, ELW; price limits of 30 % since 2015-06-15. No float appears anywhere.
"""

import enum

import numpy as np

from cpython.long cimport PyLong_AsLongLongAndOverflow, PyLong_CheckExact
from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t

# Far above any price, and low enough that price * (10_000 + MAX_OFFSET_BP) fits 64 bits.
cdef int64_t MAX_PRICE_KRW = 1_000_000_000_000
cdef int64_t MAX_OFFSET_BP = 1_000_000


class Side(enum.IntEnum):
    """The side of an order or of the aggressor of a trade; NONE where the wire names none."""

    NONE = 0
    BUY = 1
    SELL = 2


class UnknownNameError(KeyError, ValueError):
    """A market, side or instrument that does not exist; the message lists those that do."""

    def __str__(self):
        return str(self.args[0]) if self.args else ""


cdef tuple _SIDES = (Side.NONE, Side.BUY, Side.SELL)
cdef object _BUY = Side.BUY
cdef object _SELL = Side.SELL
cdef str _BUY_WORD = "buy"
cdef str _SELL_WORD = "sell"
cdef str _STOCK_WORD = "stock"
cdef dict _INSTRUMENTS = {
    "stock": INSTRUMENT_STOCK,
    "etf": INSTRUMENT_ETF,
    "etn": INSTRUMENT_ETF,
    "elw": INSTRUMENT_ELW,
}
# Specification 7.1, OFFSET, in hundredths.
cdef dict _MARKET_OFFSET_PERCENT = {"KOSPI": 2, "KOSDAQ": 3, "ELW": 1}


cdef int64_t tick_size_krw(int64_t price_krw, int32_t instrument) noexcept nogil:
    # Sums of comparisons instead of a branch per band: prices near a boundary do not mispredict.
    if instrument == INSTRUMENT_STOCK:
        return (
            1
            + 4 * (price_krw >= 2_000)
            + 5 * (price_krw >= 5_000)
            + 40 * (price_krw >= 20_000)
            + 50 * (price_krw >= 50_000)
            + 400 * (price_krw >= 200_000)
            + 500 * (price_krw >= 500_000)
        )
    if instrument == INSTRUMENT_ETF:
        return 1 + 4 * (price_krw >= 2_000)
    return 5


cdef int64_t round_krw(int64_t price_krw, int32_t side, int32_t instrument) noexcept nogil:
    cdef int64_t step = tick_size_krw(price_krw, instrument)
    cdef int64_t over
    if price_krw <= 0x7FFFFFFF:
        # A 32-bit division is several times cheaper than a 64-bit one.
        over = <int64_t>(<uint32_t>price_krw % <uint32_t>step)
    else:
        over = price_krw % step
    if side == SIDE_BUY:
        return price_krw - over
    # Every band starts on a multiple of its own tick, so stepping up never leaves the grid.
    return price_krw - over + step * (over != 0)


cdef int64_t offset_krw(
    int64_t base_krw, int64_t offset_bp, int32_t side, int32_t instrument
) noexcept nogil:
    cdef int64_t scaled = base_krw * (10_000 + offset_bp)
    cdef int64_t price_krw = scaled // 10_000
    if side == SIDE_SELL and scaled % 10_000 != 0:
        price_krw += 1
    return round_krw(price_krw, side, instrument)


cdef object side_member(int32_t side):
    return _SIDES[side]


cdef int32_t side_code(object side) except -1:
    # Identity first: both the members and the interned words come by millions.
    if side is _BUY or side is _BUY_WORD:
        return SIDE_BUY
    if side is _SELL or side is _SELL_WORD:
        return SIDE_SELL
    if side == "buy":
        return SIDE_BUY
    if side == "sell":
        return SIDE_SELL
    if type(side) is int and (side == 1 or side == 2):
        return side
    raise UnknownNameError(f"unknown side {side!r}; sides: 'buy', 'sell', Side.BUY, Side.SELL")


cdef inline int32_t _instrument_code(object instrument) except -1:
    if instrument is _STOCK_WORD:
        return INSTRUMENT_STOCK
    code = _INSTRUMENTS.get(instrument)
    if code is None:
        raise UnknownNameError(
            f"unknown instrument {instrument!r}; instruments: {', '.join(_INSTRUMENTS)}"
        )
    return code


cdef int64_t _other_price(object price_krw, int64_t lowest) except -1:
    # Anything but a plain int in range: NumPy's integers pass, the rest is refused.
    if isinstance(price_krw, (float, bool)) or not hasattr(price_krw, "__index__"):
        raise TypeError(f"a price is a whole number of won, not {price_krw!r}")
    price_krw = price_krw.__index__()
    if not lowest <= price_krw <= MAX_PRICE_KRW:
        raise ValueError(f"price {price_krw} won is outside {lowest} to {MAX_PRICE_KRW}")
    return price_krw


cdef inline int64_t _price(object price_krw, int64_t lowest) except -1:
    cdef int overflow = 0
    cdef int64_t value
    if PyLong_CheckExact(price_krw):
        value = PyLong_AsLongLongAndOverflow(price_krw, &overflow)
        if overflow == 0 and lowest <= value <= MAX_PRICE_KRW:
            return value
    return _other_price(price_krw, lowest)


cdef object _price_array(object prices_krw):
    # Whole-number arrays only: a silent cast of floats would put a float into an order.
    if prices_krw.dtype.kind not in "iu":
        raise TypeError(f"prices are whole won (int64), not {prices_krw.dtype}")
    return np.ascontiguousarray(prices_krw, dtype=np.int64).reshape(-1)


cdef inline int64_t _in_range(int64_t price_krw, bint* is_bad) noexcept nogil:
    # Seen as unsigned, a negative price is above every limit.
    if <uint64_t>price_krw > <uint64_t>1_000_000_000_000:
        is_bad[0] = True
        return 0
    return price_krw


cdef object _over_array(object prices_krw, int32_t side, int32_t instrument):
    # SIDE_NONE asks for the tick sizes themselves.
    cdef Py_ssize_t i
    cdef bint is_bad = False
    flat = _price_array(prices_krw)
    result = np.empty(flat.shape, dtype=np.int64)
    cdef const int64_t[::1] source = flat
    cdef int64_t[::1] target = result
    with nogil:
        if side == SIDE_NONE:
            for i in range(source.shape[0]):
                target[i] = tick_size_krw(_in_range(source[i], &is_bad), instrument)
        else:
            for i in range(source.shape[0]):
                target[i] = round_krw(_in_range(source[i], &is_bad), side, instrument)
    if is_bad:
        raise ValueError(f"a price of the array is outside 0 to {MAX_PRICE_KRW}")
    return result.reshape(prices_krw.shape)


def tick_size(price_krw, instrument="stock"):
    """Return the tick size in won of the band that holds the price.

    price_krw: int, or an int array (the answer is an int64 array of the same shape), 0 to 10**12.
    instrument: "stock", "etf", "etn" or "elw". Raises ValueError outside the range, TypeError on a
    float, UnknownNameError (a KeyError) on an unknown instrument.
    Source: KRX tick table of 2023-01-25; ETF and ETN of December 2023.
    """
    cdef int32_t kind = _instrument_code(instrument)
    if not PyLong_CheckExact(price_krw) and isinstance(price_krw, np.ndarray):
        return _over_array(price_krw, SIDE_NONE, kind)
    return tick_size_krw(_price(price_krw, 0), kind)


def round_to_tick(price_krw, side, instrument="stock"):
    """Return the nearest grid price that is not more aggressive: BUY down, SELL up.

    price_krw: int, or an int array (the answer is an int64 array of the same shape), 0 to 10**12.
    side: Side.BUY, Side.SELL, "buy" or "sell". A BUY below the first tick (ELW under 5 won) gives
    0, which is no order price. Raises ValueError, TypeError and UnknownNameError as tick_size.
    """
    cdef int32_t kind = _instrument_code(instrument)
    cdef int32_t code = side_code(side)
    if not PyLong_CheckExact(price_krw) and isinstance(price_krw, np.ndarray):
        return _over_array(price_krw, code, kind)
    return round_krw(_price(price_krw, 0), code, kind)


cdef int64_t _clamped_krw(
    int64_t price_krw, int64_t lower_krw, int64_t upper_krw, int32_t kind
) except -1:
    # The limits themselves are moved inwards onto the grid, so a clamped price stays on it.
    cdef int64_t floor_krw = round_krw(lower_krw, SIDE_SELL, kind)
    cdef int64_t ceiling_krw = round_krw(upper_krw, SIDE_BUY, kind)
    if upper_krw > 0 and floor_krw > ceiling_krw:
        raise ValueError(f"no grid price between the limits {lower_krw} and {upper_krw}")
    if lower_krw > 0 and price_krw < floor_krw:
        return floor_krw
    if upper_krw > 0 and price_krw > ceiling_krw:
        return ceiling_krw
    return price_krw


def offset_price(base_krw, offset_bp, side, instrument="stock", lower_krw=0, upper_krw=0):
    """Return the limit price at offset_bp from the base: snapped, then clamped.

    base_krw: 1 to 10**12. offset_bp: -200 means 2 % below; -9_999 to 1_000_000. The exact product
    base * (10_000 + offset_bp) / 10_000 is rounded once onto the grid, BUY down, SELL up, so the
    price is never more aggressive than asked; then it is moved into [lower_krw, upper_krw], where
    0 means no limit, still on the grid. Raises ValueError on a base out of range, on limits that
    hold no grid price, and when no grid price above zero is left.
    Source: specification 7.1; reading A3.
    """
    cdef int32_t kind = _instrument_code(instrument)
    cdef int32_t code = side_code(side)
    cdef int64_t base = _price(base_krw, 1)
    if type(offset_bp) is not int or not -10_000 < offset_bp <= MAX_OFFSET_BP:
        raise ValueError(f"offset_bp must be an int in -9999..{MAX_OFFSET_BP}, not {offset_bp!r}")
    cdef int64_t price_krw = _clamped_krw(
        offset_krw(base, offset_bp, code, kind), _price(lower_krw, 0), _price(upper_krw, 0), kind
    )
    if price_krw <= 0:
        raise ValueError(f"no order price above zero at {offset_bp} bp from {base} won")
    return price_krw


def price_limits(base_krw, instrument="stock", percent=30):
    """Return (lower_krw, upper_krw), the day's price limits around the base price.

    base_krw: 1 to 10**12, normally the previous close. percent: 1 to 99 (60 for a leveraged ETF).
    The width is base * percent / 100, floored to a multiple of tick(base); the upper limit is then
    rounded down, the lower up, onto the grid of its own band. An ELW has no limits: (0, 0), the
    "no limit" of offset_price. Prefer the broker's own stck_mxpr and stck_llam where known.
    Source: KRX business regulation; six limits verified against broker answers.
    """
    cdef int32_t kind = _instrument_code(instrument)
    cdef int64_t base = _price(base_krw, 1)
    if type(percent) is not int or not 0 < percent < 100:
        raise ValueError(f"percent must be an int in 1..99, not {percent!r}")
    if kind == INSTRUMENT_ELW:
        return 0, 0
    cdef int64_t share = percent
    cdef int64_t step = tick_size_krw(base, kind)
    cdef int64_t width_krw = base * share // 100 // step * step
    return (
        round_krw(base - width_krw, SIDE_SELL, kind),
        round_krw(base + width_krw, SIDE_BUY, kind),
    )


def calculate_order_price(market_type, side, base_price):
    """Return base_price * (1 + OFFSET[market_type][side]) of specification 7.1, in whole won.

    market_type: "KOSPI" (2 %), "KOSDAQ" (3 %) or "ELW" (1 %); below the base for "buy", above it
    for "sell". base_price: int won, 1 to 10**12. Computed exactly; where the product is no whole
    number of won it is rounded to the less aggressive side: buy down, sell up. The answer is not
    on a tick; offset_price snaps and clamps as well.
    Raises UnknownNameError (a KeyError) on an unknown market or side, ValueError on a base out of
    range, TypeError on a float.
    """
    percent = _MARKET_OFFSET_PERCENT.get(market_type)
    if percent is None:
        raise UnknownNameError(
            f"unknown market {market_type!r}; markets: {', '.join(_MARKET_OFFSET_PERCENT)}"
        )
    cdef int64_t base = _price(base_price, 1)
    cdef int64_t share = percent
    if side_code(side) == SIDE_BUY:
        return base * (100 - share) // 100
    return (base * (100 + share) + 99) // 100

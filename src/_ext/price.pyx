"""Tick-size tables, order-price rounding, basis-point offset and price limits, in whole won.

The tables are data (tick_tables.py), compiled into C structs at import; grid.h looks prices up in
them. Every function takes an int or an array of ints. No float appears anywhere.
"""

import enum

import numpy as np

from cpython.long cimport PyLong_AsLongLongAndOverflow, PyLong_CheckExact
from libc.stdint cimport int32_t, int64_t

from aegis_fast.hot.tick_tables import FIRST_30_PERCENT_DAY, LIMIT_PERCENT, MARKETS, TICK_TABLES

cdef extern from "grid.h" nogil:
    ctypedef struct aegis_grid:
        int64_t[7] step_krw
    int aegis_band(const aegis_grid* grid, int64_t price_krw)
    int64_t aegis_over(const aegis_grid* grid, int64_t price_krw, int64_t* step_krw)
    int aegis_grid_make(aegis_grid* grid, const int64_t (*pairs)[2], Py_ssize_t bands)
    int aegis_grid_run(
        const aegis_grid* grid, int32_t side, int64_t limit_krw,
        const int64_t* prices_krw, int64_t* out, Py_ssize_t n
    )
    int aegis_grid_choose(const char* isa)
    const char* aegis_grid_isa(int32_t i)

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
cdef str _NO_MARKET = ""
cdef dict _INSTRUMENTS = {
    "stock": INSTRUMENT_STOCK,
    "etf": INSTRUMENT_ETF,
    "etn": INSTRUMENT_ETF,
    "elw": INSTRUMENT_ELW,
}
# Specification 7.1, OFFSET, in hundredths.
cdef dict _MARKET_OFFSET_PERCENT = {"KOSPI": 2, "KOSDAQ": 3, "ELW": 1}


if sizeof(TickTable) != sizeof(aegis_grid):
    raise ImportError("grid.h and price.pxd differ; rebuild with `make dev`")

cdef enum:
    # More than there are tables; an import with more of them fails.
    TABLES = 16

cdef aegis_grid[TABLES] _grids
# Of each InstrumentCode the newest table.
cdef aegis_grid* _newest[3]
# Of each kind [(since, markets, index in _grids)], the newest first.
cdef dict _dated = {kind: [] for kind in _INSTRUMENTS}


cdef int _compile_tables() except -1:
    cdef int64_t[7][2] pairs
    cdef Py_ssize_t i
    if len(TICK_TABLES) > TABLES:
        raise ImportError(f"{len(TICK_TABLES)} tick tables; there is room for {TABLES}")
    for index, table in enumerate(TICK_TABLES):
        bands = len(table.bands)
        for i in range(min(bands, 7)):
            pairs[i][0], pairs[i][1] = table.bands[i]
        if aegis_grid_make(&_grids[index], pairs, bands) != 0:
            raise ImportError(f"not a tick grid: {table}")
        for kind in table.kinds:
            _dated[kind].append((table.since, table.markets, index))
    for kind, choices in _dated.items():
        choices.sort(reverse=True)
        # Only a table of the past may depend on the market: today's is found by the kind alone.
        if choices[0][1]:
            raise ImportError(f"the newest tick table of {kind} is not for every market")
        _newest[<int32_t>_INSTRUMENTS[kind]] = &_grids[<Py_ssize_t>choices[0][2]]
    return 0


_compile_tables()
aegis_grid_choose(NULL)


cdef int64_t tick_size_in(const TickTable* table, int64_t price_krw) noexcept nogil:
    return (<const aegis_grid*>table).step_krw[aegis_band(<const aegis_grid*>table, price_krw)]


cdef int64_t round_in(const TickTable* table, int64_t price_krw, int32_t side) noexcept nogil:
    cdef int64_t step
    cdef int64_t over = aegis_over(<const aegis_grid*>table, price_krw, &step)
    if side == SIDE_BUY:
        return price_krw - over
    # Every band starts on a multiple of its own tick, so stepping up never leaves the grid.
    return price_krw - over + step * (over != 0)


cdef int64_t offset_in(
    const TickTable* table, int64_t base_krw, int64_t offset_bp, int32_t side
) noexcept nogil:
    cdef int64_t scaled = base_krw * (10_000 + offset_bp)
    cdef int64_t price_krw = scaled // 10_000
    if side == SIDE_SELL and scaled % 10_000 != 0:
        price_krw += 1
    return round_in(table, price_krw, side)


cdef int64_t tick_size_krw(int64_t price_krw, int32_t instrument) noexcept nogil:
    return tick_size_in(<const TickTable*>_newest[instrument], price_krw)


cdef int64_t round_krw(int64_t price_krw, int32_t side, int32_t instrument) noexcept nogil:
    return round_in(<const TickTable*>_newest[instrument], price_krw, side)


cdef int64_t offset_krw(
    int64_t base_krw, int64_t offset_bp, int32_t side, int32_t instrument
) noexcept nogil:
    return offset_in(<const TickTable*>_newest[instrument], base_krw, offset_bp, side)


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


cdef const TickTable* _dated_table(object instrument, int64_t on, object market) except NULL:
    if not (1900_01_01 <= on <= 2999_12_31 and 1 <= on // 100 % 100 <= 12 and 1 <= on % 100 <= 31):
        raise ValueError(f"on must be a business date YYYYMMDD or 0, not {on}")
    for since, markets, index in _dated[instrument]:
        if on >= since:
            if not markets or market in markets:
                return <const TickTable*>&_grids[<Py_ssize_t>index]
    raise ValueError(
        f"the tick table of {instrument} on {on} differs by market: "
        f"give market={' or '.join(repr(name) for name in _markets_of(instrument))}"
    )


cdef list _markets_of(object instrument):
    return sorted({name for _, markets, _ in _dated[instrument] for name in markets})


cdef const TickTable* tick_table(object instrument, int64_t on, object market) except NULL:
    cdef int32_t code = _instrument_code(instrument)
    if market is not _NO_MARKET and market != "" and market not in MARKETS:
        raise UnknownNameError(f"unknown market {market!r}; markets: {', '.join(MARKETS)}")
    if on == 0:
        return <const TickTable*>_newest[code]
    return _dated_table(instrument, on, market)


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


cdef object _int_array(object values, str what):
    # Whole-number arrays only: a silent cast of floats would put a float into an order.
    if values.dtype.kind not in "iu":
        raise TypeError(f"{what} are whole won (int64), not {values.dtype}")
    if values.dtype.kind == "u" and values.size and values.max() > MAX_PRICE_KRW:
        raise ValueError(f"one of the {what} is above {MAX_PRICE_KRW}")
    return np.ascontiguousarray(values, dtype=np.int64).reshape(-1)


cdef object _limit_array(object limits, object like, str what):
    if not isinstance(limits, np.ndarray):
        return np.full(like.size, _price(limits, 0), dtype=np.int64)
    if limits.shape != like.shape:
        raise ValueError(f"{what} has the shape {limits.shape}, the bases {like.shape}")
    return _in_range(_int_array(limits, what), 0, what)


cdef object _in_range(object flat, int64_t lowest, str what):
    if flat.size and not (lowest <= flat.min() and flat.max() <= MAX_PRICE_KRW):
        raise ValueError(f"one of the {what} is outside {lowest} to {MAX_PRICE_KRW}")
    return flat


cdef object _round_array(object prices_krw, int32_t side, const TickTable* table):
    # SIDE_NONE asks for the tick sizes themselves.
    cdef int status
    flat = _int_array(prices_krw, "prices")
    result = np.empty(flat.shape, dtype=np.int64)
    cdef const int64_t[::1] source = flat
    cdef int64_t[::1] target = result
    cdef Py_ssize_t n = source.shape[0]
    if n == 0:
        return result.reshape(prices_krw.shape)
    with nogil:
        status = aegis_grid_run(
            <const aegis_grid*>table, side, MAX_PRICE_KRW, &source[0], &target[0], n
        )
    if status != 0:
        raise ValueError(f"a price of the array is outside 0 to {MAX_PRICE_KRW}")
    return result.reshape(prices_krw.shape)


def tick_size(price_krw, instrument="stock", *, int64_t on=0, market=""):
    """Return the tick size in won of the band that holds the price.

    price_krw: int, or an int array (the answer is an int64 array of the same shape), 0 to 10**12.
    instrument: "stock", "etf", "etn" or "elw". on: the business date (YYYYMMDD) whose table is
    wanted, 0 for the newest. market: "KOSPI", "KOSDAQ" or "KONEX", needed only for stocks before
    2023-01-25. Raises ValueError outside the range, on a false date and where the market is
    missing, TypeError on a float, UnknownNameError (a KeyError) on an unknown instrument or market.
    Source: tick_tables.py.
    """
    cdef const TickTable* table = tick_table(instrument, on, market)
    if not PyLong_CheckExact(price_krw) and isinstance(price_krw, np.ndarray):
        return _round_array(price_krw, SIDE_NONE, table)
    return tick_size_in(table, _price(price_krw, 0))


def round_to_tick(price_krw, side, instrument="stock", *, int64_t on=0, market=""):
    """Return the nearest grid price that is not more aggressive: BUY down, SELL up.

    price_krw: int, or an int array (the answer is an int64 array of the same shape), 0 to 10**12.
    side: Side.BUY, Side.SELL, "buy" or "sell". A BUY below the first tick (ELW under 5 won) gives
    0, which is no order price. The other arguments and what is raised: as tick_size.
    """
    cdef const TickTable* table = tick_table(instrument, on, market)
    cdef int32_t code = side_code(side)
    if not PyLong_CheckExact(price_krw) and isinstance(price_krw, np.ndarray):
        return _round_array(price_krw, code, table)
    return round_in(table, _price(price_krw, 0), code)


cdef int64_t _clamped_in(
    const TickTable* table, int64_t price_krw, int64_t lower_krw, int64_t upper_krw
) noexcept nogil:
    # The limits themselves are moved inwards onto the grid, so a clamped price stays on it.
    # -1: no grid price between the limits.
    cdef int64_t floor_krw = round_in(table, lower_krw, SIDE_SELL)
    cdef int64_t ceiling_krw = round_in(table, upper_krw, SIDE_BUY)
    if upper_krw > 0 and floor_krw > ceiling_krw:
        return -1
    if lower_krw > 0 and price_krw < floor_krw:
        return floor_krw
    if upper_krw > 0 and price_krw > ceiling_krw:
        return ceiling_krw
    return price_krw


cdef int _no_price(
    int64_t price_krw, object base, object offset_bp, object lower, object upper
) except -1:
    if price_krw < 0:
        raise ValueError(f"no grid price between the limits {lower} and {upper}")
    raise ValueError(f"no order price above zero at {offset_bp} bp from {base} won")


cdef object _offset_array(
    const TickTable* table, object bases_krw, int64_t offset_bp, int32_t side,
    object lower_krw, object upper_krw
):
    cdef Py_ssize_t i
    cdef Py_ssize_t bad = -1
    flat = _in_range(_int_array(bases_krw, "bases"), 1, "bases")
    lowers = _limit_array(lower_krw, bases_krw, "lower_krw")
    uppers = _limit_array(upper_krw, bases_krw, "upper_krw")
    result = np.empty(flat.shape, dtype=np.int64)
    cdef const int64_t[::1] base = flat
    cdef const int64_t[::1] lower = lowers
    cdef const int64_t[::1] upper = uppers
    cdef int64_t[::1] target = result
    with nogil:
        for i in range(base.shape[0]):
            target[i] = _clamped_in(
                table, offset_in(table, base[i], offset_bp, side), lower[i], upper[i]
            )
            if target[i] <= 0 and bad < 0:
                bad = i
    if bad >= 0:
        _no_price(target[bad], base[bad], offset_bp, lower[bad], upper[bad])
    return result.reshape(bases_krw.shape)


def offset_price(
    base_krw, offset_bp, side, instrument="stock", lower_krw=0, upper_krw=0, *,
    int64_t on=0, market=""
):
    """Return the limit price at offset_bp from the base: snapped, then clamped.

    base_krw: 1 to 10**12, or an int array (the answer is an int64 array of the same shape).
    offset_bp: -200 means 2 % below; -9_999 to 1_000_000. The exact product
    base * (10_000 + offset_bp) / 10_000 is rounded once onto the grid, BUY down, SELL up, so the
    price is never more aggressive than asked; then it is moved into [lower_krw, upper_krw], where
    0 means no limit, still on the grid; with an array of bases these may be arrays too. on, market:
    as tick_size. Raises ValueError on a base out of range, on limits that hold no grid price, and
    when no grid price above zero is left (of an array: for any element).
    Source: specification 7.1; reading A3.
    """
    cdef const TickTable* table = tick_table(instrument, on, market)
    cdef int32_t code = side_code(side)
    if type(offset_bp) is not int or not -10_000 < offset_bp <= MAX_OFFSET_BP:
        raise ValueError(f"offset_bp must be an int in -9999..{MAX_OFFSET_BP}, not {offset_bp!r}")
    if not PyLong_CheckExact(base_krw) and isinstance(base_krw, np.ndarray):
        return _offset_array(table, base_krw, offset_bp, code, lower_krw, upper_krw)
    cdef int64_t base = _price(base_krw, 1)
    cdef int64_t price_krw = _clamped_in(
        table, offset_in(table, base, offset_bp, code), _price(lower_krw, 0), _price(upper_krw, 0)
    )
    if price_krw <= 0:
        _no_price(price_krw, base, offset_bp, lower_krw, upper_krw)
    return price_krw


cdef void _limits_in(
    const TickTable* table, int64_t base_krw, int64_t percent, int64_t* lower_krw,
    int64_t* upper_krw
) noexcept nogil:
    cdef int64_t step = tick_size_in(table, base_krw)
    cdef int64_t width_krw = base_krw * percent // 100 // step * step
    lower_krw[0] = round_in(table, base_krw - width_krw, SIDE_SELL)
    upper_krw[0] = round_in(table, base_krw + width_krw, SIDE_BUY)


cdef int64_t _percent(object percent, int64_t on, object market) except -1:
    if percent is None:
        if 0 < on < FIRST_30_PERCENT_DAY:
            raise ValueError(
                f"the limit was another before {FIRST_30_PERCENT_DAY}: give its percent for {on}"
            )
        return LIMIT_PERCENT.get(market, LIMIT_PERCENT[""])
    if type(percent) is not int or not 0 < percent < 100:
        raise ValueError(f"percent must be an int in 1..99, not {percent!r}")
    return percent


def price_limits(base_krw, instrument="stock", percent=None, *, int64_t on=0, market=""):
    """Return (lower_krw, upper_krw), the day's price limits around the base price.

    base_krw: 1 to 10**12, normally the previous close, or an int array (the answers are int64
    arrays of the same shape). percent: 1 to 99, 60 for a leveraged ETF; None for the market's own,
    30, or 15 in KONEX. The width is base * percent / 100, floored to a multiple of tick(base); the
    upper limit is then rounded down, the lower up, onto the grid of its own band. An ELW has no
    limits: (0, 0), the "no limit" of offset_price. Prefer the broker's own stck_mxpr and stck_llam
    where known. on, market: as tick_size; before 2015-06-15 the percent must be given.
    Source: KRX business regulation; six limits verified against broker answers.
    """
    cdef const TickTable* table = tick_table(instrument, on, market)
    cdef int64_t share = _percent(percent, on, market)
    cdef bint has_limits = _instrument_code(instrument) != INSTRUMENT_ELW
    cdef int64_t lower_krw = 0
    cdef int64_t upper_krw = 0
    if not PyLong_CheckExact(base_krw) and isinstance(base_krw, np.ndarray):
        return _limits_array(table, base_krw, share, has_limits)
    cdef int64_t base = _price(base_krw, 1)
    if has_limits:
        _limits_in(table, base, share, &lower_krw, &upper_krw)
    return lower_krw, upper_krw


cdef tuple _limits_array(
    const TickTable* table, object bases_krw, int64_t percent, bint has_limits
):
    cdef Py_ssize_t i
    flat = _in_range(_int_array(bases_krw, "bases"), 1, "bases")
    lowers = np.zeros(flat.shape, dtype=np.int64)
    uppers = np.zeros(flat.shape, dtype=np.int64)
    cdef const int64_t[::1] base = flat
    cdef int64_t[::1] lower = lowers
    cdef int64_t[::1] upper = uppers
    if has_limits:
        with nogil:
            for i in range(base.shape[0]):
                _limits_in(table, base[i], percent, &lower[i], &upper[i])
    return lowers.reshape(bases_krw.shape), uppers.reshape(bases_krw.shape)


cdef inline int64_t _percent_of(int64_t base_krw, int64_t percent, int32_t side) noexcept nogil:
    if side == SIDE_BUY:
        return base_krw * (100 - percent) // 100
    return (base_krw * (100 + percent) + 99) // 100


def calculate_order_price(market_type, side, base_price):
    """Return base_price * (1 + OFFSET[market_type][side]) of specification 7.1, in whole won.

    market_type: "KOSPI" (2 %), "KOSDAQ" (3 %) or "ELW" (1 %); below the base for "buy", above it
    for "sell". base_price: int won, 1 to 10**12, or an int array (the answer is an int64 array of
    the same shape). Computed exactly; where the product is no whole number of won it is rounded to
    the less aggressive side: buy down, sell up. The answer is not on a tick; offset_price snaps and
    clamps as well.
    Raises UnknownNameError (a KeyError) on an unknown market or side, ValueError on a base out of
    range, TypeError on a float.
    """
    percent = _MARKET_OFFSET_PERCENT.get(market_type)
    if percent is None:
        raise UnknownNameError(
            f"unknown market {market_type!r}; markets: {', '.join(_MARKET_OFFSET_PERCENT)}"
        )
    cdef int64_t share = percent
    cdef int32_t code = side_code(side)
    cdef Py_ssize_t i
    if PyLong_CheckExact(base_price) or not isinstance(base_price, np.ndarray):
        return _percent_of(_price(base_price, 1), share, code)
    flat = _in_range(_int_array(base_price, "bases"), 1, "bases")
    result = np.empty(flat.shape, dtype=np.int64)
    cdef const int64_t[::1] source = flat
    cdef int64_t[::1] target = result
    with nogil:
        for i in range(source.shape[0]):
            target[i] = _percent_of(source[i], share, code)
    return result.reshape(base_price.shape)


def available_isas():
    """Return the loops over arrays that this machine can run, the slowest first."""
    names = []
    cdef int32_t i = 0
    while aegis_grid_isa(i) != NULL:
        if aegis_grid_isa(i)[0] != 0:
            names.append(aegis_grid_isa(i).decode())
        i += 1
    return names


def choose_isa(str name not None):
    """Use these loops from now on, for tests and benchmarks; ValueError if they are not here."""
    if aegis_grid_choose(name.encode()) != 0:
        raise ValueError(f"no loops {name!r}; this machine has {', '.join(available_isas())}")

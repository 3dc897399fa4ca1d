"""Korean tick sizes, order-price rounding and price limits as C functions, without the GIL.

The C functions trust their arguments: 0 <= price_krw <= MAX_PRICE_KRW, a known side and instrument.
The Python functions of the same module check them.
"""

from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t


cdef enum SideCode:
    SIDE_NONE = 0
    SIDE_BUY = 1
    SIDE_SELL = 2


cdef enum InstrumentCode:
    INSTRUMENT_STOCK = 0
    INSTRUMENT_ETF = 1
    INSTRUMENT_ELW = 2


# A compiled table; see grid.h of the sources. Its fields are not for others.
ctypedef struct TickTable:
    int64_t[6] edge_krw
    int64_t[7] step_krw
    uint64_t[7] reciprocal
    int32_t[6] edge32_krw
    int32_t[6] step32_change
    uint32_t[6] reciprocal32_change
    int32_t step32_krw
    uint32_t reciprocal32
    int32_t edges


# The table in force for an instrument ("stock", "etf", "etn", "elw") on a business date (YYYYMMDD,
# 0 = the newest table), valid until the process ends. market: "" or "KOSPI", "KOSDAQ", "KONEX".
# Raises UnknownNameError, and ValueError where the table depends on a market that is not given.
cdef const TickTable* tick_table(object instrument, int64_t on, object market) except NULL
# Tick size in won of the band that holds price_krw.
cdef int64_t tick_size_in(const TickTable* table, int64_t price_krw) noexcept nogil
# The nearest grid price: down for SIDE_BUY (0 when none is left), up for SIDE_SELL.
cdef int64_t round_in(const TickTable* table, int64_t price_krw, int32_t side) noexcept nogil
# base * (10000 + offset_bp) / 10000, rounded once by side onto the grid; not clamped.
cdef int64_t offset_in(
    const TickTable* table, int64_t base_krw, int64_t offset_bp, int32_t side
) noexcept nogil

# The same by the newest table of an InstrumentCode.
cdef int64_t tick_size_krw(int64_t price_krw, int32_t instrument) noexcept nogil
cdef int64_t round_krw(int64_t price_krw, int32_t side, int32_t instrument) noexcept nogil
cdef int64_t offset_krw(
    int64_t base_krw, int64_t offset_bp, int32_t side, int32_t instrument
) noexcept nogil

# The Python Side member of a SideCode; a borrowed tuple look-up, no allocation.
cdef object side_member(int32_t side)
# The SideCode of Side, 1, 2, "buy" or "sell"; raises UnknownNameError.
cdef int32_t side_code(object side) except -1

"""What one realtime record holds, as C structs and as the Python objects around them.

Absent numbers are absent_int() (-2**63) in the structs and None in Python. Symbols are padded with
zeros. Prices and values are whole won, quantities whole shares.
"""

from libc.stdint cimport int32_t, int64_t, uint64_t


cdef enum:
    DEPTH_LEVELS = 10


cdef enum VenueCode:
    VENUE_UNKNOWN = 0
    VENUE_KRX = 1
    VENUE_NXT = 2
    VENUE_UN = 3


cdef inline int64_t absent_int() noexcept nogil:
    return <int64_t>(<uint64_t>1 << 63)


# The memory layout of TRADE_DTYPE; the numbers come in the order of the wire.
ctypedef struct TradeRecord:
    char symbol[16]
    int64_t recv_ns
    int64_t time_hhmmss
    int64_t price_krw
    int64_t change_krw
    int64_t open_krw
    int64_t high_krw
    int64_t low_krw
    int64_t best_ask_krw
    int64_t best_bid_krw
    int64_t qty
    int64_t cum_qty
    int64_t cum_value_krw
    int64_t business_date
    int64_t best_ask_qty
    int64_t best_bid_qty
    int64_t market_class
    int32_t side
    int32_t venue


# Levels are best first; a level without a quote is 0 and 0. hour_class is 0 when absent.
ctypedef struct DepthRecord:
    char symbol[16]
    int64_t recv_ns
    int64_t time_hhmmss
    int64_t ask_price_krw[10]
    int64_t bid_price_krw[10]
    int64_t ask_qty[10]
    int64_t bid_qty[10]
    int64_t total_ask_qty
    int64_t total_bid_qty
    int64_t expected_price_krw
    int64_t expected_qty
    int64_t cum_qty
    int32_t venue
    char hour_class


cdef class Trade:
    cdef TradeRecord record
    cdef str _symbol


cdef class Depth:
    cdef DepthRecord record


# None for an absent number.
cdef inline object int_or_none(int64_t value):
    return None if value == absent_int() else value


# The reverse; raises TypeError on anything but an int or None.
cdef int64_t int_or_absent(object value) except? -1
# A zero-terminated UTF-8 field; bytes that are no UTF-8 become U+FFFD.
cdef str text_of(const char* source)
# Copy text as UTF-8 with a final zero; raises ValueError when it does not fit.
cdef int store_text(str text, char* target, Py_ssize_t room) except -1
# "KRX", "NXT", "UN" or "".
cdef str venue_name(int32_t venue)
cdef int32_t venue_code_of(object venue) except -1
# Copy a symbol of 6 to 12 ASCII letters and digits; raises ValueError.
cdef int store_symbol(object symbol, char* target) except -1

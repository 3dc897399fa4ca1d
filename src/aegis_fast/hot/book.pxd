"""The ten-level order book, for C.

`apply_record` and `apply_trade_record` trust that the record is of this book's symbol and venue.
The level pointers stay valid as long as the Book lives.
"""

from cpython.object cimport PyObject
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t

from aegis_fast.hot.frame cimport FrameHeader
from aegis_fast.hot.record cimport DepthRecord, Trade, TradeRecord


cdef class Book:
    # Best first; 0 and 0 where a level has no quote. Read-only for everybody but this class.
    cdef int64_t* ask_price
    cdef int64_t* bid_price
    cdef int64_t* ask_size
    cdef int64_t* bid_size
    cdef readonly int64_t total_ask_qty
    cdef readonly int64_t total_bid_qty
    cdef readonly int64_t expected_price_krw
    cdef readonly int64_t expected_qty
    cdef readonly int64_t time_hhmmss
    cdef readonly int64_t recv_ns
    cdef readonly int64_t seq
    cdef readonly int64_t change_bits
    cdef readonly int64_t last_price_krw
    cdef readonly int64_t last_qty
    cdef readonly int64_t last_time_hhmmss
    cdef readonly int64_t cum_qty
    cdef readonly str symbol
    cdef char[16] _symbol
    cdef int32_t _venue
    cdef char _hour_class
    # int64[4, 10], and its rows once somebody has asked for them.
    cdef object _levels
    cdef tuple _views
    # Who wants this symbol, kept here by the bus; see bus.pyx.
    cdef object _route
    cdef uint64_t _route_version

    cdef object _view(self, Py_ssize_t i)
    cdef bint holds(self, const char* symbol, int32_t venue) noexcept nogil
    cdef int _read(self, FrameHeader* header, DepthRecord* record) noexcept nogil
    cdef int64_t apply_record(self, const DepthRecord* record) noexcept nogil
    cdef void apply_trade_record(self, const TradeRecord* record) noexcept nogil


cdef class BookTable:
    cdef readonly dict books
    cdef readonly Py_ssize_t max_symbols
    # Open addressing by (symbol, venue): an entry is 1 + the index of the book in _booked.
    cdef uint32_t* _slots
    cdef uint64_t _slot_mask
    cdef list _booked

    # The book of a symbol padded with zeros to 16 bytes, or None.
    cdef Book find(self, const char* symbol, int32_t venue)
    # The same without a new reference, NULL for None: the table keeps its books for ever.
    cdef PyObject* find_borrowed(self, const char* symbol, int32_t venue) noexcept
    cpdef Book book(self, object symbol, object venue)
    cdef int _add(self, Book book) except -1

"""Who hears what, for C: routes cached by book, and the door for subscribers written in Cython."""

from libc.stdint cimport int64_t, uint64_t

from aegis_fast.hot.book cimport Book
from aegis_fast.hot.record cimport DepthRecord, Trade, TradeRecord


cdef class Subscriber:
    cdef readonly str name
    cdef readonly object symbols
    cdef readonly object on_trade
    cdef readonly object on_depth
    cdef readonly object on_order
    cdef readonly int64_t max_errors
    cdef readonly int64_t errors
    cdef readonly bint is_stopped
    cdef readonly str last_error

    cdef int _set(self, name, symbols, on_trade, on_depth, on_order, max_errors) except -1


cdef class NativeSubscriber(Subscriber):
    """Override in Cython to see every record of `symbols` without a Python object.

    The record is valid during the call only. The book is up to date; it may be None. Raising is
    contained as for Python subscribers.
    """

    cdef int on_trade_record(self, const TradeRecord* record, Book book) except -1
    cdef int on_depth_record(self, const DepthRecord* record, Book book) except -1


cdef class Bus:
    cdef readonly tuple subscribers
    # Failures of all subscribers, those taken out since included.
    cdef readonly int64_t errors
    cdef object _on_error
    # A trade that nobody holds any more, for the next one.
    cdef Trade _spare
    # No two states of any two buses share one, so it tells alone whether a book's route is valid.
    cdef uint64_t _version

    # For a record whose book, unless None, is up to date with it.
    cdef int deliver_trade(self, const TradeRecord* record, Book book) except -1
    cdef int deliver_depth(self, const DepthRecord* record, Book book) except -1
    cdef int _change(self, tuple subscribers) except -1
    cdef int _renew(self, Book book) except -1
    cdef int _fail(self, Subscriber subscriber) except -1
    cdef int _report(self, Subscriber subscriber, object error) except -1

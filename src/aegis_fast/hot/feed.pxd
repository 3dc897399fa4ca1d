"""The WebSocket listener, and the door for subscribers written in Cython."""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t

from picows.picows cimport WSListener, WSMsgType

from aegis_fast.hot.book cimport Book, BookTable
from aegis_fast.hot.frame cimport FrameHeader
from aegis_fast.hot.record cimport DepthRecord, TradeRecord
from aegis_fast.hot.table cimport TR_COUNT


cdef class NativeSubscriber:
    """Override in Cython to see every record without a Python object; the book may be None.

    The record is valid during the call only. Raising is contained as for Python subscribers.
    """

    cdef int on_trade_record(self, const TradeRecord* record, Book book) except -1
    cdef int on_depth_record(self, const DepthRecord* record, Book book) except -1


cdef class FeedListener(WSListener):
    cdef readonly int64_t frames
    cdef readonly int64_t records
    cdef readonly int64_t bad_frames
    cdef readonly int64_t controls
    cdef readonly int64_t encrypted
    cdef readonly int64_t size_bytes
    cdef readonly int64_t subscriber_errors
    cdef readonly int64_t unbooked
    cdef readonly int64_t schema_drift
    cdef readonly int64_t recv_ns
    cdef readonly dict books
    cdef readonly Py_ssize_t max_message_bytes
    cdef readonly object transport
    cdef public object on_record
    cdef public object on_control
    cdef public object on_encrypted
    cdef public object on_bad_frame
    cdef public object on_connected
    cdef public object on_disconnected
    cdef public object on_subscriber_error
    cdef object _clock_ns
    cdef tuple _trade_subscribers
    cdef tuple _depth_subscribers
    cdef tuple _native_subscribers
    cdef object _bad
    cdef bytearray _partial
    cdef bint _is_skipping
    cdef bint _is_stale_stamp
    cdef BookTable _table
    cdef uint32_t[TR_COUNT] _drift

    cdef int _stamp(self) except -1
    cdef int _collect(
        self, const uint8_t* piece, Py_ssize_t size, WSMsgType kind, bint is_last
    ) except -1
    cdef int _receive(self, const uint8_t* message, Py_ssize_t size) except -1
    cdef int _receive_table(self, const uint8_t* message, Py_ssize_t size) except -1
    # These two answer a FrameStatus.
    cdef int _receive_trades(self, FrameHeader* header) except 1
    cdef int _receive_depths(self, FrameHeader* header) except 1
    cdef int _receive_encrypted(self, const uint8_t* message, Py_ssize_t size) except -1
    cdef int _deliver_trade(self, const TradeRecord* record) except -1
    cdef int _deliver_depth(self, const DepthRecord* record) except -1
    cdef int _reject(self, bytes raw, object error) except -1
    cdef int _contain(self, object subscriber, object error) except -1
    cdef int _report(self, object callback, tuple arguments) except -1
    cdef Book _book_of(self, const char* symbol, int32_t venue)

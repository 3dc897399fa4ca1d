"""The WebSocket listener."""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t

from picows.picows cimport WSListener, WSMsgType

from aegis_fast.hot.book cimport Book, BookTable
from aegis_fast.hot.bus cimport Bus
from aegis_fast.hot.frame cimport FrameHeader
from aegis_fast.hot.histogram cimport LatencyHistogram
from aegis_fast.hot.record cimport DepthRecord, TradeRecord
from aegis_fast.hot.table cimport TR_COUNT


cdef class FeedListener(WSListener):
    cdef readonly int64_t frames
    cdef readonly int64_t records
    cdef readonly int64_t bad_frames
    cdef readonly int64_t controls
    cdef readonly int64_t encrypted
    cdef readonly int64_t size_bytes
    cdef readonly int64_t callback_errors
    cdef readonly int64_t unbooked
    cdef readonly int64_t schema_drift
    cdef readonly int64_t recv_ns
    cdef readonly Bus bus
    cdef readonly dict books
    cdef readonly Py_ssize_t max_message_bytes
    cdef readonly object transport
    cdef public object on_record
    cdef public object on_control
    cdef public object on_encrypted
    cdef public object on_bad_frame
    cdef public object on_connected
    cdef public object on_disconnected
    cdef readonly object on_subscriber_error
    cdef object _clock_ns
    cdef object _bad
    cdef bytearray _partial
    cdef bint _is_skipping
    cdef bint _is_stale_stamp
    cdef BookTable _table
    # By TR: the width last found in the table, and the last one that is not there.
    cdef uint32_t[TR_COUNT] _width
    cdef uint32_t[TR_COUNT] _drift
    # Every so many data messages are timed; 0 is none.
    cdef readonly int64_t sample_every
    cdef int64_t _until_sample
    cdef int64_t _read_begun_ns
    cdef LatencyHistogram _parse
    cdef LatencyHistogram _book
    cdef LatencyHistogram _subscribers
    cdef LatencyHistogram _read

    cdef int _stamp(self) except -1
    cdef void _read_done(self, int64_t begun_ns) noexcept nogil
    cdef int _collect(
        self, const uint8_t* piece, Py_ssize_t size, WSMsgType kind, bint is_last
    ) except -1
    cdef int _receive(self, const uint8_t* message, Py_ssize_t size) except -1
    cdef int _receive_table(self, const uint8_t* message, Py_ssize_t size) except -1
    # These answer a FrameStatus. begun_ns: when the message was begun; 0 when it is not timed.
    cdef int _receive_trades(self, FrameHeader* header, int64_t begun_ns) except 1
    cdef int _receive_depths(self, FrameHeader* header, int64_t begun_ns) except 1
    cdef int _receive_many_trades(self, FrameHeader* header, int64_t begun_ns) except 1
    cdef int _receive_many_depths(self, FrameHeader* header, int64_t begun_ns) except 1
    cdef int _receive_encrypted(self, const uint8_t* message, Py_ssize_t size) except -1
    cdef int _take_trade(self, const TradeRecord* record, int64_t begun_ns) except -1
    cdef int _take_depth(self, const DepthRecord* record, int64_t begun_ns) except -1
    cdef void _note_width(self, int32_t tr, uint32_t width) noexcept nogil
    cdef int _reject(self, bytes raw, object error) except -1
    cdef int _contain(self, object subscriber, object error) except -1
    cdef int _report(self, object callback, tuple arguments) except -1
    cdef Book _new_book(self, const char* symbol, int32_t venue)

"""Read KIS realtime frames in C, without the GIL.

    cdef FrameHeader header
    if open_frame(frame, size, &header) == FRAME_OK and header.kind == FRAME_TRADE:
        while header.records_left and next_trade(&header, &record) == FRAME_OK: ...

A negative answer is a FrameStatus: the whole frame is bad, header.error_at is the offset where it
stops making sense, and records already read must be dropped. The frame's bytes must stay alive and
unchanged from open_frame to the last next_*; nothing of them is kept after that.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t

from aegis_fast.hot.notice cimport Notice, NoticeRecord
from aegis_fast.hot.record cimport Depth, DepthRecord, Trade, TradeRecord
from aegis_fast.hot.table cimport TR_COUNT, TableFrame


cdef enum FrameStatus:
    FRAME_OK = 0
    FRAME_BAD_HEADER = -1
    FRAME_UNKNOWN_TR = -2
    FRAME_BAD_COUNT = -3
    FRAME_ENCRYPTED = -4
    FRAME_UNEVEN = -5
    FRAME_NARROW = -6
    FRAME_BAD_SYMBOL = -7
    FRAME_NOT_A_NUMBER = -8
    FRAME_OVERFLOW = -9
    FRAME_BAD_TEXT = -10
    FRAME_TOO_LONG = -11
    FRAME_TOO_FINE = -12


cdef enum FrameKind:
    FRAME_TRADE = 1
    FRAME_DEPTH = 2
    FRAME_NOTICE = 3


ctypedef struct FrameHeader:
    const uint8_t* frame
    uint32_t size_bytes
    uint32_t payload_at
    uint32_t next_at
    uint32_t error_at
    uint32_t count
    uint32_t records_left
    # Values per record; 0 until the first record of a single-record frame has been read.
    uint32_t width
    int32_t tr
    int32_t kind
    int32_t venue


cdef int open_frame(const uint8_t* frame, Py_ssize_t size_bytes, FrameHeader* header) noexcept nogil
# The same for an encrypted envelope: header.payload_at and count, any TR; FRAME_OK or less.
cdef int open_envelope(
    const uint8_t* frame, Py_ssize_t size_bytes, FrameHeader* header
) noexcept nogil
cdef int next_trade(FrameHeader* header, TradeRecord* record) noexcept nogil
cdef int next_depth(FrameHeader* header, DepthRecord* record) noexcept nogil
cdef int next_notice(FrameHeader* header, NoticeRecord* record) noexcept nogil

# Replace the forty numbers of a book's levels; the change bits of Book.apply, levels only.
cdef int64_t replace_levels(int64_t* levels, const int64_t* fresh) noexcept nogil

# Whether this width of the TR is in the table (fields or observed widths of realtime.json).
cdef bint is_known_width(int32_t tr, uint32_t width) noexcept nogil
# A FrameError for the status, with the frame's bytes and the offset.
cdef object frame_error(int status, bytes raw, uint32_t offset)
# The same for a frame read with hot.table; it names the value that does not fit.
cdef object table_error(int status, bytes raw, const TableFrame* reader)


cdef class FrameParser:
    cdef readonly int64_t frames
    cdef readonly int64_t records
    cdef readonly int64_t bad_frames
    cdef readonly int64_t schema_drift
    cdef uint32_t[TR_COUNT] _width
    cdef uint32_t[TR_COUNT] _drift

    cdef int _fail(self, int status, bytes raw, uint32_t offset) except -1
    cdef object _next(self, FrameHeader* header, int64_t recv_ns, int* status)
    cdef list _read_table(self, bytes frame, int64_t recv_ns)
    cdef int _read_rows(
        self, bytes frame, TradeRecord* row, Py_ssize_t room, int64_t recv_ns, FrameHeader* header
    ) except 1
    cdef void _note_done(self, int32_t tr, uint32_t count, uint32_t width) noexcept nogil

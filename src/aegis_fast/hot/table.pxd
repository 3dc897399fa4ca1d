"""Read every value of any realtime TR in C, and the records made of them.

    cdef TableFrame reader
    cdef TableValues values
    if open_table(frame, size, &reader) == 0:
        while reader.records_left and next_record(&reader, &values) == 0: ...

A negative answer is a FrameStatus of hot.frame, as there; the frame's bytes must stay alive and
unchanged from open_table to the last next_record or table_record.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t


cdef enum:
    # Every TR of the KIS tables; the first ten are those that hot.frame reads into a type.
    TR_COUNT = 29
    MOST_VALUES = 73


# width: values a record; named: how many of them have a name and a type, the first ones.
# error_value: which value of its record does not fit, -1 when it is none of them.
ctypedef struct TableFrame:
    const uint8_t* frame
    const void* layout
    uint32_t size_bytes
    uint32_t next_at
    uint32_t error_at
    uint32_t count
    uint32_t records_left
    uint32_t width
    uint32_t named
    int32_t tr
    int32_t layout_index
    int32_t error_value
    int32_t is_private


# One record. A number is itself (decimals in millionths), -2**63 when absent; a text is where it
# starts in the frame, shifted left by 32, plus its length in bytes.
ctypedef struct TableValues:
    int64_t value[73]
    uint32_t text_bytes
    uint32_t extra_at
    uint32_t extra_bytes


cdef class TableRecord:
    cdef readonly int64_t recv_ns
    # The numbers, then the bytes of the texts, then the values without a name as they came.
    cdef bytes _pack
    cdef int32_t _tr
    cdef int32_t _layout
    cdef uint32_t _width
    cdef uint32_t _named
    cdef Py_ssize_t _extra_at

    cdef object _value(self, uint32_t i)
    cdef object _find(self, object name)


cdef int open_table(
    const uint8_t* frame, Py_ssize_t size_bytes, TableFrame* reader
) noexcept nogil
cdef int next_record(TableFrame* reader, TableValues* values) noexcept nogil
cdef TableRecord table_record(
    const TableFrame* reader, const TableValues* values, int64_t recv_ns
)
# The name of the value that does not fit, None when the trouble is elsewhere.
cdef str error_name(const TableFrame* reader)
cdef bint is_decimal(const TableFrame* reader, uint32_t value) noexcept nogil
cdef str tr_name(int32_t tr)

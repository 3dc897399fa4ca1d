"""Records without a type of their own, as text."""

from libc.stdint cimport int64_t


cdef class TextRecord:
    cdef readonly str tr_id
    cdef readonly tuple values
    cdef readonly int64_t recv_ns


cdef str text_tr_of(bytes frame)
cdef list read_text(bytes frame, str tr_id, int64_t recv_ns)

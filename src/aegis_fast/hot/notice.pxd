"""One notice about an own order, as a C struct and as the Python object around it."""

from libc.stdint cimport int32_t, int64_t


# Strings end with a zero. The account holder's name is never copied.
ctypedef struct NoticeRecord:
    char symbol[16]
    char customer_id[24]
    char account[16]
    char order_kind[8]
    char branch[8]
    char instrument_name[96]
    int64_t recv_ns
    int64_t broker_order_id
    int64_t original_broker_order_id
    int64_t fill_qty
    int64_t price_krw
    int64_t time_hhmmss
    int64_t order_qty
    int64_t order_price_krw
    int64_t order_condition
    int64_t accept_code
    int64_t action
    int32_t side
    int32_t venue_code
    int32_t is_rejected
    int32_t is_fill


cdef class Notice:
    cdef NoticeRecord record

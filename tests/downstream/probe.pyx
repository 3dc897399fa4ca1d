# cython: language_level=3
"""A strategy of somebody else's package: it cimports the hot path of the installed wheel."""

from libc.stdint cimport int64_t, uint8_t

from aegis_fast.hot.book cimport Book
from aegis_fast.hot.bucket cimport SlidingWindow
from aegis_fast.hot.bus cimport NativeSubscriber
from aegis_fast.hot.feed cimport FeedListener
from aegis_fast.hot.frame cimport (
    FRAME_DEPTH, FRAME_OK, FRAME_TRADE, FrameHeader, next_depth, next_trade, open_frame,
)
from aegis_fast.hot.histogram cimport LatencyHistogram
from aegis_fast.hot.price cimport (
    INSTRUMENT_STOCK, SIDE_BUY, TickTable, round_krw, tick_size_in, tick_size_krw, tick_table,
)
from aegis_fast.hot.record cimport DepthRecord, TradeRecord


cdef class Imbalance(NativeSubscriber):
    """Count shares traded, and remember the best bid of the newest book."""

    cdef public int64_t traded_qty
    cdef public int64_t best_bid_krw
    cdef public int64_t buy_price_krw

    cdef int on_trade_record(self, const TradeRecord* record, Book book) except -1:
        self.traded_qty += record.qty
        return 0

    cdef int on_depth_record(self, const DepthRecord* record, Book book) except -1:
        self.best_bid_krw = book.bid_price[0]
        self.buy_price_krw = round_krw(book.bid_price[0] - 1, SIDE_BUY, INSTRUMENT_STOCK)
        return 0


cdef class Fails(NativeSubscriber):
    """Has a bug in C."""

    cdef int on_trade_record(self, const TradeRecord* record, Book book) except -1:
        raise ValueError(f"a bug at {record.qty}")

    cdef int on_depth_record(self, const DepthRecord* record, Book book) except -1:
        # Against the rule: no exception is set.
        return -1


def traded_qty(bytes frame):
    """Sum the quantities of a trade frame in C; -1 for any other frame."""
    cdef FrameHeader header
    cdef TradeRecord record
    cdef int64_t total = 0
    cdef const uint8_t* raw = <const uint8_t*><const char*>frame
    cdef Py_ssize_t size = len(frame)
    with nogil:
        if open_frame(raw, size, &header) != FRAME_OK or header.kind != FRAME_TRADE:
            total = -1
        while total >= 0 and header.records_left:
            if next_trade(&header, &record) != FRAME_OK:
                total = -1
            else:
                total += record.qty
    return total


def best_level(Book book not None):
    """Read a book's arrays without NumPy."""
    return book.ask_price[0], book.ask_size[0], tick_size_krw(book.ask_price[0], INSTRUMENT_STOCK)


def grants(SlidingWindow window not None, int64_t until_ns):
    """Count the grants of a window asked every nanosecond."""
    cdef int64_t now_ns
    cdef int64_t granted = 0
    with nogil:
        for now_ns in range(until_ns):
            granted += window.acquire(now_ns)
    return granted


def durations(LatencyHistogram histogram not None, int64_t count):
    """Record 1, 2, 3 ... ns in C."""
    cdef int64_t value_ns
    with nogil:
        for value_ns in range(1, count + 1):
            histogram.record_ns(value_ns)
    return histogram.count


def records_of(list frames not None):
    """Read every record of every trade frame in C and return how many there are; -1: a bad one."""
    cdef FrameHeader header
    cdef TradeRecord record
    cdef int64_t count = 0
    cdef bytes frame
    for frame in frames:
        if open_frame(<const uint8_t*><const char*>frame, len(frame), &header) != FRAME_OK:
            return -1
        while header.records_left:
            if header.kind != FRAME_TRADE or next_trade(&header, &record) != FRAME_OK:
                return -1
            count += 1
    return count


def replay(list frames not None, Book book not None, NativeSubscriber strategy not None):
    """Do in C what the engine does with trade and book frames of one symbol: parse, book, strategy.

    Returns the records read; -1 for a bad frame.
    """
    cdef FrameHeader header
    cdef TradeRecord trade
    cdef DepthRecord depth
    cdef int64_t count = 0
    cdef bytes frame
    for frame in frames:
        if open_frame(<const uint8_t*><const char*>frame, len(frame), &header) != FRAME_OK:
            return -1
        while header.records_left:
            if header.kind == FRAME_TRADE and next_trade(&header, &trade) == FRAME_OK:
                book.apply_trade_record(&trade)
                strategy.on_trade_record(&trade, book)
            elif header.kind == FRAME_DEPTH and next_depth(&header, &depth) == FRAME_OK:
                book.apply_record(&depth)
                strategy.on_depth_record(&depth, book)
            else:
                return -1
            count += 1
    return count


def old_tick_size(int64_t price_krw, int64_t on, str market):
    """Look a tick size up in the table of another day, without the GIL."""
    cdef const TickTable* table = tick_table("stock", on, market)
    cdef int64_t step
    with nogil:
        step = tick_size_in(table, price_krw)
    return step

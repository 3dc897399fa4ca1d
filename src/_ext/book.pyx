"""The ten-level order book. Every KIS book frame is a whole snapshot: four arrays are replaced."""

cimport cython
cimport numpy as cnp
from cpython.object cimport PyObject
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy

import numpy as np

from aegis_fast.hot.frame cimport (
    FRAME_BAD_SYMBOL, FRAME_DEPTH, FRAME_OK, FRAME_UNKNOWN_TR, FrameHeader, frame_error,
    next_depth, open_frame, replace_levels,
)
from aegis_fast.hot.record cimport absent_int, store_symbol, venue_code_of, venue_name

from aegis_fast.errors import Busy

cdef extern from "Python.h":
    # Borrowed, unlike Cython's own declaration.
    PyObject* PyList_GET_ITEM(object sequence, Py_ssize_t i)

cnp.import_array()

# Change bits of Book.apply: bit i for ask level i, bit 10 + i for bid level i (0 = best), and:
TOTALS_CHANGED = 1 << 20
EXPECTED_CHANGED = 1 << 21
BEST_CHANGED = 1 << 0 | 1 << 10

# Products of quantities below this with 1_000_000 fit 64 bits.
cdef int64_t SMALL_QTY = 1 << 40
cdef int64_t PPM = 1_000_000


cdef inline int64_t _zero_if_absent(int64_t value) noexcept nogil:
    return 0 if value == absent_int() else value


@cython.final
@cython.auto_pickle(False)
cdef class Book:
    """The ten best levels of one symbol on one venue, and its last trade.

    symbol: 6 to 12 ASCII letters and digits. venue: "KRX", "NXT" or "UN" (both, merged by KIS).
    ask_price_krw, bid_price_krw, ask_qty and bid_qty are read-only int64[10] NumPy views, best
    first, without a copy: the same objects for the book's whole life, showing the newest
    snapshot; copy them to keep one. A level without a quote is 0 and 0. Before the first snapshot
    every number is 0, spread_krw, mid_x2_krw and imbalance_ppm are None and hour_class is "".
    seq counts the snapshots applied, change_bits is the answer of the last apply. Prices are not
    checked against the tick grid. Not thread-safe.
    """

    def __cinit__(self, symbol, venue="KRX"):
        store_symbol(symbol, self._symbol)
        self._venue = venue_code_of(venue)
        self.symbol = symbol
        # NumPy owns the memory, so a view kept by a reader outlives the book safely.
        self._levels = np.zeros((4, 10), dtype=np.int64)
        cdef int64_t* levels = <int64_t*>cnp.PyArray_DATA(self._levels)
        self.ask_price = levels
        self.bid_price = levels + 10
        self.ask_size = levels + 20
        self.bid_size = levels + 30
        self._levels.flags.writeable = False

    cdef object _view(self, Py_ssize_t i):
        # Made when first asked for: four views are 560 bytes, and most books only C reads.
        if self._views is None:
            self._views = tuple(self._levels)
        return self._views[i]

    @property
    def ask_price_krw(self):
        return self._view(0)

    @property
    def bid_price_krw(self):
        return self._view(1)

    @property
    def ask_qty(self):
        return self._view(2)

    @property
    def bid_qty(self):
        return self._view(3)

    cdef bint holds(self, const char* symbol, int32_t venue) noexcept nogil:
        # Two loads a side instead of a call.
        cdef uint64_t low[2]
        cdef uint64_t high[2]
        memcpy(&low[0], symbol, 8)
        memcpy(&low[1], self._symbol, 8)
        memcpy(&high[0], symbol + 8, 8)
        memcpy(&high[1], self._symbol + 8, 8)
        return venue == self._venue and low[0] == low[1] and high[0] == high[1]

    cdef int64_t apply_record(self, const DepthRecord* record) noexcept nogil:
        cdef int64_t total_ask = _zero_if_absent(record.total_ask_qty)
        cdef int64_t total_bid = _zero_if_absent(record.total_bid_qty)
        cdef int64_t price_krw = _zero_if_absent(record.expected_price_krw)
        cdef int64_t qty = _zero_if_absent(record.expected_qty)
        # The four arrays lie in the same order in the record and in the book.
        cdef int64_t bits = replace_levels(self.ask_price, record.ask_price_krw)
        if total_ask != self.total_ask_qty or total_bid != self.total_bid_qty:
            bits |= 1 << 20
        if price_krw != self.expected_price_krw or qty != self.expected_qty:
            bits |= 1 << 21
        self.total_ask_qty = total_ask
        self.total_bid_qty = total_bid
        self.expected_price_krw = price_krw
        self.expected_qty = qty
        self.time_hhmmss = _zero_if_absent(record.time_hhmmss)
        self.recv_ns = record.recv_ns
        self._hour_class = record.hour_class
        self.seq += 1
        self.change_bits = bits
        return bits

    cdef void apply_trade_record(self, const TradeRecord* record) noexcept nogil:
        # An empty value tells nothing new.
        if record.price_krw != absent_int():
            self.last_price_krw = record.price_krw
        if record.qty != absent_int():
            self.last_qty = record.qty
        if record.time_hhmmss != absent_int():
            self.last_time_hhmmss = record.time_hhmmss
        if record.cum_qty != absent_int():
            self.cum_qty = record.cum_qty

    def apply(self, bytes frame not None, int64_t recv_ns=0):
        """Replace the book by the snapshots of a frame and return the change bits.

        Bit i: ask level i changed (price or quantity; 0 = best). Bit 10 + i: bid level i.
        TOTALS_CHANGED, EXPECTED_CHANGED: as named. 0: nothing of these changed. For a frame of
        several records the bits of all are joined. Raises FrameError on a bad frame and on one of
        another kind, symbol or venue; then the book is unchanged.
        """
        cdef FrameHeader header
        cdef FrameHeader ahead
        cdef DepthRecord record
        cdef int64_t bits = 0
        cdef int status = open_frame(<const uint8_t*><const char*>frame, len(frame), &header)
        if status == FRAME_OK and header.kind != FRAME_DEPTH:
            header.error_at = 2
            status = FRAME_UNKNOWN_TR
        if status == FRAME_OK and header.records_left > 1:
            # All of a frame or nothing: read it through once before the first change.
            ahead = header
            while status == FRAME_OK and ahead.records_left:
                status = self._read(&ahead, &record)
            header.error_at = ahead.error_at
        while status == FRAME_OK and header.records_left:
            status = self._read(&header, &record)
            if status == FRAME_OK:
                record.recv_ns = recv_ns
                bits |= self.apply_record(&record)
        if status != FRAME_OK:
            raise frame_error(status, frame, header.error_at)
        self.change_bits = bits
        return bits

    cdef int _read(self, FrameHeader* header, DepthRecord* record) noexcept nogil:
        cdef int status = next_depth(header, record)
        if status == FRAME_OK and not self.holds(record.symbol, record.venue):
            header.error_at = header.payload_at
            return FRAME_BAD_SYMBOL
        return status

    def apply_trade(self, Trade trade not None):
        """Remember the trade as the last one. Raises ValueError for another symbol or venue."""
        if not self.holds(trade.record.symbol, trade.record.venue):
            raise ValueError(
                f"a trade of {trade.symbol} on {trade.venue} is not for {self.symbol} "
                f"on {self.venue}"
            )
        self.apply_trade_record(&trade.record)

    @property
    def venue(self):
        return venue_name(self._venue)

    @property
    def hour_class(self):
        return chr(self._hour_class) if self._hour_class else ""

    @property
    def best_ask_krw(self):
        """The lowest ask in won; 0 without one."""
        return self.ask_price[0]

    @property
    def best_bid_krw(self):
        """The highest bid in won; 0 without one."""
        return self.bid_price[0]

    @property
    def best_ask_qty(self):
        return self.ask_size[0]

    @property
    def best_bid_qty(self):
        return self.bid_size[0]

    @property
    def spread_krw(self):
        """Best ask minus best bid; None when a side is empty, negative when crossed."""
        if self.ask_price[0] == 0 or self.bid_price[0] == 0:
            return None
        return self.ask_price[0] - self.bid_price[0]

    @property
    def mid_x2_krw(self):
        """Best ask plus best bid, twice the mid price in whole won; None when a side is empty."""
        if self.ask_price[0] == 0 or self.bid_price[0] == 0:
            return None
        # As Python ints: the sum of two huge prices need not fit 64 bits.
        return <object>self.ask_price[0] + <object>self.bid_price[0]

    @property
    def imbalance_ppm(self):
        """(bid - ask) / (bid + ask) of the best level's quantities, in millionths.

        -1_000_000 (asks only) to 1_000_000 (bids only), truncated towards zero; None when both
        quantities are 0.
        """
        cdef int64_t ask = self.ask_size[0]
        cdef int64_t bid = self.bid_size[0]
        if ask == 0 and bid == 0:
            return None
        if ask < SMALL_QTY and bid < SMALL_QTY:
            return (bid - ask) * PPM // (bid + ask)
        sign = -1 if bid < ask else 1
        return sign * (abs(<object>bid - <object>ask) * 1_000_000 // (<object>bid + <object>ask))

    @property
    def is_crossed(self):
        """Whether both sides are quoted and the best bid is at or above the best ask."""
        return 0 < self.ask_price[0] <= self.bid_price[0]

    @property
    def is_auction(self):
        """Whether the snapshot was taken in a call auction (hour_class A, B, C or D)."""
        return c"A" <= self._hour_class <= c"D"

    def snapshot(self):
        """Return the book as a new dict of plain ints, strings and lists, fit for JSON."""
        ask_price_krw, bid_price_krw, ask_qty, bid_qty = self._levels.tolist()
        return {
            "symbol": self.symbol,
            "venue": self.venue,
            "time_hhmmss": self.time_hhmmss,
            "hour_class": self.hour_class,
            "is_auction": self.is_auction,
            "ask_price_krw": ask_price_krw,
            "bid_price_krw": bid_price_krw,
            "ask_qty": ask_qty,
            "bid_qty": bid_qty,
            "total_ask_qty": self.total_ask_qty,
            "total_bid_qty": self.total_bid_qty,
            "best_ask_krw": self.best_ask_krw,
            "best_bid_krw": self.best_bid_krw,
            "spread_krw": self.spread_krw,
            "mid_x2_krw": self.mid_x2_krw,
            "imbalance_ppm": self.imbalance_ppm,
            "expected_price_krw": self.expected_price_krw,
            "expected_qty": self.expected_qty,
            "last_price_krw": self.last_price_krw,
            "last_qty": self.last_qty,
            "last_time_hhmmss": self.last_time_hhmmss,
            "cum_qty": self.cum_qty,
            "recv_ns": self.recv_ns,
            "seq": self.seq,
        }

    def __repr__(self):
        return (
            f"Book({self.symbol!r}, {self.venue!r}, seq={self.seq}, "
            f"bid={self.best_bid_krw}x{self.best_bid_qty}, "
            f"ask={self.best_ask_krw}x{self.best_ask_qty})"
        )


@cython.overflowcheck(False)
cdef inline uint64_t _slot_of(const char* symbol, int32_t venue) noexcept nogil:
    cdef uint64_t low
    cdef uint64_t high
    memcpy(&low, symbol, 8)
    memcpy(&high, symbol + 8, 8)
    low = (low ^ (high * <uint64_t>0x9E3779B97F4A7C15) ^ <uint64_t>venue)
    low *= <uint64_t>0xD6E8FEB86659FD93
    return low ^ (low >> 32)


@cython.final
cdef class BookTable:
    """Books by the bytes of their symbol, without a Python string per look-up.

    books: {(symbol, venue): Book}, kept up to date for its owner. max_symbols: 1 to 10**6; a
    further book is refused with Busy.
    """

    def __cinit__(self, dict books not None, max_symbols):
        cdef uint64_t slots = 16
        if not 1 <= max_symbols <= 1_000_000:
            raise ValueError(f"max_symbols must be in 1..1000000, not {max_symbols}")
        while slots < <uint64_t>max_symbols * 2:
            slots *= 2
        self._slots = <uint32_t*>calloc(slots, sizeof(uint32_t))
        if self._slots == NULL:
            raise MemoryError
        self._slot_mask = slots - 1
        self.max_symbols = max_symbols
        self._booked = []
        self.books = books
        for book in books.values():
            self._add(book)

    def __dealloc__(self):
        free(self._slots)

    cdef Book find(self, const char* symbol, int32_t venue):
        cdef PyObject* found = self.find_borrowed(symbol, venue)
        return <Book>found if found != NULL else None

    cdef PyObject* find_borrowed(self, const char* symbol, int32_t venue) noexcept:
        cdef uint64_t slot = _slot_of(symbol, venue)
        cdef uint32_t entry
        cdef PyObject* book
        while True:
            # The table is at most half full, so there is an empty slot to stop at.
            entry = self._slots[slot & self._slot_mask]
            if entry == 0:
                return NULL
            book = PyList_GET_ITEM(self._booked, <Py_ssize_t>entry - 1)
            if (<Book>book).holds(symbol, venue):
                return book
            slot += 1

    cpdef Book book(self, object symbol, object venue):
        """Return the book, made if it is new; ValueError on nonsense, Busy when full."""
        cdef Book found = self.books.get((symbol, venue))
        if found is None:
            found = Book(symbol, venue)
            self._add(found)
            self.books[symbol, venue] = found
        elif self.find(found._symbol, found._venue) is None:
            # Put into the dict by its owner since the last look.
            self._add(found)
        return found

    cdef int _add(self, Book book) except -1:
        cdef uint64_t slot = _slot_of(book._symbol, book._venue)
        if len(self._booked) >= self.max_symbols:
            raise Busy(f"no room for a book of {book.symbol}: max_symbols={self.max_symbols}")
        self._booked.append(book)
        while self._slots[slot & self._slot_mask] != 0:
            slot += 1
        self._slots[slot & self._slot_mask] = <uint32_t>len(self._booked)
        return 0

"""Trade and Depth: read-only views of one parsed record, and the NumPy row of a trade."""

cimport cython
from cpython.unicode cimport PyUnicode_DecodeASCII, PyUnicode_DecodeUTF8
from libc.stdint cimport int32_t, int64_t
from libc.string cimport memcpy, memset, strlen

import numpy as np

from aegis_fast.hot.price cimport side_code, side_member

ABSENT = -(2**63)

_TRADE_NUMBERS = (
    "recv_ns", "time_hhmmss", "price_krw", "change_krw", "open_krw", "high_krw", "low_krw",
    "best_ask_krw", "best_bid_krw", "qty", "cum_qty", "cum_value_krw", "business_date",
    "best_ask_qty", "best_bid_qty", "market_class",
)
TRADE_DTYPE = np.dtype(
    [("symbol", "S16"), *((name, "<i8") for name in _TRADE_NUMBERS),
     ("side", "<i4"), ("venue", "<i4")]
)
if TRADE_DTYPE.itemsize != sizeof(TradeRecord):
    raise ImportError("TRADE_DTYPE and TradeRecord differ in size; rebuild with `make dev`")

cdef tuple _VENUES = ("", "KRX", "NXT", "UN")
cdef tuple _TRADE_FIELDS = (
    "symbol", "venue", "time_hhmmss", "price_krw", "change_krw", "qty", "cum_qty",
    "cum_value_krw", "best_ask_krw", "best_bid_krw", "open_krw", "high_krw", "low_krw", "side",
    "business_date", "best_ask_qty", "best_bid_qty", "market_class", "recv_ns",
)
cdef tuple _DEPTH_FIELDS = (
    "symbol", "venue", "time_hhmmss", "hour_class", "ask_price_krw", "bid_price_krw", "ask_qty",
    "bid_qty", "total_ask_qty", "total_bid_qty", "expected_price_krw", "expected_qty", "cum_qty",
    "recv_ns",
)


cdef str venue_name(int32_t venue):
    return _VENUES[venue]


cdef int32_t venue_code_of(object venue) except -1:
    if venue == "KRX":
        return VENUE_KRX
    if venue == "NXT":
        return VENUE_NXT
    if venue == "UN":
        return VENUE_UN
    raise ValueError(f"unknown venue {venue!r}; venues: KRX, NXT, UN")


cdef int store_symbol(object symbol, char* target) except -1:
    if (
        type(symbol) is not str or not 6 <= len(symbol) <= 12
        or not symbol.isascii() or not symbol.isalnum()
    ):
        raise ValueError(f"a symbol is 6 to 12 ASCII letters and digits, not {symbol!r}")
    cdef bytes raw = symbol.encode()
    memset(target, 0, 16)
    memcpy(target, <const char*>raw, len(raw))
    return 0


cdef int store_text(str text, char* target, Py_ssize_t room) except -1:
    cdef bytes raw = text.encode()
    if len(raw) >= room or b"\0" in raw:
        raise ValueError(f"{text!r} does not fit {room - 1} bytes")
    memset(target, 0, room)
    memcpy(target, <const char*>raw, len(raw))
    return 0


cdef str text_of(const char* source):
    return PyUnicode_DecodeUTF8(source, strlen(source), "replace")


cdef int64_t int_or_absent(object value) except? -1:
    if value is None:
        return absent_int()
    if type(value) is not int:
        raise TypeError(f"a record holds whole numbers, not {value!r}")
    return value


cdef tuple _levels(const int64_t* level):
    return (
        level[0], level[1], level[2], level[3], level[4],
        level[5], level[6], level[7], level[8], level[9],
    )


cdef int _store_levels(object values, int64_t* target) except -1:
    cdef Py_ssize_t i = 0
    if len(values) > DEPTH_LEVELS:
        raise ValueError(f"a side has {DEPTH_LEVELS} levels, not {len(values)}")
    for value in values:
        target[i] = int_or_absent(value)
        i += 1
    return 0


def fields_of(record, names):
    """Return the named attributes of a record."""
    return {name: getattr(record, name) for name in names}


def repr_of(record, names):
    """Return the repr of a record, attribute by attribute."""
    parts = (f"{name}={getattr(record, name)!r}" for name in names)
    return f"{type(record).__name__}({', '.join(parts)})"


@cython.final
@cython.auto_pickle(False)
@cython.freelist(256)
cdef class Trade:
    """One trade (체결) as the wire told it; read-only. A number the wire left empty is None.

    price_krw may be off the tick grid (midpoint trades). side is the aggressor's. change_krw is
    signed, against the previous close. time_hhmmss is KST in whole seconds, recv_ns the receiver's
    clock (0 when parsed without one). market_class: 1 pre-market, 2 regular, 3 after-market,
    5 closing price, 0 not told.
    """

    @staticmethod
    def make(
        *, symbol, venue="KRX", time_hhmmss=None, price_krw=None, change_krw=None, qty=None,
        cum_qty=None, cum_value_krw=None, best_ask_krw=None, best_bid_krw=None, open_krw=None,
        high_krw=None, low_krw=None, side=None, business_date=None, best_ask_qty=None,
        best_bid_qty=None, market_class=0, recv_ns=0,
    ):
        """Build a trade from its attributes; what is not given is absent."""
        cdef Trade trade = Trade.__new__(Trade)
        cdef TradeRecord* record = &trade.record
        store_symbol(symbol, record.symbol)
        record.venue = venue_code_of(venue)
        record.time_hhmmss = int_or_absent(time_hhmmss)
        record.price_krw = int_or_absent(price_krw)
        record.change_krw = int_or_absent(change_krw)
        record.qty = int_or_absent(qty)
        record.cum_qty = int_or_absent(cum_qty)
        record.cum_value_krw = int_or_absent(cum_value_krw)
        record.best_ask_krw = int_or_absent(best_ask_krw)
        record.best_bid_krw = int_or_absent(best_bid_krw)
        record.open_krw = int_or_absent(open_krw)
        record.high_krw = int_or_absent(high_krw)
        record.low_krw = int_or_absent(low_krw)
        record.side = side_code(side) if side else 0
        record.business_date = int_or_absent(business_date)
        record.best_ask_qty = int_or_absent(best_ask_qty)
        record.best_bid_qty = int_or_absent(best_bid_qty)
        record.market_class = int_or_absent(market_class)
        record.recv_ns = int_or_absent(recv_ns)
        return trade

    @property
    def symbol(self):
        if self._symbol is None:
            self._symbol = PyUnicode_DecodeASCII(
                self.record.symbol, strlen(self.record.symbol), NULL
            )
        return self._symbol

    @property
    def venue(self):
        return _VENUES[self.record.venue]

    @property
    def time_hhmmss(self):
        return int_or_none(self.record.time_hhmmss)

    @property
    def price_krw(self):
        return int_or_none(self.record.price_krw)

    @property
    def change_krw(self):
        return int_or_none(self.record.change_krw)

    @property
    def qty(self):
        return int_or_none(self.record.qty)

    @property
    def cum_qty(self):
        return int_or_none(self.record.cum_qty)

    @property
    def cum_value_krw(self):
        return int_or_none(self.record.cum_value_krw)

    @property
    def best_ask_krw(self):
        return int_or_none(self.record.best_ask_krw)

    @property
    def best_bid_krw(self):
        return int_or_none(self.record.best_bid_krw)

    @property
    def open_krw(self):
        return int_or_none(self.record.open_krw)

    @property
    def high_krw(self):
        return int_or_none(self.record.high_krw)

    @property
    def low_krw(self):
        return int_or_none(self.record.low_krw)

    @property
    def side(self):
        return side_member(self.record.side)

    @property
    def business_date(self):
        return int_or_none(self.record.business_date)

    @property
    def best_ask_qty(self):
        return int_or_none(self.record.best_ask_qty)

    @property
    def best_bid_qty(self):
        return int_or_none(self.record.best_bid_qty)

    @property
    def market_class(self):
        return self.record.market_class

    @property
    def recv_ns(self):
        return self.record.recv_ns

    def as_dict(self):
        """Return every attribute by name."""
        return fields_of(self, _TRADE_FIELDS)

    def __repr__(self):
        return repr_of(self, _TRADE_FIELDS)


@cython.final
@cython.auto_pickle(False)
@cython.freelist(64)
cdef class Depth:
    """One ten-level order book (호가) as the wire told it; read-only.

    ask_price_krw, bid_price_krw, ask_qty and bid_qty are tuples of ten ints, best first; a level
    without a quote is 0 and 0. Totals and expected values the wire left empty are None.
    expected_price_krw and expected_qty mean something in auctions only. hour_class: "0"
    continuous, "A" closing auction, "B" before the open, "C" after 09:00 or VI, "D" off hours, ""
    not told. Each read of a tuple builds it: keep it in a variable.
    """

    @staticmethod
    def make(
        *, symbol, venue="KRX", time_hhmmss=None, hour_class="0", ask_price_krw=(),
        bid_price_krw=(), ask_qty=(), bid_qty=(), total_ask_qty=None, total_bid_qty=None,
        expected_price_krw=None, expected_qty=None, cum_qty=None, recv_ns=0,
    ):
        """Build a book from its attributes; missing levels are 0, missing numbers absent."""
        cdef Depth depth = Depth.__new__(Depth)
        cdef DepthRecord* record = &depth.record
        store_symbol(symbol, record.symbol)
        record.venue = venue_code_of(venue)
        record.time_hhmmss = int_or_absent(time_hhmmss)
        record.hour_class = ord(hour_class) if hour_class else 0
        _store_levels(ask_price_krw, record.ask_price_krw)
        _store_levels(bid_price_krw, record.bid_price_krw)
        _store_levels(ask_qty, record.ask_qty)
        _store_levels(bid_qty, record.bid_qty)
        record.total_ask_qty = int_or_absent(total_ask_qty)
        record.total_bid_qty = int_or_absent(total_bid_qty)
        record.expected_price_krw = int_or_absent(expected_price_krw)
        record.expected_qty = int_or_absent(expected_qty)
        record.cum_qty = int_or_absent(cum_qty)
        record.recv_ns = int_or_absent(recv_ns)
        return depth

    @property
    def symbol(self):
        return text_of(self.record.symbol)

    @property
    def venue(self):
        return _VENUES[self.record.venue]

    @property
    def time_hhmmss(self):
        return int_or_none(self.record.time_hhmmss)

    @property
    def hour_class(self):
        return chr(self.record.hour_class) if self.record.hour_class else ""

    @property
    def ask_price_krw(self):
        return _levels(self.record.ask_price_krw)

    @property
    def bid_price_krw(self):
        return _levels(self.record.bid_price_krw)

    @property
    def ask_qty(self):
        return _levels(self.record.ask_qty)

    @property
    def bid_qty(self):
        return _levels(self.record.bid_qty)

    @property
    def total_ask_qty(self):
        return int_or_none(self.record.total_ask_qty)

    @property
    def total_bid_qty(self):
        return int_or_none(self.record.total_bid_qty)

    @property
    def expected_price_krw(self):
        return int_or_none(self.record.expected_price_krw)

    @property
    def expected_qty(self):
        return int_or_none(self.record.expected_qty)

    @property
    def cum_qty(self):
        return int_or_none(self.record.cum_qty)

    @property
    def recv_ns(self):
        return self.record.recv_ns

    def as_dict(self):
        """Return every attribute by name."""
        return fields_of(self, _DEPTH_FIELDS)

    def __repr__(self):
        return repr_of(self, _DEPTH_FIELDS)

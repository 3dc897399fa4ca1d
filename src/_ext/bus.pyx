"""Bus: hand trades, books and orders to whoever subscribed, in registration order.

Who wants a symbol is worked out once and kept with its Book until somebody comes or goes. So a tick
costs nothing for those who do not want it: no look-up by name, no Python string.
"""

import functools

cimport cython
from cpython.exc cimport PyErr_Occurred, PyErr_SetObject, PyErr_SetString, PyErr_WriteUnraisable
from cpython.mem cimport PyMem_Free, PyMem_Malloc
from cpython.object cimport PyObject
from cpython.ref cimport Py_DECREF
from libc.stdint cimport int64_t, uint64_t
from libc.string cimport memcmp, memcpy, memset

from aegis_fast.hot.record cimport absent_int, text_of

cdef extern from "Python.h":
    # Declared without an exception value: a failure is dealt with off the hot path.
    PyObject* PyObject_CallOneArg(PyObject* callback, PyObject* argument)
    Py_ssize_t Py_REFCNT(object held)

cdef extern from *:
    """
    /* What a function that has failed answers: makes Cython see the exception that is set. */
    static int aegis_failed(void) { return -1; }
    """
    int raise_what_is_set "aegis_failed" () except -1

# A NativeSubscriber's method, its first argument the subscriber; -1 with an exception set.
ctypedef int (*deliver_fn)(PyObject* target, const void* record, PyObject* book) noexcept

# The next version of whatever bus changes next; 0 is that of a book without a route.
cdef uint64_t _next_version = 1


cdef struct Target:
    PyObject* subscriber
    # One of the two is NULL.
    PyObject* callback
    deliver_fn native


@cython.final
cdef class Route:
    """Who wants one symbol: trades first, then depths. Never changed once built."""

    cdef uint64_t version
    cdef Py_ssize_t trade_count
    cdef Py_ssize_t depth_count
    cdef Target* trades
    cdef Target* depths
    # Keeps what the targets point to.
    cdef tuple owned

    def __dealloc__(self):
        PyMem_Free(self.trades)


cdef Route _route_to(tuple subscribers, object symbol, uint64_t version):
    """Build the route of a symbol."""
    cdef Subscriber subscriber
    cdef Target* targets
    cdef Route route = Route.__new__(Route)
    owned = []
    wanting = [s for s in subscribers
               if (<Subscriber>s).symbols is None or symbol in (<Subscriber>s).symbols]
    targets = <Target*>PyMem_Malloc((2 * len(wanting) + 1) * sizeof(Target))
    if targets == NULL:
        raise MemoryError
    route.version = version
    route.trades = targets
    for subscriber in wanting:
        if _set_target(&targets[route.trade_count], subscriber, subscriber.on_trade, True):
            owned += (subscriber, subscriber.on_trade)
            route.trade_count += 1
    route.depths = &targets[route.trade_count]
    for subscriber in wanting:
        if _set_target(&route.depths[route.depth_count], subscriber, subscriber.on_depth, False):
            owned += (subscriber, subscriber.on_depth)
            route.depth_count += 1
    route.owned = tuple(owned)
    return route


cdef bint _set_target(
    Target* target, Subscriber subscriber, object callback, bint is_trade
) noexcept:
    """Fill a target; False when the subscriber does not care."""
    cdef NativeSubscriber native
    target.subscriber = <PyObject*>subscriber
    target.callback = NULL
    target.native = NULL
    if isinstance(subscriber, NativeSubscriber):
        native = <NativeSubscriber>subscriber
        target.native = <deliver_fn>(
            <void*>native.on_trade_record if is_trade else <void*>native.on_depth_record
        )
        return True
    target.callback = <PyObject*>callback
    return callback is not None


@cython.auto_pickle(False)
cdef class Subscriber:
    """One party's callbacks; None leaves a kind out.

    symbols None means all; a symbol is heard from every venue that the feed carries. Orders always
    come, for every symbol. A callback that raises is counted in errors and told in last_error;
    after max_errors the subscriber is_stopped and hears nothing any more. on_trade(trade): the
    trade may be kept. on_depth(book): the book is live, copy what you keep.
    """

    def __cinit__(self):
        self.name = type(self).__name__
        self.max_errors = 100
        self.last_error = ""

    def __init__(
        self, name, *, symbols=None, on_trade=None, on_depth=None, on_order=None, max_errors=100
    ):
        self._set(name, symbols, on_trade, on_depth, on_order, max_errors)

    cdef int _set(self, name, symbols, on_trade, on_depth, on_order, max_errors) except -1:
        if max_errors < 1:
            raise ValueError(f"max_errors must be 1 or more, not {max_errors}")
        if isinstance(symbols, str):
            raise TypeError("symbols is a collection of symbols, not one string")
        self.name = name
        self.symbols = None if symbols is None else frozenset(symbols)
        self.on_trade = on_trade
        self.on_depth = on_depth
        self.on_order = on_order
        self.max_errors = max_errors
        return 0

    def __repr__(self):
        state = "stopped" if self.is_stopped else "running"
        return f"<{type(self).__name__} {self.name!r} {state}, {self.errors} errors>"


cdef class NativeSubscriber(Subscriber):
    """Base of subscribers written in Cython; see bus.pxd. The default ignores every record."""

    def __init__(self, name="", *, symbols=None, on_order=None, max_errors=100):
        self._set(name or type(self).__name__, symbols, None, None, on_order, max_errors)

    cdef int on_trade_record(self, const TradeRecord* record, Book book) except -1:
        return 0

    cdef int on_depth_record(self, const DepthRecord* record, Book book) except -1:
        return 0


@cython.final
@cython.auto_pickle(False)
cdef class Bus:
    """The subscribers of one feed and one engine.

    on_error(subscriber, exception) hears of each exception of a callback; without it, and when it
    fails itself, the exception goes to sys.unraisablehook. Such an exception reaches nobody else:
    the next subscriber runs, and so does the caller. KeyboardInterrupt and the like pass through.
    A callback may add and remove subscribers: who is added hears from the next event on, who is
    removed still hears the one under way, unless it was stopped for its errors. Not thread-safe.
    """

    def __init__(self, on_error=None):
        self._on_error = on_error
        self.subscribers = ()
        self._change(())

    cdef int _change(self, tuple subscribers) except -1:
        global _next_version
        self.subscribers = subscribers
        self._version = _next_version
        _next_version += 1
        return 0

    def add(self, Subscriber subscriber not None):
        """Start calling back; the function returned ends it and may be called twice.

        Raises ValueError for a subscriber that is here already or was stopped.
        """
        if subscriber.is_stopped or subscriber in self.subscribers:
            raise ValueError(f"{subscriber!r} can't be added: a subscriber is added once")
        self._change((*self.subscribers, subscriber))
        return functools.partial(self.remove, subscriber)

    def remove(self, Subscriber subscriber not None):
        """Stop calling back; nothing happens when it is not here."""
        if subscriber in self.subscribers:
            self._change(tuple([s for s in self.subscribers if s is not subscriber]))

    def trade(self, Trade trade not None):
        """Tell the subscribers of the symbol, as the feed does."""
        _run_trades(
            self, _route_to(self.subscribers, trade.symbol, self._version), &trade.record, None,
            trade,
        )

    def depth(self, Book book not None):
        """Tell the subscribers of the symbol that its book changed, as the feed does."""
        cdef DepthRecord record
        _copy_book(book, &record)
        self.deliver_depth(&record, book)

    def order(self, order):
        """Tell everybody who hears orders."""
        cdef Subscriber subscriber
        cdef PyObject* answer
        for subscriber in self.subscribers:
            if subscriber.on_order is None or subscriber.is_stopped:
                continue
            answer = PyObject_CallOneArg(<PyObject*>subscriber.on_order, <PyObject*>order)
            if answer == NULL:
                self._fail(subscriber)
            else:
                Py_DECREF(<object>answer)

    cdef int deliver_trade(self, const TradeRecord* record, Book book) except -1:
        cdef Route route
        if book is None:
            route = _route_to(self.subscribers, text_of(record.symbol), self._version)
        else:
            if book._route_version != self._version:
                self._renew(book)
            if (<Route>book._route).trade_count == 0:
                return 0
            route = <Route>book._route
        return _run_trades(self, route, record, book, None)

    cdef int deliver_depth(self, const DepthRecord* record, Book book) except -1:
        cdef Route route
        if book is None:
            route = _route_to(self.subscribers, text_of(record.symbol), self._version)
        else:
            if book._route_version != self._version:
                self._renew(book)
            if (<Route>book._route).depth_count == 0:
                return 0
            route = <Route>book._route
        return _run_depths(self, route, record, book)

    cdef int _renew(self, Book book) except -1:
        book._route = _route_to(self.subscribers, book.symbol, self._version)
        book._route_version = self._version
        return 0

    cdef int _fail(self, Subscriber subscriber) except -1:
        """Contain the exception that is set, unless it is an interrupt."""
        if PyErr_Occurred() == NULL:
            PyErr_SetString(SystemError, "a native subscriber answered -1 without an exception")
        try:
            raise_what_is_set()
        except Exception as error:
            self.errors += 1
            subscriber.errors += 1
            subscriber.last_error = _told(error)
            if subscriber.errors >= subscriber.max_errors:
                subscriber.is_stopped = True
                self.remove(subscriber)
            self._report(subscriber, error)
        return 0

    cdef int _report(self, Subscriber subscriber, object error) except -1:
        cdef object culprit = subscriber
        if self._on_error is not None:
            try:
                self._on_error(subscriber, error)
                return 0
            except Exception as second:
                error = second
                culprit = self._on_error
        PyErr_SetObject(type(error), error)
        PyErr_WriteUnraisable(culprit)
        return 0


cdef int _run_trades(
    Bus bus, Route route, const TradeRecord* record, Book book, Trade trade
) except -1:
    cdef Target* target = route.trades
    cdef Target* end = target + route.trade_count
    cdef PyObject* answer
    cdef bint is_own = False
    while target != end:
        if target.native != NULL:
            if target.native(target.subscriber, record, <PyObject*>book) == -1:
                bus._fail(<Subscriber>target.subscriber)
        else:
            if trade is None:
                # One for all of them.
                trade = _new_trade(bus, record)
                is_own = True
            answer = PyObject_CallOneArg(target.callback, <PyObject*>trade)
            if answer == NULL:
                bus._fail(<Subscriber>target.subscriber)
            else:
                Py_DECREF(<object>answer)
        target += 1
        if route.version != bus._version:
            target = _skip_stopped(target, end)
    if is_own and Py_REFCNT(trade) == 1:
        bus._spare = trade
    return 0


cdef inline Trade _new_trade(Bus bus, const TradeRecord* record):
    """Return a trade that nobody else holds: the last one, if its subscribers let go of it.

    That spares clearing and freeing 200 bytes a tick, and the symbol of the one before often fits.
    """
    cdef Trade trade = bus._spare
    if trade is None:
        trade = Trade.__new__(Trade)
    else:
        bus._spare = None
        if memcmp(trade.record.symbol, record.symbol, sizeof(record.symbol)) != 0:
            trade._symbol = None
    trade.record = record[0]
    return trade


cdef int _run_depths(Bus bus, Route route, const DepthRecord* record, Book book) except -1:
    cdef Target* target = route.depths
    cdef Target* end = target + route.depth_count
    cdef PyObject* answer
    while target != end:
        if target.native != NULL:
            if target.native(target.subscriber, record, <PyObject*>book) == -1:
                bus._fail(<Subscriber>target.subscriber)
        elif book is not None:
            answer = PyObject_CallOneArg(target.callback, <PyObject*>book)
            if answer == NULL:
                bus._fail(<Subscriber>target.subscriber)
            else:
                Py_DECREF(<object>answer)
        target += 1
        if route.version != bus._version:
            target = _skip_stopped(target, end)
    return 0


cdef Target* _skip_stopped(Target* target, Target* end) noexcept:
    while target != end and (<Subscriber>target.subscriber).is_stopped:
        target += 1
    return target


cdef str _told(object error):
    """Return "Name: text"; an exception's own text may fail, too."""
    try:
        return f"{type(error).__name__}: {error}"
    except Exception:
        return type(error).__name__


cdef int _copy_book(Book book, DepthRecord* record) except -1:
    """Make the record that would bring a book to where it is."""
    memset(record, 0, sizeof(DepthRecord))
    memcpy(record.symbol, book._symbol, sizeof(book._symbol))
    record.recv_ns = book.recv_ns
    record.time_hhmmss = book.time_hhmmss
    memcpy(record.ask_price_krw, book.ask_price, 40 * sizeof(int64_t))
    record.total_ask_qty = book.total_ask_qty
    record.total_bid_qty = book.total_bid_qty
    record.expected_price_krw = book.expected_price_krw
    record.expected_qty = book.expected_qty
    record.cum_qty = absent_int()
    record.venue = book._venue
    record.hour_class = book._hour_class
    return 0

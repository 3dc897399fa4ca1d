"""FeedListener: WebSocket frame -> records -> books -> subscribers, without leaving C or awaiting.

It reads no socket itself: picows hands in its receive buffer, on_ws_frame works on it in place and
keeps no pointer into it.
"""

from collections import deque

from cpython.bytes cimport PyBytes_FromStringAndSize
from cpython.exc cimport PyErr_SetObject, PyErr_WriteUnraisable
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t
from libc.stdlib cimport free, malloc
from posix.time cimport CLOCK_REALTIME, clock_gettime, timespec

from picows.picows cimport WSFrame, WSListener, WSMsgType, WSTransport

from aegis_fast.hot.frame cimport (
    FRAME_BAD_HEADER, FRAME_DEPTH, FRAME_OK, FRAME_TRADE, FRAME_UNKNOWN_TR, frame_error,
    is_known_width,
    next_depth, next_trade, open_envelope, open_frame, table_error,
)
from aegis_fast.hot.record cimport Trade, venue_name
from aegis_fast.hot.table cimport (
    TableFrame, TableValues, next_record, open_table, table_record, tr_name,
)

from aegis_fast.errors import Busy, FrameError

# Of a bad frame only this much is kept in the ring of last_bad().
cdef Py_ssize_t KEPT_BYTES = 65_536


cdef class NativeSubscriber:
    """Base of subscribers written in Cython; see feed.pxd. The default ignores everything."""

    cdef int on_trade_record(self, const TradeRecord* record, Book book) except -1:
        return 0

    cdef int on_depth_record(self, const DepthRecord* record, Book book) except -1:
        return 0


cdef class FeedListener(WSListener):
    """Turn KIS realtime messages into book updates and subscriber calls, one socket at a time.

    books: {(symbol, venue): Book}, shared with the caller and filled on demand, at most
    max_symbols; a frame of one more symbol still reaches the trade subscribers, its book does not,
    `unbooked` counts it and the first one is reported to on_bad_frame.
    on_trade(trade), on_depth(book): the first subscribers. on_record(record): each TableRecord, of
    the TRs without a type of their own. on_control(message: bytes): JSON messages.
    on_encrypted(tr_id: str, count: int, payload: bytes). on_bad_frame(raw, error).
    on_connected(transport), on_disconnected(transport). on_subscriber_error(callback, exception):
    an exception of any callback above except on_connected and on_disconnected is counted in
    subscriber_errors and passed here, the next subscriber still runs; without it the exception
    goes to sys.unraisablehook. clock_ns: a callable for tests and simulations; None reads
    CLOCK_REALTIME, once per socket read. A fragmented message longer than max_message_bytes is
    dropped as a bad frame. Counters: frames (data frames, bad ones included), records,
    bad_frames, controls, encrypted, bytes.
    """

    def __init__(
        self, *, books=None, on_trade=None, on_depth=None, on_control=None, on_encrypted=None,
        on_bad_frame=None, on_connected=None, on_disconnected=None, on_subscriber_error=None,
        on_record=None, clock_ns=None, max_symbols=1024, bad_frames_kept=64,
        max_message_bytes=1 << 20,
    ):
        if max_message_bytes < 1 or bad_frames_kept < 0:
            raise ValueError("max_message_bytes must be positive, bad_frames_kept not negative")
        self.max_message_bytes = max_message_bytes
        self.books = {} if books is None else books
        self._table = BookTable(self.books, max_symbols)
        self._trade_subscribers = () if on_trade is None else (on_trade,)
        self._depth_subscribers = () if on_depth is None else (on_depth,)
        self._native_subscribers = ()
        self.on_record = on_record
        self.on_control = on_control
        self.on_encrypted = on_encrypted
        self.on_bad_frame = on_bad_frame
        self.on_connected = on_connected
        self.on_disconnected = on_disconnected
        self.on_subscriber_error = on_subscriber_error
        self._clock_ns = clock_ns
        self._bad = deque(maxlen=bad_frames_kept)
        self._partial = None
        self._is_skipping = False
        self._is_stale_stamp = True

    # ---- what the owner calls ----

    def add_trade_subscriber(self, callback):
        """Call callback(trade) for every trade, after the subscribers already there."""
        self._trade_subscribers = (*self._trade_subscribers, callback)

    def add_depth_subscriber(self, callback):
        """Call callback(book) after every book snapshot; book.change_bits tells what moved."""
        self._depth_subscribers = (*self._depth_subscribers, callback)

    def add_native_subscriber(self, NativeSubscriber subscriber not None):
        """Call the subscriber's C methods for every record, before all Python subscribers."""
        self._native_subscribers = (*self._native_subscribers, subscriber)

    def book(self, symbol, venue="KRX"):
        """Return the book, made if it is new.

        Raises ValueError on a malformed symbol or venue, Busy when max_symbols books exist.
        """
        return self._table.book(symbol, venue)

    def feed_bytes(self, bytes message not None):
        """Handle one whole message exactly as if it had come from the socket."""
        self._stamp()
        self.size_bytes += len(message)
        self._receive(<const uint8_t*><const char*>message, len(message))

    def last_bad(self):
        """Return the newest bad frames, oldest first, each cut to 64 KiB."""
        return tuple(self._bad)

    def drift(self):
        """Return {tr_id: latest width} of the widths that are not in the KIS table."""
        return {tr_name(tr): self._drift[tr] for tr in range(TR_COUNT) if self._drift[tr]}

    def counters(self):
        """Return every counter by name."""
        return {
            "frames": self.frames, "records": self.records, "bad_frames": self.bad_frames,
            "controls": self.controls, "encrypted": self.encrypted, "bytes": self.size_bytes,
            "subscriber_errors": self.subscriber_errors, "unbooked": self.unbooked,
            "schema_drift": self.schema_drift,
        }

    @property
    def bytes(self):
        """Payload bytes received, control messages included."""
        return self.size_bytes

    # ---- what picows calls ----

    cpdef on_ws_connected(self, WSTransport transport):
        self.transport = transport
        self._partial = None
        self._is_skipping = False
        if self.on_connected is not None:
            self.on_connected(transport)

    cpdef on_ws_disconnected(self, WSTransport transport):
        self.transport = None
        self._partial = None
        if self.on_disconnected is not None:
            self.on_disconnected(transport)

    cpdef on_ws_frame(self, WSTransport transport, WSFrame frame):
        if self._is_stale_stamp:
            self._stamp()
        # All frames of one socket read share its stamp; the next one belongs to a new read.
        self._is_stale_stamp = frame.last_in_buffer
        self.size_bytes += frame.payload_size
        if frame.msg_type == WSMsgType.TEXT and frame.fin:
            self._receive(<const uint8_t*>frame.payload_ptr, frame.payload_size)
        elif frame.msg_type == WSMsgType.TEXT or frame.msg_type == WSMsgType.CONTINUATION:
            self._collect(<const uint8_t*>frame.payload_ptr, frame.payload_size, frame.msg_type,
                          frame.fin)
        elif frame.msg_type == WSMsgType.PING:
            transport.send_pong(frame.get_payload_as_bytes())
        elif frame.msg_type == WSMsgType.CLOSE:
            transport.send_close()
            transport.disconnect()
        elif frame.msg_type == WSMsgType.BINARY:
            self.frames += 1
            self._reject(
                frame.get_payload_as_bytes(), FrameError("a binary message; KIS sends text")
            )

    # ---- one message ----

    cdef int _stamp(self) except -1:
        cdef timespec now
        if self._clock_ns is not None:
            try:
                self.recv_ns = self._clock_ns()
            except Exception as error:
                self._contain(self._clock_ns, error)
            return 0
        clock_gettime(CLOCK_REALTIME, &now)
        self.recv_ns = <int64_t>now.tv_sec * 1_000_000_000 + now.tv_nsec
        return 0

    cdef int _collect(
        self, const uint8_t* piece, Py_ssize_t size, WSMsgType kind, bint is_last
    ) except -1:
        # A message in several frames: gathered up to max_message_bytes, then handled as one.
        if kind == WSMsgType.TEXT:
            self._partial = bytearray()
            self._is_skipping = False
        if self._partial is not None:
            if len(self._partial) + size > self.max_message_bytes:
                self._is_skipping = True
                self.frames += 1
                whole = bytes(self._partial)
                self._partial = None
                self._reject(whole, FrameError(
                    f"a message of more than {self.max_message_bytes} bytes", raw=whole,
                ))
            else:
                self._partial += PyBytes_FromStringAndSize(<const char*>piece, size)
        elif not self._is_skipping:
            self.frames += 1
            whole = PyBytes_FromStringAndSize(<const char*>piece, size)
            self._reject(whole, FrameError("a continuation of nothing", raw=whole))
        if is_last:
            self._is_skipping = False
            if self._partial is not None:
                whole = bytes(self._partial)
                self._partial = None
                self._receive(<const uint8_t*><const char*>whole, len(whole))
        return 0

    cdef int _receive(self, const uint8_t* message, Py_ssize_t size) except -1:
        cdef FrameHeader header
        cdef int status
        if size > 0 and message[0] == c"{":
            self.controls += 1
            if self.on_control is not None:
                self._report(
                    self.on_control, (PyBytes_FromStringAndSize(<const char*>message, size),)
                )
            return 0
        if size > 0 and message[0] == c"1":
            return self._receive_encrypted(message, size)
        self.frames += 1
        status = open_frame(message, size, &header)
        if status == FRAME_OK and header.kind == FRAME_TRADE:
            status = self._receive_trades(&header)
        elif status == FRAME_OK and header.kind == FRAME_DEPTH:
            status = self._receive_depths(&header)
        elif status == FRAME_OK:
            # Notices come encrypted; a plain one is not KIS's and must not move an order.
            header.error_at = 0
            status = FRAME_BAD_HEADER
        if status == FRAME_OK:
            self.records += header.count
            if not is_known_width(header.tr, header.width):
                self.schema_drift += 1
                self._drift[header.tr] = header.width
            return 0
        if status == FRAME_UNKNOWN_TR:
            return self._receive_table(message, size)
        raw = PyBytes_FromStringAndSize(<const char*>message, size)
        return self._reject(raw, frame_error(status, raw, header.error_at))

    cdef int _receive_table(self, const uint8_t* message, Py_ssize_t size) except -1:
        cdef TableFrame reader
        cdef TableValues values
        cdef list records = []
        cdef int status = open_table(message, size, &reader)
        if status == FRAME_OK and reader.is_private:
            # As a plain notice of H0STCNI0: not KIS's.
            reader.error_at = 0
            status = FRAME_BAD_HEADER
        while status == FRAME_OK and reader.records_left:
            status = next_record(&reader, &values)
            if status == FRAME_OK and self.on_record is not None:
                records.append(table_record(&reader, &values, self.recv_ns))
        if status != FRAME_OK:
            raw = PyBytes_FromStringAndSize(<const char*>message, size)
            return self._reject(raw, table_error(status, raw, &reader))
        self.records += reader.count
        if not is_known_width(reader.tr, reader.width):
            self.schema_drift += 1
            self._drift[reader.tr] = reader.width
        for record in records:
            self._report(self.on_record, (record,))
        return 0

    cdef int _receive_trades(self, FrameHeader* header) except 1:
        cdef TradeRecord single
        cdef TradeRecord* records = &single
        cdef TradeRecord* owned = NULL
        cdef uint32_t i
        cdef int status = FRAME_OK
        if header.count > 1:
            # open_frame has checked that the frame is long enough for this many records.
            records = owned = <TradeRecord*>malloc(header.count * sizeof(TradeRecord))
            if owned == NULL:
                raise MemoryError
        try:
            # All of a frame or nothing: the last record is read before the first is delivered.
            for i in range(header.count):
                status = next_trade(header, &records[i])
                if status != FRAME_OK:
                    return status
                records[i].recv_ns = self.recv_ns
            for i in range(header.count):
                self._deliver_trade(&records[i])
        finally:
            free(owned)
        return FRAME_OK

    cdef int _receive_depths(self, FrameHeader* header) except 1:
        cdef DepthRecord single
        cdef DepthRecord* records = &single
        cdef DepthRecord* owned = NULL
        cdef uint32_t i
        cdef int status = FRAME_OK
        if header.count > 1:
            records = owned = <DepthRecord*>malloc(header.count * sizeof(DepthRecord))
            if owned == NULL:
                raise MemoryError
        try:
            for i in range(header.count):
                status = next_depth(header, &records[i])
                if status != FRAME_OK:
                    return status
                records[i].recv_ns = self.recv_ns
            for i in range(header.count):
                self._deliver_depth(&records[i])
        finally:
            free(owned)
        return FRAME_OK

    cdef int _receive_encrypted(self, const uint8_t* message, Py_ssize_t size) except -1:
        cdef FrameHeader header
        cdef int status = open_envelope(message, size, &header)
        whole = PyBytes_FromStringAndSize(<const char*>message, size)
        if status != FRAME_OK:
            self.frames += 1
            return self._reject(whole, frame_error(status, whole, header.error_at))
        self.encrypted += 1
        if self.on_encrypted is not None:
            tr_id = whole[2:whole.index(b"|", 2)].decode("ascii")
            self._report(self.on_encrypted, (tr_id, header.count, whole[header.payload_at:]))
        return 0

    cdef int _deliver_trade(self, const TradeRecord* record) except -1:
        cdef Trade trade
        cdef Book book = self._book_of(record.symbol, record.venue)
        if book is not None:
            book.apply_trade_record(record)
        for native in self._native_subscribers:
            try:
                (<NativeSubscriber>native).on_trade_record(record, book)
            except Exception as error:
                self._contain(native, error)
        if self._trade_subscribers:
            trade = Trade.__new__(Trade)
            trade.record = record[0]
            for callback in self._trade_subscribers:
                try:
                    callback(trade)
                except Exception as error:
                    self._contain(callback, error)
        return 0

    cdef int _deliver_depth(self, const DepthRecord* record) except -1:
        cdef Book book = self._book_of(record.symbol, record.venue)
        if book is not None:
            book.apply_record(record)
        for native in self._native_subscribers:
            try:
                (<NativeSubscriber>native).on_depth_record(record, book)
            except Exception as error:
                self._contain(native, error)
        if book is not None:
            for callback in self._depth_subscribers:
                try:
                    callback(book)
                except Exception as error:
                    self._contain(callback, error)
        return 0

    # ---- what goes wrong ----

    cdef int _reject(self, bytes raw, object error) except -1:
        self.bad_frames += 1
        self._bad.append(raw[:KEPT_BYTES])
        if self.on_bad_frame is not None:
            self._report(self.on_bad_frame, (raw, error))
        return 0

    cdef int _report(self, object callback, tuple arguments) except -1:
        try:
            callback(*arguments)
        except Exception as error:
            self._contain(callback, error)
        return 0

    cdef int _contain(self, object subscriber, object error) except -1:
        self.subscriber_errors += 1
        if self.on_subscriber_error is not None:
            try:
                self.on_subscriber_error(subscriber, error)
                return 0
            except Exception as second:
                error = second
                subscriber = self.on_subscriber_error
        PyErr_SetObject(type(error), error)
        PyErr_WriteUnraisable(subscriber)
        return 0

    cdef Book _book_of(self, const char* symbol, int32_t venue):
        cdef Book book = self._table.find(symbol, venue)
        if book is not None:
            return book
        name = symbol.decode("ascii")
        try:
            return self._table.book(name, venue_name(venue))
        except Busy as error:
            self.unbooked += 1
            if self.unbooked == 1 and self.on_bad_frame is not None:
                self._report(self.on_bad_frame, (name.encode(), FrameError(str(error))))
            return None

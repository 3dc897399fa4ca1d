"""FeedListener: WebSocket frame -> records -> books -> subscribers, without leaving C or awaiting.

It reads no socket itself: picows hands in its receive buffer, on_ws_frame works on it in place and
keeps no pointer into it.
"""

from collections import deque

cimport cython
from cpython.bytes cimport PyBytes_FromStringAndSize
from cpython.exc cimport PyErr_SetObject, PyErr_WriteUnraisable
from cpython.object cimport PyObject
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t
from libc.stdlib cimport free, malloc
from posix.time cimport CLOCK_MONOTONIC, CLOCK_REALTIME, clock_gettime, timespec

from picows.picows cimport WSFrame, WSListener, WSMsgType, WSTransport

from aegis_fast.hot.frame cimport (
    FRAME_BAD_HEADER, FRAME_DEPTH, FRAME_OK, FRAME_TRADE, FRAME_UNKNOWN_TR, frame_error,
    is_known_width,
    next_depth, next_trade, open_envelope, open_frame, table_error,
)
from aegis_fast.hot.record cimport venue_name
from aegis_fast.hot.table cimport (
    TableFrame, TableValues, next_record, open_table, table_record, tr_name,
)

from aegis_fast.errors import Busy, FrameError
from aegis_fast.hot.bus import Subscriber

# Of a bad frame only this much is kept in the ring of last_bad().
cdef Py_ssize_t KEPT_BYTES = 65_536

# A frame of so many records is read into the stack; one of more costs a malloc.
cdef enum:
    FEW_TRADES = 16
    FEW_DEPTHS = 8

cdef tuple _STAGES = ("parse", "book", "subscribers", "read")


cdef inline int64_t _monotonic_ns() noexcept nogil:
    cdef timespec now
    clock_gettime(CLOCK_MONOTONIC, &now)
    return <int64_t>now.tv_sec * 1_000_000_000 + now.tv_nsec


cdef inline int64_t _lap(LatencyHistogram stage, int64_t begun_ns) noexcept:
    """End one stage and begin the next."""
    cdef int64_t now_ns = _monotonic_ns()
    stage.record_ns(now_ns - begun_ns)
    return now_ns


@cython.final
cdef class FeedListener(WSListener):
    """Turn KIS realtime messages into book updates and subscriber calls, one socket at a time.

    books: {(symbol, venue): Book}, shared with the caller and filled on demand, at most
    max_symbols; a frame of one more symbol still reaches the trade subscribers, its book does not,
    `unbooked` counts it and the first one is reported to on_bad_frame.
    bus: who hears trades and books; by default one of its own. on_trade(trade), on_depth(book): the
    first subscribers of it. on_record(record): each TableRecord, of the TRs without a type of
    their own. on_control(message: bytes): JSON messages. on_encrypted(tr_id: str, count: int,
    payload: bytes). on_bad_frame(raw, error). on_connected(transport), on_disconnected(transport).
    on_subscriber_error(callback, exception): an exception of one of these callbacks, except
    on_connected and on_disconnected, and of (subscriber, exception) of its own bus; without it the
    exception goes to sys.unraisablehook. A bus that was handed in has its own on_error.
    clock_ns: a callable for tests and simulations; None reads CLOCK_REALTIME, once per socket read.
    A fragmented message longer than max_message_bytes is dropped as a bad frame. sample_every: time
    the stages of every so many messages, a power of two; 0 times nothing (see latency). Counters:
    frames (data frames, bad ones included), records, bad_frames, controls, encrypted, bytes.
    """

    def __init__(
        self, *, Bus bus=None, books=None, on_trade=None, on_depth=None, on_control=None,
        on_encrypted=None, on_bad_frame=None, on_connected=None, on_disconnected=None,
        on_subscriber_error=None, on_record=None, clock_ns=None, max_symbols=1024,
        bad_frames_kept=64, max_message_bytes=1 << 20, sample_every=64,
    ):
        if max_message_bytes < 1 or bad_frames_kept < 0:
            raise ValueError("max_message_bytes must be positive, bad_frames_kept not negative")
        if not 0 <= sample_every <= 1 << 20 or sample_every & (sample_every - 1):
            raise ValueError(f"sample_every must be 0 or a power of two, not {sample_every}")
        self.max_message_bytes = max_message_bytes
        self.books = {} if books is None else books
        self._table = BookTable(self.books, max_symbols)
        self.bus = Bus(on_subscriber_error) if bus is None else bus
        if on_trade is not None:
            self.bus.add(Subscriber("on_trade", on_trade=on_trade))
        if on_depth is not None:
            self.bus.add(Subscriber("on_depth", on_depth=on_depth))
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
        # Off, the count runs from 0 down and never comes to 0 again.
        self.sample_every = self._until_sample = sample_every
        self._parse = LatencyHistogram()
        self._book = LatencyHistogram()
        self._subscribers = LatencyHistogram()
        self._read = LatencyHistogram()

    # ---- what the owner calls ----

    def book(self, symbol, venue="KRX"):
        """Return the book, made if it is new.

        Raises ValueError on a malformed symbol or venue, Busy when max_symbols books exist.
        """
        return self._table.book(symbol, venue)

    def feed_bytes(self, bytes message not None):
        """Handle one whole message exactly as if a socket read had brought it alone."""
        self._stamp()
        cdef int64_t begun_ns = self._read_begun_ns
        self.size_bytes += len(message)
        self._receive(<const uint8_t*><const char*>message, len(message))
        self._read_done(begun_ns)

    def feed_many(self, list messages not None):
        """Handle whole messages (bytes) exactly as if one socket read had brought them all.

        Raises TypeError at the first that is no bytes object; those before it are handled.
        """
        cdef bytes message
        self._stamp()
        cdef int64_t begun_ns = self._read_begun_ns
        for message in messages:
            if message is None:
                raise TypeError("a message is a bytes object, not None")
            self.size_bytes += len(message)
            self._receive(<const uint8_t*><const char*>message, len(message))
        self._read_done(begun_ns)

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

    def histogram(self, stage):
        """Return (lower_bounds_ns, counts) of a stage as two read-only int64 arrays.

        Raises KeyError for an unknown stage; see latency.
        """
        found = self._stages()[stage]
        return found.lower_bounds_ns, found.counts

    def latency(self):
        """Return {stage: {count, p50_ns, p99_ns, p999_ns, max_ns}} since the start.

        parse: a message, from its first byte to the records of all of it. book: a record, into its
        book. subscribers: a record, through all who want it. These three are measured at every
        sample_every-th message. read: every socket read, from its stamp to the end of its last
        message; what the kernel and the event loop took before is not in it. Times are differences
        of CLOCK_MONOTONIC, and nothing is subtracted: each holds one reading of the clock (20 to
        30 ns).
        """
        return {stage: found.summary() for stage, found in self._stages().items()}

    def _stages(self):
        return dict(zip(_STAGES, (self._parse, self._book, self._subscribers, self._read)))

    @property
    def subscriber_errors(self):
        """Exceptions of subscribers and callbacks, all of the bus included."""
        return self.callback_errors + self.bus.errors

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
        if frame.last_in_buffer:
            self._read_done(self._read_begun_ns)

    # ---- one message ----

    cdef int _stamp(self) except -1:
        cdef timespec now
        if self.sample_every:
            self._read_begun_ns = _monotonic_ns()
        if self._clock_ns is not None:
            try:
                self.recv_ns = self._clock_ns()
            except Exception as error:
                self._contain(self._clock_ns, error)
            return 0
        clock_gettime(CLOCK_REALTIME, &now)
        self.recv_ns = <int64_t>now.tv_sec * 1_000_000_000 + now.tv_nsec
        return 0

    cdef void _read_done(self, int64_t begun_ns) noexcept nogil:
        if self.sample_every:
            self._read.record_ns(_monotonic_ns() - begun_ns)

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
        cdef int64_t begun_ns = 0
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
        self._until_sample -= 1
        if self._until_sample == 0:
            self._until_sample = self.sample_every
            begun_ns = _monotonic_ns()
        status = open_frame(message, size, &header)
        if status == FRAME_OK and header.kind == FRAME_TRADE:
            status = self._receive_trades(&header, begun_ns)
        elif status == FRAME_OK and header.kind == FRAME_DEPTH:
            status = self._receive_depths(&header, begun_ns)
        elif status == FRAME_OK:
            # Notices come encrypted; a plain one is not KIS's and must not move an order.
            header.error_at = 0
            status = FRAME_BAD_HEADER
        if status == FRAME_OK:
            self.records += header.count
            if self._width[header.tr] != header.width:
                self._note_width(header.tr, header.width)
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
        self._note_width(reader.tr, reader.width)
        for record in records:
            self._report(self.on_record, (record,))
        return 0

    cdef int _receive_trades(self, FrameHeader* header, int64_t begun_ns) except 1:
        cdef TradeRecord record
        cdef int status
        if header.count > 1:
            return self._receive_many_trades(header, begun_ns)
        status = next_trade(header, &record)
        if status == FRAME_OK:
            record.recv_ns = self.recv_ns
            if begun_ns:
                begun_ns = _lap(self._parse, begun_ns)
            self._take_trade(&record, begun_ns)
        return status

    cdef int _receive_many_trades(self, FrameHeader* header, int64_t begun_ns) except 1:
        cdef TradeRecord[FEW_TRADES] some
        cdef TradeRecord* records = some
        cdef TradeRecord* owned = NULL
        cdef uint32_t i
        cdef int status = FRAME_OK
        if header.count > FEW_TRADES:
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
            if begun_ns:
                begun_ns = _lap(self._parse, begun_ns)
            for i in range(header.count):
                self._take_trade(&records[i], begun_ns)
                if begun_ns:
                    begun_ns = _monotonic_ns()
        finally:
            free(owned)
        return FRAME_OK

    cdef int _receive_depths(self, FrameHeader* header, int64_t begun_ns) except 1:
        cdef DepthRecord record
        cdef int status
        if header.count > 1:
            return self._receive_many_depths(header, begun_ns)
        status = next_depth(header, &record)
        if status == FRAME_OK:
            record.recv_ns = self.recv_ns
            if begun_ns:
                begun_ns = _lap(self._parse, begun_ns)
            self._take_depth(&record, begun_ns)
        return status

    cdef int _receive_many_depths(self, FrameHeader* header, int64_t begun_ns) except 1:
        cdef DepthRecord[FEW_DEPTHS] some
        cdef DepthRecord* records = some
        cdef DepthRecord* owned = NULL
        cdef uint32_t i
        cdef int status = FRAME_OK
        if header.count > FEW_DEPTHS:
            # open_frame has checked that the frame is long enough for this many records.
            records = owned = <DepthRecord*>malloc(header.count * sizeof(DepthRecord))
            if owned == NULL:
                raise MemoryError
        try:
            # All of a frame or nothing: the last record is read before the first is delivered.
            for i in range(header.count):
                status = next_depth(header, &records[i])
                if status != FRAME_OK:
                    return status
                records[i].recv_ns = self.recv_ns
            if begun_ns:
                begun_ns = _lap(self._parse, begun_ns)
            for i in range(header.count):
                self._take_depth(&records[i], begun_ns)
                if begun_ns:
                    begun_ns = _monotonic_ns()
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

    cdef int _take_trade(self, const TradeRecord* record, int64_t begun_ns) except -1:
        cdef PyObject* found = self._table.find_borrowed(record.symbol, record.venue)
        cdef Book book
        if found == NULL:
            book = self._new_book(record.symbol, record.venue)
            if book is None:
                return self.bus.deliver_trade(record, None)
            found = <PyObject*>book
        (<Book>found).apply_trade_record(record)
        if begun_ns:
            begun_ns = _lap(self._book, begun_ns)
        self.bus.deliver_trade(record, <Book>found)
        if begun_ns:
            _lap(self._subscribers, begun_ns)
        return 0

    cdef int _take_depth(self, const DepthRecord* record, int64_t begun_ns) except -1:
        cdef PyObject* found = self._table.find_borrowed(record.symbol, record.venue)
        cdef Book book
        if found == NULL:
            book = self._new_book(record.symbol, record.venue)
            if book is None:
                return self.bus.deliver_depth(record, None)
            found = <PyObject*>book
        (<Book>found).apply_record(record)
        if begun_ns:
            begun_ns = _lap(self._book, begun_ns)
        self.bus.deliver_depth(record, <Book>found)
        if begun_ns:
            _lap(self._subscribers, begun_ns)
        return 0

    # ---- what goes wrong ----

    cdef void _note_width(self, int32_t tr, uint32_t width) noexcept nogil:
        if is_known_width(tr, width):
            self._width[tr] = width
        else:
            self.schema_drift += 1
            self._drift[tr] = width

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
        self.callback_errors += 1
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

    cdef Book _new_book(self, const char* symbol, int32_t venue):
        name = symbol.decode("ascii")
        try:
            return self._table.book(name, venue_name(venue))
        except Busy as error:
            self.unbooked += 1
            if self.unbooked == 1 and self.on_bad_frame is not None:
                self._report(self.on_bad_frame, (name.encode(), FrameError(str(error))))
            return None

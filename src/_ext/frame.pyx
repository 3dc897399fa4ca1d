"""FrameParser: KIS realtime frames to typed records; the reading itself is kernel.c.

A frame is `enc|tr_id|count|v0^v1^...`. Supported: trades H0STCNT0, H0NXCNT0, H0UNCNT0, H0EWCNT0;
books H0STASP0, H0NXASP0, H0UNASP0, H0EWASP0; decrypted notices H0STCNI0, H0STCNI9. The other TRs
of the KIS tables come value by value, see table.pyx.
"""

cimport cython
cimport numpy as cnp
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t

from aegis_fast.errors import FrameError

from aegis_fast.hot.table cimport (
    TableFrame, TableValues, error_name, is_decimal, next_record, open_table, table_record, tr_name,
)

from aegis_fast.hot.record import TRADE_DTYPE

cdef extern from "kernel.h" nogil:
    ctypedef struct aegis_header:
        pass
    ctypedef struct aegis_trade:
        pass
    ctypedef struct aegis_depth:
        pass
    ctypedef struct aegis_notice:
        pass
    int aegis_open_frame(const uint8_t* frame, Py_ssize_t size_bytes, aegis_header* h)
    int aegis_open_envelope(const uint8_t* frame, Py_ssize_t size_bytes, aegis_header* h)
    int aegis_next_trade(aegis_header* h, aegis_trade* out)
    int aegis_next_depth(aegis_header* h, aegis_depth* out)
    int aegis_next_notice(aegis_header* h, aegis_notice* out)
    uint64_t aegis_replace_levels(int64_t* levels, const int64_t* fresh)
    int aegis_is_known_width(int32_t tr, uint32_t width)
    int aegis_choose(const char* isa)
    const char* aegis_isa(int32_t i)

cdef extern from "build.h":
    const char* AEGIS_BUILD
    const char* AEGIS_COMPILER
    const unsigned int CYTHON_HEX_VERSION

cnp.import_array()

if (
    sizeof(FrameHeader) != sizeof(aegis_header) or sizeof(TradeRecord) != sizeof(aegis_trade)
    or sizeof(DepthRecord) != sizeof(aegis_depth) or sizeof(NoticeRecord) != sizeof(aegis_notice)
):
    raise ImportError("kernel.h and the .pxd headers differ; rebuild with `make dev`")

# By -FrameStatus.
cdef tuple _MESSAGES = (
    "", "not a data frame (enc|tr_id|count|values)", "unsupported tr_id",
    "the record count is not a number from 1 up", "encrypted: decrypt the payload first",
    "the number of values is not a multiple of the record count",
    "a record has fewer values than this tr_id needs",
    "not a symbol of 6 to 12 letters and digits", "not a whole number",
    "a number does not fit 64 bits", "a text or flag is malformed",
    "the frame is longer than 2 GiB", "more than six decimals",
)


cdef int open_frame(
    const uint8_t* frame, Py_ssize_t size_bytes, FrameHeader* header
) noexcept nogil:
    return aegis_open_frame(frame, size_bytes, <aegis_header*>header)


cdef int open_envelope(
    const uint8_t* frame, Py_ssize_t size_bytes, FrameHeader* header
) noexcept nogil:
    return aegis_open_envelope(frame, size_bytes, <aegis_header*>header)


cdef int next_trade(FrameHeader* header, TradeRecord* record) noexcept nogil:
    return aegis_next_trade(<aegis_header*>header, <aegis_trade*>record)


cdef int next_depth(FrameHeader* header, DepthRecord* record) noexcept nogil:
    return aegis_next_depth(<aegis_header*>header, <aegis_depth*>record)


cdef int next_notice(FrameHeader* header, NoticeRecord* record) noexcept nogil:
    return aegis_next_notice(<aegis_header*>header, <aegis_notice*>record)


cdef int64_t replace_levels(int64_t* levels, const int64_t* fresh) noexcept nogil:
    return <int64_t>aegis_replace_levels(levels, fresh)


cdef bint is_known_width(int32_t tr, uint32_t width) noexcept nogil:
    return aegis_is_known_width(tr, width) != 0


cdef object frame_error(int status, bytes raw, uint32_t offset):
    return FrameError(f"{_MESSAGES[-status]} (byte {offset})", raw=raw, offset=offset)


cdef object table_error(int status, bytes raw, const TableFrame* reader):
    message = _MESSAGES[-status]
    name = error_name(reader)
    if name is not None:
        if status == FRAME_NOT_A_NUMBER and is_decimal(reader, reader.error_value):
            message = "not a number"
        message = f"{name}: {message}"
    return FrameError(f"{message} (byte {reader.error_at})", raw=raw, offset=reader.error_at)


# The best reader of this machine; done before anything can be parsed.
aegis_choose(NULL)


def available_isas():
    """Return the instruction sets whose frame reader runs here, slowest first."""
    names = []
    cdef int32_t i = 0
    while aegis_isa(i) != NULL:
        names.append(aegis_isa(i).decode())
        i += 1
    return [name for name in names if name]


def choose_isa(name):
    """Use another frame reader in this process: for tests and benchmarks. ValueError if unknown."""
    if aegis_choose(name.encode()) != 0:
        raise ValueError(f"no frame reader {name!r}; there are {available_isas()}")


def build_flavor():
    """Return {"build": "release" or "checked", "isa": the reader in use, "cython", "compiler"}."""
    return {
        "build": AEGIS_BUILD.decode(),
        "isa": aegis_isa(-1).decode(),
        "cython": f"{CYTHON_HEX_VERSION >> 24}.{CYTHON_HEX_VERSION >> 16 & 255}"
                  f".{CYTHON_HEX_VERSION >> 8 & 255}",
        "compiler": AEGIS_COMPILER.decode(),
    }


cdef TradeRecord* _rows_of(cnp.ndarray rows) except NULL:
    if (rows.dtype is not TRADE_DTYPE and rows.dtype != TRADE_DTYPE) or rows.ndim != 1:
        raise ValueError(f"rows must be one-dimensional TRADE_DTYPE, not {rows.dtype}")
    if not cnp.PyArray_ISCARRAY(rows):
        raise ValueError("rows must be contiguous and writable")
    return <TradeRecord*>cnp.PyArray_DATA(rows)


@cython.final
cdef class FrameParser:
    """Parse whole frames and count what was seen.

    frames: frames given, bad ones included. records: records returned. bad_frames: frames that
    raised. schema_drift: frames whose width is not in the KIS table; drift() names them. Not
    thread-safe: one parser per thread.
    """

    cdef int _fail(self, int status, bytes raw, uint32_t offset) except -1:
        self.bad_frames += 1
        raise frame_error(status, raw, offset)

    cdef void _note_done(self, int32_t tr, uint32_t count, uint32_t width) noexcept nogil:
        self.records += count
        # A width seen before needs no look into the table.
        if width != self._width[tr]:
            if is_known_width(tr, width):
                self._width[tr] = width
            else:
                self.schema_drift += 1
                self._drift[tr] = width

    def parse(self, bytes frame not None, int64_t recv_ns=0):
        """Return the frame's records: Trade, Depth, Notice or TableRecord, in time order.

        recv_ns is stamped on each. Raises FrameError (a ValueError) with the frame and the byte
        offset where it stops making sense; then no record of the frame counts. A notice must be
        given decrypted, as b"0|H0STCNI0|001|" + plaintext.
        """
        cdef FrameHeader header
        cdef const uint8_t* raw = <const uint8_t*><const char*>frame
        cdef int status = open_frame(raw, len(frame), &header)
        cdef list records
        self.frames += 1
        if status == FRAME_OK:
            # One record is the usual case; a list made with its size needs no growing.
            record = self._next(&header, recv_ns, &status)
            records = [record]
            while status == FRAME_OK and header.records_left:
                records.append(self._next(&header, recv_ns, &status))
        if status == FRAME_UNKNOWN_TR:
            return self._read_table(frame, recv_ns)
        if status != FRAME_OK:
            self._fail(status, frame, header.error_at)
        self._note_done(header.tr, header.count, header.width)
        return records

    def parse_one(self, bytes frame not None):
        """Return the record of a frame that holds one, as most do: parse without the list.

        Raises FrameError as parse, ValueError for a frame of several records; recv_ns is 0.
        """
        cdef FrameHeader header
        cdef int status = open_frame(<const uint8_t*><const char*>frame, len(frame), &header)
        if status == FRAME_OK and header.count != 1:
            raise ValueError(f"a frame of {header.count} records; use parse")
        if status == FRAME_UNKNOWN_TR:
            records = self.parse(frame)
            if len(records) != 1:
                raise ValueError(f"a frame of {len(records)} records; use parse")
            return records[0]
        self.frames += 1
        if status == FRAME_OK:
            record = self._next(&header, 0, &status)
        if status != FRAME_OK:
            self._fail(status, frame, header.error_at)
        self._note_done(header.tr, header.count, header.width)
        return record

    def parse_table(self, bytes frame not None, int64_t recv_ns=0):
        """Return the frame's records as TableRecord, every value of them, whatever the TR.

        This way trades, books and decrypted notices give all that parse leaves aside: CTTR, the
        volume-weighted price, the greeks of an ELW. Raises FrameError as parse, naming the value,
        also for a price of half a won, since the table knows whole won only.
        """
        self.frames += 1
        return self._read_table(frame, recv_ns)

    cdef list _read_table(self, bytes frame, int64_t recv_ns):
        cdef TableFrame reader
        cdef TableValues values
        cdef list records = []
        cdef int status = open_table(<const uint8_t*><const char*>frame, len(frame), &reader)
        while status == FRAME_OK and reader.records_left:
            status = next_record(&reader, &values)
            if status == FRAME_OK:
                records.append(table_record(&reader, &values, recv_ns))
        if status != FRAME_OK:
            self.bad_frames += 1
            raise table_error(status, frame, &reader)
        self._note_done(reader.tr, reader.count, reader.width)
        return records

    cdef object _next(self, FrameHeader* header, int64_t recv_ns, int* status):
        cdef Trade trade
        cdef Depth depth
        cdef Notice notice
        if header.kind == FRAME_TRADE:
            trade = Trade.__new__(Trade)
            status[0] = next_trade(header, &trade.record)
            trade.record.recv_ns = recv_ns
            return trade
        if header.kind == FRAME_DEPTH:
            depth = Depth.__new__(Depth)
            status[0] = next_depth(header, &depth.record)
            depth.record.recv_ns = recv_ns
            return depth
        notice = Notice.__new__(Notice)
        status[0] = next_notice(header, &notice.record)
        notice.record.recv_ns = recv_ns
        return notice

    def parse_into(self, bytes frame not None, cnp.ndarray rows not None, int64_t recv_ns=0):
        """Write the trades of a frame to rows[0:n] and return n; no Python object per record.

        rows: a one-dimensional, contiguous, writable array of TRADE_DTYPE; absent numbers are
        ABSENT. Raises ValueError when rows has another type or too few rows, FrameError as parse,
        also for a frame of books or notices; then the rows' content is undefined.
        """
        cdef FrameHeader header
        cdef TradeRecord* row = _rows_of(rows)
        cdef int status = self._read_rows(frame, row, cnp.PyArray_DIM(rows, 0), recv_ns, &header)
        if status != FRAME_OK:
            self._fail(status, frame, header.error_at)
        return header.count

    def parse_many_into(
        self, list frames not None, cnp.ndarray rows not None, int64_t recv_ns=0
    ):
        """Write the trades of all frames to rows, one after another, and return how many.

        For recordings and replays: a frame that is no frame of trades, or a bad one, is counted in
        bad_frames and skipped, as a feed would. rows and recv_ns as in parse_into. Raises
        ValueError when the rows do not suffice: those before it are written, nothing of the frame
        that did not fit is counted. TypeError unless every frame is bytes.
        """
        cdef FrameHeader header
        cdef Py_ssize_t i
        cdef Py_ssize_t written = 0
        cdef Py_ssize_t room = cnp.PyArray_DIM(rows, 0)
        cdef TradeRecord* row = _rows_of(rows)
        for i in range(len(frames)):
            if type(frames[i]) is not bytes:
                raise TypeError(f"a frame is bytes, not {type(frames[i]).__name__}")
            if self._read_rows(
                <bytes>frames[i], row + written, room - written, recv_ns, &header
            ) == FRAME_OK:
                written += header.count
            else:
                self.bad_frames += 1
        return written

    cdef int _read_rows(
        self, bytes frame, TradeRecord* row, Py_ssize_t room, int64_t recv_ns, FrameHeader* header
    ) except 1:
        # A FrameStatus; raises ValueError when the rows do not suffice.
        cdef int status = open_frame(<const uint8_t*><const char*>frame, len(frame), header)
        if status == FRAME_OK and header.kind != FRAME_TRADE:
            status = FRAME_UNKNOWN_TR
            header.error_at = 2
        if status == FRAME_OK and header.count > room:
            raise ValueError(f"{header.count} records do not fit {room} rows")
        self.frames += 1
        while status == FRAME_OK and header.records_left:
            status = next_trade(header, row)
            row.recv_ns = recv_ns
            row += 1
        if status == FRAME_OK:
            self._note_done(header.tr, header.count, header.width)
        return status

    def drift(self):
        """Return {tr_id: latest width} of the widths that are not in the KIS table."""
        cdef int32_t tr
        return {tr_name(tr): self._drift[tr] for tr in range(TR_COUNT) if self._drift[tr]}

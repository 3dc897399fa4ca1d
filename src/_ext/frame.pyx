"""FrameParser: KIS realtime frames to typed records; the reading itself is kernel.c.

A frame is `enc|tr_id|count|v0^v1^...`. Supported: trades H0STCNT0, H0NXCNT0, H0UNCNT0, H0EWCNT0;
books H0STASP0, H0NXASP0, H0UNASP0, H0EWASP0; decrypted notices H0STCNI0, H0STCNI9. The other TRs
of the KIS table come as text, see text.pyx.
"""

cimport cython
cimport numpy as cnp
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t

from aegis_fast.errors import FrameError

from aegis_fast.hot.text cimport read_text, text_tr_of

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

cdef tuple _TR_NAMES = (
    "H0STCNT0", "H0NXCNT0", "H0UNCNT0", "H0EWCNT0", "H0STASP0", "H0NXASP0", "H0UNASP0",
    "H0EWASP0", "H0STCNI0", "H0STCNI9",
)
# By -FrameStatus.
cdef tuple _MESSAGES = (
    "", "not a data frame (enc|tr_id|count|values)", "unsupported tr_id",
    "the record count is not a number from 1 up", "encrypted: decrypt the payload first",
    "the number of values is not a multiple of the record count",
    "a record has fewer values than this tr_id needs",
    "not a symbol of 6 to 12 letters and digits", "not a whole number",
    "a number does not fit 64 bits", "a text or flag is malformed",
    "the frame is longer than 2 GiB",
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


cdef bint is_known_width(int32_t tr, uint32_t width) noexcept nogil:
    return aegis_is_known_width(tr, width) != 0


cdef str tr_name(int32_t tr):
    return _TR_NAMES[tr]


cdef object frame_error(int status, bytes raw, uint32_t offset):
    return FrameError(f"{_MESSAGES[-status]} (byte {offset})", raw=raw, offset=offset)


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

    cdef void _note_done(self, FrameHeader* header) noexcept nogil:
        self.records += header.count
        if not is_known_width(header.tr, header.width):
            self.schema_drift += 1
            self._drift[header.tr] = header.width

    def parse(self, bytes frame not None, int64_t recv_ns=0):
        """Return the frame's records: Trade, Depth, Notice or TextRecord, in time order.

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
            return self._parse_text(frame, recv_ns)
        if status != FRAME_OK:
            self._fail(status, frame, header.error_at)
        self._note_done(&header)
        return records

    cdef list _parse_text(self, bytes frame, int64_t recv_ns):
        tr_id = text_tr_of(frame)
        if tr_id is None:
            self._fail(FRAME_UNKNOWN_TR, frame, 2)
        try:
            records = read_text(frame, tr_id, recv_ns)
        except FrameError:
            self.bad_frames += 1
            raise
        self.records += len(records)
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
        cdef TradeRecord* row
        cdef const uint8_t* raw = <const uint8_t*><const char*>frame
        if (rows.dtype is not TRADE_DTYPE and rows.dtype != TRADE_DTYPE) or rows.ndim != 1:
            raise ValueError(f"rows must be one-dimensional TRADE_DTYPE, not {rows.dtype}")
        if not cnp.PyArray_ISCARRAY(rows):
            raise ValueError("rows must be contiguous and writable")
        cdef int status = open_frame(raw, len(frame), &header)
        self.frames += 1
        if status == FRAME_OK and header.kind != FRAME_TRADE:
            status = FRAME_UNKNOWN_TR
            header.error_at = 2
        if status != FRAME_OK:
            self._fail(status, frame, header.error_at)
        if header.count > cnp.PyArray_DIM(rows, 0):
            raise ValueError(f"{header.count} records do not fit {cnp.PyArray_DIM(rows, 0)} rows")
        row = <TradeRecord*>cnp.PyArray_DATA(rows)
        while header.records_left:
            status = next_trade(&header, row)
            if status != FRAME_OK:
                self._fail(status, frame, header.error_at)
            row.recv_ns = recv_ns
            row += 1
        self._note_done(&header)
        return header.count

    def drift(self):
        """Return {tr_id: latest width} of the widths that are not in the KIS table."""
        cdef int32_t tr
        return {_TR_NAMES[tr]: self._drift[tr] for tr in range(TR_COUNT) if self._drift[tr]}

"""TextRecord: records of the realtime TRs that have no type of their own, value by value.

Expected prices, market status, indices, program trading, overseas and legacy TRs: seldom enough
that their values may be Python objects. Names of the fields: kis/tr.py, realtime().
"""

cimport cython
from libc.stdint cimport int64_t

from aegis_fast.errors import FrameError

# Every TR of realtime.json that hot.frame does not read into a typed record.
TEXT_TRS = frozenset((
    "H0STANC0", "H0NXANC0", "H0UNANC0", "H0EWANC0", "H0STMKO0", "H0NXMKO0", "H0UNMKO0",
    "H0STOUP0", "H0STOAC0", "H0STOAA0", "H0UPCNT0", "H0UPANC0", "H0STPGM0", "H0NXPGM0",
    "H0UNPGM0", "HDFSCNT0", "HDFSASP0", "H0GSCNI0", "H0GSCNI9",
))
_MAX_COUNT_DIGITS = 9


@cython.final
@cython.auto_pickle(False)
cdef class TextRecord:
    """One record as text; read-only.

    values: in wire order, None for an empty value or the literal (null). key: the first value, the
    symbol or index code. recv_ns: when it was received, ns since the epoch.
    """

    @staticmethod
    def make(tr_id, values, recv_ns=0):
        """Build a record from its attributes."""
        cdef TextRecord record = TextRecord.__new__(TextRecord)
        record.tr_id = str(tr_id)
        record.values = tuple(values)
        record.recv_ns = recv_ns
        return record

    @property
    def key(self):
        return self.values[0] or ""

    def as_dict(self):
        """Return {"tr_id", "values", "recv_ns"}."""
        return {"tr_id": self.tr_id, "values": self.values, "recv_ns": self.recv_ns}

    def __eq__(self, other):
        if not isinstance(other, TextRecord):
            return NotImplemented
        return self.as_dict() == other.as_dict()

    def __hash__(self):
        return hash((self.tr_id, self.values, self.recv_ns))

    def __repr__(self):
        if self.tr_id.startswith("H0GSCNI"):
            return f"TextRecord({self.tr_id}, {len(self.values)} values of a customer)"
        return f"TextRecord({self.tr_id}, {self.values})"


cdef str text_tr_of(bytes frame):
    """The TR of a frame that is read here, None of any other; nothing else is checked."""
    parts = frame[:32].split(b"|", 2)
    if len(parts) != 3:
        return None
    name = parts[1].decode("ascii", "replace")
    return name if name in TEXT_TRS else None


cdef list read_text(bytes frame, str tr_id, int64_t recv_ns):
    """The records of a frame of that TR; FrameError if it makes no sense."""
    cdef Py_ssize_t width, start
    cdef int64_t count
    parts = frame.split(b"|", 3)
    if len(parts) != 4 or parts[0] not in (b"0", b"1"):
        raise FrameError("not a data frame (enc|tr_id|count|values) (byte 0)", raw=frame)
    if parts[0] == b"1":
        raise FrameError("encrypted: decrypt the payload first (byte 0)", raw=frame)
    count_at = 3 + len(tr_id)
    if not parts[2].isdigit() or len(parts[2].lstrip(b"0")) > _MAX_COUNT_DIGITS:
        _refuse("the record count is not a number from 1 up", frame, count_at)
    count = int(parts[2])
    if count == 0:
        _refuse("the record count is not a number from 1 up", frame, count_at)
    payload_at = count_at + len(parts[2]) + 1
    try:
        values = parts[3].decode("utf-8").split("^")
    except UnicodeDecodeError as error:
        _refuse("a text or flag is malformed", frame, payload_at + error.start)
    if len(values) % count:
        _refuse("the number of values is not a multiple of the record count", frame, payload_at)
    values = [None if value in ("", "(null)") else value for value in values]
    width = len(values) // count
    return [
        TextRecord.make(tr_id, values[start:start + width], recv_ns)
        for start in range(0, len(values), width)
    ]


cdef int _refuse(str message, bytes frame, Py_ssize_t offset) except -1:
    raise FrameError(f"{message} (byte {offset})", raw=frame, offset=offset)

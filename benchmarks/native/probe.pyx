"""What the receivers share: a log of ages kept in C, and subscribers written in Cython."""

from libc.stdint cimport int32_t, int64_t, uint8_t
from libc.string cimport memset

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_Check, PyBytes_GET_SIZE
from cpython.unicode cimport PyUnicode_AsUTF8AndSize

from picows.picows cimport WSFrame, WSListener, WSTransport

from aegis_fast.hot.book cimport Book
from aegis_fast.hot.bus cimport NativeSubscriber
from aegis_fast.hot.feed cimport FeedListener
from aegis_fast.hot.record cimport DepthRecord, TradeRecord

cdef extern from "ages.h" nogil:
    enum:
        AGES_SIZE
        AGES_PHASES
        STAMP_DIGITS

    ctypedef struct ages_log:
        int64_t begin_ns[3]
        int64_t end_ns[3]
        int64_t messages[3]
        int64_t ages[3][4352]

    int32_t ages_bucket(int64_t age_ns)
    int64_t ages_floor_ns(int32_t bucket)
    void ages_note(ages_log* log, const char* stamp)


def bucket_of(int64_t age_ns):
    """Return the number of the bucket that an age falls into."""
    return ages_bucket(age_ns)


def floor_of(int32_t bucket):
    """Return the smallest age, in ns, of a bucket."""
    return ages_floor_ns(bucket)


cdef class Probe:
    """A log of ages. phases: (begin_ns, end_ns) of each phase, wall clock."""

    cdef ages_log log
    # Of the message being handled: where its stamp is.
    cdef const char* stamp

    def __init__(self):
        memset(&self.log, 0, sizeof(self.log))
        self.stamp = NULL

    def plan(self, phases):
        """Set what counts."""
        for i, (begin_ns, end_ns) in enumerate(phases):
            if i >= AGES_PHASES:
                raise ValueError(f"at most {AGES_PHASES} phases")
            self.log.begin_ns[i], self.log.end_ns[i] = begin_ns, end_ns

    def address(self):
        """Return where the log is, for C; it lives as long as the probe."""
        return <size_t>&self.log

    def note(self, message):
        """Take a message, bytes or str, as it has arrived at the strategy."""
        cdef Py_ssize_t size
        cdef const char* text
        if PyBytes_Check(message):
            text, size = PyBytes_AS_STRING(message), PyBytes_GET_SIZE(message)
        else:
            text = PyUnicode_AsUTF8AndSize(message, &size)
        if size > STAMP_DIGITS and text[0] == c"0":
            ages_note(&self.log, text + size - STAMP_DIGITS)

    def note_current(self, _record):
        """Take a trade or a book that has arrived, of the message being handled."""
        if self.stamp != NULL:
            ages_note(&self.log, self.stamp)

    def messages(self):
        """Return the messages of each phase."""
        return [self.log.messages[phase] for phase in range(AGES_PHASES)]

    def ages(self, int phase):
        """Return {bucket: count} of a phase, the empty ones left out."""
        if not 0 <= phase < AGES_PHASES:
            raise IndexError(phase)
        return {i: self.log.ages[phase][i] for i in range(AGES_SIZE) if self.log.ages[phase][i]}


cdef class StampedListener(WSListener):
    """Hand every frame to the engine's listener, remembering where its stamp is."""

    cdef Probe probe
    cdef readonly FeedListener feed

    def __init__(self, Probe probe not None, FeedListener feed not None):
        self.probe = probe
        self.feed = feed

    cpdef on_ws_connected(self, WSTransport transport):
        self.feed.on_ws_connected(transport)

    cpdef on_ws_disconnected(self, WSTransport transport):
        self.feed.on_ws_disconnected(transport)

    cpdef on_ws_frame(self, WSTransport transport, WSFrame frame):
        self.probe.stamp = NULL
        if frame.payload_size > STAMP_DIGITS:
            self.probe.stamp = <const char*>frame.payload_ptr + frame.payload_size - STAMP_DIGITS
        self.feed.on_ws_frame(transport, frame)


cdef class NativeStrategy(NativeSubscriber):
    """A cimported strategy: takes every record in C."""

    cdef Probe probe

    def __init__(self, Probe probe not None):
        NativeSubscriber.__init__(self)
        self.probe = probe

    cdef int on_trade_record(self, const TradeRecord* record, Book book) except -1:
        ages_note(&self.probe.log, self.probe.stamp)
        return 0

    cdef int on_depth_record(self, const DepthRecord* record, Book book) except -1:
        ages_note(&self.probe.log, self.probe.stamp)
        return 0


cdef class Summer(NativeSubscriber):
    """The least a subscriber does: add up quantities, as the C floor's does."""

    cdef readonly int64_t total

    cdef int on_trade_record(self, const TradeRecord* record, Book book) except -1:
        self.total += record.qty
        return 0

    cdef int on_depth_record(self, const DepthRecord* record, Book book) except -1:
        self.total += record.ask_qty[0] - record.bid_qty[0]
        return 0

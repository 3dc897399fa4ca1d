"""TableRecord: one record of any realtime TR, every value of it; table_reader.c does the reading.

Names and types of the values are those of kis/realtime.json, see tools/make_tables.py.
"""

cimport cython
from cpython.bytes cimport PyBytes_FromStringAndSize
from cpython.unicode cimport PyUnicode_DecodeUTF8
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t

from aegis_fast.hot.record cimport absent_int

cdef extern from "table_reader.h" nogil:
    const int AEGIS_TABLE_COUNT
    const int AEGIS_MOST_VALUES
    const int64_t AEGIS_MICRO
    ctypedef struct aegis_table_frame:
        pass
    ctypedef struct aegis_table_record:
        pass
    ctypedef struct aegis_layout:
        int width
        const char* kinds
        const char* const* names
    ctypedef struct aegis_table:
        const char* tr_id
        int is_private
        int layout_count
        aegis_layout* layouts
    int aegis_open_table(const uint8_t* frame, Py_ssize_t size_bytes, aegis_table_frame* f)
    int aegis_next_record(aegis_table_frame* f, aegis_table_record* out)
    size_t aegis_packed_size(const aegis_table_frame* f, const aegis_table_record* record)
    void aegis_pack(
        const aegis_table_frame* f, const aegis_table_record* record, uint8_t* target
    )
    const aegis_table* aegis_table_at(int32_t tr)

if (
    sizeof(TableFrame) != sizeof(aegis_table_frame)
    or sizeof(TableValues) != sizeof(aegis_table_record)
    or <int>TR_COUNT != <int>AEGIS_TABLE_COUNT or <int>MOST_VALUES != <int>AEGIS_MOST_VALUES
):
    raise ImportError("table_reader.h and table.pxd differ; rebuild with `make dev`")

# A decimal value is held as a whole number of millionths: "2650.15" is 2_650_150_000.
MICRO = AEGIS_MICRO

cdef dict _KIND_NAMES = {"i": "int", "d": "decimal", "t": "time", "e": "enum", "s": "str"}


cdef tuple _layouts_of(int32_t tr):
    cdef const aegis_table* table = aegis_table_at(tr)
    cdef const aegis_layout* layout
    cdef int i, k
    found = []
    for i in range(table.layout_count):
        layout = &table.layouts[i]
        names = tuple([layout.names[k].decode() for k in range(layout.width)])
        kinds = (<bytes>layout.kinds[:layout.width]).decode()
        found.append((names, kinds, {name: k for k, name in enumerate(names)}))
    return tuple(found)


# By row of the tables: its TR, and of each form of its records (names, kinds, {name: place}).
cdef tuple _TR_NAMES = tuple([aegis_table_at(tr).tr_id.decode() for tr in range(TR_COUNT)])
cdef tuple _LAYOUTS = tuple([_layouts_of(tr) for tr in range(TR_COUNT)])

TABLE_TRS = frozenset(_TR_NAMES)


def field_types(tr_id):
    """Return {name: "int", "decimal", "time", "enum" or "str"} of a TR's widest known record.

    Raises KeyError for a TR that is not in the tables.
    """
    if tr_id not in TABLE_TRS:
        raise KeyError(tr_id)
    forms = _LAYOUTS[_TR_NAMES.index(tr_id)]
    names, kinds, _ = forms[len(forms) - 1]
    return {name: _KIND_NAMES[kind] for name, kind in zip(names, kinds)}


cdef str tr_name(int32_t tr):
    return _TR_NAMES[tr]


cdef int open_table(
    const uint8_t* frame, Py_ssize_t size_bytes, TableFrame* reader
) noexcept nogil:
    return aegis_open_table(frame, size_bytes, <aegis_table_frame*>reader)


cdef int next_record(TableFrame* reader, TableValues* values) noexcept nogil:
    return aegis_next_record(<aegis_table_frame*>reader, <aegis_table_record*>values)


cdef str error_name(const TableFrame* reader):
    if reader.error_value < 0:
        return None
    return _LAYOUTS[reader.tr][reader.layout_index][0][reader.error_value]


cdef bint is_decimal(const TableFrame* reader, uint32_t value) noexcept nogil:
    return aegis_table_at(reader.tr).layouts[reader.layout_index].kinds[value] == c"d"


cdef TableRecord table_record(
    const TableFrame* reader, const TableValues* values, int64_t recv_ns
):
    cdef const aegis_table_frame* frame = <const aegis_table_frame*>reader
    cdef const aegis_table_record* found = <const aegis_table_record*>values
    cdef TableRecord record = TableRecord.__new__(TableRecord)
    record._pack = PyBytes_FromStringAndSize(NULL, aegis_packed_size(frame, found))
    aegis_pack(frame, found, <uint8_t*><char*>record._pack)
    record._tr = reader.tr
    record._layout = reader.layout_index
    record._width = reader.width
    record._named = reader.named
    record._extra_at = 8 * reader.named + values.text_bytes
    record.recv_ns = recv_ns
    return record


cdef bytes _wire_text(str kind, object value, str name):
    # The text that reads back as the value.
    if value is None:
        return b""
    if kind in "es":
        if type(value) is not str:
            raise TypeError(f"{name} is a text, not {value!r}")
        return value.encode()
    if type(value) is not int:
        raise TypeError(f"{name} is a whole number, not {value!r}")
    if kind == "d":
        whole, micro = divmod(abs(value), AEGIS_MICRO)
        return f"{'-' if value < 0 else ''}{whole}.{micro:06d}".encode()
    return str(value).encode()


@cython.final
@cython.auto_pickle(False)
@cython.freelist(64)
cdef class TableRecord:
    """One record of a realtime TR, all its values by their KIS names; read-only.

    record["PRPR_NMIX"] is an int for the types int, time (HHMMSS as a whole number: 91240 is
    09:12:40) and decimal (in millionths, see MICRO; 100 is 0.0001), a str for enum and str (see
    field_types), None when the wire had nothing or (null). Its width is the frame's: a value that
    narrower records lack raises KeyError, values beyond the table come as text in `extra`. A width
    between two known ones keeps only the names that both agree on. key: the first value, the
    symbol or index code. recv_ns: when it was received, ns since the epoch. Each read makes its
    value anew. The repr of an own-order notice shows no value.
    """

    @staticmethod
    def make(tr_id, values, recv_ns=0, extra=()):
        """Build a record from its values in the table's order, as many as a known width has.

        Raises KeyError for an unknown TR, TypeError or ValueError for values that do not fit.
        """
        cdef TableFrame reader
        cdef TableValues found
        cdef bytes frame
        if tr_id not in TABLE_TRS:
            raise KeyError(tr_id)
        forms = _LAYOUTS[_TR_NAMES.index(tr_id)]
        known = {len(names): (names, kinds) for names, kinds, _ in forms}
        if len(values) not in known:
            raise ValueError(f"{tr_id} has {sorted(known)} values, not {len(values)}")
        names, kinds = known[len(values)]
        texts = [
            *(_wire_text(k, value, name) for k, value, name in zip(kinds, values, names)),
            *(_wire_text("s", value, "extra") for value in extra),
        ]
        frame = f"0|{tr_id}|1|".encode() + b"^".join(texts)
        if (
            open_table(<const uint8_t*><const char*>frame, len(frame), &reader) != 0
            or reader.width != len(texts) or reader.named != len(values)
            or next_record(&reader, &found) != 0
        ):
            raise ValueError(f"these values make no record of {tr_id}")
        return table_record(&reader, &found, recv_ns)

    cdef object _value(self, uint32_t i):
        cdef const char* pack = self._pack
        cdef int64_t value = (<const int64_t*>pack)[i]
        cdef const aegis_layout* layout = &aegis_table_at(self._tr).layouts[self._layout]
        if value == absent_int():
            return None
        if layout.kinds[i] != c"e" and layout.kinds[i] != c"s":
            return value
        return PyUnicode_DecodeUTF8(
            pack + 8 * self._named + (value >> 32), value & 0xFFFF_FFFF, "strict"
        )

    cdef object _find(self, object name):
        place = (<tuple>(<tuple>_LAYOUTS[self._tr])[self._layout])[2].get(name)
        return place if place is not None and place < self._named else None

    @property
    def tr_id(self):
        return _TR_NAMES[self._tr]

    @property
    def key(self):
        return self._value(0) or "" if self._named else ""

    @property
    def names(self):
        """The names of the values, in wire order."""
        return _LAYOUTS[self._tr][self._layout][0][:self._named]

    @property
    def values(self):
        """The values that have names, in wire order."""
        cdef uint32_t i
        return tuple([self._value(i) for i in range(self._named)])

    @property
    def extra(self):
        """The values beyond the table, as text, None for an empty one."""
        if self._width == self._named:
            return ()
        texts = self._pack[self._extra_at:].decode().split("^")
        return tuple([None if text in ("", "(null)") else text for text in texts])

    def __getitem__(self, name):
        place = self._find(name)
        if place is None:
            raise KeyError(name)
        return self._value(place)

    def __contains__(self, name):
        return self._find(name) is not None

    def get(self, name, default=None):
        """Return the value of that name; the default if these records have none such."""
        place = self._find(name)
        return default if place is None else self._value(place)

    def as_dict(self):
        """Return {"tr_id", "recv_ns", "extra"} and every value by its KIS name."""
        cdef uint32_t i
        cdef tuple names = (<tuple>(<tuple>_LAYOUTS[self._tr])[self._layout])[0]
        cdef dict shown = {"tr_id": self.tr_id, "recv_ns": self.recv_ns, "extra": self.extra}
        for i in range(self._named):
            shown[names[i]] = self._value(i)
        return shown

    def __eq__(self, other):
        cdef TableRecord that
        if not isinstance(other, TableRecord):
            return NotImplemented
        that = other
        return (
            self._tr == that._tr and self._width == that._width and self.recv_ns == that.recv_ns
            and self._pack[:self._extra_at] == that._pack[:that._extra_at]
            and self.extra == that.extra
        )

    def __hash__(self):
        return hash((self._tr, self._width, self.recv_ns, self._pack[:self._extra_at]))

    def __repr__(self):
        if aegis_table_at(self._tr).is_private:
            return f"TableRecord({self.tr_id}, {self._width} values of a customer)"
        shown = ", ".join([f"{k}={v!r}" for k, v in zip(self.names, self.values)])
        return f"TableRecord({self.tr_id}, {shown}, extra={self.extra!r})"

"""Write the JSON bodies of order requests: order-cash and order-rvsecncl.

Byte for byte what a JSON encoder makes of the same fields in the same order, every value a string.
Text is copied, never escaped: what would need escaping is refused. Source: rest.json.
"""

from cpython.bytes cimport PyBytes_FromStringAndSize
from cpython.unicode cimport PyUnicode_AsUTF8AndSize
from libc.stdint cimport int64_t
from libc.string cimport memcpy

# The longest text of a field, quotes excluded, and room for all of them and the names.
cdef Py_ssize_t MAX_TEXT = 32
cdef enum:
    ROOM = 640
cdef int64_t MAX_NUMBER = 1_000_000_000_000_000_000


cdef inline char* _copy(char* p, const char* text, Py_ssize_t size) noexcept nogil:
    memcpy(p, text, size)
    return p + size


cdef char* _text(char* p, str value, str name) except NULL:
    """Copy printable ASCII without quote and backslash."""
    cdef Py_ssize_t size = 0, i
    cdef const char* text = PyUnicode_AsUTF8AndSize(value, &size)
    if size > MAX_TEXT:
        raise ValueError(f"{name} has at most {MAX_TEXT} characters")
    for i in range(size):
        if not 0x20 <= text[i] <= 0x7E or text[i] == 0x22 or text[i] == 0x5C:
            raise ValueError(f"{name} is plain ASCII text")
    return _copy(p, text, size)


cdef char* _number(char* p, object value, int width, str name) except NULL:
    """Write a whole number of 0 or more, with zeros in front up to `width` digits."""
    cdef char digits[24]
    cdef int count = 0
    cdef int64_t left
    # bool and float would pass as numbers; an order is no place for either.
    if type(value) is not int:
        raise ValueError(f"{name} is a whole number")
    if not 0 <= value <= MAX_NUMBER:
        raise ValueError(f"{name} is a whole number from 0 to {MAX_NUMBER}")
    left = value
    while left or count == 0 or count < width:
        digits[count] = 0x30 + <char>(left % 10)
        left //= 10
        count += 1
    while count:
        count -= 1
        p[0] = digits[count]
        p += 1
    return p


cdef char* _account(char* p, str account) except NULL:
    """Write CANO and ACNT_PRDT_CD: 8 and 2 digits."""
    cdef Py_ssize_t size = 0, i
    cdef const char* text = PyUnicode_AsUTF8AndSize(account, &size)
    if size != 10:
        raise ValueError("an account has 10 digits")
    for i in range(10):
        if not 0x30 <= text[i] <= 0x39:
            raise ValueError("an account has 10 digits")
    p = _copy(p, b'{"CANO":"', 9)
    p = _copy(p, text, 8)
    p = _copy(p, b'","ACNT_PRDT_CD":"', 18)
    return _copy(p, text + 8, 2)


def place_body(str account not None, str symbol not None, str kind not None, qty, price_krw,
               str venue not None):
    """Return the body of order-cash. kind: ORD_DVSN. qty, price_krw: 0 to 10**18.

    Raises ValueError on an account that is not 10 digits, text that is no plain ASCII, numbers out
    of range, TypeError on anything that is no text.
    """
    cdef char buffer[ROOM]
    cdef char* p = _account(buffer, account)
    p = _copy(p, b'","PDNO":"', 10)
    p = _text(p, symbol, "PDNO")
    p = _copy(p, b'","ORD_DVSN":"', 14)
    p = _text(p, kind, "ORD_DVSN")
    p = _copy(p, b'","ORD_QTY":"', 13)
    p = _number(p, qty, 1, "ORD_QTY")
    p = _copy(p, b'","ORD_UNPR":"', 14)
    p = _number(p, price_krw, 1, "ORD_UNPR")
    p = _copy(p, b'","EXCG_ID_DVSN_CD":"', 21)
    p = _text(p, venue, "EXCG_ID_DVSN_CD")
    p = _copy(p, b'"}', 2)
    return PyBytes_FromStringAndSize(buffer, <Py_ssize_t>(<size_t>p - <size_t>buffer))


def change_body(str account not None, str org_no not None, broker_order_id, str kind not None,
                str action not None, qty, price_krw, bint is_all, str venue not None):
    """Return the body of order-rvsecncl. action: RVSE_CNCL_DVSN_CD, "01" amends, "02" cancels.

    broker_order_id: written with 10 digits at least. is_all: QTY_ALL_ORD_YN. Raises as place_body.
    """
    cdef char buffer[ROOM]
    cdef char* p = _account(buffer, account)
    p = _copy(p, b'","KRX_FWDG_ORD_ORGNO":"', 24)
    p = _text(p, org_no, "KRX_FWDG_ORD_ORGNO")
    p = _copy(p, b'","ORGN_ODNO":"', 15)
    p = _number(p, broker_order_id, 10, "ORGN_ODNO")
    p = _copy(p, b'","ORD_DVSN":"', 14)
    p = _text(p, kind, "ORD_DVSN")
    p = _copy(p, b'","RVSE_CNCL_DVSN_CD":"', 23)
    p = _text(p, action, "RVSE_CNCL_DVSN_CD")
    p = _copy(p, b'","ORD_QTY":"', 13)
    p = _number(p, qty, 1, "ORD_QTY")
    p = _copy(p, b'","ORD_UNPR":"', 14)
    p = _number(p, price_krw, 1, "ORD_UNPR")
    p = _copy(p, b'","QTY_ALL_ORD_YN":"', 20)
    p = _copy(p, b"Y" if is_all else b"N", 1)
    p = _copy(p, b'","EXCG_ID_DVSN_CD":"', 21)
    p = _text(p, venue, "EXCG_ID_DVSN_CD")
    p = _copy(p, b'"}', 2)
    return PyBytes_FromStringAndSize(buffer, <Py_ssize_t>(<size_t>p - <size_t>buffer))

"""Answer name queries (RFC 1035) for the broker's hosts, so that a name can fail to resolve.

A server can't make a client's name lookup fail, but the name server that the client asks can. This
one knows the broker's domain and says that it is here; every other name it refuses, so that a
stub resolver asks the next server on its list. Queries of one question over UDP, nothing else.
"""

from __future__ import annotations

from ipaddress import IPv4Address

__all__ = ["DOMAIN", "answer_query", "name_of"]

DOMAIN = "koreainvestment.com"
_HEADER_BYTES = 12
_MAX_QUERY = 512  # Section 2.3.4: without extensions a UDP message is no longer.
_A, _IN = 1, 1
_TTL_S = 0  # The next connection asks again.
_IS_ANSWER, _IS_AUTHORITY, _RECURSION_WANTED = 0x8000, 0x0400, 0x0100
_NO_ERROR, _SERVER_FAILURE, _NO_SUCH_NAME, _REFUSED = 0, 2, 3, 5
_CODES = {"nxdomain": _NO_SUCH_NAME, "servfail": _SERVER_FAILURE}


def _question(query: bytes) -> tuple[str, int, int, int] | None:
    """Return name, type, class and where the question ends; None when it is no question."""
    is_query = len(query) >= _HEADER_BYTES and not query[2] & 0x80 and not query[2] & 0x78
    if not is_query or len(query) > _MAX_QUERY or query[4:6] != b"\x00\x01":
        return None
    labels, at = [], _HEADER_BYTES
    while at < len(query) and (size := query[at]):
        if size > 63 or at + 1 + size > len(query):
            return None
        labels.append(query[at + 1 : at + 1 + size].decode("ascii", "replace").lower())
        at += 1 + size
    if at + 5 > len(query):
        return None
    kind, group = query[at + 1 : at + 3], query[at + 3 : at + 5]
    return ".".join(labels), int.from_bytes(kind, "big"), int.from_bytes(group, "big"), at + 5


def name_of(query: bytes) -> str:
    """Return the name that a query asks for, when it is one of ours; "" otherwise."""
    question = _question(query)
    if question is None:
        return ""
    name = question[0]
    return name if name == DOMAIN or name.endswith(f".{DOMAIN}") else ""


def answer_query(query: bytes, address: str, failure: str = "") -> bytes | None:
    """Return the answer to a query; None: there is none to give.

    address: the IPv4 address of our names. failure: "nxdomain", "servfail", "silence" or "".
    """
    question = _question(query)
    if question is None or failure == "silence":
        return None
    _, kind, group, end = question
    code = _CODES.get(failure, _NO_ERROR)
    if not name_of(query):
        code = _REFUSED
    record = b""
    if code == _NO_ERROR and (kind, group) == (_A, _IN):
        record = b"\xc0\x0c" + _A.to_bytes(2, "big") + _IN.to_bytes(2, "big")
        record += _TTL_S.to_bytes(4, "big") + b"\x00\x04" + IPv4Address(address).packed
    flags = _IS_ANSWER | _IS_AUTHORITY | (int.from_bytes(query[2:4], "big") & _RECURSION_WANTED)
    header = query[:2] + (flags | code).to_bytes(2, "big") + b"\x00\x01"
    header += bool(record).to_bytes(2, "big") + b"\x00\x00\x00\x00"
    return header + query[_HEADER_BYTES:end] + record

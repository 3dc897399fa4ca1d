"""Read one HTTP/1.1 answer from bytes as they come. Strict: what it can't be sure of is no answer.

Sans-IO. An answer ends with its Content-Length, its last chunk, or, when it has neither, with the
connection. Source: RFC 9112.
"""

from __future__ import annotations

import re

from aegis_fast.errors import ProtocolError

__all__ = ["MAX_HEAD_BYTES", "ReplyReader"]

MAX_HEAD_BYTES = 64 * 1024
_STATUS = re.compile(rb"HTTP/1\.([01]) ([1-9][0-9]{2})(?: [^\r\n]*)?")
_FIELD = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([^\r\n\0]*)")
_LENGTH = re.compile(rb"[0-9]{1,18}")
_CHUNK = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;[^\r\n]*)?")
_BODILESS = frozenset({b"204", b"304"})


class ReplyReader:
    """The answer to one request. max_body_bytes: more raises.

    feed() and end() return True once the answer is whole; then status, body, header() and
    is_reusable (may the connection serve another request?) are set. Both raise ProtocolError on
    what is no HTTP answer.
    """

    def __init__(self, max_body_bytes: int) -> None:
        self.status = 0
        self.body = b""
        self.is_reusable = False
        self._max_body_bytes = max_body_bytes
        self._unread = b""
        self._fields: dict[bytes, bytes] = {}
        # How the body ends: -1 head not read yet, -2 chunks, -3 the connection; else its length.
        self._length = -1
        self._chunks: list[bytes] = []

    def header(self, name: bytes) -> str:
        """Return a header's value, "" if absent. name: small letters."""
        return self._fields.get(name, b"").decode("latin-1")

    def feed(self, chunk: bytes) -> bool:
        """Take in what was read."""
        self._unread = self._unread + chunk if self._unread else chunk
        while self._length == -1:
            if not self._read_head():
                return False
        if self._length == -2:
            return self._read_chunks()
        if self._length == -3:
            self._check_size(len(self._unread))
            return False
        if len(self._unread) < self._length:
            return False
        self.body = self._unread[: self._length]
        # Bytes after the answer belong to nothing that was asked.
        self.is_reusable = self.is_reusable and len(self._unread) == self._length
        return True

    def end(self) -> bool:
        """The connection ended, in order; tell whether that completes the answer."""
        if self._length != -3:
            return False
        self.body = self._unread
        return True

    def _read_head(self) -> bool:
        end = self._unread.find(b"\r\n\r\n")
        if end < 0:
            if len(self._unread) > MAX_HEAD_BYTES:
                raise ProtocolError("an HTTP head without an end", field="http")
            return False
        lines = self._unread[:end].split(b"\r\n")
        self._unread = self._unread[end + 4 :]
        status = _STATUS.fullmatch(lines[0])
        if status is None:
            raise ProtocolError("no HTTP status line", field="http")
        fields: dict[bytes, bytes] = {}
        for line in lines[1:]:
            found = _FIELD.fullmatch(line)
            if found is None:
                raise ProtocolError("an unreadable HTTP header", field="http")
            name, value = found[1].lower(), found[2].rstrip(b" \t")
            if name in (b"content-length", b"transfer-encoding") and name in fields:
                raise ProtocolError("two lengths in one HTTP head", field="http")
            fields.setdefault(name, value)
        if status[2].startswith(b"1"):
            if status[2] == b"101":
                raise ProtocolError("the server changed the protocol", field="http")
            return True  # An interim answer: the final one follows.
        self.status, self._fields = int(status[2]), fields
        self._length = self._body_length(status[2])
        tokens = {token.strip() for token in fields.get(b"connection", b"").lower().split(b",")}
        is_kept = b"keep-alive" in tokens if status[1] == b"0" else b"close" not in tokens
        self.is_reusable = is_kept and self._length != -3
        return True

    def _body_length(self, status: bytes) -> int:
        if self._fields.get(b"content-encoding", b"identity").lower() != b"identity":
            raise ProtocolError("a compressed answer that nobody asked for", field="http")
        coding, length = self._fields.get(b"transfer-encoding"), self._fields.get(b"content-length")
        if coding is not None:
            if coding.lower() != b"chunked" or length is not None:
                raise ProtocolError("an unknown transfer coding", field="http")
            return 0 if status in _BODILESS else -2
        if length is None:
            return 0 if status in _BODILESS else -3
        if _LENGTH.fullmatch(length) is None:
            raise ProtocolError("an unreadable Content-Length", field="http")
        self._check_size(int(length))
        return 0 if status in _BODILESS else int(length)

    def _read_chunks(self) -> bool:
        while True:
            line_end = self._unread.find(b"\r\n")
            if line_end < 0:
                if len(self._unread) > MAX_HEAD_BYTES:
                    raise ProtocolError("a chunk without a size", field="http")
                return False
            found = _CHUNK.fullmatch(self._unread[:line_end])
            if found is None:
                raise ProtocolError("an unreadable chunk size", field="http")
            size, start = int(found[1], 16), line_end + 2
            if size == 0:
                return self._read_trailer(start)
            self._check_size(sum(map(len, self._chunks)) + size)
            if len(self._unread) < start + size + 2:
                return False
            if self._unread[start + size : start + size + 2] != b"\r\n":
                raise ProtocolError("a chunk longer than its size", field="http")
            self._chunks.append(self._unread[start : start + size])
            self._unread = self._unread[start + size + 2 :]

    def _read_trailer(self, start: int) -> bool:
        if self._unread[start : start + 2] == b"\r\n":
            end = start + 2
        elif (blank := self._unread.find(b"\r\n\r\n", start)) >= 0:
            end = blank + 4
        elif len(self._unread) - start > MAX_HEAD_BYTES:
            raise ProtocolError("a trailer without an end", field="http")
        else:
            return False
        self.body = b"".join(self._chunks)
        self.is_reusable = self.is_reusable and len(self._unread) == end
        return True

    def _check_size(self, size_bytes: int) -> None:
        if size_bytes > self._max_body_bytes:
            raise ProtocolError("the answer is too large", field="http")

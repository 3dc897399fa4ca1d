"""A bare client's socket: the WebSocket handshake, and frames cut out of what arrives."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterable

REQUEST = (
    "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{more}\r\n"
)


def opening(path: str = "/tryitout", more: str = "") -> bytes:
    """Return the request that opens a WebSocket; more: further headers, each with its CRLF."""
    return REQUEST.format(path=path, more=more).encode()


def masked(text: bytes) -> bytes:
    """Return a client's text frame of 126 to 65,535 bytes; a mask of zeros is a mask."""
    if not 126 <= len(text) < 1 << 16:
        raise ValueError("126 to 65535 bytes")
    return b"\x81\xfe" + len(text).to_bytes(2, "big") + bytes(4) + text


def registration(approval_key: str, tr_id: str, tr_key: str) -> bytes:
    """Return the message that registers for a TR."""
    header = {"approval_key": approval_key, "custtype": "P", "tr_type": "1"}
    body = {"input": {"tr_id": tr_id, "tr_key": tr_key}}
    return json.dumps({"header": header, "body": body}).encode()


class FrameProtocol(asyncio.Protocol):
    """Opens a WebSocket, sends `texts`, and hands every message's bytes to on_message."""

    def __init__(
        self,
        texts: Iterable[bytes],
        on_message: Callable[[bytes], object],
        *,
        more: str = "",
    ) -> None:
        self.bytes = 0
        self.lost = False
        self._texts = list(texts)
        self._on_message = on_message
        self._more = more
        self._buffer = bytearray()
        self._is_open = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: asyncio.Transport = transport  # type: ignore[assignment]
        self.transport.write(opening(more=self._more))

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if not self._is_open:
            head, end, rest = self._buffer.partition(b"\r\n\r\n")
            if not end:
                return
            assert head.startswith(b"HTTP/1.1 101"), head
            self._is_open, self._buffer = True, rest
            for text in self._texts:
                self.transport.write(masked(text))
        self._split()

    def _split(self) -> None:
        buffer, at = self._buffer, 0
        while len(buffer) - at >= 4:
            size, start = buffer[at + 1], at + 2
            if size == 126:
                size, start = int.from_bytes(buffer[at + 2 : at + 4], "big"), at + 4
            if len(buffer) < start + size:
                break
            at = start + size
            self._on_message(bytes(buffer[start:at]))
        self.bytes += at
        del buffer[:at]

    def connection_lost(self, error: Exception | None) -> None:
        self.lost = True

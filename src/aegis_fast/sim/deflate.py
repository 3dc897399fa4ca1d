"""Compress WebSocket messages as RFC 7692 says: permessage-deflate, with or without context.

Without context (server_no_context_takeover) every message stands alone, so the compressed bytes of
one frame serve all its subscribers. With context each connection needs a compressor of its own,
about 48 KB (window 2**12, memory level 6): 50 MB for the thousand sockets a simulator takes.
A client that offers nothing gets plain frames.
"""

from __future__ import annotations

import re
import zlib

__all__ = ["DEFLATE_MODES", "Deflater", "SharedDeflater", "negotiate", "ws_frame"]

DEFLATE_MODES = ("off", "context", "no-context")
_WINDOW_BITS = 12
_MEMORY_LEVEL = 6
_LEVEL = 1  # Frames are short and many: more costs time and gains little.
_TAIL = b"\x00\x00\xff\xff"  # Section 7.2.1: the end of a flushed block is left out.
_TEXT = 0x81  # FIN and the opcode of a text.
_COMPRESSED_TEXT = 0xC1  # The same with RSV1.
_OFFER = re.compile(r"^permessage-deflate(?P<params>(\s*;\s*[a-z_]+(=\"?\d+\"?)?)*)$")
_PARAMS = frozenset(
    {
        "server_no_context_takeover",
        "client_no_context_takeover",
        "server_max_window_bits",
        "client_max_window_bits",
    }
)


def ws_frame(payload: bytes, first_byte: int = _TEXT) -> bytes:
    """Return a whole, unmasked WebSocket frame (RFC 6455, section 5.2)."""
    size = len(payload)
    if size < 126:
        return bytes((first_byte, size)) + payload
    if size < 1 << 16:
        return bytes((first_byte, 126)) + size.to_bytes(2, "big") + payload
    return bytes((first_byte, 127)) + size.to_bytes(8, "big") + payload


def _payload(wire: bytes) -> bytes | None:
    """Return the text inside a frame of ws_frame, None when it is anything else."""
    if len(wire) < 2 or wire[0] != _TEXT:
        return None
    start = {126: 4, 127: 10}.get(wire[1], 2)
    size = wire[1] if start == 2 else int.from_bytes(wire[2:start], "big")
    return wire[start:] if len(wire) == start + size else None


def negotiate(offers: str, mode: str) -> tuple[str, int]:
    """Return the answer to a Sec-WebSocket-Extensions header, and the window to use.

    ("", 0) when there is no offer that can be taken. mode: one of DEFLATE_MODES. The first usable
    offer wins. server_max_window_bits=8 is declined: zlib has no raw window that small.
    """
    if mode == "off":
        return "", 0
    for offer in offers.split(","):
        found = _OFFER.match(offer.strip())
        if found is None:
            continue
        params = {
            name.strip(): value.strip().strip('"')
            for name, _, value in (
                p.partition("=") for p in found["params"].split(";") if p.strip()
            )
        }
        bits = int(params.get("server_max_window_bits") or 15)
        if not set(params) <= _PARAMS or not 9 <= bits <= 15:
            continue
        answer = ["permessage-deflate"]
        if mode == "no-context":
            answer += ["server_no_context_takeover", "client_no_context_takeover"]
        elif "server_no_context_takeover" in params:
            continue  # The client can't keep a context, and this server always keeps one.
        if "server_max_window_bits" in params:
            answer.append(f"server_max_window_bits={bits}")
        return "; ".join(answer), min(bits, _WINDOW_BITS)
    return "", 0


def _compressor(window_bits: int) -> zlib._Compress:
    return zlib.compressobj(_LEVEL, zlib.DEFLATED, -window_bits, _MEMORY_LEVEL)


class Deflater:
    """The sending side of one connection that keeps its context from message to message."""

    def __init__(self, window_bits: int) -> None:
        self._compressor = _compressor(window_bits)

    def frame(self, wire: bytes) -> bytes:
        """Return a plain text frame compressed; anything else as it is."""
        payload = _payload(wire)
        if payload is None:
            return wire
        packed = self._compressor.compress(payload) + self._compressor.flush(zlib.Z_SYNC_FLUSH)
        return ws_frame(packed.removesuffix(_TAIL), _COMPRESSED_TEXT)


class SharedDeflater:
    """The sending side of all connections without context: one frame is compressed once.

    Window 2**9, which any client that limits it can read. Remembers the last frame only:
    a broadcast hands the same bytes object to one subscriber after the other.
    """

    def __init__(self) -> None:
        self._last: bytes = b""
        self._last_packed: bytes = b""

    def frame(self, wire: bytes) -> bytes:
        """Return a plain text frame compressed; anything else as it is."""
        if wire is self._last:
            return self._last_packed
        payload = _payload(wire)
        if payload is None:
            return wire
        compressor = _compressor(9)
        packed = compressor.compress(payload) + compressor.flush(zlib.Z_SYNC_FLUSH)
        self._last = wire
        self._last_packed = ws_frame(packed.removesuffix(_TAIL), _COMPRESSED_TEXT)
        return self._last_packed

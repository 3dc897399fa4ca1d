"""Stamp frames with the wall clock as their bytes go out, so that a receiver can tell their age.

While stamps are on (off by default), every record of a plain data frame ends with one more value of
19 digits: the ns since the epoch at which this socket's bytes are handed to the kernel. The event
loop would gather them until its turn ends, so they pass it by; only what the kernel does not take
waits, in order.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable

from aegis_fast.sim.feed.frames import STAMP_ROOM

__all__ = ["StampedWriter"]

_ROOM = STAMP_ROOM.encode()
_RETRY_S = 0.001


class StampedWriter:
    """Writes stamped bytes to one plain TCP connection, past its transport.

    clock_ns: the wall clock. Sockets opened before stamps were turned on see the room as it is.
    """

    def __init__(self, transport: asyncio.Transport, clock_ns: Callable[[], int]) -> None:
        self._transport = transport
        self._fd: int = transport.get_extra_info("socket").fileno()
        self._clock_ns = clock_ns
        self._behind = bytearray()
        self._retry: asyncio.TimerHandle | None = None

    @property
    def backlog_bytes(self) -> int:
        """What waits for the kernel."""
        return len(self._behind)

    def write(self, wire: bytes) -> None:
        """Send a whole message, stamped now; what the kernel does not take is sent later."""
        if wire.endswith(_ROOM):
            wire = wire.replace(_ROOM, b"%019d" % self._clock_ns())
        if self._behind:
            self._behind += wire
            return
        sent = self._send(wire)
        if sent < len(wire):
            self._behind += wire[sent:]
            self._retry_soon()

    def _send(self, data: bytes | bytearray) -> int:
        try:
            return os.write(self._fd, data)
        except BlockingIOError:
            return 0
        except OSError:  # The client is gone; the transport learns of it by itself.
            self._transport.abort()
            return len(data)

    def _retry_soon(self) -> None:
        self._retry = asyncio.get_running_loop().call_later(_RETRY_S, self._flush)

    def _flush(self) -> None:
        if self._transport.is_closing():
            self._behind.clear()
            return
        del self._behind[: self._send(self._behind)]
        if self._behind:
            self._retry_soon()

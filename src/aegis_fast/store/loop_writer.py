"""Write journal rows on the event loop, where a commit to the kernel costs less than a thread."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
from collections import deque
from collections.abc import Callable
from pathlib import Path

from aegis_fast.errors import StorageError
from aegis_fast.hot.flush import Flusher

__all__ = ["INSERT", "LoopWriter", "Row"]

INSERT = "INSERT INTO journal VALUES (?, ?, ?, ?)"
# NORMAL syncs nothing at a commit, the flusher does that; but it syncs the head of the log when it
# begins anew. Without, a power cut could revive the log before it (sqlite.org/src/info/ff5be73dee).
_SYNCHRONOUS = {True: "NORMAL", False: "OFF"}

Row = tuple[int, int, bytes, int]


class LoopWriter:
    """One connection, one row a commit. Lives on the loop; never waits.

    log: the write-ahead log of the file. is_to_disk: rows are durable after an fdatasync of the
    log, not at once; rows that come during one share the next. failed(error) is told what went
    wrong and says it as a StorageError. Raises sqlite3.Error, OSError.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        loop: asyncio.AbstractEventLoop,
        *,
        log: Path,
        is_to_disk: bool,
        failed: Callable[[BaseException], StorageError],
    ) -> None:
        self._connection = connection
        self._failed = failed
        self._loop = loop
        self._flusher: Flusher | None = None
        self._unflushed: deque[tuple[int, asyncio.Future[None]]] = deque()
        connection.execute(f"PRAGMA synchronous={_SYNCHRONOUS[is_to_disk]}")
        connection.execute("PRAGMA busy_timeout=0")
        # Folding the log into the file takes milliseconds: the journal's thread does it.
        connection.execute("PRAGMA wal_autocheckpoint=0")
        if is_to_disk:
            # The log is there from the first statement that looks into the file.
            connection.execute("SELECT 1 FROM journal LIMIT 1").fetchone()
            self._flusher = _flusher(log)
            self._loop.add_reader(self._flusher.event_fd, self._on_flushed)

    @property
    def waiting(self) -> int:
        """Rows that are written but not durable yet."""
        return len(self._unflushed)

    def write(self, row: Row, future: asyncio.Future[None]) -> bool:
        """Write one row; False, and nothing done, if somebody else holds the file.

        The future is done when the row is durable, or fails.
        """
        try:
            self._connection.execute(INSERT, row)
        except Exception as failure:  # noqa: BLE001  whatever it is, those who wait must hear of it
            if _is_busy(failure):
                return False
            future.set_exception(self._failed(failure))
            return True
        if self._flusher is None:
            future.set_result(None)
        else:
            self._unflushed.append((self._flusher.request(), future))
        return True

    def close(self) -> None:
        """Make durable what is written, tell those who wait, close the connection."""
        flusher, self._flusher = self._flusher, None
        if flusher is not None:
            if not self._loop.is_closed():
                self._loop.remove_reader(flusher.event_fd)
            flusher.close()
            self._settle(flusher)
        self._connection.close()

    def _on_flushed(self) -> None:
        if self._flusher is not None:
            with contextlib.suppress(BlockingIOError):
                os.eventfd_read(self._flusher.event_fd)
            self._settle(self._flusher)

    def _settle(self, flusher: Flusher) -> None:
        done = flusher.done
        while self._unflushed and self._unflushed[0][0] <= done:
            future = self._unflushed.popleft()[1]
            if not future.done():
                future.set_result(None)
        if flusher.error and self._unflushed:
            error = self._failed(OSError(flusher.error, os.strerror(flusher.error)))
            for _number, future in self._unflushed:
                if not future.done():
                    future.set_exception(error)
            self._unflushed.clear()


def _flusher(log: Path) -> Flusher:
    descriptor = os.open(log, os.O_RDWR | os.O_CLOEXEC)
    try:
        return Flusher(descriptor)
    except OSError:
        os.close(descriptor)
        raise


def _is_busy(failure: BaseException) -> bool:
    code: int = getattr(failure, "sqlite_errorcode", 0)
    return code & 0xFF == sqlite3.SQLITE_BUSY

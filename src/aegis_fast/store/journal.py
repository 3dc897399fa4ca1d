"""Keep the journal: every decision and fact about orders, on disk before anything leaves (A29).

A local SQLite file in WAL mode, append only. Durability `disk` survives a power cut, `kernel`
survives kill -9 but not a power cut.

An entry is written where it is appended, on the event loop: a commit to the kernel's memory takes
some 10 us, less than handing it to a thread. `kernel` asks for no more. For `disk` a native thread
makes the write-ahead log durable (hot.flush); entries that come while it does share the next
fdatasync. The loop waits for nothing: when somebody else holds the file, entries go to a writer
thread that does wait, until it has caught up. The log is folded into the file on that thread too.

Each row carries a CRC-32 chained to the row before, so a changed, missing or swapped row is found
when the journal is read; the engine then refuses to start instead of trading on a wrong state.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import queue
import sqlite3
import threading
import zlib
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path
from typing import IO

import msgspec

from aegis_fast.core.events import Event
from aegis_fast.errors import ConfigError, StorageError
from aegis_fast.store.loop_writer import INSERT, LoopWriter

__all__ = ["Entry", "Journal", "stored_world"]

_FORMAT = 1
_GROUP_LIMIT = 512
# The log begins anew after so many entries, about 16 MB. At 20 orders a second: once a minute.
_FOLD_EVERY = 4_000
_SYNCHRONOUS = {"disk": "FULL", "kernel": "OFF"}
_SCHEMA = """
CREATE TABLE IF NOT EXISTS owner (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS journal (
    seq INTEGER PRIMARY KEY, at_ns INTEGER NOT NULL, body BLOB NOT NULL, crc INTEGER NOT NULL
);
"""


_ENCODER = msgspec.json.Encoder()
_DECODER: msgspec.json.Decoder[Event] = msgspec.json.Decoder(Event)


@dataclass(frozen=True, slots=True)
class Entry:
    """One row as it was written. seq counts from 1 without gaps."""

    seq: int
    at_ns: int
    event: Event


_Waiting = tuple[int, bytes, "asyncio.Future[None]"]


class _Word(Enum):
    """What the writer thread is told between entries."""

    FOLD = auto()
    END = auto()


def _chain(crc: int, seq: int, at_ns: int, body: bytes) -> int:
    return zlib.crc32(body, zlib.crc32(b"%d:%d:" % (seq, at_ns), crc))


class Journal:
    """The journal of one account. One process owns it; a second one is refused.

    At most `max_waiting` entries wait for the disk; beyond that append() raises StorageError and
    takes nothing in, since an engine that can't write must not trade.
    """

    def __init__(
        self, path: Path, *, owner: dict[str, str], durability: str = "disk", max_waiting: int
    ) -> None:
        if durability not in _SYNCHRONOUS:
            raise ConfigError(
                f"unknown durability {durability!r}",
                field="journal.durability",
                expected=" | ".join(_SYNCHRONOUS),
            )
        self._path = path
        self._owner = owner
        self._durability = durability
        self._max_waiting = max_waiting
        self._queue: queue.SimpleQueue[_Waiting | _Word] = queue.SimpleQueue()
        self._in_thread = 0
        self._thread: threading.Thread | None = None
        self._on_loop: LoopWriter | None = None
        self._lock: IO[bytes] | None = None
        self._seq = 0
        self._crc = 0
        self._failure = ""

    @property
    def failure(self) -> str:
        """Why nothing can be written any more; "" while all is well."""
        return self._failure

    @property
    def waiting(self) -> int:
        """Entries that are not durable yet."""
        return self._in_thread + (self._on_loop.waiting if self._on_loop else 0)

    def open(self) -> list[Entry]:
        """Take the journal over and return all it holds, oldest first.

        Raises ConfigError when another process has it or it belongs to another account, and
        StorageError when a row does not match its checksum.
        """
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._take_lock()
        except OSError as error:
            raise StorageError(
                f"the journal {self._path} can't be opened: {error}",
                field="engine.home",
                expected="a directory that this user may write to",
            ) from error
        try:
            connection = self._connect()
            try:
                self._check_owner(connection)
                return self._read(connection)
            finally:
                connection.close()
        except sqlite3.DatabaseError as error:
            self._release_lock()
            raise StorageError(
                f"the journal {self._path} can't be read: {error}",
                expected="restore it from a back-up, or start with another --home",
            ) from error
        except (ConfigError, StorageError):
            self._release_lock()
            raise

    def start(self) -> None:
        """Open the file for writing; append() works from here on. Call on the loop of append()."""
        self._thread = threading.Thread(target=self._write_loop, name="journal", daemon=True)
        self._thread.start()
        self._on_loop = self._loop_writer()

    def _loop_writer(self) -> LoopWriter | None:
        """Return a writer for the running loop; None where the thread has to write, or to say what
        is wrong with the file."""
        try:
            loop = asyncio.get_running_loop()
            connection = self._connect()
        except (RuntimeError, sqlite3.Error):
            return None
        try:
            return LoopWriter(
                connection,
                loop,
                log=self._path.with_name(self._path.name + "-wal"),
                is_to_disk=self._durability == "disk",
                failed=self._fail,
            )
        except (sqlite3.Error, OSError):
            connection.close()
            return None

    def append(self, event: Event, at_ns: int) -> asyncio.Future[None]:
        """Write one entry; the future is done once it is durable. Call on the event loop.

        The future raises StorageError if the write failed. Raises StorageError at once when too
        many entries wait or the journal has failed before.
        """
        if self._failure:
            raise StorageError(f"the journal has failed: {self._failure}")
        if self.waiting >= self._max_waiting:
            raise StorageError(
                f"{self._max_waiting} journal entries wait for the disk",
                field="journal.max_waiting",
            )
        body = _ENCODER.encode(event)
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        # Entries keep their order: while the thread has some, all go there.
        if self._in_thread or not self._write_now(at_ns, body, future):
            self._in_thread += 1
            self._queue.put((at_ns, body, future))
        return future

    def _write_now(self, at_ns: int, body: bytes, future: asyncio.Future[None]) -> bool:
        """Write one entry here and now; False if that is not possible."""
        writer, seq = self._on_loop, self._seq + 1
        if writer is None:
            return False
        crc = _chain(self._crc, seq, at_ns, body)
        if not writer.write((seq, at_ns, body, crc), future):
            return False
        if not self._failure:
            self._seq, self._crc = seq, crc
            if seq % _FOLD_EVERY == 0:
                self._queue.put(_Word.FOLD)
        return True

    def close(self) -> None:
        """Write what waits, then let go of the file; append() is refused from here on."""
        if self._thread is not None:
            self._queue.put(_Word.END)
            self._thread.join()
            self._thread = None
        if self._on_loop is not None:
            self._on_loop.close()
            self._on_loop = None
        self._failure = self._failure or "it is closed"
        self._release_lock()

    def _fail(self, failure: BaseException) -> StorageError:
        self._failure = self._failure or str(failure) or type(failure).__name__
        return StorageError(f"the journal can't be written: {self._failure}")

    # -- the writer thread ----------------------------------------------------------------------

    def _write_loop(self) -> None:
        connection: sqlite3.Connection | None = None
        try:
            connection = self._connect()
        except sqlite3.Error as failure:
            self._failure = str(failure)
        word: _Word | None = None
        while word is not _Word.END:
            group, word = self._next_group()
            if group:
                error = self._write_group(connection, group)
                self._settle([future for _at_ns, _body, future in group], error)
            if word is _Word.FOLD and connection is not None:
                self._fold(connection)
        if connection is not None:
            connection.close()

    def _next_group(self) -> tuple[list[_Waiting], _Word | None]:
        """Return what waits, as much as one commit takes, and the word that came after it."""
        group: list[_Waiting] = []
        while len(group) < _GROUP_LIMIT:
            try:
                item = self._queue.get(block=not group)
            except queue.Empty:
                break
            if isinstance(item, _Word):
                return group, item
            group.append(item)
        return group, None

    def _fold(self, connection: sqlite3.Connection) -> None:
        """Copy the log into the file, so that it can begin anew; the loop may write meanwhile."""
        try:
            connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        except sqlite3.Error as failure:
            # Nothing is lost, but the disk is not to be trusted: what comes next would be.
            self._fail(failure)

    def _write_group(
        self, connection: sqlite3.Connection | None, group: list[_Waiting]
    ) -> StorageError | None:
        if self._failure or connection is None:
            return StorageError(f"the journal has failed: {self._failure}")
        seq, crc = self._seq, self._crc
        rows = []
        for at_ns, body, _future in group:
            seq += 1
            crc = _chain(crc, seq, at_ns, body)
            rows.append((seq, at_ns, body, crc))
        try:
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany(INSERT, rows)
            connection.execute("COMMIT")
        except Exception as failure:  # noqa: BLE001  whatever it is, those who wait must hear of it
            error = self._fail(failure)
            with contextlib.suppress(sqlite3.Error):
                connection.rollback()
            return error
        self._seq, self._crc = seq, crc
        return None

    def _settle(self, futures: list[asyncio.Future[None]], error: StorageError | None) -> None:
        """Tell the waiters, on their own loop; one wake-up for the whole group."""

        def tell() -> None:
            self._in_thread -= len(futures)
            for future in futures:
                if future.done():
                    continue
                if error is None:
                    future.set_result(None)
                else:
                    future.set_exception(error)

        try:
            futures[0].get_loop().call_soon_threadsafe(tell)
        except RuntimeError:
            # The loop is closed: nobody waits any more, and what was written stays written.
            return

    # -- the file -------------------------------------------------------------------------------

    def _connect(self) -> sqlite3.Connection:
        # A journal may be closed on another thread than it was started on.
        connection = sqlite3.connect(
            self._path, isolation_level=None, timeout=5.0, check_same_thread=False
        )
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute(f"PRAGMA synchronous={_SYNCHRONOUS[self._durability]}")
        connection.executescript(_SCHEMA)
        return connection

    def _check_owner(self, connection: sqlite3.Connection) -> None:
        wanted = {**self._owner, "format": str(_FORMAT)}
        found = dict(connection.execute("SELECT key, value FROM owner"))
        if not found:
            self._sign(connection, wanted)
            return
        for key, value in wanted.items():
            if found.get(key) != value:
                raise ConfigError(
                    f"the journal {self._path} belongs to {key} {found.get(key)!r}, not {value!r}",
                    field="engine.home",
                    expected="another --home for another account or environment",
                )

    def _sign(self, connection: sqlite3.Connection, owner: dict[str, str]) -> None:
        if connection.execute("SELECT 1 FROM journal LIMIT 1").fetchone():
            raise StorageError(
                f"the journal {self._path} has entries but no owner",
                expected="restore it from a back-up, or start with another --home",
            )
        # All rows or none: half an owner would lock out its own account after a kill right here.
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany("INSERT INTO owner VALUES (?, ?)", owner.items())
        connection.execute("COMMIT")

    def _read(self, connection: sqlite3.Connection) -> list[Entry]:
        entries = []
        rows = connection.execute("SELECT seq, at_ns, body, crc FROM journal ORDER BY seq")
        for seq, at_ns, body, crc in rows:
            # SQLite keeps the type with each value, so a changed row may have another one.
            is_sound = isinstance(at_ns, int) and isinstance(body, bytes)
            expected = _chain(self._crc, seq, at_ns, body) if is_sound else None
            if seq != self._seq + 1 or expected is None or crc != expected:
                raise StorageError(
                    f"the journal {self._path} is damaged at entry {self._seq + 1}",
                    expected="restore it from a back-up, or start with another --home",
                )
            try:
                event = _DECODER.decode(body)
            except msgspec.MsgspecError as error:
                raise StorageError(
                    f"entry {seq} of the journal {self._path} can't be understood: {error}",
                    expected="the version of aegis-fast that wrote it",
                ) from error
            entries.append(Entry(seq, at_ns, event))
            self._seq, self._crc = seq, expected
        return entries

    def _take_lock(self) -> None:
        lock = self._path.with_suffix(".lock").open("ab")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            raise ConfigError(
                f"another engine already works with {self._path}",
                field="engine.home",
                expected="stop it, or choose another --home",
            ) from None
        os.set_inheritable(lock.fileno(), False)
        self._lock = lock

    def _release_lock(self) -> None:
        if self._lock is not None:
            self._lock.close()
            self._lock = None


def stored_world(path: Path) -> str:
    """Return the simulator that the journal at `path` belongs to; "" if none, or no journal."""
    if not path.exists():
        return ""
    connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)
    try:
        row = connection.execute(
            """SELECT json_extract(CAST(body AS TEXT), '$.world') FROM journal
               WHERE json_extract(CAST(body AS TEXT), '$.k') = 'world' ORDER BY seq DESC LIMIT 1"""
        ).fetchone()
    except sqlite3.DatabaseError as error:
        raise StorageError(
            f"the journal {path} can't be read: {error}",
            expected="restore it from a back-up, or start with another --home",
        ) from error
    finally:
        connection.close()
    return str(row[0]) if row else ""

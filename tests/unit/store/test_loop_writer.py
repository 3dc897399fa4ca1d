"""Rows written on the loop: durable when told, in order, and never waited for."""

from __future__ import annotations

import asyncio
import errno
import os
import sqlite3
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import ClassVar

import pytest

from aegis_fast.core.events import WorldSeen
from aegis_fast.errors import StorageError
from aegis_fast.hot.flush import Flusher
from aegis_fast.store import journal as journal_module
from aegis_fast.store import loop_writer
from aegis_fast.store.journal import Journal


def on_journal(
    path: Path, work: Callable[[Journal], Awaitable[None]], durability: str, max_waiting: int = 100
) -> None:
    async def main() -> None:
        owner = {"env": "sim", "account": "5000000001"}
        book = Journal(path, owner=owner, durability=durability, max_waiting=max_waiting)
        book.open()
        book.start()
        try:
            await work(book)
        finally:
            book.close()

    asyncio.run(asyncio.wait_for(main(), 20))


def worlds(path: Path) -> list[str]:
    owner = {"env": "sim", "account": "5000000001"}
    book = Journal(path, owner=owner, durability="kernel", max_waiting=1)
    found = [entry.event.world for entry in book.open() if isinstance(entry.event, WorldSeen)]
    book.close()
    return found


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


class HeldFlusher:
    """A disk that finishes when the test says so."""

    made: ClassVar[list[HeldFlusher]] = []

    def __init__(self, file_fd: int) -> None:
        os.close(file_fd)
        self.event_fd = os.eventfd(0, os.EFD_NONBLOCK)
        self.requested = self.done = self.error = 0
        HeldFlusher.made.append(self)

    def request(self) -> int:
        self.requested += 1
        return self.requested

    def finish(self, *, done: int = 0, error: int = 0) -> None:
        self.done, self.error = done or self.done, error
        os.eventfd_write(self.event_fd, 1)

    def close(self) -> None:
        os.close(self.event_fd)


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> list[HeldFlusher]:
    HeldFlusher.made = []
    monkeypatch.setattr(loop_writer, "Flusher", HeldFlusher)
    return HeldFlusher.made


def test_kernel_row_is_in_the_file_when_append_returns(path: Path) -> None:
    async def work(book: Journal) -> None:
        other = sqlite3.connect(path)
        for n in range(1, 6):
            assert book.append(WorldSeen(world=str(n)), n).done()
            assert other.execute("SELECT max(seq) FROM journal").fetchone() == (n,)
        other.close()

    on_journal(path, work, "kernel")


def test_disk_row_is_told_durable_only_after_its_own_fdatasync(
    path: Path, held: list[HeldFlusher]
) -> None:
    async def work(book: Journal) -> None:
        futures = [book.append(WorldSeen(world=str(n)), n) for n in range(3)]
        await asyncio.sleep(0.01)
        assert [future.done() for future in futures] == [False, False, False]
        assert book.waiting == 3
        held[0].finish(done=2)
        await asyncio.sleep(0.01)
        assert [future.done() for future in futures] == [True, True, False]
        held[0].finish(done=3)
        await futures[2]
        assert book.waiting == 0

    on_journal(path, work, "disk")
    assert worlds(path) == ["0", "1", "2"]


def test_failed_fdatasync_fails_all_that_is_not_durable_and_all_that_follows(
    path: Path, held: list[HeldFlusher]
) -> None:
    async def work(book: Journal) -> None:
        futures = [book.append(WorldSeen(world=str(n)), n) for n in range(3)]
        held[0].finish(done=1, error=errno.EIO)
        await futures[0]
        for future in futures[1:]:
            with pytest.raises(StorageError, match="Input/output error"):
                await future
        with pytest.raises(StorageError, match="Input/output error"):
            book.append(WorldSeen(world="late"), 9)

    on_journal(path, work, "disk")


def test_rows_that_wait_for_the_disk_are_bounded(path: Path, held: list[HeldFlusher]) -> None:
    async def work(book: Journal) -> None:
        futures = [book.append(WorldSeen(world=str(n)), n) for n in range(3)]
        with pytest.raises(StorageError, match="3 journal entries wait"):
            book.append(WorldSeen(world="too many"), 9)
        held[0].finish(done=3)
        await asyncio.gather(*futures)

    on_journal(path, work, "disk", max_waiting=3)
    assert worlds(path) == ["0", "1", "2"]


@pytest.mark.parametrize("durability", ["kernel", "disk"])
def test_file_held_by_another_blocks_no_loop_and_keeps_the_order(
    path: Path, durability: str
) -> None:
    async def work(book: Journal) -> None:
        await book.append(WorldSeen(world="0"), 0)
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        began = asyncio.get_running_loop().time()
        waiting = [book.append(WorldSeen(world=str(n)), n) for n in (1, 2)]
        assert asyncio.get_running_loop().time() - began < 1.0, "the loop waited for the file"
        assert not any(future.done() for future in waiting)
        other.execute("ROLLBACK")
        other.close()
        waiting.append(book.append(WorldSeen(world="3"), 3))
        await asyncio.gather(*waiting)
        await asyncio.sleep(0)
        again = book.append(WorldSeen(world="4"), 4)
        assert book._in_thread == 0, "the loop writes again"
        await again

    on_journal(path, work, durability)
    assert worlds(path) == ["0", "1", "2", "3", "4"]


@pytest.mark.parametrize("durability", ["kernel", "disk"])
def test_log_begins_anew_while_rows_are_written(
    path: Path, durability: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_module, "_FOLD_EVERY", 50)
    log = path.with_name("journal.db-wal")
    largest = 0

    async def work(book: Journal) -> None:
        nonlocal largest
        for n in range(1_000):
            await book.append(WorldSeen(world=str(n)), n)
            largest = max(largest, log.stat().st_size)
            await asyncio.sleep(0.000_1 if n % 50 else 0.005)

    on_journal(path, work, durability)
    assert worlds(path) == [str(n) for n in range(1_000)]
    # A thousand rows are over 4 MB of log.
    assert largest < 2_000_000


def test_flusher_syncs_what_was_asked_and_says_so(tmp_path: Path) -> None:
    file = (tmp_path / "f").open("wb", buffering=0)
    flusher = Flusher(os.dup(file.fileno()))
    file.write(b"x")
    numbers = [flusher.request() for _ in range(3)]
    flusher.close()

    assert numbers == [1, 2, 3]
    assert (flusher.done, flusher.error) == (3, 0)
    flusher.close()
    with pytest.raises(RuntimeError):
        flusher.request()
    file.close()


def test_flusher_stops_for_good_at_the_first_error() -> None:
    reader, writer = os.pipe()  # A pipe can't be synced: EINVAL.
    os.close(writer)
    flusher = Flusher(reader)
    flusher.request()
    while not flusher.error:
        pass
    flusher.request()
    flusher.close()

    assert (flusher.done, flusher.error) == (0, errno.EINVAL)

"""Faults of the journal that come from below: other types, flipped bits, a dying connection."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest

from aegis_fast.core.events import (
    BalanceLoaded,
    CancelRequested,
    Event,
    KillSwitchSet,
    OrderAccepted,
    WorldSeen,
)
from aegis_fast.core.model import OrderType, Position, Side, Venue
from aegis_fast.errors import StorageError
from aegis_fast.store.journal import _DECODER, _ENCODER, Entry, Journal, stored_world
from tests.unit.core.core_maker import submitted

OWNER = {"env": "sim", "account": "5000000001"}
ROOT = Path(__file__).parents[3]


def journal_at(path: Path, **changes: Any) -> Journal:
    wanted: dict[str, Any] = {"owner": OWNER, "durability": "kernel", "max_waiting": 1_000}
    return Journal(path, **(wanted | changes))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "sim" / "journal.db"


@pytest.fixture
def opened(path: Path) -> Iterator[Callable[..., Journal]]:
    """Open journals that are closed at the end, whatever happens."""
    made: list[Journal] = []

    def make(**changes: Any) -> Journal:
        journal = journal_at(path, **changes)
        made.append(journal)
        journal.open()
        journal.start()
        return journal

    yield make
    for journal in made:
        journal.close()


def event(number: int) -> Event:
    return OrderAccepted(order_id=f"o-{number}", broker_order_id=number, org_no="06010")


def write(path: Path, count: int = 5) -> list[Event]:
    """Write `count` entries and close."""
    events = [event(n) for n in range(1, count + 1)]

    async def body() -> None:
        journal = journal_at(path)
        journal.open()
        journal.start()
        await asyncio.gather(*[journal.append(e, n) for n, e in enumerate(events, 1)])
        journal.close()

    asyncio.run(body())
    return events


def read(path: Path) -> list[Entry]:
    journal = journal_at(path)
    entries = journal.open()
    journal.close()
    return entries


def change(path: Path, sql: str, *values: object) -> None:
    connection = sqlite3.connect(path)
    with connection:
        connection.execute(sql, values)
    connection.close()


@pytest.mark.parametrize(
    "sample",
    [
        submitted("o", side=Side.SELL, order_type=OrderType.MARKET, venue=Venue.SOR),
        BalanceLoaded(
            account="1",
            cash_krw=10**15,
            positions=(Position(symbol="005930", qty=3, cost_krw=9, name='삼성"전자'),),
            reason="start",
        ),
        KillSwitchSet(is_on=True, reason="사고\n\\ \u0000"),
        CancelRequested(order_id="", qty=-(2**62)),
    ],
)
def test_every_value_survives_the_journal_exactly(sample: Event, path: Path) -> None:
    again = _DECODER.decode(_ENCODER.encode(sample))
    assert again == sample
    assert type(again) is type(sample)
    if hasattr(sample, "side"):
        assert isinstance(again.side, Side)  # type: ignore[union-attr]


def test_every_kind_of_event_has_a_name_of_its_own() -> None:
    kinds = Event.__args__  # type: ignore[attr-defined]
    tags = [kind.__struct_config__.tag for kind in kinds]
    assert len(set(tags)) == len(kinds) == 19


def test_futures_are_done_in_the_order_of_the_entries(opened: Callable[..., Journal]) -> None:
    async def body() -> list[int]:
        journal = opened()
        done: list[int] = []
        futures = []
        for number in range(200):
            future = journal.append(event(number), number)
            future.add_done_callback(lambda _f, n=number: done.append(n))
            futures.append(future)
        await asyncio.gather(*futures)
        return done

    assert asyncio.run(body()) == list(range(200))


class Broken:
    """A connection whose statements fail from `fail_at` on, as a dying disk does."""

    def __init__(self, real: sqlite3.Connection, fail_at: str, error: Exception) -> None:
        self._real = real
        self._fail_at = fail_at
        self._error = error

    def execute(self, sql: str, *values: Any) -> Any:
        if sql.startswith(self._fail_at):
            raise self._error
        return self._real.execute(sql, *values)

    def executemany(self, sql: str, rows: Any) -> Any:
        if self._fail_at == "INSERT":
            raise self._error
        return self._real.executemany(sql, rows)

    def rollback(self) -> None:
        self._real.rollback()
        raise sqlite3.OperationalError("disk I/O error")

    def close(self) -> None:
        self._real.close()


def give_to_the_thread(journal: Journal) -> None:
    assert journal._on_loop is not None
    journal._on_loop.close()
    journal._on_loop = None


@pytest.mark.parametrize("fail_at", ["BEGIN", "INSERT", "COMMIT"])
@pytest.mark.parametrize(
    "error", [sqlite3.OperationalError("disk I/O error"), MemoryError("no memory")]
)
def test_failed_write_fails_its_futures_and_all_that_follow(
    fail_at: str, error: Exception, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = Journal._connect

    async def body() -> None:
        journal = journal_at(path)
        journal.open()
        monkeypatch.setattr(
            Journal, "_connect", lambda self: Broken(original(self), fail_at, error)
        )
        journal.start()
        if fail_at != "INSERT":
            # On the loop a row is one statement; the thread has three.
            give_to_the_thread(journal)
        results = []
        for n in range(5):
            try:
                results.append(journal.append(event(n), n))
            except StorageError:
                assert results, "the first one is told through its future"
        for future in results:
            with pytest.raises(StorageError, match=str(error)):
                await future
        assert journal.failure == str(error)
        with pytest.raises(StorageError, match=str(error)):
            journal.append(event(9), 9)
        journal.close()

    asyncio.run(asyncio.wait_for(body(), 10))
    monkeypatch.setattr(Journal, "_connect", original)
    assert read(path) == []


def test_writer_that_cannot_open_the_file_fails_what_is_appended(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(_self: Journal) -> sqlite3.Connection:
        raise sqlite3.OperationalError("unable to open database file")

    async def body() -> None:
        journal = journal_at(path)
        journal.open()
        monkeypatch.setattr(Journal, "_connect", fails)
        journal.start()
        with pytest.raises(StorageError, match="unable to open"):
            await journal.append(event(1), 1)
        journal.close()

    asyncio.run(asyncio.wait_for(body(), 10))


def damage(path: Path) -> str:
    with pytest.raises(StorageError) as caught:
        read(path)
    return caught.value.message


@pytest.mark.parametrize(
    "value", ["CAST(body AS TEXT)", "NULL", "5"], ids=["text", "null", "number"]
)
def test_value_of_another_type_names_its_entry(value: str, path: Path) -> None:
    write(path)
    change(path, "PRAGMA writable_schema = ON")
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE copy AS SELECT * FROM journal")
    connection.execute(f"UPDATE copy SET body = {value} WHERE seq = 2")
    connection.execute("DROP TABLE journal")
    connection.execute("ALTER TABLE copy RENAME TO journal")
    connection.commit()
    connection.close()
    assert "entry 2" in damage(path)


def test_flip_of_a_byte_in_the_file_is_never_read_as_something_else(path: Path) -> None:
    events = write(path, 8)
    expected = [Entry(n, n, e) for n, e in enumerate(events, 1)]
    whole = path.read_bytes()
    start = min(whole.index(_ENCODER.encode(e)) for e in events)
    rng = Random(5)
    found = 0
    for _ in range(150):
        index = rng.randrange(start, len(whole))
        wrong = bytearray(whole)
        wrong[index] ^= 1 << rng.randrange(8)
        path.write_bytes(wrong)
        try:
            assert read(path) == expected, f"byte {index}"
        except StorageError:
            found += 1
    assert found > 20


def test_first_entry_missing_is_found(path: Path) -> None:
    write(path)
    change(path, "DELETE FROM journal WHERE seq = 1")
    assert "entry 1" in damage(path)


def test_entry_copied_from_another_journal_is_found(path: Path, tmp_path: Path) -> None:
    write(path)
    other = tmp_path / "other.db"
    write(other, 1)
    write(other, 5)
    connection = sqlite3.connect(other)
    row = connection.execute("SELECT at_ns, body, crc FROM journal WHERE seq = 6").fetchone()
    connection.close()
    change(path, "INSERT INTO journal VALUES (6, ?, ?, ?)", *row)
    assert "entry 6" in damage(path)


def test_world_can_be_asked_for_while_the_log_of_a_killed_process_is_there(path: Path) -> None:
    assert stored_world(path) == ""

    async def body() -> None:
        journal = journal_at(path)
        journal.open()
        journal.start()
        await journal.append(WorldSeen(world="w1"), 1)
        await journal.append(event(1), 2)
        await journal.append(WorldSeen(world="w2"), 3)
        # Not closed: what is in the write-ahead log counts.
        assert path.with_name(path.name + "-wal").stat().st_size > 0
        assert stored_world(path) == "w2"
        journal.close()

    asyncio.run(body())
    assert stored_world(path) == "w2"


def test_writer_thread_ends_with_the_journal(path: Path) -> None:
    write(path)
    assert not [t for t in threading.enumerate() if t.name == "journal"]

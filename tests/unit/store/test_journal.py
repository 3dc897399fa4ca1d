"""The journal: durable before it says so, whole or refused, one owner, loud when it fails (S1)."""

from __future__ import annotations

import asyncio
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

import msgspec
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
from aegis_fast.errors import ConfigError, StorageError
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


# -- what is written is read --------------------------------------------------------------------


def test_s01_entries_come_back_in_order_with_their_times(path: Path) -> None:
    events = write(path, 700)
    assert read(path) == [Entry(n, n, e) for n, e in enumerate(events, 1)]


def test_numbering_goes_on_after_a_restart(path: Path) -> None:
    write(path, 3)
    write(path, 2)
    assert [entry.seq for entry in read(path)] == [1, 2, 3, 4, 5]


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


# -- durable before it says so ------------------------------------------------------------------


def test_future_is_done_only_when_another_connection_sees_the_entry(
    path: Path, opened: Callable[..., Journal]
) -> None:
    async def body() -> None:
        journal = opened()
        other = sqlite3.connect(path)
        for number in range(1, 30):
            await journal.append(event(number), number)
            (count,) = other.execute("SELECT count(*) FROM journal").fetchone()
            assert count == number
        other.close()

    asyncio.run(body())


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


def test_burst_of_entries_shares_its_commits(
    opened: Callable[..., Journal], monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []
    original = Journal._write_group

    def counted(self: Journal, connection: Any, group: list[Any]) -> StorageError | None:
        sizes.append(len(group))
        return original(self, connection, group)

    monkeypatch.setattr(Journal, "_write_group", counted)

    async def body() -> None:
        journal = opened()
        await asyncio.gather(*[journal.append(event(n), n) for n in range(900)])

    asyncio.run(body())
    assert sum(sizes) == 900
    assert len(sizes) < 90
    assert max(sizes) <= 512


def test_disk_durability_syncs_every_commit_and_kernel_none(path: Path) -> None:
    for durability, expected in (("disk", 2), ("kernel", 0)):
        connection = journal_at(path.with_name(durability), durability=durability)
        connection._path.parent.mkdir(parents=True, exist_ok=True)
        opened_connection = connection._connect()
        assert opened_connection.execute("PRAGMA synchronous").fetchone() == (expected,)
        assert opened_connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        opened_connection.close()


def test_unknown_durability_is_a_configuration_error(path: Path) -> None:
    with pytest.raises(ConfigError):
        journal_at(path, durability="hope")


def test_close_writes_what_waits(path: Path) -> None:
    async def body() -> None:
        journal = journal_at(path)
        journal.open()
        journal.start()
        for number in range(100):
            journal.append(event(number), number)
        journal.close()

    asyncio.run(body())
    assert len(read(path)) == 100


# -- limits and failures ------------------------------------------------------------------------


def test_full_queue_refuses_and_queues_nothing(path: Path) -> None:
    async def body() -> None:
        journal = journal_at(path, max_waiting=3)
        journal.open()
        futures = [journal.append(event(n), n) for n in range(3)]
        with pytest.raises(StorageError) as caught:
            journal.append(event(9), 9)
        assert caught.value.field == "journal.max_waiting"
        assert journal.waiting == 3
        journal.start()
        await asyncio.gather(*futures)
        journal.close()

    asyncio.run(body())
    assert len(read(path)) == 3


def test_append_after_close_is_refused(path: Path) -> None:
    async def body() -> None:
        journal = journal_at(path)
        journal.open()
        journal.start()
        journal.close()
        with pytest.raises(StorageError, match="closed"):
            journal.append(event(1), 1)

    asyncio.run(body())


class Broken:
    """A connection whose statements fail from `fail_at` on, as a dying disk does."""

    def __init__(self, real: sqlite3.Connection, fail_at: str, error: Exception) -> None:
        self._real = real
        self._fail_at = fail_at
        self._error = error

    def execute(self, sql: str) -> Any:
        if sql.startswith(self._fail_at):
            raise self._error
        return self._real.execute(sql)

    def executemany(self, sql: str, rows: Any) -> Any:
        if self._fail_at == "INSERT":
            raise self._error
        return self._real.executemany(sql, rows)

    def rollback(self) -> None:
        self._real.rollback()
        raise sqlite3.OperationalError("disk I/O error")

    def close(self) -> None:
        self._real.close()


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
        futures = [journal.append(event(n), n) for n in range(5)]
        results = await asyncio.gather(*futures, return_exceptions=True)
        assert all(isinstance(result, StorageError) for result in results)
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


_FULL_DISK = """
import asyncio, resource, sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from aegis_fast.core.events import WorldSeen
from aegis_fast.errors import StorageError
from aegis_fast.store.journal import Journal

async def body():
    journal = Journal(Path(sys.argv[1]), owner={}, max_waiting=1000)
    journal.open()
    journal.start()
    resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))
    done = 0
    try:
        while done < 100:
            await journal.append(WorldSeen(world="x" * 20_000), done)
            done += 1
    except StorageError:
        print(done, bool(journal.failure))
    journal.close()

asyncio.run(body())
"""


def test_full_disk_fails_the_write_and_keeps_what_was_durable(path: Path) -> None:
    path.parent.mkdir()
    result = subprocess.run(
        [sys.executable, "-c", _FULL_DISK, str(path), str(ROOT / "src")],
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    done, failed = result.stdout.split()
    assert failed == "True"
    assert 0 < int(done) < 100
    journal = journal_at(path, owner={})
    entries = journal.open()
    journal.close()
    assert len(entries) == int(done)


# -- damage -------------------------------------------------------------------------------------


def damage(path: Path) -> str:
    with pytest.raises(StorageError) as caught:
        read(path)
    return caught.value.message


@pytest.mark.parametrize("column", ["body", "crc", "at_ns"])
@pytest.mark.parametrize("seq", [1, 3, 5])
def test_changed_value_names_its_entry(column: str, seq: int, path: Path) -> None:
    write(path)
    value = "CAST(x'7b7d' AS BLOB)" if column == "body" else f"{column} + 1"
    change(path, f"UPDATE journal SET {column} = {value} WHERE seq = {seq}")
    assert f"entry {seq}" in damage(path)


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


def test_flip_of_any_byte_of_a_body_is_found(path: Path) -> None:
    write(path, 3)
    connection = sqlite3.connect(path)
    (body,) = connection.execute("SELECT body FROM journal WHERE seq = 2").fetchone()
    connection.close()
    for index in range(len(body)):
        for bit in (1, 128):
            wrong = body[:index] + bytes([body[index] ^ bit]) + body[index + 1 :]
            change(path, "UPDATE journal SET body = ? WHERE seq = 2", wrong)
            assert "entry 2" in damage(path)
    change(path, "UPDATE journal SET body = ? WHERE seq = 2", body)
    assert len(read(path)) == 3


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


def test_missing_entry_is_found(path: Path) -> None:
    write(path)
    change(path, "DELETE FROM journal WHERE seq = 3")
    assert "entry 3" in damage(path)


def test_first_entry_missing_is_found(path: Path) -> None:
    write(path)
    change(path, "DELETE FROM journal WHERE seq = 1")
    assert "entry 1" in damage(path)


def test_swapped_entries_are_found(path: Path) -> None:
    write(path)
    change(path, "UPDATE journal SET seq = 99 WHERE seq = 2")
    change(path, "UPDATE journal SET seq = 2 WHERE seq = 3")
    change(path, "UPDATE journal SET seq = 3 WHERE seq = 99")
    assert "entry 2" in damage(path)


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


def test_entry_of_an_unknown_kind_is_named(path: Path) -> None:
    class Unknown(msgspec.Struct, tag_field="k", tag="future"):
        x: int

    async def body() -> None:
        journal = journal_at(path)
        journal.open()
        journal.start()
        await journal.append(Unknown(1), 1)  # type: ignore[arg-type]
        journal.close()

    asyncio.run(body())
    assert "entry 1" in damage(path)


@pytest.mark.parametrize("content", [b"not a database, only text" * 50, b"\x00" * 5_000])
def test_file_that_is_no_journal_is_refused(content: bytes, path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(content)
    assert "can't be read" in damage(path)


def test_place_that_cannot_be_written_to_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(StorageError) as caught:
        journal_at(tmp_path / "file" / "journal.db").open()
    assert caught.value.field == "engine.home"


def test_damaged_journal_can_be_opened_once_it_is_mended(path: Path) -> None:
    write(path)
    change(path, "UPDATE journal SET crc = crc + 1 WHERE seq = 5")
    damage(path)
    change(path, "UPDATE journal SET crc = crc - 1 WHERE seq = 5")
    assert len(read(path)) == 5


# -- one owner ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "owner", [{"env": "live", "account": "5000000001"}, {"env": "sim", "account": "5000000002"}]
)
def test_journal_of_another_account_or_environment_is_refused(
    owner: dict[str, str], path: Path
) -> None:
    write(path)
    with pytest.raises(ConfigError) as caught:
        journal_at(path, owner=owner).open()
    assert caught.value.field == "engine.home"
    assert len(read(path)) == 5, "and it is not locked by the refusal"


def test_second_journal_in_one_process_is_refused(path: Path) -> None:
    first = journal_at(path)
    first.open()
    with pytest.raises(ConfigError, match="another engine"):
        journal_at(path).open()
    first.close()
    assert read(path) == []


_HOLD = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from aegis_fast.store.journal import Journal
owner = {"env": "sim", "account": "5000000001"}
journal = Journal(Path(sys.argv[1]), owner=owner, max_waiting=10)
journal.open()
print("held", flush=True)
sys.stdin.read()
"""


def test_second_process_is_refused_until_the_first_is_gone(path: Path) -> None:
    path.parent.mkdir()
    first = subprocess.Popen(
        [sys.executable, "-c", _HOLD, str(path), str(ROOT / "src")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert first.stdout is not None
        assert first.stdout.readline() == "held\n"
        with pytest.raises(ConfigError, match="another engine"):
            journal_at(path).open()
    finally:
        first.kill()
        first.communicate(timeout=10)
    assert read(path) == []


# -- kill -9 ------------------------------------------------------------------------------------

_WRITE_FOR_EVER = """
import asyncio, os, sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from aegis_fast.core.events import OrderAccepted
from aegis_fast.store.journal import Journal

owner = {"env": "sim", "account": "5000000001"}
async def body():
    journal = Journal(Path(sys.argv[1]), owner=owner, durability=sys.argv[3], max_waiting=1000)
    first = len(journal.open())
    journal.start()
    number = first
    while True:
        batch = [number + n + 1 for n in range(1 + number % 7)]
        number = batch[-1]
        await asyncio.gather(*[
            journal.append(OrderAccepted(order_id=f"o-{n}", broker_order_id=n, org_no=""), n)
            for n in batch
        ])
        os.write(1, b"%d\\n" % number)

asyncio.run(body())
"""


def _kill_after(process: subprocess.Popen[bytes], lines: int) -> int:
    """Read so many reports, kill, read the rest; returns the last number that was durable."""
    assert process.stdout is not None
    for _ in range(lines):
        assert process.stdout.readline(), "the writer ended by itself"
    process.send_signal(signal.SIGKILL)
    rest, _ = process.communicate(timeout=10)
    reports = [line for line in rest.split(b"\n")[:-1] if line]
    return int(reports[-1]) if reports else 0


@pytest.mark.parametrize("durability", ["kernel", "disk"])
def test_i6_kill_9_loses_nothing_that_was_durable(durability: str, path: Path) -> None:
    path.parent.mkdir()
    rng = Random(9)
    last = 0
    for _ in range(3):
        process = subprocess.Popen(
            [sys.executable, "-c", _WRITE_FOR_EVER, str(path), str(ROOT / "src"), durability],
            stdout=subprocess.PIPE,
        )
        last = max(last, _kill_after(process, rng.randrange(1, 60)))
        entries = read(path)
        assert len(entries) >= last
        numbers = [e.event.broker_order_id for e in entries]  # type: ignore[union-attr]
        assert numbers == list(range(1, len(entries) + 1))


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


def test_world_of_a_file_that_is_no_journal_is_refused(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"x" * 5_000)
    with pytest.raises(StorageError):
        stored_world(path)


def test_writer_thread_ends_with_the_journal(path: Path) -> None:
    write(path)
    assert not [t for t in threading.enumerate() if t.name == "journal"]

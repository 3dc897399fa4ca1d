"""The journal: durable before it says so, exact when read back, and closed to any doubt."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import get_args

import pytest

from aegis_fast.core.events import (
    AbsenceProven,
    AmendRequested,
    BalanceLoaded,
    CancelRequested,
    Event,
    ExternalSeen,
    FillSeen,
    KillSwitchSet,
    LedgerSeen,
    NoticeAcked,
    OrderAccepted,
    OrderLost,
    OrderRefused,
    OrderSubmitted,
    ReplaceAccepted,
    ReplaceLost,
    ReplaceRefused,
    Restarted,
    SymbolHalted,
    WorldSeen,
)
from aegis_fast.core.model import OrderType, Position, Side, Venue
from aegis_fast.errors import ConfigError, StorageError
from aegis_fast.store.journal import Entry, Journal, stored_world

OWNER = {"env": "sim", "account": "5000000001"}
T0 = 1_795_000_000_000_000_000

SUBMITTED = OrderSubmitted(
    order_id="20261123-000001",
    client_order_id="주문-1",
    account="5000000001",
    symbol="005930",
    side=Side.SELL,
    order_type=OrderType.CONDITIONAL,
    qty=10,
    price_krw=70_000,
    base_price_krw=0,
    reserve_price_krw=2**53 + 1,
    sell_tax_ppm=2_000,
    venue=Venue.SOR,
    trace_id='quote " and newline \n',
    origin="api",
)
EVERY_KIND: tuple[Event, ...] = (
    WorldSeen(world="w-1"),
    Restarted(business_date=20261123),
    BalanceLoaded(
        account="5000000001",
        cash_krw=-5,
        positions=(Position(symbol="005930", qty=3, cost_krw=210_000, name="삼성전자"),),
        reason="start",
    ),
    SUBMITTED,
    OrderAccepted(order_id="o", broker_order_id=2**62, org_no="06010", source="ledger"),
    OrderRefused(order_id="o", code=2, venue_code="APBK0952", message="주문가능금액 부족"),
    OrderLost(order_id="o", reason="no answer in 2 s"),
    AbsenceProven(order_id="o", scans=3, quiet_ns=60_000_000_000),
    CancelRequested(order_id="o", qty=0),
    AmendRequested(order_id="o", price_krw=69_900, reserve_price_krw=69_900),
    ReplaceAccepted(order_id="o", action="amend", broker_order_id=8, org_no="", price_krw=69_900),
    ReplaceRefused(order_id="o", action="cancel", code=2, venue_code="X", message="too late"),
    ReplaceLost(order_id="o", action="cancel", reason="timeout"),
    NoticeAcked(
        broker_order_id=8,
        original_broker_order_id=7,
        action=1,
        is_rejected=True,
        accept_code=2,
        qty=10,
        price_krw=69_900,
    ),
    FillSeen(broker_order_id=8, qty=3, price_krw=69_900, time_hhmmss=90_001, session=2),
    LedgerSeen(
        broker_order_id=8,
        cum_qty=3,
        cum_value_krw=209_700,
        canceled_qty=1,
        rejected_qty=2,
        leaves_qty=4,
    ),
    ExternalSeen(
        order_id="o2",
        account="5000000001",
        symbol="500019Q",
        side=Side.BUY,
        order_type=OrderType.MARKET,
        qty=1,
        price_krw=0,
        reserve_price_krw=1,
        sell_tax_ppm=0,
        venue=Venue.NXT,
        broker_order_id=9,
        org_no="",
        cum_qty=0,
        cum_value_krw=0,
        canceled_qty=0,
        leaves_qty=1,
    ),
    KillSwitchSet(is_on=True, reason="손 떼기"),
    SymbolHalted(symbol="005930", reason="two matches"),
)


def journal(path: Path, **changes: object) -> Journal:
    wanted: dict[str, object] = {"owner": OWNER, "durability": "kernel", "max_waiting": 1_000}
    return Journal(path, **(wanted | changes))  # type: ignore[arg-type]


def written(path: Path, *events: Event) -> list[Entry]:
    """Write the events one nanosecond apart and close the journal."""

    async def write() -> None:
        book = journal(path)
        book.open()
        book.start()
        await asyncio.gather(*(book.append(event, T0 + n) for n, event in enumerate(events)))
        book.close()

    asyncio.run(write())
    return [Entry(n + 1, T0 + n, event) for n, event in enumerate(events)]


def read(path: Path, **changes: object) -> list[Entry]:
    book = journal(path, **changes)
    entries = book.open()
    book.close()
    return entries


def edit(path: Path, statement: str, *values: object) -> None:
    connection = sqlite3.connect(path)
    connection.execute(statement, values)
    connection.commit()
    connection.close()


def on_loop(path: Path, work: Callable[[Journal], Awaitable[None]], **changes: object) -> None:
    """Run `work` with a started journal."""

    async def run() -> None:
        book = journal(path, **changes)
        book.open()
        book.start()
        try:
            await work(book)
        finally:
            book.close()

    asyncio.run(run())


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "sim" / "journal.db"


# -- what is written comes back -------------------------------------------------------------------


def test_s01_journal_gives_back_every_decision_in_order(path: Path) -> None:
    assert {type(event) for event in EVERY_KIND} == set(get_args(Event)), "one kind is missing"

    entries = written(path, *EVERY_KIND)

    assert read(path) == entries
    assert [type(e.event.side) for e in read(path) if hasattr(e.event, "side")] == [Side, Side]


def test_second_run_goes_on_where_the_first_ended(path: Path) -> None:
    written(path, WorldSeen(world="a"), WorldSeen(world="b"))
    written(path, WorldSeen(world="c"))

    entries = read(path)

    assert [entry.seq for entry in entries] == [1, 2, 3]
    assert [entry.event for entry in entries] == [WorldSeen(world=w) for w in "abc"]


def test_new_journal_is_empty_and_makes_its_directory(path: Path) -> None:
    assert read(path) == []
    assert path.exists()


# -- durable before the future is done ------------------------------------------------------------


def test_future_is_done_only_after_the_commit(path: Path) -> None:
    async def work(book: Journal) -> None:
        other = sqlite3.connect(path)
        for n in range(1, 21):
            await book.append(WorldSeen(world=str(n)), T0)
            assert other.execute("SELECT max(seq) FROM journal").fetchone() == (n,)
        other.close()

    on_loop(path, work, durability="disk")


def test_future_waits_while_the_commit_is_held_up(path: Path) -> None:
    async def work(book: Journal) -> None:
        await book.append(WorldSeen(world="first"), T0)
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        waiting = book.append(WorldSeen(world="second"), T0)
        done, _ = await asyncio.wait({waiting}, timeout=0.05)
        assert not done
        other.execute("ROLLBACK")
        await waiting
        assert other.execute("SELECT count(*) FROM journal").fetchone() == (2,)
        other.close()

    on_loop(path, work)


def test_burst_shares_commits_and_keeps_its_order(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    groups: list[int] = []
    plain = Journal._write_group

    def counted(self: Journal, connection: object, group: list[object]) -> object:
        groups.append(len(group))
        return plain(self, connection, group)  # type: ignore[arg-type]

    monkeypatch.setattr(Journal, "_write_group", counted)

    async def work(book: Journal) -> None:
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        futures = [book.append(WorldSeen(world=str(n)), T0 + n) for n in range(700)]
        other.execute("ROLLBACK")
        other.close()
        await asyncio.gather(*futures)

    on_loop(path, work)

    assert sum(groups) == 700
    assert len(groups) <= 5
    assert max(groups) <= 512
    assert [e.event for e in read(path)] == [WorldSeen(world=str(n)) for n in range(700)]


@pytest.mark.parametrize(("durability", "synchronous"), [("disk", 2), ("kernel", 0)])
def test_durability_is_what_sqlite_is_told(path: Path, durability: str, synchronous: int) -> None:
    path.parent.mkdir()
    opened = journal(path, durability=durability)._connect()

    assert opened.execute("PRAGMA synchronous").fetchone() == (synchronous,)
    assert opened.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    opened.close()


def test_unknown_durability_is_a_config_error(path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        journal(path, durability="paper")

    assert caught.value.field == "journal.durability"
    assert "disk" in caught.value.expected


# -- any change is found --------------------------------------------------------------------------


def test_any_changed_byte_of_a_body_is_found(path: Path) -> None:
    entries = written(path, *EVERY_KIND[:5])
    connection = sqlite3.connect(path)
    (body,) = connection.execute("SELECT body FROM journal WHERE seq = 4").fetchone()
    survived = []
    for offset in range(len(body)):
        changed = bytearray(body)
        changed[offset] ^= 1 << offset % 8
        connection.execute("UPDATE journal SET body = ? WHERE seq = 4", (bytes(changed),))
        connection.commit()
        try:
            read(path)
        except StorageError as error:
            if "entry 4" in str(error):
                continue
        survived.append(offset)
    connection.execute("UPDATE journal SET body = ? WHERE seq = 4", (body,))
    connection.commit()
    connection.close()

    assert not survived
    assert read(path) == entries


@pytest.mark.parametrize(
    ("statement", "entry"),
    [
        ("UPDATE journal SET at_ns = at_ns + 1 WHERE seq = 2", 2),
        ("UPDATE journal SET at_ns = CAST(at_ns AS TEXT) || 'x' WHERE seq = 2", 2),
        ("UPDATE journal SET crc = crc + 1 WHERE seq = 3", 3),
        ("UPDATE journal SET crc = 'x' WHERE seq = 3", 3),
        ("UPDATE journal SET body = CAST(body AS TEXT) WHERE seq = 3", 3),
        ("UPDATE journal SET body = x'' WHERE seq = 1", 1),
        ("DELETE FROM journal WHERE seq = 1", 1),
        ("DELETE FROM journal WHERE seq = 3", 3),
        ("UPDATE journal SET seq = 99 WHERE seq = 5", 5),
        ("UPDATE journal SET seq = 0 WHERE seq = 1", 1),
        ("INSERT INTO journal SELECT 6, at_ns, body, crc FROM journal WHERE seq = 5", 6),
    ],
)
def test_changed_missing_or_added_row_is_named(path: Path, statement: str, entry: int) -> None:
    written(path, *EVERY_KIND[:5])

    edit(path, statement)

    with pytest.raises(StorageError, match=f"entry {entry}\\b") as caught:
        read(path)
    assert "back-up" in caught.value.expected


def test_swapped_rows_are_named(path: Path) -> None:
    written(path, *EVERY_KIND[:5])

    for old, new in ((3, 50), (4, 3), (50, 4)):
        edit(path, "UPDATE journal SET seq = ? WHERE seq = ?", new, old)

    with pytest.raises(StorageError, match=r"entry 3\b"):
        read(path)


def test_row_swapped_with_its_checksum_recomputed_breaks_the_chain_after_it(path: Path) -> None:
    from aegis_fast.store.journal import _chain

    written(path, *EVERY_KIND[:5])
    connection = sqlite3.connect(path)
    (before,) = connection.execute("SELECT crc FROM journal WHERE seq = 2").fetchone()
    forged = b'{"k":"world","world":"forged"}'
    connection.execute(
        "UPDATE journal SET at_ns = ?, body = ?, crc = ? WHERE seq = 3",
        (T0, forged, _chain(before, 3, T0, forged)),
    )
    connection.commit()
    connection.close()

    with pytest.raises(StorageError, match=r"entry 4\b"):
        read(path)


def test_event_of_a_newer_version_is_refused_by_name(path: Path) -> None:
    from aegis_fast.store.journal import _chain

    written(path)
    body = b'{"k":"teleported","order_id":"o"}'
    edit(path, "INSERT INTO journal VALUES (1, ?, ?, ?)", T0, body, _chain(0, 1, T0, body))

    with pytest.raises(StorageError, match=r"entry 1 .*can't be understood"):
        read(path)


def test_file_that_is_no_database_is_a_storage_error(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"not a database, " * 100)

    with pytest.raises(StorageError, match="can't be read"):
        read(path)


def test_place_that_cannot_be_written_names_the_setting(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("a file")

    with pytest.raises(StorageError) as caught:
        journal(tmp_path / "home" / "journal.db").open()

    assert caught.value.field == "engine.home"


def test_damaged_journal_is_let_go_of_for_the_repair(path: Path) -> None:
    entries = written(path, *EVERY_KIND[:3])
    edit(path, "UPDATE journal SET at_ns = at_ns + 1 WHERE seq = 2")
    broken = journal(path)
    with pytest.raises(StorageError):
        broken.open()

    edit(path, "UPDATE journal SET at_ns = at_ns - 1 WHERE seq = 2")

    assert read(path) == entries


# -- one owner ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("key", "other"), [("account", "5000000002"), ("env", "live")])
def test_journal_of_another_account_or_environment_is_refused(
    path: Path, key: str, other: str
) -> None:
    written(path, WorldSeen(world="a"))

    with pytest.raises(ConfigError, match=key) as caught:
        read(path, owner={**OWNER, key: other})

    assert caught.value.field == "engine.home"
    assert len(read(path)) == 1


def test_start_killed_while_it_signs_the_journal_leaves_no_half_owner(path: Path) -> None:
    class Interrupted(Exception):
        pass

    class Connection(sqlite3.Connection):
        """Dies between the rows of the owner, as kill -9 would."""

        def executemany(self, sql: str, rows: object) -> sqlite3.Cursor:  # type: ignore[override]
            for row in list(rows)[:1]:  # type: ignore[call-overload]
                self.execute(sql, row)
            raise Interrupted

    path.parent.mkdir()
    book = journal(path)
    book._connect().close()
    dying = sqlite3.connect(path, isolation_level=None, factory=Connection)
    with pytest.raises(Interrupted):
        book._check_owner(dying)
    dying.close()

    assert read(path) == []


def test_entries_without_an_owner_are_nobodys(path: Path) -> None:
    written(path, WorldSeen(world="a"))
    edit(path, "DELETE FROM owner")

    with pytest.raises(StorageError, match="no owner"):
        read(path)


SECOND = """
import sys
from pathlib import Path
from aegis_fast.errors import ConfigError
from aegis_fast.store.journal import Journal
book = Journal(Path(sys.argv[1]), owner={"env": "sim", "account": "5000000001"}, max_waiting=10)
try:
    book.open()
except ConfigError as error:
    print(f"refused: {error}")
else:
    print("opened")
"""


def test_second_process_is_refused_while_the_first_has_it(path: Path) -> None:
    def second() -> str:
        command = [sys.executable, "-c", SECOND, str(path)]
        return subprocess.run(command, capture_output=True, text=True, timeout=30).stdout

    first = journal(path)
    first.open()
    while_open = second()
    first.close()

    assert while_open.startswith("refused: another engine already works with")
    assert second() == "opened\n"


# -- when writing fails ---------------------------------------------------------------------------


def test_failed_write_reaches_the_waiter_and_every_later_call(path: Path) -> None:
    async def work(book: Journal) -> None:
        await book.append(WorldSeen(world="a"), T0)
        edit(path, "DROP TABLE journal")
        with pytest.raises(StorageError, match="can't be written"):
            await book.append(WorldSeen(world="b"), T0)
        assert "journal" in book.failure
        with pytest.raises(StorageError, match="has failed"):
            book.append(WorldSeen(world="d"), T0)

    on_loop(path, work)


FULL_DISK = """
import asyncio, resource, signal, sys
from pathlib import Path
from aegis_fast.core.events import WorldSeen
from aegis_fast.errors import StorageError
from aegis_fast.store.journal import Journal

async def main():
    book = Journal(Path(sys.argv[1]), owner={"env": "sim", "account": "5000000001"}, max_waiting=10)
    book.open()
    book.start()
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    await book.append(WorldSeen(world="first"), 1)
    resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, resource.RLIM_INFINITY))
    durable = 1
    while durable < 100:
        try:
            await book.append(WorldSeen(world="x" * 50_000), 1)
        except StorageError as error:
            break
        durable += 1
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    try:
        book.append(WorldSeen(world="late"), 1)
        print("accepted after a failure")
    except StorageError:
        print("refused", durable)
    book.close()

asyncio.run(main())
"""


def test_full_disk_fails_the_write_and_keeps_what_was_confirmed(path: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(path)], capture_output=True, text=True, timeout=30
    )

    assert ran.returncode == 0, ran.stderr
    word, durable = ran.stdout.split()
    assert word == "refused"
    assert 1 <= int(durable) < 100
    assert len(read(path)) == int(durable)


def test_full_queue_refuses_at_once_and_queues_nothing(path: Path) -> None:
    async def work(book: Journal) -> None:
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        first = book.append(WorldSeen(world="held up"), T0)
        # The writer has it and waits for the lock.
        assert book.waiting == 1
        queued = [book.append(WorldSeen(world=str(n)), T0) for n in range(2)]
        with pytest.raises(StorageError, match="3 journal entries wait") as caught:
            book.append(WorldSeen(world="too many"), T0)
        assert caught.value.field == "journal.max_waiting"
        other.execute("ROLLBACK")
        other.close()
        await asyncio.gather(first, *queued)
        await book.append(WorldSeen(world="again"), T0)

    on_loop(path, work, max_waiting=3)

    worlds = [e.event.world for e in read(path) if isinstance(e.event, WorldSeen)]
    assert worlds == ["held up", "0", "1", "again"]


def test_cancelled_waiter_changes_nothing_for_the_others(path: Path) -> None:
    async def work(book: Journal) -> None:
        futures = [book.append(WorldSeen(world=str(n)), T0) for n in range(3)]
        futures[1].cancel()
        await futures[0]
        await futures[2]

    on_loop(path, work)

    assert len(read(path)) == 3


# -- the end --------------------------------------------------------------------------------------


def test_close_writes_what_waits_and_refuses_what_comes_later(path: Path) -> None:
    async def work(book: Journal) -> None:
        for n in range(100):
            book.append(WorldSeen(world=str(n)), T0)
        book.close()
        with pytest.raises(StorageError, match="closed"):
            book.append(WorldSeen(world="late"), T0)

    on_loop(path, work)

    assert len(read(path)) == 100


def test_loop_that_ended_does_not_cost_an_entry(path: Path) -> None:
    book = journal(path)
    book.open()

    async def append() -> None:
        book.append(WorldSeen(world="a"), T0)

    asyncio.run(append())
    # The writer runs only now, when nobody can be told any more.
    book.start()
    book.close()

    assert len(read(path)) == 1


WRITER = """
import asyncio, itertools, sys
from pathlib import Path
from aegis_fast.core.events import WorldSeen
from aegis_fast.store.journal import Journal

async def main():
    book = Journal(
        Path(sys.argv[1]),
        owner={"env": "sim", "account": "5000000001"},
        durability=sys.argv[2],
        max_waiting=1_000,
    )
    start = len(book.open())
    book.start()

    def told(n):
        sys.stdout.write(f"{n}\\n")
        sys.stdout.flush()

    for n in itertools.count(start):
        future = book.append(WorldSeen(world=str(n)), n)
        future.add_done_callback(lambda _done, n=n: told(n))
        if n % 7 == 0:
            await future
            await asyncio.sleep(0)

asyncio.run(main())
"""


def test_kill_9_loses_nothing_that_was_confirmed(path: Path) -> None:
    for round_no, durability in enumerate(("disk", "kernel", "disk")):
        child = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path), durability], stdout=subprocess.PIPE
        )
        assert child.stdout is not None
        try:
            # Killed in the middle of its work, at another place each time.
            lines = [child.stdout.readline() for _ in range(20 + 30 * round_no)]
        finally:
            os.kill(child.pid, signal.SIGKILL)
        lines += child.stdout.read().splitlines(keepends=True)
        child.stdout.close()
        assert child.wait(10) == -signal.SIGKILL
        confirmed = [int(line) for line in lines if line.endswith(b"\n")]

        entries = read(path)

        assert len(confirmed) >= 20
        found = {int(e.event.world) for e in entries if isinstance(e.event, WorldSeen)}
        assert set(confirmed) <= found
        assert found == set(range(len(entries)))


# -- the simulator it belongs to ------------------------------------------------------------------


def test_stored_world_is_the_last_one_noted(path: Path) -> None:
    assert stored_world(path) == ""
    written(path, SUBMITTED)
    assert stored_world(path) == ""
    written(path, WorldSeen(world="w-1"), SUBMITTED, WorldSeen(world="w-2"), SUBMITTED)

    assert stored_world(path) == "w-2"


def test_stored_world_of_nonsense_is_a_storage_error(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"not a database, " * 100)

    with pytest.raises(StorageError):
        stored_world(path)

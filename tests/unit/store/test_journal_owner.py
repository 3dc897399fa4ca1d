"""Who a journal belongs to is written whole or not at all, and never guessed."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from aegis_fast.errors import StorageError
from aegis_fast.store.journal import Journal, _chain

OWNER = {"env": "sim", "account": "5000000001"}


class _Killed(Exception):
    pass


class _DyingConnection(sqlite3.Connection):
    """Ends between the rows of the owner, as kill -9 would."""

    def executemany(self, sql: str, rows: object) -> sqlite3.Cursor:  # type: ignore[override]
        self.execute(sql, next(iter(rows)))  # type: ignore[call-overload]
        raise _Killed


@pytest.fixture
def book(tmp_path: Path) -> Journal:
    return Journal(tmp_path / "journal.db", owner=OWNER, max_waiting=10)


def test_start_killed_while_it_signs_leaves_no_half_owner(tmp_path: Path, book: Journal) -> None:
    book._connect().close()
    dying = sqlite3.connect(tmp_path / "journal.db", isolation_level=None, factory=_DyingConnection)
    with pytest.raises(_Killed):
        book._check_owner(dying)
    dying.close()

    assert book.open() == []
    book.close()


def test_entries_without_an_owner_are_nobodys(tmp_path: Path, book: Journal) -> None:
    connection = book._connect()
    body = b'{"k":"world","world":"w"}'
    connection.execute("INSERT INTO journal VALUES (1, 2, ?, ?)", (body, _chain(0, 1, 2, body)))
    connection.close()

    with pytest.raises(StorageError, match="no owner"):
        book.open()

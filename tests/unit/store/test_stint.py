"""The stint file: did the process before this one end long enough ago?"""

from __future__ import annotations

from pathlib import Path

import pytest

from aegis_fast.errors import StorageError
from aegis_fast.store.stint import Stint

NOW_NS = 1_795_000_000_000_000_000
WINDOW_NS = 1_050_000_000


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "sim" / "stint"


def test_first_run_is_not_recent(path: Path) -> None:
    assert Stint(path).begin(NOW_NS, WINDOW_NS) is False
    assert path.read_text("ascii") == "running"


def test_killed_process_is_recent_however_long_ago(path: Path) -> None:
    Stint(path).begin(NOW_NS, WINDOW_NS)

    assert Stint(path).begin(NOW_NS + 1_000 * WINDOW_NS, WINDOW_NS) is True


@pytest.mark.parametrize(
    ("after_ns", "is_recent"),
    [(0, True), (WINDOW_NS - 1, True), (WINDOW_NS, False), (WINDOW_NS + 1, False)],
)
def test_orderly_end_is_recent_for_exactly_one_window(
    path: Path, after_ns: int, is_recent: bool
) -> None:
    stint = Stint(path)
    stint.begin(NOW_NS - 1, WINDOW_NS)
    stint.end(NOW_NS)

    assert Stint(path).begin(NOW_NS + after_ns, WINDOW_NS) is is_recent


def test_clock_set_back_is_recent(path: Path) -> None:
    Stint(path).end(NOW_NS)

    assert Stint(path).begin(NOW_NS - 3_600_000_000_000, WINDOW_NS) is True


@pytest.mark.parametrize("content", [b"", b"-5", b"12.5", b"later", b"\xff\xfe", b"\xb2"])
def test_nonsense_in_the_file_is_recent_and_replaced(path: Path, content: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(content)

    assert Stint(path).begin(NOW_NS, WINDOW_NS) is True
    assert path.read_text("ascii") == "running"


def test_end_by_one_stint_is_what_the_next_one_reads(path: Path) -> None:
    first = Stint(path)
    first.begin(NOW_NS, WINDOW_NS)
    first.end(NOW_NS)
    second = Stint(path)
    second.begin(NOW_NS + WINDOW_NS, WINDOW_NS)

    # The second did not end: its successor must not take the first one's end for its own.
    assert Stint(path).begin(NOW_NS + 100 * WINDOW_NS, WINDOW_NS) is True


def test_unwritable_place_is_a_storage_error(tmp_path: Path) -> None:
    (tmp_path / "sim").write_text("a file where a directory should be")

    with pytest.raises(StorageError, match="can't be written") as caught:
        Stint(tmp_path / "sim" / "stint").begin(NOW_NS, WINDOW_NS)

    assert "home" in caught.value.expected


def test_directory_in_its_place_is_an_error(path: Path) -> None:
    path.mkdir(parents=True)

    with pytest.raises(StorageError):
        Stint(path).begin(NOW_NS, WINDOW_NS)

"""Captured frames for the tests of the hot path, and the way to import tests.oracle."""

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

FRAMES = ROOT / "tests" / "data" / "frames"


def lines(name: str) -> list[bytes]:
    """Return the captured messages of a file, one per line; see frames/SOURCES.md."""
    return FRAMES.joinpath(name).read_bytes().splitlines()


def notices(tr_id: str) -> list[bytes]:
    """Return captured, decrypted notices in the envelope the parser wants."""
    head = f"0|{tr_id}|001|".encode()
    return [head + payload for payload in lines(f"{tr_id}_decrypted.txt")]


@pytest.fixture(scope="session")
def trade_frames() -> list[bytes]:
    return lines("H0STCNT0.txt")


@pytest.fixture(scope="session")
def depth_frames() -> list[bytes]:
    return lines("H0STASP0.txt")


@pytest.fixture(scope="session")
def supported_frames() -> list[bytes]:
    plain = [
        frame
        for name in ("H0STCNT0", "H0STASP0", "H0EWCNT0", "H0EWASP0")
        for frame in lines(f"{name}.txt")
    ]
    return [*plain, *notices("H0STCNI0"), *notices("H0STCNI9")]


@pytest.fixture(scope="session")
def table_frames() -> list[bytes]:
    names = ("H0STANC0", "H0STMKO0", "H0STOUP0", "H0UNANC0", "H0UNMKO0", "H0UPCNT0", "HDFSCNT0")
    return [frame for name in names for frame in lines(f"{name}.txt")]


@pytest.fixture(scope="session")
def control_messages() -> list[bytes]:
    return lines("control.txt")


@pytest.fixture(scope="session")
def encrypted_frames() -> list[bytes]:
    return [*lines("H0STCNI0.txt"), *lines("H0STCNI9.txt")]

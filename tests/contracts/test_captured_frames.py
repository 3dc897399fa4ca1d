"""The captured frames keep the contract that the simulator is held to."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.contracts.frame_contract import ContractError, check
from tests.contracts.frame_fields import TRS, TYPES, is_fit
from tests.unit.sim.sim_harness import decrypted

FRAMES = Path(__file__).parents[1] / "data" / "frames"
KEY = ("abcdefghijklmnopabcdefghijklmnop", "0123456789abcdef")


def _frames() -> list[tuple[str, str]]:
    found = []
    for path in sorted(FRAMES.glob("*.txt")):
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
            if path.stem.endswith("_decrypted"):
                line = f"0|{path.stem.partition('_')[0]}|001|{line}"
            elif line.startswith("1|"):
                line = f"0|{path.stem}|001|{'^'.join(decrypted(line, *KEY))}"
            if not line.startswith("{"):
                found.append((f"{path.stem}:{number}", line))
    return found


CAPTURED = _frames()


@pytest.mark.parametrize(("name", "frame"), CAPTURED, ids=[name for name, _ in CAPTURED])
def test_captured_frame_keeps_the_contract(name: str, frame: str) -> None:
    tr_id, records = check(frame)

    assert name.startswith(tr_id)
    assert records


@pytest.mark.parametrize("tr_id", list(TRS))
def test_every_field_of_every_tr_has_a_rule(tr_id: str) -> None:
    for name in TYPES[tr_id]:
        assert not is_fit(tr_id, name, "no such\nvalue")


def _broken(frame: str, at: int, text: str) -> str:
    head, _, payload = frame.rpartition("|")
    values = payload.split("^")
    values[at] = text
    return f"{head}|{'^'.join(values)}"


@pytest.mark.parametrize(
    ("name", "at", "text"),
    [
        ("H0STCNT0:10", 4, "-3750"),
        ("H0STCNT0:10", 17, "3580"),
        ("H0STCNT0:10", 46, "4"),
        ("H0STCNT0:10", 1, "146010"),
        ("H0STCNT0:10", 5, "1.36"),
        ("H0STCNT0:6", 47 + 12, "3"),
        ("H0STASP0:6", 23, "47585"),
        ("H0STASP0:6", 4, "278000"),
        ("H0STASP0:5", 6, "962000"),
        ("H0STASP0:6", 52, "0.00"),
        ("H0UNANC0:1", 14, "96548452001"),
        ("H0UPCNT0:1", 13, "23.85"),
        ("HDFSCNT0:2", 24, "82.87"),
        ("H0STCNI9_decrypted:2", 9, "0000000011"),
        ("H0STMKO0:1", 1, "X"),
    ],
)
def test_altered_capture_is_found_out(name: str, at: int, text: str) -> None:
    frame = dict(CAPTURED)[name]

    with pytest.raises(ContractError):
        check(_broken(frame, at, text))


@pytest.mark.parametrize(
    "frame", ["", "0|H0STCNT0|1|x", "0|H0STCNT0|002|1^2^3", "0|H0XXXXX0|001|1", "2|H0STCNT0|001|1"]
)
def test_nonsense_is_no_frame(frame: str) -> None:
    with pytest.raises(ContractError):
        check(frame)

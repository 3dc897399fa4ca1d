"""docs/spec-map.md tells the truth: every number is there, and all that it names exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROW = re.compile(r"^\| ([SO]\d+) \| ([^|]*) \| ([^|]*) \| ([^|]*) \| ([^|]*) \|$", re.M)
# What this version claims to hold; the map may claim more, never less.
REQUIRED = [
    *(f"S{n}" for n in (*range(1, 9), *range(67, 71), *range(72, 77), *range(80, 84))),
    *(f"O{n}" for n in range(1, 5)),
]


def rows() -> dict[str, tuple[str, str, str, str]]:
    text = (ROOT / "docs" / "spec-map.md").read_text("utf-8")
    found = {number: tuple(c.strip() for c in cells) for number, *cells in ROW.findall(text)}
    assert found, "the map could not be read"
    return found  # type: ignore[return-value]


def test_every_requirement_has_a_row() -> None:
    assert {f"S{n}" for n in range(1, 120)} <= set(rows())


@pytest.mark.parametrize("number", REQUIRED)
def test_requirement_is_tested(number: str) -> None:
    _what, status, modules, tests = rows()[number]

    assert status in ("done", "part")
    assert modules
    assert tests


def test_named_modules_and_tests_exist() -> None:
    missing = []
    for number, (_what, status, modules, tests) in rows().items():
        assert status in ("done", "part", "open"), number
        assert bool(tests) == (status != "open"), number
        for module in filter(None, (m.strip(" `") for m in modules.split(","))):
            if not (ROOT / "src" / "aegis_fast" / module).exists():
                missing.append(f"{number}: {module}")
        for test in filter(None, (t.strip(" `") for t in tests.split(","))):
            path, _, name = test.partition("::")
            file = ROOT / "tests" / path
            if not file.exists() or f"def {name}" not in file.read_text("utf-8"):
                missing.append(f"{number}: {test}")
    assert not missing, "\n".join(missing)

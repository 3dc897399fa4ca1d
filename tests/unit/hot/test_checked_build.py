"""The checked build: bounds and overflow checks on, the same native tests, in its own process."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from pathlib import Path

import pytest

from aegis_fast.hot import build_flavor

ROOT = Path(__file__).parents[3]
CHECKED = ROOT / "build" / "checked"


def run(*command: str, **environment: str) -> str:
    """Run a Python command in the root of the project and return its output."""
    done = subprocess.run(
        [sys.executable, *command],
        cwd=ROOT,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-8_000:]
    return done.stdout


@pytest.mark.timeout(400)
@pytest.mark.skipif(
    build_flavor()["build"] == "checked", reason="this is already the checked build's own run"
)
def test_checked_build_passes_the_native_tests() -> None:
    CHECKED.parent.mkdir(exist_ok=True)
    with CHECKED.with_suffix(".lock").open("w") as lock:
        # Two test runs of one working tree must not build into each other.
        fcntl.flock(lock, fcntl.LOCK_EX)
        build_and_test()


def build_and_test() -> None:
    run(
        *("setup.py", "--quiet", "build", "--build-base", "build/checked-work"),
        *("--build-lib", str(CHECKED)),
        AEGIS_CHECKED="1",
    )

    flavor = run(
        "-c",
        "import aegis_fast.hot as h; print(h.build_flavor()['build'], h.__file__)",
        PYTHONPATH=str(CHECKED),
    ).split()
    assert flavor[0] == "checked"
    assert Path(flavor[1]).is_relative_to(CHECKED)

    report = run(
        *("-m", "pytest", "-q", "-m", "native", "-p", "no:cacheprovider"),
        *("tests/unit/hot", "tests/properties"),
        PYTHONPATH=str(CHECKED),
    )
    assert " passed" in report
    assert "failed" not in report
    assert "error" not in report

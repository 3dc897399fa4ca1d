"""The checked build: bounds and overflow checks on, the same native tests, in its own process."""

from __future__ import annotations

import subprocess
import sys

import pytest

from aegis_fast.hot import build_flavor
from tests.flavors import NATIVE_TESTS, ROOT, built


@pytest.mark.timeout(400)
@pytest.mark.skipif(
    build_flavor()["build"] != "release", reason="this is already another build's own run"
)
def test_checked_build_passes_the_native_tests() -> None:
    with built("checked") as environment:
        done = subprocess.run(
            [
                *(sys.executable, "-m", "pytest", "-q", "-m", "native", "-p", "no:cacheprovider"),
                *NATIVE_TESTS,
            ],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )

    assert done.returncode == 0, done.stdout[-8_000:]
    assert " passed" in done.stdout

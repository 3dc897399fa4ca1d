"""The C sources on aarch64, and the loops over prices under the sanitizers.

aarch64 runs under qemu where a cross compiler is there (Debian: gcc-aarch64-linux-gnu,
libc6-dev-arm64-cross, qemu-user); elsewhere its tests are skipped by name.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from aegis_fast.hot.price import available_isas
from aegis_fast.hot.tick_tables import TICK_TABLES
from tests.oracle.kernel_runs import (
    SANITIZERS,
    compile_driver,
    corpus,
    local_compiler,
    run_driver,
)

CROSS_COMPILER, EMULATOR = "aarch64-linux-gnu-gcc", "qemu-aarch64"
MISSING = [tool for tool in (CROSS_COMPILER, EMULATOR) if shutil.which(tool) is None]
needs_aarch64 = pytest.mark.skipif(bool(MISSING), reason=f"not installed: {', '.join(MISSING)}")
# A char is unsigned there and a misaligned vector costs: what x86 forgives would show.
CROSS_FLAGS = ("-O3", "-static")


def grid_sums(*command: str, highest_krw: int, isa: str) -> list[str]:
    """Return the driver's sum for every tick table."""
    sums = []
    for table in TICK_TABLES:
        bands = [str(number) for band in table.bands for number in band]
        done = subprocess.run(
            [*command, str(highest_krw), isa, *bands], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, (done.returncode, done.stderr[-4_000:])
        sums.append(done.stdout)
    return sums


@needs_aarch64
@pytest.mark.timeout(180)
def test_aarch64_reads_frames_as_this_machine_does(
    tmp_path: Path, supported_frames: list[bytes], table_frames: list[bytes]
) -> None:
    frames = corpus([*supported_frames, *table_frames], 2_000, 8_000)
    here = compile_driver(
        "kernel_driver", tmp_path / "here", local_compiler(), "-O1", "-DAEGIS_PORTABLE=1"
    )
    there = compile_driver("kernel_driver", tmp_path / "there", CROSS_COMPILER, *CROSS_FLAGS)

    answers = run_driver(EMULATOR, str(there), "portable", frames=frames)

    assert answers == run_driver(str(here), "portable", frames=frames)
    assert len(answers) == len(frames)


@needs_aarch64
@pytest.mark.timeout(180)
def test_aarch64_rounds_prices_as_this_machine_does(tmp_path: Path) -> None:
    here = compile_driver("grid_driver", tmp_path / "here", local_compiler(), "-O1")
    there = compile_driver("grid_driver", tmp_path / "there", CROSS_COMPILER, *CROSS_FLAGS)

    asked = {"highest_krw": 520_000, "isa": "portable"}

    assert grid_sums(EMULATOR, str(there), **asked) == grid_sums(str(here), **asked)


@pytest.mark.timeout(180)
def test_loops_over_prices_are_clean_under_the_sanitizers_and_agree(tmp_path: Path) -> None:
    driver = compile_driver(
        "grid_driver", tmp_path / "driver", local_compiler(), "-O1", *SANITIZERS
    )

    sums = [grid_sums(str(driver), highest_krw=520_000, isa=isa) for isa in available_isas()]

    assert all(one == sums[0] for one in sums)
    assert len(set(sums[0])) == 5, "every table but those alike gives another sum"

"""Compile the C sources with a driver, for this machine or another, and run frames through it."""

from __future__ import annotations

import os
import shlex
import struct
import subprocess
import sysconfig
from pathlib import Path
from random import Random

from tests.oracle import frame_maker

ROOT = Path(__file__).parents[2]
SOURCES = ROOT / "src" / "_ext"
DRIVERS = ROOT / "tests" / "unit" / "hot"
SANITIZERS = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all")


def local_compiler() -> str:
    """Return the compiler that Python's own modules are built with."""
    return shlex.split(os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc")[0]


def compile_driver(name: str, target: Path, compiler: str, *flags: str) -> Path:
    """Compile tests/unit/hot/NAME.c with all C sources; warnings are errors."""
    done = subprocess.run(
        [
            *(compiler, "-std=c11", "-g", "-Wall", "-Wextra", "-Werror", f"-I{SOURCES}", *flags),
            str(DRIVERS / f"{name}.c"),
            *(str(source) for source in sorted(SOURCES.glob("*.c"))),
            *("-o", str(target)),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4_000:]
    return target


def run_driver(*command: str, frames: list[bytes]) -> list[list[str]]:
    """Return the driver's words, a line a frame."""
    stream = b"".join(struct.pack("<I", len(frame)) + frame for frame in frames)
    done = subprocess.run(command, input=stream, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()[-4_000:]
    return [line.split() for line in done.stdout.decode().splitlines()]


def corpus(captured: list[bytes], generated: int, mutated: int) -> list[bytes]:
    """Captured frames, their beginnings, and frames from the frame maker's first seeds."""
    return [
        *captured,
        *(frame[:size] for frame in captured for size in range(90)),
        *(frame_maker.random_frame(Random(seed)) for seed in range(generated)),
        *(frame_maker.mutated_frame(Random(seed)) for seed in range(mutated)),
    ]

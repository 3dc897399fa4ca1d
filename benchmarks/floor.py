"""Build floor.c with the kernel's own sources and flags, and make rows of its functions."""

from __future__ import annotations

import ctypes
import os
import shlex
import subprocess
import sysconfig
from functools import cache
from itertools import accumulate
from pathlib import Path

import numpy as np

from aegis_fast.hot.frame import available_isas
from benchmarks.timing import Row

ROOT = Path(__file__).parents[1]


@cache
def library() -> ctypes.CDLL:
    """Compile and load the C loops; needs the C compiler that built the modules."""
    target = ROOT / "build" / "floor.so"
    target.parent.mkdir(exist_ok=True)
    compiler = shlex.split(os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc")[0]
    sources = [ROOT / "benchmarks" / "floor.c", *sorted((ROOT / "src" / "_ext").glob("*.c"))]
    subprocess.run(
        [
            *(compiler, "-O3", "-DNDEBUG", "-fwrapv", "-fPIC", "-shared"),
            *(f"-I{ROOT / 'src' / '_ext'}", *map(str, sources), "-o", str(target)),
        ],
        check=True,
    )
    loaded = ctypes.CDLL(str(target))
    for name in ("floor_trades", "floor_depths", "floor_rounding", "floor_clock"):
        getattr(loaded, name).restype = ctypes.c_int64
    return loaded


def frames_rows(function: str, frames: list[bytes]) -> list[Row]:
    """One row for every frame reader this machine can run, the best (the one in use) first."""
    return [frames_row(function, frames, isa) for isa in reversed(available_isas())]


def frames_row(function: str, frames: list[bytes], isa: str) -> Row:
    """A row that walks the frames in C; the time is taken inside C."""
    blob = b"".join(frames)
    ends = np.array(list(accumulate(map(len, frames))), dtype=np.int64)
    call, choose = getattr(library(), function), library().aegis_choose
    pointer, count = ctypes.c_void_p(ends.ctypes.data), ctypes.c_int64(len(frames))

    def run() -> int:
        if choose(isa.encode()) != 0:
            raise RuntimeError(f"no frame reader {isa}")
        spent_ns = int(call(blob, pointer, count))
        if spent_ns < 0 or not ends.size:
            raise RuntimeError(f"{function} refused a frame")
        return spent_ns

    return Row(f"C loop, {isa}", "floor", run, len(frames), "the same kernel without Python")


def rounding_row(prices: list[int]) -> Row:
    """A row that rounds an array of prices in C."""
    source = np.array(prices, dtype=np.int64)
    target = np.zeros_like(source)
    call = library().floor_rounding

    def run() -> int:
        return int(
            call(
                ctypes.c_void_p(source.ctypes.data),
                ctypes.c_void_p(target.ctypes.data),
                ctypes.c_int64(source.size),
            )
        )

    return Row("C loop", "floor", run, len(prices), "stock ticks, buy side")


def clock_row(count: int) -> Row:
    """A row that only reads the monotonic clock."""
    call = library().floor_clock
    return Row(
        "C loop, clock_gettime alone", "floor", lambda: int(call(ctypes.c_int64(count))), count
    )

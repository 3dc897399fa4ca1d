"""Rows of the C floor: native/floor.c, built with the kernel's own sources and flags."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import cache
from itertools import accumulate, cycle

import numpy as np

from aegis_fast.hot import TRADE_DTYPE
from aegis_fast.hot.frame import available_isas
from benchmarks import native
from benchmarks.timing import Row

BEST = available_isas()[-1]


@cache
def library() -> ctypes.CDLL:
    """Compile and load the C loops; needs the C compiler that built the modules."""
    loaded = native.library("floor")
    for name in ("trades", "depths", "rows", "feed_many", "rounding", "clock"):
        getattr(loaded, f"floor_{name}").restype = ctypes.c_int64
    return loaded


def _choose(isa: str) -> None:
    if library().aegis_choose(isa.encode()) != 0:
        raise RuntimeError(f"no frame reader {isa}")


def frames_rows(function: str, frames: list[bytes]) -> list[Row]:
    """One row for every frame reader this machine can run, the best (the one in use) first."""
    return [frames_row(function, frames, isa) for isa in reversed(available_isas())]


def walk(function: str, frames: list[bytes], isa: str = BEST) -> Callable[[], int]:
    """Return a call that walks the frames in C and returns the ns it took, by C's clock."""
    blob = b"".join(frames)
    ends = np.array(list(accumulate(map(len, frames))), dtype=np.int64)
    rows = np.zeros(4 * len(frames) if function == "floor_rows" else 0, dtype=TRADE_DTYPE)
    call = getattr(library(), function)

    def run() -> int:
        # The pointers are made here, so that the arrays live as long as this function.
        pointer, count = ctypes.c_void_p(ends.ctypes.data), ctypes.c_int64(len(frames))
        more = (ctypes.c_void_p(rows.ctypes.data),) if rows.size else ()
        _choose(isa)
        spent_ns = int(call(blob, pointer, count, *more))
        if spent_ns < 0:
            raise RuntimeError(f"{function} refused a frame")
        return spent_ns

    return run


def frames_row(
    function: str, frames: list[bytes], isa: str = BEST, *, name: str = "C loop", per_call: int = 1
) -> Row:
    """A row that walks the frames in C; per_call: records of a frame."""
    items = len(frames) * per_call
    note = "the same kernel without Python"
    return Row(f"{name}, {isa}", "floor", walk(function, frames, isa), items, note)


def cold_row(function: str, frames: list[bytes], evict: Callable[[], object], name: str) -> Row:
    """A row that reads one frame in C after evict()."""
    walks = cycle([walk(function, [frame]) for frame in frames])

    def run() -> int:
        one = next(walks)
        evict()
        return one()

    return Row(name, "floor", run, 1, "one frame after walking 96 MiB", is_warm=False)


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

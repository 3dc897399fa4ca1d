"""A second package that cimports the hot modules, beside the engine's own loops.

The package is the one that the tests compile against the wheel: tests/downstream/probe.pyx. Here it
is compiled against the build being measured.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

import aegis_fast
from aegis_fast.hot import TRADE_DTYPE, Book, FeedListener, FrameParser
from benchmarks import corpus, floor
from benchmarks.timing import Question, batch

ROOT = Path(__file__).parents[1]
SETUP = """
from Cython.Build import cythonize
from setuptools import Extension, setup
setup(name="probe", ext_modules=cythonize([Extension("probe", ["probe.pyx"])], quiet=True))
"""


def second_package() -> Any:
    """Compile probe.pyx against the package in use, and import it."""
    work = ROOT / "build" / "benchmarks" / "downstream"
    work.mkdir(parents=True, exist_ok=True)
    shutil.copy(ROOT / "tests" / "downstream" / "probe.pyx", work)
    (work / "setup.py").write_text(SETUP)
    source = Path(aegis_fast.__file__).parents[1]
    subprocess.run(
        [sys.executable, "setup.py", "-q", "build_ext", "--inplace", "--force"],
        cwd=work,
        env={**os.environ, "PYTHONPATH": str(source)},
        stdout=subprocess.DEVNULL,
        check=True,
    )
    (built,) = work.glob("probe*.so")
    spec = importlib.util.spec_from_file_location("probe", built)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def question() -> Question:
    frames = corpus.trades()
    probe = second_package()
    parser, rows = FrameParser(), np.zeros(len(frames), dtype=TRADE_DTYPE)
    book, strategy = Book("005930"), probe.Imbalance()
    feed = FeedListener()
    feed.bus.add(probe.Imbalance())

    def replay() -> None:
        if probe.replay(frames, book, strategy) != len(frames):
            raise RuntimeError("the second package did not read every frame")

    size = len(frames)
    return Question(
        "A trade in a second package that cimports the hot modules, and in the engine",
        "trade",
        [
            batch("second package: parse, book, strategy", "ours", replay, size),
            batch("second package: parse", "ours", lambda: probe.records_of(frames), size),
            batch(
                "engine: feed_many, the package's strategy",
                "ours",
                lambda: feed.feed_many(frames),
                size,
            ),
            batch(
                "engine: parse_many_into",
                "ours",
                lambda: parser.parse_many_into(frames, rows),
                size,
            ),
            floor.frames_row("floor_trades", frames),
        ],
    )

"""Build the native modules.

The code lies in src/_ext, the headers in src/aegis_fast/hot, so that an installed wheel carries
the .pxd files beside the .so files and `from aegis_fast.hot.book cimport Book` works downstream.

AEGIS_CHECKED=1 builds with bounds checks and C assertions on, AEGIS_SANITIZED=1 with the address
and undefined-behaviour sanitizers; both run the same native tests (python -m tests.flavors).
"""

import os
import platform
import shlex
import subprocess
import sysconfig
from pathlib import Path

import numpy
from Cython.Build import cythonize
from setuptools import Extension, setup

CHECKED = os.environ.get("AEGIS_CHECKED") == "1"
SANITIZED = os.environ.get("AEGIS_SANITIZED") == "1"
if CHECKED and SANITIZED:
    raise SystemExit("AEGIS_CHECKED and AEGIS_SANITIZED are two builds: set one of them")
NAMES = "price, bucket, record, notice, table, frame, book, bus, histogram, feed"
MODULES = [*NAMES.split(", "), "flush", "order_body"]
# Plain C beside a module, and the headers whose change must rebuild it: grid* belongs to price.
GRID = set(map(str, Path("src/_ext").glob("grid*.[ch]")))
C_FILES = {
    "price": sorted(GRID),
    "frame": sorted({*map(str, Path("src/_ext").glob("*.[ch]"))} - GRID),
    "flush": ["src/_ext/flush.h"],
    "table": ["src/_ext/table_reader.c", *sorted(map(str, Path("src/_ext").glob("*.h")))],
}
BUILD_DIR = "build/cython-checked" if CHECKED else "build/cython"


def has_newer_header() -> bool:
    """Tell whether a .pxd changed after the C code was made.

    Cython looks for the .pxd of a .pyx beside it and misses ours in src/aegis_fast/hot.
    """
    made = [path.stat().st_mtime for path in Path(BUILD_DIR, "src/_ext").glob("*.c")]
    headers = [path.stat().st_mtime for path in Path("src/aegis_fast/hot").glob("*.pxd")]
    return bool(made and headers) and max(headers) >= min(made)


def release_flags() -> list[str]:
    """Return the compiler's flags of the release build.

    GCC clears a new 184-byte object with `rep stos`, which costs 6 to 9 ns of the 80 that a frame
    takes; unrolled stores are faster below 256 bytes.
    """
    flags = ["-O3", "-g0", "-DNDEBUG"]
    compiler = shlex.split(os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc")[:1]
    told = subprocess.run([*compiler, "--version"], capture_output=True, text=True, check=False)
    if platform.machine() == "x86_64" and "Free Software Foundation" in told.stdout:
        flags.append("-mmemset-strategy=unrolled_loop:256:noalign,libcall:-1:noalign")
    return flags


# CPython is built with -fwrapv, which would hide our own signed overflows from the sanitizer.
SANITIZERS = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
SANITIZED_FLAGS = ["-O1", "-g", "-UNDEBUG", "-fno-wrapv", "-fno-omit-frame-pointer", *SANITIZERS]
CHECKED_FLAGS = ["-O2", "-g", "-UNDEBUG"]


def compile_flags() -> list[str]:
    """Return the compiler's flags of the build asked for."""
    if SANITIZED:
        return SANITIZED_FLAGS
    return CHECKED_FLAGS if CHECKED else release_flags()


DIRECTIVES = {
    "language_level": "3",
    "boundscheck": CHECKED,
    "wraparound": False,
    "initializedcheck": CHECKED,
    "overflowcheck": CHECKED,
    "cdivision": True,
    "embedsignature": True,
    "binding": False,
}

extensions = [
    Extension(
        f"aegis_fast.hot.{name}",
        [f"src/_ext/{name}.pyx", *(c for c in C_FILES.get(name, []) if c.endswith(".c"))],
        depends=[c for c in C_FILES.get(name, []) if c.endswith(".h")],
        include_dirs=["src/_ext", numpy.get_include()],
        define_macros=[
            ("AEGIS_CHECKED", "1" if CHECKED else "0"),
            ("AEGIS_SANITIZED", "1" if SANITIZED else "0"),
            ("NPY_NO_DEPRECATED_API", "NPY_1_7_API_VERSION"),
        ],
        extra_compile_args=compile_flags(),
        extra_link_args=SANITIZERS if SANITIZED else [],
    )
    for name in MODULES
]

setup(
    ext_modules=cythonize(
        extensions,
        include_path=["src"],
        build_dir=BUILD_DIR,
        force=has_newer_header(),
        compiler_directives=DIRECTIVES,
        nthreads=0,
    ),
    zip_safe=False,
)

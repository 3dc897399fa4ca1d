"""Build the native modules.

The code lies in src/_ext, the headers in src/aegis_fast/hot, so that an installed wheel carries
the .pxd files beside the .so files and `from aegis_fast.hot.book cimport Book` works downstream.

AEGIS_CHECKED=1 builds with bounds checks and C assertions on; it runs the same test suite.
"""

import os

from Cython.Build import cythonize
from setuptools import Extension, setup

CHECKED = os.environ.get("AEGIS_CHECKED") == "1"
MODULES = ("frame", "book", "price", "bucket", "feed")

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
        [f"src/_ext/{name}.pyx"],
        include_dirs=["src/_ext"],
        define_macros=[("AEGIS_CHECKED", "1" if CHECKED else "0")],
        extra_compile_args=["-O2", "-g", "-UNDEBUG"] if CHECKED else ["-O3", "-g0", "-DNDEBUG"],
    )
    for name in MODULES
]

setup(
    ext_modules=cythonize(
        extensions,
        include_path=["src"],
        build_dir="build/cython-checked" if CHECKED else "build/cython",
        compiler_directives=DIRECTIVES,
        nthreads=0,
    ),
    zip_safe=False,
)

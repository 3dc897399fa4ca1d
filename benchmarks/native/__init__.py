"""Build what the benchmarks need in C and Cython, with the compiler that built the modules."""

from __future__ import annotations

import ctypes
import importlib.util
import os
import shlex
import subprocess
import sys
import sysconfig
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

ROOT = Path(__file__).parents[2]
SOURCES = Path(__file__).parent
KERNEL = ROOT / "src" / "_ext"
BUILD = ROOT / "build" / "benchmarks"


def compiler() -> str:
    """Return the C compiler, without its flags."""
    return shlex.split(os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc")[0]


def _is_older(target: Path, sources: list[Path]) -> bool:
    return not target.exists() or target.stat().st_mtime < max(p.stat().st_mtime for p in sources)


def compile_c(target: Path, sources: list[Path], *flags: str) -> Path:
    """Compile C sources with the release build's optimisation; again when one is newer."""
    headers = [*SOURCES.glob("*.h"), *KERNEL.glob("*.h")]
    if _is_older(target, [*sources, *headers]):
        target.parent.mkdir(parents=True, exist_ok=True)
        made = target.with_suffix(f".{os.getpid()}")
        subprocess.run(
            [
                *(compiler(), "-O3", "-DNDEBUG", "-fwrapv", *flags, f"-I{KERNEL}", f"-I{SOURCES}"),
                *(*map(str, sources), "-o", str(made)),
            ],
            check=True,
        )
        made.replace(target)
    return target


def kernel_sources() -> list[Path]:
    """Return the C files of the frame readers."""
    return sorted(KERNEL.glob("*.c"))


@cache
def library(name: str) -> ctypes.CDLL:
    """Compile NAME.c with the frame readers and load it."""
    sources = [SOURCES / f"{name}.c", *kernel_sources()]
    target = compile_c(BUILD / f"{name}.so", sources, "-fPIC", "-shared")
    return ctypes.CDLL(str(target))


@cache
def probe() -> ModuleType:
    """Compile probe.pyx against the hot modules' headers and import it."""
    suffix = sysconfig.get_config_var("EXT_SUFFIX")
    target = BUILD / f"probe{suffix}"
    headers = [*(ROOT / "src/aegis_fast/hot").glob("*.pxd"), SOURCES / "ages.h"]
    if _is_older(target, [SOURCES / "probe.pyx", *headers]):
        _build_probe(target)
    spec = importlib.util.spec_from_file_location("probe", target)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["probe"] = module
    spec.loader.exec_module(module)
    return module


def _build_probe(target: Path) -> None:
    from Cython.Build import cythonize
    from setuptools import Extension
    from setuptools.dist import Distribution

    import aegis_fast

    headers = str(Path(aegis_fast.__file__).parents[1])
    extension: Any = Extension(
        "probe",
        [str(SOURCES / "probe.pyx")],
        include_dirs=[str(SOURCES)],
        extra_compile_args=["-O3", "-g0", "-DNDEBUG"],
    )
    modules = cythonize(
        [extension],
        include_path=[headers],
        build_dir=str(BUILD / "cython"),
        compiler_directives={"language_level": "3", "boundscheck": False, "wraparound": False},
        force=True,
        quiet=True,
    )
    command = Distribution({"ext_modules": modules}).get_command_obj("build_ext")
    command.build_lib, command.build_temp = str(BUILD), str(BUILD / "temp")
    command.ensure_finalized()
    command.run()
    target.touch()

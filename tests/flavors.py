"""Build the native modules in another flavour and run the native tests in it.

`python -m tests.flavors FLAVOR [pytest arguments]`, FLAVOR one of release, checked, sanitized. The
modules of release are those of the working tree; the others are built below build/.
"""

from __future__ import annotations

import fcntl
import os
import shlex
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[1]
FLAVORS = {"release": {}, "checked": {"AEGIS_CHECKED": "1"}, "sanitized": {"AEGIS_SANITIZED": "1"}}
NATIVE_TESTS = ("tests/unit/hot", "tests/properties")

# Leaks are not searched: CPython keeps interned strings and types until the process ends, which
# the sanitizer cannot tell from a leak. test_allocation.py counts what a tick leaves behind.
# Python's own allocator is off (PYTHONMALLOC), so a bytes object ends where its block ends.
SANITIZER_OPTIONS = {
    "ASAN_OPTIONS": "detect_leaks=0:halt_on_error=1:abort_on_error=0:allocator_may_return_null=1",
    "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1",
    "PYTHONMALLOC": "malloc",
}


def source_of(flavor: str) -> Path:
    """Return the folder that holds the package aegis_fast of this flavour."""
    return ROOT / "src" if flavor == "release" else ROOT / "build" / flavor


def environment(flavor: str) -> dict[str, str]:
    """Return the environment in which Python imports this flavour."""
    chosen = {**os.environ, "PYTHONPATH": str(source_of(flavor))}
    if flavor == "sanitized":
        # The sanitizer must come before everything else that Python loads.
        compiler = shlex.split(os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc")[0]
        preload = [
            subprocess.check_output([compiler, f"-print-file-name={name}"], text=True).strip()
            for name in ("libasan.so", "libubsan.so")
        ]
        chosen |= SANITIZER_OPTIONS | {"LD_PRELOAD": " ".join(preload)}
    return chosen


def build(flavor: str) -> None:
    """Compile the modules of a flavour; what has not changed is not compiled again."""
    if flavor == "release":
        return
    subprocess.run(
        [
            *(sys.executable, "setup.py", "--quiet", "build", "--parallel", "2"),
            *("--build-base", f"build/{flavor}-work", "--build-lib", str(source_of(flavor))),
        ],
        cwd=ROOT,
        env={**os.environ, **FLAVORS[flavor]},
        stdout=subprocess.DEVNULL,
        check=True,
    )


@contextmanager
def built(flavor: str) -> Iterator[dict[str, str]]:
    """Build a flavour, prove that Python gets it, and yield the environment to run it in.

    Two runs of one working tree do not build into each other: the second waits.
    """
    folder = source_of(flavor)
    (ROOT / "build").mkdir(exist_ok=True)
    with (ROOT / "build" / f"{flavor}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        build(flavor)
        chosen = environment(flavor)
        told = subprocess.check_output(
            [
                *(sys.executable, "-c"),
                "import aegis_fast.hot as h; print(h.build_flavor()['build'], h.__file__)",
            ],
            cwd=ROOT,
            env=chosen,
            text=True,
        ).split()
        if told[0] != flavor or not Path(told[1]).is_relative_to(folder):
            raise RuntimeError(f"asked for the {flavor} build in {folder}, got {told}")
        yield chosen


def main() -> int:
    """Run the native tests, or those named by the arguments, in the flavour."""
    if len(sys.argv) < 2 or sys.argv[1] not in FLAVORS:
        print(f"usage: python -m tests.flavors {{{','.join(FLAVORS)}}} [pytest arguments]")
        return 2
    flavor, arguments = sys.argv[1], sys.argv[2:]
    paths = [] if any(Path(argument).exists() for argument in arguments) else NATIVE_TESTS
    print(f"Building the {flavor} modules ...", flush=True)
    with built(flavor) as chosen:
        return subprocess.run(
            [
                *(sys.executable, "-m", "pytest", "-q", "-m", "native"),
                *("-p", "no:cacheprovider", *arguments, *paths),
            ],
            cwd=ROOT,
            env=chosen,
            check=False,
        ).returncode


if __name__ == "__main__":
    sys.exit(main())

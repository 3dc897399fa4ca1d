"""Build the wheel, install it elsewhere, and compile and run a package that cimports it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent
NAMES = "price, bucket, record, notice, table, frame, book, bus, histogram, feed"
MODULES = NAMES.split(", ")

BUILD_PROBE = """
from Cython.Build import cythonize
from setuptools import Extension, setup
setup(name="probe", ext_modules=cythonize([Extension("probe", ["probe.pyx"])]))
"""


def run(*command: str, cwd: Path, path: Path | None = None) -> str:
    """Run Python in cwd, with `path` as the only PYTHONPATH; return its output."""
    environment = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "AEGIS_CHECKED")}
    if path is not None:
        environment["PYTHONPATH"] = str(path)
    done = subprocess.run(
        [sys.executable, *command],
        cwd=cwd,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-8_000:]
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy of the sources, so nothing stale of the tree gets in."""
    copy, out = tmp_path_factory.mktemp("tree") / "aegis", tmp_path_factory.mktemp("wheel")
    copy.mkdir()
    shutil.copytree(
        ROOT / "src",
        copy / "src",
        ignore=shutil.ignore_patterns("*.so", "__pycache__", "*.egg-info"),
    )
    for name in ("setup.py", "pyproject.toml", "LICENSE", "README.md"):
        if (ROOT / name).exists():
            shutil.copy(ROOT / name, copy)
    if not (copy / "README.md").exists():
        (copy / "README.md").write_text("aegis-fast\n")
    run(
        "-m",
        "pip",
        "wheel",
        ".",
        "--no-build-isolation",
        "--no-deps",
        "-q",
        "-w",
        str(out),
        cwd=copy,
    )
    (built,) = out.glob("aegis_fast-*.whl")
    return built


@pytest.mark.e2e
@pytest.mark.timeout(180)
def test_wheel_holds_modules_headers_and_stubs(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())

    for module in MODULES:
        assert {f"aegis_fast/hot/{module}.pxd", f"aegis_fast/hot/{module}.pyi"} <= names
        assert any(n.startswith(f"aegis_fast/hot/{module}.") and n.endswith(".so") for n in names)
    assert "aegis_fast/py.typed" in names
    assert not [name for name in names if name.endswith((".pyx", ".c", ".h"))]


@pytest.mark.e2e
@pytest.mark.timeout(180)
def test_downstream_package_cimports_the_installed_wheel(wheel: Path, tmp_path: Path) -> None:
    site, work = tmp_path / "site", tmp_path / "work"
    work.mkdir()
    run("-m", "pip", "install", "-q", "--no-deps", "--target", str(site), str(wheel), cwd=work)
    shutil.copy(HERE / "probe.pyx", work)
    work.joinpath("setup.py").write_text(BUILD_PROBE)

    run("setup.py", "-q", "build_ext", "--inplace", cwd=work, path=site)

    frames = ROOT / "tests" / "data" / "frames"
    output = run(str(HERE / "use_probe.py"), str(site), str(frames), cwd=work,
                 path=Path(f"{site}{os.pathsep}{work}"))  # fmt: skip
    assert output.strip() == "downstream works"


def test_public_headers_need_no_private_ones() -> None:
    for header in (ROOT / "src" / "aegis_fast" / "hot").glob("*.pxd"):
        assert "cdef extern" not in header.read_text(), header.name

"""S2: the layers hold. Walks the imports of every module and fails if it finds none."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "src" / "aegis_fast"

# layer -> the layers of ours that it may import. `cli` stands for cli.py and commands/.
ALLOWED = {
    "hot": set(),
    "errors": set(),
    "core": {"hot", "errors"},
    "kis": {"core", "hot", "errors"},
    "store": {"core", "errors", "hot"},
    "api": {"core", "errors"},
    "config": {"errors"},
    "client": {"api", "core", "errors"},
    "engine": {"api", "config", "core", "errors", "hot", "kis", "store"},
    "sim": {"core", "hot", "errors", "kis"},
    "cli": {"api", "client", "config", "core", "engine", "errors", "hot", "kis", "sim", "store"},
}
PURE_KIS = {
    "answers",
    "codec",
    "credentials",
    "fields",
    "http_reply",
    "notice",
    "outcome",
    "profile",
    "subscription",
    "tr",
}
IMPURE = {
    "aiohttp",
    "asyncio",
    "logging",
    "os",
    "random",
    "redis",
    "socket",
    "sqlite3",
    "threading",
    "time",
}
CLOCKS = {"time", "datetime"}


def modules() -> list[Path]:
    found = sorted(path for path in PACKAGE.rglob("*.py") if path.name != "__init__.py")
    assert len(found) > 30, "the walk found no package"
    return found


def layer_of(path: Path) -> str:
    first = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    return "cli" if first in ("cli", "commands") else first


def imports(path: Path) -> list[str]:
    """Return the full names of what a module imports at run time, wherever in it."""
    tree = ast.parse(path.read_text("utf-8"))
    skipped = {
        id(node)
        for block in ast.walk(tree)
        if isinstance(block, ast.If) and "TYPE_CHECKING" in ast.dump(block.test)
        for node in ast.walk(block)
    }
    names = []
    for node in ast.walk(tree):
        if id(node) in skipped:
            continue
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            names += [f"{node.module}.{alias.name}" for alias in node.names]
    return names


def own_layers(path: Path) -> set[str]:
    own = {name.split(".")[1] for name in imports(path) if name.startswith("aegis_fast.")}
    return {"cli" if layer == "commands" else layer for layer in own} - {"__version__"}


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_s02_module_imports_only_the_layers_below_it(path: Path) -> None:
    layer = layer_of(path)

    assert layer in ALLOWED, "a new layer: say here what it may import"
    assert own_layers(path) <= ALLOWED[layer] | {layer}


def pure_modules() -> list[Path]:
    found = [
        path
        for path in modules()
        if layer_of(path) == "core" or (layer_of(path) == "kis" and path.stem in PURE_KIS)
    ]
    assert len(found) > 20
    return found


@pytest.mark.parametrize("path", pure_modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_s02_pure_module_does_no_io_and_reads_no_clock(path: Path) -> None:
    tops = {name.split(".")[0] for name in imports(path)}

    assert tops & IMPURE == set()


def test_s02_simulator_uses_only_the_pure_part_of_kis() -> None:
    used = {
        name.split(".")[2]
        for path in modules()
        if layer_of(path) == "sim"
        for name in imports(path)
        if name.startswith("aegis_fast.kis.")
    }

    assert used
    assert used <= PURE_KIS


def test_s02_only_the_clock_reads_the_time_in_the_engine() -> None:
    readers = {
        path.stem
        for path in modules()
        if layer_of(path) == "engine" and {n.split(".")[0] for n in imports(path)} & CLOCKS
    }

    assert readers == {"clock"}


def test_s02_only_the_command_line_and_the_configuration_read_the_environment() -> None:
    readers = {
        layer_of(path)
        for path in modules()
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Attribute) and node.attr in ("environ", "getenv")
    }

    assert readers <= {"cli", "config"}


def test_s02_no_float_touches_money_in_the_core() -> None:
    floats = [
        f"{path.stem}:{node.lineno}"
        for path in modules()
        if layer_of(path) == "core"
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if (isinstance(node, ast.Constant) and isinstance(node.value, float))
        or (isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div))
    ]

    assert floats == []

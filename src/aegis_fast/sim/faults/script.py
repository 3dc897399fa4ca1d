"""Read a script of faults: a TOML file of [[fault]] entries, or JSON lines, one fault a line.

An entry has the fields of POST /_sim/faults and usually `at`. What is wrong with one is a
ConfigError that names file, entry and field, before the simulator starts.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from datetime import time
from pathlib import Path
from typing import Any

import msgspec

from aegis_fast.errors import ConfigError, InvalidRequest
from aegis_fast.sim.decoding import NotJSON, decoded
from aegis_fast.sim.faults.rules import FaultBody, check
from aegis_fast.sim.faults.waiting import MAX_FAULTS

__all__ = ["read_script"]

_SUFFIXES = (".toml", ".jsonl", ".ndjson", ".json")
_MAX_BYTES = 1 << 20


def read_script(source: str | Path | Sequence[Mapping[str, Any]] | None) -> list[FaultBody]:
    """Return the checked faults of a file or of a list of entries. Raises ConfigError."""
    if source is None:
        return []
    if isinstance(source, str | Path):
        name = str(source)
        entries = _entries(Path(source))
    else:
        name, entries = "faults", list(source)
    if len(entries) > MAX_FAULTS:
        raise ConfigError(f"{len(entries)} faults", field=name, expected=f"{MAX_FAULTS} at most")
    return [_body(name, number, entry) for number, entry in enumerate(entries, 1)]


def _entries(path: Path) -> list[Any]:
    if path.suffix not in _SUFFIXES:
        raise ConfigError(f"{path}: not a script", field=str(path), expected=" | ".join(_SUFFIXES))
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise ConfigError(f"{path} is too long", field=str(path), expected="1 MB at most")
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"cannot read {path}: {error}", field=str(path), expected="a file in UTF-8"
        ) from error
    return _toml(path, text) if path.suffix == ".toml" else _lines(path, text)


def _toml(path: Path, text: str) -> list[Any]:
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: {error}", field=str(path), expected="TOML") from error
    unknown = [name for name in table if name != "fault"]
    entries = table.get("fault", [])
    if unknown or not isinstance(entries, list):
        what = unknown[0] if unknown else "fault"
        raise ConfigError(f"{path}: {what}", field=str(path), expected="only [[fault]] entries")
    return entries


def _lines(path: Path, text: str) -> list[Any]:
    entries = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            entries.append(decoded(line))
        except NotJSON as error:
            raise ConfigError(
                f"{path}: line {number}: {error}", field=str(path), expected='{"kind": ...}'
            ) from error
    return entries


def _body(name: str, number: int, entry: Any) -> FaultBody:
    if isinstance(entry, Mapping) and isinstance(entry.get("at"), time):
        entry = {**entry, "at": entry["at"].isoformat("seconds")}  # TOML has times of its own.
    try:
        return check(msgspec.convert(entry, FaultBody))
    except msgspec.ValidationError as error:
        raise ConfigError(
            f"{name}: fault {number}: {error}", field=name, expected='{"kind": ...}'
        ) from error
    except InvalidRequest as error:
        raise ConfigError(
            f"{name}: fault {number}: {error.field}: {error.message}",
            field=f"{name}: fault {number}: {error.field}",
            expected=error.expected,
        ) from error

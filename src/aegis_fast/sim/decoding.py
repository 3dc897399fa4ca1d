"""Decode JSON from outside: the one place where bytes of a client become values.

Every door uses it, so that no body, however long, deep or broken, is more than a wrong body.
"""

from __future__ import annotations

from typing import Any

import msgspec

__all__ = ["MAX_BODY_BYTES", "MAX_DEPTH", "NotJSON", "decoded"]

MAX_BODY_BYTES = 1 << 20
# The broker's own bodies are four deep. What is deeper than this would exhaust the stack of
# whoever writes it out again, long before it exhausts the decoder's.
MAX_DEPTH = 64


class NotJSON(ValueError):
    """Bytes that are no JSON, or not of the kind asked for. Its text says where."""


def decoded(raw: bytes | str, kind: Any = Any) -> Any:
    """Return what the JSON text says, of that kind (any, unless told). Raises NotJSON.

    Refused as well: more than MAX_BODY_BYTES bytes (or letters), arrays and objects more than
    MAX_DEPTH deep, text that is not UTF-8.
    """
    if len(raw) > MAX_BODY_BYTES:
        raise NotJSON(f"longer than {MAX_BODY_BYTES} bytes")
    try:
        value = msgspec.json.decode(raw, type=kind)
    except (msgspec.DecodeError, UnicodeError) as error:
        raise NotJSON(str(error)) from error
    except RecursionError as error:
        raise NotJSON(f"more than {MAX_DEPTH} deep") from error
    if kind is Any and _openers(raw) > MAX_DEPTH and _is_deep(value):
        raise NotJSON(f"more than {MAX_DEPTH} deep")
    return value


def _openers(raw: bytes | str) -> int:
    if isinstance(raw, str):
        return raw.count("[") + raw.count("{")
    return raw.count(b"[") + raw.count(b"{")


def _is_deep(value: Any) -> bool:
    level = [value]
    for _ in range(MAX_DEPTH):
        lists = (one.values() if isinstance(one, dict) else one for one in level)
        level = [inner for inside in lists for inner in inside if isinstance(inner, dict | list)]
        if not level:
            return False
    return True

"""Reach the engine a command speaks to, and say in one line what went wrong."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, Any, NoReturn, TypeVar
from urllib.parse import urlsplit

import typer

from aegis_fast.errors import (
    AegisError,
    AuthError,
    ConfigError,
    Disconnected,
    OutcomeUnknown,
    RejectedError,
)

if TYPE_CHECKING:
    from aegis_fast.client import Client

__all__ = ["JsonFlag", "UrlOption", "call", "engine_url", "explain", "open_client", "usage_error"]

T = TypeVar("T")

DEFAULT_PORT = 8790
USAGE, FAILED = 2, 1

UrlOption = Annotated[
    str,
    typer.Option(
        "--url",
        envvar="AEGIS_URL",
        show_default=False,
        help="The engine's address. 엔진 주소 [default: http://127.0.0.1:8790]",
    ),
]
JsonFlag = Annotated[bool, typer.Option("--json", help="For machines: JSON. 기계용 출력")]


def engine_url(url: str) -> str:
    """Return the engine's address: as given, else the default with AEGIS_PORT."""
    return url or f"http://127.0.0.1:{os.environ.get('AEGIS_PORT') or DEFAULT_PORT}"


def open_client(url: str) -> Client:
    """Build a client with AEGIS_KEY and AEGIS_SECRET, on loopback with the demo key by default.

    Raises ConfigError when there is no key for an engine elsewhere.
    """
    from aegis_fast.client import Client

    address = engine_url(url)
    key, secret = os.environ.get("AEGIS_KEY", ""), os.environ.get("AEGIS_SECRET", "")
    if not key and not secret:
        if urlsplit(address).hostname not in ("127.0.0.1", "localhost", "::1"):
            raise ConfigError(
                f"no key for {address}", field="AEGIS_KEY", expected="AEGIS_KEY and AEGIS_SECRET"
            )
        key, secret = "demo", "demo-secret"
    if not key or not secret:
        missing = "AEGIS_SECRET" if key else "AEGIS_KEY"
        raise ConfigError("half a key", field=missing, expected="AEGIS_KEY and AEGIS_SECRET")
    return Client(address, key=key, secret=secret)


def call(url: str, action: Callable[[Client], Awaitable[T]]) -> T:
    """Run one action against the engine."""

    async def run() -> T:
        async with open_client(url) as client:
            return await action(client)

    return asyncio.run(run())


def usage_error(message: str) -> NoReturn:
    """End with exit code 2: the command line itself is wrong."""
    raise ConfigError(message)


def explain(error: AegisError) -> int:
    """Say on one line of stderr what went wrong and what to do; return the exit code."""
    if isinstance(error, Disconnected) and error.field == "url":
        say(f"{error.message.split(': ')[0]}: the engine is not running: start it with `make run`")
        return FAILED
    text = error.message
    if error.venue_code:
        text += f" ({error.venue_code})"
    if error.field:
        text += f" [{error.field}]"
    if error.expected:
        text += f" - expected: {error.expected}"
    if isinstance(error, OutcomeUnknown):
        text = f"결과 미확인, outcome unknown: {text}"
    elif isinstance(error, ConfigError):
        say(text)
        return USAGE
    elif isinstance(error, RejectedError):
        text = f"거부, refused: {text}"
    elif isinstance(error, AuthError):
        text = f"권한 없음, no access: {text}"
    say(text)
    return FAILED


def say(text: str) -> None:
    """Write one line to stderr, whatever the text holds."""
    sys.stderr.write("aegis: " + " ".join(text.split()) + "\n")
    sys.stderr.flush()


def print_json(content: Any) -> None:
    """Write JSON to stdout, indented for a person who looks at it."""
    import orjson

    text = orjson.dumps(content, option=orjson.OPT_INDENT_2).decode()
    sys.stdout.write(text + "\n")
    sys.stdout.flush()

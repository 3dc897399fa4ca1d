"""The command `aegis`. Errors are one line on stderr; exit 2 for usage and configuration, 1 for a
refused or failed action."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from aegis_fast.commands import demo, look, servers, trade
from aegis_fast.commands.connect import USAGE, JsonFlag, explain, print_json, say
from aegis_fast.errors import AegisError

__all__ = ["app", "main"]

INTERRUPTED = 130

# The common base of everything the parser raises; typer carries its own copy of click.
_ParserError: type[Exception] = next(
    kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "ClickException"
)

app = typer.Typer(
    name="aegis",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    help="aegis-fast: trade through the KIS Open API. 한국투자증권 Open API 매매 엔진\n\n"
    "`aegis demo` starts everything on this machine without keys. 키 없이 바로 시작: `aegis demo`",
)


def _version_flag(is_set: bool) -> None:
    if is_set:
        _print_version(as_json=False)
        raise typer.Exit


@app.callback()
def _root(
    _version: Annotated[
        bool,
        typer.Option(
            "--version", help="Show the version. 버전", is_eager=True, callback=_version_flag
        ),
    ] = False,
) -> None:
    """Take the options that stand before a command."""


def version(as_json: JsonFlag = False) -> None:
    """Show the version and the build (버전)."""
    _print_version(as_json)


def _print_version(as_json: bool) -> None:
    import platform

    from aegis_fast import __version__
    from aegis_fast.hot import build_flavor

    build = {
        "version": __version__,
        **build_flavor(),
        "machine": platform.machine(),
        "python": platform.python_version(),
    }
    if as_json:
        print_json(build)
    else:
        version_text, *rest = build.values()
        sys.stdout.write(f"aegis-fast {version_text} ({', '.join(rest)})\n")


for _commands in (demo, trade, look, servers):
    _commands.add_commands(app)
app.command("version")(version)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return the exit code."""
    try:
        result = app(
            args=None if arguments is None else list(arguments),
            prog_name="aegis",
            standalone_mode=False,
        )
    except AegisError as e:
        return explain(e)
    except _ParserError as e:
        context = getattr(e, "ctx", None)
        path = context.command_path if context is not None else "aegis"
        # All of the parser's errors have format_message.
        say(f"{getattr(e, 'format_message', e.__str__)()} (`{path} --help`)")
        return USAGE
    except (KeyboardInterrupt, typer.Abort):
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has gone; nothing may be flushed into it at exit.
        sys.stdout = None
        return 0
    return result if isinstance(result, int) else 0


if __name__ == "__main__":
    sys.exit(main())

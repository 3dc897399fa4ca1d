"""`aegis run` and `aegis sim`: the two processes that stay."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Annotated

import typer

from aegis_fast.errors import ConfigError

__all__ = ["add_commands", "busy_port"]

SIM_PORT = 8791

PortOption = Annotated[
    int | None,
    typer.Option("--port", min=0, max=65535, help="0 takes a free one. 포트 [default: 8790]"),
]
HomeOption = Annotated[
    Path | None, typer.Option("--home", help="Where state is kept. 상태 폴더 [default: ./var]")
]


def add_commands(app: typer.Typer) -> None:
    """Register the commands."""
    app.command("run")(run)
    app.command("sim")(sim)


def busy_port(port: int, option: str) -> ConfigError:
    """Say that a port is taken, by whom presumably, and what to do."""
    return ConfigError(
        f"port {port} is busy (포트 사용 중): another aegis? end it with Ctrl-C where it runs, "
        f"`ss -ltnp 'sport = :{port}'` shows who has it, or take another with {option}",
        field=option,
    )


def run(
    env: Annotated[
        str | None, typer.Option("--env", help="sim, paper, paper-spec or live. 환경")
    ] = None,
    config: Annotated[
        Path | None, typer.Option("--config", help="Default ./aegis.toml. 설정 파일")
    ] = None,
    strategy: Annotated[
        str | None, typer.Option("--strategy", metavar="MODULE:CLASS", help="전략")
    ] = None,
    live: Annotated[
        bool, typer.Option("--live", help="Real money, with --env live. 실거래")
    ] = False,
    port: PortOption = None,
    home: HomeOption = None,
) -> None:
    """Run the engine until Ctrl-C (엔진)."""
    from aegis_fast.config import load_settings

    settings = load_settings(config_file=config, env=env, home=home, port=port, live=live)
    from aegis_fast.engine.main import run_engine

    try:
        code = run_engine(settings, strategy)
    except OSError as e:
        if e.errno != errno.EADDRINUSE:
            raise
        raise busy_port(settings.engine.port, "--port") from e
    if code:
        raise typer.Exit(code)


def sim(
    port: Annotated[
        int, typer.Option("--port", min=0, max=65535, help="0 takes a free one. 포트")
    ] = SIM_PORT,
    profile: Annotated[
        str, typer.Option("--profile", help="Whose limits: real, paper or spec. 제한 규칙")
    ] = "spec",
    seed: Annotated[int, typer.Option("--seed", help="The same seed, the same market. 시드")] = 1,
    replay: Annotated[
        Path | None, typer.Option("--replay", help="Recorded frames instead. 녹화 재생")
    ] = None,
    calls_per_s: Annotated[
        int | None, typer.Option("--calls-per-s", min=1, help="Instead of the profile's. 초당 호출")
    ] = None,
) -> None:
    """Run the KIS simulator alone until Ctrl-C (모의 KIS 서버)."""
    if profile not in ("real", "paper", "spec"):
        raise ConfigError(
            f"unknown profile {profile!r}", field="--profile", expected="real, paper or spec"
        )
    if replay is not None and not replay.exists():
        raise ConfigError(
            f"there is no {replay}", field="--replay", expected="a recording or a folder of them"
        )
    from aegis_fast.sim import run as run_sim

    run_sim(
        host="127.0.0.1",
        port=port,
        profile=profile,
        seed=seed,
        replay=replay,
        calls_per_s=calls_per_s,
    )

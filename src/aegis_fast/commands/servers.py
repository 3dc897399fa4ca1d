"""`aegis run` and `aegis sim`: the two processes that stay."""

from __future__ import annotations

import errno
from datetime import datetime, timedelta, timezone
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


_Port = Annotated[int, typer.Option("--port", min=0, max=65535, help="0 takes a free one. 포트")]
_Profile = Annotated[
    str,
    typer.Option("--profile", help="real 실전, paper 모의투자, spec (30 calls/s, batch). 규칙"),
]
_Seed = Annotated[int, typer.Option("--seed", help="The same seed, the same market. 시드")]
_Replay = Annotated[
    Path | None, typer.Option("--replay", help="Recorded frames instead. 녹화 재생")
]
_Accounts = Annotated[
    Path | None,
    typer.Option("--accounts", metavar="FILE", help="TOML of [[account]] tables. 계좌 파일"),
]
_Faults = Annotated[
    Path | None,
    typer.Option("--faults", metavar="FILE", help="Script: .toml or .jsonl. 장애 대본"),
]
_DnsPort = Annotated[
    int | None,
    typer.Option("--dns-port", min=0, max=65535, help="Also resolve KIS hosts. 이름 서버"),
]
_Start = Annotated[
    str | None,
    typer.Option("--start", metavar="KST", help="2026-11-27T08:00; default now. 시작 시각"),
]
_Speed = Annotated[
    float, typer.Option("--speed", help="Market seconds a second; 720: 12 hours a minute. 배속")
]
_Stepped = Annotated[
    bool, typer.Option("--stepped", help="Stand still until POST /_sim/clock. 수동 시계")
]
_Hours = Annotated[
    str | None,
    typer.Option(
        "--hours",
        help="open: trading at any time. day: the real sessions; default with a clock option. "
        "개장 시간",
    ),
]
_Activity = Annotated[
    float | None,
    typer.Option("--activity", help="Pace of the crowd 0..100; default 1, less over x20. 활동"),
]
_Issues = Annotated[
    int | None,
    typer.Option("--issues", help="Listed issues, 1..2700; default: the known 30. 종목 수"),
]
_Regime = Annotated[
    list[str] | None,
    typer.Option(
        "--regime",
        metavar="SYMBOL=NAME",
        help="quiet, normal, trend_up, trend_down, gap, thin, limit_up, limit_down; symbol "
        "* is the market. 장세",
    ),
]
_CallsPerS = Annotated[
    int | None,
    typer.Option("--calls-per-s", min=0, help="Instead of the profile's; 0: none. 초당 호출"),
]
_NewCustomer = Annotated[
    bool, typer.Option("--new-customer", help="3 calls/s for 3 days (real). 신규 고객")
]
_RefusalStatus = Annotated[
    int, typer.Option("--refusal-status", help="HTTP status of EGW00201: 500 or 200. 상태")
]
_SessionHoldMs = Annotated[
    int,
    typer.Option("--session-hold-ms", help="A dead socket keeps its appkey so long. 세션 유지"),
]
_PingpongS = Annotated[
    float, typer.Option("--pingpong-s", help="Seconds between two PINGPONG. 간격")
]
_PongTimeoutS = Annotated[
    float,
    typer.Option("--pong-timeout-s", help="Cut who sends no PINGPONG back; 0: nobody. 무응답"),
]
_KeepaliveS = Annotated[
    float, typer.Option("--keepalive-s", help="An idle HTTP connection ends after. 유휴 연결")
]
_Frames = Annotated[
    str, typer.Option("--frames", help="today, or 2024: widths older clients know. 프레임")
]
_Notices = Annotated[
    str,
    typer.Option("--notices", help="Before or after the answer to an order, or mixed. 통보 순서"),
]
_Tls = Annotated[
    bool, typer.Option("--tls", help="https and wss, TLS 1.3, own certificate. 암호화")
]
_TlsDir = Annotated[Path, typer.Option("--tls-dir", help="Where its ca.pem is written. CA 폴더")]
_Cert = Annotated[
    Path | None, typer.Option("--cert", help="Your own certificate chain (PEM). 인증서")
]
_Key = Annotated[
    Path | None, typer.Option("--key", help="Its key, if not in the same file. 개인 키")
]
_Deflate = Annotated[
    str, typer.Option("--deflate", help="off, context or no-context; spec only. 압축")
]


def sim(
    port: _Port = SIM_PORT,
    profile: _Profile = "spec",
    seed: _Seed = 1,
    replay: _Replay = None,
    accounts: _Accounts = None,
    faults: _Faults = None,
    dns_port: _DnsPort = None,
    start: _Start = None,
    speed: _Speed = 1.0,
    stepped: _Stepped = False,
    hours: _Hours = None,
    activity: _Activity = None,
    issues: _Issues = None,
    regime: _Regime = None,
    calls_per_s: _CallsPerS = None,
    new_customer: _NewCustomer = False,
    refusal_status: _RefusalStatus = 500,
    session_hold_ms: _SessionHoldMs = 0,
    pingpong_s: _PingpongS = 10.0,
    pong_timeout_s: _PongTimeoutS = 0.0,
    keepalive_s: _KeepaliveS = 75.0,
    frames: _Frames = "today",
    notices: _Notices = "mixed",
    tls: _Tls = False,
    tls_dir: _TlsDir = Path("var/sim"),
    cert: _Cert = None,
    key: _Key = None,
    deflate: _Deflate = "off",
) -> None:
    """Run the KIS simulator alone until Ctrl-C (모의 KIS 서버).

    Any KIS program works against it once its two host addresses are replaced: REST, WebSocket and
    the pages under /_sim/ share one port. KIS 프로그램의 주소 두 개만 바꾸면 됩니다.
    """
    _check_files(profile, replay, cert, key)
    from aegis_fast.sim import run as run_sim
    from aegis_fast.sim.desk.accounts import read_accounts
    from aegis_fast.sim.rules import DoorRules

    is_clock_set = start is not None or speed != 1.0 or stepped
    run_sim(
        "127.0.0.1",
        port,
        profile,
        seed,
        replay,
        calls_per_s,
        is_friendly=True,
        accounts=read_accounts(accounts, profile) if accounts is not None else None,
        faults=faults,
        dns_port=dns_port,
        start_ns=_start_ns(start) if start is not None else None,
        speed=speed,
        is_stepped=stepped,
        hours=hours or ("day" if is_clock_set else "open"),
        activity=activity,
        issue_count=issues,
        regimes=_regimes(regime) if regime else None,
        door_rules=DoorRules(refusal_status, new_customer, session_hold_ms=session_hold_ms),
        pingpong_s=pingpong_s,
        pong_timeout_s=pong_timeout_s,
        keepalive_s=keepalive_s,
        frames=frames,
        notices=notices,
        tls=tls,
        tls_dir=tls_dir,
        cert=cert,
        key=key,
        deflate=deflate,
    )


def _check_files(profile: str, replay: Path | None, cert: Path | None, key: Path | None) -> None:
    """Raise ConfigError when the simulator's options don't fit together or a file is not there."""
    if profile not in ("real", "paper", "spec"):
        raise ConfigError(
            f"unknown profile {profile!r}", field="--profile", expected="real, paper or spec"
        )
    if replay is not None and not replay.exists():
        raise ConfigError(
            f"there is no {replay}", field="--replay", expected="a recording or a folder of them"
        )
    if key is not None and cert is None:
        raise ConfigError("--key without --cert", field="--cert", expected="both")


def _regimes(pairs: list[str]) -> dict[str, str]:
    """Return what --regime names: symbol to regime. Raises ConfigError."""
    regimes: dict[str, str] = {}
    for pair in pairs:
        symbol, equals, name = pair.partition("=")
        if not symbol or not equals or not name:
            raise ConfigError(f"{pair!r}", field="--regime", expected="005930=limit_up")
        regimes[symbol] = name
    return regimes


def _start_ns(text: str) -> int:
    """Return the moment that --start names. Raises ConfigError."""
    from aegis_fast.sim.sim_clock import parse_moment

    today = datetime.now(timezone(timedelta(hours=9))).date()
    try:
        return parse_moment(text, today)
    except ValueError as error:
        raise ConfigError(
            f"{text!r}: {error}", field="--start", expected="2026-11-27T08:00 or 08:00 (KST)"
        ) from None

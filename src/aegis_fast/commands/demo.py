"""`aegis demo`: a simulator and an engine as two children, watched until Ctrl-C.

Both start at once; the engine waits for the simulator by itself. The children live in sessions of
their own, so that Ctrl-C reaches only this process, and die with it whatever kills it.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import shutil
import signal
import socket
import sys
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from aegis_fast.commands.connect import DEFAULT_PORT
from aegis_fast.commands.servers import SIM_PORT, HomeOption, busy_port
from aegis_fast.errors import ConfigError

__all__ = ["add_commands"]

READY_S = 60.0
STOP_S = 5.0
LINES_KEPT = 40
LINES_SHOWN = 8
PR_SET_PDEATHSIG = 1

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def add_commands(app: typer.Typer) -> None:
    """Register the command."""
    app.command("demo")(demo)


def demo(
    port: Annotated[
        int | None,
        typer.Option(
            "--port", min=0, max=65535, envvar="AEGIS_PORT", help="엔진 포트 [default: 8790]"
        ),
    ] = None,
    sim_port: Annotated[
        int, typer.Option("--sim-port", min=0, max=65535, help="시뮬레이터 포트")
    ] = SIM_PORT,
    home: HomeOption = None,
    seed: Annotated[int, typer.Option("--seed", help="The same seed, the same market. 시드")] = 1,
) -> None:
    """Start simulator, engine and screen, ready to trade (모의 환경)."""
    engine_port = _free_port(DEFAULT_PORT if port is None else port, "--port")
    sim_port = _free_port(sim_port, "--sim-port")
    code = asyncio.run(_Demo(engine_port, sim_port, home, seed).run())
    if code:
        raise typer.Exit(code)


def _free_port(port: int, option: str) -> int:
    """Return the port, or a free one for 0. Raises ConfigError when somebody has it."""
    with socket.socket() as probe:
        # As the servers do: a port whose last owner has just gone is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except PermissionError as e:
            raise ConfigError(
                f"port {port} is not allowed", field=option, expected="1024 to 65535"
            ) from e
        except OSError as e:
            raise busy_port(port, option) from e
        return int(probe.getsockname()[1])


class _Child:
    """One process, its ready line and its last words."""

    def __init__(self, name: str, ready_prefix: str) -> None:
        self.name = name
        self.ready = asyncio.Event()
        self.last_lines: deque[str] = deque(maxlen=LINES_KEPT)
        self._ready_prefix = ready_prefix
        self._handle: asyncio.subprocess.Process | None = None
        self._readers: list[asyncio.Task[None]] = []

    async def start(self, arguments: list[str], env: dict[str, str]) -> None:
        """Start `aegis ARGUMENTS`."""
        self._handle = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "aegis_fast.cli",
            *arguments,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={**os.environ, "PYTHONUNBUFFERED": "1", **env},
            start_new_session=True,
            preexec_fn=_die_with(os.getpid()),
        )
        assert self._handle.stdout is not None
        assert self._handle.stderr is not None
        self._readers = [
            asyncio.create_task(self._read(self._handle.stdout, self._hear)),
            asyncio.create_task(self._read(self._handle.stderr, self.last_lines.append)),
        ]

    async def _read(self, stream: asyncio.StreamReader, use: Callable[[str], None]) -> None:
        while True:
            try:
                line = await stream.readline()
            except ValueError:
                # Longer than any line that matters; the rest of it follows as the next.
                continue
            if not line:
                return
            use(line.decode(errors="replace").rstrip())

    def _hear(self, line: str) -> None:
        if line.startswith(self._ready_prefix):
            self.ready.set()
        else:
            self.last_lines.append(line)

    async def wait(self) -> int:
        """Wait until it ends, and for its last words; return the exit code."""
        if self._handle is None:
            return 0
        code = await self._handle.wait()
        if self._readers:
            await asyncio.wait(self._readers, timeout=1)
        return code

    def send(self, number: int) -> None:
        """Send a signal, if it still runs."""
        if self._handle is not None:
            with contextlib.suppress(ProcessLookupError):
                self._handle.send_signal(number)


class _Demo:
    """The two children and the wish to stop."""

    def __init__(self, port: int, sim_port: int, home: Path | None, seed: int) -> None:
        self._url = f"http://127.0.0.1:{port}/"
        self._port = port
        self._sim_port = sim_port
        self._home = home
        self._seed = seed
        self._simulator = _Child("simulator", "aegis sim ready ")
        self._engine = _Child("engine", "aegis engine ready ")
        self._stop = asyncio.Event()

    async def run(self) -> int:
        """Run until told to stop (0) or until a child ends by itself (1)."""
        loop = asyncio.get_running_loop()
        for number in STOP_SIGNALS:
            loop.add_signal_handler(number, self._on_signal)
        started_s = time.monotonic()
        _say("시뮬레이터와 엔진을 켭니다 ... Starting the simulator and the engine ...")
        children = (self._simulator, self._engine)
        try:
            await self._start()
            ends = [asyncio.create_task(child.wait()) for child in children]
            stop = asyncio.create_task(self._stop.wait())
            ready = asyncio.create_task(self._wait_ready())
            watched: set[asyncio.Task[Any]] = {*ends, stop, ready}
            await asyncio.wait(watched, timeout=READY_S, return_when=asyncio.FIRST_COMPLETED)
            if ready.done():
                self._welcome(time.monotonic() - started_s)
                await asyncio.wait(watched - {ready}, return_when=asyncio.FIRST_COMPLETED)
            ready.cancel()
            return await self._verdict(ends)
        finally:
            await self._end()

    async def _start(self) -> None:
        kis = {
            "AEGIS__KIS__REST_URL": f"http://127.0.0.1:{self._sim_port}",
            "AEGIS__KIS__WS_URL": f"ws://127.0.0.1:{self._sim_port}/tryitout",
        }
        sim = ["sim", "--port", str(self._sim_port), "--seed", str(self._seed)]
        engine = ["run", "--env", "sim", "--port", str(self._port)]
        if self._home is not None:
            engine += ["--home", str(self._home)]
        await asyncio.gather(self._simulator.start(sim, {}), self._engine.start(engine, kis))

    async def _wait_ready(self) -> None:
        await self._simulator.ready.wait()
        _say("  시뮬레이터 준비됨. Simulator ready, waiting for the engine ...")
        await self._engine.ready.wait()

    async def _verdict(self, ends: list[asyncio.Task[int]]) -> int:
        """Return the exit code; say who ended and with which words, if nobody asked for it."""
        if self._stop.is_set():
            _say("끝냅니다 ... Stopping ...")
            return 0
        for child, end in zip((self._simulator, self._engine), ends, strict=True):
            if end.done():
                _complain(f"the {child.name} ended by itself with code {end.result()}", child)
                return 1
        waiting_for = self._engine if self._simulator.ready.is_set() else self._simulator
        _complain(f"the {waiting_for.name} was not ready within {READY_S:.0f} s", waiting_for)
        return 1

    async def _end(self) -> None:
        """End both children: asked first, then killed; a second Ctrl-C kills at once."""
        children = (self._engine, self._simulator)
        for child in children:
            child.send(signal.SIGTERM)
        ends = asyncio.gather(*(child.wait() for child in children))
        hurry = asyncio.create_task(self._wait_hurry())
        watched: set[asyncio.Future[Any]] = {ends, hurry}
        await asyncio.wait(watched, timeout=STOP_S, return_when=asyncio.FIRST_COMPLETED)
        hurry.cancel()
        for child in children:
            child.send(signal.SIGKILL)
        await ends

    async def _wait_hurry(self) -> None:
        self._stop.clear()
        await self._stop.wait()

    def _on_signal(self) -> None:
        self._stop.set()

    def _welcome(self, elapsed_s: float) -> None:
        url = "" if self._port == DEFAULT_PORT else f" --url {self._url.rstrip('/')}"
        _say(
            f"\naegis demo ready {self._url} in {elapsed_s:.2f} s\n\n"
            f"  화면 screen     {self._url}   (demo / demo-secret)\n\n"
            "  다른 터미널에서 해 보세요. Try in another terminal:\n"
            f"{_activation()}"
            f"    aegis watch 005930{url}                     실시간 호가 live book\n"
            f"    aegis order buy 005930 10 --market{url}     시장가 매수 buy at the market\n"
            f"    aegis balance{url}                          잔고 cash and shares\n\n"
            "  Ctrl-C 로 끝냅니다. Ctrl-C ends it."
        )


def _activation() -> str:
    """Say how to find the `aegis` command, when it lies in a virtual environment not on PATH."""
    if shutil.which("aegis"):
        return ""
    activate = Path(sys.executable).parent / "activate"
    if not activate.exists():
        return ""
    shown = os.path.relpath(activate)
    return f"    . {shown if not shown.startswith('..') else activate}\n"


def _die_with(parent: int) -> Callable[[], None] | None:
    """Return what makes a Linux child die when this process does, however that happens."""
    if not sys.platform.startswith("linux"):
        return None
    # Loaded before the fork: a child between fork and exec must not import anything.
    prctl = ctypes.CDLL(None).prctl

    def arrange() -> None:
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:
            # The parent died before that was arranged.
            os._exit(1)

    return arrange


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _complain(text: str, child: _Child) -> None:
    lines = [f"aegis: {text}", *(f"    {line}" for line in list(child.last_lines)[-LINES_SHOWN:])]
    sys.stderr.write("\n".join(lines) + "\n")
    sys.stderr.flush()

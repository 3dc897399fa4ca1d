"""Run one engine process: `aegis run`."""

from __future__ import annotations

import asyncio
import importlib
import logging
import signal
import sys
from collections.abc import Awaitable
from pathlib import Path
from typing import TypeVar

import uvloop

from aegis_fast.api.server import ApiServer
from aegis_fast.config import Settings
from aegis_fast.core.strategy import Strategy
from aegis_fast.engine.clock import now_ns, process_age_s
from aegis_fast.engine.wiring import Runtime, api_access, build
from aegis_fast.errors import AegisError, ConfigError
from aegis_fast.store.journal import stored_world

__all__ = ["run_engine"]

_WORLD_RETRY_S = 0.05
T = TypeVar("T")


def run_engine(settings: Settings, strategy: str | None = None) -> int:
    """Run until SIGINT or SIGTERM; returns the exit code.

    strategy: MODULE:CLASS of an aegis_fast.Strategy. Raises ConfigError.
    """
    log = logging.getLogger("aegis")
    if not log.handlers:
        logging.basicConfig(
            level=logging.INFO,
            stream=sys.stderr,
            format="%(asctime)s %(levelname)s %(message)s",
        )
    # Its line for each connection says nothing that the feed does not say better.
    logging.getLogger("picows").setLevel(logging.WARNING)
    strategies = [_load_strategy(strategy)] if strategy else []
    return uvloop.run(_run(settings, strategies, log))


async def _run(settings: Settings, strategies: list[Strategy], log: logging.Logger) -> int:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for signum in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(signum, stop.set)
    runtime = build(settings, log)
    server = ApiServer(
        runtime.service,
        api_access(settings),
        host=settings.engine.host,
        port=settings.engine.port,
        clock_ns=now_ns,
    )
    await server.start()
    try:
        await runtime.gateway.start()
        world = await _unless(stop, _world(runtime, log))
        if world is None:
            return 0
        _set_old_world_aside(runtime.journal_path, world, log)
        runtime.lifecycle.open_journal()
        lifecycle = runtime.lifecycle
        lifecycle.start(world, strategies)
        failure = asyncio.ensure_future(_set_after(lifecycle.failed, stop))
        try:
            if await _unless(stop, lifecycle.ready.wait()) is not None:
                print(  # noqa: T201  the one line that scripts wait for
                    f"aegis engine ready http://{settings.engine.host}:{server.port}/ "
                    f"env={settings.engine.env} in {process_age_s():.2f} s",
                    flush=True,
                )
                await stop.wait()
        finally:
            failure.cancel()
            await lifecycle.close()
        return 1 if lifecycle.failed.is_set() else 0
    finally:
        await runtime.follower.close()
        await runtime.gateway.close()
        await server.close()


async def _set_after(first: asyncio.Event, then: asyncio.Event) -> None:
    await first.wait()
    then.set()


async def _unless(stop: asyncio.Event, work: Awaitable[T]) -> T | None:
    """Return what `work` returns, or None if `stop` is set first."""
    task = asyncio.ensure_future(work)
    stopped = asyncio.ensure_future(stop.wait())
    await asyncio.wait({task, stopped}, return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    if task.done():
        return task.result()
    task.cancel()
    return None


async def _world(runtime: Runtime, log: logging.Logger) -> str:
    """Return which simulator is there, waiting for it to start; "" for a real broker."""
    is_said = False
    while True:
        try:
            world = await runtime.gateway.simulator_world()
            # Before anything is written down: every record carries the broker's time.
            await runtime.follower.start()
            return world
        except AegisError as error:
            if not is_said:
                log.info("waiting for the simulator (start one with `aegis sim`): %s", error)
                is_said = True
            await asyncio.sleep(_WORLD_RETRY_S)


def _set_old_world_aside(path: Path, world: str, log: logging.Logger) -> None:
    """A restarted simulator has forgotten all orders: its predecessor's journal is put away."""
    old = stored_world(path)
    if not old or old == world:
        return
    for suffix in ("", "-wal", "-shm"):
        source = path.with_name(path.name + suffix)
        if source.exists():
            source.rename(path.with_name(f"journal-{old}.db{suffix}"))
    log.info("a new simulator: the journal of the one before is kept as journal-%s.db", old)


def _load_strategy(name: str) -> Strategy:
    module_name, _, class_name = name.partition(":")
    if not class_name:
        raise ConfigError(f"{name!r} names no class", field="--strategy", expected="MODULE:CLASS")
    sys.path.insert(0, str(Path.cwd()))
    try:
        kind = getattr(importlib.import_module(module_name), class_name)
    except (ImportError, AttributeError) as error:
        raise ConfigError(f"{name} can't be loaded: {error}", field="--strategy") from error
    if not (isinstance(kind, type) and issubclass(kind, Strategy)):
        raise ConfigError(
            f"{name} is no strategy", field="--strategy", expected="a class of aegis_fast.Strategy"
        )
    return kind()

"""Run a simulator as a process: until SIGINT or SIGTERM, with a line that says it is ready."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from aegis_fast.sim.server import SimServer, start

__all__ = ["run", "welcome"]

_ACCOUNTS_SHOWN = 5


def welcome(server: SimServer) -> str:
    """Return what a person needs to point a client at a simulator. Its keys open nothing else."""
    broker = server.broker
    lines = [
        f"  REST       {server.rest_url}",
        f"  WebSocket  {server.ws_url}",
        f"  화면 screen {server.rest_url}/_sim/",
        f"  상태 state  {server.rest_url}/_sim/state",
    ]
    if server.ca_path is not None:
        lines.append(f"  CA         {server.ca_path}")
    accounts = list(broker.accounts.values())
    for account in accounts[:_ACCOUNTS_SHOWN]:
        customer = broker.door.customers[account.appkey]
        lines += [
            f"  계좌 account {account.number}   HTS id {account.hts_id}",
            f"    appkey    {customer.appkey}",
            f"    appsecret {customer.appsecret}",
        ]
    if len(accounts) > _ACCOUNTS_SHOWN:
        lines.append(f"  ... 외 {len(accounts) - _ACCOUNTS_SHOWN} more accounts")
    lines.append(
        "  KIS 프로그램의 REST·WebSocket 주소를 위로 바꾸면 됩니다. "
        "Put these two addresses where your KIS program has the broker's."
    )
    return "\n".join(lines) + "\n"


async def _serve(
    ready: Callable[[int], None] | None,
    host: str,
    port: int,
    settings: dict[str, Any],
    *,
    is_friendly: bool,
) -> None:
    server = await start(host, port, **settings)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    # Outside the main thread there are no signals: whoever started it ends it.
    with contextlib.suppress(ValueError, RuntimeError):
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop.set)
    try:
        sys.stdout.write(
            f"aegis sim ready {server.rest_url} {server.ws_url} "
            f"profile={server.broker.rules.name} seed={server.broker.world.seed}\n"
        )
        if is_friendly:
            sys.stdout.write(welcome(server))
        sys.stdout.flush()
        if ready is not None:
            ready(server.port)
        stopped = asyncio.create_task(stop.wait())
        market = asyncio.create_task(server.wait())
        done, pending = await asyncio.wait((stopped, market), return_when=asyncio.FIRST_COMPLETED)
        for task in pending:
            task.cancel()
        await asyncio.gather(*pending, return_exceptions=True)
        for task in done:
            task.result()
    finally:
        await server.close()


def run(
    host: str = "127.0.0.1",
    port: int = 8791,
    profile: str = "spec",
    seed: int = 1,
    replay: str | Path | None = None,
    calls_per_s: int | None = None,
    ready: Callable[[int], None] | None = None,
    *,
    is_friendly: bool = False,
    **settings: Any,
) -> None:
    """Run a simulator until SIGINT or SIGTERM. Raises ConfigError.

    ready(port) is called once it listens. is_friendly: say after the ready line how to use it.
    settings: what start() takes beyond these.
    """
    import uvloop

    settings |= {"profile": profile, "seed": seed, "replay": replay, "calls_per_s": calls_per_s}
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(ready, host, port, settings, is_friendly=is_friendly))

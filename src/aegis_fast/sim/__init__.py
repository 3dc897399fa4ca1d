"""A KIS to run at home: the broker's REST calls, WebSocket and a market, on loopback.

    from aegis_fast import sim
    server = await sim.start()          # in a test: server.port, server.ledger(), server.close()
    sim.run(port=8791)                  # a process of its own

The parts that decide (exchange, world, desk, door, stream, broker) are pure; `server`, `sockets`,
`pump` and `process` touch sockets and clocks, `replay`, `accounts` and `tls` touch files.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aegis_fast.sim.server import SimServer

__all__ = ["run", "start"]


async def start(host: str = "127.0.0.1", port: int = 0, **settings: Any) -> SimServer:
    """Start a simulator on the running event loop; see server.start. Raises ConfigError."""
    # Imported here, so that the pure parts can be used without the HTTP server.
    from aegis_fast.sim import server

    return await server.start(host, port, **settings)


def run(
    host: str = "127.0.0.1",
    port: int = 8791,
    profile: str = "spec",
    seed: int = 1,
    replay: str | Path | None = None,
    calls_per_s: int | None = None,
    ready: Callable[[int], None] | None = None,
    **settings: Any,
) -> None:
    """Run a simulator until SIGINT or SIGTERM; see process.run. Raises ConfigError."""
    from aegis_fast.sim import process

    process.run(host, port, profile, seed, replay, calls_per_s, ready, **settings)

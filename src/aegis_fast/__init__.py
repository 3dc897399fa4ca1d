"""aegis-fast: a low-latency trading engine for the KIS Open API (AEGIS v3.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "3.1.0"
__all__ = ["Client", "Strategy", "__version__"]

if TYPE_CHECKING:
    from aegis_fast.client import Client
    from aegis_fast.core.strategy import Strategy


def __getattr__(name: str) -> Any:
    # Imported on first use: a service that wants only the hot modules must not pay for aiohttp.
    if name == "Client":
        from aegis_fast.client import Client

        return Client
    if name == "Strategy":
        from aegis_fast.core.strategy import Strategy

        return Strategy
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

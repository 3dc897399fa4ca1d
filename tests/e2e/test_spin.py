"""An engine that spins: in the market hours of its simulator, and trading all the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.e2e.stack import Stack, http

pytestmark = pytest.mark.e2e


def test_engine_spins_while_its_simulators_market_is_open_and_trades(tmp_path: Path) -> None:
    stack = Stack(
        tmp_path,
        sim_arguments=("--start", "2026-11-23T15:00:00"),
        AEGIS__ENGINE__SPIN="true",
        AEGIS__ENGINE__SPIN_CORE="0",
    )

    def status() -> Any:
        return stack.api("GET", "status").data

    try:
        stack.start_engine()
        stack.until(lambda: status()["is_spinning"], 5, "the loop spins")

        assert stack.order(qty=1).status == 201
        stack.until(lambda: status()["latency"]["read"]["count"] > 10, 10, "frames arrive")

        http("POST", f"{stack.sim_url}/_sim/market", {"activity": 0})
        http("POST", f"{stack.sim_url}/_sim/clock", {"to": "2026-11-23T20:00:01"}, timeout_s=60)
        stack.until(lambda: not status()["is_spinning"], 10, "the market has closed")
    finally:
        stack.close()

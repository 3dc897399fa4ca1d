"""A real ApiServer over a FakeService on a free port, and a client session that speaks to it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from aegis_fast.api.access import Access
from aegis_fast.api.server import ApiServer
from tests.unit.api.fake_service import Clock, FakeService, counting_rng, keys

SECRETS = {"demo": "demo-secret", "viewer": "view-secret", "boss": "boss-secret"}


@dataclass
class Answer:
    """One HTTP answer, decoded."""

    status: int
    headers: Any
    json: Any


@dataclass
class Bench:
    """What a test holds in its hands."""

    clock: Clock
    service: FakeService
    server: ApiServer
    session: aiohttp.ClientSession
    sockets: list[aiohttp.ClientWebSocketResponse] = field(default_factory=list)

    async def ask(
        self, method: str, path: str, *, token: str = "", headers: Any = None, **how: Any
    ) -> Answer:
        headers = dict(headers or {})
        if token:
            headers["Authorization"] = f"Bearer {token}"
        full = path if path.startswith("//") else f"/api/v3.1/{path}"
        full = full.removeprefix("/") if full.startswith("//") else full
        async with self.session.request(method, full, headers=headers, **how) as response:
            body = await response.read()
            content = await response.json() if body else None
            return Answer(response.status, response.headers, content)

    async def log_in(self, key: str = "demo") -> str:
        answer = await self.ask(
            "POST", "auth/token", json={"api_key": key, "api_secret": SECRETS[key]}
        )
        return answer.json["data"]["access_token"]


def run(scenario: Callable[[Bench], Awaitable[None]], **server_options: Any) -> None:
    """Run one test's scenario against a fresh server."""

    async def main() -> None:
        clock = Clock()
        service = FakeService(clock)
        access = Access(keys(), clock, counting_rng())
        server = ApiServer(
            service, access, host="127.0.0.1", port=0, clock_ns=clock, **server_options
        )
        await server.start()
        try:
            async with aiohttp.ClientSession(f"http://127.0.0.1:{server.port}") as session:
                bench = Bench(clock, service, server, session)
                await scenario(bench)
                await asyncio.gather(*(ws.close() for ws in bench.sockets))
        finally:
            await server.close()

    asyncio.run(main())


def limit_order(**changes: Any) -> dict[str, Any]:
    """Return a good body of POST orders, with the changes; None takes a field out."""
    body = {
        "client_order_id": "c-1", "symbol": "005930", "side": "buy", "type": "limit", "qty": 10,
        "price_krw": 69_000, **changes,
    }  # fmt: skip
    return {name: value for name, value in body.items() if value is not None}

"""Measure what no order can be faster than: the disk alone, the request alone."""

from __future__ import annotations

import asyncio
import os
import socket
import time
from pathlib import Path

import aiohttp
import numpy as np

from aegis_fast.core.model import OrderType, PlaceOrder, Side, Venue
from aegis_fast.kis import codec
from aegis_fast.kis.profile import SIM_ACCOUNT
from benchmarks.order_stand import TRADED, Stand

FLOOR_ROUNDS = 400


def percentiles(values_ns: list[int]) -> dict[str, float]:
    """Return the 5th, 50th, 99th and 99.9th percentile in us; p5 is what noise touches least."""
    cuts = np.percentile(np.array(values_ns), [5, 50, 99, 99.9]) / 1_000
    names = ("p5", "p50", "p99", "p99.9")
    return {name: round(float(cut), 2) for name, cut in zip(names, cuts, strict=True)} | {
        "n": len(values_ns)
    }


async def floors(here: Stand) -> dict[str, dict[str, float]]:
    """Return what nothing can be faster than: the disk alone, the request alone."""
    return {
        "one fdatasync": percentiles(_syncs(here.home)),
        "one bare aiohttp POST": percentiles(await _aiohttp_posts(here)),
        "one POST, blocking socket": percentiles(
            await asyncio.to_thread(_raw_posts, here, await here.token())
        ),
    }


def _syncs(home: Path) -> list[int]:
    taken = []
    row = os.urandom(300)
    with (home / "floor").open("wb", buffering=0) as file:
        for _ in range(FLOOR_ROUNDS):
            began = time.perf_counter_ns()
            file.write(row)
            os.fdatasync(file.fileno())
            taken.append(time.perf_counter_ns() - began)
            time.sleep(0.001)
    return taken


def _request(here: Stand, number: int) -> codec.Request:
    command = PlaceOrder(
        order_id="", account=SIM_ACCOUNT, symbol=TRADED, side=Side.BUY,
        order_type=OrderType.LIMIT, qty=1 + number % 40, price_krw=here.price_krw,
        venue=Venue.KRX, trace_id="",
    )  # fmt: skip
    return codec.place_order(here.runtime.gateway._profile, command)


async def _aiohttp_posts(here: Stand) -> list[int]:
    taken, gateway, token = [], here.runtime.gateway, await here.token()
    tls = here.runtime.gateway._rest._tls
    url = gateway._profile.rest_url
    connector = aiohttp.TCPConnector(ssl=tls if tls is not None else True)
    async with aiohttp.ClientSession(connector=connector) as session:
        for number in range(FLOOR_ROUNDS):
            request = _request(here, number)
            headers = request.headers(gateway._credentials, token)
            await asyncio.sleep(0.002)
            began = time.perf_counter_ns()
            async with session.post(
                url + request.path, data=request.body, headers=headers
            ) as answer:
                content = await answer.read()
            taken.append(time.perf_counter_ns() - began)
            assert b'"rt_cd":"0"' in content, content[:300]
    return taken[20:]


def _raw_posts(here: Stand, token: str) -> list[int]:
    taken, gateway = [], here.runtime.gateway
    host, _, port = gateway._profile.rest_url.rpartition("//")[2].partition(":")
    tls = gateway._rest._tls
    with socket.create_connection((host, int(port)), timeout=10) as plain:
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        line = tls.wrap_socket(plain, server_hostname=host) if tls is not None else plain
        for number in range(FLOOR_ROUNDS):
            request = _request(here, number)
            named = request.headers(gateway._credentials, token)
            head = f"POST {request.path} HTTP/1.1\r\nHost: {host}\r\n"
            head += "".join(f"{name}: {value}\r\n" for name, value in named.items())
            head += f"Content-Length: {len(request.body)}\r\n\r\n"
            time.sleep(0.002)
            began = time.perf_counter_ns()
            line.sendall(head.encode() + request.body)
            answer = line.recv(65_536)
            taken.append(time.perf_counter_ns() - began)
            assert answer.startswith(b"HTTP/1.1 200"), answer[:300]
        if tls is not None:
            line.close()
    return taken[20:]

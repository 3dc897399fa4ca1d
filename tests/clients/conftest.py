"""Simulators for the public clients, and walls around them: loopback only, a home of their own."""

from __future__ import annotations

import gc
import ipaddress
import socket
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.clients.simulator import OPTIONS, Simulator, simulator


def _is_loopback(address: Any) -> bool:
    if not isinstance(address, tuple):
        return True  # A Unix socket.
    try:
        return ipaddress.ip_address(address[0]).is_loopback
    except ValueError:
        return address[0] == "localhost"


@pytest.fixture(autouse=True)
def walls(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """Keep the clients off the network and out of the user's home (~/.pykis, token.dat).

    The time zone is Korea's, as on their users' machines: mojito2 takes local time for KST.
    """
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: Any) -> None:
        assert _is_loopback(address), f"a client wants to reach {address}"
        return connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("NO_PROXY", "*")
    with pytest.MonkeyPatch.context() as zone:
        zone.setenv("TZ", "Asia/Seoul")
        time.tzset()
        yield
    time.tzset()


@pytest.fixture(scope="module", autouse=True)
def swept() -> Iterator[None]:
    """Sweep up what the clients leave: they drop sockets without closing them.

    Found by chance later, such a socket would fail whatever runs then.
    """
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        for _ in range(3):
            gc.collect()


@pytest.fixture(scope="session")
def real_sim() -> Iterator[Simulator]:
    """`aegis sim --profile real`, its crowd at rest so that numbers can be compared."""
    with simulator("--profile", "real", *OPTIONS) as running:
        running.control("POST", "market", {"pause": True})
        yield running


@pytest.fixture(scope="session")
def paper_sim() -> Iterator[Simulator]:
    """`aegis sim --profile paper`, its crowd at rest."""
    with simulator("--profile", "paper", *OPTIONS) as running:
        running.control("POST", "market", {"pause": True})
        yield running

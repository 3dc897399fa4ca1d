"""Run the real processes for a test: `aegis sim` and `aegis run`, on free loopback ports."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections import deque
from pathlib import Path
from typing import Any

READY_S = 30.0


class Answer:
    """An HTTP answer: status, headers, decoded body."""

    def __init__(self, status: int, headers: Any, body: Any) -> None:
        self.status = status
        self.headers = headers
        self.body = body

    @property
    def data(self) -> Any:
        return self.body["data"]


def http(
    method: str,
    url: str,
    body: object | None = None,
    *,
    token: str = "",
    raw: bytes | None = None,
    timeout_s: float = 20.0,
) -> Answer:
    """Make one request; error statuses are answers, not exceptions."""
    content = raw if raw is not None else None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data=content, method=method)
    request.add_header("Content-Type", "application/json")
    if token:
        request.add_header("Authorization", f"Bearer {token}")
    try:
        with urllib.request.urlopen(request, timeout=timeout_s) as answer:
            text, status, headers = answer.read(), answer.status, answer.headers
    except urllib.error.HTTPError as error:
        with error:
            text, status, headers = error.read(), error.code, error.headers
    return Answer(status, headers, json.loads(text) if text else None)


class Child:
    """A process that says when it is ready; its output is kept for the failure message."""

    def __init__(self, arguments: list[str], ready: str, env: dict[str, str]) -> None:
        self.lines: deque[str] = deque(maxlen=400)
        self.ready_line = ""
        self._ready = threading.Event()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "aegis_fast.cli", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1", **env},
        )
        self._reader = threading.Thread(target=self._read, args=(ready,), daemon=True)
        self._reader.start()

    def _read(self, ready: str) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line.rstrip())
            if line.startswith(ready):
                self.ready_line = line
                self._ready.set()
        self._ready.set()

    def wait_ready(self) -> str:
        """Return the ready line; fail with the output if there is none."""
        assert self._ready.wait(READY_S), "not ready in time:\n" + "\n".join(self.lines)
        assert self.ready_line, "ended before it was ready:\n" + "\n".join(self.lines)
        return self.ready_line

    def kill(self) -> None:
        """kill -9."""
        self.process.kill()
        self.process.wait()
        self._finish()

    def stop(self) -> int:
        """End it as Ctrl-C would; returns the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self._finish()
        return self.process.returncode

    def _finish(self) -> None:
        self._reader.join(5)
        if self.process.stdout is not None:
            self.process.stdout.close()


class Stack:
    """A simulator and an engine of its own."""

    def __init__(
        self,
        home: Path,
        *,
        sim_arguments: tuple[str, ...] = (),
        engine_env: str = "sim",
        **env: str,
    ) -> None:
        self.home = home
        self.env_name = engine_env
        self.env = env
        self.engine: Child | None = None
        self.token = ""
        self.sim = Child(["sim", "--port", "0", *sim_arguments], "aegis sim ready", {})
        found = re.search(r"(https?://\S+) (wss?://\S+)", self.sim.wait_ready())
        assert found is not None
        self.sim_url, self.ws_url = found[1], found[2]
        self.url = ""

    @property
    def engine_env(self) -> dict[str, str]:
        return {
            "AEGIS__KIS__REST_URL": self.sim_url,
            "AEGIS__KIS__WS_URL": self.ws_url,
            "AEGIS_HOME": str(self.home),
            "AEGIS_PORT": "0",
            "AEGIS__FEED__RECONNECT_INTERVAL_MS": "200",
            "AEGIS__RECONCILE__INTERVAL_MS": "500",
            **self.env,
        }

    def start_engine(self, *arguments: str) -> Stack:
        self.engine = Child(
            ["run", "--env", self.env_name, *arguments], "aegis engine ready", self.engine_env
        )
        found = re.search(r"http://127\.0\.0\.1:\d+", self.engine.wait_ready())
        assert found is not None
        self.url = found[0]
        answer = http(
            "POST",
            f"{self.url}/api/v3.1/auth/token",
            {"api_key": "demo", "api_secret": "demo-secret"},
        )
        assert answer.status == 200, answer.body
        self.token = answer.data["access_token"]
        return self

    def api(self, method: str, path: str, body: object | None = None, **kwargs: Any) -> Answer:
        return http(method, f"{self.url}/api/v3.1/{path}", body, token=self.token, **kwargs)

    def ledger(self) -> dict[str, Any]:
        body = http("GET", f"{self.sim_url}/_sim/ledger").body
        assert isinstance(body, dict)
        return body

    def sim_state(self) -> dict[str, Any]:
        body = http("GET", f"{self.sim_url}/_sim/state").body
        assert isinstance(body, dict)
        return body

    def fault(self, kind: str, **fields: object) -> None:
        answer = http("POST", f"{self.sim_url}/_sim/faults", {"kind": kind, **fields})
        assert answer.status in (200, 201), answer.body

    def order(self, **fields: object) -> Answer:
        body = {"side": "buy", "type": "market", "symbol": "005930", "qty": 1, **fields}
        return self.api("POST", "orders", body)

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run an `aegis` command against this engine."""
        return subprocess.run(
            [sys.executable, "-m", "aegis_fast.cli", *arguments],
            capture_output=True,
            text=True,
            timeout=30,
            env={**os.environ, "AEGIS_URL": self.url, "COLUMNS": "120"},
        )

    def until(self, claim: Any, timeout_s: float = 10.0, what: str = "") -> Any:
        """Wait until claim() is true; returns what it returned."""
        deadline = time.monotonic() + timeout_s
        while True:
            value = claim()
            if value:
                return value
            if time.monotonic() > deadline:
                output = "\n".join(self.engine.lines) if self.engine else ""
                raise AssertionError(f"never came true: {what or claim}\n{output}")
            time.sleep(0.02)

    def close(self) -> None:
        if self.engine is not None:
            self.engine.stop()
        self.sim.stop()


def ledger_positions(ledger: dict[str, Any]) -> dict[str, int]:
    """Return symbol -> shares as the simulator's truth has them."""
    (account,) = ledger["accounts"].values()
    return {symbol: row["qty"] for symbol, row in account["positions"].items() if row["qty"]}


def own_orders(ledger: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the new orders the simulator accepted, cancels and amends left out."""
    return [row for row in ledger["orders"] if row["request"] == "new"]


@contextlib.contextmanager
def running(home: Path, **kwargs: Any) -> Any:
    """Give a stack with a running engine and take it down again."""
    stack = Stack(home, **kwargs)
    try:
        yield stack.start_engine()
    finally:
        stack.close()

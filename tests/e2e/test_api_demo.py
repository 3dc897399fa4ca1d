"""`aegis demo`: both children come up, end with Ctrl-C, and never outlive it."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.stack import http

pytestmark = pytest.mark.e2e


class Demo:
    """One `aegis demo` on free ports."""

    def __init__(self, home: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "aegis_fast.cli", "demo", "--port", "0", "--sim-port", "0",
             "--home", str(home)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )  # fmt: skip
        self._killer = threading.Timer(60, self.process.kill)
        self._killer.start()
        self.shown = ""
        self.url = ""

    def wait_ready(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.shown += line
            if found := re.match(r"aegis demo ready (http://127\.0\.0\.1:\d+)/", line):
                self.url = found[1]
            if self.url and "Ctrl-C" in line:
                return
        raise AssertionError(f"never ready: {self.shown} {self.finish()}")

    def children(self) -> list[int]:
        path = f"/proc/{self.process.pid}/task/{self.process.pid}/children"
        return [int(pid) for pid in Path(path).read_text().split()]

    def finish(self) -> tuple[int, str]:
        """Wait for its end; return the exit code and what it wrote to stderr."""
        out, errors = self.process.communicate()
        self._killer.cancel()
        self.shown += out
        return self.process.returncode, errors


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Demo]:
    demo = Demo(tmp_path)
    yield demo
    if demo.process.poll() is None:
        demo.process.kill()
        demo.finish()


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_dead(pids: list[int], timeout_s: float) -> None:
    deadline = time.monotonic() + timeout_s
    while any(is_alive(pid) for pid in pids):
        assert time.monotonic() < deadline, "a child lives on"
        time.sleep(0.02)


def test_demo_is_ready_serves_the_screen_and_ends_with_ctrl_c(demo: Demo) -> None:
    demo.wait_ready()
    children = demo.children()
    hello = http("GET", f"{demo.url}/api/v3.1/hello").data
    # As a terminal does it: to the whole group, of which the children are no part.
    os.killpg(demo.process.pid, signal.SIGINT)
    started = time.monotonic()
    code, errors = demo.finish()

    assert (hello["env"], hello["demo"]) == ("sim", True)
    assert len(children) == 2
    assert (code, errors) == (0, "")
    assert time.monotonic() - started < 6
    assert "aegis watch 005930" in demo.shown
    assert not any(is_alive(pid) for pid in children)


def test_ctrl_c_before_it_is_ready_ends_it_too(demo: Demo) -> None:
    assert demo.process.stdout is not None
    demo.process.stdout.readline()
    demo.process.send_signal(signal.SIGTERM)
    code, errors = demo.finish()

    assert (code, errors) == (0, "")


def test_kill_9_of_demo_leaves_nothing_behind(demo: Demo) -> None:
    demo.wait_ready()
    children = demo.children()
    demo.process.kill()
    demo.finish()

    assert len(children) == 2
    wait_dead(children, 5)


@pytest.mark.parametrize(("victim", "name"), [("sim", "simulator"), ("run", "engine")])
def test_child_that_dies_is_named_and_the_other_ends(demo: Demo, victim: str, name: str) -> None:
    demo.wait_ready()
    children = demo.children()
    arguments = {pid: Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0") for pid in children}
    os.kill(next(p for p in children if arguments[p][3] == victim.encode()), signal.SIGKILL)
    code, errors = demo.finish()

    assert code == 1
    assert f"aegis: the {name} ended by itself with code -9" in errors
    assert not any(is_alive(pid) for pid in children)


def test_busy_port_is_told_before_anything_starts(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ran = subprocess.run(
            [sys.executable, "-m", "aegis_fast.cli", "demo", "--port", str(port),
             "--home", str(tmp_path)],
            capture_output=True, text=True, timeout=30,
        )  # fmt: skip

    assert (ran.returncode, ran.stdout) == (2, "")
    assert f"port {port} is busy" in ran.stderr
    assert "--port" in ran.stderr

"""The simulator as a process: its ready line, its end, a port that is taken."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import urllib.request

import pytest

pytestmark = pytest.mark.e2e

PROGRAM = "from aegis_fast import sim; sim.run(port={port}, profile={profile!r}, seed=5)"
READY = re.compile(
    r"^aegis sim ready http://127\.0\.0\.1:(\d+) ws://127\.0\.0\.1:(\d+)/tryitout "
    r"profile=paper seed=5$"
)


def started(port: int = 0, profile: str = "paper") -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM.format(port=port, profile=profile)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_process_says_it_is_ready_and_ends_cleanly_on_a_signal(number: signal.Signals) -> None:
    with started() as process:
        assert process.stdout is not None
        found = READY.match(process.stdout.readline())
        assert found is not None
        assert found[1] == found[2]
        with urllib.request.urlopen(f"http://127.0.0.1:{found[1]}/_sim/state", timeout=5) as page:
            state = json.load(page)
        assert (state["profile"], state["seed"], state["calls_per_s"]) == ("paper", 5, 1)

        process.send_signal(number)

        out, err = process.communicate(timeout=10)
        assert (process.returncode, out, err) == (0, "", "")


def test_command_says_where_its_page_is_and_the_page_is_there() -> None:
    command = [sys.executable, "-m", "aegis_fast.cli", "sim", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        said = next(line for line in process.stdout if "screen" in line)
        found = re.search(r"http://127\.0\.0\.1:\d+/_sim/$", said.strip())
        assert found is not None
        with urllib.request.urlopen(found[0], timeout=5) as page:
            kind, text = page.headers["Content-Type"], page.read().decode()
        process.terminate()
        process.communicate(timeout=10)

    assert kind == "text/html; charset=utf-8"
    assert "<title>AEGIS SIM</title>" in text


def test_taken_port_is_a_configuration_error() -> None:
    with started() as process:
        assert process.stdout is not None
        found = READY.match(process.stdout.readline())
        assert found is not None

        with started(int(found[1])) as second:
            _, err = second.communicate(timeout=10)

        assert second.returncode == 1
        assert "ConfigError" in err
        assert "in use" in err
        process.terminate()
        process.communicate(timeout=10)


FINGERPRINT = """
import hashlib, json
from random import Random
from aegis_fast.kis.profile import SIM_APPKEY, SIM_APPSECRET, SIM_HTS_ID
from aegis_fast.sim.calls.answers import Request
from aegis_fast.sim.broker import Broker

now = 1_795_395_600 * 10**9
broker = Broker(start_ns=now, entropy=Random(3), seed=11)
keys = {"grant_type": "client_credentials", "appkey": SIM_APPKEY, "secretkey": SIM_APPSECRET}
request = Request("POST", "/oauth2/Approval", {}, {}, json.dumps(keys).encode(), "")
answer = broker.call(request, now, now)
key = json.loads(answer.body)["approval_key"]
digest = hashlib.sha256()
session = broker.hub.open(digest.update, "", now)
for symbol in list(broker.exchange.books)[:20]:
    for tr_id in ("H0STCNT0", "H0STASP0"):
        header = {"approval_key": key, "custtype": "P", "tr_type": "1"}
        body = {"input": {"tr_id": tr_id, "tr_key": symbol}}
        broker.on_text(session, json.dumps({"header": header, "body": body}), now, now)
for _ in range(1_000):
    now += 10**7
    broker.step(now, now)
print(session.sent, digest.hexdigest())
"""


def test_same_seed_sends_the_same_bytes_whatever_the_hash_seed() -> None:
    outputs = {
        subprocess.run(
            [sys.executable, "-c", FINGERPRINT],
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for hash_seed in ("1", "2")
    }

    (output,) = outputs
    assert int(output.split()[0]) > 500

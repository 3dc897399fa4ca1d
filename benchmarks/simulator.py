"""Measure the simulated market itself, without a socket: its start, its memory, an event, a day.

    python -m benchmarks.simulator [--seconds 60] [--day] [--hour]

Every list of issues is measured in a process of its own, so that the memory is that list's. An
event is one act of the crowd in one book, or one second's move of all fair values; times are CPU
times, since the machine may be shared. With --day a whole trading day of 30 issues is led through
its sessions at a tenth of the usual pace. With --hour fifty sessions of 41 registrations hear an
hour of it, in memory, at about 200 frames a second each: does the memory stay where it is?
"""

from __future__ import annotations

import argparse
import json
import platform
import resource
import subprocess
import sys
import time
from datetime import date

SECOND_NS = 1_000_000_000
STEP_NS = SECOND_NS // 100
DAY = date(2026, 11, 23)
LISTS = (30, 2_700)
DAY_ACTIVITY = 0.1
SESSIONS = 50
GRANT = "client_credentials"


def rss_mb() -> int:
    """Return the largest resident set of this process so far, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1_024


def resident_mb() -> float:
    """Return the resident set of this process now, in MB."""
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * resource.getpagesize() / 1e6


def measure(count: int, seconds: int) -> dict[str, float]:
    """Start a market of count issues at ten o'clock and let it run for some seconds."""
    begun = time.process_time()
    from aegis_fast.sim.crowd.listing import issues_of
    from aegis_fast.sim.kst import midnight_ns
    from aegis_fast.sim.market.world import World

    imported = time.process_time()
    start_ns = midnight_ns(DAY) + 36_000 * SECOND_NS
    world = World(seed=1, start_ns=start_ns, listed=issues_of(count, 1))
    started = time.process_time()
    start_mb = rss_mb()
    for now_ns in range(start_ns, start_ns + seconds * SECOND_NS, STEP_NS):
        world.advance(now_ns)
    spent = time.process_time() - started
    return {
        "import_s": imported - begun,
        "start_s": started - imported,
        "start_mb": start_mb,
        "events": world.events_done,
        "event_us": spent * 1e6 / world.events_done,
        "core_percent": spent * 100 / seconds,
        "end_mb": rss_mb(),
    }


def measure_day() -> dict[str, float]:
    """Lead 30 issues through the sessions of a day, 07:55 to 20:05."""
    from aegis_fast.sim.kst import midnight_ns
    from aegis_fast.sim.market.world import World

    start_ns = midnight_ns(DAY) + 28_500 * SECOND_NS
    end_ns = midnight_ns(DAY) + 72_300 * SECOND_NS
    world = World(seed=1, start_ns=start_ns, hours="day", activity=DAY_ACTIVITY)
    begun = time.process_time()
    for now_ns in range(start_ns, end_ns, SECOND_NS):
        world.advance(now_ns)
    return {
        "day_s": time.process_time() - begun,
        "events": world.events_done,
        "end_mb": rss_mb(),
    }


class _Sink:
    """A session that counts what it hears."""

    frames = 0

    def take(self, wire: bytes) -> None:
        """Count a message and drop it."""
        self.frames += 1


def measure_hour(minutes: int = 60) -> dict[str, float]:
    """Let fifty sessions listen for an hour of market time; see the memory on the way."""
    from random import Random

    from aegis_fast.sim.broker import Broker
    from aegis_fast.sim.calls.answers import Request
    from aegis_fast.sim.desk.account import AccountSpec
    from aegis_fast.sim.kst import midnight_ns

    accounts = tuple(
        AccountSpec(f"{6_000_000_000 + number}", f"key{number}", f"secret{number}", f"id{number}")
        for number in range(SESSIONS)
    )
    start_ns = now_ns = midnight_ns(DAY) + 36_000 * SECOND_NS
    broker = Broker(
        start_ns=start_ns, entropy=Random(1), calls_per_s=0, accounts=accounts, activity=1.7
    )
    stocks = [issue.symbol for issue in broker.world.listed if issue.kind == "stock"][:21]
    wanted = [(tr_id, symbol) for symbol in stocks for tr_id in ("H0STCNT0", "H0STASP0")][:41]
    sinks = []
    for spec in accounts:
        ask = {"appkey": spec.appkey, "secretkey": spec.appsecret, "grant_type": GRANT}
        request = Request("POST", "/oauth2/Approval", {}, {}, json.dumps(ask).encode(), "127.0.0.1")
        key = json.loads(broker.call(request, now_ns, now_ns).body)["approval_key"]
        sink = _Sink()
        session = broker.hub.open(sink.take, "127.0.0.1", now_ns)
        for tr_id, tr_key in wanted:
            head = {"approval_key": key, "custtype": "P", "tr_type": "1"}
            body = {"input": {"tr_id": tr_id, "tr_key": tr_key}}
            broker.on_text(session, json.dumps({"header": head, "body": body}), now_ns, now_ns)
        sinks.append(sink)
    begun = time.process_time()
    early_mb = 0.0
    for minute in range(minutes):
        for _ in range(600):
            now_ns += SECOND_NS // 10
            broker.advance(now_ns, now_ns)
        if minute == 29:
            early_mb = resident_mb()
    return {
        "cpu_s": time.process_time() - begun,
        "frames_per_s": sum(sink.frames for sink in sinks) / SESSIONS / (minutes * 60),
        "early_mb": early_mb,
        "end_mb": resident_mb(),
    }


def in_a_process(*arguments: str) -> dict[str, float]:
    """Run this module again with a job and return what it found."""
    command = [sys.executable, "-m", "benchmarks.simulator", *arguments]
    found: dict[str, float] = json.loads(subprocess.check_output(command))
    return found


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.simulator", description=__doc__)
    parser.add_argument("--seconds", type=int, default=60, help="of market time, 1 to 600")
    parser.add_argument("--day", action="store_true", help="also a whole trading day")
    parser.add_argument("--hour", action="store_true", help="also an hour of fifty sessions")
    parser.add_argument("--job", default="", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if not 1 <= arguments.seconds <= 600:
        parser.error("--seconds: 1 to 600")
    if arguments.job:
        jobs = {"day": measure_day, "hour": measure_hour}
        job = jobs.get(arguments.job)
        print(json.dumps(job() if job else measure(int(arguments.job), arguments.seconds)))
        return 0
    print(f"Python {platform.python_version()}, {arguments.seconds} s of market time, CPU times")
    for count in LISTS:
        found = in_a_process("--job", str(count), "--seconds", str(arguments.seconds))
        print(
            f"{count:5} issues: ready in {found['start_s']:.2f} s, {found['start_mb']:.0f} MB; "
            f"{found['events']:.0f} events of {found['event_us']:.1f} us, "
            f"{found['core_percent']:.1f} % of a core, then {found['end_mb']:.0f} MB"
        )
    if arguments.day:
        found = in_a_process("--job", "day")
        print(
            f"   a day of 30 issues at {DAY_ACTIVITY} of the pace: {found['events']:.0f} events "
            f"in {found['day_s']:.1f} s, {found['end_mb']:.0f} MB"
        )
    if arguments.hour:
        found = in_a_process("--job", "hour")
        print(
            f"   an hour of {SESSIONS} sessions x {found['frames_per_s']:.0f} frames/s: "
            f"{found['cpu_s']:.0f} s, {found['early_mb']:.1f} MB at half time, "
            f"{found['end_mb']:.1f} MB at the end"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())

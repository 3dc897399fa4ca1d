"""From the socket to the strategy: how old a frame is when the callback sees it.

    python -m benchmarks.socket_to_strategy [--quick]

50 connections, 10,000 messages a second, on loopback; receiver and sender are processes of their
own, on a core each. Twice: sent by a C program (evenly paced, then bursts of 50, then as fast as
the receiver takes it), and by `aegis sim`. Every receiver is run in every round, so a slow spell of
the machine hits all alike; percentiles are over all samples of all rounds.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from benchmarks import native, simulator_wire
from benchmarks.goals import Section
from benchmarks.histogram import Histogram, merged, percentile_ns
from benchmarks.receivers import MODES

CONNECTIONS = 50
RATE_PER_S = 10_000
OWN_SYMBOLS = 4  # Of each socket in the simulator.
PACED, BURST, FLOOD = range(3)
NAMES = {
    "c": "C epoll",
    "ours": "ours, Python Strategy",
    "ours-native": "ours, cimported",
    "protocol": "asyncio.Protocol",
    "aiohttp": "aiohttp",
    "websockets": "websockets",
}
PERCENTS = (50, 99, 99.9)
SETTLE_NS = 300_000_000
GAP_NS = 100_000_000
STEP_S = 30.0


@dataclass(slots=True)
class Contender:
    """One receiver in one mode, with what it has shown in every round."""

    name: str
    mode: str
    rounds: list[dict[str, Any]] = field(default_factory=list)

    def ages(self, phase: int) -> Histogram:
        """Return all ages of a phase."""
        return merged({int(b): n for b, n in done["ages"][phase]} for done in self.rounds)

    def percentile_us(self, phase: int, percent: float) -> float:
        return percentile_ns(self.ages(phase), percent) / 1_000

    def best_us(self, phase: int, percent: float) -> float:
        """Return the percentile of the round in which it was lowest."""
        return min(percentile_ns(dict(done["ages"][phase]), percent) for done in self.rounds) / 1e3

    def most_per_s(self) -> float:
        """Return the messages a second of the best flood."""
        return max(
            (done["messages"][FLOOD] / done["flood_s"] for done in self.rounds if done["flood_s"]),
            default=0.0,
        )


def cores() -> tuple[int | None, int | None]:
    """Return a core for the sender and one for the receiver; None where there are not two."""
    allowed = sorted(os.sched_getaffinity(0))
    return (allowed[0], allowed[1]) if len(allowed) > 1 else (None, None)


def _pinned(cpu: int | None) -> list[str]:
    return [] if cpu is None else ["--cpu", str(cpu)]


@contextmanager
def child(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Run a module of the benchmarks as a process that is gone at the end."""
    command = [sys.executable, "-m", *arguments]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, cwd=native.ROOT) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()


def say(process: subprocess.Popen[str], value: object) -> None:
    assert process.stdin is not None
    process.stdin.write(json.dumps(value) + "\n")
    process.stdin.flush()


def hear(process: subprocess.Popen[str], what: str) -> str:
    """Return its next line. Raises RuntimeError when it ends instead."""
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        raise RuntimeError(f"{what} ended with {process.wait()}")
    return line


def phases_from(begin_ns: int, seconds: tuple[float, float, float]) -> list[list[int]]:
    """Return [begin, end] of the three phases, a gap between them."""
    found = []
    for length_s in seconds:
        end_ns = begin_ns + int(length_s * 1e9)
        found.append([begin_ns, end_ns])
        begin_ns = end_ns + GAP_NS
    return found


def receive(
    one: Contender,
    url: str,
    texts: list[list[str]],
    seconds: tuple[float, float, float],
    on_plan: Callable[[list[list[int]]], None],
) -> None:
    """Run a receiver once; on_plan hears the phases before the first begins."""
    with child("benchmarks.receivers", one.name, one.mode, *_pinned(cores()[1])) as process:
        say(process, {"url": url, "texts": texts})
        hear(process, f"{one.name} {one.mode}")
        phases = phases_from(time.time_ns() + SETTLE_NS, seconds)
        say(process, {"phases": phases})
        on_plan(phases)
        done = json.loads(hear(process, f"{one.name} {one.mode}"))
    one.rounds.append({**done, "paced_s": seconds[PACED], "flood_s": seconds[FLOOD]})


def from_pacer(one: Contender, seconds: tuple[float, float, float]) -> None:
    """Let a receiver hear the C sender."""
    count = str(CONNECTIONS)
    with child("benchmarks.sender", "--connections", count, *_pinned(cores()[0])) as sender:
        url = f"ws://127.0.0.1:{hear(sender, 'the sender').strip()}/tryitout"

        def tell(phases: list[list[int]]) -> None:
            say(sender, {"phases": phases, "rate_per_s": RATE_PER_S})

        receive(one, url, [[] for _ in range(CONNECTIONS)], seconds, tell)


def contenders(names: dict[str, str] | None = None) -> list[Contender]:
    """Return every receiver in every mode."""
    return [Contender(name, mode) for mode in MODES for name in names or NAMES]


def table(rows: list[Contender], *, is_whole: bool) -> str:
    """Return the rows as text, in µs; is_whole: with bursts and floods."""
    head = f"  {'':9} {'':22} {'p50':>8} {'p99':>8} {'p99.9':>9} {'best p99':>9}"
    lines = [head + (f" {'burst p50':>10} {'max k/s':>9}" if is_whole else f" {'frames/s':>9}")]
    for one in rows:
        cells = [f"{one.percentile_us(PACED, p):8.1f}" for p in PERCENTS]
        line = (
            f"  {one.mode:9} {NAMES[one.name]:22} {' '.join(cells)} {one.best_us(PACED, 99):10.1f}"
        )
        if is_whole:
            line += f" {one.percentile_us(BURST, 50):10.1f} {one.most_per_s() / 1e3:9,.0f}"
        else:
            line += f" {sum(one.ages(PACED).values()) / _paced_s(one):9,.0f}"
        lines.append(line)
    return "\n".join(lines)


def _paced_s(one: Contender) -> float:
    return sum(done["paced_s"] for done in one.rounds)


def rounds_from_pacer(
    rows: list[Contender], rounds: int, seconds: tuple[float, float, float]
) -> None:
    """Let every receiver hear the C sender in every round."""
    for number in range(rounds):
        for one in rows:
            _progress(f"C sender, round {number + 1} of {rounds}: {one.mode} {NAMES[one.name]}")
            from_pacer(one, seconds)


def rounds_from_simulator(rows: list[Contender], rounds: int, seconds: float) -> None:
    """Let every receiver hear one simulator in every round; it has a core of its own."""
    with simulator_wire.simulator(1.0, is_stamped=True) as target:
        sender_cpu = cores()[0]
        if sender_cpu is not None:
            os.sched_setaffinity(target.pid, {sender_cpu})
        listed = simulator_wire.stocks(target)

        def symbols_of(number: int) -> list[str]:
            return [listed[(number * OWN_SYMBOLS + i) % len(listed)] for i in range(OWN_SYMBOLS)]

        texts = simulator_wire.registrations(target, symbols_of)
        _progress("aegis sim: looking for the pace of 10,000 frames a second")
        asyncio.run(_find_pace(target, texts))
        wanted = [[text.decode() for text in own] for own in texts]
        url = f"ws://127.0.0.1:{target.port}/tryitout"
        for number in range(rounds):
            for one in rows:
                _progress(
                    f"aegis sim, round {number + 1} of {rounds}: {one.mode} {NAMES[one.name]}"
                )
                receive(one, url, wanted, (seconds, 0.0, 0.0), lambda phases: None)


async def _find_pace(target: simulator_wire.Simulator, texts: list[list[bytes]]) -> None:
    readers = await simulator_wire.open_readers(target, texts)
    await simulator_wire.find_activity(target, readers, 4.0)
    for reader in readers:
        reader.transport.close()
    await asyncio.sleep(0.2)


def _progress(text: str) -> None:
    print(f"  ... {text}", file=sys.stderr, flush=True)


def ratios(rows: list[Contender]) -> dict[str, float]:
    """Return the goals' values: ours (the Python Strategy) against the C loop and aiohttp."""
    by = {(one.name, one.mode): one for one in rows}
    floor, mine = by["c", "spinning"], by["ours", "spinning"]
    found = {
        f"spin_p{name}_vs_c": mine.percentile_us(PACED, percent)
        / floor.percentile_us(PACED, percent)
        for name, percent in (("50", 50), ("99", 99), ("999", 99.9))
    }
    asleep = by["ours", "blocking"]
    found["blocking_p50_vs_c"] = asleep.percentile_us(PACED, 50) / by[
        "c", "blocking"
    ].percentile_us(PACED, 50)
    found["burst_vs_aiohttp"] = by["aiohttp", "blocking"].percentile_us(
        BURST, 50
    ) / asleep.percentile_us(BURST, 50)
    found["messages_per_s_a_core"] = max(mine.most_per_s(), asleep.most_per_s()) / 1e6
    found["delay_p99_us"] = mine.percentile_us(PACED, 99)
    return found


def figures(rows: list[Contender]) -> list[dict[str, Any]]:
    """Return every receiver's figures for the JSON, the whole histogram included."""
    return [
        {
            "name": NAMES[one.name],
            "mode": one.mode,
            "us": {f"p{p}": round(one.percentile_us(PACED, p), 2) for p in PERCENTS},
            "best_round_us": {f"p{p}": round(one.best_us(PACED, p), 2) for p in PERCENTS},
            "samples": sum(one.ages(PACED).values()),
            "ages": sorted(one.ages(PACED).items()),
            "burst_p50_us": round(one.percentile_us(BURST, 50), 2) if one.ages(BURST) else None,
            "most_per_s": round(one.most_per_s()),
        }
        for one in rows
    ]


def measure(*, is_quick: bool) -> Section:
    """Run everything; about four minutes, one with is_quick."""
    title = f"Socket to strategy: {CONNECTIONS} connections, {RATE_PER_S:,} messages/s, age in µs"
    if cores()[0] is None:
        return Section(title, "  left out: it needs two cores, for the sender and the receiver")
    native.probe(), native.library("epoll"), native.library("pacer")
    paced, simulated = contenders(), contenders()
    if is_quick:
        rounds_from_pacer(paced, 1, (0.6, 0.3, 0.3))
        simulated = [one for one in simulated if one.name != "protocol"]
        rounds_from_simulator(simulated, 1, 0.6)
    else:
        rounds_from_pacer(paced, 3, (2.0, 0.5, 0.5))
        rounds_from_simulator(simulated, 2, 2.5)
    text = "\n".join(
        (
            "  sent by a C program; a burst is 50 frames in one piece, max without any pause",
            table(paced, is_whole=True),
            "  sent by aegis sim, in another process",
            table(simulated, is_whole=False),
            "  the last three parse nothing: their callback gets the message",
        )
    )
    found = {"paced": figures(paced), "simulator": figures(simulated)}
    return Section(title, text, found, ratios(paced))


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.socket_to_strategy", description=__doc__
    )
    parser.add_argument("--quick", action="store_true", help="one short round")
    done = measure(is_quick=parser.parse_args().quick)
    print(f"{done.title}\n{done.text}")


if __name__ == "__main__":
    main()

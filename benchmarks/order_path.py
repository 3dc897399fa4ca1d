"""Measure the way of an order: from the tick, or from the API call, to its bytes on the socket.

    python -m benchmarks.order_path [--seconds 5] [ROW ...]

The engine runs in this process, on uvloop, built as `aegis run` builds it; the broker is `aegis
sim` in another process, the feed a third one that sends stamped trades at an even pace, all on
loopback. The call limit is lifted on both sides, so nothing waits for it, and the list of orders is
not read meanwhile. Times are of one clock, ns since the epoch. "On the socket" is the moment right
after the system call that took the bytes.

Beside the rows, in the same run and directory: a bare fdatasync, a bare aiohttp POST of the same
order to the same server, the same over a blocking socket. Bounded: 7 scenarios of two processes
each, a minute in all; everything is ended and removed.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import sys
import time
from collections.abc import Callable, Iterable
from typing import Any

import uvloop

from aegis_fast.api.server import ApiServer
from aegis_fast.engine import wiring
from aegis_fast.engine.clock import now_ns
from benchmarks import report
from benchmarks.order_floors import floors, percentiles
from benchmarks.order_stand import TRADED, WATCHED, Recorder, spinning, stand

WARM_UP = 100
CALLS = 100_000  # What the call limit is lifted to: more than a second here can hold.
STAGES = ("tick -> strategy", "-> journal has it", "-> durable", "-> on the socket")


def stages(recorder: Recorder) -> dict[str, dict[str, float]]:
    """Return each stage's share and the whole, over all orders but the first WARM_UP."""
    whole = [s for s in recorder.orders.values() if s.is_whole][WARM_UP:]
    if not whole:
        raise RuntimeError("no order went out")
    found = {}
    if whole[0].callback_ns:
        found[STAGES[0]] = percentiles([s.callback_ns - s.born_ns for s in whole])
    found[STAGES[1]] = percentiles([s.accepted_ns - (s.callback_ns or s.born_ns) for s in whole])
    found[STAGES[2]] = percentiles([s.durable_ns - s.accepted_ns for s in whole])
    found[STAGES[3]] = percentiles([s.socket_ns - s.durable_ns for s in whole])
    found["whole"] = percentiles([s.socket_ns - s.born_ns for s in whole])
    # The others found no open line free: the broker was slow to answer.
    found["whole"]["on_lines_percent"] = round(100 * recorder.on_lines / len(recorder.orders), 1)
    return found


async def from_tick(durability: str, seconds: int, *, tls: bool = False) -> dict[str, Any]:
    """Ticks at 200 a second, an order on each, spinning."""
    async with stand(durability, tls=tls) as here:
        with spinning():
            here.feed.say(f"{TRADED} 200 steady")
            await asyncio.sleep(seconds + WARM_UP / 200)
            here.feed.say(f"{TRADED} 0 steady")
            await asyncio.sleep(0.3)
        return {"stages": stages(here.recorder), "floors": await floors(here)}


async def from_call(durability: str, seconds: int, *, tls: bool = False) -> dict[str, Any]:
    """API calls at 100 a second from another process, not spinning."""
    async with stand(durability, tls=tls) as here:
        settings = here.runtime.settings
        access = wiring.api_access(settings)
        server = ApiServer(here.runtime.service, access, host="127.0.0.1", port=0, clock_ns=now_ns)
        await server.start()
        try:
            token = access.log_in("demo", "demo-secret", "127.0.0.1").access_token
            caller = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "benchmarks.order_parties", "call"),
                *(f"http://127.0.0.1:{server.port}", token, TRADED, str(here.price_krw)),
                *(str(WARM_UP + 100 * seconds), "100"),
                stdout=asyncio.subprocess.PIPE,
                cwd=report.ROOT,
            )
            said, _ = await asyncio.wait_for(caller.communicate(), 60)
        finally:
            await server.close()
        answered = percentiles(json.loads(said)[WARM_UP:])
        found = stages(here.recorder) | {"call -> answer at the caller": answered}
        return {"stages": found, "floors": await floors(here)}


async def feed_beside_orders(seconds: int, *, is_spinning: bool) -> dict[str, Any]:
    """WATCHED ticks at 1,000 a second at random moments: alone, then with 1,000 orders/s."""
    async with stand("kernel", tls=False) as here:
        found: dict[str, Any] = {}

        async def round_of(name: str, orders_per_s: int) -> None:
            here.feed.say(f"{WATCHED} 1000 random")
            here.feed.say(f"{TRADED} {orders_per_s} random")
            await asyncio.sleep(0.5)
            here.recorder.feed_ns.clear()
            orders = len(here.recorder.orders)
            began_s = time.monotonic()
            await asyncio.sleep(seconds)
            rate = (len(here.recorder.orders) - orders) / (time.monotonic() - began_s)
            found[name] = percentiles(here.recorder.feed_ns) | {"orders_per_s": round(rate)}
            here.feed.say(f"{TRADED} 0 random")
            await asyncio.sleep(0.3)

        async def both() -> None:
            await round_of("feed alone", 0)
            await round_of("beside 1,000 orders/s", 1_000)

        if is_spinning:
            with spinning():
                await both()
        else:
            await both()
        return {"stages": found, "floors": {}}


Scenario = Callable[[int], Any]
ROWS: dict[str, tuple[str, Scenario]] = {
    "tick-kernel": (
        "tick to order bytes, spinning, journal to the kernel",
        lambda s: from_tick("kernel", s),
    ),
    "tick-disk": (
        "tick to order bytes, spinning, journal to the disk",
        lambda s: from_tick("disk", s),
    ),
    "tick-kernel-tls": (
        "tick to order bytes, spinning, journal to the kernel, TLS 1.3",
        lambda s: from_tick("kernel", s, tls=True),
    ),
    "tick-disk-tls": (
        "tick to order bytes, spinning, journal to the disk, TLS 1.3",
        lambda s: from_tick("disk", s, tls=True),
    ),
    "call-disk": (
        "API call to order bytes, blocking, journal to the disk",
        lambda s: from_call("disk", s),
    ),
    "feed-spinning": (
        "feed beside 1,000 orders/s, spinning, socket to strategy",
        lambda s: feed_beside_orders(s, is_spinning=True),
    ),
    "feed-blocking": (
        "feed beside 1,000 orders/s, blocking, socket to strategy",
        lambda s: feed_beside_orders(s, is_spinning=False),
    ),
}


def measure(names: Iterable[str], seconds: int) -> dict[str, dict[str, Any]]:
    """Run the rows one after another; each is {"title", "stages", "floors"}, in us."""
    wiring.calls_per_s = lambda settings: CALLS
    return {name: {"title": ROWS[name][0], **uvloop.run(ROWS[name][1](seconds))} for name in names}


def table(row: dict[str, Any]) -> str:
    """Return one row as text."""
    lines = [row["title"], f"  {'us':32} {'p5':>9} {'p50':>9} {'p99':>9} {'p99.9':>9}      n"]
    for name, cuts in (row["stages"] | row["floors"]).items():
        more = f"  {cuts['orders_per_s']} orders/s" if "orders_per_s" in cuts else ""
        if "on_lines_percent" in cuts:
            more = f"  {cuts['on_lines_percent']} % on open lines"
        lines.append(
            f"  {name:32} {cuts['p5']:9.1f} {cuts['p50']:9.1f} {cuts['p99']:9.1f} "
            f"{cuts['p99.9']:9.1f} "
            f"{cuts['n']:6}{more}"
        )
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--seconds", type=int, default=5, choices=range(1, 61), metavar="1..60")
    parser.add_argument("rows", nargs="*", metavar="ROW", help=", ".join(ROWS))
    chosen = parser.parse_args()
    unknown = set(chosen.rows) - set(ROWS)
    if unknown:
        parser.error(f"no such row: {sorted(unknown)}; there are {list(ROWS)}")
    logging.basicConfig(level=logging.WARNING)
    logging.getLogger("picows").setLevel(logging.WARNING)
    for name in chosen.rows or ROWS:
        print(table(measure([name], chosen.seconds)[name]), flush=True)


if __name__ == "__main__":
    main()

"""Build an engine to be measured, with stamps on the way of its orders; see order_path."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp.http_writer

from aegis_fast.config import load_settings
from aegis_fast.core.events import OrderSubmitted
from aegis_fast.core.model import PlaceOrder
from aegis_fast.core.strategy import Strategy
from aegis_fast.engine import main as engine_main
from aegis_fast.engine import wiring
from aegis_fast.engine.spin import Spinner
from aegis_fast.hot import Trade
from benchmarks import report

TRADED, WATCHED = "005930", "000660"
SIMULATOR = """
from pathlib import Path
from aegis_fast import sim
from aegis_fast.kis.profile import SIM_ACCOUNT, SIM_APPKEY, SIM_APPSECRET, SIM_HTS_ID
from aegis_fast.sim.desk.account import AccountSpec
rich = AccountSpec(SIM_ACCOUNT, SIM_APPKEY, SIM_APPSECRET, SIM_HTS_ID, cash_krw=10**14)
sim.run(port=0, calls_per_s=0, accounts=[rich], activity=0.0, tls={tls}, tls_dir=Path({home!r}))
"""


@dataclass(slots=True)
class Stamps:
    """The moments of one order, ns since the epoch. born_ns: the tick's, or the call's."""

    born_ns: int = 0
    callback_ns: int = 0
    accepted_ns: int = 0
    durable_ns: int = 0
    socket_ns: int = 0

    @property
    def is_whole(self) -> bool:
        return bool(self.born_ns and self.durable_ns and self.socket_ns)


# The order whose request the running task sends.
_sending: ContextVar[Stamps | None] = ContextVar("_sending", default=None)


@dataclass
class Recorder:
    """All orders of one scenario, and how late each watched tick reached its callback.

    on_lines: orders that left in the call that decided them.
    """

    orders: dict[str, Stamps] = field(default_factory=dict)
    feed_ns: list[int] = field(default_factory=list)
    on_lines: int = 0

    def of(self, order_id: str) -> Stamps:
        return self.orders.setdefault(order_id, Stamps())


class Buyer(Strategy):
    """Buy a few shares on every tick of TRADED, far below the market; time those of WATCHED."""

    symbols = (TRADED, WATCHED)

    def __init__(self, recorder: Recorder) -> None:
        super().__init__()
        self.price_krw = 0
        self._recorder = recorder
        self._count = 0

    def on_trade(self, trade: Trade) -> None:
        here_ns = time.time_ns()
        if trade.symbol == WATCHED:
            self._recorder.feed_ns.append(here_ns - (trade.cum_value_krw or 0))
            return
        self._count += 1
        order = self.buy(TRADED, 1 + self._count % 40, self.price_krw)
        stamps = self._recorder.of(order.order_id)
        stamps.born_ns, stamps.callback_ns = trade.recv_ns, here_ns


@dataclass(slots=True)
class Party:
    """A child process."""

    process: subprocess.Popen[str]
    url: str

    def say(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()


@contextmanager
def party(arguments: list[str]) -> Iterator[Party]:
    """Run a process that says where it is on its first line."""
    with subprocess.Popen(
        [sys.executable, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=report.ROOT,
        env={**os.environ, "PYTHONPATH": f"{report.ROOT / 'src'}:{report.ROOT}"},
    ) as process:
        try:
            assert process.stdout is not None
            said = process.stdout.readline().split()
            url = next((word for word in said if word.startswith("http")), said[0] if said else "")
            yield Party(process, url)
        finally:
            process.terminate()


@dataclass(slots=True)
class Stand:
    """A running engine with all that is measured on it."""

    runtime: wiring.Runtime
    recorder: Recorder
    feed: Party
    home: Path
    price_krw: int

    async def token(self) -> str:
        return await self.runtime.gateway.issuer.token()


@asynccontextmanager
async def stand(durability: str, *, tls: bool) -> AsyncIterator[Stand]:
    """Build and start an engine with its broker and feed; end everything afterwards."""
    # Not in /tmp, which may be memory: fdatasync is part of what is asked.
    with tempfile.TemporaryDirectory(dir=report.ROOT / "benchmarks", prefix=".order-path-") as name:
        home = Path(name)
        simulator = ["-c", SIMULATOR.format(tls=tls, home=name)]
        with (
            party(simulator) as broker,
            party(["-m", "benchmarks.order_parties", "feed"]) as feed,
        ):
            settings = load_settings(
                overrides={
                    "engine.home": home,
                    "kis.rest_url": broker.url,
                    "kis.ws_url": f"ws://127.0.0.1:{feed.url}",
                    # Ten times the broker's limit of calls needs more lines than the default.
                    "kis.order_lines": 8,
                    "kis.ca_file": str(home / "ca.pem") if tls else "",
                    "feed.symbols": [WATCHED],
                    "journal.durability": durability,
                    "reconcile.interval_ms": 600_000,
                }
            )
            runtime = wiring.build(settings, logging.getLogger("benchmarks"))
            recorder = Recorder()
            strategy = Buyer(recorder)
            watch(runtime, recorder)
            await runtime.gateway.start()
            world = await engine_main._world(runtime, logging.getLogger("benchmarks"))
            runtime.lifecycle.open_journal()
            runtime.lifecycle.start(world or "", [strategy])
            try:
                await asyncio.wait_for(runtime.lifecycle.ready.wait(), 30)
                issue = await runtime.service._listing.instrument(TRADED)
                strategy.price_krw = issue.lower_krw
                yield Stand(runtime, recorder, feed, home, issue.lower_krw)
            finally:
                await runtime.lifecycle.close()
                await runtime.follower.close()
                gc.unfreeze()


def watch(runtime: wiring.Runtime, recorder: Recorder) -> None:
    """Put the stamps on the journal and on the requests of one engine."""
    journal, gateway = runtime.lifecycle._journal, runtime.gateway
    append, place, begin = journal.append, gateway.place, gateway.begin

    def stamped_append(event: Any, at_ns: int) -> Any:
        future = append(event, at_ns)
        if isinstance(event, OrderSubmitted):
            stamps = recorder.of(event.order_id)
            stamps.accepted_ns = time.time_ns()
            if event.client_order_id.startswith("call-"):
                stamps.born_ns = int(event.client_order_id.removeprefix("call-"))

            def note_durable(_future: object) -> None:
                stamps.durable_ns = time.time_ns()

            if future.done():
                note_durable(future)
            else:
                future.add_done_callback(note_durable)
        return future

    async def stamped_place(command: PlaceOrder) -> Any:
        _sending.set(recorder.of(command.order_id))
        return await place(command)

    def stamped_begin(command: Any, leaving: Any) -> Any:
        answer = begin(command, leaving)
        if answer is not None:
            # The line has written by now, in one call to the kernel.
            recorder.of(command.order_id).socket_ns = time.time_ns()
            recorder.on_lines += 1
        return answer

    journal.append = stamped_append  # type: ignore[method-assign]
    gateway.place = stamped_place  # type: ignore[method-assign]
    gateway.begin = stamped_begin  # type: ignore[method-assign]
    watch_aiohttp()


def watch_aiohttp() -> None:
    """Stamp the order of the running task once its bytes are in the kernel."""
    writer = aiohttp.http_writer.StreamWriter
    if getattr(writer, "is_stamped", False):
        return
    write, write_lines = writer._write, writer._writelines

    def note_sent(stamps: Stamps) -> None:
        stamps.socket_ns = time.time_ns()

    def later() -> None:
        # uvloop writes when it has run what was ready; what is called after that comes first in
        # its next turn. So this is late by less than a turn of the loop (1 us).
        if (stamps := _sending.get()) is not None:
            asyncio.get_running_loop().call_soon(note_sent, stamps)

    def stamped_write(self: Any, chunk: Any) -> None:
        write(self, chunk)
        later()

    def stamped_lines(self: Any, chunks: Any) -> None:
        write_lines(self, chunks)
        later()

    writer._write = stamped_write  # type: ignore[method-assign]
    writer._writelines = stamped_lines  # type: ignore[method-assign]
    writer.is_stamped = True  # type: ignore[attr-defined]


@contextmanager
def spinning() -> Iterator[None]:
    """Spin as the engine does in market hours with `engine.spin`, without a core of its own."""
    spinner = Spinner()
    spinner.start()
    try:
        yield
    finally:
        spinner.stop()

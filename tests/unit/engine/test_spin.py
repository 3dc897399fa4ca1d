"""The spinning loop: it turns while it is on, gives everybody their turn, and sleeps otherwise."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator

import pytest
import uvloop

from aegis_fast.engine.spin import NOT_PINNED, Spinner
from aegis_fast.errors import ConfigError


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    """What a test leaves behind of the process's state would show up far away."""
    cores = os.sched_getaffinity(0)
    yield
    assert os.sched_getaffinity(0) == cores


async def turned(rounds: int) -> None:
    for _ in range(rounds):
        await asyncio.sleep(0)


def test_loop_turns_while_it_spins_and_stops_at_once() -> None:
    async def body() -> None:
        spinner = Spinner()
        await turned(10)
        assert (spinner.turns, spinner.is_on) == (0, False)

        spinner.start()
        spinner.start()
        await turned(10)
        assert 9 <= spinner.turns <= 11, "one turn a round, however often it was started"
        assert spinner.is_on

        spinner.stop()
        seen = spinner.turns
        await turned(10)
        assert spinner.turns == seen
        assert not spinner.is_on

    asyncio.run(body())


def test_spinner_that_is_stopped_and_started_in_one_round_turns_once_a_round() -> None:
    async def body() -> None:
        spinner = Spinner()
        for _ in range(5):
            spinner.start()
            spinner.stop()
        spinner.start()
        await turned(20)
        spinner.stop()
        assert 18 <= spinner.turns <= 22

    asyncio.run(body())


def test_loop_is_pinned_while_it_spins_only() -> None:
    cores = os.sched_getaffinity(0)
    core = max(cores)

    async def body() -> None:
        spinner = Spinner(core)
        assert os.sched_getaffinity(0) == cores
        spinner.start()
        assert os.sched_getaffinity(0) == {core}
        spinner.stop()
        assert os.sched_getaffinity(0) == cores

    asyncio.run(body())


def test_core_that_is_not_there_is_refused_with_those_that_are() -> None:
    missing = max(os.sched_getaffinity(0)) + 1
    with pytest.raises(ConfigError) as caught:
        Spinner(missing)
    assert caught.value.field == "engine.spin_core"
    assert str(max(os.sched_getaffinity(0))) in str(caught.value.expected)
    assert NOT_PINNED == -1


@pytest.mark.e2e
@pytest.mark.parametrize("loop_factory", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_timers_sockets_and_threads_are_served_while_it_spins(loop_factory: object) -> None:
    async def body() -> None:
        spinner = Spinner()
        spinner.start()
        fired = asyncio.Event()
        asyncio.get_running_loop().call_later(0.01, fired.set)

        async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(await reader.readline())
            writer.close()

        server = await asyncio.start_server(echo, "127.0.0.1", 0)
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        writer.write(b"hello\n")
        assert await reader.readline() == b"hello\n"
        assert await asyncio.to_thread(lambda: 7) == 7
        await fired.wait()
        writer.close()
        server.close()
        turns = spinner.turns
        await asyncio.sleep(0.05)
        # A loop that slept would have turned a few times only.
        assert spinner.turns > turns + 100
        spinner.stop()

    with asyncio.Runner(loop_factory=loop_factory) as runner:  # type: ignore[arg-type]
        runner.run(asyncio.wait_for(body(), 10))

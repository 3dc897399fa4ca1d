"""Own-order notices around the answers to orders, over real sockets."""

from __future__ import annotations

import asyncio

import pytest

from tests.e2e.sim_fault_bench import NOTICE_TR, SYMBOL, TRADE_TR, Bench, Stream, bench

pytestmark = pytest.mark.e2e

ORDERS = 10


async def firsts(one: Bench) -> list[str]:
    """Send orders, one after the other; return what came first of each: answer or notice."""
    stream = await one.watching_notices()
    seen: list[str] = []
    found = []
    for _ in range(ORDERS):
        seen.clear()

        async def listen() -> None:
            for _ in range(2):
                await stream.next(f"|{NOTICE_TR}|")
                seen.append("notice")

        ear = asyncio.create_task(listen())
        await one.buy(ORD_QTY="1")
        seen.append("answer")
        await ear
        found.append(seen[0])
    return found


@pytest.mark.parametrize("speed", [1.0, 60.0])
def test_notices_set_to_come_after_the_answer_do(speed: float) -> None:
    async def main() -> None:
        async with asyncio.timeout(15), bench(notices="after", speed=speed) as one:
            assert await firsts(one) == ["answer"] * ORDERS

    asyncio.run(main())


def test_most_answers_come_first_when_mixed() -> None:
    async def main() -> None:
        async with asyncio.timeout(15), bench() as one:
            assert (await firsts(one)).count("answer") >= 6

    asyncio.run(main())


async def heard(pause_s: float) -> list[str]:
    """Return all frames of orders sent with so long a pause between two, on a clock at rest."""
    settings = {"is_stepped": True, "start_ns": 1_795_914_000_000_000_000, "seed": 4}
    async with bench(**settings) as one:
        stream: Stream = await one.watching_notices()
        await stream.subscribe(TRADE_TR, SYMBOL)
        for number in range(1, 7):
            await one.buy(ORD_QTY=str(number))
            await asyncio.sleep(pause_s)
        # Registering is an input like any other: what waits comes before its ack.
        await stream.subscribe("H0STASP0", SYMBOL)
        await stream.rest()
        return [text for text in stream.texts if text[0] in "01" or "OPSP" in text]


def test_stepped_market_sends_the_same_bytes_however_fast_its_client_is() -> None:
    async def main() -> None:
        async with asyncio.timeout(20):
            fast = await heard(0)
            assert len(fast) >= 3 + 2 * 6
            assert await heard(0.03) == fast

    asyncio.run(main())

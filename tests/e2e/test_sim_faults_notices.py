"""What the faults on own-order notices do on the wire."""

from __future__ import annotations

import pytest

from tests.e2e.sim_fault_bench import Bench, Cases, Stream, case, show

pytestmark = pytest.mark.e2e

CASES: Cases = {}


@pytest.mark.parametrize("kind", CASES)
def test_notice_fault_shows_on_the_wire(kind: str) -> None:
    show(CASES, kind)


async def kinds(stream: Stream) -> list[str]:
    """Return what the notices that come are: 1 receipt, 2 fill (CNTG_YN)."""
    return [stream.notice(text)[13] for text in await stream.rest() if "|H0STCNI0|" in text]


@case(CASES, "notice_delay")
async def _(one: Bench) -> None:
    stream = await one.watching_notices()
    await one.fault(kind="notice_delay", delay_ms=30_000)

    await one.buy(ORD_QTY="1")

    assert await kinds(stream) == ["2"]
    await one.pass_time(30)
    assert await kinds(stream) == ["1"]


@case(CASES, "notice_duplicate")
async def _(one: Bench) -> None:
    stream = await one.watching_notices()
    await one.fault(kind="notice_duplicate", nth=2)

    await one.buy(ORD_QTY="1")

    frames = [text for text in await stream.rest() if "|H0STCNI0|" in text]
    assert [stream.notice(text)[13] for text in frames] == ["1", "2", "2"]
    assert frames[1] == frames[2]


@case(CASES, "notice_out_of_order")
async def _(one: Bench) -> None:
    stream = await one.watching_notices()
    await one.fault(kind="notice_out_of_order")
    await one.buy(ORD_QTY="1")
    assert await kinds(stream) == ["2", "1"]

    # With no next notice it comes when its time is up.
    low = str(one.server.exchange.books["005930"].limits.lower_krw)
    await one.fault(kind="notice_out_of_order", delay_ms=30_000)
    await one.buy(ORD_DVSN="00", ORD_QTY="1", ORD_UNPR=low)
    assert await kinds(stream) == []
    await one.pass_time(30)
    assert await kinds(stream) == ["1"]


@case(CASES, "notice_missing")
async def _(one: Bench) -> None:
    stream = await one.watching_notices()
    await one.fault(kind="notice_missing", after=1)

    await one.buy(ORD_QTY="1")
    await one.buy(ORD_QTY="1")

    assert await kinds(stream) == ["1", "1", "2"]

"""What the faults on realtime frames do on the wire."""

from __future__ import annotations

import pytest

from aegis_fast.kis import tr
from aegis_fast.kis.profile import SIM_HTS_ID
from tests.e2e.sim_fault_bench import NOTICE_TR, TRADE_TR, Bench, Cases, Stream, case, show

pytestmark = pytest.mark.e2e

CASES: Cases = {}
WIDTH = len(tr.realtime()[TRADE_TR].fields)


@pytest.mark.parametrize("kind", CASES)
def test_frame_fault_shows_on_the_wire(kind: str) -> None:
    show(CASES, kind)


async def traded(one: Bench, stream: Stream, times: int) -> list[str]:
    """Let strangers trade one after the other; return the trade frames that came."""
    for _ in range(times):
        await one.trade()
    return [text for text in await stream.rest() if text.startswith(f"0|{TRADE_TR}")]


def volume(frame: str) -> int:
    """Return ACML_VOL of a good frame with one trade."""
    _, _, count, payload = frame.split("|")
    values = payload.split("^")
    assert (count, len(values)) == ("001", WIDTH)
    return int(values[13])


@case(CASES, "bad_frame")
async def _(one: Bench) -> None:
    stream = await one.subscribed(TRADE_TR)
    text = "0|H0STCNT0|002|nonsense"
    assert (await one.fault(kind="bad_frame", text=text, count=2))["affected"] == 2
    assert await stream.rest() == [text, text]

    await one.fault(kind="bad_frame", text=text, tr=TRADE_TR, nth=2)
    frames = await traded(one, stream, 2)
    assert frames[1] == text
    assert volume(frames[2]) == volume(frames[0]) + 1


@case(CASES, "append_fields")
async def _(one: Bench) -> None:
    stream = await one.subscribed(TRADE_TR)
    await stream.subscribe(NOTICE_TR, SIM_HTS_ID)
    await one.fault(kind="append_fields", fields=3)

    await one.buy(ORD_QTY="1")

    texts = await stream.rest()
    trades = [text for text in texts if text.startswith(f"0|{TRADE_TR}|001|")]
    notices = [stream.notice(text) for text in texts if text.startswith(f"1|{NOTICE_TR}|")]
    assert [len(text.split("^")) for text in trades] == [WIDTH + 3]
    assert trades[0].endswith("^1^2^3")
    assert [len(values) for values in notices] == [26 + 3] * 2


@case(CASES, "frame_truncated")
async def _(one: Bench) -> None:
    stream = await one.subscribed(TRADE_TR)
    await one.fault(kind="frame_truncated", tr=TRADE_TR)
    await one.fault(kind="frame_truncated", tr=TRADE_TR, after_bytes=20)

    half, short, whole = await traded(one, stream, 3)

    assert volume(whole)
    assert abs(len(half) - len(whole) // 2) <= 5
    assert short == whole[:20]

    await one.fault(kind="frame_truncated", tr=TRADE_TR, mode="connection")
    await one.trade()
    with pytest.raises(ConnectionError):
        await stream.next("nothing")
    assert stream.socket.close_code == 1006


@case(CASES, "frame_malformed")
async def _(one: Bench) -> None:
    stream = await one.subscribed(TRADE_TR)
    await stream.subscribe(NOTICE_TR, SIM_HTS_ID)
    for mode in ("count", "digits", "separator"):
        await one.fault(kind="frame_malformed", tr=TRADE_TR, mode=mode)
    count, digits, separator, good = await traded(one, stream, 4)
    assert count.startswith(f"0|{TRADE_TR}|002|")
    assert digits.split("^")[2] == "12x4"
    assert separator.startswith(f"0|{TRADE_TR}|001005930^")
    assert volume(good)

    await one.fault(kind="frame_malformed", tr=NOTICE_TR, mode="base64")
    await one.fault(kind="frame_malformed", tr=NOTICE_TR, mode="digits", nth=2)
    await one.buy(ORD_QTY="1")
    broken, fill = [text for text in await stream.rest() if text.startswith(f"1|{NOTICE_TR}")]
    with pytest.raises(ValueError):
        stream.notice(broken)
    assert stream.notice(fill)[9] == "12x4"


@case(CASES, "frame_duplicate")
async def _(one: Bench) -> None:
    stream = await one.subscribed(TRADE_TR)
    await one.fault(kind="frame_duplicate", tr=TRADE_TR, every=2)

    frames = await traded(one, stream, 4)

    volumes = [volume(frame) for frame in frames]
    first = volumes[0]
    assert volumes == [first, first + 1, first + 1, first + 2, first + 3, first + 3]


@case(CASES, "frame_out_of_order")
async def _(one: Bench) -> None:
    stream = await one.subscribed(TRADE_TR)
    await one.fault(kind="frame_out_of_order", tr=TRADE_TR, after=1)
    volumes = [volume(frame) for frame in await traded(one, stream, 3)]
    first = volumes[0]
    assert volumes == [first, first + 2, first + 1]

    await one.fault(kind="frame_out_of_order", tr=TRADE_TR, delay_ms=30_000)
    assert await traded(one, stream, 1) == []
    await one.pass_time(30)
    assert volume(await stream.next(TRADE_TR)) == first + 3


@case(CASES, "frame_missing")
async def _(one: Bench) -> None:
    stream = await one.subscribed(TRADE_TR)
    await one.fault(kind="frame_missing", tr=TRADE_TR, nth=2)

    volumes = [volume(frame) for frame in await traded(one, stream, 3)]

    assert volumes == [volumes[0], volumes[0] + 2]

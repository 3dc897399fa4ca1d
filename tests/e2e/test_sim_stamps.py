"""Stamped frames: every record tells when its socket's bytes went out."""

from __future__ import annotations

import time

import pytest

from aegis_fast.kis import tr
from tests.e2e.test_sim_sockets import Client, Stream, run

pytestmark = pytest.mark.e2e
DEPTH_WIDTH = len(tr.realtime()["H0STASP0"].fields)


async def frame_of(stream: Stream, tr_id: str, symbol: str) -> str:
    """Register and return the first frame, which may come before the answer."""
    await stream.subscribe(tr_id, symbol)

    def is_it(text: str) -> bool:
        return text.startswith(f"0|{tr_id}|") and f"|{symbol}^" in text

    return next(filter(is_it, stream.texts), None) or await stream.until(is_it)


def test_stamp_is_the_wall_clock_between_order_and_arrival():
    async def scenario(one: Client) -> None:
        assert (await one.control("POST", "market", {"stamp": True}))[1]["is_stamped"] is True
        stream = await one.socket()
        began_ns = time.time_ns()
        frame = await frame_of(stream, "H0STASP0", "005930")
        ended_ns = time.time_ns()

        values = frame.split("|", 3)[3].split("^")
        assert len(values) == DEPTH_WIDTH + 1
        assert began_ns <= int(values[-1]) <= ended_ns

    run(scenario, activity=0)


def test_socket_opened_before_stamps_sees_the_room_and_off_takes_it_away():
    async def scenario(one: Client) -> None:
        stream = await one.socket()
        await one.control("POST", "market", {"stamp": True})
        roomy = await frame_of(stream, "H0STASP0", "005930")
        await one.control("POST", "market", {"stamp": False})
        plain = await frame_of(stream, "H0STASP0", "000660")

        assert roomy.endswith("^" + "0" * 19)
        assert plain.count("^") == DEPTH_WIDTH - 1

    run(scenario, activity=0)


def test_every_record_of_a_stamped_frame_has_as_many_values():
    async def scenario(one: Client) -> None:
        stream = await one.socket()
        await stream.subscribe("H0STCNT0", "005930")
        for side in ("buy", "sell", "buy"):
            body = {"symbol": "005930", "side": side, "qty": 200_000}
            assert (await one.control("POST", "market", body))[0] == 200
        frame = await stream.until(lambda text: text.startswith("0|H0STCNT0"))

        _, _, count, payload = frame.split("|", 3)
        values = payload.split("^")
        width = len(tr.realtime()["H0STCNT0"].fields) + 1
        assert len(values) == int(count) * width
        stamps = values[width - 1 :: width]
        assert len(set(stamps)) == 1
        assert 0 <= time.time_ns() - int(stamps[0]) < 60 * 10**9

    run(scenario, activity=0, stamp=True)

"""Own-order notices before and after the answer that caused them."""

from __future__ import annotations

from random import Random

import pytest

from aegis_fast.errors import ConfigError
from aegis_fast.kis.profile import SIM_HTS_ID
from aegis_fast.sim.feed.notice_gate import NoticeGate
from aegis_fast.sim.settings import SimSettings
from tests.unit.sim.sim_harness import MS, Bench, Socket


def watching(bench: Bench) -> Socket:
    socket = bench.socket()
    assert socket.code("H0STCNI0", SIM_HTS_ID) == "OPSP0000"
    return socket


def kinds(socket: Socket) -> str:
    """Return what the notices so far are: 1 receipt, 2 fill (CNTG_YN)."""
    return "".join(notice["CNTG_YN"] for notice in socket.notices())


def heard(bench: Bench, socket: Socket, count: int) -> list[tuple[str, str]]:
    """Buy a share `count` times; return what was heard by the answer, and after a moment."""
    found = []
    for _ in range(count):
        start = len(kinds(socket))
        assert bench.order("buy", 1)["rt_cd"] == "0"
        with_answer = kinds(socket)[start:]
        bench.move(10 * MS)
        found.append((with_answer, kinds(socket)[start:]))
    return found


def test_mixed_notices_come_in_every_order_within_five_calls() -> None:
    bench = Bench(notices="mixed")
    socket = watching(bench)

    for _ in range(4):
        by_answer, after = zip(*heard(bench, socket, 5), strict=True)
        assert sorted(by_answer) == ["", "", "", "1", "12"]
        assert set(after) == {"12"}


@pytest.mark.parametrize(("notices", "by_answer"), [("before", "12"), ("after", "")])
def test_order_of_notices_can_be_fixed(notices: str, by_answer: str) -> None:
    bench = Bench(notices=notices)

    assert heard(bench, watching(bench), 6) == [(by_answer, "12")] * 6


def test_broker_in_memory_tells_at_once_and_a_simulator_mixes() -> None:
    assert Bench().broker.notice_gate.timing == "before"
    assert SimSettings().notices == "mixed"
    with pytest.raises(ConfigError, match="notices"):
        SimSettings(notices="sometimes")
    with pytest.raises(ConfigError, match="sometimes"):
        Bench(notices="sometimes")


def test_late_notices_follow_door_time_while_the_market_stands_still() -> None:
    bench = Bench(notices="after")
    socket = watching(bench)
    bench.order("buy", 1)

    bench.door_lead_ns += MS
    bench.broker.advance(bench.now_ns, bench.real_ns)
    assert kinds(socket) == ""
    bench.door_lead_ns += 9 * MS
    bench.broker.advance(bench.now_ns, bench.real_ns)

    assert kinds(socket) == "12"


def test_fill_of_the_market_does_not_overtake_the_receipt_that_waits() -> None:
    bench = Bench(notices="after")
    socket = watching(bench)
    bid = bench.book.best_bid_krw
    bench.order("buy", 1, bid)

    bench.broker.world.shock("005930", bid - 2_000, bench.now_ns)
    assert kinds(socket) == ""
    bench.move(10 * MS)

    assert kinds(socket) == "12"


def test_same_seed_gives_the_same_order_and_another_one_another() -> None:
    def lived(seed: int) -> list[tuple[str, str]]:
        bench = Bench(notices="mixed", seed=seed)
        return heard(bench, watching(bench), 15)

    assert lived(3) == lived(3)
    assert len({tuple(lived(seed)) for seed in (1, 2, 3)}) > 1


def test_released_notices_come_in_their_order_and_once() -> None:
    sent: list[int] = []
    gate = NoticeGate(sent.append, Random(1), "after")  # type: ignore[arg-type]
    gate.begin_call(0)
    for number in (1, 2, 3):
        gate.put(number)  # type: ignore[arg-type]
    gate.end_call()
    gate.put(4)  # type: ignore[arg-type]
    assert sent == []

    gate.release()
    gate.flush(10**12)

    assert sent == [1, 2, 3, 4]


def test_fault_sends_the_notices_before_the_answer_whatever_the_setting() -> None:
    bench = Bench(notices="after")
    socket = watching(bench)
    bench.broker.faults.add(bench.broker.faults.read(b'{"kind": "notice_before_reply"}'))

    answer = bench.order("buy", 1)["_"]

    assert (kinds(socket), answer.delay_ms) == ("12", 200)


def test_delayed_notice_still_waits_its_time() -> None:
    bench = Bench(notices="mixed")
    socket = watching(bench)
    fault = b'{"kind": "notice_delay", "delay_ms": 500, "count": 2}'
    bench.broker.faults.add(bench.broker.faults.read(fault))

    bench.order("buy", 1)
    bench.move(400 * MS)
    assert kinds(socket) == ""
    bench.move(110 * MS)

    assert kinds(socket) == "12"

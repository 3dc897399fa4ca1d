"""Scripts of faults, and faults set for later."""

from __future__ import annotations

from pathlib import Path

import pytest

from aegis_fast.errors import ConfigError
from aegis_fast.sim.faults.rules import FaultBody, check
from aegis_fast.sim.faults.script import read_script
from aegis_fast.sim.kst import second_of_day
from tests.unit.sim.sim_harness import MS, SECOND, Bench

TOML = """
[[fault]]
kind = "reply_lost"
tr = "order-cash"
at = "+2s"

[[fault]]
kind = "delay"
delay_ms = 100
count = "forever"
probability = "0.01"
at = 09:00:05
"""
LINES = """
{"kind": "reply_lost", "tr": "order-cash", "at": "+2s"}

{"kind": "delay", "delay_ms": 100, "count": null, "probability": 10000, "at": "09:00:05"}
"""


@pytest.mark.parametrize(("name", "text"), [("day.toml", TOML), ("day.jsonl", LINES)])
def test_script_is_read_in_either_form(tmp_path: Path, name: str, text: str) -> None:
    path = tmp_path / name
    path.write_text(text, "utf-8")

    lost, late = read_script(path)

    assert (lost.kind, lost.target, lost.at, lost.limit) == ("reply_lost", "order-cash", "+2s", 1)
    assert (late.kind, late.delay_ms, late.at) == ("delay", 100, "09:00:05")
    assert (late.ppm, late.limit) == (10_000, None)


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a.toml", "[[fault]\n", "a.toml"),
        ("a.toml", "[[faults]]\nkind = 'delay'\n", "faults"),
        ("a.toml", "fault = 5\n", "fault"),
        ("a.toml", "[[fault]]\nkind = 'delay'\n", "fault 1: delay_ms"),
        ("a.toml", "[[fault]]\nkind = 'cut'\n[[fault]]\nkind = 'melt'\n", "fault 2: kind"),
        ("a.toml", "[[fault]]\nkind = 'cut'\ncolor = 'red'\n", "color"),
        ("a.jsonl", '{"kind": "cut"}\n{"kind"\n', "line 2"),
        ("a.jsonl", "[1]\n", "fault 1"),
        ("a.jsonl", '{"kind": "cut", "nth": 0}\n', "fault 1: nth"),
        ("a.txt", "", "a.txt"),
        ("a.jsonl", '{"kind": "cut"}\n' * 101, "101 faults"),
    ],
)
def test_wrong_script_says_file_entry_and_field(
    tmp_path: Path, name: str, text: str, said: str
) -> None:
    path = tmp_path / name
    path.write_text(text, "utf-8")

    with pytest.raises(ConfigError) as wrong:
        read_script(path)

    assert str(path) in wrong.value.field
    assert said in f"{wrong.value.field} {wrong.value.message}"
    assert wrong.value.expected


def test_missing_script_is_a_config_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot read"):
        read_script(tmp_path / "none.toml")


def test_entries_can_be_given_without_a_file() -> None:
    (body,) = read_script([{"kind": "cut", "after_bytes": 3}])

    assert body.after_bytes == 3
    assert read_script(None) == []
    with pytest.raises(ConfigError, match="fault 1: kind"):
        read_script([{"kind": "melt"}])


def later(bench: Bench, at: int | str) -> None:
    bench.broker.step(bench.now_ns, bench.real_ns)
    bench.broker.fault_hooks.set(check(FaultBody(kind="rate_refusal", at=at)))


def is_struck(bench: Bench) -> bool:
    return bench.quote("inquire-price")["msg_cd"] == "EGW00201"


@pytest.mark.parametrize("at", ["+2s", 2_000])
def test_fault_with_an_offset_comes_into_force_then(at: int | str) -> None:
    bench = Bench()
    later(bench, at)

    bench.move(SECOND)
    assert not is_struck(bench)
    assert len(bench.broker.fault_hooks.later_json()) == 1
    bench.move(SECOND)
    assert is_struck(bench)
    assert bench.broker.fault_hooks.later_json() == []


def test_fault_with_a_time_of_day_comes_into_force_then() -> None:
    bench = Bench()  # It is 10:00:00.
    later(bench, "10:00:01")

    bench.move(990 * MS)
    assert not is_struck(bench)
    bench.move(10 * MS)
    assert is_struck(bench)


def test_time_of_day_that_has_passed_is_tomorrows() -> None:
    bench = Bench()
    later(bench, "09:00:05")

    (waiting,) = bench.broker.fault_hooks.later_json()

    assert waiting["due_ns"] > bench.now_ns + 20 * 3_600 * SECOND
    assert second_of_day(waiting["due_ns"]) == 32_405


def test_clearing_forgets_what_is_set_for_later() -> None:
    bench = Bench()
    later(bench, "+1s")

    assert bench.broker.fault_hooks.remove(None) == 1
    bench.move(2 * SECOND)
    assert not is_struck(bench)


def test_time_of_the_market_is_met_however_time_is_fed_in() -> None:
    heard = []
    for step_ns in (10 * MS, 700 * MS, 3 * SECOND):
        bench = Bench(activity=3.0)
        socket = bench.socket()
        socket.ask("H0STCNT0", "005930")
        body = FaultBody(kind="frame_missing", tr="H0STCNT0", at="10:00:01", count="forever")
        bench.broker.step(bench.now_ns, bench.real_ns)
        bench.broker.fault_hooks.set(check(body))
        end = bench.now_ns + 3 * SECOND
        while bench.now_ns < end:
            bench.now_ns = min(bench.now_ns + step_ns, end)
            bench.broker.advance(bench.now_ns, bench.real_ns)
        heard.append(socket.frames("H0STCNT0"))

    assert heard[0]
    assert heard[0] == heard[1] == heard[2]
    assert max(frame.split("^")[1] for frame in heard[0]) <= "100001"

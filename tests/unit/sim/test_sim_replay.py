"""Replay of captures: order, pace, start, and what is left out."""

from __future__ import annotations

from pathlib import Path

import pytest

from aegis_fast.errors import ConfigError
from aegis_fast.sim.feed.replay import Replay
from tests.unit.sim.sim_harness import MS, SECOND, Bench, decrypted

FRAMES = Path(__file__).parents[2] / "data" / "frames"


@pytest.fixture
def bench() -> Bench:
    return Bench(replay=Replay(FRAMES))


def expected() -> list[str]:
    lines: list[str] = []
    for file in sorted(FRAMES.glob("*.txt")):
        for line in file.read_text("utf-8").splitlines():
            is_ack = line.startswith("{") and "PINGPONG" not in line
            if not file.stem.endswith("_decrypted") and not is_ack:
                lines.append(line)
    return lines


def test_every_captured_frame_is_sent_in_file_order(bench: Bench) -> None:
    socket = bench.socket()
    assert socket.code("H0UNCNT0", "005930") == "OPSP0000"
    before = len(socket.texts)

    bench.move(2 * SECOND)

    assert socket.texts[before:] == expected()
    progress = bench.broker.replay.as_json()
    assert (progress["sent"], progress["total"], progress["done"]) == (
        len(expected()),
        len(expected()),
        True,
    )
    assert progress["skipped"] == {"decrypted notice": 4, "ack of the captured session": 3}


def test_captured_notice_opens_with_the_key_of_the_ack(bench: Bench) -> None:
    socket = bench.socket()
    socket.ask("H0STCNI0", "whoever")
    bench.move(2 * SECOND)

    (frame,) = socket.frames("H0STCNI0")
    values = decrypted(frame, *socket.keys["H0STCNI0"])

    plain = (FRAMES / "H0STCNI0_decrypted.txt").read_text("utf-8").strip()
    assert values == plain.split("^")


def test_nothing_is_sent_before_the_last_subscriber_has_settled(bench: Bench) -> None:
    bench.move(SECOND)
    socket = bench.socket()
    socket.ask("H0STCNT0", "005930")
    bench.move(200 * MS)
    socket.ask("H0STASP0", "005930")
    before = len(socket.texts)
    bench.move(290 * MS)

    assert len(socket.texts) == before
    bench.move(20 * MS)
    assert len(socket.texts) > before


def test_frames_are_paced(bench: Bench) -> None:
    socket = bench.socket()
    socket.ask("H0STCNT0", "005930")
    bench.move(300 * MS + 100 * MS)

    assert bench.broker.replay.sent == 6  # At 300, 320, ... 400 ms.


def test_replay_holds_while_nobody_listens(bench: Bench) -> None:
    socket = bench.socket()
    socket.ask("H0STCNT0", "005930")
    bench.move(400 * MS)
    sent = bench.broker.replay.sent
    bench.broker.on_close(socket.session, bench.now_ns)
    bench.move(5 * SECOND)
    assert bench.broker.replay.sent == sent

    again = bench.socket()
    again.ask("H0STCNT0", "005930")
    bench.move(2 * SECOND)

    assert bench.broker.replay.is_done
    assert again.texts[1:] == expected()[sent:]


def test_market_frames_do_not_mix_with_the_capture(bench: Bench) -> None:
    socket = bench.socket()
    socket.ask("H0STCNT0", "005930")
    socket.ask("H0STASP0", "005930")
    bench.order("buy", 1)

    assert not [text for text in socket.texts if text.startswith("0|")]


def test_nonsense_lines_are_counted_and_not_sent(tmp_path: Path) -> None:
    file = tmp_path / "odd.txt"
    file.write_bytes(
        b"0|H0STCNT0|002|a^b^c\r\n\n\xff\xfe\ngarbage\n2|H0STCNT0|001|a\n0|H0STCNT0|001|"
    )
    replay = Replay(file, interval_ms=0)
    sent: list[bytes] = []

    replay.step(SECOND, 0, lambda frame: sent.append(frame) or 1, heard=True)

    assert sent == [b"0|H0STCNT0|002|a^b^c"]
    assert replay.skipped == {"empty line": 1, "not UTF-8": 1, "no frame": 3}
    assert replay.is_done


@pytest.mark.parametrize("name", ["missing.txt", ""])
def test_nothing_to_replay_says_what_is_needed(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match="one frame a line"):
        Replay(tmp_path / name)


@pytest.mark.parametrize("text", ["", "root:x:0:0\n", '{"header": {"tr_id": "H0STCNT0"}}\n'])
def test_file_without_a_frame_is_a_configuration_error(tmp_path: Path, text: str) -> None:
    file = tmp_path / "passwd.txt"
    file.write_text(text, "utf-8")

    with pytest.raises(ConfigError, match="no frame in"):
        Replay(file)


def test_negative_interval_is_refused() -> None:
    with pytest.raises(ConfigError):
        Replay(FRAMES, interval_ms=-1)

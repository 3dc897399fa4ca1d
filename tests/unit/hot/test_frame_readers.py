"""Every frame reader this machine can run, value by value against the twin."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

import pytest

from aegis_fast.errors import FrameError
from aegis_fast.hot import FrameParser, build_flavor
from aegis_fast.hot.frame import available_isas, choose_isa
from tests.oracle import frame_maker, frame_twin

pytestmark = pytest.mark.native


@pytest.fixture(params=available_isas())
def isa(request: pytest.FixtureRequest) -> Iterator[str]:
    before = build_flavor()["isa"]
    choose_isa(request.param)
    yield request.param
    choose_isa(before)


def check(frame: bytes) -> None:
    try:
        expected = frame_twin.parse(frame)
    except frame_twin.TwinError:
        with pytest.raises(FrameError):
            FrameParser().parse(frame)
    else:
        assert [record.as_dict() for record in FrameParser().parse(frame)] == expected


def test_the_best_reader_is_chosen_at_import() -> None:
    assert build_flavor()["isa"] == available_isas()[-1]


def test_captured_frames_parse_as_the_twin_does(isa: str, supported_frames: list[bytes]) -> None:
    assert build_flavor()["isa"] == isa
    for frame in supported_frames:
        check(frame)


@pytest.mark.parametrize("tr_id", ["H0STCNT0", "H0EWCNT0", "H0STASP0", "H0UNASP0", "H0EWASP0"])
def test_numbers_of_every_length_in_every_place(isa: str, tr_id: str) -> None:
    frame = frame_maker.make_frame(Random(7), tr_id)
    head, _, payload = frame.rpartition(b"|")
    values = payload.split(b"^")
    numbers = [b"9" * size for size in range(21)]
    numbers += [b"0" * size + b"12" for size in (1, 5, 6, 7, 13, 14, 15, 20)]
    numbers += [b"-" + b"9" * size for size in range(20)]
    numbers += [b"+7", b"1x", b"x1", b"1234567:", b"/2345678", b"123456789/", b"\xff" * 8, b"1-2"]

    for place in range(len(values)):
        for number in numbers:
            changed = [*values[:place], number, *values[place + 1 :]]
            check(head + b"|" + b"^".join(changed))


@pytest.mark.parametrize("tr_id", ["H0STCNT0", "H0STASP0"])
def test_records_wherever_they_lie_in_the_window(isa: str, tr_id: str) -> None:
    rng = Random(11)
    for count in range(1, 30):
        check(frame_maker.make_frame(rng, tr_id, count=count))
        check(frame_maker.make_frame(rng, tr_id, count=count, width=54 + count))


@pytest.mark.parametrize("tr_id", ["H0STCNT0", "H0STASP0"])
def test_records_of_every_length(isa: str, tr_id: str) -> None:
    """Every place of a value in the windows of 64 bytes that the readers look at."""
    rng = Random(13)
    frame = frame_maker.make_frame(rng, tr_id, width=47 if tr_id == "H0STCNT0" else 63)
    head, _, payload = frame.rpartition(b"|")
    values = payload.split(b"^")
    unread = (3, 5, 15, 22, 35, 40) if tr_id == "H0STCNT0" else (2, 49, 51, 56)

    for place in unread:
        for size in range(130):
            changed = [*values[:place], b"7" * size, *values[place + 1 :]]
            check(head + b"|" + b"^".join(changed))
            check(head.replace(b"001", b"002") + b"|" + b"^".join(changed * 2))


def test_market_class_of_grown_records(isa: str) -> None:
    rng = Random(17)
    for width in range(46, 60):
        for count in (1, 2, 5):
            check(frame_maker.make_frame(rng, "H0STCNT0", count=count, width=width))


def test_an_unknown_reader_is_refused() -> None:
    with pytest.raises(ValueError, match=available_isas()[0]):
        choose_isa("mmx")

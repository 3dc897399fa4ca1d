"""What bad input gets: a refusal with its bytes, a counter, and the next frame as if nothing was.

Each case goes to FrameParser.parse and to FeedListener.feed_bytes; the twin says what is bad.
"""

from __future__ import annotations

from random import Random

import pytest

from aegis_fast.errors import FrameError
from aegis_fast.hot import FeedListener, FrameParser
from tests.oracle import frame_maker, frame_twin
from tests.oracle.frame_check import expected_records

pytestmark = pytest.mark.native

MIB = 1 << 20
KEPT_BYTES = 65_536
GOOD_TRADE = frame_maker.make_frame(Random(1), "H0STCNT0", count=4, width=46)
GOOD_DEPTH = frame_maker.make_frame(Random(2), "H0STASP0", width=62)
GOOD_NOTICE = frame_maker.make_frame(Random(3), "H0STCNI0", width=26)
GOOD_ELW = frame_maker.make_frame(Random(4), "H0EWCNT0")
GOOD_INDEX = frame_maker.make_frame(Random(5), "H0UPCNT0")
GOOD_FRAMES = (GOOD_TRADE, GOOD_DEPTH, GOOD_NOTICE, GOOD_ELW, GOOD_INDEX)


class Bench:
    """A parser and a feed that are given the same frames, and what they must have counted."""

    def __init__(self) -> None:
        self.parser = FrameParser()
        self.bad: list[tuple[bytes, FrameError]] = []
        self.delivered = 0
        self.feed = FeedListener(
            on_trade=self._deliver,
            on_depth=self._deliver,
            on_record=self._deliver,
            on_bad_frame=lambda raw, error: self.bad.append((raw, error)),
        )
        self.sent = self.refused = self.refused_by_feed = self.records = self.fed_records = 0
        self.drifted: set[int] = set()

    def _deliver(self, _: object) -> None:
        self.delivered += 1

    def give(self, frame: bytes) -> bool:
        """Hand a frame to both, compare with the twin, and tell whether it was taken."""
        expected = expected_records(frame)
        self.sent += 1
        if expected is None:
            self.refused += 1
            with pytest.raises(FrameError) as caught:
                self.parser.parse(frame)
            assert caught.value.raw == frame
            assert 0 <= caught.value.offset <= len(frame)
        else:
            self.records += len(expected)
            assert [record.as_dict() for record in self.parser.parse(frame)] == expected
        self._feed(frame, expected)
        self._check_counters()
        return expected is not None

    def _feed(self, frame: bytes, expected: list[dict[str, object]] | None) -> None:
        before, known_bad = self.delivered, len(self.bad)
        # A plain notice is not KIS's: the feed refuses it, the parser is for decrypted ones.
        is_notice = frame[2:10].decode("latin-1") in frame_twin.NOTICES
        self.feed.feed_bytes(frame)
        if expected is None or is_notice:
            self.refused_by_feed += 1
            assert self.delivered == before
            assert [raw for raw, _ in self.bad[known_bad:]] == [frame]
            assert self.feed.last_bad()[-1] == frame[:KEPT_BYTES]
        else:
            self.fed_records += len(expected)
            assert self.delivered == before + len(expected)
            assert len(self.bad) == known_bad

    def _check_counters(self) -> None:
        counted = (self.parser.frames, self.parser.bad_frames, self.parser.records)
        assert counted == (self.sent, self.refused, self.records)
        told = self.feed.counters()
        assert (told["frames"], told["bad_frames"], told["records"]) == (
            self.sent, self.refused_by_feed, self.fed_records,
        )  # fmt: skip
        assert told["subscriber_errors"] == told["unbooked"] == 0

    def give_bad(self, frame: bytes) -> None:
        """Hand over a frame that must be refused, then a good one of every kind."""
        assert not self.give(frame), frame[:200]
        self.give_good()

    def give_good(self) -> None:
        for good in (GOOD_TRADE, GOOD_DEPTH, GOOD_INDEX):
            assert self.give(good)


@pytest.fixture
def bench() -> Bench:
    return Bench()


def values_of(frame: bytes) -> tuple[bytes, list[bytes]]:
    head, _, payload = frame.rpartition(b"|")
    return head + b"|", payload.split(b"^")


def with_count(frame: bytes, count: bytes) -> bytes:
    parts = frame.split(b"|", 3)
    return b"|".join([*parts[:2], count, parts[3]])


@pytest.mark.parametrize("frame", GOOD_FRAMES, ids=lambda frame: frame[2:10].decode())
@pytest.mark.parametrize(
    "count",
    [
        *(b"", b"0", b"000", b"-1", b"+4", b"4 ", b" 4", b"4.0", b"0x4", b"four", b"\xff", b"4\0"),
        *(b"999", b"65540", b"4294967295", b"4294967296", b"4294967297", b"4294967300"),
        *(b"2147483649", b"9223372036854775808", b"18446744073709551617", b"9" * 40),
    ],
)
def test_a_count_that_is_none_or_too_many_is_refused(
    frame: bytes, count: bytes, bench: Bench
) -> None:
    bench.give_bad(with_count(frame, count))


@pytest.mark.parametrize("count", [b"3", b"5", b"7", b"8", b"184"])
def test_a_count_that_does_not_fit_the_values_is_refused(count: bytes, bench: Bench) -> None:
    assert len(values_of(GOOD_TRADE)[1]) == 184

    bench.give_bad(with_count(GOOD_TRADE, count))


@pytest.mark.parametrize(("count", "width"), [(b"1", 184), (b"2", 92)])
def test_a_count_that_is_too_few_is_told_as_drift(count: bytes, width: int, bench: Bench) -> None:
    """Such a frame cannot be told from one of wider records, which KIS sends without notice."""
    assert bench.give(with_count(GOOD_TRADE, count))

    assert bench.parser.drift() == bench.feed.drift() == {"H0STCNT0": width}
    assert bench.parser.schema_drift == bench.feed.schema_drift == 1
    bench.give_good()
    assert bench.parser.schema_drift == bench.feed.schema_drift == 1


@pytest.mark.parametrize("frame", GOOD_FRAMES, ids=lambda frame: frame[2:10].decode())
def test_a_frame_cut_anywhere_is_refused_or_read_as_the_twin_does(
    frame: bytes, bench: Bench
) -> None:
    taken = [size for size in range(len(frame)) if bench.give(frame[:size])]

    # Cut before its first value no frame can be good.
    assert min(taken, default=len(frame)) > len(values_of(frame)[0])
    bench.give_good()


@pytest.mark.parametrize("frame", GOOD_FRAMES, ids=lambda frame: frame[2:10].decode())
@pytest.mark.parametrize("wrong", [b"x", b"-", b" ", b".", b"/", b":", b"\0", b"\xff", b"|"])
def test_no_digit_in_any_place_is_refused_or_read_as_the_twin_does(
    frame: bytes, wrong: bytes, bench: Bench
) -> None:
    head, values = values_of(frame)
    refused = 0

    for place, value in enumerate(values[: 4 * 46]):
        for at in {0, len(value) // 2, max(0, len(value) - 1)}:
            changed = value[:at] + wrong + value[at + 1 :]
            refused += not bench.give(
                head + b"^".join([*values[:place], changed, *values[place + 1 :]])
            )

    assert refused > 10
    bench.give_good()


@pytest.mark.parametrize("frame", GOOD_FRAMES, ids=lambda frame: frame[2:10].decode())
@pytest.mark.parametrize(
    "number",
    [
        *(b"9223372036854775808", b"-9223372036854775808", b"18446744073709551616", b"9" * 19),
        *(b"9" * 20, b"1" + b"0" * 400, b"-" + b"9" * 64, b"0" * 400 + b"1"),
    ],
)
def test_a_number_beyond_64_bits_in_any_place_is_refused_or_read_as_the_twin_does(
    frame: bytes, number: bytes, bench: Bench
) -> None:
    head, values = values_of(frame)

    taken = [
        place
        for place in range(len(values))
        if bench.give(head + b"^".join([*values[:place], number, *values[place + 1 :]]))
    ]

    if frame is GOOD_TRADE and not number.startswith(b"0"):
        # Price, quantity, volume and value of every record.
        assert not {record * 46 + field for record in range(4) for field in (2, 12, 13, 14)} & {
            *taken
        }
    bench.give_good()


@pytest.mark.parametrize("good", [GOOD_TRADE, GOOD_DEPTH, GOOD_INDEX], ids=["46", "62", "other"])
def test_a_frame_of_1_mib_of_records_is_read_whole(good: bytes, bench: Bench) -> None:
    head, values = values_of(good)
    width = len(values) // int(head.split(b"|")[2])
    record = b"^".join(values[:width])
    count = (MIB - 100) // (len(record) + 1)
    frame = with_count(head, str(count).encode()) + b"^".join([record] * count)
    assert MIB - 2_000 < len(frame) <= MIB

    assert bench.give(frame)
    assert bench.records == count
    bench.give_good()

    # One false digit in the last record, and nothing of it is delivered.
    bench.give_bad(frame + b"^")
    bench.give_bad(frame[: -len(record)] + record.replace(b"^", b"^x", 12))


@pytest.mark.parametrize(
    "junk",
    [
        b"x" * MIB,
        b"0|" + b"A" * MIB,
        b"0|H0STCNT0|" + b"1" * MIB,
        b"0|H0STCNT0|001|" + b"9" * MIB,
        b"0|H0STCNT0|001|" + b"^" * MIB,
        b"0|H0STASP0|001|005930" + b"^1" * (MIB // 2),
        b"0|H0UPCNT0|001|" + b"^" * MIB + b"\xff",
        b"0|H0STCNT0|200000|" + b"005930^" * (MIB // 7),
        b"|" * MIB,
        b"\0" * MIB,
    ],
    ids=range(10),
)
def test_1_mib_of_junk_is_refused_and_kept_within_bounds(junk: bytes, bench: Bench) -> None:
    if bench.give(junk):
        # A record of half a million values: wider than known, and told.
        assert bench.feed.schema_drift == 1
        return

    bench.give_bad(junk)

    assert sum(map(len, bench.feed.last_bad())) == 2 * KEPT_BYTES


def test_the_ring_of_bad_frames_is_bounded_in_number_and_bytes() -> None:
    feed = FeedListener(bad_frames_kept=4)

    for _ in range(50):
        feed.feed_bytes(b"x" * MIB)

    assert feed.bad_frames == 50
    assert [len(raw) for raw in feed.last_bad()] == [KEPT_BYTES] * 4

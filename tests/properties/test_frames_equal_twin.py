"""The native parser and the text-splitting twin agree on generated and on mutated frames.

AEGIS_EXAMPLES sets the number of generated frames (default 20,000); mutated ones are five times
as many. A failure prints the seed and the frame.
"""

from __future__ import annotations

import os
from random import Random

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aegis_fast.errors import FrameError
from aegis_fast.hot import ABSENT, TRADE_DTYPE, Book, FrameParser
from tests.oracle import frame_maker, frame_twin
from tests.oracle.book_twin import BookTwin

pytestmark = pytest.mark.native

GENERATED = int(os.environ.get("AEGIS_EXAMPLES", "20000"))
MUTATED = 5 * GENERATED
ROWS = np.zeros(64, dtype=TRADE_DTYPE)
VENUES = ("", "KRX", "NXT", "UN")


def expected_records(frame: bytes) -> list[dict[str, object]] | None:
    try:
        return frame_twin.parse(frame)
    except frame_twin.TwinError:
        return None


def check_rejected(parser: FrameParser, frame: bytes) -> None:
    with pytest.raises(FrameError) as caught:
        parser.parse(frame)
    assert caught.value.raw == frame
    assert 0 <= caught.value.offset <= len(frame)


def check_rows(parser: FrameParser, frame: bytes, expected: list[dict[str, object]]) -> None:
    assert parser.parse_into(frame, ROWS) == len(expected)
    for row, record in zip(ROWS, expected, strict=False):
        for name in TRADE_DTYPE.names or ():
            value = row[name].decode() if name == "symbol" else int(row[name])
            value = VENUES[int(value)] if name == "venue" else value
            assert value == (ABSENT if record[name] is None else record[name]), name


def check_book(frame: bytes, expected: list[dict[str, object]]) -> None:
    first = expected[0]
    book, twin = Book(first["symbol"], first["venue"]), BookTwin()
    if any(record["symbol"] != first["symbol"] for record in expected):
        with pytest.raises(FrameError):
            book.apply(frame)
        assert book.seq == 0
        return
    bits = 0
    for record in expected:
        bits |= twin.apply(record)
    assert book.apply(frame) == bits
    assert list(zip(book.ask_price_krw.tolist(), book.ask_qty.tolist(), strict=True)) == twin.ask
    assert list(zip(book.bid_price_krw.tolist(), book.bid_qty.tolist(), strict=True)) == twin.bid
    assert (book.total_ask_qty, book.total_bid_qty) == twin.totals
    assert (book.expected_price_krw, book.expected_qty) == twin.expected
    assert book.spread_krw == twin.spread_krw()
    assert book.mid_x2_krw == twin.mid_x2_krw()
    assert book.imbalance_ppm == twin.imbalance_ppm()
    assert book.is_crossed == twin.is_crossed()


def check(parser: FrameParser, frame: bytes) -> bool:
    """Compare every way to read the frame with the twin; tell whether it was a good frame."""
    expected = expected_records(frame)
    if expected is None:
        check_rejected(parser, frame)
        return False
    assert [record.as_dict() for record in parser.parse(frame)] == expected
    if frame[2:10].decode() in frame_twin.TRADES and len(expected) <= len(ROWS):
        check_rows(parser, frame, expected)
    elif frame[2:10].decode() in frame_twin.DEPTHS:
        check_book(frame, expected)
    return True


@pytest.mark.timeout(240)
def test_generated_frames_parse_as_the_twin_does() -> None:
    parser = FrameParser()
    good = 0

    for seed in range(GENERATED):
        frame = frame_maker.random_frame(Random(seed))
        try:
            good += check(parser, frame)
        except AssertionError as error:
            raise AssertionError(f"seed {seed}: {frame!r}") from error

    assert good > GENERATED // 2


@pytest.mark.timeout(300)
def test_mutated_frames_parse_as_the_twin_does_or_are_refused() -> None:
    parser = FrameParser()
    good = 0

    for seed in range(MUTATED):
        frame = frame_maker.mutated_frame(Random(seed))
        try:
            good += check(parser, frame)
        except AssertionError as error:
            raise AssertionError(f"seed {seed}: {frame!r}") from error

    assert 0 < good < MUTATED
    assert parser.bad_frames == MUTATED - good


ANY_VALUE = st.one_of(
    st.sampled_from(frame_maker.ODD_VALUES),
    st.integers(-(2**65), 2**65).map(str),
    st.text(alphabet="0123456789^|-+(null)가 ", max_size=24),
)


@settings(max_examples=500, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    seed=st.integers(0, 2**32),
    tr_id=st.sampled_from([*frame_twin.TRADES, *frame_twin.DEPTHS, *frame_twin.NOTICES]),
    count=st.integers(1, 4),
    places=st.lists(st.tuples(st.integers(0, 400), ANY_VALUE), max_size=3),
)
def test_any_value_in_any_place_parses_as_the_twin_does(
    seed: int, tr_id: str, count: int, places: list[tuple[int, str]]
) -> None:
    frame = frame_maker.make_frame(Random(seed), tr_id, count=count)
    head, values = frame.decode().rsplit("|", 1)[0], frame.decode().rsplit("|", 1)[1].split("^")
    for place, value in places:
        values[place % len(values)] = value

    check(FrameParser(), f"{head}|{'^'.join(values)}".encode())


@settings(max_examples=500, deadline=None)
@given(frame=st.binary(max_size=64))
def test_arbitrary_bytes_are_refused(frame: bytes) -> None:
    check_rejected(FrameParser(), frame)


@settings(max_examples=500, deadline=None)
@given(
    tr_id=st.sampled_from([*frame_twin.TRADES, *frame_twin.DEPTHS, *frame_twin.NOTICES]),
    count=st.integers(0, 5),
    payload=st.binary(max_size=400),
)
def test_arbitrary_payloads_parse_as_the_twin_does(tr_id: str, count: int, payload: bytes) -> None:
    check(FrameParser(), f"0|{tr_id}|{count:03d}|".encode() + payload)

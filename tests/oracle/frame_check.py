"""Compare every way to read a frame with the text-splitting twin."""

from __future__ import annotations

from random import Random

import numpy as np

from aegis_fast.errors import FrameError
from aegis_fast.hot import ABSENT, TRADE_DTYPE, Book, FrameParser
from aegis_fast.hot.frame import available_isas, choose_isa
from tests.oracle import frame_maker, frame_twin
from tests.oracle.book_twin import BookTwin

ROWS = np.zeros(64, dtype=TRADE_DTYPE)
VENUES = ("", "KRX", "NXT", "UN")
# Of N frames asked for, N // GENERATED_PART are as generated and the others mutated.
GENERATED_PART = 6


def expected_records(frame: bytes) -> list[dict[str, object]] | None:
    """Return the twin's records, None if it refuses the frame."""
    try:
        return frame_twin.parse(frame)
    except frame_twin.TwinError:
        return None


def check_rejected(parser: FrameParser, frame: bytes) -> None:
    """Expect a FrameError that carries the frame and an offset inside it."""
    try:
        records = parser.parse(frame)
    except FrameError as refusal:
        raw, offset = refusal.raw, refusal.offset
    else:
        raise AssertionError(f"the twin refuses what was parsed as {records}")
    assert raw == frame
    assert 0 <= offset <= len(frame)


def _check_rows(parser: FrameParser, frame: bytes, expected: list[dict[str, object]]) -> None:
    assert parser.parse_into(frame, ROWS) == len(expected)
    for row, record in zip(ROWS, expected, strict=False):
        for name in TRADE_DTYPE.names or ():
            value = row[name].decode() if name == "symbol" else int(row[name])
            value = VENUES[int(value)] if name == "venue" else value
            assert value == (ABSENT if record[name] is None else record[name]), name


def _check_book(frame: bytes, expected: list[dict[str, object]]) -> None:
    first = expected[0]
    book, twin = Book(first["symbol"], first["venue"]), BookTwin()
    if any(record["symbol"] != first["symbol"] for record in expected):
        try:
            book.apply(frame)
        except FrameError:
            assert book.seq == 0
            return
        raise AssertionError("a book took a frame of several symbols")
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
        _check_rows(parser, frame, expected)
    elif frame[2:10].decode() in frame_twin.DEPTHS:
        _check_book(frame, expected)
    return True


def check_seeds(parser: FrameParser, seeds: range, *, is_mutated: bool) -> int:
    """Check the frame of every seed and return how many were good; a failure names its seed.

    The frame readers of this machine take turns, seed by seed.
    """
    make = frame_maker.mutated_frame if is_mutated else frame_maker.random_frame
    isas = available_isas()
    good = 0
    try:
        for seed in seeds:
            frame = make(Random(seed))
            isa = isas[seed % len(isas)]
            choose_isa(isa)
            try:
                good += check(parser, frame)
            except AssertionError as error:
                raise AssertionError(f"seed {seed}, {isa} reader: {frame!r}: {error}") from error
    finally:
        choose_isa(isas[-1])
    return good

"""Compare every way to read a frame with the text-splitting twin."""

from __future__ import annotations

from collections.abc import Callable
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
TABLE_EVERY = 4


def expected_records(frame: bytes) -> list[dict[str, object]] | None:
    """Return the twin's records, None if it refuses the frame."""
    try:
        return frame_twin.parse(frame)
    except frame_twin.TwinError:
        return None


def _check_rejected(read: Callable[[bytes], object], frame: bytes) -> None:
    try:
        records = read(frame)
    except FrameError as refusal:
        raw, offset = refusal.raw, refusal.offset
    else:
        raise AssertionError(f"the twin refuses what was parsed as {records}")
    assert raw == frame
    assert 0 <= offset <= len(frame)


def check_rejected(parser: FrameParser, frame: bytes) -> None:
    """Expect a FrameError that carries the frame and an offset inside it."""
    _check_rejected(parser.parse, frame)


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


def check_table(frame: bytes) -> None:
    """Compare parse_table with the twin: all values, of trades, books and notices too."""
    parser = FrameParser()
    try:
        expected = frame_twin.parse_table(frame)
    except frame_twin.TwinError:
        _check_rejected(parser.parse_table, frame)
        assert (parser.frames, parser.bad_frames, parser.records) == (1, 1, 0)
        return
    records = parser.parse_table(frame)
    assert [record.as_dict() for record in records] == expected
    for record in records:
        assert tuple(record[name] for name in record.names) == record.values
    width = len(records[0].values) + len(records[0].extra)
    is_known = width in frame_twin.known_widths(records[0].tr_id)
    assert parser.drift() == ({} if is_known else {records[0].tr_id: width})


def check(parser: FrameParser, frame: bytes) -> bool:
    """Compare what parse gives with the twin; tell whether it was a good frame."""
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

    The frame readers of this machine take turns, seed by seed. The table reader reads every
    TABLE_EVERY-th frame of a TR with a reader of its own, too.
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
                if seed % TABLE_EVERY == 0:
                    check_table(frame)
            except AssertionError as error:
                raise AssertionError(f"seed {seed}, {isa} reader: {frame!r}: {error}") from error
    finally:
        choose_isa(isas[-1])
    return good

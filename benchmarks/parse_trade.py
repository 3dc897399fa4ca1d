"""From the bytes of a trade frame to something a strategy can use."""

from __future__ import annotations

import numpy as np

from aegis_fast.hot import TRADE_DTYPE, FeedListener, FrameParser
from aegis_fast.hot.frame import available_isas
from benchmarks import corpus, floor, peers
from benchmarks.timing import Question, Row, batch, each
from tests.oracle import frame_twin

TR = "H0STCNT0"
ONE = "parse_one: bytes to Trade"
ONE_WIDE = "parse_one, 47 values (today)"
ROWS = "parse_many_into: rows, one call"
ROWS_OF_4 = "parse_into, frames of 4"
CALLBACK = "feed_many: book, Python callback"
SPLIT = "split + int + msgspec.Struct"
PYTHON_KIS = "python-kis 2.1.6"
PANDAS = "official sample's way (pandas)"
EMPTY = "an empty call"


def ours(frames: list[bytes], fours: list[bytes]) -> list[Row]:
    """Return our rows, the plain parse first."""
    parser, rows, many = FrameParser(), np.zeros(4, TRADE_DTYPE), np.zeros(corpus.SIZE, TRADE_DTYPE)
    called = FeedListener(on_trade=lambda trade: None)
    read = FeedListener(on_trade=lambda trade: (trade.price_krw, trade.qty, trade.side))
    alone = FeedListener(on_trade=lambda trade: None)
    clocked = "reads the clock once a message"
    return [
        each(ONE, "ours", parser.parse_one, frames),
        each(ONE_WIDE, "ours", parser.parse_one, corpus.trades(corpus.TRADE)),
        each("parse: bytes to [Trade]", "ours", parser.parse, frames),
        each("parse, frames of 4", "ours", parser.parse, fours, per_call=4),
        batch(ROWS, "ours", lambda: parser.parse_many_into(frames, many), corpus.SIZE),
        each("parse_into: bytes to a row", "ours", parser.parse_into, frames, [rows] * len(frames)),
        each(ROWS_OF_4, "ours", parser.parse_into, fours, [rows] * len(fours), per_call=4),
        batch(CALLBACK, "ours", lambda: called.feed_many(frames), corpus.SIZE),
        batch("feed_many: callback reads 3 values", "ours", lambda: read.feed_many(frames),
              corpus.SIZE),
        each("feed_bytes: book, Python callback", "ours", alone.feed_bytes, frames, note=clocked),
    ]  # fmt: skip


def question() -> Question:
    frames, fours = corpus.trades(), corpus.trades_of_four()
    readers = reversed(available_isas())
    asked = Question(
        "A trade frame (H0STCNT0, about 260 bytes, 1,024 distinct): bytes to a trade",
        "trade",
        [
            *ours(frames, fours),
            *(floor.frames_row("floor_trades", frames, isa) for isa in readers),
            floor.frames_row("floor_rows", frames, name="C loop, into rows"),
            floor.frames_row("floor_rows", fours, name="C loop, frames of 4 into rows", per_call=4),
            each(EMPTY, "floor", len, frames, note="the cost of the loop itself"),
            each(SPLIT, "rival", peers.split_trade, frames),
        ],
    )
    asked.add(lambda: each("mojito2 0.1.6", "peer", peers.mojito(TR), frames, note="leaves text"))
    asked.add(lambda: each(PYTHON_KIS, "peer", peers.python_kis(TR), frames[::8]))
    asked.add(lambda: each(PANDAS, "peer", peers.pandas_csv(TR), frames[::128], note="leaves text"))
    asked.add(lambda: each("the test suite's twin", "rival", frame_twin.parse, frames[::16]))
    return asked


def measured(asked: Question) -> dict[str, float]:
    """Return the goals' values of this question."""
    best = f"C loop, {floor.BEST}"
    found = {
        "trade_vs_split": asked.ratio(SPLIT, ONE),
        "trade_vs_python_kis": asked.ratio(PYTHON_KIS, ONE),
        "trade_vs_pandas": asked.ratio(PANDAS, ONE),
        "trade_vs_avx512": asked.ratio(ONE, "C loop, avx512"),
        "trade_vs_c": asked.ratio(ONE, best),
        # C writes the same rows: what they cost to write is in both.
        "rows_vs_c": asked.ratio(ROWS, f"C loop, into rows, {floor.BEST}"),
        "rows_of_4_vs_c": asked.ratio(ROWS_OF_4, f"C loop, into rows, {floor.BEST}"),
        "callback_vs_c": asked.ratio(CALLBACK, best),
    }
    return {key: value for key, value in found.items() if value is not None}


def remarks(asked: Question) -> list[str]:
    """Return what a reader of the ratios wants to know besides."""
    best = f"C loop, {floor.BEST}"
    bare = asked.ratio(ONE, best, less=EMPTY)
    rows = asked.ratio(ROWS, best)
    four = asked.ratio(ROWS_OF_4, f"C loop, frames of 4 into rows, {floor.BEST}")
    return [
        f"parse_one less an empty call: {bare:.2f}x the C loop",
        f"rows in one call, of C writing one record over and over: {rows:.2f}x; "
        f"frames of 4, of C reading frames of 4 into rows: {four:.2f}x",
    ]

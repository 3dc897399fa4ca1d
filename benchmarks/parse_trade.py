"""From the bytes of a trade frame to something a strategy can use."""

from __future__ import annotations

import numpy as np

from aegis_fast.hot import TRADE_DTYPE, FeedListener, FrameParser
from benchmarks import corpus, floor, peers
from benchmarks.timing import Question, each
from tests.oracle import frame_twin

TR = "H0STCNT0"


def question() -> Question:
    frames, fours = corpus.trades(), corpus.trades_of_four()
    parser, rows = FrameParser(), np.zeros(4, dtype=TRADE_DTYPE)
    called = FeedListener(on_trade=lambda trade: None)
    read = FeedListener(on_trade=lambda trade: (trade.price_krw, trade.qty, trade.side))
    silent = FeedListener()
    clocked = "reads the clock once a message"
    asked = Question(
        "A trade frame (H0STCNT0, about 260 bytes, 512 distinct): bytes to a trade",
        "trade",
        [
            each("parse: bytes to [Trade]", "ours", parser.parse, frames),
            each("parse, frames of 4", "ours", parser.parse, fours, per_call=4),
            each("parse_into: bytes to a row", "ours", parser.parse_into, frames, [rows] * 512),
            each(
                "parse_into, frames of 4",
                "ours",
                parser.parse_into,
                fours,
                [rows] * 128,
                per_call=4,
            ),
            each("feed: book, no subscriber", "ours", silent.feed_bytes, frames, note=clocked),
            each("feed: book, Python callback", "ours", called.feed_bytes, frames, note=clocked),
            each("feed: callback reads 3 values", "ours", read.feed_bytes, frames, note=clocked),
            *floor.frames_rows("floor_trades", frames),
            each("an empty call", "floor", len, frames, note="the cost of the loop itself"),
            each("split + int + msgspec.Struct", "rival", peers.split_trade, frames),
        ],
    )
    asked.add(lambda: each("mojito2 0.1.6", "peer", peers.mojito(TR), frames, note="leaves text"))
    asked.add(lambda: each("python-kis 2.1.6", "peer", peers.python_kis(TR), frames))
    asked.add(lambda: each("the test suite's twin", "rival", frame_twin.parse, frames[:64]))
    return asked

"""A tick leaves nothing behind: no net allocation, and nothing for the garbage collector."""

from __future__ import annotations

import gc
import sys

import pytest

from aegis_fast.hot import FeedListener, Trade

pytestmark = pytest.mark.native

TICKS = 1_000_000


@pytest.mark.parametrize("kind", ["trade", "depth"])
def test_a_million_ticks_allocate_nothing_that_stays(
    kind: str, trade_frames: list[bytes], depth_frames: list[bytes]
) -> None:
    last_price = [0]

    def on_trade(trade: Trade) -> None:
        last_price[0] = trade.price_krw or 0

    feed = FeedListener(on_trade=on_trade, on_depth=lambda book: None)
    frames = (trade_frames[:3] if kind == "trade" else depth_frames[:3]) * 10
    receive = feed.feed_bytes
    for frame in frames:
        receive(frame)
    gc.collect()
    collections = [generation["collections"] for generation in gc.get_stats()]
    tracked, blocks = gc.get_count()[0], sys.getallocatedblocks()

    for _ in range(TICKS // len(frames)):
        for frame in frames:
            receive(frame)

    assert abs(sys.getallocatedblocks() - blocks) < 50
    assert [generation["collections"] for generation in gc.get_stats()] == collections
    assert gc.get_count()[0] - tracked < 50
    assert feed.records >= TICKS * 0.99

"""A tick leaves nothing behind: no net allocation, and nothing for the garbage collector."""

from __future__ import annotations

import gc
import sys

import pytest

from aegis_fast.hot import Bus, FeedListener, NativeSubscriber, Subscriber, Trade

pytestmark = pytest.mark.native

TICKS = 1_000_000
READ = 50


class Strategy:
    """Callbacks as users write them: bound methods that keep a number."""

    def __init__(self) -> None:
        self.price_krw = 0
        self.seq = 0

    def on_trade(self, trade: Trade) -> None:
        self.price_krw = trade.price_krw or 0

    def on_depth(self, book: object) -> None:
        self.seq += 1


def subscribers(kind: str) -> list[Subscriber]:
    mine = Strategy()
    python = Subscriber("python", on_trade=mine.on_trade, on_depth=mine.on_depth)
    native = NativeSubscriber("native")
    return {
        "nobody": [],
        "native": [native],
        "python": [python],
        "three": [
            native,
            python,
            Subscriber("other symbol", symbols={"999999"}, on_trade=mine.on_trade),
        ],
    }[kind]


@pytest.mark.parametrize("kind", ["nobody", "native", "python", "three"])
def test_a_million_ticks_allocate_nothing_that_stays(
    kind: str, trade_frames: list[bytes], depth_frames: list[bytes]
) -> None:
    bus = Bus()
    for subscriber in subscribers(kind):
        bus.add(subscriber)
    feed = FeedListener(bus=bus)
    read = [*trade_frames[:4], trade_frames[6], *depth_frames[:3]] * (READ // 8)
    receive = feed.feed_many
    for _ in range(20):
        receive(read)
    records = feed.records
    gc.collect()
    collections = [generation["collections"] for generation in gc.get_stats()]
    tracked, blocks = gc.get_count()[0], sys.getallocatedblocks()

    while feed.records - records < TICKS:
        receive(read)

    assert abs(sys.getallocatedblocks() - blocks) < 50
    assert [generation["collections"] for generation in gc.get_stats()] == collections
    assert gc.get_count()[0] - tracked < 50
    assert bus.errors == 0

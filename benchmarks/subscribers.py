"""From a batch of messages to subscribers: parsed, booked, and called, in C and in Python."""

from __future__ import annotations

from aegis_fast.hot import FeedListener
from aegis_fast.hot.bus import Bus
from benchmarks import corpus, floor, native
from benchmarks.timing import Question, batch

NATIVE = "feed_many: a cimported subscriber"
SAME_IN_C = "C loop with book and subscriber"


def question() -> Question:
    frames, size = corpus.feed(), corpus.SIZE
    summer = native.probe().Summer()
    silent = FeedListener()
    called = FeedListener(on_trade=lambda trade: None, on_depth=lambda book: None)
    bus = Bus()
    bus.add(summer)
    cimported = FeedListener(bus=bus)
    return Question(
        "A message of a live feed (trades and books of 200 symbols): parsed, booked, delivered",
        "message",
        [
            batch(NATIVE, "ours", lambda: cimported.feed_many(frames), size),
            batch("feed_many: no subscriber", "ours", lambda: silent.feed_many(frames), size),
            batch("feed_many: Python callbacks", "ours", lambda: called.feed_many(frames), size),
            floor.frames_row("floor_feed_many", frames, name=SAME_IN_C),
        ],
    )


def measured(asked: Question) -> dict[str, float]:
    """Return the goals' values of this question."""
    ratio = asked.ratio(NATIVE, f"{SAME_IN_C}, {floor.BEST}")
    return {} if ratio is None else {"native_vs_c": ratio}

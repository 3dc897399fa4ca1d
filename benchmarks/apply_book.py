"""From the bytes of a book frame to an updated ten-level book."""

from __future__ import annotations

from aegis_fast.hot import Book, FeedListener, FrameParser
from benchmarks import corpus, floor, peers
from benchmarks.timing import Question, Row, each
from tests.oracle import frame_twin
from tests.oracle.book_twin import BookTwin

TR = "H0STASP0"


def order_book_row(frames: list[bytes], *, is_parsing: bool) -> Row:
    """order-book with its ints ready, or with the split and the conversion counted."""
    apply_ready = peers.order_book([peers.split_depth(frame) for frame in frames])

    def split_and_apply(index: int) -> None:
        peers.split_depth(frames[index])
        apply_ready(index)

    numbers = range(len(frames))
    if is_parsing:
        return each("order-book (C), split + int", "peer", split_and_apply, numbers)
    return each("order-book (C), ready ints", "peer", apply_ready, numbers, note="no parsing")


def question() -> Question:
    frames = corpus.depths()
    book, twin = Book("005930"), BookTwin()
    feed = FeedListener(on_depth=lambda changed: None)

    def twin_apply(frame: bytes) -> int:
        return twin.apply(frame_twin.parse(frame)[0])

    asked = Question(
        "A book frame (H0STASP0, about 300 bytes, 512 distinct): bytes to ten levels a side",
        "snapshot",
        [
            each("Book.apply", "ours", book.apply, frames),
            each("parse: bytes to [Depth]", "ours", FrameParser().parse, frames),
            each("feed: book, Python callback", "ours", feed.feed_bytes, frames),
            *floor.frames_rows("floor_depths", frames),
            each("split + int into a list", "rival", peers.split_depth, frames),
        ],
    )
    asked.add(lambda: order_book_row(frames, is_parsing=False))
    asked.add(lambda: order_book_row(frames, is_parsing=True))
    asked.add(lambda: each("mojito2 0.1.6", "peer", peers.mojito(TR), frames, note="leaves text"))
    asked.add(lambda: each("python-kis 2.1.6", "peer", peers.python_kis(TR), frames[:128]))
    asked.add(lambda: each("the test suite's twin", "rival", twin_apply, frames[:64]))
    return asked

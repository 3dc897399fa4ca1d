"""From the bytes of a book frame to an updated ten-level book."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aegis_fast.hot import Book, FeedListener, FrameParser
from aegis_fast.hot.frame import available_isas
from benchmarks import corpus, floor, peers
from benchmarks.timing import Question, Row, batch, each
from tests.oracle import frame_twin
from tests.oracle.book_twin import BookTwin

TR = "H0STASP0"
APPLY = "Book.apply"
ORDER_BOOK = "order-book (C), ints given"
NAUTILUS = "nautilus_trader, ready object"
EMPTY = "an empty call"


def parsing(frames: list[bytes], apply: Callable[[int], Any]) -> Callable[[int], None]:
    """Return a call that splits and converts the frame before the peer applies it."""

    def run(index: int) -> None:
        peers.split_depth(frames[index])
        apply(index)

    return run


def peer_rows(asked: Question, frames: list[bytes]) -> None:
    """Add the rows of other people's books."""
    levels, numbers = [peers.split_depth(frame) for frame in frames], range(len(frames))
    few = range(0, len(frames), 8)

    def row(name: str, make: Callable[[], Callable[[int], Any]], which: Any = numbers) -> None:
        asked.add(lambda: each(name, "peer", make(), which))

    row("order-book (C), ready dictionaries", lambda: peers.order_book(levels, is_ready=True))
    row(ORDER_BOOK, lambda: peers.order_book(levels, is_ready=False))
    row(
        "order-book (C), split + int",
        lambda: parsing(frames, peers.order_book(levels, is_ready=False)),
    )
    row(NAUTILUS, lambda: peers.nautilus(levels, is_ready=True))
    row("nautilus_trader, ints given", lambda: peers.nautilus(levels, is_ready=False), few)


def ours(frames: list[bytes]) -> list[Row]:
    """Return our rows, Book.apply first."""
    book, parser = Book("005930"), FrameParser()
    feed = FeedListener(on_depth=lambda changed: None)
    return [
        each(APPLY, "ours", book.apply, frames),
        each("Book.apply, 63 values (today)", "ours", book.apply, corpus.depths(corpus.DEPTH)),
        each("parse_one: bytes to Depth", "ours", parser.parse_one, frames),
        batch(
            "feed_many: book, Python callback",
            "ours",
            lambda: feed.feed_many(frames),
            corpus.SIZE,
        ),
    ]


def question() -> Question:
    frames, twin = corpus.depths(), BookTwin()

    def twin_apply(frame: bytes) -> int:
        return twin.apply(frame_twin.parse(frame)[0])

    asked = Question(
        "A book frame (H0STASP0, about 300 bytes, 1,024 distinct): bytes to ten levels a side",
        "snapshot",
        [
            *ours(frames),
            *(floor.frames_row("floor_depths", frames, i) for i in reversed(available_isas())),
            each(EMPTY, "floor", len, frames, note="the cost of the loop itself"),
            each("split + int into a list", "rival", peers.split_depth, frames),
        ],
    )
    peer_rows(asked, frames)
    asked.add(lambda: each("mojito2 0.1.6", "peer", peers.mojito(TR), frames, note="leaves text"))
    asked.add(lambda: each("python-kis 2.1.6", "peer", peers.python_kis(TR), frames[::32]))
    asked.add(
        lambda: each("official sample's way (pandas)", "peer", peers.pandas_csv(TR), frames[::128])
    )
    asked.add(lambda: each("the test suite's twin", "rival", twin_apply, frames[::32]))
    return asked


def measured(asked: Question) -> dict[str, float]:
    """Return the goals' values of this question."""
    found = {
        "book_vs_order_book": asked.ratio(ORDER_BOOK, APPLY),
        "book_vs_nautilus": asked.ratio(NAUTILUS, APPLY),
        "book_vs_c": asked.ratio(APPLY, f"C loop, {floor.BEST}"),
    }
    return {key: value for key, value in found.items() if value is not None}


def remarks(asked: Question) -> list[str]:
    """Return what a reader of the ratios wants to know besides."""
    bare = asked.ratio(APPLY, f"C loop, {floor.BEST}", less=EMPTY)
    return [f"Book.apply less an empty call: {bare:.2f}x the C loop"]

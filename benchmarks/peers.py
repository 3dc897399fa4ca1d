"""Other people's parsers, called through their own functions on the same bytes.

python-kis 2.1.6: KisWebsocketResponse.parse, as its websocket client calls it. mojito2 0.1.6:
KoreaInvestmentWS.parse_execution and parse_orderbook, with a list in place of its process queue.
Both get text, as they do from their WebSocket library, so decoding is part of the price.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import msgspec

from benchmarks.timing import Row


class TradeStruct(msgspec.Struct, gc=False):
    """What a careful Python programmer would keep of a trade; the fields of our Trade."""

    symbol: str
    time_hhmmss: int
    price_krw: int
    change_krw: int
    open_krw: int
    high_krw: int
    low_krw: int
    best_ask_krw: int
    best_bid_krw: int
    qty: int
    cum_qty: int
    cum_value_krw: int
    side: str
    business_date: int
    best_ask_qty: int
    best_bid_qty: int


def split_trade(frame: bytes) -> TradeStruct:
    """Split the text and convert the used values: the fastest plain-Python way we know."""
    v = frame.decode().split("|", 3)[3].split("^")
    return TradeStruct(
        v[0], int(v[1]), int(v[2]), int(v[4]), int(v[7]), int(v[8]), int(v[9]), int(v[10]),
        int(v[11]), int(v[12]), int(v[13]), int(v[14]), v[21], int(v[33]), int(v[36]), int(v[37]),
    )  # fmt: skip


def split_depth(frame: bytes) -> tuple[str, list[int], int, int]:
    """Split the text and convert the forty level values and the totals."""
    v = frame.decode().split("|", 3)[3].split("^")
    return v[0], list(map(int, v[3:43])), int(v[43]), int(v[44])


def python_kis(tr_id: str) -> Callable[[bytes], Any]:
    """The parser of python-kis for one tr_id."""
    from pykis.api.websocket import WEBSOCKET_RESPONSES_MAP
    from pykis.responses.websocket import KisWebsocketResponse

    response_type = WEBSOCKET_RESPONSES_MAP[tr_id]
    parse = KisWebsocketResponse.parse

    def run(frame: bytes) -> Any:
        _, _, count, body = frame.decode().split("|", 3)
        return list(parse(body, count=int(count), response_type=response_type))

    return run


def mojito(tr_id: str) -> Callable[[bytes], Any]:
    """The parser of mojito2 for one tr_id; it keeps every value as text."""
    from mojito.koreainvestment import KoreaInvestmentWS

    class Queue:
        def put(self, item: object) -> None:
            self.item = item

    client = object.__new__(KoreaInvestmentWS)
    client.queue = Queue()

    def run(frame: bytes) -> None:
        tokens = frame.decode().split("|")
        if tr_id == "H0STCNT0":
            client.parse_execution(tokens[2], tokens[3])
        else:
            client.parse_orderbook(tokens[3])

    return run


def aiolimiter(count: int) -> Row:
    """Uncontended acquires of aiolimiter, inside one running loop."""
    from aiolimiter import AsyncLimiter

    async def acquire_all() -> int:
        limiter = AsyncLimiter(10**9, 1)
        start = time.perf_counter_ns()
        for _ in range(count):
            await limiter.acquire()
        return time.perf_counter_ns() - start

    def run() -> int:
        return asyncio.run(acquire_all())

    return Row("aiolimiter, acquire", "peer", run, count, "uncontended, with its clock")


def order_book(levels: list[tuple[str, list[int], int, int]]) -> Callable[[int], Any]:
    """order-book (C): one snapshot from ready ints; its argument is the snapshot's index."""
    from order_book import OrderBook

    book = OrderBook(max_depth=10)
    snapshots = [
        (dict(zip(v[0:10], v[20:30], strict=True)), dict(zip(v[10:20], v[30:40], strict=True)))
        for _, v, _, _ in levels
    ]

    def run(index: int) -> None:
        book.asks, book.bids = snapshots[index]
        # It sorts when it is first read.
        book.asks.index(0)
        book.bids.index(0)

    return run

"""Other people's ways, called through their own functions on the same bytes.

python-kis 2.1.6: KisWebsocketResponse.parse, as its websocket client calls it. mojito2 0.1.6:
KoreaInvestmentWS.parse_execution and parse_orderbook, with a list in place of its process queue.
Both get text, as they do from their WebSocket library, so decoding is part of the price. The
broker's published sample reads a record with pandas.read_csv, the column names given.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import msgspec

from aegis_fast.kis import tr
from benchmarks.timing import Row, each


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


def pandas_csv(tr_id: str) -> Callable[[bytes], Any]:
    """A record as a DataFrame by pandas.read_csv, as the broker's published sample has it."""
    from io import StringIO

    from pandas import read_csv

    names = list(tr.realtime()[tr_id].fields)

    def run(frame: bytes) -> Any:
        body = frame.decode().split("|", 3)[3]
        columns = names[: body.count("^") + 1]
        return read_csv(StringIO(body), header=None, sep="^", names=columns, dtype=object)

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


def limits(count: int) -> Row:
    """Hits of limits' moving window in memory."""
    from limits import RateLimitItemPerSecond
    from limits.storage import MemoryStorage
    from limits.strategies import MovingWindowRateLimiter

    limiter, item = MovingWindowRateLimiter(MemoryStorage()), RateLimitItemPerSecond(10**6)
    return each("limits, moving window", "peer", lambda _: limiter.hit(item, "KIS"), range(count))


def pyrate(count: int) -> Row:
    """Acquires of pyrate-limiter's bucket in memory."""
    from pyrate_limiter import InMemoryBucket, Limiter, Rate

    # One more than the uses of a whole run, so that nothing is ever refused.
    limiter = Limiter(InMemoryBucket([Rate(10**6, 10)]))

    def acquire(_: int) -> object:
        return limiter.try_acquire("KIS", 1)

    return each("pyrate-limiter", "peer", acquire, range(count))


Levels = list[tuple[str, list[int], int, int]]


def _sides(values: list[int]) -> tuple[dict[int, int], dict[int, int]]:
    asks = dict(zip(values[0:10], values[20:30], strict=True))
    return asks, dict(zip(values[10:20], values[30:40], strict=True))


def order_book(levels: Levels, *, is_ready: bool) -> Callable[[int], Any]:
    """order-book (C): one snapshot; its argument is the snapshot's index.

    is_ready: its dictionaries are made beforehand; otherwise from ready ints, each time.
    """
    from order_book import OrderBook

    book = OrderBook(max_depth=10)
    values = [row for _, row, _, _ in levels]
    made = [_sides(row) for row in values]

    def run(index: int) -> None:
        book.asks, book.bids = made[index] if is_ready else _sides(values[index])
        # It sorts when it is first read.
        book.asks.index(0)
        book.bids.index(0)

    return run


def nautilus(levels: Levels, *, is_ready: bool) -> Callable[[int], Any]:
    """nautilus_trader: OrderBook.apply_depth; its argument is the snapshot's index.

    is_ready: its ten-level object is made beforehand; otherwise from ready ints, each time.
    """
    from nautilus_trader.model.book import OrderBook
    from nautilus_trader.model.data import BookOrder, OrderBookDepth10
    from nautilus_trader.model.enums import BookType, OrderSide
    from nautilus_trader.model.identifiers import InstrumentId
    from nautilus_trader.model.objects import Price, Quantity

    name = InstrumentId.from_str("005930.KRX")
    book = OrderBook(name, BookType.L2_MBP)
    ones = [1] * 10

    def side(kind: Any, prices: list[int], sizes: list[int]) -> list[Any]:
        pairs = zip(prices, sizes, strict=True)
        return [BookOrder(kind, Price(price, 0), Quantity(size, 0), 0) for price, size in pairs]

    def built(values: list[int]) -> Any:
        bids = side(OrderSide.BUY, values[10:20], values[30:40])
        asks = side(OrderSide.SELL, values[0:10], values[20:30])
        return OrderBookDepth10(name, bids, asks, ones, ones, 0, 0, 0, 0)

    # It holds only quoted levels: a closing auction's three are not for it.
    values = [row if all(row) else None for _, row, _, _ in levels]
    full = [row for row in values if row is not None]
    values = [row or full[i % len(full)] for i, row in enumerate(values)]
    made = [built(row) for row in values]

    def run(index: int) -> None:
        book.apply_depth(made[index] if is_ready else built(values[index]))

    return run

"""The hot path, compiled: frames, books, prices, limiters and the feed listener.

All of it can be cimported too: `from aegis_fast.hot.book cimport Book`. There is no pure-Python
fallback, since a slow one would pass unnoticed.
"""

try:
    from aegis_fast.hot.book import BEST_CHANGED, EXPECTED_CHANGED, TOTALS_CHANGED, Book
    from aegis_fast.hot.bucket import SlidingWindow, TokenBucket
    from aegis_fast.hot.bus import Bus, NativeSubscriber, Subscriber
    from aegis_fast.hot.feed import FeedListener
    from aegis_fast.hot.frame import FrameParser, build_flavor
    from aegis_fast.hot.histogram import LatencyHistogram
    from aegis_fast.hot.notice import Notice
    from aegis_fast.hot.price import (
        Side,
        UnknownNameError,
        calculate_order_price,
        offset_price,
        price_limits,
        round_to_tick,
        tick_size,
    )
    from aegis_fast.hot.record import ABSENT, TRADE_DTYPE, Depth, Trade
    from aegis_fast.hot.table import MICRO, TABLE_TRS, TableRecord, field_types
except ImportError as error:
    raise ImportError(
        f"the compiled modules of aegis_fast.hot cannot be loaded ({error}); "
        "build them with `make dev`",
        name=error.name,
        path=error.path,
    ) from error

__all__ = [
    "ABSENT",
    "BEST_CHANGED",
    "EXPECTED_CHANGED",
    "MICRO",
    "TABLE_TRS",
    "TOTALS_CHANGED",
    "TRADE_DTYPE",
    "Book",
    "Bus",
    "Depth",
    "FeedListener",
    "FrameParser",
    "LatencyHistogram",
    "NativeSubscriber",
    "Notice",
    "Side",
    "SlidingWindow",
    "Subscriber",
    "TableRecord",
    "TokenBucket",
    "Trade",
    "UnknownNameError",
    "build_flavor",
    "calculate_order_price",
    "field_types",
    "offset_price",
    "price_limits",
    "round_to_tick",
    "tick_size",
]

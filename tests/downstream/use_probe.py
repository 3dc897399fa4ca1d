"""Run by test_wheel.py against the installed wheel; the working tree is not on the path."""

import sys
from pathlib import Path

import probe

import aegis_fast
from aegis_fast.hot import Book, FeedListener, LatencyHistogram, SlidingWindow, Trade

site, frames = Path(sys.argv[1]), Path(sys.argv[2])
assert Path(aegis_fast.__file__).is_relative_to(site), aegis_fast.__file__

trades = frames.joinpath("H0STCNT0.txt").read_bytes().splitlines()
depths = frames.joinpath("H0STASP0.txt").read_bytes().splitlines()

assert probe.traded_qty(trades[6]) == 1 + 78 + 1 + 73
assert probe.traded_qty(depths[0]) == -1

book = Book("005930")
book.apply(depths[0])
assert probe.best_level(book) == (62_200, 252_233, 100)
histogram = LatencyHistogram()
assert probe.durations(histogram, 1_000) == 1_000
assert 500 <= histogram.percentile_ns(500_000) < 520
assert probe.grants(SlidingWindow(3, 100), 1_000) == 30

strategy = probe.Imbalance()
feed = FeedListener()
feed.bus.add(strategy)
feed.feed_bytes(trades[6])
feed.feed_bytes(depths[0])
assert strategy.traded_qty == 153
assert (strategy.best_bid_krw, strategy.buy_price_krw) == (62_100, 62_000)

other = probe.Imbalance("other", symbols={"000660"})
feed.bus.add(other)
feed.feed_bytes(trades[6])
assert (strategy.traded_qty, other.traded_qty) == (306, 0)

told = []
feed = FeedListener(on_subscriber_error=lambda who, error: told.append((who.name, repr(error))))
fails, after = probe.Fails("fails", max_errors=3), probe.Imbalance()
feed.bus.add(fails)
feed.bus.add(after)
feed.feed_bytes(depths[0])
feed.feed_bytes(trades[6])
assert told[1:] == [("fails", f"ValueError('a bug at {qty}')") for qty in (1, 78)], told
assert told[0][1].startswith("SystemError"), told
assert fails.is_stopped
assert (after.traded_qty, after.best_bid_krw) == (153, 62_100)

book = feed.book("005930")
feed.bus.depth(book)
feed.bus.trade(Trade.make(symbol="005930", qty=7, price_krw=1))
assert (after.traded_qty, after.best_bid_krw) == (160, 62_100)

# The package's own loop in C and the engine's feed come to the same books and numbers.
frames = [frame for frame in (*trades, *depths) if b"|005930^" in frame]
assert len(frames) > 10
engine, looped, mine = FeedListener(), probe.Imbalance(), Book("005930")
fed = probe.Imbalance()
engine.bus.add(fed)
for frame in frames:
    engine.feed_bytes(frame)
records = sum(int(frame[11:14]) for frame in frames)
assert probe.replay(frames, mine, looped) == engine.records == records > len(frames)
theirs = engine.book("005930").snapshot()
assert mine.snapshot() | {"recv_ns": 0} == theirs | {"recv_ns": 0}
for name in ("traded_qty", "best_bid_krw", "buy_price_krw"):
    assert getattr(looped, name) == getattr(fed, name) > 0, name
assert probe.records_of(trades) == sum(int(frame[11:14]) for frame in trades)
assert probe.records_of(depths) == -1
assert probe.replay([b"0|H0STCNT0|001|x"], mine, looped) == -1

assert probe.old_tick_size(100_000, 0, "") == 100
assert probe.old_tick_size(100_000, 20230124, "KOSPI") == 500
sys.stdout.write("downstream works\n")

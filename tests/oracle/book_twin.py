"""A ten-level book as lists of ints."""

from __future__ import annotations

from typing import Any


class BookTwin:
    """Keep the last snapshot given as the dict of frame_twin.parse."""

    def __init__(self) -> None:
        self.ask = [(0, 0)] * 10
        self.bid = [(0, 0)] * 10
        self.totals = (0, 0)
        self.expected = (0, 0)
        self.seq = 0

    def apply(self, depth: dict[str, Any]) -> int:
        """Replace the book and return the change bits."""
        ask = list(zip(depth["ask_price_krw"], depth["ask_qty"], strict=True))
        bid = list(zip(depth["bid_price_krw"], depth["bid_qty"], strict=True))
        totals = (depth["total_ask_qty"] or 0, depth["total_bid_qty"] or 0)
        expected = (depth["expected_price_krw"] or 0, depth["expected_qty"] or 0)
        bits = 0
        for level in range(10):
            if ask[level] != self.ask[level]:
                bits |= 1 << level
            if bid[level] != self.bid[level]:
                bits |= 1 << (10 + level)
        if totals != self.totals:
            bits |= 1 << 20
        if expected != self.expected:
            bits |= 1 << 21
        self.ask, self.bid, self.totals, self.expected = ask, bid, totals, expected
        self.seq += 1
        return bits

    def spread_krw(self) -> int | None:
        ask, bid = self.ask[0][0], self.bid[0][0]
        return ask - bid if ask and bid else None

    def mid_x2_krw(self) -> int | None:
        ask, bid = self.ask[0][0], self.bid[0][0]
        return ask + bid if ask and bid else None

    def imbalance_ppm(self) -> int | None:
        ask, bid = self.ask[0][1], self.bid[0][1]
        if ask + bid == 0:
            return None
        size = abs(bid - ask) * 1_000_000 // (bid + ask)
        return size if bid >= ask else -size

    def is_crossed(self) -> bool:
        return bool(self.ask[0][0] and self.bid[0][0] and self.bid[0][0] >= self.ask[0][0])

"""Tell which part of an issue's trades came from programs, and write H0STPGM0 (11 values).

Each issue has a share of 10 to 40 % on each side, drawn from the seed. A trade is a program's as a
whole or not at all; an auction print is split by the shares. Trades that nobody watched are counted
by the shares too, so the figures only grow and agree with the tape.
"""

from __future__ import annotations

from random import Random

from aegis_fast.sim.kst import hhmmss
from aegis_fast.sim.market.rules import Side
from aegis_fast.sim.market.tape import Tape, TradeRecord

__all__ = ["ProgramTrading"]

_PER_MILLE = 1_000


class ProgramTrading:
    """Program trading in one issue on one day: shares and won since the open, bought and sold."""

    def __init__(self, symbol: str, tape: Tape, rng: Random) -> None:
        self._symbol = symbol
        self._rng = rng
        self._buy_share = rng.randint(100, 400)
        self._sell_share = rng.randint(100, 400)
        self.buy_qty = self.sell_qty = self.buy_value_krw = self.sell_value_krw = 0
        self._seen_qty = self._seen_value_krw = 0
        self.catch_up(tape)

    def catch_up(self, tape: Tape) -> None:
        """Count the trades up to now that were not told."""
        self._count_missed(tape.cum_qty, tape.cum_value_krw)

    def _count_missed(self, cum_qty: int, cum_value_krw: int) -> None:
        qty, value = cum_qty - self._seen_qty, cum_value_krw - self._seen_value_krw
        # Half of the day's trades were started by buyers, near enough.
        self.buy_qty += qty * self._buy_share // (2 * _PER_MILLE)
        self.sell_qty += qty * self._sell_share // (2 * _PER_MILLE)
        self.buy_value_krw += value * self._buy_share // (2 * _PER_MILLE)
        self.sell_value_krw += value * self._sell_share // (2 * _PER_MILLE)
        self._seen_qty, self._seen_value_krw = cum_qty, cum_value_krw

    def on_trade(self, record: TradeRecord) -> bool:
        """Count a trade; tell whether a program had a part in it."""
        value = record.price_krw * record.qty
        missed_qty, missed_value = record.cum_qty - record.qty, record.cum_value_krw - value
        if missed_qty < self._seen_qty:
            return False  # Counted when it was caught up with.
        if missed_qty > self._seen_qty:
            self._count_missed(missed_qty, missed_value)
        self._seen_qty, self._seen_value_krw = record.cum_qty, record.cum_value_krw
        if record.taker is None:
            bought = record.qty * self._buy_share // _PER_MILLE
            sold = record.qty * self._sell_share // _PER_MILLE
        else:
            share = self._buy_share if record.taker is Side.BUY else self._sell_share
            if self._rng.randrange(_PER_MILLE) >= share:
                return False
            is_buy = record.taker is Side.BUY
            bought, sold = (record.qty, 0) if is_buy else (0, record.qty)
        self.buy_qty += bought
        self.sell_qty += sold
        self.buy_value_krw += bought * record.price_krw
        self.sell_value_krw += sold * record.price_krw
        return bool(bought or sold)

    def row(self, ask_total: int, bid_total: int, now_ns: int) -> str:
        """Return an H0STPGM0 record. ask_total, bid_total: shares in the displayed book.

        The open program orders are the same shares of the book; WHOL_NTBY_QTY is buy minus sell.
        """
        sell_open = ask_total * self._sell_share // _PER_MILLE
        buy_open = bid_total * self._buy_share // _PER_MILLE
        return (
            f"{self._symbol}^{hhmmss(now_ns)}^{self.sell_qty}^{self.sell_value_krw}"
            f"^{self.buy_qty}^{self.buy_value_krw}^{self.buy_qty - self.sell_qty}"
            f"^{self.buy_value_krw - self.sell_value_krw}^{sell_open}^{buy_open}"
            f"^{buy_open - sell_open}"
        )

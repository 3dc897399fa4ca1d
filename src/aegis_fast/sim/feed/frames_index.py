"""Write index records: H0UPCNT0 and H0UPANC0 (30 values, the latter 15 in its printed sample).

Volume is in thousands of shares and value in millions of won; open, high and low are each compared
with the previous close, as captured. TICK_VRSS is the move since the last update in hundredths of a
point: the table does not say, and 19 was captured.
"""

from __future__ import annotations

from dataclasses import dataclass

from aegis_fast.sim.feed.frames import ratio, sign
from aegis_fast.sim.kst import hhmmss
from aegis_fast.sim.market.indices import Index

__all__ = ["INDEX_WIDTH", "Sent", "cut_expected", "expected_row", "index_row"]

INDEX_WIDTH = 30
_THOUSAND, _MILLION = 1_000, 1_000_000


@dataclass(slots=True)
class Sent:
    """What the record before said, in its units: next.ACML_VOL - prev.ACML_VOL = PCAS_VOL."""

    qty: int = 0
    value: int = 0


def _points(hundredths: int) -> str:
    minus = "-" if hundredths < 0 else ""
    return f"{minus}{abs(hundredths) // 100}.{abs(hundredths) % 100:02d}"


def index_row(index: Index, before: Sent, now_ns: int) -> str:
    """Return an H0UPCNT0 record and remember its sums. The first one of a day has no step."""
    qty, value = index.cum_qty // _THOUSAND, index.cum_value_krw // _MILLION
    if qty < before.qty or not before.qty:
        step = (index.last_qty // _THOUSAND, index.last_value_krw // _MILLION)
    else:
        step = (qty - before.qty, value - before.value)
    before.qty, before.value = qty, value
    return _write(index, (qty, value), step, now_ns)


def expected_row(index: Index, qty: int, value_krw: int, now_ns: int) -> str:
    """Return an H0UPANC0 record: an index at the expected prices of an auction.

    qty, value_krw: what the members' auctions would trade.
    """
    sums = (qty // _THOUSAND, value_krw // _MILLION)
    return _write(index, sums, sums, now_ns)


def _write(index: Index, sums: tuple[int, int], step: tuple[int, int], now_ns: int) -> str:
    base, change = index.base_x100, index.change_x100
    marks = (index.open_x100, index.high_x100, index.low_x100)
    changes = [mark - base if mark else 0 for mark in marks]
    against = "^".join(f"{_points(move)}^{sign(move)}" for move in changes)
    rates = "^".join(ratio(move * 100, base) for move in changes)
    # The counts of the table leave out those at a limit; the simulator's include them.
    up, down = index.up - index.upper, index.down - index.lower
    return (
        f"{index.code}^{hhmmss(now_ns)}^{_points(index.level_x100)}^{sign(change)}"
        f"^{_points(change)}^{sums[0]}^{sums[1]}^{step[0]}^{step[1]}^{ratio(change * 100, base)}"
        f"^{'^'.join(_points(mark) for mark in marks)}^{against}^{rates}"
        f"^{index.upper}^{up}^{index.flat}^{down}^{index.lower}^0^0^{index.step_x100}"
    )


def cut_expected(row: str) -> str:
    """Return the 15 values of the printed H0UPANC0 sample: the first ten, then the five counts."""
    values = row.split("^")
    return "^".join([*values[:10], *values[22:27]])

"""Answer the calls that list today's trades: the last thirty, and those up to a time."""

from __future__ import annotations

from typing import NamedTuple

from aegis_fast.sim.calls import inputs
from aegis_fast.sim.calls.answers import Answer, percent, quoted
from aegis_fast.sim.calls.market_views import View, Views
from aegis_fast.sim.kst import date_text, hhmmss, parse_hhmmss
from aegis_fast.sim.market.rules import Side
from aegis_fast.sim.market.world import World

__all__ = ["Prints"]

_ROWS = 30


class _Print(NamedTuple):
    time: str
    price_krw: int
    qty: int
    cum_qty: int
    sell_qty: int
    buy_qty: int


class Prints:
    """Trade lists of one market, newest first.

    The tape keeps the last thirty trades. Older rows are whole minutes: their close and volume.
    """

    def __init__(self, views: Views, world: World) -> None:
        self._views = views
        self._world = world

    def last(self, params: dict[str, str], now_ns: int) -> Answer:
        """Answer inquire-ccnl."""
        view = self._views.asked(params)
        rows = [
            {
                "stck_cntg_hour": row.time,
                **_price(view, row.price_krw),
                "cntg_vol": str(row.qty),
                "tday_rltv": percent(row.buy_qty, row.sell_qty),
            }
            for row in self._until(view, "235959", now_ns)
        ]
        return quoted(output=rows)

    def until(self, params: dict[str, str], now_ns: int) -> Answer:
        """Answer inquire-time-itemconclusion: the trades up to FID_INPUT_HOUR_1."""
        view = self._views.asked(params)
        hour = params["FID_INPUT_HOUR_1"]
        inputs.second(params, "FID_INPUT_HOUR_1")
        tape = view.tape
        asks, bids = view.best_krw(Side.SELL), view.best_krw(Side.BUY)
        rows = [
            {
                "stck_cntg_hour": row.time,
                "stck_pbpr": str(row.price_krw),
                **_change(view, row.price_krw),
                # The quotes of the moment: those of the time of the trade are not kept.
                "askp": str(asks),
                "bidp": str(bids),
                "tday_rltv": percent(row.buy_qty, row.sell_qty),
                "acml_vol": str(row.cum_qty),
                "cnqn": str(row.qty),
            }
            for row in self._until(view, hour, now_ns)
        ]
        summary = {
            **_price(view, tape.last_krw),
            "acml_vol": str(tape.cum_qty),
            "prdy_vol": str(view.yesterday.qty),
            "rprs_mrkt_kor_name": view.issue.market,
        }
        return quoted(output1=summary, output2=rows)

    def _until(self, view: View, hour: str, now_ns: int) -> list[_Print]:
        tape, today = view.tape, date_text(now_ns)
        kept = [record for record in tape.recent if date_text(record.time_ns) == today]
        rows = [
            _Print(
                hhmmss(record.time_ns),
                record.price_krw,
                record.qty,
                record.cum_qty,
                record.sell_qty,
                record.buy_qty,
            )
            for record in reversed(kept)
        ]
        rows = [row for row in rows if row.time <= hour][:_ROWS]
        oldest = kept[0] if kept else None
        before = hhmmss(oldest.time_ns) if oldest else hour
        if len(rows) < _ROWS:
            end = parse_hhmmss(min(before, hour)) // 60
            rows += self._minutes(view, end, today)[: _ROWS - len(rows)]
        return rows

    def _minutes(self, view: View, before: int, today: str) -> list[_Print]:
        """Return the minutes before a minute of the day, newest first."""
        tape = view.tape
        bars = list(tape.minutes)
        if today == date_text(tape.opened_ns):
            bars = [*view.first_minutes(), *bars]
        rows: list[_Print] = []
        cum = 0
        for bar in bars:
            cum += bar.qty
            if bar.minute < before and bar.qty:
                # Buyers' and sellers' shares of then are not kept: the day's ratio stands in.
                time = f"{bar.minute // 60:02d}{bar.minute % 60:02d}59"
                sides = (tape.sell_qty, tape.buy_qty)
                rows.append(_Print(time, bar.close_krw, bar.qty, cum, *sides))
        return rows[::-1]


def _change(view: View, price_krw: int) -> dict[str, str]:
    change, base = price_krw - view.issue.base_krw, view.issue.base_krw
    return {
        "prdy_vrss": str(change),
        "prdy_vrss_sign": view.tape.sign_of(price_krw),
        "prdy_ctrt": percent(change, base),
    }


def _price(view: View, price_krw: int) -> dict[str, str]:
    return {"stck_prpr": str(price_krw), **_change(view, price_krw)}

"""Keep the volatility interruptions that happened, and answer inquire-vi-status."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from aegis_fast.sim.calls import inputs
from aegis_fast.sim.calls.answers import Answer, percent, quoted
from aegis_fast.sim.calls.market_views import no_such_issue
from aegis_fast.sim.kst import date_text, hhmmss
from aegis_fast.sim.market.exchange import VI
from aegis_fast.sim.market.world import World

__all__ = ["Interruptions"]

_KEPT = 10_000
_ROWS = 100  # At most in one answer; the tables name no number.
_KINDS = {"static": "1", "dynamic": "2", "both": "3"}
_MARKETS = {"K": "KOSPI", "Q": "KOSDAQ"}
_SCREEN = "20139"


@dataclass(slots=True)
class _Interruption:
    """static_krw, dynamic_krw: what the price was measured against, 0 when it was not."""

    symbol: str
    date: str
    kind: str
    price_krw: int
    static_krw: int
    dynamic_krw: int
    number: int
    began: str
    ended: str = ""

    @property
    def reference_krw(self) -> int:
        return self.static_krw or self.dynamic_krw


class Interruptions:
    """The interruptions of KRX, the last 10,000 of them. NXT follows KRX and has no list."""

    def __init__(self) -> None:
        self._all: deque[_Interruption] = deque(maxlen=_KEPT)
        self._running: dict[str, _Interruption] = {}
        self._counts: dict[str, tuple[str, int]] = {}  # Symbol -> (date of the last one, how many).
        self._world: World

    def join(self, world: World) -> None:
        """Connect the market; what it interrupts must come in through on_vi."""
        self._world = world

    def on_vi(self, symbol: str, board: str, vi: VI | None, now_ns: int) -> None:
        """Take notice that an interruption began, or ended (None)."""
        if board != "KRX":
            return
        running = self._running.pop(symbol, None)
        if running is not None:
            running.ended = hhmmss(now_ns)
        if vi is None:
            return
        today = date_text(now_ns)
        date, count = self._counts.get(symbol, (today, 0))
        number = count + 1 if date == today else 1
        self._counts[symbol] = (today, number)
        # Of both kinds the market tells the static reference; the other is the last trade.
        dynamic = vi.reference_krw if vi.kind == "dynamic" else self._world.tapes[symbol].last_krw
        begun = _Interruption(
            symbol,
            today,
            _KINDS[vi.kind],
            vi.trigger_krw,
            0 if vi.kind == "dynamic" else vi.reference_krw,
            0 if vi.kind == "static" else dynamic,
            number,
            hhmmss(now_ns),
        )
        self._all.append(begun)
        self._running[symbol] = begun

    def status(self, params: dict[str, str], now_ns: int) -> Answer:
        """Answer inquire-vi-status: the interruptions of a day, newest first."""
        inputs.one_of(params, "FID_COND_SCR_DIV_CODE", (_SCREEN,))
        direction = inputs.one_of(params, "FID_DIV_CLS_CODE", ("0", "1", "2"))
        market = inputs.one_of(params, "FID_MRKT_CLS_CODE", ("0", "K", "Q"))
        kind = inputs.one_of(params, "FID_RANK_SORT_CLS_CODE", ("0", "1", "2", "3"))
        day = inputs.day(params, "FID_INPUT_DATE_1").strftime("%Y%m%d")
        symbol = params["FID_INPUT_ISCD"].strip()
        if symbol and symbol not in self._world.tapes:
            raise no_such_issue()
        chosen = [
            one
            for one in reversed(self._all)
            if one.date == day
            and symbol in ("", one.symbol)
            and kind in ("0", one.kind)
            and direction in ("0", "1" if one.price_krw > one.reference_krw else "2")
            and _MARKETS.get(market) in (None, self._world.tapes[one.symbol].issue.market)
        ]
        return quoted(output=[self._row(one) for one in chosen[:_ROWS]])

    def _row(self, one: _Interruption) -> dict[str, str]:
        return {
            "hts_kor_isnm": self._world.tapes[one.symbol].issue.name,
            "mksc_shrn_iscd": one.symbol,
            "vi_cls_code": "N" if one.ended else "Y",
            "bsop_date": one.date,
            "cntg_vi_hour": one.began,
            "vi_cncl_hour": one.ended,
            "vi_kind_code": one.kind,
            "vi_prc": str(one.price_krw),
            "vi_stnd_prc": str(one.static_krw),
            "vi_dprt": percent(
                one.price_krw - one.static_krw if one.static_krw else 0, one.static_krw
            ),
            "vi_dmc_stnd_prc": str(one.dynamic_krw),
            "vi_dmc_dprt": percent(
                one.price_krw - one.dynamic_krw if one.dynamic_krw else 0, one.dynamic_krw
            ),
            "vi_count": str(one.number),
        }

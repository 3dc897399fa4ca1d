"""Answer the daily chart calls: days, weeks, months and years. Newest rows first."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from aegis_fast.sim.calls import inputs
from aegis_fast.sim.calls.answers import Answer, change_sign, percent, quoted
from aegis_fast.sim.calls.market_views import View, Views
from aegis_fast.sim.calls.quotes import company
from aegis_fast.sim.crowd.history import DayBar
from aegis_fast.sim.kst import date_of
from aegis_fast.sim.market.rules import Side
from aegis_fast.sim.market.world import World
from aegis_fast.sim.rules import Rules

__all__ = ["Charts", "summary"]

_PERIODS = ("D", "W", "M", "Y")
_SHORT_PERIODS = ("D", "W", "M")
_SHORT_ROWS = 30


def _first_day(params: dict[str, str]) -> date:
    # python-kis asks for everything with a year that no calendar has, and is given it.
    if params["FID_INPUT_DATE_1"].startswith("0000"):
        return date.min
    return inputs.day(params, "FID_INPUT_DATE_1")


def _period_of(day: date, period: str) -> tuple[int, int]:
    if period == "W":
        year, week, _ = day.isocalendar()
        return year, week
    if period == "M":
        return day.year, day.month
    return day.year, 0


def merge(bars: Iterable[DayBar], period: str) -> list[DayBar]:
    """Join days, newest first, into weeks, months or years."""
    groups: list[list[DayBar]] = []
    for bar in bars:
        if groups and _period_of(groups[-1][0].day, period) == _period_of(bar.day, period):
            groups[-1].append(bar)
        else:
            groups.append([bar])
    return [
        DayBar(
            group[0].day,
            group[-1].open_krw,
            max(bar.high_krw for bar in group),
            min(bar.low_krw for bar in group),
            group[0].close_krw,
            sum(bar.qty for bar in group),
            sum(bar.value_krw for bar in group),
        )
        for group in groups
    ]


class Charts:
    """Daily chart answers of one market.

    Adjusted and raw prices are the same, as this market has no corporate actions; so the two calls
    agree although FID_ORG_ADJ_PRC means the opposite in each.
    """

    def __init__(self, rules: Rules, views: Views, world: World) -> None:
        self._rules = rules
        self._views = views
        self._world = world

    def days(self, params: dict[str, str], now_ns: int) -> Answer:
        """Answer inquire-daily-itemchartprice: at most 100 rows (FID_ORG_ADJ_PRC 0: adjusted)."""
        view = self._views.asked(params)
        period = inputs.one_of(params, "FID_PERIOD_DIV_CODE", _PERIODS)
        inputs.one_of(params, "FID_ORG_ADJ_PRC", ("0", "1"))
        first, last = _first_day(params), inputs.day(params, "FID_INPUT_DATE_2")
        bars = self._bars(view, period, now_ns)
        chosen = [index for index, bar in enumerate(bars) if first <= bar.day <= last]
        rows = [
            _chart_row(bars[index], bars[index + 1] if index + 1 < len(bars) else None)
            for index in chosen[: self._rules.chart_page]
        ]
        return quoted(output1=_chart_summary(view, view.yesterday), output2=rows)

    def short(self, params: dict[str, str], now_ns: int) -> Answer:
        """Answer inquire-daily-price: 30 days, weeks or months (FID_ORG_ADJ_PRC 0: raw)."""
        view = self._views.asked(params)
        period = inputs.one_of(params, "FID_PERIOD_DIV_CODE", _SHORT_PERIODS)
        inputs.one_of(params, "FID_ORG_ADJ_PRC", ("0", "1"))
        bars = self._bars(view, period, now_ns)[: _SHORT_ROWS + 1]
        rows = [
            _short_row(bar, before) for bar, before in zip(bars, [*bars[1:], None], strict=True)
        ]
        return quoted(output=rows[:_SHORT_ROWS])

    def _bars(self, view: View, period: str, now_ns: int) -> list[DayBar]:
        tape = view.tape
        bars = list(view.days())
        if tape.open_krw:
            today = DayBar(
                date_of(now_ns),
                tape.open_krw,
                tape.high_krw,
                tape.low_krw,
                tape.last_krw,
                tape.cum_qty,
                tape.cum_value_krw,
            )
            bars.insert(0, today)
        return bars if period == "D" else merge(bars, period)


def summary(view: View) -> dict[str, str]:
    """Return what every chart says of today in output1."""
    tape = view.tape
    return {
        "prdy_vrss": str(tape.change_krw),
        "prdy_vrss_sign": tape.sign_of(tape.last_krw),
        "prdy_ctrt": percent(tape.change_krw, tape.issue.base_krw),
        "stck_prdy_clpr": str(tape.issue.base_krw),
        "acml_vol": str(tape.cum_qty),
        "acml_tr_pbmn": str(tape.cum_value_krw),
        "hts_kor_isnm": tape.issue.name,
        "stck_prpr": str(tape.last_krw),
    }


def _chart_summary(view: View, yesterday: DayBar) -> dict[str, str]:
    tape, limits = view.tape, view.limits
    known = company(view)
    names = ("vol_tnrt", "stck_fcam", "lstn_stcn", "cpfn", "hts_avls", "per", "eps", "pbr")
    return {
        **summary(view),
        "stck_shrn_iscd": view.issue.symbol,
        "prdy_vol": str(yesterday.qty),
        "stck_mxpr": str(limits.upper_krw if limits.has_limit else 0),
        "stck_llam": str(limits.lower_krw if limits.has_limit else 0),
        "stck_oprc": str(tape.open_krw),
        "stck_hgpr": str(tape.high_krw),
        "stck_lwpr": str(tape.low_krw),
        "stck_prdy_oprc": str(yesterday.open_krw),
        "stck_prdy_hgpr": str(yesterday.high_krw),
        "stck_prdy_lwpr": str(yesterday.low_krw),
        "askp": str(view.best_krw(Side.SELL)),
        "bidp": str(view.best_krw(Side.BUY)),
        "prdy_vrss_vol": str(tape.cum_qty - yesterday.qty),
        **{name: known[name] for name in names},
        "itewhol_loan_rmnd_ratem": known["whol_loan_rmnd_rate"],
    }


def _row(bar: DayBar, before: DayBar | None) -> dict[str, str]:
    change = bar.close_krw - before.close_krw if before else 0
    return {
        "stck_bsop_date": bar.day.strftime("%Y%m%d"),
        "stck_oprc": str(bar.open_krw),
        "stck_hgpr": str(bar.high_krw),
        "stck_lwpr": str(bar.low_krw),
        "stck_clpr": str(bar.close_krw),
        "acml_vol": str(bar.qty),
        "prdy_vrss": str(change),
        "prdy_vrss_sign": change_sign(change),
        "flng_cls_code": "00",
    }


def _chart_row(bar: DayBar, before: DayBar | None) -> dict[str, str]:
    return {
        **_row(bar, before),
        "acml_tr_pbmn": str(bar.value_krw),
        "prtt_rate": "0.00",
        "mod_yn": "N",
        "revl_issu_reas": "",
    }


def _short_row(bar: DayBar, before: DayBar | None) -> dict[str, str]:
    previous = before or bar
    return {
        **_row(bar, before),
        "prdy_vrss_vol_rate": percent(bar.qty - previous.qty, previous.qty),
        "prdy_ctrt": percent(bar.close_krw - previous.close_krw, previous.close_krw),
        # Who trades is not modelled.
        "hts_frgn_ehrt": "50.00",
        "frgn_ntby_qty": "0",
        "acml_prtt_rate": "0.00",
    }

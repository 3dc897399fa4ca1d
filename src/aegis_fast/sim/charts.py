"""Answer chart calls: days, weeks, months, years, and today's minutes. Newest rows first."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime

from aegis_fast.sim.answers import Refusal, decimal
from aegis_fast.sim.history import DayBar
from aegis_fast.sim.kst import date_of, date_text, parse_hhmmss, second_of_day
from aegis_fast.sim.quotes import Quotes
from aegis_fast.sim.rules import Rules
from aegis_fast.sim.tape import MinuteBar, Tape
from aegis_fast.sim.world import World

__all__ = ["Charts"]

_PERIODS = ("D", "W", "M", "Y")


def _day(text: str, name: str) -> date:
    try:
        return datetime.strptime(text, "%Y%m%d").date()  # noqa: DTZ007  (a calendar day)
    except ValueError:
        raise Refusal("OPSQ2002", f"ERROR INVALID FIELD VALUE [{name}]") from None


def _first_day(text: str) -> date:
    # python-kis asks for everything with a year that no calendar has, and is given it.
    return date.min if text.startswith("0000") else _day(text, "FID_INPUT_DATE_1")


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
    """Chart answers of one market."""

    def __init__(self, rules: Rules, world: World, quotes: Quotes) -> None:
        self._rules = rules
        self._world = world
        self._quotes = quotes

    def days(
        self, params: dict[str, str], now_ns: int
    ) -> tuple[dict[str, str], list[dict[str, str]]]:
        """Return `output1` and `output2` of inquire-daily-itemchartprice: at most 100 rows.

        Adjusted and raw prices are the same: this market has no corporate actions.
        """
        symbol, period = params["FID_INPUT_ISCD"], params["FID_PERIOD_DIV_CODE"]
        book, tape = self._quotes.find(symbol)
        if period not in _PERIODS:
            raise Refusal("OPSQ2002", "ERROR INVALID FIELD VALUE [FID_PERIOD_DIV_CODE]")
        if params["FID_ORG_ADJ_PRC"] not in ("0", "1"):
            raise Refusal("OPSQ2002", "ERROR INVALID FIELD VALUE [FID_ORG_ADJ_PRC]")
        first = _first_day(params["FID_INPUT_DATE_1"])
        last = _day(params["FID_INPUT_DATE_2"], "FID_INPUT_DATE_2")
        today = DayBar(
            date_of(now_ns),
            tape.open_krw,
            tape.high_krw,
            tape.low_krw,
            tape.last_krw,
            tape.cum_qty,
            tape.cum_value_krw,
        )
        past = self._world.history.days(symbol)
        bars = [today, *past]
        if period != "D":
            bars = merge(bars, period)
        chosen = [index for index, bar in enumerate(bars) if first <= bar.day <= last]
        rows = [
            _day_row(tape, bars[index], bars[index + 1] if index + 1 < len(bars) else None)
            for index in chosen[: self._rules.chart_page]
        ]
        yesterday = past[0]
        summary = {
            **_summary(tape),
            "prdy_vol": str(yesterday.qty),
            "stck_mxpr": str(book.limits.upper_krw if book.limits.has_limit else 0),
            "stck_llam": str(book.limits.lower_krw if book.limits.has_limit else 0),
            "stck_oprc": str(tape.open_krw),
            "stck_hgpr": str(tape.high_krw),
            "stck_lwpr": str(tape.low_krw),
            "stck_prdy_oprc": str(yesterday.open_krw),
            "stck_prdy_hgpr": str(yesterday.high_krw),
            "stck_prdy_lwpr": str(yesterday.low_krw),
            "askp": str(book.best_ask_krw),
            "bidp": str(book.best_bid_krw),
            "prdy_vrss_vol": str(tape.cum_qty - yesterday.qty),
            "stck_shrn_iscd": symbol,
        }
        price = self._quotes.price(symbol)
        for name in ("vol_tnrt", "stck_fcam", "lstn_stcn", "cpfn", "hts_avls", "per", "eps", "pbr"):
            summary[name] = price[name]
        summary["itewhol_loan_rmnd_ratem"] = price["whol_loan_rmnd_rate"]
        return summary, rows

    def minutes(
        self, params: dict[str, str], now_ns: int
    ) -> tuple[dict[str, str], list[dict[str, str]]]:
        """Return `output1` and `output2` of inquire-time-itemchartprice: 30 rows of today.

        As with the broker, a time in the future is filled with the current price, and "000000"
        (python-kis's way to name no time) means now.
        """
        _, tape = self._quotes.find(params["FID_INPUT_ISCD"])
        try:
            asked = parse_hhmmss(params["FID_INPUT_HOUR_1"]) // 60
        except ValueError:
            raise Refusal("OPSQ2002", "ERROR INVALID FIELD VALUE [FID_INPUT_HOUR_1]") from None
        now_minute, date_now = second_of_day(now_ns) // 60, date_text(now_ns)
        known: dict[int, MinuteBar] = {}
        first = 0  # This market does not close at midnight.
        if date_now == date_text(tape.opened_ns):
            first = second_of_day(tape.opened_ns) // 60
            known = {bar.minute: bar for bar in self._world.history.minutes(tape.issue.symbol)}
            # After midnight it is a time like any other.
            asked = asked or (now_minute if first else 0)
        known.update({bar.minute: bar for bar in tape.minutes})
        rows: list[dict[str, str]] = []
        for minute in range(asked, max(first, asked - self._rules.minutes_page + 1) - 1, -1):
            bar = known.get(minute) or self._quiet(known, tape, min(minute, now_minute + 1))
            rows.append(
                {
                    "stck_bsop_date": date_now,
                    "stck_cntg_hour": f"{minute // 60:02d}{minute % 60:02d}00",
                    "stck_prpr": str(bar.close_krw),
                    "stck_oprc": str(bar.open_krw),
                    "stck_hgpr": str(bar.high_krw),
                    "stck_lwpr": str(bar.low_krw),
                    "cntg_vol": str(bar.qty),
                    "acml_tr_pbmn": str(bar.cum_value_krw),
                }
            )
        return _summary(tape), rows

    @staticmethod
    def _quiet(known: dict[int, MinuteBar], tape: Tape, minute: int) -> MinuteBar:
        """Return a minute without a trade: the close before it, no volume."""
        earlier = [key for key in known if key < minute]
        if not earlier:
            price = tape.open_krw
            return MinuteBar(minute, price, price, price, price, 0, 0)
        before = known[max(earlier)]
        price = before.close_krw
        return MinuteBar(minute, price, price, price, price, 0, before.cum_value_krw)


def _summary(tape: Tape) -> dict[str, str]:
    return {
        "prdy_vrss": str(tape.change_krw),
        "prdy_vrss_sign": tape.sign_of(tape.last_krw),
        "prdy_ctrt": decimal(tape.change_krw * 100, tape.issue.base_krw, 2),
        "stck_prdy_clpr": str(tape.issue.base_krw),
        "acml_vol": str(tape.cum_qty),
        "acml_tr_pbmn": str(tape.cum_value_krw),
        "hts_kor_isnm": tape.issue.name,
        "stck_prpr": str(tape.last_krw),
    }


def _day_row(tape: Tape, bar: DayBar, before: DayBar | None) -> dict[str, str]:
    change = bar.close_krw - before.close_krw if before else 0
    return {
        "stck_bsop_date": bar.day.strftime("%Y%m%d"),
        "stck_clpr": str(bar.close_krw),
        "stck_oprc": str(bar.open_krw),
        "stck_hgpr": str(bar.high_krw),
        "stck_lwpr": str(bar.low_krw),
        "acml_vol": str(bar.qty),
        "acml_tr_pbmn": str(bar.value_krw),
        "flng_cls_code": "00",
        "prtt_rate": "0.00",
        "mod_yn": "N",
        "prdy_vrss_sign": "2" if change > 0 else "5" if change < 0 else "3",
        "prdy_vrss": str(change),
        "revl_issu_reas": "",
    }

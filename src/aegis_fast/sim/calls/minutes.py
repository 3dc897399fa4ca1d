"""Answer the minute chart calls: today's thirty rows, and a past day's hundred and twenty."""

from __future__ import annotations

from datetime import date, timedelta

from aegis_fast.sim.calls import inputs
from aegis_fast.sim.calls.answers import Answer, quoted
from aegis_fast.sim.calls.charts import summary
from aegis_fast.sim.calls.market_views import View, Views
from aegis_fast.sim.crowd.past_minutes import minutes_of
from aegis_fast.sim.kst import date_of, date_text, second_of_day
from aegis_fast.sim.market.tape import MinuteBar
from aegis_fast.sim.market.world import World
from aegis_fast.sim.rules import Rules

__all__ = ["Minutes"]

_PAST_ROWS = 120
_PAST_DAYS = 366  # Calendar days that the broker keeps.
_YES_NO = ("Y", "N", "")


class Minutes:
    """Minute chart answers of one market. Newest rows first."""

    def __init__(self, rules: Rules, views: Views, world: World) -> None:
        self._rules = rules
        self._views = views
        self._world = world

    def today(self, params: dict[str, str], now_ns: int) -> Answer:
        """Answer inquire-time-itemchartprice: 30 rows of today.

        As with the broker, a time in the future is filled with the current price, and "000000"
        (python-kis's way to name no time) means now.
        """
        view = self._views.asked(params)
        asked = inputs.second(params, "FID_INPUT_HOUR_1") // 60
        inputs.one_of(params, "FID_PW_DATA_INCU_YN", _YES_NO)
        now_minute, today = second_of_day(now_ns) // 60, date_text(now_ns)
        first, known = self._known(view, now_ns)
        if first:
            # After midnight it is a time like any other.
            asked = asked or now_minute
        rows: list[dict[str, str]] = []
        for minute in range(asked, first - 1, -1):
            if len(rows) == self._rules.minutes_page:
                break
            bar = known.get(minute)
            if bar is None and minute <= now_minute and not view.trades_at(minute):
                continue
            bar = bar or _quiet(known, view, min(minute, now_minute + 1))
            if minute == now_minute and minute not in known and minute - 1 in known:
                # The broker shows the volume of the minute before until this one has a trade.
                bar.qty = known[minute - 1].qty
            rows.append(_row(bar, minute, today))
        return quoted(output1=summary(view), output2=rows)

    def past(self, params: dict[str, str], now_ns: int) -> Answer:
        """Answer inquire-time-dailychartprice: 120 rows up to a time of a day of the last year.

        With FID_PW_DATA_INCU_YN=Y the rows go on into the days before. Minutes without a trade are
        left out unless FID_FAKE_TICK_INCU_YN=Y.
        """
        view = self._views.asked(params)
        last_minute = inputs.second(params, "FID_INPUT_HOUR_1") // 60
        asked = inputs.day(params, "FID_INPUT_DATE_1")
        goes_back = inputs.one_of(params, "FID_PW_DATA_INCU_YN", _YES_NO) == "Y"
        has_quiet = inputs.one_of(params, "FID_FAKE_TICK_INCU_YN", _YES_NO) == "Y"
        rows: list[dict[str, str]] = []
        for day in self._days(view, asked, now_ns):
            if rows and not goes_back:
                break
            text = day.strftime("%Y%m%d")
            for bar in reversed(self._bars(view, day, now_ns)):
                if (day < asked or bar.minute <= last_minute) and (bar.qty or has_quiet):
                    rows.append(_row(bar, bar.minute, text))
            if len(rows) >= _PAST_ROWS or (day == asked and not goes_back):
                break
        return quoted(output1=summary(view), output2=rows[:_PAST_ROWS])

    def _days(self, view: View, asked: date, now_ns: int) -> list[date]:
        today = date_of(now_ns)
        oldest = today - timedelta(days=_PAST_DAYS)
        past = [bar.day for bar in view.past_prices()]
        return [day for day in (today, *past) if oldest <= day <= asked]

    def _bars(self, view: View, day: date, now_ns: int) -> list[MinuteBar]:
        if day == date_of(now_ns):
            first, known = self._known(view, now_ns)
            now = second_of_day(now_ns) // 60
            bars: list[MinuteBar] = []
            for minute in range(first, now + 1):
                before = {bars[-1].minute: bars[-1]} if bars else {}
                bars.append(known.get(minute) or _quiet(before, view, minute))
            return bars
        past = view.days()
        bar = next(bar for bar in past if bar.day == day)
        return minutes_of(view.issue, bar, self._world.seed)

    def _known(self, view: View, now_ns: int) -> tuple[int, dict[int, MinuteBar]]:
        """Return today's first minute and the minutes that had trades."""
        tape = view.tape
        known: dict[int, MinuteBar] = {}
        first = 0  # This market does not close at midnight.
        if date_text(now_ns) == date_text(tape.opened_ns):
            first = second_of_day(tape.opened_ns) // 60
            known = {bar.minute: bar for bar in view.first_minutes()}
        known.update({bar.minute: bar for bar in tape.minutes})
        return min([first, *known]), known


def _quiet(known: dict[int, MinuteBar], view: View, minute: int) -> MinuteBar:
    """Return a minute without a trade: the close before it, no volume."""
    earlier = [key for key in known if key < minute]
    if not earlier:
        price = view.tape.open_krw or view.issue.base_krw
        return MinuteBar(minute, price, price, price, price, 0, 0)
    before = known[max(earlier)]
    price = before.close_krw
    return MinuteBar(minute, price, price, price, price, 0, before.cum_value_krw)


def _row(bar: MinuteBar, minute: int, day: str) -> dict[str, str]:
    return {
        "stck_bsop_date": day,
        "stck_cntg_hour": f"{minute // 60:02d}{minute % 60:02d}00",
        "stck_prpr": str(bar.close_krw),
        "stck_oprc": str(bar.open_krw),
        "stck_hgpr": str(bar.high_krw),
        "stck_lwpr": str(bar.low_krw),
        "cntg_vol": str(bar.qty),
        "acml_tr_pbmn": str(bar.cum_value_krw),
    }

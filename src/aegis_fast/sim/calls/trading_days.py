"""Answer chk-holiday: which days are business, trading and settlement days."""

from __future__ import annotations

from datetime import date, timedelta

from aegis_fast.sim.calls import inputs
from aegis_fast.sim.calls.answers import Answer
from aegis_fast.sim.calls.paging import Page
from aegis_fast.sim.kst import date_of
from aegis_fast.sim.market.calendar import is_trading_day

__all__ = ["holidays"]

_PAGE = 24  # Rows in the portal's own example.


def holidays(params: dict[str, str], tr_cont: str, now_ns: int) -> Answer:
    """Answer the call: one row a day from BASS_DT to the end of next year. Raises Refusal."""
    first = inputs.day(params, "BASS_DT")
    last = date(date_of(now_ns).year + 1, 12, 31)
    count = max((last - first).days + 1, 0)
    # Only the days that this page can show: BASS_DT may lie far back.
    skipped = _skipped(params, tr_cont, first)
    start = min(skipped, count)
    shown = range(start, min(start + _PAGE + 1, count))
    days = [first + timedelta(days=index) for index in shown]
    keys = [day.strftime("%Y%m%d") for day in days]
    page = Page(params, tr_cont, keys, _PAGE, is_descending=False, area="")
    return page.answer(output=[_row(days[index]) for index in page.indexes])


def _skipped(params: dict[str, str], tr_cont: str, first: date) -> int:
    if tr_cont != "N" or not params["CTX_AREA_NK"].strip():
        return 0
    key = {"CTX_AREA_NK": params["CTX_AREA_NK"].strip()}
    return max((inputs.day(key, "CTX_AREA_NK") - first).days + 1, 0)


def _row(day: date) -> dict[str, str]:
    is_open = "Y" if is_trading_day(day) else "N"
    is_business = is_trading_day(day) or _is_year_end_closing(day)
    return {
        "bass_dt": day.strftime("%Y%m%d"),
        "wday_dvsn_cd": f"{day.isoweekday() % 7 + 1:02d}",
        "bzdy_yn": "Y" if is_business else "N",
        "tr_day_yn": is_open,
        "opnd_yn": is_open,
        "sttl_day_yn": is_open,
    }


def _is_year_end_closing(day: date) -> bool:
    """Tell whether it is the year's last weekday: only the exchange is closed then."""
    later = [day + timedelta(days=count) for count in range(1, 4)]
    is_last = all(other.weekday() >= 5 or other.year > day.year for other in later)
    return day.month == 12 and day.weekday() < 5 and is_last

"""Daily prices, and minutes of today and of past days."""

from __future__ import annotations

import pytest

from tests.contracts.rest_requests import PARAMS, ask
from tests.unit.sim.rest_bench import bench_at
from tests.unit.sim.sim_harness import Bench


@pytest.fixture(scope="module")
def bench() -> Bench:
    return bench_at("10:00:00")


def rows(bench: Bench, call_id: str, **more: str) -> list[dict[str, str]]:
    body = ask(bench, call_id, PARAMS[call_id] | more)[1]
    return body["output2"] if "output2" in body else body["output"]


@pytest.mark.parametrize("period", ["D", "W", "M"])
def test_daily_price_is_the_chart_with_thirty_rows(bench: Bench, period: str) -> None:
    short = rows(bench, "inquire-daily-price", FID_PERIOD_DIV_CODE=period)
    chart = rows(
        bench,
        "inquire-daily-itemchartprice",
        FID_PERIOD_DIV_CODE=period,
        FID_INPUT_DATE_1="20200101",
    )

    assert len(short) == 30
    names = ("stck_bsop_date", "stck_clpr", "stck_hgpr", "acml_vol", "prdy_vrss")
    assert [[row[name] for name in names] for row in short] == [
        [row[name] for name in names] for row in chart[:30]
    ]


def test_daily_price_refuses_years(bench: Bench) -> None:
    params = PARAMS["inquire-daily-price"] | {"FID_PERIOD_DIV_CODE": "Y"}

    assert ask(bench, "inquire-daily-price", params)[1]["msg_cd"] == "OPSQ2002"


def past(bench: Bench, day: str, hour: str = "153000", **more: str) -> list[dict[str, str]]:
    more = {"FID_INPUT_DATE_1": day, "FID_INPUT_HOUR_1": hour} | more
    return rows(bench, "inquire-time-dailychartprice", **more)


def test_minutes_of_a_past_day_agree_with_its_bar(bench: Bench) -> None:
    day = "20261118"
    bar = next(
        row
        for row in rows(bench, "inquire-daily-itemchartprice", FID_INPUT_DATE_1=day)
        if row["stck_bsop_date"] == day
    )
    minutes: list[dict[str, str]] = []
    hour = "153000"
    while True:
        page = past(bench, day, hour, FID_PW_DATA_INCU_YN="N")
        minutes += page
        if len(page) < 120:
            break
        oldest = page[-1]["stck_cntg_hour"]
        before = int(oldest[:2]) * 60 + int(oldest[2:4]) - 1
        hour = f"{before // 60:02d}{before % 60:02d}00"

    assert len(minutes) == len({row["stck_cntg_hour"] for row in minutes}) == 381
    assert (minutes[0]["stck_cntg_hour"], minutes[-1]["stck_cntg_hour"]) == ("153000", "090000")
    assert minutes[0]["stck_prpr"] == bar["stck_clpr"]
    assert minutes[-1]["stck_oprc"] == bar["stck_oprc"]
    assert max(int(row["stck_hgpr"]) for row in minutes) == int(bar["stck_hgpr"])
    assert min(int(row["stck_lwpr"]) for row in minutes) == int(bar["stck_lwpr"])
    assert sum(int(row["cntg_vol"]) for row in minutes) == int(bar["acml_vol"])
    assert minutes[0]["acml_tr_pbmn"] == bar["acml_tr_pbmn"]
    assert past(bench, day) == past(bench_at("10:00:00"), day)


def test_past_data_goes_on_into_the_day_before(bench: Bench) -> None:
    page = past(bench, "20261118", "091000")

    days = [row["stck_bsop_date"] for row in page]
    assert len(page) == 120
    assert (days[0], days[-1]) == ("20261118", "20261117")
    assert past(bench, "20261118", "091000", FID_PW_DATA_INCU_YN="N") == page[:11]


def test_minutes_end_a_year_back(bench: Bench) -> None:
    assert past(bench, "20251125")
    assert past(bench, "20251120") == []


def test_current_minute_without_a_trade_shows_the_volume_before() -> None:
    bench = bench_at("10:00:00")

    newest, before = rows(bench, "inquire-time-itemchartprice")[:2]

    assert newest["stck_cntg_hour"] == "100000"
    assert newest["cntg_vol"] == before["cntg_vol"] != "0"

"""Every list that comes in pages: sizes of real and paper, tr_cont, keys, and changing lists."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import pytest

from aegis_fast.sim.desk.ledger import FillEntry, OrderEntry
from aegis_fast.sim.kst import date_text
from aegis_fast.sim.market.rules import Side
from tests.contracts.rest_requests import PARAMS, ask
from tests.unit.sim.sim_harness import SECOND, Bench, spec

DAY_NS = 86_400 * SECOND
ACCOUNT = "5000000001"


class Listing(NamedTuple):
    """One paged call. fill: give the broker that many rows. area: suffix of its CTX fields."""

    call_id: str
    part: str
    key: str
    area: str
    sizes: dict[str, int]
    fill: Callable[[Bench, int], None]
    params: dict[str, str]
    variant: str = ""


def add_orders(bench: Bench, count: int) -> None:
    ledger = bench.broker.ledger
    for _ in range(count):
        ledger.add_order(
            OrderEntry(
                odno=ledger.next_odno("20261123"),
                date="20261123",
                account=ACCOUNT,
                symbol="005930",
                side=Side.BUY,
                qty=1,
                price_krw=200_000,
                kind="00",
                venue="KRX",
                accepted_ns=bench.now_ns,
            )
        )


def add_holdings(bench: Bench, count: int) -> None:
    for symbol in list(bench.broker.exchange.books)[:count]:
        bench.account.holding(symbol)
        bench.account.holdings[symbol] = type(bench.account.holding(symbol))(qty=1, cost_krw=1_000)


def add_fills(bench: Bench, count: int) -> None:
    fills = bench.broker.ledger.fills
    for _ in range(count):
        # One issue on one day is one row.
        day = len(fills)
        time_ns = bench.now_ns - (day + 1) * DAY_NS
        of_order = (date_text(time_ns), 1, ACCOUNT, "005930", Side.BUY)
        fills.append(FillEntry(day + 1, *of_order, 1, 270_000, 37, 0, time_ns))


def add_reservations(bench: Bench, count: int) -> None:
    for _ in range(count):
        assert ask(bench, "order-resv")[1]["rt_cd"] == "0"


LISTINGS = [
    Listing(
        *("inquire-daily-ccld", "output1", "odno", "100"),
        {"real": 100, "paper": 15},
        add_orders,
        {},
        "within_3_months",
    ),
    Listing(*("inquire-psbl-rvsecncl", "output", "odno", "100"), {"real": 50}, add_orders, {}),
    Listing(
        *("inquire-balance", "output1", "pdno", "100"),
        {"real": 50, "paper": 20},
        add_holdings,
        {},
    ),
    Listing(
        *("order-resv-ccnl", "output", "rsvn_ord_seq", "200"), {"real": 20}, add_reservations, {}
    ),
    Listing(
        *("inquire-period-trade-profit", "output1", "trad_dt", "100"),
        {"real": 50},
        add_fills,
        {"INQR_STRT_DT": "20250101"},
    ),
]
CASES = [(listing, profile) for listing in LISTINGS for profile in listing.sizes]
IDS = [f"{listing.call_id}-{profile}" for listing, profile in CASES]


def pages(
    bench: Bench, listing: Listing, between: Callable[[], None] = lambda: None
) -> tuple[list[str], list[str]]:
    """Walk through all pages; return the keys of the rows and the tr_cont of the pages."""
    keys: list[str] = []
    conts: list[str] = []
    params = PARAMS[listing.call_id] | listing.params
    tr_cont = ""
    width = int(listing.area)
    for _ in range(100):
        answer, body = ask(bench, listing.call_id, params, listing.variant, tr_cont=tr_cont)
        assert body["rt_cd"] == "0", body
        conts.append(answer.headers["tr_cont"])
        keys += [row[listing.key] for row in body[listing.part]]
        context = {
            f"CTX_AREA_{which}{listing.area}": body[f"ctx_area_{which.lower()}{listing.area}"]
            for which in ("FK", "NK")
        }
        assert {len(value) for value in context.values()} == {width}
        if conts[-1] in ("D", "E"):
            assert not context[f"CTX_AREA_NK{listing.area}"].strip()
            return keys, conts
        assert len(body[listing.part]) == listing.sizes[bench.broker.rules.kis.environment]
        params, tr_cont = params | context, "N"
        between()
    raise AssertionError("the list never ends")


@pytest.mark.parametrize(("listing", "profile"), CASES, ids=IDS)
@pytest.mark.parametrize("extra", ["none", "page-1", "page", "page+1", "2page+1"])
def test_pages_hold_every_row_once(listing: Listing, profile: str, extra: str) -> None:
    size = listing.sizes[profile]
    count = {"none": 0, "page-1": size - 1, "page": size, "page+1": size + 1}.get(
        extra, 2 * size + 1
    )
    settings = {"accounts": (spec(holdings={}),)}
    if listing.fill is add_holdings:
        settings["listed"] = many_issues(count)
    bench = Bench(profile=profile, **settings)
    bench.login()
    listing.fill(bench, count)

    keys, conts = pages(bench, listing)

    assert len(keys) == len(set(keys)) == count
    if count <= size:
        assert conts == ["D"]
    else:
        assert conts == ["F"] + ["M"] * ((count - 1) // size - 1) + ["E"]


def many_issues(count: int) -> tuple:
    from msgspec.structs import replace

    from tests.unit.sim.sim_harness import issue

    first = issue("005930", 274_000)
    rest = [replace(first, symbol=f"{100_000 + number}") for number in range(max(count - 1, 0))]
    return (first, *rest)


@pytest.mark.parametrize(("listing", "profile"), CASES[:4], ids=IDS[:4])
def test_list_that_grows_between_pages_ends_all_the_same(listing: Listing, profile: str) -> None:
    size = listing.sizes[profile]
    settings = {"listed": many_issues(3 * size)} if listing.fill is add_holdings else {}
    bench = Bench(profile=profile, accounts=(spec(holdings={}),), **settings)
    bench.login()
    listing.fill(bench, 2 * size)

    keys, _ = pages(bench, listing, lambda: listing.fill(bench, 1))

    assert len(keys) == len(set(keys))


@pytest.mark.parametrize("profile", ["real", "paper"])
def test_order_that_ends_between_pages_costs_no_other_row(profile: str) -> None:
    listing = LISTINGS[0]
    bench = Bench(profile=profile, accounts=(spec(holdings={}),))
    bench.login()
    size = listing.sizes[profile]
    add_orders(bench, 2 * size)
    open_only = listing._replace(params={"CCLD_DVSN": "02"})

    def fill_one() -> None:
        # The row that the next page would have begun after leaves the list.
        bench.broker.ledger.orders[size + 1].leaves_qty = 0

    keys, _ = pages(bench, open_only, fill_one)

    assert len(keys) == len(set(keys)) == 2 * size


def test_holidays_come_24_to_a_page_until_the_end_of_next_year() -> None:
    bench = Bench()
    bench.login()
    params = PARAMS["chk-holiday"] | {"BASS_DT": "20271115"}
    days: list[str] = []
    tr_cont = ""
    for _ in range(5):
        answer, body = ask(bench, "chk-holiday", params, tr_cont=tr_cont)
        days += [row["bass_dt"] for row in body["output"]]
        assert len(body["ctx_area_nk"]) == len(body["ctx_area_fk"]) == 20
        if answer.headers["tr_cont"] in ("D", "E"):
            break
        tr_cont = "N"
        params |= {"CTX_AREA_NK": body["ctx_area_nk"], "CTX_AREA_FK": body["ctx_area_fk"]}

    assert (days[0], days[23], days[-1], len(days)) == ("20271115", "20271208", "20271231", 47)
    assert days == sorted(set(days))


@pytest.mark.parametrize(
    ("day", "weekday", "flags"),
    [
        ("20261123", "02", "YYYY"),
        ("20261122", "01", "NNNN"),
        ("20260925", "06", "NNNN"),
        ("20261231", "05", "YNNN"),
        ("20260717", "06", "NNNN"),
    ],
)
def test_holiday_answer_knows_the_calendar(day: str, weekday: str, flags: str) -> None:
    bench = Bench()

    row = ask(bench, "chk-holiday", PARAMS["chk-holiday"] | {"BASS_DT": day})[1]["output"][0]

    assert row["wday_dvsn_cd"] == weekday
    assert row["bzdy_yn"] + row["tr_day_yn"] + row["opnd_yn"] + row["sttl_day_yn"] == flags

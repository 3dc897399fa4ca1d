"""GET /_sim/ledger: complete as long as it is short, page by page, and never the loop for long."""

from __future__ import annotations

import json
from typing import Any

import pytest

from aegis_fast.sim.calls.answers import Request
from aegis_fast.sim.control import Control
from aegis_fast.sim.desk.ledger import OrderEntry
from aegis_fast.sim.desk.ledger_page import SLICE_ROWS
from aegis_fast.sim.market.rules import Side
from aegis_fast.sim.sim_clock import SimClock
from tests.unit.sim.sim_harness import START_NS, Bench, spec


class Page:
    """The ledger page of a bench."""

    def __init__(self, **settings: Any) -> None:
        self.bench = Bench(**settings)
        self.ledger = self.bench.broker.ledger
        clock = SimClock(lambda: 0, START_NS, is_stepped=True)
        self.control = Control(self.bench.broker, clock)

    def request(self, **query: object) -> Request:
        texts = {name: str(value) for name, value in query.items()}
        return Request("GET", "/_sim/ledger", {}, texts, b"", "127.0.0.1")

    def ask(self, status: int = 200, **query: object) -> dict[str, Any]:
        answer = self.control.answer(self.request(**query), START_NS)
        assert answer.status == status
        return dict(json.loads(answer.body))

    def fill(self, orders: int) -> None:
        """Write down so many orders, a fill of each and two calls."""
        for number in range(1, orders + 1):
            entry = OrderEntry(
                odno=self.ledger.next_odno("20261123"),
                date="20261123",
                account="5000000001",
                symbol="005930",
                side=Side.BUY,
                qty=1,
                price_krw=70_000,
                kind="00",
                venue="KRX",
            )
            self.ledger.add_order(entry)
            self.ledger.add_fill(entry, 70_000, 1, (10, 0), START_NS + number)
            for _ in range(2):
                self.ledger.add_call(
                    arrival_ns=START_NS,
                    appkey="P",
                    tr_id="TTTC0012U",
                    method="POST",
                    path="/x",
                    call="order-cash",
                    status=200,
                    msg_cd="APBK0013",
                    ip="127.0.0.1",
                )


def test_plain_page_is_what_the_broker_knows() -> None:
    page = Page(accounts=(spec(), spec(account="5000000002")))
    page.bench.order("buy", 3)
    page.bench.order("sell", 1)

    shown = page.ask()

    assert (shown.pop("next"), shown.pop("is_complete")) == ("2.2.3", True)
    assert shown == json.loads(json.dumps(page.bench.broker.ledger_json()))
    assert page.ask(calls=0)["calls"] == []


@pytest.mark.parametrize("limit", [1, 7, 499, 500, 501, 5_000])
def test_pages_one_after_the_other_are_the_whole(limit: int) -> None:
    page = Page()
    page.fill(2 * SLICE_ROWS + 1 if limit > 100 else 20)
    whole = page.ask()
    assert whole["is_complete"]
    seen: dict[str, list[Any]] = {"orders": [], "fills": [], "calls": []}
    since = ""

    while True:
        shown = page.ask(since=since, limit=limit)
        since = shown["next"]
        for name, rows in seen.items():
            assert len(shown[name]) <= limit
            rows += shown[name]
        if shown["is_complete"]:
            break

    assert seen == {name: whole[name] for name in seen}
    assert page.ask(since=since)["orders"] == page.ask(since=since)["calls"] == []
    page.fill(1)
    later = page.ask(since=since)
    assert [len(later[name]) for name in seen] == [1, 1, 2]
    assert later["orders"][0]["odno"] == f"{len(seen['orders']) + 1:010d}"


def test_one_number_stands_for_all_three_lists() -> None:
    page = Page()
    page.fill(5)

    shown = page.ask(since=3)

    assert [len(shown[name]) for name in ("orders", "fills", "calls")] == [2, 2, 7]
    assert page.ask(since=999)["next"] == "5.5.10"


def test_calls_that_fell_out_of_the_ring_are_not_waited_for() -> None:
    page = Page()
    page.ledger.calls = type(page.ledger.calls)(maxlen=4)
    page.fill(5)

    shown = page.ask(since="0.0.3", limit=3)

    assert [call["seq"] for call in shown["calls"]] == [7, 8, 9]
    assert (shown["calls_dropped"], shown["next"]) == (6, "3.3.9")
    assert [call["seq"] for call in page.ask(since=shown["next"])["calls"]] == [10]


def test_long_page_comes_in_slices_of_few_rows_and_a_short_one_in_one() -> None:
    page = Page()
    page.fill(10)
    assert len(list(page.control.slices(page.request()) or ())) == 1
    page.fill(3 * SLICE_ROWS)

    slices = list(page.control.slices(page.request()) or ())

    assert json.loads(b"".join(slices)) == page.ask()
    assert len(slices) >= 12
    assert max(part.count(b'"status"') + part.count(b'"odno"') for part in slices) <= SLICE_ROWS


def test_page_in_slices_keeps_what_it_began_with() -> None:
    page = Page()
    page.fill(3 * SLICE_ROWS)
    slices = page.control.slices(page.request())
    assert slices is not None

    first = next(slices)
    page.fill(SLICE_ROWS)
    shown = json.loads(first + b"".join(slices))

    assert [len(shown[name]) for name in ("orders", "fills", "calls")] == [1_500, 1_500, 3_000]
    assert (shown["next"], shown["is_complete"]) == ("1500.1500.3000", True)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"since": "x"}, "since"),
        ({"since": "1.2"}, "since"),
        ({"since": "-1"}, "since"),
        ({"since": "1.2.3.4"}, "since"),
        ({"since": "٣"}, "since"),
        ({"limit": 0}, "limit"),
        ({"limit": 50_001}, "limit"),
        ({"limit": "many"}, "limit"),
    ],
)
def test_wrong_query_is_a_400_that_names_the_field(query: dict[str, Any], field: str) -> None:
    page = Page()

    assert page.ask(400, **query)["field"] == field
    assert page.control.slices(page.request(**query)) is None


def test_other_pages_have_no_slices() -> None:
    page = Page()

    assert page.control.slices(page.request(recent=5)) is None
    assert page.control.slices(Request("GET", "/_sim/state", {}, {}, b"", "")) is None
    assert page.control.slices(Request("POST", "/_sim/ledger", {}, {}, b"", "")) is None

"""Faults and the control pages."""

from __future__ import annotations

import json
from collections import deque
from random import Random

import pytest

from aegis_fast.kis.profile import SIM_HTS_ID
from aegis_fast.sim.broker import Broker
from aegis_fast.sim.calls.answers import Request
from aegis_fast.sim.control import Control
from aegis_fast.sim.faults.notices import NoticeFaults
from aegis_fast.sim.faults.rules import ANY, FaultBody, check
from aegis_fast.sim.faults.waiting import KINDS, MAX_FAULTS, Faults
from aegis_fast.sim.feed.stream import Session
from aegis_fast.sim.sim_clock import SimClock
from tests.unit.sim.sim_harness import MS, SECOND, START_NS, Bench


class Page:
    """The control pages of a bench."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.dropped: list[int] = []
        self.clock = SimClock(lambda: 0, START_NS, is_stepped=True)
        self.closed: list[tuple[int, int, str]] = []
        self.refused: list[tuple[int, bool]] = []
        self.control = Control(bench.broker, self.clock)
        bench.broker.fault_hooks.wire = self

    def drop(self, session: Session) -> None:
        self.dropped.append(session.number)

    def end(self, session: Session) -> None:
        self.dropped.append(session.number)

    def close_socket(self, session: Session, code: int, text: str) -> None:
        self.closed.append((session.number, code, text))

    def refuse(self, span_ms: int, *, is_cut: bool) -> None:
        self.refused.append((span_ms, is_cut))

    def ask(self, method: str, name: str, body: object = None) -> tuple[int, dict]:
        raw = (
            body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        )
        request = Request(method, f"/_sim/{name}", {}, {}, raw, "127.0.0.1")
        answer = self.control.answer(request, self.bench.now_ns)
        return answer.status, json.loads(answer.body)

    def fault(self, **body: object) -> dict:
        status, answer = self.ask("POST", "faults", body)
        assert status == 200, answer
        return answer


@pytest.fixture
def bench() -> Bench:
    return Bench()


@pytest.fixture
def page(bench: Bench) -> Page:
    bench.login()
    return Page(bench)


def place(bench: Bench, **fields: str) -> dict:
    return bench.order("buy", 1, bench.book.limits.lower_krw, **fields)


def count(bench: Bench) -> int:
    return len(bench.broker.ledger.orders)


def place_raw(bench: Bench):
    """Place an order without reading the answer's body."""
    body = {
        "CANO": "50000000",
        "ACNT_PRDT_CD": "01",
        "PDNO": "005930",
        "ORD_DVSN": "01",
        "ORD_QTY": "1",
        "ORD_UNPR": "0",
    }
    path = "/uapi/domestic-stock/v1/trading/order-cash"
    return bench.send("POST", path, headers=bench.headers("TTTC0012U"), body=body)


def test_lost_reply_lands_and_says_nothing(bench: Bench, page: Page) -> None:
    page.fault(kind="reply_lost", call="order-cash")

    answer = place_raw(bench)

    assert answer.is_lost
    assert count(bench) == 1
    assert not place_raw(bench).is_lost


def test_lost_request_never_lands(bench: Bench, page: Page) -> None:
    page.fault(kind="request_lost", call="order-cash", count=2)

    assert [place_raw(bench).is_lost for _ in range(3)] == [True, True, False]
    assert count(bench) == 1


def test_delay_holds_the_answer_of_a_landed_call(bench: Bench, page: Page) -> None:
    page.fault(kind="delay", call="order-cash", delay_ms=700)

    assert place_raw(bench).delay_ms == 700
    assert count(bench) == 1


def test_http_500_after_landing_is_not_a_refusal(bench: Bench, page: Page) -> None:
    page.fault(kind="http_500_after", call="order-cash")

    answer = place_raw(bench)

    assert (answer.status, answer.msg_cd) == (500, "EGW00202")
    assert count(bench) == 1


def test_rate_refusal_never_lands(bench: Bench, page: Page) -> None:
    page.fault(kind="rate_refusal", call="order-cash")

    answer = place_raw(bench)

    assert (answer.status, answer.msg_cd) == (500, "EGW00201")
    assert count(bench) == 0


def test_fault_waits_for_the_call_it_names(bench: Bench, page: Page) -> None:
    page.fault(kind="rate_refusal", call="inquire-balance")

    assert place(bench)["rt_cd"] == "0"
    assert bench.balance()["msg_cd"] == "EGW00201"
    assert bench.balance()["rt_cd"] == "0"


def test_exchange_reject_follows_an_accepted_order(bench: Bench, page: Page) -> None:
    socket = bench.socket()
    socket.ask("H0STCNI0", SIM_HTS_ID)
    page.fault(kind="exchange_reject")

    assert place(bench)["rt_cd"] == "0"

    (notice,) = socket.notices()
    assert (notice["RFUS_YN"], notice["CNTG_YN"]) == ("1", "1")
    assert bench.account.reserved_krw == 0


def test_hidden_order_appears_later_in_the_query_calls(bench: Bench, page: Page) -> None:
    page.fault(kind="hide", delay_ms=3_000)
    place(bench)

    assert bench.day_orders()["output1"] == bench.open_orders()["output"] == []
    assert len(page.ask("GET", "ledger")[1]["orders"]) == 1
    bench.now_ns += 3 * SECOND
    assert len(bench.day_orders()["output1"]) == len(bench.open_orders()["output"]) == 1


def test_hidden_order_waits_for_the_door_not_for_the_market(bench: Bench, page: Page) -> None:
    page.fault(kind="hide", delay_ms=3_000)
    place(bench)
    door_ns = bench.now_ns

    bench.now_ns += 3_600 * SECOND
    bench.broker.step(bench.now_ns, door_ns + 2_999 * MS)
    (entry,) = bench.broker.ledger.orders.values()
    assert entry.visible_ns > bench.now_ns
    bench.broker.step(bench.now_ns, door_ns + 3_000 * MS)
    assert entry.visible_ns == entry.accepted_ns


def test_recorded_frames_meet_the_faults_too(page: Page, bench: Bench) -> None:
    socket = bench.socket()
    socket.ask("H0STCNT0", "005930")
    page.fault(kind="frame_missing", tr="H0STCNT0", symbol="005930")

    for text in (b"0|H0STCNT0|001|005930^1", b"0|H0STCNT0|001|005930^2", b"{}", b"1|X|001|a"):
        bench.broker.hub.replay(text)

    assert socket.texts[-3:] == ["0|H0STCNT0|001|005930^2", "{}", "1|X|001|a"]


def test_delayed_notice_comes_after_later_ones(bench: Bench, page: Page) -> None:
    socket = bench.socket()
    socket.ask("H0STCNI0", SIM_HTS_ID)
    page.fault(kind="notice_delay", delay_ms=500)

    bench.order("buy", 1)

    assert [notice["CNTG_YN"] for notice in socket.notices()] == ["2"]
    bench.move(SECOND, 100 * MS)
    assert [notice["CNTG_YN"] for notice in socket.notices()] == ["2", "1"]


def test_silent_socket_says_nothing_more(bench: Bench, page: Page) -> None:
    bench.broker.step(bench.now_ns, bench.real_ns)
    socket = bench.socket()
    socket.ask("H0STCNT0", "005930")
    assert page.fault(kind="ws_silent") == {"kind": "ws_silent", "affected": 1}

    before = len(socket.texts)
    bench.order("buy", 1)
    bench.move(25 * SECOND, SECOND)

    assert len(socket.texts) == before


def test_silent_socket_can_keep_its_pingpong(bench: Bench, page: Page) -> None:
    bench.broker.step(bench.now_ns, bench.real_ns)
    socket = bench.socket()
    socket.ask("H0STCNT0", "005930")
    page.fault(kind="ws_silent", pingpong=True)

    before = len(socket.texts)
    bench.order("buy", 1)
    bench.move(25 * SECOND, SECOND)

    assert ["PINGPONG" in text for text in socket.texts[before:]] == [True, True]


def test_drop_cuts_as_many_sockets_as_asked(bench: Bench, page: Page) -> None:
    sockets = [bench.socket() for _ in range(3)]

    assert page.fault(kind="ws_drop", count=2)["affected"] == 2
    assert page.dropped == [socket.session.number for socket in sockets[:2]]


def test_bad_frame_reaches_the_subscribers(bench: Bench, page: Page) -> None:
    socket = bench.socket()
    socket.ask("H0STCNT0", "005930")

    assert page.fault(kind="bad_frame", text="0|H0STCNT0|2|nonsense", count=2)["affected"] == 2
    assert socket.texts[-2:] == ["0|H0STCNT0|2|nonsense"] * 2


def test_faults_can_be_listed_and_cleared(bench: Bench, page: Page) -> None:
    page.fault(kind="delay", delay_ms=1, count=5)
    page.fault(kind="reply_lost")

    status, body = page.ask("GET", "faults")
    assert status == 200
    assert [(fault["kind"], fault["remaining"]) for fault in body["faults"]] == [
        ("delay", 5),
        ("reply_lost", 1),
    ]
    assert set(body["kinds"]) == set(KINDS)
    assert page.ask("DELETE", "faults")[1]["cleared"] == 2
    assert not place_raw(bench).is_lost


def test_no_more_than_a_hundred_faults_wait(page: Page) -> None:
    for _ in range(MAX_FAULTS):
        page.fault(kind="reply_lost")

    assert page.ask("POST", "faults", {"kind": "reply_lost"})[0] == 400


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b"", "body"),
        (b"{", "body"),
        (b"[]", "body"),
        (b"\xff", "body"),
        ({}, "body"),
        ({"kind": 5}, "body"),
        ({"kind": "delay", "color": "red"}, "body"),
        ({"kind": "earthquake"}, "kind"),
        ({"kind": "reply_lost", "call": "t9999"}, "call"),
        ({"kind": "reply_lost", "count": 0}, "count"),
        ({"kind": "delay"}, "delay_ms"),
        ({"kind": "delay", "delay_ms": 600_001}, "delay_ms"),
    ],
)
def test_wrong_fault_is_a_400_that_says_what_is_right(page: Page, body: object, field: str) -> None:
    status, answer = page.ask("POST", "faults", body)

    assert (status, answer["field"]) == (400, field)
    if field == "kind":
        assert all(kind in answer["expected"] for kind in KINDS)


@pytest.mark.parametrize(
    ("name", "body", "field"),
    [
        ("market", b"{", "body"),
        ("market", {}, "body"),
        ("market", {"symbol": "005930"}, "price"),
        ("market", {"symbol": "005930", "price": 1}, "price"),
        ("market", {"symbol": "005930", "price": 270_001}, "price"),
        ("market", {"symbol": "005930", "price": "270000"}, "body"),
        ("market", {"symbol": "999999", "price": 270_000}, "symbol"),
        ("market", {"price": 270_000}, "symbol"),
        ("market", {"symbol": "005930", "qty": 5}, "side"),
        ("market", {"symbol": "005930", "side": "buy", "qty": 0}, "qty"),
        ("market", {"symbol": "57JN53", "side": "buy", "qty": 5}, "qty"),
        ("market", {"activity": -1}, "activity"),
        ("market", {"activity": 101}, "activity"),
        ("clock", {"advance_ms": -1}, "advance_ms"),
        ("clock", {}, "body"),
    ],
)
def test_wrong_control_body_is_a_400(page: Page, name: str, body: object, field: str) -> None:
    status, answer = page.ask("POST", name, body)

    assert (status, answer["field"]) == (400, field)


def test_market_can_be_moved_traded_and_paused(bench: Bench, page: Page) -> None:
    number = bench.order("buy", 4, bench.book.best_bid_krw)["output"]["ODNO"]

    moved = page.ask("POST", "market", {"symbol": "005930", "price": 250_000})[1]
    assert moved["last_krw"] == 250_000
    assert bench.broker.ledger.orders[int(number)].state == "filled"
    traded = page.ask("POST", "market", {"symbol": "005930", "side": "sell", "qty": 9})[1]
    assert traded["traded_qty"] == 9
    assert page.ask("POST", "market", {"pause": True, "activity": 2})[1] == {
        "is_paused": True,
        "is_stamped": False,
        "activity": 2.0,
    }


def test_clock_can_be_put_forward(bench: Bench, page: Page) -> None:
    assert page.ask("POST", "clock", {"advance_ms": 60_000})[0] == 200
    assert page.clock.target_ns() == START_NS + 60 * SECOND


def test_ledger_and_state_tell_the_truth(bench: Bench, page: Page) -> None:
    bench.order("buy", 3)
    bench.order("sell", 99)

    ledger = page.ask("GET", "ledger")[1]
    state = page.ask("GET", "state")[1]

    (order,), fills = ledger["orders"], ledger["fills"]
    assert (order["odno"], order["state"], order["ip"]) == ("0000000001", "filled", "10.0.0.9")
    assert sum(fill["value_krw"] for fill in fills) == order["filled_value_krw"]
    account = ledger["accounts"]["5000000001"]
    assert account["positions"]["005930"]["qty"] == 3
    assert account["cash_krw"] + order["filled_value_krw"] + order["commission_krw"] == 100_000_000
    calls = [(call["call"], call["msg_cd"]) for call in ledger["calls"]]
    assert calls[-2:] == [("order-cash", "APBK0013"), ("order-cash", "APBK0400")]
    assert ledger["calls"][-1]["arrival_ns"] == bench.now_ns
    assert state["world"] == ledger["world"]
    assert (state["profile"], state["seed"], state["orders"]) == ("spec", 1, 1)
    assert len(state["symbols"]) == 30


@pytest.mark.parametrize(
    ("method", "name", "status"),
    [
        ("GET", "nothing", 404),
        ("POST", "ledger", 405),
        ("GET", "market", 405),
        ("PUT", "faults", 405),
    ],
)
def test_wrong_control_page(page: Page, method: str, name: str, status: int) -> None:
    assert page.ask(method, name)[0] == status


def test_worlds_differ_from_start_to_start() -> None:
    ids = {Broker(start_ns=START_NS, entropy=Random(number)).world_id for number in range(3)}

    assert len(ids) == 3


def test_more_late_notices_than_fit_go_out_early_and_none_is_lost() -> None:
    faults, sent = Faults(), []
    late = NoticeFaults(faults, sent.append, max_late=3)  # type: ignore[arg-type]
    faults.add(check(FaultBody(kind="notice_delay", delay_ms=500, count="forever")))

    for number in range(5):
        late.on_notice(number, ANY)  # type: ignore[arg-type]
    assert sent == [0, 1]
    faults.now_ns = 500 * MS
    late.flush()

    assert sent == [0, 1, 2, 3, 4]


def test_page_left_out_counts_as_one_call_of_its_customer() -> None:
    bench = Bench(calls_per_s=3)
    bench.login()
    for _ in range(60):
        bench.order("buy", 1, ORD_DVSN="00", ORD_UNPR=str(bench.book.limits.lower_krw))
        bench.now_ns += SECOND
    customer = next(iter(bench.broker.door.customers.values()))
    bench.broker.faults.add(check(FaultBody(kind="wrong_page", mode="drop")))
    counted = _Counted()
    customer.calls = counted

    assert len(bench.open_orders()["output"]) == 10

    assert counted.changes == ["append"]


class _Counted(deque[int]):
    """Calls of a customer, and what has been done to them."""

    def __init__(self) -> None:
        super().__init__()
        self.changes: list[str] = []

    def append(self, at_ns: int) -> None:
        self.changes.append("append")
        super().append(at_ns)

    def pop(self) -> int:  # type: ignore[override]
        self.changes.append("pop")
        return super().pop()

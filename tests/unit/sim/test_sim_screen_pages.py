"""The pages that the screen reads: bounded, typed, and without any effect on the market."""

from __future__ import annotations

import json
from datetime import date, datetime, timedelta, timezone
from typing import Any

import pytest

from aegis_fast.kis.profile import SIM_ACCOUNT, SIM_APPKEY, SIM_APPSECRET, SIM_HTS_ID
from aegis_fast.sim.calls.answers import Answer, Request
from aegis_fast.sim.control import Control
from aegis_fast.sim.crowd.listing import chosen_issues
from aegis_fast.sim.market.order_kinds import KINDS
from aegis_fast.sim.market.resting import Order
from aegis_fast.sim.market.rules import Side, step
from aegis_fast.sim.screen.day_plan import next_change_ns
from aegis_fast.sim.screen.web_files import WebFiles
from aegis_fast.sim.sim_clock import SimClock, moment_ns
from tests.unit.sim.sim_harness import START_NS, Bench

KST = timezone(timedelta(hours=9))


class Pages:
    """The control pages of a bench. at: HH:MM of 2026-11-23 with the day's sessions."""

    def __init__(self, at: str = "", **settings: Any) -> None:
        start_ns = START_NS
        if at:
            hours, minutes = at.split(":")
            start_ns = moment_ns(date(2026, 11, 23), int(hours) * 3_600 + int(minutes) * 60)
            settings["hours"] = "day"
        self.bench = Bench(start_ns=start_ns, **settings)
        clock = SimClock(lambda: 0, start_ns, is_stepped=True)
        self.control = Control(self.bench.broker, clock)

    def send(self, path: str, body: Any = None, method: str = "", **headers: str) -> Answer:
        path, _, text = path.partition("?")
        query = dict(pair.split("=", 1) for pair in text.split("&")) if text else {}
        raw = json.dumps(body).encode() if body is not None else b""
        method = method or ("GET" if body is None else "POST")
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        request = Request(method, path, named, query, raw, "127.0.0.1")
        return self.control.answer(request, self.bench.now_ns)

    def get(self, path: str) -> dict[str, Any]:
        answer = self.send(path)
        assert answer.status == 200, answer.body
        return json.loads(answer.body)

    def refused(self, path: str) -> str:
        answer = self.send(path)
        assert answer.status == 400, answer.body
        return json.loads(answer.body)["field"]


def test_page_and_its_files_are_served_with_a_policy_and_a_tag() -> None:
    pages = Pages()

    page, same, script = pages.send("/_sim/"), pages.send("/_sim"), pages.send("/_sim/web/app.js")
    again = pages.send("/_sim/", if_none_match=page.headers["ETag"])
    assert page.status == same.status == script.status == 200
    assert page.body == same.body
    assert page.body.startswith(b"<!doctype html>")
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    assert script.headers["Content-Type"] == "text/javascript; charset=utf-8"
    assert "script-src 'self'" in page.headers["Content-Security-Policy"]
    assert (again.status, again.body) == (304, b"")


@pytest.mark.parametrize(
    "path", ["/_sim/web/", "/_sim/web/../ledger.py", "/_sim/web/none.js", "/_sim/webapp.js"]
)
def test_file_that_is_not_of_the_page_is_not_found(path: str) -> None:
    assert Pages().send(path).status == 404


def test_every_file_that_the_page_names_is_served() -> None:
    files = WebFiles()
    page = files.answer("")
    assert page is not None
    named = [part.split(b'"')[0].decode() for part in page.body.split(b'="/_sim/')[1:]]

    assert len(named) >= 3
    assert [name for name in named if files.answer(name) is None] == []


def test_order_from_a_page_of_another_site_is_refused() -> None:
    pages = Pages()

    answer = pages.send("/_sim/market", {"pause": True}, sec_fetch_site="cross-site")
    own = pages.send("/_sim/market", {"pause": True}, sec_fetch_site="same-origin")
    assert (answer.status, own.status) == (403, 200)


def test_about_tells_how_to_connect() -> None:
    about = Pages().get("/_sim/about")

    assert about["accounts"] == [
        {
            "account": SIM_ACCOUNT,
            "hts_id": SIM_HTS_ID,
            "appkey": SIM_APPKEY,
            "appsecret": SIM_APPSECRET,
        }
    ]
    assert about["account_count"] == 1
    assert about["issue_count"] == 30
    assert "limit_up" in about["regimes"]


def test_state_without_symbols_does_not_grow_with_the_listing() -> None:
    pages = Pages(listed=chosen_issues(600, {}, 1))

    assert pages.get("/_sim/state?symbols=0")["symbols"] == []
    assert len(pages.send("/_sim/state?symbols=0").body) < 4_000
    assert len(pages.get("/_sim/state")["symbols"]) == 600


def test_day_lays_out_the_sessions_of_every_board() -> None:
    day = Pages("08:40").get("/_sim/day")

    assert (day["date"], day["hours"], day["is_trading_day"]) == ("2026-11-23", "day", True)
    assert [phase["name"] for phase in day["boards"]["KRX"]] == [
        "opening_auction",
        "regular",
        "closing_auction",
    ]
    assert day["boards"]["AFTER"] == [
        {"name": "after_market", "mode": "continuous", "start_s": 57_600, "end_s": 72_000}
    ]
    assert day["second"] == 8 * 3_600 + 40 * 60
    assert day["next_ns"] == moment_ns(date(2026, 11, 23), 8 * 3_600 + 50 * 60)


def test_market_that_is_always_open_has_no_next_session() -> None:
    pages = Pages()

    answer = pages.send("/_sim/clock", {"to": "next"})
    assert pages.get("/_sim/day")["next_ns"] is None
    assert answer.status == 400
    assert "always open" in json.loads(answer.body)["error"]


@pytest.mark.parametrize(
    ("now", "then"),
    [
        ("2026-11-23T00:00:00", "2026-11-23T08:00:00"),
        ("2026-11-23T08:00:00", "2026-11-23T08:30:00"),
        ("2026-11-23T09:00:01", "2026-11-23T09:00:30"),
        ("2026-11-23T20:00:00", "2026-11-24T08:00:00"),
        ("2026-11-27T21:00:00", "2026-11-30T08:00:00"),  # Over a weekend.
        ("2026-11-28T10:00:00", "2026-11-30T08:00:00"),
    ],
)
def test_next_change_is_the_next_beginning_or_end_of_a_session(now: str, then: str) -> None:
    now_ns, then_ns = (
        int(datetime.fromisoformat(text).replace(tzinfo=KST).timestamp()) * 1_000_000_000
        for text in (now, then)
    )

    assert next_change_ns(now_ns) == then_ns


def test_clock_steps_to_the_next_session() -> None:
    answer = Pages("08:40").send("/_sim/clock", {"to": "next"})

    target_ns = json.loads(answer.body)["target_ns"]
    assert target_ns == moment_ns(date(2026, 11, 23), 8 * 3_600 + 50 * 60)


def test_issues_are_searched_by_code_and_both_names_and_paged() -> None:
    pages = Pages(listed=chosen_issues(2_700, {}, 1))

    everything = pages.get("/_sim/issues?offset=2690&limit=30")
    by_code = pages.get("/_sim/issues?query=00593")
    by_name = pages.get("/_sim/issues?query=하이닉스")
    by_english = pages.get("/_sim/issues?query=SAMSUNG")
    assert (everything["total"], len(everything["issues"])) == (2_700, 10)
    assert by_code["issues"][0]["symbol"] == "005930"
    assert by_name["issues"][0]["symbol"] == "000660"
    assert 1 < by_name["total"] == len(by_name["issues"])  # Its warrants are listed too.
    assert all("하이닉스" in issue["name"] for issue in by_name["issues"])
    assert "005930" in [issue["symbol"] for issue in by_english["issues"]]
    assert pages.get("/_sim/issues?query=nothing-of-the-kind")["total"] == 0
    assert len(pages.get("/_sim/issues")["issues"]) == 30


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("issues?limit=0", "limit"),
        ("issues?limit=201", "limit"),
        ("issues?offset=-1", "offset"),
        (f"issues?query={'x' * 41}", "query"),
        ("book?symbol=999999", "symbol"),
        ("book", "symbol"),
        ("book?symbol=005930&board=ABC", "board"),
        ("chart?symbol=005930&venue=ABC", "venue"),
        ("chart?symbol=069500&venue=NXT", "venue"),
        ("chart?symbol=005930&count=1441", "count"),
        ("chart?symbol=005930&count=x", "count"),
        ("ledger?recent=501", "recent"),
        ("ledger?recent=5&account=9999999999", "account"),
    ],
)
def test_wrong_query_names_its_field(path: str, field: str) -> None:
    assert Pages().refused(f"/_sim/{path}") == field


def test_pages_of_the_screen_only_take_get() -> None:
    pages = Pages()

    for name in ("about", "day", "issues", "book", "chart", "kinds"):
        assert pages.send(f"/_sim/{name}", {}).status == 405


def test_book_shows_levels_best_first_and_makes_no_board() -> None:
    pages = Pages("10:00")
    exchange = pages.bench.broker.exchange
    made = len(list(exchange.made()))

    book = pages.get("/_sim/book?symbol=005930")
    krx = book["boards"]["KRX"]
    regular = exchange.books["005930"]
    assert list(book["boards"]) == ["KRX", "FIXED", "AFTER", "NXT"]
    assert (krx["mode"], krx["expected"], krx["vi"]) == ("continuous", None, None)
    assert len(krx["asks"]) == len(krx["bids"]) == 10
    assert krx["asks"][0][0] == regular.best_ask_krw
    assert krx["bids"][0][0] == regular.best_bid_krw
    assert krx["total_bid_qty"] == regular.bids.total_qty
    assert book["boards"]["AFTER"]["mode"] == "closed"
    assert book["lower_krw"] < book["last_krw"] < book["upper_krw"]
    assert len(list(exchange.made())) == made
    assert list(pages.get("/_sim/book?symbol=005930&board=NXT")["boards"]) == ["NXT"]
    assert list(pages.get("/_sim/book?symbol=069500")["boards"]) == ["KRX", "FIXED"]


def test_book_shows_the_expected_price_of_an_auction_and_a_halt() -> None:
    pages = Pages("08:30", activity=1.0)
    pages.bench.now_ns += 600_000_000_000
    pages.bench.broker.advance(pages.bench.now_ns, pages.bench.real_ns)

    krx = pages.get("/_sim/book?symbol=005930&board=KRX")["boards"]["KRX"]
    pages.send("/_sim/market", {"symbol": "005930", "halt": True})
    halted = pages.get("/_sim/book?symbol=005930")
    assert krx["mode"] == "auction"
    assert krx["expected"]["price_krw"] > 0
    assert krx["expected"]["qty"] > 0
    assert len(krx["asks"]) <= 3
    assert halted["is_halted"]
    assert halted["boards"]["KRX"]["mode"] == "halted"


def test_board_outside_its_session_is_closed_in_a_halt_too() -> None:
    pages = Pages("10:00")
    made = {
        board: pages.bench.broker.exchange.book("005930", board).mode
        for board in ("AFTER", "FIXED")
    }

    before = pages.get("/_sim/book?symbol=005930")["boards"]
    pages.send("/_sim/market", {"symbol": "005930", "halt": True})
    halted = pages.get("/_sim/book?symbol=005930")["boards"]
    pages.send("/_sim/market", {"symbol": "005930", "halt": False})
    resumed = pages.get("/_sim/book?symbol=005930")["boards"]
    assert made == {"AFTER": "closed", "FIXED": "closed"}
    assert [before[board]["mode"] for board in made] == ["closed", "closed"]
    assert [halted[board]["mode"] for board in made] == ["closed", "closed"]
    assert [resumed[board]["mode"] for board in made] == ["closed", "closed"]


def test_book_shows_an_interruption_with_what_set_it_off() -> None:
    pages = Pages("10:00")
    world = pages.bench.broker.world
    book = world.exchange.books["005930"]
    book.expire(lambda order: order.side is Side.SELL)
    far_krw = step(book.last_krw, 60, book.issue.grid)

    world.submit("005930", Order(Side.SELL, 5), KINDS["00"], far_krw, pages.bench.now_ns)
    world.submit("005930", Order(Side.BUY, 5), KINDS["00"], far_krw, pages.bench.now_ns)
    vi = pages.get("/_sim/book?symbol=005930")["boards"]["KRX"]["vi"]
    assert vi == {
        "kind": "both",
        "trigger_krw": far_krw,
        "reference_krw": book.guard.static_krw,
    }


def test_trades_and_minutes_of_an_issue_are_the_tape_s() -> None:
    pages = Pages("10:00")
    pages.send("/_sim/market", {"symbol": "005930", "side": "buy", "qty": 7})

    book = pages.get("/_sim/book?symbol=005930")
    chart = pages.get("/_sim/chart?symbol=005930&venue=KRX")
    last = pages.get("/_sim/chart?symbol=005930&venue=KRX&count=2")["minutes"]
    assert book["trades"][0]["qty"] == 7
    assert book["trades"][0]["taker"] == "buy"
    assert book["trades"][0]["time"] == "100000"
    assert chart["minutes"][-1][0] == 600
    assert chart["minutes"][-1][4] == book["trades"][0]["price_krw"]
    assert chart["minutes"][0][0] == 540
    minutes = [row[0] for row in chart["minutes"]]
    assert minutes == sorted(set(minutes))
    assert last == chart["minutes"][-2:]


def test_recent_ledger_is_bounded_and_of_one_account() -> None:
    pages = Pages()
    bench = pages.bench
    for _ in range(6):
        bench.order("buy", 2)

    recent = pages.get("/_sim/ledger?recent=4")
    whole = pages.get("/_sim/ledger")
    assert recent["account"]["account"] == SIM_ACCOUNT
    assert [order["odno"] for order in recent["orders"]] == [f"{n:010d}" for n in (6, 5, 4, 3)]
    assert recent["order_count"] == 6
    assert len(recent["fills"]) == len(recent["calls"]) == 4
    assert recent["fills"] == whole["fills"][:-5:-1]
    assert recent["account"]["positions"]["005930"]["qty"] == 12
    assert recent["account"]["positions"]["005930"]["name"] == "삼성전자"
    assert recent["account"]["cash_krw"] == whole["accounts"][SIM_ACCOUNT]["cash_krw"]


def test_kinds_say_what_each_fault_takes() -> None:
    pages = Pages()

    kinds = pages.get("/_sim/kinds")["kinds"]
    assert set(kinds) == set(pages.get("/_sim/faults")["kinds"])
    assert kinds["wrong_page"]["modes"][0] == "repeat"
    assert kinds["delay"]["min_delay_ms"] == 1
    assert kinds["session_hold"]["filters"] == ["account", "appkey"]
    assert kinds["refuse"]["filters"] == []
    assert pages.get("/_sim/faults?kinds=0")["kinds"] == {}

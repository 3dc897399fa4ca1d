"""A day of the simulated market: every board opens, trades and ends as the calendar says."""

from __future__ import annotations

from collections import defaultdict
from datetime import date

import pytest

from aegis_fast.sim.crowd.listing import issues_of
from aegis_fast.sim.kst import SECOND_NS, date_of, hhmmss, midnight_ns, second_of_day
from aegis_fast.sim.market.calendar import phases
from aegis_fast.sim.market.exchange import KINDS, Order
from aegis_fast.sim.market.hooks import WorldHooks
from aegis_fast.sim.market.rules import Side, issues, round_down
from aegis_fast.sim.market.world import World

DAY = date(2026, 11, 23)
SYMBOLS = ("005930", "000660", "247540", "069500", "57JN53")
FEW = tuple(issue for issue in issues() if issue.symbol in SYMBOLS)


def at(clock: str, day: date = DAY) -> int:
    hours, minutes, seconds = (int(part) for part in clock.split(":"))
    return midnight_ns(day) + (hours * 3600 + minutes * 60 + seconds) * SECOND_NS


class Diary:
    """A world that writes down what it tells."""

    def __init__(self, start: str, *, day: date = DAY, **settings: object) -> None:
        self.trades: list[tuple[str, object]] = []
        self.phases: list[tuple[str, str, str]] = []
        self.vis: list[tuple[str, str, object]] = []
        hooks = WorldHooks(
            on_trade=lambda book, record: self.trades.append((book.issue.symbol, record)),
            on_phase=lambda board, phase, now: self.phases.append(
                (hhmmss(now), board, phase.name if phase else "")
            ),
            on_vi=lambda symbol, board, vi, now: self.vis.append((symbol, board, vi)),
        )
        settings = {"activity": 0.1, "listed": FEW, **settings}
        self.world = World(seed=3, start_ns=at(start, day), hooks=hooks, hours="day", **settings)  # type: ignore[arg-type]

    def until(self, clock: str, day: date = DAY) -> None:
        self.world.advance(at(clock, day))

    def prints(self, symbol: str, board: str) -> list[object]:
        return [r for s, r in self.trades if s == symbol and r.board == board]  # type: ignore[attr-defined]


@pytest.fixture(scope="module")
def whole_day() -> Diary:
    diary = Diary("07:50:00")
    diary.until("20:30:00")
    return diary


def test_phases_follow_the_calendar(whole_day: Diary) -> None:
    begun = [(clock, board, name) for clock, board, name in whole_day.phases if name]

    expected = [
        (hhmmss(midnight_ns(DAY) + p.start_s * SECOND_NS), p.board, p.name) for p in phases(DAY)
    ]
    assert begun == expected


def test_no_trade_happens_off_session(whole_day: Diary) -> None:
    sessions = defaultdict(list)
    for phase in phases(DAY):
        # An auction ends up to half a minute late, an interruption prolongs it by 2.5 minutes.
        late = 180 if phase.mode == "auction" else 0
        sessions[phase.board].append((phase.start_s, phase.end_s + late))
    for _, record in whole_day.trades:
        second = second_of_day(record.time_ns)
        assert any(start <= second <= end for start, end in sessions[record.board])


def test_every_board_trades(whole_day: Diary) -> None:
    assert {r.board for s, r in whole_day.trades if s == "005930"} == {
        "KRX",
        "FIXED",
        "AFTER",
        "NXT",
    }
    assert {r.board for s, r in whole_day.trades if s == "069500"} <= {"KRX", "FIXED"}
    assert {r.board for s, r in whole_day.trades if s == "57JN53"} == {"KRX"}


@pytest.mark.parametrize("symbol", SYMBOLS)
def test_opening_and_close_are_one_print_each_at_a_random_second(
    whole_day: Diary, symbol: str
) -> None:
    singles = [r for r in whole_day.prints(symbol, "KRX") if r.taker is None]
    clocks = [hhmmss(r.time_ns) for r in singles]

    openings = [clock for clock in clocks if "090000" < clock < "090330"]
    closings = [clock for clock in clocks if clock >= "153000"]
    assert len(openings) == len(closings) == 1
    assert closings[0] <= "153300"


def test_close_is_the_price_of_the_closing_auction(whole_day: Diary) -> None:
    for symbol in SYMBOLS:
        regular = whole_day.prints(symbol, "KRX")
        assert whole_day.world.sessions.closes[symbol] == regular[-1].price_krw
        for record in whole_day.prints(symbol, "FIXED"):
            assert record.price_krw == whole_day.world.sessions.closes[symbol]


def test_all_books_are_empty_and_closed_at_night(whole_day: Diary) -> None:
    for book in whole_day.world.exchange.made():
        assert book.mode == "closed"
        assert not list(book.orders())


def test_same_seed_gives_the_same_day_at_any_stepping(whole_day: Diary) -> None:
    again = Diary("07:50:00")
    now = at("07:50:00")
    while now < at("10:00:00"):
        now += 37 * SECOND_NS
        again.world.advance(now)

    until = at("10:00:00")
    morning = [row for row in whole_day.trades if row[1].time_ns < until]
    assert [row for row in again.trades if row[1].time_ns < until] == morning
    assert len(morning) > 100


def test_next_trading_day_begins_with_the_closes() -> None:
    friday, monday = date(2026, 11, 20), date(2026, 11, 23)
    diary = Diary("15:25:00", day=friday, activity=0.05)
    diary.until("23:59:59", friday)
    closes = dict(diary.world.sessions.closes)
    volume = diary.world.tapes["005930"].cum_qty
    diary.until("12:00:00", date(2026, 11, 22))
    assert diary.world.tapes["005930"].cum_qty == volume  # Friday's figures all weekend.
    diary.until("08:45:00", monday)

    world = diary.world
    assert date_of(world.now_ns) == world.day == monday
    for symbol in SYMBOLS:
        book = world.exchange.books[symbol]
        assert book.issue.base_krw == closes[symbol]
        assert book.mode == "auction"
        assert world.tapes[symbol].cum_qty == 0
        newest = world.history.days(symbol)[0]
        assert (newest.day, newest.close_krw) == (friday, closes[symbol])


def test_jump_trips_an_interruption_and_nxt_follows() -> None:
    diary = Diary("10:00:00", activity=0.5)
    diary.until("10:01:00")
    world = diary.world
    book, other = world.exchange.books["005930"], world.exchange.book("005930", "NXT")
    target = book.last_krw * 104 // 100 // 1000 * 1000
    far = Order(Side.SELL, 100, owner=1)
    world.submit("005930", far, KINDS["00"], target, at("10:01:00"))

    world.trade("005930", Side.BUY, 100_000_000, target, at("10:01:00"))

    assert book.mode == "auction"
    assert other.mode == "auction"
    assert [(symbol, board) for symbol, board, vi in diary.vis if vi] == [
        ("005930", "KRX"),
        ("005930", "NXT"),
    ]
    before = len(diary.prints("005930", "KRX"))
    diary.until("10:02:55")
    assert len(diary.prints("005930", "KRX")) == before
    diary.until("10:04:00")
    assert book.mode == other.mode == "continuous"
    assert diary.prints("005930", "KRX")[before].taker is None
    assert ("005930", "KRX", None) in diary.vis


def tripped(diary: Diary) -> None:
    """Trip an interruption of 005930 at 10:01."""
    world = diary.world
    diary.until("10:01:00")
    target = world.exchange.books["005930"].last_krw * 104 // 100 // 1000 * 1000
    far = Order(Side.SELL, 100, owner=1)
    world.submit("005930", far, KINDS["00"], target, at("10:01:00"))
    world.trade("005930", Side.BUY, 100_000_000, target, at("10:01:00"))


def test_interruption_is_one_auction_of_two_minutes_and_a_bit() -> None:
    diary = Diary("10:00:00", activity=0.5)
    tripped(diary)
    diary.until("10:09:00")

    mine = [(board, vi is not None) for symbol, board, vi in diary.vis if symbol == "005930"]
    assert mine == [("KRX", True), ("NXT", True), ("KRX", False), ("NXT", False)]
    ends = [r for r in diary.prints("005930", "KRX") if r.taker is None]
    assert len(ends) == 1
    assert at("10:03:00") <= ends[0].time_ns <= at("10:03:30")


def test_nxt_resumes_at_the_same_moment_as_krx() -> None:
    diary = Diary("10:00:00", activity=0.5)
    tripped(diary)
    world = diary.world
    book, other = world.exchange.books["005930"], world.exchange.book("005930", "NXT")

    for second in range(200):
        world.advance(at("10:01:00") + second * SECOND_NS)
        assert (book.mode, other.mode) in (("auction", "auction"), ("continuous", "continuous"))
    assert book.mode == "continuous"


def test_shock_asked_for_from_outside_is_not_interrupted() -> None:
    diary = Diary("10:00:00", activity=0.5)
    diary.until("10:01:00")
    book = diary.world.exchange.books["005930"]

    diary.world.shock("005930", 305_000, at("10:01:00"))

    assert (book.last_krw, book.mode) == (305_000, "continuous")
    assert diary.vis == []


def test_halt_stops_every_board_and_resumes_by_auction() -> None:
    diary = Diary("10:00:00", activity=0.5)
    diary.until("10:01:00")
    world = diary.world

    world.sessions.halt("005930")
    halted = len(diary.prints("005930", "KRX")), len(diary.prints("005930", "NXT"))
    diary.until("10:10:00")
    assert halted == (len(diary.prints("005930", "KRX")), len(diary.prints("005930", "NXT")))
    world.sessions.resume("005930")
    assert world.exchange.books["005930"].mode == "auction"
    diary.until("10:12:00")

    assert world.exchange.books["005930"].mode == "continuous"
    assert diary.prints("005930", "KRX")[halted[0]].taker is None


def test_halt_over_the_close_ends_the_day_without_an_auction() -> None:
    diary = Diary("15:10:00")
    diary.until("15:15:00")
    world = diary.world
    last = last_regular = world.tapes["005930"].last_krw

    world.sessions.halt("005930")
    diary.until("15:41:00")
    assert world.exchange.books["005930"].mode == "closed"
    assert not list(world.exchange.books["005930"].orders())
    assert world.sessions.closes["005930"] == round_down(last, "stock")
    world.sessions.resume("005930")
    assert world.exchange.book("005930", "FIXED").mode == "fixed"
    diary.until("16:05:00")
    assert world.exchange.book("005930", "AFTER").mode == "continuous"
    world.sessions.halt("005930")
    last = world.tapes["005930"].last_krw
    diary.until("20:30:00")

    assert world.tapes["005930"].last_krw == last
    diary.until("08:45:00", date(2026, 11, 24))
    assert world.exchange.books["005930"].issue.base_krw == round_down(last_regular, "stock")


def test_start_after_the_close_knows_the_close() -> None:
    diary = Diary("17:00:00")

    assert diary.world.sessions.closes["005930"] == diary.world.tapes["005930"].last_krw
    assert diary.world.exchange.books["005930"].mode == "closed"
    assert diary.world.exchange.book("005930", "AFTER").mode == "continuous"
    diary.until("17:10:00")
    assert diary.prints("005930", "AFTER")


def test_holiday_has_no_market() -> None:
    diary = Diary("10:00:00", day=date(2026, 9, 25))
    diary.until("11:00:00", date(2026, 9, 25))

    assert diary.trades == []
    assert diary.world.exchange.books["005930"].mode == "closed"


def test_before_2023_stocks_trade_on_the_old_grid() -> None:
    diary = Diary("10:00:00", day=date(2022, 11, 23), activity=0.5)
    diary.until("10:05:00", date(2022, 11, 23))
    prices = [level.price_krw for level in diary.world.exchange.books["005930"].levels(Side.BUY, 5)]

    # 274,000 moved in steps of 500 then and now; 35,000 in steps of 50; take a KOSDAQ issue.
    kosdaq = diary.world.exchange.books["247540"]
    assert kosdaq.issue.grid == "stock_kosdaq_2010"
    assert all(price % 500 == 0 for price in prices)
    for level in kosdaq.levels(Side.SELL, 10):
        assert level.price_krw % 100 == 0
    assert diary.prints("005930", "NXT") == []


def test_time_that_was_slept_through_leaves_the_sessions_on_the_clock() -> None:
    diary = Diary("10:00:00")
    diary.world.advance(at("10:01:00"))
    before = len(diary.trades)

    diary.world.skip(at("16:30:00") - at("10:01:00"))

    assert diary.world.skipped_ns >= 6 * 3_600 * SECOND_NS
    assert diary.world.now_ns == at("16:30:00")
    assert diary.world.phase("KRX") is None
    assert diary.world.phase("AFTER").name == "after_market"  # type: ignore[union-attr]
    assert diary.world.sessions.closes["005930"] == diary.world.tapes["005930"].last_krw
    assert len(diary.trades) - before < 200  # The crowd slept, too.


def test_thousands_of_issues_enter_a_session_in_batches() -> None:
    many = issues_of(400, 1)
    world = World(
        seed=1, start_ns=at("15:59:50"), hours="day", activity=0, listed=many, hooks=WorldHooks()
    )
    stocks = [issue.symbol for issue in many if issue.kind == "stock"]

    def opened() -> int:
        books = [world.exchange.book(symbol, "AFTER") for symbol in stocks]
        return sum(bool(book.bids.prices) for book in books)

    world.advance(at("16:00:00"))
    at_once = opened()
    world.advance(at("16:00:01"))

    assert 0 < at_once <= 50
    assert opened() == len(stocks)


def test_sleeping_crowd_costs_nothing_and_wakes_when_told() -> None:
    diary = Diary("10:00:00", activity=0)
    diary.until("11:00:00")
    assert diary.world.events_done < 3_700  # A second is an event.
    assert diary.trades == []

    diary.world.crowd.activity = 1.0
    diary.until("11:01:00")

    assert len(diary.prints("005930", "KRX")) > 10


def test_off_hours_trades_have_no_taker() -> None:
    diary = Diary("15:25:00", activity=1.0)
    diary.until("16:00:00")

    assert diary.prints("005930", "FIXED")
    assert all(record.taker is None for record in diary.prints("005930", "FIXED"))


def test_book_that_a_query_made_is_closed_until_its_session() -> None:
    diary = Diary("10:00:00")
    book = diary.world.exchange.book("000660", "AFTER")
    assert book.mode == "closed"

    diary.world.sessions.halt("005930")
    assert diary.world.exchange.made_book("005930", "AFTER") is None
    diary.world.sessions.resume("005930")
    diary.until("16:00:01")

    assert book.mode == "continuous"

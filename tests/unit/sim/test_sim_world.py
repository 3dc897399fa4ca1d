"""The seeded market: same seed same market, a believable book, and prices that stay legal."""

from __future__ import annotations

import pytest

from aegis_fast.sim.crowd.history import DAYS_KEPT
from aegis_fast.sim.market.rules import Side, is_on_grid
from aegis_fast.sim.market.world import World
from tests.unit.sim.sim_harness import MS, SECOND, START_NS

THIN = "004565"  # Trades some hundred shares a day.


def make(seed: int = 1, **settings: object) -> tuple[World, list[tuple]]:
    trades: list[tuple] = []
    world = World(
        seed=seed,
        start_ns=START_NS,
        on_trade=lambda book, record: trades.append((book.issue.symbol, record)),
        on_own_fill=lambda *_: pytest.fail("the crowd has no owner"),
        on_depth=lambda book: None,
        **settings,  # type: ignore[arg-type]
    )
    return world, trades


def run(world: World, span_ns: int, step_ns: int) -> None:
    now = START_NS
    while now < START_NS + span_ns:
        now += step_ns
        world.advance(now)


@pytest.fixture(scope="module")
def minute() -> tuple[World, list[tuple]]:
    world, trades = make()
    run(world, 60 * SECOND, 10 * MS)
    return world, trades


def test_same_seed_gives_the_same_trades_at_any_stepping(minute) -> None:
    world, trades = make()
    run(world, 60 * SECOND, 250 * MS)

    assert trades == minute[1]


def test_other_seed_gives_another_market(minute) -> None:
    world, trades = make(seed=2)
    run(world, 10 * SECOND, 10 * MS)

    assert trades != minute[1][: len(trades)]


def test_liquid_issue_trades_a_few_times_a_second(minute) -> None:
    count = sum(symbol == "005930" for symbol, _ in minute[1])

    assert 2 * 60 <= count <= 12 * 60


def test_every_issue_but_the_thin_one_trades_within_a_minute(minute) -> None:
    assert {symbol for symbol, _ in minute[1]} | {THIN} == set(minute[0].tapes)


def test_books_have_ten_uncrossed_legal_levels(minute) -> None:
    for book in minute[0].exchange.books.values():
        asks, bids = book.levels(Side.SELL, 10), book.levels(Side.BUY, 10)
        if book.issue.symbol == THIN:
            assert 1 <= len(asks) <= 8
            assert 1 <= len(bids) <= 8
        else:
            assert (len(asks), len(bids)) == (10, 10)
        assert book.best_bid_krw < book.best_ask_krw
        for level in (*asks, *bids):
            assert level.qty > 0
            assert is_on_grid(level.price_krw, book.issue.kind)
            assert book.limits.lower_krw <= level.price_krw <= book.limits.upper_krw


def test_prices_move_and_both_sides_take(minute) -> None:
    samsung = [record for symbol, record in minute[1] if symbol == "005930"]

    assert len({record.price_krw for record in samsung}) >= 2
    assert {record.taker for record in samsung} == {Side.BUY, Side.SELL}


def test_running_figures_never_miss_a_share(minute) -> None:
    last: dict[str, object] = {}
    for symbol, record in minute[1]:
        venue = symbol, record.board == "NXT"
        before = last.get(venue)
        if before is not None:
            assert record.cum_qty - before.cum_qty == record.qty
            assert record.cum_value_krw - before.cum_value_krw == record.qty * record.price_krw
            assert record.time_ns >= before.time_ns
        assert record.buy_qty + record.sell_qty == record.cum_qty
        assert record.low_krw <= record.price_krw <= record.high_krw
        last[venue] = record


def test_shock_moves_price_and_book_at_once() -> None:
    world, trades = make(activity=0)

    world.shock("005930", 300_000, START_NS + SECOND)

    book = world.exchange.books["005930"]
    assert world.tapes["005930"].last_krw == 300_000
    assert abs(book.best_bid_krw - 300_000) <= 500
    assert len(book.levels(Side.SELL, 10)) == 10
    assert trades[-1][1].time_ns == START_NS + SECOND


@pytest.mark.parametrize("limit", ["lower_krw", "upper_krw"])
def test_shock_to_a_price_limit_leaves_one_side_only(limit: str) -> None:
    world, _ = make()
    book = world.exchange.books["005930"]
    price = getattr(book.limits, limit)

    world.shock("005930", price, START_NS + SECOND)
    run(world, 20 * SECOND, 10 * MS)

    assert book.limits.lower_krw <= world.tapes["005930"].last_krw <= book.limits.upper_krw
    assert (
        book.best_bid_krw == 0 or book.best_ask_krw == 0 or (book.best_bid_krw < book.best_ask_krw)
    )


def test_stranger_gets_no_more_than_there_is_at_his_price() -> None:
    world, _ = make(activity=0)
    book = world.exchange.books["005930"]
    price, qty = book.best_ask_krw, book.levels(Side.SELL, 1)[0].qty

    traded = world.trade("005930", Side.BUY, 10_000_000, price, START_NS)

    assert traded == qty


def test_pause_stops_the_crowd() -> None:
    world, trades = make()
    world.crowd.is_paused = True
    run(world, 5 * SECOND, 10 * MS)

    assert trades == []


def test_time_slept_through_is_skipped_and_counted() -> None:
    world, trades = make()

    world.skip(3_600 * SECOND)

    assert world.skipped_ns == 3_600 * SECOND
    assert trades == []
    world.advance(START_NS + 3_602 * SECOND)
    assert 50 < len(trades) < 1_500


def test_history_is_the_same_for_the_same_seed_and_ends_at_the_base() -> None:
    first, second = make()[0].history, make()[0].history

    days = first.days("005930")
    assert days == second.days("005930")
    assert len(days) == DAYS_KEPT
    assert days[0].close_krw == 274_000
    assert all(bar.day.weekday() < 5 for bar in days)
    for bar in days:
        assert bar.low_krw <= min(bar.open_krw, bar.close_krw)
        assert bar.high_krw >= max(bar.open_krw, bar.close_krw)
        assert is_on_grid(bar.low_krw, "stock")
        assert is_on_grid(bar.high_krw, "stock")


def test_minutes_before_the_start_add_up_to_the_day() -> None:
    world, _ = make()
    tape = world.tapes["005930"]

    bars = world.history.minutes("005930")

    assert len(bars) == 59  # 09:00:05 to 10:00:00, whole minutes.
    assert sum(bar.qty for bar in bars) == tape.cum_qty
    assert bars[-1].cum_value_krw == tape.cum_value_krw
    assert bars[-1].close_krw == tape.last_krw
    assert all(tape.low_krw <= bar.low_krw <= bar.high_krw <= tape.high_krw for bar in bars)

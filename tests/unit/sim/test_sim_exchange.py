"""Matching: price first, then time; limits, IOC, FOK, and what must never happen."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aegis_fast.kis import tr
from aegis_fast.sim.market.exchange import KINDS, Book, Exchange, Order, Result, kind_on
from aegis_fast.sim.market.rules import PriceLimits, Side, price_limits
from tests.unit.sim.sim_harness import issue

BUY, SELL = Side.BUY, Side.SELL


@pytest.fixture
def book() -> Book:
    return Book(issue(), price_limits(70_000, "stock"))


def send(book: Book, side: Side, qty: int, price: int = 0, kind: str = "") -> tuple[Order, Result]:
    order_kind = KINDS[kind or ("00" if price else "01")]
    order = Order(side, qty)
    return order, book.submit(order, order_kind, book.limit_of(order_kind, side, price))


def trades(result: Result) -> list[tuple[int, int]]:
    return [(fill.price_krw, fill.qty) for fill in result.fills]


def test_better_price_trades_first_then_earlier_order(book: Book) -> None:
    late, _ = send(book, SELL, 5, 70_200)
    first, _ = send(book, SELL, 5, 70_100)
    second, _ = send(book, SELL, 5, 70_100)

    _, result = send(book, BUY, 12, 70_200)

    assert [fill.maker for fill in result.fills] == [first, second, late]
    assert trades(result) == [(70_100, 5), (70_100, 5), (70_200, 2)]
    assert late.leaves_qty == 3


def test_trade_happens_at_the_resting_price(book: Book) -> None:
    send(book, BUY, 10, 70_500)

    _, result = send(book, SELL, 4, 69_000)

    assert trades(result) == [(70_500, 4)]
    assert book.best_bid_krw == 70_500


def test_rest_of_a_limit_order_joins_the_book(book: Book) -> None:
    send(book, SELL, 3, 70_100)

    order, result = send(book, BUY, 10, 70_100)

    assert trades(result) == [(70_100, 3)]
    assert (order.rests, order.leaves_qty, book.best_bid_krw) == (True, 7, 70_100)
    assert book.best_ask_krw == 0


def test_market_order_walks_the_book(book: Book) -> None:
    send(book, SELL, 3, 70_100)
    send(book, SELL, 3, 70_200)

    order, result = send(book, BUY, 5)

    assert trades(result) == [(70_100, 3), (70_200, 2)]
    assert not order.rests


def test_rest_of_a_market_order_waits_at_the_last_price(book: Book) -> None:
    send(book, SELL, 3, 70_100)

    order, _ = send(book, BUY, 5)

    assert (order.rests, order.price_krw, order.leaves_qty) == (True, 70_100, 2)


def test_ioc_drops_what_it_cannot_trade(book: Book) -> None:
    send(book, SELL, 3, 70_100)

    order, result = send(book, BUY, 5, 70_100, "11")

    assert (trades(result), result.dropped_qty) == ([(70_100, 3)], 2)
    assert not order.rests
    assert book.best_bid_krw == 0


def test_fok_trades_all_or_nothing(book: Book) -> None:
    send(book, SELL, 3, 70_100)
    send(book, SELL, 3, 70_200)

    _, short = send(book, BUY, 7, 70_200, "12")
    _, whole = send(book, BUY, 6, 70_200, "12")

    assert (trades(short), short.dropped_qty) == ([], 7)
    assert (trades(whole), whole.dropped_qty) == ([(70_100, 3), (70_200, 3)], 0)


def test_best_counter_takes_one_level_and_rests_there(book: Book) -> None:
    send(book, SELL, 3, 70_100)
    send(book, SELL, 3, 70_200)

    order, result = send(book, BUY, 5, kind="03")

    assert trades(result) == [(70_100, 3)]
    assert (order.price_krw, order.leaves_qty) == (70_100, 2)


def test_best_own_joins_the_queue_of_its_side(book: Book) -> None:
    send(book, BUY, 3, 69_900)

    order, result = send(book, BUY, 5, kind="04")

    assert (trades(result), order.price_krw) == ([], 69_900)


@pytest.mark.parametrize("kind", ["03", "04", "15", "16"])
def test_best_price_orders_have_no_limit_in_an_empty_book(book: Book, kind: str) -> None:
    assert book.limit_of(KINDS[kind], BUY, 0) == 0


def test_cut_in_quantity_keeps_the_place_in_the_queue(book: Book) -> None:
    first, _ = send(book, SELL, 5, 70_100)
    second, _ = send(book, SELL, 5, 70_100)

    book.reduce(first, 3)
    _, result = send(book, BUY, 3, 70_100)

    assert [(fill.maker, fill.qty) for fill in result.fills] == [(first, 2), (second, 1)]


def test_canceled_order_leaves_the_book(book: Book) -> None:
    order, _ = send(book, SELL, 5, 70_100)

    book.reduce(order, 5)

    assert (order.rests, book.best_ask_krw, book.asks.total_qty) == (False, 0, 0)
    with pytest.raises(ValueError):
        book.reduce(order, 1)


@pytest.mark.parametrize("price", [48_900, 91_100, 70_050])
def test_price_outside_limits_or_grid_never_enters(book: Book, price: int) -> None:
    with pytest.raises(ValueError):
        book.submit(Order(BUY, 1), KINDS["00"], price)


def test_unknown_symbol_has_no_book() -> None:
    with pytest.raises(KeyError):
        Exchange([issue()]).book("999999")


def test_every_order_kind_of_the_table_is_there_but_the_abolished_one() -> None:
    listed = tr.order_kinds()

    assert set(KINDS) == set(listed) - {"07"}
    for code, kind in KINDS.items():
        row = listed[code]
        assert (kind.code, kind.name, kind.needs_price) == (code, row.name_ko, row.has_price)
        venues = {"NXT" if board == "NXT" else "KRX" for board in kind.boards}
        assert venues == row.venues - {"SOR"}


def test_a_board_names_its_own_kind_for_the_same_order() -> None:
    assert kind_on(KINDS["00"], "AFTER") is KINDS["41"]
    assert kind_on(KINDS["16"], "AFTER") is KINDS["46"]
    assert kind_on(KINDS["04"], "AFTER") is KINDS["47"]
    assert kind_on(KINDS["43"], "NXT") is KINDS["12"]
    assert kind_on(KINDS["11"], "NXT") is KINDS["11"]
    with pytest.raises(KeyError):
        kind_on(KINDS["01"], "AFTER")
    with pytest.raises(KeyError):
        kind_on(KINDS["01"], "NXT")


def test_other_boards_are_made_when_asked_for_and_only_where_they_trade() -> None:
    stock = msgspec.structs.replace(issue(), is_nxt=True)
    exchange = Exchange([stock, issue("000660"), issue("069500", 30_000, "etf")])
    exchange.books["005930"].last_krw = 71_000

    after = exchange.book("005930", "AFTER")

    assert after is exchange.book("005930", "AFTER") is not exchange.book("005930")
    assert (after.board, after.mode, after.last_krw) == ("AFTER", "continuous", 71_000)
    assert exchange.book("005930", "FIXED").mode == "fixed"
    assert exchange.book("005930", "NXT").limits == exchange.book("005930").limits
    assert [book.board for book in exchange.made("AFTER")] == ["AFTER"]
    assert len(list(exchange.made())) == 6
    for symbol, board in [
        ("000660", "NXT"),
        ("069500", "NXT"),
        ("069500", "AFTER"),
        ("005930", ""),
    ]:
        with pytest.raises(KeyError, match=r"trade|board"):
            exchange.book(symbol, board)


def test_limits_of_a_first_day_replace_those_of_the_base_price() -> None:
    wide = PriceLimits(42_000, 280_000, True)

    assert Exchange([issue()], {"005930": wide}).book("005930").limits is wide


@pytest.mark.parametrize("kind", ["05", "06", "27", "28", "29", "41", "44", "47"])
def test_kind_of_another_board_never_enters(book: Book, kind: str) -> None:
    with pytest.raises(ValueError, match="takes no order"):
        book.submit(Order(BUY, 1), KINDS[kind], 70_000)


@pytest.mark.parametrize("mode", ["closed", "halted"])
def test_nothing_enters_a_stopped_book_but_cancels_work(book: Book, mode: str) -> None:
    order, _ = send(book, BUY, 5, 70_000)

    book.mode = mode

    with pytest.raises(ValueError, match=mode):
        send(book, SELL, 5, 70_000)
    book.reduce(order, 5)
    assert not order.rests


@pytest.mark.parametrize(
    ("board", "mode"), [("KRX", "fixed"), ("FIXED", "continuous"), ("KRX", "x")]
)
def test_book_has_only_the_modes_of_its_board(board: str, mode: str) -> None:
    book = Book(issue(), price_limits(70_000, "stock"), board)

    with pytest.raises(ValueError, match="no mode"):
        book.mode = mode


def test_fixed_board_trades_by_time_at_its_one_price() -> None:
    book = Book(issue(), price_limits(70_000, "stock"), "FIXED")
    book.fixed_krw = 70_500
    first, _ = send(book, SELL, 5, kind="06")
    second, _ = send(book, SELL, 5, kind="06")

    order, result = send(book, BUY, 12, kind="06")

    assert [(fill.maker, fill.price_krw, fill.qty) for fill in result.fills] == [
        (first, 70_500, 5),
        (second, 70_500, 5),
    ]
    assert (order.price_krw, order.leaves_qty, book.best_bid_krw) == (70_500, 2, 70_500)
    with pytest.raises(ValueError, match="70500"):
        book.submit(Order(SELL, 1), KINDS["06"], 70_000)


def test_fixed_board_collects_orders_before_it_trades() -> None:
    book = Book(issue(), price_limits(70_000, "stock"), "FIXED")
    book.mode = "auction"
    buy, _ = send(book, BUY, 5, kind="06")
    sell, result = send(book, SELL, 8, kind="06")

    assert result.fills == []
    for price in (69_900, 70_100):
        with pytest.raises(ValueError, match="70000"):
            book.submit(Order(BUY, 1), KINDS["06"], price)
    with pytest.raises(ValueError, match="uncross"):
        book.mode = "fixed"
    [cross] = book.uncross()
    book.mode = "fixed"
    assert (cross.buy, cross.sell, cross.price_krw, cross.qty) == (buy, sell, 70_000, 5)
    assert sell.leaves_qty == 3


def test_expire_takes_out_what_is_named_and_says_how_much() -> None:
    book = Book(issue(), price_limits(70_000, "stock"), "NXT")
    gtp, _ = send(book, BUY, 5, 69_900, "27")
    kept, _ = send(book, BUY, 5, 69_900)
    hidden, _ = send(book, SELL, 4, kind="21")

    ended = book.expire(lambda order: order.kind is not None and order.kind.is_gtp)

    assert ended == [(gtp, 5)]
    assert (gtp.rests, kept.rests, book.bids.total_qty) == (False, True, 5)
    assert {order for order, _ in book.expire()} == {kept, hidden}


CONTINUOUS = {"00", "01", "02", "03", "04", "11", "12", "13", "14", "15", "16"}

ORDERS = st.lists(
    st.tuples(
        st.sampled_from([BUY, SELL]),
        st.integers(1, 500),
        st.integers(-8, 8),
        st.sampled_from(sorted(CONTINUOUS)),
        st.integers(0, 9),
    ),
    max_size=60,
)


@settings(max_examples=150, deadline=None)
@given(ORDERS)
def test_book_never_crosses_and_shares_are_conserved(orders) -> None:
    book = Book(issue(), price_limits(70_000, "stock"))
    alive: list[Order] = []
    entered = {BUY: 0, SELL: 0}
    left = {BUY: 0, SELL: 0}
    traded = 0

    for side, qty, offset, kind, action in orders:
        if action == 0 and alive:
            victim = alive[qty % len(alive)]
            cut = min(qty, victim.leaves_qty)
            left[victim.side] += cut
            book.reduce(victim, cut)
        else:
            order_kind = KINDS[kind]
            limit = book.limit_of(order_kind, side, 70_000 + 100 * offset)
            if not limit:
                continue
            order = Order(side, qty)
            result = book.submit(order, order_kind, limit)
            entered[side] += qty
            left[side] += result.dropped_qty
            for fill in result.fills:
                traded += fill.qty
                assert book.limits.lower_krw <= fill.price_krw <= book.limits.upper_krw
                better = fill.price_krw <= limit if side is BUY else fill.price_krw >= limit
                assert better
            alive.append(order)
        alive = [order for order in alive if order.rests]
        assert (
            not book.best_bid_krw
            or not book.best_ask_krw
            or (book.best_bid_krw < book.best_ask_krw)
        )

    for side in (BUY, SELL):
        half = book.half(side)
        resting = sum(order.leaves_qty for order in alive if order.side is side)
        assert half.total_qty == resting == entered[side] - left[side] - traded
        assert half.prices == sorted(half.levels)
        for level in half.levels.values():
            assert level.qty == sum(order.leaves_qty for order in level.orders.values()) > 0

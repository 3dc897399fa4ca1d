"""The crowd: it follows a fair value, keeps a book in every mood, and gives way to our orders."""

from __future__ import annotations

from itertools import pairwise
from random import Random

import msgspec
import pytest

from aegis_fast.sim.crowd.flow import Flow
from aegis_fast.sim.crowd.intensity import intensity
from aegis_fast.sim.crowd.regimes import REGIMES, draw
from aegis_fast.sim.market.exchange import KINDS, Book, Order, guard_for
from aegis_fast.sim.market.rules import Issue, Side, is_on_grid, price_limits
from aegis_fast.sim.market.world import World
from tests.unit.sim.sim_harness import SECOND, START_NS, issue

LIQUID = issue()
THIN = msgspec.structs.replace(LIQUID, daily_qty=600, trades_per_hour=6)


class Stage:
    """One book and its crowd, a second at a time."""

    def __init__(self, listed: Issue = LIQUID, regime: str = "normal", seed: int = 1) -> None:
        self.book = Book(listed, price_limits(listed.base_krw, listed.kind))
        self.fills: list[tuple[int, int]] = []
        self.flow = Flow(
            self.book, Random(seed), self.submit, listed.base_krw, regime=REGIMES[regime]
        )
        self.flow.seed_book()

    def submit(self, book: Book, order: Order, kind, limit_krw: int) -> None:
        result = book.submit(order, kind, limit_krw)
        self.fills += [(fill.price_krw, fill.qty) for fill in result.fills]

    def run(self, seconds: int, acts: int = 5) -> None:
        for _ in range(seconds):
            self.flow.drift()
            for _ in range(acts):
                self.flow.act()

    def buy(self, qty: int) -> int:
        """Buy at once as a user does; return what it cost per share at most."""
        order = Order(Side.BUY, qty, owner=1)
        result = self.book.submit(order, KINDS["13"], self.book.limits.upper_krw)
        taken = sum(fill.qty for fill in result.fills)
        self.flow.react(Side.BUY, taken, result.fills[-1].price_krw)
        return result.fills[-1].price_krw


def levels(book: Book, side: Side) -> list[int]:
    return [level.price_krw for level in book.levels(side, 30)]


@pytest.mark.parametrize("regime", ["quiet", "normal", "trend_up", "trend_down", "gap"])
def test_liquid_issue_keeps_ten_levels_in_every_usual_regime(regime: str) -> None:
    stage = Stage(regime=regime)
    stage.run(120)

    for side in (Side.SELL, Side.BUY):
        prices = levels(stage.book, side)
        assert 10 <= len(prices) <= 20
        assert all(is_on_grid(price, "stock") for price in prices)
    assert stage.book.best_bid_krw < stage.book.best_ask_krw
    assert stage.fills


def test_trends_move_the_price_their_way() -> None:
    up, down = Stage(regime="trend_up"), Stage(regime="trend_down")
    up.run(3_600, acts=1)
    down.run(3_600, acts=1)

    # The noise is the same in both.
    assert 20_000 < (up.flow.fair_krw - down.flow.fair_krw) * 1_000_000 // 70_000 < 40_000
    assert up.book.best_bid_krw > down.book.best_ask_krw


def test_quiet_issue_moves_less_than_a_usual_one() -> None:
    def travelled(regime: str) -> int:
        stage, total = Stage(regime=regime), 0
        for _ in range(600):
            before = stage.flow.fair_krw
            stage.run(1, acts=0)
            total += abs(stage.flow.fair_krw - before)
        return total

    assert travelled("quiet") * 10 < travelled("normal") * 6


def test_gap_that_is_set_opens_at_once() -> None:
    stage = Stage()
    before = stage.flow.fair_krw

    stage.flow.set_regime("gap")

    assert 40 <= abs(stage.flow.fair_krw - before) * 1_000 // before <= 90


def test_thin_issue_has_few_levels_with_holes_and_a_wide_spread() -> None:
    stage = Stage(THIN, "thin")
    stage.run(3_600, acts=0)
    stage.run(300, acts=1)

    book = stage.book
    prices = levels(book, Side.SELL)
    tick = 100
    assert 1 <= len(prices) <= 8
    assert book.best_ask_krw - book.best_bid_krw >= 2 * tick
    assert prices[-1] - prices[0] > (len(prices) - 1) * tick


def test_thin_issue_trades_less_than_a_thousand_shares_a_day() -> None:
    stage, now, acts = Stage(THIN, "thin"), 0, 0
    while now < 23_400 * SECOND:
        now += stage.flow.wait_ns(9 * 3_600 + now // SECOND)
        stage.flow.drift()
        stage.flow.act()
        acts += 1

    assert acts < 300
    assert 0 < sum(qty for _, qty in stage.fills) < 1_000


def test_liquid_issue_that_is_made_thin_loses_its_crowd() -> None:
    stage = Stage()
    ours = Order(Side.BUY, 5, owner=1)
    stage.book.submit(ours, KINDS["00"], 69_000)

    stage.flow.set_regime("thin")
    left = list(stage.book.orders())
    stage.run(60, acts=1)

    assert left == [ours]
    assert ours.rests
    assert stage.book.asks.total_qty < 1_000
    assert len(stage.book.asks.prices) <= 8
    assert sum(stage.flow.wait_ns(None) for _ in range(500)) // 500 > 60 * SECOND


@pytest.mark.parametrize(("regime", "side"), [("limit_up", Side.SELL), ("limit_down", Side.BUY)])
def test_limit_regime_runs_to_the_limit_and_sticks_there(regime: str, side: Side) -> None:
    stage = Stage(regime=regime)
    limits = stage.book.limits
    limit = limits.upper_krw if regime == "limit_up" else limits.lower_krw
    stage.run(1_200, acts=3)
    stage.fills.clear()
    stage.run(300, acts=3)

    held = stage.book.half(side.other)
    assert stage.book.half(side).prices == []
    assert held.best_krw() == limit
    assert held.levels[limit].qty > 10 * held.levels[sorted(held.prices)[len(held.prices) // 2]].qty
    assert {price for price, _ in stage.fills} == {limit}


def test_limit_up_issue_that_calms_down_gets_two_sides_again() -> None:
    stage = Stage(regime="limit_up")
    stage.run(1_200, acts=3)

    stage.flow.set_regime("trend_down")
    stage.run(900, acts=5)

    assert stage.book.best_ask_krw > stage.book.best_bid_krw > 0
    assert len(levels(stage.book, Side.SELL)) >= 1


def test_buying_three_times_the_touch_moves_the_fair_value_up() -> None:
    stage = Stage()
    stage.run(10)
    before = stage.flow.value.micro

    stage.buy(3 * stage.book.levels(Side.SELL, 1)[0].qty)

    assert stage.flow.value.micro > before


def test_tiny_orders_move_nothing() -> None:
    stage = Stage()
    before = stage.flow.value.micro

    stage.buy(10)

    assert stage.flow.value.micro == before


def test_impact_grows_with_size_and_not_with_the_number_of_pieces() -> None:
    once, pieces, more = Stage(), Stage(), Stage()

    once.flow.react(Side.BUY, 100_000, 70_000)
    for _ in range(10):
        pieces.flow.react(Side.BUY, 10_000, 70_000)
    more.flow.react(Side.BUY, 400_000, 70_000)

    moved = [stage.flow.value.micro - 70_000_000_000 for stage in (once, pieces, more)]
    assert abs(moved[0] - moved[1]) < moved[0] // 20
    assert moved[0] * 3 // 2 < moved[2] < moved[0] * 3


def test_most_of_the_impact_is_gone_after_some_minutes() -> None:
    touched, untouched = Stage(), Stage()
    touched.flow.react(Side.BUY, 200_000, 70_000)
    at_once = touched.flow.value.micro - untouched.flow.value.micro

    for _ in range(1_500):
        touched.flow.drift()
        untouched.flow.drift()

    left = touched.flow.value.micro - untouched.flow.value.micro
    assert 0 < left < at_once // 2


def test_makers_of_the_eaten_side_stand_back_and_return() -> None:
    stage = Stage()
    book = stage.book
    stage.buy(sum(level.qty for level in book.levels(Side.SELL, 4)))
    eaten = len(book.asks.prices)

    stage.run(1, acts=3)
    soon = len(book.asks.prices)
    stage.run(10, acts=5)

    assert soon <= eaten + 1
    assert len(book.asks.prices) >= 12


def test_second_board_stays_close_to_its_leader_but_not_equal() -> None:
    stage = Stage()
    book = Book(LIQUID, stage.book.limits)
    nxt = Flow(book, Random(9), stage.submit, 70_000, leader=stage.flow, share_percent=30)
    nxt.seed_book()
    fairs = set()
    for _ in range(300):
        stage.run(1, acts=3)
        nxt.drift()
        nxt.act()
        fairs.add(stage.flow.fair_krw - nxt.fair_krw)

    assert len(fairs) > 10
    assert max(map(abs, fairs)) < 70_000 // 200
    assert abs(book.best_bid_krw - stage.book.best_bid_krw) <= 300
    assert book.bids.total_qty < stage.book.bids.total_qty
    assert nxt.wait_ns(None) != stage.flow.wait_ns(None)


@pytest.mark.parametrize("mode", ["closed", "halted"])
def test_closed_book_is_left_alone(mode: str) -> None:
    stage = Stage()
    before = levels(stage.book, Side.BUY), stage.book.bids.total_qty
    stage.book.mode = mode
    stage.fills.clear()

    stage.run(60)

    assert (levels(stage.book, Side.BUY), stage.book.bids.total_qty) == before
    assert stage.fills == []
    assert 10 * SECOND <= stage.flow.wait_ns(None) <= 30 * SECOND


def auction(stage: Stage, seconds: int) -> list[int]:
    """Hold an auction; return the expected price of every second."""
    stage.book.mode = "auction"
    expected = []
    for _ in range(seconds):
        stage.run(1, acts=4)
        expected.append(stage.book.expected().price_krw)
    return expected


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_auction_shows_a_price_that_moves_and_settles(seed: int) -> None:
    stage = Stage(seed=seed)
    stage.book.expire()

    expected = auction(stage, 600)

    settled = [price for price in expected[20:] if price]
    assert len(settled) == 580
    assert len(set(settled)) >= 3
    assert abs(settled[-1] - stage.flow.fair_krw) < 70_000 // 200
    early = max(settled[:60]) - min(settled[:60])
    assert max(settled[-60:]) - min(settled[-60:]) <= max(early, 300)
    # Orders through each other rest here, market orders too.
    assert stage.book.best_bid_krw > stage.book.best_ask_krw
    assert any(order.is_market for order in stage.book.orders())


def test_uncrossed_auction_leaves_a_usual_book() -> None:
    stage = Stage()
    auction(stage, 300)

    crosses = stage.book.uncross()
    stage.book.mode = "continuous"
    stage.run(60)

    traded = sum(cross.qty for cross in crosses)
    # A few percent of the day's volume.
    assert LIQUID.daily_qty // 2_000 < traded < LIQUID.daily_qty // 10
    assert len(levels(stage.book, Side.BUY)) >= 10
    assert len(levels(stage.book, Side.SELL)) >= 10
    assert stage.book.best_ask_krw - stage.book.best_bid_krw <= 300


def test_limit_up_auction_expects_the_limit() -> None:
    stage = Stage(regime="limit_up")
    stage.run(1_200, acts=1)
    stage.book.expire()

    expected = auction(stage, 120)

    assert expected[-1] == stage.book.limits.upper_krw


def board(stage: Stage, name: str) -> tuple[Book, Flow]:
    book = Book(LIQUID, stage.book.limits, name)
    book.last_krw = book.fixed_krw = 70_000
    if name == "FIXED":
        book.mode = "fixed"
    flow = Flow(book, Random(9), stage.submit, 70_000, leader=stage.flow, share_percent=3)
    flow.seed_book()
    return book, flow


@pytest.mark.parametrize("hour", [8, 15])
def test_fixed_price_board_trades_at_its_price_only(hour: int) -> None:
    stage = Stage()
    book, flow = board(stage, "FIXED")
    stage.fills.clear()
    for _ in range(400):
        flow.wait_ns(hour * 3_600)
        flow.act()

    assert {price for price, _ in stage.fills} == {70_000}
    assert len(list(book.orders())) <= 40
    assert {order.kind.code for order in book.orders()} == {"05" if hour == 8 else "06"}


def test_after_market_gets_orders_of_its_own_kinds() -> None:
    stage = Stage()
    book, flow = board(stage, "AFTER")
    stage.fills.clear()
    for _ in range(300):
        flow.drift()
        flow.act()

    assert stage.fills
    assert {order.kind.code for order in book.orders()} == {"41"}


def test_crowd_that_interrupts_its_book_goes_on_in_the_auction() -> None:
    stage = Stage()
    stage.book.guard = guard_for(LIQUID, 70_000)
    stage.flow.value.put(79_000)

    stage.run(300)

    assert stage.book.mode == "auction"
    assert stage.book.expected().price_krw > 75_000


def test_shock_is_not_interrupted() -> None:
    stage = Stage()
    stage.book.guard = guard_for(LIQUID, 70_000)

    stage.flow.shock(80_000)

    assert (stage.book.mode, stage.book.last_krw) == ("continuous", 80_000)
    assert stage.book.guard.static_krw == 80_000


def test_fund_follows_its_index_and_warrant_its_share(hour: dict[str, list[int]]) -> None:
    fund, index = hour["069500"][-1], hour["K200"][-1]

    assert correlation(hour["069500"], hour["K200"]) > 800
    assert abs(fund * 1_000 // 118_450 - index * 1_000 // 118_450) <= 4
    assert correlation(hour["57JN53"], hour["005930"]) > 500


def test_value_rests_while_the_market_does() -> None:
    def travelled(mode: str, regime: str) -> int:
        stage = Stage(regime=regime)
        stage.book.mode = mode
        stage.run(1_800, acts=0)
        return stage.flow.fair_krw - 70_000

    assert abs(travelled("closed", "trend_up")) < 70_000 // 100
    assert travelled("closed", "limit_up") == 0
    assert travelled("continuous", "limit_up") > 15_000


def test_regimes_of_another_day_are_others() -> None:
    monday = [draw(issue(f"{number:06d}"), 1, "2026-11-23").name for number in range(100)]
    tuesday = [draw(issue(f"{number:06d}"), 1, "2026-11-24").name for number in range(100)]

    assert monday != tuesday


def test_day_is_u_shaped_and_averages_about_one() -> None:
    session = [intensity(second) for second in range(9 * 3_600, 15 * 3_600 + 1_200, 60)]

    assert intensity(9 * 3_600) > 3 * intensity(10 * 3_600 + 1_800)
    assert intensity(15 * 3_600 + 1_140) > 3 * intensity(12 * 3_600 + 1_800)
    assert 900 <= sum(session) // len(session) <= 1_100
    assert intensity(19 * 3_600) < 300
    assert min(intensity(second) for second in range(0, 86_400, 60)) > 0


def test_waits_follow_the_pace_the_hour_and_the_issue() -> None:
    def mean(stage: Stage, second: int | None, pace: int = 1_000) -> int:
        return sum(stage.flow.wait_ns(second, pace) for _ in range(4_000)) // 4_000

    flat = mean(Stage(), None)

    # 3 trades a second, 44 of 100 acts are trades.
    assert abs(flat - SECOND * 44 // 300) < flat // 10
    assert abs(mean(Stage(), None, 10_000) - flat // 10) < flat // 50
    assert mean(Stage(), 9 * 3_600) < flat // 3
    assert mean(Stage(THIN, "thin"), None) > 100 * SECOND


def test_regimes_are_drawn_from_the_seed_unless_named() -> None:
    drawn = [draw(LIQUID, seed).name for seed in range(400)]

    assert drawn == [draw(LIQUID, seed).name for seed in range(400)]
    assert 230 < drawn.count("normal") < 340
    assert {"quiet", "trend_up", "trend_down", "gap"} <= set(drawn)
    assert not {"limit_up", "limit_down", "thin"} & set(drawn)
    assert draw(THIN, 1).name == "thin"
    assert draw(msgspec.structs.replace(LIQUID, regime="limit_up"), 1).sticks == 1


def world(**settings: object) -> World:
    ignore = lambda *_: None  # noqa: E731
    return World(
        seed=1,
        start_ns=START_NS,
        on_trade=ignore,
        on_own_fill=ignore,
        on_depth=ignore,
        **settings,  # type: ignore[arg-type]
    )


@pytest.fixture(scope="module")
def hour() -> dict[str, list[int]]:
    """Trade prices and the KOSPI level at the end of every minute of forty; a fifth of the pace."""
    market = world(activity=0.2)
    names = ["005930", "000660", "066570", "005380", "069500", "57JN53"]
    series: dict[str, list[int]] = {name: [] for name in (*names, "KOSPI", "K200")}
    for second in range(1, 2_401):
        market.advance(START_NS + second * SECOND)
        if second % 60 == 0:
            for name in names:
                series[name].append(market.tapes[name].last_krw)
            series["KOSPI"].append(market.indices.index("0001").level_x100)
            series["K200"].append(market.indices.index("2001").level_x100)
    return series


def test_prices_of_one_sector_move_together(hour: dict[str, list[int]]) -> None:
    pairs = [("005930", "000660"), ("005930", "066570"), ("000660", "066570")]
    found = [correlation(hour[left], hour[right]) for left, right in pairs]

    assert sum(found) // 3 > 250
    assert min(found) > 50


def test_index_moves_with_its_members(hour: dict[str, list[int]]) -> None:
    assert correlation(hour["005930"], hour["KOSPI"]) > 500
    assert correlation(hour["000660"], hour["KOSPI"]) > 400
    assert correlation(hour["005380"], hour["KOSPI"]) > 100


def correlation(left: list[int], right: list[int]) -> int:
    """Return the correlation of the steps of two series, per mille."""
    moves = [
        [(after - before) * 1_000_000 // before for before, after in pairwise(row)]
        for row in (left, right)
    ]
    means = [sum(row) // len(row) for row in moves]
    xs, ys = ([value - mean for value in row] for row, mean in zip(moves, means, strict=True))
    product = sum(x * y for x, y in zip(xs, ys, strict=True))
    size = (sum(x * x for x in xs) * sum(y * y for y in ys)) ** 0.5
    return int(1_000 * product / size)


def test_asked_regimes_count_and_can_change() -> None:
    market = world(regimes={"000270": "limit_up", "*": "trend_up"})

    assert market.crowd.flows["000270", "KRX"].regime.name == "limit_up"
    assert market.factors.regime.name == "trend_up"
    market.set_regime("000270", "quiet")
    market.set_regime("*", "normal")
    assert market.crowd.flows["000270", "KRX"].regime.name == "quiet"
    assert market.factors.regime.name == "normal"
    with pytest.raises(KeyError):
        market.set_regime("005930", "wild")
    with pytest.raises(KeyError):
        world(regimes={"000270": "wild"})

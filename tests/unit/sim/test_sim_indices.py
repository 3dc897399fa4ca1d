"""The indices: levels that follow from their members, counts that add up, once a second."""

from __future__ import annotations

import msgspec
import pytest

from aegis_fast.sim.market.indices import INDEX_CODES, Indices
from aegis_fast.sim.market.rules import Issue, Side, price_limits
from aegis_fast.sim.market.tape import Tape
from tests.unit.sim.sim_harness import SECOND, START_NS, issue

# Worth 700, 200 and 100 billion won, and one of KOSDAQ.
BIG = msgspec.structs.replace(
    issue("000010", 70_000), listed_shares=10_000_000, is_kospi200=True
)  # fmt: skip
MIDDLE = msgspec.structs.replace(issue("000020", 20_000), listed_shares=10_000_000)
SMALL = msgspec.structs.replace(issue("000030", 1_000), listed_shares=100_000_000)
OTHER = msgspec.structs.replace(issue("000040", 5_000), market="KOSDAQ")
FUND = issue("000050", 10_000, "etf")
LISTED = (BIG, MIDDLE, SMALL, OTHER, FUND)


class Floor:
    """Tapes and the indices over them."""

    def __init__(self, listed: tuple[Issue, ...] = LISTED) -> None:
        self.tapes = {
            one.symbol: Tape(one, price_limits(one.base_krw, one.kind), START_NS) for one in listed
        }
        self.indices = Indices(listed, self.tapes)
        self.now_ns = START_NS

    def trade(self, listed: Issue, price_krw: int, qty: int = 10) -> None:
        self.tapes[listed.symbol].record(price_krw, qty, Side.BUY, self.now_ns)
        self.indices.touch(listed.symbol)

    def update(self) -> tuple[str, ...]:
        self.now_ns += SECOND
        return self.indices.update(self.now_ns)


def test_untouched_market_stands_at_the_previous_close() -> None:
    floor = Floor()

    assert floor.update() == ()
    for code in INDEX_CODES:
        index = floor.indices.index(code)
        assert index.level_x100 == index.base_x100
        assert (index.change_x100, index.open_x100, index.cum_qty) == (0, 0, 0)
    assert floor.indices.index("0001").flat == 3
    assert floor.indices.index("1001").flat == 1
    with pytest.raises(KeyError):
        floor.indices.index("9999")


def test_level_moves_by_the_weight_of_the_member() -> None:
    floor = Floor()
    floor.trade(BIG, 77_000)

    assert floor.update() == ("0001", "2001")

    kospi, large = floor.indices.index("0001"), floor.indices.index("2001")
    # 10 % of 70 % of the market, and of all of KOSPI200.
    assert kospi.level_x100 == kospi.base_x100 * 107 // 100
    assert large.level_x100 == large.base_x100 * 110 // 100
    assert (kospi.up, kospi.flat, kospi.down, kospi.upper) == (1, 2, 0, 0)
    assert kospi.time_ns == floor.now_ns


def test_funds_belong_to_no_index() -> None:
    floor = Floor()
    floor.trade(FUND, 11_000)

    assert floor.update() == ()


def test_volume_and_value_add_up_and_name_the_last_second() -> None:
    floor = Floor()
    floor.trade(BIG, 70_500, 100)
    floor.update()
    floor.trade(BIG, 70_500, 20)
    floor.trade(SMALL, 1_000, 5)
    floor.update()

    index = floor.indices.index("0001")
    assert (index.cum_qty, index.last_qty) == (125, 25)
    assert index.cum_value_krw == 120 * 70_500 + 5_000
    assert index.last_value_krw == 20 * 70_500 + 5_000
    assert index.step_x100 == 0


def test_open_high_and_low_are_levels_of_whole_updates() -> None:
    floor = Floor()
    levels = []
    for price in (70_700, 72_000, 69_000, 70_000):
        # Only together do they make a level.
        floor.trade(BIG, price)
        floor.trade(MIDDLE, 40_000 - price // 7_000 * 2_000)
        floor.update()
        levels.append(floor.indices.index("0001").level_x100)

    index = floor.indices.index("0001")
    assert (index.open_x100, index.high_x100, index.low_x100) == (
        levels[0],
        max(levels),
        min(levels),
    )
    assert index.step_x100 == levels[3] - levels[2]


def test_limit_issues_are_counted_as_they_come_and_go() -> None:
    floor = Floor()
    floor.trade(BIG, 91_000)
    floor.trade(SMALL, 700)
    floor.update()
    index = floor.indices.index("0001")
    at_limits = (index.upper, index.up, index.flat, index.down, index.lower)
    floor.trade(BIG, 70_000)
    floor.trade(SMALL, 999)
    floor.update()

    assert at_limits == (1, 1, 1, 1, 1)
    assert (index.upper, index.up, index.flat, index.down, index.lower) == (0, 0, 2, 1, 0)


def test_expected_index_changes_nothing() -> None:
    floor = Floor()

    expected = floor.indices.expect("0001", lambda symbol: {"000020": 24_000}.get(symbol, 0))

    assert expected.level_x100 == expected.base_x100 * 104 // 100
    assert (expected.up, expected.flat) == (1, 2)
    assert floor.indices.index("0001").level_x100 == expected.base_x100
    assert floor.indices.index("0001").flat == 3


def test_indices_that_start_at_noon_know_the_morning() -> None:
    floor = Floor()
    floor.trade(BIG, 71_400)
    floor.trade(BIG, 72_100)

    late = Indices(LISTED, floor.tapes).index("0001")

    assert late.open_x100 == late.base_x100 * 1_014 // 1_000
    assert late.level_x100 == late.high_x100 == late.base_x100 * 1_021 // 1_000
    assert late.cum_qty == 20


def test_off_hours_trades_before_the_open_are_volume_but_no_level() -> None:
    floor = Floor()
    floor.tapes["000010"].record(70_000, 50, Side.BUY, floor.now_ns, "FIXED")
    floor.indices.touch("000010")
    floor.update()
    before = floor.indices.index("0001")
    seen = (before.open_x100, before.cum_qty)
    floor.trade(BIG, 77_000)
    floor.update()

    assert seen == (0, 50)
    assert before.open_x100 == before.low_x100 == before.base_x100 * 107 // 100


def test_next_day_starts_from_the_level_of_the_day_before() -> None:
    floor = Floor()
    floor.trade(BIG, 77_000)
    floor.update()

    tomorrow = Indices(LISTED, Floor().tapes, floor.indices.levels())

    assert tomorrow.index("0001").base_x100 == floor.indices.index("0001").level_x100
    assert tomorrow.index("1001").base_x100 == floor.indices.index("1001").base_x100

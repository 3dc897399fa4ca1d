"""What the feeds make of the market: venues, merged books, hidden shares, due times, notices."""

from __future__ import annotations

import pytest

from aegis_fast.kis import tr
from aegis_fast.kis.profile import SIM_HTS_ID
from aegis_fast.sim.crowd.program import ProgramTrading
from aegis_fast.sim.crowd.seeds import seeded
from aegis_fast.sim.feed.frames import Notice, fit, notice_values, ratio
from aegis_fast.sim.feed.frames_depth import merged
from aegis_fast.sim.feed.views import Levels
from aegis_fast.sim.market.exchange import KINDS, Order
from aegis_fast.sim.market.rules import Side
from tests.contracts.frame_contract import Follow, check
from tests.unit.sim.sim_harness import MS, SECOND, START_NS, Bench, decrypted


def rows(socket, tr_id: str) -> list[dict[str, str]]:
    return [record for frame in socket.frames(tr_id) for record in check(frame)[1]]


@pytest.mark.parametrize("tr_id", list(tr.realtime()))
def test_paper_trading_knows_only_its_own_trs(tr_id: str) -> None:
    socket = Bench(profile="paper").socket()
    keys = {"H0STCNI9": SIM_HTS_ID, "H0GSCNI9": SIM_HTS_ID}

    code = socket.code(tr_id, keys.get(tr_id, "005930"))

    offered = {"H0STCNT0", "H0STASP0", "H0STCNI9", "H0GSCNI9"}
    assert code == ("OPSP0000" if tr_id in offered else "OPSP8991")


@pytest.mark.parametrize("tr_id", ["H0NXCNT0", "H0NXASP0", "H0NXANC0", "H0NXMKO0"])
def test_nxt_takes_its_own_issues_only(tr_id: str) -> None:
    socket = Bench().socket()

    assert socket.code(tr_id, "005930") == "OPSP0000"
    assert socket.code(tr_id, "069500") == "OPSP8992"
    assert socket.code(tr_id.replace("NX", "UN"), "069500") == "OPSP0000"


def test_equal_prices_of_both_venues_are_added() -> None:
    first, second = Levels([100, 105], [7, 8]), Levels([95, 100], [1, 2])

    assert merged(Side.SELL, first, second) == Levels([95, 100, 105], [1, 9, 8])
    assert merged(Side.BUY, first, second) == Levels([105, 100, 95], [8, 9, 1])


def test_unified_book_is_that_of_krx_and_nxt() -> None:
    bench = Bench()
    socket = bench.socket()
    for tr_id in ("H0STASP0", "H0NXASP0", "H0UNASP0"):
        socket.ask(tr_id, "005930")
    krx, nxt, both = (rows(socket, t)[-1] for t in ("H0STASP0", "H0NXASP0", "H0UNASP0"))

    assert int(both["BIDP1"]) == max(int(krx["BIDP1"]), int(nxt["BIDP1"]))
    held = {int(row["BIDP1"]): 0 for row in (krx, nxt)}
    for row in (krx, nxt):
        held[int(row["BIDP1"])] += int(row["BIDP_RSQN1"])
    assert int(both["BIDP_RSQN1"]) >= held[int(both["BIDP1"])]
    assert (both["KMID_PRC"], both["NMID_PRC"]) == (krx["MID_PRC"], nxt["NMID_PRC"])
    assert int(both["ACML_VOL"]) == int(krx["ACML_VOL"]) + int(nxt["ACML_VOL"])


def test_hidden_shares_show_in_the_midpoint_block_and_in_no_total() -> None:
    bench = Bench()
    socket = bench.socket()
    socket.ask("H0STASP0", "005930")
    before = rows(socket, "H0STASP0")[-1]
    bench.move(SECOND)
    order = Order(Side.BUY, 40, owner=0)
    kind = KINDS["21"]

    limit = bench.book.limit_of(kind, Side.BUY, 0)
    bench.broker.world.submit("005930", order, kind, limit, bench.now_ns)
    bench.move(SECOND)

    after = rows(socket, "H0STASP0")[-1]
    assert (after["MIDP_TOTAL_RSQN"], after["MIDP_CLS_CODE"]) == ("40", "2")
    assert after["TOTAL_BIDP_RSQN"] == before["TOTAL_BIDP_RSQN"]
    assert (before["MIDP_TOTAL_RSQN"], before["MIDP_CLS_CODE"]) == ("0", "0")


def test_hub_knows_when_a_book_is_due() -> None:
    bench = Bench()
    hub = bench.broker.hub
    socket = bench.socket()
    socket.ask("H0STASP0", "005930")
    assert hub.next_due_ns() > bench.now_ns + 86_400 * SECOND

    hub.on_depth("005930", "KRX")

    assert hub.next_due_ns() == START_NS + 100 * MS
    hub.flush(START_NS + 50 * MS, START_NS)
    assert len(socket.frames("H0STASP0")) == 1
    hub.flush(START_NS + 100 * MS, START_NS)
    assert len(socket.frames("H0STASP0")) == 2
    assert hub.next_due_ns() > bench.now_ns + 86_400 * SECOND


def test_us_issue_trades_at_its_own_time_for_all_its_keys() -> None:
    bench = Bench()
    socket = bench.socket()
    socket.ask("HDFSCNT0", "DNASAAPL")
    socket.ask("HDFSCNT0", "RBAQAAPL")
    due_ns = bench.broker.hub.next_due_ns()

    assert bench.now_ns < due_ns <= bench.now_ns + 2 * SECOND
    bench.move(20 * SECOND)

    follow = Follow()
    for frame in socket.frames("HDFSCNT0"):
        follow.take(frame)
    first, second = (
        [row for row in follow.records["HDFSCNT0"] if row["RSYM"] == key]
        for key in ("DNASAAPL", "RBAQAAPL")
    )
    assert len(first) > 10
    assert [row["TVOL"] for row in first] == [row["TVOL"] for row in second]
    assert {row["KYMD"] for row in first} == {"20261123"}
    assert first[0]["XHMS"][:2] == "20"  # Ten in the morning in Seoul, standard time in New York.


def test_frames_that_nobody_wants_are_not_built(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(activity=1.0)
    socket = bench.socket()
    socket.ask("H0STCNT0", "000660")
    built: list[str] = []
    publish = bench.broker.hub._outlet._publish
    monkeypatch.setattr(
        bench.broker.hub._outlet,
        "_publish",
        lambda registration, frame: (built.append(registration), publish(registration, frame)),
    )

    bench.move(5 * SECOND)

    assert set(built) == {("H0STCNT0", "000660")}


def test_program_figures_grow_with_the_tape_and_never_beyond_it() -> None:
    tape = Bench().broker.world.tapes["005930"]
    program = ProgramTrading("005930", tape, seeded(1, "test"))
    bought, sold = program.buy_qty, program.sell_qty
    assert 0 < bought < tape.cum_qty
    assert 0 < sold < tape.cum_qty

    heard = [
        program.on_trade(tape.record(274_000, 10, Side.BUY if n % 2 else Side.SELL, START_NS))
        for n in range(400)
    ]

    assert 0 < sum(heard) < 400
    assert program.buy_qty - bought + program.sell_qty - sold == 10 * sum(heard)
    tape.record(274_000, 1_000, None, START_NS)
    program.catch_up(tape)
    assert program.buy_qty + program.sell_qty < tape.cum_qty


@pytest.mark.parametrize(
    ("venue", "board", "code"),
    [
        ("KRX", "KRX", "1"),
        ("KRX", "AFTER", "1"),
        ("NXT", "NXT", "2"),
        ("SOR", "KRX", "3"),
        ("SOR", "NXT", "4"),
    ],
)
def test_notice_names_the_venue_an_order_went_to(venue: str, board: str, code: str) -> None:
    notice = Notice(
        hts_id="HTSID001",
        account="1234567801",
        account_name="홍길동",
        odno=7,
        original=0,
        side=Side.SELL,
        request="0",
        kind="22",
        symbol="005930",
        issue_name="삼성전자",
        venue=venue,
        board=board,
        qty=1,
        price_krw=70_000,
        order_qty=1,
        order_price_krw=70_000,
        stop_price_krw=69_000,
        time_ns=START_NS,
    )

    long, short = notice_values(notice, "91259", 26), notice_values(notice, "91259", 23)

    assert (long[18], long[19]) == ("000069000", code)
    assert short[18] == f"{code}Y"
    for values in (long, short):
        check(f"0|H0STCNI0|001|{'^'.join(values)}")


def test_paper_notices_keep_the_contract() -> None:
    bench = Bench(profile="paper")
    socket = bench.socket()
    socket.ask("H0STCNI9", SIM_HTS_ID)

    bench.order("buy", 3)

    frames = socket.frames("H0STCNI9")
    assert len(frames) > 1
    for frame in frames:
        values = decrypted(frame, *socket.keys["H0STCNI9"])
        check(f"0|H0STCNI9|001|{'^'.join(values)}")


@pytest.mark.parametrize(
    ("numerator", "denominator", "text"),
    [(710_000, 152_100, "4.67"), (-1, 300, "0.00"), (-1, 200, "-0.01"), (5, 0, "0.00")],
)
def test_ratio_is_rounded_to_the_nearest(numerator: int, denominator: int, text: str) -> None:
    assert ratio(numerator, denominator) == text


def test_record_is_cut_to_the_width_asked_for() -> None:
    assert fit("1^2^3", 3, 3) == "1^2^3"
    assert fit("1^2^3", 3, 2) == "1^2"

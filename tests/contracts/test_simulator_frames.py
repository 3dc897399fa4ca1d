"""A day of the simulator, from the NXT pre-market to the end of both after-markets."""

from __future__ import annotations

from itertools import pairwise

import pytest

from aegis_fast.hot import FrameParser
from aegis_fast.sim.market.exchange import VI
from tests.contracts.frame_contract import ContractError, Follow, Record, check
from tests.contracts.frame_fields import TRS
from tests.contracts.market_day import Day
from tests.oracle import frame_twin

# Acked, but nothing comes: a market that ended on 2026-09-14, and orders that cannot be placed.
SILENT = {"H0STOUP0", "H0STOAC0", "H0STOAA0", "H0GSCNI0"}
ON_PAPER_ONLY = {"H0STCNI9", "H0GSCNI9"}


@pytest.fixture(scope="module")
def day() -> Day:
    """Every session for a short time, with an interruption, a halt and orders of our own."""
    day = Day("075950", activity=0.3)
    day.to("080010")
    day.order("buy", 3, 0, "03", EXCG_ID_DVSN_CD="NXT")
    for tr_id in ("HDFSCNT0", "HDFSASP0"):
        day.register(tr_id, "DNASAAPL", "2")
    day.to("084950", activity=0.0)
    day.to("085005", activity=0.3)
    day.to("085940", activity=0.0)
    day.to("090110", activity=0.7)
    day.order("buy", 5, 0, "01", EXCG_ID_DVSN_CD="SOR")
    best = day.broker.exchange.books["005930"].best_bid_krw
    day.order("sell", 2, best, "11")
    day.order("buy", 1, best, "22", CNDT_PRIC=str(best + 10_000))
    world = day.broker.world
    reference = world.tapes["005930"].last_krw
    vi = VI("static", reference, reference)
    world.change_mode(world.exchange.books["005930"], "auction")
    world.sessions.interrupt(world.exchange.books["005930"], vi, world.now_ns)
    day.to("090350", activity=0.2)
    world.sessions.halt("069500")
    day.to("090420", activity=0.3)
    world.sessions.resume("069500")
    day.to("151950", activity=0.0)
    day.to("152010", activity=0.5)
    day.to("152955", activity=0.0)
    day.to("153040", activity=0.5)
    day.to("153955", activity=0.0)
    day.order("buy", 10, 0, "06")
    day.to("154010", activity=1.0)
    day.to("155955", activity=0.0)
    day.to("160040", activity=1.5)
    day.to("195955", activity=0.0)
    day.to("200010", activity=0.3)
    return day


@pytest.fixture(scope="module")
def heard(day: Day) -> Follow:
    """The frames of the day; each has kept the contract and followed from the one before."""
    return day.checked()


def test_every_tr_is_acked_and_feeds_or_is_known_to_be_silent(day: Day, heard: Follow) -> None:
    assert {ack["body"]["msg_cd"] for ack in day.acks.values()} <= {"OPSP0000", "OPSP0001"}
    assert {tr_id for tr_id, _ in day.acks} == set(TRS) - ON_PAPER_ONLY
    assert set(heard.counts) == set(TRS) - ON_PAPER_ONLY - SILENT


def test_projects_own_parser_and_its_slow_twin_read_every_frame(day: Day) -> None:
    parser = FrameParser()
    for frame in day.plain():
        count = int(frame.split("|")[2])
        assert len(parser.parse(frame.encode())) == count
        assert len(parser.parse_table(frame.encode())) == count
    for frame in day.plain()[::20]:
        assert frame_twin.parse(frame.encode())
        records = parser.parse_table(frame.encode())
        assert [record.as_dict() for record in records] == frame_twin.parse_table(frame.encode())
    assert (parser.bad_frames, parser.schema_drift) == (0, 0)


def test_frames_carry_several_records_when_several_trades_happen(day: Day) -> None:
    counts = {int(frame.split("|")[2]) for frame in day.frames}

    assert counts >= {1, 2, 3}


def _symbol(heard: Follow, tr_id: str, symbol: str = "005930") -> list[Record]:
    return [row for row in heard.records[tr_id] if row["MKSC_SHRN_ISCD"] == symbol]


def test_opening_print_has_no_side_and_no_counts(heard: Follow) -> None:
    first = _symbol(heard, "H0STCNT0")[0]

    assert "090000" <= first["STCK_CNTG_HOUR"] <= "090030"
    assert first["CCLD_DVSN"] == ""
    assert first["SELN_CNTG_CSNU"] == first["SHNU_CNTG_CSNU"] == "0"
    assert first["CNTG_VOL"] == first["ACML_VOL"]
    assert first["OPRC_HOUR"] == first["STCK_CNTG_HOUR"]
    assert first["STCK_OPRC"] == first["STCK_PRPR"]


def test_trades_name_their_session(heard: Follow) -> None:
    krx = {(r["MARKET_CLS_CODE"], r["NEW_MKOP_CLS_CODE"]) for r in heard.records["H0STCNT0"]}
    nxt = {(r["MARKET_CLS_CODE"], r["NEW_MKOP_CLS_CODE"]) for r in heard.records["H0NXCNT0"]}

    assert krx >= {("2", "20"), ("3", "30")}
    assert krx <= {("2", "20"), ("3", "30"), ("5", "11"), ("5", "31")}
    assert nxt == {("1", "10"), ("2", "20"), ("3", "30")}


def test_unified_trades_are_those_of_both_venues(heard: Follow) -> None:
    def prints(tr_id: str) -> list[tuple[str, str, str]]:
        return sorted(
            (row["STCK_CNTG_HOUR"], row["STCK_PRPR"], row["CNTG_VOL"])
            for row in _symbol(heard, tr_id)
        )

    assert prints("H0UNCNT0") == sorted(prints("H0STCNT0") + prints("H0NXCNT0"))
    last = [int(_symbol(heard, tr_id)[-1]["ACML_VOL"]) for tr_id in ("H0STCNT0", "H0NXCNT0")]
    assert int(_symbol(heard, "H0UNCNT0")[-1]["ACML_VOL"]) == sum(last)


def _hours(rows: list[Record], low: str, high: str) -> set[str]:
    return {row["HOUR_CLS_CODE"] for row in rows if low <= row["BSOP_HOUR"] <= high}


def test_books_name_the_auction_they_are_in(heard: Follow) -> None:
    books = _symbol(heard, "H0STASP0")

    assert _hours(books, "083100", "085959") == {"B"}
    assert _hours(books, "090100", "090105") == {"0"}
    assert _hours(books, "090112", "090300") == {"C"}
    assert _hours(books, "152005", "152959") == {"A"}
    assert _hours(books, "160005", "160040") == {"0"}


def test_closing_auction_shows_three_levels_and_an_expected_price(heard: Follow) -> None:
    rows = [r for r in _symbol(heard, "H0STASP0") if "152955" <= r["BSOP_HOUR"] < "153000"]

    assert rows
    for row in rows:
        assert row["ASKP4"] == row["BIDP4"] == row["MID_PRC"] == "0"
        assert row["ASKP3"] != "0"
        assert int(row["ANTC_CNPR"]) > 0
        assert row["MARKET_CLS_CODE"] == "2"


def test_after_market_book_is_class_3(heard: Follow) -> None:
    rows = [r for r in _symbol(heard, "H0STASP0") if r["BSOP_HOUR"] > "160005"]

    assert {row["MARKET_CLS_CODE"] for row in rows} == {"3"}


def test_off_hours_totals_fill_after_the_close(heard: Follow) -> None:
    rows = [r for r in _symbol(heard, "H0STASP0") if "154000" <= r["BSOP_HOUR"] < "160000"]

    assert any(int(row["OVTM_TOTAL_BIDP_RSQN"]) for row in rows)
    assert {row["MARKET_CLS_CODE"] for row in rows} == {"5"}


def test_expected_prices_come_at_most_once_a_second_with_their_changes(heard: Follow) -> None:
    rows = [r for r in _symbol(heard, "H0STANC0") if r["STCK_CNTG_HOUR"] < "090000"]

    assert rows[0]["CNTG_VOL"] == rows[0]["ACML_VOL"]
    for before, after in pairwise(rows):
        assert int(after["ACML_VOL"]) - int(before["ACML_VOL"]) == int(after["CNTG_VOL"])
        assert after["STCK_CNTG_HOUR"] > before["STCK_CNTG_HOUR"]
    assert {row["HOUR_CLS_CODE"] for row in rows} == {"B"}


def test_status_tells_sessions_interruptions_and_halts(heard: Follow) -> None:
    rows = heard.records["H0STMKO0"]
    codes = [row["MKOP_CLS_CODE"] for row in rows]

    assert [code for code in codes if code] == [
        *("110", "130", "139", "112"),
        *("121", "129", "140", "146", "149"),
    ]
    assert [row["VI_CLS_CODE"] for row in rows if not row["MKOP_CLS_CODE"]] == ["Y", "N"]
    assert {row["TR_SUSP_REAS_CNTT"] for row in rows} == {"(null)"}
    assert [row["MKOP_CLS_CODE"] for row in heard.records["H0NXMKO0"]].count("112") == 1
    assert len(heard.records["H0UNMKO0"]) > len(rows)


def test_index_is_expected_before_the_open_and_ticks_after_it(heard: Follow) -> None:
    expected, ticks = heard.records["H0UPANC0"], heard.records["H0UPCNT0"]

    assert max(row["BSOP_HOUR"] for row in expected if row["BSOP_HOUR"] < "120000") <= "090001"
    assert {row["OPRC_NMIX"] for row in expected if row["BSOP_HOUR"] < "090000"} == {"0.00"}
    for before, after in pairwise(ticks):
        assert before["BSOP_HOUR"] != after["BSOP_HOUR"]


def test_notices_tell_venue_and_condition(heard: Follow) -> None:
    rows = heard.records["H0STCNI0"]
    fills = [row for row in rows if row["CNTG_YN"] == "2"]
    taken = [row for row in rows if row["CNTG_YN"] == "1"]

    assert taken[0]["ORD_EXG_GB"] == "2"
    assert {row["ORD_EXG_GB"] for row in rows} & {"3", "4"}
    assert {row["ODER_COND"] for row in taken} == {"0", "1"}
    assert [row["ORD_COND_PRC"] != "" for row in taken if row["ODER_KIND"] == "22"] == [True]
    assert fills


# -- other widths -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "widths",
    [
        {"H0STCNT0": 46, "H0STASP0": 59, "H0UNASP0": 65, "H0NXASP0": 65, "H0STCNI0": 23},
        {"H0NXCNT0": 46, "H0UNCNT0": 46, "H0STASP0": 62, "H0STANC0": 45, "H0STMKO0": 11},
        {"H0UNANC0": 47, "H0NXANC0": 47, "H0UPANC0": 15, "HDFSASP0": 16, "H0UNMKO0": 11},
    ],
)
def test_older_records_are_sent_on_request(widths: dict[str, int]) -> None:
    day = Day("085957", activity=0.5)
    day.broker.hub.widths.update(widths)
    before = len(day.plain())

    day.to("090030")
    day.order("buy", 1, 0, "01")
    day.to("090031")

    seen = set()
    for frame in day.plain()[before:]:
        tr_id, _ = check(frame)
        _, _, count, payload = frame.split("|", 3)
        width = len(payload.split("^")) // int(count)
        assert width == day.broker.hub.widths[tr_id]
        seen.add(tr_id)
    assert seen & set(widths)


def test_contract_finds_a_lost_trade(day: Day) -> None:
    follow = Follow()
    trades = [frame for frame in day.frames if "|H0STCNT0|" in frame and "|005930" in frame]
    follow.take(trades[0])

    with pytest.raises(ContractError, match="ACML_VOL grows"):
        follow.take(trades[2])


def test_same_seed_and_calls_give_the_same_bytes() -> None:
    days = [Day("085950", activity=0.5, seed=3) for _ in range(2)]
    for step, day in enumerate(days):
        if step:
            for second in range(1, 10):
                day.to(f"09000{second}")
        day.to("090030")
        day.order("buy", 1, 0, "01")
        day.to("090031")

    assert days[0].frames == days[1].frames
    assert len(days[0].frames) > 200

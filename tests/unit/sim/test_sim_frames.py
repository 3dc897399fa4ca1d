"""Every value of every frame, by name, and the arithmetic between them."""

from __future__ import annotations

import itertools

import pytest

from aegis_fast.kis import tr
from aegis_fast.kis.profile import SIM_ACCOUNT, SIM_HTS_ID
from aegis_fast.sim.feed.frames import Notice, notice_values
from aegis_fast.sim.market.rules import Side
from tests.oracle import frame_twin
from tests.unit.sim.sim_harness import SECOND, START_NS, Bench, decrypted

CAPTURED_ACK = (
    "HTSID001^1234567801^0018424200^^02^0^01^0^004090^0000000001^000000000^094801^0^1^1^91259"
    "^000000001^홍길동^^1^Y^^10^^한국석유^"
)


def records(frame: str) -> list[dict[str, str]]:
    """Split a plain frame into records by field name; the width must be the documented one."""
    flag, tr_id, count, payload = frame.split("|", 3)
    assert flag == "0"
    values = payload.split("^")
    names = tr.realtime()[tr_id].fields
    assert len(values) == int(count) * len(names)
    width = len(names)
    rows = [values[i : i + width] for i in range(0, len(values), width)]
    return [dict(zip(names, row, strict=True)) for row in rows]


@pytest.fixture(scope="module")
def minute() -> tuple[Bench, list[str], list[str]]:
    bench = Bench(activity=1.0)
    socket = bench.socket()
    for tr_id in ("H0STCNT0", "H0STASP0"):
        assert socket.code(tr_id, "005930") == "OPSP0000"
    bench.move(60 * SECOND)
    return bench, socket.frames("H0STCNT0"), socket.frames("H0STASP0")


def test_trade_frames_have_47_values_and_add_up(minute) -> None:
    before = None
    for frame in minute[1]:
        for row in records(frame):
            assert len(row) == 47
            volume, value = int(row["ACML_VOL"]), int(row["ACML_TR_PBMN"])
            if before is not None:
                qty, price = int(row["CNTG_VOL"]), int(row["STCK_PRPR"])
                assert volume - before[0] == qty
                assert value - before[1] == qty * price
            before = volume, value
    assert before is not None


def test_trade_values_agree_with_each_other(minute) -> None:
    for frame in minute[1]:
        for row in records(frame):
            price, change = int(row["STCK_PRPR"]), int(row["PRDY_VRSS"])
            assert price - change == 274_000
            assert row["PRDY_VRSS_SIGN"] == ("2" if change > 0 else "5" if change < 0 else "3")
            assert abs(float(row["PRDY_CTRT"]) - change * 100 / 274_000) < 0.00501
            assert price - int(row["OPRC_VRSS_PRPR"]) == int(row["STCK_OPRC"])
            assert price - int(row["HGPR_VRSS_PRPR"]) == int(row["STCK_HGPR"])
            assert price - int(row["LWPR_VRSS_PRPR"]) == int(row["STCK_LWPR"])
            bought, sold = int(row["SHNU_CNTG_SMTN"]), int(row["SELN_CNTG_SMTN"])
            assert bought + sold == int(row["ACML_VOL"])
            counts = int(row["SHNU_CNTG_CSNU"]) - int(row["SELN_CNTG_CSNU"])
            assert counts == int(row["NTBY_CNTG_CSNU"])
            assert row["CCLD_DVSN"] in ("1", "5")
            assert int(row["BIDP1"]) < int(row["ASKP1"])
            assert (row["BSOP_DATE"], row["NEW_MKOP_CLS_CODE"]) == ("20261123", "20")
            assert (row["MRKT_TRTM_CLS_CODE"], row["MARKET_CLS_CODE"]) == ("", "2")
            assert row["STCK_CNTG_HOUR"].startswith("1000") or row["STCK_CNTG_HOUR"] == "100100"


def test_trades_of_one_step_share_a_frame(minute) -> None:
    assert {int(frame.split("|")[2]) for frame in minute[1]} >= {1, 2}


def test_depth_frames_have_63_values_and_totals_are_the_sums(minute) -> None:
    assert len(minute[2]) > 60
    for frame in minute[2]:
        (row,) = records(frame)
        assert len(row) == 63
        for word in ("ASK", "BID"):
            shown = [int(row[f"{word}P_RSQN{level}"]) for level in range(1, 11)]
            assert int(row[f"TOTAL_{word}P_RSQN"]) == sum(shown)
            assert all(shown)
        asks = [int(row[f"ASKP{level}"]) for level in range(1, 11)]
        bids = [int(row[f"BIDP{level}"]) for level in range(1, 11)]
        assert asks == sorted(set(asks))
        assert bids == sorted(set(bids), reverse=True)
        assert bids[0] < asks[0]
        assert int(row["MID_PRC"]) == (bids[0] + asks[0]) // 2
        assert (row["HOUR_CLS_CODE"], row["ANTC_CNPR"]) == ("0", "0")
        assert (row["ANTC_CNTG_VRSS"], row["ANTC_CNTG_PRDY_CTRT"]) == ("-274000", "-100.00")
        assert row["MARKET_CLS_CODE"] == "2"


def test_depth_changes_are_counted_from_frame_to_frame(minute) -> None:
    rows = [records(frame)[0] for frame in minute[2]]
    for before, after in itertools.pairwise(rows):
        for word in ("ASK", "BID"):
            change = int(after[f"TOTAL_{word}P_RSQN"]) - int(before[f"TOTAL_{word}P_RSQN"])
            assert int(after[f"TOTAL_{word}P_RSQN_ICDC"]) == change


def test_depth_frames_keep_100_ms_apart(minute) -> None:
    assert len(minute[2]) <= 60 * 10 + 1


def test_slow_twin_parser_reads_every_frame(minute) -> None:
    for frame in (*minute[1], *minute[2]):
        assert frame_twin.parse(frame.encode())


def test_own_order_stands_in_the_depth_frame() -> None:
    bench = Bench()
    socket = bench.socket()
    socket.ask("H0STASP0", "005930")
    (before,) = records(socket.frames("H0STASP0")[-1])
    bench.now_ns += SECOND

    bench.order("buy", 11, int(before["BIDP1"]))

    (after,) = records(socket.frames("H0STASP0")[-1])
    assert int(after["BIDP_RSQN1"]) == int(before["BIDP_RSQN1"]) + 11


def test_notice_has_the_shape_of_the_captured_one() -> None:
    captured = CAPTURED_ACK.split("^")
    notice = Notice(
        hts_id="HTSID001",
        account="1234567801",
        account_name="홍길동",
        odno=18_424_200,
        original=0,
        side=Side.BUY,
        request="0",
        kind="01",
        symbol="004090",
        issue_name="한국석유",
        venue="KRX",
        qty=1,
        price_krw=0,
        order_qty=1,
        order_price_krw=0,
        time_ns=START_NS - 12 * 60 * SECOND + SECOND,
    )

    assert notice_values(notice, "91259", 26) == [*captured[:11], "094801", *captured[12:]]


def test_real_notice_has_26_values() -> None:
    bench = Bench()
    socket = bench.socket()
    socket.ask("H0STCNI0", SIM_HTS_ID)
    bench.order("buy", 3)

    for notice in socket.notices():
        assert len(notice) == 26
        assert (notice["CUST_ID"], notice["ACNT_NO"]) == (SIM_HTS_ID, SIM_ACCOUNT)
        assert notice["CNTG_ISNM40"] == "삼성전자"
    assert socket.notices()[-1]["ODER_KIND"] == "00"  # As captured: fills of market orders say 00.


def test_paper_notice_has_23_values_with_venue_and_popup_glued() -> None:
    bench = Bench(profile="paper")
    socket = bench.socket()
    assert socket.code("H0STCNI0", SIM_HTS_ID) == "OPSP8991"
    assert socket.code("H0STCNI9", SIM_HTS_ID) == "OPSP0000"

    bench.order("buy", 3)

    rows = [decrypted(frame, *socket.keys["H0STCNI9"]) for frame in socket.frames("H0STCNI9")]
    assert {len(row) for row in rows} == {23}
    assert {row[18] for row in rows} == {"1Y"}
    assert {row[21] for row in rows} == {"삼성전자"}
    assert rows[0][2] == "0000000001"

"""What quotation calls show of KRX, NXT and both, session by session."""

from __future__ import annotations

import pytest

from aegis_fast.sim.market.exchange import VI
from aegis_fast.sim.market.rules import Side
from tests.contracts.rest_requests import PARAMS, ask
from tests.unit.sim.rest_bench import bench_at
from tests.unit.sim.sim_harness import SECOND, Bench


def quote(bench: Bench, call_id: str, code: str = "J", symbol: str = "005930", **more: str) -> dict:
    params = PARAMS[call_id] | {"FID_COND_MRKT_DIV_CODE": code, "FID_INPUT_ISCD": symbol} | more
    return ask(bench, call_id, params)[1]


@pytest.fixture(scope="module")
def regular() -> Bench:
    bench = bench_at("10:00:00", activity=1.0)
    bench.move(5 * SECOND)
    return bench


def test_unified_figures_are_those_of_both_venues(regular: Bench) -> None:
    krx, nxt, both = (quote(regular, "inquire-price", code)["output"] for code in ("J", "NX", "UN"))

    for name in ("acml_vol", "acml_tr_pbmn"):
        assert int(both[name]) == int(krx[name]) + int(nxt[name])
    assert int(both["stck_hgpr"]) == max(int(krx["stck_hgpr"]), int(nxt["stck_hgpr"]))
    assert int(both["stck_lwpr"]) == min(int(krx["stck_lwpr"]), int(nxt["stck_lwpr"]))
    assert both["stck_prpr"] in (krx["stck_prpr"], nxt["stck_prpr"])
    assert {one["stck_mxpr"] for one in (krx, nxt, both)} == {"356000"}


def test_unified_book_adds_the_shares_of_each_price(regular: Bench) -> None:
    def asks(code: str) -> dict[int, int]:
        out = quote(regular, "asking-price-exp-ccn", code)["output1"]
        return {int(out[f"askp{n}"]): int(out[f"askp_rsqn{n}"]) for n in range(1, 11)}

    krx, nxt, both = asks("J"), asks("NX"), asks("UN")

    for price in list(both)[:5]:
        assert both[price] == krx.get(price, 0) + nxt.get(price, 0)
    assert min(both) == min(*krx, *nxt)


def test_issue_without_nxt_is_unknown_there_and_the_same_on_both(regular: Bench) -> None:
    assert quote(regular, "inquire-price", "NX", "069500")["msg_cd"] == "APBK0656"
    krx = quote(regular, "inquire-price", "J", "069500")["output"]
    assert quote(regular, "inquire-price", "UN", "069500")["output"] == krx


def test_last_trades_come_newest_first_thirty_at_most(regular: Bench) -> None:
    rows = quote(regular, "inquire-ccnl")["output"]
    tape = regular.broker.world.tapes["005930"]

    assert len(rows) == 30
    times = [row["stck_cntg_hour"] for row in rows]
    assert times == sorted(times, reverse=True)
    newest = tape.recent[-1]
    assert (rows[0]["stck_prpr"], rows[0]["cntg_vol"]) == (str(newest.price_krw), str(newest.qty))
    both = quote(regular, "inquire-ccnl", "UN")["output"]
    assert both[0]["stck_cntg_hour"] >= rows[0]["stck_cntg_hour"]


def test_trades_up_to_a_time_begin_there(regular: Bench) -> None:
    body = quote(regular, "inquire-time-itemconclusion", FID_INPUT_HOUR_1="093000")

    times = [row["stck_cntg_hour"] for row in body["output2"]]
    assert (len(times), times[0]) == (30, "092959")
    assert times == sorted(times, reverse=True)
    volumes = [int(row["acml_vol"]) for row in body["output2"]]
    assert volumes == sorted(volumes, reverse=True)
    first, second = body["output2"][:2]
    assert int(first["acml_vol"]) - int(second["acml_vol"]) == int(first["cnqn"])


def test_opening_auction_shows_what_it_would_trade() -> None:
    bench = bench_at("08:45:00")
    bench.order("buy", 300, 275_000)
    bench.order("sell", 200, 274_000)

    body = quote(bench, "asking-price-exp-ccn")
    row = ask(bench, "intstock-multprice")[1]["output"][0]

    expected = body["output2"]
    assert expected["antc_mkop_cls_code"] == "311"
    assert int(expected["antc_vol"]) >= 200
    assert int(expected["antc_cnpr"]) - int(expected["antc_cntg_vrss"]) == 274_000
    assert body["output1"]["new_mkop_cls_code"] == "10"
    assert (row["hour_cls_code"], row["intr_antc_vol"]) == ("B", expected["antc_vol"])
    assert quote(bench, "inquire-price")["output"]["stck_oprc"] == "0"


def test_closing_auction_shows_three_levels() -> None:
    bench = bench_at("15:25:00")

    body = quote(bench, "asking-price-exp-ccn")

    book = body["output1"]
    assert body["output2"]["antc_mkop_cls_code"] == "121"
    assert [book[f"askp{n}"] for n in range(4, 11)] == ["0"] * 7
    total = sum(int(book[f"bidp_rsqn{n}"]) for n in range(1, 11))
    assert int(book["total_bidp_rsqn"]) == total


def test_after_market_moves_the_price_but_not_the_balance() -> None:
    bench = bench_at("16:05:00", activity=20.0)
    close = bench.broker.exchange.books["005930"].last_krw
    bench.order("buy", 1, close + 5_000, "41")
    after = quote(bench, "inquire-price")["output"]

    rows = {row["pdno"]: row for row in bench.balance()["output1"]}
    unified = {row["pdno"]: row for row in bench.balance(AFHR_FLPR_YN="Y")["output1"]}

    assert bench.broker.ledger.fills
    assert after["stck_prpr"] == str(bench.broker.world.tapes["005930"].last_krw)
    assert rows["005930"]["prpr"] == str(close)
    both = quote(bench, "inquire-price", "UN")["output"]["stck_prpr"]
    assert unified["005930"]["prpr"] == both


def test_closed_market_says_so() -> None:
    assert quote(bench_at("21:00:00"), "asking-price-exp-ccn")["output1"]["new_mkop_cls_code"] == (
        "31"
    )
    assert quote(bench_at("07:00:00"), "asking-price-exp-ccn")["output1"]["new_mkop_cls_code"] == (
        "10"
    )


def test_interruption_is_seen_in_price_book_and_list() -> None:
    bench = bench_at("10:00:00")
    before = quote(bench, "inquire-price")["output"]
    bench.order("sell", 100, 295_000)
    bench.order("buy", 900_000, 300_000)

    price = quote(bench, "inquire-price")["output"]
    book = quote(bench, "asking-price-exp-ccn")
    rows = ask(bench, "inquire-vi-status")[1]["output"]
    down = ask(bench, "inquire-vi-status", PARAMS["inquire-vi-status"] | {"FID_DIV_CLS_CODE": "2"})
    bench.move(160 * SECOND, SECOND)
    ended = ask(bench, "inquire-vi-status")[1]["output"][-1]

    assert (before["vi_cls_code"], price["vi_cls_code"]) == ("N", "Y")
    assert book["output2"]["vi_cls_code"] == "Y"
    assert [(row["mksc_shrn_iscd"], row["vi_cls_code"], row["vi_count"]) for row in rows] == [
        ("005930", "Y", "1")
    ]
    assert rows[0]["cntg_vi_hour"] == "100000"
    assert rows[0]["vi_cncl_hour"] == ""
    assert down[1]["output"] == []
    assert (ended["vi_cls_code"], ended["vi_cncl_hour"] > "100159") == ("N", True)


def test_interruptions_of_an_issue_are_counted_by_day() -> None:
    bench = bench_at("10:00:00")
    interruptions, now_ns = bench.broker.interruptions, bench.now_ns
    vi = VI("static", 275_000, 250_000)

    for symbol, day in (("005930", 0), ("000660", 0), ("005930", 0), ("005930", 1)):
        interruptions.on_vi(symbol, "KRX", vi, now_ns + day * 86_400 * SECOND)

    rows = []
    for day in ("20261123", "20261124"):
        asked = PARAMS["inquire-vi-status"] | {"FID_INPUT_DATE_1": day}
        output = ask(bench, "inquire-vi-status", asked)[1]["output"]
        rows += [(row["mksc_shrn_iscd"], row["vi_count"]) for row in output]
    assert rows == [("005930", "2"), ("000660", "1"), ("005930", "1"), ("005930", "1")]


def test_halted_issue_is_shown_as_halted(regular: Bench) -> None:
    sessions = regular.broker.world.sessions
    sessions.halt("000660")

    price = quote(regular, "inquire-price", symbol="000660")["output"]
    short = quote(regular, "inquire-price-2", symbol="000660")["output"]
    info = ask(regular, "search-stock-info", {"PRDT_TYPE_CD": "300", "PDNO": "000660"})[1]["output"]
    sessions.resume("000660")

    assert (price["iscd_stat_cls_code"], price["temp_stop_yn"], short["trht_yn"]) == (
        *("58", "Y"),
        "Y",
    )
    assert (info["tr_stop_yn"], info["nxt_tr_stop_yn"]) == ("Y", "Y")


def test_price_2_agrees_with_price(regular: Bench) -> None:
    first, second = (
        quote(regular, name)["output"] for name in ("inquire-price", "inquire-price-2")
    )

    shared = set(first) & set(second)
    assert len(shared) > 20
    assert {name: first[name] for name in shared} == {name: second[name] for name in shared}
    gap = int(second["stck_prpr"]) - int(second["stck_hgpr"])
    assert int(second["hgpr_vrss_prpr"]) == gap <= 0


def test_ranges_include_today() -> None:
    bench = bench_at("10:00:00")
    high = max(bar.high_krw for bar in bench.broker.world.history.days("005930")[:245])
    tape = bench.broker.world.tapes["005930"]
    tape.record(high + 1_000, 1, Side.BUY, bench.now_ns)

    out = quote(bench, "inquire-price")["output"]

    assert (out["w52_hgpr"], out["w52_hgpr_date"]) == (str(high + 1_000), "20261123")
    assert out["new_hgpr_lwpr_cls_code"] == "1"
    assert out["w52_hgpr_vrss_prpr_ctrt"] == "0.00"


def test_past_of_both_venues_is_more_than_that_of_one(regular: Bench) -> None:
    krx, nxt, both = (
        quote(regular, "inquire-daily-price", code)["output"] for code in ("J", "NX", "UN")
    )

    for one, other, joined in zip(krx[1:], nxt[1:], both[1:], strict=True):
        assert one["stck_clpr"] == other["stck_clpr"] == joined["stck_clpr"]
        assert int(joined["acml_vol"]) - int(one["acml_vol"]) - int(other["acml_vol"]) in (0, 1)
        assert 0 < int(other["acml_vol"]) < int(one["acml_vol"])


def test_minutes_between_sessions_have_no_rows() -> None:
    bench = bench_at("16:10:00", activity=5.0)
    bench.move(2 * SECOND)

    rows = quote(bench, "inquire-time-itemchartprice", FID_INPUT_HOUR_1="161000")["output2"]

    times = [row["stck_cntg_hour"] for row in rows]
    assert times[0] == "161000"
    assert "160000" in times
    assert not [time for time in times if "152000" <= time < "160000" and time != "153000"]


def test_nxt_has_minutes_before_krx_opens() -> None:
    bench = bench_at("08:20:00", activity=20.0)
    bench.move(5 * SECOND)

    rows = quote(bench, "inquire-time-itemchartprice", "NX", FID_INPUT_HOUR_1="082000")["output2"]

    assert rows[0]["stck_cntg_hour"] == "082000"
    assert int(rows[0]["cntg_vol"]) > 0


def test_stop_order_tells_whether_it_has_fired() -> None:
    bench = bench_at("10:00:00")
    last = bench.book.last_krw
    bench.order("buy", 1, last + 8_000, "22", CNDT_PRIC=str(last + 5_000))
    waiting = bench.open_orders()["output"][0]
    bench.order("sell", 10, last + 6_000)
    bench.order("buy", 900_000, last + 6_000)

    fired = next(row for row in bench.open_orders()["output"] if row["ord_dvsn_cd"] == "22")

    assert (waiting["stpm_efct_occr_yn"], waiting["stpm_cndt_pric"]) == ("N", str(last + 5_000))
    assert fired["stpm_efct_occr_yn"] == "Y"


def test_day_that_has_not_begun_has_no_minutes() -> None:
    bench = bench_at("08:45:00")

    assert bench.broker.world.history.minutes("005930") == []
    assert quote(bench, "inquire-ccnl")["output"] == []
    rows = quote(bench, "inquire-time-itemchartprice", FID_INPUT_HOUR_1="084500")["output2"]
    assert rows == []


def test_warrant_stands_on_its_share(regular: Bench) -> None:
    out = ask(regular, "inquire-elw-price")[1]["output"]

    world = regular.broker.world
    terms = world.tapes["57JN53"].issue.elw
    assert terms is not None
    assert out["unas_prpr"] == f"{world.tapes[terms.underlying].last_krw}.00"
    assert out["acpr"] == f"{terms.strike_krw}.00"
    assert float(out["hts_thpr"]) > 0
    gap = (int(out["elw_prpr"]) - float(out["hts_thpr"])) * 100 / float(out["hts_thpr"])
    assert abs(gap - float(out["dprt"])) < 0.1
    assert quote(regular, "inquire-elw-price", "J")["msg_cd"] == "OPSQ2001"
    assert quote(regular, "inquire-elw-price", "W")["msg_cd"] == "APBK0656"

"""Untidy KIS text becomes numbers, or a typed error that names the field."""

from __future__ import annotations

import os
import time

import pytest

from aegis_fast.errors import ProtocolError
from aegis_fast.kis.fields import Row, kst_text_to_ns, kst_yyyymmdd


def row(**values: object) -> Row:
    return Row(values, "call.output")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("70000", 70_000),
        ("0000000010", 10),
        ("  123 ", 123),
        ("-500", -500),
        ("+7", 7),
        ("0", 0),
        ("-0", 0),
        ("12.0000", 12),
        ("12.", 12),
        (42, 42),
    ],
)
def test_whole_numbers_are_read_in_every_form(text: object, expected: int) -> None:
    assert row(ord_qty=text).integer("ord_qty") == expected


@pytest.mark.parametrize(
    "text",
    [
        "abc",
        "1e5",
        "1,000",
        "0x10",
        "--1",
        "1.5",
        "１２",
        "9" * 19,
        "1 2",
        ".5",
        "-",
        [],
        {},
        1.5,
        True,
    ],
)
def test_nonsense_number_raises_naming_the_field_and_not_the_value(text: object) -> None:
    with pytest.raises(ProtocolError) as caught:
        row(ord_qty=text).integer("ord_qty")

    assert caught.value.field == "call.output.ord_qty"
    assert str(text) not in str(caught.value) or text in ("-",)


@pytest.mark.parametrize(("text", "won"), [("70123.9876", 70_123), ("-1.99", -1), ("0.9", 0)])
def test_decimals_of_won_are_cut_towards_zero(text: str, won: int) -> None:
    assert row(pchs_avg_pric=text).won("pchs_avg_pric") == won


@pytest.mark.parametrize("value", ["", "   ", None])
def test_empty_value_is_the_default_or_an_error_but_never_zero(value: object) -> None:
    answer = row(tot_ccld_qty=value)

    assert answer.integer("tot_ccld_qty", 7) == 7
    assert answer.won("absent", -3) == -3
    assert answer.text("tot_ccld_qty", "none") == "none"
    with pytest.raises(ProtocolError, match="unreadable"):
        answer.integer("tot_ccld_qty")
    with pytest.raises(ProtocolError, match="missing"):
        answer.integer("absent")


def test_keys_are_found_whatever_their_case() -> None:
    answer = Row({"excg_id_dvsn_Cd": "NXT", "Output1": [{"ODNO": "1"}]}, "c")

    assert answer.text("EXCG_ID_DVSN_CD") == "NXT"
    assert answer.rows("output1")[0].integer("odno") == 1
    assert "OUTPUT1" in answer


def test_negative_where_only_positive_makes_sense_raises() -> None:
    with pytest.raises(ProtocolError, match="not negative"):
        row(hldg_qty="-1").positive("hldg_qty")


@pytest.mark.parametrize(("text", "number"), [("090000", 90_000), ("235959", 235_959), ("", 0)])
def test_time_of_day_is_read(text: str, number: int) -> None:
    assert row(ord_tmd=text).hhmmss("ord_tmd", 0) == number


@pytest.mark.parametrize("text", ["240000", "096000", "090060", "-1", "noon"])
def test_impossible_time_of_day_raises(text: str) -> None:
    with pytest.raises(ProtocolError):
        row(ord_tmd=text).hhmmss("ord_tmd")


@pytest.mark.parametrize(
    ("value", "is_yes"), [("Y", True), ("y ", True), ("N", False), ("", False)]
)
def test_yes_and_everything_else(value: str, is_yes: bool) -> None:
    assert row(cncl_yn=value).is_yes("cncl_yn") is is_yes
    assert not row().is_yes("cncl_yn")


def test_rows_accept_what_kis_sends_for_a_list() -> None:
    assert row(output1=[]).rows("output1") == []
    assert row(output1=None).rows("output1") == []
    assert row(output1="").rows("output1") == []
    assert [r.text("a") for r in row(output1={"a": "1"}).rows("output1")] == ["1"]
    assert [r.text("a") for r in row(output1=[{"a": "1"}, {"a": "2"}]).rows("output1")] == [
        "1",
        "2",
    ]


@pytest.mark.parametrize("values", [{}, {"output1": "x"}, {"output1": [1]}, {"output1": 5}])
def test_missing_or_odd_list_is_an_error_and_not_an_empty_list(values: dict[str, object]) -> None:
    with pytest.raises(ProtocolError) as caught:
        Row(values, "inquire-balance").rows("output1")

    assert caught.value.field == "inquire-balance.output1"


def test_section_takes_an_object_or_a_list_of_one() -> None:
    assert row(output={"a": "1"}).section("output").text("a") == "1"
    assert row(output=[{"a": "1"}]).section("output").text("a") == "1"
    assert row(output=None).optional_section("output") is None
    for odd in (None, [], [{}, {}], "x"):
        with pytest.raises(ProtocolError):
            row(output=odd).section("output")


def test_continuation_key_keeps_its_spaces() -> None:
    assert row(ctx_area_nk100="  12  ").raw("CTX_AREA_NK100") == "  12  "
    assert row().raw("CTX_AREA_NK100") == ""
    with pytest.raises(ProtocolError):
        row(ctx_area_nk100=1).raw("ctx_area_nk100")


@pytest.mark.parametrize("zone", ["UTC", "Asia/Seoul", "America/New_York"])
def test_kst_text_is_the_same_instant_in_every_process_time_zone(
    monkeypatch: pytest.MonkeyPatch, zone: str
) -> None:
    before = os.environ.get("TZ")
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        # 2026-11-23 09:00:00 KST is 2026-11-23 00:00:00 UTC.
        assert kst_text_to_ns("2026-11-23 09:00:00", "f") == 1_795_392_000 * 10**9
        assert kst_yyyymmdd(1_795_392_000 * 10**9) == 20261123
    finally:
        monkeypatch.undo()
        assert os.environ.get("TZ") == before
        time.tzset()


def test_korean_date_changes_at_korean_midnight() -> None:
    midnight_kst_ns = (1_795_392_000 - 9 * 3600) * 10**9

    assert kst_yyyymmdd(midnight_kst_ns - 1) == 20261122
    assert kst_yyyymmdd(midnight_kst_ns) == 20261123


@pytest.mark.parametrize(
    "text", ["", "2026-13-01 00:00:00", "2026-02-30 00:00:00", "2026-01-01 24:00:00", "20260101"]
)
def test_unreadable_kst_text_raises_naming_the_field(text: str) -> None:
    with pytest.raises(ProtocolError) as caught:
        kst_text_to_ns(text, "token.access_token_token_expired")

    assert caught.value.field == "token.access_token_token_expired"

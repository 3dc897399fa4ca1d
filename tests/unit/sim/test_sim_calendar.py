"""Trading days and sessions: against the published calendar and session tables."""

from __future__ import annotations

from datetime import date

import pytest

from aegis_fast.sim.market.calendar import (
    is_trading_day,
    next_trading_day,
    phases,
    previous_trading_day,
)

USUAL = date(2026, 11, 23)


def clock(seconds: int) -> str:
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"


def table(day: date, board: str) -> list[tuple[str, str, str, str]]:
    return [
        (phase.name, phase.mode, clock(phase.start_s), clock(phase.end_s))
        for phase in phases(day)
        if phase.board == board
    ]


@pytest.mark.parametrize(
    "day",
    [
        date(2026, 1, 1),
        date(2026, 2, 17),
        date(2026, 6, 3),
        date(2026, 7, 17),
        date(2026, 9, 25),
        date(2026, 12, 31),
        date(2026, 11, 22),
    ],
)
def test_holidays_and_weekends_have_no_sessions(day: date) -> None:
    assert not is_trading_day(day)
    assert phases(day) == ()


def test_usual_day_has_the_sessions_of_both_venues() -> None:
    assert table(USUAL, "KRX") == [
        ("opening_auction", "auction", "08:30:00", "09:00:00"),
        ("regular", "continuous", "09:00:00", "15:20:00"),
        ("closing_auction", "auction", "15:20:00", "15:30:00"),
    ]
    assert table(USUAL, "FIXED") == [
        ("pre_open", "fixed", "08:30:00", "08:40:00"),
        ("post_close_entry", "auction", "15:30:00", "15:40:00"),
        ("post_close", "fixed", "15:40:00", "16:00:00"),
    ]
    assert table(USUAL, "AFTER") == [("after_market", "continuous", "16:00:00", "20:00:00")]
    assert table(USUAL, "NXT") == [
        ("pre_market", "continuous", "08:00:00", "08:50:00"),
        ("main", "continuous", "09:00:30", "15:20:00"),
        ("after_auction", "auction", "15:30:00", "15:40:00"),
        ("after_market", "continuous", "15:40:00", "20:00:00"),
    ]


def test_csat_day_is_an_hour_late() -> None:
    day = date(2026, 11, 19)

    assert table(day, "KRX")[1] == ("regular", "continuous", "10:00:00", "16:20:00")
    assert table(day, "NXT")[0] == ("main", "continuous", "10:00:30", "16:20:00")


def test_first_trading_day_of_the_year_opens_at_ten_and_closes_as_usual() -> None:
    assert table(date(2026, 1, 2), "KRX")[1] == ("regular", "continuous", "10:00:00", "15:20:00")


def test_sessions_exist_since_their_first_day_only() -> None:
    assert table(date(2026, 9, 11), "AFTER") == []
    assert table(date(2026, 9, 14), "AFTER") != []
    assert table(date(2025, 2, 28), "NXT") == []
    assert table(date(2025, 3, 4), "NXT") != []


def test_order_kinds_are_those_of_the_session() -> None:
    kinds = {(phase.board, phase.name): phase.kinds for phase in phases(USUAL)}

    assert "01" in kinds["KRX", "closing_auction"]
    assert not {"11", "12", "21"} & kinds["KRX", "closing_auction"]
    assert "01" not in kinds["NXT", "main"]
    assert {"27", "28", "29"} <= kinds["NXT", "pre_market"]
    assert kinds["AFTER", "after_market"] == {"41", "42", "43", "44", "45", "46", "47"}
    assert "27" not in {kind for phase in phases(date(2026, 9, 11)) for kind in phase.kinds}


def test_settlement_counts_trading_days() -> None:
    assert next_trading_day(date(2026, 9, 22), 2) == date(2026, 9, 28)
    assert previous_trading_day(date(2026, 9, 28), 2) == date(2026, 9, 22)
    assert next_trading_day(USUAL, 0) == USUAL

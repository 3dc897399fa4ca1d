"""Own-order notices: both widths, glued pairs, fills versus acknowledgements, masking."""

from __future__ import annotations

import pytest

from aegis_fast.errors import FrameError
from aegis_fast.hot import FrameParser, Notice, Side
from tests.unit.hot.conftest import notices

pytestmark = pytest.mark.native

REAL = notices("H0STCNI0")[0]
ACCEPTED, FILLED, GLUED = notices("H0STCNI9")


def changed(frame: bytes, place: int, value: bytes) -> bytes:
    head, _, payload = frame.rpartition(b"|")
    values = payload.split(b"^")
    values[place] = value
    return head + b"|" + b"^".join(values)


def only(frame: bytes) -> Notice:
    (notice,) = FrameParser().parse(frame)
    assert isinstance(notice, Notice)
    return notice


def test_acknowledgement_of_26_values() -> None:
    notice = only(REAL)

    assert (notice.account, notice.broker_order_id, notice.side) == (
        "1234567801",
        18424200,
        Side.BUY,
    )
    assert (notice.is_fill, notice.is_rejected, notice.action) == (False, False, 0)
    assert (notice.symbol, notice.fill_qty, notice.price_krw, notice.order_qty) == (
        "004090",
        1,
        0,
        1,
    )
    assert (notice.venue_code, notice.instrument_name) == (1, "한국석유")
    assert notice.order_price_krw is None
    assert notice.original_broker_order_id == 0


def test_fill_quantity_is_this_fill_and_order_quantity_the_order() -> None:
    notice = only(FILLED)

    assert notice.is_fill
    assert (notice.fill_qty, notice.price_krw, notice.order_qty) == (3, 8130, 10)
    assert notice.order_price_krw == 0
    assert notice.venue_code == 0


def test_name_and_price_of_23_values_come_from_the_end() -> None:
    assert only(ACCEPTED).instrument_name == "롯데관광개발"
    assert only(ACCEPTED).order_price_krw is None


def test_glued_venue_pair_is_read() -> None:
    assert only(GLUED).venue_code == 1
    assert only(changed(GLUED, 18, b"2N")).venue_code == 2
    assert only(changed(GLUED, 18, b"5Y")).venue_code == 0


def test_values_appended_to_26_are_ignored() -> None:
    parser = FrameParser()

    notice = parser.parse(REAL + b"^new^9")[0]

    assert notice.as_dict() == only(REAL).as_dict()
    assert parser.drift() == {"H0STCNI0": 28}


def test_rejection_is_told_apart() -> None:
    assert only(changed(REAL, 12, b"1")).is_rejected


@pytest.mark.parametrize("place", [12, 13])
@pytest.mark.parametrize("value", [b"", b"3", b"Y", b"11"])
def test_unknown_flag_refuses_the_notice(place: int, value: bytes) -> None:
    with pytest.raises(FrameError, match="flag"):
        FrameParser().parse(changed(REAL, place, value))


@pytest.mark.parametrize("account", [b"", b"123456780", b"12345678011", b"12345678AB"])
def test_account_that_is_not_ten_digits_refuses_the_notice(account: bytes) -> None:
    with pytest.raises(FrameError):
        FrameParser().parse(changed(REAL, 1, account))


def test_missing_order_number_refuses_the_notice() -> None:
    with pytest.raises(FrameError):
        FrameParser().parse(changed(REAL, 2, b""))


def test_twenty_two_values_are_too_few() -> None:
    with pytest.raises(FrameError, match="fewer values"):
        FrameParser().parse(ACCEPTED.rpartition(b"^")[0])


def test_long_name_is_cut_between_letters() -> None:
    assert only(changed(REAL, 24, ("가" * 40).encode())).instrument_name == "가" * 31
    assert only(changed(REAL, 24, b"x" + ("가" * 40).encode())).instrument_name == "x" + "가" * 31
    assert only(changed(REAL, 24, b"x" * 120)).instrument_name == "x" * 95


def test_repr_tells_no_account_holder_and_no_whole_account() -> None:
    shown = repr(only(REAL))

    assert "홍길동" not in shown
    assert "1234567801" not in shown
    assert "HTSID001" not in shown
    assert "broker_order_id=18424200" in shown


def test_made_notice_reads_back() -> None:
    notice = Notice.make(
        account="1234567801",
        broker_order_id=5,
        side=Side.SELL,
        symbol="005930",
        fill_qty=2,
        price_krw=70_000,
        is_fill=True,
        order_qty=10,
        instrument_name="삼성전자",
    )

    assert (notice.fill_qty, notice.price_krw, notice.is_fill) == (2, 70_000, True)
    assert (notice.side, notice.instrument_name) == (Side.SELL, "삼성전자")

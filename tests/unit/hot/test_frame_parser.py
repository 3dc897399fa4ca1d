"""FrameParser against captured frames (frames/SOURCES.md) and against nonsense."""

from __future__ import annotations

import gc
import itertools
import pickle
from typing import Any

import numpy as np
import pytest

from aegis_fast.errors import FrameError, ProtocolError
from aegis_fast.hot import (
    ABSENT,
    TRADE_DTYPE,
    Depth,
    FrameParser,
    Notice,
    Side,
    Trade,
)
from tests.oracle import frame_twin

pytestmark = pytest.mark.native


def with_values(frame: bytes, **changes: str) -> bytes:
    """Replace values by index: with_values(frame, v12="") empties value 12."""
    head, _, payload = frame.rpartition(b"|")
    values = payload.split(b"^")
    for place, value in changes.items():
        values[int(place[1:])] = value.encode()
    return head + b"|" + b"^".join(values)


def test_captured_frames_parse_as_the_twin_does(supported_frames: list[bytes]) -> None:
    parser = FrameParser()

    for frame in supported_frames:
        records = parser.parse(frame)
        assert [record.as_dict() for record in records] == frame_twin.parse(frame)

    assert parser.frames == len(supported_frames) == 22
    assert parser.records == 28
    assert parser.bad_frames == 0
    assert parser.schema_drift == 0


def test_captured_trade_of_2026_09_22_has_these_values(trade_frames: list[bytes]) -> None:
    trade = FrameParser().parse(trade_frames[-1], recv_ns=7)[0]

    assert isinstance(trade, Trade)
    assert trade.as_dict() == {
        "symbol": "005930",
        "venue": "KRX",
        "time_hhmmss": 140610,
        "price_krw": 277750,
        "change_krw": 3750,
        "qty": 5,
        "cum_qty": 11955000,
        "cum_value_krw": 3352130122500,
        "best_ask_krw": 278000,
        "best_bid_krw": 277500,
        "open_krw": 283000,
        "high_krw": 283500,
        "low_krw": 276500,
        "side": Side.SELL,
        "business_date": 20260922,
        "best_ask_qty": 47588,
        "best_bid_qty": 70626,
        "market_class": 2,
        "recv_ns": 7,
    }


def test_four_records_of_one_frame_come_in_time_order(trade_frames: list[bytes]) -> None:
    trades = FrameParser().parse(trade_frames[6])

    assert [trade.qty for trade in trades] == [1, 78, 1, 73]
    # The wire's own check: each cumulative quantity is the one before plus this trade.
    for before, after in itertools.pairwise(trades):
        assert after.cum_qty - before.cum_qty == after.qty


def test_captured_closing_auction_book_has_three_levels(depth_frames: list[bytes]) -> None:
    depth = FrameParser().parse(depth_frames[4])[0]

    assert isinstance(depth, Depth)
    assert depth.symbol == "000660"
    assert depth.hour_class == "A"
    assert depth.ask_price_krw == (959000, 960000, 961000, 0, 0, 0, 0, 0, 0, 0)
    assert depth.bid_qty == (12, 76, 51, 0, 0, 0, 0, 0, 0, 0)
    assert depth.expected_price_krw == 959000
    assert depth.expected_qty == 259810


def test_captured_books_sum_to_their_totals(depth_frames: list[bytes]) -> None:
    for frame in depth_frames[:4] + depth_frames[5:]:
        depth = FrameParser().parse(frame)[0]
        assert sum(depth.ask_qty) == depth.total_ask_qty
        assert sum(depth.bid_qty) == depth.total_bid_qty


@pytest.mark.parametrize(("venue", "tr_id"), [("NXT", "H0NXCNT0"), ("UN", "H0UNCNT0")])
def test_trades_of_other_feeds_carry_their_venue(
    venue: str, tr_id: str, trade_frames: list[bytes]
) -> None:
    frame = trade_frames[-1].replace(b"H0STCNT0", tr_id.encode())

    assert FrameParser().parse(frame)[0].venue == venue


@pytest.mark.parametrize("count", [b"1", b"01", b"001", b"0000000001"])
def test_count_of_any_width_is_read(count: bytes, trade_frames: list[bytes]) -> None:
    frame = trade_frames[0].replace(b"|001|", b"|" + count + b"|")

    assert len(FrameParser().parse(frame)) == 1


def test_a_frame_of_1200_records_is_read(trade_frames: list[bytes]) -> None:
    payload = trade_frames[0].rpartition(b"|")[2]
    frame = b"0|H0STCNT0|1200|" + b"^".join([payload] * 1200)

    assert len(FrameParser().parse(frame)) == 1200


@pytest.mark.parametrize("tail", [1, 7, 40])
def test_an_appended_value_is_ignored_and_reported_as_drift(
    tail: int, trade_frames: list[bytes]
) -> None:
    parser = FrameParser()
    before = parser.parse(trade_frames[-1])[0].as_dict()

    after = parser.parse(trade_frames[-1] + b"^new" * tail)[0].as_dict()

    assert after == before
    assert parser.drift() == {"H0STCNT0": 47 + tail}
    assert parser.schema_drift == 1


def test_multi_record_frame_with_a_wider_tail_is_split_by_its_own_width(
    trade_frames: list[bytes],
) -> None:
    values = trade_frames[6].rpartition(b"|")[2].split(b"^")
    wide = [b"^".join(values[i : i + 46]) + b"^2^new" for i in range(0, 184, 46)]

    trades = FrameParser().parse(b"0|H0STCNT0|004|" + b"^".join(wide))

    assert [trade.qty for trade in trades] == [1, 78, 1, 73]
    assert [trade.market_class for trade in trades] == [2, 2, 2, 2]


@pytest.mark.parametrize("written", ["", "(null)"])
def test_empty_numbers_are_none_and_absent_in_rows(written: str, trade_frames: list[bytes]) -> None:
    rows = np.zeros(1, dtype=TRADE_DTYPE)
    places = (1, 2, 4, 7, 8, 9, 10, 11, 12, 13, 14, 33, 36, 37)
    frame = with_values(trade_frames[-1], **{f"v{i}": written for i in places})

    trade = FrameParser().parse(frame)[0]
    FrameParser().parse_into(frame, rows)

    numbers = set(TRADE_DTYPE.names or ()) - {"symbol", "recv_ns", "market_class", "side", "venue"}
    assert len(numbers) == len(places)
    for name in numbers:
        assert getattr(trade, name) is None, name
        assert rows[0][name] == ABSENT, name


def test_opening_print_without_an_aggressor_has_no_side(trade_frames: list[bytes]) -> None:
    assert FrameParser().parse(with_values(trade_frames[-1], v21=""))[0].side is Side.NONE
    assert FrameParser().parse(with_values(trade_frames[-1], v21="3"))[0].side is Side.NONE
    assert FrameParser().parse(with_values(trade_frames[-1], v21="1"))[0].side is Side.BUY


@pytest.mark.parametrize("symbol", ["0074K0", "Q500001", "123456789012"])
def test_symbols_of_six_to_twelve_characters_are_taken(
    symbol: str, trade_frames: list[bytes]
) -> None:
    assert FrameParser().parse(with_values(trade_frames[-1], v0=symbol))[0].symbol == symbol


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        ("v0", "00593", "symbol"),
        ("v0", "1234567890123", "symbol"),
        ("v0", "00593-", "symbol"),
        ("v0", "삼성", "symbol"),
        ("v2", "-5", "whole number"),
        ("v2", "27775x", "whole number"),
        ("v2", "1999.5", "whole number"),
        ("v2", " 277750", "whole number"),
        ("v4", "-", "whole number"),
        ("v4", "--5", "whole number"),
        ("v14", "9223372036854775808", "64 bits"),
        ("v14", "99999999999999999999999999", "64 bits"),
    ],
)
def test_nonsense_in_a_used_value_names_its_offset(
    place: str, value: str, message: str, trade_frames: list[bytes]
) -> None:
    frame = with_values(trade_frames[-1], **{place: value})
    values = trade_frames[-1].rpartition(b"|")[2].split(b"^")
    offset = 15 + len(b"^".join([*values[: int(place[1:])], b""]))
    parser = FrameParser()

    with pytest.raises(FrameError, match=message) as caught:
        parser.parse(frame)

    assert caught.value.raw == frame
    assert caught.value.offset == offset
    assert parser.bad_frames == 1
    assert parser.records == 0


def test_largest_int64_is_still_a_number(trade_frames: list[bytes]) -> None:
    frame = with_values(trade_frames[-1], v14="0009223372036854775807")

    assert FrameParser().parse(frame)[0].cum_value_krw == 2**63 - 1


def test_nonsense_in_an_unused_value_is_ignored(trade_frames: list[bytes]) -> None:
    frame = with_values(trade_frames[-1], v5="?", v18="x", v45="가")

    assert FrameParser().parse(frame)[0].price_krw == 277750


@pytest.mark.parametrize(
    ("frame", "offset"),
    [
        (b"", 0),
        (b"0", 0),
        (b"2|H0STCNT0|001|a", 0),
        (b'{"header":{}}', 0),
        (b"0|H0STCNT0", 2),
        (b"0|H0STCNT1|001|a", 2),
        (b"0|H0STCNT00|001|a", 2),
        (b"0|H0STCNT0||a^b", 11),
        (b"0|H0STCNT0|0|a^b", 11),
        (b"0|H0STCNT0|x|a^b", 11),
        (b"0|H0STCNT0|-1|a^b", 11),
        (b"0|H0STCNT0|99999999999999999999|a^b", 11),
        (b"0|H0STCNT0|001", 14),
        (b"0|H0STCNT0|001 |a", 14),
        (b"0|H0STCNT0|002|a^b^c", 15),
        (b"0|H0STCNT0|002|a^b^c^d", 15),
        (b"0|H0STCNT0|001|005930^093000^1", 30),
    ],
)
def test_a_malformed_frame_names_its_offset(frame: bytes, offset: int) -> None:
    with pytest.raises(FrameError) as caught:
        FrameParser().parse(frame)

    assert caught.value.offset == offset
    assert caught.value.raw == frame
    assert isinstance(caught.value, ProtocolError)
    assert isinstance(caught.value, ValueError)


def test_a_false_count_drops_the_whole_frame(trade_frames: list[bytes]) -> None:
    parser = FrameParser()

    with pytest.raises(FrameError, match="multiple"):
        parser.parse(trade_frames[6].replace(b"|004|", b"|003|"))

    assert parser.records == 0


def test_one_bad_record_drops_the_whole_frame(trade_frames: list[bytes]) -> None:
    parser = FrameParser()

    with pytest.raises(FrameError):
        parser.parse(with_values(trade_frames[6], v140="x"))

    assert (parser.frames, parser.bad_frames, parser.records) == (1, 1, 0)


def test_encrypted_frames_are_refused(encrypted_frames: list[bytes]) -> None:
    for frame in encrypted_frames:
        with pytest.raises(FrameError, match="encrypted"):
            FrameParser().parse(frame)


@pytest.mark.parametrize("frame", ["0|H0STCNT0|001|", bytearray(b"0|H0STCNT0|001|"), None])
def test_only_bytes_are_parsed(frame: Any) -> None:
    with pytest.raises(TypeError):
        FrameParser().parse(frame)


def test_rows_hold_what_the_objects_hold(trade_frames: list[bytes]) -> None:
    rows = np.zeros(4, dtype=TRADE_DTYPE)
    parser = FrameParser()

    assert parser.parse_into(trade_frames[6], rows, recv_ns=9) == 4

    trades = FrameParser().parse(trade_frames[6], recv_ns=9)
    for row, trade in zip(rows, trades, strict=True):
        assert row["symbol"] == b"005930"
        assert row["side"] == trade.side
        assert row["venue"] == 1
        for name in ("price_krw", "change_krw", "qty", "cum_qty", "cum_value_krw", "recv_ns"):
            assert row[name] == getattr(trade, name)


@pytest.mark.parametrize(
    "rows",
    [
        np.zeros(3, dtype=TRADE_DTYPE),
        np.zeros(8, dtype=TRADE_DTYPE)[::2],
        np.zeros((2, 4), dtype=TRADE_DTYPE),
        np.zeros(4, dtype=np.int64),
    ],
    ids=["too few", "strided", "two-dimensional", "other type"],
)
def test_unfit_rows_are_refused(rows: np.ndarray, trade_frames: list[bytes]) -> None:
    with pytest.raises(ValueError, match="rows"):
        FrameParser().parse_into(trade_frames[6], rows)

    assert not rows.view(np.uint8).any() if rows.flags.c_contiguous else True


def test_read_only_rows_are_refused(trade_frames: list[bytes]) -> None:
    rows = np.zeros(4, dtype=TRADE_DTYPE)
    rows.flags.writeable = False

    with pytest.raises(ValueError, match="writable"):
        FrameParser().parse_into(trade_frames[6], rows)


def test_a_book_does_not_fit_trade_rows(depth_frames: list[bytes]) -> None:
    parser = FrameParser()

    with pytest.raises(FrameError):
        parser.parse_into(depth_frames[0], np.zeros(4, dtype=TRADE_DTYPE))

    assert parser.bad_frames == 1


def test_parse_one_is_the_only_record_of_parse(
    supported_frames: list[bytes], table_frames: list[bytes]
) -> None:
    one, many = FrameParser(), FrameParser()

    for frame in [*supported_frames, *table_frames]:
        records = many.parse(frame)
        if len(records) == 1:
            assert one.parse_one(frame).as_dict() == records[0].as_dict()
        else:
            with pytest.raises(ValueError, match=f"{len(records)} records"):
                one.parse_one(frame)


def test_parse_one_refuses_what_parse_refuses(trade_frames: list[bytes]) -> None:
    parser = FrameParser()

    with pytest.raises(FrameError) as caught:
        parser.parse_one(with_values(trade_frames[-1], v2="70x00"))

    assert caught.value.offset == trade_frames[-1].split(b"^", 2)[0].__len__() + 8
    assert (parser.frames, parser.bad_frames, parser.records) == (1, 1, 0)


def test_parse_many_into_writes_the_rows_of_all_frames(
    trade_frames: list[bytes], depth_frames: list[bytes]
) -> None:
    parser, single = FrameParser(), FrameParser()
    bad = [depth_frames[0], b"", trade_frames[0][:60], with_values(trade_frames[-1], v2="x")]
    frames = [*trade_frames, *bad, *trade_frames]
    expected = [np.zeros(8, dtype=TRADE_DTYPE) for _ in trade_frames]
    sizes = [
        single.parse_into(frame, rows, 7)
        for frame, rows in zip(trade_frames, expected, strict=True)
    ]
    flat = np.concatenate([rows[:n] for rows, n in zip(expected, sizes, strict=True)] * 2)
    rows = np.zeros(flat.size, dtype=TRADE_DTYPE)

    assert parser.parse_many_into(frames, rows, recv_ns=7) == flat.size

    assert rows.tobytes() == flat.tobytes()
    assert (parser.frames, parser.bad_frames) == (len(frames), len(bad))
    assert parser.records == flat.size


def test_parse_many_into_needs_bytes_and_room(trade_frames: list[bytes]) -> None:
    parser, rows = FrameParser(), np.zeros(5, dtype=TRADE_DTYPE)

    with pytest.raises(ValueError, match="do not fit"):
        parser.parse_many_into([trade_frames[6], trade_frames[6]], rows)
    assert (parser.frames, parser.records) == (1, 4)
    with pytest.raises(TypeError, match="str"):
        parser.parse_many_into(["0|H0STCNT0|001|"], rows)  # type: ignore[list-item]


def test_trades_are_neither_tracked_nor_picklable(trade_frames: list[bytes]) -> None:
    trade = FrameParser().parse(trade_frames[0])[0]

    assert not gc.is_tracked(trade)
    with pytest.raises(TypeError):
        pickle.dumps(trade)


def test_records_are_read_only(trade_frames: list[bytes]) -> None:
    trade: Any = FrameParser().parse(trade_frames[0])[0]

    with pytest.raises(AttributeError):
        trade.price_krw = 1


def test_records_can_be_made_by_hand() -> None:
    trade = Trade.make(symbol="005930", price_krw=70_000, qty=3, side="sell")
    depth = Depth.make(symbol="0074K0", venue="NXT", ask_price_krw=[5, 6], ask_qty=[7, 8])

    assert (trade.price_krw, trade.qty, trade.side, trade.cum_qty) == (70_000, 3, Side.SELL, None)
    assert depth.ask_price_krw == (5, 6, 0, 0, 0, 0, 0, 0, 0, 0)
    assert (depth.venue, depth.hour_class, depth.total_ask_qty) == ("NXT", "0", None)
    assert "price_krw=70000" in repr(trade)
    with pytest.raises(ValueError):
        Trade.make(symbol="x")
    with pytest.raises(TypeError):
        Trade.make(symbol="005930", price_krw=1.5)  # type: ignore[arg-type]
    assert isinstance(
        Notice.make(account="1", broker_order_id=1, side="buy", symbol="005930"), Notice
    )

"""TableRecord and FrameParser.parse_table: every value of every realtime TR."""

from __future__ import annotations

import gc
import importlib.util
import sys
from pathlib import Path
from random import Random
from types import ModuleType

import pytest

from aegis_fast.errors import FrameError
from aegis_fast.hot import MICRO, TABLE_TRS, FrameParser, TableRecord, Trade, field_types
from aegis_fast.kis import tr
from tests.oracle import frame_maker, frame_twin

pytestmark = pytest.mark.native

ROOT = Path(__file__).parents[3]
INDEX = (
    b"0|H0UPCNT0|001|0001^091240^2624.54^2^32.68^63952^1650684^439^10335^1.26^2615.72^2624.82"
    b"^2610.00^23.86^2^32.96^2^18.14^2^0.92^1.27^0.70^0^670^72^177^0^0^0^19"
)


def with_value(frame: bytes, place: int, value: bytes) -> bytes:
    head, _, payload = frame.rpartition(b"|")
    values = payload.split(b"^")
    values[place] = value
    return head + b"|" + b"^".join(values)


def parsed(frame: bytes) -> TableRecord:
    (record,) = FrameParser().parse_table(frame)
    return record


@pytest.fixture(scope="module")
def maker() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_tables", ROOT / "tools" / "make_tables.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_committed_tables_are_those_of_realtime_json(maker: ModuleType) -> None:
    assert maker.HEADER.read_text("utf-8") == maker.header(), "run tools/make_tables.py"


@pytest.mark.parametrize("tr_id", frame_twin.ALL)
def test_names_and_types_of_every_known_width_are_the_twins(tr_id: str) -> None:
    for width in frame_twin.known_widths(tr_id):
        parser = FrameParser()

        (record,) = parser.parse_table(frame_maker.make_frame(Random(width), tr_id, width=width))

        types = dict(frame_twin.table_fields(tr_id, width))
        assert record.names == tuple(types)
        assert (record.extra, parser.drift()) == ((), {})
    assert field_types(tr_id) == types


def test_every_tr_of_the_kis_table_is_there() -> None:
    assert {*tr.realtime(), "H0NXPGM0", "H0UNPGM0"} == TABLE_TRS
    with pytest.raises(KeyError):
        field_types("H0XXXXX0")


def test_every_captured_frame_parses_completely_as_the_twin_does(
    supported_frames: list[bytes], table_frames: list[bytes]
) -> None:
    parser = FrameParser()

    for frame in (*supported_frames, *table_frames):
        records = parser.parse_table(frame, recv_ns=5)

        expected = frame_twin.parse_table(frame)
        assert [r.as_dict() for r in records] == [{**each, "recv_ns": 5} for each in expected]
        width = (frame.count(b"^") + 1) // len(records)
        assert {(len(r.values), r.extra) for r in records} == {(width, ())}

    assert (parser.bad_frames, parser.schema_drift) == (0, 0)
    assert parser.records == 28 + sum(len(FrameParser().parse(frame)) for frame in table_frames)


def test_parse_gives_the_same_records_for_trs_without_a_type_of_their_own(
    table_frames: list[bytes],
) -> None:
    for frame in table_frames:
        assert FrameParser().parse(frame, 5) == FrameParser().parse_table(frame, 5)


def test_index_record_has_these_values() -> None:
    record = parsed(INDEX)

    assert (record.tr_id, record.key, record.recv_ns) == ("H0UPCNT0", "0001", 0)
    assert record["PRPR_NMIX"] == 2_624_540_000
    assert record["BSOP_HOUR"] == 91240
    assert record["ACML_VOL"] == 63952
    assert record["PRDY_VRSS_SIGN"] == "2"
    assert record["TICK_VRSS"] == 19 * MICRO
    assert record.values[:3] == ("0001", 91240, 2_624_540_000)
    assert record.names[:3] == ("BSTP_CLS_CODE", "BSOP_HOUR", "PRPR_NMIX")
    assert "PRPR_NMIX" in record
    assert "LAST" not in record
    assert record.get("LAST") is None
    assert record.get("LAST", 7) == 7
    with pytest.raises(KeyError, match="LAST"):
        record["LAST"]


def test_whole_trade_gives_what_the_trade_type_leaves_aside(trade_frames: list[bytes]) -> None:
    record = parsed(trade_frames[-1])

    assert record["CTTR"] == 120_390_000
    assert record["WGHN_AVRG_STCK_PRC"] == 280_395_690_000
    assert record["MARKET_CLS_CODE"] == "2"
    assert record["MRKT_TRTM_CLS_CODE"] is None
    assert "MARKET_CLS_CODE" not in parsed(trade_frames[0])


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (b"2650.15", 2_650_150_000),
        (b"-0.14", -140_000),
        (b"+0.11", 110_000),
        (b"-.5", -500_000),
        (b"19", 19_000_000),
        (b"0.000001", 1),
        (b"1.2345670000", 1_234_567),
        (b"9223372036854.775807", 2**63 - 1),
        (b"-9223372036854.775807", -(2**63 - 1)),
        (b"000000000000000000000001.5", 1_500_000),
        (b"", None),
        (b"(null)", None),
    ],
)
def test_decimal_is_held_in_millionths(text: bytes, value: int | None) -> None:
    assert parsed(with_value(INDEX, 2, text))["PRPR_NMIX"] == value


@pytest.mark.parametrize(
    ("place", "text", "message"),
    [
        (2, b"1.2345678", "PRPR_NMIX: more than six decimals"),
        (2, b"9223372036854.775808", "PRPR_NMIX: a number does not fit"),
        (2, b"9" * 30, "PRPR_NMIX: a number does not fit"),
        (2, b"1.", "PRPR_NMIX: not a number"),
        (2, b".", "PRPR_NMIX: not a number"),
        (2, b"-", "PRPR_NMIX: not a number"),
        (2, b"--1.0", "PRPR_NMIX: not a number"),
        (2, b"1.2.3", "PRPR_NMIX: not a number"),
        (2, b"1.(null)", "PRPR_NMIX: not a number"),
        (2, b"-(null)", "PRPR_NMIX: not a number"),
        (2, b"1.1234567x", "PRPR_NMIX: not a number"),
        (2, b"1e5", "PRPR_NMIX: not a number"),
        (5, b"63952.5", "ACML_VOL: not a whole number"),
        (5, b"9223372036854775808", "ACML_VOL: a number does not fit"),
        (5, b"-9223372036854775808", "ACML_VOL: a number does not fit"),
        (1, b"-91240", "BSOP_HOUR: not a whole number"),
        (3, b"\xed\xa0\x80", "malformed"),
    ],
)
def test_value_that_does_not_fit_its_type_is_refused_by_name(
    place: int, text: bytes, message: str
) -> None:
    frame = with_value(INDEX, place, text)
    parser = FrameParser()

    with pytest.raises(FrameError, match=message) as caught:
        parser.parse(frame)

    assert caught.value.raw == frame
    assert caught.value.offset == frame.index(text)
    assert (parser.frames, parser.bad_frames, parser.records) == (1, 1, 0)


def test_price_of_half_a_won_is_refused_everywhere(trade_frames: list[bytes]) -> None:
    frame = with_value(trade_frames[-1], 2, b"71950.5")

    with pytest.raises(FrameError, match="not a whole number"):
        FrameParser().parse(frame)
    with pytest.raises(FrameError, match="STCK_PRPR: not a whole number"):
        FrameParser().parse_table(frame)


def test_bad_value_in_the_last_record_refuses_the_frame(trade_frames: list[bytes]) -> None:
    frame = with_value(trade_frames[6], 3 * 46 + 18, b"166,35")
    parser = FrameParser()

    with pytest.raises(FrameError, match="CTTR: not a number"):
        parser.parse_table(frame)

    assert (parser.frames, parser.bad_frames, parser.records) == (1, 1, 0)


@pytest.mark.parametrize(
    ("tr_id", "key"),
    [
        ("H0STANC0", "0001A0"),
        ("H0STANC0", "Q500001"),
        ("H0NXPGM0", "57JN53"),
        ("H0UPCNT0", "0001"),
        ("HDFSCNT0", "DNASAAPL"),
        ("HDFSASP0", "RBAQBRK.B"),
    ],
)
def test_keys_of_every_kind_are_taken(tr_id: str, key: str) -> None:
    width = frame_twin.known_widths(tr_id)[-1]
    frame = with_value(frame_maker.make_frame(Random(3), tr_id, width=width), 0, key.encode())

    assert FrameParser().parse(frame)[0].key == key


@pytest.mark.parametrize("written", [b"", b"(null)"])
def test_every_value_may_be_absent(written: bytes) -> None:
    for tr_id in frame_twin.ALL:
        for width in frame_twin.known_widths(tr_id):
            frame = f"0|{tr_id}|1|".encode() + b"^".join([written] * width)

            assert parsed(frame).values == (None,) * width
            assert parsed(frame).key == ""


def test_values_beyond_the_table_come_as_text_and_count_as_drift() -> None:
    parser = FrameParser()

    (record,) = parser.parse(INDEX + "^1.5^^새 값^(null)".encode())

    assert record.values == parsed(INDEX).values
    assert record.extra == ("1.5", None, "새 값", None)
    assert record.as_dict()["extra"] == record.extra
    assert (parser.schema_drift, parser.drift()) == (1, {"H0UPCNT0": 34})


def test_width_between_two_known_ones_keeps_the_names_both_have() -> None:
    # 62 values end with NMID, 65 have KMID before NMID: of 63 nobody knows.
    frame = frame_maker.make_frame(Random(1), "H0NXASP0", width=62) + b"^7"

    record = parsed(frame)

    assert record.names[-1] == "STCK_DEAL_CLS_CODE"
    assert len(record.extra) == 4
    assert "NMID_PRC" not in record
    assert "KMID_PRC" not in record


@pytest.mark.parametrize("tr_id", frame_twin.ALL)
def test_record_narrower_than_any_known_one_is_refused(tr_id: str) -> None:
    width = frame_twin.known_widths(tr_id)[0] - 1
    frame = f"0|{tr_id}|1|".encode() + b"^".join([b""] * width)

    with pytest.raises(FrameError, match="fewer values"):
        FrameParser().parse_table(frame)


@pytest.mark.parametrize("tr_id", frame_twin.ALL)
def test_drift_of_every_tr_is_told_by_its_name(tr_id: str) -> None:
    parser = FrameParser()
    width = frame_twin.known_widths(tr_id)[-1]
    frame = frame_maker.make_frame(Random(5), tr_id, width=width)

    parser.parse(frame)
    assert (parser.schema_drift, parser.drift()) == (0, {})
    parser.parse(frame + b"^7^7")

    assert (parser.schema_drift, parser.drift()) == (1, {tr_id: width + 2})


@pytest.mark.parametrize(
    ("frame", "message", "offset"),
    [
        (b"0|H0STXXX0|001|a", "unsupported tr_id", 2),
        (b"0|H0STANC00|001|a", "unsupported tr_id", 2),
        (b"0|H0STANC0|000|a", "record count", 11),
        (b"0|H0STANC0|x|a", "record count", 11),
        (b"0|H0STANC0|" + b"9" * 30 + b"|a", "record count", 11),
        (b"0|H0STANC0|001", "record count", 14),
        (b"0|H0STANC0|002|a^b^c", "multiple", 15),
        (b"0|H0STANC0|001|a^b^c", "fewer values", 15),
        (b"0|H0STANC0|001|a\xff", "malformed", 16),
        (b"1|H0GSCNI0|001|abcd", "encrypted", 0),
        (b"2|H0STANC0|001|a", "data frame", 0),
        (b"", "data frame", 0),
    ],
)
def test_frame_that_makes_no_sense_is_refused(frame: bytes, message: str, offset: int) -> None:
    for name in ("parse", "parse_table"):
        parser = FrameParser()

        with pytest.raises(FrameError, match=message) as caught:
            getattr(parser, name)(frame)

        assert (caught.value.raw, caught.value.offset) == (frame, offset)
        assert (parser.frames, parser.bad_frames, parser.records) == (1, 1, 0)


@pytest.mark.parametrize(
    "text",
    [b"\x80", b"\xc1\xbf", b"\xc2", b"\xe0\x9f\xbf", b"\xe1\x80", b"\xed\xa0\x80",
     b"\xf0\x8f\xbf\xbf", b"\xf4\x90\x80\x80",
     b"\xf5\x80\x80\x80", b"\xf1\x80\x80", b"\xe1\x80\xc0", b"\xff"],
)  # fmt: skip
def test_text_that_is_no_utf8_is_refused_where_it_starts(text: bytes) -> None:
    frame = with_value(INDEX, 3, "가".encode() + text)

    with pytest.raises(FrameError, match="malformed") as caught:
        FrameParser().parse(frame)

    assert caught.value.offset == frame.index("가".encode()) + 3


@pytest.mark.parametrize("text", ["가", "é", "߿", "\ufffd", "\U00010000", "\U0010ffff", "\ud7ff"])
def test_any_utf8_text_is_kept(text: str) -> None:
    assert parsed(with_value(INDEX, 3, text.encode()))["PRDY_VRSS_SIGN"] == text


def test_record_keeps_nothing_but_its_own_values() -> None:
    frame = bytes(bytearray(INDEX))
    held = sys.getrefcount(frame)

    records = FrameParser().parse(frame)

    assert sys.getrefcount(frame) == held
    assert not gc.is_tracked(records[0])


def test_frame_of_a_mebibyte_is_read_or_refused_like_any_other() -> None:
    extra = parsed(INDEX + b"^x" * 500_000).extra
    assert (len(extra), set(extra)) == (500_000, {"x"})
    many = b"0|H0UPCNT0|8000|" + b"^".join([INDEX.rpartition(b"|")[2]] * 8_000)
    assert len(FrameParser().parse(many)) == 8_000
    for long in (b"9" * 1_000_000, b"9." + b"9" * 1_000_000, b"0" * 1_000_000 + b"x"):
        with pytest.raises(FrameError, match="PRPR_NMIX"):
            parsed(with_value(INDEX, 2, long))

    assert parsed(with_value(INDEX, 2, b"0" * 1_000_000 + b"7"))["PRPR_NMIX"] == 7 * MICRO


def test_records_are_equal_when_their_values_are() -> None:
    record, same = parsed(INDEX), parsed(with_value(INDEX, 2, b"+2624.5400"))

    assert record == same
    assert hash(record) == hash(same)
    assert record != parsed(with_value(INDEX, 2, b"2624.55"))
    assert record != FrameParser().parse(INDEX, 1)[0]
    assert record != parsed(INDEX + b"^")
    assert parsed(INDEX + b"^") == parsed(INDEX + b"^(null)")
    assert record != record.values


def test_record_is_read_only() -> None:
    record = parsed(INDEX)

    for name in ("recv_ns", "tr_id", "values", "extra", "key"):
        with pytest.raises(AttributeError):
            setattr(record, name, 1)
    with pytest.raises(TypeError):
        record["PRPR_NMIX"] = 1


@pytest.mark.parametrize("tr_id", frame_twin.ALL)
def test_made_record_equals_the_parsed_one(tr_id: str) -> None:
    for seed in range(20):
        frame = frame_maker.make_frame(
            Random(seed), tr_id, width=frame_twin.known_widths(tr_id)[-1]
        )
        record = FrameParser().parse_table(frame + b"^x^", 9)[0]

        assert TableRecord.make(tr_id, record.values, 9, record.extra) == record


def test_values_that_make_no_record_are_refused() -> None:
    values = parsed(INDEX).values

    with pytest.raises(KeyError):
        TableRecord.make("H0XXXXX0", values)
    with pytest.raises(ValueError, match="H0UPCNT0 has"):
        TableRecord.make("H0UPCNT0", values[:-1])
    with pytest.raises(ValueError, match="make no record"):
        TableRecord.make("H0UPCNT0", ("00^01", *values[1:]))
    with pytest.raises(ValueError, match="make no record"):
        TableRecord.make("H0UPCNT0", ("0001", -5, *values[2:]))
    with pytest.raises(ValueError, match="make no record"):
        TableRecord.make("H0UPCNT0", ("0001", 2**63, *values[2:]))
    for wrong in (1.5, "1", True):
        with pytest.raises(TypeError, match="PRPR_NMIX is a whole number"):
            TableRecord.make("H0UPCNT0", (*values[:2], wrong, *values[3:]))
    with pytest.raises(TypeError, match="BSTP_CLS_CODE is a text"):
        TableRecord.make("H0UPCNT0", (1, *values[1:]))


@pytest.mark.parametrize("tr_id", ["H0STCNI0", "H0STCNI9", "H0GSCNI0", "H0GSCNI9"])
def test_repr_of_a_notice_shows_nothing_of_the_customer(tr_id: str) -> None:
    record = parsed(frame_maker.make_frame(Random(2), tr_id))

    assert repr(record) == f"TableRecord({tr_id}, {len(record.values)} values of a customer)"


def test_repr_names_the_values() -> None:
    assert repr(parsed(INDEX)).startswith(
        "TableRecord(H0UPCNT0, BSTP_CLS_CODE='0001', BSOP_HOUR=91240, PRPR_NMIX=2624540000, "
    )


def test_notice_of_23_values_names_what_is_at_its_end() -> None:
    payload = (ROOT / "tests/data/frames/H0STCNI9_decrypted.txt").read_bytes().splitlines()[1]

    record = parsed(b"0|H0STCNI9|001|" + payload)

    assert record["CNTG_ISNM40"] == "롯데관광개발"
    assert record["ODER_PRC"] == 0
    assert record["CNTG_UNPR"] == 8130
    assert "ORD_EXG_GB" not in record


def test_native_type_and_table_agree_on_a_trade(trade_frames: list[bytes]) -> None:
    for frame in trade_frames:
        for trade, record in zip(
            FrameParser().parse(frame), FrameParser().parse_table(frame), strict=True
        ):
            assert isinstance(trade, Trade)
            assert (trade.symbol, trade.time_hhmmss) == (record.key, record["STCK_CNTG_HOUR"])
            assert (trade.price_krw, trade.qty) == (record["STCK_PRPR"], record["CNTG_VOL"])
            assert trade.change_krw == record["PRDY_VRSS"]

"""Make KIS realtime frames from a seeded random generator: lifelike, odd, and broken ones."""

from __future__ import annotations

from random import Random

from tests.oracle import frame_twin

TRADE_WIDTHS = {"H0STCNT0": (46, 47), "H0NXCNT0": (46, 47), "H0UNCNT0": (46, 47), "H0EWCNT0": (63,)}
DEPTH_WIDTHS = {
    "H0STASP0": (59, 62, 63),
    "H0NXASP0": (62, 65),
    "H0UNASP0": (65, 66),
    "H0EWASP0": (73,),
}
NOTICE_WIDTHS = {"H0STCNI0": (26, 23), "H0STCNI9": (23, 26)}
WIDTHS = {**TRADE_WIDTHS, **DEPTH_WIDTHS, **NOTICE_WIDTHS}

ODD_VALUES = (
    *("", "", "(null)", "0", "-1", "+1", "-0", "00", "0000000000000000000000007", "-", "+", " 1"),
    *("1 ", "1.5", "1e5", "9223372036854775807", "9223372036854775808", "99999999999999999999"),
    *("-9223372036854775807", "-9223372036854775808", "12345678", "123456789", "1234567812345678"),
    *(
        "12345678123456789",
        "x",
        "１２",
        "가격",
        "1234567x",
        "x2345678",
        "12345678x12345678",
        "(null",
    ),
    *("2650.15", "-0.5", "+0.11", ".5", "5.", ".", "-.", "-.25", "1.2345678", "1.2300000000"),
    *("9223372036854.775807", "-9223372036854.775808", "9223372036855", "1.(null)", "1.5.5"),
    *("71950.5", "0.000000", "00000000000000000001.25", "1.12345x", "1.1234567x", "Q500001"),
)
SYMBOLS = ("005930", "000660", "0074K0", "57JN53", "Q500001", "123456789012", "KR7005930003")


def _price(rng: Random) -> int:
    return rng.choice((5, 50, 500, 1_000)) * rng.randrange(1, 2_000)


def lifelike_trade(rng: Random, symbol: str, width: int) -> list[str]:
    """One H0STCNT0 record as the wire has it in continuous trading."""
    price, step = _price(rng), rng.choice((1, 5, 10, 50, 100))
    opening, change = price + step * rng.randrange(-9, 9), step * rng.randrange(-99, 99)
    volume = rng.randrange(1, 10 ** rng.randrange(1, 9))
    clock = f"{rng.randrange(9, 16):02d}{rng.randrange(60):02d}{rng.randrange(60):02d}"
    values = [
        *(symbol, clock, str(price), "2" if change > 0 else "5", str(change), "1.37"),
        *(f"{price}.69", str(max(1, opening)), str(price + 9 * step), str(max(1, price - step))),
        *(str(price + step), str(price), str(rng.randrange(1, 5_000)), str(volume)),
        *(str(volume * price), str(volume // 97), str(volume // 89), str(volume % 97 - 50)),
        *("120.39", str(volume // 2), str(volume // 3), rng.choice(("1", "5", "")), "0.53"),
        *("53.70", "090023", "5", "-5250", "090048", "5", "-5750", "135824", "2", "1250"),
        *("20260922", "20", "N", str(rng.randrange(1, 90_000)), str(rng.randrange(1, 90_000))),
        *(str(rng.randrange(10**6)), str(rng.randrange(10**6)), "0.20", str(volume // 2)),
        *("69.82", "0", "", str(opening), "2"),
    ]
    return (values + ["0.00"] * width)[:width]


def lifelike_depth(rng: Random, symbol: str, width: int) -> list[str]:
    """One H0STASP0 record; in a closing auction only three levels are quoted."""
    step, is_auction = rng.choice((1, 5, 10, 50, 100, 500)), rng.random() < 0.1
    best = step * rng.randrange(20, 5_000)
    shown = 3 if is_auction else 10
    asks = [str(best + step * (1 + i)) if i < shown else "0" for i in range(10)]
    bids = [str(best - step * i) if i < shown else "0" for i in range(10)]
    sizes = [
        str(rng.randrange(1, 10 ** rng.randrange(1, 7))) if i % 10 < shown else "0"
        for i in range(20)
    ]
    clock = f"{rng.randrange(9, 16):02d}{rng.randrange(60):02d}{rng.randrange(60):02d}"
    totals = [str(sum(map(int, sizes[:10]))), str(sum(map(int, sizes[10:])))]
    expected = [str(best), "259810"] if is_auction else ["0", "0"]
    values = [
        *(symbol, clock, "A" if is_auction else "0", *asks, *bids, *sizes, *totals, "0", "0"),
        *(*expected, "457236", f"-{best}", "5", "-100.00", str(rng.randrange(10**8)), "13", "5"),
        *("0", "0", "0", str(best), "4831", "2", "2"),
    ]
    return (values + ["0"] * width)[:width]


def lifelike_notice(rng: Random, symbol: str, width: int) -> list[str]:
    """One own-order notice: acknowledgement or fill."""
    is_fill, qty = rng.random() < 0.5, rng.randrange(1, 500)
    price = _price(rng)
    head = [
        *("HTSID001", f"{rng.randrange(10**10):010d}", f"{rng.randrange(10**7):010d}"),
        *(rng.choice(("", "0000000017")), rng.choice(("01", "02")), rng.choice("012")),
        *(rng.choice(("00", "01", "03")), rng.choice("012"), symbol[:6], f"{qty:010d}"),
        *(f"{price:09d}", "094801", rng.choice("0001"), "2" if is_fill else "1"),
        *(rng.choice("123"), "00950", f"{qty * 2:09d}", "홍길동"),
    ]
    name, order_price = rng.choice(("한국석유", "아주IB투자", "롯데관광개발")), f"{price:09d}"
    if width >= 26:
        tail = ["", rng.choice("1234"), "Y", "", "10", "", name, order_price]
        return (head + tail + ["new"] * width)[:width]
    middle = [rng.choice(("1Y", "2N", name)), "10", ""] + [""] * (width - 23)
    return [*head, *middle, name, order_price if is_fill else ""]


KEYS = {"HDFS": ("DNASAAPL", "RBAQAAPL", "DNYSBRK.B"), "H0UP": ("0001", "1001"), "H0GS": ("HTSID",)}


def _table_value(rng: Random, kind: str) -> str:
    if rng.random() < 0.1:
        return rng.choice(("", "", "(null)"))
    if kind == "time":
        return f"{rng.randrange(24):02d}{rng.randrange(60):02d}{rng.randrange(60):02d}"
    sign, size = rng.choice(("", "", "", "-", "+")), rng.randrange(10 ** rng.randrange(1, 13))
    if kind == "int":
        return f"{sign}{size}"
    if kind == "decimal":
        digits = rng.choice((1, 2, 2, 2, 4, 4, 6, 8))
        fraction = f"{rng.randrange(10 ** min(6, digits)):0{min(6, digits)}d}".ljust(digits, "0")
        return f"{sign}{size}.{fraction}"
    return rng.choice(("1", "5", "Y", "N", "A", "00", "20260922", "0001A0", "한국석유", "AB1"))


def lifelike_table(rng: Random, tr_id: str, width: int) -> list[str]:
    """One record of any TR after the types of its table; beyond the table, texts."""
    fields = frame_twin.table_fields(tr_id, max(width, frame_twin.known_widths(tr_id)[0]))
    values = [rng.choice(KEYS.get(tr_id[:4], SYMBOLS))]
    values += [_table_value(rng, kind) for _, kind in fields[1:]]
    return (values + [_table_value(rng, "enum") for _ in range(width)])[:width]


def _with_elw_tail(rng: Random, tr_id: str, values: list[str], same: int) -> list[str]:
    """Behind the first values, an ELW's record goes on in its own way."""
    if not tr_id.startswith("H0EW"):
        return values
    return values[:same] + lifelike_table(rng, tr_id, len(values))[same:]


def _record(rng: Random, tr_id: str, width: int) -> list[str]:
    symbol = rng.choice(SYMBOLS)
    if tr_id in frame_twin.OTHERS:
        return lifelike_table(rng, tr_id, width)
    if tr_id in TRADE_WIDTHS:
        values = lifelike_trade(rng, symbol, width)
        return _with_elw_tail(rng, tr_id, values, 40)
    if tr_id in DEPTH_WIDTHS:
        values = lifelike_depth(rng, symbol, width)
        return _with_elw_tail(rng, tr_id, values, 47)
    return lifelike_notice(rng, symbol, width)


def make_frame(rng: Random, tr_id: str, *, count: int = 1, width: int = 0, odd: int = 0) -> bytes:
    """A frame of `count` records; `odd` values are replaced by values from ODD_VALUES."""
    width = width or rng.choice(WIDTHS.get(tr_id) or frame_twin.known_widths(tr_id))
    values = [value for _ in range(count) for value in _record(rng, tr_id, width)]
    for _ in range(odd):
        values[rng.randrange(len(values))] = rng.choice(ODD_VALUES)
    shown = rng.choice((f"{count:03d}", str(count), f"{count:07d}"))
    return f"0|{tr_id}|{shown}|{'^'.join(values)}".encode()


def random_frame(rng: Random) -> bytes:
    """Any supported tr_id, 1 to 60 records, known and unknown widths, now and then odd values."""
    tr_id = rng.choice(tuple(WIDTHS) if rng.random() < 0.7 else frame_twin.OTHERS)
    count = (
        rng.choice((1, 1, 1, 1, 2, 3, 4, 4, 7)) if rng.random() < 0.99 else rng.randrange(60) + 1
    )
    least = 22 if tr_id in WIDTHS else frame_twin.known_widths(tr_id)[0] - 1
    width = rng.randrange(least, 90) if rng.random() < 0.15 else 0
    odd = rng.choice((0, 0, 1, 1, 2, 5)) if rng.random() < 0.6 else 0
    if tr_id in NOTICE_WIDTHS and width:
        width = max(23, width)
    return make_frame(rng, tr_id, count=count, width=width, odd=odd)


def _cut(rng: Random, frame: bytearray) -> None:
    start = rng.randrange(len(frame) + 1)
    del frame[start : start + rng.choice((1, 2, 8, 17, 400))]


def _insert(rng: Random, frame: bytearray) -> None:
    piece = rng.choice((b"^", b"|", b"\x00", b"^^", b"9" * 25, b"(null)", rng.randbytes(9), b"{"))
    at = rng.randrange(len(frame) + 1)
    frame[at:at] = piece


def _flip(rng: Random, frame: bytearray) -> None:
    for _ in range(rng.choice((1, 1, 2, 5))):
        if frame:
            frame[rng.randrange(len(frame))] ^= 1 << rng.randrange(8)


def _lie(rng: Random, frame: bytearray) -> None:
    count = rng.choice(
        (b"0", b"000", b"2", b"999", b"", b"-1", b"99999999999999999999", b"3 ", b"1")
    )
    frame[:] = frame[:11] + count + frame[frame.find(b"|", 11) :]


def _enlarge(rng: Random, frame: bytearray) -> None:
    values = bytes(frame).split(b"^")
    values[rng.randrange(len(values))] = rng.choice(ODD_VALUES).encode()
    frame[:] = b"^".join(values)


def mutated_frame(rng: Random) -> bytes:
    """A random frame after one to three cuts, inserts, bit flips, false counts or odd numbers."""
    frame = bytearray(random_frame(rng))
    for _ in range(rng.choice((1, 1, 2, 3))):
        rng.choice((_cut, _insert, _flip, _flip, _lie, _enlarge))(rng, frame)
    return bytes(frame)

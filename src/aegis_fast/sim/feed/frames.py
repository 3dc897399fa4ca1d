"""Write the parts that all realtime frames share, and own-order notices (26 or 23 values).

Grammar: enc|TR|count|values, joined with ^. Field order: realtime.json; the tests hold every value
to it by name. The first characters of a frame are plain even when its payload is encrypted.
Decimals are rounded to the nearest, as captured (7,100 of 152,100: 4.67).
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass

from aegis_fast.kis import tr
from aegis_fast.sim.kst import hhmmss
from aegis_fast.sim.market.exchange import KINDS
from aegis_fast.sim.market.rules import Side

__all__ = [
    "STAMP_ROOM",
    "WIDTHS_OF_2024",
    "Notice",
    "encrypt",
    "fit",
    "frame",
    "notice_frame",
    "notice_values",
    "ratio",
    "sign",
    "todays_widths",
]

# What the captured status frames of 2026-09 lack: EXCH_CLS_CODE, the last field of the table.
_CAPTURED_WIDTHS = {"H0STMKO0": 10, "H0NXMKO0": 10, "H0UNMKO0": 10}
# Before NXT (2025-03-04): no midpoint in books, no venue in notices, no market class in trades.
# What a stamped record ends with until it is sent: 19 digits hold every ns until the year 2286.
STAMP_ROOM = "0" * 19
WIDTHS_OF_2024 = {"H0STCNT0": 46, "H0STASP0": 59, "H0STCNI0": 23, "H0STCNI9": 23}
_EXCHANGE_CODES = {
    ("KRX", "KRX"): "1",
    ("NXT", "NXT"): "2",
    ("SOR", "KRX"): "3",
    ("SOR", "NXT"): "4",
}
_LIFETIMES = {"ioc": "1", "fok": "2"}


def todays_widths() -> dict[str, int]:
    """Return how many values a record of each TR has today, by tr_id."""
    return {
        tr_id: _CAPTURED_WIDTHS.get(tr_id, len(known.fields))
        for tr_id, known in tr.realtime().items()
    }


def sign(change: int) -> str:
    """Return the broker's sign code of a change: 2 up, 3 none, 5 down."""
    return "2" if change > 0 else "5" if change < 0 else "3"


def ratio(numerator: int, denominator: int) -> str:
    """Return numerator / denominator with two decimals, rounded half away from zero.

    "0.00" unless the denominator is positive.
    """
    if denominator <= 0:
        return "0.00"
    hundredths = (abs(numerator) * 200 + denominator) // (2 * denominator)
    minus = "-" if numerator < 0 and hundredths else ""
    return f"{minus}{hundredths // 100}.{hundredths % 100:02d}"


def fit(row: str, full: int, width: int) -> str:
    """Cut a record of `full` values to `width`."""
    return "^".join(row.split("^", width)[:width]) if width < full else row


def frame(tr_id: str, rows: Sequence[str]) -> bytes:
    """Return a plain frame of one or more records."""
    return f"0|{tr_id}|{len(rows):03d}|{'^'.join(rows)}".encode()


@dataclass(frozen=True, slots=True)
class Notice:
    """One thing that happened to one order.

    request: "0" new, "1" amend, "2" cancel. is_fill: qty and price_krw are this fill's, else the
    order's. receipt: ACPT_YN, "1" received, "2" confirmed, "3" rest of an IOC or FOK dropped.
    venue: what the order asked for (KRX, NXT or SOR); board: where it is. stop_price_krw: of a
    stop-limit order, else 0. condition: ODER_COND, "" takes it from the order type.
    """

    hts_id: str
    account: str
    account_name: str
    odno: int
    original: int
    side: Side
    request: str
    kind: str
    symbol: str
    issue_name: str
    venue: str
    qty: int
    price_krw: int
    order_qty: int
    order_price_krw: int
    time_ns: int
    is_fill: bool = False
    is_reject: bool = False
    receipt: str = "1"
    board: str = "KRX"
    stop_price_krw: int = 0
    condition: str = ""


def _exchange_code(notice: Notice) -> str:
    venue = "NXT" if notice.board == "NXT" or notice.venue == "NXT" else "KRX"
    return _EXCHANGE_CODES[notice.venue, venue]


def notice_values(notice: Notice, branch: str, width: int) -> list[str]:
    """Return the values of a notice: 26, or the 23 that paper trading sends.

    In the short form venue and popup flag are glued into one value ("1Y"), as captured.
    """
    lifetime = KINDS[notice.kind].lifetime if notice.kind in KINDS else "day"
    condition = notice.condition or _LIFETIMES.get(lifetime, "0")
    # Fills of market orders were captured with kind 00.
    kind = "00" if notice.is_fill and notice.kind == "01" else notice.kind
    exchange = _exchange_code(notice)
    head = [
        notice.hts_id,
        notice.account,
        f"{notice.odno:010d}",
        f"{notice.original:010d}" if notice.original else "",
        f"{notice.side:02d}",
        notice.request,
        kind,
        condition,
        notice.symbol,
        f"{notice.qty:010d}",
        f"{notice.price_krw:09d}",
        hhmmss(notice.time_ns),
        "1" if notice.is_reject else "0",
        "2" if notice.is_fill else "1",
        notice.receipt,
        branch,
        f"{notice.order_qty:09d}",
        notice.account_name,
    ]
    tail = ["10", "", notice.issue_name]
    tail.append(f"{notice.order_price_krw:09d}" if notice.is_fill else "")
    if width == 23:
        return [*head, f"{exchange}Y", *tail]
    stop = f"{notice.stop_price_krw:09d}" if notice.stop_price_krw else ""
    return [*head, stop, exchange, "Y", "", *tail]


def encrypt(text: str, key: str, iv: str) -> str:
    """Return AES-256-CBC with PKCS7 padding, in base64. key: 32 ASCII bytes, iv: 16."""
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

    plain = text.encode()
    fill = 16 - len(plain) % 16
    encryptor = Cipher(algorithms.AES(key.encode()), modes.CBC(iv.encode())).encryptor()
    return b64encode(encryptor.update(plain + bytes([fill]) * fill) + encryptor.finalize()).decode()


def notice_frame(tr_id: str, values: Sequence[str], key: str, iv: str) -> bytes:
    """Return one encrypted notice frame."""
    return f"1|{tr_id}|001|{encrypt('^'.join(values), key, iv)}".encode()

"""Write realtime frames: trades (47 values), books (63), own-order notices (26 or 23).

Grammar: enc|TR|count|values, joined with ^. Field order: realtime.json; the tests hold every value
to it by name. The first characters of a frame are plain even when its payload is encrypted.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass

from aegis_fast.sim.answers import decimal
from aegis_fast.sim.exchange import KINDS, Book
from aegis_fast.sim.kst import date_text, hhmmss
from aegis_fast.sim.market import Side
from aegis_fast.sim.tape import Tape, TradeRecord

__all__ = [
    "DEPTH_TR",
    "TRADE_TR",
    "DepthTotals",
    "Notice",
    "depth_frame",
    "encrypt",
    "notice_frame",
    "notice_values",
    "trade_frame",
]

TRADE_TR = "H0STCNT0"
DEPTH_TR = "H0STASP0"
_LEVELS = 10
_EXCHANGE_CODES = {"KRX": "1", "NXT": "2", "SOR": "3"}  # SOR: it was routed to KRX.


def _sign(change: int) -> str:
    return "2" if change > 0 else "5" if change < 0 else "3"


def _trade_values(tape: Tape, record: TradeRecord, tail: Sequence[str]) -> list[str]:
    price, base = record.price_krw, tape.issue.base_krw
    from_open, from_high = price - tape.open_krw, price - record.high_krw
    from_low = price - record.low_krw
    best_ask, best_bid, *quantities = tail
    elapsed = tape.elapsed_ns(record.time_ns)
    # Yesterday's volume by this time of day: its share of six and a half hours.
    same_time = tape.issue.daily_qty * min(elapsed, 23_400_000_000_000) // 23_400_000_000_000
    return [
        tape.issue.symbol,
        hhmmss(record.time_ns),
        str(price),
        tape.sign_of(price),
        str(price - base),
        decimal((price - base) * 100, base, 2),
        decimal(record.cum_value_krw, record.cum_qty, 2),
        str(tape.open_krw),
        str(record.high_krw),
        str(record.low_krw),
        best_ask,
        best_bid,
        str(record.qty),
        str(record.cum_qty),
        str(record.cum_value_krw),
        str(record.sell_count),
        str(record.buy_count),
        str(record.buy_count - record.sell_count),
        decimal(record.buy_qty * 100, record.sell_qty, 2),
        str(record.sell_qty),
        str(record.buy_qty),
        "1" if record.taker is Side.BUY else "5",
        decimal(record.buy_qty, record.cum_qty, 2),
        decimal(record.cum_qty * 100, tape.issue.daily_qty, 2),
        tape.open_time,
        _sign(from_open),
        str(from_open),
        record.high_time,
        _sign(from_high),
        str(from_high),
        record.low_time,
        _sign(from_low),
        str(from_low),
        date_text(record.time_ns),
        "20",
        "N",
        *quantities,
        decimal(record.cum_qty * 100, tape.issue.listed_shares, 2),
        str(same_time),
        decimal(record.cum_qty * 100, same_time, 2),
        "0",
        "",
        str(tape.open_krw),
        "2",
    ]


def trade_frame(tape: Tape, book: Book, records: Sequence[TradeRecord]) -> bytes:
    """Return one H0STCNT0 frame with all the records, oldest first.

    Best prices and quantities are those after the last record, as the broker sends them.
    """
    best_ask, best_bid = book.best_ask_krw, book.best_bid_krw
    asks, bids = book.levels(Side.SELL, _LEVELS), book.levels(Side.BUY, _LEVELS)
    tail = [
        str(best_ask),
        str(best_bid),
        str(asks[0].qty if asks else 0),
        str(bids[0].qty if bids else 0),
        str(sum(level.qty for level in asks)),
        str(sum(level.qty for level in bids)),
    ]
    payload = "^".join("^".join(_trade_values(tape, record, tail)) for record in records)
    return f"0|{TRADE_TR}|{len(records):03d}|{payload}".encode()


@dataclass(slots=True)
class DepthTotals:
    """The totals of the previous book frame of an issue, for its "change" fields."""

    ask_qty: int = 0
    bid_qty: int = 0


def depth_frame(tape: Tape, book: Book, previous: DepthTotals, now_ns: int) -> bytes:
    """Return one H0STASP0 frame and remember its totals in `previous`.

    Totals are those of the ten levels shown. Outside auctions the expected-price fields hold 0,
    minus the base price and -100.00 %, as captured.
    """
    asks, bids = book.levels(Side.SELL, _LEVELS), book.levels(Side.BUY, _LEVELS)
    blank = [0] * _LEVELS
    ask_total, bid_total = sum(level.qty for level in asks), sum(level.qty for level in bids)
    middle = (book.best_ask_krw + book.best_bid_krw) // 2 if asks and bids else 0
    numbers = [
        *([level.price_krw for level in asks] + blank)[:_LEVELS],
        *([level.price_krw for level in bids] + blank)[:_LEVELS],
        *([level.qty for level in asks] + blank)[:_LEVELS],
        *([level.qty for level in bids] + blank)[:_LEVELS],
        ask_total,
        bid_total,
    ]
    values = [
        tape.issue.symbol,
        hhmmss(now_ns),
        "0",
        *map(str, numbers),
        *("0", "0", "0", "0", "0"),
        str(-tape.issue.base_krw),
        "5",
        "-100.00",
        str(tape.cum_qty),
        str(ask_total - previous.ask_qty),
        str(bid_total - previous.bid_qty),
        *("0", "0", "0"),
        str(middle),
        *("0", "0", "2"),
    ]
    previous.ask_qty, previous.bid_qty = ask_total, bid_total
    return f"0|{DEPTH_TR}|001|{'^'.join(values)}".encode()


@dataclass(frozen=True, slots=True)
class Notice:
    """One thing that happened to one order.

    request: "0" new, "1" amend, "2" cancel. is_fill: qty and price_krw are this fill's, else the
    order's. receipt: ACPT_YN, "1" received, "2" confirmed, "3" rest of an IOC or FOK dropped.
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


def notice_values(notice: Notice, branch: str, width: int) -> list[str]:
    """Return the values of a notice: 26, or the 23 that paper trading sends.

    In the short form venue and popup flag are glued into one value ("1Y"), as captured.
    """
    lifetime = KINDS[notice.kind].lifetime if notice.kind in KINDS else "day"
    condition = {"ioc": "1", "fok": "2"}.get(lifetime, "0")
    # Fills of market orders were captured with kind 00.
    kind = "00" if notice.is_fill and notice.kind == "01" else notice.kind
    exchange = _EXCHANGE_CODES[notice.venue]
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
    return [*head, "", exchange, "Y", "", *tail]


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

"""From an order to the bytes of its POST body."""

from __future__ import annotations

from random import Random

import msgspec
import orjson

from aegis_fast.core.model import OrderType, PlaceOrder, Side, Venue
from aegis_fast.hot.order_body import place_body
from aegis_fast.kis import codec
from aegis_fast.kis.profile import SIM
from benchmarks import corpus
from benchmarks.timing import Question, each

OURS = "hot.order_body.place_body"
MSGSPEC = "msgspec.Struct, encoded"
# account, symbol, ORD_DVSN, quantity, price, EXCG_ID_DVSN_CD
Order = tuple[str, str, str, int, int, str]


class Body(msgspec.Struct):
    """order-cash as msgspec writes it: all values are strings."""

    CANO: str
    ACNT_PRDT_CD: str
    PDNO: str
    ORD_DVSN: str
    ORD_QTY: str
    ORD_UNPR: str
    EXCG_ID_DVSN_CD: str


_encode = msgspec.json.Encoder().encode


def orders() -> list[Order]:
    """Orders of every size and price."""
    rng = Random(corpus.SEED)
    return [
        (
            f"{rng.randrange(10**10):010d}",
            f"{rng.randrange(10**6):06d}",
            "00",
            rng.randrange(1, 10 ** rng.randrange(1, 7)),
            price,
            "KRX",
        )
        for price in corpus.prices()
    ]


def by_msgspec(account: str, symbol: str, kind: str, qty: int, price_krw: int, venue: str) -> bytes:
    return _encode(Body(account[:8], account[8:], symbol, kind, str(qty), str(price_krw), venue))


def by_orjson(account: str, symbol: str, kind: str, qty: int, price_krw: int, venue: str) -> bytes:
    return orjson.dumps(
        {
            "CANO": account[:8],
            "ACNT_PRDT_CD": account[8:],
            "PDNO": symbol,
            "ORD_DVSN": kind,
            "ORD_QTY": str(qty),
            "ORD_UNPR": str(price_krw),
            "EXCG_ID_DVSN_CD": venue,
        }
    )


def place(command: PlaceOrder) -> bytes:
    """The body as the engine sends it: checked, with tr_id and path beside it."""
    return codec.place_order(SIM, command).body


def _command(order: Order) -> PlaceOrder:
    account, symbol, _, qty, price_krw, venue = order
    return PlaceOrder(
        order_id="o",
        account=account,
        symbol=symbol,
        side=Side.BUY,
        order_type=OrderType.LIMIT,
        qty=qty,
        price_krw=price_krw,
        venue=Venue(venue),
        trace_id="t",
    )


def question() -> Question:
    given = orders()
    columns, commands = list(zip(*given, strict=True)), [_command(order) for order in given]
    for order, command in zip(given, commands, strict=True):
        if not place_body(*order) == by_msgspec(*order) == by_orjson(*order) == place(command):
            raise RuntimeError(f"the bodies of {order} differ")
    return Question(
        "An order (order-cash, 7 values): to the bytes of its request body",
        "order",
        [
            each(OURS, "ours", place_body, *columns),
            each("codec.place_order, whole request", "ours", place, commands),
            each(MSGSPEC, "peer", by_msgspec, *columns),
            each("orjson.dumps of a dictionary", "peer", by_orjson, *columns),
        ],
    )


def measured(asked: Question) -> dict[str, float]:
    """Return the goals' values of this question."""
    ratio = asked.ratio(MSGSPEC, OURS)
    return {} if ratio is None else {"order_body_vs_msgspec": ratio}

"""How long does it take to write the body of an order?"""

from __future__ import annotations

from random import Random

import msgspec
import orjson

from aegis_fast.hot.order_body import place_body
from benchmarks import corpus
from benchmarks.timing import Question, each


class Body(msgspec.Struct):
    """order-cash as msgspec writes it: all values are strings."""

    CANO: str
    ACNT_PRDT_CD: str
    PDNO: str
    ORD_DVSN: str
    ORD_QTY: str
    ORD_UNPR: str
    EXCG_ID_DVSN_CD: str


def _by_msgspec(
    account: str, symbol: str, kind: str, qty: int, price_krw: int, venue: str
) -> bytes:
    return _encode(Body(account[:8], account[8:], symbol, kind, str(qty), str(price_krw), venue))


_encode = msgspec.json.Encoder().encode


def _by_orjson(account: str, symbol: str, kind: str, qty: int, price_krw: int, venue: str) -> bytes:
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


def question() -> Question:
    rng = Random(corpus.SEED)
    prices = corpus.prices()
    orders = [
        (f"{rng.randrange(10**10):010d}", f"{rng.randrange(10**6):06d}", "00",
         rng.randrange(1, 10_000), price, "KRX")
        for price in prices
    ]  # fmt: skip
    columns = list(zip(*orders, strict=True))
    assert [place_body(*order) for order in orders] == [_by_orjson(*order) for order in orders]
    assert [_by_msgspec(*order) for order in orders] == [_by_orjson(*order) for order in orders]
    return Question(
        title="order to the bytes of its request body (order-cash, 7 fields)",
        unit="order",
        rows=[
            each("hot.order_body.place_body", "ours", place_body, *columns),
            each("msgspec Struct", "rival", _by_msgspec, *columns),
            each("orjson dict", "rival", _by_orjson, *columns),
        ],
    )

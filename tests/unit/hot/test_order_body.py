"""The bodies of order requests are what a JSON encoder makes of the same fields, or refused."""

from __future__ import annotations

from random import Random
from typing import Any

import orjson
import pytest

from aegis_fast.hot.order_body import change_body, place_body

pytestmark = pytest.mark.native
PLAIN = "".join(chr(code) for code in range(0x20, 0x7F) if chr(code) not in '"\\')


def placed(account: str, symbol: str, kind: str, qty: int, price_krw: int, venue: str) -> bytes:
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


def changed(
    account: str,
    org_no: str,
    number: int,
    kind: str,
    action: str,
    qty: int,
    price_krw: int,
    is_all: bool,
    venue: str,
) -> bytes:
    return orjson.dumps(
        {
            "CANO": account[:8],
            "ACNT_PRDT_CD": account[8:],
            "KRX_FWDG_ORD_ORGNO": org_no,
            "ORGN_ODNO": f"{number:010d}",
            "ORD_DVSN": kind,
            "RVSE_CNCL_DVSN_CD": action,
            "ORD_QTY": str(qty),
            "ORD_UNPR": str(price_krw),
            "QTY_ALL_ORD_YN": "Y" if is_all else "N",
            "EXCG_ID_DVSN_CD": venue,
        }
    )


def text(rng: Random, longest: int = 32) -> str:
    return "".join(rng.choices(PLAIN, k=rng.randrange(longest + 1)))


def number(rng: Random) -> int:
    edges = [0, 1, 9, 10, 10**18, 10**18 - 1]
    return rng.choice([*edges, rng.randrange(10 ** rng.randrange(1, 19))])


def test_bodies_equal_the_encoders_byte_for_byte() -> None:
    rng = Random(11)
    for _ in range(3_000):
        account = f"{rng.randrange(10**10):010d}"
        place = (account, text(rng), text(rng), number(rng), number(rng), text(rng))
        assert place_body(*place) == placed(*place)
        change = (
            *(account, text(rng), number(rng), text(rng), text(rng)),
            *(number(rng), number(rng), rng.random() < 0.5, text(rng)),
        )
        assert change_body(*change) == changed(*change)  # type: ignore[arg-type]


GOOD: dict[str, Any] = {
    "account": "5000000001", "symbol": "005930", "kind": "00", "qty": 10, "price_krw": 70_000,
    "venue": "KRX",
}  # fmt: skip


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        *(("account", a) for a in ("", "500000000", "50000000011", "50000000a1", "500000000１")),
        *(("symbol", s) for s in ('00"930', "00\\930", "삼성전자", "00593\n", "\x7f", "0" * 33)),
        *(("kind", k) for k in ('"', "\x00", "０0")),
        *(("venue", v) for v in ('K"X', "\t")),
        *(("qty", q) for q in (-1, 10**18 + 1, 2**64, 1.0, True, "10", None)),
        *(("price_krw", p) for p in (-1, 10**30, 70_000.0, False)),
    ],
)
def test_value_that_could_change_the_meaning_is_refused(field: str, wrong: object) -> None:
    with pytest.raises(ValueError):
        place_body(**(GOOD | {field: wrong}))


@pytest.mark.parametrize("field", ["account", "symbol", "kind", "venue"])
@pytest.mark.parametrize("wrong", [None, 5, b"005930"])
def test_what_is_no_text_is_a_type_error(field: str, wrong: object) -> None:
    with pytest.raises(TypeError):
        place_body(**(GOOD | {field: wrong}))


def test_lone_surrogate_is_refused() -> None:
    with pytest.raises(ValueError):
        place_body(**(GOOD | {"symbol": "\ud800"}))

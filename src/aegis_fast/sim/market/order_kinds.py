"""Name every order type (ORD_DVSN): how it is priced, how long it lives, where it may go.

Source: rest.json "ord_dvsn" and the sessions of market.json. 07 was abolished on 2026-09-14.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["BOARDS", "KINDS", "OrderKind", "kind_on"]

BOARDS = ("KRX", "FIXED", "AFTER", "NXT")

_KRX = frozenset({"KRX"})
_BOTH = frozenset({"KRX", "NXT"})
_FIXED = frozenset({"FIXED"})
_AFTER = frozenset({"AFTER"})
_NXT = frozenset({"NXT"})


@dataclass(frozen=True, slots=True)
class OrderKind:
    """An order type.

    pricing: "limit" carries a price; "market" takes any; "counter" takes the best opposite price
    as its limit (최유리); "own" joins the best price of its own side (최우선); "mid" trades hidden
    at the midpoint (중간가); "fixed" trades at the closing price of its board (시간외종가).
    lifetime: "day", "ioc" or "fok". boards: the books that take it; which of their sessions do is
    for the order desk to check. is_stop: waits for a trigger price (CNDT_PRIC). turns_market: what
    is left becomes a market order in the closing auction. is_gtp: ends with the NXT pre-market.
    """

    code: str
    name: str
    pricing: str
    lifetime: str
    boards: frozenset[str]
    is_stop: bool = False
    turns_market: bool = False
    is_gtp: bool = False

    @property
    def needs_price(self) -> bool:
        """Tell whether ORD_UNPR counts."""
        return self.pricing == "limit"

    @property
    def rests_in_auction(self) -> bool:
        """Tell whether an auction takes it: no IOC, FOK, midpoint, stop or fixed-price order."""
        return self.lifetime == "day" and not self.is_stop and self.pricing not in ("mid", "fixed")


KINDS = {
    kind.code: kind
    for kind in (
        OrderKind("00", "지정가", "limit", "day", _BOTH),
        OrderKind("01", "시장가", "market", "day", _KRX),
        OrderKind("02", "조건부지정가", "limit", "day", _KRX, turns_market=True),
        OrderKind("03", "최유리지정가", "counter", "day", _BOTH),
        OrderKind("04", "최우선지정가", "own", "day", _BOTH),
        OrderKind("05", "장전 시간외", "fixed", "day", _FIXED),
        OrderKind("06", "장후 시간외", "fixed", "day", _FIXED),
        OrderKind("11", "IOC지정가", "limit", "ioc", _BOTH),
        OrderKind("12", "FOK지정가", "limit", "fok", _BOTH),
        OrderKind("13", "IOC시장가", "market", "ioc", _BOTH),
        OrderKind("14", "FOK시장가", "market", "fok", _BOTH),
        OrderKind("15", "IOC최유리", "counter", "ioc", _BOTH),
        OrderKind("16", "FOK최유리", "counter", "fok", _BOTH),
        OrderKind("21", "중간가", "mid", "day", _BOTH),
        OrderKind("22", "스톱지정가", "limit", "day", _BOTH, is_stop=True),
        OrderKind("23", "중간가IOC", "mid", "ioc", _BOTH),
        OrderKind("24", "중간가FOK", "mid", "fok", _BOTH),
        OrderKind("27", "NXT GTP지정가", "limit", "day", _NXT, is_gtp=True),
        OrderKind("28", "NXT GTP최유리", "counter", "day", _NXT, is_gtp=True),
        OrderKind("29", "NXT GTP최우선", "own", "day", _NXT, is_gtp=True),
        OrderKind("41", "KRX애프터마켓지정가", "limit", "day", _AFTER),
        OrderKind("42", "KRX애프터마켓지정가IOC", "limit", "ioc", _AFTER),
        OrderKind("43", "KRX애프터마켓지정가FOK", "limit", "fok", _AFTER),
        OrderKind("44", "KRX애프터마켓최유리지정가", "counter", "day", _AFTER),
        OrderKind("45", "KRX애프터마켓최유리지정가IOC", "counter", "ioc", _AFTER),
        OrderKind("46", "KRX애프터마켓최유리지정가FOK", "counter", "fok", _AFTER),
        OrderKind("47", "KRX애프터마켓최우선지정가", "own", "day", _AFTER),
    )
}

_AFTER_CODES = {
    (kind.pricing, kind.lifetime): kind for kind in KINDS.values() if kind.boards == _AFTER
}


def kind_on(kind: OrderKind, board: str) -> OrderKind:
    """Return the order type of a board that is priced and lives like kind: 00 is 41 on AFTER.

    Raises KeyError where the board has none (no market order on NXT or AFTER).
    """
    if board in kind.boards:
        return kind
    if board == "AFTER":
        return _AFTER_CODES[kind.pricing, kind.lifetime]
    for other in KINDS.values():
        if board in other.boards and not other.is_gtp and not other.is_stop:
            same = (other.pricing, other.lifetime) == (kind.pricing, kind.lifetime)
            if same and other.turns_market == kind.turns_market:
                return other
    raise KeyError(f"{board} has no order like {kind.code}")

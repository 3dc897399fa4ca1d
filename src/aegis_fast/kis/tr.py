"""Hold the TR catalogue: every KIS call and realtime stream, as data.

Read once from rest.json, realtime.json and errors.json beside this module. The specification's own
codes (t1101, t1305, t0424, t8412, OVC_ORDER) do not exist at KIS; ALIASES maps them (reading A2).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import msgspec

__all__ = [
    "ALIASES",
    "Call",
    "OrderKind",
    "RealtimeTR",
    "call",
    "calls",
    "error_meaning",
    "error_retryable",
    "order_kinds",
    "realtime",
]

# Specification code -> call id (KIS.md section 9). OVC_ORDER has no KIS call: it is fanned out.
ALIASES = {
    "t1101": "inquire-price",
    "t1305": "inquire-daily-itemchartprice",
    "t0424": "inquire-daily-ccld",
    "t8412": "inquire-time-itemchartprice",
}


@dataclass(frozen=True, slots=True)
class Call:
    """One REST call.

    tr_ids and old_tr_ids: (environment, variant) -> tr_id, environment "real" or "paper". Variant
    is "" unless the id depends on something: "buy"/"sell" for order-cash, "within_3_months"/"older"
    for inquire-daily-ccld. A call that paper trading lacks has no "paper" entry.
    """

    id: str
    method: str
    path: str
    tr_ids: dict[tuple[str, str], str]
    old_tr_ids: dict[tuple[str, str], str]
    params: tuple[str, ...]
    required: tuple[str, ...]
    output_fields: tuple[str, ...]
    is_paginated: bool

    def tr_id(self, environment: str, variant: str = "") -> str:
        """Return the tr_id to send; "" for the calls without one (token, approval, hashkey).

        Raises KeyError when the environment does not offer the call.
        """
        if not self.tr_ids:
            return ""
        return self.tr_ids[environment, variant]

    def is_offered(self, environment: str) -> bool:
        """Tell whether the environment ("real" or "paper") offers this call at all."""
        return not self.tr_ids or any(env == environment for env, _ in self.tr_ids)


@dataclass(frozen=True, slots=True)
class RealtimeTR:
    """One realtime stream. fields are the known names in wire order; the wire may append more."""

    tr_id: str
    venue: str
    is_encrypted: bool
    on_paper: bool
    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class OrderKind:
    """One ORD_DVSN code. venues: which of KRX, NXT, SOR take it; has_price: ORD_UNPR is read."""

    code: str
    name_ko: str
    venues: frozenset[str]
    has_price: bool


def _read(name: str) -> Any:
    return msgspec.json.decode(resources.files("aegis_fast.kis").joinpath(name).read_bytes())


def _ids(environment: str, value: Any) -> dict[tuple[str, str], str]:
    if value is None:
        return {}
    if isinstance(value, str):
        return {(environment, ""): value}
    return {(environment, variant): tr_id for variant, tr_id in value.items()}


def _call(row: dict[str, Any]) -> Call:
    old = row.get("tr_id_old") or {}
    return Call(
        id=row["id"],
        method=row["method"],
        path=row["path"],
        tr_ids=_ids("real", row["tr_id_real"]) | _ids("paper", row["tr_id_paper"]),
        old_tr_ids=_ids("real", old.get("real")) | _ids("paper", old.get("paper")),
        params=tuple(p["name"] for p in row["params"]),
        required=tuple(p["name"] for p in row["params"] if p.get("required")),
        output_fields=tuple(f["name"] for f in row.get("output_all") or ()),
        is_paginated=bool(row.get("paginated")),
    )


@cache
def calls() -> dict[str, Call]:
    """Return every REST call by id. Source: rest.json."""
    return {row["id"]: _call(row) for row in _read("rest.json")["calls"]}


def call(call_id: str) -> Call:
    """Return one REST call by KIS id or by the specification's code. Raises KeyError."""
    return calls()[ALIASES.get(call_id, call_id)]


@cache
def order_kinds() -> dict[str, OrderKind]:
    """Return every order type by its ORD_DVSN code. Source: rest.json "ord_dvsn"."""
    return {
        row["code"]: OrderKind(
            code=row["code"],
            name_ko=row["name_ko"],
            venues=frozenset(venue for venue in ("KRX", "NXT", "SOR") if row[venue]),
            has_price=row["price_required"],
        )
        for row in _read("rest.json")["ord_dvsn"]
    }


@cache
def realtime() -> dict[str, RealtimeTR]:
    """Return every realtime TR by tr_id. Source: realtime.json."""
    return {
        row["tr_id"]: RealtimeTR(
            tr_id=row["tr_id"],
            venue=row["venue"],
            is_encrypted=row["encrypted"],
            on_paper=row["paper_supported"],
            fields=tuple(f["name"] for f in row["fields"]),
        )
        for row in _read("realtime.json")["trs"]
    }


@cache
def _errors() -> dict[str, dict[str, Any]]:
    return {
        code: row for row in _read("errors.json")["codes"] for code in str(row["code"]).split("/")
    }


def error_meaning(msg_cd: str) -> str:
    """Return what a KIS msg_cd means, in English; "" when the table does not know it."""
    row = _errors().get(msg_cd)
    return str(row["meaning"]) if row else ""


def error_retryable(msg_cd: str) -> str:
    """Return the table's advice on a KIS msg_cd ("yes", "no", "ok", "after-new-token",
    "query:yes order:NEVER-blind", ...); "" when the table does not know it.
    """
    row = _errors().get(msg_cd)
    return str(row["retryable"]) if row else ""

"""Write the answers to registrations: JSON with a code, and on success the key and iv."""

from __future__ import annotations

from typing import Any

import msgspec

from aegis_fast.kis import tr

__all__ = ["ack"]

_TEXTS = {
    "OPSP0000": "SUBSCRIBE SUCCESS",
    "OPSP0001": "UNSUBSCRIBE SUCCESS",
    "OPSP0002": "ALREADY IN SUBSCRIBE",
    "OPSP0003": "UNSUBSCRIBE ERROR(not found!)",
    "OPSP0008": "MAX SUBSCRIBE OVER",
    "OPSP0011": "invalid approval : NOT FOUND",
    "OPSP8991": "invalid tr_id",
    "OPSP8992": "invalid tr_key",
    "OPSP8996": "ALREADY IN USE appkey",
    "OPSP8997": "invalid tr_type",
    "OPSP8998": "invalid custtype",
    "OPSP9990": "tr_key not found",
    "OPSP9991": "input not found",
    "OPSP9992": "body not found",
    "OPSP9998": "header not found",
    "OPSP9999": "JSON PARSING ERROR",
}


def ack(code: str, tr_id: str, tr_key: str, pair: tuple[str, str] | None) -> bytes:
    """Return the answer to a request. tr_id: "" when it said none. pair: key and iv, on success.

    Raises KeyError: an unknown code.
    """
    is_named = bool(tr_id)
    body: dict[str, Any] = {
        "rt_cd": "0" if code in ("OPSP0000", "OPSP0001") else "1" if is_named else "9",
        "msg_cd": code,
        "msg1": _TEXTS[code],
    }
    if pair is not None:
        body["output"] = {"iv": pair[1], "key": pair[0]}
    known = tr.realtime().get(tr_id)
    header = {
        "tr_id": tr_id if is_named else "(null)",
        "tr_key": tr_key,
        "encrypt": "Y" if known is not None and known.is_encrypted else "N",
    }
    return msgspec.json.encode({"header": header, "body": body})

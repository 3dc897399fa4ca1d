"""Find the call behind a path, and what its tr_id says.

Every call of rest.json, and the two that its notes name beside order-resv: the change and the list
of reserved orders. Source for these two: the portal's document of 2026-09-11.
"""

from __future__ import annotations

from functools import cache

from aegis_fast.kis import tr
from aegis_fast.kis.tr import Call
from aegis_fast.sim.calls.answers import Refusal

__all__ = ["calls", "find", "variant_of"]

_TRADING = "/uapi/domestic-stock/v1/trading/"
_RESERVED_CHANGE = Call(
    id="order-resv-rvsecncl",
    method="POST",
    path=f"{_TRADING}order-resv-rvsecncl",
    tr_ids={("real", "amend"): "CTSC0013U", ("real", "cancel"): "CTSC0009U"},
    old_tr_ids={},
    params=("CANO", "ACNT_PRDT_CD", "RSVN_ORD_SEQ"),
    required=("CANO", "ACNT_PRDT_CD", "RSVN_ORD_SEQ"),
    output_fields=("NRML_PRCS_YN",),
    is_paginated=False,
)
_RESERVED_LIST_PARAMS = (
    "RSVN_ORD_ORD_DT",
    "RSVN_ORD_END_DT",
    "TMNL_MDIA_KIND_CD",
    "CANO",
    "ACNT_PRDT_CD",
    "PRCS_DVSN_CD",
    "CNCL_YN",
    "CTX_AREA_FK200",
    "CTX_AREA_NK200",
)
_RESERVED_LIST = Call(
    id="order-resv-ccnl",
    method="GET",
    path=f"{_TRADING}order-resv-ccnl",
    tr_ids={("real", ""): "CTSC0004R"},
    old_tr_ids={},
    params=_RESERVED_LIST_PARAMS,
    required=_RESERVED_LIST_PARAMS,
    output_fields=(
        "rsvn_ord_seq",
        "rsvn_ord_ord_dt",
        "rsvn_ord_rcit_dt",
        "pdno",
        "ord_dvsn_cd",
        "ord_rsvn_qty",
        "tot_ccld_qty",
        "cncl_ord_dt",
        "ord_tmd",
        "ctac_tlno",
        "rjct_rson2",
        "odno",
        "rsvn_ord_rcit_tmd",
        "kor_item_shtn_name",
        "sll_buy_dvsn_cd",
        "ord_rsvn_unpr",
        "tot_ccld_amt",
        "loan_dt",
        "cncl_rcit_tmd",
        "prcs_rslt",
        "ord_dvsn_name",
        "tmnl_mdia_kind_cd",
        "rsvn_end_dt",
    ),
    is_paginated=True,
)


@cache
def calls() -> dict[str, Call]:
    """Return every call that is answered here, by id."""
    return tr.calls() | {call.id: call for call in (_RESERVED_CHANGE, _RESERVED_LIST)}


@cache
def _paths() -> dict[str, Call]:
    return {call.path: call for call in calls().values()}


@cache
def _known_ids(environment: str) -> frozenset[str]:
    return frozenset(
        tr_id
        for call in calls().values()
        for ids in (call.tr_ids, call.old_tr_ids)
        for (offered_to, _), tr_id in ids.items()
        if offered_to == environment
    )


def find(path: str) -> Call | None:
    """Return the call at a path; None when there is none.

    The gateway takes doubled slashes: mojito2 asks for "//uapi/..." and is answered.
    """
    return _paths().get("/" + path.lstrip("/"))


def variant_of(call: Call, tr_id: str, environment: str) -> str:
    """Return the variant that a tr_id names ("buy", "sell", ...). Raises Refusal.

    Old ids count as well. A real id on the paper host is EGW00213, any other stranger OPSQ0002.
    """
    if not tr_id:
        raise Refusal("OPSQ9999", "tr_id를 찾을 수 없습니다.")
    for ids in (call.tr_ids, call.old_tr_ids):
        for (offered_to, variant), known in ids.items():
            if known == tr_id and offered_to == environment:
                return variant
    if environment == "paper" and tr_id not in _known_ids("paper") and tr_id in _known_ids("real"):
        raise Refusal("EGW00213", "모의투자 TR 이 아닙니다.", status=500)
    raise Refusal("OPSQ0002", f"없는 서비스 코드 입니다: {tr_id}", status=500)

"""Cut lists into pages, as the broker's CTX_AREA keys and tr_cont header do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aegis_fast.sim.answers import Answer, Refusal, success

__all__ = ["Page"]

_CTX_WIDTH = 100


class Page:
    """One page of a list. The key of the last row shown travels in CTX_AREA_NK100, so a page goes
    on where the one before ended even when rows came or went meanwhile. keys: one for each row,
    sorted.
    """

    def __init__(
        self,
        params: Mapping[str, str],
        tr_cont: str,
        keys: list[str],
        size: int,
        *,
        is_descending: bool,
    ) -> None:
        key = params.get("CTX_AREA_NK100", "").strip()
        self._condition = params.get("CTX_AREA_FK100", "").strip()
        self._is_next = tr_cont == "N" and bool(key)
        if self._is_next and not (key.isascii() and key.isalnum()):
            raise Refusal("OPSQ2002", "ERROR INVALID FIELD VALUE [CTX_AREA_NK100]")
        start = 0
        if self._is_next:
            # Not by equality: the row may have left the list since.
            start = sum(k >= key if is_descending else k <= key for k in keys)
        self.indexes = range(start, min(start + size, len(keys)))
        self._has_more = self.indexes.stop < len(keys)
        self._next_key = keys[self.indexes.stop - 1] if self._has_more else ""
        if not self._condition:
            names = ("CANO", "ACNT_PRDT_CD", "PDNO", "INQR_DVSN")
            self._condition = "^".join(params.get(name, "") for name in names)

    def answer(self, **parts: Any) -> Answer:
        """Return the page with its tr_cont header: F and M mean more, D and E the last one."""
        if self._has_more:
            tr_cont, code = "M" if self._is_next else "F", "KIOK0500"
            text = "조회가 계속됩니다..다음버튼을 Click 하십시오."
        else:
            tr_cont, code = "E" if self._is_next else "D", "KIOK0510"
            text = "조회가 완료되었습니다"
        return success(
            code,
            text,
            tr_cont,
            ctx_area_fk100=self._condition[:_CTX_WIDTH].ljust(_CTX_WIDTH),
            ctx_area_nk100=self._next_key.ljust(_CTX_WIDTH),
            **parts,
        )

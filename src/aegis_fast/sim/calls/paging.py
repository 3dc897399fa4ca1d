"""Cut lists into pages, as the broker's CTX_AREA keys and tr_cont header do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aegis_fast.sim.calls.answers import Answer, Refusal, success

__all__ = ["Page"]

_WIDTHS = {"": 20, "100": 100, "200": 200}


class Page:
    """One page of a list. The key of the last row shown travels in CTX_AREA_NK, so a page goes on
    where the one before ended even when rows came or went meanwhile. keys: one for each row,
    sorted. area: the suffix of the two CTX_AREA fields, "", "100" or "200"; their width follows.
    """

    def __init__(
        self,
        params: Mapping[str, str],
        tr_cont: str,
        keys: list[str],
        size: int,
        *,
        is_descending: bool,
        area: str = "100",
    ) -> None:
        self._area = area
        name = f"CTX_AREA_NK{area}"
        key = params.get(name, "").strip()
        self._condition = params.get(f"CTX_AREA_FK{area}", "").strip()
        self._is_next = tr_cont == "N" and bool(key)
        if self._is_next and not (key.isascii() and key.isalnum()):
            raise Refusal("OPSQ2002", f"ERROR INVALID FIELD VALUE [{name}]")
        start = 0
        if self._is_next:
            # Not by equality: the row may have left the list since.
            start = sum(k >= key if is_descending else k <= key for k in keys)
        self.indexes = range(start, min(start + size, len(keys)))
        self._has_more = self.indexes.stop < len(keys)
        self._next_key = keys[self.indexes.stop - 1] if self._has_more else ""
        if not self._condition:
            names = ("CANO", "ACNT_PRDT_CD", "PDNO", "INQR_DVSN", "BASS_DT")
            self._condition = "^".join(params[name] for name in names if name in params)

    def answer(self, **parts: Any) -> Answer:
        """Return the page with its tr_cont header: F and M mean more, D and E the last one."""
        if self._has_more:
            tr_cont, code = "M" if self._is_next else "F", "KIOK0500"
            text = "조회가 계속됩니다..다음버튼을 Click 하십시오."
        else:
            tr_cont, code = "E" if self._is_next else "D", "KIOK0510"
            text = "조회가 완료되었습니다"
        width = _WIDTHS[self._area]
        context = {
            f"ctx_area_fk{self._area}": self._condition[:width].ljust(width),
            f"ctx_area_nk{self._area}": self._next_key.ljust(width),
        }
        return success(code, text, tr_cont, **context, **parts)

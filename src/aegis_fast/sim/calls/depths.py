"""Answer inquire-asking-price-exp-ccn: ten levels and the expected execution."""

from __future__ import annotations

from aegis_fast.sim.calls.answers import Answer, change_sign, percent, quoted
from aegis_fast.sim.calls.market_views import View, Views
from aegis_fast.sim.kst import hhmmss
from aegis_fast.sim.market.rules import Side

__all__ = ["Depths", "expected_change"]

_LEVELS = 10


class Depths:
    """Book answers of one market."""

    def __init__(self, views: Views) -> None:
        self._views = views

    def book(self, params: dict[str, str], now_ns: int) -> Answer:
        """Answer the call: output1 is the book, output2 the expected execution."""
        view = self._views.asked(params)
        tape = view.tape
        expected = view.expected()
        return quoted(
            output1={"aspr_acpt_hour": hhmmss(now_ns), **_levels(view)},
            output2={
                "antc_mkop_cls_code": view.expected_code,
                "stck_prpr": str(tape.last_krw),
                "stck_oprc": str(tape.open_krw),
                "stck_hgpr": str(tape.high_krw),
                "stck_lwpr": str(tape.low_krw),
                "stck_sdpr": str(view.issue.base_krw),
                "antc_cnpr": str(expected.price_krw),
                **expected_change(view, expected.price_krw, "antc_cntg"),
                "antc_vol": str(expected.qty),
                "stck_shrn_iscd": view.issue.symbol,
                "vi_cls_code": "Y" if view.is_interrupted else "N",
            },
        )


def expected_change(view: View, price_krw: int, prefix: str) -> dict[str, str]:
    """Return sign, change and percent of an expected price; no price means minus everything."""
    base = view.issue.base_krw
    change = price_krw - base
    return {
        f"{prefix}_vrss_sign": view.tape.sign_of(price_krw) if price_krw else change_sign(change),
        f"{prefix}_vrss": str(change),
        f"{prefix}_prdy_ctrt": percent(change, base),
    }


def _levels(view: View) -> dict[str, str]:
    shown: dict[str, str] = {}
    totals: dict[str, int] = {}
    for side, word in ((Side.SELL, "askp"), (Side.BUY, "bidp")):
        levels = view.shown(side)
        levels += [(0, 0)] * (_LEVELS - len(levels))
        for index, (price, qty) in enumerate(levels, 1):
            shown[f"{word}{index}"] = str(price)
            shown[f"{word}_rsqn{index}"] = str(qty)
            # How a level changed since the message before is told on the feed only.
            shown[f"{word}_rsqn_icdc{index}"] = "0"
        totals[word] = sum(qty for _, qty in levels)
        shown[f"total_{word}_rsqn"] = str(totals[word])
        shown[f"total_{word}_rsqn_icdc"] = "0"
        shown[f"ovtm_total_{word}_icdc"] = "0"
        shown[f"ovtm_total_{word}_rsqn"] = str(view.off_hours_qty(side))
    shown["ntby_aspr_rsqn"] = str(totals["bidp"] - totals["askp"])
    shown["new_mkop_cls_code"] = view.session_code
    return shown

"""Answer intstock-multprice: up to thirty quotes in one call."""

from __future__ import annotations

from aegis_fast.sim.calls.answers import Answer, percent, quoted
from aegis_fast.sim.calls.depths import expected_change
from aegis_fast.sim.calls.market_views import View, Views
from aegis_fast.sim.market.rules import Side

__all__ = ["Watchlist"]

_SLOTS = 30
_MARKETS = {"KOSPI": "코스피", "KOSDAQ": "코스닥", "KONEX": "코넥스"}


class Watchlist:
    """Watch list answers of one market."""

    def __init__(self, views: Views) -> None:
        self._views = views

    def quotes(self, params: dict[str, str], now_ns: int) -> Answer:
        """Answer the call: one row for each slot in use, in the order asked. Raises Refusal."""
        rows = []
        for slot in range(1, _SLOTS + 1):
            symbol = params.get(f"FID_INPUT_ISCD_{slot}", "")
            if symbol:
                code = params.get(f"FID_COND_MRKT_DIV_CODE_{slot}", "")
                rows.append(_row(self._views.of(code, symbol)))
        return quoted(output=rows)


def _row(view: View) -> dict[str, str]:
    tape, issue, limits = view.tape, view.issue, view.limits
    expected = view.expected()
    best = {side: (view.shown(side) or [(0, 0)])[0] for side in Side}
    totals = {side: sum(qty for _, qty in view.shown(side)) for side in Side}
    rise = tape.high_krw - tape.open_krw
    return {
        "kospi_kosdaq_cls_name": _MARKETS.get(issue.market, issue.market),
        "mrkt_trtm_cls_name": "거래정지" if view.is_halted else "",
        "hour_cls_code": view.hour_code,
        "inter_shrn_iscd": issue.symbol,
        "inter_kor_isnm": issue.name,
        "inter2_prpr": str(tape.last_krw),
        "inter2_prdy_vrss": str(tape.change_krw),
        "prdy_vrss_sign": tape.sign_of(tape.last_krw),
        "prdy_ctrt": percent(tape.change_krw, issue.base_krw),
        "acml_vol": str(tape.cum_qty),
        "inter2_oprc": str(tape.open_krw),
        "inter2_hgpr": str(tape.high_krw),
        "inter2_lwpr": str(tape.low_krw),
        "inter2_llam": str(limits.lower_krw if limits.has_limit else 0),
        "inter2_mxpr": str(limits.upper_krw if limits.has_limit else 0),
        "inter2_askp": str(best[Side.SELL][0]),
        "inter2_bidp": str(best[Side.BUY][0]),
        "seln_rsqn": str(best[Side.SELL][1]),
        "shnu_rsqn": str(best[Side.BUY][1]),
        "total_askp_rsqn": str(totals[Side.SELL]),
        "total_bidp_rsqn": str(totals[Side.BUY]),
        "acml_tr_pbmn": str(tape.cum_value_krw),
        "inter2_prdy_clpr": str(issue.base_krw),
        "oprc_vrss_hgpr_rate": percent(rise, tape.open_krw),
        **expected_change(view, expected.price_krw, "intr_antc_cntg"),
        "intr_antc_vol": str(expected.qty),
        "inter2_sdpr": str(issue.base_krw),
    }

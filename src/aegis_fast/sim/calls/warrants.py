"""Answer inquire-elw-price: a warrant beside the share it stands on."""

from __future__ import annotations

from aegis_fast.sim.calls.answers import Answer, Refusal, percent, quoted
from aegis_fast.sim.calls.market_views import Views, no_such_issue
from aegis_fast.sim.calls.quotes import pivots
from aegis_fast.sim.crowd.elw import figures
from aegis_fast.sim.kst import date_of
from aegis_fast.sim.market.rules import Elw, Side
from aegis_fast.sim.market.tape import Tape
from aegis_fast.sim.market.world import World

__all__ = ["Warrants"]


class Warrants:
    """Warrant answers of one market. Theory and volatility are those of the frames."""

    def __init__(self, views: Views, world: World) -> None:
        self._views = views
        self._world = world

    def price(self, params: dict[str, str], now_ns: int) -> Answer:
        """Answer the call. FID_COND_MRKT_DIV_CODE is W. Raises Refusal."""
        if params["FID_COND_MRKT_DIV_CODE"] != "W":
            raise Refusal("OPSQ2001", "ERROR INVALID FID_COND_MRKT_DIV_CODE")
        view = self._views.of("J", params["FID_INPUT_ISCD"])
        tape, issue = view.tape, view.issue
        if issue.elw is None:
            raise no_such_issue()
        terms = issue.elw
        share = self._world.tapes.get(terms.underlying)
        # An index moves no tape here; the warrant then stands on its own strike.
        last = share.last_krw if share else terms.strike_krw
        inner = last - terms.strike_krw if terms.is_call else terms.strike_krw - last
        shown = figures(terms, last, tape.last_krw, date_of(now_ns))
        gap = (tape.last_krw - shown.theory) * 100 / max(shown.theory, 0.01)
        return quoted(
            output={
                "elw_shrn_iscd": issue.symbol,
                "hts_kor_isnm": issue.name,
                "elw_prpr": str(tape.last_krw),
                "prdy_vrss": str(tape.change_krw),
                "prdy_vrss_sign": tape.sign_of(tape.last_krw),
                "prdy_ctrt": percent(tape.change_krw, issue.base_krw),
                "acml_vol": str(tape.cum_qty),
                "prdy_vrss_vol_rate": percent(tape.cum_qty, view.yesterday.qty),
                **_underlying(terms, share, last),
                "bidp": str(view.best_krw(Side.BUY)),
                "askp": str(view.best_krw(Side.SELL)),
                "acml_tr_pbmn": str(tape.cum_value_krw),
                "vol_tnrt": percent(tape.cum_qty, issue.listed_shares),
                "elw_oprc": str(tape.open_krw),
                "elw_hgpr": str(tape.high_krw),
                "elw_lwpr": str(tape.low_krw),
                "stck_prdy_clpr": str(issue.base_krw),
                "hts_thpr": f"{shown.theory:.2f}",
                "dprt": f"{gap:.2f}",
                "atm_cls_name": _moneyness(inner),
                "hts_ints_vltl": f"{shown.implied_volatility:.2f}",
                "acpr": f"{terms.strike_krw}.00",
                **pivots(view.yesterday),
                "elw_sdpr": str(issue.base_krw),
                "apprch_rate": "0.00",
                "tick_conv_prc": "0.00",
                "invt_epmd_cntt": "",
            }
        )


def _moneyness(inner_krw: int) -> str:
    return "ITM" if inner_krw > 0 else "OTM" if inner_krw < 0 else "ATM"


def _underlying(terms: Elw, share: Tape | None, last_krw: int) -> dict[str, str]:
    change = share.change_krw if share else 0
    base = share.issue.base_krw if share else last_krw
    return {
        "unas_shrn_iscd": terms.underlying,
        "unas_isnm": terms.underlying_name,
        "unas_prpr": f"{last_krw}.00",
        "unas_prdy_vrss": f"{change}.00",
        "unas_prdy_vrss_sign": share.sign_of(last_krw) if share else "3",
        "unas_prdy_ctrt": percent(change, base),
    }

"""Answer the price calls, inquire-price and inquire-price-2. Every value is text."""

from __future__ import annotations

from aegis_fast.sim.calls.answers import Answer, change_sign, decimal, percent, quoted
from aegis_fast.sim.calls.market_views import View, Views
from aegis_fast.sim.crowd.extremes import Extremes
from aegis_fast.sim.crowd.history import DayBar
from aegis_fast.sim.kst import date_of
from aegis_fast.sim.market.rules import Issue, order_unit, tick_size
from aegis_fast.sim.market.world import World

__all__ = ["Quotes", "company", "pivots"]

_EOK = 100_000_000
_FOREIGN_PERCENT = 50  # Who owns the shares is not modelled.
_WARNED = "02"
# Fields of a high, of a low, and of how far the price is from them.
_NAMES_250 = ("d250_hgpr", "d250_lwpr", "{}_vrss_prpr_rate")
_NAMES_YEAR = ("stck_dryy_hgpr", "stck_dryy_lwpr", "{}_vrss_prpr_rate")
_NAMES_52_WEEKS = ("w52_hgpr", "w52_lwpr", "{}_vrss_prpr_ctrt")


class Quotes:
    """Price answers of one market."""

    def __init__(self, views: Views, world: World) -> None:
        self._views = views
        self._world = world
        self._extremes = Extremes()

    def price(self, params: dict[str, str], now_ns: int) -> Answer:
        """Answer inquire-price."""
        view = self._views.asked(params)
        days = view.past_prices()
        warning = _market_warning(view, days)
        today = _bar_of_today(view, now_ns)
        return quoted(
            output={
                **_state(view, warning),
                "new_hgpr_lwpr_cls_code": self._new_extreme(view, days),
                **_today(view, view.yesterday),
                **_limits(view, view.yesterday),
                **company(view),
                **self._ranges(view, days, today),
                "vi_cls_code": "Y" if view.is_interrupted else "N",
                # Of the off-hours single price, which ended on 2026-09-14.
                "ovtm_vi_cls_code": "N",
                "last_ssts_cntg_qty": "0",
                "invt_caful_yn": "N",
                "mrkt_warn_cls_code": warning,
                "short_over_yn": "N",
                "sltr_yn": "N",
                "mang_issu_cls_code": "N",
            }
        )

    def price_2(self, params: dict[str, str], now_ns: int) -> Answer:
        """Answer inquire-price-2. Blank fields are padded as they were captured."""
        view = self._views.asked(params)
        days = view.past_prices()
        warning = _market_warning(view, days)
        state = _state(view, warning)
        limits = _limits(view, view.yesterday)
        shown = ("rprs_mrkt_kor_name", "crdt_able_yn", "elw_pblc_yn", "marg_rate", "bstp_kor_isnm")
        today = _today(view, view.yesterday)
        del today["wghn_avrg_stck_prc"], today["hts_frgn_ehrt"]
        del today["frgn_ntby_qty"], today["pgtr_ntby_qty"]
        return quoted(
            output={
                **{name: state[name] for name in shown},
                "crdt_rate": state["marg_rate"],
                "new_hgpr_lwpr_cls_code": self._new_extreme(view, days),
                "mxpr_llam_cls_code": _at_limit(view),
                **{name: limits[name] for name in ("stck_mxpr", "stck_llam", "stck_sdpr")},
                **today,
                **_extremes(view),
                "stck_prdy_clpr": str(view.issue.base_krw),
                "prdy_vol": str(view.yesterday.qty),
                "bstp_cls_code": view.issue.symbol,
                "vi_cls_code": "Y" if view.is_interrupted else "N",
                "trht_yn": "Y" if view.is_halted else "N",
                "mrkt_warn_cls_code": warning,
                "mrkt_warn_cls_name": "투자경고" if warning == _WARNED else "",
                **_flags(),
            }
        )

    def _new_extreme(self, view: View, days: list[DayBar]) -> str:
        """Return 1 on a new 52-week high, 2 on a new low, else nothing (the codes are ours)."""
        top, bottom = self._extremes.of(view.issue.symbol, days, None, 245)
        if view.tape.high_krw > top.high_krw:
            return "1"
        if view.tape.low_krw and view.tape.low_krw < bottom.low_krw:
            return "2"
        return ""

    def _ranges(self, view: View, days: list[DayBar], today: DayBar | None) -> dict[str, str]:
        """Return highs and lows of 250 days, of the year and of 52 weeks, today included."""
        last, symbol = view.tape.last_krw, view.issue.symbol
        year = (today or days[0]).day.year
        out: dict[str, str] = {}
        for (top, bottom), high_name, low_name, rate in (
            (self._extremes.of(symbol, days, today, 250), *_NAMES_250),
            (self._extremes.of(symbol, days, today, 250, year), *_NAMES_YEAR),
            (self._extremes.of(symbol, days, today, 245), *_NAMES_52_WEEKS),
        ):
            for name, price, day in (
                (high_name, top.high_krw, top.day),
                (low_name, bottom.low_krw, bottom.day),
            ):
                short = name.removeprefix("stck_")
                out[name] = str(price)
                out[f"{short}_date"] = day.strftime("%Y%m%d")
                out[rate.format(short)] = percent(last - price, price)
        return out


def _flags() -> dict[str, str]:
    """Return what this market knows nothing of: designations, ex-rights days, splits."""
    return {
        **dict.fromkeys(("mang_issu_yn", "short_over_yn", "invt_caful_yn", "stange_runup_yn"), "N"),
        **dict.fromkeys(("low_current_yn", "insn_pbnt_yn", "sltr_yn", "oprc_rang_cont_yn"), "N"),
        "vlnt_fin_cls_code": "N",
        "ssts_hot_yn": " ",
        "divi_app_cls_code": "  ",
        "short_over_cls_code": " " * 10,
        "new_lstn_cls_name": " " * 8,
        "vlnt_deal_cls_name": " ",
        "flng_cls_name": "",
        "revl_issu_reas_name": "",
        "fcam_mod_cls_name": "",
    }


def _at_limit(view: View) -> str:
    """Return 1 at the upper limit, 2 at the lower, else 0 (the codes are our choice)."""
    return {"1": "1", "4": "2"}.get(view.tape.sign_of(view.tape.last_krw), "0")


def _extremes(view: View) -> dict[str, str]:
    tape, base = view.tape, view.issue.base_krw
    out: dict[str, str] = {}
    for name, price in (("oprc", tape.open_krw), ("hgpr", tape.high_krw), ("lwpr", tape.low_krw)):
        gap = tape.last_krw - price if price else 0
        out[f"{name}_vrss_prpr"] = str(gap)
        out[f"{name}_vrss_prpr_sign"] = change_sign(gap)
        out[f"prdy_clpr_vrss_{name}_rate"] = percent(price - base if price else 0, base)
    return out


def _market_warning(view: View, days: list[DayBar]) -> str:
    """Return 02 (투자경고) after a rise of 60 % in 5 days or 100 % in 15, as KRX designates it."""
    last = view.tape.last_krw
    for count, factor in ((5, 160), (15, 200)):
        if len(days) >= count and last * 100 >= days[count - 1].close_krw * factor:
            return _WARNED
    return "00"


def _state(view: View, warning: str) -> dict[str, str]:
    issue = view.issue
    is_stock = issue.kind == "stock"
    usual = "55" if is_stock else "00"
    return {
        "iscd_stat_cls_code": "58" if view.is_halted else "53" if warning == _WARNED else usual,
        "marg_rate": "20.00" if is_stock else "100.00",
        "rprs_mrkt_kor_name": "KOSPI200" if issue.is_kospi200 else issue.market,
        "bstp_kor_isnm": issue.sector,
        "temp_stop_yn": "Y" if view.is_halted else "N",
        "oprc_rang_cont_yn": "N",
        "clpr_rang_cont_yn": "N",
        "crdt_able_yn": "Y" if is_stock else "N",
        "grmn_rate_cls_code": "40" if is_stock else "",
        "elw_pblc_yn": "Y" if is_stock else "N",
    }


def _today(view: View, yesterday: DayBar) -> dict[str, str]:
    tape = view.tape
    return {
        "stck_prpr": str(tape.last_krw),
        "prdy_vrss": str(tape.change_krw),
        "prdy_vrss_sign": tape.sign_of(tape.last_krw),
        "prdy_ctrt": percent(tape.change_krw, tape.issue.base_krw),
        "acml_tr_pbmn": str(tape.cum_value_krw),
        "acml_vol": str(tape.cum_qty),
        "prdy_vrss_vol_rate": percent(tape.cum_qty, yesterday.qty),
        "stck_oprc": str(tape.open_krw),
        "stck_hgpr": str(tape.high_krw),
        "stck_lwpr": str(tape.low_krw),
        "wghn_avrg_stck_prc": decimal(tape.cum_value_krw, tape.cum_qty, 2),
        "hts_frgn_ehrt": f"{_FOREIGN_PERCENT}.00",
        "frgn_ntby_qty": "0",
        "pgtr_ntby_qty": "0",
    }


def pivots(yesterday: DayBar) -> dict[str, str]:
    """Return the pivot prices that follow from the day before."""
    high, low, close = yesterday.high_krw, yesterday.low_krw, yesterday.close_krw
    pivot = (high + low + close) // 3
    return {
        "pvt_scnd_dmrs_prc": str(pivot + high - low),
        "pvt_frst_dmrs_prc": str(2 * pivot - low),
        "pvt_pont_val": str(pivot),
        "pvt_frst_dmsp_prc": str(2 * pivot - high),
        "pvt_scnd_dmsp_prc": str(pivot - high + low),
        "dmrs_val": str((pivot + high) // 2),
        "dmsp_val": str((pivot + low) // 2),
    }


def _limits(view: View, yesterday: DayBar) -> dict[str, str]:
    """Price limits are "0" when the exchange sets none (ELW)."""
    issue, limits = view.issue, view.limits
    return {
        "stck_mxpr": str(limits.upper_krw if limits.has_limit else 0),
        "stck_llam": str(limits.lower_krw if limits.has_limit else 0),
        "stck_sdpr": str(issue.base_krw),
        **pivots(yesterday),
        "rstc_wdth_prc": str(limits.upper_krw - issue.base_krw if limits.has_limit else 0),
        "aspr_unit": str(tick_size(view.tape.last_krw, issue.grid)),
        "hts_deal_qty_unit_val": str(order_unit(issue.kind)),
    }


def company(view: View) -> dict[str, str]:
    """Return the fields of the company. Earnings and owners are not modelled: they follow from the
    price and the listed shares.
    """
    issue, tape = view.issue, view.tape
    earnings = max(issue.base_krw // 18, 1)
    book_value = max(issue.base_krw * 10 // 14, 1)
    capital = _capital_eok(issue)
    return {
        "cpfn": str(capital),
        "stck_fcam": "100",
        "stck_sspr": str(issue.base_krw * 8 // 10),
        "lstn_stcn": str(issue.listed_shares),
        "hts_avls": str(tape.last_krw * issue.listed_shares // _EOK),
        "per": decimal(tape.last_krw, earnings, 2),
        "pbr": decimal(tape.last_krw, book_value, 2),
        "stac_month": "12",
        "vol_tnrt": percent(tape.cum_qty, issue.listed_shares),
        "eps": f"{earnings}.00",
        "bps": f"{book_value}.00",
        "whol_loan_rmnd_rate": "0.12",
        "ssts_yn": "Y" if issue.kind == "stock" else "N",
        "stck_shrn_iscd": issue.symbol,
        "fcam_cnnm": "100",
        "cpfn_cnnm": f"{capital} 억",
        "apprch_rate": "",
        "frgn_hldn_qty": str(issue.listed_shares * _FOREIGN_PERCENT // 100),
    }


def _capital_eok(issue: Issue) -> int:
    return issue.listed_shares * 100 // _EOK


def _bar_of_today(view: View, now_ns: int) -> DayBar | None:
    """Return the day so far; None while nothing has traded."""
    tape = view.tape
    if not tape.open_krw:
        return None
    return DayBar(
        date_of(now_ns),
        tape.open_krw,
        tape.high_krw,
        tape.low_krw,
        tape.last_krw,
        tape.cum_qty,
        tape.cum_value_krw,
    )

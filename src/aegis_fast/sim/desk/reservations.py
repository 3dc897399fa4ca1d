"""Keep reserved orders (예약주문) until the opening they are for, and answer the calls about them.

A reservation is entered by the order desk at the start of the opening auction of the next trading
day. One with an end date is entered again every trading day until then, for what is still unfilled.
Nothing is blocked and nothing but the form is checked before: what the desk refuses at the opening
is kept with the reason. Like the broker's desk, none is taken from 07:30 to 15:40 of a trading day;
a market whose hours are "open" takes them at any time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta

from aegis_fast.sim.calls import inputs
from aegis_fast.sim.calls.answers import Answer, Asked, Refusal, success
from aegis_fast.sim.calls.market_views import no_such_issue
from aegis_fast.sim.calls.paging import Page
from aegis_fast.sim.desk.account import Account
from aegis_fast.sim.desk.desk import Desk, OrderForm
from aegis_fast.sim.desk.ledger import OrderEntry
from aegis_fast.sim.desk.order_checks import OrderChecks
from aegis_fast.sim.kst import SECOND_NS, date_of, hhmmss, midnight_ns, second_of_day
from aegis_fast.sim.market.calendar import is_trading_day, next_trading_day, phases
from aegis_fast.sim.market.rules import Side
from aegis_fast.sim.market.world import World
from aegis_fast.sim.rules import Rules

__all__ = ["MAX_RESERVATIONS", "Reservations"]

MAX_RESERVATIONS = 100_000
_PAGE = 20
_MAX_DAYS = 30
_KINDS = ("00", "01", "02", "05")
_UNPRICED = ("01", "05")
_CASH = "10"
_CLOSED_FROM_S, _CLOSED_TO_S = 7 * 3_600 + 1_800, 15 * 3_600 + 2_400
_SIDE_NAMES = {Side.SELL: "현금매도", Side.BUY: "현금매수"}
_DONE = ("KIOK0430", "정상적으로 처리되었습니다")


@dataclass(slots=True)
class _Form:
    symbol: str
    side: Side
    kind: str
    qty: int
    price_krw: int
    last_day: date


@dataclass(slots=True)
class _Reservation:
    """due: the day of its next entry, None when there is none left. refusal: why the desk did not
    take it. cancelled_ns: 0 unless the customer took it back.
    """

    number: int
    account: Account
    form: _Form
    reserved_ns: int
    first_day: date
    due: date | None
    ip: str
    cancelled_ns: int = 0
    refusal: str = ""
    orders: list[OrderEntry] = field(default_factory=list)

    @property
    def filled_qty(self) -> int:
        return sum(order.filled_qty for order in self.orders)

    @property
    def is_done(self) -> bool:
        return bool(self.orders) or bool(self.refusal)


class Reservations:
    """The reserved orders of one broker, oldest first, numbered from 1."""

    def __init__(self, rules: Rules, desk: Desk) -> None:
        self._rules = rules
        self._desk = desk
        self._all: list[_Reservation] = []
        self._waiting: list[_Reservation] = []
        self._next_ns: int | None = None
        self._world: World

    def join(self, world: World) -> None:
        """Connect the market."""
        self._world = world

    def enter_due(self, now_ns: int) -> None:
        """Hand every reservation whose opening has come to the order desk. Cheap when none has."""
        if self._next_ns is None or now_ns < self._next_ns:
            return
        today = date_of(now_ns)
        for one in self._waiting:
            if one.due is not None and _opening_ns(one.due) <= now_ns:
                # After a leap in time the opening meant may lie behind: today's, if there is one.
                if is_trading_day(today):
                    self._enter(one, now_ns)
                one.due = self._next_day(one, today)
        self._settle_waiting()

    def _enter(self, one: _Reservation, now_ns: int) -> None:
        form = one.form
        qty = form.qty - one.filled_qty
        if qty <= 0:
            return
        order = OrderForm(form.symbol, form.side, form.kind, qty, form.price_krw, "KRX")
        try:
            one.orders.append(self._desk.place(one.account, order, one.ip, now_ns))
            one.refusal = ""
        except Refusal as refusal:
            one.refusal = refusal.message

    @staticmethod
    def _next_day(one: _Reservation, today: date) -> date | None:
        following = next_trading_day(today)
        is_left = following <= one.form.last_day and one.filled_qty < one.form.qty
        return following if is_left else None

    def _settle_waiting(self) -> None:
        self._waiting = [one for one in self._waiting if one.due is not None]
        openings = [_opening_ns(one.due) for one in self._waiting if one.due is not None]
        self._next_ns = min(openings, default=None)

    def place(self, asked: Asked) -> Answer:
        """Answer order-resv."""
        self._check_hours(asked.now_ns)
        if len(self._all) >= MAX_RESERVATIONS:
            raise Refusal("OPSQ0010", "simulator: too many reserved orders")
        form = self._form(asked.params, asked.now_ns)
        first = _first_day(asked.now_ns)
        one = _Reservation(
            len(self._all) + 1, asked.account, form, asked.now_ns, first, first, asked.ip
        )
        self._all.append(one)
        self._waiting.append(one)
        self._settle_waiting()
        return success(
            "APBK0013", "주문 전송 완료 되었습니다.", output={"RSVN_ORD_SEQ": str(one.number)}
        )

    def change(self, asked: Asked) -> Answer:
        """Answer order-resv-rvsecncl: amend or take back what has not been entered yet."""
        self._check_hours(asked.now_ns)
        number = inputs.number(asked.params, "RSVN_ORD_SEQ")
        one = next(
            (one for one in self._waiting if one.number == number and one.account is asked.account),
            None,
        )
        if one is None:
            # errors.json has no code of its own for reservations, which paper trading lacks.
            raise Refusal("APBK0918", "정정/취소할 예약주문이 없습니다.", rt_cd="7")
        if asked.variant == "cancel":
            one.cancelled_ns, one.due = asked.now_ns, None
        else:
            for name in ("PDNO", "ORD_QTY", "ORD_UNPR", "SLL_BUY_DVSN_CD", "ORD_DVSN_CD"):
                if name not in asked.params:
                    raise Refusal("OPSQ2002", f"ERROR INPUT FIELD NOT FOUND [{name}]")
            one.form = self._form(asked.params, asked.now_ns)
        self._settle_waiting()
        return success(*_DONE, output={"NRML_PRCS_YN": "Y"})

    def _check_hours(self, now_ns: int) -> None:
        second = second_of_day(now_ns)
        is_closed = self._world.hours == "day" and is_trading_day(date_of(now_ns))
        if is_closed and _CLOSED_FROM_S <= second < _CLOSED_TO_S:
            raise Refusal("APBK0918", "예약주문 가능시간이 아닙니다.(15:40 ~ 07:30)", rt_cd="7")

    def _form(self, params: Mapping[str, str], now_ns: int) -> _Form:
        kind = inputs.one_of(params, "ORD_DVSN_CD", _KINDS)
        side = Side(int(inputs.one_of(params, "SLL_BUY_DVSN_CD", ("01", "02"))))
        if params.get("ORD_OBJT_CBLC_DVSN_CD", _CASH) != _CASH:
            raise Refusal("APBK0957", "신용거래 약정이 등록되지 않은 계좌입니다.", rt_cd="7")
        book = self._world.exchange.books.get(params["PDNO"])
        if book is None:
            raise no_such_issue()
        qty, price = inputs.number(params, "ORD_QTY"), inputs.number(params, "ORD_UNPR")
        OrderChecks.check_qty(book, qty)
        if (price == 0) != (kind in _UNPRICED):
            raise inputs.invalid("ORD_UNPR")
        return _Form(params["PDNO"], side, kind, qty, price, _last_day(params, now_ns))

    def listed(self, asked: Asked) -> Answer:
        """Answer order-resv-ccnl: 20 reservations a page, oldest first."""
        params = asked.params
        first, last = (inputs.day(params, f"RSVN_ORD_{end}_DT") for end in ("ORD", "END"))
        done = inputs.one_of(params, "PRCS_DVSN_CD", ("0", "1", "2"))
        has_cancelled = inputs.one_of(params, "CNCL_YN", ("Y", "N")) == "Y"
        number = inputs.number(params, "RSVN_ORD_SEQ") if params.get("RSVN_ORD_SEQ") else 0
        symbol, side = params.get("PDNO", ""), params.get("SLL_BUY_DVSN_CD", "")
        chosen = [
            one
            for one in self._all
            if one.account is asked.account
            and first <= date_of(one.reserved_ns) <= last
            and done in ("0", "1" if one.is_done else "2")
            and (has_cancelled or not one.cancelled_ns)
            and number in (0, one.number)
            and symbol in ("", one.form.symbol)
            and side in ("", "00", f"{one.form.side:02d}")
        ]
        keys = [f"{one.number:010d}" for one in chosen]
        page = Page(params, asked.tr_cont, keys, _PAGE, is_descending=False, area="200")
        return page.answer(output=[self._row(chosen[index]) for index in page.indexes])

    def _row(self, one: _Reservation) -> dict[str, str]:
        form, entered = one.form, one.orders[-1] if one.orders else None
        result = "거부" if one.refusal else "처리" if entered else "미처리"
        return {
            "rsvn_ord_seq": str(one.number),
            "rsvn_ord_ord_dt": one.first_day.strftime("%Y%m%d"),
            "rsvn_ord_rcit_dt": date_of(one.reserved_ns).strftime("%Y%m%d"),
            "pdno": form.symbol,
            "ord_dvsn_cd": form.kind,
            "ord_rsvn_qty": str(form.qty),
            "tot_ccld_qty": str(one.filled_qty),
            "cncl_ord_dt": (
                date_of(one.cancelled_ns).strftime("%Y%m%d") if one.cancelled_ns else ""
            ),
            "ord_tmd": hhmmss(entered.accepted_ns) if entered else "",
            "ctac_tlno": "",
            "rjct_rson2": one.refusal or ("정상 처리 완료되었습니다." if entered else ""),
            "odno": self._rules.odno(entered.odno) if entered else "",
            "rsvn_ord_rcit_tmd": hhmmss(one.reserved_ns),
            "kor_item_shtn_name": self._world.tapes[form.symbol].issue.name,
            "sll_buy_dvsn_cd": f"{form.side:02d}",
            "ord_rsvn_unpr": str(form.price_krw),
            "tot_ccld_amt": str(sum(order.filled_value_krw for order in one.orders)),
            "loan_dt": "",
            "cncl_rcit_tmd": hhmmss(one.cancelled_ns) if one.cancelled_ns else "",
            "prcs_rslt": "취소" if one.cancelled_ns else result,
            "ord_dvsn_name": _SIDE_NAMES[form.side],
            "tmnl_mdia_kind_cd": "31",
            "rsvn_end_dt": form.last_day.strftime("%Y%m%d"),
        }


def _opening_ns(day: date) -> int:
    """Return when the opening auction of a trading day begins to take orders."""
    begins = next(phase.start_s for phase in phases(day) if phase.name == "opening_auction")
    return midnight_ns(day) + begins * SECOND_NS


def _first_day(now_ns: int) -> date:
    """Return the trading day whose opening comes next."""
    today = date_of(now_ns)
    if is_trading_day(today) and now_ns < _opening_ns(today):
        return today
    return next_trading_day(today)


def _last_day(params: Mapping[str, str], now_ns: int) -> date:
    """Return the last day of entry: the first one, or RSVN_ORD_END_DT up to 30 days ahead."""
    first = _first_day(now_ns)
    if not params.get("RSVN_ORD_END_DT", "").strip():
        return first
    last = inputs.day(params, "RSVN_ORD_END_DT")
    if not first <= last <= date_of(now_ns) + timedelta(days=_MAX_DAYS):
        raise inputs.invalid("RSVN_ORD_END_DT")
    return last

"""Refuse what the order desk must not take: by session, venue, type, price, quantity and funds.

Codes come from errors.json; where that table has none the comment says so.
"""

from __future__ import annotations

from typing import NamedTuple

from aegis_fast.kis import tr
from aegis_fast.sim.calls.answers import Refusal
from aegis_fast.sim.desk.account import Account, buy_cost_krw
from aegis_fast.sim.kst import date_of, second_of_day
from aegis_fast.sim.market.calendar import phases
from aegis_fast.sim.market.exchange import KINDS, Book, OrderKind
from aegis_fast.sim.market.rules import Side, is_on_grid, order_unit
from aegis_fast.sim.market.world import World
from aegis_fast.sim.rules import Rules

__all__ = ["OrderChecks", "OrderForm", "Route"]

_MAX_QTY = 999_999_999  # Nine digits in the notice.


class OrderForm(NamedTuple):
    """A new order. qty > 0; price_krw 0 for unpriced kinds; trigger_krw 0 but for a stop."""

    symbol: str
    side: Side
    kind: str
    qty: int
    price_krw: int
    venue: str
    trigger_krw: int = 0


class Route(NamedTuple):
    """Where an order goes: the book, and the type as that book knows it."""

    book: Book
    kind: OrderKind


def board_of(kind: OrderKind, venue: str) -> str:
    """Return the board an order type belongs to on a venue (KRX or NXT)."""
    if venue == "NXT":
        return "NXT"
    return next(board for board in ("KRX", "FIXED", "AFTER", "NXT") if board in kind.boards)


class OrderChecks:
    """The checks of one order desk. All raise Refusal."""

    def __init__(self, rules: Rules, world: World) -> None:
        self._rules = rules
        self._world = world

    def route(self, form: OrderForm, now_ns: int) -> Route:
        """Return where a new order goes; refuse what no book takes now."""
        if form.symbol not in self._world.exchange.books:
            raise Refusal("APBK0656", "해당종목정보가 없습니다.", rt_cd="7")
        self.check_venue(form.venue)
        kind = KINDS.get(form.kind)
        known = tr.order_kinds().get(form.kind)
        if kind is None or known is None or form.venue not in known.venues:
            # 01 on NXT is what most callers trip over.
            code = "APBK1943" if form.kind == "01" else "APBK0918"
            text = f"해당 거래소에서 주문할 수 없는 주문구분입니다.({form.venue} {form.kind})"
            raise Refusal(code, text, rt_cd="7")
        if form.symbol in self._world.sessions.halted:
            raise Refusal("APBK0918", "거래정지 종목입니다.", rt_cd="7")
        if form.venue == "SOR":
            book = self._better(form, kind, now_ns)
        else:
            book = self._book_on(form.symbol, kind, form.venue, now_ns)
        self.check_qty(book, form.qty)
        self.check_price(book, kind, form.price_krw, form.trigger_krw)
        return Route(book, kind)

    def check_venue(self, venue: str) -> None:
        """Refuse a venue that the profile does not have."""
        if venue not in self._rules.kis.venues:
            raise Refusal("APBK0918", f"주문 가능한 거래소가 아닙니다.({venue})", rt_cd="7")

    def check_open(self, book: Book, kind: OrderKind, now_ns: int) -> None:
        """Refuse an order type that the session under way does not take."""
        phase = self._world.sessions.phase(book.board)
        if phase is None or book.mode == "closed":
            raise self._closed(book.board, now_ns)
        if kind.code not in phase.kinds:
            if phase.board == "NXT" and phase.name.startswith("after"):
                text = f"NXT 애프터마켓에서 주문할 수 없는 주문구분입니다.({kind.code})"
                raise Refusal("APBK3013", text, rt_cd="7")
            text = f"장운영시간에 맞지 않는 주문구분입니다.({phase.name} {kind.code})"
            raise Refusal("APBK0918", text, rt_cd="7")
        if book.mode == "auction" and book.board != "FIXED" and not kind.rests_in_auction:
            text = f"단일가매매 시간에는 주문할 수 없는 주문구분입니다.({kind.code})"
            raise Refusal("APBK0918", text, rt_cd="7")
        if book.mode == "halted":
            raise Refusal("APBK0918", "거래정지 종목입니다.", rt_cd="7")

    def _closed(self, board: str, now_ns: int) -> Refusal:
        """Return the refusal outside the sessions of a board."""
        starts = [p.start_s for p in phases(date_of(now_ns)) if p.board == board]
        is_early = bool(starts) and second_of_day(now_ns) < starts[0]
        if self._rules.is_paper:
            if is_early:
                return Refusal("40570000", "모의투자 장시작전 입니다.", rt_cd="1")
            return Refusal("40580000", "모의투자 장종료 입니다.", rt_cd="1")
        text = "장운영시간이 아닙니다.(장시작전)" if is_early else "장운영시간이 아닙니다."
        return Refusal("APBK0918", text, rt_cd="7")

    def _book_on(self, symbol: str, kind: OrderKind, venue: str, now_ns: int) -> Book:
        try:
            book = self._world.exchange.book(symbol, board_of(kind, venue))
        except KeyError:
            text = f"해당 시장에서 거래할 수 없는 종목입니다.({venue} {kind.code})"
            raise Refusal("APBK0918", text, rt_cd="7") from None
        self.check_open(book, kind, now_ns)
        return book

    def _better(self, form: OrderForm, kind: OrderKind, now_ns: int) -> Book:
        """Return the venue that trades the order best at once; KRX when both are alike.

        An order that neither venue can trade at once rests on KRX while its session lasts; a venue
        that trades goes before one that collects orders for an auction. The whole order goes there.
        """
        venues = tr.order_kinds()[kind.code].venues
        found: list[Book] = []
        refused: Refusal | None = None
        for venue in ("KRX", "NXT"):
            if venue not in venues:
                continue
            try:
                found.append(self._book_on(form.symbol, kind, venue, now_ns))
            except Refusal as refusal:
                refused = refused or refusal
        if not found:
            assert refused is not None
            raise refused
        trading = [book for book in found if book.mode == "continuous"]
        found = trading or found[:1]
        opposite = [book.half(form.side.other).best_krw() for book in found]
        if len(found) == 1 or not all(opposite):
            return found[0] if len(found) == 1 or opposite[0] or not opposite[1] else found[1]
        krx, nxt = opposite
        is_better = nxt < krx if form.side is Side.BUY else nxt > krx
        return found[1] if is_better else found[0]

    @staticmethod
    def check_qty(book: Book, qty: int) -> None:
        """Refuse a quantity that is none or no multiple of the unit."""
        unit = order_unit(book.issue.kind)
        if not 0 < qty <= _MAX_QTY or qty % unit:
            # The table has no code for this one; the text is what a caller must read anyway.
            raise Refusal(
                "APBK0918", f"주문수량을 확인하시기 바랍니다.(매매수량단위 {unit})", rt_cd="7"
            )

    @staticmethod
    def check_price(book: Book, kind: OrderKind, price_krw: int, trigger_krw: int = 0) -> None:
        """Refuse a price off the grid or outside the day's limits, or one too many.

        APBK0506 is not in errors.json; it stands for every refusal of a price here.
        """
        if not kind.needs_price:
            if price_krw:
                raise Refusal(
                    "APBK0506",
                    "시장가 등 가격이 없는 주문은 주문단가를 0으로 입력합니다.",
                    rt_cd="7",
                )
            return
        for price in (price_krw, trigger_krw) if kind.is_stop else (price_krw,):
            if not is_on_grid(price, book.issue.grid):
                text = "주문단가의 호가단위를 확인하시기 바랍니다."
                raise Refusal("APBK0506", text, rt_cd="7")
            if not book.limits.lower_krw <= price <= book.limits.upper_krw:
                text = "주문단가가 상한가와 하한가의 범위를 벗어났습니다."
                raise Refusal("APBK0506", text, rt_cd="7")

    def check_funds(self, account: Account, form: OrderForm, block_krw: int) -> None:
        """Refuse what the account cannot pay or does not hold."""
        if form.side is Side.BUY:
            if account.available_krw < buy_cost_krw(block_krw, form.qty):
                raise Refusal("APBK0952", "주문가능금액을 초과 했습니다.", rt_cd="7")
        elif account.holding(form.symbol).sellable_qty < form.qty:
            code = "40240000" if self._rules.is_paper else "APBK0400"
            raise Refusal(code, "주문 가능한 수량을 초과했습니다.", rt_cd="7")

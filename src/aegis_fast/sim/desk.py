"""Take orders as the broker's order desk does: check, number, block money, hand to the exchange.

Identity is (date, number); numbers count up from 1. A refusal leaves no trace in the ledger. An
accepted request is in the ledger before its first notice goes out. Refusal codes come from
errors.json; where that table has none the comment says so.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from aegis_fast.sim.account import Account, buy_cost_krw
from aegis_fast.sim.answers import Refusal
from aegis_fast.sim.exchange import KINDS, Book, Order, OrderKind
from aegis_fast.sim.faults import Faults
from aegis_fast.sim.frames import Notice
from aegis_fast.sim.kst import date_of, date_text
from aegis_fast.sim.ledger import Ledger, OrderEntry
from aegis_fast.sim.market import Side, is_on_grid, order_unit
from aegis_fast.sim.rules import Rules
from aegis_fast.sim.world import World

__all__ = ["ChangeForm", "Desk", "OrderForm"]

_SOR_KINDS = frozenset({"00", "01", "03", "04", "11", "12", "13", "14", "15", "16"})
_REGULAR_KINDS = _SOR_KINDS | {"02"}
_AMEND_KINDS = frozenset({"00", "01", "02"})
_MAX_QTY = 999_999_999  # Nine digits in the notice.


@dataclass(frozen=True, slots=True)
class OrderForm:
    """A new order. qty > 0; price_krw 0 for unpriced kinds."""

    symbol: str
    side: Side
    kind: str
    qty: int
    price_krw: int
    venue: str


@dataclass(frozen=True, slots=True)
class ChangeForm:
    """An amend or a cancel of `original`. qty counts only without is_all."""

    original: int
    is_cancel: bool
    kind: str
    qty: int
    price_krw: int
    is_all: bool
    venue: str


class Desk:
    """The order desk of one simulated broker."""

    def __init__(
        self,
        rules: Rules,
        ledger: Ledger,
        accounts: dict[str, Account],
        faults: Faults,
        on_notice: Callable[[Notice], None],
    ) -> None:
        self._rules = rules
        self._ledger = ledger
        self._accounts = accounts
        self._faults = faults
        self._on_notice = on_notice
        self._world: World

    def join(self, world: World) -> None:
        """Connect the market; its fills must come back through on_fill."""
        self._world = world

    def place(self, account: Account, form: OrderForm, ip: str, now_ns: int) -> OrderEntry:
        """Accept a new order and let it trade. Raises Refusal."""
        book, kind = self._check(form)
        limit = book.limit_of(kind, form.side, form.price_krw)
        # Unpriced buys block cash at the upper limit, whatever they end up costing.
        block = form.price_krw if kind.needs_price else book.limits.upper_krw
        self._check_funds(account, form, block)
        entry = OrderEntry(
            odno=self._ledger.next_odno(),
            date=date_text(now_ns),
            account=account.number,
            symbol=form.symbol,
            side=form.side,
            qty=form.qty,
            price_krw=form.price_krw if kind.needs_price else 0,
            kind=form.kind,
            venue=form.venue,
            ip=ip,
            accepted_ns=now_ns,
        )
        self._open(entry, account, now_ns)
        if not limit or self._faults.take("exchange_reject"):
            self._reject(entry, account, now_ns)
            return entry
        entry.block_krw = block
        if entry.side is Side.SELL:
            account.reserve_shares(entry.symbol, entry.qty)
        self._block(entry, account)
        self._notify(entry, account, now_ns)
        self._send(entry, account, kind, limit, now_ns)
        return entry

    def change(self, account: Account, form: ChangeForm, ip: str, now_ns: int) -> OrderEntry:
        """Accept an amend or a cancel and carry it out. Raises Refusal."""
        target = self._target(account, form)
        qty = target.leaves_qty if form.is_all else form.qty
        if not 0 < qty <= target.leaves_qty:
            code = "IGW00022" if self._rules.is_paper else "APBK1359"
            raise Refusal(code, "정정/취소 가능수량이 없거나 초과하였습니다.", rt_cd="7")
        if self._ledger.is_full:
            raise Refusal("OPSQ0010", "simulator: the ledger is full")
        entry = OrderEntry(
            odno=self._ledger.next_odno(),
            date=date_text(now_ns),
            account=account.number,
            symbol=target.symbol,
            side=target.side,
            qty=qty,
            price_krw=0 if form.is_cancel else form.price_krw,
            kind=target.kind if form.is_cancel else form.kind,
            venue=target.venue,
            request="cancel" if form.is_cancel else "amend",
            original=target.odno,
            ip=ip,
            accepted_ns=now_ns,
        )
        if form.is_cancel:
            self._open(entry, account, now_ns)
            self._withdraw(target, account, qty)
            target.canceled_qty += qty
            self._notify(entry, account, now_ns, receipt="2")
        else:
            self._amend(target, entry, account, now_ns)
        return entry

    def end_day(self, now_ns: int) -> int:
        """Take what is left of earlier days' orders out of the market; returns how many there were.

        Every order here is a day order: it ends with its date, without a notice, as at KIS.
        """
        today, ended = date_text(now_ns), 0
        for entry in self._ledger.orders.values():
            if entry.date < today and entry.leaves_qty and entry.request != "cancel":
                qty = entry.leaves_qty
                self._withdraw(entry, self._accounts[entry.account], qty)
                entry.canceled_qty += qty
                ended += 1
        return ended

    def on_fill(
        self, book: Book, odno: int, side: Side, price_krw: int, qty: int, now_ns: int
    ) -> None:
        """Book a trade of one of our orders: money, ledger, notice."""
        entry = self._ledger.orders[odno]
        account = self._accounts[entry.account]
        if side is Side.SELL:
            account.reserve_shares(entry.symbol, -qty)
        fees = account.settle(book.issue, side, price_krw, qty, date_of(now_ns))
        self._ledger.add_fill(entry, price_krw, qty, fees, now_ns)
        self._block(entry, account)
        self._notify(
            entry, account, now_ns, qty=qty, price_krw=price_krw, receipt="2", is_fill=True
        )

    def _check(self, form: OrderForm) -> tuple[Book, OrderKind]:
        book = self._world.exchange.books.get(form.symbol)
        if book is None:
            raise Refusal("APBK0656", "해당종목정보가 없습니다.", rt_cd="7")
        if self._ledger.is_full:
            raise Refusal("OPSQ0010", "simulator: the ledger is full")
        self._check_venue(form.venue)
        kind = KINDS.get(form.kind)
        if kind is None or form.kind not in (_SOR_KINDS if form.venue == "SOR" else _REGULAR_KINDS):
            raise Refusal(
                "APBK0918", f"장운영시간 또는 거래소에 맞지 않는 주문구분입니다.({form.kind})"
            )
        unit = order_unit(book.issue.kind)
        if not 0 < form.qty <= _MAX_QTY or form.qty % unit:
            # The table has no code for this one; the text is what a caller must read anyway.
            raise Refusal("APBK0918", f"주문수량을 확인하시기 바랍니다.(매매수량단위 {unit})")
        self._check_price(book, kind, form.price_krw)
        return book, kind

    def _check_venue(self, venue: str) -> None:
        if venue == "NXT" and not self._rules.is_paper:
            raise Refusal("APBK0918", "simulator: NXT 거래소는 아직 지원하지 않습니다.")
        if venue not in self._rules.kis.venues:
            raise Refusal("APBK0918", f"주문 가능한 거래소가 아닙니다.({venue})")

    @staticmethod
    def _check_price(book: Book, kind: OrderKind, price_krw: int) -> None:
        if not kind.needs_price:
            if price_krw:
                raise Refusal(
                    "APBK0506", "시장가 등 가격이 없는 주문은 주문단가를 0으로 입력합니다."
                )
            return
        # APBK0506 is not in errors.json; it stands for every refusal of a price here.
        if not is_on_grid(price_krw, book.issue.kind):
            raise Refusal("APBK0506", "주문단가의 호가단위를 확인하시기 바랍니다.")
        if not book.limits.lower_krw <= price_krw <= book.limits.upper_krw:
            raise Refusal("APBK0506", "주문단가가 상한가와 하한가의 범위를 벗어났습니다.")

    def _check_funds(self, account: Account, form: OrderForm, block_krw: int) -> None:
        if form.side is Side.BUY:
            if account.available_krw < buy_cost_krw(block_krw, form.qty):
                raise Refusal("APBK0952", "주문가능금액을 초과 했습니다.", rt_cd="7")
        elif account.holding(form.symbol).sellable_qty < form.qty:
            code = "40240000" if self._rules.is_paper else "APBK0400"
            raise Refusal(code, "주문 가능한 수량을 초과했습니다.", rt_cd="7")

    def _target(self, account: Account, form: ChangeForm) -> OrderEntry:
        target = self._ledger.orders.get(form.original)
        if target is None or target.account != account.number or target.request == "cancel":
            raise Refusal("IGW00022", "원주문번호를 확인하시기 바랍니다.", rt_cd="7")
        self._check_venue(form.venue)
        if form.venue != target.venue:
            raise Refusal("APBK0918", f"원주문의 거래소와 다릅니다.({target.venue})")
        if form.is_cancel:
            return target
        if form.kind not in _AMEND_KINDS:
            raise Refusal("APBK0918", f"정정할 수 없는 주문구분입니다.({form.kind})")
        book = self._world.exchange.books[target.symbol]
        self._check_price(book, KINDS[form.kind], form.price_krw)
        return target

    def _amend(self, target: OrderEntry, entry: OrderEntry, account: Account, now_ns: int) -> None:
        book, kind = self._world.exchange.books[entry.symbol], KINDS[entry.kind]
        block = entry.price_krw if kind.needs_price else book.limits.upper_krw
        if entry.side is Side.BUY:
            rest = target.leaves_qty - entry.qty
            freed = target.reserved_krw - (buy_cost_krw(target.block_krw, rest) if rest else 0)
            if account.available_krw + freed < buy_cost_krw(block, entry.qty):
                raise Refusal("APBK0952", "주문가능금액을 초과 했습니다.", rt_cd="7")
        self._open(entry, account, now_ns)
        entry.block_krw = block
        resting = target.resting
        assert resting is not None
        limit = book.limit_of(kind, entry.side, entry.price_krw)
        is_same_price = kind.needs_price and resting.price_krw == limit
        keeps_place = is_same_price and entry.qty == target.leaves_qty
        if keeps_place:
            resting.owner, entry.resting = entry.odno, resting
            target.resting, target.leaves_qty = None, 0
            self._block(target, account)
        else:
            self._withdraw(target, account, entry.qty)
            if entry.side is Side.SELL:
                account.reserve_shares(entry.symbol, entry.qty)
        target.amended_qty += entry.qty
        self._block(entry, account)
        self._notify(entry, account, now_ns, receipt="2")
        if not keeps_place:
            self._send(entry, account, kind, limit, now_ns)

    def _open(self, entry: OrderEntry, account: Account, now_ns: int) -> None:
        entry.visible_ns = now_ns + self._faults.take_delay_ns("hide")
        self._ledger.add_order(entry)

    def _reject(self, entry: OrderEntry, account: Account, now_ns: int) -> None:
        entry.rejected_qty, entry.leaves_qty = entry.qty, 0
        self._notify(entry, account, now_ns, is_reject=True)

    def _send(
        self, entry: OrderEntry, account: Account, kind: OrderKind, limit_krw: int, now_ns: int
    ) -> None:
        order = Order(entry.side, entry.qty, owner=entry.odno)
        entry.resting = order
        result = self._world.submit(entry.symbol, order, kind, limit_krw, now_ns)
        if order.rests and order.price_krw:
            entry.block_krw = order.price_krw
        if result.dropped_qty:
            entry.canceled_qty += result.dropped_qty
            entry.leaves_qty -= result.dropped_qty
            if entry.side is Side.SELL:
                account.reserve_shares(entry.symbol, -result.dropped_qty)
            self._notify(entry, account, now_ns, qty=result.dropped_qty, receipt="3")
        self._block(entry, account)

    def _withdraw(self, target: OrderEntry, account: Account, qty: int) -> None:
        assert target.resting is not None
        self._world.reduce(target.symbol, target.resting, qty)
        target.leaves_qty -= qty
        if target.side is Side.SELL:
            account.reserve_shares(target.symbol, -qty)
        self._block(target, account)

    @staticmethod
    def _block(entry: OrderEntry, account: Account) -> None:
        """Make the blocked cash of a buy order what its open rest needs."""
        if entry.side is Side.SELL:
            return
        need = buy_cost_krw(entry.block_krw, entry.leaves_qty)
        account.reserve_cash(need - entry.reserved_krw)
        entry.reserved_krw = need

    def _notify(
        self,
        entry: OrderEntry,
        account: Account,
        now_ns: int,
        *,
        qty: int = 0,
        price_krw: int = 0,
        receipt: str = "1",
        is_fill: bool = False,
        is_reject: bool = False,
    ) -> None:
        self._on_notice(
            Notice(
                hts_id=account.hts_id,
                account=account.number,
                account_name=account.name,
                odno=entry.odno,
                original=entry.original,
                side=entry.side,
                request={"new": "0", "amend": "1", "cancel": "2"}[entry.request],
                kind=entry.kind,
                symbol=entry.symbol,
                issue_name=self._world.exchange.books[entry.symbol].issue.name,
                venue=entry.venue,
                qty=qty or entry.qty,
                price_krw=price_krw if is_fill else entry.price_krw,
                order_qty=entry.qty,
                order_price_krw=entry.price_krw,
                time_ns=now_ns,
                is_fill=is_fill,
                is_reject=is_reject,
                receipt=receipt,
            )
        )

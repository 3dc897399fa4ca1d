"""Take orders as the broker's order desk does: check, number, block money, hand to the exchange.

Identity is (date, number); numbers count up from 1 on every date, and an amend or a cancel means
one of today. A refusal leaves no trace in the ledger. An accepted request is in the ledger before
its first notice goes out. Refusal codes come from errors.json; where that table has none the
comment says so.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from aegis_fast.kis import tr
from aegis_fast.sim.calls.answers import Refusal
from aegis_fast.sim.desk.account import Account, buy_cost_krw
from aegis_fast.sim.desk.ledger import Ledger, OrderEntry
from aegis_fast.sim.desk.order_checks import OrderChecks, OrderForm
from aegis_fast.sim.faults.waiting import Faults
from aegis_fast.sim.feed.frames import Notice
from aegis_fast.sim.kst import date_of, date_text
from aegis_fast.sim.market.exchange import KINDS, Book, Order, OrderKind
from aegis_fast.sim.market.rules import Side
from aegis_fast.sim.market.stops import Stops
from aegis_fast.sim.market.world import World
from aegis_fast.sim.rules import Rules

__all__ = ["ChangeForm", "Desk", "OrderForm"]

_TAKES_ORDERS = ("auction", "continuous")


def _block_price(book: Book, kind: OrderKind, price_krw: int) -> int:
    """Return the price at which a buy blocks cash.

    Unpriced buys block at the upper limit, whatever they end up costing; so does a conditional one,
    which becomes a market order in the closing auction. Off-hours orders know their price.
    """
    if kind.pricing == "fixed":
        return book.fixed_krw
    return price_krw if kind.needs_price and not kind.turns_market else book.limits.upper_krw


def _trigger_krw(target: OrderEntry, form: ChangeForm) -> int:
    """Return the trigger of an order after a change; 0 once it is no stop."""
    if form.is_cancel:
        return target.trigger_krw
    kind = KINDS.get(form.kind)
    return form.trigger_krw or target.trigger_krw if kind is not None and kind.is_stop else 0


@dataclass(frozen=True, slots=True)
class ChangeForm:
    """An amend or a cancel of today's order `original`. qty counts only without is_all.

    trigger_krw: what a stop waits for from now on; 0 leaves it as it is.
    """

    original: int
    is_cancel: bool
    kind: str
    qty: int
    price_krw: int
    is_all: bool
    venue: str
    trigger_krw: int = 0


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
        self._checks: OrderChecks

    def join(self, world: World) -> None:
        """Connect the market; its fills and ends must come back through on_fill and on_end."""
        self._world = world
        self._checks = OrderChecks(self._rules, world)

    def place(self, account: Account, form: OrderForm, ip: str, now_ns: int) -> OrderEntry:
        """Accept a new order and let it trade. Raises Refusal."""
        book, kind = self._checks.route(form, now_ns)
        if self._ledger.is_full:
            raise Refusal("OPSQ0010", "simulator: the ledger is full")
        limit = book.limit_of(kind, form.side, form.price_krw)
        block = _block_price(book, kind, form.price_krw)
        self._checks.check_funds(account, form, block)
        entry = OrderEntry(
            odno=self._ledger.next_odno(date_text(now_ns)),
            date=date_text(now_ns),
            account=account.number,
            symbol=form.symbol,
            side=form.side,
            qty=form.qty,
            price_krw=form.price_krw if kind.needs_price else 0,
            kind=form.kind,
            venue=form.venue,
            board=book.board,
            trigger_krw=form.trigger_krw if kind.is_stop else 0,
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
        target = self._target(account, form, now_ns)
        qty = target.leaves_qty if form.is_all else form.qty
        if not 0 < qty <= target.leaves_qty:
            code = "IGW00022" if self._rules.is_paper else "APBK1359"
            raise Refusal(code, "정정/취소 가능수량이 없거나 초과하였습니다.", rt_cd="7")
        if self._ledger.is_full:
            raise Refusal("OPSQ0010", "simulator: the ledger is full")
        entry = OrderEntry(
            odno=self._ledger.next_odno(date_text(now_ns)),
            date=date_text(now_ns),
            account=account.number,
            symbol=target.symbol,
            side=target.side,
            qty=qty,
            price_krw=0 if form.is_cancel else form.price_krw,
            kind=target.kind if form.is_cancel else form.kind,
            venue=target.venue,
            board=target.board,
            trigger_krw=_trigger_krw(target, form),
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
            # A stop that has fired does so once, unless it gets another trigger.
            has_fired = target.has_fired and not form.trigger_krw
            kind = KINDS["00"] if has_fired and entry.trigger_krw else KINDS[entry.kind]
            self._amend(target, entry, account, kind, now_ns)
        return entry

    def end_day(self, now_ns: int) -> int:
        """Take what is left of earlier days' orders out of the market; returns how many there were.

        Every order here is a day order: it ends with its date, without a notice, as at KIS.
        """
        today, ended = date_text(now_ns), 0
        for entry in list(self._ledger.live.values()):
            if entry.date < today:
                qty = entry.leaves_qty
                self._withdraw(entry, self._accounts[entry.account], qty)
                entry.canceled_qty += qty
                ended += 1
        return ended

    def on_fill(
        self, book: Book, serial: int, side: Side, price_krw: int, qty: int, now_ns: int
    ) -> None:
        """Book a trade of one of our orders: money, ledger, notice."""
        entry = self._ledger.orders[serial]
        account = self._accounts[entry.account]
        if side is Side.SELL:
            account.reserve_shares(entry.symbol, -qty)
        fees = account.settle(book.issue, side, price_krw, qty, date_of(now_ns))
        self._ledger.add_fill(entry, price_krw, qty, fees, now_ns)
        self._block(entry, account)
        self._notify(
            entry, account, now_ns, qty=qty, price_krw=price_krw, receipt="2", is_fill=True
        )

    def _target(self, account: Account, form: ChangeForm, now_ns: int) -> OrderEntry:
        target = self._ledger.find(date_text(now_ns), form.original)
        if target is None or target.account != account.number or target.request == "cancel":
            # errors.json knows IGW00022 from paper only and has no real code that says just this.
            code = "IGW00022" if self._rules.is_paper else "APBK0918"
            raise Refusal(code, "원주문번호를 확인하시기 바랍니다.", rt_cd="7")
        self._checks.check_venue(form.venue)
        if form.venue != target.venue:
            raise Refusal("APBK0918", f"원주문의 거래소와 다릅니다.({target.venue})", rt_cd="7")
        book = self._world.exchange.book(target.symbol, target.board)
        if form.is_cancel:
            # What rests between two sessions can't be touched until the next one.
            if target.leaves_qty and book.mode == "closed":
                self._checks.check_open(book, KINDS[target.kind], now_ns)
            return target
        kind = KINDS.get(form.kind)
        if (
            kind is None
            or kind.lifetime != "day"
            or target.board not in kind.boards
            or target.venue not in tr.order_kinds()[kind.code].venues
        ):
            raise Refusal("APBK0918", f"정정할 수 없는 주문구분입니다.({form.kind})", rt_cd="7")
        if target.leaves_qty:
            self._checks.check_open(book, kind, now_ns)
        self._checks.check_price(book, kind, form.price_krw, _trigger_krw(target, form))
        return target

    def _amend(
        self,
        target: OrderEntry,
        entry: OrderEntry,
        account: Account,
        kind: OrderKind,
        now_ns: int,
    ) -> None:
        """Let the order go on under its new number; kind: how the book is to take it."""
        book = self._world.exchange.book(entry.symbol, entry.board)
        block = _block_price(book, kind, entry.price_krw)
        limit = book.limit_of(kind, entry.side, entry.price_krw)
        if not limit:
            raise Refusal("APBK0918", "호가가 없어 정정할 수 없습니다.", rt_cd="7")
        if entry.side is Side.BUY:
            rest = target.leaves_qty - entry.qty
            freed = target.reserved_krw - (buy_cost_krw(target.block_krw, rest) if rest else 0)
            if account.available_krw + freed < buy_cost_krw(block, entry.qty):
                raise Refusal("APBK0952", "주문가능금액을 초과 했습니다.", rt_cd="7")
        self._open(entry, account, now_ns)
        entry.block_krw = block
        resting = target.resting
        assert resting is not None
        is_shown = not isinstance(resting.home, Stops) and not kind.is_stop
        is_same_price = kind.needs_price and resting.price_krw == limit and is_shown
        keeps_place = is_same_price and entry.qty == target.leaves_qty
        if keeps_place:
            resting.owner, resting.kind, entry.resting = entry.serial, kind, resting
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

    def on_end(self, book: Book, serial: int, qty: int, reason: str, now_ns: int) -> None:
        """Book the end of what rested: a session is over. KIS sends no notice of it.

        What KRX leaves of a SOR limit order at its close goes on at NXT (market.json "SOR": it can
        stay there into the after-market). A choice where no source speaks: that says no notice
        either; fills there do, as SOR->NXT.
        """
        entry = self._ledger.orders[serial]
        account = self._accounts[entry.account]
        if self._goes_on_at_nxt(entry):
            entry.board = "NXT"
            self._send(entry, account, KINDS[entry.kind], entry.price_krw, now_ns)
            return
        entry.leaves_qty -= qty
        entry.canceled_qty += qty
        if entry.side is Side.SELL:
            account.reserve_shares(entry.symbol, -qty)
        self._block(entry, account)

    def _goes_on_at_nxt(self, entry: OrderEntry) -> bool:
        if (entry.venue, entry.board, entry.kind) != ("SOR", "KRX", "00"):
            return False
        phase = self._world.phase("NXT")
        if phase is None or not phase.name.startswith("after_") or entry.kind not in phase.kinds:
            return False
        is_traded = self._world.exchange.trades(entry.symbol, "NXT")
        return is_traded and self._world.exchange.book(entry.symbol, "NXT").mode in _TAKES_ORDERS

    def _open(self, entry: OrderEntry, account: Account, now_ns: int) -> None:
        self._faults.hide(entry)
        self._ledger.add_order(entry)

    def _reject(self, entry: OrderEntry, account: Account, now_ns: int) -> None:
        entry.rejected_qty, entry.leaves_qty = entry.qty, 0
        self._ledger.drop_dead(entry)
        self._notify(entry, account, now_ns, is_reject=True)

    def _send(
        self, entry: OrderEntry, account: Account, kind: OrderKind, limit_krw: int, now_ns: int
    ) -> None:
        order = Order(
            entry.side, entry.leaves_qty, owner=entry.serial, trigger_krw=entry.trigger_krw
        )
        entry.resting = order
        result = self._world.submit(entry.symbol, order, kind, limit_krw, now_ns, entry.board)
        if order.rests and order.price_krw and not kind.turns_market:
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
        self._world.reduce(target.symbol, target.resting, qty, target.board)
        target.leaves_qty -= qty
        if target.side is Side.SELL:
            account.reserve_shares(target.symbol, -qty)
        self._block(target, account)

    def _block(self, entry: OrderEntry, account: Account) -> None:
        """Make the blocked cash of a buy order what its open rest needs; note when none is left."""
        self._ledger.drop_dead(entry)
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
                board=entry.board,
                stop_price_krw=entry.trigger_krw,
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

"""A slow, obvious broker: what really happened to every order, for judging what the engine thinks.

Nothing here is clever. Every request gets a number; every number has figures that add up; after
every change a copy of the whole list is kept with its time, so that a list "as of a while ago" can
be handed out. Money is moved fill by fill, as the broker moves it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from aegis_fast.core.events import FillSeen, NoticeAcked
from aegis_fast.core.hours import kst_hhmmss
from aegis_fast.core.model import DayOrder, OrderType, Side

__all__ = ["Fill", "LedgerTwin", "Request", "TooLate"]

_PPM = 1_000_000


class TooLate(Exception):
    """The order to be changed has nothing left."""


@dataclass
class Fill:
    number: int
    symbol: str
    side: Side
    qty: int
    price_krw: int


@dataclass
class Request:
    """One accepted request. block_krw: what a share of an open buy blocks."""

    number: int
    order_id: str
    kind: str
    original: int
    symbol: str
    side: Side
    order_type: OrderType
    qty: int
    price_krw: int
    block_krw: int
    time_hhmmss: int
    visible_ns: int
    filled_qty: int = 0
    filled_krw: int = 0
    canceled_qty: int = 0
    amended_qty: int = 0
    rejected_qty: int = 0

    @property
    def leaves_qty(self) -> int:
        if self.kind == "cancel":
            return 0
        gone = self.filled_qty + self.canceled_qty + self.amended_qty + self.rejected_qty
        return self.qty - gone

    def row(self) -> DayOrder:
        """As the broker's list shows it: it does not tell how much was amended away."""
        return DayOrder(
            broker_order_id=self.number,
            original_broker_order_id=self.original,
            org_no="06010",
            symbol=self.symbol,
            side=self.side,
            order_type=self.order_type,
            qty=self.qty,
            price_krw=self.price_krw,
            time_hhmmss=self.time_hhmmss,
            cum_qty=self.filled_qty,
            cum_value_krw=self.filled_krw,
            leaves_qty=self.leaves_qty,
            canceled_qty=self.canceled_qty,
            rejected_qty=self.rejected_qty,
            is_cancel=self.kind == "cancel",
            venue="KRX",
        )


@dataclass
class LedgerTwin:
    """The truth of one account. on_notice hears every notice the moment it happens.

    hidden_ns(): for how long the list does not show a new number.
    """

    cash_krw: int
    shares: dict[str, int]
    commission_ppm: int
    sell_tax_ppm: int
    on_notice: Callable[[FillSeen | NoticeAcked], None]
    hidden_ns: Callable[[], int]
    requests: dict[int, Request] = field(default_factory=dict)
    fills: list[Fill] = field(default_factory=list)
    history: list[tuple[int, list[DayOrder], dict[int, int]]] = field(default_factory=list)

    # -- what happens ---------------------------------------------------------------------------

    def place(
        self,
        now_ns: int,
        order_id: str,
        symbol: str,
        side: Side,
        order_type: OrderType,
        qty: int,
        price_krw: int,
        block_krw: int,
        *,
        is_rejected: bool = False,
    ) -> int:
        """Accept a new order; the exchange behind may reject it."""
        request = self._add(
            now_ns, order_id, "new", 0, symbol, side, order_type, qty, price_krw, block_krw
        )
        if is_rejected:
            request.rejected_qty = qty
        self._tell(request, action=0, is_rejected=is_rejected, qty=qty)
        self._remember(now_ns)
        return request.number

    def amend(
        self, now_ns: int, original: int, price_krw: int, *, is_rejected: bool = False
    ) -> int:
        """Move all that is left of an order to a new number and price."""
        target = self._target(original)
        request = self._add(
            now_ns,
            target.order_id,
            "amend",
            original,
            target.symbol,
            target.side,
            target.order_type,
            target.leaves_qty,
            price_krw,
            price_krw,
        )
        if is_rejected:
            request.rejected_qty = request.qty
        else:
            target.amended_qty += target.leaves_qty
        self._tell(request, action=1, is_rejected=is_rejected, qty=request.qty)
        self._remember(now_ns)
        return request.number

    def cancel(self, now_ns: int, original: int, qty: int, *, is_rejected: bool = False) -> int:
        """Take `qty` shares, 0 for all, of what is left out of the market."""
        target = self._target(original)
        if qty > target.leaves_qty:
            raise TooLate
        taken = qty or target.leaves_qty
        request = self._add(
            now_ns,
            target.order_id,
            "cancel",
            original,
            target.symbol,
            target.side,
            target.order_type,
            taken,
            0,
            0,
        )
        if is_rejected:
            request.rejected_qty = taken
        else:
            target.canceled_qty += taken
        self._tell(request, action=2, is_rejected=is_rejected, qty=taken)
        self._remember(now_ns)
        return request.number

    def fill(self, now_ns: int, number: int, qty: int, price_krw: int) -> None:
        """Trade a part of an open order and move the money."""
        request = self.requests[number]
        assert 0 < qty <= request.leaves_qty
        request.filled_qty += qty
        request.filled_krw += qty * price_krw
        self.fills.append(Fill(number, request.symbol, request.side, qty, price_krw))
        value = qty * price_krw
        fee = value * self.commission_ppm // _PPM
        held = self.shares.get(request.symbol, 0)
        if request.side == Side.BUY:
            self.cash_krw -= value + fee
            self.shares[request.symbol] = held + qty
        else:
            self.cash_krw += value - fee - value * self.sell_tax_ppm // _PPM
            self.shares[request.symbol] = held - qty
        self.on_notice(
            FillSeen(
                broker_order_id=number,
                qty=qty,
                price_krw=price_krw,
                time_hhmmss=kst_hhmmss(now_ns),
                session=0,
            )
        )
        self._remember(now_ns)

    # -- what is true ---------------------------------------------------------------------------

    def open_numbers(self) -> list[int]:
        return [number for number, r in self.requests.items() if r.leaves_qty > 0]

    def legs_of(self, order_id: str) -> list[Request]:
        """Every number under which an order was, or was to be, in the market."""
        return [r for r in self.requests.values() if r.order_id == order_id and r.kind != "cancel"]

    def placed(self, order_id: str) -> list[Request]:
        return [r for r in self.legs_of(order_id) if r.kind == "new"]

    def filled_qty(self, order_id: str) -> int:
        return sum(r.filled_qty for r in self.legs_of(order_id))

    def filled_krw(self, order_id: str) -> int:
        return sum(r.filled_krw for r in self.legs_of(order_id))

    def leaves_qty(self, order_id: str) -> int:
        return sum(r.leaves_qty for r in self.legs_of(order_id))

    def orderable_krw(self) -> int:
        """Cash that open buys do not block, each with its commission rounded up."""
        blocked = 0
        for r in self.requests.values():
            if r.side == Side.BUY and r.leaves_qty:
                value = r.leaves_qty * r.block_krw
                blocked += value - (-value * self.commission_ppm // _PPM)
        return self.cash_krw - blocked

    def sellable(self, symbol: str) -> int:
        offered = sum(
            r.leaves_qty
            for r in self.requests.values()
            if r.side == Side.SELL and r.symbol == symbol
        )
        return self.shares.get(symbol, 0) - offered

    def rows(self, as_of_ns: int, now_ns: int) -> list[DayOrder]:
        """The list as it was at `as_of_ns`, without the numbers that are still hidden now."""
        for time_ns, rows, visible in reversed(self.history):
            if time_ns <= as_of_ns:
                return [row for row in rows if visible[row.broker_order_id] <= now_ns]
        return []

    # -- by hand --------------------------------------------------------------------------------

    def _target(self, number: int) -> Request:
        target = self.requests.get(number)
        if target is None or target.leaves_qty <= 0:
            raise TooLate
        return target

    def _add(
        self,
        now_ns: int,
        order_id: str,
        kind: str,
        original: int,
        symbol: str,
        side: Side,
        order_type: OrderType,
        qty: int,
        price_krw: int,
        block_krw: int,
    ) -> Request:
        number = len(self.requests) + 1
        request = Request(
            number=number,
            order_id=order_id,
            kind=kind,
            original=original,
            symbol=symbol,
            side=side,
            order_type=order_type,
            qty=qty,
            price_krw=price_krw,
            block_krw=block_krw,
            time_hhmmss=kst_hhmmss(now_ns),
            visible_ns=now_ns + self.hidden_ns(),
        )
        self.requests[number] = request
        return request

    def _tell(self, request: Request, *, action: int, is_rejected: bool, qty: int) -> None:
        self.on_notice(
            NoticeAcked(
                broker_order_id=request.number,
                original_broker_order_id=request.original,
                action=action,
                is_rejected=is_rejected,
                accept_code=1 if action == 0 else 2,
                qty=qty,
                price_krw=request.price_krw,
            )
        )

    def _remember(self, now_ns: int) -> None:
        rows = [r.row() for r in self.requests.values()]
        visible = {r.number: r.visible_ns for r in self.requests.values()}
        self.history.append((now_ns, rows, visible))

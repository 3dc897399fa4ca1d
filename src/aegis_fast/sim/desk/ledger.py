"""Write down the truth: every accepted order, every fill, every call.

Tests judge by it, so nothing in it is ever forgotten silently: at max_orders or max_fills new
orders are refused, and calls are kept in a ring whose losses are counted.
"""

from __future__ import annotations

from collections import deque
from typing import Any, NamedTuple

from aegis_fast.sim.market.exchange import Order
from aegis_fast.sim.market.rules import Side
from aegis_fast.sim.market.stops import Stops

__all__ = ["CallEntry", "FillEntry", "Ledger", "OrderEntry"]

MAX_ORDERS = 1_000_000
MAX_FILLS = 2_000_000
MAX_CALLS = 100_000


class OrderEntry:
    """One accepted request of the order desk: a new order, an amend or a cancel.

    odno: unique with `date`. serial: unique for ever, given by the ledger. original: the number (of
    the same date) that an amend or a cancel acts on, else 0.
    qty = filled_qty + leaves_qty + canceled_qty + amended_qty + rejected_qty. price_krw: as asked,
    0 for an unpriced type. state: open, filled, canceled, amended (the rest lives on under another
    number), rejected, or done (a cancel request). resting: its order in the book, if any. venue: as
    asked for (KRX, NXT, SOR); board: the book it went to. trigger_krw: of a stop order. block_krw:
    the price at which an open buy blocks cash. visible_ns: when the query calls begin to show it.
    """

    __slots__ = (
        "accepted_ns",
        "account",
        "amended_qty",
        "block_krw",
        "board",
        "canceled_qty",
        "commission_krw",
        "date",
        "filled_qty",
        "filled_value_krw",
        "ip",
        "kind",
        "leaves_qty",
        "odno",
        "original",
        "price_krw",
        "qty",
        "rejected_qty",
        "request",
        "reserved_krw",
        "resting",
        "serial",
        "side",
        "symbol",
        "tax_krw",
        "trigger_krw",
        "venue",
        "visible_ns",
    )

    def __init__(
        self,
        *,
        odno: int,
        date: str,
        account: str,
        symbol: str,
        side: Side,
        qty: int,
        price_krw: int,
        kind: str,
        venue: str,
        board: str = "KRX",
        trigger_krw: int = 0,
        request: str = "new",
        original: int = 0,
        ip: str = "",
        accepted_ns: int = 0,
    ) -> None:
        self.serial = 0
        self.odno = odno
        self.date = date
        self.account = account
        self.symbol = symbol
        self.side = side
        self.qty = qty
        self.price_krw = price_krw
        self.kind = kind
        self.venue = venue
        self.board = board
        self.trigger_krw = trigger_krw
        self.request = request
        self.original = original
        self.ip = ip
        self.accepted_ns = self.visible_ns = accepted_ns
        self.leaves_qty = 0 if request == "cancel" else qty
        self.filled_qty = self.filled_value_krw = 0
        self.canceled_qty = self.amended_qty = self.rejected_qty = 0
        self.commission_krw = self.tax_krw = self.reserved_krw = self.block_krw = 0
        self.resting: Order | None = None

    @property
    def has_fired(self) -> bool:
        """Tell whether a stop order waits no more: it was in the book or traded."""
        is_waiting = self.resting is not None and isinstance(self.resting.home, Stops)
        return bool(self.trigger_krw) and not is_waiting

    @property
    def state(self) -> str:
        """Return the state in one word."""
        if self.request == "cancel":
            return "done"
        if self.leaves_qty:
            return "open"
        if self.rejected_qty:
            return "rejected"
        if self.amended_qty:
            return "amended"
        return "canceled" if self.canceled_qty else "filled"

    def as_json(self) -> dict[str, Any]:
        """Return the entry as the control page shows it."""
        return {
            "odno": f"{self.odno:010d}",
            "date": self.date,
            "account": self.account,
            "symbol": self.symbol,
            "side": self.side.name.lower(),
            "qty": self.qty,
            "price_krw": self.price_krw,
            "type": self.kind,
            "venue": self.venue,
            "board": self.board,
            "trigger_krw": self.trigger_krw,
            "request": self.request,
            "original_odno": f"{self.original:010d}" if self.original else "",
            "state": self.state,
            "filled_qty": self.filled_qty,
            "filled_value_krw": self.filled_value_krw,
            "leaves_qty": self.leaves_qty,
            "canceled_qty": self.canceled_qty,
            "amended_qty": self.amended_qty,
            "rejected_qty": self.rejected_qty,
            "commission_krw": self.commission_krw,
            "tax_krw": self.tax_krw,
            "reserved_krw": self.reserved_krw,
            "accepted_ns": self.accepted_ns,
            "ip": self.ip,
        }


class FillEntry(NamedTuple):
    """One fill of the order (date, odno). A trade between two orders of ours makes two.

    board: where it happened; the rest of a SOR order may move on.
    """

    seq: int
    date: str
    odno: int
    account: str
    symbol: str
    side: Side
    qty: int
    price_krw: int
    commission_krw: int
    tax_krw: int
    time_ns: int
    board: str = "KRX"

    def as_json(self) -> dict[str, Any]:
        """Return the entry as the control page shows it."""
        return {
            **self._asdict(),
            "odno": f"{self.odno:010d}",
            "side": self.side.name.lower(),
            "value_krw": self.price_krw * self.qty,
        }


class CallEntry(NamedTuple):
    """One REST call. arrival_ns: when the last byte of the request was read, on our clock."""

    seq: int
    arrival_ns: int
    appkey: str
    tr_id: str
    method: str
    path: str
    call: str
    status: int
    msg_cd: str
    ip: str


class Ledger:
    """Orders by serial, fills in order, calls in a ring.

    Numbers begin at 1 on every date, as the broker's are believed to; serials never repeat. live:
    the orders with something left, oldest first; drop_dead keeps it so.
    """

    def __init__(self, max_orders: int = MAX_ORDERS, max_fills: int = MAX_FILLS) -> None:
        self.orders: dict[int, OrderEntry] = {}
        self.live: dict[int, OrderEntry] = {}
        self.fills: list[FillEntry] = []
        self.calls: deque[CallEntry] = deque(maxlen=MAX_CALLS)
        self.call_count = 0
        self._by_number: dict[tuple[str, int], OrderEntry] = {}
        self._last_odno: dict[str, int] = {}
        self._by_account: dict[str, list[OrderEntry]] = {}
        self._fills_by_account: dict[str, list[FillEntry]] = {}
        self._max_orders = max_orders
        self._max_fills = max_fills

    @property
    def is_full(self) -> bool:
        """Tell whether no further order may be accepted."""
        return len(self.orders) >= self._max_orders or len(self.fills) >= self._max_fills

    @property
    def calls_dropped(self) -> int:
        """Return how many calls fell out of the ring."""
        return self.call_count - len(self.calls)

    def next_odno(self, date: str) -> int:
        """Return the number the next accepted request of a date gets: 1, 2, 3, ..."""
        return self._last_odno.get(date, 0) + 1

    def find(self, date: str, odno: int) -> OrderEntry | None:
        """Return the request that has that number on that date (YYYYMMDD)."""
        return self._by_number.get((date, odno))

    def add_order(self, entry: OrderEntry) -> None:
        """Keep an accepted request; it gets its serial."""
        entry.serial = len(self.orders) + 1
        self.orders[entry.serial] = entry
        self._by_number[entry.date, entry.odno] = entry
        self._last_odno[entry.date] = entry.odno
        if entry.leaves_qty:
            self.live[entry.serial] = entry
        self._by_account.setdefault(entry.account, []).append(entry)

    def drop_dead(self, entry: OrderEntry) -> None:
        """Let go of an order as a live one once nothing of it is left."""
        if not entry.leaves_qty:
            self.live.pop(entry.serial, None)

    def orders_of(self, account: str) -> list[OrderEntry]:
        """Return an account's requests, oldest first."""
        return self._by_account.get(account, [])

    def fills_of(self, account: str) -> list[FillEntry]:
        """Return an account's fills, oldest first."""
        return self._fills_by_account.get(account, [])

    def add_fill(
        self, entry: OrderEntry, price: int, qty: int, fees: tuple[int, int], now: int
    ) -> None:
        """Keep a fill (price in won, fees: commission and tax, now in ns) and count it."""
        entry.filled_qty += qty
        entry.filled_value_krw += price * qty
        entry.leaves_qty -= qty
        entry.commission_krw += fees[0]
        entry.tax_krw += fees[1]
        fill = FillEntry(
            len(self.fills) + 1,
            entry.date,
            entry.odno,
            entry.account,
            entry.symbol,
            entry.side,
            qty,
            price,
            fees[0],
            fees[1],
            now,
            entry.board,
        )
        self.fills.append(fill)
        self._fills_by_account.setdefault(entry.account, []).append(fill)

    def add_call(self, **fields: Any) -> None:
        """Keep a call; the oldest one falls out when the ring is full."""
        self.call_count += 1
        self.calls.append(CallEntry(self.call_count, **fields))

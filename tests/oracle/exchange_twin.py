"""One book as a flat list of orders: every question is answered by looking at all of them.

Written from the rules of the market, not from the matching code. Grid and limits are given as the
sorted list of all legal prices.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


def codes(text: str) -> list[str]:
    return text.split()


# Codes by board, and what an auction refuses. Source: rest.json "ord_dvsn", market.json sessions.
CODES = {
    "KRX": codes("00 01 02 03 04 11 12 13 14 15 16 21 22 23 24"),
    "FIXED": codes("05 06"),
    "AFTER": codes("41 42 43 44 45 46 47"),
    "NXT": codes("00 03 04 11 12 13 14 15 16 21 22 23 24 27 28 29"),
}
NOT_IN_AUCTION = set(codes("11 12 13 14 15 16 21 22 23 24 42 43 45 46"))
MARKET, OWN = {"01", "13", "14"}, {"04", "29", "47"}
COUNTER = {"03", "15", "16", "28", "44", "45", "46"}
MIDPOINT = {"21", "23", "24"}
IOC, FOK = {"11", "13", "15", "23", "42", "45"}, {"12", "14", "16", "24", "43", "46"}

Fill = tuple[int, int, int]  # Resting order, price, shares.


@dataclass
class TwinOrder:
    id: int
    is_buy: bool
    leaves: int
    code: str
    limit: int
    trigger: int = 0
    seq: int = 0
    place: str = ""  # "book", "hidden", "stop" or nowhere.
    is_market: bool = False

    @property
    def rank(self) -> tuple[int, bool, int]:
        """Better orders first."""
        return (-self.limit if self.is_buy else self.limit, not self.is_market, self.seq)


@dataclass
class TwinResult:
    fills: list[Fill] = field(default_factory=list)
    dropped: int = 0
    vi: tuple[str, int, int] | None = None


class ExchangeTwin:
    """guard: [static reference, static, dynamic, closing widths in bp], or None."""

    def __init__(
        self, board: str, prices: list[int], last: int, guard: list[int] | None = None
    ) -> None:
        self.board = board
        self.prices = prices
        self.last = self.fixed = last
        self.guard = guard
        self.mode = "fixed" if board == "FIXED" else "continuous"
        self.orders: list[TwinOrder] = []
        self.followups: list[tuple[int, TwinResult]] = []
        self.seq = 0

    def at(self, place: str, is_buy: bool) -> list[TwinOrder]:
        found = [o for o in self.orders if o.place == place and o.is_buy == is_buy]
        return sorted(found, key=lambda o: o.rank if place == "book" else o.seq)

    def best(self, is_buy: bool) -> int:
        orders = self.at("book", is_buy)
        return orders[0].limit if orders else 0

    def is_allowed(self, code: str) -> bool:
        if code not in CODES[self.board] or self.mode in ("closed", "halted"):
            return False
        return self.mode != "auction" or code not in NOT_IN_AUCTION

    def limit_of(self, code: str, is_buy: bool, price: int) -> int:
        if code in ("05", "06"):
            return self.fixed
        if code in MARKET | MIDPOINT:
            return self.prices[-1] if is_buy else self.prices[0]
        if code in COUNTER | OWN:
            side = is_buy if code in OWN else not is_buy
            priced = [o.limit for o in self.at("book", side) if not o.is_market]
            return (max(priced) if side else min(priced)) if priced else 0
        return price

    @staticmethod
    def between(bid: int, ask: int) -> int:
        middle = (bid + ask) // 2
        return middle if bid and ask and bid < middle < ask else 0

    def too_far(
        self, price: int, last: int, is_closing: bool = False
    ) -> tuple[str, int, int] | None:
        if self.guard is None:
            return None
        reference, static, dynamic, closing = self.guard
        dynamic = closing if is_closing else dynamic
        is_static = bool(static) and abs(price - reference) * 10_000 >= static * reference
        is_dynamic = bool(dynamic) and abs(price - last) * 10_000 >= dynamic * last
        if is_static:
            return ("both" if is_dynamic else "static", price, reference)
        return ("dynamic", price, last) if is_dynamic else None

    def plan(
        self, order: TwinOrder, *, is_guarded: bool = True
    ) -> tuple[list[Fill], tuple[str, int, int] | None]:
        """List the trades of an incoming order without doing them."""
        visible = [(o.id, o.limit, o.leaves) for o in self.at("book", not order.is_buy)]
        hidden = [(o.id, o.leaves) for o in self.at("hidden", not order.is_buy)]
        own = self.best(order.is_buy)
        need, fills = order.leaves, []
        while need:
            touch = visible[0][1] if visible else 0
            middle = self.between(own, touch) if order.is_buy else self.between(touch, own)

            def reaches(price: int) -> bool:
                return order.limit >= price if order.is_buy else order.limit <= price

            if hidden and middle and reaches(middle):
                (maker, have), price, is_hidden = hidden[0], middle, True
            elif order.code not in MIDPOINT and visible and reaches(touch):
                (maker, price, have), is_hidden = visible[0], False
            else:
                break
            far = self.too_far(price, self.last)
            if far and is_guarded:
                return fills, far
            qty = min(need, have)
            need -= qty
            fills.append((maker, price, qty))
            if is_hidden:
                hidden[0] = (maker, have - qty)
                hidden = [row for row in hidden if row[1]]
            else:
                visible[0] = (maker, price, have - qty)
                visible = [row for row in visible if row[2]]
        return fills, None

    def trade(self, order: TwinOrder) -> TwinResult:
        fills, far = self.plan(order)
        if order.code in FOK and (far or sum(qty for _, _, qty in fills) < order.leaves):
            # It interrupts only where it would have got all its shares.
            wish, _ = self.plan(order, is_guarded=False)
            far = far if sum(qty for _, _, qty in wish) == order.leaves else None
            fills = []
        by_id = {o.id: o for o in self.orders}
        for maker, price, qty in fills:
            order.leaves -= qty
            self.cut(by_id[maker], qty)
            self.last = price
        if far:
            self.mode = "auction"
        result = TwinResult(fills, 0, far)
        if order.leaves and order.code in IOC | FOK:
            result.dropped, order.leaves = order.leaves, 0
        elif order.leaves:
            self.rest(order)
        else:
            order.place = ""
        return result

    def rest(self, order: TwinOrder) -> None:
        if order.code in MARKET and self.mode == "auction":
            order.is_market = True
        elif order.code in MARKET:
            order.limit = self.market_price(order.is_buy)
        order.place = "hidden" if order.code in MIDPOINT else "book"

    def market_price(self, is_buy: bool) -> int:
        priced = [o.limit for o in self.at("book", is_buy) if not o.is_market]
        if is_buy:
            return max([*priced, max(p for p in self.prices if p <= self.last)])
        return min([*priced, min(p for p in self.prices if p >= self.last)])

    @staticmethod
    def cut(order: TwinOrder, qty: int) -> None:
        order.leaves -= qty
        if not order.leaves:
            order.place = ""

    def stamp(self, order: TwinOrder) -> None:
        self.seq += 1
        order.seq = self.seq

    def submit(self, order: TwinOrder) -> TwinResult:
        self.orders = [o for o in self.orders if o.place]
        self.stamp(order)
        self.orders.append(order)
        if self.mode == "auction":
            self.rest(order)
            return TwinResult()
        if order.code == "22" and not self.fires(order, [self.last]):
            order.place = "stop"
            return TwinResult()
        if order.code == "22":
            order.code = "00"
        result = self.trade(order)
        self.follow([price for _, price, _ in result.fills])
        return result

    @staticmethod
    def fires(order: TwinOrder, prices: list[int]) -> bool:
        if order.is_buy:
            return any(price >= order.trigger for price in prices)
        return any(price <= order.trigger for price in prices)

    def fired(self, prices: list[int]) -> list[TwinOrder]:
        waiting = sorted((o for o in self.orders if o.place == "stop"), key=lambda o: o.seq)
        found = [order for order in waiting if self.fires(order, prices)]
        for order in found:
            order.place = ""
        return found

    def follow(self, prices: list[int]) -> None:
        queue = self.fired(prices)
        while True:
            self.meet(queue)
            if not queue:
                return
            order = queue.pop(0)
            self.stamp(order)
            order.code = "00"
            if self.mode == "auction":
                self.rest(order)
                result = TwinResult()
            else:
                result = self.trade(order)
            self.followups.append((order.id, result))
            queue += self.fired([price for _, price, _ in result.fills])

    def meet(self, queue: list[TwinOrder]) -> None:
        """Trade hidden orders that have found a midpoint."""
        while self.mode == "continuous":
            buys, sells = self.at("hidden", True), self.at("hidden", False)
            if not buys or not sells or not self.between(self.best(True), self.best(False)):
                return
            taker = max(buys[0], sells[0], key=lambda o: o.seq)
            result = self.trade(taker)
            self.followups.append((taker.id, result))
            queue += self.fired([price for _, price, _ in result.fills])

    def reduce(self, order: TwinOrder, qty: int) -> None:
        self.cut(order, qty)
        self.follow([])

    def expire(self, ended: list[TwinOrder]) -> None:
        for order in ended:
            order.leaves, order.place = 0, ""
        self.follow([])

    def expected(self) -> tuple[int, int]:
        """Try every legal price: most shares, least left behind, nearest to the last, higher."""
        if self.mode != "auction":
            return 0, 0
        buys, sells = self.at("book", True), self.at("book", False)
        if not buys or not sells:
            return 0, 0
        wanted, offered = Counter[int](), Counter[int]()
        for orders, qty_at in ((buys, wanted), (sells, offered)):
            for order in orders:
                qty_at[order.limit] += order.leaves
        rows = []
        bid, ask = sum(wanted.values()), 0
        for price in self.prices:
            ask += offered[price]
            if min(bid, ask):
                rows.append((min(bid, ask), -abs(bid - ask), -abs(price - self.last), price))
            bid -= wanted[price]
        return (max(rows)[3], max(rows)[0]) if rows else (0, 0)

    def uncross(self) -> list[tuple[int, int, int, int]]:
        price, volume = self.expected()
        shares: dict[bool, list[int]] = {}
        for is_buy in (True, False):
            row = [o.id for o in self.at("book", is_buy) for _ in range(o.leaves)]
            shares[is_buy] = row[:volume]
        pairs = list(zip(shares[True], shares[False], strict=True))
        by_id = {o.id: o for o in self.orders}
        for pair in pairs:
            for party in pair:
                self.cut(by_id[party], 1)
        if volume:
            self.last = price
            if self.guard is not None:
                self.guard[0] = price
        self.price_market_orders(price)
        return [(*pair, price, qty) for pair, qty in Counter(pairs).items()]

    def price_market_orders(self, price: int) -> None:
        for is_buy in (True, False):
            left = [o for o in self.at("book", is_buy) if o.is_market]
            at = price or (self.market_price(is_buy) if left else 0)
            for order in left:
                order.is_market, order.limit = False, at
                self.stamp(order)

    def turn_market(self) -> list[int]:
        found = [o for o in self.orders if o.place == "book" and o.code == "02" and not o.is_market]
        found.sort(key=lambda o: o.seq)
        for order in found:
            order.is_market = True
            order.limit = self.prices[-1] if order.is_buy else self.prices[0]
            self.stamp(order)
        return [order.id for order in found]

    def is_crossed(self) -> bool:
        return bool(self.best(True) and self.best(False)) and self.best(True) >= self.best(False)

    def set_mode(self, mode: str) -> None:
        was, self.mode = self.mode, mode
        if mode == "continuous":
            self.price_market_orders(0)
            if was != mode:
                self.follow([self.last])

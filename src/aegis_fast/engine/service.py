"""Offer the engine to its users: the API, the command line, the screen, and strategies.

Implements core.ports.TradingService and core.strategy.StrategyTrading. Every order goes through
the same straight line: known? priced? allowed? then one event to the engine.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec

from aegis_fast.core.events import (
    AmendRequested,
    CancelRequested,
    KillSwitchSet,
    OrderSubmitted,
)
from aegis_fast.core.masking import mask_account
from aegis_fast.core.model import (
    Instrument,
    Order,
    OrderRequest,
    OrderState,
    OrderType,
    Position,
    Side,
    Venue,
)
from aegis_fast.core.orders import OrderRecord
from aegis_fast.core.ports import Broker, EngineStatus
from aegis_fast.core.pricing import Offsets, final_price_krw, reserve_price_krw
from aegis_fast.core.risk import RiskLimits, check_amend, check_order, check_quantity
from aegis_fast.engine.engine import Engine
from aegis_fast.engine.listing import Listing
from aegis_fast.engine.watching import Watching
from aegis_fast.errors import (
    InvalidRequest,
    NotFound,
    OrderOutcomeUnknown,
    OrderRejected,
    RiskRejected,
    TransientError,
)
from aegis_fast.hot import Book, Subscriber, Trade

__all__ = ["Service", "StatusSource"]

_NOT_READY = 801
_CONFLICT = 409
_DISK_GRACE_S = 1.0

# Fills in what only the shell knows: limiter, feed, start time.
StatusSource = Callable[[], EngineStatus]


class Service:
    """One account's trading, for everybody who wants to trade.

    closed(): why trading is not open, "" while it is; asked before every order, so it has to be
    cheap.
    """

    def __init__(
        self,
        *,
        engine: Engine,
        broker: Broker,
        listing: Listing,
        watching: Watching,
        offsets: Offsets,
        limits: RiskLimits,
        venues: tuple[str, ...],
        sell_tax_ppm: int,
        answer_timeout_s: float,
        status: StatusSource,
        closed: Callable[[], str],
    ) -> None:
        self._engine = engine
        self._broker = broker
        self._listing = listing
        self._watching = watching
        self._offsets = offsets
        self._limits = limits
        self._venues = venues
        self._sell_tax_ppm = sell_tax_ppm
        self._answer_timeout_s = answer_timeout_s
        self._status = status
        self._closed = closed

    # -- orders ---------------------------------------------------------------------------------

    async def submit(self, request: OrderRequest) -> Order:
        """See core.ports.TradingService.submit."""
        known = self._submitted_before(request)
        if known is None:
            self._check_ready()
            instrument = await self._listing.instrument(request.symbol)
            # Another task may have submitted the same id while we waited for the instrument.
            known = self._submitted_before(request)
            if known is None:
                known = self._submit(request, instrument)
        return await self._wait(known, lambda order: order.state is not OrderState.PENDING)

    def submit_now(
        self,
        symbol: str,
        side: Side,
        qty: int,
        *,
        order_type: OrderType,
        price_krw: int,
        base_price_krw: int,
        venue: Venue,
        origin: str,
    ) -> Order:
        """See core.strategy.StrategyTrading; the instrument must be known, watched ones are."""
        request = OrderRequest(
            client_order_id="",
            symbol=symbol,
            side=side,
            order_type=order_type,
            qty=qty,
            price_krw=price_krw,
            base_price_krw=base_price_krw,
            venue=venue,
            account=self._engine.account,
            origin=origin,
        )
        return self._submit(request, self._listing.instrument_now(symbol))

    def _submit(self, request: OrderRequest, instrument: Instrument) -> Order:
        # Here and not earlier: whoever waited for the instrument may have waited long.
        self._check_ready()
        manager = self._engine.manager
        if request.account != self._engine.account:
            request = msgspec.structs.replace(request, account=self._engine.account)
        check_quantity(request, instrument)
        price_krw = final_price_krw(request, instrument, self._offsets)
        reserve_krw = reserve_price_krw(request.order_type, price_krw, instrument)
        check_order(
            request,
            instrument,
            manager,
            self._limits,
            price_krw=price_krw,
            reserve_price_krw=reserve_krw,
            venues=self._venues,
        )
        order_id = manager.next_order_id(self._engine.now_ns())
        self._engine.apply(
            OrderSubmitted(
                order_id=order_id,
                client_order_id=request.client_order_id or order_id,
                account=self._engine.account,
                symbol=request.symbol,
                side=request.side,
                order_type=request.order_type,
                qty=request.qty,
                price_krw=price_krw,
                base_price_krw=request.base_price_krw,
                reserve_price_krw=reserve_krw,
                sell_tax_ppm=self._sell_tax_ppm if instrument.kind == "stock" else 0,
                venue=request.venue,
                trace_id=request.trace_id,
                origin=request.origin,
            )
        )
        return self._record(order_id).snapshot()

    def _submitted_before(self, request: OrderRequest) -> Order | None:
        """Return the order of this client_order_id; refuse another body under the same id."""
        if request.account and request.account != self._engine.account:
            raise NotFound("this engine does not trade that account", field="account")
        record = self._engine.manager.by_client_id(request.client_order_id)
        if record is None:
            return None
        is_same = (
            record.symbol == request.symbol
            and record.side == request.side
            and record.order_type is request.order_type
            and record.qty == request.qty
            and record.base_price_krw == request.base_price_krw
            and request.price_krw == (0 if record.base_price_krw else record.first_price_krw)
            and record.venue is request.venue
        )
        if not is_same:
            raise InvalidRequest(
                f"client_order_id {request.client_order_id!r} was used for another order "
                f"({record.order_id})",
                code=_CONFLICT,
                field="client_order_id",
                expected="a new id for a new order",
            )
        return record.snapshot()

    async def cancel(self, order_id: str) -> Order:
        """See core.ports.TradingService.cancel."""
        self._check_ready()
        return await self._change(self._cancel(order_id, 0))

    def cancel_now(self, order_id: str) -> Order:
        """Ask for the cancel and return at once."""
        self._check_ready()
        return self._cancel(order_id, 0)

    def _cancel(self, order_id: str, qty: int) -> Order:
        record = self._changeable(order_id)
        self._engine.apply(CancelRequested(order_id=order_id, qty=qty))
        return record.snapshot()

    async def amend(self, order_id: str, *, qty: int = 0, price_krw: int = 0) -> Order:
        """See core.ports.TradingService.amend."""
        self._check_ready()
        if bool(qty) == bool(price_krw):
            raise InvalidRequest(
                "one change at a time", field="price_krw", expected="either price_krw or qty"
            )
        record = self._changeable(order_id)
        if qty:
            return await self._change(self._reduce(record, qty))
        instrument = await self._listing.instrument(record.symbol)
        self._check_ready()
        record = self._changeable(order_id)
        check_amend(record, instrument, self._engine.manager, self._limits, price_krw=price_krw)
        reserve_krw = reserve_price_krw(record.order_type, price_krw, instrument)
        self._engine.apply(
            AmendRequested(order_id=order_id, price_krw=price_krw, reserve_price_krw=reserve_krw)
        )
        return await self._change(record.snapshot())

    def _reduce(self, record: OrderRecord, qty: int) -> Order:
        taken = record.qty - record.canceled_qty - qty
        if qty <= record.cum_qty or taken <= 0:
            raise RiskRejected(
                "the quantity of an order can only be reduced (KIS 정정은 가격만)",
                field="qty",
                expected=f"{record.cum_qty + 1:,} to {record.qty - record.canceled_qty - 1:,}, "
                "or cancel the order",
            )
        return self._cancel(record.order_id, taken)

    def _changeable(self, order_id: str) -> OrderRecord:
        record = self._record(order_id)
        if not record.snapshot().is_open:
            raise OrderRejected(
                f"order {order_id} is {record.state}: nothing is left to change",
                order_id=order_id,
            )
        if record.leg is None:
            raise OrderRejected(
                f"order {order_id} is {record.state}: its number at the broker is not known yet",
                order_id=order_id,
                expected="wait until it is live",
            )
        if record.request:
            raise OrderRejected(
                f"a change ({record.request}) of order {order_id} is under way", order_id=order_id
            )
        return record

    async def _change(self, order: Order) -> Order:
        """Wait until the broker has settled a cancel or amend.

        Raises OrderRejected if it refused, OrderOutcomeUnknown if its answer was lost.
        """
        settled = await self._wait(order, lambda o: not o.request or not o.is_open)
        outcome = self._record(order.order_id).request_outcome
        if settled.request or not settled.is_open or not outcome:
            return settled
        kind = OrderRejected if outcome == "refused" else OrderOutcomeUnknown
        raise kind(settled.message, venue_code=settled.venue_code, order_id=settled.order_id)

    async def _wait(self, order: Order, is_settled: Callable[[Order], bool]) -> Order:
        """Wait for the broker's word, at most `answer_timeout_ms`; what is known then is returned:
        a deadline changes no order."""
        deadline = asyncio.get_running_loop().time() + self._answer_timeout_s
        while True:
            future = self._engine.wait_for(order.order_id)
            try:
                current = self._record(order.order_id).snapshot()
                if is_settled(current):
                    await self._engine.settled()
                    return current
                left_s = deadline - asyncio.get_running_loop().time()
                await asyncio.wait_for(future, max(left_s, 0.0))
            except TimeoutError:
                return await self._at_deadline(order.order_id)
            finally:
                self._engine.stop_waiting(order.order_id, future)

    async def _at_deadline(self, order_id: str) -> Order:
        """Return what is known, once it can't be forgotten any more (I6)."""
        current = self._record(order_id).snapshot()
        if not await self._engine.settled_within(_DISK_GRACE_S):
            raise OrderOutcomeUnknown(
                f"order {order_id} may go out: the journal has not confirmed it yet",
                order_id=order_id,
                expected="ask again with the same client_order_id, or GET orders/{order_id}",
            )
        return current

    # -- looking --------------------------------------------------------------------------------

    def order(self, order_id: str) -> Order:
        """See core.ports.TradingService.order."""
        return self._record(order_id).snapshot()

    def orders(self, *, symbol: str = "", open_only: bool = False) -> list[Order]:
        """See core.ports.TradingService.orders."""
        found = [
            record.snapshot()
            for record in self._engine.manager.records()
            if not symbol or record.symbol == symbol
        ]
        found.reverse()
        return [order for order in found if order.is_open] if open_only else found

    async def quote(self, symbol: str) -> Mapping[str, Any]:
        """See core.ports.TradingService.quote."""
        return await self._listing.quote(symbol)

    async def book(self, symbol: str) -> Mapping[str, Any]:
        """See core.ports.TradingService.book."""
        await self._listing.instrument(symbol)
        return await self._watching.book_snapshot(symbol)

    async def balance(self) -> Mapping[str, Any]:
        """See core.ports.TradingService.balance."""
        self._check_ready()
        balance = await self._broker.balance(self._engine.account)
        portfolio = self._engine.manager.portfolio
        return {
            "account": mask_account(balance.account),
            "cash_krw": balance.cash_krw,
            "deposit_krw": balance.deposit_krw,
            "orderable_krw": portfolio.orderable_krw,
            "reserved_krw": portfolio.reserved_krw,
            "holdings_krw": balance.holdings_krw,
            "total_krw": balance.total_krw,
            "positions": [
                {"symbol": p.symbol, "name": p.name, "qty": p.qty, "cost_krw": p.cost_krw}
                for p in balance.positions
                if p.qty
            ],
            "as_of_ns": balance.as_of_ns,
            "source": "wire",
        }

    def positions(self) -> list[Position]:
        """See core.ports.TradingService.positions."""
        return [
            msgspec.structs.replace(p, name=self._listing.name(p.symbol))
            for p in self._engine.manager.portfolio.positions()
        ]

    def instruments(self) -> list[Instrument]:
        """See core.ports.TradingService.instruments."""
        return self._listing.known()

    def watch(
        self,
        symbols: Iterable[str],
        *,
        on_trade: Callable[[Trade], None] | None = None,
        on_depth: Callable[[Book], None] | None = None,
        on_order: Callable[[Order], None] | None = None,
    ) -> Callable[[], None]:
        """See core.ports.TradingService.watch."""
        watcher = Subscriber(
            "api",
            symbols=frozenset(symbols),
            on_trade=on_trade,
            on_depth=on_depth,
            on_order=on_order,
        )
        return self._watching.add(watcher)

    async def set_kill_switch(self, on: bool, reason: str) -> EngineStatus:
        """See core.ports.TradingService.set_kill_switch."""
        self._engine.apply(KillSwitchSet(is_on=on, reason=reason if on else ""))
        self._engine.enforce_kill_switch(is_new=True)
        await self._engine.settled()
        return self._status()

    def status(self) -> EngineStatus:
        """See core.ports.TradingService.status."""
        return self._status()

    # -- small things ---------------------------------------------------------------------------

    def _record(self, order_id: str) -> OrderRecord:
        record = self._engine.manager.get(order_id)
        if record is None:
            raise NotFound(f"there is no order {order_id!r}", field="order_id")
        return record

    def _check_ready(self) -> None:
        if reason := self._closed():
            raise TransientError(f"trading is not open: {reason}", code=_NOT_READY)

"""Carry commands to the broker, one request each, and put its word into an event.

Decides nothing: an order whose answer is late is reported as overdue, and what cannot be told to
have failed is lost, never refused.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping

from aegis_fast.core.events import (
    Event,
    OrderAccepted,
    OrderLost,
    OrderRefused,
    ReplaceAccepted,
    ReplaceLost,
    ReplaceRefused,
)
from aegis_fast.core.model import (
    Accepted,
    AmendOrder,
    CancelOrder,
    Lost,
    OrderType,
    Outcome,
    PlaceOrder,
    Refused,
)
from aegis_fast.core.ports import Broker
from aegis_fast.engine.gate import on_leaving
from aegis_fast.errors import Busy

__all__ = ["ORDER_DEADLINES_S", "Command", "Sender", "event_of"]

Command = PlaceOrder | AmendOrder | CancelOrder

# Section 7.2 (A9, O3): no word of the broker by then makes the order unknown; nothing is resent,
# and a late word still counts. A conditional order has no deadline of its own (A12).
ORDER_DEADLINES_S: Mapping[OrderType, float] = {OrderType.MARKET: 2.0, OrderType.LIMIT: 5.0}

_REFUSED = 2


class Sender:
    """The way to one broker.

    placing: new orders whose request is under way. on_overdue(order_id, deadline_s): one of them
    left that long ago and nothing was heard. veto(): why none may leave now, "" if it may; asked
    when the call limit lets it go, which may be long after it was decided.
    """

    def __init__(
        self,
        broker: Broker,
        deadlines_s: Mapping[OrderType, float],
        *,
        on_overdue: Callable[[str, float], None],
        veto: Callable[[], str],
        log: logging.Logger,
    ) -> None:
        self.placing: set[str] = set()
        self._broker = broker
        self._deadlines_s = deadlines_s
        self._on_overdue = on_overdue
        self._veto = veto
        self._log = log

    async def ask(self, command: Command) -> Outcome:
        """Send the command and return what became of it; never raises but for cancellation."""
        try:
            if isinstance(command, PlaceOrder):
                return await self._place(command)
            if isinstance(command, CancelOrder):
                return await self._broker.cancel(command)
            return await self._broker.amend(command)
        except Busy as error:
            return Refused(_REFUSED, "", f"not sent: {error.message}")
        except Exception as error:  # noqa: BLE001  logged, and turned into `unknown`
            # A bug of ours somewhere below: whether bytes left is not known, so neither is the
            # order. It shows as what it is, never as a delay of the broker.
            self._log.exception("internal error while sending %s", command.order_id)
            return Lost(f"internal error: {type(error).__name__}: {error}")

    async def _place(self, command: PlaceOrder) -> Outcome:
        deadline_s = self._deadlines_s.get(command.order_type)
        timer: asyncio.TimerHandle | None = None

        def leaving() -> None:
            nonlocal timer
            if reason := self._veto():
                raise Busy(reason)
            if timer is not None:
                timer.cancel()
            if deadline_s is not None:
                loop = asyncio.get_running_loop()
                timer = loop.call_later(deadline_s, self._on_overdue, command.order_id, deadline_s)

        self.placing.add(command.order_id)
        token = on_leaving.set(leaving)
        try:
            return await self._broker.place(command)
        finally:
            on_leaving.reset(token)
            self.placing.discard(command.order_id)
            if timer is not None:
                timer.cancel()


def event_of(command: Command, outcome: Outcome) -> Event:
    """Say what the outcome of a command means, as an event for the order manager."""
    if isinstance(command, PlaceOrder):
        return _place_event(command, outcome)
    action = "cancel" if isinstance(command, CancelOrder) else "amend"
    if isinstance(outcome, Accepted):
        return ReplaceAccepted(
            order_id=command.order_id,
            action=action,
            broker_order_id=outcome.broker_order_id,
            org_no=outcome.org_no,
        )
    if isinstance(outcome, Refused):
        return ReplaceRefused(
            order_id=command.order_id,
            action=action,
            code=outcome.code,
            venue_code=outcome.venue_code,
            message=outcome.message,
        )
    return ReplaceLost(order_id=command.order_id, action=action, reason=outcome.reason)


def _place_event(command: PlaceOrder, outcome: Outcome) -> Event:
    if isinstance(outcome, Accepted):
        return OrderAccepted(
            order_id=command.order_id,
            broker_order_id=outcome.broker_order_id,
            org_no=outcome.org_no,
        )
    if isinstance(outcome, Refused):
        return OrderRefused(
            order_id=command.order_id,
            code=outcome.code,
            venue_code=outcome.venue_code,
            message=outcome.message,
        )
    return OrderLost(order_id=command.order_id, reason=outcome.reason)

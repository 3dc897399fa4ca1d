"""Carry commands to the broker, one request each, and put its word into an event.

Decides nothing: an order whose answer is late is reported as overdue, and what cannot be told to
have failed is lost, never refused.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

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
from aegis_fast.core.ports import Broker, DirectBroker
from aegis_fast.engine.gate import on_leaving
from aegis_fast.errors import Busy

__all__ = ["ORDER_DEADLINES_S", "Command", "Sender", "event_of"]

Command = PlaceOrder | AmendOrder | CancelOrder

# Section 7.2 (A9, O3): no word of the broker by then makes the order unknown; nothing is resent,
# and a late word still counts. A conditional order has no deadline of its own (A12).
ORDER_DEADLINES_S: Mapping[OrderType, float] = {OrderType.MARKET: 2.0, OrderType.LIMIT: 5.0}

_REFUSED = 2


class _Departure:
    """Called when the request of one command is let go, each time that it is.

    The deadline for an answer counts from here, not from the time spent in our own queue.
    """

    def __init__(self, sender: Sender, command: Command) -> None:
        self._sender = sender
        self._command = command
        self._timer: asyncio.TimerHandle | None = None

    def __call__(self) -> None:
        self._sender.let_go(self._command)
        self.forget()
        deadline_s = self._sender.deadline_s(self._command)
        if deadline_s is not None:
            self._timer = asyncio.get_running_loop().call_later(
                deadline_s, self._sender.on_overdue, self._command.order_id, deadline_s
            )

    def forget(self) -> None:
        """The answer is there, or will never be."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


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
        self.on_overdue = on_overdue
        self._broker = broker
        self._direct = broker if isinstance(broker, DirectBroker) else None
        self._deadlines_s = deadlines_s
        self._veto = veto
        self._log = log
        # Commands on their way to the call limit; none may be overtaken by one sent at once.
        self._on_their_way: set[int] = set()

    def begin(self, command: Command) -> Coroutine[Any, Any, Outcome] | None:
        """Send the command in this very call; None, and nothing done, if it has to wait: then ask()
        has to follow.

        What is returned tells the outcome and has to be awaited; it never raises but for
        cancellation.
        """
        answer = None if self._on_their_way else self._begin(command)
        if answer is None:
            # From here on, and not only when ask() runs: nobody overtakes it meanwhile.
            self._on_their_way.add(id(command))
        return answer

    def _begin(self, command: Command) -> Coroutine[Any, Any, Outcome] | None:
        if self._direct is None:
            return None
        departure = _Departure(self, command)
        is_new = isinstance(command, PlaceOrder)
        if is_new:
            self.placing.add(command.order_id)
        try:
            answer = self._direct.begin(command, departure)
        except Exception as error:  # noqa: BLE001  turned into what is known of the order
            departure.forget()
            if is_new:
                self.placing.discard(command.order_id)
            return _known(self._failed(command, error))
        if answer is None and is_new:
            self.placing.discard(command.order_id)
        return None if answer is None else self._answered(command, answer, departure)

    async def ask(self, command: Command) -> Outcome:
        """Send the command and return what became of it; never raises but for cancellation."""
        if isinstance(command, PlaceOrder):
            self.placing.add(command.order_id)
        self._on_their_way.add(id(command))
        try:
            answer = self._long_way(command)
            return await self._answered(command, answer, _Departure(self, command))
        finally:
            self._on_their_way.discard(id(command))

    async def _long_way(self, command: Command) -> Outcome:
        if isinstance(command, PlaceOrder):
            return await self._broker.place(command)
        if isinstance(command, CancelOrder):
            return await self._broker.cancel(command)
        return await self._broker.amend(command)

    async def _answered(
        self, command: Command, answer: Coroutine[Any, Any, Outcome], departure: _Departure
    ) -> Outcome:
        token = on_leaving.set(departure)
        try:
            return await answer
        except Exception as error:  # noqa: BLE001  turned into what is known of the order
            return self._failed(command, error)
        finally:
            on_leaving.reset(token)
            departure.forget()
            if isinstance(command, PlaceOrder):
                self.placing.discard(command.order_id)

    def _failed(self, command: Command, error: Exception) -> Outcome:
        if isinstance(error, Busy):
            return Refused(_REFUSED, "", f"not sent: {error.message}")
        # A bug of ours somewhere below: whether bytes left is not known, so neither is the order.
        # It shows as what it is, never as a delay of the broker.
        self._log.error("internal error while sending %s", command.order_id, exc_info=error)
        return Lost(f"internal error: {type(error).__name__}: {error}")

    def let_go(self, command: Command) -> None:
        """The call limit has let the command go. Raises Busy when it may not leave after all."""
        self._on_their_way.discard(id(command))
        if isinstance(command, PlaceOrder) and (reason := self._veto()):
            raise Busy(reason)

    def deadline_s(self, command: Command) -> float | None:
        """Return how long an answer may take; None: as long as it likes."""
        if isinstance(command, PlaceOrder):
            return self._deadlines_s.get(command.order_type)
        return None


async def _known(outcome: Outcome) -> Outcome:
    return outcome


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

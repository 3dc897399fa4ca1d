"""Send orders, amends and cancels: one POST each, on an open line or through the pool.

Another follows only when the one before is proven not to have been placed: refused by the call
limit, refused for its token, or never written. Anything else ends as it is, Lost included; finding
out is reconciliation's work (P22, readings A10, A11).
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from aegis_fast.core.model import (
    AmendOrder,
    CancelOrder,
    Lost,
    OrderType,
    Outcome,
    PlaceOrder,
    Priority,
    Refused,
)
from aegis_fast.core.ports import CallGate
from aegis_fast.errors import AegisError, Busy, InvalidRequest, TransientError
from aegis_fast.kis import codec, outcome
from aegis_fast.kis.codec import Request
from aegis_fast.kis.credentials import AppCredentials
from aegis_fast.kis.order_lines import OrderLines
from aegis_fast.kis.outcome import AegisCode
from aegis_fast.kis.profile import Profile
from aegis_fast.kis.queries import MAX_ATTEMPTS, RETRY_MULTIPLIER
from aegis_fast.kis.rest import Answer, NotSent, ReplyLost, RestClient
from aegis_fast.kis.tokens import TokenIssuer

__all__ = ["Command", "Ordering"]

# After EGW00201 KIS advises 100-500 ms.
THROTTLED_PAUSE_S = 0.1
# Orders that never left are tried again only while their deadline (section 7.2) still runs.
ORDER_DEADLINE_S = 5.0
# An order does not sit out the minute that a token may take.
ORDER_TOKEN_WAIT_S = 1.5

_NEVER_WRITTEN = frozenset({AegisCode.UNREACHABLE, AegisCode.POOL_TIMEOUT})

Command = PlaceOrder | AmendOrder | CancelOrder


class Ordering:
    """The way of orders to the broker. pause(s): False when the gateway is being closed."""

    def __init__(
        self,
        *,
        profile: Profile,
        credentials: AppCredentials,
        rest: RestClient,
        lines: OrderLines,
        issuer: TokenIssuer,
        gate: CallGate,
        pause: Callable[[float], Awaitable[bool]],
        retry_initial_s: float,
        log: logging.Logger,
    ) -> None:
        self._profile = profile
        self._credentials = credentials
        self._rest = rest
        self._lines = lines
        self._issuer = issuer
        self._gate = gate
        self._pause = pause
        self._retry_initial_s = retry_initial_s
        self._log = log

    def begin(
        self, command: Command, leaving: Callable[[], None]
    ) -> Coroutine[Any, Any, Outcome] | None:
        """Send on an open line in this very call; see core.ports.DirectBroker."""
        token, line = self._issuer.token_now(), self._lines.take()
        if not token or line is None:
            return None
        try:
            request = self._build(command)
            head = self._lines.head(request, self._credentials, token)
        except (InvalidRequest, ValueError):
            return None  # The long way says what is wrong.
        if not self._gate.try_now(_priority(command)):
            return None
        try:
            leaving()
        except Busy as error:
            return _known(Refused(int(AegisCode.THROTTLED), "", str(error)))
        trace_id = command.trace_id or _trace_id()
        reply = line.send(b"".join((head, _tail(trace_id, len(request.body)), request.body)))
        return self._go_on(command, request, trace_id, token, reply)

    async def _go_on(
        self,
        command: Command,
        request: Request,
        trace_id: str,
        token: str,
        reply: asyncio.Future[Answer],
    ) -> Outcome:
        give_up_at = asyncio.get_running_loop().time() + ORDER_DEADLINE_S
        result = await self._outcome(request, reply)
        return await self._follow_up(command, request, trace_id, result, token, give_up_at)

    async def send(self, command: Command) -> Outcome:
        """Send one command; another request follows only after proof that nothing was placed."""
        try:
            request = self._build(command)
        except InvalidRequest as error:
            return Refused(int(AegisCode.REFUSED), "", str(error))
        give_up_at = asyncio.get_running_loop().time() + ORDER_DEADLINE_S
        result, token = await self._post_order(command, request, command.trace_id, "")
        return await self._follow_up(command, request, command.trace_id, result, token, give_up_at)

    async def _follow_up(
        self,
        command: Command,
        request: Request,
        trace_id: str,
        result: Outcome,
        token: str,
        give_up_at: float,
    ) -> Outcome:
        """Return the outcome; send once more where it proves that nothing was placed."""
        reconnects = _reconnects(command)
        loop = asyncio.get_running_loop()
        throttled, unreached, refused_token = 0, 0, ""
        while True:
            if outcome.is_token_refusal(result) and token and not refused_token:
                refused_token = token
            elif not isinstance(result, Refused):
                return result
            else:
                if result.is_throttled and throttled < MAX_ATTEMPTS - 1:
                    throttled += 1
                    pause_s = THROTTLED_PAUSE_S * throttled
                elif result.code in _NEVER_WRITTEN and unreached < reconnects:
                    pause_s = self._retry_initial_s * RETRY_MULTIPLIER**unreached
                    unreached += 1
                else:
                    return result
                if loop.time() + pause_s > give_up_at or not await self._pause(pause_s):
                    return result
            result, token = await self._post_order(command, request, trace_id, refused_token)

    async def _post_order(
        self, command: Command, request: Request, trace_id: str, refused_token: str
    ) -> tuple[Outcome, str]:
        """Send one POST, once. Returns what became of it and the token that it carried, if any."""
        try:
            if refused_token:
                token = await self._issuer.renew(refused_token, wait_s=ORDER_TOKEN_WAIT_S)
            else:
                token = await self._issuer.token(wait_s=ORDER_TOKEN_WAIT_S)
            await self._gate(_priority(command))
        except Busy as error:
            return Refused(int(AegisCode.THROTTLED), "", str(error)), ""
        except TransientError as error:
            return Refused(int(AegisCode.UNREACHABLE), error.venue_code, str(error)), ""
        except AegisError as error:
            return Refused(int(AegisCode.TOKEN_REFUSED), error.venue_code, str(error)), ""
        reply = self._rest.request(
            request.method,
            request.path,
            headers=request.headers(self._credentials, token),
            body=request.body,
            trace_id=trace_id or _trace_id(),
        )
        return await self._outcome(request, reply), token

    async def _outcome(self, request: Request, reply: Awaitable[Answer]) -> Outcome:
        try:
            answer = await reply
        except NotSent as error:
            return outcome.not_sent(error.failure, error.detail)
        except ReplyLost as error:
            self._log.warning("%s: reply lost (%s)", request.call_id, error)
            return outcome.reply_lost(error.failure, error.detail)
        result = outcome.order_outcome(answer.status, answer.body)
        if isinstance(result, Lost):
            self._log.warning("%s: outcome unknown (%s)", request.call_id, result.reason)
        return result

    def _build(self, command: Command) -> Request:
        if isinstance(command, PlaceOrder):
            return codec.place_order(self._profile, command)
        if isinstance(command, CancelOrder):
            return codec.cancel_order(self._profile, command)
        return codec.amend_order(self._profile, command)


async def _known(outcome: Outcome) -> Outcome:
    return outcome


def _priority(command: Command) -> Priority:
    if isinstance(command, CancelOrder):
        return Priority.CANCEL
    is_market = isinstance(command, PlaceOrder) and command.order_type is OrderType.MARKET
    return Priority.MARKET if is_market else Priority.LIMIT


def _reconnects(command: Command) -> int:
    """Return how often one that could not connect is tried again: limit orders and changes of
    orders twice (R5), market orders never, conditional ones neither (A12)."""
    is_limit = not isinstance(command, PlaceOrder) or command.order_type is OrderType.LIMIT
    return MAX_ATTEMPTS - 1 if is_limit else 0


def _trace_id() -> str:
    """Return an id for a request that has none; a UUID's 128 bits without the making of one."""
    return os.urandom(16).hex()


def _tail(trace_id: str, size_bytes: int) -> bytes:
    """Return the rest of a head: the trace id (S48), if it can be told, and the length."""
    if trace_id.isascii() and trace_id.isprintable():
        return f"X-Trace-Id: {trace_id}\r\nContent-Length: {size_bytes}\r\n\r\n".encode()
    return b"Content-Length: %d\r\n\r\n" % size_bytes

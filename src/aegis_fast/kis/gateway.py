"""Be the engine's broker: one account's orders and queries over KIS REST.

Joins the parts: `ordering` sends orders, `queries` asks, `answers` reads. It owns the connections.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import orjson

from aegis_fast.core.model import (
    AmendOrder,
    Balance,
    BrokerTime,
    CancelOrder,
    DayOrder,
    DayOrders,
    Instrument,
    Outcome,
    PlaceOrder,
    Quote,
)
from aegis_fast.core.ports import CallGate
from aegis_fast.errors import (
    NotFound,
    ProtocolError,
    RejectedError,
    TransientError,
)
from aegis_fast.kis import answers, codec, tr
from aegis_fast.kis.codec import PageKey, Request
from aegis_fast.kis.credentials import AppCredentials
from aegis_fast.kis.fields import kst_yyyymmdd
from aegis_fast.kis.order_lines import OrderLines
from aegis_fast.kis.ordering import Command, Ordering
from aegis_fast.kis.outcome import Reply
from aegis_fast.kis.profile import Profile, check_addresses
from aegis_fast.kis.queries import (
    RETRY_INITIAL_S,
    RETRY_MAX_S,
    Queries,
)
from aegis_fast.kis.rest import ReplyLost, RestClient, tls_context
from aegis_fast.kis.tokens import TokenIssuer

__all__ = ["KISGateway"]

# Together (S9, S10): 50 connections, 20 a host. A line that is being replaced counts twice.
_POOL_TOTAL, _POOL_PER_HOST = 50, 20
_IDLE_MS, _LIFETIME_S = 5000, 300.0
# An order line is looked at before every use (S11 asks for it after 5 s), so it may stay longer: a
# new TLS handshake every few seconds would be a burden to the broker.
_LINE_IDLE_S = 20.0


class KISGateway:
    """core.ports.Broker over KIS REST, for live, paper and simulator alike.

    clock_ns: the broker's time, for dates. token_clock_ns: what its tokens live by; the same but at
    a simulator. gate: awaited once before every request that is sent, token requests apart (they
    have a limit of their own). token_path: the file in which tokens are kept. retry_initial_s,
    retry_max_s: pauses between the attempts of a query. order_lines: connections kept open for
    orders alone; see kis/order_lines.
    """

    def __init__(
        self,
        *,
        profile: Profile,
        credentials: AppCredentials,
        gate: CallGate,
        token_path: Path,
        clock_ns: Callable[[], int],
        token_clock_ns: Callable[[], int] | None = None,
        connect_timeout_ms: int = 5000,
        read_timeout_ms: int = 5000,
        retry_initial_s: float = RETRY_INITIAL_S,
        retry_max_s: float = RETRY_MAX_S,
        order_lines: int = 0,
        tls: ssl.SSLContext | None = None,
        logger: logging.Logger | None = None,
    ) -> None:
        check_addresses(profile)
        self._profile = profile
        self._credentials = credentials
        self._clock_ns = clock_ns
        self._log = logger or logging.getLogger("aegis_fast.kis")
        if tls is None and profile.rest_url.startswith("https:"):
            tls = tls_context()
        lines_at_most = 2 * order_lines
        self._rest = RestClient(
            profile.rest_url,
            connect_timeout_ms=connect_timeout_ms,
            read_timeout_ms=read_timeout_ms,
            pool_total=_POOL_TOTAL - lines_at_most,
            pool_per_host=_POOL_PER_HOST - lines_at_most,
            idle_ms=_IDLE_MS,
            lifetime_s=_LIFETIME_S,
            tls=tls,
        )
        self._lines = OrderLines(
            profile.rest_url,
            count=order_lines,
            connect_timeout_s=connect_timeout_ms / 1000,
            read_timeout_s=read_timeout_ms / 1000,
            idle_s=_LINE_IDLE_S,
            lifetime_s=_LIFETIME_S,
            tls=tls if profile.rest_url.startswith("https:") else None,
            log=self._log,
        )
        self.issuer = TokenIssuer(
            profile=profile,
            credentials=credentials,
            rest=self._rest,
            path=token_path,
            clock_ns=token_clock_ns or clock_ns,
            logger=self._log,
        )
        self._closing = asyncio.Event()
        self._ordering = Ordering(
            profile=profile,
            credentials=credentials,
            rest=self._rest,
            lines=self._lines,
            issuer=self.issuer,
            gate=gate,
            pause=self._pause,
            retry_initial_s=retry_initial_s,
            log=self._log,
        )
        self._queries = Queries(
            rest=self._rest,
            issuer=self.issuer,
            credentials=credentials,
            gate=gate,
            pause=self._pause,
            retry_initial_s=retry_initial_s,
            retry_max_s=retry_max_s,
            logger=self._log,
        )

    async def start(self) -> None:
        """Open the connection pool. Nothing is sent yet."""
        # Read the tables now, not while the first order waits.
        tr.calls()
        tr.order_kinds()
        tr.error_meaning("")
        await self._rest.start()
        await self._lines.start()

    async def close(self) -> None:
        """End back-offs at once, then close every connection (R6)."""
        self._closing.set()
        await self.issuer.close()
        await self._lines.close()
        await self._rest.close()

    @property
    def connections_in_use(self) -> int:
        """Return how many pooled connections are serving a request now (S45)."""
        return self._rest.in_use + self._lines.in_use

    # ---- orders: see kis/ordering ----

    async def place(self, command: PlaceOrder) -> Outcome:
        """Send a new order."""
        return await self._ordering.send(command)

    async def amend(self, command: AmendOrder) -> Outcome:
        """Move all that remains of an order to another price."""
        return await self._ordering.send(command)

    async def cancel(self, command: CancelOrder) -> Outcome:
        """Take an order, or part of what remains of it, out of the market."""
        return await self._ordering.send(command)

    def begin(
        self, command: Command, leaving: Callable[[], None]
    ) -> Coroutine[Any, Any, Outcome] | None:
        """Send in this very call; see core.ports.DirectBroker."""
        return self._ordering.begin(command, leaving)

    # ---- queries ----

    async def day_orders(self, account: str) -> DayOrders:
        """Return today's orders, all pages, all venues. is_complete is False when the paging broke
        off or the list kept changing under way: then absence from it proves nothing.
        """
        asked_ns = self._clock_ns()
        today = kst_yyyymmdd(asked_ns)

        def build(page: PageKey) -> Request:
            return codec.day_orders(self._profile, account, today, page)

        scan = await self._queries.scan(build, answers.day_order_rows, _order_identity)
        return DayOrders(
            account=account, rows=scan.rows, is_complete=scan.is_complete, asked_ns=asked_ns
        )

    async def balance(self, account: str) -> Balance:
        """Return cash and holdings, all pages."""

        def build(page: PageKey) -> Request:
            return codec.balance(self._profile, account, page)

        scan = await self._queries.scan(build, answers.position_rows, lambda row: row.symbol)
        found = [line for line in map(answers.balance_totals, scan.replies) if line is not None]
        if not found:
            raise ProtocolError("KIS sent no account line", field="inquire-balance.output2")
        totals = found[-1]
        return Balance(
            account=account,
            cash_krw=totals.cash_krw,
            deposit_krw=totals.deposit_krw,
            holdings_krw=totals.holdings_krw,
            total_krw=totals.total_krw,
            positions=scan.rows,
            is_complete=scan.is_complete,
            as_of_ns=self._clock_ns(),
        )

    async def open_orders(self, account: str) -> dict[int, int]:
        """Return order number -> shares that can still be canceled. Raises InvalidRequest on paper,
        where KIS does not offer this call.
        """

        def build(page: PageKey) -> Request:
            return codec.open_orders(self._profile, account, page)

        scan = await self._queries.scan(build, answers.open_order_rows, lambda row: row[0])
        if not scan.is_complete:
            raise TransientError("the list of open orders could not be read whole")
        return dict(scan.rows)

    async def instrument(self, symbol: str) -> Instrument:
        """Return today's view of an issue: prices from one call, market and kind from another.

        On paper the second does not exist (see answers.instrument). Raises NotFound.
        """
        price, _ = await self._queries.ask(codec.price(self._profile, symbol))
        info: Reply | None = None
        if self._profile.environment == "real":
            try:
                info, _ = await self._queries.ask(codec.stock_info(self._profile, symbol))
            except RejectedError as error:
                raise NotFound(str(error), venue_code=error.venue_code, field="symbol") from error
        return answers.instrument(price, info, symbol)

    async def quote(self, symbol: str) -> Quote:
        """Return the specification's t1101. Raises NotFound for an unknown symbol."""
        reply, _ = await self._queries.ask(codec.price(self._profile, symbol))
        return answers.quote(reply, symbol)

    async def depth(self, symbol: str) -> dict[str, Any]:
        """Return a snapshot of ten levels a side; see answers.depth_levels."""
        reply, _ = await self._queries.ask(codec.asking_price(self._profile, symbol))
        return answers.depth_levels(reply, symbol)

    async def orderable_cash(self, account: str, symbol: str) -> int:
        """Return the won that a buy of this symbol may use."""
        reply, _ = await self._queries.ask(codec.orderable(self._profile, account, symbol))
        return answers.orderable_cash_krw(reply)

    async def simulator_world(self) -> str:
        """Return which world the simulator at the other end is; "" everywhere else."""
        return str((await self._simulator_page("state")).get("world", ""))

    async def simulator_time(self) -> BrokerTime | None:
        """Return the simulator's clock; None at a real broker, or at one that shows no clock."""
        page = await self._simulator_page("clock")
        try:
            is_stepped = page["mode"] == "stepped"
            return BrokerTime(
                market_ns=int(page["now_ns"]),
                door_ns=int(page["door_ns"]),
                speed_milli=0 if is_stepped else round(float(page["speed"]) * 1_000),
            )
        except (KeyError, TypeError, ValueError):
            return None

    async def _simulator_page(self, name: str) -> dict[str, Any]:
        """Return one of the simulator's own pages; empty at a broker that has none. These calls
        count against no limit. Raises TransientError."""
        if not self._profile.is_simulator:
            return {}
        try:
            answer = await self._rest.request("GET", f"/_sim/{name}", headers={})
        except ReplyLost as error:
            raise TransientError(f"no answer from the simulator: {error}") from error
        try:
            page = orjson.loads(answer.body)
        except orjson.JSONDecodeError:
            return {}
        return page if isinstance(page, dict) else {}

    async def _pause(self, seconds: float) -> bool:
        """Wait; returns False at once when the gateway is being closed."""
        try:
            await asyncio.wait_for(self._closing.wait(), seconds)
        except TimeoutError:
            return True
        return False


def _order_identity(row: DayOrder) -> object:
    return (row.broker_order_id, row.original_broker_order_id, row.venue, row.is_cancel)

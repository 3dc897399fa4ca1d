"""Keep the engine and the broker in agreement: scans of the day's orders, and the balance.

One scan at a time: asked for by events (a lost reply, a reconnect, a refused cancel), and every
`interval_ms` while an order is open. The balance is read at the start and after fills.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable

from aegis_fast.core.events import AbsenceProven, BalanceLoaded
from aegis_fast.core.hours import kst_date
from aegis_fast.core.model import Balance, DayOrders, Position
from aegis_fast.core.ports import Broker
from aegis_fast.core.reconcile import Reconciler
from aegis_fast.engine.engine import Engine
from aegis_fast.errors import AegisError

__all__ = ["Sync"]

_BALANCE_DELAY_S = 1.0
_START_TRIES = 20


class Sync:
    """The two background loops of one account."""

    def __init__(
        self,
        *,
        engine: Engine,
        broker: Broker,
        reconciler: Reconciler,
        interval_s: float,
        log: logging.Logger,
    ) -> None:
        self.scans = 0
        self._engine = engine
        self._broker = broker
        self._reconciler = reconciler
        self._interval_s = interval_s
        self._log = log
        self._scan_due: asyncio.Event = asyncio.Event()
        self._scan_at_s = 0.0
        self._balance_due: asyncio.Event = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._position_mismatches = 0

    def start(self) -> None:
        """Start the loops; call once the first agreement was reached."""
        self._engine.hooks.ask_ledger = self.ask_scan
        self._engine.hooks.on_fill = self._balance_due.set
        loop = asyncio.get_running_loop()
        self._tasks = [loop.create_task(self._scan_loop()), loop.create_task(self._balance_loop())]

    async def close(self) -> None:
        """End the loops."""
        for task in self._tasks:
            task.cancel()
        for task in self._tasks:
            with contextlib.suppress(asyncio.CancelledError):
                await task
        self._tasks = []

    def ask_scan(self, delay_ms: int) -> None:
        """Have the day's orders read in `delay_ms`, or earlier if a scan is due before."""
        at_s = asyncio.get_running_loop().time() + delay_ms / 1000
        if not self._scan_due.is_set() or at_s < self._scan_at_s:
            self._scan_at_s = at_s
        self._scan_due.set()

    # -- the first agreement --------------------------------------------------------------------

    async def agree(self) -> None:
        """Reach one state with the broker: scan, balance, scan again, until nothing moved between.

        The balance contains exactly the fills that both scans showed, so positions neither miss a
        fill nor count one twice. Raises AegisError when the broker can't be asked.
        """
        for attempt in range(_START_TRIES):
            before = await self.scan()
            fills = self._engine.fills_seen
            balance = await self._broker.balance(self._engine.account)
            after = await self.scan()
            is_calm = fills == self._engine.fills_seen and _fills(before) == _fills(after)
            if is_calm and balance.is_complete and before.is_complete and after.is_complete:
                self._adopt(balance, "start")
                return
            self._log.info("the account is moving; reading it again (%d)", attempt + 1)
        raise AegisError(
            f"no two readings of the account agreed in {_START_TRIES} tries",
            code=8,
            expected="try again when fewer orders are working",
        )

    async def scan(self) -> DayOrders:
        """Read the day's orders once and apply what follows."""
        scan = await self._broker.day_orders(self._engine.account)
        self.scans += 1
        self._engine.roll_day()
        now_ns = self._engine.now_ns()
        if kst_date(scan.asked_ns) != kst_date(now_ns):
            # A list of yesterday: today the same numbers are other orders.
            return scan
        for event in self._reconciler.events(scan, now_ns):
            if isinstance(event, AbsenceProven) and self._engine.is_placing(event.order_id):
                continue
            self._engine.apply(event)
        self._engine.enforce_kill_switch()
        return scan

    def _adopt(self, balance: Balance, reason: str) -> None:
        portfolio = self._engine.manager.portfolio
        is_same = balance.cash_krw == portfolio.cash_krw and _holdings(
            balance.positions
        ) == _holdings(portfolio.positions())
        if is_same:
            return
        self._engine.apply(
            BalanceLoaded(
                account=balance.account,
                cash_krw=balance.cash_krw,
                positions=balance.positions,
                reason=reason,
            )
        )

    # -- the loops ------------------------------------------------------------------------------

    async def _scan_loop(self) -> None:
        while True:
            await self._wait_for_scan()
            await self._guarded("order scan", self.scan)

    async def _wait_for_scan(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            if self._scan_due.is_set():
                left_s = self._scan_at_s - loop.time()
                if left_s <= 0:
                    self._scan_due.clear()
                    return
                await asyncio.sleep(min(left_s, 0.05))
                continue
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._scan_due.wait(), self._interval_s)
            if not self._scan_due.is_set() and any(self._engine.manager.open_records()):
                return

    async def _balance_loop(self) -> None:
        while True:
            await self._balance_due.wait()
            # Fills come in bursts; one reading after the burst is enough.
            await asyncio.sleep(_BALANCE_DELAY_S)
            self._balance_due.clear()
            await self._guarded("balance", self.refresh_balance)

    async def refresh_balance(self) -> None:
        """Read the balance; correct the cash, and the positions if they differ twice in a row."""
        fills = self._engine.fills_seen
        balance = await self._broker.balance(self._engine.account)
        if fills != self._engine.fills_seen or not balance.is_complete:
            self._balance_due.set()
            return
        portfolio = self._engine.manager.portfolio
        if _holdings(balance.positions) == _holdings(portfolio.positions()):
            self._position_mismatches = 0
            self._adopt(balance, "cash")
            return
        self._position_mismatches += 1
        if self._position_mismatches < 2:
            self._balance_due.set()
            self.ask_scan(0)
            return
        self._position_mismatches = 0
        self._log.warning(
            "discrepancy position: the broker says %s, we counted %s",
            _holdings(balance.positions),
            _holdings(portfolio.positions()),
        )
        self._engine.count_discrepancy()
        self._adopt(balance, "discrepancy")

    async def _guarded(self, what: str, action: Callable[[], Awaitable[object]]) -> None:
        """Run one reading; a failure is logged and tried again after the interval."""
        try:
            await action()
        except AegisError as error:
            self._log.warning("%s failed: %s", what, error)
            await asyncio.sleep(min(1.0, self._interval_s))
            self.ask_scan(0)
            if what == "balance":
                self._balance_due.set()
        except Exception:  # noqa: BLE001  a bug of ours: shown, counted, and the loop goes on
            self._log.exception("internal error in the %s", what)
            self._engine.count_discrepancy()
            await asyncio.sleep(1.0)


def _fills(scan: DayOrders) -> dict[int, tuple[int, int]]:
    return {row.broker_order_id: (row.cum_qty, row.leaves_qty) for row in scan.rows}


def _holdings(positions: tuple[Position, ...]) -> dict[str, int]:
    return {p.symbol: p.qty for p in positions if p.qty}

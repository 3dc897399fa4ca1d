"""Feed what comes by the clock: indices once a second, US issues at their own pace.

TRs: H0UPCNT0, H0UPANC0, HDFSCNT0, HDFSASP0.
"""

from __future__ import annotations

from aegis_fast.sim.crowd.overseas import QUOTE_WIDTH, USIssue, USStock, find_issue
from aegis_fast.sim.feed.frames_index import (
    INDEX_WIDTH,
    Sent,
    cut_expected,
    expected_row,
    index_row,
)
from aegis_fast.sim.feed.outlet import Outlet
from aegis_fast.sim.feed.views import expected_of, phase_name

__all__ = ["ClockFeed"]

_INDEX, _INDEX_EXPECTED = "H0UPCNT0", "H0UPANC0"
_US_TRADE, _US_QUOTE = "HDFSCNT0", "HDFSASP0"
_US_TRADE_WIDTH = 26
_SHORT_EXPECTED = 15
_SHORT_QUOTE = 16


class ClockFeed:
    """Indices and US issues, computed only while somebody wants them."""

    def __init__(self, outlet: Outlet) -> None:
        self._out = outlet
        self._sent: dict[str, Sent] = {}
        self._sent_ns: dict[str, int] = {}
        self._is_index_due = False
        self._stocks: dict[USIssue, USStock] = {}
        self._first_quotes: dict[str, USStock] = {}
        self._asked_ns = 0

    def on_subscribed(self, tr_id: str, tr_key: str, now_ns: int) -> None:
        """Start a US issue; its quote comes with the next flush."""
        issue = find_issue(tr_key) if tr_id in (_US_TRADE, _US_QUOTE) else None
        if issue is None:
            return
        stock = self._stocks.get(issue)
        if stock is None:
            stock = self._stocks[issue] = USStock(issue, self._out.world.seed, now_ns)
        elif not self._watchers(issue, but=(tr_id, tr_key)):
            stock.resume(now_ns)
        if tr_id == _US_QUOTE:
            self._first_quotes[tr_key] = stock
            self._asked_ns = now_ns

    def _watchers(self, issue: USIssue, but: tuple[str, str] = ("", "")) -> list[tuple[str, str]]:
        return [
            (tr_id, key)
            for tr_id in (_US_TRADE, _US_QUOTE)
            for key in self._out.registry.keys_of(tr_id)
            if (tr_id, key) != but and find_issue(key) == issue
        ]

    def on_second(self) -> None:
        """Note that a second of market time has passed: the indices are due."""
        self._is_index_due = True

    def flush(self, now_ns: int) -> None:
        """Send what is due."""
        if self._is_index_due:
            self._is_index_due = False
            self._send_indices(now_ns)
        for key, stock in self._first_quotes.items():
            self._send_quote(key, stock, now_ns)
        self._first_quotes.clear()
        for issue, stock in self._stocks.items():
            if stock.next_ns <= now_ns:
                self._run(issue, stock, now_ns)

    def due_ns(self) -> int | None:
        """Return when flush has something to send; None: nothing waits."""
        if self._first_quotes:
            return self._asked_ns
        due = [stock.next_ns for issue, stock in self._stocks.items() if self._watchers(issue)]
        return min(due, default=None)

    def _wanted_indices(self) -> list[tuple[str, str]]:
        phase = phase_name(self._out.world, "KRX")
        tr_id = _INDEX_EXPECTED if phase.endswith("auction") else _INDEX
        return [(tr_id, code) for code in self._out.registry.keys_of(tr_id) if phase]

    def _send_indices(self, now_ns: int) -> None:
        for tr_id, code in self._wanted_indices():
            if tr_id == _INDEX_EXPECTED:
                self._send_expected(code, now_ns)
                continue
            index = self._out.world.indices.index(code)
            if index.time_ns == self._sent_ns.get(code, 0):
                continue  # No member has traded since.
            self._sent_ns[code] = index.time_ns
            row = index_row(index, self._sent.setdefault(code, Sent()), now_ns)
            self._out.send(tr_id, code, [row], INDEX_WIDTH)

    def _send_expected(self, code: str, now_ns: int) -> None:
        world = self._out.world
        qty = value_krw = 0

        def price_of(symbol: str) -> int:
            nonlocal qty, value_krw
            expected = expected_of(world.exchange.books[symbol])
            qty += expected.qty
            value_krw += expected.qty * expected.price_krw
            return expected.price_krw

        index = world.indices.expect(code, price_of)
        row = expected_row(index, qty, value_krw, now_ns)
        if self._out.widths[_INDEX_EXPECTED] == _SHORT_EXPECTED:
            self._out.send(_INDEX_EXPECTED, code, [cut_expected(row)], _SHORT_EXPECTED)
        else:
            self._out.send(_INDEX_EXPECTED, code, [row], INDEX_WIDTH)

    def _run(self, issue: USIssue, stock: USStock, now_ns: int) -> None:
        watchers = self._watchers(issue)
        if not watchers:
            return
        rows: dict[str, list[str]] = {key: [] for tr_id, key in watchers if tr_id == _US_TRADE}
        while stock.next_ns <= now_ns:
            stock.trade()
            for key, written in rows.items():
                written.append(stock.trade_row(key))
        for key, written in rows.items():
            self._out.send(_US_TRADE, key, written, _US_TRADE_WIDTH)
        for tr_id, key in watchers:
            if tr_id == _US_QUOTE:
                self._send_quote(key, stock, now_ns)

    def _send_quote(self, key: str, stock: USStock, now_ns: int) -> None:
        row = stock.quote_row(key, now_ns)
        if self._out.widths[_US_QUOTE] == _SHORT_QUOTE:
            # The official sample's form: without RSYM at the front.
            self._out.send(_US_QUOTE, key, [row.partition("^")[2]], _SHORT_QUOTE)
        else:
            self._out.send(_US_QUOTE, key, [row], QUOTE_WIDTH)

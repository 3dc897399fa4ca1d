"""Feed what comes by the clock: indices once a second, US issues at their own pace.

TRs: H0UPCNT0, H0UPANC0, HDFSCNT0, HDFSASP0.
"""

from __future__ import annotations

from aegis_fast.sim.frames_index import INDEX_WIDTH, Index, cut_expected
from aegis_fast.sim.kst import SECOND_NS
from aegis_fast.sim.outlet import Outlet
from aegis_fast.sim.overseas import QUOTE_WIDTH, USIssue, USStock, find_issue
from aegis_fast.sim.views import phase_name

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
        self._indices: dict[str, Index] = {}
        self._next_index_ns = 0
        self._stocks: dict[USIssue, USStock] = {}
        self._first_quotes: dict[str, USStock] = {}
        self._asked_ns = 0

    def on_subscribed(self, tr_id: str, tr_key: str, now_ns: int) -> None:
        """Start an index or a US issue; a US quote comes with the next flush."""
        if tr_id in (_INDEX, _INDEX_EXPECTED) and tr_key not in self._indices:
            self._indices[tr_key] = Index(self._out.world, tr_key)
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

    def flush(self, now_ns: int) -> None:
        """Send what is due."""
        if now_ns >= self._next_index_ns:
            self._next_index_ns = now_ns // SECOND_NS * SECOND_NS + SECOND_NS
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
        if any(self._wanted_indices()):
            due.append(self._next_index_ns)
        return min(due, default=None)

    def _wanted_indices(self) -> list[tuple[str, str]]:
        phase = phase_name(self._out.world, "KRX")
        tr_id = _INDEX_EXPECTED if phase.endswith("auction") else _INDEX
        return [(tr_id, code) for code in self._out.registry.keys_of(tr_id) if phase]

    def _send_indices(self, now_ns: int) -> None:
        for tr_id, code in self._wanted_indices():
            index = self._indices[code]
            row = index.row(now_ns) if tr_id == _INDEX else index.expected_row(now_ns)
            if tr_id == _INDEX_EXPECTED and self._out.widths[tr_id] == _SHORT_EXPECTED:
                self._out.send(tr_id, code, [cut_expected(row)], _SHORT_EXPECTED)
            else:
                self._out.send(tr_id, code, [row], INDEX_WIDTH)

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

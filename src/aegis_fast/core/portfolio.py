"""Keep cash, positions and what open orders have set aside, in whole won and shares."""

from __future__ import annotations

from dataclasses import dataclass

from aegis_fast.core.model import Position, Side

__all__ = ["Fees", "Portfolio"]

_PPM = 1_000_000


@dataclass(frozen=True, slots=True)
class Fees:
    """commission_ppm: each way, of the traded value; 140 ppm is 0.014 % (KIS online)."""

    commission_ppm: int = 140

    def commission_krw(self, value_krw: int) -> int:
        """Return the commission on a traded value, truncated to won."""
        return value_krw * self.commission_ppm // _PPM

    def tax_krw(self, value_krw: int, sell_tax_ppm: int) -> int:
        """Return the tax on a sale, truncated to won; 2,000 ppm is the 0.20 % of 2026."""
        return value_krw * sell_tax_ppm // _PPM

    def reserve_krw(self, qty: int, price_krw: int) -> int:
        """Return what a buy must set aside: value plus commission, rounded up."""
        value_krw = qty * price_krw
        return value_krw - (-value_krw * self.commission_ppm // _PPM)

    def affordable_qty(self, cash_krw: int, price_krw: int) -> int:
        """Return the most shares whose reserve_krw `cash_krw` covers. price_krw > 0."""
        return max(0, cash_krw) * _PPM // (price_krw * (_PPM + self.commission_ppm))


@dataclass(slots=True)
class _Holding:
    qty: int = 0
    cost_krw: int = 0


class Portfolio:
    """One account's money.

    cash_krw counts what has traded; orderable_krw also subtracts what open buys have set aside, and
    sellable(symbol) what open sells have. An unknown order keeps its reservation: the true exposure
    is never larger than the reserved one.
    """

    def __init__(self, fees: Fees) -> None:
        self.fees = fees
        self.cash_krw = 0
        self._holdings: dict[str, _Holding] = {}
        self._reserved_krw: dict[str, int] = {}
        self._reserved_qty: dict[str, tuple[str, int]] = {}
        self._reserved_total_krw = 0
        self._reserved_total_qty: dict[str, int] = {}

    @property
    def reserved_krw(self) -> int:
        """Cash set aside by open buys."""
        return self._reserved_total_krw

    @property
    def orderable_krw(self) -> int:
        """Cash that a new buy may use."""
        return self.cash_krw - self._reserved_total_krw

    def qty(self, symbol: str) -> int:
        """Return the shares held."""
        holding = self._holdings.get(symbol)
        return holding.qty if holding else 0

    def sellable(self, symbol: str) -> int:
        """Return the shares that a new sell may offer."""
        return self.qty(symbol) - self._reserved_total_qty.get(symbol, 0)

    def positions(self) -> tuple[Position, ...]:
        """Return every holding that is not zero, by symbol."""
        return tuple(
            Position(symbol=symbol, qty=holding.qty, cost_krw=holding.cost_krw)
            for symbol, holding in sorted(self._holdings.items())
            if holding.qty
        )

    def load(self, cash_krw: int, positions: tuple[Position, ...]) -> None:
        """Take the broker's figures; reservations stay, they belong to orders."""
        self.cash_krw = cash_krw
        self._holdings = {p.symbol: _Holding(p.qty, p.cost_krw) for p in positions if p.qty}

    def reserve(self, order_id: str, symbol: str, side: Side, qty: int, price_krw: int) -> None:
        """Set aside what `qty` more shares at `price_krw` need, instead of what was set before."""
        self._release(order_id)
        if qty <= 0:
            return
        if side == Side.BUY:
            amount_krw = self.fees.reserve_krw(qty, price_krw)
            self._reserved_krw[order_id] = amount_krw
            self._reserved_total_krw += amount_krw
        else:
            self._reserved_qty[order_id] = (symbol, qty)
            total = self._reserved_total_qty.get(symbol, 0)
            self._reserved_total_qty[symbol] = total + qty

    def _release(self, order_id: str) -> None:
        self._reserved_total_krw -= self._reserved_krw.pop(order_id, 0)
        symbol, qty = self._reserved_qty.pop(order_id, ("", 0))
        if qty:
            self._reserved_total_qty[symbol] -= qty

    def fill(self, symbol: str, side: Side, qty: int, value_krw: int, sell_tax_ppm: int) -> None:
        """Move cash and shares for a fill of `qty` shares worth `value_krw` in all.

        qty may be 0 when only the value was corrected. Fees are truncated a fill, as an estimate;
        the broker's own figure replaces them with the next balance.
        """
        holding = self._holdings.setdefault(symbol, _Holding())
        commission_krw = self.fees.commission_krw(value_krw)
        if side == Side.BUY:
            self.cash_krw -= value_krw + commission_krw
            holding.qty += qty
            holding.cost_krw += value_krw
            return
        self.cash_krw += value_krw - commission_krw - self.fees.tax_krw(value_krw, sell_tax_ppm)
        if qty and holding.qty > 0:
            holding.cost_krw -= holding.cost_krw * min(qty, holding.qty) // holding.qty
        holding.qty -= qty

"""Move the fair values of all issues by one second: factors, index funds, warrants."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from aegis_fast.sim.crowd.factors import Factors
from aegis_fast.sim.crowd.flow import Flow
from aegis_fast.sim.crowd.value import Basket
from aegis_fast.sim.market.rules import Issue

__all__ = ["Tide"]


class Tide:
    """What moves the market. flows: by symbol and board, each leader before its followers."""

    def __init__(
        self, factors: Factors, listed: Iterable[Issue], flows: Mapping[tuple[str, str], Flow]
    ) -> None:
        self._factors = factors
        self._flows = flows
        stocks = [issue for issue in listed if issue.kind == "stock"]
        self._baskets = {
            "1001": self._basket(issue for issue in stocks if issue.market == "KOSDAQ"),
            "2001": self._basket(issue for issue in stocks if issue.is_kospi200),
        }
        for issue in listed:
            basket = self._baskets.get(issue.tracks)
            if basket is not None and basket.base_micro:
                flows[issue.symbol, "KRX"].track(basket)

    def _basket(self, members: Iterable[Issue]) -> Basket:
        return Basket(
            [
                (self._flows[issue.symbol, "KRX"].value, issue.listed_shares, issue.base_krw)
                for issue in members
            ]
        )

    def drift(self) -> None:
        """Move every fair value by one second."""
        factors = self._factors
        factors.advance()
        market_ppm = factors.market_ppm
        for basket in self._baskets.values():
            basket.sync()
        for flow in self._flows.values():
            flow.drift(market_ppm, factors.sector_ppm(flow.book.issue.sector))

"""Run the user's strategies: each hears its symbols, and each can fail alone."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from aegis_fast.core.ports import StrategyStatus
from aegis_fast.core.strategy import Strategy, StrategyTrading
from aegis_fast.hot import Bus, Subscriber

__all__ = ["Strategies"]


@dataclass(slots=True)
class _Run:
    """One strategy. failure: why it stopped outside its callbacks; "" while it has not."""

    strategy: Strategy
    subscriber: Subscriber
    is_started: bool = False
    failure: str = ""

    @property
    def is_running(self) -> bool:
        return self.is_started and not self.failure and not self.subscriber.is_stopped


class Strategies:
    """The strategies of one engine. max_errors: what the engine grants each, however much more it
    grants itself.
    """

    def __init__(
        self, strategies: Iterable[Strategy], *, bus: Bus, max_errors: int, log: logging.Logger
    ) -> None:
        self._bus = bus
        self._log = log
        self._runs = [_Run(s, _subscriber(s, max_errors)) for s in strategies]

    def symbols(self) -> Sequence[str]:
        """Return what they want to hear of, each symbol once."""
        return list(dict.fromkeys(s for run in self._runs for s in run.strategy.symbols))

    def start(self, trading: StrategyTrading) -> None:
        """Let them trade. One that does not start is stopped, the others run."""
        for run in self._runs:
            run.strategy.bind(trading)
            run.is_started = True
            # Heard from the start: an order sent in on_start is told at on_order.
            self._bus.add(run.subscriber)
            try:
                run.strategy.on_start()
            except Exception as error:  # noqa: BLE001  logged; a strategy that fails stops alone
                run.failure = f"on_start: {type(error).__name__}: {error}"
                self._bus.remove(run.subscriber)
                self._log.exception("%s did not start and is stopped", run.subscriber.name)

    def stop(self) -> None:
        """Tell those that run that it is over; they hear nothing any more."""
        for run in self._runs:
            if not run.is_running:
                continue
            try:
                run.strategy.on_stop()
            except Exception as error:  # noqa: BLE001  logged; the shutdown goes on
                run.failure = f"on_stop: {type(error).__name__}: {error}"
                self._log.exception("%s did not stop in order", run.subscriber.name)
            self._bus.remove(run.subscriber)
            run.is_started = False

    def status(self) -> tuple[StrategyStatus, ...]:
        """Return how each of them is."""
        return tuple(_status(run) for run in self._runs)


def _subscriber(strategy: Strategy, max_errors: int) -> Subscriber:
    return Subscriber(
        f"strategy {type(strategy).__name__}",
        symbols=strategy.symbols,
        # A callback that was not overridden costs nothing.
        on_trade=_own(strategy.on_trade, Strategy.on_trade),
        on_depth=_own(strategy.on_depth, Strategy.on_depth),
        on_order=_own(strategy.on_order, Strategy.on_order),
        max_errors=min(strategy.max_errors, max_errors),
    )


def _own(callback: Callable[[Any], None], base: object) -> Callable[[Any], None] | None:
    return None if getattr(callback, "__func__", None) is base else callback


def _status(run: _Run) -> StrategyStatus:
    subscriber = run.subscriber
    if run.failure or subscriber.is_stopped:
        state = "stopped"
    else:
        state = "running" if run.is_started else "waiting"
    return StrategyStatus(
        name=type(run.strategy).__name__,
        state=state,
        errors=subscriber.errors + bool(run.failure),
        last_error=run.failure or subscriber.last_error,
    )

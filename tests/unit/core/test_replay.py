"""Replaying the journal gives the same state, at every entry, whatever happened (S1, I6).

The events are drawn blindly: sensible ones, late ones, repeated ones and nonsense. They go through
the journal's own encoder and decoder on their way into a fresh manager.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aegis_fast.core.effects import Effect, Journal, Publish, Send
from aegis_fast.core.events import (
    AbsenceProven,
    BalanceLoaded,
    Event,
    ExternalSeen,
    KillSwitchSet,
    Restarted,
    SymbolHalted,
    WorldSeen,
)
from aegis_fast.core.model import OrderState, OrderType, Position, Side, Venue
from aegis_fast.core.order_manager import OrderManager
from aegis_fast.core.portfolio import Fees, Portfolio
from aegis_fast.store.journal import _DECODER, _ENCODER
from tests.unit.core import core_maker as make
from tests.unit.core.core_maker import ACCOUNT, NOON_DATE, SYMBOL, T0, whole_state

NUMBERS = (1, 2, 3, 4, 5)
PRICES = (69_000, 70_000, 71_000)


class Blind:
    """Draws events without looking at what they mean. pick(n): a number below n."""

    def __init__(self, pick: Callable[[int], int]) -> None:
        self._pick = pick
        self.manager = OrderManager(Portfolio(Fees(140)))
        self.now_ns = T0
        self.journal: list[tuple[int, bytes]] = []
        self.milestones: list[tuple[int, dict[str, Any]]] = []
        self.placed: list[str] = []

    def one(self, values: Any) -> Any:
        return values[self._pick(len(values))]

    def order_id(self) -> str:
        known = [r.order_id for r in self.manager.records()]
        return self.one([*known, "nobody"])

    def action(self) -> str:
        return self.one(("cancel", "amend"))

    def draw(self) -> Event:
        one, number = self.one, self.one(NUMBERS)
        makers: list[Callable[[], Event]] = [
            self.submit,
            self.submit,
            self.submit,
            lambda: make.accepted(self.order_id(), number),
            lambda: make.accepted(self.order_id(), number),
            lambda: make.accepted(self.order_id(), number),
            lambda: make.refused(self.order_id()),
            lambda: make.lost(self.order_id()),
            lambda: AbsenceProven(order_id=self.order_id(), scans=3, quiet_ns=1),
            lambda: make.cancel(self.order_id(), one((0, 1, 4, 99))),
            lambda: make.amend(self.order_id(), one(PRICES)),
            lambda: make.replaced(self.order_id(), self.action(), number, one((0, *PRICES))),
            lambda: make.replaced(self.order_id(), self.action(), number, one((0, *PRICES))),
            lambda: make.unreplaced(self.order_id(), self.action()),
            lambda: make.replace_lost(self.order_id(), self.action()),
            self.notice,
            self.notice,
            lambda: make.fill(number, one((1, 3, 10)), one(PRICES), session=one((1, 2, 3))),
            lambda: make.fill(number, one((1, 3, 10)), one(PRICES), session=one((1, 2, 3))),
            self.ledger,
            self.ledger,
            self.external,
            self.switch,
        ]
        return one(makers)()

    def submit(self) -> Event:
        return make.submitted(
            self.manager.next_order_id(self.now_ns),
            side=self.one((Side.BUY, Side.SELL)),
            order_type=self.one((OrderType.LIMIT, OrderType.MARKET)),
            qty=self.one((5, 10)),
            price_krw=self.one(PRICES),
            client_order_id=self.one(("", "a", "b")),
        )

    def notice(self) -> Event:
        return make.notice(
            self.one(NUMBERS),
            original=self.one((0, *NUMBERS)),
            action=self.one((0, 1, 2)),
            rejected=self.one((True, False, False)),
            accept_code=self.one((1, 2, 3)),
            qty=self.one((0, 1, 5, 10)),
        )

    def ledger(self) -> Event:
        cum_qty = self.one((0, 1, 4, 10))
        return make.ledger(
            self.one(NUMBERS),
            cum_qty,
            canceled=self.one((0, 0, 2, 6)),
            rejected=self.one((0, 0, 0, 10)),
            leaves=self.one((0, 3, 6, 10)),
            value_krw=cum_qty * self.one(PRICES),
        )

    def external(self) -> Event:
        return ExternalSeen(
            order_id=self.manager.next_order_id(self.now_ns),
            account=ACCOUNT,
            symbol=SYMBOL,
            side=self.one((Side.BUY, Side.SELL)),
            order_type=OrderType.LIMIT,
            qty=10,
            price_krw=70_000,
            reserve_price_krw=70_000,
            sell_tax_ppm=0,
            venue=Venue.KRX,
            broker_order_id=self.one(NUMBERS),
            org_no="1",
            cum_qty=self.one((0, 4)),
            cum_value_krw=280_000,
            canceled_qty=0,
            leaves_qty=self.one((0, 6)),
        )

    def switch(self) -> Event:
        return self.one(
            (
                KillSwitchSet(is_on=True, reason="x"),
                KillSwitchSet(is_on=False, reason=""),
                SymbolHalted(symbol=SYMBOL, reason="x"),
                SymbolHalted(symbol=SYMBOL, reason=""),
                Restarted(business_date=NOON_DATE),
                Restarted(business_date=NOON_DATE + 1),
                WorldSeen(world="w"),
                BalanceLoaded(
                    account=ACCOUNT,
                    cash_krw=10**9,
                    positions=(Position(symbol=SYMBOL, qty=5, cost_krw=9, name="삼성전자"),),
                    reason="start",
                ),
            )
        )

    def step(self) -> None:
        # Now and then a new day, so that numbers come again.
        self.now_ns += self.one((1, 10**9, 10**9, 3_600 * 10**9))
        event = self.draw()
        before = whole_state(self.manager)
        effects = self.manager.on_event(event, self.now_ns)
        after = whole_state(self.manager)
        entries = [effect.event for effect in effects if isinstance(effect, Journal)]
        assert entries or after == before, f"changed without a trace: {event}"
        self.check_effects(effects)
        self.journal += [(self.now_ns, _ENCODER.encode(entry)) for entry in entries]
        self.milestones.append((len(self.journal), after))
        self.check()

    def check_effects(self, effects: list[Effect]) -> None:
        """What is sent comes after what is written, and a new order goes once in its life."""
        kinds = [type(effect) for effect in effects]
        if Send in kinds:
            assert Journal in kinds[: kinds.index(Send)]
        if Publish in kinds:
            assert Journal in kinds[: kinds.index(Publish)]
        for effect in effects:
            if isinstance(effect, Send) and not hasattr(effect.command, "broker_order_id"):
                assert effect.command.order_id not in self.placed
                self.placed.append(effect.command.order_id)

    def check(self) -> None:
        for record in self.manager.records():
            assert 0 <= record.cum_qty <= record.qty
            assert record.canceled_qty >= 0
            order = record.snapshot()
            if record.state is not OrderState.REJECTED:
                assert order.cum_qty + order.leaves_qty + order.canceled_qty == order.qty
            if record.state is OrderState.FILLED:
                assert record.cum_qty == record.qty
            if not order.is_open:
                assert order.leaves_qty == 0
                assert not record.request
            elif record.state in (OrderState.LIVE, OrderState.PARTIAL):
                assert order.leaves_qty > 0
                assert record.leg is not None
        portfolio = self.manager.portfolio
        assert portfolio.reserved_krw == sum(portfolio._reserved_krw.values()) >= 0


def replay_and_compare(story: Blind) -> None:
    fresh = OrderManager(Portfolio(Fees(140)))
    done = 0
    for length, expected in story.milestones:
        for at_ns, body in story.journal[done:length]:
            fresh.on_event(_DECODER.decode(body), at_ns)
        done = length
        assert whole_state(fresh) == expected


@pytest.mark.parametrize("block", range(4))
def test_s01_journal_is_the_source_of_truth_at_every_entry(block: int) -> None:
    for seed in range(block * 60, block * 60 + 60):
        story = Blind(Random(seed).randrange)
        try:
            for _ in range(100):
                story.step()
            replay_and_compare(story)
        except Exception as error:
            raise AssertionError(f"seed {seed}") from error


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_s01_shortest_story_that_breaks_replay_would_be_found(data: st.DataObject) -> None:
    def pick(n: int) -> int:
        return data.draw(st.integers(0, n - 1))

    story = Blind(pick)
    for _ in range(data.draw(st.integers(1, 25))):
        story.step()
    replay_and_compare(story)


def test_replay_twice_over_does_not_send_or_count_again() -> None:
    story = Blind(Random(1).randrange)
    for _ in range(200):
        story.step()
    fresh = OrderManager(Portfolio(Fees(140)))
    for at_ns, body in story.journal:
        fresh.on_event(_DECODER.decode(body), at_ns)
    assert whole_state(fresh) == whole_state(story.manager)

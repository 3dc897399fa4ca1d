"""Join door, desks, market and sockets into one simulated broker, still without I/O or a clock.

The server feeds it requests, messages and the time; a deterministic simulation can do the same in
memory. world_id differs for every start, so a client can tell one market from the next.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from random import Random
from typing import Any

from aegis_fast.errors import ConfigError
from aegis_fast.kis.profile import SIM_ACCOUNT, SIM_APPKEY, SIM_APPSECRET, SIM_HTS_ID
from aegis_fast.sim.calls.answers import Answer, Request
from aegis_fast.sim.calls.interruptions import Interruptions
from aegis_fast.sim.calls.rest import Rest, Sources, call_of
from aegis_fast.sim.calls.trading import Trading
from aegis_fast.sim.desk.account import Account, AccountSpec
from aegis_fast.sim.desk.desk import Desk
from aegis_fast.sim.desk.ledger import Ledger
from aegis_fast.sim.desk.ledger_page import account_json
from aegis_fast.sim.desk.reservations import Reservations
from aegis_fast.sim.door import Door
from aegis_fast.sim.faults.hooks import FaultHooks
from aegis_fast.sim.faults.waiting import Faults
from aegis_fast.sim.feed.notice_gate import NoticeGate
from aegis_fast.sim.feed.replay import Replay
from aegis_fast.sim.feed.stream import Hub, Session
from aegis_fast.sim.kst import SECOND_NS, date_of
from aegis_fast.sim.market.calendar import is_trading_day
from aegis_fast.sim.market.exchange import VI, Book, Exchange
from aegis_fast.sim.market.hooks import WorldHooks
from aegis_fast.sim.market.rules import Issue
from aegis_fast.sim.market.tape import TradeRecord
from aegis_fast.sim.market.world import World
from aegis_fast.sim.rules import DoorRules, rules

__all__ = ["DEFAULT_ACCOUNTS", "GRID_NS", "Broker"]

GRID_NS = 10_000_000
_MAX_EVENTS_PER_STEP = 2_000
_MAX_LAG_NS = 5 * SECOND_NS

DEFAULT_ACCOUNTS = (AccountSpec(SIM_ACCOUNT, SIM_APPKEY, SIM_APPSECRET, SIM_HTS_ID),)


def _check(specs: tuple[AccountSpec, ...], calls_per_s: int | None) -> None:
    numbers = [spec.account for spec in specs]
    if not specs or len(set(numbers)) != len(numbers):
        raise ConfigError("accounts must be given, each once", field="accounts")
    for number in numbers:
        if len(number) != 10 or not number.isdigit():
            raise ConfigError(f"{number!r}", field="accounts", expected="10 digits (8 + 2)")
    if calls_per_s is not None and calls_per_s < 0:
        raise ConfigError("negative", field="calls_per_s", expected="0 (no limit) or more")


class Broker:
    """One simulated broker.

    entropy: where tokens, approval keys and the world id come from. calls_per_s: None takes the
    profile's limit, 0 means none. door_rules: what else the door can be set to. hours, listed,
    regimes: see world.World. wrap, pong_timeout_ns: see stream.Hub. notices: see notice_gate.
    replay: a capture that takes the market's place.
    """

    def __init__(
        self,
        *,
        start_ns: int,
        entropy: Random,
        profile: str = "spec",
        seed: int = 1,
        calls_per_s: int | None = None,
        accounts: tuple[AccountSpec, ...] = DEFAULT_ACCOUNTS,
        door_rules: DoorRules | None = None,
        activity: float = 1.0,
        hours: str = "open",
        listed: tuple[Issue, ...] | None = None,
        regimes: Mapping[str, str] | None = None,
        pingpong_ns: int = 10 * SECOND_NS,
        pong_timeout_ns: int = 0,
        notices: str = "before",
        replay: Replay | None = None,
        wrap: Callable[[bytes], bytes] = bytes,
    ) -> None:
        _check(accounts, calls_per_s)
        self.rules = rules(profile)
        # Not from entropy: the keys of the notices are part of the bytes that a seed fixes.
        rng = Random(f"{seed}:hub")
        self.world_id = f"{entropy.getrandbits(64):016x}"
        self.started_ns = start_ns
        self._date = date_of(start_ns)
        self.replay = replay
        self.faults = Faults(seed)
        self.faults.now_ns = start_ns
        self.ledger = Ledger()
        self.accounts = {spec.account: Account(spec) for spec in accounts}
        self.door = Door(
            accounts, calls_per_s, entropy, profile=profile, start_ns=start_ns, settings=door_rules
        )
        is_replay = replay is not None
        self.hub = Hub(
            self.rules,
            self.door,
            rng,
            wrap=wrap,
            pingpong_ns=pingpong_ns,
            pong_timeout_ns=pong_timeout_ns,
            is_replay=is_replay,
        )
        self.notice_gate = NoticeGate(self.hub.on_notice, Random(f"{seed}:notices"), notices)
        self._make_desk(start_ns)
        self.world = World(
            seed=seed,
            start_ns=start_ns,
            hooks=self._first_hooks(),
            activity=activity,
            hours=hours,
            listed=listed,
            regimes=regimes,
        )
        self.world.crowd.is_paused = is_replay
        self._join_world()
        self._rest = self._make_rest()

    def _make_desk(self, start_ns: int) -> None:
        """Make what stands between the door and the market."""
        self.fault_hooks = FaultHooks(
            self.faults,
            self.hub,
            self.notice_gate,
            self.door,
            self.accounts,
            self.ledger,
            self.rules.kis.notice_tr,
            start_ns,
        )
        self.hub.pongs.cut = lambda session: self.fault_hooks.wire.drop(session)
        on_notice = self.fault_hooks.on_notice
        self.desk = Desk(self.rules, self.ledger, self.accounts, self.faults, on_notice)
        self.reservations = Reservations(self.rules, self.desk)
        self.interruptions = Interruptions()

    def _first_hooks(self) -> WorldHooks:
        return WorldHooks(
            on_trade=self._on_trade,
            on_own_fill=self.desk.on_fill,
            on_own_end=self.desk.on_end,
            on_depth=self._on_depth,
        )

    def _join_world(self) -> None:
        """Connect the market. Sessions under way at the start are no news, so they are not told."""
        self.desk.join(self.world)
        self.hub.join(self.world)
        self.reservations.join(self.world)
        self.interruptions.join(self.world)
        self.world.hooks.on_phase = self.hub.on_phase
        self.world.hooks.on_vi = self._on_vi
        self.world.hooks.on_halt = self.hub.on_halt
        self.world.hooks.on_second = self.hub.on_second

    def _make_rest(self) -> Rest:
        sources = Sources(
            self.door,
            self.world,
            self.ledger,
            Trading(self.rules, self.world, self.ledger, self.desk),
            self.reservations,
            self.interruptions,
        )
        return Rest(self.rules, self.accounts, sources)

    @property
    def exchange(self) -> Exchange:
        """Return the books."""
        return self.world.exchange

    def _on_trade(self, book: Book, record: TradeRecord) -> None:
        self.hub.on_trade(book.issue.symbol, record)

    def _on_vi(self, symbol: str, board: str, vi: VI | None, now_ns: int) -> None:
        self.interruptions.on_vi(symbol, board, vi, now_ns)
        self.hub.on_vi(symbol, board, vi, now_ns)

    def _on_depth(self, book: Book) -> None:
        self.hub.on_depth(book.issue.symbol, book.board)

    def call(self, request: Request, now_ns: int, real_ns: int) -> Answer:
        """Answer one REST call and write it down, with whatever fault waits for it.

        now_ns: the market's time. real_ns: the door's.
        """
        self.advance(now_ns, real_ns)
        call_id = call_of(request.path)
        self.notice_gate.begin_call(real_ns)
        answer = self.fault_hooks.answer(
            request, call_id, partial(self._rest.answer, now_ns=now_ns, real_ns=real_ns)
        )
        self.notice_gate.end_call()
        self.write_down(request, answer, real_ns)
        self.hub.flush(now_ns, real_ns)
        return answer

    def write_down(self, request: Request, answer: Answer, real_ns: int) -> None:
        """Put a call into the ledger; those that never get as far as call() as well."""
        self.ledger.add_call(
            arrival_ns=real_ns,
            appkey=request.headers.get("appkey", "")[:64],
            tr_id=request.headers.get("tr_id", "")[:32],
            method=request.method,
            path=request.path[:200],
            call=call_of(request.path),
            status=0 if answer.is_lost else answer.status,
            msg_cd=answer.msg_cd,
            ip=request.ip,
        )

    def step(self, now_ns: int, real_ns: int) -> None:
        """Let the market move up to now, skipping what cannot be caught up, and send what came."""
        if self.replay is not None:
            self.replay.step(
                now_ns,
                self.hub.last_subscribed_ns,
                self.hub.replay,
                heard=any(s.registrations for s in self.hub.sessions.values()),
            )
        if now_ns - self.world.now_ns > _MAX_LAG_NS:
            self.world.skip(now_ns - self.world.now_ns)
        reached = self.advance(now_ns, real_ns, max_events=_MAX_EVENTS_PER_STEP)
        if reached < now_ns:
            self.world.skip(now_ns - reached)

    def advance(self, now_ns: int, real_ns: int, *, max_events: int | None = None) -> int:
        """Let the market move up to now and return the time reached: less after max_events.

        Frames are cut at every GRID_NS of market time at which something happened, never in
        between, so the same seed and calls give the same bytes however time is fed in. real_ns: the
        door's time.
        """
        done = 0
        while True:
            fault_ns = self.fault_hooks.next_due_ns(self.world.now_ns)
            due_ns = min(self.world.next_due_ns, self.hub.next_due_ns(), fault_ns)
            cut_ns = -(-due_ns // GRID_NS) * GRID_NS
            if cut_ns > now_ns:
                break
            self._turn_date(cut_ns)
            before = self.world.events_done
            self.world.advance(cut_ns)
            self.reservations.enter_due(cut_ns)
            self.faults.now_ns = real_ns
            self.fault_hooks.step(cut_ns)
            self.notice_gate.flush(real_ns)
            self.hub.flush(cut_ns, real_ns)
            done += 1 + self.world.events_done - before
            if max_events is not None and done >= max_events:
                return cut_ns
        self._turn_date(now_ns)
        self.world.advance(now_ns)
        self.faults.now_ns = real_ns
        self.fault_hooks.step(now_ns)
        self.notice_gate.flush(real_ns)
        self.hub.tick(now_ns, real_ns)
        return now_ns

    def _turn_date(self, now_ns: int) -> None:
        """At midnight (KST) the day's orders end and, on a trading day, money settles."""
        if self._date == (today := date_of(now_ns)):
            return
        self._date = today
        self.desk.end_day(now_ns)
        if is_trading_day(today):
            for account in self.accounts.values():
                account.begin_day(today)

    def on_text(self, session: Session, text: str, now_ns: int, real_ns: int) -> None:
        """Take a WebSocket message. now_ns: the market's time. real_ns: the door's."""
        self.faults.now_ns = real_ns
        self.hub.on_text(session, text, now_ns, real_ns)
        self.hub.flush(now_ns, real_ns)

    def on_close(self, session: Session, real_ns: int, *, has_died: bool = False) -> None:
        """Take notice that a socket is gone (door's time). has_died: without a close."""
        self.faults.now_ns = real_ns
        hold_ns = self.fault_hooks.hold_ns(session)
        if has_died:
            hold_ns = max(hold_ns, self.door.settings.session_hold_ms * 1_000_000)
        self.hub.close(session, real_ns, hold_ns)

    def ledger_json(self, *, calls: bool = True) -> dict[str, Any]:
        """Return the account's truth: orders, fills, calls, money and shares."""
        return {
            "world": self.world_id,
            "profile": self.rules.name,
            "seed": self.world.seed,
            "orders": [entry.as_json() for entry in self.ledger.orders.values()],
            "fills": [fill.as_json() for fill in self.ledger.fills],
            "calls": [call._asdict() for call in self.ledger.calls] if calls else [],
            "calls_dropped": self.ledger.calls_dropped,
            "accounts": {
                number: account_json(account) for number, account in self.accounts.items()
            },
        }

    def state_json(self, now_ns: int, *, symbols: bool = True) -> dict[str, Any]:
        """Return what runs here and how it does. symbols: with every issue that is listed."""
        return {
            "world": self.world_id,
            "profile": self.rules.name,
            "seed": self.world.seed,
            "now_ns": now_ns,
            "uptime_s": (now_ns - self.started_ns) // SECOND_NS,
            "calls_per_s": self.door.calls_per_s(now_ns),
            "calls": self.ledger.call_count,
            "calls_refused": sum(c.refused_calls for c in self.door.customers.values()),
            "orders": len(self.ledger.orders),
            "fills": len(self.ledger.fills),
            "is_paused": self.world.crowd.is_paused,
            "activity": self.world.crowd.activity,
            "skipped_ns": self.world.skipped_ns,
            "connections": [s.as_json() for s in self.hub.sessions.values()],
            "faults": self.faults.as_json(),
            "replay": self.replay.as_json() if self.replay else None,
            "symbols": [
                {
                    "symbol": symbol,
                    "name": book.issue.name,
                    "market": book.issue.market,
                    "kind": book.issue.kind,
                    "base_krw": book.issue.base_krw,
                    "lower_krw": book.limits.lower_krw,
                    "upper_krw": book.limits.upper_krw,
                    "last_krw": self.world.tapes[symbol].last_krw,
                    "best_bid_krw": book.best_bid_krw,
                    "best_ask_krw": book.best_ask_krw,
                    "cum_qty": self.world.tapes[symbol].cum_qty,
                }
                for symbol, book in self.world.exchange.books.items()
            ]
            if symbols
            else [],
        }

"""Everything a simulator can be set to, checked before anything starts."""

from __future__ import annotations

import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from random import Random
from typing import Any

from aegis_fast.errors import ConfigError
from aegis_fast.sim.broker import DEFAULT_ACCOUNTS, Broker
from aegis_fast.sim.connections import Limits
from aegis_fast.sim.crowd.listing import chosen_issues
from aegis_fast.sim.deflate import DEFLATE_MODES, ws_frame
from aegis_fast.sim.desk.account import AccountSpec
from aegis_fast.sim.feed.frames import WIDTHS_OF_2024
from aegis_fast.sim.feed.notice_gate import NOTICES
from aegis_fast.sim.feed.replay import Replay
from aegis_fast.sim.kst import midnight_ns
from aegis_fast.sim.rules import DoorRules
from aegis_fast.sim.sim_clock import SPEEDS, crowd_pace
from aegis_fast.sim.tls import CA_FILE, generated_context, given_context

__all__ = ["FRAMES", "HOURS", "SimSettings"]

HOURS = ("open", "day")
FRAMES = ("today", "2024")
# The calendar knows no other years, and the ns of far ones are no 63-bit numbers any more.
_FIRST_NS = midnight_ns(date(2000, 1, 1))
_LAST_NS = midnight_ns(date(2101, 1, 1))
_YEARS = "2000-01-01..2100-12-31 (KST)"


@dataclass(frozen=True, slots=True, kw_only=True)
class SimSettings:
    """What server.start takes.

    calls_per_s: None takes the profile's of the day, 0 means no limit. accounts: None is the one
    account of the published keys. activity: the pace of the crowd, 0 to 100; None is 1, less at
    high speeds (see crowd_pace). hours: "open" (trading at any time of day) or "day" (the real
    sessions). start_ns, speed, is_stepped: see SimClock; start_ns None is now. deflate: "off", or
    "context" or "no-context" with the profile spec. tls: serve with a fresh certificate whose
    authority is written to tls_dir, or with cert and key. faults: a script of them, a file or its
    entries. dns_port: also answer name queries for the broker's hosts there (UDP; see names).
    issue_count: how many issues are listed, None for the thirty known by name. regimes: symbol, or
    "*" for the market, to the name of a regime. pong_timeout_s: a client that takes longer to send
    PINGPONG back is cut; 0: none is. keepalive_s, read_timeout_s, max_connections: see connections.
    frames: "today", or "2024" with the widths that clients of before NXT have hard-coded. notices:
    own-order notices come "before" the answer that caused them, "after" it, or "mixed"; see
    notice_gate. stamp: records end with the ns at which they are sent, see stamps.
    """

    profile: str = "spec"
    seed: int = 1
    replay: str | Path | None = None
    calls_per_s: int | None = None
    accounts: Sequence[AccountSpec] | None = None
    door_rules: DoorRules | None = None
    activity: float | None = None
    hours: str = "open"
    pingpong_s: float = 10.0
    pong_timeout_s: float = 0.0
    keepalive_s: float = 75.0
    read_timeout_s: float = 30.0
    max_connections: int | None = None
    replay_interval_ms: int = 20
    start_ns: int | None = None
    speed: float = 1.0
    is_stepped: bool = False
    deflate: str = "off"
    tls: bool = False
    tls_dir: Path = Path("var/sim")
    cert: Path | None = None
    key: Path | None = None
    faults: str | Path | Sequence[Mapping[str, Any]] | None = None
    dns_port: int | None = None
    issue_count: int | None = None
    regimes: Mapping[str, str] | None = None
    frames: str = "today"
    notices: str = "mixed"
    stamp: bool = False

    def __post_init__(self) -> None:
        """Raise ConfigError when something is out of range."""
        low, high = SPEEDS
        for field, is_right, expected in (
            ("pingpong_s", 0.1 <= self.pingpong_s <= 3_600, "0.1..3600"),
            ("pong_timeout_s", 0 <= self.pong_timeout_s <= 3_600, "0 (off)..3600"),
            ("keepalive_s", 0.1 <= self.keepalive_s <= 3_600, "0.1..3600"),
            ("read_timeout_s", 0.1 <= self.read_timeout_s <= 3_600, "0.1..3600"),
            ("max_connections", self.max_connections is None or self.max_connections > 0, "1.."),
            ("start_ns", self.start_ns is None or _FIRST_NS <= self.start_ns < _LAST_NS, _YEARS),
            ("activity", self.activity is None or 0 <= self.activity <= 100, "0..100"),
            ("speed", low <= self.speed <= high, f"{low}..{high:.0f}"),
            ("hours", self.hours in HOURS, " | ".join(HOURS)),
            ("notices", self.notices in NOTICES, " | ".join(NOTICES)),
            ("frames", self.frames in FRAMES, " | ".join(FRAMES)),
            ("deflate", self.deflate in DEFLATE_MODES, " | ".join(DEFLATE_MODES)),
        ):
            if not is_right:
                value = getattr(self, field)
                raise ConfigError(f"{field} is {value!r}", field=field, expected=expected)
        if self.deflate != "off" and self.profile != "spec":
            raise ConfigError(
                "the broker does not compress", field="deflate", expected="off, or the profile spec"
            )

    def broker(self, start_ns: int, entropy: Random) -> Broker:
        """Return the broker that is asked for. Raises ConfigError."""
        accounts = DEFAULT_ACCOUNTS if self.accounts is None else tuple(self.accounts)
        replay = None
        if self.replay is not None:
            replay = Replay(self.replay, self.replay_interval_ms)
        broker = Broker(
            start_ns=start_ns,
            entropy=entropy,
            profile=self.profile,
            seed=self.seed,
            calls_per_s=self.calls_per_s,
            accounts=accounts,
            door_rules=self.door_rules,
            activity=crowd_pace(self.speed) if self.activity is None else self.activity,
            hours=self.hours,
            listed=chosen_issues(self.issue_count, self.regimes or {}, self.seed),
            regimes=self.regimes,
            pingpong_ns=int(self.pingpong_s * 1_000_000_000),
            pong_timeout_ns=int(self.pong_timeout_s * 1_000_000_000),
            notices=self.notices,
            replay=replay,
            wrap=ws_frame,
        )
        _check_holdings(accounts, broker)
        if self.frames == "2024":
            broker.hub.widths.update(WIDTHS_OF_2024)
        broker.hub.is_stamped = self.stamp
        return broker

    def tls_context(self) -> ssl.SSLContext | None:
        """Return what to serve TLS with, None without it. Raises ConfigError."""
        if self.cert is not None:
            return given_context(self.cert, self.key)
        return generated_context(self.tls_dir) if self.tls else None

    @property
    def limits(self) -> Limits:
        """Return what the connections are held to."""
        return Limits(self.keepalive_s, self.read_timeout_s, self.max_connections)

    @property
    def ca_path(self) -> Path | None:
        """Return where the generated authority is, None when there is none."""
        return (self.tls_dir / CA_FILE).resolve() if self.tls and self.cert is None else None


def _check_holdings(accounts: Sequence[AccountSpec], broker: Broker) -> None:
    listed = broker.exchange.books
    for spec in accounts:
        for symbol in spec.holdings:
            if symbol not in listed:
                raise ConfigError(
                    f"the market lists no {symbol}",
                    field="holdings",
                    expected=", ".join(list(listed)[:5]) + ", ...",
                )

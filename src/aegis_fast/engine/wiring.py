"""Join the parts: the composition root, the only place that builds adapters."""

from __future__ import annotations

import logging
import secrets
from dataclasses import dataclass
from pathlib import Path

from aegis_fast.api.access import Access, ApiKey, Role
from aegis_fast.config import Settings
from aegis_fast.core.dispatch import CallQueue
from aegis_fast.core.model import OrderType
from aegis_fast.core.order_manager import OrderManager
from aegis_fast.core.portfolio import Fees, Portfolio
from aegis_fast.core.reconcile import Reconciler, ReconcileRules
from aegis_fast.core.risk import RiskLimits
from aegis_fast.engine.clock import FollowedClock, mono_ns, now_ns
from aegis_fast.engine.engine import Engine
from aegis_fast.engine.following import ClockFollower
from aegis_fast.engine.garbage import GarbageKeeper
from aegis_fast.engine.gate import Gate
from aegis_fast.engine.lifecycle import FeedBridge, Lifecycle
from aegis_fast.engine.listing import Listing
from aegis_fast.engine.service import Service
from aegis_fast.engine.session import Session
from aegis_fast.engine.spin import Spinner
from aegis_fast.engine.sync import Sync
from aegis_fast.engine.watching import Watching
from aegis_fast.hot import Bus, SlidingWindow, Subscriber
from aegis_fast.kis.credentials import AppCredentials
from aegis_fast.kis.gateway import KISGateway
from aegis_fast.kis.profile import (
    SIM_ACCOUNT,
    SIM_APPKEY,
    SIM_APPSECRET,
    SIM_HTS_ID,
    Profile,
    profile,
)
from aegis_fast.kis.rest import tls_context
from aegis_fast.kis.stream import KISStream
from aegis_fast.store.journal import Journal
from aegis_fast.store.stint import Stint

__all__ = ["Runtime", "api_access", "build"]

_MS = 1_000_000
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_MAX_CALLS_PER_S = 30


@dataclass(slots=True)
class Runtime:
    """Everything that runs for one account."""

    settings: Settings
    gateway: KISGateway
    follower: ClockFollower
    journal_path: Path
    journal_owner: dict[str, str]
    service: Service
    lifecycle: Lifecycle


def build(settings: Settings, log: logging.Logger) -> Runtime:
    """Build all parts of one engine; nothing is opened or connected yet. Raises ConfigError."""
    place = _profile(settings)
    credentials = _credentials(settings)
    home = settings.engine.home
    clock = FollowedClock()
    gate = Gate(
        CallQueue(
            SlidingWindow(calls_per_s(settings), settings.kis.call_window_ms * _MS),
            settings.engine.max_waiting_calls,
        ),
        mono_ns,
    )
    tls = tls_context(ca_file=settings.kis.ca_file) if settings.kis.ca_file else None
    gateway = KISGateway(
        profile=place,
        credentials=credentials,
        gate=gate,
        token_path=home / "tokens.json",
        clock_ns=clock.now_ns,
        token_clock_ns=clock.door_ns,
        connect_timeout_ms=settings.kis.connect_timeout_ms,
        read_timeout_ms=settings.kis.read_timeout_ms,
        order_lines=settings.kis.order_lines,
        tls=tls,
    )
    journal_path = home / place.name / "journal.db"
    owner = {"env": place.name, "account": credentials.account}
    journal = Journal(
        journal_path,
        owner=owner,
        durability=settings.journal.durability,
        max_waiting=settings.journal.max_waiting,
    )
    bus = Bus(lambda subscriber, error: _report(log, subscriber, error))
    manager = OrderManager(Portfolio(Fees(settings.risk.commission_ppm)))
    engine = Engine(
        account=credentials.account,
        manager=manager,
        journal=journal,
        broker=gateway,
        bus=bus,
        now_ns=clock.now_ns,
        mono_ns=mono_ns,
        log=log,
        deadlines_s={
            OrderType.MARKET: settings.order.market_timeout_ms / 1000,
            OrderType.LIMIT: settings.order.limit_timeout_ms / 1000,
        },
    )
    bridge = FeedBridge(engine, log)
    feed = KISStream(
        profile=place,
        credentials=credentials,
        issuer=gateway.issuer,
        events=bridge,
        bus=bus,
        # None: the listener stamps each socket read in C.
        clock_ns=None,
        silence_timeout_s=settings.feed.heartbeat_interval_ms / 1000,
        reconnect_interval_s=settings.feed.reconnect_interval_ms / 1000,
        cycle_attempts=settings.feed.cycle_attempts,
        cooldown_s=settings.feed.cooldown_ms / 1000,
        sample_every=settings.feed.latency_sample_every,
        subscribe_pacing_s=settings.feed.subscribe_pacing_ms / 1000,
        tls=tls if place.ws_url.startswith("wss:") else None,
    )
    rules = ReconcileRules(
        absence_scans=settings.reconcile.absence_scans,
        quiet_horizon_ns=settings.reconcile.quiet_horizon_ms * _MS,
        clock_slack_s=settings.reconcile.clock_slack_s,
    )
    sync = Sync(
        engine=engine,
        broker=gateway,
        reconciler=Reconciler(manager, rules),
        interval_s=settings.reconcile.interval_ms / 1000,
        log=log,
    )
    listing = Listing(gateway, clock.now_ns)
    watching = Watching(feed, bus)
    lifecycle = Lifecycle(
        settings=settings,
        engine=engine,
        journal=journal,
        gateway=gateway,
        feed=feed,
        bridge=bridge,
        gate=gate,
        sync=sync,
        listing=listing,
        watching=watching,
        bus=bus,
        calls_per_s=calls_per_s(settings),
        stint=Stint(home / place.name / "stint"),
        session=Session(
            clock.now_ns,
            spinner=Spinner(settings.engine.spin_core) if settings.engine.spin else None,
            garbage=GarbageKeeper() if settings.engine.freeze_gc else None,
        ),
        log=log,
    )
    service = Service(
        engine=engine,
        broker=gateway,
        listing=listing,
        watching=watching,
        offsets=settings.order.offset_bp,
        limits=RiskLimits(
            max_order_krw=settings.risk.max_order_krw,
            max_order_qty=settings.risk.max_order_qty,
            max_open_orders=settings.risk.max_open_orders,
        ),
        venues=place.venues,
        sell_tax_ppm=settings.risk.sell_tax_ppm,
        answer_timeout_s=settings.engine.answer_timeout_ms / 1000,
        status=lifecycle.status,
        closed=lifecycle.closed,
    )
    lifecycle.service = service
    follower = ClockFollower(gateway, clock, log)
    return Runtime(settings, gateway, follower, journal_path, owner, service, lifecycle)


def api_access(settings: Settings) -> Access:
    """Return the API keys: the configured ones, and the demo key in sim on loopback only (A23)."""
    keys = [ApiKey(key.id, key.secret_sha256, Role(key.role)) for key in settings.api.keys]
    if settings.engine.env == "sim" and settings.engine.host in _LOOPBACK:
        keys.append(ApiKey.of_secret("demo", "demo-secret", Role.TRADE))
    return Access(keys, clock_ns=now_ns, rng=secrets.token_bytes)


def calls_per_s(settings: Settings) -> int:
    """Return the calls a second we allow ourselves: at most 30, and what the broker allows (A5)."""
    allowed = min(_MAX_CALLS_PER_S, _profile(settings).calls_per_s)
    wanted = settings.kis.calls_per_s
    return min(wanted, allowed) if wanted else allowed


def _profile(settings: Settings) -> Profile:
    place = profile(settings.engine.env)
    rest_url, ws_url = settings.kis.rest_url, settings.kis.ws_url
    if not rest_url and not ws_url:
        return place
    return place.at(rest_url or place.rest_url, ws_url or place.ws_url)


def _credentials(settings: Settings) -> AppCredentials:
    kis = settings.kis
    if settings.engine.env == "sim":
        return AppCredentials(
            appkey=kis.appkey or SIM_APPKEY,
            appsecret=kis.appsecret or SIM_APPSECRET,
            account=kis.account or SIM_ACCOUNT,
            hts_id=kis.hts_id or SIM_HTS_ID,
        )
    return AppCredentials(
        appkey=kis.appkey, appsecret=kis.appsecret, account=kis.account, hts_id=kis.hts_id
    )


def _report(log: logging.Logger, subscriber: Subscriber, error: Exception) -> None:
    log.error(
        "%s failed (%d of %d): %s",
        subscriber.name,
        subscriber.errors,
        subscriber.max_errors,
        error,
        exc_info=error,
    )
    if subscriber.is_stopped:
        log.error("%s is stopped; everything else goes on", subscriber.name)

"""An engine lives through a trading day of each profile and into the next: its account is the
ledger's at the end, and so is every order."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.e2e.day_desk import DayDesk

pytestmark = pytest.mark.e2e

FRIDAY, MONDAY = "2026-12-04", "2026-12-07"
EARLY = {"paper": "40570000", "real": "APBK0918", "spec": "APBK0918"}
LATE = {"paper": "40580000", "real": "APBK0918", "spec": "APBK0918"}


PROFILES = ("real", "paper", "spec")
# Market seconds for one of ours; a day from 07:55 to 20:05 takes a minute at 720.
SPEED = float(os.environ.get("AEGIS_DAY_SPEED", "720"))
DAY_S = 75.0


@pytest.fixture(scope="module")
def days(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Future[None]]]:
    """All three at once: most of the time of a day at one call a second is waiting."""
    with ThreadPoolExecutor(len(PROFILES)) as pool:
        yield {
            profile: pool.submit(live_through, tmp_path_factory.mktemp(profile), profile)
            for profile in PROFILES
        }


@pytest.mark.parametrize("profile", PROFILES)
def test_engine_trades_a_virtual_day_and_its_account_equals_the_ledger(
    days: dict[str, Future[None]], profile: str
) -> None:
    days[profile].result()


def live_through(home: Path, profile: str) -> None:
    """Place orders in every session of a day and of the next morning, and compare the books."""
    desk = DayDesk(home, profile, f"{FRIDAY}T07:50", "--stepped", "--seed", "11", "--activity", "0")
    try:
        desk.start_engine()
        desk.refused(EARLY[profile], type="market", qty=1)
        if not desk.is_paper:
            pre_market(desk)
        opening_auction(desk)
        regular_session(desk)
        interruption(desk)
        if not desk.is_paper:
            halt(desk)
            restart_of_the_engine(desk)
        closing_auction(desk)
        if not desk.is_paper:
            nextrade_after_the_close(desk)
        evening(desk)
        next_morning(desk)
        check_books(desk)
    finally:
        desk.close()


def check_books(desk: DayDesk) -> None:
    """Hold the engine to the ledger, and to its own word that all is well."""
    desk.agree()
    desk.check_calls()
    status = desk.status()
    assert status["is_ready"], status
    assert status["open_orders"] == status["unknown_orders"] == 0
    assert status["discrepancies"] == 0
    assert status["halted_symbols"] == {}


def pre_market(desk: DayDesk) -> None:
    """NXT alone trades: market orders have no place yet, SOR goes where there is one."""
    desk.at("08:00:30")
    desk.refused(EARLY[desk.profile], type="limit", price_krw=desk.price())
    bought = desk.limit("buy", 105, qty=3, venue="NXT")
    desk.becomes(bought, "filled")
    routed = desk.limit("buy", 105, qty=2, venue="SOR")
    desk.becomes(routed, "filled")
    resting = desk.limit("buy", 90, qty=4, venue="NXT")
    desk.amended(resting, 92)
    desk.canceled(resting)
    sold = desk.limit("sell", 95, qty=1, venue="NXT")
    desk.becomes(sold, "filled")
    # This one stays for the main session.
    desk.limit("buy", 88, qty=6, venue="NXT")
    desk.live(60)
    desk.agree()


def opening_auction(desk: DayDesk) -> None:
    """What is placed here rests without a word for half an hour; nothing of it is lost."""
    desk.at("08:30:30")
    market = desk.placed(type="market", qty=10)
    eager = desk.limit("buy", 104, qty=7)
    patient = desk.limit("buy", 90, qty=5)
    conditional = desk.placed(type="conditional", qty=3, price_krw=desk.price(91))
    desk.amended(patient, 89)
    if not desk.is_paper:
        desk.canceled(desk.limit("buy", 95, qty=2))
    desk.live(120)
    assert {desk.seen(o)["state"] for o in (market, eager, patient, conditional)} == {"live"}

    desk.at("08:59")
    desk.live(120)

    assert desk.becomes(market, "filled")["cum_qty"] == 10
    filled = desk.becomes(eager, "filled")
    assert filled["cum_value_krw"] * 10 == desk.seen(market)["cum_value_krw"] * 7, "one price"
    assert desk.seen(patient)["state"] == "live"
    assert desk.seen(conditional)["state"] == "live"


def regular_session(desk: DayDesk) -> None:
    """Both venues trade; one order stays for the close, one for the evening."""
    desk.at("09:30")
    bought = desk.placed(type="market", qty=20)
    desk.becomes(bought, "filled")
    sold = desk.placed(type="market", side="sell", qty=5)
    desk.becomes(sold, "filled")
    working = desk.limit("buy", 93, qty=10)
    reduced = desk.api("PATCH", f"orders/{working}", {"qty": 6})
    assert reduced.status in (200, 202), reduced.body
    desk.until(lambda: desk.seen(working)["leaves_qty"] == 6)
    if not desk.is_paper:
        desk.refused("", type="market", qty=1, venue="NXT")
        desk.becomes(desk.limit("buy", 104, qty=4, venue="NXT"), "filled")
        desk.becomes(desk.placed(type="market", qty=2, venue="SOR"), "filled")
        desk.limit("sell", 120, qty=2)
        desk.limit("sell", 99, qty=3, venue="SOR")
        desk.limit("buy", 90, qty=2, venue="NXT")
        desk.placed(type="conditional", side="sell", qty=4, price_krw=desk.price(112))
    desk.live(120)
    desk.agree()


def interruption(desk: DayDesk) -> None:
    """The price runs away; what is placed during the interruption trades when it ends."""
    desk.at("11:00")
    desk.market(symbol="005930", price=desk.price(113))
    market = desk.placed(type="market", qty=2)
    resting = desk.limit("sell", 108, qty=1)
    assert desk.seen(resting)["state"] == "live"
    desk.live(200)
    desk.becomes(market, "filled")


def halt(desk: DayDesk) -> None:
    """An issue halts and trades again; one that was first met while halted is not lost for good."""
    desk.at("13:00")
    for symbol in ("005930", "000660"):
        desk.market(symbol=symbol, halt=True)
    desk.refused("APBK0918", type="limit", qty=1, price_krw=desk.price())
    met = desk.order(symbol="000660")
    assert (met.status, met.body["detail"]["field"]) == (422, "symbol"), met.body
    for symbol in ("005930", "000660"):
        desk.market(symbol=symbol, halt=False)
    desk.live(700)
    desk.becomes(desk.placed(type="market", qty=1), "filled")
    desk.becomes(desk.placed(type="market", qty=1, symbol="000660"), "filled")


def restart_of_the_engine(desk: DayDesk) -> None:
    """The engine dies; the market goes on without it, and fills what it had left there."""
    desk.at("14:00")
    below_krw = desk.price() - 1_000
    left = desk.placed(type="limit", qty=2, price_krw=below_krw)
    assert desk.engine is not None
    desk.engine.kill()
    desk.clock(advance_ms=60_000)
    desk.market(symbol="005930", price=below_krw - 2_000)
    told = desk.clock(advance_ms=600_000)

    desk.start_engine()

    desk.becomes(left, "filled")
    assert desk.status()["now_ns"] >= told["now_ns"]
    desk.agree()


def closing_auction(desk: DayDesk) -> None:
    """Conditional orders become market orders; the rest of the day's orders ends unheard."""
    desk.at("15:20:30")
    desk.refused("APBK0918", type="conditional", qty=1, price_krw=desk.price(90))
    market = desk.placed(type="market", qty=3)
    sold = desk.limit("sell", 95, qty=2)
    left_over = desk.limit("buy", 85, qty=8)
    if not desk.is_paper:
        desk.refused("APBK0918", type="limit", qty=1, venue="NXT", price_krw=desk.price())
    desk.live(60)
    assert desk.seen(market)["state"] == "live"

    desk.at("15:29:30")
    desk.live(90)

    desk.becomes(market, "filled")
    desk.becomes(sold, "filled")
    desk.becomes(left_over, "canceled")
    desk.refused(LATE[desk.profile], type="limit", qty=1, price_krw=desk.price())
    krx = [o for o in desk.api("GET", "orders?limit=1000&open=1").data if o["venue"] == "KRX"]
    desk.until(
        lambda: (
            not [
                order
                for order in krx
                if desk.seen(order["order_id"])["state"] in ("live", "partial")
            ]
        ),
        what="the close ends every order at KRX",
    )
    desk.agree()


def nextrade_after_the_close(desk: DayDesk) -> None:
    """NXT trades on, first in an auction; off-hours trading at KRX is not for these types."""
    desk.at("15:35")
    auctioned = desk.limit("buy", 103, qty=2, venue="NXT")
    desk.live(60)
    desk.at("15:41")
    desk.live(30)
    desk.becomes(auctioned, "filled", "live")
    desk.refused("APBK0918", type="market", qty=1)


def evening(desk: DayDesk) -> None:
    """The last session: SOR goes to NXT; at 20:00 all is over."""
    desk.at("16:05")
    desk.refused(LATE[desk.profile], type="limit", qty=1, price_krw=desk.price())
    if not desk.is_paper:
        desk.becomes(desk.limit("buy", 104, qty=3, venue="SOR"), "filled")
        desk.becomes(desk.limit("sell", 96, qty=2, venue="NXT"), "filled")
        last = desk.limit("buy", 88, qty=5, venue="NXT")
        desk.live(60)
        desk.at("20:00:30")
        desk.becomes(last, "canceled")
        desk.refused(LATE[desk.profile], type="limit", qty=1, venue="SOR", price_krw=desk.price())
        desk.agree()
    desk.at("23:59:30")


def next_morning(desk: DayDesk) -> None:
    """Two days later, with a new token, a new date and new base prices."""
    before = {order["order_id"][:8] for order in desk.api("GET", "orders?limit=1000").data}
    assert before == {FRIDAY.replace("-", "")}
    desk.at(f"{MONDAY}T07:55")
    desk.agree()
    desk.refused(EARLY[desk.profile], type="market", qty=1)

    desk.at("08:59")
    first = desk.placed(type="market", qty=1)
    second = desk.placed(type="market", side="sell", qty=2)
    desk.live(120)
    desk.becomes(first, "filled")
    desk.becomes(second, "filled")
    assert first.startswith(MONDAY.replace("-", ""))
    working = desk.limit("buy", 90, qty=1)
    desk.canceled(working)


def test_strategy_trades_an_accelerated_day_and_its_account_equals_the_ledger(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(Path(__file__).parent / "strategies")
    desk = DayDesk(tmp_path, "spec", f"{FRIDAY}T07:55", "--seed", "5", "--activity", "0.02")
    began_s = time.monotonic()
    try:
        desk.start_engine("--strategy", "day_trader:DayTrader")
        desk.clock(speed=SPEED)
        evening_ns = desk.moment_ns(f"{FRIDAY}T20:05")
        while desk.now_ns() < evening_ns:
            if time.monotonic() - began_s > DAY_S * 0.8:
                # This machine is too slow for a crowd at this speed: the rest of the day is quiet.
                desk.clock(to=f"{FRIDAY}T20:05:00")
            time.sleep(0.2)
        desk.clock(stepped=True)

        check_books(desk)
        ledger = desk.ledger()
        assert time.monotonic() - began_s < DAY_S + 15
        assert len(ledger["fills"]) > 20
        assert {row["request"] for row in ledger["orders"]} >= {"new", "cancel"}
    finally:
        desk.close()

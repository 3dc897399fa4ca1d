"""A simulator whose day is stepped, an engine that trades it, and the comparison of their books."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime
from pathlib import Path
from typing import Any

from aegis_fast.kis.profile import SIM_ACCOUNT, SIM_APPKEY, SIM_APPSECRET, SIM_HTS_ID
from tests.e2e.stack import Answer, Stack, http, ledger_positions

OPEN = ("live", "partial")
# At a broker of paper every call counts: one a second.
_PAPER = {
    "AEGIS__KIS__APPKEY": SIM_APPKEY,
    "AEGIS__KIS__APPSECRET": SIM_APPSECRET,
    "AEGIS__KIS__ACCOUNT": SIM_ACCOUNT,
    "AEGIS__KIS__HTS_ID": SIM_HTS_ID,
    "AEGIS__API__KEYS": json.dumps(
        [
            {
                "id": "demo",
                "secret_sha256": hashlib.sha256(b"demo-secret").hexdigest(),
                "role": "trade",
            }
        ]
    ),
    "AEGIS__RECONCILE__INTERVAL_MS": "3000",
}
_ENV = {"paper": _PAPER, "real": {"AEGIS__KIS__CALLS_PER_S": "18"}, "spec": {}}
# Deadlines have tests of their own; here a busy machine must not make an order late.
_PATIENT = {
    "AEGIS__ENGINE__ANSWER_TIMEOUT_MS": "15000",
    "AEGIS__KIS__READ_TIMEOUT_MS": "15000",
    "AEGIS__ORDER__MARKET_TIMEOUT_MS": "15000",
    "AEGIS__ORDER__LIMIT_TIMEOUT_MS": "15000",
}


class DayDesk(Stack):
    """An engine at a simulator of a profile, which begins at `start` (KST)."""

    def __init__(self, home: Path, profile: str, start: str, *arguments: str) -> None:
        self.profile = profile
        options = ("--profile", profile, "--hours", "day", "--start", start, *arguments)
        super().__init__(
            home,
            sim_arguments=options,
            engine_env="paper" if profile == "paper" else "sim",
            **_PATIENT,
            **_ENV[profile],
        )

    # -- time -----------------------------------------------------------------------------------

    def clock(self, **body: object) -> dict[str, Any]:
        answer = http("POST", f"{self.sim_url}/_sim/clock", body, timeout_s=60)
        assert answer.status == 200, answer.body
        return dict(answer.body)

    def now_ns(self) -> int:
        """Return the market's time."""
        return int(http("GET", f"{self.sim_url}/_sim/clock").body["now_ns"])

    @staticmethod
    def moment_ns(text: str) -> int:
        """Return the ns of a Korean moment."""
        return int(datetime.fromisoformat(f"{text}+09:00").timestamp()) * 1_000_000_000

    def at(self, moment: str) -> None:
        """Step to a moment; the crowd sleeps on the way. Returns when the engine knows it."""
        self._follow(self.clock(to=moment))

    def live(self, seconds: int, activity: float = 0.3) -> None:
        """Let the market go on for so long with a crowd in it."""
        self.market(activity=activity)
        told = self.clock(advance_ms=seconds * 1_000)
        self.market(activity=0)
        self._follow(told)

    @property
    def is_paper(self) -> bool:
        """Tell whether this is KRX alone, at one call a second."""
        return self.profile == "paper"

    def _follow(self, told: dict[str, Any]) -> None:
        self.until(lambda: self.status()["now_ns"] >= told["now_ns"], what="the engine's clock")
        assert self.status()["now_ns"] == told["now_ns"], "the engine is ahead of its broker"

    def market(self, **body: object) -> None:
        answer = http("POST", f"{self.sim_url}/_sim/market", body)
        assert answer.status == 200, answer.body

    # -- orders ---------------------------------------------------------------------------------

    def price(self, per_cent: int = 100, symbol: str = "005930") -> int:
        """Return so much of the last price, on every tick there is up to 1,000 won."""
        (row,) = (row for row in self.sim_state()["symbols"] if row["symbol"] == symbol)
        price_krw = row["last_krw"] * per_cent // 100 // 1_000 * 1_000
        assert row["lower_krw"] <= price_krw <= row["upper_krw"]
        return int(price_krw)

    def placed(self, **fields: object) -> str:
        """Place an order that the broker takes; returns its id."""
        answer = self.order(**fields)
        assert answer.status == 201, answer.body
        assert answer.data["broker_order_id"]
        return str(answer.data["order_id"])

    def refused(self, code: str, **fields: object) -> Answer:
        """Place an order that the broker refuses: the caller hears its code and its reason."""
        answer = self.order(**fields)
        assert answer.status == 422, answer.body
        assert answer.body["detail"]["venue_code"] == code, answer.body
        assert answer.data["state"] == "rejected"
        assert len(answer.body["message"]) > 5
        return answer

    def limit(self, side: str, per_cent: int, **fields: object) -> str:
        """Place a limit order at so much of the last price."""
        return self.placed(type="limit", side=side, price_krw=self.price(per_cent), **fields)

    def amended(self, order_id: str, per_cent: int) -> None:
        price_krw = self.price(per_cent)
        answer = self.api("PATCH", f"orders/{order_id}", {"price_krw": price_krw})
        assert answer.status == 200, answer.body
        assert answer.data["price_krw"] == price_krw

    def canceled(self, order_id: str) -> None:
        answer = self.api("DELETE", f"orders/{order_id}")
        assert answer.status in (200, 202), answer.body
        self.becomes(order_id, "canceled")

    def seen(self, order_id: str) -> dict[str, Any]:
        return dict(self.api("GET", f"orders/{order_id}").data)

    def becomes(self, order_id: str, *states: str) -> dict[str, Any]:
        """Wait until the engine says so of an order."""
        self.until(
            lambda: self.seen(order_id)["state"] in states,
            20,
            what=f"{self.seen(order_id)} becomes {states}",
        )
        return self.seen(order_id)

    def status(self) -> dict[str, Any]:
        return dict(self.api("GET", "status").data)

    # -- the two books --------------------------------------------------------------------------

    def agree(self) -> None:
        """Wait until the engine and the ledger say the same of everything."""
        last: list[str] = []

        def is_same() -> bool:
            last[:] = self.differences()
            return not last

        try:
            self.until(is_same, 30, what="engine and ledger agree")
        except AssertionError as error:
            raise AssertionError("\n".join([*last, str(error)])) from None

    def differences(self) -> list[str]:
        """Return in what the engine's account and the simulator's ledger differ."""
        orders = self.api("GET", "orders?limit=1000").data
        ledger = self.ledger()
        found = _order_differences(orders, ledger)
        positions = {row["symbol"]: row["qty"] for row in self.api("GET", "positions").data}
        if positions != ledger_positions(ledger):
            found.append(f"positions {positions}, ledger {ledger_positions(ledger)}")
        if found:
            return found
        (account,) = ledger["accounts"].values()
        # What it could order with, and what it has set aside: its own figures, not the broker's.
        balance = self.api("GET", "balance").data
        cash_krw = balance["orderable_krw"] + balance["reserved_krw"]
        if cash_krw != account["cash_krw"]:
            found.append(f"cash {cash_krw}, ledger {account['cash_krw']}")
        if balance["cash_krw"] != account["cash_krw"]:
            found.append(f"balance {balance['cash_krw']}, ledger {account['cash_krw']}")
        if balance["reserved_krw"] < account["reserved_krw"]:
            found.append(f"set aside {balance['reserved_krw']} of {account['reserved_krw']}")
        return found

    def check_calls(self) -> None:
        """Hold every order call that came against the orders: none was sent twice."""
        ledger = self.ledger()
        assert ledger["calls_dropped"] == 0
        calls = [call for call in ledger["calls"] if call["call"] == "order-cash"]
        # Turned away at the door: no order of any kind, and the same one may come again.
        calls = [call for call in calls if not call["msg_cd"].startswith("EGW")]
        orders = self.api("GET", "orders?limit=1000").data
        sent = [o for o in orders if o["broker_order_id"] or o["venue_code"]]
        assert len(calls) == len(sent)
        assert len([o for o in sent if o["broker_order_id"]]) == len(_chains(ledger))
        assert {o["origin"].partition(":")[0] for o in orders} <= {"api", "strategy"}
        assert len({_number(o) for o in orders if o["broker_order_id"]}) == len(_chains(ledger))


Chain = list[dict[str, Any]]
Number = tuple[str, int]  # Date and ODNO: the numbers begin at 1 again every day.


def _number(order: dict[str, Any]) -> Number:
    """Return what the engine's order is called at the broker."""
    return order["order_id"][:8], order["broker_order_id"]


def _chains(ledger: dict[str, Any]) -> dict[Number, Chain]:
    """Return number of a new order -> it and the numbers it was amended to."""
    chains: dict[Number, Chain] = {}
    root: dict[Number, Number] = {}
    for row in ledger["orders"]:
        number = row["date"], int(row["odno"])
        if row["request"] == "new":
            root[number] = number
            chains[number] = [row]
        elif row["request"] == "amend":
            root[number] = root[row["date"], int(row["original_odno"])]
            chains[root[number]].append(row)
    return chains


def _order_differences(orders: list[dict[str, Any]], ledger: dict[str, Any]) -> list[str]:
    chains = _chains(ledger)
    by_last = {
        (chain[-1]["date"], int(chain[-1]["odno"])): first for first, chain in chains.items()
    }
    found: list[str] = []
    matched: set[Number] = set()
    for order in orders:
        number = _number(order)
        if not order["broker_order_id"]:
            if order["state"] != "rejected":
                found.append(f"no number: {order}")
            continue
        first = by_last.get(number)
        if first is None or first in matched:
            found.append(f"no order of its own in the ledger: {order}")
            continue
        matched.add(first)
        chain = chains[first]
        truth = {
            "symbol": chain[0]["symbol"],
            "side": chain[0]["side"],
            "qty": chain[0]["qty"],
            "price_krw": chain[-1]["price_krw"],
            "venue": chain[0]["venue"],
            "cum_qty": _sum(chain, "filled_qty"),
            "cum_value_krw": _sum(chain, "filled_value_krw"),
            "leaves_qty": _sum(chain, "leaves_qty"),
            "canceled_qty": _sum(chain, "canceled_qty"),
        }
        truth["state"] = _state(truth, _sum(chain, "rejected_qty"))
        told = {name: order[name] for name in truth}
        if told != truth:
            found.append(f"order {order['order_id']}: {told}, ledger {truth}")
    found += [f"unknown to the engine: {chains[n]}" for n in chains.keys() - matched]
    return found


def _sum(chain: Chain, name: str) -> int:
    return sum(row[name] for row in chain)


def _state(truth: dict[str, Any], rejected_qty: int) -> str:
    if rejected_qty:
        return "rejected"
    if truth["cum_qty"] == truth["qty"]:
        return "filled"
    if truth["leaves_qty"]:
        return "partial" if truth["cum_qty"] else "live"
    return "canceled"

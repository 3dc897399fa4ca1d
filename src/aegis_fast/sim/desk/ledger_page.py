"""Show the ledger: all of it, or the latest of one account for a screen that looks often."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from typing import Any

from aegis_fast.errors import InvalidRequest
from aegis_fast.sim.desk.account import Account
from aegis_fast.sim.desk.ledger import Ledger
from aegis_fast.sim.market.world import World

__all__ = ["MAX_RECENT", "account_json", "recent_json"]

MAX_RECENT = 500
_CALLS_SEEN = 2_000  # How far back calls of one appkey are looked for.


def account_json(account: Account) -> dict[str, Any]:
    """Return the money and shares of an account."""
    return {
        "account": account.number,
        "appkey": account.appkey,
        "hts_id": account.hts_id,
        "start_cash_krw": account.start_cash_krw,
        "deposit_krw": account.deposit_krw,
        "cash_krw": account.cash_krw,
        "reserved_krw": account.reserved_krw,
        "available_krw": account.available_krw,
        "commission_krw": account.commission_krw,
        "tax_krw": account.tax_krw,
        "positions": {
            symbol: {
                "qty": holding.qty,
                "cost_krw": holding.cost_krw,
                "sellable_qty": holding.sellable_qty,
            }
            for symbol, holding in sorted(account.holdings.items())
        },
    }


def recent_json(
    ledger: Ledger, accounts: Mapping[str, Account], world: World, number: str, count: int
) -> dict[str, Any]:
    """Return an account and its last `count` orders, fills and calls, newest first.

    number "": the first account. Its positions, at most `count` of them, come with name and last
    price. Calls are those of its appkey among the last 2,000. Raises InvalidRequest.
    """
    account = accounts.get(number) if number else next(iter(accounts.values()))
    if account is None:
        known = " | ".join(list(accounts)[:20])
        raise InvalidRequest(f"unknown account {number[:20]!r}", field="account", expected=known)
    orders, fills = ledger.orders_of(account.number), ledger.fills_of(account.number)
    shown = account_json(account)
    held = [(s, position) for s, position in shown["positions"].items() if position["qty"]]
    shown["positions"] = dict(held[:count])
    for symbol, position in shown["positions"].items():
        position["name"] = world.exchange.books[symbol].issue.name
        position["last_krw"] = world.tapes[symbol].last_krw
    last_calls = islice(reversed(ledger.calls), _CALLS_SEEN)
    calls = (call for call in last_calls if call.appkey in ("", account.appkey))
    return {
        "account": shown,
        "position_count": len(held),
        "order_count": len(orders),
        "fill_count": len(fills),
        "orders": [entry.as_json() for entry in reversed(orders[-count:])],
        "fills": [fill.as_json() for fill in reversed(fills[-count:])],
        "calls": [call._asdict() for call in islice(calls, count)],
    }

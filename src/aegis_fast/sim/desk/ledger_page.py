"""Show the ledger: page by page, or the latest of one account for a screen that looks often.

A long page is written in slices, so that whoever serves it can let other work go on in between.
Each row is then right at its own moment; a page of fewer than SLICE_ROWS rows is of one moment.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import Any, NamedTuple

import msgspec

from aegis_fast.errors import InvalidRequest
from aegis_fast.sim.desk.account import Account
from aegis_fast.sim.desk.ledger import Ledger
from aegis_fast.sim.market.world import World

__all__ = [
    "MAX_PAGE",
    "MAX_RECENT",
    "SLICE_ROWS",
    "Since",
    "account_json",
    "page_slices",
    "read_since",
    "recent_json",
]

MAX_PAGE = 50_000  # Orders, and as many fills and calls, of one page.
MAX_RECENT = 500
SLICE_ROWS = 500
_SINCE = re.compile(r"(\d{1,9})(?:\.(\d{1,9})\.(\d{1,12}))?\Z", re.ASCII)
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


class Since(NamedTuple):
    """How many orders and fills, and calls up to which seq, a reader has seen."""

    orders: int = 0
    fills: int = 0
    calls: int = 0

    def __str__(self) -> str:
        return ".".join(map(str, self))


def read_since(text: str) -> Since:
    """Return what `since` of a query says: `next` of the page before, or one number for all three.

    Raises InvalidRequest.
    """
    if not text:
        return Since()
    found = _SINCE.match(text)
    if found is None:
        raise InvalidRequest(f"since {text[:40]!r}", field="since", expected="`next` of a page")
    orders, fills, calls = found.groups()
    return Since(int(orders), int(fills or orders), int(calls or orders))


def page_slices(
    head: Mapping[str, Any],
    ledger: Ledger,
    accounts: Mapping[str, Account],
    since: Since,
    limit: int,
    *,
    with_calls: bool,
) -> Iterator[bytes]:
    """Return the JSON text of a page in slices: head, accounts, and what came after `since`.

    limit: of orders, of fills and of calls. `next` is what to ask `since` for then, `is_complete`
    says that nothing is left for it. An order that has been shown does not come again when it
    changes: its fills do.
    """
    last_serial = min(since.orders + limit, len(ledger.orders))
    orders = [ledger.orders[serial] for serial in range(since.orders + 1, last_serial + 1)]
    fills = ledger.fills[since.fills : since.fills + limit]
    seen = max(0, since.calls - ledger.calls_dropped)
    calls = list(islice(ledger.calls, seen, seen + limit)) if with_calls else []
    last = Since(
        min(since.orders, len(ledger.orders)) + len(orders),
        min(since.fills, len(ledger.fills)) + len(fills),
        calls[-1].seq if calls else min(since.calls, ledger.call_count),
    )
    ends = Since(
        len(ledger.orders), len(ledger.fills), ledger.call_count if with_calls else last.calls
    )
    shown = {"calls_dropped": ledger.calls_dropped, "next": str(last), "is_complete": last == ends}
    return _written(
        {**head, **shown},
        [
            ("orders", orders, lambda entry: entry.as_json()),
            ("fills", fills, lambda fill: fill.as_json()),
            ("calls", calls, lambda call: call._asdict()),
        ],
        list(accounts.values()),
    )


def _written(
    head: Mapping[str, Any],
    lists: list[tuple[str, list[Any], Callable[[Any], dict[str, Any]]]],
    accounts: list[Account],
) -> Iterator[bytes]:
    """Return the slices of one JSON object: head, accounts by number, lists of rows."""
    text = bytearray(msgspec.json.encode(head)[:-1])
    text += b',"accounts":{'
    rows = 0
    for number, account in enumerate(accounts):
        comma = b"," if number else b""
        text += comma + msgspec.json.encode({account.number: account_json(account)})[1:-1]
        rows += 1 + len(account.holdings)
        if rows >= SLICE_ROWS:
            yield bytes(text)
            text.clear()
            rows = 0
    text += b"}"
    for name, entries, shown in lists:
        text += f',"{name}":['.encode()
        for first in range(0, len(entries), SLICE_ROWS):
            part = entries[first : first + SLICE_ROWS]
            if rows + len(part) > SLICE_ROWS and rows:
                yield bytes(text)
                text.clear()
                rows = 0
            comma = b"," if first else b""
            text += comma + msgspec.json.encode([shown(entry) for entry in part])[1:-1]
            rows += len(part)
        text += b"]"
    text += b"}"
    yield bytes(text)


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

"""`aegis quote`, `balance`, `positions`, `status`, `watch`: what changes nothing."""

from __future__ import annotations

import typer

from aegis_fast.commands.connect import JsonFlag, UrlOption, call, print_json
from aegis_fast.commands.trade import SymbolArgument
from aegis_fast.commands.watch import watch

__all__ = ["add_commands"]


def add_commands(app: typer.Typer) -> None:
    """Register the commands."""
    for command in (quote, watch, balance, positions, status):
        app.command(command.__name__)(command)


def quote(symbol: SymbolArgument, url: UrlOption = "", as_json: JsonFlag = False) -> None:
    """Show the present price, t1101 (현재가)."""
    if as_json:
        print_json(call(url, lambda c: c.raw("t1101", {"symbol": symbol})))
        return
    found = call(url, lambda c: c.quote(symbol))
    from aegis_fast.commands.tables import show_quote

    show_quote(found)


def balance(url: UrlOption = "", as_json: JsonFlag = False) -> None:
    """Show cash and shares as the broker has them (잔고)."""
    if as_json:
        print_json(call(url, lambda c: c.raw("balance")))
        return
    found = call(url, lambda c: c.balance())
    from aegis_fast.commands.tables import show_balance

    show_balance(found)


def positions(url: UrlOption = "", as_json: JsonFlag = False) -> None:
    """Show the shares held, as fills tell (보유종목)."""
    if as_json:
        print_json(call(url, lambda c: c.raw("positions")))
        return
    found = call(url, lambda c: c.positions())
    from aegis_fast.commands.tables import console, positions_table

    console().print(positions_table(found) if found else "보유 종목이 없습니다. No positions.")


def status(url: UrlOption = "", as_json: JsonFlag = False) -> None:
    """Show how the engine is (엔진 상태)."""
    if as_json:
        print_json(call(url, lambda c: c.raw("status")))
        return
    found = call(url, lambda c: c.status())
    from aegis_fast.commands.tables import show_status

    show_status(found)

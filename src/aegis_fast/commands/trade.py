"""`aegis order buy|sell`, `amend`, `cancel`, `orders`, `kill-switch`: what changes something."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from aegis_fast.commands.connect import JsonFlag, UrlOption, call, print_json, say, usage_error

if TYPE_CHECKING:
    from aegis_fast.core.model import Order

__all__ = ["add_commands"]

MAX_NUMBER = 999_999_999

SymbolArgument = Annotated[str, typer.Argument(help="e.g. 005930. 종목코드", metavar="SYMBOL")]
QtyArgument = Annotated[int, typer.Argument(min=1, max=MAX_NUMBER, help="Shares. 수량")]
OrderIdArgument = Annotated[str, typer.Argument(help="As `aegis orders` shows it. 주문 ID")]
PriceOption = Annotated[
    int | None,
    typer.Option("--price", min=1, max=MAX_NUMBER, help="This very price. 지정가(원)"),
]
BaseOption = Annotated[
    int | None,
    typer.Option(
        "--base", min=1, max=MAX_NUMBER, help="At the offset of §7.1 from this price. 기준가(원)"
    ),
]
MarketFlag = Annotated[bool, typer.Option("--market", help="At the market price. 시장가")]
ConditionalFlag = Annotated[
    bool, typer.Option("--conditional", help="Conditional limit, with --price. 조건부지정가")
]
VenueOption = Annotated[str, typer.Option("--venue", help="KRX, NXT or SOR. 거래소")]
ClientIdOption = Annotated[
    str,
    typer.Option(
        "--id", help="Your own id: the same id again never makes a second order. 중복 방지 ID"
    ),
]


def add_commands(app: typer.Typer) -> None:
    """Register the commands, amend, cancel and orders also below `order`."""
    order_app = typer.Typer(
        no_args_is_help=True, help="Trade: buy, sell, amend, cancel. 주문", rich_markup_mode=None
    )
    order_app.command("buy")(buy)
    order_app.command("sell")(sell)
    app.add_typer(order_app, name="order")
    for name, command in (("amend", amend), ("cancel", cancel), ("orders", orders)):
        app.command(name)(command)
        order_app.command(name)(command)
    app.command("kill-switch")(kill_switch)


def buy(
    symbol: SymbolArgument,
    qty: QtyArgument,
    price: PriceOption = None,
    base: BaseOption = None,
    market: MarketFlag = False,
    conditional: ConditionalFlag = False,
    venue: VenueOption = "KRX",
    client_order_id: ClientIdOption = "",
    url: UrlOption = "",
    as_json: JsonFlag = False,
) -> None:
    """Buy shares (매수)."""
    kind = _kind(price, base, market, conditional)
    how = {"order_type": kind, "venue": venue, "client_order_id": client_order_id}
    _place("buy", symbol, qty, price, base, how, url, as_json)


def sell(
    symbol: SymbolArgument,
    qty: QtyArgument,
    price: PriceOption = None,
    base: BaseOption = None,
    market: MarketFlag = False,
    conditional: ConditionalFlag = False,
    venue: VenueOption = "KRX",
    client_order_id: ClientIdOption = "",
    url: UrlOption = "",
    as_json: JsonFlag = False,
) -> None:
    """Sell shares (매도)."""
    kind = _kind(price, base, market, conditional)
    how = {"order_type": kind, "venue": venue, "client_order_id": client_order_id}
    _place("sell", symbol, qty, price, base, how, url, as_json)


def _kind(price: int | None, base: int | None, market: bool, conditional: bool) -> str:
    """Return the order type the options mean; a combination without meaning ends the command."""
    if market and conditional:
        usage_error("--market and --conditional exclude each other: say one of them")
    if market and (price is not None or base is not None):
        usage_error("a market order has no price: leave out --price and --base, or --market")
    if conditional and (price is None or base is not None):
        usage_error("a conditional order needs --price, and no --base")
    if price is not None and base is not None:
        usage_error("--price and --base exclude each other: say one of them")
    if not market and price is None and base is None:
        usage_error(
            "no price (가격 없음): say --price P, --base P for the offset of §7.1, or --market"
        )
    return "market" if market else "conditional" if conditional else "limit"


def _place(
    side: str,
    symbol: str,
    qty: int,
    price: int | None,
    base: int | None,
    how: dict[str, Any],
    url: str,
    as_json: bool,
) -> None:
    if how["venue"] not in ("KRX", "NXT", "SOR"):
        usage_error(f"unknown venue {how['venue']}: say --venue KRX, NXT or SOR")
    order = call(url, lambda c: c.submit(side, symbol, qty, price, base_price_krw=base, **how))
    _show(order, as_json)


def amend(
    order_id: OrderIdArgument,
    price: PriceOption = None,
    qty: Annotated[
        int | None,
        typer.Option("--qty", min=1, max=MAX_NUMBER, help="Reduce to so many in all. 정정 수량"),
    ] = None,
    url: UrlOption = "",
    as_json: JsonFlag = False,
) -> None:
    """Move an order to another price, or reduce it (정정)."""
    if (price is None) == (qty is None):
        usage_error("an amendment changes one thing: say either --price P or --qty N")
    _show(call(url, lambda c: c.amend(order_id, price_krw=price, qty=qty)), as_json)


def cancel(order_id: OrderIdArgument, url: UrlOption = "", as_json: JsonFlag = False) -> None:
    """Cancel what remains of an order (취소)."""
    _show(call(url, lambda c: c.cancel(order_id)), as_json)


def orders(
    open_only: Annotated[bool, typer.Option("--open", help="Working ones only. 미체결만")] = False,
    symbol: Annotated[str, typer.Option("--symbol", help="Of one symbol. 종목코드")] = "",
    limit: Annotated[int, typer.Option("--limit", min=1, max=10_000, help="At most. 개수")] = 100,
    url: UrlOption = "",
    as_json: JsonFlag = False,
) -> None:
    """List orders, newest first (주문 내역)."""
    found = call(url, lambda c: c.orders(symbol=symbol, open_only=open_only, limit=limit))
    if as_json:
        from aegis_fast.api.wire import order_view

        print_json([order_view(order) for order in found])
        return
    from aegis_fast.commands.tables import console, order_table

    console().print(order_table(found) if found else "주문이 없습니다. No orders.")


def kill_switch(
    position: Annotated[str, typer.Argument(metavar="on|off", help="켜기 또는 끄기")],
    reason: Annotated[str, typer.Option("--reason", help="Why; it is kept. 사유")] = "",
    url: UrlOption = "",
    as_json: JsonFlag = False,
) -> None:
    """Stop trading and cancel all, or resume (킬스위치). Needs an admin key."""
    if position not in ("on", "off"):
        usage_error(f"{position!r} is neither on nor off")
    if not reason.strip():
        usage_error("say why: --reason TEXT")
    status = call(url, lambda c: c.set_kill_switch(position == "on", reason))
    if as_json:
        import msgspec

        print_json(msgspec.to_builtins(status))
        return
    from aegis_fast.commands.tables import show_status

    show_status(status)


def _show(order: Order, as_json: bool) -> None:
    if as_json:
        from aegis_fast.api.wire import order_view

        print_json(order_view(order))
    else:
        from aegis_fast.commands.tables import show_order

        show_order(order)
    if order.state in ("pending", "unknown"):
        say(f"처리 중, in progress: `aegis orders` tells how {order.order_id} ends; do not resend")

"""`aegis watch`: a live ten-level book with the last trades."""

from __future__ import annotations

import asyncio
import sys
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated

import typer

from aegis_fast.commands.connect import JsonFlag, UrlOption, call, open_client
from aegis_fast.commands.trade import SymbolArgument

if TYPE_CHECKING:
    from rich.console import RenderableType

    from aegis_fast.api.seen import Trade
    from aegis_fast.client import Book, Client, Event, Quote

__all__ = ["Picture", "watch"]

FRAME_S = 0.1
BAR_WIDTH = 18
LEVELS = 10


def watch(
    symbol: SymbolArgument,
    once: Annotated[bool, typer.Option("--once", help="One picture. 한 번만")] = False,
    url: UrlOption = "",
    as_json: JsonFlag = False,
) -> None:
    """Watch the live ten-level book (실시간 호가). Ctrl-C ends it."""
    with suppress(KeyboardInterrupt):
        if once:
            call(url, lambda client: _print_once(client, symbol, as_json))
        elif as_json:
            asyncio.run(_stream_json(url, symbol))
        else:
            asyncio.run(_live(url, symbol))


async def _print_once(client: Client, symbol: str, as_json: bool) -> None:
    from aegis_fast.commands.connect import print_json

    if as_json:
        print_json(await client.raw(f"book/{symbol}"))
        return
    from aegis_fast.commands.tables import console

    picture = Picture(symbol)
    picture.quote = await client.quote(symbol)
    picture.book = await client.book(symbol)
    console().print(picture.render())


async def _stream_json(url: str, symbol: str) -> None:
    """Write one JSON object a line, for ever."""
    import msgspec

    async with open_client(url) as client:
        async for event in client.stream([symbol], channels=["trade", "depth"]):
            _raise_if_final(event)
            line = msgspec.json.encode({"type": event.type, **_content(event)})
            try:
                sys.stdout.buffer.write(line + b"\n")
                sys.stdout.buffer.flush()
            except BrokenPipeError:
                # The reader has seen enough; nothing may be flushed into its pipe at exit.
                sys.stdout = None
                return


def _content(event: Event) -> dict[str, object]:
    if event.trade is not None:
        return {"trade": event.trade}
    if event.book is not None:
        return {"book": event.book}
    if event.error is not None:
        return {"message": event.error.message}
    return {"count": event.dropped_trades} if event.dropped_trades else {}


async def _live(url: str, symbol: str) -> None:
    from rich.live import Live

    from aegis_fast.commands.tables import console

    async with open_client(url) as client:
        picture = Picture(symbol)
        picture.quote = await client.quote(symbol)
        listener = asyncio.create_task(_listen(client, symbol, picture))
        with Live(console=console(), auto_refresh=False, transient=False) as live:
            try:
                while not listener.done():
                    if picture.is_changed:
                        picture.is_changed = False
                        live.update(picture.render(), refresh=True)
                    await asyncio.sleep(FRAME_S)
            finally:
                listener.cancel()
        await listener


async def _listen(client: Client, symbol: str, picture: Picture) -> None:
    async for event in client.stream([symbol], channels=["trade", "depth"]):
        _raise_if_final(event)
        picture.apply(event)


def _raise_if_final(event: Event) -> None:
    """Raise a refusal; what is only away for now comes back by itself."""
    from aegis_fast.errors import TransientError

    if event.error is not None and not isinstance(event.error, TransientError):
        raise event.error


class Picture:
    """What is drawn: the book, and the last trades, newest first."""

    def __init__(self, symbol: str) -> None:
        self.symbol = symbol
        self.quote: Quote | None = None
        self.book: Book | None = None
        self.trades: deque[Trade] = deque(maxlen=2 * LEVELS)
        self.is_connected = True
        self.is_changed = True

    def apply(self, event: Event) -> None:
        """Take in one event of the stream."""
        if event.book is not None:
            self.book = event.book
        elif event.trade is not None:
            self.trades.appendleft(event.trade)
        elif event.type in ("disconnected", "reconnected"):
            self.is_connected = event.type == "reconnected"
        self.is_changed = True

    def render(self) -> RenderableType:
        """Draw asks above bids, the dearest ask on top, bars as long as the quantities."""
        from rich.table import Table
        from rich.text import Text

        from aegis_fast.commands.tables import DOWN, UP

        table = Table(title=self._title(), title_justify="left", box=None, header_style="dim")
        table.add_column("매도잔량 ask", justify="right", width=BAR_WIDTH + 10, no_wrap=True)
        table.add_column("호가 price", justify="right", width=11, no_wrap=True)
        table.add_column("매수잔량 bid", justify="left", width=BAR_WIDTH + 10, no_wrap=True)
        if self.book is None:
            table.add_row("", "…", "")
            return table
        longest = max((level.qty for level in (*self.book.asks, *self.book.bids)), default=0)
        for level in reversed(self.book.asks):
            if level.price_krw:
                bar = Text(f"{level.qty:,} {_left_bar(level.qty, longest)}", style=DOWN)
                table.add_row(bar, self._price(level.price_krw), "")
        for level in self.book.bids:
            if level.price_krw:
                bar = Text(f"{_right_bar(level.qty, longest)} {level.qty:,}", style=UP)
                table.add_row("", self._price(level.price_krw), bar)
        total_ask, total_bid = self.book.total_ask_qty or 0, self.book.total_bid_qty or 0
        table.add_row(f"{total_ask:,}", "총잔량", f"{total_bid:,}", style="bold")
        side_by_side = Table.grid(padding=(0, 4))
        side_by_side.add_row(table, self._trade_table())
        return side_by_side

    def _title(self) -> str:
        name = self.quote.name if self.quote else ""
        at = self.book.time_hhmmss if self.book else None
        clock = f"{at:06d}" if at else ""
        clock = f" {clock[:2]}:{clock[2:4]}:{clock[4:]}" if clock else ""
        state = "" if self.is_connected else "  연결 끊김, 다시 연결 중 reconnecting"
        return f"{self.symbol} {name}{clock}{state}"

    def _price(self, price_krw: int) -> RenderableType:
        from rich.text import Text

        from aegis_fast.commands.tables import DOWN, UP

        base_krw = self.quote.base_price_krw if self.quote else 0
        style = UP if price_krw > base_krw > 0 else DOWN if price_krw < base_krw else ""
        return Text(f"{price_krw:,}", style=f"bold {style}".strip())

    def _trade_table(self) -> RenderableType:
        from rich.table import Table
        from rich.text import Text

        from aegis_fast.commands.tables import DOWN, UP

        table = Table(title="체결 trades", title_justify="left", box=None, header_style="dim")
        for name in ("시각", "가격", "수량"):
            table.add_column(name, justify="right", no_wrap=True)
        for trade in self.trades:
            clock = f"{trade.time_hhmmss or 0:06d}"
            style = {"buy": UP, "sell": DOWN}.get(trade.side, "")
            table.add_row(
                f"{clock[:2]}:{clock[2:4]}:{clock[4:]}",
                f"{trade.price_krw or 0:,}",
                Text(f"{trade.qty or 0:,}", style=style),
            )
        return table


def _right_bar(qty: int, longest: int) -> str:
    """Return a bar that grows to the right, in eighths of a column; a sliver for any quantity."""
    if not longest or not qty:
        return ""
    eighths = max(1, qty * BAR_WIDTH * 8 // longest)
    return "█" * (eighths // 8) + ("", "▏", "▎", "▍", "▌", "▋", "▊", "▉")[eighths % 8]


def _left_bar(qty: int, longest: int) -> str:
    """Return a bar that grows to the left, in halves: there are no other left-growing blocks."""
    if not longest or not qty:
        return ""
    halves = max(1, qty * BAR_WIDTH * 2 // longest)
    return "▐" * (halves % 2) + "█" * (halves // 2)

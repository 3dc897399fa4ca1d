"""Draw orders, quotes and money as tables for people. Red is up and buy, blue down and sell."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

from aegis_fast.core.hours import kst_iso
from aegis_fast.core.model import Order, Side

if TYPE_CHECKING:
    from aegis_fast.client import Balance, Held, Quote, Status

__all__ = [
    "console",
    "order_table",
    "positions_table",
    "show_balance",
    "show_order",
    "show_quote",
    "show_status",
    "signed",
    "won",
]

_PERCENTILES = ("p50_ns", "p99_ns", "p999_ns", "max_ns")
UP, DOWN = "red", "blue"
# Into a file or a pipe: wide enough that nothing is cut.
PIPE_WIDTH = 140


def console() -> Console:
    """Return a console on the present stdout."""
    is_piped = not sys.stdout.isatty() and "COLUMNS" not in os.environ
    return Console(width=PIPE_WIDTH if is_piped else None, highlight=False)


def won(amount: int | None) -> str:
    """Format an amount; nothing for none."""
    return "" if amount is None else f"{amount:,}"


def signed(amount: int) -> Text:
    """Format a change with its sign and colour."""
    return Text(f"{amount:+,}" if amount else "0", style=UP if amount > 0 else DOWN)


def _grid(*columns: str, title: str = "", right: Iterable[str] = ()) -> Table:
    table = Table(title=title or None, title_justify="left", header_style="dim", box=None)
    for column in columns:
        is_number = column in right
        table.add_column(column, justify="right" if is_number else "left", no_wrap=is_number)
    return table


def _pairs(title: str, rows: Sequence[tuple[str, str | Text]]) -> Table:
    table = Table(title=title, title_justify="left", show_header=False, box=None)
    table.add_column(style="dim", no_wrap=True)
    table.add_column()
    for name, value in rows:
        table.add_row(" ".join(name.split()), value)
    return table


def _side(order: Order) -> Text:
    if order.side is Side.BUY:
        return Text("매수 buy", style=UP)
    return Text("매도 sell", style=DOWN)


def order_table(orders: Iterable[Order]) -> Table:
    """Draw orders, one a row."""
    table = _grid(
        "시각", "주문 ID", "종목", "구분", "유형", "수량", "가격", "체결", "평균", "상태", "비고",
        right=("수량", "가격", "체결", "평균"),
    )  # fmt: skip
    for order in orders:
        note = f"{order.request} 대기" if order.request else order.message
        table.add_row(
            kst_iso(order.created_ns)[11:19],
            order.order_id,
            order.symbol,
            _side(order),
            order.order_type.value,
            won(order.qty),
            won(order.price_krw) if order.price_krw else "시장가",
            won(order.cum_qty),
            won(order.average_price_krw or None),
            order.state.value,
            note,
        )
    return table


def show_order(order: Order) -> None:
    """Print one order."""
    price = f"{order.price_krw:,}원" if order.price_krw else "시장가 market"
    rows: list[tuple[str, str | Text]] = [
        ("주문 ID  order", order.order_id),
        ("종목     symbol", f"{order.symbol} {order.venue.value}"),
        ("구분     side", _side(order)),
        ("유형     type", order.order_type.value),
        ("수량     qty", f"{order.qty:,}주"),
        ("가격     price", price),
        ("상태     state", Text(order.state.value, style="bold")),
    ]
    if order.cum_qty:
        fill = f"{order.cum_qty:,}주 @ {order.average_price_krw:,}원"
        rows.append(("체결     filled", fill))
    if order.request:
        rows.append(("대기     awaiting", order.request))
    if order.message:
        rows.append(("비고     note", order.message))
    console().print(_pairs("", rows))


def show_quote(quote: Quote) -> None:
    """Print t1101."""
    age = f"{quote.source}, {quote.age_ms:,} ms" + (" 오래됨 stale" if quote.stale else "")
    rows: list[tuple[str, str | Text]] = [
        ("현재가  price", Text(f"{quote.price_krw:,}원", style="bold")),
        ("전일비  change", signed(quote.change_krw)),
        (
            "시/고/저",
            f"{won(quote.open_krw)} / {won(quote.high_krw)} / {won(quote.low_krw)}",
        ),
        ("기준가  base", won(quote.base_price_krw)),
        ("하/상한 limits", f"{won(quote.lower_krw)} ~ {won(quote.upper_krw)}"),
        ("호가단위 tick", won(quote.tick_size_krw)),
        ("거래량  volume", won(quote.cum_qty)),
        ("시가총액 cap", f"{quote.market_cap_krw:,}원"),
        ("출처    source", age),
    ]
    console().print(_pairs(f"{quote.symbol} {quote.name}", rows))


def positions_table(positions: Iterable[Held]) -> Table:
    """Draw the shares held."""
    table = _grid(
        "종목", "이름", "수량", "평균단가", "매입금액", right=("수량", "평균단가", "매입금액")
    )
    for held in positions:
        average = won(held.cost_krw // held.qty) if held.qty else ""
        table.add_row(held.symbol, held.name, won(held.qty), average, won(held.cost_krw))
    return table


def show_balance(balance: Balance) -> None:
    """Print the money and the shares."""
    rows: list[tuple[str, str | Text]] = [
        ("예수금(D+2) cash", f"{balance.cash_krw:,}원"),
        ("주문가능 orderable", f"{balance.orderable_krw:,}원"),
        ("총평가 total", f"{balance.total_krw:,}원"),
        ("시각 as of", kst_iso(balance.as_of_ns)[:19]),
    ]
    out = console()
    out.print(_pairs("", rows))
    if balance.positions:
        out.print(positions_table(balance.positions))


def show_status(status: Status) -> None:
    """Print how the engine is."""
    ready = Text("예 yes", style="green") if status.is_ready else Text(status.reason, style=UP)
    rows: list[tuple[str, str | Text]] = [
        ("환경     env", f"{status.env} {status.account_masked}"),
        ("거래가능  ready", ready),
        ("시세     feed", "연결 up" if status.is_feed_up else Text("끊김 down", style=UP)),
        ("킬스위치  kill", Text("켜짐 ON", style=UP) if status.kill_switch else "꺼짐 off"),
        ("미체결   open", won(status.open_orders)),
        ("미확인   unknown", won(status.unknown_orders)),
        ("불일치   discrepancies", won(status.discrepancies)),
        (
            "호출     calls",
            f"{status.calls_in_use}/{status.calls_per_s} 초당, 대기 {status.queue_depth}",
        ),
        ("시작     started", kst_iso(status.started_ns)[:19]),
    ]
    rows += [
        (
            "전략     strategy",
            Text(
                f"{s.name} {s.state}, 오류 errors {s.errors} {s.last_error}".rstrip(),
                style=UP if s.state == "stopped" else "",
            ),
        )
        for s in status.strategies
    ]
    rows += [
        (f"지연     {stage}", " ".join(f"{key[:-3]} {row[key]:,}" for key in _PERCENTILES) + " ns")
        for stage, row in status.latency.items()
        if row["count"]
    ]
    rows += [
        ("정지종목  halted", f"{symbol}: {why}") for symbol, why in status.halted_symbols.items()
    ]
    console().print(_pairs("", rows))

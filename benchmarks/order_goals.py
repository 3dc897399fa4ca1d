"""The order path for the table of goals: the rows of order_path that a goal is about."""

from __future__ import annotations

import logging
from typing import Any

from benchmarks import order_path
from benchmarks.goals import Section

TITLE = "Order path: from the tick, or the API call, to the order's bytes on the socket (µs)"
ROWS = ("tick-kernel", "tick-disk", "call-disk", "feed-spinning", "feed-blocking")
ALONE, BESIDE = "feed alone", "beside 1,000 orders/s"


def goals_of(rows: dict[str, Any]) -> dict[str, float]:
    """Return the goals' values from order_path's rows."""
    kernel, disk, call = (rows[name] for name in ROWS[:3])
    feed = rows["feed-spinning"]["stages"]
    sync, added = disk["floors"]["one fdatasync"]["p50"], disk["stages"]["whole"]["p50"]
    floors = call["floors"]
    bare = floors["one fdatasync"]["p50"] + floors["one bare aiohttp POST"]["p50"]
    return {
        "order_kernel_p50_us": kernel["stages"]["whole"]["p50"],
        "order_kernel_p99_us": kernel["stages"]["whole"]["p99"],
        "order_disk_in_fdatasyncs": (added - kernel["stages"]["whole"]["p50"]) / sync,
        "api_order_vs_bare": call["stages"]["whole"]["p50"] / bare,
        "feed_p99_under_orders": feed[BESIDE]["p99"] / feed[ALONE]["p99"],
        "delay_p99_under_orders_us": feed[BESIDE]["p99"],
    }


def measure(*, is_quick: bool) -> Section:
    """Run five rows, three seconds each (one with is_quick); about a minute."""
    logging.getLogger("picows").setLevel(logging.WARNING)
    rows = order_path.measure(list(ROWS), 1 if is_quick else 3)
    text = "\n".join(order_path.table(row) for row in rows.values())
    return Section(TITLE, text.rstrip(), rows, goals_of(rows))

"""Draw what was measured: bars of ratios, and a percentile plot of the ages at the strategy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from aegis_fast.hot import build_flavor
from benchmarks.histogram import curve_us
from benchmarks.report import Run, machine
from benchmarks.timing import Question

COLORS = {"ours": "#2563eb", "peer": "#f59e0b", "rival": "#64748b", "floor": "#16a34a"}
LINES = {
    "C epoll": "#16a34a",
    "ours, Python Strategy": "#2563eb",
    "ours, cimported": "#60a5fa",
    "asyncio.Protocol": "#64748b",
    "aiohttp": "#f59e0b",
    "websockets": "#dc2626",
}
NINES = (0.0, 50.0, 90.0, 99.0, 99.9, 99.99, 99.999)


def _pyplot() -> Any:
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    return pyplot


def write_all(run: Run) -> list[Path]:
    """Draw what this run has; returns the files."""
    written = []
    if run.questions:
        written.append(ratio_bars(run, run.path(".png")))
    if _ages(run):
        written.append(percentiles(run, run.path("-ages.png")))
    return written


def ratio_bars(run: Run, target: Path) -> Path:
    """Draw each question's rows as multiples of the first, on a logarithmic axis."""
    pyplot = _pyplot()
    heights = [len(q.rows) for q in run.questions.values()]
    figure, axes = pyplot.subplots(
        len(heights), 1, figsize=(10, 0.3 * sum(heights) + 1.1 * len(heights)),
        height_ratios=heights, layout="constrained", squeeze=False,
    )  # fmt: skip
    for axis, question in zip(axes[:, 0], run.questions.values(), strict=True):
        _bars(axis, question)
    handles = [pyplot.Rectangle((0, 0), 1, 1, color=color) for color in COLORS.values()]
    figure.legend(handles, COLORS, loc="outside lower right", ncols=len(COLORS), fontsize=8)
    figure.suptitle(
        f"Minimum of interleaved rounds, as a multiple of the first row - {machine()['cpu']}, "
        f"{build_flavor()['build']} build ({build_flavor()['isa']})",
        fontsize=9,
    )
    figure.savefig(target, dpi=120)
    pyplot.close(figure)
    return target


def _bars(axis: Any, question: Question) -> None:
    rows, base = question.rows[::-1], question.figure_ns(question.rows[0])
    ratios = [question.figure_ns(row) / base for row in rows]
    bars = axis.barh([row.name for row in rows], ratios, color=[COLORS[row.kind] for row in rows])
    labels = [
        f"{r:,.2f}x   {question.figure_ns(row):,.0f} ns"
        for r, row in zip(ratios, rows, strict=True)
    ]
    axis.bar_label(bars, labels, padding=4, fontsize=8)
    axis.set_xscale("log")
    axis.set_xlim(min(ratios) / 2, max(ratios) * 8)
    axis.set_title(question.title, loc="left", fontsize=9)
    axis.tick_params(labelsize=8)
    axis.spines[["top", "right"]].set_visible(False)


def _ages(run: Run) -> dict[str, list[dict[str, Any]]]:
    section = run.sections.get("socket_to_strategy")
    return section.figures if section is not None else {}


def percentiles(run: Run, target: Path) -> Path:
    """Draw age (µs, logarithmic) over percentile (each nine as wide as the one before)."""
    pyplot = _pyplot()
    figure, axes = pyplot.subplots(2, 2, figsize=(12, 8.4), sharey=True, layout="constrained")
    senders = (("paced", "sent by a C program"), ("simulator", "sent by aegis sim"))
    for row, (key, sender) in enumerate(senders):
        for column, mode in enumerate(("spinning", "blocking")):
            axis = axes[row][column]
            for one in _ages(run)[key]:
                if one["mode"] == mode:
                    _curve(axis, one)
            _nines(axis)
            axis.set_title(f"{mode}, {sender}", loc="left", fontsize=10)
    labels = axes[0][0].get_legend_handles_labels()
    figure.legend(*labels, loc="outside lower center", ncols=len(LINES), frameon=False)
    for row in (0, 1):
        axes[row][0].set_ylabel("age at the strategy, µs")
    figure.suptitle(
        f"Socket to strategy: 50 connections, 10,000 messages a second\n{run.machine}",
        fontsize=10,
    )
    figure.savefig(target, dpi=110)
    pyplot.close(figure)
    return target


def position(percent: float) -> float:
    """Return where a percentile lies on an axis of nines: 90 at 1, 99 at 2, 99.9 at 3."""
    from math import log10

    return -log10(max(1e-9, 1 - percent / 100))


def _curve(axis: Any, one: dict[str, Any]) -> None:
    percents, ages_us = curve_us(dict(one["ages"]))
    # The largest sample is at 100 %, where the axis does not reach: it is drawn as its own nine.
    last = 100 * (1 - 0.5 / max(1, one["samples"]))
    places = [position(min(percent, last)) for percent in percents]
    axis.step(places, ages_us, where="pre", lw=1.6, label=one["name"], color=LINES.get(one["name"]))


def _nines(axis: Any) -> None:
    axis.set_yscale("log")
    axis.set_xlim(0, position(NINES[-1]))
    axis.set_xticks([position(p) for p in NINES], [f"{p:g}" for p in NINES])
    axis.set_xlabel("percentile", fontsize=8)
    axis.tick_params(labelsize=8)
    axis.grid(color="#e2e8f0", lw=0.6)
    axis.set_axisbelow(True)
    axis.spines[["top", "right"]].set_visible(False)

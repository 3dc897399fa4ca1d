"""Write what was measured: JSON with the machine and the method, and a plot of the ratios."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from datetime import datetime
from pathlib import Path
from typing import Any

from aegis_fast.hot import build_flavor
from benchmarks.timing import Question

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results"
COLORS = {"ours": "#2563eb", "peer": "#f59e0b", "rival": "#64748b", "floor": "#16a34a"}


def commit() -> str:
    """Return the commit of the working tree, marked when it has changes; "" without git."""
    try:
        done = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--abbrev=12"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
    except FileNotFoundError:
        return ""
    return done.stdout.strip()


def machine() -> dict[str, Any]:
    """Return what the figures depend on."""
    models = [
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    ]
    return {
        "cpu": models[0] if models else platform.processor(),
        "cores": os.cpu_count(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "load": os.getloadavg()[0],
    }


def write_json(questions: dict[str, Question], rounds: int, started: datetime) -> Path:
    """Write every row's figures; returns the file."""
    RESULTS.mkdir(parents=True, exist_ok=True)
    target = RESULTS / f"hot-{started:%Y%m%d-%H%M%S}.json"
    content = {
        "started": started.isoformat(timespec="seconds"),
        "machine": machine(),
        "build": build_flavor(),
        "commit": commit(),
        "method": f"{rounds} rounds, all rows of a question interleaved in each, short passes "
        "warmed up; ns per item; garbage collection off; the Python loop is map() into an empty "
        "deque",
        "questions": {
            name: {"title": q.title, "unit": q.unit, "rows": [row.summary() for row in q.rows]}
            for name, q in questions.items()
        },
    }
    target.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    return target


def write_plot(questions: dict[str, Question], started: datetime) -> Path:
    """Draw each question's rows as multiples of the first, on a logarithmic axis."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    heights = [len(q.rows) for q in questions.values()]
    figure, axes = plt.subplots(
        len(heights), 1, figsize=(10, 0.36 * sum(heights) + 1.1 * len(heights)),
        height_ratios=heights, layout="constrained", squeeze=False,
    )  # fmt: skip
    for axis, question in zip(axes[:, 0], questions.values(), strict=True):
        rows, base = question.rows[::-1], question.rows[0].min_ns
        ratios = [row.min_ns / base for row in rows]
        bars = axis.barh(
            [row.name for row in rows], ratios, color=[COLORS[row.kind] for row in rows]
        )
        labels = [f"{r:,.2f}x   {row.min_ns:,.0f} ns" for r, row in zip(ratios, rows, strict=True)]
        axis.bar_label(bars, labels, padding=4, fontsize=8)
        axis.set_xscale("log")
        axis.set_xlim(min(ratios) / 2, max(ratios) * 8)
        axis.set_title(question.title, loc="left", fontsize=9)
        axis.tick_params(labelsize=8)
        axis.spines[["top", "right"]].set_visible(False)
    handles = [plt.Rectangle((0, 0), 1, 1, color=color) for color in COLORS.values()]
    figure.legend(handles, COLORS, loc="outside lower right", ncols=len(COLORS), fontsize=8)
    figure.suptitle(
        f"Minimum of interleaved rounds, as a multiple of the first row - {machine()['cpu']}, "
        f"{build_flavor()['build']} build ({build_flavor()['isa']})",
        fontsize=9,
    )
    target = RESULTS / f"hot-{started:%Y%m%d-%H%M%S}.png"
    figure.savefig(target, dpi=130)
    plt.close(figure)
    return target

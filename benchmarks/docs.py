"""Put the figures of a run into docs/latency.md, between its markers, and the picture beside it."""

from __future__ import annotations

import re
from pathlib import Path

from benchmarks import goals, plots
from benchmarks.goals import Verdict
from benchmarks.report import ROOT, Run, commit

PAGE = ROOT / "docs" / "latency.md"
PICTURE = ROOT / "docs" / "latency.png"
QUIET_LOAD = 0.7  # Above it other programs shared the cores when the run began.
BUSY = (
    "\n\n**The machine was busy with other work: sockets and orders waited for a core, and their "
    "figures say more about that than about the code.** 다른 작업으로 바쁜 상태에서 측정한 "
    "값이므로 소켓·주문 수치는 참고용입니다."
)


def between(text: str, name: str, content: str) -> str:
    """Return text with what lies between the markers of this name replaced.

    Raises ValueError when the markers are missing.
    """
    begin, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
    pattern = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
    replaced, count = pattern.subn(lambda _: f"{begin}\n\n{content}\n\n{end}", text)
    if count != 1:
        raise ValueError(f"{count} pairs of markers {begin} ... {end}")
    return replaced


def sockets_table(run: Run) -> str:
    """Return the receivers' figures as a Markdown table."""
    figures = run.sections["socket_to_strategy"].figures
    lines = [
        "| sender | receiver | mode | p50 µs | p99 µs | p99.9 µs | burst of 50, p50 µs | k msg/s |",
        "|---|---|---|---:|---:|---:|---:|---:|",
    ]
    for key, sender in (("paced", "C"), ("simulator", "aegis sim")):
        for one in figures.get(key, ()):
            us, burst = one["us"], one["burst_p50_us"]
            rest = f"{burst:.1f} | {one['most_per_s'] / 1e3:,.0f}" if burst else "- | -"
            lines.append(
                f"| {sender} | {one['name']} | {one['mode']} | {us['p50']:.1f} | {us['p99']:.1f} "
                f"| {us['p99.9']:.1f} | {rest} |"
            )
    return "\n".join(lines)


def rows_table(run: Run) -> str:
    """Return the rows of every question as one Markdown table."""
    lines = []
    for question in run.questions.values():
        base = question.figure_ns(question.rows[0])
        lines += [
            f"**{question.title}**",
            "",
            "| | min ns | median ns | x ours |",
            "|---|---:|---:|---:|",
        ]
        for row in question.rows:
            ratio = question.figure_ns(row) / base
            lines.append(
                f"| {row.name} | {row.min_ns:,.1f} | {row.median_ns:,.1f} | {ratio:,.2f} |"
            )
        lines += [f"| left out: {reason} | | | |" for reason in question.missing]
        lines.append("")
    return "\n".join(lines).rstrip()


def refresh(run: Run, verdicts: list[Verdict], page: Path = PAGE, picture: Path = PICTURE) -> None:
    """Write the page's tables and the picture anew."""
    origin = f"{run.machine}; commit {commit()}; {run.started:%Y-%m-%d %H:%M} UTC"
    if run.load > QUIET_LOAD:
        origin += BUSY
    text = page.read_text("utf-8")
    text = between(text, "goals", f"{origin}\n\n{goals.markdown(verdicts)}")
    text = between(text, "sockets", sockets_table(run))
    text = between(text, "rows", rows_table(run))
    page.write_text(text, "utf-8")
    plots.percentiles(run, picture)

"""Write what was measured as JSON, with the machine, the build, the commit and the method."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from aegis_fast.hot import build_flavor
from benchmarks import goals
from benchmarks.goals import Section, Verdict
from benchmarks.timing import Question

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results"


@dataclass(slots=True)
class Run:
    """Everything one run has found."""

    started: datetime
    rounds: int
    questions: dict[str, Question] = field(default_factory=dict)
    sections: dict[str, Section] = field(default_factory=dict)
    measured: dict[str, float] = field(default_factory=dict)
    # As they were when the run began: the run itself is a load.
    load: float = field(default_factory=lambda: os.getloadavg()[0])
    machine: str = field(default_factory=lambda: machine_line())

    def path(self, ending: str) -> Path:
        """Return where a result of this run goes."""
        RESULTS.mkdir(parents=True, exist_ok=True)
        return RESULTS / f"hot-{self.started:%Y%m%d-%H%M%S}{ending}"


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


def machine_line() -> str:
    """Return machine and build in one line."""
    here, flavor = machine(), build_flavor()
    return (
        f"{here['cpu']}, {here['cores']} cores, load {here['load']:.1f}, Python {here['python']}; "
        f"{flavor['build']} build, {flavor['isa']}, {flavor['compiler']}"
    )


def write_json(run: Run, verdicts: list[Verdict]) -> Path:
    """Write every row's figures and every goal's; returns the file."""
    target = run.path(".json")
    content = {
        "started": run.started.isoformat(timespec="seconds"),
        "machine": machine() | {"load": run.load},
        "build": build_flavor(),
        "commit": commit(),
        "method": f"{run.rounds} rounds, all rows of a question interleaved in each, short passes "
        "warmed up; ns per item; garbage collection off; the Python loop is map() into an empty "
        "deque, its cost is the row 'an empty call' and is taken off nothing. Sockets: every "
        "receiver in every round, a process and a core of its own, all samples kept in buckets "
        "under 0.8 % wide",
        "goals": goals.as_json(verdicts),
        "questions": {
            name: {
                "title": q.title,
                "unit": q.unit,
                "rows": [row.summary() for row in q.rows],
                "left_out": q.missing,
            }
            for name, q in run.questions.items()
        },
        "sections": {
            name: {"title": section.title, "figures": section.figures}
            for name, section in run.sections.items()
        },
    }
    target.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    return target

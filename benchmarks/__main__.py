"""Run the benchmarks: `python -m benchmarks [--quick] [--docs] [NAME ...]`."""

from __future__ import annotations

import argparse
import sys
from datetime import UTC, datetime
from types import ModuleType

from aegis_fast.hot import build_flavor
from benchmarks import (
    acquire,
    apply_book,
    cold,
    docs,
    downstream,
    goals,
    instructions,
    memory,
    order_body,
    order_goals,
    parse_trade,
    plots,
    report,
    round_price,
    socket_to_strategy,
    subscribers,
)
from benchmarks.goals import Section
from benchmarks.timing import Question, measure, table

# Rows side by side: question(), and measured(question) and remarks(question) where there are any.
QUESTIONS: dict[str, ModuleType] = {
    "parse_trade": parse_trade,
    "apply_book": apply_book,
    "subscribers": subscribers,
    "downstream": downstream,
    "round_price": round_price,
    "acquire": acquire,
    "order_body": order_body,
    "cold": cold,
}
# What does not fit into rows: measure(is_quick=...) returns a Section.
SECTIONS: dict[str, ModuleType] = {
    "memory": memory,
    "instructions": instructions,
    "socket_to_strategy": socket_to_strategy,
    "order_path": order_goals,
}
ROUNDS, QUICK_ROUNDS = 60, 8


def answer(module: ModuleType, rounds: int) -> tuple[Question, dict[str, float]]:
    """Measure a question and print its table; return it with the goals' values."""
    asked: Question = module.question()
    measure(asked, rounds)
    print(table(asked))
    for remark in module.remarks(asked) if hasattr(module, "remarks") else ():
        print(f"  {remark}")
    print(flush=True)
    return asked, module.measured(asked) if hasattr(module, "measured") else {}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="shorter, under two minutes")
    parser.add_argument(
        "--docs", action="store_true", help="also put figures and picture into docs/latency.md"
    )
    known = [*QUESTIONS, *SECTIONS]
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(known))
    chosen = parser.parse_args()
    unknown = set(chosen.names) - set(known)
    if unknown:
        parser.error(f"no such benchmark: {sorted(unknown)}; there are {known}")
    if chosen.docs and (chosen.names or chosen.quick):
        parser.error("--docs needs a whole run")
    rounds = QUICK_ROUNDS if chosen.quick else ROUNDS
    run = report.Run(datetime.now(UTC), rounds)
    print(f"{report.machine_line()}; {rounds} rounds\n")
    if build_flavor()["build"] != "release":
        print("This is the checked build: its figures mean nothing.\n", file=sys.stderr)
    names = chosen.names or known
    for number, name in enumerate(names, 1):
        print(f"[{number}/{len(names)}] {name}", file=sys.stderr, flush=True)
        if name in QUESTIONS:
            run.questions[name], measured = answer(QUESTIONS[name], rounds)
        else:
            section: Section = SECTIONS[name].measure(is_quick=chosen.quick)
            run.sections[name], measured = section, section.measured
            print(f"{section.title}\n{section.text}\n", flush=True)
        run.measured |= measured
    verdicts = goals.judge(run.measured)
    met = sum(verdict.is_met for verdict in verdicts)
    print(f"Goals: {met} of {len(verdicts)} met\n{goals.table(verdicts)}\n")
    written = [report.write_json(run, verdicts), *plots.write_all(run)]
    for path in written:
        print(f"written: {path.relative_to(report.ROOT)}")
    if chosen.docs:
        docs.refresh(run, verdicts)
        print("refreshed: docs/latency.md, docs/latency.png")
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Run the benchmarks: `python -m benchmarks [--quick] [QUESTION ...]`."""

from __future__ import annotations

import argparse
import sys
from datetime import UTC, datetime

from aegis_fast.hot import build_flavor
from benchmarks import acquire, apply_book, cold, order_body, parse_trade, report, round_price
from benchmarks.timing import Question, measure, table

QUESTIONS = {
    "parse_trade": parse_trade.question,
    "apply_book": apply_book.question,
    "round_price": round_price.question,
    "acquire": acquire.question,
    "order_body": order_body.question,
    "cold": cold.question,
}
ROUNDS, QUICK_ROUNDS = 100, 10


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_ROUNDS} rounds, not {ROUNDS}")
    parser.add_argument("questions", nargs="*", metavar="QUESTION", help=", ".join(QUESTIONS))
    arguments = parser.parse_args()
    unknown = set(arguments.questions) - set(QUESTIONS)
    if unknown:
        parser.error(f"no such question: {sorted(unknown)}; there are {list(QUESTIONS)}")
    rounds = QUICK_ROUNDS if arguments.quick else ROUNDS
    started = datetime.now(UTC)
    flavor = build_flavor()
    machine = report.machine()
    print(f"{machine['cpu']}, {machine['cores']} cores, Python {machine['python']}")
    print(f"{flavor['build']} build, {flavor['isa']}, {flavor['compiler']}; {rounds} rounds\n")
    if flavor["build"] != "release":
        print("This is the checked build: its figures mean nothing.\n", file=sys.stderr)
    answered: dict[str, Question] = {}
    for name in arguments.questions or QUESTIONS:
        answered[name] = QUESTIONS[name]()
        measure(answered[name], rounds)
        print(table(answered[name]) + "\n", flush=True)
    print(f"Written: {report.write_json(answered, rounds, started).relative_to(report.ROOT)}")
    print(f"         {report.write_plot(answered, started).relative_to(report.ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

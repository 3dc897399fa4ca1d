"""Compare the parser with its twin on very many frames, in every build: `make long`.

`python -m tests.long_frames [--frames N] [--processes N] [FLAVOR ...]`. A failure names the seed.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from pathlib import Path

from tests.flavors import FLAVORS, built

ROOT = Path(__file__).parents[1]
# Seeds a step of a worker; the workers of a build share its steps.
STEP = 10_000


def work(frames: int, first_step: int, processes: int) -> None:
    """Check this process's steps and print one line a step: frames and good frames."""
    from aegis_fast.hot import FrameParser
    from tests.oracle.frame_check import GENERATED_PART, check_seeds

    generated = frames // GENERATED_PART
    for is_mutated, total in ((False, generated), (True, frames - generated)):
        for start in range(first_step * STEP, total, processes * STEP):
            seeds = range(start, min(start + STEP, total))
            good = check_seeds(FrameParser(), seeds, is_mutated=is_mutated)
            print(len(seeds), good, flush=True)


def run(flavor: str, frames: int, processes: int) -> None:
    """Check the frames in one build, showing progress."""
    started = time.monotonic()
    with built(flavor) as environment:
        workers = [
            subprocess.Popen(
                [
                    *(sys.executable, "-m", "tests.long_frames", "--frames", str(frames)),
                    *("--processes", str(processes), "--step", str(step)),
                ],
                cwd=ROOT,
                env=environment,
                stdout=subprocess.PIPE,
                text=True,
            )
            for step in range(processes)
        ]
        done = good = 0
        # The workers take equally long steps, so reading them in turn shows the progress.
        open_workers = list(workers)
        while open_workers:
            for worker in list(open_workers):
                line = worker.stdout.readline() if worker.stdout else ""
                if not line:
                    open_workers.remove(worker)
                    continue
                checked, were_good = map(int, line.split())
                done, good = done + checked, good + were_good
                print(
                    f"\r{flavor}: {done:,} of {frames:,} frames, {good:,} good, "
                    f"{time.monotonic() - started:.0f} s ",
                    end="",
                    flush=True,
                )
        print()
        failed = [worker.wait() for worker in workers]
    if any(failed) or done != frames:
        raise SystemExit(f"{flavor}: parser and twin differ, or a worker died: {failed}")


def main() -> None:
    """Run the builds named, or all three."""
    parser = argparse.ArgumentParser(prog="python -m tests.long_frames", description=__doc__)
    parser.add_argument("--frames", type=int, default=1_000_000)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--step", type=int, help=argparse.SUPPRESS)
    parser.add_argument("flavors", nargs="*", metavar="FLAVOR", help=", ".join(FLAVORS))
    arguments = parser.parse_args()
    if arguments.step is not None:
        work(arguments.frames, arguments.step, arguments.processes)
        return
    for flavor in arguments.flavors or FLAVORS:
        run(flavor, arguments.frames, arguments.processes)


if __name__ == "__main__":
    main()

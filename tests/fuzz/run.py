"""Fuzzes every reader for a while: `make fuzz`, or `python tests/fuzz/run.py --minutes 3 csv`.

Ends with 1 at the first finding, which hypothesis has made as small as it can, and prints how many
inputs were tried. Minutes are of computing, so that a busy machine tries no fewer.
"""

from __future__ import annotations

import argparse
import sys
import time
import traceback
import warnings

from bounds import attempt
from hypothesis import HealthCheck, Phase, given, seed, settings
from targets import TARGETS, Target, warm_up

BATCH = 1000
"""Inputs between two looks at the clock; each batch begins from a seed of its own."""


def fuzz(target: Target, seconds: float, first: int) -> tuple[int, int]:
    """How many inputs were tried, and how many of them were taken rather than refused."""
    counts = [0, 0]
    ends = time.process_time() + seconds
    number = first
    while time.process_time() < ends:

        @seed(number)
        @settings(
            max_examples=BATCH,
            deadline=None,
            database=None,
            phases=[Phase.generate, Phase.shrink],
            suppress_health_check=list(HealthCheck),
        )
        @given(target.inputs)
        def batch(value: object) -> None:
            if time.process_time() < ends + 120:  # what is left goes to shrinking a finding
                counts[1] += attempt(target.read, value)
                counts[0] += 1

        batch()
        number += 1
    return counts[0], counts[1]


def main() -> None:
    """Fuzz the targets that are named, or all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="TARGET", help=", ".join(TARGETS))
    parser.add_argument("--minutes", type=float, default=10.0, help="for each target")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    given_ = parser.parse_args()
    warnings.simplefilter("ignore")
    warm_up()
    for name in given_.names or TARGETS:
        began = time.process_time()
        try:
            tried, taken = fuzz(TARGETS[name], 60 * given_.minutes, given_.seed)
        except Exception:
            print("\n".join(line[:1000] for line in traceback.format_exc().splitlines()))
            print(f"{name}: a finding, with --seed {given_.seed}", flush=True)
            sys.exit(1)
        minutes = (time.process_time() - began) / 60
        print(
            f"{name}: {tried:,} inputs in {minutes:.1f} minutes, {taken:,} of them taken; "
            f"no finding (seed {given_.seed})",
            flush=True,
        )


if __name__ == "__main__":
    main()

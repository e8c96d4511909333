"""Coverage of intervals on past origins, with its error: python benchmarks/coverage.py RUN...

Reads the last backtest of each run; make one with origins a row apart, `lstmcast backtest RUN
--step 1`. Neighbouring origins share most of their steps, so the error is that of a moving-block
bootstrap over origins, in blocks of two horizons (Kuensch 1989).
"""

import sys
from pathlib import Path

import numpy as np
import pandas as pd

from lstmcast.config import load_config

DRAWS = 2000


def coverage(frame: pd.DataFrame, targets: list[str], level: float) -> tuple[float, float]:
    """Share of actuals within the interval, and its bootstrap error."""
    known, within = pd.Series(0, index=frame.index), pd.Series(0, index=frame.index)
    for name in targets:
        actual = frame[f"{name}_actual"]
        known += actual.notna()
        within += actual.between(frame[f"{name}_lo{level:g}"], frame[f"{name}_hi{level:g}"])
    by_origin = pd.DataFrame({"known": known, "within": within}).groupby(frame.origin).sum()
    counts = by_origin.to_numpy()  # (origins, 2)
    length = min(2 * int(frame.step.max()), len(counts))
    rng = np.random.default_rng(0)
    heads = rng.integers(len(counts) - length + 1, size=(DRAWS, -(-len(counts) // length)))
    rows = (heads[:, :, None] + np.arange(length)).reshape(DRAWS, -1)[:, : len(counts)]
    drawn = counts[rows].sum(axis=1)  # (draws, 2)
    return float(within.sum() / known.sum()), float((drawn[:, 1] / drawn[:, 0]).std())


def main(runs: list[str]) -> None:
    """A line per run and level, as a Markdown table."""
    print("| run | origins | level | coverage | error |\n| --- | --- | --- | --- | --- |")
    for run in runs:
        config = load_config(Path(run) / "config.yaml")
        last = sorted((Path(run) / "backtests").iterdir())[-1]
        frame = pd.read_csv(last / "backtest.csv")
        for level in config.forecast.levels:
            share, error = coverage(frame, config.data.target, level)
            print(
                f"| `{Path(run).name}` | {frame.origin.nunique()} | {level:g} % "
                f"| {100 * share:.1f} % | {100 * error:.1f} |"
            )


if __name__ == "__main__":
    main(sys.argv[1:])

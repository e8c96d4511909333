"""Running means of errors: over all points, for each step and target, and for each series."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

Where = tuple[int | slice, int | slice]
"""Steps and targets."""


class Runs:
    """The windows of a batch, neighbours of one series taken together as one of R runs.

    Args:
        series: (B,) of each window, in any order; in order there are the fewest runs.
    """

    def __init__(self, series: NDArray[Any]) -> None:
        self.starts = np.flatnonzero(np.diff(series, prepend=-1))
        self.series = series[self.starts]

    def sums(self, values: NDArray[Any]) -> Floats:
        """(B, H, C) -> (R, H, C)."""
        return np.add.reduceat(values, self.starts, axis=0, dtype=np.float64)


class Points:
    """Which of a batch's points a measure is defined at, and how many these are.

    Args:
        defined: (B, H, C).
        runs: Of the windows.
    """

    def __init__(self, defined: Bools, runs: Runs) -> None:
        self.defined, self.runs = defined, runs
        self.everywhere = bool(defined.all())
        self.counts = runs.sums(defined)

    def where(self, condition: Bools) -> Points:
        """Those at which a (B, H, C) condition holds too."""
        return self if condition.all() else Points(self.defined & condition, self.runs)

    def sums(self, errors: Floats) -> Floats:
        """(R, H, C) sums of (B, H, C) errors at the points, whatever they are elsewhere."""
        return self.runs.sums(self.only(errors))

    def only(self, errors: Floats) -> Floats:
        """The errors at the points, and 0 elsewhere."""
        return errors if self.everywhere else np.where(self.defined, errors, 0.0)


class Mean:
    """A running mean over the points that define it, per step and target and per series."""

    def __init__(self, horizon: int, targets: int, series: int) -> None:
        self.total, self.count = np.zeros((horizon, targets)), np.zeros((horizon, targets))
        self.series_total, self.series_count = np.zeros(series), np.zeros(series)

    def add(self, sums: Floats, counts: Floats, series: NDArray[Any]) -> None:
        """Take in (R, H, C) sums of errors, and of how many, of the runs of (R,) series."""
        self.total += sums.sum(axis=0)
        self.count += counts.sum(axis=0)
        np.add.at(self.series_total, series, sums.sum(axis=(1, 2)))
        np.add.at(self.series_count, series, counts.sum(axis=(1, 2)))

    def over(self, where: Where) -> float | None:
        """The mean over the chosen steps and targets; None where no point defines it."""
        return _known(self.total[where].sum(), self.count[where].sum())

    def of_series(self, series: int) -> float | None:
        """The mean over the points of one series."""
        return _known(self.series_total[series], self.series_count[series])


def _known(total: float, count: float) -> float | None:
    mean = float(total) / float(count) if count else math.nan
    return mean if math.isfinite(mean) else None  # not finite: the squares overflowed

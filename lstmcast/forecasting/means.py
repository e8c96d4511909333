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


class Points:
    """Which of a batch's points a measure is defined at, and how many these are.

    Args:
        defined: (B, H, C).
        series: (B,) of each window.
        count: S, of all series.
    """

    def __init__(self, defined: Bools, series: NDArray[Any], count: int) -> None:
        self.defined, self.series = defined, series
        self.everywhere = bool(defined.all())
        of_window = np.count_nonzero(defined, axis=(1, 2))
        self.of_step = np.count_nonzero(defined, axis=0)
        self.of_series = np.bincount(series, of_window, count)

    def where(self, condition: Bools) -> Points:
        """Those at which a condition, of a shape that fits theirs, holds too."""
        if condition.all():
            return self
        return Points(self.defined & condition, self.series, len(self.of_series))


class Mean:
    """A running mean over the points that define it, per step and target and per series."""

    def __init__(self, horizon: int, targets: int, series: int) -> None:
        self.total, self.count = np.zeros((horizon, targets)), np.zeros((horizon, targets))
        self.series_total, self.series_count = np.zeros(series), np.zeros(series)

    def add(self, errors: Floats, points: Points) -> None:
        """Take in (B, H, C) errors at the points, whatever they are elsewhere."""
        if not points.everywhere:
            errors = np.where(points.defined, errors, 0.0)
        self.total += errors.sum(axis=0)
        self.count += points.of_step
        of_window = errors.sum(axis=(1, 2))
        self.series_total += np.bincount(points.series, of_window, len(self.series_total))
        self.series_count += points.of_series

    def over(self, where: Where) -> float | None:
        """The mean over the chosen steps and targets; None where no point defines it."""
        return _known(self.total[where].sum(), self.count[where].sum())

    def of_series(self, series: int) -> float | None:
        """The mean over the points of one series."""
        return _known(self.series_total[series], self.series_count[series])


def _known(total: float, count: float) -> float | None:
    mean = float(total) / float(count) if count else math.nan
    return mean if math.isfinite(mean) else None  # not finite: the squares overflowed

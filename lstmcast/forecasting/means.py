"""Running means of errors: over all points, for each step and target, and for each series."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


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


class Means:
    """Running means over the points that define them, per step and target and per series.

    Args:
        names: Of M measures.
        horizon: H.
        targets: C.
        series: S.
    """

    def __init__(self, names: Iterable[str], horizon: int, targets: int, series: int) -> None:
        self.names = tuple(names)
        # Of each the sum and the count, side by side.
        self.totals = np.zeros((len(self.names), 2, horizon, targets))
        self.of_all_series = np.zeros((series, len(self.names), 2))

    def add(self, parts: Mapping[str, tuple[Floats, Floats]], series: NDArray[Any]) -> None:
        """Take in of every measure (R, H, C) sums and counts, of the runs of (R,) series."""
        stacked = np.array([parts[name] for name in self.names])  # (M, 2, R, H, C)
        self.totals += stacked.sum(axis=2)
        np.add.at(self.of_all_series, series, stacked.sum(axis=(3, 4)).transpose(2, 0, 1))

    def over(self, steps: int | slice, targets: int | slice) -> dict[str, float | None]:
        """The means over some steps and targets; None where no point defines one."""
        chosen = self.totals[:, :, steps, targets].reshape(len(self.names), 2, -1)
        return self._means(chosen.sum(axis=2))

    def of_series(self, series: int) -> dict[str, float | None]:
        """The means over the points of one series."""
        return self._means(self.of_all_series[series])

    def count(self, name: str) -> int:
        """The points that define a mean."""
        return int(self.totals[self.names.index(name), 1].sum())

    def _means(self, pairs: Floats) -> dict[str, float | None]:
        return {name: _known(*pair) for name, pair in zip(self.names, pairs.tolist(), strict=True)}


def _known(total: float, count: float) -> float | None:
    mean = total / count if count else math.nan
    return mean if math.isfinite(mean) else None  # not finite: the squares overflowed

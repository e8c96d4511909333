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
    """The windows of a batch as R runs: neighbours of the same series.

    If few windows have such a neighbour, each window is a run, and no sum is needed.

    Args:
        series: (B,) of each window, in any order; sorted windows give the fewest runs.
    """

    def __init__(self, series: NDArray[Any]) -> None:
        starts = np.flatnonzero(np.diff(series, prepend=-1))
        self.starts = None if 2 * len(starts) > len(series) else starts
        self.series = series if self.starts is None else series[starts]

    def sums(self, values: NDArray[Any]) -> Floats:
        """(B, H, C) -> (R, H, C)."""
        if self.starts is None:
            return np.asarray(values, dtype=np.float64)
        return np.add.reduceat(values, self.starts, axis=0, dtype=np.float64)


class Points:
    """The points of a batch at which a measure is defined, and their number.

    Args:
        defined: (B, H, C).
        runs: Of the windows.
    """

    def __init__(self, defined: Bools, runs: Runs) -> None:
        self.defined, self.runs = defined, runs
        self.everywhere = bool(defined.all())
        self.counts = runs.sums(defined)

    def where(self, condition: Bools) -> Points:
        """The points at which a (B, H, C) condition also holds."""
        return self if condition.all() else Points(self.defined & condition, self.runs)

    def sums(self, errors: Floats) -> Floats:
        """(R, H, C) sums of (B, H, C) errors at the points; other values are ignored."""
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
        # The sum and the count of each.
        self.totals = np.zeros((len(self.names), 2, horizon, targets))
        self.of_all_series = np.zeros((series, len(self.names), 2))

    def add(self, parts: Mapping[str, tuple[Floats, Floats]], series: NDArray[Any]) -> None:
        """Add (R, H, C) sums and counts of every measure, for runs of (R,) series."""
        pairs = [part for name in self.names for part in parts[name]]
        self.totals += np.array([part.sum(axis=0) for part in pairs]).reshape(self.totals.shape)
        of_runs = np.array([np.einsum("rhc->r", part) for part in pairs])  # (M * 2, R)
        np.add.at(self.of_all_series, series, of_runs.T.reshape(len(series), -1, 2))

    def over(self, steps: int | slice, targets: int | slice) -> dict[str, float | None]:
        """The means over some steps and targets; None if no point defines one."""
        chosen = self.totals[:, :, steps, targets].reshape(len(self.names), 2, -1)
        return self._means(chosen.sum(axis=2))

    def of_series(self, series: int) -> dict[str, float | None]:
        """The means over the points of one series."""
        return self._means(self.of_all_series[series])

    def count(self, name: str) -> int:
        """The number of points that define a mean."""
        return int(self.totals[self.names.index(name), 1].sum())

    def _means(self, pairs: Floats) -> dict[str, float | None]:
        return {name: _known(*pair) for name, pair in zip(self.names, pairs.tolist(), strict=True)}


def _known(total: float, count: float) -> float | None:
    mean = total / count if count else math.nan
    return mean if math.isfinite(mean) else None  # not finite: the squares overflowed

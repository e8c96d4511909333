"""The fallback: a series whose best baseline had lower past errors than the network uses it.

The past error of a forecaster in a split is its mean absolute error over all points of the series'
windows there, in units of the series' size (see `intervals`), so that all targets have the same
weight. The choice at an origin uses only splits that ended before it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

NEVER = 2**53
"""A grid place after every origin."""


@dataclass(frozen=True)
class SplitErrors:
    """Errors of forecasters on the windows of each series in one split.

    Attributes:
        until: (S,) grid place after the split's last row.
        points: (S,) number of scored actuals.
        errors: (forecasters, S) mean absolute error in units of the series' size; 0 without points.
    """

    until: Ints
    points: Ints
    errors: Floats


@dataclass(frozen=True)
class PastErrors:
    """Errors of the network and the baselines on the past windows of each series.

    Attributes:
        forecasters: Their names, the network first.
        splits: Validation and test.
    """

    forecasters: tuple[str, ...]
    splits: tuple[SplitErrors, ...]

    def choose(self, series: NDArray[Any], places: NDArray[Any]) -> NDArray[np.object_]:
        """The forecaster of each window: the network, or the best baseline if its error is lower.

        Args:
            series: (B,) numbers of the series here.
            places: (B,) grid place of each origin; splits that end after it are ignored.
        """
        total = np.zeros((len(self.forecasters), len(series)))
        for split in self.splits:
            usable = split.until[series] <= places
            total += split.errors[:, series] * np.where(usable, split.points[series], 0)
        best = 1 + total[1:].argmin(axis=0)
        wins = total[best, np.arange(len(series))] < total[0]
        names = np.array(self.forecasters, dtype=object)
        chosen: NDArray[np.object_] = np.where(wins, names[best], names[0])
        return chosen

    def for_series(self, places: Ints) -> PastErrors:
        """The errors of other series: (S',) the number of each here, or -1 if it is new."""
        known = places >= 0
        splits = tuple(
            SplitErrors(
                np.where(known, split.until[places], NEVER),
                np.where(known, split.points[places], 0),
                np.where(known, split.errors[:, places], 0.0),
            )
            for split in self.splits
        )
        return replace(self, splits=splits)

    def to_json(self) -> dict[str, Any]:
        """The state as plain lists."""
        return {
            "forecasters": list(self.forecasters),
            "splits": [
                {
                    "until": split.until.tolist(),
                    "points": split.points.tolist(),
                    "errors": split.errors.tolist(),
                }
                for split in self.splits
            ],
        }

    @classmethod
    def from_json(cls, state: dict[str, Any] | None) -> PastErrors | None:
        """The errors from the result of `to_json`; None stays None."""
        if state is None:
            return None
        splits = (
            SplitErrors(
                np.array(split["until"], dtype=np.int64),
                np.array(split["points"], dtype=np.int64),
                np.array(split["errors"], dtype=np.float64),
            )
            for split in state["splits"]
        )
        return cls(tuple(state["forecasters"]), tuple(splits))

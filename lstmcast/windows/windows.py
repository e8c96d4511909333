"""Panel -> index of windows: the rows of each window, without a copy of them.

The origin of a window is the panel row of its first target. With lookback 3 and horizon 2, origin 5
means: rows 2, 3, 4 are the inputs, rows 5, 6 the targets.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np

from lstmcast.errors import DataError
from lstmcast.panel.panel import Panel
from lstmcast.panel.splits import Cuts


@dataclass(frozen=True)
class WindowIndex:
    """Runs of origins, ordered by series, then time. Its size grows with the number of series.

    Attributes:
        series: (K,) the series of each run.
        first: (K,) first origin of each run.
        counts: (K,) origins in each run.
        strides: (K,) rows between the origins of a run.
    """

    series: np.ndarray
    first: np.ndarray
    counts: np.ndarray
    strides: np.ndarray

    def __len__(self) -> int:
        """N, the number of windows."""
        return int(self.counts.sum())

    def locate(self, windows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Origins (B,) and series (B,) of the windows with these numbers in 0..N-1."""
        run = self.runs_of(windows)
        step = windows - (np.cumsum(self.counts) - self.counts)[run]
        return self.first[run] + step * self.strides[run], self.series[run]

    def runs_of(self, windows: np.ndarray) -> np.ndarray:
        """The run that each window (B,) belongs to."""
        return np.searchsorted(np.cumsum(self.counts), windows, side="right")

    def every(self, steps: int) -> WindowIndex:
        """Every `steps`-th window of each run."""
        return WindowIndex(self.series, self.first, -(-self.counts // steps), steps * self.strides)

    def all(self) -> tuple[np.ndarray, np.ndarray]:
        """Origins and series of all windows."""
        return self.locate(np.arange(len(self)))


def index_windows(
    starts: np.ndarray,
    begins: np.ndarray,
    ends: np.ndarray,
    *,
    lookback: int,
    horizon: int,
    pad: bool = False,
    stride: int = 1,
    usable: np.ndarray | None = None,
) -> WindowIndex:
    """All windows with targets in the rows `begins[s]:ends[s]` of each series.

    Without targets (horizon 0), all windows with their last input in these rows.

    Args:
        starts: (S,) first row of each series; no input is before it, unless padded.
        begins: (S,) first row of the split.
        ends: (S,) one past the last row of the split.
        lookback: T, steps.
        horizon: H, steps.
        pad: Whether windows may begin before their series; one input must exist.
        stride: Rows from one origin to the next.
        usable: (R + 1,) whether a forecast may start at a row; None: everywhere.
    """
    first = np.maximum(begins + (horizon == 0), starts + (1 if pad else lookback))
    counts = np.maximum(ends - horizon + 1 - first, 0)
    series = np.arange(len(starts))
    if usable is not None:
        first, counts, series = _usable_runs(first, counts, usable)
    counts = -(-counts // stride)
    some = counts > 0
    return WindowIndex(series[some], first[some], counts[some], np.full(some.sum(), stride))


def _usable_runs(
    first: np.ndarray, counts: np.ndarray, usable: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Cut the runs at rows where no forecast may start."""
    series = np.repeat(np.arange(len(first)), counts)
    before = np.cumsum(counts) - counts
    origins = np.arange(counts.sum()) + np.repeat(first - before, counts)
    kept = usable[origins]
    series, origins = series[kept], origins[kept]
    breaks = (np.diff(origins, prepend=-2) != 1) | (np.diff(series, prepend=-1) != 0)
    heads = np.flatnonzero(breaks)
    return origins[heads], np.diff(heads, append=len(origins)), series[heads]


@dataclass(frozen=True)
class SplitWindows:
    """The windows of each split.

    Attributes:
        train: Windows of the train rows, every `stride` rows.
        validation: Windows of the validation rows, every `judge_stride` rows.
        test: Windows of the test rows, every `judge_stride` rows.
        crossing: Number of windows left out because a cut is among their targets.
    """

    train: WindowIndex
    validation: WindowIndex
    test: WindowIndex
    crossing: int

    def by_name(self) -> dict[str, WindowIndex]:
        """The three indices by the names of their splits."""
        return {"train": self.train, "validation": self.validation, "test": self.test}

    def merged(self) -> tuple[WindowIndex, np.ndarray]:
        """All windows ordered by series, then time, and the number of each run's split."""
        indices = list(self.by_name().values())
        parts = [(index.series, index.first, index.counts, index.strides) for index in indices]
        series, first, counts, strides = (
            np.concatenate(column) for column in zip(*parts, strict=True)
        )
        splits = np.repeat(np.arange(len(indices)), [len(index.first) for index in indices])
        order = np.lexsort((first, series))
        index = WindowIndex(series[order], first[order], counts[order], strides[order])
        return index, splits[order]


def split_windows(
    cuts: Cuts,
    *,
    lookback: int,
    horizon: int,
    pad: bool = False,
    stride: int = 1,
    judge_stride: int = 1,
    usable: np.ndarray | None = None,
) -> SplitWindows:
    """Windows of the three splits of all series.

    A series without train rows has no window in any split: it cannot be scaled.

    Args:
        cuts: Ends of the splits of each series.
        lookback: T, steps.
        horizon: H, steps.
        pad: Whether windows may begin before their series.
        stride: Rows from one train origin to the next.
        judge_stride: Rows from one validation or test origin to the next.
        usable: (R + 1,) whether a forecast may start at a row; None: everywhere.
    """
    trained = cuts.train > cuts.starts
    index = partial(
        index_windows, cuts.starts, lookback=lookback, horizon=horizon, pad=pad, usable=usable
    )
    train, validation, test = (
        index(begins, np.where(trained, ends, begins)) for _, begins, ends in cuts.spans()
    )
    whole = index(cuts.starts, np.where(trained, cuts.test, cuts.starts))
    return SplitWindows(
        train=train if stride == 1 else index(cuts.starts, cuts.train, stride=stride),
        validation=validation.every(judge_stride),
        test=test.every(judge_stride),
        crossing=len(whole) - len(train) - len(validation) - len(test),
    )


def require_train_windows(
    panel: Panel, cuts: Cuts, windows: SplitWindows, lookback: int, horizon: int, pad: bool
) -> None:
    """Refuse to train without windows.

    Raises:
        DataError: No series has a complete training window.
    """
    if len(windows.train):
        return
    train_rows = cuts.train - cuts.starts
    longest = int(np.argmax(train_rows))
    label = panel.describe(longest)
    need = (1 if pad else lookback) + horizon
    raise DataError(
        f"no training window: a window needs {need} train rows "
        f"({'at least one of lookback' if pad else f'lookback {lookback}'} + horizon {horizon}), "
        f"but the longest series{f' ({label})' if label else ''} has {int(train_rows[longest])} of "
        f"its {int(panel.lengths[longest])} rows left for training. Lower window.lookback or "
        "window.horizon, make split.validation and split.test smaller, or set window.pad: true"
    )

"""Splits of each series, in order of time: train, then validation, then test rows.

A window belongs to the split that holds all its targets; its inputs may come from earlier rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from lstmcast.config import SplitConfig
from lstmcast.errors import DataError
from lstmcast.panel.panel import Panel
from lstmcast.stamps.timestamps import parse_stamp

SPLITS = ("train", "validation", "test")


@dataclass(frozen=True)
class Cuts:
    """Ends of the three splits of each series, as rows of the panel.

    Attributes:
        starts: (S,) first row of the series, and of its train rows.
        train: (S,) one past the last train row.
        validation: (S,) one past the last validation row.
        test: (S,) one past the last test row: the end of history.
    """

    starts: np.ndarray
    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray

    def spans(self) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
        """Name, first rows (S,) and ends (S,) of each split."""
        yield "train", self.starts, self.train
        yield "validation", self.train, self.validation
        yield "test", self.validation, self.test


def cut_series(panel: Panel, config: SplitConfig, horizon: int) -> Cuts:
    """Split every series into train, validation and test rows.

    A number of steps counts from the end of each series; a fraction is part of the length of the
    series, rounded down, but at least one horizon; a date is the first of its split in all series.

    Args:
        panel: The series.
        config: Sizes or first dates of validation and test; 0 means none.
        horizon: H, steps.

    Raises:
        DataError: A date cannot be read, or the table has no time column.
    """
    starts, ends = panel.offsets[:-1], panel.ends
    test_begin = np.maximum(_begin(panel, config.test, "split.test", ends, horizon), starts)
    begin = _begin(panel, config.validation, "split.validation", test_begin, horizon)
    return Cuts(starts, np.clip(begin, starts, test_begin), test_begin, ends)


def no_cuts(panel: Panel) -> Cuts:
    """Splits in which every row of history is a train row."""
    return Cuts(panel.offsets[:-1], panel.ends, panel.ends, panel.ends)


def _begin(
    panel: Panel, size: float | int | str, key: str, end: np.ndarray, horizon: int
) -> np.ndarray:
    """(S,) first row of a split that ends before `end`."""
    if isinstance(size, str):
        if panel.style is None:
            raise DataError(
                f"{key}: '{size}' is a date, but the table has no time column (data.time)"
            )
        try:
            stamp = parse_stamp(size, panel.style)
        except DataError as error:
            raise DataError(f"{key}: {error}") from error
        place, _ = panel.frequency.ordinals(np.array([stamp]))
        first = int(place[0]) + bool(panel.frequency.stamps(place)[0] < stamp)
        return np.asarray(np.minimum(panel.offsets[:-1] + np.maximum(first - panel.starts, 0), end))
    steps = np.full(len(end), size)
    if isinstance(size, float) and size > 0:
        # The rounding corrects 0.29 * 100 = 28.999999999999996.
        steps = np.maximum(np.floor(np.round(size * panel.lengths, 9)), horizon)
    return np.asarray(end - steps.astype(np.int64))

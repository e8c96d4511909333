"""Conformal calibration: margins of the prediction intervals from validation scores."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lstmcast import limits
from lstmcast.forecasting.intervals import Margins
from lstmcast.panel.blocks import series_groups

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

FEWEST_BEYOND = 5
"""Windows expected outside the widest interval from which a series has its own margins; with fewer,
a margin would depend on one or two windows."""

DIGITS = 6
"""Significant digits in the model file."""


def find_margins(
    scores: Floats, misses: Floats, series: NDArray[Any], sizes: Floats, levels: tuple[float, ...]
) -> Margins:
    """The margins of one forecaster from its validation windows.

    Args:
        scores: (levels, N, H, C) in units of the data; NaN if the actual is missing.
        misses: (N, H, C) absolute errors of the point forecast, in the same way.
        series: (N,) the series of each window, ascending.
        sizes: (S, C) size of each series, positive.
        levels: In percent.
    """
    size = sizes[series][:, None]  # (N, 1, C)
    scores = scores / size
    pooled = np.stack(
        [conformal(scores[k], level) for k, level in enumerate(levels)]
    )  # (levels, H, C)
    known = np.isfinite(misses)
    total = np.where(known, misses / size, 0.0).sum(axis=0)
    typical = round_digits(total / np.maximum(known.sum(axis=0), 1))
    relative = scores / np.where(typical > 0, typical, 1.0)
    own = {}
    begins = np.flatnonzero(np.diff(series, prepend=-1))
    ends = np.append(begins[1:], len(series))
    fewest = FEWEST_BEYOND / (1 - max(levels) / 100)
    for begin, end in zip(begins.tolist(), ends.tolist(), strict=True):
        if end - begin < fewest * (1 - 1e-9):
            continue
        windows = relative[:, begin:end]  # (levels, n, H, C)
        flat = windows.reshape(*windows.shape[:1], -1, windows.shape[3])
        own[int(series[begin])] = round_digits(
            np.stack([conformal(flat[k], level) for k, level in enumerate(levels)]), outwards=True
        )
    return Margins(round_digits(pooled, outwards=True), typical, own)


def conformal(scores: Floats, level: float) -> Floats:
    """The k-th smallest of n scores along the first axis, k = ceil((n + 1) level / 100).

    NaN scores are ignored. The result is NaN if k > n: no margin can then guarantee the level.
    """
    found, promised = order_statistic(scores, level / 100)
    return np.where(promised, found, np.nan)


def order_statistic(scores: Floats, level: float | Floats) -> tuple[Floats, NDArray[np.bool_]]:
    """The k-th order statistic (smallest) of n scores along the first axis, and whether k <= n.

    k = ceil((n + 1) level), raised to 1.

    Args:
        scores: (N, ...); NaN is ignored.
        level: A share of 1, one for all or (...).

    Returns:
        The k-th scores, or the largest if k > n, or NaN if n = 0; and whether k <= n.
    """
    ordered = np.sort(scores, axis=0)  # NaN comes last
    count = np.isfinite(scores).sum(axis=0)
    # Without rounding, the error of 1 - 0.05 and similar levels makes k too large by one.
    k = np.ceil(np.round((count + 1) * level, 9)).astype(np.int64)
    place = np.clip(k, 1, np.maximum(count, 1)) - 1
    return np.take_along_axis(ordered, place[None], axis=0)[0], k <= count


def fewest_windows(level: float) -> int:
    """The least number of scores that can guarantee a level."""
    return math.ceil(round(level / (100 - level), 9))


def mean_changes(values: Floats, observed: NDArray[Any], starts: Ints, ends: Ints) -> Floats:
    """(S, C) mean absolute change from row to row; NaN if there is none, or it is always 0.

    Args:
        values: (R, C) targets in units of the data.
        observed: (R, C) False if a value was filled; changes from or to it are excluded.
        starts: (S,) first row of each series.
        ends: (S,) one past the last row to use.
    """
    counts = np.maximum(ends - starts - 1, 0)
    shape = (len(starts), values.shape[1])
    total, number = np.zeros(shape), np.zeros(shape)
    for first, last in series_groups(counts):
        rows = max(int(counts[first:last].sum()), 1)
        for part in range(0, rows, limits.ROWS_AT_ONCE):  # of a long series
            begins = starts[first:last] + part
            left = np.clip(counts[first:last] - part, 0, limits.ROWS_AT_ONCE)
            before = np.cumsum(left) - left
            rows = np.arange(left.sum()) + np.repeat(begins - before, left)
            series = np.repeat(np.arange(last - first), left)
            both = observed[rows] & observed[rows + 1]
            change = np.where(both, np.abs(values[rows + 1] - values[rows]), 0.0)
            for column in range(values.shape[1]):
                total[first:last, column] += np.bincount(series, change[:, column], last - first)
                number[first:last, column] += np.bincount(series, both[:, column], last - first)
    return round_digits(np.where(total > 0, total / np.maximum(number, 1), np.nan))


def usual_size(sizes: Floats) -> Floats:
    """(C,) the median size; 1 if no series has one."""
    known = [column[np.isfinite(column)] for column in sizes.T]
    return np.array([float(np.median(column)) if len(column) else 1.0 for column in known])


def round_digits(values: Floats, outwards: bool = False) -> Floats:
    """Values rounded to the digits of the model file.

    Args:
        values: Of any shape; NaN stays.
        outwards: Round up, as margins need: a bound must not become too narrow.
    """
    size = np.abs(values)
    known = np.isfinite(values) & (size > 0)
    exponent = np.floor(np.log10(size, out=np.zeros_like(size), where=known))
    text = 10.0 ** (DIGITS - 1 - exponent)
    rounded = np.ceil(values * text) if outwards else np.round(values * text)
    return np.where(known, rounded / text, values)

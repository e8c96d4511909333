"""What errors are measured against: how a series moved within its own train rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

# A sine written out over thousands of rows repeats itself only up to about 1e-13 of its size. What
# lies below this part of a series' largest value is such rounding, and no yardstick.
_ROUNDING = 1e-12


@dataclass(frozen=True)
class Yardsticks:
    """What errors are measured against, per series and target, from train rows only: all (S, C).

    Attributes:
        seasonal_mae: Mean |y_t - y_(t-m)|, in units of the data; NaN where the series has no such
            pair of rows, or where all are equal.
        seasonal_mse: Mean (y_t - y_(t-m))^2, in units of the data squared; NaN likewise.
        mean: Mean, in units of the data; NaN where no value is known.
        deviation: Standard deviation (ddof 0), in units of the data; 0 for a constant series, NaN
            where no value is known.
    """

    seasonal_mae: Floats
    seasonal_mse: Floats
    mean: Floats
    deviation: Floats


def yardsticks(
    values: Floats, observed: Bools, offsets: Ints, train_end: Ints, season: int
) -> Yardsticks:
    """Measure every series by its own train rows.

    Args:
        values: (R, C) targets in units of the data, all series one behind the other.
        observed: (R, C) True where the value was in the table, False where it was filled.
        offsets: (S + 1,) series s owns rows offsets[s]:offsets[s + 1].
        train_end: (S,) global row index of the first row of each series that is not a train row.
        season: m, the rows from one season to the next; at least 1. Pairs of rows of which one
            was not observed are left out.

    Returns:
        The yardsticks, NaN where they are not defined.
    """
    offsets = np.asarray(offsets, dtype=np.int64)
    lengths = np.asarray(train_end, dtype=np.int64) - offsets[:-1]  # -> (S,)
    assert season >= 1, f"a season of {season} rows"
    assert ((lengths >= 0) & (lengths <= np.diff(offsets))).all(), "train rows outside their series"

    series = np.repeat(np.arange(len(lengths)), lengths)
    step = np.arange(len(series)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    rows = offsets[series] + step  # the train rows only, series by series
    known = np.asarray(observed, dtype=np.bool_)[rows]
    y = np.where(known, np.asarray(values, dtype=np.float64)[rows], 0.0)
    count = _sums(known, lengths)
    mean = _ratio(_sums(y, lengths), count)
    deviation = np.sqrt(_ratio(_sums(np.where(known, y - mean[series], 0.0) ** 2, lengths), count))

    later = np.flatnonzero(step >= season)
    pairs = np.maximum(lengths - season, 0)
    both = known[later] & known[later - season]
    change = np.where(both, y[later] - y[later - season], 0.0)
    count = _sums(both, pairs)
    seasonal_mae = _ratio(_sums(np.abs(change), pairs), count)
    seasonal_mse = _ratio(_sums(change**2, pairs), count)

    rounding = _ROUNDING * _segments(np.maximum, np.abs(y), lengths)
    with np.errstate(invalid="ignore"):
        return Yardsticks(
            seasonal_mae=np.where(seasonal_mae > rounding, seasonal_mae, np.nan),
            seasonal_mse=np.where(np.sqrt(seasonal_mse) > rounding, seasonal_mse, np.nan),
            mean=mean,
            deviation=np.where(deviation <= rounding, 0.0, deviation),
        )


def _segments(reduce: np.ufunc, rows: NDArray[Any], lengths: Ints) -> Floats:
    """Reduce (R, C) rows to (S, C) over consecutive pieces of the given lengths; 0 where empty."""
    out = np.zeros((len(lengths), rows.shape[1]))
    filled = lengths > 0  # reduceat has no empty pieces; without them the others still adjoin
    if filled.any():
        starts = (np.cumsum(lengths) - lengths)[filled]
        out[filled] = reduce.reduceat(rows.astype(np.float64), starts, axis=0)
    return out


def _sums(rows: NDArray[Any], lengths: Ints) -> Floats:
    return _segments(np.add, rows, lengths)


def _ratio(total: Floats, count: Floats) -> Floats:
    out = np.full(total.shape, np.nan)
    np.divide(total, count, out=out, where=count > 0)
    return out

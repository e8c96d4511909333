"""Error scales: the denominators of MASE, RMSSE and z-scores, from train rows."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lstmcast import limits
from lstmcast.panel.blocks import series_groups

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

# Rounding makes the seasons of a sine over thousands of rows differ by about 1e-13 of its size. A
# change below this share of a series' largest value is rounding, not an error scale.
_ROUNDING = 1e-12


@dataclass(frozen=True)
class ErrorScales:
    """Denominators of errors per series and target, from train rows only: all (S, C).

    Attributes:
        seasonal_mae: Mean |y_t - y_(t-m)|, in units of the data; NaN if the series has no such
            pair of rows, or all pairs are equal.
        seasonal_mse: Mean (y_t - y_(t-m))^2, in units of the data squared; NaN in the same cases.
        mean: Mean, in units of the data; NaN if no value is known.
        deviation: Standard deviation (ddof 0), in units of the data; 0 for a constant series, NaN
            if no value is known.
    """

    seasonal_mae: Floats
    seasonal_mse: Floats
    mean: Floats
    deviation: Floats


def error_scales(
    values: Floats, observed: Bools, offsets: Ints, train_end: Ints, season: int
) -> ErrorScales:
    """The error scales of every series, from its own train rows.

    Args:
        values: (R, C) targets in units of the data, all series one after the other.
        observed: (R, C) False if a value was filled, not in the table.
        offsets: (S + 1,) series s has rows offsets[s]:offsets[s + 1].
        train_end: (S,) global row index after the last train row of each series.
        season: m, the rows from one season to the next; at least 1. Only pairs of rows that were
            both observed count.
    """
    offsets = np.asarray(offsets, dtype=np.int64)
    lengths = np.asarray(train_end, dtype=np.int64) - offsets[:-1]  # -> (S,)
    assert season >= 1, f"a season of {season} rows"
    assert ((lengths >= 0) & (lengths <= np.diff(offsets))).all(), "train rows outside their series"

    shape = (len(lengths), values.shape[1])
    sums = _Totals(*(np.zeros(shape) for _ in fields(_Totals)))
    for begin, end in series_groups(lengths):
        measure = _at_once if lengths[begin:end].sum() <= limits.ROWS_AT_ONCE else _long
        part = measure(values, observed, offsets[begin:end], lengths[begin:end], season)
        for each in fields(_Totals):
            getattr(sums, each.name)[begin:end] = getattr(part, each.name)
    mean = _ratio(sums.total, sums.count)
    deviation = np.sqrt(_ratio(sums.squares, sums.count))
    seasonal_mae = _ratio(sums.change, sums.pairs)
    seasonal_mse = _ratio(sums.square_change, sums.pairs)
    rounding = _ROUNDING * sums.largest
    with np.errstate(invalid="ignore"):
        return ErrorScales(
            seasonal_mae=np.where(seasonal_mae > rounding, seasonal_mae, np.nan),
            seasonal_mse=np.where(np.sqrt(seasonal_mse) > rounding, seasonal_mse, np.nan),
            mean=mean,
            deviation=np.where(deviation <= rounding, 0.0, deviation),
        )


@dataclass(frozen=True)
class _Totals:
    """Over the train rows of each series and target, all (S, C).

    Known values, their sum, their squared distance to their mean, the largest; pairs of rows a
    season apart, and their changes.
    """

    count: Floats
    total: Floats
    squares: Floats
    pairs: Floats
    change: Floats
    square_change: Floats
    largest: Floats


def _at_once(values: Floats, observed: Bools, begins: Ints, lengths: Ints, season: int) -> _Totals:
    """The totals of series whose train rows fit in memory together."""
    series = np.repeat(np.arange(len(lengths)), lengths)
    step = np.arange(len(series)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    rows = begins[series] + step  # the train rows only, series by series
    known = np.asarray(observed[rows], dtype=np.bool_)
    y = np.where(known, np.asarray(values[rows], dtype=np.float64), 0.0)
    count, total = _sums(known, lengths), _sums(y, lengths)
    mean = _ratio(total, count)
    squares = _sums(np.where(known, y - mean[series], 0.0) ** 2, lengths)

    later = np.flatnonzero(step >= season)
    pairs = np.maximum(lengths - season, 0)
    both = known[later] & known[later - season]
    change = np.where(both, y[later] - y[later - season], 0.0)
    return _Totals(
        count,
        total,
        squares,
        _sums(both, pairs),
        _sums(np.abs(change), pairs),
        _sums(change**2, pairs),
        _segments(np.maximum, np.abs(y), lengths),
    )


def _long(values: Floats, observed: Bools, begins: Ints, lengths: Ints, season: int) -> _Totals:
    """The totals of one series, block by block, if it has too many train rows for one."""
    begin, end = int(begins[0]), int(begins[0] + lengths[0])
    parts = _Totals(*(np.zeros((1, values.shape[1])) for _ in fields(_Totals)))
    for first in range(begin, end, limits.ROWS_AT_ONCE):
        last = min(first + limits.ROWS_AT_ONCE, end)
        known = np.asarray(observed[first:last], dtype=np.bool_)
        y = np.where(known, np.asarray(values[first:last], dtype=np.float64), 0.0)
        parts.count[0] += known.sum(axis=0)
        parts.total[0] += y.sum(axis=0)
        np.maximum(parts.largest[0], np.abs(y).max(axis=0), out=parts.largest[0])
        later = max(first, begin + season)  # the first row with a row one season before it
        if later >= last:
            continue
        here, before = slice(later - first, None), slice(later - season, last - season)
        both = known[here] & observed[before]
        change = np.where(both, y[here] - values[before], 0.0)
        parts.pairs[0] += both.sum(axis=0)
        parts.change[0] += np.abs(change).sum(axis=0)
        parts.square_change[0] += (change**2).sum(axis=0)
    mean = _ratio(parts.total, parts.count)
    for first in range(begin, end, limits.ROWS_AT_ONCE):
        last = min(first + limits.ROWS_AT_ONCE, end)
        off = np.where(observed[first:last], values[first:last] - mean, 0.0)
        parts.squares[0] += (off**2).sum(axis=0)
    return parts


def _segments(reduce: np.ufunc, rows: NDArray[Any], lengths: Ints) -> Floats:
    """Reduce (R, C) rows to (S, C) over consecutive pieces of the given lengths; 0 if empty."""
    out = np.zeros((len(lengths), rows.shape[1]))
    filled = lengths > 0  # reduceat cannot have empty pieces; the others stay adjacent
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

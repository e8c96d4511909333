"""Scaling of the input columns, fitted on train rows only, with a plain-JSON state."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from lstmcast import limits
from lstmcast.panel.blocks import series_groups
from lstmcast.windows.scaling_passes import LARGEST, streamed

Statistics = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]


@dataclass(frozen=True)
class Scaler:
    """`(value - center) / scale` for each series and column.

    Attributes:
        method: `standard`, `minmax`, `robust` or `none`.
        center: (S, F) in units of the data; for logged columns in units of log(1 + value).
        scale: (S, F) in the same units, positive.
        logged: Columns that are scaled as log(1 + value).
    """

    method: str
    center: np.ndarray
    scale: np.ndarray
    logged: tuple[int, ...] = ()

    def transform(
        self, values: np.ndarray, series: np.ndarray, out: np.ndarray | None = None
    ) -> np.ndarray:
        """Scale rows (R, F) that belong to the series (R,), column by column into `out`."""
        scaled = np.empty(values.shape) if out is None else out
        for k in range(values.shape[1]):
            column = np.log1p(values[:, k]) if k in self.logged else values[:, k]
            scaled[:, k] = (column - self.center[series, k]) / self.scale[series, k]
        return scaled

    def restore(self, forecasts: np.ndarray, series: np.ndarray) -> np.ndarray:
        """Scaled forecasts (B, H, C) of the first C columns, series (B,) -> units of the data."""
        targets = forecasts.shape[2]
        center, scale = (part[series, None, :targets] for part in (self.center, self.scale))
        restored: np.ndarray = forecasts * scale + center
        logged = [k for k in self.logged if k < targets]
        restored[:, :, logged] = np.expm1(restored[:, :, logged])
        return restored

    def of(self, series: np.ndarray) -> Scaler:
        """The scaler of these series only."""
        return replace(self, center=self.center[series], scale=self.scale[series])

    def leaving(self, columns: Sequence[int]) -> Scaler:
        """The same scaler, but these columns (codes of categories) stay unscaled."""
        center, scale = self.center.copy(), self.scale.copy()
        center[:, columns], scale[:, columns] = 0.0, 1.0
        return replace(self, center=center, scale=scale)

    def to_json(self) -> dict[str, Any]:
        """The state as plain lists."""
        return {
            "method": self.method,
            "center": self.center.tolist(),
            "scale": self.scale.tolist(),
            "logged": list(self.logged),
        }

    @classmethod
    def from_json(cls, state: dict[str, Any]) -> Scaler:
        """The scaler of a state from `to_json`."""
        center, scale = (np.array(state[name], dtype=np.float64) for name in ("center", "scale"))
        return cls(state["method"], center, scale, tuple(state.get("logged", ())))


def fit_scaler(
    method: str,
    per: str,
    values: np.ndarray,
    observed: np.ndarray,
    starts: np.ndarray,
    ends: np.ndarray,
    logged: Sequence[int] = (),
) -> Scaler:
    """Fit on the observed values of the rows `starts[s]:ends[s]` of each series.

    A column that is constant or has no value in these rows gets the scale 1.

    Args:
        method: `standard` (mean, deviation with ddof 0), `minmax` (to 0..1), `robust` (median,
            interquartile range) or `none`.
        per: `series`: each series has its own scale. `all`: all series share one.
        values: (R, F) in units of the data.
        observed: (R, F) whether each value was observed.
        starts: (S,) first row to use of each series.
        ends: (S,) one past the last row to use.
        logged: Columns to scale as log(1 + value); their values are above -1.

    Returns:
        A scaler for all S series.
    """
    count = len(starts)
    shape = (count, values.shape[1])
    if method == "none":
        return Scaler(method, np.zeros(shape), np.ones(shape), tuple(logged))
    lengths = np.maximum(ends - starts, 0)
    size = count if per == "series" else 1
    center, scale = np.zeros((size, shape[1])), np.ones((size, shape[1]))
    for first, last in series_groups(lengths) if per == "series" else [(0, count)]:
        begins, sizes = starts[first:last], lengths[first:last]
        many = sizes.sum() > limits.ROWS_AT_ONCE
        group = slice(first, last) if per == "series" else slice(0, 1)
        for column in range(shape[1]):
            source = _Column(values, observed, column, column in logged)
            if many:  # one series, or all of them as one
                part = streamed(method, partial(source.pieces, begins, sizes))
                center[group, column], scale[group, column] = part
            elif len(sizes):
                joined = _joined if per == "series" else _as_one
                picked = joined(method, source, begins, sizes)
                center[group, column], scale[group, column] = picked
    # A scale within float error of a large level means a constant column.
    scale[scale <= 1e-12 * np.maximum(np.abs(center), 1e-300)] = 1.0
    center, scale = (np.broadcast_to(part, shape).copy() for part in (center, scale))
    return Scaler(method, center, scale, tuple(logged))


@dataclass(frozen=True)
class _Column:
    """One column of a table.

    Attributes:
        values: (R, F).
        observed: (R, F).
        place: Number of the column.
        logged: Whether to take log(1 + value).
    """

    values: np.ndarray
    observed: np.ndarray
    place: int
    logged: bool

    def at(self, begins: np.ndarray, sizes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The known values of `sizes` rows from each of `begins`, and the group of each value."""
        first = np.cumsum(sizes) - sizes
        rows = np.arange(sizes.sum()) + np.repeat(begins - first, sizes)
        group = np.repeat(np.arange(len(sizes)), sizes)
        picked: slice | np.ndarray = rows
        if len(rows) and rows[-1] - rows[0] == len(rows) - 1:  # contiguous: views, not copies
            picked = slice(rows[0], rows[-1] + 1)
        used, held = self.observed[picked, self.place], self.values[picked, self.place]
        if not used.all():
            group, held = group[used], held[used]
        return (np.log1p(held) if self.logged else held), group

    def pieces(self, begins: np.ndarray, sizes: np.ndarray) -> Iterator[np.ndarray]:
        """The same values, piece by piece."""
        for first, last in series_groups(sizes):
            for part in range(0, max(int(sizes[first:last].sum()), 1), limits.ROWS_AT_ONCE):
                left = np.clip(sizes[first:last] - part, 0, limits.ROWS_AT_ONCE)
                yield self.at(begins[first:last] + part, left)[0]


def _joined(
    method: str, source: _Column, begins: np.ndarray, sizes: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Center and scale (S,) of each series; 0 and 1 if all its values are missing."""
    center, scale = np.zeros(len(sizes)), np.ones(len(sizes))
    values, group = source.at(begins, sizes)
    heads = np.flatnonzero(np.diff(group, prepend=-1))
    if len(heads):
        center[group[heads]], scale[group[heads]] = _statistics(method, values, heads)
    return center, scale


def _as_one(
    method: str, source: _Column, begins: np.ndarray, sizes: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Center and scale (1,) of all series together."""
    values, _ = source.at(begins, sizes)
    if not len(values):
        return np.zeros(1), np.ones(1)
    return _statistics(method, values, np.zeros(1, dtype=np.int64))


def _statistics(
    method: str, values: np.ndarray, heads: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Center and scale of each group; in units of the largest value if squares overflow."""
    with np.errstate(over="ignore", invalid="ignore"):
        center, scale = STATISTICS[method](values, heads)
        wide = ~np.isfinite(center + scale)
        if wide.any():
            unit = np.where(wide, np.maximum.reduceat(np.abs(values), heads), 1.0)
            shrunk = values / np.repeat(unit, np.diff(heads, append=len(values)))
            center, scale = (unit * part for part in STATISTICS[method](shrunk, heads))
    return center, np.minimum(scale, LARGEST)


def _standard(values: np.ndarray, heads: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    counts = np.diff(heads, append=len(values))
    mean = np.add.reduceat(values, heads) / counts
    deviations = values - np.repeat(mean, counts)
    return mean, np.sqrt(np.add.reduceat(deviations**2, heads) / counts)


def _minmax(values: np.ndarray, heads: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    low = np.minimum.reduceat(values, heads)
    return low, np.maximum.reduceat(values, heads) - low


def _robust(values: np.ndarray, heads: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    counts = np.diff(heads, append=len(values))
    ordered = values[np.lexsort((values, np.repeat(heads, counts)))]

    def quantile(level: float) -> np.ndarray:
        place = level * (counts - 1)
        below = np.floor(place).astype(np.int64)
        above = np.minimum(below + 1, counts - 1)
        low, high = ordered[heads + below], ordered[heads + above]
        between: np.ndarray = low + (place - below) * (high - low)
        return between

    return quantile(0.5), quantile(0.75) - quantile(0.25)


STATISTICS: dict[str, Statistics] = {"standard": _standard, "minmax": _minmax, "robust": _robust}
"""By method: (values sorted by group, first position of each group) -> (center, scale)."""

"""Scaling of the input columns, fitted on train rows only, with a plain-JSON state."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

Statistics = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]


@dataclass(frozen=True)
class Scaler:
    """`(value - center) / scale` for each series and column.

    Attributes:
        method: `standard`, `minmax`, `robust` or `none`.
        center: (S, F) in units of the data, of logged columns in those of their logarithm.
        scale: (S, F) in the same units, positive.
        logged: Columns of which log(1 + value) is scaled.
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
        """Scaled forecasts (B, H, C) of the first C columns, for series (B,), in their units."""
        targets = forecasts.shape[2]
        center, scale = (part[series, None, :targets] for part in (self.center, self.scale))
        restored: np.ndarray = forecasts * scale + center
        logged = [k for k in self.logged if k < targets]
        restored[:, :, logged] = np.expm1(restored[:, :, logged])
        return restored

    def of(self, series: np.ndarray) -> Scaler:
        """The scaler of some of the series."""
        return replace(self, center=self.center[series], scale=self.scale[series])

    def leaving(self, columns: Sequence[int]) -> Scaler:
        """The same scaler, but columns at these places stay as they are: codes of categories."""
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
        """The scaler that `to_json` described."""
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

    A column that is constant there, or has no value there, is given the scale 1.

    Args:
        method: `standard` (mean, deviation with ddof 0), `minmax` (to 0..1), `robust` (median,
            interquartile range) or `none`.
        per: `series`: each by itself. `all`: the rows of all series together.
        values: (R, F) in units of the data.
        observed: (R, F) which of them count.
        starts: (S,) first row to use of each series.
        ends: (S,) one past the last row to use.
        logged: Columns of which log(1 + value) is scaled; their values are above -1.

    Returns:
        A scaler for all S series.
    """
    count = len(starts)
    shape = (count, values.shape[1])
    if method == "none":
        return Scaler(method, np.zeros(shape), np.ones(shape), tuple(logged))
    lengths = np.maximum(ends - starts, 0)
    first = np.cumsum(lengths) - lengths
    rows = np.arange(lengths.sum()) + np.repeat(starts - first, lengths)
    groups = (
        np.repeat(np.arange(count), lengths)
        if per == "series"
        else np.zeros(len(rows), dtype=np.int64)
    )
    size = count if per == "series" else 1
    center, scale = np.zeros((size, shape[1])), np.ones((size, shape[1]))
    picked: slice | np.ndarray = rows
    if len(rows) and rows[-1] - rows[0] == len(rows) - 1:  # in one piece: views, not copies
        picked = slice(rows[0], rows[-1] + 1)
    for column in range(shape[1]):
        used = observed[picked, column]
        group, column_values = groups, values[picked, column]
        if not used.all():
            group, column_values = groups[used], column_values[used]
        if column in logged:
            column_values = np.log1p(column_values)
        heads = np.flatnonzero(np.diff(group, prepend=-1))
        if len(heads):
            center[group[heads], column], scale[group[heads], column] = STATISTICS[method](
                column_values, heads
            )
    # A spread within float error of a large level is no spread.
    scale[scale <= 1e-12 * np.maximum(np.abs(center), 1e-300)] = 1.0
    center, scale = (np.broadcast_to(part, shape).copy() for part in (center, scale))
    return Scaler(method, center, scale, tuple(logged))


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
"""Per method: (values sorted by group, first place of each group) -> (center, scale)."""

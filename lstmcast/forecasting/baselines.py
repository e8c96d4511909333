"""The baselines that a network should beat: naive, seasonal naive, drift and a linear map.

A forecast at origin o covers rows o .. o+H-1 of a series and reads only the rows of the series
before o. If o is the row after the last, it is a forecast of the future.

The first three are the benchmarks of Hyndman & Athanasopoulos, "Forecasting: Principles and
Practice", 3rd ed. (2021), section 5.2. The last is NLinear, the one-layer map of Zeng et al., "Are
Transformers effective for time series forecasting?" (AAAI 2023), in closed form.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lstmcast import limits
from lstmcast.forecasting.ridge import DEFAULT_PENALTY, Ridge, sum_up
from lstmcast.panel.blocks import owner_of_rows

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Chunks = Callable[[], Iterator[tuple[NDArray[Any], NDArray[Any]]]]  # (origins, series)

names = ("naive", "seasonal_naive", "drift", "linear")


@dataclass(frozen=True)
class History:
    """All series, one after the other.

    Attributes:
        values: (R, C) targets in units of the data; gaps are filled, there is no NaN.
        offsets: (S + 1,) series s has rows offsets[s]:offsets[s + 1].
        observed: (R, C) False if a value was filled: no target to fit; None: all were observed.
    """

    values: Floats
    offsets: Ints
    observed: Bools | None = None


def feasible_baselines(rows: int, season: int) -> tuple[str, ...]:
    """The simple baselines that are feasible with a number of known rows, in the order of `names`.

    Args:
        rows: Known rows before the origin.
        season: Rows from one season to the next.
    """
    needs = {"naive": 1, "seasonal_naive": max(1, season), "drift": 2}
    return tuple(name for name, least in needs.items() if rows >= least)


def naive(history: History, origins: NDArray[Any], series: NDArray[Any], horizon: int) -> Floats:
    """Repeat the last known row.

    Args:
        history: The series.
        origins: (B,) global row index of the first forecast row.
        series: (B,) the series of each window.
        horizon: H, steps to forecast.

    Returns:
        (B, H, C) in units of the data.
    """
    origins, _ = _bounds(history, origins, series)
    last = history.values[origins - 1]  # -> (B, C)
    return np.repeat(last[:, None].astype(np.float64), horizon, axis=1)


def seasonal_naive(
    history: History, origins: NDArray[Any], series: NDArray[Any], horizon: int, season: int
) -> Floats:
    """Repeat the last known season, as often as the horizon needs.

    Windows with fewer than `season` known rows get the naive forecast (see `feasible_baselines`).

    Args:
        history: The series.
        origins: (B,) global row index of the first forecast row.
        series: (B,) the series of each window.
        horizon: H, steps to forecast.
        season: Rows from one season to the next; at least 1.

    Returns:
        (B, H, C) in units of the data.
    """
    assert season >= 1, f"a season of {season} rows"
    origins, first = _bounds(history, origins, series)
    period = np.where(origins - first >= season, season, 1)[:, None]
    rows = origins[:, None] - period + np.arange(horizon) % period  # -> (B, H)
    return np.asarray(history.values[rows], dtype=np.float64)


def drift(history: History, origins: NDArray[Any], series: NDArray[Any], horizon: int) -> Floats:
    """Extend the line from the first known row to the last: last + h (last - first) / (n - 1).

    Windows with one known row get the naive forecast (see `feasible_baselines`).

    Args:
        history: The series.
        origins: (B,) global row index of the first forecast row.
        series: (B,) the series of each window.
        horizon: H, steps to forecast.

    Returns:
        (B, H, C) in units of the data.
    """
    origins, first = _bounds(history, origins, series)
    last = history.values[origins - 1].astype(np.float64)  # -> (B, C)
    between = np.maximum(origins - 1 - first, 1)[:, None]  # one row: last - first is 0
    slope = (last - history.values[first]) / between
    out: Floats = last[:, None] + np.arange(1, horizon + 1)[:, None] * slope[:, None]
    return out


@dataclass(frozen=True)
class Linear:
    """One linear map per target, from the last T values to the next H, shared by all series.

    Attributes:
        coefficients: (C, T, H) for values from which the window's last value was subtracted.
        intercept: (C, H) in units of `scale`.
        penalty: (C,) as a share of the mean eigenvalue (see `ridge.py`); infinite for a target
            without a train window, whose map is 0: its forecast is the naive one.
        scale: (S, C) size of each series and target, in units of the data.
        lookback: T.
    """

    coefficients: Floats
    intercept: Floats
    penalty: Floats
    scale: Floats
    lookback: int

    def forecast(
        self, history: History, origins: NDArray[Any], series: NDArray[Any], horizon: int
    ) -> Floats:
        """Forecast windows; rows before a series' first are padded with its first value.

        A series without a scale (0 or NaN: constant or empty in training) has intercept 0.

        Args:
            history: The series, in the order of `scale`.
            origins: (B,) global row index of the first forecast row.
            series: (B,) the series of each window.
            horizon: Steps to forecast; at most the H of the map.

        Returns:
            (B, horizon, C) in units of the data.
        """
        most = self.intercept.shape[1]
        assert 1 <= horizon <= most, f"{horizon} steps from a map to {most}"
        origins, first = _bounds(history, origins, series)
        scale = np.where(self.scale > 0, self.scale, 0.0)[series]  # -> (B, C)
        out = np.empty((len(origins), horizon, history.values.shape[1]))
        for piece in _pieces(len(origins), self.lookback):
            rows = _rows(origins[piece], first[piece], self.lookback, 0)  # -> (b, T)
            for c in range(out.shape[2]):
                x = history.values[rows, c].astype(np.float64)
                # The map is linear: the scale matters for the intercept only.
                change = (x - x[:, -1:]) @ self.coefficients[c, :, :horizon]
                lift = scale[piece, c, None] * self.intercept[c, :horizon]
                out[piece, :, c] = x[:, -1:] + change + lift
        return out

    def for_series(self, places: NDArray[Any]) -> Linear:
        """The map for other series: (S',) the number of each here, or -1 if it is new."""
        seen = (places >= 0)[:, None]
        return replace(self, scale=np.where(seen, self.scale[places], 0.0))


def fit_linear(
    history: History,
    train: Chunks,
    validation: Chunks,
    lookback: int,
    horizon: int,
    center: Floats,
    scale: Floats,
) -> Linear:
    """Fit the linear map of every target by ridge regression on all train windows.

    Each target's penalty minimises the mean squared error of scaled values over the validation
    windows, among `ridge.PENALTIES`; without such windows it is `ridge.DEFAULT_PENALTY`. The fit
    excludes windows with a missing value in the forecast rows of the target, and series without a
    scale. It keeps second moments only: memory grows with (T + H)^2, not with the windows.

    Args:
        history: The series.
        train: Yields (origins, series) chunks of all train windows at every call.
        validation: The same for the validation windows.
        lookback: T, at least 1; rows before a series' first are padded with its first value.
        horizon: H, at least 1; the H rows from an origin on are rows of its series.
        center: (S, C) subtracted before scaling, in units of the data; affects rounding only.
        scale: (S, C) size of each series and target, in units of the data: it gives small and
            large series the same weight.
    """
    targets = history.values.shape[1]
    coefficients = np.zeros((targets, lookback, horizon))
    intercept = np.zeros((targets, horizon))
    penalty = np.full(targets, np.inf)
    source = _Source(history, center, scale, lookback, horizon)
    for c in range(targets):  # one by one: the moments of a target can need tens of MiB
        fitted = sum_up(source.windows(train, c), lookback, horizon)
        if fitted is None:
            continue
        ridge = Ridge(fitted)
        judged = sum_up(source.windows(validation, c), lookback, horizon, about=fitted.mean)
        penalty[c] = DEFAULT_PENALTY if judged is None else ridge.best_penalty(judged)
        coefficients[c], intercept[c] = ridge.solve(penalty[c])
    return Linear(coefficients, intercept, penalty, np.asarray(scale, dtype=np.float64), lookback)


@dataclass(frozen=True)
class _Source:
    """The source of the windows of a fit."""

    history: History
    center: Floats
    scale: Floats
    lookback: int
    horizon: int

    def windows(self, chunks: Chunks, target: int) -> Iterator[Floats]:
        """Yield (b, T + H) scaled windows of one target, the last input subtracted."""
        history, ahead = self.history, np.arange(self.horizon)
        center, scale = self.center[:, target], self.scale[:, target]
        usable = np.isfinite(center) & np.isfinite(scale) & (scale > 0)
        size = np.where(usable, scale, np.nan)
        for origins, series in chunks():
            origins, first = _bounds(history, origins, series)
            ends = history.offsets[np.asarray(series) + 1]
            assert (origins + self.horizon <= ends).all(), "a window ends after its series"
            for piece in _pieces(len(origins), self.lookback + self.horizon):
                fit = usable[series[piece]]
                if history.observed is not None:
                    rows = origins[piece, None] + ahead
                    fit = fit & history.observed[rows, target].all(axis=1)
                if fit.any():
                    rows = _rows(
                        origins[piece][fit], first[piece][fit], self.lookback, self.horizon
                    )
                    owner = series[piece][fit]
                    window = _scaled(history, target, rows, owner, center, size)  # -> (b, T + H)
                    yield window - window[:, self.lookback - 1, None]


def _scaled(
    history: History, target: int, rows: Ints, series: Ints, center: Floats, size: Floats
) -> Floats:
    """The values of a target at the rows of windows (b, T + H), scaled.

    If windows overlap, each row is scaled once, not once per window.
    """
    first, last = int(rows.min()), int(rows.max()) + 1
    if last - first > rows.size:
        z = history.values[rows, target] - center[series, None]
        return np.asarray(z / size[series, None])
    owner = owner_of_rows(history.offsets, first, last)
    z = history.values[first:last, target] - center[owner]
    z /= size[owner]
    return np.asarray(z[rows - first])


def _bounds(history: History, origins: NDArray[Any], series: NDArray[Any]) -> tuple[Ints, Ints]:
    """The origins and their series' first rows, both (B,), at least one row apart."""
    origins = np.asarray(origins, dtype=np.int64)
    first = np.asarray(history.offsets, dtype=np.int64)[series]
    assert (origins > first).all(), "a forecast needs at least one known row"
    assert (origins <= history.offsets[np.asarray(series) + 1]).all(), "an origin after its series"
    return origins, first


def _rows(origins: Ints, first: Ints, lookback: int, horizon: int) -> Ints:
    """Rows of windows, (B, T + H); rows before the series' first are replaced by it."""
    steps = np.arange(-lookback, horizon)
    rows: Ints = np.maximum(origins[:, None] + steps, first[:, None])
    return rows


def _pieces(count: int, width: int) -> Iterator[slice]:
    """Slices of `count` windows, each with a bounded number of values."""
    step = max(1, limits.BASELINE_NUMBERS_AT_ONCE // width)
    for start in range(0, count, step):
        yield slice(start, min(start + step, count))

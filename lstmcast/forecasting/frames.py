"""Forecasts as tables, with the names and time stamps of the input."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from lstmcast.forecasting.intervals import IntervalForecast
from lstmcast.panel.panel import Panel

DIGITS = 7
"""Significant digits of a forecast: those of a float32."""


def forecast_frame(
    panel: Panel,
    origins: np.ndarray,
    series: np.ndarray,
    forecasts: IntervalForecast,
    levels: Sequence[float],
    methods: Sequence[str],
) -> pd.DataFrame:
    """Forecasts as a table that can be appended to the input.

    Args:
        panel: Names, stamps and their style.
        origins: (B,) first forecast row of each series.
        series: (B,) its number.
        forecasts: With their intervals.
        levels: Of the intervals, in percent.
        methods: (B,) the forecaster of each series.

    Returns:
        Series columns, the time column (or `step`), each target with its bounds `<target>_lo80`,
        `<target>_hi80`, ..., `method`; B * H rows.
    """
    horizon = forecasts.point.shape[1]
    table = _keys(panel, origins, series, horizon)
    for k, name in enumerate(panel.columns.targets):
        table[name] = rounded(forecasts.point[:, :, k].ravel())
        table.update(_bounds(name, k, forecasts, levels))
    table["method"] = np.repeat(np.array(methods, dtype=object), horizon)
    return pd.DataFrame(table)


def wide_forecast_frame(
    panel: Panel,
    columns: Sequence[str],
    forecasts: IntervalForecast,
    levels: Sequence[float],
    methods: np.ndarray,
) -> pd.DataFrame:
    """Forecasts after the last row of every series as a wide table, like the input.

    Args:
        panel: Names, stamps and their style; each series is a column of the input.
        columns: Of the input, in its order; a column without a forecast stays empty.
        forecasts: Of one target, with their intervals.
        levels: Of the intervals, in percent.
        methods: (S,) the forecaster of each series.

    Returns:
        The time column (or `step`), a column per series, their bounds, `method`: the forecaster of
        most columns; then `<column>_method` for each column with another forecaster. There is a
        row for each step of any column: forecasts of columns that end earlier start earlier.
    """
    first = panel.ordinals(panel.ends, np.arange(panel.series_count))
    places = first[:, None] + np.arange(forecasts.point.shape[1])
    steps, rows = np.unique(places, return_inverse=True)
    rows = rows.reshape(places.shape)
    numbers = {name[0]: k for k, name in enumerate(panel.names)}
    table: dict[str, np.ndarray] = {
        panel.time or "step": np.array(panel.format_times(steps), dtype=object)
    }

    def cells(column: str, values: np.ndarray) -> np.ndarray:
        """The values (S, H, 1) of a column at their steps, empty elsewhere."""
        found = np.full(len(steps), np.nan)
        if column in numbers:
            place = numbers[column]
            found[rows[place]] = rounded(values[place, :, 0])
        return found

    for column in columns:  # all before the first bound: easy to cut off
        table[column] = cells(column, forecasts.point)
    pairs = zip(forecasts.low, forecasts.high, strict=True)
    bounds = [bound for pair in pairs for bound in pair]
    for column in columns:
        names = bound_names(column, levels)
        table |= {name: cells(column, bound) for name, bound in zip(names, bounds, strict=True)}
    found, counts = np.unique(methods.astype(str), return_counts=True)
    usual = str(found[np.argmax(counts)])
    table["method"] = np.full(len(steps), usual, dtype=object)
    for column in columns:
        if column in numbers and methods[numbers[column]] != usual:
            table[f"{column}_method"] = np.full(len(steps), methods[numbers[column]], dtype=object)
    return pd.DataFrame(table)


def paths_frame(
    panel: Panel, origins: np.ndarray, series: np.ndarray, values: np.ndarray
) -> pd.DataFrame:
    """Sample paths as a long table.

    Args:
        panel: Names, stamps and their style.
        origins: (B,) first row of each series' paths.
        series: (B,) its number.
        values: (paths, B, H, C).

    Returns:
        Series columns, `path` from 1, the time column (or `step`), and the targets.
    """
    paths, count, horizon, _ = values.shape
    keys = _keys(panel, origins, series, horizon)  # of B * H rows
    table = {name: np.tile(keys.pop(name), paths) for name in panel.series_columns}
    table["path"] = np.repeat(np.arange(1, paths + 1), count * horizon)
    table |= {name: np.tile(column, paths) for name, column in keys.items()}
    for k, name in enumerate(panel.columns.targets):
        table[name] = rounded(values[..., k].ravel())
    return pd.DataFrame(table)


def backtest_frame(
    panel: Panel,
    origins: np.ndarray,
    series: np.ndarray,
    forecasts: IntervalForecast,
    levels: Sequence[float],
    actuals: np.ndarray,
) -> pd.DataFrame:
    """Past forecasts and actual values.

    Args:
        panel: Names, stamps and their style.
        origins: (B,) first forecast row.
        series: (B,) number of its series.
        forecasts: With their intervals.
        levels: Of the intervals, in percent.
        actuals: (B, H, C) NaN if missing.

    Returns:
        Series columns, `origin` (stamp of the last known row), `step` from 1, the time
        column, and for each target the forecast, `<target>_actual` and its bounds.
    """
    horizon = forecasts.point.shape[1]
    keys = _keys(panel, origins, series, horizon)
    table = {name: keys[name] for name in panel.series_columns}
    last_known = panel.format_times(panel.ordinals(origins - 1, series))
    table["origin"] = np.repeat(np.array(last_known, dtype=object), horizon)
    table["step"] = np.tile(np.arange(1, horizon + 1), len(origins))
    if panel.time is not None:
        table[panel.time] = keys[panel.time]
    for k, name in enumerate(panel.columns.targets):
        table[name] = rounded(forecasts.point[:, :, k].ravel())
        table[f"{name}_actual"] = actuals[:, :, k].ravel()
        table.update(_bounds(name, k, forecasts, levels))
    return pd.DataFrame(table)


def bound_names(target: str, levels: Sequence[float]) -> list[str]:
    """The columns of a target's bounds, lower and upper of each level: co2_lo80, co2_hi80."""
    return [f"{target}_{side}{level:g}" for level in levels for side in ("lo", "hi")]


def _bounds(
    target: str, place: int, forecasts: IntervalForecast, levels: Sequence[float]
) -> dict[str, np.ndarray]:
    pairs = zip(forecasts.low, forecasts.high, strict=True)
    bounds = [rounded(bound[:, :, place].ravel()) for pair in pairs for bound in pair]
    return dict(zip(bound_names(target, levels), bounds, strict=True))


def _keys(
    panel: Panel, origins: np.ndarray, series: np.ndarray, horizon: int
) -> dict[str, np.ndarray]:
    """Series and time columns of B * H forecast rows."""
    first = panel.ordinals(origins, series)
    times = panel.format_times((first[:, None] + np.arange(horizon)).ravel())
    names = np.array(panel.names, dtype=object).reshape(panel.series_count, -1)[series]
    table = {
        column: np.repeat(names[:, k], horizon) for k, column in enumerate(panel.series_columns)
    }
    table[panel.time or "step"] = np.array(times, dtype=object)
    return table


def rounded(values: np.ndarray) -> np.ndarray:
    """Round each value to the digits of a float32."""
    size = np.abs(values)
    known = np.isfinite(values) & (size > 0)
    exponents = np.ceil(np.log10(size, out=np.zeros_like(size), where=known)).astype(np.int64)
    result = values.copy()
    for exponent in np.unique(exponents[known]):
        same = known & (exponents == exponent)
        result[same] = np.round(values[same], max(DIGITS - int(exponent), 0))
    return result

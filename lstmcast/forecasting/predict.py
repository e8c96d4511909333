"""Model and panel -> forecasts in the units of the data, as a table: the way out of torch."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch

from lstmcast.errors import DataError
from lstmcast.forecasting.model import Model
from lstmcast.series.batches import WindowTable
from lstmcast.series.panel import Panel
from lstmcast.series.scaling import Scaler

VALUES_AT_ONCE = 8_000_000
"""Inputs and targets in one batch of forecasts: bounds memory, not speed."""

DIGITS = 7
"""Significant digits of a forecast: those of a float32."""


class NetworkForecast:
    """A model over the windows of one panel; call it with origins (B,) and series (B,).

    Args:
        model: The trained network and its preprocessing.
        panel: Filled.
        scaler: For the panel's series.
    """

    def __init__(self, model: Model, panel: Panel, scaler: Scaler) -> None:
        self.model = model
        self.scaler = scaler
        device = next(model.network.parameters()).device
        self.table = WindowTable(
            panel,
            scaler,
            model.static_scaler,
            lookback=model.sizes.lookback,
            horizon=model.sizes.horizon,
            pad=model.config.window.pad,
            device=device,
        )

    @torch.inference_mode()
    def __call__(self, origins: np.ndarray, series: np.ndarray) -> np.ndarray:
        """(B, H, C) float64 in the units of the data."""
        device, targets = self.table.device, self.model.sizes.targets
        self.model.network.eval()
        parts = [np.empty((0, self.model.sizes.horizon, targets))]
        size = windows_at_once(self.model)
        for start in range(0, len(origins), size):
            chunk = slice(start, start + size)
            batch = self.table.gather(
                torch.from_numpy(origins[chunk]).to(device),
                torch.from_numpy(series[chunk]).to(device),
            )
            parts.append(self.model.network(batch).cpu().numpy().astype(np.float64))
        forecasts = self.scaler.restore(np.concatenate(parts), series)
        return at_least(forecasts, self.model.config.forecast.minimum)


def windows_at_once(model: Model) -> int:
    """Windows in one batch of forecasts."""
    sizes = model.sizes
    width = max(sizes.inputs, *model.config.network.units)
    return max(1, min(4096, VALUES_AT_ONCE // ((sizes.lookback + sizes.horizon) * width)))


def at_least(forecast: np.ndarray, minimum: float | None) -> np.ndarray:
    """Raise forecasts that lie below `forecast.minimum` to it."""
    return forecast if minimum is None else np.maximum(forecast, minimum)


def can_forecast(panel: Panel, lookback: int, pad: bool) -> np.ndarray:
    """(S,) whether a series has rows enough for a window after its last row."""
    return panel.lengths >= (1 if pad else lookback)


def require_known_future(
    panel: Panel, origins: np.ndarray, series: np.ndarray, horizon: int
) -> None:
    """Check that the known-future columns cover the horizon of every series.

    Raises:
        DataError: They do not; names the first series and stamp, and how many series.
    """
    if not panel.columns.future:
        return
    known_until = panel.offsets[1:][series]
    short = np.flatnonzero(known_until < origins + horizon)
    if not len(short):
        return
    first = short[0]
    missing = panel.format_times(
        panel.ordinals(known_until[first : first + 1], series[first : first + 1])
    )
    label = panel.describe(int(series[first]))
    derived = (*panel.lags, *panel.unscaled)
    names = ", ".join(f"'{name}'" for name in panel.columns.future if name not in derived)
    raise DataError(
        f"data.future: {names} must be known for {horizon} steps after the last row with a target; "
        f"{missing[0]} is the first that is missing{f' of {label}' if label else ''}"
        f"{f' ({len(short)} series in all)' if len(short) > 1 else ''}. Add rows with these "
        "columns and empty targets, or name a table of them with `lstmcast predict --future`"
    )


def forecast_frame(
    panel: Panel,
    origins: np.ndarray,
    series: np.ndarray,
    forecasts: np.ndarray,
    methods: Sequence[str],
) -> pd.DataFrame:
    """Forecasts as a table that can be appended to the input.

    Args:
        panel: Names, stamps and their style.
        origins: (B,) first forecast row of each series.
        series: (B,) its number.
        forecasts: (B, H, C).
        methods: (B,) what made each forecast.

    Returns:
        Series columns, the time column (or `step`), targets, `method`; B * H rows.
    """
    horizon = forecasts.shape[1]
    table = _keys(panel, origins, series, horizon)
    for k, name in enumerate(panel.columns.targets):
        table[name] = rounded(forecasts[:, :, k].ravel())
    table["method"] = np.repeat(np.array(methods, dtype=object), horizon)
    return pd.DataFrame(table)


def wide_forecast_frame(
    panel: Panel, columns: Sequence[str], forecasts: np.ndarray, methods: np.ndarray
) -> pd.DataFrame:
    """Forecasts after the last row of every series as a wide table, as the input is one.

    Args:
        panel: Names, stamps and their style; each series is a column of the input.
        columns: Of the input, in its order; one that could not be forecast stays empty.
        forecasts: (S, H).
        methods: (S,) what made each forecast.

    Returns:
        The time column (or `step`), a column per series, `method`: what forecast most of the
        columns; then `<column>_method` for each column that something else forecast. Columns that
        end earlier than others begin earlier: a row for each step that any column has.
    """
    first = panel.ordinals(panel.ends, np.arange(panel.series_count))
    places = first[:, None] + np.arange(forecasts.shape[1])
    steps, rows = np.unique(places, return_inverse=True)
    numbers = {name[0]: k for k, name in enumerate(panel.names)}
    order = np.array([numbers.get(column, -1) for column in columns])
    cells = np.full((len(steps), panel.series_count + 1), np.nan)  # the last stands for no forecast
    cells[rows.reshape(places.shape), np.arange(panel.series_count)[:, None]] = rounded(forecasts)
    found, counts = np.unique(methods.astype(str), return_counts=True)
    usual = str(found[np.argmax(counts)])
    times = np.array(panel.format_times(steps), dtype=object)
    frame = pd.DataFrame(cells[:, order], columns=list(columns))
    frame.insert(0, panel.time or "step", times)
    others = {
        f"{panel.names[k][0]}_method": methods[k] for k in order if k >= 0 and methods[k] != usual
    }
    return pd.concat([frame, pd.DataFrame({"method": usual, **others}, index=frame.index)], axis=1)


def backtest_frame(
    panel: Panel,
    origins: np.ndarray,
    series: np.ndarray,
    forecasts: np.ndarray,
    actuals: np.ndarray,
) -> pd.DataFrame:
    """Past forecasts beside what came.

    Args:
        panel: Names, stamps and their style.
        origins: (B,) first forecast row.
        series: (B,) number of its series.
        forecasts: (B, H, C).
        actuals: (B, H, C) NaN where missing.

    Returns:
        Series columns, `origin` (stamp of the last row that was known), `step` from 1, the time
        column, and for each target the forecast and `<target>_actual`.
    """
    horizon = forecasts.shape[1]
    keys = _keys(panel, origins, series, horizon)
    table = {name: keys[name] for name in panel.series_columns}
    last_known = panel.format_times(panel.ordinals(origins - 1, series))
    table["origin"] = np.repeat(np.array(last_known, dtype=object), horizon)
    table["step"] = np.tile(np.arange(1, horizon + 1), len(origins))
    if panel.time is not None:
        table[panel.time] = keys[panel.time]
    for k, name in enumerate(panel.columns.targets):
        table[name] = rounded(forecasts[:, :, k].ravel())
        table[f"{name}_actual"] = actuals[:, :, k].ravel()
    return pd.DataFrame(table)


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
    """Cut the digits that a float32 does not have, of each value by itself."""
    size = np.abs(values)
    known = np.isfinite(values) & (size > 0)
    exponents = np.ceil(np.log10(size, out=np.zeros_like(size), where=known)).astype(np.int64)
    result = values.copy()
    for exponent in np.unique(exponents[known]):
        same = known & (exponents == exponent)
        result[same] = np.round(values[same], max(DIGITS - int(exponent), 0))
    return result

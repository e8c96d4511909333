"""The baselines as forecasters of any windows, for comparison with the network."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from lstmcast.forecasting.baselines import (
    History,
    Linear,
    drift,
    fit_linear,
    naive,
    seasonal_naive,
)
from lstmcast.forecasting.chunks import chunks
from lstmcast.forecasting.intervals import Forecast, IntervalForecast
from lstmcast.panel.panel import Panel
from lstmcast.windows.scaling import Scaler
from lstmcast.windows.windows import SplitWindows

Points = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""Origins (B,) and series (B,) -> forecasts (B, H, C) in the units of the data."""

LINEAR_WINDOWS = 1 << 23
"""Most windows to fit the linear baseline; of more, every second, third, ... is used."""


def baseline_forecasts(
    panel: Panel,
    linear: Linear,
    horizon: int,
    season: int,
    minimum: float | None,
    levels: int = 0,
) -> dict[str, Forecast]:
    """The four baselines over a panel.

    Args:
        panel: Filled.
        linear: The linear map, with scales in the order of the panel's series.
        horizon: H.
        season: Rows from one season to the next.
        minimum: Lower limit of forecasts; None: no limit.
        levels: Number of prediction intervals, which have width 0 before calibration.
    """
    history = History(panel.targets, panel.offsets, panel.targets_observed)

    def straight(origins: np.ndarray, series: np.ndarray) -> np.ndarray:
        return linear.forecast(history, origins, series, horizon)

    return {
        **simple_forecasts(panel, horizon, season, minimum, levels),
        "linear": _ranged(straight, minimum, levels),
    }


def fit_linear_map(
    panel: Panel, windows: SplitWindows, scaler: Scaler, lookback: int, horizon: int
) -> Linear:
    """The linear baseline, fitted on the train windows of a filled panel.

    Args:
        panel: Filled.
        windows: The train windows fit the map, the validation windows choose its penalty.
        scaler: Fitted on train rows.
        lookback: T.
        horizon: H.
    """
    targets = len(panel.columns.targets)
    train, validation = (
        index.every(max(1, -(-len(index) // LINEAR_WINDOWS)))
        for index in (windows.train, windows.validation)
    )
    return fit_linear(
        History(panel.targets, panel.offsets, panel.targets_observed),
        lambda: chunks(train, lookback + horizon),
        lambda: chunks(validation, lookback + horizon),
        lookback,
        horizon,
        scaler.center[:, :targets],
        scaler.scale[:, :targets],
    )


def simple_forecasts(
    panel: Panel, horizon: int, season: int, minimum: float | None, levels: int = 0
) -> dict[str, Forecast]:
    """The three baselines that need no fitting; see `baseline_forecasts`."""
    history = History(panel.targets, panel.offsets, panel.targets_observed)
    forecasts: dict[str, Points] = {
        "naive": lambda origins, series: naive(history, origins, series, horizon),
        "seasonal_naive": lambda origins, series: seasonal_naive(
            history, origins, series, horizon, season
        ),
        "drift": lambda origins, series: drift(history, origins, series, horizon),
    }
    return {name: _ranged(points, minimum, levels) for name, points in forecasts.items()}


def _ranged(points: Points, minimum: float | None, levels: int) -> Forecast:
    return lambda origins, series: IntervalForecast.flat(points(origins, series), levels).at_least(
        minimum
    )

"""Forecasting by several ranks: each forecasts its share, and every rank gets all forecasts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from lstmcast.forecasting.intervals import Forecast, IntervalForecast
from lstmcast.parallel import ranks


def share_across_ranks(forecast: Forecast) -> Forecast:
    """A forecaster that shares windows across the ranks; all ranks must call it together."""
    if ranks().alone:
        return forecast

    def shared(origins: np.ndarray, series: np.ndarray) -> IntervalForecast:
        if len(origins) < ranks().count:  # no share may be empty
            return forecast(origins, series)
        share = ranks().share(len(origins))
        made, join = forecast(origins[share], series[share]), ranks().all_gather
        density = made.density
        if density is not None:
            density = replace(density, parameters=join(density.parameters, axis=1))
        return IntervalForecast(
            join(made.point), join(made.low, axis=1), join(made.high, axis=1), density
        )

    return shared


def share_all_across_ranks(forecasts: Mapping[str, Forecast]) -> dict[str, Forecast]:
    """Share each of several forecasters across the ranks."""
    return {name: share_across_ranks(forecast) for name, forecast in forecasts.items()}

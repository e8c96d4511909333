"""Forecasting by several ranks: each forecasts its share of the windows, and all are given all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from lstmcast.forecasting.intervals import Forecast, Ranged
from lstmcast.ranks import ranks


def spread(forecast: Forecast) -> Forecast:
    """A forecaster whose windows are shared by the ranks; all of them must call it together."""
    if ranks().alone:
        return forecast

    def shared(origins: np.ndarray, series: np.ndarray) -> Ranged:
        if len(origins) < ranks().count:  # every share has a window, or nothing is shared
            return forecast(origins, series)
        share = ranks().share(len(origins))
        made, join = forecast(origins[share], series[share]), ranks().join
        density = made.density
        if density is not None:
            density = replace(density, parameters=join(density.parameters, axis=1))
        return Ranged(join(made.point), join(made.low, axis=1), join(made.high, axis=1), density)

    return shared


def spread_all(forecasts: Mapping[str, Forecast]) -> dict[str, Forecast]:
    """The same for forecasters by name."""
    return {name: spread(forecast) for name, forecast in forecasts.items()}

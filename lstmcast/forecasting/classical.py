"""Classical models of statsforecast: AutoETS, AutoARIMA and Theta, fitted again at every origin.

The extra `stats` installs them. They make their own prediction intervals.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from lstmcast.errors import ConfigError
from lstmcast.forecasting.intervals import Forecast, IntervalForecast
from lstmcast.panel.panel import Panel

RIVALS = {"auto_ets": "AutoETS", "auto_arima": "AutoARIMA", "theta": "Theta"}
"""By name in `--rivals`, the class in statsforecast."""


def require_rivals(names: Sequence[str]) -> None:
    """Check that rivals are known and installed.

    Raises:
        ConfigError: A rival is unknown, or statsforecast is not installed.
    """
    unknown = [name for name in names if name not in RIVALS]
    if unknown:
        raise ConfigError(f"--rivals {unknown[0]}: the names are {', '.join(RIVALS)}")
    if not names:
        return
    try:
        import statsforecast  # noqa: F401 - whether it can be imported is the question
    except ImportError:
        raise ConfigError(
            "--rivals needs statsforecast: python -m pip install 'lstmcast[stats]'"
        ) from None


def rival_forecasts(
    names: Sequence[str],
    panel: Panel,
    horizon: int,
    season: int,
    minimum: float | None,
    levels: tuple[float, ...],
) -> dict[str, Forecast]:
    """Forecasters that fit a model to every series and target before each origin.

    Args:
        names: Keys of RIVALS.
        panel: Filled.
        horizon: H.
        season: Rows from one season to the next.
        minimum: Lower limit of forecasts and bounds; None: no limit.
        levels: Of the intervals, in percent.
    """
    if not names:
        return {}
    from statsforecast import models

    def forecaster(name: str) -> Forecast:
        rival = getattr(models, RIVALS[name])

        def forecast(origins: np.ndarray, series: np.ndarray) -> IntervalForecast:
            shape = (len(origins), horizon, panel.targets.shape[1])
            low, high = np.empty((2, len(levels), *shape))
            made = IntervalForecast(np.empty(shape), low, high)
            for b, (origin, owner) in enumerate(zip(origins, series, strict=True)):
                for c in range(shape[2]):
                    past = panel.targets[panel.offsets[owner] : origin, c]
                    fitted = fit_one(rival, past, horizon, season, levels)
                    made.point[b, :, c] = fitted["mean"]
                    for k, level in enumerate(levels):
                        made.low[k, b, :, c] = fitted[f"lo-{level:g}"]
                        made.high[k, b, :, c] = fitted[f"hi-{level:g}"]
            return made.at_least(minimum)

        return forecast

    return {name: forecaster(name) for name in names}


def fit_one(
    rival: Any, past: np.ndarray, horizon: int, season: int, levels: tuple[float, ...]
) -> dict[str, np.ndarray]:
    """Fit one model to one series, without seasonality if the series is too short for it."""
    arguments = {"level": [*levels]} if levels else {}
    season = season if len(past) > 2 * season else 1
    made = rival(season_length=season).forecast(y=np.asarray(past, float), h=horizon, **arguments)
    return {str(name): np.asarray(values) for name, values in made.items()}

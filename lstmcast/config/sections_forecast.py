"""Section forecast: prediction intervals, limits and fallback of forecasts."""

from __future__ import annotations

from pydantic import ConfigDict, Field

from lstmcast.config.values import Percents, Section


class ForecastConfig(Section):
    """Prediction intervals, limits and fallback of forecasts, in the units of the data."""

    model_config = ConfigDict(title="Forecast")

    levels: Percents = Field(
        default=[80, 95],
        description="Levels of the prediction intervals, in percent: each adds a lower and an "
        "upper bound, calibrated on the validation windows so that this share of actual values "
        "falls between them; [] for none.",
    )
    minimum: float | None = Field(
        default=None,
        description="Lowest value of a forecast and its bounds, in the units of the data, 0 for "
        "counts and sales: lower ones are raised to it; null: no limit.",
    )
    adaptive: bool = Field(
        default=False,
        description="Whether the prediction intervals of a backtest are widened or narrowed from "
        "fold to fold, by their coverage so far (adaptive conformal inference).",
    )
    fallback: bool = Field(
        default=False,
        description="Whether predict uses the best baseline for a series on whose validation and "
        "test windows the network was worse; the column method names the forecaster.",
    )

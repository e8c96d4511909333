"""The section that says what is done to forecasts."""

from __future__ import annotations

from pydantic import ConfigDict, Field

from lstmcast.config.values import Percents, Section


class ForecastConfig(Section):
    """What is done to the forecasts in the units of the data."""

    model_config = ConfigDict(title="Forecast")

    levels: Percents = Field(
        default=[80, 95],
        description="Chances, in percent, that an actual lies in its interval: each level adds a "
        "lower and an upper bound, wide enough on the validation rows; [] for none.",
    )
    minimum: float | None = Field(
        default=None,
        description="Lowest value of a forecast and its bounds, in the units of the data, 0 for "
        "counts and sales: those below are raised to it; null: no limit.",
    )
    adaptive: bool = Field(
        default=False,
        description="Whether the bounds of a backtest are widened or narrowed, fold after fold, by "
        "how often they held so far.",
    )
    fallback: bool = Field(
        default=False,
        description="Whether predict gives a series to its best baseline where the network did "
        "worse on its validation and test windows; the column method says who forecast it.",
    )

"""A model and a panel become the forecast of every series after its last row."""

from __future__ import annotations

import numpy as np
import pandas as pd

from lstmcast.errors import DataError
from lstmcast.forecasting.baselines import feasible_baselines
from lstmcast.forecasting.fallback import NEVER
from lstmcast.forecasting.forecasters import baseline_forecasts, simple_forecasts
from lstmcast.forecasting.frames import forecast_frame, wide_forecast_frame
from lstmcast.forecasting.intervals import Forecast, IntervalForecast
from lstmcast.forecasting.model_file.model import Model
from lstmcast.forecasting.predict import (
    NetworkForecast,
    can_forecast,
    require_known_future,
    with_intervals,
)
from lstmcast.forecasting.share_across_ranks import share_all_across_ranks
from lstmcast.judging.scores import NETWORK
from lstmcast.panel.panel import Panel
from lstmcast.pipeline.prepared import Prepared
from lstmcast.pipeline.progress import ProgressListener


def forecast_after_last_row(
    model: Model, prepared: Prepared, listener: ProgressListener
) -> pd.DataFrame | None:
    """The forecast after the last row of every series; None if future covariates end too early."""
    try:
        return forecast_panel(model, prepared.filled_to_the_end(), listener)
    except DataError as error:
        listener.note(f"No forecast.csv: {error}.")
        return None


def forecast_panel(
    model: Model, panel: Panel, listener: ProgressListener, share: slice | None = None
) -> pd.DataFrame:
    """Forecast every series of a filled panel, as a table.

    Args:
        model: The model.
        panel: Without gaps.
        listener: Receives progress and notes.
        share: The series that this rank alone forecasts and returns; None: all ranks together
            forecast all series. Must be None for a wide table.

    Raises:
        DataError: Future covariates end before the horizon.
    """
    if share is not None and share.start == share.stop:  # for the columns: one series, no rows
        return forecast_panel(model, panel, listener, slice(0, 1)).iloc[:0]
    series = np.arange(panel.series_count)
    forecasts, methods = forecast_series(model, panel, series, listener, share)
    data = model.config.data
    if data.layout == "wide":
        return wide_forecast_frame(panel, data.target, forecasts, model.levels, methods)
    series = series if share is None else series[share]
    origins = panel.ends[series]
    return forecast_frame(panel, origins, series, forecasts, model.levels, methods.tolist())


def forecast_series(
    model: Model,
    panel: Panel,
    series: np.ndarray,
    listener: ProgressListener,
    share: slice | None = None,
) -> tuple[IntervalForecast, np.ndarray]:
    """Forecast series (B,) of a panel after their last rows; short series by a baseline.

    `share` is the part of `series` that this rank alone forecasts, as in `forecast_panel`.

    Returns:
        The forecasts, and the method of each, (B,).

    Raises:
        DataError: Future covariates end before the horizon.
    """
    long = can_forecast(panel, model.sizes.lookback, model.config.window.pad)[series]
    origins = panel.ends[series]
    require_known_future(panel, origins[long], series[long], model.sizes.horizon)
    methods = np.full(len(series), NETWORK, dtype=object)
    if not long.all():
        season = model.frequency.season
        methods[~long] = [
            best_feasible(model.fallbacks, int(rows), season)
            for rows in panel.lengths[series[~long]]
        ]
        listener.note(
            f"{int((~long).sum()):,} of {len(series):,} series have fewer rows than the "
            f"lookback of {model.sizes.lookback}; a baseline forecasts them (column 'method')."
        )
    methods[long] = choose_methods(model, panel, series[long], listener)
    if share is not None:
        origins, series, methods = origins[share], series[share], methods[share]
    listener.task_started("forecasting series", int((methods == NETWORK).sum()))
    try:
        forecasts = forecasters_with_intervals(model, panel, listener)
        if share is None:
            forecasts = share_all_across_ranks(forecasts)
        return forecast_by(methods, forecasts, origins, series), methods
    finally:
        listener.task_finished()


def choose_methods(
    model: Model, panel: Panel, series: np.ndarray, listener: ProgressListener
) -> np.ndarray:
    """(B,) the method for each series, by the errors of all methods on its past windows.

    Errors after the last row, which the training table may have, do not count.
    """
    record = model.record_for(panel)
    if record is None:
        return np.full(len(series), NETWORK, dtype=object)
    places = panel.ordinals(panel.ends[series], series)
    methods = record.choose(series, places)
    given = int((methods != NETWORK).sum())
    if given:
        listener.note(
            f"A baseline forecasts {given:,} of {len(series):,} series: its errors on past windows "
            "are lower than those of the network (forecast.fallback, column 'method')."
        )
    later = int((record.choose(series, np.full_like(places, NEVER)) != methods).sum())
    if later:
        listener.note(
            f"{later:,} of {len(series):,} series would have another method if errors after the "
            "last row given counted, which the training table has; they do not count here."
        )
    return methods


def forecasters_with_intervals(
    model: Model, panel: Panel, listener: ProgressListener
) -> dict[str, Forecast]:
    """The network and the baselines that can replace it, with calibrated intervals."""
    horizon, season, levels = model.sizes.horizon, model.frequency.season, model.levels
    linear, minimum = model.linear_for(panel), model.minimum
    forecasts: dict[str, Forecast] = {
        NETWORK: NetworkForecast(
            model, panel, model.scaler_for(panel), levels, watch=listener.task_advanced
        ),
        **(
            simple_forecasts(panel, horizon, season, minimum, len(levels))
            if linear is None
            else baseline_forecasts(panel, linear, horizon, season, minimum, len(levels))
        ),
    }
    return with_intervals(model, forecasts, panel)


def forecast_by(
    methods: np.ndarray, forecasts: dict[str, Forecast], origins: np.ndarray, series: np.ndarray
) -> IntervalForecast:
    """The forecast of each window (B,) by its method (B,)."""
    parts = {name: np.flatnonzero(methods == name) for name in dict.fromkeys(methods.tolist())}
    made = [forecasts[name](origins[which], series[which]) for name, which in parts.items()]
    if len(made) == 1:
        return made[0]
    order = np.argsort(np.concatenate(list(parts.values())))
    return IntervalForecast(
        np.concatenate([each.point for each in made])[order],
        np.concatenate([each.low for each in made], axis=1)[:, order],
        np.concatenate([each.high for each in made], axis=1)[:, order],
    )


def best_feasible(ranked: tuple[str, ...], rows: int, season: int) -> str:
    """The first of the ranked baselines for which the number of rows suffices."""
    feasible = feasible_baselines(rows, season)
    return next(name for name in ranked if name in feasible)

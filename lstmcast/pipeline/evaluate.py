"""Scores of a network and the baselines on the past windows, and their calibration."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from lstmcast import limits
from lstmcast.errors import counted
from lstmcast.forecasting.adaptive import KEPT, Scores
from lstmcast.forecasting.baselines import Linear
from lstmcast.forecasting.chunks import actual_values
from lstmcast.forecasting.conformal import fewest_windows, mean_changes, usual_size
from lstmcast.forecasting.fallback import PastErrors
from lstmcast.forecasting.forecasters import baseline_forecasts, fit_linear_map
from lstmcast.forecasting.frames import backtest_frame
from lstmcast.forecasting.intervals import Calibration, Forecast
from lstmcast.forecasting.model_file.model import Model
from lstmcast.forecasting.predict import NetworkForecast, with_intervals
from lstmcast.forecasting.share_across_ranks import share_across_ranks, share_all_across_ranks
from lstmcast.judging.error_scales import ErrorScales, error_scales
from lstmcast.judging.evaluation import (
    Calibrating,
    Observer,
    Scoring,
    forecast_windows,
    thinned,
)
from lstmcast.judging.past_errors import collect_errors
from lstmcast.judging.scores import NETWORK, SplitScores, add_skill
from lstmcast.judging.verdict import Verdict
from lstmcast.panel.gaps import fill_gaps
from lstmcast.pipeline.prepared import Prepared
from lstmcast.pipeline.progress import ProgressListener
from lstmcast.windows.windows import WindowIndex

SIMPLE = ("seasonal_naive", "naive", "drift")
"""Baselines without fitted parameters: they can replace the network on a short series."""


def forecasters(model: Model, prepared: Prepared, levels: tuple[float, ...]) -> dict[str, Forecast]:
    """The network and the baselines on the rows of the training, without calibration."""
    panel, season = prepared.panel, prepared.panel.frequency.season
    linear, horizon = linear_map(prepared), prepared.config.window.horizon
    return {
        NETWORK: NetworkForecast(model, panel, prepared.scaler, levels),
        **baseline_forecasts(panel, linear, horizon, season, model.minimum, len(levels)),
    }


def linear_map(prepared: Prepared) -> Linear:
    """The linear baseline, fitted on the train windows."""
    window = prepared.config.window
    return fit_linear_map(
        prepared.panel,
        prepared.windows,
        prepared.linear_scaler,
        window.lookback,
        window.horizon,
    )


def levels_for(prepared: Prepared, listener: ProgressListener) -> tuple[float, ...]:
    """The levels of `forecast.levels` that the validation windows can calibrate."""
    levels = tuple(sorted(prepared.config.forecast.levels))
    count = len(prepared.windows.validation)
    if levels and not count:
        listener.note(
            "No prediction intervals: no validation window can calibrate them (split.validation)."
        )
        return ()
    for level in levels:
        if count < fewest_windows(level):
            listener.note(
                f"No {level:g} % prediction intervals: their calibration needs "
                f"{fewest_windows(level)} validation windows, and there "
                f"{'is' if count == 1 else 'are'} {counted(count, 'window')} (split.validation)."
            )
    return tuple(level for level in levels if count >= fewest_windows(level))


@dataclass(frozen=True)
class Evaluation:
    """Result of the forecasters on the windows of a split.

    Attributes:
        scores: Of all forecasters.
        calibration: Widths of the prediction intervals that reach the coverage on these windows,
            for series with train rows; None without levels.
    """

    scores: SplitScores
    calibration: Calibration | None = None


def evaluate(
    model: Model,
    forecasts: dict[str, Forecast],
    prepared: Prepared,
    split: str,
    levels: tuple[float, ...] = (),
) -> Evaluation:
    """Score the network and the baselines on every window of a split.

    Prediction intervals are scored too if the model is calibrated, but never on the windows that
    calibrate them: there the coverage is right by construction.

    Args:
        model: The network, calibrated or not.
        forecasts: The network and the baselines, without calibration.
        prepared: The table.
        split: Name of the split.
        levels: Of the intervals to calibrate on these windows, in percent; empty: none.
    """
    panel, index = prepared.panel, prepared.windows.by_name()[split]
    horizon, ranged = prepared.config.window.horizon, with_intervals(model, forecasts, panel)
    measures = error_scales_of(prepared)
    scoring = Scoring(list(ranged), panel, index, measures, horizon, model.levels)
    few = thinned(index, horizon * len(panel.columns.targets))
    calibrating = Calibrating(few, mean_train_changes(prepared), levels) if levels else None
    observers: list[Observer] = [scoring]
    if calibrating is not None and few is index:
        observers.append(calibrating)
    elif calibrating is not None:
        forecast_windows(ranged, panel, few, horizon, [calibrating])
    forecast_windows(ranged, panel, index, horizon, observers)
    scores = scoring.result()
    add_skill(scores)
    if calibrating is None:
        return Evaluation(scores)
    known = np.flatnonzero(prepared.cuts.train > prepared.cuts.starts)
    calibration = calibrating.result(list(ranged), horizon)
    return Evaluation(scores, calibration.for_series(known, calibrating.sizes[known]))


def calibrate(model: Model, validation: Evaluation) -> Model:
    """The model with prediction intervals calibrated on the validation windows."""
    if validation.calibration is None:
        return model
    return replace(model, calibration=validation.calibration)


def mean_train_changes(prepared: Prepared) -> np.ndarray:
    """(S, C) mean absolute change of each series in its train rows."""
    panel, cuts = prepared.panel, prepared.cuts
    return mean_changes(panel.targets, panel.targets_observed, cuts.starts, cuts.train)


def error_scales_of(prepared: Prepared) -> ErrorScales:
    """Denominators of the scaled errors, from the train rows."""
    panel = prepared.panel
    return error_scales(
        panel.targets,
        panel.targets_observed,
        panel.offsets,
        prepared.cuts.train,
        panel.frequency.season,
    )


def with_fallbacks(
    model: Model, forecasts: dict[str, Forecast], prepared: Prepared, validation: Evaluation
) -> Model:
    """The model with the baselines that replace its network, and the past errors that decide."""
    if validation.scores.windows:
        ranked = tuple(name for name in validation.scores.ranking() if name in SIMPLE)
        model = replace(model, fallbacks=ranked)
    return (
        with_past_errors(model, forecasts, prepared) if prepared.config.forecast.fallback else model
    )


def validation_scores(model: Model, prepared: Prepared) -> Scores:
    """Distances of actuals outside the calibrated intervals, in the last windows of each series."""
    # After a refit on all rows the model knows more categories than the train rows have.
    coded = model.recoded(prepared.unfilled)
    panel = fill_gaps(coded, prepared.config.data.gaps, prepared.cuts, prepared.table)
    here = replace(prepared, panel=panel, scaler=model.scaler_for(panel))
    forecasts = share_all_across_ranks(
        with_intervals(model, forecasters(model, here, model.levels), panel)
    )
    origins, series = last_windows(prepared.windows.validation, KEPT)
    actual = actual_values(panel, origins, prepared.config.window.horizon)
    scores: dict[str, dict[tuple[str, ...], np.ndarray]] = {}
    for name, forecast in forecasts.items():
        made = forecast(origins, series)
        outside = np.maximum(made.low - actual, actual - made.high)  # (levels, N, H, C)
        scores[name] = {panel.names[k]: outside[:, series == k] for k in np.unique(series).tolist()}
    return scores


def last_windows(index: WindowIndex, most: int) -> tuple[np.ndarray, np.ndarray]:
    """Origins and series of the last windows of each series, at most `most`, in order of time."""
    origins, series = index.all()
    next_series = np.searchsorted(series, series, side="right")
    kept = next_series - np.arange(len(series)) <= most
    return origins[kept], series[kept]


def with_past_errors(model: Model, forecasts: dict[str, Forecast], prepared: Prepared) -> Model:
    """The model with the past errors of each series, by which `forecast.fallback` chooses."""
    panel, cuts, windows = prepared.panel, prepared.cuts, prepared.windows
    changes = mean_train_changes(prepared)
    sizes = np.where(changes > 0, changes, usual_size(changes))
    splits = ((windows.validation, cuts.validation), (windows.test, cuts.test))
    record = PastErrors(
        tuple(forecasts),
        tuple(
            collect_errors(forecasts, panel, index, until, sizes, prepared.config.window.horizon)
            for index, until in splits
        ),
    )
    known = np.flatnonzero(cuts.train > cuts.starts)
    linear = linear_map(prepared).for_series(known)
    return replace(model, record=record.for_series(known), linear=linear)


def past_forecasts(
    model: Model, forecasts: dict[str, Forecast], prepared: Prepared, listener: ProgressListener
) -> pd.DataFrame:
    """Test forecasts with actuals, from origins H steps apart, or more if there are many rows."""
    panel, config = prepared.panel, prepared.config
    apart = -(-config.window.horizon // config.window.judge_stride)
    index = prepared.windows.test.every(apart)
    thinned = max(1, -(-len(index) * config.window.horizon // limits.BACKTEST_ROWS))
    if thinned > 1:
        listener.note(
            f"backtest.csv has one of every {thinned} test forecasts: all of them would need more "
            f"than {limits.BACKTEST_ROWS:,} rows. Scores use every test window."
        )
    origins, series = index.locate(np.arange(0, len(index), thinned))
    network = share_across_ranks(
        with_intervals(model, {NETWORK: forecasts[NETWORK]}, panel)[NETWORK]
    )
    actuals = actual_values(panel, origins, config.window.horizon)
    return backtest_frame(panel, origins, series, network(origins, series), model.levels, actuals)


def metrics_of(
    split_scores: dict[str, SplitScores], prepared: Prepared, verdict: Verdict | None
) -> dict[str, Any]:
    """The content of metrics.json."""
    index = prepared.windows.by_name()
    metrics: dict[str, Any] = {
        split: split_scores[split].scores if len(index[split]) else None
        for split in ("test", "validation")
    }
    metrics["verdict"] = None if verdict is None else verdict_json(verdict)
    panel = prepared.panel
    of_series = split_scores["test"].per_series
    if of_series:
        metrics["per_series"] = [
            {"series": dict(zip(panel.series_columns, panel.names[k], strict=True)), **scores}
            for k, scores in of_series.items()
        ]
    return metrics


def verdict_json(verdict: Verdict) -> dict[str, Any]:
    """A verdict as JSON."""
    return {
        "baseline": verdict.baseline,
        "beats": verdict.beats,
        "p_value": verdict.comparison.p_value,
        "sentence": verdict.sentence(),
    }

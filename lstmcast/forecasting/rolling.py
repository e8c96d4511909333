"""Any number of forecasters over the same windows: their scores, and their intervals."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np

from lstmcast.forecasting.baselines import (
    History,
    Linear,
    drift,
    fit_linear,
    naive,
    seasonal_naive,
)
from lstmcast.forecasting.conformal import find_margins, usual_size
from lstmcast.forecasting.intervals import Calibration, Forecast, Ranged
from lstmcast.forecasting.judgement import SERIES_SCORED, Judgement
from lstmcast.forecasting.metrics import Scores
from lstmcast.forecasting.yardsticks import Yardsticks
from lstmcast.ranks import ranks
from lstmcast.series.panel import Panel
from lstmcast.series.scaling import Scaler
from lstmcast.series.windows import SplitWindows, WindowIndex

Points = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""Origins (B,) and series (B,) -> forecasts (B, H, C) in the units of the data."""

POINTS_AT_ONCE = 2_000_000
"""Forecast values held at a time for each forecaster: bounds memory, not speed."""

CALIBRATING_POINTS = 8_000_000
"""Forecast values that intervals are calibrated on; of more, every second, third, ... window."""

LINEAR_WINDOWS = 1 << 23
"""Windows that the linear baseline is fitted on; of more, every second, third, ... of a series."""


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
        linear: Its linear map, its scales in the order of the panel's series.
        horizon: H.
        season: Rows from one season to the next.
        minimum: Forecasts below are raised to it.
        levels: How many intervals they are to have; before calibration these have no width.
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
        windows: Where it is fitted and its penalty chosen.
        scaler: Fitted on train rows; brings series of different size together.
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
    return lambda origins, series: Ranged.flat(points(origins, series), levels).at_least(minimum)


def chunks(
    index: WindowIndex, width: int, share: slice | None = None
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Windows of an index as (origins, series), so many at a time that memory stays bounded.

    Args:
        index: The windows.
        width: Values that are held of each.
        share: Which of them; None: all.
    """
    size, share = max(1, POINTS_AT_ONCE // width), share or slice(0, len(index))
    for start in range(share.start, share.stop, size):
        yield index.locate(np.arange(start, min(start + size, share.stop)))


def actual_values(panel: Panel, origins: np.ndarray, horizon: int) -> np.ndarray:
    """(B, H, C) what came; NaN where it is missing in the table."""
    rows = origins[:, None] + np.arange(horizon)
    return np.where(panel.targets_observed[rows], panel.targets[rows], np.nan)


def judge(
    forecasts: Mapping[str, Forecast],
    panel: Panel,
    index: WindowIndex,
    yardsticks: Yardsticks,
    horizon: int,
    levels: Sequence[float] = (),
) -> Judgement:
    """Score all forecasters on exactly the same windows, each rank on its share of them.

    Args:
        forecasts: By name.
        panel: Filled; its missing targets are not scored.
        index: Windows, every one of which counts.
        yardsticks: From train rows.
        horizon: H.
        levels: Of the intervals to score, in percent.
    """
    targets = panel.columns.targets
    scores = {name: Scores(targets, horizon, yardsticks, levels) for name in forecasts}
    first, places = _time_axis(panel, index)
    totals = {name: np.zeros(places) for name in forecasts}
    counts = np.zeros(places)
    for origins, series in chunks(index, horizon * len(targets), ranks().share(len(index))):
        actual = actual_values(panel, origins, horizon)
        place = panel.ordinals(origins, series) - first
        np.add.at(counts, place, np.isfinite(actual).sum(axis=(1, 2)))
        for name, forecast in forecasts.items():
            made = forecast(origins, series)
            crps = None if made.density is None else made.density.crps(actual)
            scores[name].update(made.point, actual, series, made.low, made.high, crps)
            np.add.at(totals[name], place, np.nansum(np.abs(made.point - actual), axis=(1, 2)))
    summed = [part for score in scores.values() for part in score.sums()]
    ranks().sum_arrays([*summed, *totals.values(), counts])
    unknown = np.where(counts > 0, counts, np.nan)
    few = 1 < panel.series_count <= SERIES_SCORED
    return Judgement(
        {name: score.result() for name, score in scores.items()},
        {name: total / unknown for name, total in totals.items()},
        {
            series: {name: score.of_series(series) for name, score in scores.items()}
            for series in (np.unique(index.series).tolist() if few else ())
        },
    )


def calibrate(
    forecasts: Mapping[str, Forecast],
    panel: Panel,
    index: WindowIndex,
    sizes: np.ndarray,
    levels: tuple[float, ...],
    horizon: int,
) -> Calibration:
    """Find how wide the intervals of all forecasters must be.

    Args:
        forecasts: By name, uncalibrated.
        panel: Filled; its missing targets are not counted.
        index: Validation windows.
        sizes: (S, C) mean absolute change of each series in its train rows.
        levels: In percent, ascending.
        horizon: H.
    """
    width = horizon * len(panel.columns.targets)
    index = index.every(max(1, -(-len(index) * width // CALIBRATING_POINTS)))
    usual = usual_size(sizes)
    filled = np.where(sizes > 0, sizes, usual)
    margins = {}
    for name, forecast in forecasts.items():
        shape = (0, horizon, len(panel.columns.targets))
        scores, misses = [np.empty((len(levels), *shape))], [np.empty(shape)]
        for origins, series in chunks(index, width, ranks().share(len(index))):
            actual = actual_values(panel, origins, horizon)
            made = forecast(origins, series)
            scores.append(np.maximum(made.low - actual, actual - made.high))
            misses.append(np.abs(actual - made.point))
        margins[name] = find_margins(
            ranks().join(np.concatenate(scores, axis=1), axis=1),
            ranks().join(np.concatenate(misses)),
            index.all()[1],
            filled,
            levels,
        )
    return Calibration(levels, sizes, usual, margins)


def _time_axis(panel: Panel, index: WindowIndex) -> tuple[int, int]:
    """Grid place of the earliest origin, and the number of places to the latest."""
    if not len(index):
        return 0, 0
    first = panel.ordinals(index.first, index.series)
    last = first + (index.counts - 1) * index.strides
    return int(first.min()), int(last.max() - first.min()) + 1

"""All forecasters over the same windows: each forecast is made once, for all observers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from lstmcast import limits
from lstmcast.forecasting.chunks import actual_values, chunks
from lstmcast.forecasting.conformal import find_margins, usual_size
from lstmcast.forecasting.intervals import Calibration, Forecast, IntervalForecast, Margins
from lstmcast.judging.error_scales import ErrorScales
from lstmcast.judging.metrics import Scores
from lstmcast.judging.scores import SERIES_SCORED, SplitScores
from lstmcast.network.kernel.call import THREADS
from lstmcast.panel.panel import Panel
from lstmcast.parallel import ranks
from lstmcast.windows.windows import WindowIndex


@dataclass(frozen=True)
class WindowChunk:
    """Windows that are forecast together.

    Attributes:
        origins: (B,) first row of each forecast.
        series: (B,) its series.
        actual: (B, H, C) actual values; NaN if missing in the table.
    """

    origins: np.ndarray
    series: np.ndarray
    actual: np.ndarray


class Observer(Protocol):
    """Receives forecasts; two forecasters may call it at the same time."""

    def on_windows(self, chunk: WindowChunk) -> None:
        """Receive the windows of the next forecasts."""

    def on_forecast(self, name: str, made: IntervalForecast, chunk: WindowChunk) -> None:
        """Receive one forecaster's forecasts of these windows."""


def forecast_windows(
    forecasts: Mapping[str, Forecast],
    panel: Panel,
    index: WindowIndex,
    horizon: int,
    observers: Sequence[Observer],
) -> None:
    """Forecast all windows, shared across ranks; threads run several forecasters in parallel.

    Args:
        forecasts: By name.
        panel: Filled.
        index: The windows.
        horizon: H.
        observers: Receive every forecast.
    """
    width = horizon * len(panel.columns.targets)
    with ThreadPoolExecutor(THREADS) as pool:
        for origins, series in chunks(index, width, ranks().share(len(index))):
            chunk = WindowChunk(origins, series, actual_values(panel, origins, horizon))
            for observer in observers:
                observer.on_windows(chunk)
            made = [pool.submit(_show, *each, chunk, observers) for each in forecasts.items()]
            for each in made:
                each.result()


def _show(name: str, forecast: Forecast, chunk: WindowChunk, observers: Sequence[Observer]) -> None:
    made = forecast(chunk.origins, chunk.series)
    for observer in observers:
        observer.on_forecast(name, made, chunk)


class Scoring:
    """Scores all forecasters on the same windows.

    Args:
        forecasters: Their names.
        panel: Filled; its missing targets are not scored.
        index: The windows.
        error_scales: From train rows.
        horizon: H.
        levels: Of the intervals to score, in percent.
    """

    def __init__(
        self,
        forecasters: Sequence[str],
        panel: Panel,
        index: WindowIndex,
        error_scales: ErrorScales,
        horizon: int,
        levels: Sequence[float] = (),
    ) -> None:
        targets = panel.columns.targets
        self.panel, self.index, self.levels = panel, index, levels
        self.scores = {name: Scores(targets, horizon, error_scales, levels) for name in forecasters}
        self.first, places = _time_axis(panel, index)
        self.totals = {name: np.zeros(places) for name in forecasters}
        self.counts = np.zeros(places)
        self.place = np.empty(0, dtype=np.int64)  # on the time axis, of the latest windows

    def on_windows(self, chunk: WindowChunk) -> None:
        """Count the actual values at each origin."""
        self.place = self.panel.ordinals(chunk.origins, chunk.series) - self.first
        np.add.at(self.counts, self.place, np.isfinite(chunk.actual).sum(axis=(1, 2)))

    def on_forecast(self, name: str, made: IntervalForecast, chunk: WindowChunk) -> None:
        """Score a forecaster's forecasts."""
        density = made.density if self.levels else None
        crps = None if density is None else density.crps(chunk.actual)
        bounds = made.low, made.high
        missed = self.scores[name].update(made.point, chunk.actual, chunk.series, *bounds, crps)
        np.add.at(self.totals[name], self.place, missed)

    def result(self) -> SplitScores:
        """The scores over the windows of all ranks."""
        summed = [part for score in self.scores.values() for part in score.sums()]
        ranks().all_reduce_arrays([*summed, *self.totals.values(), self.counts])
        unknown = np.where(self.counts > 0, self.counts, np.nan)
        few = 1 < self.panel.series_count <= SERIES_SCORED
        return SplitScores(
            {name: score.result() for name, score in self.scores.items()},
            {name: total / unknown for name, total in self.totals.items()},
            {
                series: {name: score.of_series(series) for name, score in self.scores.items()}
                for series in (np.unique(self.index.series).tolist() if few else ())
            },
        )


class Calibrating:
    """Conformal calibration of the prediction intervals of all forecasters.

    Args:
        index: Validation windows.
        sizes: (S, C) mean absolute change of each series in its train rows.
        levels: In percent, ascending.
    """

    def __init__(self, index: WindowIndex, sizes: np.ndarray, levels: tuple[float, ...]) -> None:
        self.index, self.sizes, self.levels = index, sizes, levels
        self.scores: dict[str, list[np.ndarray]] = {}
        self.misses: dict[str, list[np.ndarray]] = {}

    def on_windows(self, chunk: WindowChunk) -> None:
        """Nothing is needed before the forecasts."""

    def on_forecast(self, name: str, made: IntervalForecast, chunk: WindowChunk) -> None:
        """Keep the distances of actuals from a forecaster's interval and point forecast."""
        outside = np.maximum(made.low - chunk.actual, chunk.actual - made.high)
        self.scores.setdefault(name, []).append(outside)
        self.misses.setdefault(name, []).append(np.abs(chunk.actual - made.point))

    def result(self, forecasters: Sequence[str], horizon: int) -> Calibration:
        """The margins of each forecaster.

        Args:
            forecasters: In the same order on all ranks.
            horizon: H.
        """
        usual = usual_size(self.sizes)
        filled = np.where(self.sizes > 0, self.sizes, usual)
        nothing = np.empty((0, horizon, self.sizes.shape[1]))
        none_of_any = np.empty((len(self.levels), *nothing.shape))
        margins: dict[str, Margins] = {}
        for name in forecasters:
            scores = np.concatenate([none_of_any, *self.scores.get(name, [])], axis=1)
            misses = np.concatenate([nothing, *self.misses.get(name, [])])
            margins[name] = find_margins(
                ranks().all_gather(scores, axis=1),
                ranks().all_gather(misses),
                self.index.all()[1],
                filled,
                self.levels,
            )
        return Calibration(self.levels, self.sizes, usual, margins)


def thinned(index: WindowIndex, width: int) -> WindowIndex:
    """The windows for calibration, thinned to a limit of values; each window has `width`."""
    every = -(-len(index) * width // limits.CALIBRATING_POINTS)
    return index if every <= 1 else index.every(every)


def _time_axis(panel: Panel, index: WindowIndex) -> tuple[int, int]:
    """Grid place of the earliest origin, and the number of places to the latest."""
    if not len(index):
        return 0, 0
    first = panel.ordinals(index.first, index.series)
    last = first + (index.counts - 1) * index.strides
    return int(first.min()), int(last.max() - first.min()) + 1

"""All forecasters over the same windows: each forecast is made once, and shown to all who judge."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from lstmcast import limits
from lstmcast.forecasting.chunks import actual_values, chunks
from lstmcast.forecasting.conformal import find_margins, usual_size
from lstmcast.forecasting.intervals import Calibration, Forecast, Margins, Ranged
from lstmcast.forecasting.judgement import SERIES_SCORED, Judgement
from lstmcast.forecasting.metrics import Scores
from lstmcast.forecasting.yardsticks import Yardsticks
from lstmcast.network.kernel import THREADS
from lstmcast.ranks import ranks
from lstmcast.series.panel import Panel
from lstmcast.series.windows import WindowIndex


@dataclass(frozen=True)
class Chunk:
    """Windows that are forecast together.

    Attributes:
        origins: (B,) first row of each forecast.
        series: (B,) its series.
        actual: (B, H, C) what came; NaN where it is missing in the table.
    """

    origins: np.ndarray
    series: np.ndarray
    actual: np.ndarray


class Judge(Protocol):
    """Somebody who looks at forecasts; those of two forecasters may come at the same time."""

    def see(self, chunk: Chunk) -> None:
        """Look at windows that will be forecast next."""

    def take(self, name: str, made: Ranged, chunk: Chunk) -> None:
        """Look at one forecaster's forecasts of them."""


def walk(
    forecasts: Mapping[str, Forecast],
    panel: Panel,
    index: WindowIndex,
    horizon: int,
    judges: Sequence[Judge],
) -> None:
    """Forecast all windows, each rank its share, several forecasters at a time.

    Args:
        forecasts: By name.
        panel: Filled.
        index: The windows.
        horizon: H.
        judges: Are shown every forecast.
    """
    width = horizon * len(panel.columns.targets)
    with ThreadPoolExecutor(THREADS) as pool:
        for origins, series in chunks(index, width, ranks().share(len(index))):
            chunk = Chunk(origins, series, actual_values(panel, origins, horizon))
            for judge in judges:
                judge.see(chunk)
            made = [pool.submit(_show, *each, chunk, judges) for each in forecasts.items()]
            for each in made:
                each.result()


def _show(name: str, forecast: Forecast, chunk: Chunk, judges: Sequence[Judge]) -> None:
    made = forecast(chunk.origins, chunk.series)
    for judge in judges:
        judge.take(name, made, chunk)


class Scoring:
    """Scores forecasters on exactly the same windows.

    Args:
        forecasters: Their names.
        panel: Filled; its missing targets are not scored.
        index: Windows, every one of which counts.
        yardsticks: From train rows.
        horizon: H.
        levels: Of the intervals to score, in percent.
    """

    def __init__(
        self,
        forecasters: Sequence[str],
        panel: Panel,
        index: WindowIndex,
        yardsticks: Yardsticks,
        horizon: int,
        levels: Sequence[float] = (),
    ) -> None:
        targets = panel.columns.targets
        self.panel, self.index, self.levels = panel, index, levels
        self.scores = {name: Scores(targets, horizon, yardsticks, levels) for name in forecasters}
        self.first, places = _time_axis(panel, index)
        self.totals = {name: np.zeros(places) for name in forecasters}
        self.counts = np.zeros(places)
        self.place = np.empty(0, dtype=np.int64)  # on the axis of time, of the windows last seen

    def see(self, chunk: Chunk) -> None:
        """Count what there is to be scored at each origin."""
        self.place = self.panel.ordinals(chunk.origins, chunk.series) - self.first
        np.add.at(self.counts, self.place, np.isfinite(chunk.actual).sum(axis=(1, 2)))

    def take(self, name: str, made: Ranged, chunk: Chunk) -> None:
        """Score a forecaster's forecasts."""
        density = made.density if self.levels else None
        crps = None if density is None else density.crps(chunk.actual)
        bounds = made.low, made.high
        missed = self.scores[name].update(made.point, chunk.actual, chunk.series, *bounds, crps)
        np.add.at(self.totals[name], self.place, missed)

    def result(self) -> Judgement:
        """The scores of all ranks together."""
        summed = [part for score in self.scores.values() for part in score.sums()]
        ranks().sum_arrays([*summed, *self.totals.values(), self.counts])
        unknown = np.where(self.counts > 0, self.counts, np.nan)
        few = 1 < self.panel.series_count <= SERIES_SCORED
        return Judgement(
            {name: score.result() for name, score in self.scores.items()},
            {name: total / unknown for name, total in self.totals.items()},
            {
                series: {name: score.of_series(series) for name, score in self.scores.items()}
                for series in (np.unique(self.index.series).tolist() if few else ())
            },
        )


class Calibrating:
    """Finds how wide the intervals of all forecasters must be.

    Args:
        index: Validation windows.
        sizes: (S, C) mean absolute change of each series in its train rows.
        levels: In percent, ascending.
    """

    def __init__(self, index: WindowIndex, sizes: np.ndarray, levels: tuple[float, ...]) -> None:
        self.index, self.sizes, self.levels = index, sizes, levels
        self.scores: dict[str, list[np.ndarray]] = {}
        self.misses: dict[str, list[np.ndarray]] = {}

    def see(self, chunk: Chunk) -> None:
        """Nothing has to be known beforehand."""

    def take(self, name: str, made: Ranged, chunk: Chunk) -> None:
        """Remember how far actuals lie outside a forecaster's bounds, and from its point."""
        outside = np.maximum(made.low - chunk.actual, chunk.actual - made.high)
        self.scores.setdefault(name, []).append(outside)
        self.misses.setdefault(name, []).append(np.abs(chunk.actual - made.point))

    def result(self, forecasters: Sequence[str], horizon: int) -> Calibration:
        """The margins of each forecaster.

        Args:
            forecasters: In an order that all ranks have.
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
                ranks().join(scores, axis=1),
                ranks().join(misses),
                self.index.all()[1],
                filled,
                self.levels,
            )
        return Calibration(self.levels, self.sizes, usual, margins)


def thinned(index: WindowIndex, width: int) -> WindowIndex:
    """Windows that intervals are calibrated on, of each of which so many values are forecast."""
    every = -(-len(index) * width // limits.CALIBRATING_POINTS)
    return index if every <= 1 else index.every(every)


def _time_axis(panel: Panel, index: WindowIndex) -> tuple[int, int]:
    """Grid place of the earliest origin, and the number of places to the latest."""
    if not len(index):
        return 0, 0
    first = panel.ordinals(index.first, index.series)
    last = first + (index.counts - 1) * index.strides
    return int(first.min()), int(last.max() - first.min()) + 1

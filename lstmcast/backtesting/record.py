"""The record of a backtest's folds: scores, losses, forecasts."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from lstmcast.config import Config
from lstmcast.errors import DataError
from lstmcast.forecasting.adaptive import Adaptive
from lstmcast.forecasting.frames import backtest_frame
from lstmcast.forecasting.intervals import Forecast, IntervalForecast
from lstmcast.judging.error_scales import error_scales
from lstmcast.judging.metrics import Scores
from lstmcast.judging.scores import NETWORK, SplitScores, add_skill
from lstmcast.panel.panel import Panel
from lstmcast.pipeline.progress import Fold


class Record:
    """Scores of all forecasters over the folds so far.

    Args:
        config: Horizon and levels.
        panel: All rows, with gaps as NaN.
        origins: (folds,) grid place of the first row that each fold forecasts.
        step: Rows between origins.
    """

    def __init__(self, config: Config, panel: Panel, origins: np.ndarray, step: int) -> None:
        self.panel, self.horizon = panel, config.window.horizon
        self.levels = tuple(sorted(config.forecast.levels))
        self.overlap = math.ceil(self.horizon / step)
        self.count = len(origins)
        before_first = panel.offsets[:-1] + np.clip(origins[0] - panel.starts, 0, panel.lengths)
        self.error_scales = error_scales(
            panel.targets,
            panel.targets_observed,
            panel.offsets,
            before_first,
            panel.frequency.season,
        )
        lasts = panel.starts + panel.ends - panel.offsets[:-1]
        self.lasts = dict(zip(panel.names, lasts.tolist(), strict=True))
        self.adaptive = Adaptive(self.levels) if config.forecast.adaptive else None
        self.scores: dict[str, Scores] = {}
        self.folds: list[Fold] = []
        self.frames: list[pd.DataFrame] = []

    def add(
        self,
        origin: int,
        names: list[tuple[str, ...]],
        forecasts: Mapping[str, tuple[IntervalForecast, tuple[float, ...]]],
        methods: np.ndarray,
        trained: bool,
    ) -> Fold:
        """Score and keep the forecasts of one fold.

        Args:
            origin: Grid place of the first forecast row.
            names: (B,) of the forecast series.
            forecasts: By forecaster: forecasts, and the levels of their intervals.
            methods: (B,) the network, or the baseline that forecast for it.
            trained: Whether the network was trained for this fold.
        """
        panel = self.panel
        numbers = {name: k for k, name in enumerate(panel.names)}
        series = np.array([numbers[name] for name in names], dtype=np.int64)
        rows = panel.offsets[series] + origin - panel.starts[series]
        actual = self._actual(rows, series)
        losses: dict[str, float | None] = {}
        if self.adaptive is not None:
            self.adaptive.add_actuals(origin)
        for name, (made, levels) in forecasts.items():
            ranged = with_levels(made, levels, self.levels)
            if self.adaptive is not None:
                who = methods.tolist() if name == NETWORK else [name] * len(names)
                ranged = self.adaptive.adapt(name, who, names, origin, ranged, actual)
            if name not in self.scores:
                self.scores[name] = Scores(
                    panel.columns.targets, self.horizon, self.error_scales, self.levels
                )
            crps = None if ranged.density is None else ranged.density.crps(actual)
            self.scores[name].update(ranged.point, actual, series, ranged.low, ranged.high, crps)
            misses = np.abs(ranged.point - actual)
            known = np.isfinite(misses)
            losses[name] = float(misses[known].mean()) if known.any() else None
            if name == NETWORK:
                frame = backtest_frame(panel, rows, series, ranged, self.levels, actual)
                self.frames.append(frame.assign(method=np.repeat(methods, self.horizon)))
        stamp = panel.format_times(np.array([origin - 1]))[0]
        self.folds.append(Fold(len(self.folds) + 1, self.count, stamp, trained, len(names), losses))
        return self.folds[-1]

    def _actual(self, rows: np.ndarray, series: np.ndarray) -> np.ndarray:
        """(B, H, C) actual values; NaN if missing, or after the last row of the series."""
        ahead = rows[:, None] + np.arange(self.horizon)
        within = ahead < self.panel.ends[series][:, None]
        ahead = np.minimum(ahead, len(self.panel.targets) - 1)
        known = within[:, :, None] & self.panel.targets_observed[ahead]
        actual: np.ndarray = np.where(known, self.panel.targets[ahead], np.nan)
        return actual

    def split_scores(self) -> SplitScores:
        """All forecasters over all folds.

        Raises:
            DataError: No fold has a forecast and an actual to compare it with.
        """
        if not self.scores or not any(fold.losses[NETWORK] is not None for fold in self.folds):
            raise DataError(
                "no fold can be scored: no series has rows before an origin and a known target "
                "after it; change --folds or --step"
            )
        judged = SplitScores(
            {name: score.result() for name, score in self.scores.items()},
            {
                name: np.array([fold.losses.get(name) for fold in self.folds], dtype=np.float64)
                for name in self.scores
            },
        )
        add_skill(judged)
        return judged

    def folds_json(self) -> list[dict[str, Any]]:
        """The folds, ready for JSON."""
        return [
            {
                "origin": fold.origin,
                "trained": fold.trained,
                "series": fold.series,
                "mae": dict(fold.losses),
            }
            for fold in self.folds
        ]


def with_levels(
    made: IntervalForecast, has: tuple[float, ...], wanted: tuple[float, ...]
) -> IntervalForecast:
    """Forecasts with the bounds of other levels; NaN for levels without bounds."""
    if has == wanted:
        return made
    shape = (len(wanted), *made.point.shape)
    low, high = np.full(shape, np.nan), np.full(shape, np.nan)
    for k, level in enumerate(has):
        low[wanted.index(level)], high[wanted.index(level)] = made.low[k], made.high[k]
    return IntervalForecast(made.point, low, high, made.density)


def chosen(made: IntervalForecast, which: np.ndarray) -> IntervalForecast:
    """The forecasts of some windows."""
    density = None if made.density is None else made.density.chosen(which)
    return IntervalForecast(made.point[which], made.low[:, which], made.high[:, which], density)


def asked(
    forecasts: Mapping[str, Forecast], panel: Panel, series: np.ndarray
) -> dict[str, IntervalForecast]:
    """Forecasts of series after their last rows, by forecaster."""
    return {name: forecast(panel.ends[series], series) for name, forecast in forecasts.items()}

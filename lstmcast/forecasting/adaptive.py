"""Adaptive conformal intervals: a backtest adapts its bounds to their coverage so far.

A calibrated interval of level L should miss with probability a = 1 - L. On drifting data it misses
more or less often. So each series, step, target and level has its own miss rate a_t. It starts at
a, and each actual updates it:

    a_t+1 = a_t + RATE (a - missed_t)

missed_t is 1 if the actual is outside the issued interval, else 0. The issued interval is the
calibrated one, with both bounds moved outwards by a margin: the quantile 1 - a_t of the latest
scores. A score is the distance of an actual from the calibrated interval, negative inside it. Each
series uses its own scores, of its validation windows and then of the folds, the last KEPT of them.
If n scores are too few for 1 - a_t, the margin is their largest, but at least 0.

An actual value is used from the first origin after it: with folds closer than a horizon, the
actuals of far steps are known later than those of near steps.

Source: Gibbs & Candes, "Adaptive conformal inference under distribution shift", NeurIPS 2021.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from lstmcast.forecasting.conformal import order_statistic
from lstmcast.forecasting.intervals import IntervalForecast, nested

Floats = NDArray[np.float64]
Name = tuple[str, ...]
Scores = Mapping[str, Mapping[Name, Floats]]
"""By forecaster and series: (levels, n, H, C) of its validation windows, the latest last."""

RATE = 0.02
"""Learning rate of the miss rate: a larger one adapts faster, and varies more."""

KEPT = 250
"""Most scores of a series: enough for 99 %, few enough to forget old data."""


@dataclass
class Track:
    """The state of one forecaster and series.

    Attributes:
        miss_rate: (levels, H, C) the current miss rate a_t.
        scores: Of its latest folds, (levels, H, C) each; NaN if the actual is missing or not yet
            known.
    """

    miss_rate: Floats
    scores: deque[Floats] = field(default_factory=lambda: deque(maxlen=KEPT))


@dataclass
class Pending:
    """A forecast whose actuals become known step by step.

    Attributes:
        track: Of its forecaster and series.
        place: Grid place of the first step.
        misses: (levels, H, C) 1 if the actual is outside the issued interval; NaN if unknown.
        scores: (levels, H, C) of the calibrated interval; NaN if unknown.
        entry: (levels, H, C) the entry of this forecast in the track's scores; NaN until known.
        known: Steps with known actuals.
    """

    track: Track
    place: int
    misses: Floats
    scores: Floats
    entry: Floats
    known: int = 0


class Adaptive:
    """The intervals of all forecasters and series over the folds of a backtest, oldest first.

    Args:
        levels: Of the intervals, in percent.
    """

    def __init__(self, levels: Sequence[float]) -> None:
        self.nominal = 1 - np.array(levels)[:, None, None] / 100  # (levels, 1, 1)
        self.minimum: float | None = None
        self.tracks: dict[tuple[str, str, Name], Track] = {}
        self.first: Scores = {}
        self.pending: list[Pending] = []

    def restart(self, scores: Scores, minimum: float | None) -> None:
        """Start with a new network; the tracks of earlier folds stay.

        Args:
            scores: Of the validation windows of the new forecasters.
            minimum: No bound is lower; None: no limit.
        """
        self.first, self.minimum = scores, minimum

    def add_actuals(self, place: int) -> None:
        """Update the tracks with all actuals before a grid place."""
        for each in self.pending:
            known = min(place - each.place, each.misses.shape[1])
            steps = slice(each.known, max(each.known, known))
            missed = each.misses[:, steps]
            change = np.where(np.isnan(missed), 0.0, RATE * (self.nominal - missed))
            each.track.miss_rate[:, steps] += change
            each.entry[:, steps] = each.scores[:, steps]
            each.known = steps.stop
        self.pending = [each for each in self.pending if each.known < each.misses.shape[1]]

    def adapt(
        self,
        name: str,
        methods: Sequence[str],
        series: Sequence[Name],
        place: int,
        ranged: IntervalForecast,
        actual: Floats,
    ) -> IntervalForecast:
        """The adaptive intervals of the forecasts of a fold.

        Args:
            name: Of the forecaster.
            methods: (B,) the method of each forecast.
            series: (B,) names.
            place: Grid place of the first step; call `add_actuals` with it before.
            ranged: Calibrated; NaN if a level has no bounds.
            actual: (B, H, C) used only after later calls of `add_actuals`; NaN if missing.
        """
        low, high = ranged.low.copy(), ranged.high.copy()
        for b, (method, one) in enumerate(zip(methods, series, strict=True)):
            track = self._track(name, method, one, ranged.low[:, b].shape)
            pool = [*self._validation(method, one), *track.scores][-KEPT:]
            margin = largest_margin(pool, 1 - track.miss_rate)
            low[:, b] -= margin
            high[:, b] += margin
        bounds = nested(low, high, ranged.point)
        given = IntervalForecast(ranged.point, *bounds, ranged.density).at_least(self.minimum)
        for b, (method, one) in enumerate(zip(methods, series, strict=True)):
            self._add_pending(self.tracks[name, method, one], place, b, ranged, given, actual[b])
        return given

    def _track(self, name: str, method: str, series: Name, shape: tuple[int, ...]) -> Track:
        key = (name, method, series)
        if key not in self.tracks:
            miss_rate = np.broadcast_to(self.nominal, shape).copy()
            self.tracks[key] = Track(miss_rate)
        return self.tracks[key]

    def _validation(self, method: str, series: Name) -> list[Floats]:
        """(levels, H, C) of each validation window; a new series has none."""
        known = self.first.get(method, {}).get(series)
        return [] if known is None else [known[:, k] for k in range(known.shape[1])]

    def _add_pending(
        self,
        track: Track,
        place: int,
        b: int,
        ranged: IntervalForecast,
        given: IntervalForecast,
        actual: Floats,
    ) -> None:
        """Store the misses and scores of a forecast until `add_actuals` uses them."""
        outside = (actual < given.low[:, b]) | (given.high[:, b] < actual)
        scores = np.maximum(ranged.low[:, b] - actual, actual - ranged.high[:, b])
        misses = np.where(np.isnan(scores), np.nan, outside)
        track.scores.append(np.full_like(scores, np.nan))
        self.pending.append(Pending(track, place, misses, scores, track.scores[-1]))


def largest_margin(scores: Sequence[Floats], levels: Floats) -> Floats:
    """The k-th smallest score of each step, target and level, k = ceil((n + 1) level).

    Args:
        scores: n of (levels, H, C); NaN if unknown.
        levels: (levels, H, C) shares; may be below 0 or above 1.

    Returns:
        (levels, H, C). If k > n, the largest score, but at least 0; if k < 1, the smallest.
    """
    if not scores:
        return np.zeros(levels.shape)
    found, promised = order_statistic(np.stack(scores), levels)
    margin: Floats = np.where(promised, found, np.fmax(found, 0.0))
    return np.where(np.isnan(margin), 0.0, margin)  # nothing is known yet

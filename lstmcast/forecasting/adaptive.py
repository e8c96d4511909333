"""Adaptive conformal intervals: a backtest's bounds follow how often they held so far.

A calibrated interval of level L should miss with probability a = 1 - L. On drifting data it misses
more often, or less. So each series, step, target and level has a chance of its own that it asks
for, a_t, which begins at a and after each actual moves by

    a_t+1 = a_t + RATE (a - missed_t)

missed_t being 1 where the actual lay outside of the interval given, else 0. The interval given is
the calibrated one with both bounds moved outwards by the margin that 1 - a_t of the latest scores
stay below, a score being how far an actual lay outside of the calibrated interval, negative within.
The scores are the series' own: those of its validation windows, then those of the folds, the last
KEPT of them. Where more is asked than n scores can promise, the margin is the largest of them, or
the calibrated interval if that is wider.

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
"""Scores of a series that count: enough for 99 %, few enough to forget what was."""


@dataclass
class Track:
    """What one forecaster has learned of one series.

    Attributes:
        asked: (levels, H, C) the current miss rate a_t.
        scores: Of its folds, the latest, (levels, H, C) each; NaN where the actual is missing or
            yet to come.
    """

    asked: Floats
    scores: deque[Floats] = field(default_factory=lambda: deque(maxlen=KEPT))


@dataclass
class Awaited:
    """A forecast whose actuals come bit by bit.

    Attributes:
        track: What they will be entered into.
        place: Grid place of the first step.
        misses: (levels, H, C) whether the interval given misses the actual; NaN where unknown.
        scores: (levels, H, C) of the calibrated interval, likewise.
        entered: (levels, H, C) position in the track's scores up to which actuals are known.
        heard: Steps with known actuals.
    """

    track: Track
    place: int
    misses: Floats
    scores: Floats
    entered: Floats
    heard: int = 0


class Adaptive:
    """The intervals of all forecasters and series over the folds of a backtest, oldest first.

    Args:
        levels: Of the intervals, in percent.
    """

    def __init__(self, levels: Sequence[float]) -> None:
        self.missing = 1 - np.array(levels)[:, None, None] / 100  # (levels, 1, 1)
        self.minimum: float | None = None
        self.tracks: dict[tuple[str, str, Name], Track] = {}
        self.first: Scores = {}
        self.awaited: list[Awaited] = []

    def restart(self, scores: Scores, minimum: float | None) -> None:
        """Another network forecasts from here on; what was learned of the last one's folds stays.

        Args:
            scores: Of the validation windows of the forecasters as they are now.
            minimum: No bound is lower; None: no limit.
        """
        self.first, self.minimum = scores, minimum

    def hear(self, place: int) -> None:
        """Learn of all actuals before a grid place."""
        for told in self.awaited:
            known = min(place - told.place, told.misses.shape[1])
            steps = slice(told.heard, max(told.heard, known))
            missed = told.misses[:, steps]
            change = np.where(np.isnan(missed), 0.0, RATE * (self.missing - missed))
            told.track.asked[:, steps] += change
            told.entered[:, steps] = told.scores[:, steps]
            told.heard = steps.stop
        self.awaited = [told for told in self.awaited if told.heard < told.misses.shape[1]]

    def follow(
        self,
        name: str,
        methods: Sequence[str],
        series: Sequence[Name],
        place: int,
        ranged: IntervalForecast,
        actual: Floats,
    ) -> IntervalForecast:
        """The intervals of the forecasts of a fold, whose actuals are known later.

        Args:
            name: Of the forecaster.
            methods: (B,) who made each forecast.
            series: (B,) names.
            place: Grid place of the first step; `hear` has been called with it.
            ranged: Calibrated; NaN where a level has no bounds.
            actual: (B, H, C) NaN where missing.
        """
        low, high = ranged.low.copy(), ranged.high.copy()
        for b, (method, one) in enumerate(zip(methods, series, strict=True)):
            track = self._track(name, method, one, ranged.low[:, b].shape)
            pool = [*self._validation(method, one), *track.scores][-KEPT:]
            margin = largest_margin(pool, 1 - track.asked)
            low[:, b] -= margin
            high[:, b] += margin
        bounds = nested(low, high, ranged.point)
        given = IntervalForecast(ranged.point, *bounds, ranged.density).at_least(self.minimum)
        for b, (method, one) in enumerate(zip(methods, series, strict=True)):
            self._await(self.tracks[name, method, one], place, b, ranged, given, actual[b])
        return given

    def _track(self, name: str, method: str, series: Name, shape: tuple[int, ...]) -> Track:
        key = (name, method, series)
        if key not in self.tracks:
            asked = np.broadcast_to(self.missing, shape).copy()
            self.tracks[key] = Track(asked)
        return self.tracks[key]

    def _validation(self, method: str, series: Name) -> list[Floats]:
        """(levels, H, C) of each validation window; a series that is new has none."""
        known = self.first.get(method, {}).get(series)
        return [] if known is None else [known[:, k] for k in range(known.shape[1])]

    def _await(
        self,
        track: Track,
        place: int,
        b: int,
        ranged: IntervalForecast,
        given: IntervalForecast,
        actual: Floats,
    ) -> None:
        """Note what a forecast will teach; nothing of it counts before `hear`."""
        outside = (actual < given.low[:, b]) | (given.high[:, b] < actual)
        scores = np.maximum(ranged.low[:, b] - actual, actual - ranged.high[:, b])
        misses = np.where(np.isnan(scores), np.nan, outside)
        track.scores.append(np.full_like(scores, np.nan))
        self.awaited.append(Awaited(track, place, misses, scores, track.scores[-1]))


def largest_margin(scores: Sequence[Floats], levels: Floats) -> Floats:
    """The k-th smallest score of each step, target and level, k = ceil((n + 1) level).

    Args:
        scores: n of (levels, H, C); NaN where unknown.
        levels: (levels, H, C) of 1; below 0 or above 1 too.

    Returns:
        (levels, H, C). Where k > n the largest score, at least 0; where k < 1 the smallest.
    """
    if not scores:
        return np.zeros(levels.shape)
    found, promised = order_statistic(np.stack(scores), levels)
    margin: Floats = np.where(promised, found, np.fmax(found, 0.0))
    return np.where(np.isnan(margin), 0.0, margin)  # nothing is known yet

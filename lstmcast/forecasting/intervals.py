"""Calibrated prediction intervals: how wide they must be is read off the validation windows.

Split-conformal prediction. A forecaster gives a central interval for each point (a point forecaster
one of no width), and its score there is how far the actual lies outside of it, negative within:

    score = max(low - y, y - high)

Of n validation scores the margin is the k-th smallest, k = ceil((n + 1) level), and the calibrated
interval is low - margin .. high + margin. If validation and later windows are exchangeable, it
holds the actual with at least the chance that its level names, whatever the network. For a point
forecaster the score is |y - forecast|, and the interval is symmetric about the forecast.

Margins are found for each forecaster, level, target and step of the horizon, over all series
together, each score divided by its series' size: the mean absolute change from row to row in its
train rows. A series with validation windows enough has margins of its own. There the steps are
taken together, each score divided by the step's typical score, so that what is kept for a series is
one number a level and target, not one a step.

The bounds are then moved outwards, never inwards, until low <= forecast <= high and the interval of
a higher level holds that of a lower one.

Sources: Papadopoulos et al., "Inductive confidence machines for regression", ECML 2002. Romano,
Patterson & Candes, "Conformalized quantile regression", NeurIPS 2019. Lei et al.,
"Distribution-free predictive inference for regression", JASA 113 (2018) 1094-1111.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from lstmcast.forecasting.density import Density

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class IntervalForecast:
    """Forecasts of B windows with central intervals around them, in units of the data.

    Attributes:
        point: (B, H, C) the forecast.
        low: (levels, B, H, C) lower bounds, the levels ascending.
        high: (levels, B, H, C) upper bounds.
        density: What the head says of each point, before calibration; None where it says no more
            than these numbers, or they are of other distributions.
    """

    point: Floats
    low: Floats
    high: Floats
    density: Density | None = None

    @classmethod
    def flat(cls, point: Floats, levels: int) -> IntervalForecast:
        """Intervals of no width about point forecasts."""
        bounds = np.broadcast_to(point, (levels, *point.shape))
        return cls(point, bounds, bounds)

    def at_least(self, minimum: float | None) -> IntervalForecast:
        """Forecasts and bounds below `forecast.minimum` raised to it."""
        point, low, high = (at_least(part, minimum) for part in (self.point, self.low, self.high))
        return IntervalForecast(point, low, high, self.density)

    def whole(self) -> IntervalForecast:
        """Bounds of counts: the outermost whole numbers within them."""
        rounding = 1e-3  # margins are kept with few digits
        low, high = np.ceil(self.low - rounding), np.floor(self.high + rounding)
        return IntervalForecast(self.point, low, high, self.density)


def at_least(forecast: Floats, minimum: float | None) -> Floats:
    """Raise forecasts that lie below `forecast.minimum` to it."""
    return forecast if minimum is None else np.maximum(forecast, minimum)


Forecast = Callable[[NDArray[Any], NDArray[Any]], IntervalForecast]
"""A forecaster: origins (B,) and series (B,) -> their forecasts."""


@dataclass(frozen=True)
class Margins:
    """How far the bounds of one forecaster are moved outwards, in units of its series' size.

    Attributes:
        pooled: (levels, H, C) of series without their own; NaN where there were too few scores.
        typical: (H, C) mean distance of forecast and actual, at each step.
        own: Of some series, by number: (levels, C), in units of `typical`.
    """

    pooled: Floats
    typical: Floats
    own: Mapping[int, Floats]


@dataclass(frozen=True)
class Calibration:
    """What turns forecasts into calibrated intervals.

    Attributes:
        levels: Of the intervals, in percent, ascending.
        sizes: (S, C) mean absolute change from row to row of each series.
        usual: (C,) the size of a series that has none.
        margins: By forecaster.
    """

    levels: tuple[float, ...]
    sizes: Floats
    usual: Floats
    margins: Mapping[str, Margins]

    def widen(self, name: str, ranged: IntervalForecast, series: NDArray[Any]) -> IntervalForecast:
        """The calibrated intervals of forecasts made by the forecaster of that name."""
        margins = self.margins[name]
        sizes = np.where(self.sizes > 0, self.sizes, self.usual)[series][:, None]  # (B, 1, C)
        margin = margins.pooled[:, None]  # (levels, 1, H, C)
        if margins.own:
            numbers, place = np.unique(series, return_inverse=True)
            unknown = np.full((len(self.levels), self.usual.size), np.nan)
            own = np.stack([margins.own.get(k, unknown) for k in numbers.tolist()], axis=1)
            own = own[:, place, None] * margins.typical  # (levels, B, H, C)
            margin = np.where(np.isnan(own), margin, own)
        reach = margin * sizes
        bounds = nested(ranged.low - reach, ranged.high + reach, ranged.point)
        return IntervalForecast(ranged.point, *bounds, ranged.density)

    def for_series(self, places: Ints, sizes: Floats) -> Calibration:
        """The calibration of other series.

        Args:
            places: (S',) the number that each of them has here; -1 where it is new.
            sizes: (S', C) the size of each by its own past, for the new ones.
        """
        known = (places >= 0)[:, None]
        here = {int(place): k for k, place in enumerate(places.tolist()) if place >= 0}
        return replace(
            self,
            sizes=np.where(known, self.sizes[places], sizes),
            margins={
                name: replace(
                    margins, own={here[k]: own for k, own in margins.own.items() if k in here}
                )
                for name, margins in self.margins.items()
            },
        )

    def to_json(self) -> dict[str, Any]:
        """The state as plain lists; what is not known is null."""
        return {
            "levels": list(self.levels),
            "sizes": _listed(self.sizes),
            "usual": _listed(self.usual),
            "margins": {
                name: {
                    "pooled": _listed(margins.pooled),
                    "typical": _listed(margins.typical),
                    "own": {str(k): _listed(own) for k, own in margins.own.items()},
                }
                for name, margins in self.margins.items()
            },
        }

    @classmethod
    def from_json(cls, state: dict[str, Any] | None) -> Calibration | None:
        """The calibration that `to_json` described; None where there is none."""
        if state is None:
            return None
        return cls(
            tuple(state["levels"]),
            _array(state["sizes"]),
            _array(state["usual"]),
            {
                name: Margins(
                    _array(margins["pooled"]),
                    _array(margins["typical"]),
                    {int(k): _array(own) for k, own in margins["own"].items()},
                )
                for name, margins in state["margins"].items()
            },
        )


def nested(low: Floats, high: Floats, point: NDArray[Any]) -> tuple[Floats, Floats]:
    """Bounds (levels, ...) moved, in place, so that each interval holds the point and those within.

    Args:
        low: Of levels in ascending order.
        high: Likewise.
        point: (...).
    """
    inner_low = inner_high = point
    for lower, upper in zip(low, high, strict=True):  # faster than ufunc.accumulate
        inner_low = np.minimum(lower, inner_low, out=lower)
        inner_high = np.maximum(upper, inner_high, out=upper)
    return low, high


def _listed(values: Floats) -> Any:
    """Nested lists, None in place of NaN."""
    objects = values.astype(object)
    objects[np.isnan(values)] = None
    return objects.tolist()


def _array(values: Any) -> Floats:
    return np.array(values, dtype=np.float64)  # None becomes NaN

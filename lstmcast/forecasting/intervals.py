"""Calibrated prediction intervals: the validation windows determine their width.

The method is split-conformal prediction. A forecaster gives a central interval for each point, of
width 0 if it is a point forecaster. Its score is the distance of the actual from the interval,
negative inside it:

    score = max(low - y, y - high)

The margin is the k-th smallest of n validation scores, k = ceil((n + 1) level); the calibrated
interval is low - margin .. high + margin. If validation and later windows are exchangeable, it
contains the actual with at least the probability of its level, for any network. The score of a
point forecaster is |y - forecast|, and its interval is symmetric about the forecast.

Each forecaster, level, target and step of the horizon has a margin, pooled over all series. Each
score is divided by the size of its series: the mean absolute change from row to row in its train
rows. A series with enough validation windows has its own margins. These are pooled over the steps,
with each score divided by the typical score of its step, so that the model file has one number per
series, level and target.

Then bounds move outwards, never inwards, until low <= forecast <= high and the interval of a higher
level contains that of a lower one.

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
        density: The predicted distributions before calibration; None if there are none, or the
            numbers above are of other distributions.
    """

    point: Floats
    low: Floats
    high: Floats
    density: Density | None = None

    @classmethod
    def flat(cls, point: Floats, levels: int) -> IntervalForecast:
        """Intervals of width 0 about point forecasts."""
        bounds = np.broadcast_to(point, (levels, *point.shape))
        return cls(point, bounds, bounds)

    def at_least(self, minimum: float | None) -> IntervalForecast:
        """Forecasts and bounds, each at least `forecast.minimum`."""
        point, low, high = (at_least(part, minimum) for part in (self.point, self.low, self.high))
        return IntervalForecast(point, low, high, self.density)

    def whole(self) -> IntervalForecast:
        """Bounds of counts: the outermost whole numbers inside them."""
        rounding = 1e-3  # margins have few digits in the model file
        low, high = np.ceil(self.low - rounding), np.floor(self.high + rounding)
        return IntervalForecast(self.point, low, high, self.density)


def at_least(forecast: Floats, minimum: float | None) -> Floats:
    """Forecasts, each at least `forecast.minimum`."""
    return forecast if minimum is None else np.maximum(forecast, minimum)


Forecast = Callable[[NDArray[Any], NDArray[Any]], IntervalForecast]
"""A forecaster: origins (B,) and series (B,) -> their forecasts."""


@dataclass(frozen=True)
class Margins:
    """How far the bounds of one forecaster move outwards, in units of the series' size.

    Attributes:
        pooled: (levels, H, C) for series without their own; NaN if there were too few scores.
        typical: (H, C) mean absolute error of the point forecast, at each step.
        own: Of some series, by number: (levels, C), in units of `typical`.
    """

    pooled: Floats
    typical: Floats
    own: Mapping[int, Floats]


@dataclass(frozen=True)
class Calibration:
    """The conformal calibration of all forecasters.

    Attributes:
        levels: Of the intervals, in percent, ascending.
        sizes: (S, C) mean absolute change from row to row of each series.
        usual: (C,) the size used for a series without one.
        margins: By forecaster.
    """

    levels: tuple[float, ...]
    sizes: Floats
    usual: Floats
    margins: Mapping[str, Margins]

    def widen(self, name: str, ranged: IntervalForecast, series: NDArray[Any]) -> IntervalForecast:
        """The calibrated intervals of forecasts by the forecaster of that name."""
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
            places: (S',) the number of each here, or -1 if it is new.
            sizes: (S', C) the size of each, from its own past; used for new series.
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
        """The state as plain lists; NaN becomes null."""
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
        """The calibration from the result of `to_json`; None stays None."""
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
    """Move bounds (levels, ...) in place: each interval contains the point and inner intervals.

    Args:
        low: Of levels in ascending order.
        high: In the same order.
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

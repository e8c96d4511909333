"""Metrics of forecasts: formula, unit and source of every number.

y is an actual, f its forecast, and e = f - y. Each measure is a mean over all points with a known
actual, pooled over windows, steps and targets:

    mae      mean |e|                            units of the data
    mse      mean e^2                            units of the data, squared
    rmse     sqrt(mse)                           units of the data
    bias     mean e                              units of the data; above 0: forecasts too high
    smape    mean 200 |e| / (|y| + |f|)          percent, 0..200; M4 (Makridakis et al. 2020)
    mape     mean 100 |e| / |y|                  percent; points with y = 0 are left out
    mase     mean |e| / a                        no unit; Hyndman & Koehler 2006
    rmsse    sqrt(mean e^2 / b)                  no unit; Hyndman & Koehler 2006, M5 guide

a and b are the mean absolute and mean squared error of the seasonal naive forecast over one season
within the train rows of the same series and target: 1 means "the same error as that in training".
The M5 guide uses a season of one step for b; here both use the same season. mase and rmsse exclude
series whose a or b is zero or unknown.

If forecast and actual are both zero, M4's smape is 0 / 0. Such a point counts as 0, because the
forecast is exact.

For intervals, l and h are the bounds of the central interval of level L percent, and
a = 1 - L / 100:

    coverage_L   share of l <= y <= h            0..1
    width_L      mean h - l                      units of the data
    interval_L   mean h - l + (2 / a) (l - y)+ + (2 / a) (y - h)+    units; Winkler 1972
    pinball      mean over points and quantiles of max(q (y - x), (q - 1) (y - x)), where x is the
                 quantile of probability q; units of the data; Koenker & Bassett 1978
    crps         the continuous ranked probability score, the integral of 2 pinball over all
                 q; units of the data; Gneiting & Raftery 2007. For heads that predict a
                 distribution, in closed form, before calibration; for all other forecasts, with
                 linear interpolation between the known quantiles, and none outside the outermost
    wql          2 sum of pinball over points, mean over quantiles / sum |y|; no unit; the
                 weighted quantile loss of GluonTS

The quantiles are both bounds of every level, and the forecast as the median. These measures exclude
points with unknown bounds.

A measure without any point is None (JSON null), never 0 or NaN.

Sources: Hyndman & Koehler, "Another look at measures of forecast accuracy", International Journal
of Forecasting 22 (2006) 679-688. Makridakis, Spiliotis & Assimakopoulos, "The M4 Competition",
International Journal of Forecasting 36 (2020) 54-74. M Open Forecasting Center, "The M5
Competition: Competitors' Guide" (2020). Winkler, "A decision-theoretic approach to interval
estimation", JASA 67 (1972) 187-191. Koenker & Bassett, "Regression quantiles", Econometrica 46
(1978) 33-50. Gneiting & Raftery, "Strictly proper scoring rules, prediction, and estimation", JASA
102 (2007) 359-378.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lstmcast import limits
from lstmcast.errors import Diverged
from lstmcast.judging.error_scales import ErrorScales
from lstmcast.judging.means import Floats, Means, Points, Runs
from lstmcast.judging.quantile_scores import interpolated_crps

Sums = dict[str, tuple[Floats, Floats]]
"""By name of a measure, the (R, H, C) sums and counts of runs."""

names = ("mae", "rmse", "mse", "bias", "smape", "mape", "mase", "rmsse")

_ROOTS = {"rmse": "mse", "rmsse": "msse"}
"""Measures that are the square root of a mean."""

_MEANS = (*(name for name in names if name not in _ROOTS), "msse", "scaled_mse", "scaled_mae")


def interval_names(levels: Sequence[float]) -> tuple[str, ...]:
    """The measures of intervals of these levels, in percent; none without levels."""
    each = [f"{name}_{level:g}" for level in levels for name in ("coverage", "width", "interval")]
    return (*each, "pinball", "wql", "crps") if each else ()


class Scores:
    """All measures of one forecaster, batch by batch; memory does not grow with N.

    Sums are float64, per step and target, and per series. So the pooled measures and those per
    target, per step and per series are means of the same points.
    """

    def __init__(
        self,
        targets: Sequence[str],
        horizon: int,
        error_scales: ErrorScales,
        levels: Sequence[float] = (),
    ) -> None:
        """Start with no windows.

        Args:
            targets: The C names, in the order of the last axis of the forecasts.
            horizon: H, the steps of every forecast.
            error_scales: Of the series to score.
            levels: Of the intervals to score, in percent.
        """
        self._targets = tuple(targets)
        self._horizon = horizon
        self._error_scales = error_scales
        self._levels = tuple(levels)
        self._windows = np.zeros(1)
        self.names = (*names, *interval_names(levels))
        ranged = [name.replace("wql", "size") for name in interval_names(levels)]
        self._means = Means((*_MEANS, *ranged), horizon, len(self._targets), len(error_scales.mean))

    def update(
        self,
        forecast: NDArray[Any],
        actual: NDArray[Any],
        series: NDArray[Any],
        low: NDArray[Any] | None = None,
        high: NDArray[Any] | None = None,
        crps: NDArray[Any] | None = None,
    ) -> Floats:
        """Score a batch of windows.

        Args:
            forecast: (B, H, C) in units of the data.
            actual: (B, H, C) in units of the data; NaN if missing.
            series: (B,) the row of each window's series in the error scales.
            low: (levels, B, H, C) lower bounds; NaN if there is none.
            high: (levels, B, H, C) upper bounds.
            crps: (B, H, C) in closed form; None: computed from the bounds.

        Returns:
            (B,) the sum of the absolute errors of each window.

        Raises:
            Diverged: A forecast of a known actual is not a finite number.
        """
        f, y = np.asarray(forecast, dtype=np.float64), np.asarray(actual, dtype=np.float64)
        expected = (len(series), self._horizon, len(self._targets))
        assert f.shape == y.shape == expected, f"{f.shape} and {y.shape}, expected {expected}"
        self._refuse_non_finite(f, y)
        size = max(1, limits.SCORED_AT_ONCE // (self._horizon * len(self._targets)))
        missed = np.zeros(len(series))
        for start in range(0, len(series), size):
            part = slice(start, start + size)
            known = Points(~np.isnan(y[part]), Runs(series[part]))
            with np.errstate(all="ignore"):  # `Points` excludes undefined values
                miss = known.only(np.abs(f[part] - y[part]))
                sums = self._of_points(f[part], y[part], miss, known)
                if self._levels:
                    assert low is not None and high is not None, "intervals without bounds"
                    given = (low[:, part], high[:, part], None if crps is None else crps[part])
                    sums |= self._of_intervals(f[part], y[part], miss, known, *given)
            self._means.add(sums, known.runs.series)
            missed[part] = np.einsum("bhc->b", miss)
        self._windows += len(series)
        return missed

    def _of_points(self, f: Floats, y: Floats, miss: Floats, known: Points) -> Sums:
        y_size = np.abs(y)
        size, nonzero = y_size + np.abs(f), known.where(y != 0)
        mae, mse = known.sums(miss), known.sums(miss**2)
        sums = {
            "mae": (mae, known.counts),
            "mse": (mse, known.counts),
            "bias": (known.sums(f - y), known.counts),
            "smape": (200 * known.where(size > 0).sums(miss / size), known.counts),
            "mape": (100 * nonzero.sums(miss / y_size), nonzero.counts),
        }
        scale, row = self._error_scales, known.runs.series[:, None]
        for name, total, unit in (  # units are (R, 1, C): the windows of a run have the same
            ("mase", mae, scale.seasonal_mae[row]),
            ("msse", mse, scale.seasonal_mse[row]),
            # The mean of the z-score cancels in the difference of two of them.
            ("scaled_mae", mae, scale.deviation[row]),
            ("scaled_mse", mse / scale.deviation[row], scale.deviation[row]),
        ):
            sums[name] = np.where(unit > 0, total / unit, 0.0), known.counts * (unit > 0)
        return sums

    def _of_intervals(
        self,
        f: Floats,
        y: Floats,
        miss: Floats,
        known: Points,
        low: NDArray[Any],
        high: NDArray[Any],
        crps: NDArray[Any] | None,
    ) -> Sums:
        sums: Sums = {}
        losses, everywhere = miss / 2, known
        for level, lower, upper in zip(self._levels, low, high, strict=True):
            a = 1 - level / 100
            has_bounds = np.isfinite(lower) & np.isfinite(upper)
            bounded, everywhere = known.where(has_bounds), everywhere.where(has_bounds)
            width, beyond = upper - lower, np.maximum(lower, y) - np.minimum(upper, y)
            widths, within = bounded.sums(width), (beyond == 0).astype(np.float64)
            sums[f"coverage_{level:g}"] = bounded.sums(within), bounded.counts
            sums[f"width_{level:g}"] = widths, bounded.counts
            sums[f"interval_{level:g}"] = widths + 2 / a * bounded.sums(beyond), bounded.counts
            # The pinball losses of both bounds, of probabilities a / 2 and 1 - a / 2, add up to
            # a / 2 of the interval score: Gneiting & Raftery 2007, section 6.2.
            losses += a / 2 * width
            losses += beyond
        if crps is None:
            crps = interpolated_crps(self._levels, f, low, high, y)
        mean_losses = everywhere.sums(losses) / (1 + 2 * len(self._levels))
        sums["pinball"] = mean_losses, everywhere.counts
        sums["size"] = everywhere.sums(np.abs(y)), everywhere.counts
        sums["crps"] = everywhere.sums(crps), everywhere.counts
        return sums

    def sums(self) -> list[Floats]:
        """The sums so far, in a fixed order; the caller may add to them."""
        return [self._means.totals, self._means.of_all_series, self._windows]

    def result(self) -> dict[str, Any]:
        """The measures over all windows so far, ready for JSON.

        Returns:
            The measures of `names` pooled over windows, steps and targets; the same in
            `per_target` (a dict for each name) and in `per_step` (a list of H for each measure);
            `scaled`, the `mse` and `mae` on z-scores with the train rows' mean and deviation,
            without series that are constant there; `windows` and `points`, the numbers of scored
            windows and actuals.
        """
        every = slice(None)
        means = self._means.over(every, every)
        steps = [self._measures(self._means.over(h, every)) for h in range(self._horizon)]
        return {
            **self._measures(means),
            "per_target": {
                name: self._measures(self._means.over(every, c))
                for c, name in enumerate(self._targets)
            },
            "per_step": {name: [step[name] for step in steps] for name in self.names},
            "scaled": {name: means[f"scaled_{name}"] for name in ("mse", "mae")},
            "windows": int(self._windows[0]),
            "points": self._means.count("mae"),
        }

    def of_series(self, series: int) -> dict[str, float | None]:
        """The measures of `names` over the windows of one series."""
        return self._measures(self._means.of_series(series))

    def _measures(self, mean: dict[str, float | None]) -> dict[str, float | None]:
        mean = mean | {root: _root(mean[square]) for root, square in _ROOTS.items()}
        if self._levels:
            pinball, size = mean["pinball"], mean["size"]
            mean["wql"] = 2 * pinball / size if pinball is not None and size else None
        return {name: mean[name] for name in self.names}

    def _refuse_non_finite(self, forecast: Floats, actual: Floats) -> None:
        bad = ~(np.isfinite(forecast) | np.isnan(actual))
        if bad.any():
            b, h, c = (int(index[0]) for index in np.nonzero(bad))
            window = int(self._windows[0]) + b + 1
            raise Diverged(
                f"the forecast of '{self._targets[c]}', step {h + 1}, in window "
                f"{window} is {forecast[b, h, c]}, which cannot be scored "
                f"({int(bad.sum())} such values in {len(forecast)} windows); train with a lower "
                f"learning_rate or clip_norm, or look for extreme values in the data"
            )


def _root(square: float | None) -> float | None:
    return None if square is None else math.sqrt(square)

"""How far forecasts lie from what happened: formula, unit and source of every number.

With y an actual, f its forecast and e = y - f, each measure is a mean over all points whose actual
is known, pooled over windows, steps and targets:

    mae      mean |e|                            units of the data
    mse      mean e^2                            units of the data, squared
    rmse     sqrt(mse)                           units of the data
    smape    mean 200 |e| / (|y| + |f|)          percent, 0..200; M4 (Makridakis et al. 2020)
    mape     mean 100 |e| / |y|                  percent; points with y = 0 are left out
    mase     mean |e| / a                        no unit; Hyndman & Koehler 2006
    rmsse    sqrt(mean e^2 / b)                  no unit; Hyndman & Koehler 2006, M5 guide

a and b are the mean absolute and mean squared error of "repeat the last season" within the train
rows of the point's own series and target, so 1 means "as far off as that was in training". The M5
guide takes a season of one step for b; here both have the same season. Series whose a or b is zero
or unknown are left out of mase and rmsse.

M4's smape is 0 / 0 where forecast and actual are both zero. Such a point counts as 0: the forecast
is exact, and leaving it out would take the credit away.

A measure that no point defines is None (JSON null), never 0 or NaN.

Sources: Hyndman & Koehler, "Another look at measures of forecast accuracy", International Journal
of Forecasting 22 (2006) 679-688. Makridakis, Spiliotis & Assimakopoulos, "The M4 Competition",
International Journal of Forecasting 36 (2020) 54-74. M Open Forecasting Center, "The M5
Competition: Competitors' Guide" (2020).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lstmcast.errors import Diverged

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

names = ("mae", "rmse", "mse", "smape", "mape", "mase", "rmsse")

# A sine written out over thousands of rows repeats itself only up to about 1e-13 of its size. What
# lies below this part of a series' largest value is such rounding, and no yardstick.
_ROUNDING = 1e-12


@dataclass(frozen=True)
class Yardsticks:
    """What errors are measured against, per series and target, from train rows only: all (S, C).

    Attributes:
        seasonal_mae: Mean |y_t - y_(t-m)|, in units of the data; NaN where the series has no such
            pair of rows, or where all are equal.
        seasonal_mse: Mean (y_t - y_(t-m))^2, in units of the data squared; NaN likewise.
        mean: Mean, in units of the data; NaN where no value is known.
        deviation: Standard deviation (ddof 0), in units of the data; 0 for a constant series, NaN
            where no value is known.
    """

    seasonal_mae: Floats
    seasonal_mse: Floats
    mean: Floats
    deviation: Floats


def yardsticks(
    values: Floats, observed: Bools, offsets: Ints, train_end: Ints, season: int
) -> Yardsticks:
    """Measure every series by its own train rows.

    Args:
        values: (R, C) targets in units of the data, all series one behind the other.
        observed: (R, C) True where the value was in the table, False where it was filled.
        offsets: (S + 1,) series s owns rows offsets[s]:offsets[s + 1].
        train_end: (S,) global row index of the first row of each series that is not a train row.
        season: m, the rows from one season to the next; at least 1. Pairs of rows of which one
            was not observed are left out.

    Returns:
        The yardsticks, NaN where they are not defined.
    """
    offsets = np.asarray(offsets, dtype=np.int64)
    lengths = np.asarray(train_end, dtype=np.int64) - offsets[:-1]  # -> (S,)
    assert season >= 1, f"a season of {season} rows"
    assert ((lengths >= 0) & (lengths <= np.diff(offsets))).all(), "train rows outside their series"

    series = np.repeat(np.arange(len(lengths)), lengths)
    step = np.arange(len(series)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    rows = offsets[series] + step  # the train rows only, series by series
    known = np.asarray(observed, dtype=np.bool_)[rows]
    y = np.where(known, np.asarray(values, dtype=np.float64)[rows], 0.0)
    count = _sums(known, lengths)
    mean = _ratio(_sums(y, lengths), count)
    deviation = np.sqrt(_ratio(_sums(np.where(known, y - mean[series], 0.0) ** 2, lengths), count))

    later = np.flatnonzero(step >= season)
    pairs = np.maximum(lengths - season, 0)
    both = known[later] & known[later - season]
    change = np.where(both, y[later] - y[later - season], 0.0)
    count = _sums(both, pairs)
    seasonal_mae = _ratio(_sums(np.abs(change), pairs), count)
    seasonal_mse = _ratio(_sums(change**2, pairs), count)

    rounding = _ROUNDING * _segments(np.maximum, np.abs(y), lengths)
    with np.errstate(invalid="ignore"):
        return Yardsticks(
            seasonal_mae=np.where(seasonal_mae > rounding, seasonal_mae, np.nan),
            seasonal_mse=np.where(np.sqrt(seasonal_mse) > rounding, seasonal_mse, np.nan),
            mean=mean,
            deviation=np.where(deviation <= rounding, 0.0, deviation),
        )


def _segments(reduce: np.ufunc, rows: NDArray[Any], lengths: Ints) -> Floats:
    """Reduce (R, C) rows to (S, C) over consecutive pieces of the given lengths; 0 where empty."""
    out = np.zeros((len(lengths), rows.shape[1]))
    filled = lengths > 0  # reduceat has no empty pieces; without them the others still adjoin
    if filled.any():
        starts = (np.cumsum(lengths) - lengths)[filled]
        out[filled] = reduce.reduceat(rows.astype(np.float64), starts, axis=0)
    return out


def _sums(rows: NDArray[Any], lengths: Ints) -> Floats:
    return _segments(np.add, rows, lengths)


def _ratio(total: Floats, count: Floats) -> Floats:
    out = np.full(total.shape, np.nan)
    np.divide(total, count, out=out, where=count > 0)
    return out


class _Mean:
    """A running mean per step and target, over the points that define it."""

    def __init__(self, horizon: int, targets: int) -> None:
        self.total = np.zeros((horizon, targets))
        self.count = np.zeros((horizon, targets), dtype=np.int64)

    def add(self, errors: Floats, defined: Bools) -> None:
        """Take in (B, H, C) errors where `defined` is True, whatever they are elsewhere."""
        self.total += np.where(defined, errors, 0.0).sum(axis=0)
        self.count += defined.sum(axis=0)

    def over(self, where: tuple[int | slice, int | slice]) -> float | None:
        """The mean over the chosen steps and targets; None where no point defines it."""
        count = int(self.count[where].sum())
        mean = float(self.total[where].sum()) / count if count else math.nan
        return mean if math.isfinite(mean) else None  # not finite: the squares overflowed


class Scores:
    """All measures of one forecaster, taken in batch by batch; memory does not grow with N.

    Everything is summed in float64 per step and target, so the pooled numbers, those per target
    and those per step are means of the same sums.
    """

    def __init__(self, targets: Sequence[str], horizon: int, yardsticks: Yardsticks) -> None:
        """Start with no windows.

        Args:
            targets: The C names, in the order of the last axis of the forecasts.
            horizon: H, the steps of every forecast.
            yardsticks: Of the series that will be scored.
        """
        self._targets = tuple(targets)
        self._horizon = horizon
        self._yardsticks = yardsticks
        self._windows = 0
        kept = ("mae", "mse", "smape", "mape", "mase", "msse", "scaled_mse", "scaled_mae")
        self._means = {name: _Mean(horizon, len(self._targets)) for name in kept}

    def update(self, forecast: NDArray[Any], actual: NDArray[Any], series: NDArray[Any]) -> None:
        """Score a batch of windows.

        Args:
            forecast: (B, H, C) in units of the data.
            actual: (B, H, C) in units of the data; NaN where nothing was observed.
            series: (B,) the row of each window's series in the yardsticks.

        Raises:
            Diverged: A forecast is not a finite number where the actual is known.
        """
        f, y = np.asarray(forecast, dtype=np.float64), np.asarray(actual, dtype=np.float64)
        expected = (len(series), self._horizon, len(self._targets))
        assert f.shape == y.shape == expected, f"{f.shape} and {y.shape}, expected {expected}"
        known = ~np.isnan(y)
        self._refuse_non_finite(f, known)
        scale = self._yardsticks
        with np.errstate(all="ignore"):  # what is not defined is left out by `add`
            miss = np.abs(y - f)
            size = np.abs(y) + np.abs(f)
            a = scale.seasonal_mae[series][:, None]  # -> (B, 1, C)
            b = scale.seasonal_mse[series][:, None]
            deviation = scale.deviation[series][:, None]
            add = {name: mean.add for name, mean in self._means.items()}
            add["mae"](miss, known)
            add["mse"](miss**2, known)
            add["smape"](np.where(size > 0, 200 * miss / size, 0.0), known)
            add["mape"](100 * miss / np.abs(y), known & (y != 0))
            add["mase"](miss / a, known & (a > 0))
            add["msse"](miss**2 / b, known & (b > 0))
            # The mean of the z-score cancels in the difference of two of them.
            add["scaled_mse"]((miss / deviation) ** 2, known & (deviation > 0))
            add["scaled_mae"](miss / deviation, known & (deviation > 0))
        self._windows += len(series)

    def result(self) -> dict[str, Any]:
        """The measures over all windows so far, ready for JSON.

        Returns:
            The seven measures pooled over windows, steps and targets; the same seven in
            `per_target` (a dict for each name) and in `per_step` (a list of H for each measure);
            `scaled`, the `mse` and `mae` on z-scores with the train rows' mean and deviation,
            without the series that are constant there; `windows`, the windows taken in; `points`,
            the actuals scored.
        """
        everything = slice(None)
        steps = [self._measures((h, everything)) for h in range(self._horizon)]
        return {
            **self._measures((everything, everything)),
            "per_target": {
                name: self._measures((everything, c)) for c, name in enumerate(self._targets)
            },
            "per_step": {name: [step[name] for step in steps] for name in names},
            "scaled": {
                name: self._means[f"scaled_{name}"].over((everything, everything))
                for name in ("mse", "mae")
            },
            "windows": self._windows,
            "points": int(self._means["mae"].count.sum()),
        }

    def _measures(self, where: tuple[int | slice, int | slice]) -> dict[str, float | None]:
        mean = {name: each.over(where) for name, each in self._means.items()}
        roots = {"rmse": _root(mean["mse"]), "rmsse": _root(mean["msse"])}
        return {name: roots[name] if name in roots else mean[name] for name in names}

    def _refuse_non_finite(self, forecast: Floats, known: Bools) -> None:
        bad = known & ~np.isfinite(forecast)
        if bad.any():
            b, h, c = (int(index[0]) for index in np.nonzero(bad))
            raise Diverged(
                f"the forecast of '{self._targets[c]}', step {h + 1}, in window "
                f"{self._windows + b + 1} is {forecast[b, h, c]}, not a number that can be scored "
                f"({int(bad.sum())} such in {len(forecast)} windows); train with a lower "
                f"learning_rate or clip_norm, or look for extreme values in the data"
            )


def _root(square: float | None) -> float | None:
    return None if square is None else math.sqrt(square)

"""The forecasts of a page and their errors, by series and target."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from lstmcast.reporting.autocorrelation import autocorrelations, lags_for
from lstmcast.reporting.axis import Axis
from lstmcast.reporting.rows import Layout, Rows


@dataclass(frozen=True)
class Scored:
    """Errors of the test forecasts of an item.

    Attributes:
        points: Number of forecasts with a known actual value.
        mae: Mean absolute error, in units of the data.
        bias: Mean of forecast - actual.
        relative: mae / mean absolute change over one season, on the same rows: below 1, the
            forecast was closer than the value of one season before. None if the change is 0.
        coverage: Share of actual values inside the lowest level's bounds; None without bounds.
    """

    points: int
    mae: float | None
    bias: float | None
    relative: float | None
    coverage: float | None


@dataclass(frozen=True)
class Item:
    """One target of one series: P places of the axis from `first` on, L levels.

    Attributes:
        series: Name of the series; empty for a table with one series.
        target: Name of the target.
        first: Place on the axis where the arrays begin.
        actual: (P,) actual values; NaN where it is not known.
        forecast: (P,) test forecasts; NaN where there are none. Where forecasts overlap, the first.
        low: (L, P) lower bounds.
        high: (L, P) upper bounds.
        begins: (P,) whether a forecast begins here.
        future_first: Place where the forecast after the last row begins.
        future: (H,) forecast after the last row; may be empty.
        future_low: (L, H) lower bounds.
        future_high: (L, H) upper bounds.
        method: Method of the forecast after the last row; empty if unknown.
        places: (R,) places of all test forecasts, also of overlapping ones.
        errors: (R,) forecast - actual; NaN if the actual value is missing.
        scale: Mean absolute change of the actual values over one season; NaN if unknown.
        scored: Scores of the test forecasts.
        autocorrelation: Autocorrelation of the errors, by lag from 1 on.
    """

    series: tuple[str, ...]
    target: str
    first: int
    actual: np.ndarray
    forecast: np.ndarray
    low: np.ndarray
    high: np.ndarray
    begins: np.ndarray
    future_first: int
    future: np.ndarray
    future_low: np.ndarray
    future_high: np.ndarray
    method: str
    places: np.ndarray
    errors: np.ndarray
    scale: float
    scored: Scored
    autocorrelation: np.ndarray = field(default_factory=lambda: np.empty(0))

    @property
    def name(self) -> str:
        """Name of the series as one text."""
        return " · ".join(self.series)

    @property
    def laid_out(self) -> np.ndarray:
        """(P,) forecast - actual, by place."""
        return np.asarray(self.forecast - self.actual)


@dataclass(frozen=True)
class Part:
    """The rows of one series in a table, of one target; R rows, L levels.

    Attributes:
        places: (R,) on the axis.
        values: (R,) forecasts, or actual values.
        actuals: (R,) actual values.
        low: (L, R) lower bounds.
        high: (L, R) upper bounds.
        steps: (R,) step of the horizon.
        shown: (R,) whether no earlier forecast overlaps the row.
        methods: (R,) methods of the forecasts.
    """

    places: np.ndarray
    values: np.ndarray
    actuals: np.ndarray
    low: np.ndarray
    high: np.ndarray
    steps: np.ndarray
    shown: np.ndarray
    methods: np.ndarray


def items_of(
    axis: Axis, layout: Layout, test: Rows, recent: Rows | None, future: Rows | None
) -> list[Item]:
    """Every series and target, in the order of the table.

    Args:
        axis: Holds all stamps of the tables.
        layout: Names of the targets, and levels.
        test: Forecasts and actual values.
        recent: The last rows of history.
        future: The forecast after them.
    """
    levels = len(layout.levels)
    tables = [split(table, axis) if table is not None else {} for table in (test, recent, future)]
    items = [
        item_of(name, target, axis.season, levels, *parts)
        for name in dict.fromkeys(name for table in tables for name in table)
        for target, *parts in zip(
            layout.targets,
            *(table.get(name, [None] * len(layout.targets)) for table in tables),
            strict=True,
        )
    ]
    found = autocorrelations([item.laid_out for item in items], lags_for(axis.season))
    return [replace(item, autocorrelation=each) for item, each in zip(items, found, strict=True)]


def split(table: Rows, axis: Axis) -> dict[tuple[str, ...], list[Part]]:
    """Rows by series, with one part per target."""
    order = np.argsort(table.series, kind="stable")
    places, steps = axis.places(table.times)[order], table.steps[order]
    shown = not_overlapping(table.series[order], places, steps)
    values, actuals = table.values[order], table.actuals[order]
    low, high, methods = table.low[:, order], table.high[:, order], table.methods[order]
    ends = np.cumsum(np.bincount(table.series, minlength=len(table.names))).tolist()
    parts = {}
    for name, begin, end in zip(table.names, [0, *ends], ends, strict=False):
        own = slice(begin, end)
        parts[name] = [
            Part(
                places[own],
                values[own, k],
                actuals[own, k],
                low[:, own, k],
                high[:, own, k],
                steps[own],
                shown[own],
                methods[own],
            )
            for k in range(values.shape[1])
        ]
    return parts


def item_of(
    series: tuple[str, ...],
    target: str,
    season: int,
    levels: int,
    test: Part | None,
    recent: Part | None,
    future: Part | None,
) -> Item:
    """Place the rows of one series on the axis."""
    test, recent, future = (part or no_rows(levels) for part in (test, recent, future))
    known = np.concatenate([test.places, recent.places])
    first = int(known.min()) if len(known) else 0
    count = int(known.max()) - first + 1 if len(known) else 0
    actual, begins = np.full(count, np.nan), np.zeros(count, dtype=bool)
    actual[test.places - first] = test.actuals
    actual[recent.places - first] = recent.values
    kept = np.flatnonzero(test.shown)
    shown = test.places[kept] - first
    begins[shown[test.steps[kept] == 1]] = True
    made = np.full((1 + 2 * levels, count), np.nan)
    made[:, shown] = np.concatenate([test.values[None], test.low, test.high]).take(kept, axis=1)
    errors = test.values - test.actuals
    scale = mean_change(actual, season)
    # A wide table has empty cells before a column's own rows.
    ahead = np.flatnonzero(np.isfinite(future.values))
    return Item(
        series,
        target,
        first,
        actual,
        made[0],
        made[1 : 1 + levels],
        made[1 + levels :],
        begins,
        int(future.places[ahead[0]]) if len(ahead) else 0,
        future.values[ahead],
        future.low.take(ahead, axis=1),
        future.high.take(ahead, axis=1),
        str(future.methods[ahead[0]]) if len(ahead) else "",
        test.places,
        errors,
        scale,
        scored(errors, test, scale),
    )


def no_rows(levels: int) -> Part:
    """The empty part of a table without this series."""
    blank, bounds = np.empty(0), np.empty((levels, 0))
    places = np.empty(0, dtype=int)
    return Part(places, blank, blank, bounds, bounds, blank, blank > 0, blank)


def not_overlapping(series: np.ndarray, places: np.ndarray, steps: np.ndarray) -> np.ndarray:
    """(R,) whether a row's forecast begins after the end of all kept earlier forecasts.

    Args:
        series: (R,) series number; ascending.
        places: (R,) places, by series, then by origin.
        steps: (R,) step of the horizon; a forecast begins where it does not increase.
    """
    if not len(places):
        return np.empty(0, dtype=bool)
    places = places + series * (places.max() + 1)  # places of series do not overlap
    starts = 1 + np.flatnonzero((np.diff(steps) <= 0) | (np.diff(series) > 0))
    bounds = np.concatenate([[0], starts, [len(places)]])
    firsts, lasts = places[bounds[:-1]], places[bounds[1:] - 1]
    if (firsts[1:] > lasts[:-1]).all():
        return np.ones(len(places), dtype=bool)
    kept, reached = [], -1
    for first, last in zip(firsts.tolist(), lasts.tolist(), strict=True):
        kept.append(first > reached)
        reached = last if first > reached else reached
    return np.repeat(kept, np.diff(bounds))


def mean_change(actual: np.ndarray, season: int) -> float:
    """Mean absolute seasonal change, or change per step if there is no whole season."""
    lag = season if len(actual) > season else 1
    changes = np.abs(actual[lag:] - actual[:-lag])
    known = changes[np.isfinite(changes)]
    return float(known.mean()) if len(known) else float("nan")


def scored(errors: np.ndarray, test: Part, scale: float) -> Scored:
    """Scores of the forecasts of an item."""
    known = np.isfinite(errors)
    points = int(known.sum())
    if not points:
        return Scored(0, None, None, None, None)
    errors = errors[known]
    mae, bias = float(np.abs(errors).sum()) / points, float(errors.sum()) / points
    coverage = None
    if len(test.low):
        low, high = test.low[0], test.high[0]
        bounded = known & np.isfinite(low) & np.isfinite(high)
        within = bounded & (low <= test.actuals) & (test.actuals <= high)
        if bounded.any():
            coverage = int(within.sum()) / int(bounded.sum())
    return Scored(points, mae, bias, mae / scale if scale > 0 else None, coverage)


def ranked(items: list[Item]) -> list[int]:
    """Numbers of items, the worst first; those without scores at the end."""
    badness = [item.scored.relative for item in items]
    known = [k for k, value in enumerate(badness) if value is not None]
    rest = [k for k, value in enumerate(badness) if value is None]
    return sorted(known, key=lambda k: -(badness[k] or 0.0)) + rest


def featured(items: list[Item], each: int = 5) -> dict[str, list[int]]:
    """Numbers of the worst, the typical and the best items; all of them if they are few."""
    order = ranked(items)
    if len(items) <= 3 * each:
        return {"All": order}
    judged = [k for k in order if items[k].scored.relative is not None]
    if len(judged) < 3 * each:
        return {"First": list(range(3 * each))}
    middle = (len(judged) - each) // 2
    return {
        "Worst": judged[:each],
        "Typical": judged[middle : middle + each],
        "Best": judged[-each:][::-1],
    }

"""Statistics of the errors of test forecasts: over time, by size, by season, by lag."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from lstmcast.reporting.axis import Names
from lstmcast.reporting.series_results import Item

BARS = 60
"""Bars of a histogram."""


@dataclass(frozen=True)
class Errors:
    """R errors of one or more items.

    Attributes:
        places: (R,) places on the axis.
        values: (R,) forecast - actual: in units of the data for one item, else divided by the
            item's mean change over one season, so that all items weigh the same.
        unit: Title of a chart's axis.
        count: Number of items.
    """

    places: np.ndarray
    values: np.ndarray
    unit: str
    count: int


def collect_errors(items: list[Item]) -> Errors:
    """The errors of items; several items must have a scale, others are skipped."""
    if len(items) == 1:
        places, values = items[0].places, items[0].errors
        unit = "forecast - actual"
    else:
        items = [item for item in items if item.scale > 0]
        blank = [np.empty(0)]
        places = np.concatenate([*blank, *(item.places for item in items)])
        values = np.concatenate([*blank, *(item.errors / item.scale for item in items)])
        unit = "error / mean seasonal change"
    known = np.isfinite(values)
    return Errors(places[known].astype(int), values[known], unit, len(items))


def over_time(errors: Errors) -> pd.DataFrame:
    """By place: `mean`, and `low` and `high` around 80 % of the errors."""
    grouped = pd.Series(errors.values).groupby(errors.places)
    frame = pd.DataFrame({"mean": grouped.mean()})
    frame["low"], frame["high"] = grouped.quantile(0.1), grouped.quantile(0.9)
    return frame


def distribution(errors: Errors) -> tuple[np.ndarray, np.ndarray]:
    """Centers of bars, and counts; the outermost bars include all larger errors."""
    if not len(errors.values):
        return np.empty(0), np.empty(0, dtype=int)
    low, high = np.quantile(errors.values, [0.002, 0.998])
    counts, edges = np.histogram(np.clip(errors.values, low, high), bins=BARS)
    return (edges[1:] + edges[:-1]) / 2, counts


def mean_autocorrelation(items: list[Item]) -> np.ndarray:
    """The mean over items of the autocorrelation of their errors."""
    found = [item.autocorrelation for item in items]
    longest = max((len(each) for each in found), default=0)
    table = np.full((len(found), longest), np.nan)
    for row, each in zip(table, found, strict=True):
        row[: len(each)] = each
    known = np.isfinite(table).sum(axis=0)
    sums = np.nansum(table, axis=0)
    return np.asarray(sums / np.maximum(known, 1))


def by_name(errors: Errors, names: Names) -> pd.DataFrame:
    """By label: the 5, 25, 50, 75 and 95 % quantiles of the errors; NaN without errors."""
    grouped = pd.Series(errors.values).groupby(names.codes[errors.places])
    shares = [0.05, 0.25, 0.5, 0.75, 0.95]
    table = grouped.quantile(np.array(shares)).unstack()
    return table.reindex(index=range(len(names.labels)), columns=shares)


def calendar(errors: Errors, rows: Names, columns: Names) -> tuple[np.ndarray, np.ndarray]:
    """(rows, columns) mean absolute errors, NaN without errors, and their counts."""
    cells = rows.codes[errors.places] * len(columns.labels) + columns.codes[errors.places]
    size = len(rows.labels) * len(columns.labels)
    counts = np.bincount(cells, minlength=size)
    sums = np.bincount(cells, weights=np.abs(errors.values), minlength=size)
    means = np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)
    shape = (len(rows.labels), len(columns.labels))
    return means.reshape(shape), counts.reshape(shape)

"""Missing values -> values that were known at the time, as `data.gaps` says."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from lstmcast.errors import DataError, counted
from lstmcast.series.panel import FILLED, Panel
from lstmcast.series.read import Table
from lstmcast.series.splits import Cuts


def fill_gaps(panel: Panel, method: str, cuts: Cuts, table: Table) -> Panel:
    """Fill every missing value of history.

    `forward` and `mask` repeat the last known value; `zero` takes a missing value for a real 0, and
    a missing category for an unknown one; `interpolate` draws a straight line to the next known
    value, but never over a cut, where it fills forward, as it does with categories.

    Args:
        panel: With gaps as NaN.
        method: `forward`, `interpolate`, `zero`, `mask` or `error`.
        cuts: The rows that no line may be drawn across.
        table: For messages.

    Returns:
        A panel without NaN in its history, and with `observed` true where a value may be scored.

    Raises:
        DataError: `error` was asked for and something is missing.
    """
    if panel.store is not None:
        return panel  # it was filled when it was written
    ends = np.repeat(panel.ends, np.diff(panel.offsets))
    history = (np.arange(len(ends)) < ends)[:, None]
    missing = np.isnan(panel.values) & history
    if not missing.any():
        return panel
    if method == "error":
        raise _missing_values(panel, table, missing)
    if method == "zero":
        values = np.where(missing, 0.0, panel.values)
        return replace(panel, values=values, observed=panel.observed | missing)
    values = _forward(panel)
    if method == "interpolate":
        values = _interpolate(panel, values, cuts)
    return replace(panel, values=np.where(missing, values, panel.values))


def usable_origins(panel: Panel, method: str) -> np.ndarray | None:
    """(R + 1,) whether a forecast may start at a row (R: after all of them); None: everywhere.

    A line drawn to the next known value lets the values before know it, so with `interpolate` the
    row before a forecast must be a real one.
    """
    if method != "interpolate" or panel.store is not None or panel.observed.all():
        return None
    return np.concatenate([[True], panel.observed.all(axis=1)])


def _forward(panel: Panel) -> np.ndarray:
    """Each missing value takes the last one known in its series; series begin with known values."""
    rows = np.arange(len(panel.values))
    filled = np.empty_like(panel.values)
    for column in range(panel.values.shape[1]):
        last = np.maximum.accumulate(np.where(panel.observed[:, column], rows, 0))
        filled[:, column] = panel.values[last, column]
    return filled


def _interpolate(panel: Panel, forward: np.ndarray, cuts: Cuts) -> np.ndarray:
    """Lines between known neighbours of one series that lie on the same side of every cut."""
    rows = np.arange(len(panel.values))
    owner = panel.series_of(rows)
    side = (rows >= cuts.train[owner]).astype(np.int64) + (rows >= cuts.validation[owner])
    filled = forward.copy()
    for column in range(panel.values.shape[1]):
        if column in panel.coded_inputs:
            continue  # between two categories there is no line
        known = np.flatnonzero(panel.observed[:, column])
        gap = np.flatnonzero(~panel.observed[:, column] & (rows < known[-1]))
        after = known[np.searchsorted(known, gap)]
        before = np.maximum.accumulate(np.where(panel.observed[:, column], rows, 0))[gap]
        inside = (owner[before] == owner[after]) & (side[before] == side[after])
        gap = gap[inside]
        filled[gap, column] = np.interp(gap, known, panel.values[known, column])
    return filled


def _missing_values(panel: Panel, table: Table, missing: np.ndarray) -> DataError:
    """Say how much is missing and where it begins."""
    row, column = (int(k) for k in np.argwhere(missing)[0])
    owner = panel.series_of(np.array([row]))
    when = panel.format_times(panel.ordinals(np.array([row]), owner))[0]
    label = panel.describe(int(owner[0]))
    source = int(panel.source_rows[row])
    where = "the row is missing" if source == FILLED else table.line(source)
    whole_rows = int((panel.source_rows[missing.any(axis=1)] == FILLED).sum())
    absent = f"{counted(int(missing.sum()), 'value')} missing, {counted(whole_rows, 'whole row')}"
    place = f"'{panel.columns.inputs[column]}' at {when}{f' of {label}' if label else ''}"
    return DataError(
        f"{table.name}: {absent} among them; the first is {place} ({where}). "
        "Set data.gaps to forward, interpolate, zero or mask"
    )

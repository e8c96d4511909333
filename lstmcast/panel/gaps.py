"""Imputation: missing values -> values known at that time, as `data.gaps` says."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from lstmcast.errors import DataError, counted
from lstmcast.panel.blocks import owner_of_rows, row_blocks
from lstmcast.panel.panel import FILLED, Panel
from lstmcast.panel.splits import Cuts
from lstmcast.tables.read import Table


def fill_gaps(panel: Panel, method: str, cuts: Cuts, table: Table) -> Panel:
    """Fill every missing value of history.

    `forward` and `mask` repeat the last known value; `zero` takes 0 as the value, and the unknown
    category; `interpolate` draws a straight line to the next known value, but fills forward across
    a cut and in categorical columns.

    Args:
        panel: A panel with missing values as NaN.
        method: `forward`, `interpolate`, `zero`, `mask` or `error`.
        cuts: Ends of the splits, which no line may cross.
        table: For messages.

    Returns:
        A panel without NaN in its history; `observed` is true if a value may be scored.

    Raises:
        DataError: The method is `error` and a value is missing.
    """
    if panel.store is not None:
        return panel  # `stream_panel` has filled it
    found = find_missing(panel)
    if not found.values:
        return panel
    if method == "error":
        raise missing_values(panel, found, table, ERROR_ADVICE)
    values = panel.values.copy()
    observed = panel.observed.copy() if method == "zero" else panel.observed
    filled = replace(panel, values=values, observed=observed)
    fill_in_place(filled, method)
    if method == "interpolate":
        _interpolate(filled, cuts)
    return filled


ERROR_ADVICE = "Set data.gaps to forward, interpolate, zero or mask"


@dataclass(frozen=True)
class Missing:
    """The missing values in the history of a panel.

    Attributes:
        values: Number of missing values.
        rows: Number of whole rows that the table lacks.
        first: First panel row that lacks a value; -1: none.
    """

    values: int
    rows: int
    first: int


def find_missing(panel: Panel) -> Missing:
    """Count the missing values in the history of a panel before imputation."""
    values, rows, first = 0, 0, -1
    for begin, end in row_blocks(*panel.values.shape):
        known = panel.observed[begin:end]
        if known.all():
            continue
        missing = _missing_in(panel, begin, end)
        values += int(np.count_nonzero(missing))
        lacking = np.flatnonzero(missing.any(axis=1))
        rows += int((panel.source_rows[begin:end][lacking] == FILLED).sum())
        if first < 0 and len(lacking):
            first = begin + int(lacking[0])
    return Missing(values, rows, first)


def fill_in_place(panel: Panel, method: str) -> None:
    """Fill the missing values of history in place, block by block.

    Args:
        panel: Its `values` change, and with `zero` also `observed`.
        method: `zero`; any other repeats the last known value.
    """
    last_known = np.zeros(panel.values.shape[1])
    for begin, end in row_blocks(*panel.values.shape):
        values, observed = panel.values[begin:end], panel.observed[begin:end]
        if observed.all():
            last_known = values[-1].copy()
            continue
        missing = _missing_in(panel, begin, end)
        if method == "zero":
            values[missing] = 0.0
            observed[missing] = True
            continue
        for k in range(values.shape[1]):
            _forward(values[:, k], observed[:, k], missing[:, k], last_known, k)


def _missing_in(panel: Panel, begin: int, end: int) -> np.ndarray:
    """(B, F) whether a value of a block is missing in the history of its series."""
    ends = panel.ends[owner_of_rows(panel.offsets, begin, end)]
    missing: np.ndarray = ~panel.observed[begin:end]
    missing &= (np.arange(begin, end) < ends)[:, None]
    return missing


def _forward(
    values: np.ndarray, known: np.ndarray, missing: np.ndarray, last_known: np.ndarray, column: int
) -> None:
    """Each missing value of a block takes the last known one, perhaps from an earlier block.

    A series begins with known values, so it takes none from the series before it.
    """
    last = np.maximum.accumulate(np.where(known, np.arange(len(known)), -1))
    if missing.any():
        at = last[missing]
        values[missing] = np.where(at < 0, last_known[column], values[np.maximum(at, 0)])
    if last[-1] >= 0:
        last_known[column] = values[last[-1]]


def usable_origins(panel: Panel, method: str) -> np.ndarray | None:
    """(R + 1,) whether a forecast may start at a row (R: after all of them); None: everywhere.

    An interpolated value leaks the next known value. So with `interpolate` the row before a
    forecast must be observed.
    """
    if method != "interpolate" or panel.store is not None or panel.observed.all():
        return None
    return np.concatenate([[True], panel.observed.all(axis=1)])


def _interpolate(panel: Panel, cuts: Cuts) -> None:
    """Lines between known neighbours of one series within one split."""
    rows = np.arange(len(panel.values))
    owner = panel.series_of(rows)
    side = (rows >= cuts.train[owner]).astype(np.int64) + (rows >= cuts.validation[owner])
    for column in range(panel.values.shape[1]):
        if column in panel.coded_inputs:
            continue  # categories have no values between them
        observed = panel.observed[:, column]
        known = np.flatnonzero(observed)
        gap = np.flatnonzero(~observed & (rows < known[-1]) & (rows < panel.ends[owner]))
        after = known[np.searchsorted(known, gap)]
        before = np.maximum.accumulate(np.where(observed, rows, 0))[gap]
        inside = (owner[before] == owner[after]) & (side[before] == side[after])
        gap = gap[inside]
        panel.values[gap, column] = np.interp(gap, known, panel.values[known, column])


def missing_values(panel: Panel, found: Missing, table: Table, advice: str) -> DataError:
    """The error with the number of missing values, the first of them, and the advice."""
    row = found.first
    owner = panel.series_of(np.array([row]))
    when = panel.format_times(panel.ordinals(np.array([row]), owner))[0]
    label = panel.describe(int(owner[0]))
    source = int(panel.source_rows[row])
    where = "the row is missing" if source == FILLED else table.line(source)
    column = panel.columns.inputs[int(np.argmax(~panel.observed[row]))]
    absent = f"{counted(found.values, 'value')} missing, {counted(found.rows, 'whole row')}"
    return DataError(
        f"{table.name}: {absent} among them; the first is '{column}' at {when}"
        f"{f' of {label}' if label else ''} ({where}). {advice}"
    )

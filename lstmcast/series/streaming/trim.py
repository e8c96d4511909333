"""What `trim` leaves out and `fill_gaps` fills, of a panel in files, block by block."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from lstmcast.errors import DataError, counted
from lstmcast.series.blocks import owner_of_rows, owners, row_blocks
from lstmcast.series.panel import FILLED, Panel
from lstmcast.series.read import Table


def trim_stored(table: Table, panel: Panel) -> Panel:
    """Leave out unfinished starts and unknown ends; see `trim.trim`.

    Rows move towards the beginning of the files; what lies behind the last is no row any more.
    """
    rows, width = panel.values.shape
    heads, tails = panel.offsets[:-1], panel.offsets[1:]
    begins, ends = np.full(len(heads), rows), np.zeros(len(heads), dtype=np.int64)
    known_counts = np.zeros(width, dtype=np.int64)
    targets = len(panel.columns.targets)
    for begin, end in row_blocks(rows, width):
        known = panel.observed[begin:end]
        series, first = owners(panel.offsets, begin, end)
        here = np.arange(begin, end)
        complete = np.where(known.all(axis=1), here, rows)
        begins[series] = np.minimum(begins[series], np.minimum.reduceat(complete, first))
        last = np.where(known[:, :targets].any(axis=1), here + 1, 0)
        ends[series] = np.maximum(ends[series], np.maximum.reduceat(last, first))
        known_counts += known.sum(axis=0)
    lasts = _known_until(panel, ends) if panel.columns.future else ends
    usable = begins < rows
    if not usable.any():
        column = panel.columns.inputs[int(np.argmin(known_counts))]
        raise DataError(
            f"{table.name}: no series has a row with all its columns known; is '{column}' empty?"
        )
    if usable.all() and (begins == heads).all() and (lasts == tails).all():
        return replace(panel, ends=ends)
    early, lacking = _early(panel, begins, usable)
    kept = np.flatnonzero(usable)
    begins, ends, lasts = begins[kept], ends[kept], lasts[kept]
    offsets = np.concatenate([[0], np.cumsum(lasts - begins)])
    for k in range(len(kept)):
        _move(panel, int(begins[k]), int(lasts[k]), int(offsets[k]))
    left = int(offsets[-1])
    return replace(
        panel,
        names=[panel.names[k] for k in kept],
        values=panel.values[:left],
        observed=panel.observed[:left],
        static=panel.static[kept],
        offsets=offsets,
        ends=offsets[:-1] + ends - begins,
        starts=panel.starts[kept] + begins - heads[kept],
        source_rows=panel.source_rows[:left],
        left_out=tuple(panel.names[k] for k in np.flatnonzero(~usable)),
        begins_late=early,
        latest_column=panel.columns.inputs[int(lacking.argmax())],
    )


def _known_until(panel: Panel, ends: np.ndarray) -> np.ndarray:
    """(S,) the first row after a series' history without all future columns, or its end."""
    lasts = panel.offsets[1:].copy()
    future = len(panel.columns.future)
    for begin, end in row_blocks(*panel.values.shape):
        series, first = owners(panel.offsets, begin, end)
        here = np.arange(begin, end)
        owner = np.repeat(series, np.diff(first, append=end - begin))
        known = panel.observed[begin:end, -future:].all(axis=1)
        unknown = np.where((here >= ends[owner]) & ~known, here, panel.offsets[-1])
        lasts[series] = np.minimum(lasts[series], np.minimum.reduceat(unknown, first))
    return lasts


def _early(panel: Panel, begins: np.ndarray, usable: np.ndarray) -> tuple[int, np.ndarray]:
    """Rows before the first complete one of their series, and what each column lacks in them."""
    count, lacking = 0, np.zeros(panel.values.shape[1], dtype=np.int64)
    for begin, end in row_blocks(*panel.values.shape):
        owner = owner_of_rows(panel.offsets, begin, end)
        early = (np.arange(begin, end) < begins[owner]) & usable[owner]
        count += int(early.sum())
        lacking += (~panel.observed[begin:end][early]).sum(axis=0)
    return count, lacking


def _move(panel: Panel, begin: int, end: int, to: int) -> None:
    """Move rows towards the beginning."""
    if begin == to:
        return
    for first, last in row_blocks(end - begin, panel.values.shape[1]):
        source, target = slice(begin + first, begin + last), slice(to + first, to + last)
        for array in (panel.values, panel.observed, panel.source_rows):
            array[target] = array[source].copy()


def fill_stored(panel: Panel, method: str, table: Table) -> tuple[Panel, int]:
    """Fill the gaps of history where they lie; see `gaps.fill_gaps`.

    Returns:
        The panel, and how many values were missing.

    Raises:
        DataError: `error` was asked for, or a line (`interpolate`), and something is missing.
    """
    missing_count, whole, first = 0, 0, -1
    carried = np.zeros(panel.values.shape[1])
    for begin, end in row_blocks(*panel.values.shape):
        known, values = panel.observed[begin:end], panel.values[begin:end]
        if known.all():
            carried = values[-1].copy()
            continue
        history = np.arange(begin, end) < panel.ends[owner_of_rows(panel.offsets, begin, end)]
        missing = ~known & history[:, None]
        missing_count += int(missing.sum())
        rows = missing.any(axis=1)
        whole += int((panel.source_rows[begin:end][rows] == FILLED).sum())
        if first < 0 and rows.any():
            first = begin + int(np.argmax(rows))
        if method in ("error", "interpolate"):
            continue
        if method == "zero":
            values[missing] = 0.0
            known[missing] = True
            continue
        for k in range(values.shape[1]):
            _forward(values[:, k], known[:, k], missing[:, k], carried, k)
    if missing_count and method in ("error", "interpolate"):
        raise _missing(panel, method, table, missing_count, whole, first)
    return panel, missing_count


def _forward(
    values: np.ndarray, known: np.ndarray, missing: np.ndarray, carried: np.ndarray, column: int
) -> None:
    """Each missing value of a block takes the last one known, perhaps of a block before."""
    last = np.maximum.accumulate(np.where(known, np.arange(len(known)), -1))
    if missing.any():
        at = last[missing]
        values[missing] = np.where(at < 0, carried[column], values[np.maximum(at, 0)])
    if last[-1] >= 0:
        carried[column] = values[last[-1]]


def _missing(
    panel: Panel, method: str, table: Table, count: int, whole: int, row: int
) -> DataError:
    """Say how much is missing and where it begins."""
    column = int(np.argmax(~panel.observed[row]))
    owner = panel.series_of(np.array([row]))
    when = panel.format_times(panel.ordinals(np.array([row]), owner))[0]
    label = panel.describe(int(owner[0]))
    source = int(panel.source_rows[row])
    where = "the row is missing" if source == FILLED else table.line(source)
    place = f"'{panel.columns.inputs[column]}' at {when}{f' of {label}' if label else ''}"
    advice = (
        "Set data.gaps to forward, interpolate, zero or mask"
        if method == "error"
        else "Lines over gaps (data.gaps: interpolate) are not drawn in a table on disk yet: set "
        "data.gaps to forward, zero or mask, or data.storage to memory"
    )
    return DataError(
        f"{table.name}: {counted(count, 'value')} missing, {counted(whole, 'whole row')} among "
        f"them; the first is {place} ({where}). {advice}"
    )

"""Leave out the rows of a panel that no forecast can use."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from lstmcast.errors import DataError
from lstmcast.panel.blocks import owner_of_rows, owners, row_blocks
from lstmcast.panel.panel import Panel
from lstmcast.tables.read import Table


def trim(table: Table, panel: Panel) -> Panel:
    """Leave out incomplete rows at the start and unknown rows at the end of each series.

    A series begins with its first complete row, so every later missing value has a known value
    before it. Its history ends with its last row that has a target. Later rows stay while every
    future covariate is known.

    Args:
        table: For messages.
        panel: Its arrays change: rows move towards the beginning.

    Raises:
        DataError: No series has a complete row.
    """
    if all(panel.observed[begin:end].all() for begin, end in row_blocks(*panel.values.shape)):
        return replace(panel, ends=panel.offsets[1:])
    known = _known_rows(panel)
    heads, tails = panel.offsets[:-1], panel.offsets[1:]
    begins, ends = known.begins, known.ends
    usable = begins < len(panel.values)
    if not usable.any():
        column = panel.columns.inputs[int(np.argmin(known.counts))]
        raise DataError(
            f"{table.name}: no series has a row without missing values; is '{column}' empty?"
        )
    lasts = _known_until(panel, ends) if panel.columns.future else ends
    if usable.all() and (begins == heads).all() and (lasts == tails).all():
        return replace(panel, ends=ends)
    early, lacking = _early(panel, begins, usable)
    kept = np.flatnonzero(usable)
    begins, ends, lasts = begins[kept], ends[kept], lasts[kept]
    offsets = np.concatenate([[0], np.cumsum(lasts - begins)])
    _move_rows(panel, begins, offsets)
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


@dataclass(frozen=True)
class _KnownRows:
    """Known rows of each series.

    Attributes:
        begins: (S,) first complete row; the number of all rows if there is none.
        ends: (S,) one past the last row with a target.
        counts: (F,) number of known values of each column.
    """

    begins: np.ndarray
    ends: np.ndarray
    counts: np.ndarray


def _known_rows(panel: Panel) -> _KnownRows:
    rows, width = panel.values.shape
    series_count, targets = len(panel.ends), len(panel.columns.targets)
    begins, ends = np.full(series_count, rows), np.zeros(series_count, dtype=np.int64)
    counts = np.zeros(width, dtype=np.int64)
    for begin, end in row_blocks(rows, width):
        known, here = panel.observed[begin:end], np.arange(begin, end)
        series, first = owners(panel.offsets, begin, end)
        complete = np.where(known.all(axis=1), here, rows)
        begins[series] = np.minimum(begins[series], np.minimum.reduceat(complete, first))
        last = np.where(known[:, :targets].any(axis=1), here + 1, 0)
        ends[series] = np.maximum(ends[series], np.maximum.reduceat(last, first))
        counts += known.sum(axis=0)
    return _KnownRows(begins, ends, counts)


def _known_until(panel: Panel, ends: np.ndarray) -> np.ndarray:
    """(S,) first row after a series' history that lacks a future covariate, or its end."""
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
    """Number of rows before the first complete one, and of each column's gaps in them."""
    count, lacking = 0, np.zeros(panel.values.shape[1], dtype=np.int64)
    for begin, end in row_blocks(*panel.values.shape):
        owner = owner_of_rows(panel.offsets, begin, end)
        early = (np.arange(begin, end) < begins[owner]) & usable[owner]
        count += int(early.sum())
        lacking += (~panel.observed[begin:end][early]).sum(axis=0)
    return count, lacking


def _move_rows(panel: Panel, begins: np.ndarray, offsets: np.ndarray) -> None:
    """Move the rows of each series from `begins` to `offsets`, towards the beginning.

    So no block overwrites rows that a later block reads.
    """
    for begin, end in row_blocks(int(offsets[-1]), panel.values.shape[1]):
        owner = owner_of_rows(offsets, begin, end)
        source = np.arange(begin, end) + (begins - offsets[:-1])[owner]
        if source[-1] - source[0] == end - begin - 1:
            if source[0] == begin:
                continue
            source = slice(source[0], source[-1] + 1)
        for array in (panel.values, panel.observed, panel.source_rows):
            array[begin:end] = array[source].copy() if isinstance(source, slice) else array[source]

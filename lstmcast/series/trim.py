"""Leave out the rows of a panel that nothing can be forecast from."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from lstmcast.errors import DataError
from lstmcast.series.panel import Panel
from lstmcast.series.read import Table


def trim(table: Table, panel: Panel) -> Panel:
    """Leave out what nothing can be known of: unfinished starts and unknown ends.

    A series begins with its first row that has every column, so that whatever is missing later has
    a value before it, and its history ends with its last row that has a target. Rows after that
    stay while every future column is known.
    """
    if panel.observed.all():
        return replace(panel, ends=panel.offsets[1:])
    rows = np.arange(len(panel.values))
    heads, tails = panel.offsets[:-1], panel.offsets[1:]
    never = len(rows)
    complete = panel.observed.all(axis=1)
    begins = np.minimum.reduceat(np.where(complete, rows, never), heads)
    any_target = panel.targets_observed.any(axis=1)
    ends = np.maximum.reduceat(np.where(any_target, rows, -1), heads) + 1
    lasts = ends
    if panel.columns.future:
        known = panel.observed[:, -len(panel.columns.future) :].all(axis=1)
        owner = panel.series_of(rows)
        unknown = np.where((rows >= ends[owner]) & ~known, rows, never)
        lasts = np.minimum(np.minimum.reduceat(unknown, heads), tails)
    usable = begins < never
    if not usable.any():
        column = panel.columns.inputs[int(np.argmin(panel.observed.sum(axis=0)))]
        raise DataError(
            f"{table.name}: no series has a row with all its columns known; is '{column}' empty?"
        )
    if usable.all() and (begins == heads).all() and (lasts == tails).all():
        return replace(panel, ends=ends)
    early = (rows < np.minimum(begins, tails)[panel.series_of(rows)]) & usable[
        panel.series_of(rows)
    ]
    lacking = (early[:, None] & ~panel.observed).sum(axis=0)
    begins, ends, lasts = begins[usable], ends[usable], lasts[usable]
    lengths = lasts - begins
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    kept = np.arange(offsets[-1]) + np.repeat(begins - offsets[:-1], lengths)
    return replace(
        panel,
        names=[name for name, keep in zip(panel.names, usable, strict=True) if keep],
        values=panel.values[kept],
        observed=panel.observed[kept],
        static=panel.static[usable],
        offsets=offsets,
        ends=offsets[:-1] + ends - begins,
        starts=panel.starts[usable] + begins - heads[usable],
        source_rows=panel.source_rows[kept],
        left_out=tuple(name for name, keep in zip(panel.names, usable, strict=True) if not keep),
        begins_late=int(early.sum()),
        latest_column=panel.columns.inputs[int(lacking.argmax())],
    )

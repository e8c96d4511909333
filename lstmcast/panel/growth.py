"""Refuses a grid far longer than its table, which points to a mistyped stamp."""

from __future__ import annotations

import numpy as np

from lstmcast.errors import DataError
from lstmcast.panel.grid import NEVER, GridPlaces
from lstmcast.panel.table_rows import TableRows

GROWTH_LIMIT = 20
"""A grid this many times longer than the table points to a mistyped stamp, not to gaps."""

PARTS = 1 << 16
"""Parts of a series in the search for its widest gap."""


def refuse_growth(rows: TableRows, places: GridPlaces) -> None:
    """Raise DataError, with the widest gap of the longest series, if the grid is too long."""
    total = int(places.lengths.sum())
    if total <= GROWTH_LIMIT * places.kept + 10_000:
        return
    series = int(np.argmax(places.lengths))
    before, after = _widest_gap(rows, places, series)
    lines = [rows.table.line(_row_at(rows, series, place)) for place in (before, after)]
    raise DataError(
        f"{rows.table.name}: on a grid that is {places.frequency.words} its {places.kept:,} rows "
        f"would become {total:,}; the widest gap, {after - before:,} steps, is between "
        f"{lines[0]} and {lines[1]}. Fix the stamp, or set data.frequency, data.start or data.end"
    )


def _widest_gap(rows: TableRows, places: GridPlaces, series: int) -> tuple[int, int]:
    """Places before and after the widest gap of a series, without all rows in memory.

    The last row of a part and the first row of the next nonempty part are neighbours. The widest
    of these gaps is the widest of all, unless no gap is as long as a part.
    """
    begin, length = int(places.first[series]), int(places.lengths[series])
    size = -(-length // PARTS)
    lowest, highest = np.full(PARTS, NEVER), np.full(PARTS, -NEVER)
    for block in rows.store.blocks():
        found = block.ticks[block.codes == series]
        part = (found - begin) // size
        np.minimum.at(lowest, part, found)
        np.maximum.at(highest, part, found)
    there = np.flatnonzero(highest >= lowest)
    befores, afters = highest[there[:-1]], lowest[there[1:]]
    widest = int(np.argmax(afters - befores))
    return int(befores[widest]), int(afters[widest])


def _row_at(rows: TableRows, series: int, place: int) -> int:
    """The first row of a series at a place."""
    found = (
        block.begin + hits[0]
        for block in rows.store.blocks()
        if len(hits := np.flatnonzero((block.codes == series) & (block.ticks == place)))
    )
    return int(next(found))

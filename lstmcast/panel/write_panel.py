"""Rows with their places -> the arrays of a panel, in memory or mapped from files."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from lstmcast.config import DataConfig
from lstmcast.errors import DataError
from lstmcast.panel.blocks import row_blocks
from lstmcast.panel.derive import Wanted, derived_at, wanted, with_names
from lstmcast.panel.duplicates import Duplicates, PlacedRows
from lstmcast.panel.grid import GridPlaces, PanelOptions, run_heads
from lstmcast.panel.growth import refuse_growth
from lstmcast.panel.mapped import new_file
from lstmcast.panel.panel import FILLED, Columns, Panel
from lstmcast.panel.table_rows import RowBlock, TableRows

VALUES, OBSERVED, SOURCE_ROWS = "values.f64", "observed.bool", "source_rows.i64"
"""File names of the arrays of a panel on disk."""


def write_panel(
    rows: TableRows, options: PanelOptions, places: GridPlaces, folder: Path | None = None
) -> Panel:
    """Write a panel with a row for each place between a series' first and last row.

    Args:
        rows: Rows after `place_rows`.
        options: Columns by role, duplicates, and derived columns.
        places: Places of the rows.
        folder: Folder for the files of the arrays; None: they are in memory.

    Returns:
        The panel with its derived columns and with missing values as NaN.

    Raises:
        ConfigError: A derived column has the name of another.
        DataError: The grid is far longer than the table, there are duplicates, or a static
            covariate changes.
        OSError: The disk is full.
    """
    refuse_growth(rows, places)
    config = options.config
    want = wanted(places.frequency, config, options.horizon)
    bare = _bare_panel(rows, config, places, want)
    panel = with_names(bare, want) if want else bare
    writer = _Writer(rows, config, places, bare, panel, folder)
    values, source = writer.write()
    observed = new_array(folder, OBSERVED, np.bool_, values.shape)
    for begin, end in row_blocks(*values.shape):
        np.equal(values[begin:end], values[begin:end], out=observed[begin:end])  # NaN is not NaN
    static = writer.static.settled(panel.names)
    panel = replace(panel, values=values, observed=observed, source_rows=source, static=static)
    if want:
        _derive(panel, replace(bare, values=values, observed=observed), want)
    return panel


def new_array(folder: Path | None, name: str, kind: Any, shape: tuple[int, ...]) -> np.ndarray:
    """A new array, in memory or mapped from a new file in a folder."""
    return np.empty(shape, kind) if folder is None else new_file(folder / name, kind, shape)


def _bare_panel(rows: TableRows, config: DataConfig, places: GridPlaces, want: Wanted) -> Panel:
    """The panel without its rows and without derived columns."""
    columns = Columns(
        tuple(config.target), tuple(config.past), tuple(config.future), tuple(config.static)
    )
    used = np.flatnonzero(places.lengths)
    lengths = places.lengths[used]
    offsets = np.concatenate([[0], np.cumsum(lengths + want.ahead)])
    return Panel(
        columns=columns,
        series_columns=tuple(config.series),
        names=[rows.names[k] for k in used],
        values=np.full((1, len(columns.inputs)), np.nan),
        observed=np.zeros((1, len(columns.inputs)), dtype=bool),
        static=np.empty((len(used), len(columns.static))),
        offsets=offsets,
        ends=offsets[:-1] + lengths,
        starts=places.first[used],
        source_rows=np.full(1, FILLED),
        frequency=places.frequency,
        time=config.time,
        style=rows.style,
        words=rows.words,
    )


class _Writer:
    """Writes the rows of a table to their places.

    `bare` is the panel with the columns of the table, `panel` has the derived columns too.
    """

    def __init__(
        self,
        rows: TableRows,
        config: DataConfig,
        places: GridPlaces,
        bare: Panel,
        panel: Panel,
        folder: Path | None,
    ) -> None:
        self.rows, self.config, self.places, self.folder = rows, config, places, folder
        self.shape = int(panel.offsets[-1]), len(panel.columns.inputs)
        self.future = len(bare.columns.future)
        used = np.flatnonzero(places.lengths)
        # By series: panel row minus grid place, and index in the panel.
        self.shift, number = np.zeros((2, len(places.lengths)), dtype=np.int64)
        self.shift[used], number[used] = bare.offsets[:-1] - bare.starts, np.arange(len(used))
        self.static = _Static(rows.table.name, config.static, number, len(used))
        at = {name: k for k, name in enumerate(panel.columns.inputs)}
        self.columns = np.array([at[name] for name in bare.columns.inputs])

    def write(self) -> tuple[np.ndarray, np.ndarray]:
        """(R, F) values, without those of derived columns, and (R,) rows of the table."""
        backwards = self.config.duplicates == "last"
        blocks = self.rows.store.blocks(backwards)
        placed: Iterator[PlacedRows] = map(self._placed, blocks)
        if self.folder is None:  # all rows are one block
            held = next(placed)
            if held.values.shape == self.shape and (np.diff(held.targets) == 1).all():
                self.static.add(held)
                return held.values, held.rows
            placed = iter([held])
        return self._scatter(placed)

    def _placed(self, block: RowBlock) -> PlacedRows:
        """The used rows of a block, sorted, so that access to files is sequential."""
        chosen: slice | np.ndarray = slice(None)
        if len(block.codes) and block.codes.min() < 0:
            chosen = np.flatnonzero(block.codes >= 0)
        codes, places = block.codes[chosen], block.ticks[chosen]
        targets = self.shift[codes] + places
        if not (targets[1:] >= targets[:-1]).all():
            order = np.argsort(targets, kind="stable")
            codes, places, targets = codes[order], places[order], targets[order]
            chosen = order if isinstance(chosen, slice) else chosen[order]
        numbers = np.arange(block.begin, block.begin + len(block.codes))[chosen]
        values = block.values[chosen]
        last = self.places.last
        if last is not None and (late := places > last).any():
            values = values.copy()  # a block may be a read-only map
            values[late, : values.shape[1] - self.future] = np.nan
        return PlacedRows(numbers, codes, places, targets, values, block.static[chosen])

    def _scatter(self, blocks: Iterator[PlacedRows]) -> tuple[np.ndarray, np.ndarray]:
        values = new_array(self.folder, VALUES, np.float64, self.shape)
        source = new_array(self.folder, SOURCE_ROWS, np.int64, self.shape[:1])
        for begin, end in row_blocks(*self.shape):
            source[begin:end] = FILLED
        held = self.folder is None
        duplicates = Duplicates(self.rows, self.config, self.places, held)
        for block in blocks:
            placed = duplicates.settle(block, source)
            self.static.add(placed)
            self._put(placed, values, source)
        duplicates.refuse()
        for begin, end in row_blocks(*self.shape):
            values[begin:end][source[begin:end] == FILLED] = np.nan
        return values, source

    def _put(self, placed: PlacedRows, values: np.ndarray, source: np.ndarray) -> None:
        targets = placed.targets
        one_piece = len(targets) and targets[-1] - targets[0] == len(targets) - 1
        at = slice(targets[0], targets[-1] + 1) if one_piece else targets
        source[at] = placed.rows
        if len(self.columns) == values.shape[1]:
            values[at] = placed.values
        else:
            values[targets[:, None], self.columns] = placed.values


class _Static:
    """The value of each static covariate in each series.

    `number` maps the index of a series among all names to its index in the panel.
    """

    def __init__(self, name: str, columns: list[str], number: np.ndarray, series: int) -> None:
        self.name, self.columns, self.number = name, columns, number
        self.lowest, self.highest = np.full((2, series, len(columns)), np.nan)

    def add(self, placed: PlacedRows) -> None:
        """Add rows that are sorted by series."""
        if not (self.columns and len(placed.codes)):
            return
        heads = run_heads(placed.codes)
        series = self.number[placed.codes[heads]]
        low = np.fmin.reduceat(placed.static, heads, axis=0)
        high = np.fmax.reduceat(placed.static, heads, axis=0)
        self.lowest[series] = np.fmin(self.lowest[series], low)
        self.highest[series] = np.fmax(self.highest[series], high)

    def settled(self, names: list[tuple[str, ...]]) -> np.ndarray:
        """(S, K) the values; refuses a column without one single value in a series."""
        for k, column in enumerate(self.columns):
            odd = np.flatnonzero(~(self.lowest[:, k] == self.highest[:, k]))
            if len(odd):
                series = int(odd[0])
                label = " ".join(names[series]) or "the table"
                what = "has no value" if np.isnan(self.lowest[series, k]) else "changes"
                raise DataError(
                    f"{self.name}: static column '{column}' {what} in {label} "
                    f"({len(odd)} such series); list it in data.past or data.future instead"
                )
        return self.lowest


def _derive(panel: Panel, bare: Panel, want: Wanted) -> None:
    """Fill in the derived columns, block by block."""
    at = {name: k for k, name in enumerate(panel.columns.inputs)}
    for begin, end in row_blocks(*panel.values.shape):
        for made in derived_at(bare, want, np.arange(begin, end)):
            for name, column in made.items():
                panel.values[begin:end, at[name]] = column
                panel.observed[begin:end, at[name]] = ~np.isnan(column)

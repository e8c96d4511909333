"""Tables with one column per series (wide) or one row per series (rows), as long tables.

A long table has a row for each series and step. Such a row is a cell of the file: column s and
row t of a wide table, or row s and column t of a table with layout `rows`.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
import pyarrow as pa

from lstmcast import limits
from lstmcast.config import DataConfig
from lstmcast.errors import DataError
from lstmcast.tables.csv_rows import Watch
from lstmcast.tables.number_cells import number_cells
from lstmcast.tables.read import Table, read_table

SERIES, VALUE = "series", "value"
"""Columns of the long form of a wide table: the name of the wide column, and its cell."""


@dataclass(frozen=True)
class LongTable(Table):
    """A wide or rows table as a long one: one series after the other, steps in order.

    Attributes:
        base: The table as read.
        layout: `wide` or `rows`.
        series_column: Name of the column with the names of the series.
        value_column: Name of the column of values.
        time: Column of stamps; None if steps are counted.
        series_names: (S,) texts.
        columns: Header of a table with layout `rows`.
        values: (R,) float64, NaN for an empty cell.
        offsets: (S + 1,) first row of each series, and the number of rows.
    """

    base: Table = field(default_factory=lambda: Table("", pd.DataFrame(), ""))
    layout: str = "wide"
    series_column: str = SERIES
    value_column: str = VALUE
    time: str | None = None
    series_names: np.ndarray = field(default_factory=lambda: np.empty(0, dtype=object))
    columns: tuple[str, ...] = ()
    values: np.ndarray = field(default_factory=lambda: np.empty(0))
    offsets: np.ndarray = field(default_factory=lambda: np.zeros(1, dtype=np.int64))

    def line(self, row: int) -> str:
        """Line and column of the cell of a row."""
        series, step = self._cell(row)
        if self.layout == "wide":
            return f"{self.base.line(step)}, column '{self.series_names[series]}'"
        return f"{self.base.line(series)}, column '{self.columns[step + 1]}'"

    def file_rows(self, rows: np.ndarray) -> np.ndarray:
        """Rows of the file, counted from 0, that hold the given rows."""
        series = np.searchsorted(self.offsets, rows, side="right") - 1
        return rows - self.offsets[series] if self.layout == "wide" else series

    def numbers(self, column: str) -> np.ndarray:
        """(R,) float64; see `Table.numbers`."""
        assert column == self.value_column
        return self.values

    def text(self, column: str) -> np.ndarray:
        """(R,) object array of str; see `Table.text`."""
        lengths = np.diff(self.offsets)
        if column == self.series_column:
            return np.repeat(self.series_names, lengths)
        assert column == self.time
        return np.tile(self.base.text(column), len(lengths))

    def coded(self, column: str) -> tuple[np.ndarray, np.ndarray]:
        """(R,) a number for each cell, and their texts; see `Table.coded`."""
        lengths = np.diff(self.offsets)
        if column == self.series_column:
            return np.repeat(np.arange(len(lengths), dtype=np.int32), lengths), self.series_names
        assert column == self.time
        numbers, texts = self.base.coded(column)
        return np.tile(numbers.astype(np.int32), len(lengths)), texts

    def strings(self, column: str) -> pa.Array:
        """(R,) the same as `text` in an Arrow array."""
        return pa.array(self.text(column), pa.string())

    def without_cells(self) -> Table:
        """The table with only what messages need."""
        base = replace(self.base, frame=self.base.frame.iloc[:0])
        return replace(self, base=base, values=self.values[:0])

    def long_config(self, config: DataConfig) -> DataConfig:
        """The config for the long table."""
        roles = {"series": [self.series_column], "target": [self.value_column]}
        return config.model_copy(update={**roles, "layout": "long"})

    def _cell(self, row: int) -> tuple[int, int]:
        """Number of the series and of the step of a row."""
        series = int(np.searchsorted(self.offsets, row, side="right")) - 1
        return series, row - int(self.offsets[series])


def read_wide(
    config: DataConfig, watch: Watch | None = None, raw: bytes | None = None
) -> LongTable:
    """A table with one column per series -> a long table.

    Args:
        config: `data.target` lists the columns.
        watch: Receives progress.
        raw: Bytes of the file if they are already in memory.

    Raises:
        DataError: The table cannot be read, or a column has cells that are not numbers.
    """
    time = [config.time] if config.time else []
    columns = [*time, *config.target]
    found = None
    if len(config.target) >= limits.COLUMNS_PARSED_TOGETHER:
        few = time or config.target[:1]
        table = read_table(config.path, columns=few, text=time, watch=watch, raw=raw)
        found = _cells_of_many_columns(table, config)
    if found is None:
        table = read_table(config.path, columns=columns, text=time, watch=watch, raw=raw)
        found = _numbers(table, config.target)
    cells = found  # (S, R)
    count, rows = cells.shape
    return LongTable(
        table.name,
        pd.DataFrame(index=pd.RangeIndex(cells.size)),
        table.digest,
        base=table,
        time=config.time,
        series_names=np.array(config.target, dtype=object),
        values=cells.ravel(),
        offsets=np.arange(count + 1) * rows,
    )


def read_rows(
    config: DataConfig, watch: Watch | None = None, raw: bytes | None = None
) -> LongTable:
    """A table with one series per row, a name and then the values -> a long table.

    Empty cells after the last value of a row are no steps; those before it are missing values.

    Args:
        config: `data.target` is the name for the values.
        watch: Receives progress.
        raw: Bytes of the file if they are already in memory.

    Raises:
        DataError: The table cannot be read, a name is missing or a duplicate, a cell is not a
            number, or no row has a value.
    """
    table = read_table(config.path, watch=watch, raw=raw)
    header = [str(name) for name in table.frame.columns]
    names = table.text(header[0])
    _check_names(table, names)
    cells = _numbers(table, header[1:]).T  # (S, W)
    known = ~np.isnan(cells)
    if not known.any():
        raise DataError(
            f"{table.name}: no row has a value after its name, but data.layout is rows: each row "
            "must be a name and then values"
        )
    lengths = np.where(known.any(axis=1), cells.shape[1] - known[:, ::-1].argmax(axis=1), 1)
    values = cells[np.arange(cells.shape[1]) < lengths[:, None]]
    value_column = config.target[0]
    return LongTable(
        table.name,
        pd.DataFrame(index=pd.RangeIndex(len(values))),
        table.digest,
        base=table,
        layout="rows",
        series_column=_series_column(header[0], value_column),
        value_column=value_column,
        series_names=names,
        columns=tuple(header),
        values=values,
        offsets=np.concatenate([[0], np.cumsum(lengths)]),
    )


def has_rows_header(header: list[str]) -> bool:
    """Whether the columns are V1, V2, V3, ..., as in the files of the M4 competition."""
    return len(header) > 2 and header == [f"V{k}" for k in range(1, len(header) + 1)]


def _cells_of_many_columns(table: Table, config: DataConfig) -> np.ndarray | None:
    """(S, R) the targets of a wide CSV, parsed together; None if the file is not that simple."""
    if table.csv is None:
        return None
    places = {name: k for k, name in enumerate(table.csv.dialect.header)}
    if not places.keys() >= set(config.target):
        return None
    skip = places[config.time] if config.time else None
    cells = number_cells(table.csv.load(), table.csv.dialect, skip)
    if cells is None:
        return None
    taken = np.array([places[name] for name in config.target])
    if (np.diff(taken) == 1).all():  # a view, not a copy
        return cells[:, taken[0] : taken[0] + len(taken)].T
    return cells[:, taken].T


def _numbers(table: Table, columns: list[str]) -> np.ndarray:
    """(columns, R) float64, fast for many columns; refuses cells that are not finite numbers."""
    frame = table.frame[columns]
    if all(pd.api.types.is_numeric_dtype(kind) for kind in frame.dtypes.unique()):
        values = frame.to_numpy(dtype=np.float64, na_value=np.nan).T
        if not np.isinf(values).any():
            return values
    return np.stack([table.numbers(name) for name in columns])


def _series_column(header: str, value_column: str) -> str:
    """Name of the first column; `series` if that name has no meaning or is in use."""
    taken = ("", "V1", "method", "origin", "step", value_column)
    return SERIES if header.strip() in taken else header


def _check_names(table: Table, names: np.ndarray) -> None:
    column = table.frame.columns[0]
    empty = np.flatnonzero(names == "")
    if len(empty):
        raise DataError(
            f"{table.name}, {table.line(int(empty[0]))}: column '{column}' names the series and is "
            f"empty ({len(empty)} such rows)"
        )
    numbers = pd.factorize(names)[0]
    again = np.flatnonzero(pd.Series(numbers).duplicated().to_numpy())
    if len(again):
        first = int(np.flatnonzero(numbers == numbers[again[0]])[0])
        raise DataError(
            f"{table.name}, {table.line(int(again[0]))}: the series '{names[again[0]]}' already "
            f"has a row, {table.line(first)} ({len(again)} such rows); data.layout is rows: each "
            "row must be a series with a different name"
        )

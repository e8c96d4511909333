"""Tables whose series stand side by side (wide) or one to a row (rows), seen as long ones.

A long table has a row for each series and step. Here such a row is a cell of the file: of column s
and row t in a wide table, of row s and column t in a table of rows.
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
"""Columns of a long table that was wide: the name of the column, and its cell."""


@dataclass(frozen=True)
class LongTable(Table):
    """A table in another layout as a long one: series behind series, steps in order.

    Attributes:
        base: As read.
        layout: `wide` or `rows`.
        series_column: What the column is called that names the series.
        value_column: What the column of values is called.
        time: The column of stamps; None where steps are counted.
        series_names: (S,) texts.
        columns: The header of a table of rows.
        values: (R,) float64, NaN where a cell is empty.
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
        """Where a cell is: its line, and its column."""
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
        """The same as an Arrow array."""
        return pa.array(self.text(column), pa.string())

    def without_cells(self) -> Table:
        """The table as messages need it."""
        base = replace(self.base, frame=self.base.frame.iloc[:0])
        return replace(self, base=base, values=self.values[:0])

    def long_config(self, config: DataConfig) -> DataConfig:
        """The config as if the table were long."""
        roles = {"series": [self.series_column], "target": [self.value_column]}
        return config.model_copy(update={**roles, "layout": "long"})

    def _cell(self, row: int) -> tuple[int, int]:
        """Number of the series and of the step of a row."""
        series = int(np.searchsorted(self.offsets, row, side="right")) - 1
        return series, row - int(self.offsets[series])


def read_wide(
    config: DataConfig, watch: Watch | None = None, raw: bytes | None = None
) -> LongTable:
    """A column per series -> a long table.

    Args:
        config: `data.target` names the columns.
        watch: Is told how much has been parsed.
        raw: The bytes of the file, where they have been read already.

    Raises:
        DataError: The table cannot be read, or a column does not hold numbers.
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
    """A name and then the values, one series to a row -> a long table.

    Empty cells at the end of a row are no steps; those before its last value are gaps.

    Args:
        config: `data.target` names the values.
        watch: Is told how much has been parsed.
        raw: The bytes of the file, where they have been read already.

    Raises:
        DataError: The table cannot be read, a name is missing or comes twice, a cell is no number,
            or no row has a value.
    """
    table = read_table(config.path, watch=watch, raw=raw)
    header = [str(name) for name in table.frame.columns]
    names = table.text(header[0])
    _check_names(table, names)
    cells = _numbers(table, header[1:]).T  # (S, W)
    known = ~np.isnan(cells)
    if not known.any():
        raise DataError(
            f"{table.name}: no row has a value behind its name, and data.layout is rows: a name "
            "and then values"
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
    """Whether columns are called V1, V2, V3, ..., as in the files of the M4 competition."""
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
    """(columns, R) float64: at once where all are finite numbers, however many columns there are.

    Raises:
        DataError: A cell of a column is no finite number.
    """
    frame = table.frame[columns]
    if all(pd.api.types.is_numeric_dtype(kind) for kind in frame.dtypes.unique()):
        values = frame.to_numpy(dtype=np.float64, na_value=np.nan).T
        if not np.isinf(values).any():
            return values
    return np.stack([table.numbers(name) for name in columns])


def _series_column(header: str, value_column: str) -> str:
    """What the first column is called; `series` where its name says nothing or is in use."""
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
            f"{table.name}, {table.line(int(again[0]))}: the series '{names[again[0]]}' has a row "
            f"already, {table.line(first)} ({len(again)} such rows); data.layout is rows: each row "
            "is a series of its own name"
        )

"""CSV or Parquet, from a file or standard input -> a table with line numbers.

Dates stay text here: `timestamps` parses a column of time stamps, from all its rows.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from lstmcast.errors import DataError, join, nearest
from lstmcast.tables.csv_numbers import hint, quoted, to_numbers
from lstmcast.tables.csv_rows import Watch, parse_rows, row_lines
from lstmcast.tables.dialect import Dialect, recognise, to_utf8
from lstmcast.tables.gzipped import decompress
from lstmcast.tables.parquet import as_text, column_names, open_parquet, read_columns
from lstmcast.tables.raw import read_bytes


@dataclass(frozen=True)
class CsvText:
    """The text of a CSV, loaded again for rare needs: line numbers and exact text.

    Attributes:
        load: Returns the file as UTF-8.
        dialect: Dialect of the file.
    """

    load: Callable[[], bytes]
    dialect: Dialect


@dataclass(frozen=True)
class Table:
    """A table as read, with line numbers for messages.

    Attributes:
        name: Name in messages: the path as given, or "standard input".
        frame: Columns under the names of the header; rows numbered from 0 in the order of the file.
        digest: SHA-256 of the file's bytes, or a future of it; empty after `peek`.
    """

    name: str
    frame: pd.DataFrame
    digest: str | Future[str] = field(repr=False)
    csv: CsvText | None = field(default=None, repr=False, compare=False)

    @property
    def sha256(self) -> str:
        """SHA-256 of the file's bytes, in hexadecimal."""
        return self.digest if isinstance(self.digest, str) else self.digest.result()

    def line(self, row: int) -> str:
        """Place of a row, counted from 0: "line 17" of a CSV file, "row 17" of a Parquet file.

        Raises:
            DataError: The file is gone, or has changed since it was read.
        """
        return f"row {row + 1}" if self.csv is None else f"line {self._lines[row]}"

    def require(self, columns: Sequence[str], where: str) -> None:
        """Check that the table has columns.

        Args:
            columns: Names, matched exactly.
            where: The config field that names them, such as "data.target".

        Raises:
            DataError: Columns are missing; the message names them, with similar names.
        """
        require_columns(list(self.frame.columns), columns, f"{self.name}: {where}")

    def numbers(self, column: str) -> np.ndarray:
        """(R,) float64 of a column, NaN for an empty cell; may be read-only.

        Raises:
            DataError: Cells are not finite numbers; the message counts them and shows three.
        """
        require_columns(self.frame.columns, [column], self.name)
        cells = self.frame[column]
        if _is_text(cells):
            values, wrong = to_numbers(
                self.text(column), self.csv.dialect.decimal if self.csv else "."
            )
        else:
            values = cells.to_numpy(dtype=np.float64, na_value=np.nan)
            wrong = np.zeros(len(values), dtype=bool)
        infinite = np.isinf(values)
        if wrong.any() or infinite.any():
            rows = np.flatnonzero(wrong) if wrong.any() else np.flatnonzero(infinite)
            kind = "not a number" if wrong.any() else "infinite"
            raise DataError(self._cell_fault(column, rows, kind))
        return values

    def text(self, column: str) -> np.ndarray:
        """(R,) object array of str: a column's cells exactly as in the file."""
        require_columns(self.frame.columns, [column], self.name)
        cells = self.frame[column]
        if self.csv is None:
            return as_text(cells)
        if not _is_text(cells):  # numbers have lost their exact text: 007, 1.50, NA
            data, dialect = self.csv.load(), self.csv.dialect
            cells = parse_rows(data, dialect, [column], [column], self.name)[column]
        return np.asarray(cells.to_numpy(dtype=object))

    def strings(self, column: str) -> pa.Array:
        """(R,) the same as `text` in an Arrow array, without a Python object for each cell."""
        if self.csv is not None and column in self.frame and _is_text(self.frame[column]):
            if isinstance(self.frame[column].dtype, pd.CategoricalDtype):
                numbers, texts = self.coded(column)
                return pa.array(texts, pa.string()).take(pa.array(numbers))
            return pa.array(self.frame[column], pa.string())
        return pa.array(self.text(column), pa.string())

    def coded(self, column: str) -> tuple[np.ndarray, np.ndarray]:
        """(R,) a number for each cell, and the texts of 0, 1, ... as an object array."""
        cells = self.frame.get(column)
        if cells is not None and isinstance(cells.dtype, pd.CategoricalDtype):
            return cells.cat.codes.to_numpy(), cells.cat.categories.to_numpy(dtype=object)
        numbers, texts = pd.factorize(self.text(column))
        return numbers, np.asarray(texts, dtype=object)

    def file_rows(self, rows: np.ndarray) -> np.ndarray:
        """Rows of the file, counted from 0, that hold the given rows."""
        return rows

    def with_columns(
        self, columns: Sequence[str], text: Sequence[str], repeated: Sequence[str]
    ) -> Table:
        """The table that `read_table` gives for some columns, from one with all columns."""
        require_columns(list(self.frame.columns), columns, self.name)
        frame = self.frame[list(dict.fromkeys(columns))]
        if self.csv is None:
            return replace(self, frame=frame)
        cells: dict[str, Any] = {}
        for name in map(str, frame):
            if name in repeated:
                codes, words = self.coded(name)
                cells[name] = pd.Categorical.from_codes(codes, pd.Index(words))
            elif name in text and not _is_text(frame[name]):
                cells[name] = self.text(name)
        return replace(self, frame=frame.assign(**cells))

    def without_cells(self) -> Table:
        """The table with only what messages need: name, line numbers and number of rows."""
        return replace(self, frame=self.frame.iloc[:, :0])

    @cached_property
    def _lines(self) -> np.ndarray:
        """(R,) line of the file on which each row begins."""
        assert self.csv is not None
        return row_lines(self.csv.load(), self.csv.dialect)

    def _cell_fault(self, column: str, rows: np.ndarray, kind: str) -> str:
        texts = self.text(column)
        shown = ", ".join(f"{self.line(int(row))} {quoted(texts[row])}" for row in rows[:3])
        verb = "cell is" if len(rows) == 1 else "cells are each"
        return (
            f"{self.name}: column '{column}': {len(rows):,} {verb} {kind}: {shown}"
            f"{', ...' if len(rows) > 3 else ''}{hint(str(texts[rows[0]]))}"
        )


def read_table(
    source: Path | str,
    columns: Sequence[str] | None = None,
    text: Sequence[str] = (),
    repeated: Sequence[str] = (),
    watch: Watch | None = None,
    raw: bytes | None = None,
) -> Table:
    """Read a CSV (also gzipped) or Parquet table.

    Args:
        source: Path, or "-" for standard input.
        columns: Columns to keep; None: all.
        text: Columns kept as text.
        repeated: Columns of `text` whose cells repeat in many rows.
        watch: Receives how many bytes of a CSV are parsed.
        raw: Bytes of the file if they are already in memory.

    Raises:
        DataError: The file cannot be read, is not a table, or lacks columns.
    """
    name = "standard input" if str(source) == "-" else str(source)
    raw = read_bytes(source) if raw is None else raw
    if is_parquet(raw, source):
        file = open_parquet(raw, name)
        require_columns(list(column_names(file)), columns or (), name)
        return Table(name, read_columns(file, columns, name), _digest_of(raw))
    data = to_utf8(decompress(raw, name), name)
    dialect = recognise(data, name)
    require_columns(dialect.header, columns or (), name)
    kept_text = [column for column in dialect.header if column in text]
    frame = parse_rows(data, dialect, columns, kept_text, name, repeated, watch)
    digest = _digest_of(raw)
    again = (
        (lambda: data) if str(source) == "-" else (lambda: load_text(Path(source), name, digest))
    )
    return Table(name, frame, digest, CsvText(again, dialect))


def _digest_of(raw: bytes) -> Future[str]:
    """SHA-256 of the bytes, computed in a thread while the main thread continues."""
    thread = ThreadPoolExecutor(1, thread_name_prefix="sha256")
    digest = thread.submit(lambda: hashlib.sha256(raw).hexdigest())
    thread.shutdown(wait=False)
    return digest


def _is_text(cells: pd.Series[Any]) -> bool:
    return not (
        pd.api.types.is_numeric_dtype(cells.dtype) or pd.api.types.is_bool_dtype(cells.dtype)
    )


def load_text(path: Path, name: str, digest: Future[str] | None = None) -> bytes:
    """A file as UTF-8; raises DataError if it no longer has the digest."""
    raw = read_bytes(path)
    if digest is not None and hashlib.sha256(raw).hexdigest() != digest.result():
        raise DataError(f"{name} has changed since it was read")
    return to_utf8(decompress(raw, name), name)


def is_parquet(raw: bytes, source: Path | str) -> bool:
    """Whether bytes are Parquet; raises DataError if only the name of their file says so."""
    if raw.startswith(b"PAR1"):
        return True
    if Path(source).suffix.lower() in (".parquet", ".pq"):
        raise DataError(f"{source}: has a name of a Parquet file, but is not one")
    return False


def require_columns(names: Collection[str], columns: Sequence[str], where: str) -> None:
    """Check that a table has columns; see `Table.require`."""
    faults = []
    if isinstance(names, tuple | list):
        names = dict.fromkeys(names)  # there may be as many as there are series
    for column in dict.fromkeys(columns):
        if column in names:
            continue
        alike = [n for n in names if n.strip().casefold() == column.strip().casefold()]
        words = (
            f"it has '{alike[0]}', but names must match exactly"
            if alike
            else nearest(column, list(names))
        )
        faults.append(f"{where}: there is no column '{column}'; {words}")
    if faults:
        raise join(DataError, faults)

"""One CSV or Parquet file -> its rows, in pieces; counts every fault."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet

from lstmcast.errors import DataError
from lstmcast.panel.on_disk.text import Piece, at_line
from lstmcast.tables.csv_numbers import EMPTY_CELLS, hint, plain, quoted, strict_numbers, to_numpy
from lstmcast.tables.csv_rows import BLOCK_BYTES, ragged_error, ragged_lines, row_lines
from lstmcast.tables.dialect import Dialect
from lstmcast.tables.parquet import as_text, open_parquet_file, shown_names

PARQUET_ROWS = 1 << 17
"""Rows of a Parquet file in one piece."""

_CODED = pa.dictionary(pa.int32(), pa.string())
_TRUTH = {"true": 1.0, "false": 0.0}

Where = Callable[[int], str]


@dataclass
class Faults:
    """Faulty cells and rows: their number, and the first of them.

    Attributes:
        found: By column and kind: the number of cells, and `line 17 'abc'` of the first.
        ragged: Line and number of cells of each row whose width differs from the header.
    """

    found: dict[tuple[str, str], tuple[int, list[str]]] = field(default_factory=dict)
    ragged: list[tuple[int, int]] = field(default_factory=list)

    def add(self, column: str, kind: str, shown: Sequence[str], count: int) -> None:
        """Add `count` cells of one column; `shown` are the first of them."""
        before, first = self.found.get((column, kind), (0, []))
        self.found[column, kind] = (before + count, [*first, *shown][:4])

    def cells(
        self, column: str, kind: str, rows: np.ndarray, texts: Sequence[str], where: Where
    ) -> None:
        """Add the cells in some rows of one piece."""
        shown = [
            f"{where(int(row))} {quoted(text)}"
            for row, text in zip(rows[:3].tolist(), texts, strict=False)
        ]
        if (column, kind) not in self.found:
            self.found[column, f"hint {kind}"] = (0, [hint(str(texts[0]))])
        self.add(column, kind, shown, len(rows))

    def refuse(self, name: str, columns: Sequence[str], targets: Sequence[str]) -> None:
        """Refuse the first column with a cell that is not a finite number.

        Raises:
            DataError: There is such a cell; the message is that of `Table.numbers`.
        """
        for column in columns:
            for kind in ("not a number", "infinite"):
                if (column, kind) in self.found:
                    count, shown = self.found[column, kind]
                    advice = self.found[column, f"hint {kind}"][1][0]
                    verb = "cell is" if count == 1 else "cells are each"
                    more = ", ..." if count > 3 else ""
                    other = "" if column in targets else CATEGORIES
                    raise DataError(
                        f"{name}: column '{column}': {count:,} {verb} {kind}: "
                        f"{', '.join(shown[:3])}{more}{advice}{other}"
                    )


CATEGORIES = ". If it holds categories, list it in data.categorical"


@dataclass(frozen=True)
class Rows:
    """Consecutive rows of a file.

    Attributes:
        count: Number of rows.
        texts: Columns of text as Arrow arrays, coded or not; stamps of Parquet keep their type.
        numbers: (count,) float64 of each other column; NaN for an empty cell.
        where: Turns a row, counted from 0 within these, into words for messages.
        line: First line in the file; 0 for Parquet.
        begin: First byte in the text; 0 for Parquet.
    """

    count: int
    texts: dict[str, Any]
    numbers: dict[str, np.ndarray]
    where: Where
    line: int = 0
    begin: int = 0


class CsvRows:
    """Reads pieces of CSV files.

    Args:
        name: Name of the table in messages.
        text: Columns kept as text.
        coded: Columns of `text` whose cells repeat in many rows.
        numbers: The other columns.
        faults: Receives the faults.
    """

    def __init__(
        self,
        name: str,
        text: Sequence[str],
        coded: Sequence[str],
        numbers: Sequence[str],
        faults: Faults,
    ) -> None:
        self.name, self.text, self.coded = name, list(text), set(coded)
        self.numbers, self.faults = list(numbers), faults
        self.truth: set[str] = set()
        self.began = False

    def read(self, piece: Piece, dialect: Dialect, suffix: str) -> Rows:
        """The rows of a piece.

        Args:
            piece: Whole records.
            dialect: Dialect of the file.
            suffix: Name of the file, which messages add to a line.
        """
        lines: list[np.ndarray] = []

        def where(row: int) -> str:
            if not lines:
                lines.append(row_lines(piece.data, at_line(dialect, piece.line)))
            return f"line {lines[0][row]}{suffix}"

        types = {c: _CODED if c in self.coded else pa.string() for c in self.text}
        simple = not self.truth and _parse(
            piece, dialect, types | dict.fromkeys(self.numbers, pa.float64()), BLOCK_BYTES
        )
        if simple:
            table, ragged = simple
            numbers = {c: to_numpy(table.column(c)) for c in self.numbers}
        else:  # a cell is not a number, or a row is longer than a block
            types |= dict.fromkeys(self.numbers, pa.string())
            again = _parse(piece, dialect, types, len(piece.data) + 1)
            if again is None:
                raise DataError(f"{self.name}: cannot be read as CSV from line {piece.line} on")
            table, ragged = again
            numbers = {
                c: self._numbers(c, table.column(c), dialect.decimal, where) for c in self.numbers
            }
        if ragged:
            self.faults.ragged += ragged_lines(piece.data, at_line(dialect, piece.line), self.name)
            if len(self.faults.ragged) > 100_000:
                raise ragged_error(self.faults.ragged, dialect, self.name)
        for column, values in numbers.items():
            infinite = np.flatnonzero(np.isinf(values))
            if len(infinite):
                texts = [str(values[row]) for row in infinite[:3]]
                self.faults.cells(column, "infinite", infinite, texts, where)
        self.began = True
        texts_of = {c: _one_array(table.column(c)) for c in self.text}
        return Rows(table.num_rows, texts_of, numbers, where, piece.line, piece.begin)

    def _numbers(self, column: str, cells: Any, decimal: str, where: Where) -> np.ndarray:
        """(R,) a column that Arrow cannot read as numbers."""
        texts = to_numpy(cells).astype(object)
        values, wrong = strict_numbers(texts, decimal)
        if wrong.any() and (column in self.truth or not self.began):
            words = [_TRUTH.get(text.strip().lower()) for text in texts.tolist()]
            if not any(word is None and bad for word, bad in zip(words, wrong, strict=True)):
                self.truth.add(column)
                return np.array(words, dtype=np.float64)
        rows = np.flatnonzero(wrong)
        if len(rows):
            self.faults.cells(column, "not a number", rows, texts[rows[:3]].tolist(), where)
        return values


def _parse(
    piece: Piece, dialect: Dialect, types: dict[str, Any], block: int
) -> tuple[pa.Table, bool] | None:
    """The columns of a piece, and whether rows are ragged; None if a cell has another type."""
    ragged = False

    def note_ragged(_: object) -> str:
        nonlocal ragged
        ragged = True
        return "skip"

    try:
        table = pyarrow.csv.read_csv(
            pa.BufferReader(pa.py_buffer(piece.data)),
            pyarrow.csv.ReadOptions(column_names=dialect.header, block_size=block),
            pyarrow.csv.ParseOptions(
                delimiter=dialect.separator,
                newlines_in_values=b'"' in piece.data,
                invalid_row_handler=note_ragged,
                ignore_empty_lines=len(dialect.header) > 1,
            ),
            pyarrow.csv.ConvertOptions(
                include_columns=list(types),
                column_types=types,
                null_values=EMPTY_CELLS,
                decimal_point=dialect.decimal,
                check_utf8=False,
            ),
        )
    except pa.ArrowInvalid:
        return None
    return table, ragged


def _one_array(column: Any) -> Any:
    """A column of several chunks as one array."""
    if not isinstance(column, pa.ChunkedArray):
        return column
    if pa.types.is_dictionary(column.type):
        column = column.unify_dictionaries()
    return column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)


def parquet_rows(
    path: Path, text: Sequence[str], numbers: Sequence[str], suffix: str, faults: Faults
) -> Iterator[Rows]:
    """The rows of a Parquet file.

    Args:
        path: The file.
        text: Columns kept as text, or as stamps.
        numbers: The other columns.
        suffix: Name of the file, which messages add to a row.
        faults: Receives the faults.
    """
    file = open_parquet_file(path)
    names = shown_names(file, str(path))
    kept = [names[c] for c in [*text, *numbers]]
    done = 0
    try:
        for batch in file.iter_batches(batch_size=PARQUET_ROWS, columns=kept):
            where = _row_words(done, suffix)
            values = {c: _numbers_of(batch.column(names[c]), c, where, faults) for c in numbers}
            texts = {c: _text_of(batch.column(names[c])) for c in text}
            yield Rows(batch.num_rows, texts, values, where)
            done += batch.num_rows
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{path}: the Parquet file is damaged: {error}") from None


def _row_words(first: int, suffix: str) -> Where:
    return lambda row: f"row {first + row + 1}{suffix}"


def _numbers_of(array: Any, column: str, where: Where, faults: Faults) -> np.ndarray:
    kind = array.type
    if pa.types.is_boolean(kind) or pa.types.is_null(kind):
        array = array.cast(pa.float64()) if pa.types.is_null(kind) else array.cast(pa.uint8())
        kind = array.type
    if pa.types.is_integer(kind) or pa.types.is_floating(kind):
        values = to_numpy(pc.fill_null(array.cast(pa.float64(), safe=False), float("nan")))
        rows, fault = np.flatnonzero(np.isinf(values)), "infinite"
        texts = [str(values[row]) for row in rows[:3]]
    else:
        cells = _as_object(array)
        values, wrong = strict_numbers(cells, ".")
        rows, fault = np.flatnonzero(wrong), "not a number"
        texts = cells[rows[:3]].tolist()
    if len(rows):
        faults.cells(column, fault, rows, texts, where)
    return values


def _text_of(array: Any) -> Any:
    if pa.types.is_dictionary(array.type):
        array = array.cast(array.type.value_type)
    if pa.types.is_timestamp(array.type) or pa.types.is_date(array.type):
        return array
    if pa.types.is_string(array.type) or pa.types.is_large_string(array.type):
        return pc.fill_null(array.cast(pa.string()), "")
    return pa.array(_as_object(array), pa.string())


def _as_object(array: Any) -> np.ndarray:
    cells: pd.Series[Any] = plain(array).to_pandas()
    return as_text(cells)

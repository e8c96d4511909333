"""The rows of a CSV with a known dialect -> columns, with pyarrow."""

from __future__ import annotations

import collections
import contextlib
import re
import threading
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv

from lstmcast.errors import DataError
from lstmcast.tables.csv_lines import records
from lstmcast.tables.csv_numbers import EMPTY_CELLS, plain
from lstmcast.tables.dialect import Dialect

BLOCK_BYTES = 1 << 22
"""Block size of pyarrow, which must hold at least one row; its default is 1 MiB."""

Watch = Callable[[int, int], None]
"""Receives the number of bytes parsed so far, and of all bytes."""

REPORT_SECONDS = 0.2
"""Seconds between two reports of progress."""

_REPEATED = pa.dictionary(pa.int32(), pa.string())
_LONGEST_BLOCK = 2**31 - 1
_NO_STAMP = "%Y%%"  # replaces the formats with which pyarrow guesses time stamps


def rows_of(data: bytes, dialect: Dialect) -> memoryview:
    """The rows of a file: the bytes after the header, without empty lines at the end.

    Lines of separators only, as spreadsheets write them below a table, count as empty.
    """
    tail = data[max(dialect.body, len(data) - (1 << 16)) :]
    blank = re.search(rb"(^|[\r\n])[\s%s]*\Z" % re.escape(dialect.separator.encode()), tail)
    end = len(data) - (len(tail) - blank.start()) if blank else len(data)
    return memoryview(data)[dialect.body : max(end, dialect.body)]


def parse_rows(
    data: bytes,
    dialect: Dialect,
    columns: Sequence[str] | None,
    text: Sequence[str],
    name: str,
    repeated: Sequence[str] = (),
    watch: Watch | None = None,
) -> pd.DataFrame:
    """Parse all rows; columns of numbers become numbers, all others stay text.

    Args:
        data: Content of the file in UTF-8.
        dialect: Dialect of the file.
        columns: Columns to keep; None: all except empty ones without a name.
        text: Columns kept as text, exactly as in the file.
        name: Name of the file in messages.
        repeated: Columns of `text` that become categories: each text is stored once.
        watch: Receives progress, from a separate thread.

    Raises:
        DataError: There is no row, or rows differ in their number of cells.
    """
    body = rows_of(data, dialect)
    if not body.nbytes:
        raise DataError(f"{name}: there is a header but no row")
    quotes = data.count(b'"') if b'"' in data else 0  # `in` is ten times faster than `count`
    if quotes % 2:
        _check_last_quote(bytes(body).decode(), dialect, name)
    kept = list(dict.fromkeys(dialect.header if columns is None else columns))
    table = _parse(body, quotes > 0, dialect, kept, text, name, repeated, watch)
    pa.default_memory_pool().release_unused()
    # pyarrow reads 2020-01-31 as a date, 12:30 as a time of day, 5% as a stamp of our format: parse
    # those columns again as text.
    guessed = [f.name for f in table.schema if pa.types.is_temporal(f.type)]
    if guessed:
        again = _parse(body, quotes > 0, dialect, guessed, guessed, name)
        for column in guessed:
            table = table.set_column(kept.index(column), column, again.column(column))
    if columns is None:
        nothing = [f.name for f in table.schema if pa.types.is_null(f.type)]
        table = table.drop_columns([c for c in nothing if c in dialect.unnamed])
    arrays = [plain(array) for array in table.columns]
    table = pa.Table.from_arrays(arrays, names=table.column_names)
    frame: pd.DataFrame = table.to_pandas(split_blocks=True, self_destruct=True)
    return frame


def _parse(
    body: memoryview,
    quoted: bool,
    dialect: Dialect,
    columns: list[str],
    text: Sequence[str],
    name: str,
    repeated: Sequence[str] = (),
    watch: Watch | None = None,
) -> pa.Table:
    ragged = False
    types = {c: _REPEATED if c in repeated else pa.string() for c in text}

    def note_ragged(_: object) -> str:
        nonlocal ragged
        ragged = True
        return "skip"

    def parse(block_bytes: int) -> pa.Table:
        reader = pa.BufferReader(pa.py_buffer(body))
        reading = pyarrow.csv.ReadOptions(column_names=dialect.header, block_size=block_bytes)
        with _followed(reader, body.nbytes, watch):
            return pyarrow.csv.read_csv(reader, reading, parsing, converting)

    parsing = pyarrow.csv.ParseOptions(
        delimiter=dialect.separator,
        # Blocks end at line ends; to find those outside quotes takes time.
        newlines_in_values=quoted,
        invalid_row_handler=note_ragged,
        ignore_empty_lines=len(dialect.header) > 1,
    )
    converting = pyarrow.csv.ConvertOptions(
        include_columns=columns,
        column_types=types,
        null_values=EMPTY_CELLS,
        decimal_point=dialect.decimal,
        timestamp_parsers=[_NO_STAMP],
        true_values=["true", "True", "TRUE"],
        false_values=["false", "False", "FALSE"],
        check_utf8=False,  # `to_utf8` did
    )

    try:
        table = parse(BLOCK_BYTES)
    except pa.ArrowInvalid:
        # A row may be longer than a block. Any other error occurs again.
        try:
            table = parse(min(max(body.nbytes + 1, BLOCK_BYTES), _LONGEST_BLOCK))
        except pa.ArrowInvalid as error:
            raise DataError(f"{name}: cannot be read as CSV: {error}") from None
    if ragged:
        raise ragged_rows(bytes(body).decode(), dialect, name)
    return table


@contextlib.contextmanager
def _followed(reader: pa.BufferReader, size: int, watch: Watch | None) -> Iterator[None]:
    """Report the progress of a reader from a thread, because pyarrow does not report it."""
    if watch is None:
        yield
        return
    over = threading.Event()

    def follow() -> None:
        while not over.wait(REPORT_SECONDS):
            with contextlib.suppress(ValueError):  # pyarrow closes it at its end
                watch(reader.tell(), size)

    thread = threading.Thread(target=follow, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
    watch(size, size)


def _check_last_quote(text: str, dialect: Dialect, name: str) -> None:
    """Raise DataError if a quote is not closed, so that the last cell is the rest of the file.

    An odd number of quotes may be correct, as in inches (5").
    """
    found = records(text, dialect.separator, name, dialect.body_line)
    line, cells = collections.deque(found, maxlen=1).pop()
    if cells and re.search(r"[\r\n]", cells[-1]):
        raise DataError(f"{name}: line {line} opens a quote that is not closed")


def row_lines(data: bytes, dialect: Dialect) -> np.ndarray:
    """(R,) line of the file on which each row begins."""
    body = bytes(rows_of(data, dialect))
    single = len(dialect.header) == 1  # an empty line is a row with one empty cell
    if b'"' not in body and b"\r" not in body:  # each row is one line
        ends = np.flatnonzero(np.frombuffer(body, dtype=np.uint8) == ord("\n"))
        begins = np.concatenate([[0], ends + 1])
        lengths = np.append(ends, len(body)) - begins
        lengths[-1] += begins[-1] < len(body)  # there may be no line after the last line end
        full = lengths > 0
        full[:-1] |= single
        return np.asarray(dialect.body_line + np.flatnonzero(full))
    text = body.decode()
    found = records(text, dialect.separator, first_line=dialect.body_line)
    return np.array([line for line, cells in found if cells or single])


def ragged_rows(text: str, dialect: Dialect, name: str) -> DataError:
    """The error for rows in a text that have more or fewer cells than the header."""
    return ragged_error(_ragged(text, dialect, name), dialect, name)


def ragged_lines(data: bytes, dialect: Dialect, name: str) -> list[tuple[int, int]]:
    """Line and number of cells of each row with more or fewer cells than the header."""
    return _ragged(data.decode(), dialect, name)


def _ragged(text: str, dialect: Dialect, name: str) -> list[tuple[int, int]]:
    return [
        (line, len(cells))
        for line, cells in records(text, dialect.separator, name, dialect.body_line)
        if cells and len(cells) != len(dialect.header)
    ]


def ragged_error(found: list[tuple[int, int]], dialect: Dialect, name: str) -> DataError:
    """The error for rows, given by line and number of cells, whose width is wrong."""
    width = len(dialect.header)
    shown = ", ".join(f"line {line} has {count}" for line, count in found[:3])
    more = ", ..." if len(found) > 3 else ""
    rows = "row has" if len(found) == 1 else "rows have"
    words = (
        f"{name}: {len(found):,} {rows} another number of cells than the header in line "
        f"{dialect.header_line}, which has {width}: {shown}{more}"
    )
    if width == 1:
        return DataError(
            f"{words}; if that line is a title, remove it: the first line must name the columns"
        )
    if dialect.separator == "," and found and min(count for _, count in found) > width:
        return DataError(f"{words}; put cells that contain a comma in quotes")
    return DataError(words)

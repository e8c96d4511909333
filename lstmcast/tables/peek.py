"""The first rows of a table, without reading all of it."""

from __future__ import annotations

import itertools
from pathlib import Path

import pandas as pd

from lstmcast.errors import DataError
from lstmcast.tables.csv_lines import records
from lstmcast.tables.csv_rows import ragged_rows, rows_of
from lstmcast.tables.dialect import Dialect, recognise, to_utf8
from lstmcast.tables.gzipped import decompress
from lstmcast.tables.parquet import as_text, open_parquet, read_columns
from lstmcast.tables.raw import read_bytes
from lstmcast.tables.read import CsvText, Table, is_parquet, load_text

PEEK_BYTES = 1 << 22

_UTF16 = (b"\xff\xfe", b"\xfe\xff")


def peek(source: Path | str, rows: int = 1000, raw: bytes | None = None) -> Table:
    """The first rows of a file, every column as text.

    Args:
        source: Path.
        rows: Most rows to return.
        raw: Bytes of the file if they are already in memory.

    Raises:
        DataError: The file cannot be read or is not a table.
    """
    name = str(source)
    head = read_bytes(source, PEEK_BYTES) if raw is None else raw[:PEEK_BYTES]
    if is_parquet(head, source):
        file = open_parquet(read_bytes(source) if raw is None else raw, name)
        frame = read_columns(file, None, name).iloc[:rows]
        return Table(name, frame.apply(as_text), "")
    whole = len(head) < PEEK_BYTES
    head = decompress(head, name, PEEK_BYTES)
    whole = whole and len(head) < PEEK_BYTES
    if not whole and (head.startswith(_UTF16) or head.count(b"\n") < 3):
        head, whole = decompress(read_bytes(source) if raw is None else raw, name), True
    data = to_utf8(head if whole else head[: head.rfind(b"\n") + 1], name)
    dialect = recognise(data, name)
    frame = _first_rows(data, dialect, rows, whole, name)
    return Table(name, frame, "", CsvText(lambda: load_text(Path(source), name), dialect))


def _first_rows(data: bytes, dialect: Dialect, rows: int, whole: bool, name: str) -> pd.DataFrame:
    """(rows, columns) of text, without empty columns that have no name."""
    text, width = bytes(rows_of(data, dialect)).decode(), len(dialect.header)
    found = (cells for _, cells in records(text, dialect.separator, name) if cells or width == 1)
    taken = list(itertools.islice(found, rows + 1))
    if not whole and len(taken) <= rows:
        taken = taken[:-1]  # it may be incomplete
    if any(len(cells) not in (width, 0) for cells in taken):
        raise ragged_rows(text, dialect, name)
    if not taken:
        raise DataError(f"{name}: there is a header but no row")
    cells = [row or [""] for row in taken[:rows]]
    frame = pd.DataFrame(cells, columns=list(dialect.header), dtype=str)
    return frame.drop(columns=[c for c in dialect.unnamed if (frame[c] == "").all()])

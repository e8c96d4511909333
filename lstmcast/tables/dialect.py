"""The dialect of a CSV file (encoding, separator, decimal mark, header), from its first bytes."""

from __future__ import annotations

import codecs
import collections
import csv
import io
import itertools
import re
from dataclasses import dataclass

from lstmcast.errors import DataError, join
from lstmcast.tables.csv_lines import records

SAMPLE_BYTES = 1 << 16
SAMPLE_ROWS = 200
MOST_COLUMNS = 200_000
SEPARATORS = "\t;|,"  # in order of preference if two fit equally well

# First bytes of files that users often give instead of a CSV.
_NOT_TABLES = {
    b"PK\x03\x04": "an Excel workbook or a zip archive: save the sheet as CSV",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook: save the sheet as CSV",
    b"%PDF": "a PDF document: export the table as CSV",
    b"BZh": "compressed with bzip2: decompress it first (gzip is read as it is)",
    b"\xfd7zXZ": "compressed with xz: decompress it first (gzip is read as it is)",
    b"\x28\xb5\x2f\xfd": "compressed with zstd: decompress it first (gzip is read as it is)",
    b"SQLite format 3": "an SQLite database: export the table as CSV",
    b"ARROW1": "an Arrow file: save the table as Parquet or CSV",
    b"\x89HDF": "an HDF5 file: save the table as Parquet or CSV",
}
_NUMBER = re.compile(r"[+-]?(\d+[.,]?\d*|[.,]\d+)([eE][+-]?\d+)?", re.ASCII)
_STAMP = re.compile(r"\d{1,4}[-/.]\d{1,2}([-/.]\d{1,4})?([T ]\d{1,2}:\d{2}.*)?", re.ASCII)
_DECIMAL_COMMA = re.compile(r"[+-]?\d*,\d+([eE][+-]?\d+)?", re.ASCII)
_DECIMAL_POINT = re.compile(r"[+-]?\d*\.\d+([eE][+-]?\d+)?", re.ASCII)
_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2}(,\d{3})+", re.ASCII)


@dataclass(frozen=True)
class Dialect:
    """The dialect of a CSV file.

    Attributes:
        separator: Character between two cells.
        decimal: Decimal mark, "." or ",".
        header: A name for every cell of a row, without surrounding blanks.
        unnamed: Names in `header` generated for cells without a name.
        body: First byte of the rows in the UTF-8 text.
        header_line: Line of the header in the file, from 1.
        body_line: Line of `body` in the file, from 1.
    """

    separator: str
    decimal: str
    header: tuple[str, ...]
    unnamed: frozenset[str]
    body: int
    header_line: int
    body_line: int


def to_utf8(data: bytes, name: str) -> bytes:
    """The bytes of a text file as UTF-8 without a byte order mark.

    Args:
        data: UTF-8 with or without mark, UTF-16 with mark, or Windows-1252.
        name: Name of the file in messages.

    Raises:
        DataError: The bytes are not text, or not a table.
    """
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        try:
            data = data.decode("utf-16").encode()
        except UnicodeDecodeError as error:
            raise DataError(f"{name}: is marked as UTF-16, but is not: {error.reason}") from None
    data = data.removeprefix(codecs.BOM_UTF8)
    _refuse(data, name)
    if data.isascii():
        return data
    try:
        data.decode()  # a check only
    except UnicodeDecodeError:
        return _from_windows(data, name)
    return data


def _from_windows(data: bytes, name: str) -> bytes:
    try:
        return data.decode("cp1252").encode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise DataError(
            f"{name}: line {line} is neither UTF-8 nor Windows-1252 text "
            f"(byte 0x{data[error.start]:02x}): save the file as UTF-8"
        ) from None


def _refuse(data: bytes, name: str) -> None:
    """Raise DataError for data that cannot be a CSV."""
    for magic, words in _NOT_TABLES.items():
        if data.startswith(magic):
            raise DataError(f"{name}: is {words}")
    start = data[:512].lstrip().lower()
    if not data or data.isspace():
        raise DataError(f"{name}: is empty")
    if start.startswith((b"<!doctype", b"<html", b"<?xml", b"<table", b"<head", b"<body")):
        raise DataError(
            f"{name}: is a web page (HTML or XML), not a table: download the CSV itself"
        )
    if start.startswith((b"{", b"[{", b"[[")):
        raise DataError(f"{name}: is JSON, not a table: save it as CSV or Parquet")
    head = data[:SAMPLE_BYTES]
    control = sum(head.count(code) for code in range(32) if code not in (9, 10, 11, 12, 13, 26))
    if b"\0" in head or control > len(head) / 100:
        raise DataError(f"{name}: is binary, not a table: lstmcast reads CSV and Parquet")


def recognise(data: bytes, name: str) -> Dialect:
    """Find the dialect of a CSV from its first rows.

    Args:
        data: Result of `to_utf8`.
        name: Name of the file in messages.

    Raises:
        DataError: There is no header, a name occurs twice, or the separator is unknown.
    """
    sample = _sample(data)
    text = sample.decode(errors="replace")
    excel = re.match(r"sep=(.)\r?\n", text)  # a first line that only Excel writes
    separator = excel.group(1) if excel else _separator(text)
    rows = [(line, cells) for line, cells in records(text, separator, name) if cells]
    rows = rows[1 if excel else 0 :]
    if len(sample) < len(data) and len(rows) > 1:
        rows = rows[:-1]  # may be incomplete
    if not rows:
        raise DataError(f"{name}: is empty")
    header_line, header = rows[0]
    if len(header) > MOST_COLUMNS:
        raise DataError(
            f"{name}: line {header_line} names {len(header):,} columns, but at most "
            f"{MOST_COLUMNS:,} are possible: use a long table, with the names of the series in a "
            "column"
        )
    body, body_line = _after_record(text, separator, header_line)
    below = [cells for _, cells in rows[1:]]
    cells = _fit_trailing([cell.strip() for cell in header], below)
    _check_header(cells, header_line, name)
    if len(cells) == 1:
        _check_single(cells[0], [row[0] for row in below if len(row) == 1], name)
    names = tuple(cell or f"Unnamed: {i}" for i, cell in enumerate(cells))
    _check_duplicates(names, header_line, name)
    return Dialect(
        separator=separator,
        decimal=_decimal(below[:SAMPLE_ROWS]),
        header=names,
        unnamed=frozenset(made for made, cell in zip(names, cells, strict=True) if not cell),
        body=body,
        header_line=header_line,
        body_line=body_line,
    )


def _sample(data: bytes) -> bytes:
    """The first whole lines: about SAMPLE_BYTES, but at least two lines if there are two."""
    size = SAMPLE_BYTES
    while True:
        piece = data[:size]
        if size >= len(data):
            return piece
        end = max(piece.rfind(b"\n"), piece.rfind(b"\r"))
        if end > 0 and len(piece[:end].splitlines()) > 1:
            return piece[: end + 1]
        size *= 4


def _separator(text: str) -> str:
    """The separator that splits most rows into the same number of cells, at least two."""

    def fit(separator: str) -> tuple[float, int]:
        widths: collections.Counter[int] = collections.Counter()
        try:
            for _, cells in itertools.islice(records(text, separator), SAMPLE_ROWS):
                widths[len(cells)] += bool(cells)
        except DataError:  # a cell that is too long: not this separator
            return 0.0, 0
        width, rows = max(widths.items(), key=lambda item: (item[1], item[0]))
        return (rows / max(widths.total(), 1), width) if width > 1 else (0.0, 0)

    best = max(SEPARATORS, key=fit)
    return best if fit(best)[1] else ","


def _after_record(text: str, separator: str, line: int) -> tuple[int, int]:
    """End of the record that begins on `line`: offset in UTF-8 bytes, and the next line."""
    lines = io.StringIO(text, newline="")
    for _ in range(line - 1):
        next(lines)
    reader = csv.reader(lines, delimiter=separator)
    next(reader)
    return len(text[: lines.tell()].encode()), line + reader.line_num


def _fit_trailing(header: list[str], below: list[list[str]]) -> list[str]:
    """The header with a last, nameless cell added or removed if all rows need that.

    Some programs end every row, but not the header, with a separator, or the reverse.
    """
    if not below:
        return header
    if header[-1] == "" and all(len(row) == len(header) - 1 for row in below):
        return header[:-1]
    if all(len(row) == len(header) + 1 and not row[-1].strip() for row in below):
        return [*header, ""]
    return header


def _check_header(cells: list[str], line: int, name: str) -> None:
    values = [cell for cell in cells if _NUMBER.fullmatch(cell) or _STAMP.fullmatch(cell)]
    counted = [str(i) for i in range(len(cells))]  # names that pandas gives to nameless columns
    if len(values) == len(cells) and (len(cells) == 1 or cells != counted):
        shown = ", ".join(cells[:5]) + (", ..." if len(cells) > 5 else "")
        raise DataError(
            f"{name}: line {line} should be the header, but has only values ({shown}): "
            "the first line must name the columns"
        )


def _check_duplicates(names: tuple[str, ...], line: int, name: str) -> None:
    counts = collections.Counter(names)
    faults = [
        f"{name}: line {line}: the column name '{column}' occurs {count} times: "
        "give every column a different name"
        for column, count in counts.items()
        if count > 1
    ]
    if faults:
        raise join(DataError, faults)


def _check_single(header: str, cells: list[str], name: str) -> None:
    """Raise DataError for a single column that looks like several with an unknown separator."""
    for separator, words in ((None, "blanks"), (":", "':'"), ("^", "'^'"), ("~", "'~'")):
        width = len(header.split(separator))
        if width > 1 and cells and all(len(cell.split(separator)) == width for cell in cells):
            raise DataError(
                f"{name}: there is only one column, '{header}'; the cells seem to be separated by "
                f"{words}: separate them by comma, semicolon, tab or |"
            )


def _decimal(rows: list[list[str]]) -> str:
    """The decimal mark of most cells; `to_numbers` finds a column with the other mark."""
    commas = points = certain = 0
    for cell in (cell.strip() for row in rows for cell in row):
        if _DECIMAL_COMMA.fullmatch(cell):
            commas += 1
            # The comma in 1,234 may separate thousands: such cells alone decide nothing.
            certain += not _THOUSANDS.fullmatch(cell)
        else:
            points += _DECIMAL_POINT.fullmatch(cell) is not None
    return "," if certain and commas > points else "."

"""The text of a CSV larger than memory, in pieces of whole records."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any

import numpy as np

from lstmcast import limits
from lstmcast.errors import DataError
from lstmcast.tables.csv_rows import rows_of
from lstmcast.tables.dialect import Dialect, recognise, to_utf8

BOM = b"\xef\xbb\xbf"
_QUOTE, _BREAK = ord('"'), ord("\n")


@dataclass(frozen=True)
class Piece:
    """Whole records of a file.

    Attributes:
        data: Their bytes, UTF-8.
        line: First line in the file, from 1.
        begin: First byte in the text.
    """

    data: bytes
    line: int
    begin: int


class HashedFile:
    """A binary file that computes its SHA-256 while it is read."""

    def __init__(self, file: IO[bytes]) -> None:
        self.file, self.hash = file, hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        """The next bytes."""
        data = self.file.read(size)
        self.hash.update(data)
        return data


def text_of(file: Any, packed: bool) -> Any:
    """A reader of the text of an open file, which may be gzipped."""
    return gzip.GzipFile(fileobj=file) if packed else file


def is_gzipped(path: Path) -> bool:
    """Whether a file is gzipped, by its first bytes."""
    with path.open("rb") as file:
        return file.read(2) == b"\x1f\x8b"


def dialect_of(path: Path) -> Dialect:
    """The dialect of a CSV file, from its first bytes; raises DataError if it is no UTF-8 table."""
    name = str(path)
    with path.open("rb") as file:
        head = text_of(file, is_gzipped(path)).read(limits.TEXT_AT_ONCE // 4)
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise _not_utf8(name, 1)
    cut = head if len(head) < limits.TEXT_AT_ONCE // 4 else head[: head.rfind(b"\n") + 1] or head
    return recognise(to_utf8(cut, name), name)


def text_pieces(path: Path, dialect: Dialect, hashed: HashedFile) -> Iterator[Piece]:
    """The rows of a CSV, in pieces of whole records.

    Args:
        path: Path, for messages and the size.
        dialect: Dialect of the file.
        hashed: The file, open at its beginning.

    Raises:
        DataError: It is not UTF-8, a gzip bomb, damaged, or has an endless line.
    """
    name, packed = str(path), is_gzipped(path)
    file = text_of(hashed, packed)
    most = max(limits.GZIP_GROWTH * path.stat().st_size, limits.GZIP_ALWAYS_TAKEN) if packed else -1
    begin, line, rest, total = dialect.body, dialect.body_line, b"", 0
    skip: int | None = dialect.body
    while True:
        new = _read(file, name)
        total += len(new)
        if packed and total > most:
            raise DataError(
                f"{name}: the gzip file grows to over {limits.GZIP_GROWTH} times its size"
            )
        data = rest + new
        if skip is not None:
            mark = len(BOM) if data.startswith(BOM) else 0
            data, skip = data[mark + skip :], None
        cut = len(data) if not new else _last_record_end(data)
        if not cut and len(data) > limits.LONGEST_LINE:
            raise DataError(
                f"{name}: the row that begins in line {line} has no end within "
                f"{limits.LONGEST_LINE >> 20} MiB: is a quote not closed?"
            )
        if cut:  # empty lines wait for the next piece: they may be the end of the table
            cut = rows_of(data[:cut], at_line(dialect, line)).nbytes
            cut += data.startswith((b"\n", b"\r\n"), cut) and data.index(b"\n", cut) + 1 - cut
        piece, rest = data[:cut], data[cut:]
        _check_utf8(piece, name, line)
        if piece:
            yield Piece(piece, line, begin)
        if not new:
            return
        begin += cut
        line += piece.count(b"\n") or (piece.count(b"\r") if piece else 0)


def at_line(dialect: Dialect, line: int) -> Dialect:
    """The dialect of a text without header whose first row is on a line of the file."""
    return replace(dialect, body=0, body_line=line)


def _read(file: Any, name: str) -> bytes:
    try:
        data: bytes = file.read(limits.TEXT_AT_ONCE)
    except (EOFError, OSError) as error:
        raise DataError(f"{name}: cannot be read to its end: {error}") from None
    return data


def _last_record_end(data: bytes) -> int:
    """One past the last line end that is not inside quotes; 0 if there is none."""
    if b'"' not in data:
        end = data.rfind(b"\n") + 1
        return end or (data.rfind(b"\r", 0, len(data) - 1) + 1)
    codes = np.frombuffer(data, dtype=np.uint8)
    quotes, breaks = np.flatnonzero(codes == _QUOTE), np.flatnonzero(codes == _BREAK)
    outside = breaks[np.searchsorted(quotes, breaks) % 2 == 0]
    return int(outside[-1]) + 1 if len(outside) else 0


def _check_utf8(data: bytes, name: str, line: int) -> None:
    if data.isascii():
        return
    try:
        data.decode()
    except UnicodeDecodeError as error:
        raise _not_utf8(name, line + data.count(b"\n", 0, error.start)) from None


def _not_utf8(name: str, line: int) -> DataError:
    return DataError(
        f"{name}: line {line} is not UTF-8, but a table on disk must be: save the file as UTF-8, "
        "or set data.storage: memory"
    )

"""The files of a streamed table, and the place of each row in them."""

from __future__ import annotations

import bisect
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from lstmcast import limits
from lstmcast.errors import DataError
from lstmcast.panel.on_disk.text import BOM, at_line, dialect_of, is_gzipped, text_of
from lstmcast.tables.csv_rows import row_lines
from lstmcast.tables.raw import read_bytes
from lstmcast.tables.read import Table

KINDS = (".csv", ".tsv", ".txt", ".gz", ".parquet", ".pq")
"""Suffixes of the files of a folder that are read; other and hidden files are ignored."""


@dataclass(frozen=True)
class RowRange:
    """Consecutive rows, read together.

    Attributes:
        file: Index of their file.
        row: First row, counted from 0 over all files.
        line: Its line in a CSV file, or the rows before it in a Parquet file.
        begin: Its first byte in the text of a CSV file.
    """

    file: int
    row: int
    line: int
    begin: int


@dataclass(frozen=True)
class StreamedTable(Table):
    """A table on disk: only its name and line numbers are in memory.

    Attributes:
        files: Paths of its files, in order.
        parquet: Whether they are Parquet.
        stretches: Row ranges, in order.
    """

    files: tuple[str, ...] = ()
    parquet: bool = False
    stretches: tuple[RowRange, ...] = field(default=(), repr=False)

    def line(self, row: int) -> str:
        """Line of a row, and its file if there are several."""
        number = bisect.bisect_right([each.row for each in self.stretches], row) - 1
        found = self.stretches[number]
        path = Path(self.files[found.file])
        suffix = "" if len(self.files) == 1 else f" of {path}"
        if self.parquet:
            return f"row {found.line + row - found.row + 1}{suffix}"
        after = self.stretches[number + 1] if number + 1 < len(self.stretches) else None
        size = after.begin - found.begin if after and after.file == found.file else None
        lines = row_lines(_text(path, found.begin, size), at_line(dialect_of(path), found.line))
        return f"line {lines[row - found.row]}{suffix}"

    def without_cells(self) -> Table:
        """The table itself, which has no cells."""
        return self

    def to_json(self) -> dict[str, Any]:
        """All fields, for `from_json`."""
        return {
            "name": self.name,
            "rows": len(self.frame),
            "sha256": self.sha256,
            "files": list(self.files),
            "parquet": self.parquet,
            "stretches": [[s.file, s.row, s.line, s.begin] for s in self.stretches],
        }

    @classmethod
    def from_json(cls, state: dict[str, Any], name: str, files: list[Path]) -> StreamedTable:
        """The table from the result of `to_json`; its files may have moved."""
        return cls(
            name,
            pd.DataFrame(index=pd.RangeIndex(state["rows"])),
            state["sha256"],
            files=tuple(map(str, files)),
            parquet=state["parquet"],
            stretches=tuple(RowRange(*map(int, s)) for s in state["stretches"]),
        )


def files_of(source: str) -> list[Path]:
    """The files of a table: one file, or those in a folder, sorted by name.

    Raises:
        DataError: There is none, or a folder has both CSV and Parquet files.
    """
    path = Path(source)
    if not path.is_dir():
        read_bytes(path, 1)  # raises if it cannot be read
        return [path]
    names = [each for each in path.iterdir() if not each.name.startswith(".")]
    found = sorted(each for each in names if each.is_file() and each.suffix.lower() in KINDS)
    if not found:
        raise DataError(f"{path}: the folder has no file that ends in {', '.join(KINDS)}")
    if len({is_parquet(each) for each in found}) > 1:
        raise DataError(f"{path}: the folder has CSV and Parquet files: keep only one kind")
    return found


def is_parquet(path: Path) -> bool:
    """Whether a file is Parquet, by its first bytes; raises DataError if only its name says so."""
    if read_bytes(path, 4) == b"PAR1":
        return True
    if path.suffix.lower() in (".parquet", ".pq"):
        raise DataError(f"{path}: has a name of a Parquet file, but is not one")
    return False


def _text(path: Path, begin: int, size: int | None) -> bytes:
    """Some bytes of the text of a CSV."""
    packed = is_gzipped(path)
    with path.open("rb") as raw:
        file = text_of(raw, packed)
        mark = len(BOM) if file.read(len(BOM)) == BOM else 0
        file.seek(0)
        if packed:
            left = mark + begin
            while left:
                left -= len(file.read(min(left, limits.TEXT_AT_ONCE))) or left
        else:
            file.seek(mark + begin)
        data: bytes = file.read() if size is None else file.read(size)
    return data

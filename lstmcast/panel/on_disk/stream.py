"""A table larger than memory -> a panel in files, with one reading of the table.

The rows pass in pieces into a spool, get their places on the grid there, and move into the panel.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from lstmcast.config import DataConfig
from lstmcast.errors import DataError
from lstmcast.panel.build import lay_panel
from lstmcast.panel.gaps import ERROR_ADVICE, fill_in_place, find_missing, missing_values
from lstmcast.panel.grid import PanelOptions
from lstmcast.panel.on_disk.encoders import CategoryEncoder, SeriesEncoder, StampReader
from lstmcast.panel.on_disk.rows import CsvRows, Faults, Rows, parquet_rows
from lstmcast.panel.on_disk.spool import Spool
from lstmcast.panel.on_disk.table import RowRange, StreamedTable, is_parquet
from lstmcast.panel.on_disk.text import HashedFile, dialect_of, text_pieces
from lstmcast.panel.panel import Panel
from lstmcast.panel.table_rows import TableRows
from lstmcast.tables.csv_rows import ragged_error
from lstmcast.tables.parquet import open_parquet_file, shown_names
from lstmcast.tables.read import require_columns

Watch = Callable[[int], None]
"""Receives the number of bytes of the files read so far."""


def stream_panel(
    config: DataConfig,
    files: list[Path],
    folder: Path,
    horizon: int,
    until: str | None,
    watch: Watch,
) -> tuple[Panel, StreamedTable, int]:
    """Read files once and write the arrays of their panel into a folder.

    Args:
        config: Columns by role and the treatment of faults.
        files: CSV files, or Parquet files, of one table, in order.
        folder: An empty folder.
        horizon: H, steps after the table for which columns made of stamps are computed.
        until: Last stamp (or row number) used of the columns other than future covariates.
        watch: Receives progress.

    Returns:
        The panel after imputation; the table, for messages; the number of imputed values.

    Raises:
        DataError: The table has a fault.
        OSError: The disk is full.
    """
    inputs = [*config.target, *config.past, *config.future]
    spool = Spool(folder, len(inputs) + len(config.static), len(config.static))
    reader = _Reader(config, files, spool)
    try:
        reader.run(watch)
        table = reader.table()
        names, ranks = reader.series.finish()
        style = None if reader.stamps is None else reader.stamps.finish()
        reader.faults.refuse(table.name, [*inputs, *config.static], config.target)
        found = {name: numbers.finish() for name, numbers in reader.words.items()}
        words = {name: texts for name, (texts, _) in found.items()}
        rows = TableRows(table, spool, names, style, words, ranks)
        panel = lay_panel(rows, PanelOptions(config, horizon, until), folder)
    finally:
        spool.remove()
    for name, (_, codes) in found.items():
        column = panel.static[:, config.static.index(name)]
        column[:] = codes[column.astype(np.int64)]
    missing = find_missing(panel)
    if missing.values and config.gaps in ("error", "interpolate"):
        advice = ERROR_ADVICE if config.gaps == "error" else NO_LINES
        raise missing_values(panel, missing, table, advice)
    fill_in_place(panel, config.gaps)
    return panel, table, missing.values


NO_LINES = (
    "A table on disk does not support data.gaps: interpolate: set data.gaps to forward, zero or "
    "mask, or data.storage to memory"
)


class _Reader:
    """Reads all rows of files into a spool."""

    def __init__(self, config: DataConfig, files: list[Path], spool: Spool) -> None:
        self.config, self.files, self.spool = config, files, spool
        self.name = config.path
        self.parquet = is_parquet(files[0])
        time = [config.time] if config.time else []
        self.coded = [c for c in config.static if c in config.categorical]
        self.text = [*time, *config.series, *self.coded]
        self.numbers = [
            c
            for c in (*config.target, *config.past, *config.future, *config.static)
            if c not in self.coded
        ]
        self.faults = Faults()
        self.series = SeriesEncoder(list(config.series), self.name)
        self.words = {c: CategoryEncoder() for c in self.coded}
        self.stamps = (
            StampReader(config.time, self.name, config.time_format) if config.time else None
        )
        self.stretches: list[RowRange] = []
        self.hashes: list[str] = []

    def run(self, watch: Watch) -> None:
        """Read all files."""
        done = 0
        for number in range(len(self.files)):
            before = self.spool.rows
            for rows in self._parquet(number) if self.parquet else self._csv(number, watch, done):
                self._take(rows, number, before)
            done += self.files[number].stat().st_size
            watch(done)
            if self.spool.rows == before and len(self.files) == 1:
                raise DataError(f"{self.name}: there is a header but no row")
        if not self.spool.rows:
            raise DataError(f"{self.name}: no file has a row")
        self.spool.close()

    def _csv(self, number: int, watch: Watch, done: int) -> Iterator[Rows]:
        path = self.files[number]
        dialect = dialect_of(path)
        require_columns(list(dialect.header), [*self.text, *self.numbers], str(path))
        repeated = [*self.config.series, *self.coded]
        reader = CsvRows(self.name, self.text, repeated, self.numbers, self.faults)
        with path.open("rb") as file:
            hashed = HashedFile(file)
            for piece in text_pieces(path, dialect, hashed):
                yield reader.read(piece, dialect, self._suffix(path))
                watch(done + file.tell())
            while hashed.read(1 << 20):  # bytes after the end of a gzip file
                pass
        self.hashes.append(hashed.hash.hexdigest())
        if self.faults.ragged:
            raise ragged_error(self.faults.ragged, dialect, str(path))

    def _parquet(self, number: int) -> Iterator[Rows]:
        path = self.files[number]
        names = shown_names(open_parquet_file(path), str(path))
        require_columns(list(names), [*self.text, *self.numbers], str(path))
        with path.open("rb") as file:
            self.hashes.append(hashlib.file_digest(file, "sha256").hexdigest())
        yield from parquet_rows(path, self.text, self.numbers, self._suffix(path), self.faults)

    def _suffix(self, path: Path) -> str:
        return "" if len(self.files) == 1 else f" of {path}"

    def _take(self, rows: Rows, number: int, before: int) -> None:
        """Write rows to the spool."""
        line = self.spool.rows - before if self.parquet else rows.line
        self.stretches.append(RowRange(number, self.spool.rows, line, rows.begin))
        config, count = self.config, rows.count
        codes = self.series.read(rows.texts, count, rows.where)
        ticks = (
            np.zeros(count, dtype=np.int64)
            if self.stamps is None or config.time is None
            else self.stamps.read(rows.texts[config.time], rows.where)
        )
        static = [
            self.words[c].read(rows.texts[c]) if c in self.words else rows.numbers[c]
            for c in config.static
        ]
        inputs = [rows.numbers[c] for c in (*config.target, *config.past, *config.future)]
        self.spool.write(codes, ticks, [*inputs, *static])

    def table(self) -> StreamedTable:
        """The table, which knows its line numbers."""
        together = "\n".join(
            f"{digest} {path.name}" for digest, path in zip(self.hashes, self.files, strict=True)
        )
        digest = self.hashes[0]
        if len(self.files) > 1:
            digest = hashlib.sha256(together.encode()).hexdigest()
        return StreamedTable(
            self.name,
            pd.DataFrame(index=pd.RangeIndex(self.spool.rows)),
            digest,
            files=tuple(map(str, self.files)),
            parquet=self.parquet,
            stretches=tuple(self.stretches),
        )

"""Spool: temporary files of the streamed rows, with series, stamp and numbers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import IO

import numpy as np

from lstmcast import limits
from lstmcast.panel.mapped import map_file
from lstmcast.panel.table_rows import RowBlock


class Spool:
    """Files of rows in a folder.

    Args:
        folder: Folder for the files.
        width: W, numbers in a row.
        statics: K, static covariates, the last numbers of a row.
    """

    def __init__(self, folder: Path, width: int, statics: int = 0) -> None:
        self.paths = [folder / f"spool.{name}" for name in ("codes", "ticks", "values")]
        self.width, self.inputs, self.rows = width, width - statics, 0
        self.files: list[IO[bytes]] = [path.open("wb") for path in self.paths]

    def write(self, codes: np.ndarray, ticks: np.ndarray, values: list[np.ndarray]) -> None:
        """Append rows: series (B,), stamps (B,), columns of numbers (B,)."""
        matrix = np.empty((len(codes), self.width))
        for k, column in enumerate(values):
            matrix[:, k] = column
        parts: tuple[np.ndarray, ...] = (codes.astype(np.int32), ticks.astype(np.int64), matrix)
        for file, part in zip(self.files, parts, strict=True):
            file.write(part.data)
        self.rows += len(codes)

    def close(self) -> None:
        """Close the files for writing."""
        for file in self.files:
            file.close()

    def blocks(self, backwards: bool = False) -> Iterator[RowBlock]:
        """All rows in blocks, each mapped when it is needed; `backwards`: the last block first."""
        codes_path, ticks_path, values_path = self.paths
        at_once = limits.SPOOLED_ROWS_AT_ONCE
        begins = range(0, self.rows, at_once)
        for begin in reversed(begins) if backwards else begins:
            count = min(at_once, self.rows - begin)
            shape, offset = (count, self.width), 8 * self.width * begin
            values = map_file(values_path, np.float64, shape, offset, "r")
            yield RowBlock(
                begin,
                map_file(codes_path, np.int32, (count,), 4 * begin, "r+"),
                map_file(ticks_path, np.int64, (count,), 8 * begin, "r+"),
                values[:, : self.inputs],
                values[:, self.inputs :],
            )

    def head(self, rows: int) -> tuple[np.ndarray, np.ndarray]:
        """Series and stamps of the first rows."""
        count = min(rows, self.rows)
        codes = map_file(self.paths[0], np.int32, (count,), 0, "r")
        return codes, map_file(self.paths[1], np.int64, (count,), 0, "r")

    def remove(self) -> None:
        """Delete the files."""
        self.close()
        for path in self.paths:
            path.unlink(missing_ok=True)

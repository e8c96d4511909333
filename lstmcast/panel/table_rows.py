"""Rows of a table as (series code, tick, values): what each reader delivers, in memory or on disk.

Everything after that, from the frequency to the filled gaps, is the same code for both.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from lstmcast.stamps.timestamps import StampStyle
from lstmcast.tables.read import Table


@dataclass(frozen=True)
class RowBlock:
    """Some rows of a table that follow each other.

    `grid.place_rows` writes to `codes` and `ticks`: codes become those of the series in the order
    of their names, -1 where a row is not used, and ticks become places on the grid.

    Attributes:
        begin: The first row, counted from 0.
        codes: (B,) integer number of each row's series.
        ticks: (B,) int64 time stamp in microseconds; without meaning where rows are counted.
        values: (B, F) float64 targets, past and future columns, NaN where missing.
        static: (B, K) float64 static columns.
    """

    begin: int
    codes: np.ndarray
    ticks: np.ndarray
    values: np.ndarray
    static: np.ndarray


class RowStore(Protocol):
    """Where the rows of a table are held between reading and writing the panel."""

    @property
    def rows(self) -> int:
        """R, number of rows."""

    def blocks(self, backwards: bool = False) -> Iterator[RowBlock]:
        """All rows, in blocks, from the first block on or from the last."""

    def head(self, rows: int) -> tuple[np.ndarray, np.ndarray]:
        """Codes and ticks of the first rows."""


@dataclass(frozen=True)
class HeldRows:
    """Rows in memory: one block.

    Attributes:
        block: All rows; a panel without gaps keeps its values as its own.
    """

    block: RowBlock

    @property
    def rows(self) -> int:
        """R, number of rows."""
        return len(self.block.codes)

    def blocks(self, backwards: bool = False) -> Iterator[RowBlock]:
        """The one block."""
        yield self.block

    def head(self, rows: int) -> tuple[np.ndarray, np.ndarray]:
        """Codes and ticks of the first rows."""
        return self.block.codes[:rows], self.block.ticks[:rows]


@dataclass(frozen=True)
class TableRows:
    """A table that has been read.

    Attributes:
        table: For messages: its name and its lines.
        store: The rows.
        names: (S,) one tuple of texts per series, sorted.
        style: How the table writes its stamps; None where rows are counted.
        words: The texts that the codes of each column of categories stand for.
        ranks: (S,) by code in the store, the series' place in `names`; None: they are the same.
    """

    table: Table
    store: RowStore
    names: list[tuple[str, ...]]
    style: StampStyle | None
    words: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    ranks: np.ndarray | None = None

    def ranked(self, codes: np.ndarray) -> np.ndarray:
        """Codes of the store as places in `names`."""
        return codes if self.ranks is None else self.ranks[codes]
